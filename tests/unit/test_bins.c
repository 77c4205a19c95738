/* Ranges of BINs: read, printed, asked. Control C19. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vault/base/bins.h"

static struct bins parse(const char *text)
{
    struct bins bins;
    const char *why = NULL;

    if (bins_parse(view_str(text), &bins, &why) != HUFU_OK)
        fail_msg("%s: %s", text, why);
    return bins;
}

static void test_bins_parse_prints_the_same(void **state)
{
    static const struct {
        const char *text, *printed;
    } rows[] = {
        { "", "" },
        { " \t\n", "" },
        { "999000", "999000" },
        { "000000", "000000" },
        { "99912345", "99912345" },
        { "999000-999099, 99912345", "999000-999099, 99912345" },
        { "99912345,999000 - 999099", "999000-999099, 99912345" },
        { "  9990001-9990001 \n , 0012345", "0012345, 9990001" },
        { "99900000-99900099, 99900100", "99900000-99900099, 99900100" },
        { "100001,100002,100003,100004,100005,100006,100007,100008,"
          "100009,100010,100011,100012,100013,100014,100015,100016",
          "100001, 100002, 100003, 100004, 100005, 100006, 100007, 100008, "
          "100009, 100010, 100011, 100012, 100013, 100014, 100015, 100016" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bins bins = parse(rows[i].text), again;
        uint8_t mem[BINS_TEXT_MAX];
        struct buf out;

        buf_fixed(&out, mem, sizeof(mem));
        bins_print(&bins, &out);
        assert_int_equal(buf_check(&out), HUFU_OK);
        assert_int_equal(out.len, strlen(rows[i].printed));
        assert_memory_equal(mem, rows[i].printed, out.len);
        again = parse(rows[i].printed);
        assert_true(bins_equal(&bins, &again));
    }
}

/* The longest list there is fits into what bins.h promises. */
static void test_bins_print_at_the_limit(void **state)
{
    struct bins bins = { .count = BINS_MAX };
    uint8_t mem[BINS_TEXT_MAX];
    struct buf out;

    (void)state;
    for (uint32_t i = 0; i < BINS_MAX; i++)
        bins.range[i] = (struct bins_range){ 10000000 + i * 10, 10000005 + i * 10, 8 };
    buf_fixed(&out, mem, sizeof(mem));
    bins_print(&bins, &out);
    assert_int_equal(buf_check(&out), HUFU_OK);
}

