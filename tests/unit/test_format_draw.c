/* test_format_draw.c - tokens: recognisable, uniform, in their bucket; and how many there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vault/format/format_set.h"

#define DRAWS 100000

static struct format_set *set;

/* A seeded generator (splitmix64), so that a statistical test cannot fail by chance. */
struct seeded {
    struct entropy_ops ops;
    uint64_t state;
    bool broken;
};

static enum hufu_err seeded_fill(const struct entropy_ops *e, uint8_t *out, size_t out_len)
{
    struct seeded *s = (struct seeded *)(uintptr_t)e;

    if (s->broken)
        return HUFU_IO;
    for (size_t i = 0; i < out_len; i++) {
        uint64_t z = s->state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        out[i] = (uint8_t)((z ^ (z >> 31)) >> 56);
    }
    return HUFU_OK;
}

static struct seeded seeded = { .ops = { seeded_fill }, .state = 2026 };
static struct draw draw;

static int setup(void **state)
{
    (void)state;
    draw_init(&draw, &seeded.ops);
    return format_set_load("conf/formats.conf", &set, NULL, 0) == HUFU_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    draw_done(&draw);
    format_set_free(set);
    return 0;
}

static const struct format *find(const char *name)
{
    const struct format *fmt = NULL;

    assert_int_equal(format_set_find(set, view_str(name), &fmt), HUFU_OK);
    return fmt;
}

static struct format *parse(const char *text)
{
    struct format *fmt = NULL;
    char err_text[FORMAT_ERR_MAX] = "";

    if (format_parse(view_str(text), &fmt, err_text, sizeof(err_text)) != HUFU_OK)
        fail_msg("%s", err_text);
    return fmt;
}

static struct view bucket(const struct format *fmt, struct format_keep keep, struct view value,
                          uint8_t mem[static 80])
{
    struct buf out;

    buf_fixed(&out, mem, 80);
    format_bucket(fmt, keep, value, &out);
    assert_int_equal(buf_check(&out), HUFU_OK);
    return buf_view(&out);
}

/* Design section 5, control C14: a token is random, and recognisable as one by construction: never
 * a valid original, of the same length and alphabet, with its kept parts, in its original's bucket.
 */
