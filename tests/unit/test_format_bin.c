/* mark = token-bin: the language, the space counted, the draw. Controls C14 and C19. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/format_suite.h"
#include "tests/luhn.h"
#include "tests/unit/format_text.h"
#include "vault/format/format_bin.h"
#include "vault/format/format_part.h"

#define PAN(rest) HEAD("digits(12-18) check(luhn)", "0", "4", "2") rest

static void test_C19_definition_is_read_and_printed(void **state)
{
    static const struct {
        const char *text, *bins;
    } rows[] = {
        { PAN("mark = token-bin\ntoken_bins = 999000\n"), "\ntoken_bins = 999000\n" },
        { PAN("token_bins = 99912345,\n  999000-999099\nmark = token-bin\n"),
          "\ntoken_bins = 999000-999099, 99912345\n" },
        { HEAD("digits(6) check(luhn)", "0", "0", "1") "mark = token-bin\ntoken_bins = 999000\n",
          "\ntoken_bins = 999000\n" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct format *fmt = parse(rows[i].text), *again;
        struct format_set *file = NULL;
        struct buf one, two;

        buf_init(&one, FORMAT_TEXT_MAX);
        buf_init(&two, FORMAT_TEXT_MAX);
        format_print(fmt, &one);
        buf_u8(&one, '\0');
        assert_non_null(strstr((const char *)one.p, rows[i].bins));
        assert_non_null(strstr((const char *)one.p, "\nmark = token-bin\n"));
        again = parse((const char *)one.p);
        format_print(again, &two);
        buf_u8(&two, '\0');
        assert_string_equal((const char *)two.p, (const char *)one.p);
        assert_true(format_is_marked(fmt) && format_is_card(fmt) && format_bins(fmt) != NULL);
        assert_int_equal(format_set_parse(view_str(rows[i].text), &file, NULL, 0), HUFU_OK);
        format_set_free(file);
        format_free(fmt);
        format_free(again);
        buf_done(&one);
        buf_done(&two);
    }
}

static void test_C19_wrong_definitions_are_refused(void **state)
{
    static const struct {
        const char *text, *err_text;
    } rows[] = {
        { PAN("mark = token-bin\n"), "line 1: mark = token-bin needs the key token_bins" },
        { PAN("mark = token-bin\ntoken_bins =\n"), "line 1: mark = token-bin needs the key" },
        { PAN("mark = token-bins\ntoken_bins = 999000\n"), "line 10: a mark is" },
        { PAN("mark = wrong-check\ntoken_bins = 999000\n"), "line 11: the key token_bins needs" },
        { PAN("token_bins = 999000\n"), "line 10: the key token_bins needs" },
        { PAN("mark = token-bin\ntoken_bins = 99900\n"), "line 11: BINs are numbers of 6 to 8" },
        { PAN("mark = token-bin\ntoken_bins = 999000 x\n"), "line 11: BINs are set apart by" },
        { PAN("mark = token-bin\ntoken_bins = 999000-998000\n"), "line 11: a range of BINs runs" },
        { PAN("mark = token-bin\ntoken_bins = 999000, 99900012\n"), "line 11: two ranges of" },
        { PAN("mark = token-bin\ntoken_bins = 999000, 999001, 999002, 999003, 999004, 999005,\n"
              " 999006, 999007, 999008, 999009, 999010, 999011, 999012, 999013, 999014, 999015,\n"
              " 999016\n"),
          "line 11: 16 ranges of BINs at most" },
        { PAN("mark = token-bin\ntoken_bins = 000000-999999\n"),
          "line 1: token_bins must leave some BINs to originals" },
        { PAN("mark = token-bin\ntoken_bins = 999000\nmarked = no\n"), "line 12: marked = no" },
        { HEAD("digits(12-18) check(luhn)", "1", "4",
               "2") "mark = token-bin\ntoken_bins = 999000\n",
          "line 1: a token begins with its BIN: token-bin needs keep_prefix_max = 0" },
        { HEAD("digits(11-18) check(luhn)", "0", "4",
               "2") "mark = token-bin\ntoken_bins = 99912345\n",
          "line 1: the shortest value has no room for a token BIN" },
        { HEAD("digits(5-18) check(luhn)", "0", "0", "2") "mark = token-bin\ntoken_bins = 999000\n",
          "line 1: the shortest value has no room for a token BIN" },
        { HEAD("digits(13-19)", "0", "4", "2") "mark = token-bin\ntoken_bins = 999000\n",
          "line 1: token-bin is for layouts of digits that end with check(luhn)" },
        { HEAD("digits(12-18) check(verhoeff)", "0", "4",
               "2") "mark = token-bin\ntoken_bins = 999000\n",
          "line 1: token-bin is for layouts" },
        { HEAD("digits(12) check(luhn) digits(2)", "0", "4",
               "2") "mark = token-bin\ntoken_bins = 999000\n",
          "line 1: token-bin is for layouts" },
        { HEAD("text(62) digits(12) check(luhn)", "0", "4",
               "2") "mark = token-bin\ntoken_bins = 999000\n",
          "line 1: token-bin is for layouts" },
        { HEAD("email", "0", "0", "2") "mark = token-bin\ntoken_bins = 999000\n",
          "line 1: layout = email needs mark = invalid-domain" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct format *fmt = NULL;
        char err_text[FORMAT_ERR_MAX] = "";

        if (format_parse(view_str(rows[i].text), &fmt, err_text, sizeof(err_text)) != HUFU_SYNTAX)
            fail_msg("taken: %s", rows[i].text);
        if (strncmp(err_text, rows[i].err_text, strlen(rows[i].err_text)) != 0)
            fail_msg("%s\n%s", err_text, rows[i].text);
        assert_null(fmt);
    }
}

/* Of the built in formats one is of cards. */
static void test_C19_with_bins_changes_cards_alone(void **state)
{
    struct bins bins;

    (void)state;
    assert_int_equal(bins_parse(view_str("999000-999099"), &bins, NULL), HUFU_OK);
    for (size_t i = 0; i < format_set_count(set); i++) {
        const struct format *fmt = format_set_at(set, i);
        bool is_pan = strcmp(format_name(fmt), "pan") == 0;
        struct format *changed = NULL;

        assert_null(format_bins(fmt));
        assert_int_equal(format_is_card(fmt), is_pan);
        assert_int_equal(format_with_bins(fmt, &bins, &changed),
                         is_pan ? HUFU_OK : HUFU_UNSUPPORTED_MODE);
        if (!is_pan)
            assert_null(changed);
        else
            assert_true(bins_equal(format_bins(changed), &bins));
        format_free(changed);
    }
}