static void test_bins_parse_refuses(void **state)
{
    static const struct {
        const char *text, *why;
        enum hufu_err err;
    } rows[] = {
        { "99900", "BINs are numbers of 6 to 8 digits", HUFU_SYNTAX },
        { "999000000", "BINs are numbers of 6 to 8 digits", HUFU_SYNTAX },
        { "99900x", "BINs are numbers", HUFU_SYNTAX },
        { "999000x", "BINs are set apart by commas", HUFU_SYNTAX },
        { "x", "BINs are numbers", HUFU_SYNTAX },
        { "-999000", "BINs are numbers", HUFU_SYNTAX },
        { "999000-", "BINs are numbers", HUFU_SYNTAX },
        { "999000-99", "BINs are numbers", HUFU_SYNTAX },
        { "999000 999001", "BINs are set apart by commas", HUFU_SYNTAX },
        { "999000;999001", "BINs are set apart by commas", HUFU_SYNTAX },
        { "999000,", "BINs are set apart by commas, without one at the end", HUFU_SYNTAX },
        { "999000, ,999001", "BINs are numbers", HUFU_SYNTAX },
        { ",999000", "BINs are numbers", HUFU_SYNTAX },
        { "999000-99900099", "both ends of a range", HUFU_SYNTAX },
        { "999001-999000", "a range of BINs runs backwards", HUFU_SYNTAX },
        { "999000, 999000", "two ranges of BINs overlap", HUFU_SYNTAX },
        { "999000-999099, 99905012", "two ranges of BINs overlap", HUFU_SYNTAX },
        { "99905012, 999000-999099", "two ranges of BINs overlap", HUFU_SYNTAX },
        { "9990999, 999000-999099", "two ranges of BINs overlap", HUFU_SYNTAX },
        { "100001,100002,100003,100004,100005,100006,100007,100008,100009,"
          "100010,100011,100012,100013,100014,100015,100016,100017",
          "16 ranges of BINs at most", HUFU_RANGE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bins bins = { .count = 77 };
        const char *why = NULL;

        if (bins_parse(view_str(rows[i].text), &bins, &why) != rows[i].err)
            fail_msg("taken, or another refusal: %s", rows[i].text);
        if (strncmp(why, rows[i].why, strlen(rows[i].why)) != 0)
            fail_msg("%s: %s", rows[i].text, why);
        assert_int_equal(bins.count, 77);
        assert_int_equal(bins_parse(view_str(rows[i].text), &bins, NULL), rows[i].err);
    }
}

static void test_bins_has(void **state)
{
    static const struct {
        const char *digits;
        bool has;
    } rows[] = {
        { "9990000000000000", true },
        { "9990990000000000", true },
        { "9990999999999999", true },
        { "9989999999999999", false },
        { "9991000000000000", false },
        { "9991234500000000", true },
        { "9991234600000000", false },
        { "9991234400000000", false },
        { "0000000000000000", false },
        { "99912345", true },
        { "9991234", false },
        { "999050", true },
        { "99905", false },
        { "", false },
    };
    struct bins bins = parse("999000-999099, 99912345"), none = parse("");
    struct bins zero = parse("00000000");

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (bins_has(&bins, view_str(rows[i].digits)) != rows[i].has)
            fail_msg("%s", rows[i].digits);
        assert_false(bins_has(&none, view_str(rows[i].digits)));
    }
    /* what is shorter than a BIN does not begin with it */
    assert_false(bins_has(&zero, view_str("0000000")));
    assert_true(bins_has(&zero, view_str("00000000")));
}

/* The n-th numbers are ascending, begin with a BIN, and are all that do. */
static void test_bins_nth_names_each_once(void **state)
{
    struct bins bins = parse("0012340-0012341, 999000-999001, 9991234");
    static const unsigned lens[] = { 7, 8 };

    (void)state;
    assert_int_equal(bins_digits(&bins), 7);
    assert_int_equal(bins_count(&bins, 7), 2 + 20 + 1);
    assert_int_equal(bins_count(&bins, 8), 230);
    for (size_t i = 0; i < 2; i++) {
        uint32_t count = bins_count(&bins, lens[i]), before = 0, seen = 0;

        for (uint32_t n = 0; n < count; n++) {
            uint32_t v = bins_nth(&bins, lens[i], n);
            char text[9];

            snprintf(text, sizeof(text), "%0*u", (int)lens[i], v);
            assert_true(bins_has(&bins, view_str(text)));
            assert_true(n == 0 || v > before);
            before = v;
        }
        for (uint32_t v = 0; v < (i == 0 ? 10000000u : 100000000u); v += 1) {
            char text[9];

            if (i == 1 && v > 200000 && v < 99900000) /* the rest has none: see the first round */
                v = 99900000;
            snprintf(text, sizeof(text), "%0*u", (int)lens[i], v);
            seen += bins_has(&bins, view_str(text));
        }
        assert_int_equal(seen, count);
    }
}

static void test_bins_of_an_empty_list(void **state)
{
    struct bins none = parse(""), some = parse("999000");

    (void)state;
    assert_int_equal(bins_digits(&none), 0);
    assert_int_equal(bins_count(&none, 8), 0);
    assert_false(bins_equal(&none, &some));
    assert_true(bins_equal(&none, &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bins_parse_prints_the_same),
        cmocka_unit_test(test_bins_print_at_the_limit),
        cmocka_unit_test(test_bins_parse_refuses),
        cmocka_unit_test(test_bins_has),
        cmocka_unit_test(test_bins_nth_names_each_once),
        cmocka_unit_test(test_bins_of_an_empty_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
