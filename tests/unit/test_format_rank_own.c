/*
 * test_format_rank_own.c - all ranks of small formats, one after the other; and the edges of the
 * language: the longest values, marks that cannot tell.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/format_text.h"
#include "tests/unit/rank_rig.h"
#include "vault/format/format_rank.h"

#define WRONG "mark = wrong-check\n"
#define M31   "[alphabet m]\nsymbols = 0-9 A-H J-N P-R T U W-Y\n"

/* Each has between 10^6 and 2 * 10^6 originals in the bucket of the one that is named. */
static const struct {
    const char *text, *original;
    uint8_t prefix, suffix;
    uint32_t generations;
    uint64_t originals;
} rows[] = {
    { HEAD("digits(6) check(luhn)", "0", "0", "7") WRONG, "0000000", 0, 0, 9, 1000000 },
    { HEAD("digits(8) check(luhn)", "2", "2", "5") WRONG, "100000008", 1, 1, 9, 1000000 },
    { HEAD("digits(7) check(verhoeff) digits(2)", "1", "4", "5") WRONG, "0000000000", 0, 3, 9,
      1000000 },
    { HEAD("digits(7) check(verhoeff) digits(2)", "1", "4", "5") WRONG, "0000000000", 1, 2, 9,
      1000000 },
    { HEAD("set(s) digits(6) check(weighted, 10, 9-1-3-7) digits(2)", "2", "3", "5") WRONG
      "[set s]\nvalues = 01-09, 33\n",
      "01000000000", 0, 3, 9, 10 * 100000 },
    { HEAD("set(s) digits(4) check(weighted, 11, 2-3-4-5)", "3", "0", "2") WRONG
      "[set s]\nvalues = 000-100, 555\n",
      "00000000", 0, 0, 10, 1020000 },
    { HEAD("set(s) date(ddmmyyyy, 1999-2004) set(t) check(mod11-2)", "2", "0", "8") WRONG
      "[set s]\nvalues = 11-15, 21, 99\n[set t]\nvalues = 00-65, 99\n",
      "1101011999000", 0, 0, 10, 7 * 2192 * 67 },
    { HEAD("text(7) date(yymmdd, 1996-2025) digits(2) check(luhn)", "1", "0", "8") WRONG,
      "7960101001", 1, 0, 9, 10958 * 100 },
    { HEAD("chars(m, 3) set(s) digits(1) check(mod31)", "0", "2", "5") WRONG M31
      "[set s]\nvalues = A0-A9, B0-B9, C0-C9, D0-D9, E0-E9, F0-F9, G0-G9, H0-H9, J0-J9, 10-19,\n"
      "    L0-L9\n",
      "000A000", 0, 1, 30, 31 * 31 * 110 * 10 },
    { HEAD("letters(1) set(s) digits(4)", "0", "0", "6") "mark = unissued\nunissued = s(E-Z)\n"
                                                         "[set s]\nvalues = A-D\n",
      "AA0000", 0, 0, 5, 26 * 4 * 10000 },
    { HEAD("set(s) set(t) digits(3)", "0", "1", "3") "mark = unissued\n"
                                                     "unissued = t(20-30) s(900) | t(50-79) | "
                                                     "s(200-999) | s(101-110)\n[set s]\n"
                                                     "values = 000-100\n[set t]\nvalues = 00-09\n",
      "00000000", 0, 0, 7, 1010000 },
    { HEAD("country(c) check(mod97) bban", "0", "0", "3") "mark = check-digits(00, 01, 99)\n"
                                                          "[countries c]\nXA = 6n\nXB = 4c\n"
                                                          "XC = 2a2n1c\n",
      "XB000000", 0, 0, 2, 36 * 36 * 36 * 36 },
    { HEAD("country(c) check(mod97) bban", "0", "2", "3") "mark = check-digits(01, 99)\n"
                                                          "[countries c]\nXA = 7n\n",
      "XA000000000", 0, 1, 1, 1000000 },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Makes an original of the row's string: its check is what one of all characters makes right. */
static void complete(const struct format *fmt, uint8_t value[static FORMAT_VALUE_MAX], size_t len)
{
    static const char symbols[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    if (format_check(fmt, view_of(value, len)) == HUFU_OK)
        return;
    for (unsigned digits = 2; value[0] == 'X' && digits <= 98; digits++) {
        value[2] = (uint8_t)('0' + digits / 10);
        value[3] = (uint8_t)('0' + digits % 10);
        if (format_check(fmt, view_of(value, len)) == HUFU_OK)
            return;
    }
    for (size_t at = len; at-- > 0;) {
        uint8_t was = value[at];

        for (size_t i = 0; i < sizeof(symbols) - 1; i++) {
            value[at] = (uint8_t)symbols[i];
            if (format_check(fmt, view_of(value, len)) == HUFU_OK)
                return;
        }
        value[at] = was;
    }
    fail_msg("%.*s makes no original", (int)len, value);
}

static void run(const struct format *fmt, size_t row, uint64_t originals)
{
    struct format_keep keep = { rows[row].prefix, rows[row].suffix };
    uint8_t like[FORMAT_VALUE_MAX], out[FORMAT_VALUE_MAX];
    size_t len = strlen(rows[row].original);
    struct format_rank rank;
    u128 all = 1;

    memcpy(like, rows[row].original, len);
    complete(fmt, like, len);
    assert_int_equal(format_rank(fmt, keep, view_of(like, len), &rank), HUFU_OK);
    for (size_t i = 0; i < rank.len; i++)
        all *= rank.radix;
    assert_true(all >= originals && (all - originals) * 10000 < (u128)originals * 21);
    for (uint64_t n = 0; n < all; n++) {
        uint32_t generations = rows[row].generations;

        number_put(n, &rank);
        if (leads_back(fmt, keep, view_of(like, len), &rank, out) != (n < originals))
            fail_msg("row %zu: rank %ju", row, (uintmax_t)n);
        if (n >= originals || n % 61 != 0)
            continue;
        if (format_check(fmt, view_of(out, len)) != HUFU_OK ||
            !format_same_bucket(fmt, keep, view_of(like, len), view_of(out, len)))
            fail_msg("row %zu: %.*s", row, (int)len, out);
        check_token(fmt, keep, view_of(out, len), (uint32_t)(n / 61 % generations), generations);
    }
}

/* rank follows unrank for each of N ranks: N originals, all different, so all that there are. */
static void test_format_rank_of_every_original(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        struct format *fmt = parse(rows[i].text);
        struct format_keep keep = { rows[i].prefix, rows[i].suffix };
        struct format_capacity c;
        uint32_t generations = 0;
        size_t kind = format_kind(fmt, view_str(rows[i].original));

        if (format_rank_check(fmt, keep, &generations) != HUFU_OK ||
            generations != rows[i].generations)
            fail_msg("row %zu: %u generations", i, generations);
        assert_true(kind < format_kind_count(fmt));
        format_capacity(fmt, keep, kind, &c);
        if (c.originals != rows[i].originals)
            fail_msg("row %zu: %ju originals", i, (uintmax_t)c.originals);
        run(fmt, i, c.originals);
        format_free(fmt);
    }
}

/* The other way: each string that is an original has a rank, and no two have the same. */
static void test_format_rank_is_no_others(void **state)
{
    static uint8_t seen[1000000];
    struct format *fmt = parse(rows[1].text);
    uint8_t value[FORMAT_VALUE_MAX];
    uint64_t originals = 0;

    (void)state;
    memset(seen, 0, sizeof(seen));
    for (uint32_t n = 0; n < 10000000; n++) {
        struct format_rank rank;
        uint32_t rest = n;

        value[0] = '1';
        value[8] = '8';
        for (size_t i = 8; i-- > 1; rest /= 10)
            value[i] = (uint8_t)('0' + rest % 10);
        if (format_check(fmt, view_of(value, 9)) != HUFU_OK)
            continue;
        assert_int_equal(format_rank(fmt, keep_of(1, 1), view_of(value, 9), &rank), HUFU_OK);
        originals++;
        assert_int_equal(seen[number_of(&rank)]++, 0);
    }
    assert_int_equal(originals, 1000000);
    format_free(fmt);
}

/* The most that a value can hold: 36^62 and 31^63 originals. */
static const struct {
    const char *text;
    uint32_t generations;
} wide[] = {
    { HEAD("set(s) alnum(62)", "0", "2", "60") "mark = unissued\nunissued = s(30-99)\n[set s]\n"
                                               "values = 00-09\n",
      7 },
    { HEAD("chars(m, 63) check(mod31)", "0", "1", "60") WRONG M31, 30 },
    { HEAD("digits(63) check(luhn)", "1", "1", "60") WRONG, 9 },
    { HEAD("country(c) check(mod97) bban", "0", "1", "55") "mark = check-digits(00, 01, 99)\n"
                                                           "[countries c]\nXX = 60c\n",
      2 },
};

static void test_format_rank_of_the_longest(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
        struct format *fmt = parse(wide[i].text);

        for (unsigned suffix = 0; suffix <= 1; suffix++) {
            struct format_keep keep = keep_of(0, suffix);
            uint8_t like[FORMAT_VALUE_MAX], out[FORMAT_VALUE_MAX];
            struct format_rank rank;
            uint32_t generations;
            unsigned found = 0;

            memset(like, '0', sizeof(like));
            if (i == 3)
                like[0] = like[1] = 'X';
            complete(fmt, like, 64);
            assert_int_equal(format_rank_check(fmt, keep, &generations), HUFU_OK);
            assert_int_equal(generations, wide[i].generations);
            assert_int_equal(format_rank(fmt, keep, view_of(like, 64), &rank), HUFU_OK);
            assert_in_range(rank.len, 13, FORMAT_RANK_MAX);
            for (unsigned n = 0; n < 1000; n++) {
                for (size_t k = 0; k < rank.len; k++)
                    rank.symbol[k] = (uint16_t)below(rank.radix);
                if (!check_rank(fmt, keep, view_of(like, 64), &rank, out))
                    continue;
                found++;
                assert_int_equal(format_check(fmt, view_of(out, 64)), HUFU_OK);
                check_token(fmt, keep, view_of(out, 64), n % generations, generations);
            }
            assert_true(found > 980);
        }
        format_free(fmt);
    }
}

