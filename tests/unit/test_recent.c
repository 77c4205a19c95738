#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vault/store/overlay.h"
#include "vault/store/recent.h"
#include "vault/store/resident.h"

static struct generation_row *row_put(struct generation *g, const char *key, uint64_t seq,
                                      const char *image)
{
    struct view v = image ? view_str(image) : (struct view){ 0 };
    struct generation_row *row = generation_make(g, view_str(key), seq, v, !image);

    assert_non_null(row);
    generation_link(g, row);
    return row;
}

static void test_generation_find_newest_below_limit(void **state)
{
    struct generation *g = generation_new(0);

    (void)state;
    assert_non_null(g);
    row_put(g, "k", 3, "three");
    row_put(g, "k", 7, NULL);
    row_put(g, "k", 5, "five");
    row_put(g, "k", 5, "five again");
    row_put(g, "ka", 1, "other");
    assert_null(generation_find(g, view_str("k"), 0));
    assert_null(generation_find(g, view_str("k"), 3));
    assert_true(view_is(generation_image(generation_find(g, view_str("k"), 4)), "three"));
    assert_true(view_is(generation_image(generation_find(g, view_str("k"), 6)), "five again"));
    assert_true(generation_find(g, view_str("k"), 8)->removed);
    assert_true(generation_find(g, view_str("k"), UINT64_MAX)->removed);
    assert_null(generation_find(g, view_str("j"), UINT64_MAX));
    assert_null(generation_find(g, view_str("kb"), UINT64_MAX));
    generation_drop(g);
}

static int text_compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void test_generation_compare(void **state)
{
    /* in order; the length decides last, bytes are unsigned, also behind a whole word */
    static const char *const keys[] = {
        "",         "a",  "aaaaaaa",      "aaaaaaaa",    "aaaaaaaaa", "aaaaaaaab", "aaaaaaaa\xff",
        "aaaaaaab", "ab", "b\x7fxxxxxxx", "b\x80xxxxxxx"
    };

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        for (size_t j = 0; j < sizeof(keys) / sizeof(keys[0]); j++) {
            int rc = generation_compare(view_str(keys[i]), view_str(keys[j]));

            assert_int_equal((rc > 0) - (rc < 0), (i > j) - (i < j));
        }
}

/* Many rows in random order come out sorted, each key once, whatever its versions. */
static void test_generation_walk_is_sorted(void **state)
{
    enum { N = 3000 };
    static char keys[N][8];
    struct generation *g = generation_new(0);
    const struct generation_row *row;
    uint64_t random = 1;
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        snprintf(keys[i], sizeof(keys[i]), "%05x", (unsigned)(random >> 44));
        row_put(g, keys[i], i, "old");
        row_put(g, keys[i], N + i, "new");
    }
    qsort(keys, N, sizeof(keys[0]), text_compare);
    for (row = generation_seek(g, (struct view){ 0 }, UINT64_MAX); row;
         row = generation_next(row, UINT64_MAX)) {
        while (n > 0 && n < N && strcmp(keys[n], keys[n - 1]) == 0)
            n++; /* the same key drawn twice */
        assert_true(n < N && view_is(generation_key(row), keys[n]));
        assert_true(view_is(generation_image(row), "new"));
        n++;
    }
    assert_true(n == N || strcmp(keys[n], keys[n - 1]) == 0);
    row = generation_seek(g, (struct view){ 0 }, N);
    assert_true(view_is(generation_image(row), "old"));
    generation_drop(g);
}

/* All that was linked is found, nothing else is, also where a generation is larger than usual. */
static void test_generation_finds_each_key_and_no_other(void **state)
{
    enum { N = 200000 };
    struct generation *g = generation_new(0);
    char key[16];

    (void)state;
    for (size_t i = 0; i < N; i++) {
        snprintf(key, sizeof(key), "%zx", i * 2654435761u);
        row_put(g, key, i, "x");
    }
    for (size_t i = 0; i < N; i++) {
        snprintf(key, sizeof(key), "%zx", i * 2654435761u);
        assert_non_null(generation_find(g, view_str(key), UINT64_MAX));
        assert_null(generation_find(g, view_str(key), i));
        snprintf(key, sizeof(key), "%zx-", i * 2654435761u);
        assert_null(generation_find(g, view_str(key), UINT64_MAX));
    }
    assert_null(generation_find(g, view_str(""), UINT64_MAX));
    generation_drop(g);
}

