#include "api/jsonmem.h"

#include <assert.h>
#include <jansson.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "vault/base/secret.h"

#define ALIGN       _Alignof(max_align_t)
#define BLOCK_FIRST ((size_t)32768) /* bytes of a thread's first block; each next has twice */
#define BLOCK_MAX   ((size_t)1 << 20)
#define SPARE_MAX   ((size_t)262144) /* a block up to here is kept for the next large body */

/* What follows the head is given out. */
struct jsonmem_block {
    _Alignas(max_align_t) struct jsonmem_block *next;
    size_t bytes; /* the head included */
    size_t used;  /* bytes behind the head, once the block is full */
};

/* The library's functions have no argument to tell one parse from another. */
static _Thread_local struct jsonmem *present;
static pthread_key_t spares; /* a wiped block of each thread, or NULL */
static bool keeps_spares;

/* The spare block, if it has so many bytes and is no more than that body may have. */
static struct jsonmem_block *spare_take(size_t bytes, size_t max)
{
    struct jsonmem_block *b = keeps_spares ? pthread_getspecific(spares) : NULL;

    if (b == NULL || b->bytes < bytes || b->bytes > max || pthread_setspecific(spares, NULL) != 0)
        return NULL;
    return b;
}

/* Keeps a wiped block for the thread, in place of a smaller one, or frees it. */
static void spare_put(struct jsonmem_block *b)
{
    struct jsonmem_block *other = keeps_spares ? pthread_getspecific(spares) : NULL;

    if (keeps_spares && b->bytes <= SPARE_MAX && (other == NULL || other->bytes < b->bytes) &&
        pthread_setspecific(spares, b) == 0)
        b = other;
    free(b);
}

/* How much was given out of the block that is present so far. */
static void note_used(struct jsonmem *m)
{
    if (m->more == NULL)
        m->first_end = m->at;
    else
        m->more->used = (size_t)(m->at - (uint8_t *)(m->more + 1));
}

/* A block with room for len bytes becomes the present one. */
static bool block_add(struct jsonmem *m, size_t len)
{
    size_t least = sizeof(struct jsonmem_block) + len;
    size_t bytes = m->next_bytes > least && m->next_bytes <= m->left ? m->next_bytes : least;
    struct jsonmem_block *b = spare_take(least, m->left);

    if (b == NULL) {
        b = bytes > m->left ? NULL : malloc(bytes);
        if (b == NULL)
            return false;
        b->bytes = bytes;
    }
    note_used(m);
    b->next = m->more;
    m->more = b;
    m->left -= b->bytes;
    m->at = (uint8_t *)(b + 1);
    m->end = (uint8_t *)b + b->bytes;
    if (m->next_bytes < BLOCK_MAX)
        m->next_bytes *= 2;
    return true;
}

static void *take(size_t len)
{
    struct jsonmem *m = present;
    void *out;

    if (m == NULL)
        return malloc(len);
    if (len > SIZE_MAX / 2)
        return NULL;
    len = (len + ALIGN - 1) / ALIGN * ALIGN;
    if (len > (size_t)(m->end - m->at) && !block_add(m, len))
        return NULL;
    out = m->at;
    m->at += len;
    return out;
}

static void give(void *p)
{
    if (present != NULL || p == NULL)
        return; /* it goes with the rest, in jsonmem_end */
    wipe(p, malloc_usable_size(p));
    free(p);
}

void jsonmem_setup(void)
{
    if (!keeps_spares)
        keeps_spares = pthread_key_create(&spares, free) == 0;
    json_set_alloc_funcs(take, give);
}

void jsonmem_begin(struct jsonmem *m, size_t max)
{
    assert(present == NULL);
    m->left = max;
    m->at = m->first;
    m->end = m->first + sizeof(m->first);
    m->more = NULL;
    m->next_bytes = BLOCK_FIRST;
    m->first_end = NULL;
    present = m;
}

void jsonmem_end(struct jsonmem *m)
{
    assert(present == m);
    present = NULL;
    note_used(m);
    wipe(m->first, (size_t)(m->first_end - m->first));
    while (m->more != NULL) {
        struct jsonmem_block *b = m->more;

        m->more = b->next;
        wipe(b + 1, b->used);
        spare_put(b);
    }
}
