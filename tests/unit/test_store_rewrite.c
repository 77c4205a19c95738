#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/store_chunk.h"

#define TABLE "\x01"

static void test_rewrite_bounds(void **state)
{
    static char big[STORE_KEY_MAX + 1];
    static const struct {
        const char *prefix;
        size_t prefix_len, name_len, rows_max;
        enum hufu_err err;
    } rows[] = {
        { TABLE, 1, 1, 1, HUFU_OK },
        { TABLE, 1, 32, 1024, HUFU_OK },
        { "\x0f", 1, 4, 1, HUFU_OK },
        { big, STORE_KEY_MAX, 4, 1, HUFU_OK },
        { big, STORE_KEY_MAX + 1, 4, 1, HUFU_ARG },
        { TABLE, 0, 4, 1, HUFU_ARG },
        { "\x10", 1, 4, 1, HUFU_ARG }, /* resident */
        { TABLE, 1, 0, 1, HUFU_ARG },
        { TABLE, 1, 33, 1, HUFU_ARG },
        { TABLE, 1, 4, 0, HUFU_ARG },
        { TABLE, 1, 4, 1025, HUFU_ARG },
    };
    struct house *h = *state;
    struct chunk c;

    memset(big, 255, sizeof(big)); /* a prefix that ends in 255 has no neighbour of its length */
    big[0] = TABLE_TOKEN;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        chunk_init(&c, "", rows[i].rows_max);
        c.job.prefix = view_of(rows[i].prefix, rows[i].prefix_len);
        c.job.name = view_of("0123456789abcdef0123456789abcdefg", rows[i].name_len);
        assert_int_equal(chunk_run(h, &c), rows[i].err);
        assert_int_equal(c.done, rows[i].err == HUFU_OK);
        if (rows[i].err == HUFU_OK)
            chunk_is(&c, true, 0, 0); /* there is nothing */
    }
    chunk_init(&c, TABLE, 1);
    c.job.each = NULL;
    assert_int_equal(store_rewrite(h->s, &c.job), HUFU_ARG);
    chunk_init(&c, TABLE, 1);
    c.job.done = NULL;
    assert_int_equal(store_rewrite(h->s, &c.job), HUFU_ARG);
}

static void test_rewrite_visits_each_row_once_in_order(void **state)
{
    static const size_t sizes[] = { 1, 7, 10, 20, 21 };
    struct house *h = *state;
    struct chunk c;

    chunk_rows(h, TABLE "b", 20, "x");
    chunk_rows(h, TABLE "a", 1, "x"); /* neighbours of the prefix */
    chunk_rows(h, TABLE "c", 1, "x");
    for (size_t i = 0; i < 5; i++) {
        size_t chunks = (20 + sizes[i] - 1) / sizes[i];

        chunk_init(&c, TABLE "b", sizes[i]);
        for (size_t n = 1; n <= chunks; n++) {
            assert_int_equal(chunk_run(h, &c), HUFU_OK);
            chunk_is(&c, n == chunks, n < chunks ? sizes[i] : 20 - sizes[i] * (chunks - 1), 0);
        }
        assert_int_equal(c.seen_count, 20);
        for (size_t k = 0; k < 20; k++) {
            char want[4] = { 'b', 'a', (char)('a' + k), '\0' };

            assert_string_equal(c.seen[k], want);
        }
    }
    assert_int_equal(chunk_run(h, &c), HUFU_OK); /* the cursor is gone: it begins anew */
    assert_string_equal(c.seen[20], "baa");
}

