/*
 * journal.h - the journal environment: the log's lines, the operations' writes until they are
 * applied, the tree's inner hashes, and a few values of its own.
 *
 * Layer:   vault/store/. Includes vault/base/ only.
 * Threads: journal_append and the fields of struct journal are the journal step's; what takes a
 *          transaction works in the caller's.
 *
 * Databases: entry: seq be64 -> line, kept. write: seq be64 -> operation.h's bytes, one per
 * operation until trimmed. node: level u8, n be64 -> hash of the complete subtree over leaves
 * [n*256^level, (n+1)*256^level), level >= 1. meta: "format"; u8 0 and a name of ours, or u8 1 and
 * a draft's key -> value.
 */
#ifndef HUFU_STORE_JOURNAL_H
#define HUFU_STORE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/merkle.h"
#include "vault/store/env.h"

#define JOURNAL_FORMAT     2
#define JOURNAL_DIGEST_LEN 32
#define JOURNAL_NODE_LEN   9   /* bytes of a node's key */
#define JOURNAL_META_MAX   512 /* bytes of a meta key, LMDB takes 511 */
#define JOURNAL_TRIM_IDLE  4096
enum { JOURNAL_META_OURS, JOURNAL_META_DRAFT };

struct journal {
    MDB_env *env;
    MDB_dbi entry, write, node, meta;
    struct merkle log; /* committed; log.size is the next operation's seq */
    uint64_t last_ms;  /* time of the last group */
    uint64_t trimmed;  /* writes below it are gone */
    bool has_digest;
    uint8_t digest[JOURNAL_DIGEST_LEN];
};

struct journal_item { /* one operation; numbered from log.size on */
    struct view line, writes;
};
struct journal_meta {
    struct view key, value;
};
struct journal_group {
    const struct journal_item *item;
    size_t item_count;
    const struct journal_meta *meta;
    size_t meta_count;
    uint64_t now_ms;
    uint64_t applied;      /* writes below it may be trimmed, two per operation appended … */
    bool idle;             /* … and JOURNAL_TRIM_IDLE more */
    const uint8_t *digest; /* JOURNAL_DIGEST_LEN bytes, or NULL: none is kept */
};

/*
 * Opens and checks: the format, that lines and writes are without gaps, and that the stored
 * frontier is what the lines and inner hashes give. HUFU_IO, HUFU_CORRUPT, HUFU_NOMEM.
 */
HUFU_MUST_USE enum hufu_err journal_open(const char *dir, uint64_t bytes, struct journal *j);
void journal_close(struct journal *j);

/*
 * One durable commit. On failure the struct and the files stand as before.
 * Returns: HUFU_OK; HUFU_FULL, HUFU_NOMEM (may be tried again); HUFU_IO, HUFU_CORRUPT (may not).
 */
HUFU_MUST_USE enum hufu_err journal_append(struct journal *j, const struct journal_group *group);

/*
 * Calls each() with the writes of the operations from `from` on; an error of each() ends it.
 * HUFU_CORRUPT where one is missing, HUFU_IO, each()'s.
 */
HUFU_MUST_USE enum hufu_err
journal_read(const struct journal *j, uint64_t from,
             enum hufu_err (*each)(void *arg, uint64_t seq, struct view writes), void *arg);

/* As store_entries, store_hashes and store_meta, in a read transaction. */
HUFU_MUST_USE enum hufu_err journal_lines(const struct journal *j, MDB_txn *txn, uint64_t index,
                                          size_t count,
                                          bool (*each)(void *arg, uint64_t index, struct view line),
                                          void *arg);
HUFU_MUST_USE enum hufu_err journal_hashes(const struct journal *j, MDB_txn *txn, unsigned level,
                                           uint64_t n, size_t count, struct merkle_hash *out);
HUFU_MUST_USE enum hufu_err journal_meta_get(const struct journal *j, MDB_txn *txn, struct view key,
                                             struct buf *out);
/* The value, borrowed from the transaction. HUFU_OK, HUFU_NOT_FOUND, HUFU_IO. */
HUFU_MUST_USE enum hufu_err journal_meta_find(const struct journal *j, MDB_txn *txn, uint8_t kind,
                                              struct view key, struct view *out);
/* The key of a node. */
struct view journal_node_print(unsigned level, uint64_t n, uint8_t out[static JOURNAL_NODE_LEN]);
/* Checks j->log against the lines and inner hashes. HUFU_CORRUPT, HUFU_IO. */
HUFU_MUST_USE enum hufu_err journal_check(const struct journal *j, MDB_txn *txn);

#endif
