/*
 * generation.h - the row writes of a range of operations in memory, until the map has them.
 *
 * Layer:   vault/store/. Includes vault/base/ only.
 * Threads: one thread makes and links rows at a time; any thread that holds a reference reads
 *          beside it: generation_find without a lock, a walk after a short one that the linking
 *          thread never takes.
 *
 * A linked row never changes what it says, never moves, and goes with its generation: a reader that
 * looks below a limit of seq sees one moment. Keys are found by a hash table that grows by one
 * bucket at a time (generation_table.h); their order is made when somebody asks for it, by who asks
 * (generation_order.h). Rows live in chunks, freed together.
 */
#ifndef HUFU_STORE_GENERATION_H
#define HUFU_STORE_GENERATION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/store/generation_order.h"
#include "vault/store/generation_table.h"

struct generation_row {
    uint64_t seq;
    /* The row of the same key before this one. Of the key's first row: another key's, and 1. */
    atomic_uintptr_t older;
    uint32_t image_len;
    uint16_t key_len;
    bool removed : 1;
    bool made : 1;   /* the first of its key, as the operation expected (census.h) */
    uint8_t bytes[]; /* the key, then the image */
};

struct generation_chunk;

struct generation {
    atomic_uint refs;
    uint64_t begin;            /* first operation */
    uint64_t end;              /* one past the last; guarded by recent's lock, as the next three */
    uint64_t born_ms;          /* boot time of its first operation */
    uint64_t bytes, rows;      /* published */
    atomic_uint_fast64_t used; /* bytes taken: rows, table and order */
    uint64_t row_bytes;        /* those of the rows; the linking thread's own, as the next two */
    struct generation_chunk *chunk; /* newest first */
    struct generation_table table;
    struct generation_order order;
};

/* An empty generation from operation begin on, with one reference; NULL without memory. */
struct generation *generation_new(uint64_t begin);
struct generation *generation_keep(struct generation *g); /* NULL is fine, in both */
void generation_drop(struct generation *g);

/* A row that nobody sees yet, with copies of key and image. NULL without memory: also for what
 * linking it may need. */
struct generation_row *generation_make(struct generation *g, struct view key, uint64_t seq,
                                       struct view image, bool removed);
/* Where the memory stands, to give back all rows made since and not linked. */
struct generation_mark {
    struct generation_chunk *chunk;
    size_t chunk_used;
    uint64_t row_bytes;
    size_t waiting;
};
struct generation_mark generation_mark(const struct generation *g);
void generation_rollback(struct generation *g, struct generation_mark mark);
/* Makes rows visible to readers whose limit is above their seq, in this order: the later of two
 * with one key and seq counts. Not once a flush has begun. Cannot fail. */
void generation_link_all(struct generation *g, struct generation_row *const *rows, size_t count);
void generation_link(struct generation *g, struct generation_row *row);

struct view generation_key(const struct generation_row *row);
struct view generation_image(const struct generation_row *row); /* p is never NULL */

/* The key's newest row with seq < limit, or NULL. */
const struct generation_row *generation_find(const struct generation *g, struct view key,
                                             uint64_t limit);

/*
 * The flush's walk, of a generation that nothing is linked to any more: the newest row with seq <
 * limit of the first key >= key that has one, or NULL; and the same for the first key behind the
 * row's. The first call puts all keys in order. Cannot fail: without memory it takes longer.
 */
const struct generation_row *generation_seek(struct generation *g, struct view key, uint64_t limit);
const struct generation_row *generation_next(const struct generation_row *row, uint64_t limit);

/*
 * A scan's walk, beside the linking thread: the newest row with seq < limit of each key >= start
 * that begins with prefix, in key order. Begin puts those keys in order that came since the last
 * walk. prefix is borrowed until the end. HUFU_NOMEM: *w is as one that has ended.
 */
HUFU_MUST_USE enum hufu_err generation_walk_begin(struct generation *g, struct view prefix,
                                                  struct view start, uint64_t limit,
                                                  struct generation_walk *w);
const struct generation_row *generation_walk_next(struct generation_walk *w); /* NULL: no more */
void generation_walk_end(struct generation_walk *w);

/* For the files of this module: the row of the same key before this one, or NULL; the row that the
 * key's first one leads to, or NULL; and leads it there, which only one thread at a time may. */
struct generation_row *generation_older(const struct generation_row *row);
struct generation_row *generation_after(const struct generation_row *row);
void generation_lead(struct generation_row *row, struct generation_row *after);

/* <0, 0, >0 as keys sort in the map. */
int generation_compare(struct view a, struct view b);

#endif