static void test_put_keeps_seq_and_meaning(void **state)
{
    struct house *h = *state;
    struct store_seen before, after;
    struct store_numbers n;
    struct piece p;
    struct chunk c;
    char text[64];

    chunk_rows(h, TABLE, 3, "old");
    assert_int_equal(look_row(h, TABLE "ab", text, &before), HUFU_OK);
    chunk_init(&c, TABLE, 100);
    c.act = chunk_set;
    c.text = "another length";
    assert_int_equal(chunk_run(h, &c), HUFU_OK);
    chunk_is(&c, true, 3, 3);
    look_is(h, TABLE "ab", "another length");
    assert_int_equal(look_row(h, TABLE "ab", text, &after), HUFU_OK);
    assert_int_equal(after.seq, 1);
    store_numbers(h->s, &n);
    assert_int_equal(n.rewritten, 3);
    assert_int_equal(n.seq, 3);
    assert_int_equal(n.applied, 3);
    piece_init(&p); /* who saw the row before may still write it */
    piece_pre(&p, TABLE "ab", before);
    piece_write(&p, TABLE "ab", "new");
    assert_int_equal(piece_run(h, &p), HUFU_OK);
    house_reopen(h);
    look_is(h, TABLE "aa", "another length");
    look_is(h, TABLE "ab", "new");
}

/* At row ac: tries all that can be done to others. */
static enum hufu_err others_act(struct chunk *c, struct rewrite *rw, struct view key, uint64_t seq,
                                struct view image)
{
    static uint8_t big[STORE_IMAGE_MAX + 1];
    uint64_t got_seq = 77;
    struct view got = { big, 5 };
    uint8_t mem[64];
    struct buf b;

    (void)image;
    if (seq != 2)
        return HUFU_OK;
    buf_fixed(&b, mem, sizeof(mem));
    assert_int_equal(rewrite_find(rw, piece_key(TABLE "none"), &got_seq, &got), HUFU_NOT_FOUND);
    assert_int_equal(rewrite_find(rw, piece_key(USER), &got_seq, &got), HUFU_ARG);
    assert_int_equal(rewrite_put(rw, piece_key(USER), 1, key), HUFU_ARG);
    assert_int_equal(rewrite_put(rw, key, 2, view_of(big, sizeof(big))), HUFU_ARG);
    assert_int_equal(rewrite_put(rw, (struct view){ key.p, 0 }, 2, key), HUFU_ARG);
    assert_int_equal(rewrite_remove(rw, piece_key(USER)), HUFU_ARG);
    assert_int_equal(got_seq, 77);
    assert_ptr_equal(got.p, big);

    /* ad has seq 3: neither 2 nor 0 overwrites it, 3 does */
    assert_int_equal(rewrite_put(rw, piece_key(TABLE "ad"), 2, chunk_image(2, "low", &b)), HUFU_OK);
    assert_int_equal(rewrite_find(rw, piece_key(TABLE "ad"), &got_seq, &got), HUFU_OK);
    assert_int_equal(got_seq, 3);
    assert_int_equal(got.len, 9);
    buf_fixed(&b, mem, sizeof(mem));
    assert_int_equal(rewrite_put(rw, piece_key(TABLE "ae"), 4, chunk_image(4, "same", &b)),
                     HUFU_OK);
    /* a lent image, which lies in the page that this put rearranges */
    assert_int_equal(rewrite_find(rw, piece_key(TABLE "ae"), &got_seq, &got), HUFU_OK);
    assert_int_equal(rewrite_put(rw, piece_key(TABLE "ag"), 6, got), HUFU_OK);
    buf_fixed(&b, mem, sizeof(mem));
    assert_int_equal(rewrite_put(rw, piece_key("\x02new"), 2, chunk_image(2, "added", &b)),
                     HUFU_OK);
    assert_int_equal(rewrite_find(rw, piece_key("\x02new"), &got_seq, &got), HUFU_OK);
    assert_int_equal(got_seq, 2);
    assert_int_equal(rewrite_put(rw, piece_key("\x02two"), 2, got), HUFU_OK);
    assert_int_equal(rewrite_put(rw, piece_key("\x02nil"), 2, (struct view){ NULL, 0 }), HUFU_OK);
    assert_int_equal(rewrite_remove(rw, piece_key(TABLE "aa")), HUFU_OK);
    assert_int_equal(rewrite_remove(rw, piece_key(TABLE "aa")), HUFU_OK); /* there is none */
    assert_int_equal(rewrite_remove(rw, piece_key(TABLE "af")), HUFU_OK); /* still to be visited */
    c->text = "came here";
    return HUFU_OK;
}

