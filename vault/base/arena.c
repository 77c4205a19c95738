#include "vault/base/arena.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vault/base/secret.h"

#define CHUNK_BYTES ((size_t)16384)
#define ALIGN       ((size_t)16)
#define PAGE        ((size_t)4096)
#define SPARE_PART  8 /* of the pool's bytes one such part at most is kept mapped beside it */
#define SPARE_MAX   16

/* Under AddressSanitizer what came back must not be touched, as if it were from the heap. */
#if defined(__has_include)
#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(p, len)   ((void)(p), (void)(len))
#define ASAN_UNPOISON_MEMORY_REGION(p, len) ((void)(p), (void)(len))
#endif

/* The head of every chunk and of every mapping of its own; what follows it is given out. */
struct arena_chunk {
    struct arena_chunk *next;
    size_t size; /* bytes, this head included */
    size_t used; /* bytes, this head included */
    size_t reserved;
};
_Static_assert(sizeof(struct arena_chunk) % 16 == 0, "what follows the head stays aligned");

/* Free memory is zero behind its heads: it was mapped so, and is wiped when it comes back. */
struct arena_pool {
    pthread_mutex_t mu;        /* guards the rest */
    uint8_t *base;             /* constant */
    size_t bytes;              /* constant: length of the mapping */
    size_t fresh;              /* bytes at base that were never given out begin here */
    size_t left;               /* bytes that may still be given out, chunks and own mappings */
    struct arena_chunk *freed; /* chunks that came back */
    struct arena_chunk *spare; /* mappings of their own that came back, the last first */
    size_t spare_count, spare_bytes;
};

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* Maps zeroed memory that is in no core dump and no child, locked where the limit allows. */
static void *map(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return NULL;
    if (madvise(p, bytes, MADV_DONTDUMP) != 0 || madvise(p, bytes, MADV_WIPEONFORK) != 0) {
        munmap(p, bytes);
        return NULL;
    }
    /* On fault: a large pool that is hardly used must not take its whole size at start. */
    (void)mlock2(p, bytes, MLOCK_ONFAULT);
    return p;
}

/* The memory may be mapped for something else next, which has no marks of ours. */
static void unmap(struct arena_chunk *c)
{
    size_t size = c->size;

    ASAN_UNPOISON_MEMORY_REGION(c, size);
    munmap(c, size);
}

enum hufu_err arena_pool_new(size_t bytes, struct arena_pool **out)
{
    struct arena_pool *pool;

    if (bytes < CHUNK_BYTES || bytes > SIZE_MAX / 2)
        return HUFU_NOMEM;
    pool = calloc(1, sizeof(*pool));
    if (!pool)
        return HUFU_NOMEM;
    pool->bytes = bytes / CHUNK_BYTES * CHUNK_BYTES;
    pool->left = pool->bytes;
    pool->base = map(pool->bytes);
    if (!pool->base || pthread_mutex_init(&pool->mu, NULL) != 0) {
        if (pool->base)
            munmap(pool->base, pool->bytes);
        free(pool);
        return HUFU_NOMEM;
    }
    *out = pool;
    return HUFU_OK;
}

void arena_pool_free(struct arena_pool *pool)
{
    if (!pool)
        return;
    assert(pool->left == pool->bytes);
    while (pool->spare) {
        struct arena_chunk *c = pool->spare;

        pool->spare = c->next;
        unmap(c);
    }
    ASAN_UNPOISON_MEMORY_REGION(pool->base, pool->bytes);
    munmap(pool->base, pool->bytes);
    pthread_mutex_destroy(&pool->mu);
    free(pool);
}

void arena_init(struct arena *a, struct arena_pool *pool)
{
    *a = (struct arena){ .pool = pool };
}

/* Takes bytes off what the pool may give out, or refuses. */
static bool budget_take(struct arena_pool *pool, size_t bytes)
{
    bool ok;

    pthread_mutex_lock(&pool->mu);
    ok = bytes <= pool->left;
    if (ok)
        pool->left -= bytes;
    pthread_mutex_unlock(&pool->mu);
    return ok;
}

static void budget_return(struct arena_pool *pool, size_t bytes)
{
    pthread_mutex_lock(&pool->mu);
    pool->left += bytes;
    pthread_mutex_unlock(&pool->mu);
}

/* The budget never exceeds the mapping, so where it allows a chunk there is one. */
static struct arena_chunk *chunk_take(struct arena_pool *pool)
{
    struct arena_chunk *c = NULL;