static void test_C19_with_bins_needs_room(void **state)
{
    struct format *fmt =
        parse(HEAD("digits(11) check(luhn)", "4", "4", "2") "mark = wrong-check\n");
    struct format *changed = NULL;
    struct bins bins;

    (void)state;
    assert_int_equal(bins_parse(view_str("99912345"), &bins, NULL), HUFU_OK);
    assert_int_equal(format_with_bins(fmt, &bins, &changed), HUFU_UNSUPPORTED_MODE);
    assert_null(changed);
    assert_int_equal(bins_parse(view_str("9991234"), &bins, NULL), HUFU_OK);
    assert_int_equal(format_with_bins(fmt, &bins, &changed), HUFU_OK);
    assert_int_equal(format_keep_check(changed, (struct format_keep){ 0, 4 }), HUFU_OK);
    assert_int_equal(format_keep_check(changed, (struct format_keep){ 1, 0 }), HUFU_SYNTAX);
    format_free(changed);
    format_free(fmt);
}

#define SMALL "mark = token-bin\ntoken_bins = 123450-123452, 000007, 999999\n"

static bool is_small_bin(uint32_t bin)
{
    return (bin >= 123450 && bin <= 123452) || bin == 7 || bin == 999999;
}

/* Every string of a format of seven digits, and every one of a bucket of eight. */
static void test_C19_capacity_is_what_counting_gives(void **state)
{
    static const struct {
        const char *text, *stays;
    } rows[] = {
        { HEAD("digits(6) check(luhn)", "0", "0", "1") SMALL, "" },
        { HEAD("digits(7) check(luhn)", "0", "1", "1") SMALL, "0" },
        { HEAD("digits(7) check(luhn)", "0", "1", "1") SMALL, "7" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct format *fmt = parse(rows[i].text);
        struct format_keep keep = { 0, (uint8_t)strlen(rows[i].stays) };
        uint32_t originals = 0, tokens = 0;
        struct format_capacity c;

        for (uint32_t n = 0; n < 10000000; n++) {
            char v[9] = "";
            uint32_t left = n;

            for (size_t k = 7; k-- > 0; left /= 10)
                v[k] = (char)('0' + left % 10);
            v[7] = rows[i].stays[0];
            switch (format_judge(fmt, keep, view_str(v))) {
            case FORMAT_ORIGINAL:
                assert_true(luhn_holds(v) && !is_small_bin(n / 10));
                originals++;
                break;
            case FORMAT_TOKEN_SHAPE:
                assert_true(luhn_holds(v) && is_small_bin(n / 10));
                assert_int_equal(format_check(fmt, view_str(v)), HUFU_INVALID_VALUE);
                tokens++;
                break;
            case FORMAT_NEITHER:
                assert_false(luhn_holds(v));
                break;
            }
        }
        format_capacity(fmt, keep, 0, &c);
        assert_int_equal(tokens, c.tokens);
        assert_int_equal(originals, c.originals);
        assert_int_equal(tokens, 5);
        assert_int_equal(originals, 999995);
        assert_false(format_is_ample(fmt, keep));
        format_free(fmt);
    }
}

static void test_C19_capacity_of_cards(void **state)
{
    static const struct {
        const char *bins;
        uint8_t suffix;
        size_t len;
        uint64_t tokens, originals;
    } rows[] = {
        { "999000", 4, 16, 100000, 99999900000 },
        { "999000", 0, 16, 1000000000, 999999000000000 },
        { "999000-999099", 4, 13, 10000, 99990000 },
        { "99900000-99900099, 999001", 4, 13, 200, 99999800 },
        { "99912345", 4, 13, 1, 99999999 },
        { "000000-899999", 0, 19, 900000000000000000, 100000000000000000 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct format *fmt = NULL;
        struct format_capacity c;
        struct bins bins;

        assert_int_equal(bins_parse(view_str(rows[i].bins), &bins, NULL), HUFU_OK);
        assert_int_equal(format_with_bins(find("pan"), &bins, &fmt), HUFU_OK);
        format_capacity(fmt, (struct format_keep){ 0, rows[i].suffix }, rows[i].len - 13, &c);
        assert_int_equal(c.len, rows[i].len);
        assert_true(c.tokens == rows[i].tokens && c.originals == rows[i].originals);
        format_free(fmt);
    }
}

/* Formats longer than cards: nothing overflows, and what is many is UINT64_MAX. */
static void test_C19_capacity_and_draw_of_the_longest(void **state)
{
    struct format *fmt = parse(HEAD("digits(19-63) check(luhn)", "0", "2", "2") "mark = token-bin\n"
                                                                                "token_bins = "
                                                                                "999000\n");
    char v[FORMAT_VALUE_MAX + 1];
    struct draw draw;

    (void)state;
    draw_init(&draw, &entropy_system);
    for (size_t len = 20; len <= 64; len++) {
        for (uint8_t suffix = 0; suffix <= 2; suffix++) {
            struct format_keep keep = { 0, suffix };
            char token[FORMAT_VALUE_MAX + 1] = "";
            struct format_capacity c;
            bool places[FORMAT_VALUE_MAX] = { false };

            memset(v, '0', len);
            v[len] = '\0';
            format_capacity(fmt, keep, len - 20, &c);
            assert_true(c.tokens >= 100000000000 && c.originals >= c.tokens);
            assert_int_equal(c.originals == UINT64_MAX, len - suffix > 20);
            for (int i = 0; i < 40; i++) {
                assert_int_equal(format_draw(fmt, keep, view_str(v), &draw, (uint8_t *)token),
                                 HUFU_OK);
                assert_true(luhn_holds(token) && memcmp(token, "999000", 6) == 0);
                assert_memory_equal(token + len - suffix, v, suffix);
                assert_int_equal(format_judge(fmt, keep, view_str(token)), FORMAT_TOKEN_SHAPE);
                for (size_t k = 6; k < len; k++)
                    places[k] = places[k] || token[k] != '0';
            }
            for (size_t k = 6; k < len - suffix; k++)
                assert_true(places[k]); /* by chance: 10^-40 a place */
        }
    }
    draw_done(&draw);
    format_free(fmt);
}

/* format_bin_fill goes through the tokens of a bucket, in order and without a gap. */
static void test_C19_fill_gives_each_token_once(void **state)
{
    struct format *fmt = parse(HEAD("digits(9) check(luhn)", "0", "2",
                                    "1") "mark = token-bin\ntoken_bins = 123450-123452, 9999997\n");
    const struct format_shape *shape = format_shape_find(fmt, view_str("0000000000"));

    (void)state;
    for (uint8_t suffix = 0; suffix <= 2; suffix++) {
        struct format_keep keep = { 0, suffix };
        uint64_t count = format_bin_tokens(fmt, shape, keep);
        char before[11] = "", token[11] = "0000000042";

        assert_int_equal(count, suffix == 0 ? 3100 : suffix == 1 ? 310 : 31);
        for (uint64_t n = 0; n < count; n++) {
            format_bin_fill(fmt, shape, keep, n, (uint8_t *)token);
            assert_true(luhn_holds(token));
            assert_int_equal(format_judge(fmt, keep, view_str(token)), FORMAT_TOKEN_SHAPE);
            assert_memory_equal(token + 10 - suffix, &"42"[2 - suffix], suffix);
            assert_true(strcmp(token, before) > 0);
            memcpy(before, token, sizeof(before));
        }
    }
    format_free(fmt);
}

/* 31 tokens, 2,000 draws of each on average: chi-squared with 30 degrees of freedom, p = 10^-9. */
static void test_C19_draw_is_uniform(void **state)
{
    struct format *fmt = parse(HEAD("digits(8) check(luhn)", "0", "1",
                                    "1") "mark = token-bin\ntoken_bins = 123450-123452, 9999997\n");
    struct format_keep keep = { 0, 1 };
    uint32_t times[4][10] = { { 0 } };
    double chi2 = 0;
    struct draw draw;

    (void)state;
    draw_init(&draw, &entropy_system);
    for (int i = 0; i < 62000; i++) {
        char token[FORMAT_VALUE_MAX + 1] = "";

        assert_int_equal(format_draw(fmt, keep, view_str("000000000"), &draw, (uint8_t *)token),
                         HUFU_OK);
        assert_true(luhn_holds(token) && token[8] == '0');
        if (memcmp(token, "9999997", 7) == 0)
            times[3][0]++;
        else if (memcmp(token, "12345", 5) == 0 && token[5] <= '2')
            times[token[5] - '0'][token[6] - '0']++;
        else
            fail_msg("%s", token);
    }
    for (int i = 0; i < 31; i++) {
        double off = (double)times[i / 10][i % 10] - 2000;

        chi2 += off * off / 2000;
    }
    if (chi2 > 107)
        fail_msg("chi-squared %f", chi2);
    draw_done(&draw);
    format_free(fmt);
}

static enum hufu_err no_entropy(const struct entropy_ops *e, uint8_t *out, size_t out_len)
{
    (void)e;
    (void)out;
    (void)out_len;
    return HUFU_IO;
}

static void test_C19_draw_fails_with_the_generator(void **state)
{
    static const struct entropy_ops none = { no_entropy };
    struct format *fmt = parse(HEAD("digits(7) check(luhn)", "0", "1", "1") SMALL);
    uint8_t token[FORMAT_VALUE_MAX] = "untouched";
    struct draw draw;

    (void)state;
    draw_init(&draw, &none);
    assert_int_equal(
        format_draw(fmt, (struct format_keep){ 0, 0 }, view_str("00000000"), &draw, token),
        HUFU_IO);
    assert_string_equal((const char *)token, "untouched");
    draw_done(&draw);
    format_free(fmt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C19_definition_is_read_and_printed),
        cmocka_unit_test(test_C19_wrong_definitions_are_refused),
        cmocka_unit_test(test_C19_with_bins_changes_cards_alone),
        cmocka_unit_test(test_C19_with_bins_needs_room),
        cmocka_unit_test(test_C19_capacity_is_what_counting_gives),
        cmocka_unit_test(test_C19_capacity_of_cards),
        cmocka_unit_test(test_C19_capacity_and_draw_of_the_longest),
        cmocka_unit_test(test_C19_fill_gives_each_token_once),
        cmocka_unit_test(test_C19_draw_is_uniform),
        cmocka_unit_test(test_C19_draw_fails_with_the_generator),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