static void test_put_find_remove(void **state)
{
    struct house *h = *state;
    struct store_seen seen;
    struct chunk c;

    chunk_rows(h, TABLE, 7, "x");
    chunk_init(&c, TABLE, 100);
    c.act = others_act;
    assert_int_equal(chunk_run(h, &c), HUFU_OK);
    assert_non_null(c.text);
    chunk_is(&c, true, 6, 7); /* ae, ag, three of table 2, aa and af removed */
    assert_string_equal(c.seen[5], "ag");
    for (size_t i = 0; i < 2; i++) {
        look_is(h, TABLE "aa", NULL);
        look_is(h, TABLE "ad", "x");
        look_is(h, TABLE "ae", "same");
        look_is(h, TABLE "af", NULL);
        look_is(h, TABLE "ag", "same");
        look_is(h, "\x02new", "added");
        look_is(h, "\x02two", "added");
        assert_int_equal(store_find(h->r, piece_key("\x02nil"), NULL, &seen), HUFU_OK);
        house_reopen(h);
    }
}

static void test_cursor_survives_and_is_of_its_prefix(void **state)
{
    struct house *h = *state;
    struct chunk c, other;

    chunk_rows(h, TABLE, 9, "old");
    chunk_init(&c, TABLE, 4);
    c.act = chunk_set;
    c.text = "new";
    assert_int_equal(chunk_run(h, &c), HUFU_OK);
    chunk_is(&c, false, 4, 4);
    house_reopen(h);
    look_is(h, TABLE "ad", "new");
    look_is(h, TABLE "ae", "old");
    chunk_init(&other, TABLE, 2); /* another name: another pass */
    other.job.name = view_str("pass2");
    assert_int_equal(chunk_run(h, &other), HUFU_OK);
    assert_string_equal(other.seen[0], "aa");
    assert_int_equal(chunk_run(h, &c), HUFU_OK);
    assert_string_equal(c.seen[4], "ae");
    house_reopen(h);
    assert_int_equal(chunk_run(h, &c), HUFU_OK);
    chunk_is(&c, true, 1, 1);
    assert_int_equal(c.seen_count, 9);
    look_is(h, TABLE "ai", "new");

    assert_int_equal(chunk_run(h, &c), HUFU_OK); /* in the middle again */
    chunk_init(&other, TABLE "a", 100);          /* the same name with another prefix */
    assert_int_equal(chunk_run(h, &other), HUFU_OK);
    assert_string_equal(other.seen[0], "aa");
    chunk_is(&other, true, 9, 0);
}

static void test_failing_each_writes_nothing(void **state)
{
    struct house *h = *state;
    struct store_numbers n;
    struct chunk c;

    chunk_rows(h, TABLE, 9, "old");
    chunk_init(&c, TABLE, 4);
    c.act = chunk_set;
    c.text = "new";
    assert_int_equal(chunk_run(h, &c), HUFU_OK);
    c.fail_at = 3;
    assert_int_equal(chunk_run(h, &c), HUFU_STALE);
    chunk_is(&c, false, 0, 0);
    assert_true(store_is_sound(h->s));
    look_is(h, TABLE "ae", "old");
    look_is(h, TABLE "af", "old");
    store_numbers(h->s, &n);
    assert_int_equal(n.rewritten, 4);
    c.seen_count = 0;
    assert_int_equal(chunk_run(h, &c), HUFU_OK); /* from where it stood */
    assert_string_equal(c.seen[0], "ae");
    look_is(h, TABLE "ah", "new");
}

/* What is journalled and not yet in the map has the last word, crash or not. */
static void test_newer_rows_of_recent_win(void **state)
{
    struct house *h = *state;
    struct chunk c;

    for (unsigned crash = 0; crash < 2; crash++) {
        chunk_rows(h, TABLE, 4, "old");
        assert_int_equal(piece_put(h, TABLE "ab", "newer"), HUFU_OK);
        assert_int_equal(piece_put(h, TABLE "ac", NULL), HUFU_OK);
        chunk_init(&c, TABLE, 2);
        c.act = chunk_set;
        c.text = "rewritten";
        assert_int_equal(chunk_run(h, &c), HUFU_OK);
        look_is(h, TABLE "ab", "newer");
        if (crash)
            house_reopen(h);
        else
            house_flush(h);
        assert_int_equal(chunk_run(h, &c), HUFU_OK);
        house_flush(h);
        look_is(h, TABLE "aa", "rewritten");
        look_is(h, TABLE "ab", "newer");
        look_is(h, TABLE "ac", NULL);
        look_is(h, TABLE "ad", "rewritten");
    }
}

