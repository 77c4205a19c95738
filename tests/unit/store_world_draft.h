/*
 * store_world_draft.h - random drafts of the step test.
 *
 * Layer:   tests. Includes vault/base/, vault/store/store.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_STORE_WORLD_DRAFT_H
#define HUFU_TESTS_STORE_WORLD_DRAFT_H

#include "tests/unit/store_world_look.h"

static inline void draft_done(struct store_draft *draft)
{
    struct flight *f = draft->arg;

    f->done = true;
}

static inline bool op_writes(const struct flight *f, size_t o, size_t before, size_t k)
{
    for (size_t i = 0; i < before; i++)
        if (f->write_key[o][i] == k)
            return true;
    return false;
}

static inline void pre_make(struct world *w, struct flight *f, size_t o, size_t i)
{
    struct store_pre *pre = &f->pre[o][i];
    size_t k = draw(w, KEYS);

    f->pre_key[o][i] = k;
    if (draw(w, 12) == 0) {
        pre->kind = PRE_UNTIL;
        pre->until_ms = atomic_load(&w->house.clock.now) - 50 + draw(w, 2000);
        return;
    }
    if (!w->has_seen[k] || draw(w, 4))
        find_check(w, k);
    *pre = (struct store_pre){ .kind = PRE_ROW, .key = key_of(w, k), .seen = w->seen[k] };
}

static inline void write_make(struct world *w, struct flight *f, size_t o, size_t i)
{
    struct store_write *write = &f->write[o][i];
    size_t k = draw(w, KEYS), len = draw(w, 40) == 0 ? draw(w, IMAGE_MAX) : draw(w, 60);

    bool counter = draw(w, 12) == 0; /* which can be removed only */

    while (key_counts(w, k) != counter || (key_stays(w, k) && op_writes(f, o, i, k)))
        k = draw(w, KEYS);
    f->write_key[o][i] = k;
    f->tag[o][i] = (uint8_t)draw(w, 256);
    f->seal_fails[o][i] = !counter && draw(w, 200) == 0;
    for (size_t b = 0; b < len; b++)
        f->image[o][i][b] = b == 0 ? 0 : (uint8_t)(f->tag[o][i] + b);
    if (f->seal_fails[o][i]) {
        len = len ? len : 1;
        f->image[o][i][0] = 0xee;
    }
    *write = (struct store_write){ .key = key_of(w, k) };
    if (f->seal_fails[o][i] || key_stays(w, k) || (!counter && draw(w, 4))) {
        write->image = f->image[o][i];
        write->image_len = len;
    }
}

static inline void count_make(struct world *w, struct flight *f, size_t o, size_t i)
{
    size_t k = draw(w, KEYS / 6) * 6 + 5;

    f->count_key[o][i] = k;
    f->count[o][i] =
        (struct store_count){ .key = key_of(w, k),
                              .add = 1 + draw(w, 3),
                              .limit = 3 + draw(w, 10),
                              .until_ms = atomic_load(&w->house.clock.now) + draw(w, 3000) };
}

/* A row that stays is written as it was seen, perhaps long ago. */
static inline void stay_expect(struct world *w, struct flight *f, size_t o, size_t k)
{
    size_t i = f->op[o].pre_count;

    if (!key_stays(w, k))
        return;
    if (!w->has_seen[k] || draw(w, 8))
        find_check(w, k);
    f->pre_key[o][i] = k;
    f->pre[o][i] = (struct store_pre){ .kind = PRE_ROW, .key = key_of(w, k), .seen = w->seen[k] };
    f->op[o].pre_count++;
}

static inline void op_make(struct world *w, struct flight *f, size_t o)
{
    struct store_op *op = &f->op[o];

    *op = (struct store_op){ .pre = f->pre[o], .write = f->write[o], .count = f->count[o] };
    op->pre_count = draw(w, 3) == 0 ? draw(w, PARTS + 1) : draw(w, 2);
    op->write_count = draw(w, PARTS + 1);
    op->count_count = draw(w, 4) == 0 ? draw(w, PARTS + 1) : 0;
    for (size_t i = 0; i < op->pre_count; i++)
        pre_make(w, f, o, i);
    for (size_t i = 0; i < op->write_count; i++)
        write_make(w, f, o, i);
    for (size_t i = 0; i < op->write_count; i++)
        stay_expect(w, f, o, f->write_key[o][i]);
    for (size_t i = 0; i < op->count_count; i++)
        count_make(w, f, o, i);
    snprintf(f->entry[o].text, sizeof(f->entry[o].text), "entry %" PRIu64, draw(w, 1u << 30));
    f->entry[o].fails = draw(w, 300) == 0;
    op->entry = (struct entry_draft *)&f->entry[o];
}

static inline void submit(struct world *w)
{
    struct flight *f = NULL;
    enum hufu_err err;

    for (size_t i = 0; i < FLIGHTS && !f; i++)
        if (!w->flight[i].busy)
            f = &w->flight[i];
    if (!f)
        return;
    memset(&f->draft, 0, sizeof(f->draft));
    f->draft.op_count = draw(w, 4) ? 1 : 1 + draw(w, OPS);
    if (draw(w, 12) == 0) {
        for (size_t i = 0; i < sizeof(f->meta); i++)
            f->meta[i] = (uint8_t)draw(w, 256);
        f->draft.meta_key = view_str("checkpoint");
        f->draft.meta_value = view_of(f->meta, sizeof(f->meta));
        if (draw(w, 2))
            f->draft.op_count = 0;
    }
    if (draw(w, 30) == 0)
        f->draft.op_count = 0; /* perhaps nothing at all */
    f->draft.closes_group = draw(w, 15) == 0;
    for (size_t o = 0; o < f->draft.op_count; o++)
        op_make(w, f, o);
    f->draft.op = f->op;
    f->draft.done = draft_done;
    f->draft.arg = f;
    f->done = false;
    err = store_submit(w->house.s, &f->draft);
    MUST(w, err == (w->queued < w->house.set.queue_max ? HUFU_OK : HUFU_BUSY));
    if (err != HUFU_OK)
        return;
    f->busy = true;
    w->queue[w->queued++] = f;
}

#endif
