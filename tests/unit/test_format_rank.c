/*
 * test_format_rank.c - ranks and the marks that carry a generation, over every built-in format with
 * every kept part that is offered. test_format_rank_own.c goes through all ranks of small formats.
 *
 * How many originals a bucket has is known from format_capacity, which test_format_space.c holds
 * against counting. So many ranks, each with an original of its own: that is all of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/format_suite.h"
#include "tests/unit/rank_rig.h"
#include "vault/format/format_rank.h"
#include "vault/format/format_wide.h"

/* ---- the built-in formats ---- */

static const struct {
    const char *format, *original;
} rows[] = {
    { "pan", "4222222222222" },
    { "pan", "30569309025904" },
    { "pan", "378282246310005" },
    { "pan", "4111111111111111" },
    { "pan", "4000000000000000006" },
    { "iban", "DE89370400440532013000" },
    { "iban", "DE97370400440532013050" },
    { "iban", "DE98370400440532013032" },
    { "iban", "DE02370400440532013014" },
    { "iban", "NO9386011117947" },
    { "iban", "GB29NWBK60161331926819" },
    { "iban", "MT84MALT011000012345MTLCAST001S" },
    { "iban", "RU0304452522540817810538091310419" },
    { "bank-account", "1234567" },
    { "cn-id", "11010519491231002X" },
    { "cn-mobile", "13800138000" },
    { "passport", "C01X00T47" },
    { "cn-passport", "E12345678" },
    { "cn-passport", "EJ1234567" },
    { "uscc", "91350100M000100Y43" },
    { "us-ssn", "078051120" },
    { "us-aba-account", "0210000211234" },
    { "us-aba-account", "11100002512345678901234567" },
    { "uk-sort-account", "20000055779911" },
    { "in-pan", "ACUPA7085R" },
    { "in-aadhaar", "234123412346" },
    { "generic-digits", "123456" },
    { "generic-alnum", "AB12CD" },
    { "email", "a.person@bank.example" },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* The rank of one original, the edges, and ranks at random. */
static void check_bucket(const struct format *fmt, struct format_keep keep, struct view original,
                         uint32_t generations)
{
    struct format_capacity c;
    struct format_rank rank;
    uint8_t out[FORMAT_VALUE_MAX + 1] = { 0 };
    unsigned found = 0;

    assert_int_equal(format_rank(fmt, keep, original, &rank), HUFU_OK);
    assert_in_range(rank.radix, 2, 65536);
    assert_in_range(rank.len, 2, FORMAT_RANK_MAX);
    assert_true(check_rank(fmt, keep, original, &rank, out));
    assert_true(view_equal(view_of(out, original.len), original));
    for (uint32_t g = 0; g < generations; g++)
        check_token(fmt, keep, original, g, generations);
    format_capacity(fmt, keep, format_kind(fmt, original), &c);
    if (c.originals < UINT64_MAX) { /* the last there is, and the first there is not */
        u128 all = 1;

        for (size_t i = 0; i < rank.len; i++)
            all *= rank.radix;
        assert_true(all >= c.originals && (all - c.originals) * 10000 < (u128)c.originals * 21);
        assert_true(c.originals >= FORMAT_RANK_LEAST && number_of(&rank) < c.originals);
        number_put(c.originals - 1, &rank);
        assert_true(check_rank(fmt, keep, original, &rank, out));
        if (all > c.originals) {
            number_put(c.originals, &rank);
            assert_false(check_rank(fmt, keep, original, &rank, out));
        }
    }
    for (unsigned i = 0; i < 60; i++) {
        for (size_t k = 0; k < rank.len; k++)
            rank.symbol[k] = (uint16_t)below(rank.radix);
        if (!check_rank(fmt, keep, original, &rank, out))
            continue;
        found++;
        for (uint32_t g = 0; g < generations; g++)
            check_token(fmt, keep, view_of(out, original.len), g, generations);
    }
    assert_true(found >= 50); /* of 500 ranks at most one is beyond the last */
}

/* What check says follows from the mark, the sets and how many originals there are. */
static bool check_keep(const struct format *fmt, struct format_keep keep, struct view original)
{
    uint32_t generations = 12345;
    uint64_t least = UINT64_MAX;
    enum hufu_err err = format_rank_check(fmt, keep, &generations);

    if (err != HUFU_OK)
        assert_int_equal(generations, 12345);
    for (size_t i = 0; i < format_kind_count(fmt); i++) {
        struct format_capacity c;

        format_capacity(fmt, keep, i, &c);
        least = c.originals < least ? c.originals : least;
    }
    if (least < FORMAT_RANK_LEAST)
        assert_int_not_equal(err, HUFU_OK);
    if (err != HUFU_OK)
        return false;
    assert_true(generations >= 1);
    check_bucket(fmt, keep, original, generations);
    return true;
}

static void test_C14_ranks_and_tokens_of_every_format(void **state)
{
    unsigned fit = 0, unfit = 0;

    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        const struct format *fmt = find(rows[i].format);

        assert_int_equal(format_check(fmt, view_str(rows[i].original)), HUFU_OK);
        for (unsigned k = 0; k < 65 * 65; k++) {
            struct format_keep keep = keep_of(k / 65, k % 65);

            if (format_keep_check(fmt, keep) != HUFU_OK)
                continue;
            if (check_keep(fmt, keep, view_str(rows[i].original)))
                fit++;
            else
                unfit++;
        }
    }
    assert_true(fit > 200 && unfit > 50);
    for (size_t f = 0; f < format_set_count(set); f++) {
        bool seen = false;

        for (size_t i = 0; i < ROWS; i++)
            seen = seen || strcmp(rows[i].format, format_name(format_set_at(set, f))) == 0;
        if (!seen)
            fail_msg("%s", format_name(format_set_at(set, f)));
    }
    print_message("%u kept parts are fit for ff1, %u are not\n", fit, unfit);
}

