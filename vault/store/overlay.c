#include "vault/store/overlay.h"

#include <stdlib.h>
#include <string.h>

#define CAP_FIRST 256u
#define CAP_MAX   ((size_t)1 << 28)

void overlay_done(struct overlay *o)
{
    free(o->row);
    free(o->chain);
    free(o->bucket);
    *o = (struct overlay){ 0 };
}

/* Long chains cost time only, and a group is small. */
static uint32_t *bucket_of(const struct overlay *o, struct view key)
{
    return &o->bucket[generation_table_hash(key) & (o->cap - 1)];
}

static void row_chain(struct overlay *o, size_t i)
{
    uint32_t *bucket = bucket_of(o, generation_key(o->row[i]));

    o->chain[i] = *bucket;
    *bucket = (uint32_t)i + 1;
}

static enum hufu_err overlay_grow(struct overlay *o)
{
    size_t cap = o->cap ? o->cap * 2 : CAP_FIRST;
    struct generation_row **row;
    uint32_t *chain, *bucket;

    if (cap > CAP_MAX)
        return HUFU_NOMEM;
    row = realloc(o->row, cap * sizeof(*row));
    if (!row)
        return HUFU_NOMEM;
    o->row = row;
    chain = realloc(o->chain, cap * sizeof(*chain));
    if (!chain)
        return HUFU_NOMEM;
    o->chain = chain;
    bucket = calloc(cap, sizeof(*bucket));
    if (!bucket)
        return HUFU_NOMEM;
    free(o->bucket);
    o->bucket = bucket;
    o->cap = cap;
    for (size_t i = 0; i < o->count; i++)
        row_chain(o, i);
    return HUFU_OK;
}

enum hufu_err overlay_push(struct overlay *o, struct generation_row *row)
{
    if (o->count == o->cap && overlay_grow(o) != HUFU_OK)
        return HUFU_NOMEM;
    o->row[o->count] = row;
    row_chain(o, o->count);
    o->count++;
    return HUFU_OK;
}

void overlay_cut(struct overlay *o, size_t count)
{
    if (count == 0 && o->count > 0) { /* the end of every group: cheaper than row by row */
        memset(o->bucket, 0, o->cap * sizeof(*o->bucket));
        o->count = 0;
    }
    while (o->count > count) {
        o->count--;
        *bucket_of(o, generation_key(o->row[o->count])) = o->chain[o->count];
    }
}

const struct generation_row *overlay_find(const struct overlay *o, struct view key)
{
    if (o->count == 0)
        return NULL;
    for (uint32_t i = *bucket_of(o, key); i > 0; i = o->chain[i - 1])
        if (view_equal(generation_key(o->row[i - 1]), key))
            return o->row[i - 1];
    return NULL;
}
