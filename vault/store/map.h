/*
 * map.h - the map environment: every row under its key, and how far the journal is applied.
 *
 * Layer:   vault/store/. Includes vault/base/ only.
 * Threads: map_slice is the map thread's; map_get, map_put and map_remove work in the caller's
 *          transaction.
 *
 * One database `row`: key (table byte first) -> seq u64 little-endian, image. One database `state`:
 * "format", "applied" (u64: every operation below it is in the map), "partial" (u64), map_chunk.h's
 * cursors, census.h's numbers.
 */
#ifndef HUFU_STORE_MAP_H
#define HUFU_STORE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "vault/store/env.h"
#include "vault/store/generation.h"

#define MAP_FORMAT    2
#define MAP_BYTES_MAX (4u << 20) /* keeps a transaction's dirty pages few, whatever the images */

struct map {
    MDB_env *env;
    MDB_dbi row, state;
    uint64_t partial; /* a flush was begun that has not ended: rows of operations below it may be
                       * here or not; 0: none was */
};

/* HUFU_IO, HUFU_CORRUPT, HUFU_NOMEM. */
HUFU_MUST_USE enum hufu_err map_open(const char *dir, uint64_t bytes, struct map *m,
                                     uint64_t *applied_out);
void map_close(struct map *m);

/* HUFU_OK; HUFU_NOT_FOUND; HUFU_CORRUPT; HUFU_IO. The image is borrowed from the transaction. */
HUFU_MUST_USE enum hufu_err map_get(const struct map *m, MDB_txn *txn, struct view key,
                                    uint64_t *seq_out, struct view *image_out);
/* Splits what the row database holds. HUFU_CORRUPT. */
HUFU_MUST_USE enum hufu_err map_split(const MDB_val *value, uint64_t *seq_out,
                                      struct view *image_out);
/* Puts a row whatever its seq; the image must not be of this transaction. HUFU_FULL, HUFU_NOMEM,
 * HUFU_IO, HUFU_CORRUPT. */
HUFU_MUST_USE enum hufu_err map_put(const struct map *m, MDB_txn *txn, struct view key,
                                    uint64_t seq, struct view image);
/* HUFU_NOT_FOUND, and as map_put. */
HUFU_MUST_USE enum hufu_err map_remove(const struct map *m, MDB_txn *txn, struct view key);

/*
 * Writes at most max keys of a generation, from *at on, in one transaction; a write counts only
 * where its seq is above the row's. The slice that reaches the end carries applied = g->end.
 * *at becomes the row to go on with, NULL at the end; *rows_out what was written.
 * Returns: HUFU_OK; HUFU_FULL, HUFU_NOMEM (nothing was written, it may be tried again); HUFU_IO,
 * HUFU_CORRUPT (it may not).
 */
HUFU_MUST_USE enum hufu_err map_slice(struct map *m, const struct generation *g, size_t max,
                                      const struct generation_row **at, size_t *rows_out);

#endif
