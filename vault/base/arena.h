/*
 * arena.h - memory for values and bodies: taken from a pool made at start, excluded from core
 * dumps, locked where the limit allows, wiped after every request.
 *
 * Layer:   vault/base/. Includes err.h only.
 * Threads: the pool has its own lock; one arena belongs to one thread at a time.
 */
#ifndef HUFU_BASE_ARENA_H
#define HUFU_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "vault/base/err.h"

struct arena_pool; /* opaque */
struct arena_chunk;

struct arena {
    struct arena_pool *pool;
    struct arena_chunk *head; /* the chunk that allocations come from */
    size_t used;              /* bytes given out, all chunks */
};

/*
 * Maps the pool: bytes in all, cut into chunks of 16 KiB. An allocation larger than a chunk gets a
 * mapping of its own with the same care, counted against bytes too. Up to an eighth of bytes more
 * is kept of such mappings, wiped, so that a large request does not map and fault in its memory
 * anew.
 * Returns: HUFU_OK, HUFU_NOMEM. *out is the caller's.
 */
HUFU_MUST_USE enum hufu_err arena_pool_new(size_t bytes, struct arena_pool **out);
void arena_pool_free(struct arena_pool *pool); /* no arena may be in use; NULL is fine */

void arena_init(struct arena *a, struct arena_pool *pool);
/* Zeroed memory, 16-byte aligned, valid until arena_done; NULL where the pool is used up. */
void *arena_take(struct arena *a, size_t len);
/* A copy of in, NUL-terminated behind its end; NULL as above. */
void *arena_copy(struct arena *a, const void *in, size_t in_len);
/* Wipes everything and gives it back to the pool; the arena may be used again. */
void arena_done(struct arena *a);

#endif
