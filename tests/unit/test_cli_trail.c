#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tools/cli_trail.h"

#define LINES 300 /* more than one tile */

struct book {
    char line[LINES][160];
    struct checkpoint cp[LINES + 1]; /* cp[n]: of the first n lines */
};

static int book_make(void **state)
{
    static struct book book;
    struct merkle tree;
    struct merkle_hash leaf;

    merkle_init(&tree);
    for (int i = 0; i <= LINES; i++) {
        (void)snprintf(book.cp[i].origin, sizeof(book.cp[i].origin), "a.invalid/log");
        book.cp[i].size = (uint64_t)i;
        merkle_root(&tree, &book.cp[i].root);
        if (i == LINES)
            break;
        (void)snprintf(book.line[i], sizeof(book.line[i]),
                       "{\"commit\":\"C%d\",\"time\":\"2026-11-21T10:%02d:%02d.000Z\"}", i, i / 60,
                       i % 60);
        merkle_leaf(view_str(book.line[i]), &leaf);
        merkle_add(&tree, &leaf, NULL, NULL);
    }
    *state = &book;
    return 0;
}

static enum hufu_err add_all(struct trail *t, const struct book *book, int from, int to)
{
    enum hufu_err err = HUFU_OK;

    for (int i = from; i < to && err == HUFU_OK; i++)
        err = trail_add(t, view_str(book->line[i]));
    return err;
}

static struct canon_receipt receipt_of(uint64_t index, const char *commit)
{
    struct canon_receipt r = { .origin = "a.invalid/log", .index = index };

    (void)snprintf(r.commit, sizeof(r.commit), "%s", commit);
    return r;
}

static void test_trail_whole_log_with_receipts_and_growth_holds(void **state)
{
    const struct book *book = *state;
    struct canon_receipt receipts[2] = { receipt_of(0, "C0"), receipt_of(299, "C299") };
    const uint64_t since[] = { 0, 1, 255, 256, 257, 300 };

    for (size_t i = 0; i < sizeof(since) / sizeof(since[0]); i++) {
        struct trail t;

        trail_init(&t, &book->cp[LINES], &book->cp[since[i]], receipts, 2);
        assert_int_equal(add_all(&t, book, 0, LINES), HUFU_OK);
        assert_int_equal(trail_end(&t), HUFU_OK);
        assert_null(t.fault);
    }
}

static void test_trail_end_notices_what_is_missing_or_changed(void **state)
{
    const struct book *book = *state;
    struct checkpoint other = book->cp[LINES];
    struct trail t;

    trail_init(&t, &book->cp[LINES], NULL, NULL, 0);
    assert_int_equal(add_all(&t, book, 0, LINES - 1), HUFU_OK);
    assert_int_equal(trail_end(&t), HUFU_CORRUPT);
    assert_non_null(t.fault);

    other.root.b[31] ^= 1;
    trail_init(&t, &other, NULL, NULL, 0);
    assert_int_equal(add_all(&t, book, 0, LINES), HUFU_OK);
    assert_int_equal(trail_end(&t), HUFU_CORRUPT);

    other = book->cp[200];
    other.root.b[0] ^= 1; /* an older checkpoint of a history that was rewritten */
    trail_init(&t, &book->cp[LINES], &other, NULL, 0);
    assert_int_equal(add_all(&t, book, 0, LINES), HUFU_OK);
    assert_int_equal(trail_end(&t), HUFU_CORRUPT);

    trail_init(&t, &book->cp[200], &book->cp[LINES], NULL, 0); /* the log shrank */
    assert_int_equal(add_all(&t, book, 0, 200), HUFU_OK);
    assert_int_equal(trail_end(&t), HUFU_CORRUPT);
}

static void test_trail_add_refuses_one_line_too_many(void **state)
{
    const struct book *book = *state;
    struct trail t;

    trail_init(&t, &book->cp[5], NULL, NULL, 0);
    assert_int_equal(add_all(&t, book, 0, 5), HUFU_OK);
    assert_int_equal(trail_add(&t, view_str(book->line[5])), HUFU_CORRUPT);
}

static void test_trail_add_refuses_what_is_no_log_line(void **state)
{
    static char large[TRAIL_LINE_MAX + 2];
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"time\":\"yesterday\"}",
        "{\"time\":\"2026-11-21T10:00:00.000Z\"}\n{}",
        "{\"time\":\"2026-11-21T09:59:59.999Z\"}", /* runs back */
        large,
    };
    const struct book *book = *state;

    (void)snprintf(large, sizeof(large), "{\"time\":\"2026-11-21T11:00:00.000Z\",\"x\":\"");
    memset(large + strlen(large), 'x', sizeof(large) - strlen(large) - 1);
    memcpy(large + sizeof(large) - 3, "\"}", 2);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct trail t;

        trail_init(&t, &book->cp[LINES], NULL, NULL, 0);
        assert_int_equal(add_all(&t, book, 0, 1), HUFU_OK);
        assert_int_equal(trail_add(&t, view_str(bad[i])), HUFU_CORRUPT);
        assert_non_null(t.fault);
        assert_int_equal(t.tree.size, 1);
    }
}

static void test_trail_receipt_must_fit_its_entry(void **state)
{
    const struct book *book = *state;
    struct canon_receipt wrong = receipt_of(7, "C8");
    struct canon_receipt beyond = receipt_of(LINES, "C300");
    struct canon_receipt foreign = receipt_of(7, "C7");
    struct trail t;

    trail_init(&t, &book->cp[LINES], NULL, &wrong, 1);
    assert_int_equal(add_all(&t, book, 0, 7), HUFU_OK);
    assert_int_equal(trail_add(&t, view_str(book->line[7])), HUFU_CORRUPT);
    assert_false(wrong.found);

    trail_init(&t, &book->cp[LINES], NULL, &beyond, 1);
    assert_int_equal(add_all(&t, book, 0, LINES), HUFU_OK);
    assert_int_equal(trail_end(&t), HUFU_CORRUPT);

    (void)snprintf(foreign.origin, sizeof(foreign.origin), "b.invalid/log");
    trail_init(&t, &book->cp[LINES], NULL, &foreign, 1);
    assert_int_equal(add_all(&t, book, 0, LINES), HUFU_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trail_whole_log_with_receipts_and_growth_holds),
        cmocka_unit_test(test_trail_end_notices_what_is_missing_or_changed),
        cmocka_unit_test(test_trail_add_refuses_one_line_too_many),
        cmocka_unit_test(test_trail_add_refuses_what_is_no_log_line),
        cmocka_unit_test(test_trail_receipt_must_fit_its_entry),
    };

    return cmocka_run_group_tests(tests, book_make, NULL);
}