static void test_generation_rollback_gives_memory_back(void **state)
{
    struct generation *g = generation_new(0);
    struct generation_mark mark;
    static uint8_t big[200000];
    uint64_t used;

    (void)state;
    row_put(g, "kept", 1, "x");
    mark = generation_mark(g);
    used = g->used;
    for (int i = 0; i < 5; i++)
        assert_non_null(generation_make(g, view_str("k"), 2, view_of(big, sizeof(big)), false));
    assert_true(g->used > used + 5 * sizeof(big));
    generation_rollback(g, mark);
    assert_int_equal(g->used, used);
    row_put(g, "more", 2, "y");
    assert_true(view_is(generation_image(generation_find(g, view_str("kept"), 9)), "x"));
    assert_true(view_is(generation_image(generation_find(g, view_str("more"), 9)), "y"));
    generation_drop(g);
}

static void publish(struct recent *r, const char *key, uint64_t seq, const char *image,
                    uint64_t boot_ms)
{
    struct generation_row *row =
        generation_make(r->filling, view_str(key), seq, view_str(image), false);

    assert_non_null(row);
    recent_publish(r, &row, 1, seq + 1, 0, boot_ms);
}

static void test_recent_view_outlives_the_generation(void **state)
{
    struct recent_view v, later;
    struct recent r;

    (void)state;
    assert_int_equal(recent_init(&r, 10, 1u << 20, 100, 1000), HUFU_OK);
    publish(&r, "k", 10, "ten", 0);
    recent_take(&r, &v);
    assert_int_equal(v.applied, 10);
    assert_int_equal(v.size, 11);
    publish(&r, "k", 11, "eleven", 0);
    assert_true(view_is(generation_image(recent_find(&v, view_str("k"))), "ten"));
    assert_int_equal(recent_rotate(&r), HUFU_OK);
    publish(&r, "k", 12, "twelve", 0);
    recent_take(&r, &later);
    assert_true(view_is(generation_image(recent_find(&later, view_str("k"))), "twelve"));
    recent_retire(&r);
    assert_int_equal(r.applied, 12); /* begins where the next generation does */
    assert_true(view_is(generation_image(recent_find(&v, view_str("k"))), "ten"));
    recent_drop(&v);
    recent_take(&r, &v);
    assert_int_equal(v.applied, 12);
    assert_null(v.flushing);
    recent_drop(&v);
    recent_drop(&later);
    recent_done(&r);
}

static void test_recent_find_prefers_filling(void **state)
{
    struct recent_view v;
    struct recent r;

    (void)state;
    assert_int_equal(recent_init(&r, 0, 1u << 20, 100, 1000), HUFU_OK);
    publish(&r, "a", 0, "old", 0);
    publish(&r, "b", 1, "only here", 0);
    assert_int_equal(recent_rotate(&r), HUFU_OK);
    publish(&r, "a", 2, "new", 0);
    recent_take(&r, &v);
    assert_true(view_is(generation_image(recent_find(&v, view_str("a"))), "new"));
    assert_true(view_is(generation_image(recent_find(&v, view_str("b"))), "only here"));
    assert_null(recent_find(&v, view_str("c")));
    recent_drop(&v);
    recent_done(&r);
}

static void test_recent_confirm(void **state)
{
    struct recent_view v;
    struct recent r;

    (void)state;
    assert_int_equal(recent_init(&r, 0, 1u << 20, 100, 1000), HUFU_OK);
    recent_take(&r, &v);
    publish(&r, "k", 0, "x", 0);
    assert_null(recent_find(&v, view_str("k")));
    assert_true(recent_confirm(&r, &v)); /* the same generation: the view moves on */
    assert_non_null(recent_find(&v, view_str("k")));
    assert_int_equal(recent_rotate(&r), HUFU_OK);
    assert_false(recent_confirm(&r, &v)); /* what came later may be in the map, unseen */
    recent_drop(&v);
    recent_done(&r);
}

