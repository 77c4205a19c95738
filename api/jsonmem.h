/*
 * jsonmem.h - the memory of one parsed body: taken in steps, never given back one by one, wiped as
 * a whole.
 *
 * Layer:   api/. Includes vault/base/ only; jansson.
 * Threads: jsonmem_setup once, before threads. A jsonmem belongs to the thread that began it; each
 *          thread has one at a time.
 *
 * The parser's allocations for a request of usual size come from a block on the caller's stack, so
 * they cost neither the heap nor a wipe each. Between jsonmem_begin and jsonmem_end everything that
 * the library makes in this thread lies in it; nothing of that may be kept. Outside of them the
 * library has the heap, and what it frees is wiped.
 */
#ifndef HUFU_API_JSONMEM_H
#define HUFU_API_JSONMEM_H

#include <stddef.h>
#include <stdint.h>

#define JSONMEM_FIRST 4096 /* bytes of the first block */

struct jsonmem_block;

struct jsonmem {
    size_t left;                /* bytes that may still be asked of the heap */
    uint8_t *at, *end;          /* what is free in the present block */
    struct jsonmem_block *more; /* blocks on the heap, the present first */
    size_t next_bytes;          /* of the next block */
    uint8_t *first_end;         /* how much of `first` was given out, once there are more */
    _Alignas(max_align_t) uint8_t first[JSONMEM_FIRST];
};

/* The library allocates through here from now on. */
void jsonmem_setup(void);
/* Begins a parse; all of it takes at most about max bytes, else the library finds no memory. */
void jsonmem_begin(struct jsonmem *m, size_t max);
/* Ends it: wipes everything that was given out. */
void jsonmem_end(struct jsonmem *m);

#endif