    pthread_mutex_lock(&pool->mu);
    if (pool->left >= CHUNK_BYTES) {
        pool->left -= CHUNK_BYTES;
        c = pool->freed;
        if (c) {
            pool->freed = c->next;
        } else {
            c = (struct arena_chunk *)(void *)(pool->base + pool->fresh);
            pool->fresh += CHUNK_BYTES;
        }
    }
    pthread_mutex_unlock(&pool->mu);
    if (c) {
        ASAN_UNPOISON_MEMORY_REGION(c, CHUNK_BYTES);
        *c = (struct arena_chunk){ .size = CHUNK_BYTES, .used = sizeof(*c) };
    }
    return c;
}

/* A kept mapping of at least size bytes, but not of more than twice as many, taken off the budget;
 * NULL where there is none. */
static struct arena_chunk *spare_take(struct arena_pool *pool, size_t size)
{
    struct arena_chunk **at, *c;

    pthread_mutex_lock(&pool->mu);
    for (at = &pool->spare, c = *at; c; at = &c->next, c = *at)
        if (c->size >= size && c->size / 2 <= size && c->size <= pool->left)
            break;
    if (c) {
        *at = c->next;
        pool->spare_count--;
        pool->spare_bytes -= c->size;
        pool->left -= c->size;
    }
    pthread_mutex_unlock(&pool->mu);
    return c;
}

/* Keeps a wiped mapping for the next one who needs as much; false where enough are kept. */
static bool spare_put(struct arena_pool *pool, struct arena_chunk *c)
{
    bool kept;

    pthread_mutex_lock(&pool->mu);
    kept = pool->spare_count < SPARE_MAX && c->size <= pool->bytes / SPARE_PART - pool->spare_bytes;
    if (kept) {
        c->next = pool->spare;
        pool->spare = c;
        pool->spare_count++;
        pool->spare_bytes += c->size;
        pool->left += c->size;
    }
    pthread_mutex_unlock(&pool->mu);
    return kept;
}

/* A fresh mapping of size bytes, taken off the budget. */
static struct arena_chunk *large_map(struct arena_pool *pool, size_t size)
{
    struct arena_chunk *c;

    if (!budget_take(pool, size))
        return NULL;
    c = map(size);
    if (!c) {
        budget_return(pool, size);
        return NULL;
    }
    c->size = size;
    return c;
}

/* A mapping of its own stands behind the head, so that the head's rest is still used. */
static void *take_large(struct arena *a, size_t len)
{
    size_t size = round_up(sizeof(struct arena_chunk) + len, PAGE);
    struct arena_chunk *c = spare_take(a->pool, size);

    if (!c)
        c = large_map(a->pool, size);
    if (!c)
        return NULL;
    ASAN_UNPOISON_MEMORY_REGION(c + 1, c->size - sizeof(*c));
    *c = (struct arena_chunk){ .size = c->size, .used = size };
    if (a->head) {
        c->next = a->head->next;
        a->head->next = c;
    } else {
        a->head = c;
    }
    a->used += len;
    return c + 1;
}

void *arena_take(struct arena *a, size_t len)
{
    struct arena_chunk *c = a->head;
    void *out;

    if (len > a->pool->bytes)
        return NULL;
    len = round_up(len ? len : 1, ALIGN);
    if (len > CHUNK_BYTES - sizeof(*c))
        return take_large(a, len);
    if (!c || len > c->size - c->used) {
        c = chunk_take(a->pool);
        if (!c)
            return NULL;
        c->next = a->head;
        a->head = c;
    }
    out = (uint8_t *)c + c->used;
    c->used += len;
    a->used += len;
    return out;
}

void *arena_copy(struct arena *a, const void *in, size_t in_len)
{
    uint8_t *out = in_len < SIZE_MAX ? arena_take(a, in_len + 1) : NULL;

    if (out && in_len > 0)
        memcpy(out, in, in_len);
    return out;
}

static void chunk_return(struct arena_pool *pool, struct arena_chunk *c)
{
    size_t size = c->size;

    wipe(c + 1, c->used - sizeof(*c));
    ASAN_POISON_MEMORY_REGION(c + 1, size - sizeof(*c));
    if (size != CHUNK_BYTES) {
        if (!spare_put(pool, c)) {
            unmap(c);
            budget_return(pool, size);
        }
        return;
    }
    pthread_mutex_lock(&pool->mu);
    c->next = pool->freed;
    pool->freed = c;
    pool->left += size;
    pthread_mutex_unlock(&pool->mu);
}

void arena_done(struct arena *a)
{
    struct arena_chunk *c = a->head;

    while (c) {
        struct arena_chunk *next = c->next;

        chunk_return(a->pool, c);
        c = next;
    }
    a->head = NULL;
    a->used = 0;
}