static void test_recent_due_and_full(void **state)
{
    static char big[400];
    struct recent r;

    (void)state;
    memset(big, 'x', sizeof(big) - 1);
    assert_int_equal(recent_init(&r, 0, 2000, 4, 1000), HUFU_OK);
    assert_false(recent_is_due(&r, 99999, true)); /* nothing in it */
    publish(&r, "a", 0, "x", 500);
    assert_false(recent_is_due(&r, 1499, false));
    assert_true(recent_is_due(&r, 1499, true));
    assert_true(recent_is_due(&r, 1500, false)); /* age */
    for (uint64_t i = 1; i < 4; i++) {
        assert_false(recent_is_due(&r, 500, false));
        publish(&r, "a", i, "x", 500);
    }
    assert_true(recent_is_due(&r, 500, false)); /* rows */
    assert_int_equal(recent_rotate(&r), HUFU_OK);
    publish(&r, "a", 4, big, 500);
    publish(&r, "a", 5, big, 500);
    publish(&r, "a", 6, big, 500);
    assert_false(recent_is_due(&r, 9999, true)); /* one is being flushed */
    recent_retire(&r);
    assert_false(recent_is_full(&r));
    assert_true(recent_is_due(&r, 500, false)); /* half of the bytes */
    while (!recent_is_full(&r))
        publish(&r, "a", r.size, big, 500);
    assert_int_equal(recent_rotate(&r), HUFU_OK);
    assert_true(recent_is_full(&r)); /* both generations count */
    recent_wait_due(&r, 500, 60000); /* returns at once: a flush is running */
    recent_retire(&r);
    assert_false(recent_is_full(&r));
    recent_wait_room(&r);
    recent_done(&r);
}

/* Lines wait in memory as rows do, and leave with the generation that they came with. */
static void test_recent_counts_log_lines(void **state)
{
    struct recent_numbers n;
    struct recent r;
    uint64_t own; /* of an empty generation */

    (void)state;
    assert_int_equal(recent_init(&r, 0, 100000, 100, 1000), HUFU_OK);
    recent_publish(&r, NULL, 0, 1, 0, 0);
    own = r.filling->bytes;
    recent_publish(&r, NULL, 0, 2, 49999 - own, 0);
    recent_count(&r, &n);
    assert_int_equal(n.bytes, 49999);
    assert_false(recent_is_due(&r, 0, false));
    recent_publish(&r, NULL, 0, 3, 1, 0);
    assert_true(recent_is_due(&r, 0, false)); /* half of the bytes */
    assert_int_equal(recent_rotate(&r), HUFU_OK);
    recent_publish(&r, NULL, 0, 4, 49999 - own, 0);
    assert_false(recent_is_full(&r));
    recent_publish(&r, NULL, 0, 5, 1, 0);
    assert_true(recent_is_full(&r)); /* both count */
    recent_retire(&r);
    recent_count(&r, &n);
    assert_int_equal(n.bytes, 50000);
    assert_int_equal(recent_rotate(&r), HUFU_OK);
    recent_retire(&r);
    recent_count(&r, &n);
    assert_true(n.bytes <= own);
    recent_done(&r);
}

/* A nudge ends both waits of the map thread, once. */
static void test_recent_nudge_ends_a_wait_once(void **state)
{
    struct recent r;

    (void)state;
    assert_int_equal(recent_init(&r, 0, 1u << 20, 100, 1000), HUFU_OK);
    assert_false(recent_nudged(&r));
    recent_nudge(&r);
    recent_wait_due(&r, 0, 60000); /* at once */
    recent_pause(&r, 60000);
    assert_true(recent_nudged(&r));
    assert_false(recent_nudged(&r));
    recent_pause(&r, 1); /* this one waits */
    recent_done(&r);
}

/* Operations that somebody is in a hurry for are due however young; later ones are not. */
static void test_recent_hurry(void **state)
{
    struct recent r;

    (void)state;
    assert_int_equal(recent_init(&r, 0, 1u << 20, 100, 1000), HUFU_OK);
    publish(&r, "a", 0, "x", 0);
    assert_false(recent_is_due(&r, 0, false));
    recent_hurry(&r, 1);
    recent_wait_due(&r, 0, 60000); /* at once */
    assert_true(recent_is_due(&r, 0, false));
    assert_int_equal(recent_rotate(&r), HUFU_OK);
    recent_retire(&r);
    publish(&r, "b", 1, "x", 0);
    recent_hurry(&r, 1);
    assert_false(recent_is_due(&r, 0, false));
    recent_done(&r);
}

