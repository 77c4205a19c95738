#include "vault/store/generation.h"

#include <endian.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES  65536u
#define FILTER_WORDS 131072u /* 1 MiB: of other keys than a million linked ones, 2 in 100 pass */
#define HEIGHT_MAX   12      /* a quarter of the rows reach each next level: room for 4^12 */

struct generation_chunk {
    struct generation_chunk *older;
    size_t cap, used;
    alignas(max_align_t) uint8_t bytes[];
};

static uint64_t word_at(const uint8_t *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return be64toh(word);
}

/* A walk compares often and mostly differs in the first words: cheaper than a call. */
int generation_compare(struct view a, struct view b)
{
    size_t len = a.len < b.len ? a.len : b.len, i = 0;

    for (; len - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
        uint64_t x = word_at(a.p + i), y = word_at(b.p + i);

        if (x != y)
            return x < y ? -1 : 1;
    }
    for (; i < len; i++)
        if (a.p[i] != b.p[i])
            return a.p[i] < b.p[i] ? -1 : 1;
    return (a.len > b.len) - (a.len < b.len);
}

/* Memory for len bytes, of the newest chunk or of one more. */
static void *chunk_take(struct generation *g, size_t len)
{
    size_t need = (len + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    struct generation_chunk *c = g->chunk;
    void *out;

    if (!c || need > c->cap - c->used) {
        size_t cap = need > CHUNK_BYTES ? need : CHUNK_BYTES;

        c = malloc(sizeof(*c) + cap);
        if (!c)
            return NULL;
        *c = (struct generation_chunk){ .older = g->chunk, .cap = cap };
        g->chunk = c;
    }
    out = c->bytes + c->used;
    c->used += need;
    g->used += need;
    return out;
}

static uint8_t *row_bytes(const struct generation_row *row)
{
    return (uint8_t *)(uintptr_t)(row->next + row->height);
}

struct view generation_key(const struct generation_row *row)
{
    return view_of(row_bytes(row), row->key_len);
}

struct view generation_image(const struct generation_row *row)
{
    return view_of(row_bytes(row) + row->key_len, row->image_len);
}

static struct generation_row *row_take(struct generation *g, unsigned height, size_t len)
{
    struct generation_row *row;

    row = chunk_take(g, sizeof(*row) + height * sizeof(row->next[0]) + len);
    if (!row)
        return NULL;
    *row = (struct generation_row){ .height = (uint8_t)height };
    for (unsigned i = 0; i < height; i++)
        atomic_init(&row->next[i], NULL);
    return row;
}

struct generation *generation_new(uint64_t begin)
{
    struct generation *g = calloc(1, sizeof(*g));

    if (!g)
        return NULL;
    atomic_init(&g->refs, 1);
    g->begin = g->end = begin;
    g->random = 0x9e3779b97f4a7c15u ^ begin; /* shapes the list, guards nothing */
    g->head = row_take(g, HEIGHT_MAX, 0);
    g->filter = calloc(FILTER_WORDS, sizeof(*g->filter));
    if (!g->head || !g->filter) {
        generation_drop(g);
        return NULL;
    }
    return g;
}

struct generation *generation_keep(struct generation *g)
{
    if (g)
        atomic_fetch_add_explicit(&g->refs, 1, memory_order_relaxed);
    return g;
}

void generation_drop(struct generation *g)
{
    if (!g || atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) != 1)
        return;
    generation_rollback(g, (struct generation_mark){ 0 });
    free((void *)g->filter);
    free(g);
}

static unsigned height_draw(struct generation *g)
{
    unsigned height = 1;

    g->random ^= g->random << 13;
    g->random ^= g->random >> 7;
    g->random ^= g->random << 17;
    for (uint64_t bits = g->random >> 16; height < HEIGHT_MAX && (bits & 3) == 0; bits >>= 2)
        height++;
    return height;
}

struct generation_row *generation_make(struct generation *g, struct view key, uint64_t seq,
                                       struct view image, bool removed)
{
    size_t image_len = removed ? 0 : image.len;
    struct generation_row *row = row_take(g, height_draw(g), key.len + image_len);

    if (!row)
        return NULL;
    row->seq = seq;
    row->key_len = (uint16_t)key.len;
    row->image_len = (uint32_t)image_len;
    row->removed = removed;
    memcpy(row_bytes(row), key.p, key.len);
    if (image_len > 0)
        memcpy(row_bytes(row) + key.len, image.p, image_len);
    return row;
}

