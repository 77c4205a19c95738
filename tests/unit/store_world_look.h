/*
 * store_world_look.h - look-ups and scans of the step test against its model.
 *
 * Layer:   tests. Includes vault/base/, vault/store/store.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_STORE_WORLD_LOOK_H
#define HUFU_TESTS_STORE_WORLD_LOOK_H

#include "tests/unit/store_world.h"

static inline void find_check(struct world *w, size_t k)
{
    struct store_seen seen = { 0, 0 };
    uint8_t mem[IMAGE_MAX];
    struct buf b;
    enum hufu_err err;

    buf_fixed(&b, mem, sizeof(mem));
    err = store_find(w->house.r, key_of(w, k), &b, &seen);
    MUST(w, err == (w->row[k].there ? HUFU_OK : HUFU_NOT_FOUND));
    if (err == HUFU_OK)
        row_check(w, k, seen.seq, buf_view(&b));
    else
        MUST(w, seen.seq == STORE_ABSENT);
    if (!w->has_seen[k] || draw(w, 2)) { /* the others grow stale */
        w->seen[k] = seen;
        w->has_seen[k] = true;
    }
}

struct scanned {
    struct world *w;
    struct view prefix;
    size_t last; /* key before, or KEYS */
    size_t count, stop_at;
};

static inline size_t key_index(const struct world *w, struct view key)
{
    for (size_t k = 0; k < KEYS; k++)
        if (view_equal(key_of(w, k), key))
            return k;
    return KEYS;
}

static inline int key_compare(struct view a, struct view b)
{
    int rc = memcmp(a.p, b.p, a.len < b.len ? a.len : b.len);

    return rc ? rc : (a.len > b.len) - (a.len < b.len);
}

static inline bool key_begins(struct view key, struct view prefix)
{
    return key.len >= prefix.len && view_equal(view_of(key.p, prefix.len), prefix);
}

/* The next key of the model behind `last` (KEYS: from the start) under the prefix, or KEYS. */
static inline size_t key_after(const struct world *w, struct view prefix, size_t last)
{
    size_t best = KEYS;

    for (size_t k = 0; k < KEYS; k++)
        if (w->row[k].there && key_begins(key_of(w, k), prefix) &&
            (last == KEYS || key_compare(key_of(w, k), key_of(w, last)) > 0) &&
            (best == KEYS || key_compare(key_of(w, k), key_of(w, best)) < 0))
            best = k;
    return best;
}

static inline bool scan_each(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct scanned *sc = arg;
    size_t k = key_index(sc->w, key);

    MUST(sc->w, k < KEYS && k == key_after(sc->w, sc->prefix, sc->last));
    row_check(sc->w, k, seq, image);
    sc->last = k;
    return ++sc->count != sc->stop_at;
}

/* Walks a prefix to its end in chunks: no row is missed, none comes twice. */
static inline void scan_check(struct world *w)
{
    size_t k = draw(w, KEYS), max = 1 + draw(w, 60);
    struct scanned sc = { .w = w, .last = KEYS };
    struct buf next;

    buf_init(&next, 1024);
    sc.prefix = view_of(w->key[k], draw(w, 4));
    if (sc.prefix.len == 0)
        sc.prefix.p = NULL;
    for (size_t n = 0; n == 0 || next.len > 0; n++) {
        struct view from = next.len > 0 ? buf_view(&next) : (struct view){ 0 };

        MUST(w, n < KEYS + 1);
        sc.count = 0;
        sc.stop_at = draw(w, 4) ? 0 : 1 + draw(w, max);
        MUST(w, store_scan(w->house.r, sc.prefix, from, max, scan_each, &sc, &next) == HUFU_OK);
        MUST(w, sc.count <= max);
        if (next.len > 0) {
            size_t after = key_index(w, buf_view(&next));

            MUST(w, after < KEYS && after == key_after(w, sc.prefix, sc.last));
        }
    }
    MUST(w, key_after(w, sc.prefix, sc.last) == KEYS);
    buf_done(&next);
}

#endif
