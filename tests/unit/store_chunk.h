/*
 * store_chunk.h - chunks of a rewrite for the store's tests, and what they saw.
 *
 * Layer:   tests. Includes cmocka first, then this.
 * Threads: one, but for what store.h allows.
 */
#ifndef HUFU_TESTS_STORE_CHUNK_H
#define HUFU_TESTS_STORE_CHUNK_H

#include "tests/unit/store_look.h"

#define CHUNK_SEEN_MAX 256

struct chunk { /* one job, used again for the next chunk; done() adds up */
    struct store_rewrite job;
    struct store *store;
    enum hufu_err (*act)(struct chunk *c, struct rewrite *rw, struct view key, uint64_t seq,
                         struct view image); /* NULL: only looks */
    char seen[CHUNK_SEEN_MAX][16];           /* keys visited, without the table byte */
    size_t seen_count;
    size_t fail_at; /* each() fails at this visit from now: 1 is the next one; 0: never */
    const char *text;
    unsigned done, again; /* again: done() hands over that many more */
    size_t changed;
};

static inline enum hufu_err chunk_each(void *arg, struct rewrite *rw, struct view key, uint64_t seq,
                                       struct view image)
{
    struct chunk *c = arg;

    assert_non_null(image.p);
    if (c->seen_count < CHUNK_SEEN_MAX)
        snprintf(c->seen[c->seen_count++], sizeof(c->seen[0]), "%.*s", (int)key.len - 1,
                 (const char *)key.p + 1);
    if (c->fail_at > 0 && --c->fail_at == 0)
        return HUFU_STALE;
    return c->act ? c->act(c, rw, key, seq, image) : HUFU_OK;
}

static inline void chunk_done(struct store_rewrite *job)
{
    struct chunk *c = job->arg;

    c->done++;
    c->changed += job->changed;
    if (c->again > 0) {
        c->again = store_rewrite(c->store, job) == HUFU_OK ? c->again - 1 : 0; /* 0: stopped */
    }
}

static inline void chunk_init(struct chunk *c, const char *prefix, size_t rows_max)
{
    memset(c, 0, sizeof(*c));
    c->job = (struct store_rewrite){ .prefix = piece_key(prefix),
                                     .name = view_str("pass"),
                                     .rows_max = rows_max,
                                     .each = chunk_each,
                                     .done = chunk_done,
                                     .arg = c };
}

/* Hands it over and steps until it is answered. */
static inline enum hufu_err chunk_run(struct house *h, struct chunk *c)
{
    unsigned before = c->done;
    enum hufu_err err;

    c->store = h->s;
    memset(&c->job.err, 0xa5, sizeof(c->job.err));
    err = store_rewrite(h->s, &c->job);
    if (err != HUFU_OK)
        return err;
    for (size_t n = 0; n < 100 && c->done == before; n++)
        assert_true(store_map_step(h->s, false));
    assert_int_equal(c->done, before + 1);
    return c->job.err;
}

static inline void chunk_is(const struct chunk *c, bool ended, size_t visited, size_t changed)
{
    assert_int_equal(c->job.ended, ended);
    assert_int_equal(c->job.visited, visited);
    assert_int_equal(c->job.changed, changed);
}

/* Puts rows prefix aa, ab, … with the text, and flushes them: the n-th has seq n. */
static inline void chunk_rows(struct house *h, const char *prefix, size_t count, const char *text)
{
    char key[16];

    for (size_t i = 0; i < count; i++) {
        snprintf(key, sizeof(key), "%s%c%c", prefix, (char)('a' + i / 26), (char)('a' + i % 26));
        assert_int_equal(piece_put(h, key, text), HUFU_OK);
    }
    house_flush(h);
}

/* An image as the house's seal leaves it. */
static inline struct view chunk_image(uint64_t seq, const char *text, struct buf *b)
{
    buf_u64(b, seq);
    buf_str(b, text);
    return buf_view(b);
}

/* act: the row with c->text. */
static inline enum hufu_err chunk_set(struct chunk *c, struct rewrite *rw, struct view key,
                                      uint64_t seq, struct view image)
{
    uint8_t mem[64];
    struct buf b;

    (void)image;
    buf_fixed(&b, mem, sizeof(mem));
    return rewrite_put(rw, key, seq, chunk_image(seq, c->text, &b));
}

#endif