/* ---- known by hand ---- */

static const struct {
    const char *format;
    uint8_t prefix, suffix;
    enum hufu_err err;
    uint32_t generations;
} checks[] = {
    { "pan", 0, 0, HUFU_OK, 9 },
    { "pan", 0, 4, HUFU_OK, 9 },
    { "pan", 6, 0, HUFU_OK, 9 }, /* of 13 digits: six and a check, just a million */
    { "pan", 6, 1, HUFU_DOMAIN_SMALL, 0 },
    { "pan", 6, 4, HUFU_DOMAIN_SMALL, 0 },
    { "pan", 8, 0, HUFU_DOMAIN_SMALL, 0 }, /* of 13 digits 10^4 */
    { "iban", 0, 0, HUFU_OK, 2 },
    { "iban", 4, 1, HUFU_OK, 2 }, /* six digits of Norway's eleven */
    { "iban", 4, 2, HUFU_DOMAIN_SMALL, 0 },
    { "bank-account", 0, 0, HUFU_UNSUPPORTED_MODE, 0 }, /* one start for nine */
    { "cn-id", 0, 0, HUFU_OK, 10 },
    { "cn-id", 1, 0, HUFU_DOMAIN_SMALL, 0 }, /* within the province */
    { "cn-id", 2, 0, HUFU_OK, 10 },
    { "cn-id", 6, 0, HUFU_OK, 10 },
    { "cn-mobile", 0, 3, HUFU_OK, 11 }, /* 80 starts for 7 */
    { "cn-mobile", 0, 4, HUFU_DOMAIN_SMALL, 0 },
    { "passport", 0, 0, HUFU_UNSUPPORTED_MODE, 0 },
    { "cn-passport", 0, 2, HUFU_OK, 1 }, /* 180 starts for 133 */
    { "uscc", 0, 0, HUFU_OK, 30 },
    { "uscc", 1, 0, HUFU_DOMAIN_SMALL, 0 },
    { "uscc", 8, 0, HUFU_OK, 30 },
    { "us-ssn", 0, 0, HUFU_UNSUPPORTED_MODE, 0 }, /* 2 areas for 898 */
    { "us-ssn", 0, 2, HUFU_UNSUPPORTED_MODE, 0 },
    { "us-aba-account", 4, 2, HUFU_OK, 9 },
    { "us-aba-account", 4, 3, HUFU_DOMAIN_SMALL, 0 },
    { "us-aba-account", 1, 0, HUFU_DOMAIN_SMALL, 0 },
    { "uk-sort-account", 0, 0, HUFU_UNSUPPORTED_MODE, 0 },
    { "in-pan", 0, 1, HUFU_OK, 1 }, /* 14 letters for 12 */
    { "in-aadhaar", 0, 4, HUFU_OK, 9 },
    { "generic-digits", 0, 0, HUFU_UNSUPPORTED_MODE, 0 },
    { "generic-alnum", 0, 0, HUFU_UNSUPPORTED_MODE, 0 },
    { "email", 0, 0, HUFU_UNSUPPORTED_MODE, 0 },
};