/* A chunk between the slices of one generation, then a crash: the replay meets rows that were
 * flushed and rewritten, and leaves them. */
static void test_crash_in_the_middle_of_flush_and_pass(void **state)
{
    struct house *h = *state;
    struct store_numbers n;
    struct chunk c;

    h->set.slice_ops = 4;
    house_reopen(h);
    chunk_rows(h, TABLE, 8, "old");
    for (char i = 'a'; i < 'i'; i++) {
        char key[] = { TABLE_TOKEN, 'a', i, '\0' };

        assert_int_equal(piece_put(h, key, "second"), HUFU_OK);
    }
    assert_true(store_map_step(h->s, true)); /* rotated */
    assert_true(store_map_step(h->s, true)); /* archived */
    assert_true(store_map_step(h->s, true)); /* four of eight are in the map */
    chunk_init(&c, TABLE, 6);
    c.act = chunk_set;
    c.text = "rewritten";
    assert_int_equal(chunk_run(h, &c), HUFU_OK);
    chunk_is(&c, false, 6, 6);
    store_numbers(h->s, &n);
    assert_int_equal(n.applied, 8);
    house_reopen(h);
    house_flush(h);
    look_is(h, TABLE "aa", "rewritten"); /* was applied with seq 8 when it was rewritten */
    look_is(h, TABLE "ad", "rewritten");
    look_is(h, TABLE "ae", "second"); /* only its older row was rewritten */
    look_is(h, TABLE "ah", "second");
    assert_int_equal(chunk_run(h, &c), HUFU_OK);
    chunk_is(&c, true, 2, 2);
    look_is(h, TABLE "ae", "second");
    look_is(h, TABLE "ah", "rewritten");
}

/* Adds the next key of a counted row each time: number n puts n + 1. */
static enum hufu_err grow_act(struct chunk *c, struct rewrite *rw, struct view key, uint64_t seq,
                              struct view image)
{
    uint8_t next[8];

    (void)c;
    assert_true(key.len < sizeof(next));
    memcpy(next, key.p, key.len);
    next[key.len - 1]++;
    return rewrite_put(rw, view_of(next, key.len), seq, image);
}

static void test_rows_added_on_the_way_end(void **state)
{
    struct house *h = *state;
    struct chunk c;

    assert_int_equal(piece_put(h, TABLE "a0", "x"), HUFU_OK);
    assert_int_equal(piece_put(h, TABLE "a5", "x"), HUFU_OK);
    house_flush(h);
    chunk_init(&c, TABLE, 4);
    c.act = grow_act;
    assert_int_equal(chunk_run(h, &c), HUFU_OK);
    chunk_is(&c, false, 4, 4);
    assert_int_equal(chunk_run(h, &c), HUFU_OK);
    chunk_is(&c, true, 2, 1); /* a4, whose put of a5 is too old, and a5, the last there was */
    assert_int_equal(c.seen_count, 6);
    look_is(h, TABLE "a6", "x");
    look_is(h, TABLE "a7", NULL);
}

/* Keys that another key begins with sort right behind it. */
static void test_keys_that_go_on(void **state)
{
    static const char *const keys[] = { TABLE "a", TABLE "a\x01", TABLE "a\x01\x01", TABLE "b" };
    struct house *h = *state;
    struct chunk c;

    for (size_t i = 0; i < 4; i++)
        assert_int_equal(piece_put(h, keys[i], "old"), HUFU_OK);
    house_flush(h);
    for (size_t rows_max = 1; rows_max < 6; rows_max += 4) {
        chunk_init(&c, TABLE, rows_max);
        c.act = chunk_set;
        c.text = rows_max == 1 ? "one by one" : "all";
        do
            assert_int_equal(chunk_run(h, &c), HUFU_OK);
        while (!c.job.ended);
        assert_int_equal(c.changed, 4);
        for (size_t i = 0; i < 4; i++)
            look_is(h, keys[i], c.text);
    }
}

