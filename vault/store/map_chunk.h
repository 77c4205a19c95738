/*
 * map_chunk.h - one chunk of a rewrite in the map: rows visited and changed, and the cursor moved,
 * in one transaction.
 *
 * Layer:   vault/store/. Includes the room's own headers.
 * Threads: the map thread's.
 *
 * A pass goes from its prefix to the last key that the prefix had when it began, so that rows which
 * it adds itself cannot keep it going. Where it stands is a value of the database `state`:
 * "rewrite:" and the job's name -> lv16 prefix, lv16 the key to go on from (a visited key and a
 * zero byte: the first that sorts behind it), lv16 the last key.
 */
#ifndef HUFU_STORE_MAP_CHUNK_H
#define HUFU_STORE_MAP_CHUNK_H

#include "vault/store/map.h"
#include "vault/store/store_ops.h"

/*
 * Runs one chunk: each() for its rows, then one commit. Sets the job's ended, visited and changed
 * where that succeeded; the job is not answered yet.
 *
 * ops:      what each() calls through, with the three functions below.
 * lost_out: true where the map failed in a way that must not be tried again.
 * Returns:  HUFU_OK; what each() said; HUFU_FULL, HUFU_NOMEM, HUFU_IO, HUFU_CORRUPT (nothing was
 *           written).
 */
HUFU_MUST_USE enum hufu_err map_chunk_run(const struct map *m, const struct store_ops *ops,
                                          struct store_rewrite *job, bool *lost_out);

/* The functions of rewrite.h. */
enum hufu_err map_chunk_find(struct rewrite *rw, struct view key, uint64_t *seq_out,
                             struct view *image_out);
enum hufu_err map_chunk_put(struct rewrite *rw, struct view key, uint64_t seq, struct view image);
enum hufu_err map_chunk_remove(struct rewrite *rw, struct view key);

#endif