struct generation_mark generation_mark(const struct generation *g)
{
    return (struct generation_mark){ g->chunk, g->chunk ? g->chunk->used : 0, g->used };
}

void generation_rollback(struct generation *g, struct generation_mark mark)
{
    while (g->chunk != mark.chunk) {
        struct generation_chunk *older = g->chunk->older;

        free(g->chunk);
        g->chunk = older;
    }
    if (g->chunk)
        g->chunk->used = mark.chunk_used;
    g->used = mark.used;
}

/* True where the row comes before (key, seq): a smaller key, or the same key and a newer row. */
static bool row_is_before(const struct generation_row *row, struct view key, uint64_t seq)
{
    int rc = generation_compare(generation_key(row), key);

    return rc != 0 ? rc < 0 : row->seq > seq;
}

static struct generation_row *row_next(const struct generation_row *row, unsigned level)
{
    return atomic_load_explicit(&row->next[level], memory_order_acquire);
}

/* The last row before (key, seq) on each level; path may be NULL. Returns the one of level 0. */
static struct generation_row *descend(const struct generation *g, struct view key, uint64_t seq,
                                      struct generation_row **path)
{
    struct generation_row *at = g->head, *next;

    for (unsigned level = HEIGHT_MAX; level-- > 0;) {
        for (next = row_next(at, level); next && row_is_before(next, key, seq);
             next = row_next(at, level))
            at = next;
        if (path)
            path[level] = at;
    }
    return at;
}

/* Spreads keys, guards nothing: those that callers could choose are made by a MAC or drawn. */
static uint64_t key_hash(struct view key)
{
    uint64_t h = key.len, word = 0;

    for (; key.len >= sizeof(word); key.p += sizeof(word), key.len -= sizeof(word)) {
        h = (h ^ word_at(key.p)) * 0x9e3779b97f4a7c15u;
        h ^= h >> 32;
    }
    for (size_t i = 0; i < key.len; i++)
        word = word << 8 | key.p[i];
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static uint64_t filter_bits(uint64_t hash)
{
    return UINT64_C(1) << (hash & 63) | UINT64_C(1) << (hash >> 6 & 63);
}

static _Atomic uint64_t *filter_word(const struct generation *g, uint64_t hash)
{
    return &g->filter[(hash >> 12) % FILTER_WORDS];
}

/* False: no row of the key is linked. Who may see a row came to know of it by a lock or by the row
 * before it, and so sees its bits. */
static bool filter_has(const struct generation *g, struct view key)
{
    uint64_t hash = key_hash(key), bits = filter_bits(hash);

    return (atomic_load_explicit(filter_word(g, hash), memory_order_relaxed) & bits) == bits;
}

static void filter_add(struct generation *g, struct view key)
{
    uint64_t hash = key_hash(key);

    atomic_fetch_or_explicit(filter_word(g, hash), filter_bits(hash), memory_order_relaxed);
}

void generation_link(struct generation *g, struct generation_row *row)
{
    struct generation_row *path[HEIGHT_MAX];

    filter_add(g, generation_key(row));
    /* Before rows of the same key and seq: the later of two writes of one operation counts. */
    descend(g, generation_key(row), row->seq, path);
    for (unsigned i = 0; i < row->height; i++) {
        atomic_store_explicit(&row->next[i], row_next(path[i], i), memory_order_relaxed);
        atomic_store_explicit(&path[i]->next[i], row, memory_order_release);
    }
}

static const struct generation_row *below(const struct generation_row *row, uint64_t limit)
{
    while (row && row->seq >= limit)
        row = row_next(row, 0);
    return row;
}

const struct generation_row *generation_seek(const struct generation *g, struct view key,
                                             uint64_t limit)
{
    if (limit == 0)
        return NULL;
    return below(row_next(descend(g, key, limit - 1, NULL), 0), limit);
}

const struct generation_row *generation_find(const struct generation *g, struct view key,
                                             uint64_t limit)
{
    const struct generation_row *row;

    if (!filter_has(g, key))
        return NULL;
    row = generation_seek(g, key, limit);
    return row && view_equal(generation_key(row), key) ? row : NULL;
}

const struct generation_row *generation_next(const struct generation_row *row, uint64_t limit)
{
    const struct generation_row *next = row_next(row, 0);

    while (next && (next->seq >= limit || view_equal(generation_key(next), generation_key(row))))
        next = row_next(next, 0);
    return next;
}
