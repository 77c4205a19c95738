/*
 * archive.h - the LMDB environment of the journal: the log's lines and the tree's inner hashes,
 * kept for good, up to a group that the map thread brought here last.
 *
 * Layer:   vault/store/. Includes vault/base/ and the room's own headers.
 * Threads: archive_put is the map thread's; what takes a transaction works in the caller's.
 *
 * Databases: entry: seq be64 -> line. node: level u8, n be64 -> hash of the complete subtree over
 * leaves [n*256^level, (n+1)*256^level), level >= 1. meta: "format"; u8 0 and a name of ours, or
 * u8 1 and a draft's key -> value.
 */
#ifndef HUFU_STORE_ARCHIVE_H
#define HUFU_STORE_ARCHIVE_H

#include "vault/store/env.h"
#include "vault/store/tail.h"

#define ARCHIVE_FORMAT     3
#define ARCHIVE_LEVEL_BITS 8   /* a tile level: 2^8 hashes of the level below */
#define ARCHIVE_LEVELS     8   /* 64 bits of size */
#define ARCHIVE_NODE_LEN   9   /* bytes of a node's key */
#define ARCHIVE_META_MAX   512 /* bytes of a meta key, LMDB takes 511 */
enum { ARCHIVE_META_OURS, ARCHIVE_META_DRAFT };

struct archive {
    MDB_env *env;
    MDB_dbi entry, node, meta;
};

/*
 * Opens and checks: the format, that lines are without gaps, and that the stored frontier is what
 * lines and inner hashes give. *state_out: the log's state there, all zero in a new one.
 * HUFU_IO, HUFU_CORRUPT, HUFU_NOMEM.
 */
HUFU_MUST_USE enum hufu_err archive_open(const char *dir, uint64_t bytes, struct archive *a,
                                         struct tail_state *state_out);
void archive_close(struct archive *a);

/*
 * Brings over what the tail has up to `to` (tail_due), in one durable commit.
 * Returns: HUFU_OK; HUFU_FULL, HUFU_NOMEM (may be tried again); HUFU_IO, HUFU_CORRUPT (may not).
 */
HUFU_MUST_USE enum hufu_err archive_put(struct archive *a, struct tail *t,
                                        const struct tail_state *to);

/* How many lines the transaction sees. */
HUFU_MUST_USE enum hufu_err archive_count(const struct archive *a, MDB_txn *txn, uint64_t *out);
/* Calls each() with count lines from index on; all must be there. An error of each() ends it. */
HUFU_MUST_USE enum hufu_err
archive_lines(const struct archive *a, MDB_txn *txn, uint64_t index, uint64_t count,
              enum hufu_err (*each)(void *arg, uint64_t seq, struct view line), void *arg);
/* HUFU_NOT_FOUND, HUFU_CORRUPT, HUFU_IO. */
HUFU_MUST_USE enum hufu_err archive_node(const struct archive *a, MDB_txn *txn, unsigned level,
                                         uint64_t n, struct merkle_hash *out);
/* The value, borrowed from the transaction. HUFU_OK, HUFU_NOT_FOUND, HUFU_IO. */
HUFU_MUST_USE enum hufu_err archive_meta(const struct archive *a, MDB_txn *txn, uint8_t kind,
                                         struct view key, struct view *out);
/* Checks a frontier against lines and inner hashes. HUFU_CORRUPT, HUFU_IO. */
HUFU_MUST_USE enum hufu_err archive_check(const struct archive *a, MDB_txn *txn,
                                          const struct merkle *log);

#endif
