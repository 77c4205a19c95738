/*
 * generation.h - the row writes of a range of operations in memory, in key order, until the map has
 * them.
 *
 * Layer:   vault/store/. Includes vault/base/ only.
 * Threads: one thread links rows at a time; any thread that holds a reference reads beside it
 *          without a lock.
 * Source:  W. Pugh, "Skip Lists: A Probabilistic Alternative to Balanced Trees" (CACM 33(6), 1990).
 *
 * A skip list sorted by key, then by seq, newest first. A linked row never changes or moves, and
 * goes with its generation: a reader that looks below a limit of seq sees one moment, and a flush
 * needs no sort. Rows live in chunks, freed together. Most look-ups are for keys that are not here
 * (a token that is still free): a Bloom filter answers those without a walk.
 */
#ifndef HUFU_STORE_GENERATION_H
#define HUFU_STORE_GENERATION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"

struct generation_row {
    uint64_t seq;
    uint32_t image_len;
    uint16_t key_len;
    uint8_t height;
    bool removed : 1;
    bool made : 1; /* the first of its key, as the operation expected (census.h) */
    struct generation_row *_Atomic next[]; /* height of them; then the key, then the image */
};

struct generation_chunk;

struct generation {
    atomic_uint refs;
    uint64_t begin;       /* first operation */
    uint64_t end;         /* one past the last; guarded by recent's lock, as the next three are */
    uint64_t born_ms;     /* boot time of its first operation */
    uint64_t bytes, rows; /* published */
    uint64_t used;        /* bytes taken; the linking thread's own, as the rest is */
    uint64_t random;
    struct generation_chunk *chunk; /* newest first */
    struct generation_row *head;    /* no row: where every level begins */
    _Atomic uint64_t *filter;       /* two bits of a word are set for each linked key */
};

/* An empty generation from operation begin on, with one reference; NULL without memory. */
struct generation *generation_new(uint64_t begin);
struct generation *generation_keep(struct generation *g); /* NULL is fine, in both */
void generation_drop(struct generation *g);

/* A row that nobody sees yet, with copies of key and image. NULL without memory. */
struct generation_row *generation_make(struct generation *g, struct view key, uint64_t seq,
                                       struct view image, bool removed);
/* Where the memory stands, to give back all rows made since and not linked. */
struct generation_mark {
    struct generation_chunk *chunk;
    size_t chunk_used;
    uint64_t used;
};
struct generation_mark generation_mark(const struct generation *g);
void generation_rollback(struct generation *g, struct generation_mark mark);
/* Makes a row visible to readers whose limit is above its seq. Cannot fail. */
void generation_link(struct generation *g, struct generation_row *row);

struct view generation_key(const struct generation_row *row);
struct view generation_image(const struct generation_row *row); /* p is never NULL */

/* The key's newest row with seq < limit, or NULL. */
const struct generation_row *generation_find(const struct generation *g, struct view key,
                                             uint64_t limit);
/* The newest row with seq < limit of the first key >= key that has one, or NULL. */
const struct generation_row *generation_seek(const struct generation *g, struct view key,
                                             uint64_t limit);
/* The same for the first key behind the row's. */
const struct generation_row *generation_next(const struct generation_row *row, uint64_t limit);

/* <0, 0, >0 as keys sort in the map. */
int generation_compare(struct view a, struct view b);

#endif
