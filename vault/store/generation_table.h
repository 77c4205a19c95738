/*
 * generation_table.h - finds the rows of a generation by key: a hash table that one thread fills
 * while any thread looks up without a lock.
 *
 * Layer:   vault/store/. Includes vault/base/ only.
 * Threads: see above; generation_table_each only where nothing is put any more.
 * Source:  W. Litwin, "Linear Hashing: A New Tool for File and Table Addressing" (VLDB 1980).
 *
 * Buckets lie in pieces that never move, each twice as large as the one before it. When the load is
 * reached, one bucket is split into itself and a new last one. A reader that finds nothing looks
 * again where a row may have moved meanwhile. A bucket that overflows has further ones behind it.
 *
 * Pieces are mapped, not touched: only buckets in use take memory, and only those are counted.
 */
#ifndef HUFU_STORE_GENERATION_TABLE_H
#define HUFU_STORE_GENERATION_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"

#define GENERATION_PIECES 27 /* of 32 buckets and more: over 4 * 10^9 */

struct generation_row;
struct generation_bucket;

struct generation_pieces {
    struct generation_bucket *piece[GENERATION_PIECES];
    unsigned count;
};

struct generation_table {
    /* Low half: buckets in use, of main; high half: how often rows moved within one. */
    atomic_uint_least64_t state;
    struct generation_pieces main, spill;
    struct generation_bucket *unused; /* of spill; there are `unuseds` */
    size_t spilled, unuseds;          /* of spill: ever used; of these, waiting for another use */
    size_t keys;
    size_t waiting; /* rows that memory is kept for */
};

/* False without memory; generation_table_done is fine then, too. */
bool generation_table_init(struct generation_table *t);
void generation_table_done(struct generation_table *t);
/* Bytes in use. */
uint64_t generation_table_bytes(const struct generation_table *t);

/* Keeps memory for one put more. False without memory: nothing changed. */
bool generation_table_reserve(struct generation_table *t);
uint32_t generation_table_hash(struct view key);
/* Fetches what put will touch into the cache. */
void generation_table_prefetch(const struct generation_table *t, uint32_t hash);
/* Puts a row whose memory is kept. True: its key is a new one. */
bool generation_table_put(struct generation_table *t, struct generation_row *row, uint32_t hash);
/* The key's newest row, or NULL. */
struct generation_row *generation_table_find(const struct generation_table *t, struct view key);
/* The newest row of every key, in no order. */
void generation_table_each(const struct generation_table *t,
                           void (*each)(void *arg, struct generation_row *row), void *arg);

#endif
