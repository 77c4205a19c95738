/*
 * store_world_pass.h - rewrites of the step test: passes over a table that bring the version byte
 * of its images up to date, in chunks, beside everything else.
 *
 * Layer:   tests. Includes vault/base/, vault/store/store.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_STORE_WORLD_PASS_H
#define HUFU_TESTS_STORE_WORLD_PASS_H

#include "tests/unit/store_world_look.h"

/* Things that must leave the row as it is. */
static inline void pass_disturb(struct world *w, struct rewrite *rw, struct view key, uint64_t seq,
                                struct view image)
{
    uint8_t beside[] = { key.p[0], 3, (uint8_t)draw(w, 256) }; /* no key of ours has a 3 there */
    struct view other = view_of(beside, sizeof(beside)), got;
    uint64_t got_seq;

    switch (draw(w, 8)) {
    case 0:
        if (seq > 0)
            MUST(w, rewrite_put(rw, key, seq - 1, other) == HUFU_OK);
        break;
    case 1:
        MUST(w, rewrite_remove(rw, key) == HUFU_OK);
        MUST(w, rewrite_find(rw, key, &got_seq, &got) == HUFU_NOT_FOUND);
        MUST(w, rewrite_put(rw, key, seq, image) == HUFU_OK);
        break;
    case 2:
        MUST(w, rewrite_put(rw, other, seq, image) == HUFU_OK);
        MUST(w, rewrite_find(rw, other, &got_seq, &got) == HUFU_OK && view_equal(got, image));
        MUST(w, rewrite_remove(rw, other) == HUFU_OK);
        break;
    default:
        break;
    }
    MUST(w, rewrite_find(rw, key, &got_seq, &got) == HUFU_OK);
    MUST(w, got_seq == seq && view_equal(got, image));
}

static inline enum hufu_err pass_each(void *arg, struct rewrite *rw, struct view key, uint64_t seq,
                                      struct view image)
{
    struct world *w = arg;
    struct pass *p = &w->pass;
    size_t k = key_index(w, key);
    uint8_t mem[IMAGE_MAX];

    MUST(w, k < KEYS && key.p[0] == p->table);
    MUST(w, p->at == KEYS || key_compare(key, key_of(w, p->at)) > 0);
    if (w->row[k].there && w->row[k].seq == seq)
        row_check(w, k, seq, image);
    p->at = k;
    pass_disturb(w, rw, key, seq, image);
    if (draw(w, 60) == 0)
        return HUFU_STALE;
    if (image.len <= VERSION_AT || image.p[VERSION_AT] >= p->version)
        return HUFU_OK;
    memcpy(mem, image.p, image.len);
    mem[VERSION_AT] = p->version;
    return rewrite_put(rw, key, seq, view_of(mem, image.len));
}

static inline void pass_done(struct store_rewrite *job)
{
    struct world *w = job->arg;
    struct pass *p = &w->pass;

    MUST(w, p->waits);
    p->waits = false;
    p->answers++;
    if (job->err != HUFU_OK) {
        MUST(w, !job->ended && job->visited == 0 && job->changed == 0);
        p->at = p->stands; /* nothing was written: the next chunk begins where this one did */
        return;
    }
    p->stands = p->at;
    if (!job->ended)
        return;
    p->on = false;
    w->passes++;
    w->swept[p->table % TABLES] = (struct swept){ p->version, p->below };
}

/* Hands the next chunk over; where no pass is on, one begins, perhaps with a new version. */
static inline void pass_hand(struct world *w)
{
    struct pass *p = &w->pass;
    struct store_numbers n;

    if (!p->on) {
        store_numbers(w->house.s, &n);
        if (draw(w, 3) && w->house.rooms.version < UINT8_MAX)
            w->house.rooms.version++;
        p->on = true;
        p->table = (uint8_t)(TABLE_TOKEN + draw(w, 3));
        p->version = w->house.rooms.version;
        p->below = n.applied;
        p->at = p->stands = KEYS;
    }
    if (p->waits) {
        MUST(w, store_rewrite(w->house.s, &p->job) == HUFU_BUSY);
        return;
    }
    p->job = (struct store_rewrite){ .prefix = view_of(&p->table, 1),
                                     .name = view_of(&p->table, 1),
                                     .rows_max = 1 + draw(w, 30),
                                     .each = pass_each,
                                     .done = pass_done,
                                     .arg = w };
    p->waits = true;
    MUST(w, store_rewrite(w->house.s, &p->job) == HUFU_OK);
}

#endif