static void test_format_rank_check_by_hand(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        struct format_keep keep = { checks[i].prefix, checks[i].suffix };
        uint32_t generations = 0;

        if (format_rank_check(find(checks[i].format), keep, &generations) != checks[i].err ||
            generations != checks[i].generations)
            fail_msg("%s %u+%u: %u", checks[i].format, keep.prefix, keep.suffix, generations);
    }
}

static const struct {
    const char *format, *widest;
} widest[] = {
    { "pan", "2+4, 3+3, 4+2, 5+1, 6+0" },
    { "iban", "1+4, 2+3, 3+2, 4+1, 5+0" },
    { "cn-id", "6+0" },
    { "cn-mobile", "0+3" },
    { "uscc", "8+0" },
    { "us-aba-account", "2+4, 3+3, 4+2" },
    { "in-aadhaar", "0+4" },
    { "us-ssn", "" },
    { "email", "" },
    { "generic-digits", "" },
};

static void test_format_rank_widest_by_hand(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(widest) / sizeof(widest[0]); i++) {
        uint8_t mem[64];
        struct buf out;

        buf_fixed(&out, mem, sizeof(mem));
        format_rank_widest(find(widest[i].format), &out);
        assert_int_equal(buf_check(&out), HUFU_OK);
        if (!view_equal(buf_view(&out), view_str(widest[i].widest)))
            fail_msg("%s: %.*s", widest[i].format, (int)out.len, (const char *)mem);
        buf_done(&out);
    }
}

static const struct {
    const char *format, *original;
    uint8_t prefix, suffix;
    uint32_t radix;
    size_t len;
    uint64_t rank;
} ranks[] = {
    /* 10^11: eleven of the twelve hidden digits, for the first is settled by the check. 4642 is the
     * least cube that reaches it, 31623 the least square that reaches 10^9. */
    { "pan", "4111111111111111", 0, 4, 4642, 3, 11111111111 },
    { "pan", "4111111111111111", 6, 0, 31623, 2, 111111111 },
    { "pan", "4222222222222", 6, 0, 1000, 2, 222222 },
    /* 11 is the first province, 1949-12-31 the last of 50 years with 12 leap days. */
    { "cn-id", "11010519491231002X", 0, 0, 29177, 3, (105ull * 73049 + 18261) * 1000 + 2 },
    { "cn-mobile", "13800138000", 0, 0, 1913, 3, 800138000 },
    { "cn-mobile", "19999999999", 0, 0, 1913, 3, 6999999999 },
    { "in-pan", "AAAAA0001A", 0, 0, 11255, 3, 0 },
    { "in-pan", "ZZZTZ9999Z", 0, 0, 11255, 3, 26ull * 26 * 26 * 12 * 26 * 9999 * 26 - 1 },
    { "iban", "DE89370400440532013000", 0, 0, 31623, 4, 370400440532013000 },
};

static void test_format_rank_by_hand(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++) {
        struct format_keep keep = { ranks[i].prefix, ranks[i].suffix };
        struct format_rank rank;

        assert_int_equal(
            format_rank(find(ranks[i].format), keep, view_str(ranks[i].original), &rank), HUFU_OK);
        if (rank.radix != ranks[i].radix || rank.len != ranks[i].len ||
            number_of(&rank) != ranks[i].rank)
            fail_msg("%s: %u^%zu, %ju", ranks[i].original, rank.radix, rank.len,
                     (uintmax_t)number_of(&rank));
    }
}