static void test_C14_drawn_tokens_are_recognisable(void **state)
{
    static const struct {
        const char *format, *original;
        struct format_keep keep;
    } rows[] = {
        { "pan", "4111111111111111", { 6, 4 } },
        { "pan", "4111111111111111", { 0, 0 } },
        { "pan", "4111111111111111", { 0, 4 } },
        { "pan", "4222222222222", { 8, 3 } },
        { "pan", "378282246310005", { 6, 4 } },
        { "pan", "4000000000000000006", { 0, 0 } },
        { "iban", "DE89370400440532013000", { 0, 0 } },
        { "iban", "DE97370400440532013050", { 8, 0 } },
        { "iban", "NO9386011117947", { 4, 4 } },
        { "iban", "GB29NWBK60161331926819", { 4, 4 } },
        { "iban", "MT84MALT011000012345MTLCAST001S", { 0, 0 } },
        { "iban", "RU0304452522540817810538091310419", { 0, 4 } },
        { "cn-id", "11010519491231002X", { 0, 0 } },
        { "cn-id", "11010519491231002X", { 6, 0 } },
        { "us-ssn", "078051120", { 0, 0 } },
        { "us-ssn", "078051120", { 0, 4 } },
        { "cn-mobile", "13800138000", { 0, 0 } },
        { "cn-mobile", "13800138000", { 0, 4 } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct format *fmt = find(rows[i].format);
        struct view original = view_str(rows[i].original);
        size_t head = strcmp(rows[i].format, "iban") == 0 ? 4 : 0;
        uint8_t mem[2][80];
        struct view home = bucket(fmt, rows[i].keep, original, mem[0]);

        assert_int_equal(format_keep_check(fmt, rows[i].keep), HUFU_OK);
        assert_int_equal(format_judge(fmt, rows[i].keep, original), FORMAT_ORIGINAL);
        for (unsigned n = 0; n < DRAWS; n++) {
            uint8_t token[FORMAT_VALUE_MAX + 1] = { 0 };
            struct view t = { token, original.len };
            size_t tail = original.len - rows[i].keep.suffix;

            if (format_draw(fmt, rows[i].keep, original, &draw, token) != HUFU_OK ||
                format_check(fmt, t) != HUFU_INVALID_VALUE ||
                format_judge(fmt, rows[i].keep, t) != FORMAT_TOKEN_SHAPE ||
                token[original.len] != 0 || memcmp(token, original.p, head == 4 ? 2 : 0) != 0 ||
                memcmp(token + head, original.p + head, rows[i].keep.prefix) != 0 ||
                memcmp(token + tail, original.p + tail, rows[i].keep.suffix) != 0 ||
                !view_equal(home, bucket(fmt, rows[i].keep, t, mem[1])))
                fail_msg("%s %s: %s", rows[i].format, rows[i].original, token);
        }
    }
}

/* Counts every drawn token by the number that its hidden digits make, and compares the counts with
 * an equal share: sum of (seen - share)^2 / share, against df + 5 * sqrt(2 * df). */
struct tally {
    uint32_t seen[100000];
    size_t tokens; /* different ones */
    uint64_t draws;
};
static struct tally tally;

static unsigned number_of(const uint8_t *token, size_t from, size_t to)
{
    unsigned n = 0;

    for (size_t i = from; i < to; i++)
        n = n * 10 + (token[i] == 'X' ? 10u : (unsigned)(token[i] - '0'));
    return n;
}

static void tally_draw(const struct format *fmt, struct format_keep keep, const char *original,
                       size_t from, size_t to, uint64_t draws)
{
    uint8_t token[FORMAT_VALUE_MAX];

    memset(&tally, 0, sizeof(tally));
    tally.draws = draws;
    for (uint64_t n = 0; n < draws; n++) {
        unsigned at;

        assert_int_equal(format_draw(fmt, keep, view_str(original), &draw, token), HUFU_OK);
        at = number_of(token, from, to);
        assert_in_range(at, 0, 99999);
        tally.tokens += tally.seen[at]++ == 0;
    }
}

static void tally_is_even(size_t tokens)
{
    double share = (double)tally.draws / (double)tokens;
    double df = (double)tokens - 1;
    double chi = 0;

    assert_int_equal(tally.tokens, tokens);
    for (size_t i = 0; i < 100000; i++)
        if (tally.seen[i] > 0)
            chi += ((double)tally.seen[i] - share) * ((double)tally.seen[i] - share) / share;
    /* (chi - df)^2 <= 25 * 2 * df, on both sides: too even is as suspicious as uneven. */
    if ((chi - df) * (chi - df) > 50 * df)
        fail_msg("chi-square %.1f with %.0f degrees of freedom", chi, df);
}

/* 13 digits, 8+3 kept: of 100 fillings the 90 with a wrong Luhn sum, each as likely. */
static void test_format_draw_pan_is_all_wrong_fillings(void **state)
{
    const struct format *fmt = find("pan");
    struct format_keep keep = { 8, 3 };
    uint8_t text[14] = "4222222222222";

    (void)state;
    tally_draw(fmt, keep, "4222222222222", 8, 10, 90000);
    for (unsigned v = 0; v < 100; v++) {
        bool wrong;

        text[8] = (uint8_t)('0' + v / 10);
        text[9] = (uint8_t)('0' + v % 10);
        wrong = format_check(fmt, view_of(text, 13)) != HUFU_OK;
        assert_int_equal(tally.seen[v] > 0, wrong);
        assert_int_equal(format_is_token(fmt, keep, view_of(text, 13)), wrong);
    }
    tally_is_even(90);
}

static void test_format_draw_one_hidden_digit(void **state)
{
    struct format *fmt =
        parse("[format p]\nclass = C2\nsource = test\nlayout = digits(12) check(luhn)"
              "\nseparators = none\nkeep_prefix_max = 8\nkeep_suffix_max = 4\n"
              "hidden_min = 1\nmask = 0+4\nmark = wrong-check\n");
    struct format_keep keep = { 8, 4 };
    struct format_capacity c;

    (void)state;
    tally_draw(fmt, keep, "4222222222222", 8, 9, 9000);
    assert_int_equal(tally.seen[2], 0);
    tally_is_even(9);
    format_capacity(fmt, keep, 0, &c);
    assert_int_equal(c.originals, 1);
    assert_int_equal(c.tokens, 9);
    format_free(fmt);
}

/* Six middle digits of 6+4: every digit of every place equally often. */
static void test_format_draw_pan_digits_are_even(void **state)
{
    struct format_keep keep = { 6, 4 };

    (void)state;
    for (size_t at = 6; at < 12; at++) {
        tally_draw(find("pan"), keep, "4111111111111111", at, at + 1, DRAWS);
        tally_is_even(10);
    }
}

static void test_format_draw_check_character_is_even(void **state)
{
    struct format *fmt = parse("[format p]\nclass = C2\nsource = test\n"
                               "layout = set(a) digits(1) check(mod11-2)\nseparators = none\n"
                               "keep_prefix_max = 0\nkeep_suffix_max = 0\nhidden_min = 4\n"
                               "mask = 0+1\nmark = wrong-check\n[set a]\nvalues = 11-12\n");
    struct format_keep keep = { 0, 0 };
    struct format_capacity c;
    size_t tokens = 0;

    (void)state;
    format_capacity(fmt, keep, 0, &c);
    assert_int_equal(c.originals, 20);
    assert_int_equal(c.tokens, 10000);
    for (unsigned v = 0; v < 11000; v++) {
        uint8_t t[5] = { (uint8_t)('0' + v / 1100), (uint8_t)('0' + v / 110 % 10),
                         (uint8_t)('0' + v / 11 % 10), v % 11 == 10 ? 'X' : (uint8_t)('0' + v % 11),
                         0 };

        tokens += format_is_token(fmt, keep, view_of(t, 4));
    }
    assert_int_equal(tokens, 10000);
    /* The set and the digit: 1,000 numbers. The check: the wrong ones of 11. */
    tally_draw(fmt, keep, "1100", 0, 3, 500000);
    tally_is_even(1000);
    tally_draw(fmt, keep, "1100", 3, 4, DRAWS);
    assert_int_equal(tally.tokens, 11);
    format_free(fmt);
}

/* A country of two digits: every pair of check digits and BBAN but those with remainder 1. */
static void test_format_draw_iban_is_all_marked_fillings(void **state)
{
    struct format *fmt = parse("[format i]\nclass = C2\nsource = test\n"
                               "layout = country(c) check(mod97) bban\nseparators = none\n"
                               "keep_prefix_max = 0\nkeep_suffix_max = 0\nhidden_min = 2\n"
                               "mask = 2+0\nmark = check-digits(00, 01, 99)\n"
                               "[countries c]\nDE = 2n\n");
    struct format_keep keep = { 0, 0 };
    struct format_capacity c;
    size_t tokens = 0;
    uint8_t original[7] = "DE0000";

    (void)state;
    for (unsigned n = 2; n <= 98; n++) { /* the one right pair of check digits of BBAN 00 */
        original[2] = (uint8_t)('0' + n / 10);
        original[3] = (uint8_t)('0' + n % 10);
        if (format_check(fmt, view_of(original, 6)) == HUFU_OK)
            break;
    }
    assert_int_equal(format_check(fmt, view_of(original, 6)), HUFU_OK);
    tally_draw(fmt, keep, (const char *)original, 2, 6, 600000);
    for (unsigned v = 0; v < 10000; v++) {
        uint8_t t[7] = { 'D',
                         'E',
                         (uint8_t)('0' + v / 1000),
                         (uint8_t)('0' + v / 100 % 10),
                         (uint8_t)('0' + v / 10 % 10),
                         (uint8_t)('0' + v % 10),
                         0 };
        bool is_token = format_is_token(fmt, keep, view_of(t, 6));

        assert_int_equal(tally.seen[v] > 0, is_token);
        tokens += is_token;
    }
    tally_is_even(tokens);
    format_capacity(fmt, keep, 0, &c);
    assert_int_equal(c.originals, 100);
    assert_int_equal(c.tokens, 297); /* three have the remainder 1 by chance */
    assert_int_equal(tokens, c.tokens);
    format_free(fmt);
}

static void test_format_draw_iban_letters_are_even(void **state)
{
    uint32_t seen[3][36] = { 0 };
    static const size_t at[3] = { 4, 8, 13 }; /* a letter, a digit, either */
    static const size_t kinds[3] = { 26, 10, 36 };
    struct format_keep keep = { 0, 0 };

    (void)state;
    for (unsigned n = 0; n < DRAWS; n++) {
        uint8_t t[FORMAT_VALUE_MAX];

        assert_int_equal(
            format_draw(find("iban"), keep, view_str("MT84MALT011000012345MTLCAST001S"), &draw, t),
            HUFU_OK);
        for (size_t i = 0; i < 3; i++)
            seen[i][t[at[i]] >= 'A' ? t[at[i]] - 'A' + 10 : t[at[i]] - '0']++;
    }
    for (size_t i = 0; i < 3; i++) {
        memset(&tally, 0, sizeof(tally));
        tally.draws = DRAWS;
        for (size_t k = 0; k < 36; k++) {
            tally.seen[k] = seen[i][k];
            tally.tokens += seen[i][k] > 0;
        }
        tally_is_even(kinds[i]);
    }
}

/* Of the 10^5 numbers with one serial, 6,598 are unissued, and all of them are drawn. */
static void test_format_draw_ssn_is_all_unissued(void **state)
{
    const struct format *fmt = find("us-ssn");
    struct format_keep keep = { 0, 4 };
    struct format_capacity c;
    size_t tokens = 0;

    (void)state;
    tally_draw(fmt, keep, "078051120", 0, 5, 6598 * 25);
    for (unsigned v = 0; v < 100000; v++) {
        uint8_t t[10] = { (uint8_t)('0' + v / 10000),
                          (uint8_t)('0' + v / 1000 % 10),
                          (uint8_t)('0' + v / 100 % 10),
                          (uint8_t)('0' + v / 10 % 10),
                          (uint8_t)('0' + v % 10),
                          '1',
                          '1',
                          '2',
                          '0',
                          0 };
        bool is_token = format_is_token(fmt, keep, view_of(t, 9));

        assert_int_equal(tally.seen[v] > 0, is_token);
        tokens += is_token;
    }
    assert_int_equal(tokens, 6598);
    tally_is_even(tokens);
    format_capacity(fmt, keep, 0, &c);
    assert_int_equal(c.tokens, 6598);
}

static void test_format_capacity_rows(void **state)
{
    static const struct {
        const char *format;
        struct format_keep keep;
        size_t kind, len;
        uint64_t originals, tokens;
    } rows[] = {
        { "pan", { 6, 4 }, 3, 16, 100000, 900000 },
        { "pan", { 6, 4 }, 0, 13, 100, 900 },
        { "pan", { 6, 0 }, 3, 16, UINT64_C(1000000000), UINT64_C(9000000000) },
        { "pan", { 0, 4 }, 3, 16, UINT64_C(100000000000), UINT64_C(900000000000) },
        { "pan", { 0, 0 }, 3, 16, UINT64_C(1000000000000000), UINT64_C(9000000000000000) },
        { "cn-id",
          { 0, 0 },
          0,
          18,
          UINT64_C(34) * 10000 * 73049 * 1000,
          UINT64_C(1000000000000000000) },
        { "cn-id", { 6, 0 }, 0, 18, 73049000, UINT64_C(1000000000000) },
        { "cn-id",
          { 1, 0 },
          0,
          18,
          UINT64_C(7) * 10000 * 73049 * 1000,
          UINT64_C(100000000000000000) },
        { "us-ssn",
          { 0, 0 },
          0,
          9,
          UINT64_C(898) * 99 * 9999,
          2000000 + 9980000 + 898 * 99 + 100 * 54 * 10000 },
        { "us-ssn", { 0, 4 }, 0, 9, 88902, 6598 },
        { "us-ssn", { 0, 2 }, 0, 9, 8890200, 659800 },
        { "cn-mobile", { 0, 0 }, 0, 11, UINT64_C(7000000000), UINT64_C(80000000000) },
        { "cn-mobile", { 0, 4 }, 0, 11, 700000, 8000000 },
        { "iban", { 0, 0 }, 16, 22, UINT64_C(1000000000000000000), UINT64_C(2969072164948453608) },
        { "iban", { 8, 0 }, 16, 22, UINT64_C(10000000000), UINT64_C(29690721648) },
        { "iban", { 0, 0 }, 0, 24, UINT64_MAX, UINT64_MAX },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct format_capacity c;

        format_capacity(find(rows[i].format), rows[i].keep, rows[i].kind, &c);
        if (c.len != rows[i].len || c.originals != rows[i].originals || c.tokens != rows[i].tokens)
            fail_msg("%s %u+%u: %zu %ju %ju", rows[i].format, rows[i].keep.prefix,
                     rows[i].keep.suffix, c.len, (uintmax_t)c.originals, (uintmax_t)c.tokens);
    }
}

static void test_format_is_ample_rows(void **state)
{
    (void)state;
    assert_true(format_is_ample(find("pan"), (struct format_keep){ 6, 4 }));
    assert_true(format_is_ample(find("pan"), (struct format_keep){ 0, 0 }));
    assert_true(format_is_ample(find("iban"), (struct format_keep){ 4, 4 }));
    assert_true(format_is_ample(find("cn-id"), (struct format_keep){ 6, 0 }));
    assert_true(format_is_ample(find("cn-mobile"), (struct format_keep){ 0, 4 }));
    assert_false(format_is_ample(find("us-ssn"), (struct format_keep){ 0, 0 }));
    assert_false(format_is_ample(find("us-ssn"), (struct format_keep){ 0, 4 }));
}

static void test_format_draw_failures_leave_out_alone(void **state)
{
    struct format *fmt = parse("[format p]\nclass = C1\nsource = test\nlayout = set(a) set(b)\n"
                               "separators = none\nkeep_prefix_max = 0\nkeep_suffix_max = 2\n"
                               "hidden_min = 2\nmask = 0+1\nmark = unissued\nunissued = b(00)\n"
                               "[set a]\nvalues = 11-12\n[set b]\nvalues = 01-99\n");
    struct seeded broken = { .ops = { seeded_fill }, .broken = true };
    struct format_keep keep = { 6, 4 };
    struct format_capacity c;
    struct draw bad;
    uint8_t out[FORMAT_VALUE_MAX] = "untouched";

    (void)state;
    draw_init(&bad, &broken.ops);
    assert_int_equal(format_draw(find("pan"), keep, view_str("4111111111111111"), &bad, out),
                     HUFU_IO);
    draw_done(&bad);
    assert_int_equal(format_draw(find("pan"), keep, view_str("411111111111"), &draw, out),
                     HUFU_INVALID_VALUE);
    assert_int_equal(format_draw(find("pan"), keep, view_str("411111111111111X"), &draw, out),
                     HUFU_INVALID_VALUE);
    /* Both kept: only serial 00 is unissued, and the kept 17 is not 00. */
    keep = (struct format_keep){ 0, 2 };
    assert_int_equal(format_keep_check(fmt, keep), HUFU_OK);
    assert_int_equal(format_draw(fmt, keep, view_str("1117"), &draw, out), HUFU_EXHAUSTED);
    assert_string_equal((const char *)out, "untouched");
    format_capacity(fmt, keep, 0, &c);
    assert_int_equal(c.tokens, 0);
    format_free(fmt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C14_drawn_tokens_are_recognisable),
        cmocka_unit_test(test_format_draw_pan_is_all_wrong_fillings),
        cmocka_unit_test(test_format_draw_one_hidden_digit),
        cmocka_unit_test(test_format_draw_pan_digits_are_even),
        cmocka_unit_test(test_format_draw_check_character_is_even),
        cmocka_unit_test(test_format_draw_iban_is_all_marked_fillings),
        cmocka_unit_test(test_format_draw_iban_letters_are_even),
        cmocka_unit_test(test_format_draw_ssn_is_all_unissued),
        cmocka_unit_test(test_format_capacity_rows),
        cmocka_unit_test(test_format_is_ample_rows),
        cmocka_unit_test(test_format_draw_failures_leave_out_alone),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