/* What a mark cannot tell, or where too little is hidden of a set. */
static const struct {
    const char *text;
    uint8_t prefix, suffix;
    enum hufu_err err;
    uint32_t generations;
    const char *widest;
} checks[] = {
    /* The check stays, and of the five symbols none need make it right. */
    { HEAD("chars(a, 12) check(weighted, 10, 3-7-1)", "0", "1", "9") WRONG
      "[alphabet a]\nsymbols = 0-4\n",
      0, 1, HUFU_UNSUPPORTED_MODE, 0, "0+0" },
    { HEAD("chars(a, 12) check(weighted, 10, 3-7-1)", "0", "1", "9") WRONG
      "[alphabet a]\nsymbols = 0-9\n",
      0, 1, HUFU_OK, 9, "0+1" },
    /* Just enough, and one too few. */
    { HEAD("set(s) digits(4) check(luhn)", "3", "0", "4") WRONG "[set s]\nvalues = 100-199\n", 0, 0,
      HUFU_OK, 9, "0+0" },
    { HEAD("set(s) digits(4) check(luhn)", "3", "0", "4") WRONG "[set s]\nvalues = 100-198\n", 0, 0,
      HUFU_DOMAIN_SMALL, 0, "" },
    /* The shortest value decides. */
    { HEAD("digits(5-9) check(luhn)", "0", "0", "4") WRONG, 0, 0, HUFU_DOMAIN_SMALL, 0, "" },
    { HEAD("digits(6-9) check(luhn)", "0", "0", "4") WRONG, 0, 0, HUFU_OK, 9, "0+0" },
    /* A set that is kept in part. */
    { HEAD("set(s) digits(9) check(luhn)", "3", "0", "4") WRONG "[set s]\nvalues = 10-19\n", 1, 0,
      HUFU_DOMAIN_SMALL, 0, "3+0" },
    { HEAD("digits(9) set(s)", "0", "3", "4") "mark = unissued\nunissued = s(20-99)\n[set s]\n"
                                              "values = 10-19\n",
      0, 1, HUFU_DOMAIN_SMALL, 0, "0+0" },
    { HEAD("digits(9) set(s) digits(1)", "0", "1", "4") "mark = unissued\nunissued = s(20-99)\n"
                                                        "[set s]\nvalues = 10-19\n",
      0, 1, HUFU_OK, 8, "0+1" },
    /* The set that stays does not carry; the other does, with less room. */
    { HEAD("digits(6) set(s) set(t)", "0", "2", "4") "mark = unissued\nunissued = t(20-99) | "
                                                     "s(30-59)\n[set s]\nvalues = 10-19\n[set "
                                                     "t]\nvalues = 00-09\n",
      0, 0, HUFU_OK, 8, "0+2" },
    { HEAD("digits(6) set(s) set(t)", "0", "2", "4") "mark = unissued\nunissued = t(20-99) | "
                                                     "s(30-59)\n[set s]\nvalues = 10-19\n[set "
                                                     "t]\nvalues = 00-09\n",
      0, 2, HUFU_OK, 3, "0+2" },
    /* Nothing else carries. */
    { HEAD("digits(8) set(t)", "0", "2", "4") "mark = unissued\nunissued = t(20-24)\n[set t]\n"
                                              "values = 00-05\n",
      0, 0, HUFU_UNSUPPORTED_MODE, 0, "" },
    { HEAD("digits(8)", "0", "0", "4") "marked = no\n", 0, 0, HUFU_UNSUPPORTED_MODE, 0, "" },
};

static void test_format_rank_check_of_own_formats(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        struct format *fmt = parse(checks[i].text);
        struct format_keep keep = { checks[i].prefix, checks[i].suffix };
        uint32_t generations = 0;
        uint8_t mem[64];
        struct buf out;

        assert_int_equal(format_keep_check(fmt, keep), HUFU_OK);
        if (format_rank_check(fmt, keep, &generations) != checks[i].err ||
            generations != checks[i].generations)
            fail_msg("row %zu: %u", i, generations);
        buf_fixed(&out, mem, sizeof(mem));
        format_rank_widest(fmt, &out);
        if (!view_equal(buf_view(&out), view_str(checks[i].widest)))
            fail_msg("row %zu: %.*s", i, (int)out.len, (const char *)mem);
        buf_done(&out);
        format_free(fmt);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format_rank_of_every_original),
        cmocka_unit_test(test_format_rank_is_no_others),
        cmocka_unit_test(test_format_rank_of_the_longest),
        cmocka_unit_test(test_format_rank_check_of_own_formats),
    };
    int failed;

    draw_init(&draw, &entropy_system);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    draw_done(&draw);
    return failed;
}