/* NULL for the original: no token of any generation. */
static const struct {
    const char *format, *token;
    uint8_t prefix, suffix;
    uint32_t generation;
    const char *original;
} tokens[] = {
    { "pan", "4111111111111112", 6, 0, 0, "4111111111111111" },
    { "pan", "4111111111111119", 6, 0, 7, "4111111111111111" },
    { "pan", "4111111111111110", 6, 0, 8, "4111111111111111" },
    { "pan", "4111111111111111", 6, 0, 0, NULL },
    { "pan", "411111111111111A", 6, 0, 0, NULL },
    { "pan", "411111111111", 6, 0, 0, NULL },
    { "pan", "5111111111111111", 0, 4, 0, "4111111111111111" }, /* the first is settled */
    { "pan", "3111111111111111", 0, 4, 8, "4111111111111111" },
    { "cn-id", "110105194912310020", 0, 0, 0, "11010519491231002X" },
    { "cn-id", "110105194912310029", 6, 0, 9, "11010519491231002X" },
    { "cn-id", "11010519491231002X", 6, 0, 0, NULL },
    { "cn-id", "110105194902300020", 6, 0, 0, NULL }, /* 30 February */
    { "cn-id", "990105194912310020", 0, 0, 0, NULL }, /* no province */
    { "uscc", "91350100M000100Y44", 8, 0, 0, "91350100M000100Y43" },
    { "uscc", "91350100M000100Y4Y", 8, 0, 26, "91350100M000100Y43" },
    { "uscc", "91350100M000100Y42", 8, 0, 29, "91350100M000100Y43" },
    { "iban", "DE00370400440532013000", 0, 0, 0, "DE89370400440532013000" },
    { "iban", "DE01370400440532013000", 0, 0, 1, "DE89370400440532013000" },
    { "iban", "DE99370400440532013000", 0, 0, 0, NULL }, /* the third is left over */
    { "iban", "DE88370400440532013000", 0, 0, 0, NULL },
    { "iban", "DE89370400440532013000", 0, 0, 0, NULL },
    { "iban", "DE00370400440532013050", 0, 0, 0, NULL }, /* right by chance, as 97 is */
    { "iban", "DE01370400440532013050", 0, 0, 0, "DE97370400440532013050" },
    { "iban", "DE99370400440532013050", 0, 0, 1, "DE97370400440532013050" },
    { "iban", "DE00370400440532013032", 0, 0, 0, "DE98370400440532013032" },
    { "iban", "DE99370400440532013032", 0, 0, 1, "DE98370400440532013032" },
    { "iban", "DE01370400440532013014", 0, 0, 1, "DE02370400440532013014" },
    { "cn-mobile", "20800138000", 0, 0, 0, "13800138000" },
    { "cn-mobile", "27800138000", 0, 0, 1, "13800138000" },
    { "cn-mobile", "96999999999", 0, 0, 10, "19999999999" },
    { "cn-mobile", "97999999999", 0, 0, 0, NULL }, /* 97 to 99 are left over */
    { "cn-mobile", "12999999999", 0, 0, 0, NULL },
    { "cn-passport", "Q01234567", 0, 0, 0, "141234567" },
    { "in-pan", "ACUWA7085R", 0, 0, 0, "ACUPA7085R" }, /* the eleventh of each */
    { "in-pan", "ACUYA7085R", 0, 0, 0, NULL },
    { "in-pan", "ACUWA0000R", 0, 0, 0, NULL },
    { "us-ssn", "000051120", 0, 0, 0, NULL },
    { "generic-digits", "123456", 0, 0, 0, NULL },
};

static void test_format_rank_unmark_by_hand(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        const struct format *fmt = find(tokens[i].format);
        struct format_keep keep = { tokens[i].prefix, tokens[i].suffix };
        struct view token = view_str(tokens[i].token);
        uint8_t out[FORMAT_VALUE_MAX + 1] = "#";
        uint32_t generation = 777;
        enum hufu_err err = format_rank_unmark(fmt, keep, token, &generation, out);

        if (tokens[i].original == NULL) {
            if (err != HUFU_NOT_TOKEN || generation != 777 || out[0] != '#' || out[1] != '\0')
                fail_msg("%s: %u %s", tokens[i].token, generation, out);
            continue;
        }
        if (err != HUFU_OK || generation != tokens[i].generation ||
            strcmp((const char *)out, tokens[i].original) != 0)
            fail_msg("%s: %u %s", tokens[i].token, generation, out);
        format_rank_mark(fmt, keep, view_str(tokens[i].original), generation, out);
        assert_string_equal(out, tokens[i].token);
    }
}

/* ---- tokens that format_draw made ---- */