/* Removes what it visits and shuffles its neighbours, while it reads what it was given. */
static enum hufu_err shuffle_act(struct chunk *c, struct rewrite *rw, struct view key, uint64_t seq,
                                 struct view image)
{
    static uint8_t big[3000], copy[STORE_IMAGE_MAX];
    uint8_t name[STORE_KEY_MAX];
    size_t image_len = image.len;

    (void)c;
    memcpy(copy, image.p, image.len);
    memcpy(name, key.p, key.len);
    assert_int_equal(rewrite_remove(rw, key), HUFU_OK);
    for (uint8_t i = 0; i < 8; i++) {
        uint8_t other[] = { TABLE_INDEX, name[2], i };

        assert_int_equal(
            rewrite_put(rw, view_of(other, sizeof(other)), seq, view_of(big, i % 2 ? 3000 : 30)),
            HUFU_OK);
        assert_int_equal(rewrite_put(rw, key, seq, view_of(big, 1 + i * 300u)), HUFU_OK);
    }
    assert_true(view_equal(key, view_of(name, key.len)));
    assert_true(view_equal(image, view_of(copy, image_len)));
    return rewrite_put(rw, key, seq, image);
}

static void test_views_stay_valid_while_each_writes(void **state)
{
    struct house *h = *state;
    struct chunk c;

    chunk_rows(h, TABLE, 60, "some text that is compared");
    chunk_init(&c, TABLE, 100);
    c.act = shuffle_act;
    assert_int_equal(chunk_run(h, &c), HUFU_OK);
    chunk_is(&c, true, 60, 60 * 18);
    for (size_t i = 0; i < 60; i++) {
        char key[] = { TABLE_TOKEN, (char)('a' + i / 26), (char)('a' + i % 26), '\0' };

        assert_string_equal(c.seen[i], key + 1);
        look_is(h, key, "some text that is compared");
    }
}

/* A transaction's bytes are bounded, whatever rows_max says. */
static void test_large_images_end_a_chunk(void **state)
{
    static uint8_t image[STORE_IMAGE_MAX];
    struct house *h = *state;
    struct piece p;
    struct chunk c;

    for (char i = 0; i < 20; i++) {
        char key[] = { TABLE_TOKEN, 'a', (char)('a' + i), '\0' };

        piece_init(&p);
        p.op.write_count = 1;
        p.write = (struct store_write){ piece_key(key), image, sizeof(image) };
        assert_int_equal(piece_run(h, &p), HUFU_OK);
        house_flush(h);
    }
    chunk_init(&c, TABLE, 1000);
    assert_int_equal(chunk_run(h, &c), HUFU_OK);
    chunk_is(&c, false, 16, 0); /* 4 MiB */
    assert_int_equal(chunk_run(h, &c), HUFU_OK);
    chunk_is(&c, true, 4, 0);
    c.act = shuffle_act; /* what is put counts too */
    assert_int_equal(chunk_run(h, &c), HUFU_OK);
    assert_true(!c.job.ended && c.job.visited >= 4 && c.job.visited < 16);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, piece_setup, piece_teardown)
    const struct CMUnitTest tests[] = {
        T(test_rewrite_bounds),
        T(test_rewrite_visits_each_row_once_in_order),
        T(test_put_keeps_seq_and_meaning),
        T(test_put_find_remove),
        T(test_cursor_survives_and_is_of_its_prefix),
        T(test_failing_each_writes_nothing),
        T(test_newer_rows_of_recent_win),
        T(test_crash_in_the_middle_of_flush_and_pass),
        T(test_rows_added_on_the_way_end),
        T(test_keys_that_go_on),
        T(test_views_stay_valid_while_each_writes),
        T(test_large_images_end_a_chunk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
