/*
 * store_look.h - what a store's rows and lines are after a test's drafts.
 *
 * Layer:   tests. Includes cmocka first, then this.
 * Threads: one.
 */
#ifndef HUFU_TESTS_STORE_LOOK_H
#define HUFU_TESTS_STORE_LOOK_H

#include "tests/unit/store_piece.h"

static inline enum hufu_err look_row(struct house *h, const char *key, char out[64],
                                     struct store_seen *seen)
{
    struct buf b;
    uint8_t mem[64];
    enum hufu_err err;

    buf_fixed(&b, mem, sizeof(mem));
    err = store_find(h->r, piece_key(key), &b, seen);
    if (err == HUFU_OK)
        snprintf(out, 64, "%.*s", (int)(b.len - 8), (const char *)mem + 8);
    return err;
}

static inline void look_is(struct house *h, const char *key, const char *image)
{
    struct store_seen seen;
    char text[64] = "";

    assert_int_equal(look_row(h, key, text, &seen), image ? HUFU_OK : HUFU_NOT_FOUND);
    assert_string_equal(text, image ? image : "");
    assert_int_equal(seen.seq == STORE_ABSENT, image == NULL);
}

static inline bool look_line(void *arg, uint64_t index, struct view line)
{
    (void)index;
    snprintf(arg, 64, "%.*s", (int)line.len, (const char *)line.p);
    return true;
}

static inline void look_line_is(struct house *h, const char *want)
{
    struct merkle log;
    char text[64] = "";

    store_log(h->s, &log);
    assert_int_equal(store_entries(h->r, log.size - 1, 1, look_line, text), HUFU_OK);
    assert_string_equal(text, want);
}

#endif
