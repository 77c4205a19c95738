/*
 * operation.h - the writes of one operation as bytes, and the bounds of what may be submitted.
 *
 * Layer:   vault/store/. Includes store.h.
 * Threads: pure functions; a struct operation_reader belongs to one thread at a time.
 *
 * Layout, little-endian: u8 form (1), u32 count, then per write u8 kind (0 removed, 1 image),
 * u16 key length and key, and for an image u32 length and image. Nothing follows the last write.
 * One value has one encoding.
 */
#ifndef HUFU_STORE_OPERATION_H
#define HUFU_STORE_OPERATION_H

#include "vault/store/store.h"

#define OPERATION_FORM       1
#define OPERATION_WRITES_MAX 4096        /* writes and counters of one operation */
#define OPERATION_OPS_MAX    4096        /* operations of one draft */
#define OPERATION_DRAFT_MAX  (64u << 20) /* bytes of a draft's keys and images */
#define OPERATION_META_MAX   256         /* bytes of a draft's meta key */

struct operation_write {
    struct view key;
    struct view image; /* empty where removed */
    bool removed;
    bool made; /* the first of its key, as the operation expected; of a table that counts them */
};

struct operation_reader {
    struct reader in;
    uint32_t left;
};

void operation_begin(struct buf *out, size_t count);
/* One of the count writes. The caller has checked the bounds (operation_check). */
void operation_put(struct buf *out, const struct operation_write *w);

/* HUFU_OK; HUFU_CORRUPT (not of this form). The views given out later borrow from in. */
HUFU_MUST_USE enum hufu_err operation_open(struct operation_reader *it, struct view in);
/* HUFU_OK; HUFU_NOT_FOUND (that was the last, and the bytes end there); HUFU_CORRUPT. */
HUFU_MUST_USE enum hufu_err operation_next(struct operation_reader *it,
                                           struct operation_write *out);

/* Judges a draft's shape before it is queued. HUFU_OK; HUFU_ARG (a bound or a table is wrong). */
HUFU_MUST_USE enum hufu_err operation_check(const struct store_draft *draft);

#endif
