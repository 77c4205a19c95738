#include "vault/store/generation.h"

#include <endian.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 65536u
#define FETCH       8 /* rows ahead, whose buckets are fetched */
#define FIRST       1 /* in `older`: there is none; what is left of it leads to another key */

struct generation_chunk {
    struct generation_chunk *older;
    size_t cap, used;
    alignas(struct generation_row) uint8_t bytes[];
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

/* Memory for a row of len bytes behind its head, of the newest chunk or of one more. */
static struct generation_row *row_take(struct generation *g, size_t len)
{
    size_t each = alignof(struct generation_row);
    size_t need = (offsetof(struct generation_row, bytes) + len + each - 1) / each * each;
    struct generation_chunk *c = g->chunk;
    void *out;

    /* no less than the whole struct, whose end is padding */
    need = need < sizeof(struct generation_row) ? sizeof(struct generation_row) : need;
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
    g->row_bytes += need;
    atomic_fetch_add_explicit(&g->used, need, memory_order_relaxed);
    return out;
}

struct view generation_key(const struct generation_row *row)
{
    return view_of(row->bytes, row->key_len);
}

struct view generation_image(const struct generation_row *row)
{
    return view_of(row->bytes + row->key_len, row->image_len);
}

static uintptr_t row_link(const struct generation_row *row)
{
    return atomic_load_explicit(&row->older, memory_order_acquire);
}

struct generation_row *generation_older(const struct generation_row *row)
{
    uintptr_t link = row_link(row);

    return link & FIRST ? NULL : (struct generation_row *)link;
}

struct generation_row *generation_after(const struct generation_row *row)
{
    uintptr_t link = row_link(row);

    while (!(link & FIRST))
        link = row_link((const struct generation_row *)link);
    return (struct generation_row *)(link - FIRST);
}

void generation_lead(struct generation_row *row, struct generation_row *after)
{
    for (struct generation_row *older; (older = generation_older(row)); row = older)
        ;
    atomic_store_explicit(&row->older, (uintptr_t)after + FIRST, memory_order_release);
}

struct generation *generation_new(uint64_t begin)
{
    struct generation *g = calloc(1, sizeof(*g));

    if (!g)
        return NULL;
    atomic_init(&g->refs, 1);
    g->begin = g->end = begin;
    if (!generation_order_init(&g->order)) {
        free(g);
        return NULL;
    }
    if (!generation_table_init(&g->table)) {
        generation_drop(g);
        return NULL;
    }
    atomic_init(&g->used, generation_table_bytes(&g->table));
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
    generation_order_done(&g->order);
    generation_table_done(&g->table);
    free(g);
}

struct generation_row *generation_make(struct generation *g, struct view key, uint64_t seq,
                                       struct view image, bool removed)
{
    size_t image_len = removed ? 0 : image.len;
    struct generation_row *row = row_take(g, key.len + image_len);

    if (!row || !generation_table_reserve(&g->table))
        return NULL;
    *row = (struct generation_row){ .seq = seq,
                                    .older = FIRST,
                                    .image_len = (uint32_t)image_len,
                                    .key_len = (uint16_t)key.len,
                                    .removed = removed };
    memcpy(row->bytes, key.p, key.len);
    if (image_len > 0)
        memcpy(row->bytes + key.len, image.p, image_len);
    return row;
}

struct generation_mark generation_mark(const struct generation *g)
{
    return (struct generation_mark){ .chunk = g->chunk,
                                     .chunk_used = g->chunk ? g->chunk->used : 0,
                                     .row_bytes = g->row_bytes,
                                     .waiting = g->table.waiting };
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
    atomic_fetch_sub_explicit(&g->used, g->row_bytes - mark.row_bytes, memory_order_relaxed);
    g->row_bytes = mark.row_bytes;
    g->table.waiting = mark.waiting;
}

static void row_put(struct generation *g, struct generation_row *row, uint32_t hash)
{
    uint64_t before = generation_table_bytes(&g->table), grown;

    if (!generation_table_put(&g->table, row, hash))
        return;
    generation_order_add(&g->order, row);
    grown = generation_table_bytes(&g->table) - before;
    if (grown > 0)
        atomic_fetch_add_explicit(&g->used, grown, memory_order_relaxed);
}

void generation_link(struct generation *g, struct generation_row *row)
{
    row_put(g, row, generation_table_hash(generation_key(row)));
}

void generation_link_all(struct generation *g, struct generation_row *const *rows, size_t count)
{
    uint32_t hash[FETCH];

    for (size_t i = 0; i < count + FETCH; i++) {
        if (i >= FETCH)
            row_put(g, rows[i - FETCH], hash[i % FETCH]);
        if (i < count) {
            hash[i % FETCH] = generation_table_hash(generation_key(rows[i]));
            generation_table_prefetch(&g->table, hash[i % FETCH]);
        }
    }
}

const struct generation_row *generation_find(const struct generation *g, struct view key,
                                             uint64_t limit)
{
    const struct generation_row *row = generation_table_find(&g->table, key);

    while (row && row->seq >= limit)
        row = generation_older(row);
    return row;
}
