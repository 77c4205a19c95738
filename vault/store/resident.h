/*
 * resident.h - the tables from STORE_RESIDENT on, held in memory as a whole, in key order.
 *
 * Layer:   vault/store/. Includes store.h.
 * Threads: one thread changes rows (under the store's journal lock) and may peek without a lock;
 *          any thread gets and collects.
 */
#ifndef HUFU_STORE_RESIDENT_H
#define HUFU_STORE_RESIDENT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/err.h"
#include "vault/store/store.h"

struct resident_row { /* never changes once it is put */
    atomic_uint refs;
    uint64_t seq;
    uint32_t image_len;
    uint16_t key_len;
    bool removed;    /* a row to put: takes the key away */
    uint8_t bytes[]; /* key, image */
};

struct resident {
    pthread_rwlock_t lock;
    struct resident_row **row; /* by key */
    size_t count, cap;
};

#define RESIDENT_SUM_LEN 32

static inline bool resident_has(struct view key)
{
    return key.len > 0 && key.p[0] >= STORE_RESIDENT;
}

HUFU_MUST_USE enum hufu_err resident_init(struct resident *r);
void resident_done(struct resident *r);

/* A row with one reference, or NULL without memory. */
struct resident_row *resident_row_new(struct view key, uint64_t seq, struct view image,
                                      bool removed);
void resident_row_drop(struct resident_row *row); /* NULL is fine */
struct view resident_key(const struct resident_row *row);
struct view resident_image(const struct resident_row *row);

/* Makes room for more rows, so that resident_put cannot fail. HUFU_NOMEM. */
HUFU_MUST_USE enum hufu_err resident_reserve(struct resident *r, size_t more);
/* Puts rows in order, all at one moment, and takes over their references; a row older than the one
 * there is dropped. */
void resident_put(struct resident *r, struct resident_row *const *rows, size_t count);

/* The key's row with a reference for the caller, or NULL. */
struct resident_row *resident_get(struct resident *r, struct view key);
/* The same, borrowed, for the thread that changes rows. */
const struct resident_row *resident_peek(const struct resident *r, struct view key);
/*
 * References to at most max rows with key >= from that begin with prefix, of one moment. *rows_out
 * is the caller's (free). HUFU_NOMEM.
 */
HUFU_MUST_USE enum hufu_err resident_collect(struct resident *r, struct view prefix,
                                             struct view from, size_t max,
                                             struct resident_row ***rows_out, size_t *count_out);

/* Sums modulo 2^256, little-endian: adds a digest, or takes it away again. */
void resident_sum_add(uint8_t sum[static RESIDENT_SUM_LEN],
                      const uint8_t digest[static RESIDENT_SUM_LEN]);
void resident_sum_take(uint8_t sum[static RESIDENT_SUM_LEN],
                       const uint8_t digest[static RESIDENT_SUM_LEN]);

#endif