/* Every wrong check is of some generation; what unmark takes, mark gives back. */
static void test_format_rank_unmark_of_drawn_tokens(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        struct format_keep keep = { 0, 0 };
        struct view original = view_str(rows[i].original);
        const struct format *fmt = find(rows[i].format);
        uint32_t generations;

        if (format_rank_check(fmt, keep, &generations) != HUFU_OK)
            continue;
        for (unsigned n = 0; n < 300; n++) {
            uint8_t token[FORMAT_VALUE_MAX], out[FORMAT_VALUE_MAX], again[FORMAT_VALUE_MAX];
            struct view t = { token, original.len };
            uint32_t generation;

            assert_int_equal(format_draw(fmt, keep, original, &draw, token), HUFU_OK);
            if (format_rank_unmark(fmt, keep, t, &generation, out) != HUFU_OK) {
                assert_string_not_equal(rows[i].format, "pan");
                continue;
            }
            assert_int_equal(format_check(fmt, view_of(out, t.len)), HUFU_OK);
            assert_true(generation < generations);
            format_rank_mark(fmt, keep, view_of(out, t.len), generation, again);
            assert_true(view_equal(view_of(again, t.len), t));
        }
    }
}

static void test_format_rank_refuses(void **state)
{
    const struct format *pan = find("pan");
    struct format_keep keep = { 6, 0 };
    struct format_rank rank = { .radix = 7 };
    uint8_t out[FORMAT_VALUE_MAX] = "#";

    (void)state;
    assert_int_equal(format_rank(pan, keep, view_str("4111111111111112"), &rank),
                     HUFU_INVALID_VALUE);
    assert_int_equal(format_rank(pan, keep, view_str("411"), &rank), HUFU_INVALID_VALUE);
    assert_int_equal(rank.radix, 7);
    assert_int_equal(format_rank(pan, keep, view_str("4111111111111111"), &rank), HUFU_OK);
    assert_int_equal(format_unrank(pan, keep, view_str("411111111111111A"), &rank, out),
                     HUFU_INVALID_VALUE);
    assert_int_equal(format_unrank(pan, keep, view_str("411"), &rank, out), HUFU_INVALID_VALUE);
    number_put(UINT64_C(1000000000), &rank); /* 31623^2 is 1000014129 */
    assert_int_equal(format_unrank(pan, keep, view_str("4111111111111111"), &rank, out),
                     HUFU_RANGE);
    assert_int_equal(out[0], '#');
}

/* ---- numbers ---- */

static void test_format_wide_root_is_exact(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        size_t bits = 20 + below(108), len;
        u128 n = ((u128)below(UINT64_MAX) << 64 | below(UINT64_MAX)) >> (128 - bits);
        struct format_wide w;
        uint64_t r;
        u128 under = 1, over = 1;

        n = n < 2 ? 2 : n;
        len = 2 + below(3) + bits / 16;
        if (i % 4 == 0) { /* an exact power, and one more, and one less */
            len = 2 + below(4);
            r = 2 + below(65534);
            for (n = 1; len > 0; len--)
                n *= r;
            n += i / 4 % 3 - 1;
            len = 5;
        }
        format_wide_set(&w, (uint32_t)(n >> 96));
        for (int s = 64; s >= 0; s -= 32) { /* by halves: 2^32 is no size */
            format_wide_push(&w, 65536, (uint32_t)(n >> (s + 16)) & 0xffff);
            format_wide_push(&w, 65536, (uint32_t)(n >> s) & 0xffff);
        }
        while (n > (u128)1 << (len < 8 ? 16 * len : 127))
            len++;
        r = format_wide_root(&w, len);
        for (size_t k = 0; k < len; k++) {
            u128 more;

            under *= r - 1;
            over = __builtin_mul_overflow(over, r, &more) ? ~(u128)0 : more;
        }
        if (over < n || under >= n)
            fail_msg("%zu bits, %zu symbols: %ju", bits, len, (uintmax_t)r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C14_ranks_and_tokens_of_every_format),
        cmocka_unit_test(test_format_rank_check_by_hand),
        cmocka_unit_test(test_format_rank_widest_by_hand),
        cmocka_unit_test(test_format_rank_by_hand),
        cmocka_unit_test(test_format_rank_unmark_by_hand),
        cmocka_unit_test(test_format_rank_unmark_of_drawn_tokens),
        cmocka_unit_test(test_format_rank_refuses),
        cmocka_unit_test(test_format_wide_root_is_exact),
    };
    int failed;

    draw_init(&draw, &entropy_system);
    failed = cmocka_run_group_tests(tests, setup, teardown);
    draw_done(&draw);
    return failed;
}