static void test_overlay_cut_restores(void **state)
{
    struct generation *g = generation_new(0);
    struct overlay o = { 0 };
    char key[8];

    (void)state;
    assert_null(overlay_find(&o, view_str("k0")));
    for (uint64_t seq = 0; seq < 2000; seq++) { /* grows twice and more */
        snprintf(key, sizeof(key), "k%u", (unsigned)(seq % 700));
        assert_int_equal(
            overlay_push(&o, generation_make(g, view_str(key), seq, (struct view){ 0 }, true)),
            HUFU_OK);
    }
    assert_int_equal(overlay_find(&o, view_str("k5"))->seq, 1405);
    overlay_cut(&o, 1405);
    assert_int_equal(overlay_find(&o, view_str("k5"))->seq, 705);
    assert_int_equal(overlay_find(&o, view_str("k4"))->seq, 1404);
    overlay_cut(&o, 5);
    assert_null(overlay_find(&o, view_str("k5")));
    assert_int_equal(overlay_find(&o, view_str("k4"))->seq, 4);
    overlay_cut(&o, 0);
    assert_null(overlay_find(&o, view_str("k4")));
    overlay_done(&o);
    generation_drop(g);
}

static void resident_write(struct resident *r, const char *key, uint64_t seq, const char *image)
{
    struct view v = image ? view_str(image) : (struct view){ 0 };
    struct resident_row *row = resident_row_new(view_str(key), seq, v, !image);

    assert_int_equal(resident_reserve(r, 1), HUFU_OK);
    resident_put(r, &row, 1);
}

static void test_resident_order_and_age(void **state)
{
    struct resident_row **rows = NULL, *kept;
    struct resident r;
    size_t count = 0;

    (void)state;
    assert_int_equal(resident_init(&r), HUFU_OK);
    resident_write(&r, "ub", 5, "b");
    resident_write(&r, "ua", 6, "a");
    resident_write(&r, "va", 6, "other");
    resident_write(&r, "ub", 4, "older"); /* replayed */
    resident_write(&r, "uc", 7, NULL);    /* never was there */
    kept = resident_get(&r, view_str("ub"));
    assert_true(view_is(resident_image(kept), "b"));
    resident_write(&r, "ub", 8, NULL);
    assert_null(resident_get(&r, view_str("ub")));
    assert_true(view_is(resident_image(kept), "b")); /* the reference holds */
    resident_row_drop(kept);
    resident_write(&r, "uc", 9, "c");
    assert_int_equal(resident_collect(&r, view_str("u"), (struct view){ 0 }, 9, &rows, &count),
                     HUFU_OK);
    assert_int_equal(count, 2);
    assert_true(view_is(resident_key(rows[0]), "ua") && view_is(resident_key(rows[1]), "uc"));
    for (size_t i = 0; i < count; i++)
        resident_row_drop(rows[i]);
    free(rows);
    resident_done(&r);
}

static void test_resident_sum(void **state)
{
    uint8_t sum[RESIDENT_SUM_LEN] = { 0 }, zero[RESIDENT_SUM_LEN] = { 0 };
    uint8_t ones[RESIDENT_SUM_LEN], one[RESIDENT_SUM_LEN] = { 1 };

    (void)state;
    memset(ones, 0xff, sizeof(ones)); /* 2^256 - 1 */
    resident_sum_add(sum, ones);
    resident_sum_add(sum, one);
    assert_memory_equal(sum, zero, sizeof(sum)); /* wraps */
    resident_sum_take(sum, one);
    assert_memory_equal(sum, ones, sizeof(sum)); /* and borrows all the way */
    resident_sum_take(sum, ones);
    assert_memory_equal(sum, zero, sizeof(sum));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generation_find_newest_below_limit),
        cmocka_unit_test(test_generation_compare),
        cmocka_unit_test(test_generation_walk_is_sorted),
        cmocka_unit_test(test_generation_finds_each_key_and_no_other),
        cmocka_unit_test(test_generation_rollback_gives_memory_back),
        cmocka_unit_test(test_recent_view_outlives_the_generation),
        cmocka_unit_test(test_recent_find_prefers_filling),
        cmocka_unit_test(test_recent_confirm),
        cmocka_unit_test(test_recent_due_and_full),
        cmocka_unit_test(test_recent_counts_log_lines),
        cmocka_unit_test(test_recent_nudge_ends_a_wait_once),
        cmocka_unit_test(test_recent_hurry),
        cmocka_unit_test(test_overlay_cut_restores),
        cmocka_unit_test(test_resident_order_and_age),
        cmocka_unit_test(test_resident_sum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
