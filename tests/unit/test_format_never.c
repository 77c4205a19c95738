/*
 * test_format_never.c - design section 5, control C14: no token of any format, whatever stays of
 * the value, is a valid original, and each is told as a token without a key. The validators are
 * written here again from the standards, so that no mistake of vault/format/ hides another.
 *
 * HUFU_NEVER=N: N draws for each kept part instead of a few thousand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/luhn.h"
#include "vault/base/text.h"
#include "vault/format/format_bin.h"
#include "vault/format/format_set.h"

#define DRAWS 20000

static struct format_set *set;
static struct draw draw;
static uint64_t draws = DRAWS;

static int setup(void **state)
{
    const char *asked = getenv("HUFU_NEVER");

    (void)state;
    if (asked != NULL && text_u64(view_str(asked), 1, 1000000000, &draws) != HUFU_OK)
        return -1;
    draw_init(&draw, &entropy_system);
    return format_set_load("conf/formats.conf", &set, NULL, 0) == HUFU_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    draw_done(&draw);
    format_set_free(set);
    return 0;
}

static int value_of(char c)
{
    return c <= '9' ? c - '0' : c - 'A' + 10;
}

/* What many programs do: move four characters, letters are two digits, remainder 1. */
static bool is_iban_naive(const char *v)
{
    size_t len = strlen(v);
    int rest = 0;

    for (size_t i = 0; i < len; i++) {
        int n = value_of(v[(i + 4) % len]);

        rest = (n > 9 ? rest * 100 + n : rest * 10 + n) % 97;
    }
    return rest == 1;
}

/* The check digits are recomputed: 98 minus the remainder with 00 in their place. */
static bool is_iban_strict(const char *v)
{
    char zero[FORMAT_VALUE_MAX + 1];
    size_t len = strlen(v);
    int rest = 0, right;

    memcpy(zero, v, len + 1);
    zero[2] = zero[3] = '0';
    for (size_t i = 0; i < len; i++) {
        int n = value_of(zero[(i + 4) % len]);

        rest = (n > 9 ? rest * 100 + n : rest * 10 + n) % 97;
    }
    right = 98 - rest;
    return v[2] - '0' == right / 10 && v[3] - '0' == right % 10;
}

static bool is_iban(const char *v)
{
    return is_iban_naive(v) || is_iban_strict(v);
}

/* GB 11643-1999 4.2.4, with its table of weights. */
static bool is_cn_id(const char *v)
{
    static const int weights[17] = { 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2 };
    int sum = 0;

    for (int i = 0; i < 17; i++)
        sum += weights[i] * (v[i] - '0');
    return v[17] == "10X98765432"[sum % 11];
}

/* GB 32100-2015 4.6, with its table of weights. */
static bool is_uscc(const char *v)
{
    static const char symbols[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    static const int weights[17] = {
        1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28
    };
    int sum = 0;

    for (int i = 0; i < 17; i++) {
        const char *at = strchr(symbols, v[i]);

        if (at == NULL)
            return false;
        sum += weights[i] * (int)(at - symbols);
    }
    return v[17] == symbols[(31 - sum % 31) % 31];
}

/* The dihedral group as turns and mirrorings, not as a table. */
static int d5(int a, int b)
{
    int turn = a < 5 ? a + b % 5 : a - b % 5 + 10;

    return turn % 5 + ((a < 5) == (b < 5) ? 0 : 5);
}

static bool is_aadhaar(const char *v)
{
    static const int moved[10] = { 1, 5, 7, 6, 2, 8, 3, 0, 9, 4 };
    int c = 0, len = (int)strlen(v);

    for (int i = 0; i < len; i++) {
        int n = v[len - 1 - i] - '0';

        for (int k = 0; k < i; k++)
            n = moved[n];
        c = d5(c, n);
    }
    return c == 0 && v[0] >= '2';
}

static bool is_routed(const char *v)
{
    int sum = 0;

    for (int i = 0; i < 9; i++)
        sum += (v[i] - '0') * (i % 3 == 0 ? 3 : i % 3 == 1 ? 7 : 1);
    return sum % 10 == 0;
}

static int number(const char *v, int len)
{
    int n = 0;

    for (int i = 0; i < len; i++)
        n = n * 10 + v[i] - '0';
    return n;
}

/* SSN: any area but 000 666 9xx, group but 00, serial but 0000. ITIN and ATIN: 9xx with the groups
 * that the IRS gives out. */
static bool is_us_tin(const char *v)
{
    int area = number(v, 3), group = number(v + 3, 2), serial = number(v + 5, 4);

    if (area >= 900)
        return (group >= 50 && group <= 65) || (group >= 70 && group <= 88) || group >= 90;
    return area != 0 && area != 666 && group != 0 && serial != 0;
}

static bool is_cn_mobile(const char *v)
{
    return v[0] == '1' && v[1] >= '3';
}

static bool is_cn_passport(const char *v)
{
    return strchr("DEGHKMPS1", v[0]) != NULL;
}

static bool is_in_pan(const char *v)
{
    return strchr("ABCEFGHJKLPT", v[3]) != NULL && memcmp(v + 5, "0000", 4) != 0;
}

static bool is_sorted(const char *v)
{
    return number(v, 2) > 0;
}

static bool is_account(const char *v)
{
    return v[0] != '0';
}

/* Mail can go there: something before the only @, a name of two labels at least behind it, and none
 * that RFC 2606 2 keeps from being given out. */
static bool is_reachable(const char *v)
{
    const char *at = strchr(v, '@'), *dot = strrchr(v, '.');

    return at != NULL && at > v && strchr(at + 1, '@') == NULL && dot > at + 1 && dot[1] != '\0' &&
           strcmp(dot, ".invalid") != 0;
}

static const struct {
    const char *format, *original;
    bool (*is_valid)(const char *v); /* NULL: anything is */
} rows[] = {
    { "pan", "4222222222222", luhn_holds },
    { "pan", "30569309025904", luhn_holds },
    { "pan", "378282246310005", luhn_holds },
    { "pan", "4111111111111111", luhn_holds },
    { "pan", "4000000000000000006", luhn_holds },
    { "iban", "DE89370400440532013000", is_iban },
    { "iban", "DE97370400440532013050", is_iban }, /* 97: beside it 00 has remainder 1 */
    { "iban", "DE98370400440532013032", is_iban },
    { "iban", "DE02370400440532013014", is_iban },
    { "iban", "NO9386011117947", is_iban },
    { "iban", "GB29NWBK60161331926819", is_iban },
    { "iban", "MT84MALT011000012345MTLCAST001S", is_iban },
    { "iban", "RU0304452522540817810538091310419", is_iban },
    { "bank-account", "1234567", is_account },
    { "bank-account", "6222021234567890123", is_account },
    { "cn-id", "11010519491231002X", is_cn_id },
    { "cn-mobile", "13800138000", is_cn_mobile },
    { "passport", "C01X00T47", NULL },
    { "passport", "123456", NULL },
    { "cn-passport", "E12345678", is_cn_passport },
    { "cn-passport", "EJ1234567", is_cn_passport },
    { "uscc", "91350100M000100Y43", is_uscc },
    { "us-ssn", "078051120", is_us_tin },
    { "us-aba-account", "0210000211234", is_routed },
    { "us-aba-account", "11100002512345678901234567", is_routed },
    { "uk-sort-account", "20000055779911", is_sorted },
    { "in-pan", "ACUPA7085R", is_in_pan },
    { "in-aadhaar", "234123412346", is_aadhaar },
    { "email", "a@b.co", is_reachable },
    { "email", "olga.petrova+bank@mail.example", is_reachable },
    { "generic-digits", "123456", NULL },
    { "generic-digits", "12345678901234567890123456789012", NULL },
    { "generic-alnum", "AB12CD", NULL },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* One token: what it must be and must not be. */
static bool is_good(const struct format *fmt, struct format_keep keep, size_t row,
                    const char token[static FORMAT_TOKEN_MAX + 1])
{
    struct view original = view_str(rows[row].original);
    struct view t = view_str(token);
    size_t head = strcmp(rows[row].format, "iban") == 0 ? 4 : 0;
    size_t tail = original.len - keep.suffix;

    if (t.len != (format_keeps_length(fmt) ? original.len : 40) || !format_is_token(fmt, keep, t) ||
        view_equal(t, original) || memcmp(token, original.p, head / 2) != 0 ||
        memcmp(token + head, original.p + head, keep.prefix) != 0 ||
        memcmp(token + tail, original.p + tail, keep.suffix) != 0)
        return false;
    if (rows[row].is_valid == NULL)
        return !format_is_marked(fmt);
    return !rows[row].is_valid(token) && format_check(fmt, t) == HUFU_INVALID_VALUE &&
           format_judge(fmt, keep, t) == FORMAT_TOKEN_SHAPE;
}

static uint64_t run(const struct format *fmt, struct format_keep keep, size_t row)
{
    struct view original = view_str(rows[row].original);
    struct format_capacity c;
    uint64_t n;

    format_capacity(fmt, keep, format_kind(fmt, original), &c);
    assert_true(c.tokens > 0);
    n = c.tokens < draws ? c.tokens : draws;
    for (uint64_t i = 0; i < n; i++) {
        char token[FORMAT_TOKEN_MAX + 1] = "";
        size_t len;

        if (format_draw_any(fmt, keep, original, &draw, (uint8_t *)token, &len) != HUFU_OK ||
            !is_good(fmt, keep, row, token))
            fail_msg("%s %u+%u: %s", rows[row].format, keep.prefix, keep.suffix, token);
    }
    return n;
}

static void test_C14_no_token_is_an_original(void **state)
{
    uint64_t total = 0;
    size_t keeps = 0;

    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        const struct format *fmt = NULL;

        assert_int_equal(format_set_find(set, view_str(rows[i].format), &fmt), HUFU_OK);
        if (format_check(fmt, view_str(rows[i].original)) != HUFU_OK ||
            (rows[i].is_valid != NULL && !rows[i].is_valid(rows[i].original)))
            fail_msg("%s: no original: %s", rows[i].format, rows[i].original);
        for (unsigned k = 0; k < 65 * 65; k++) {
            struct format_keep keep = { (uint8_t)(k / 65), (uint8_t)(k % 65) };

            if (format_keep_check(fmt, keep) != HUFU_OK)
                continue;
            total += run(fmt, keep, i);
            keeps++;
        }
    }
    print_message("%ju tokens, %zu kept parts, none an original\n", (uintmax_t)total, keeps);
}

/* Written again too: the first digits as one number. */
static bool is_in_bins(const char *v)
{
    int six = number(v, 6), eight = number(v, 8);

    return (six >= 999000 && six <= 999099) || eight == 99912345;
}

/* Card tokens inside a payment network: a right check, in BINs that no original has, neither in
 * their own domain nor, once the BINs are configured, in one of plain cards. */
static uint64_t run_bins(const struct format *fmt, const struct bins *bins, struct view original,
                         struct format_keep keep)
{
    const struct format *plain = NULL;
    size_t tail = original.len - keep.suffix;
    struct format_capacity c;
    uint64_t n;

    assert_int_equal(format_set_find(set, view_str("pan"), &plain), HUFU_OK);
    format_capacity(fmt, keep, format_kind(fmt, original), &c);
    n = c.tokens < draws ? c.tokens : draws;
    assert_true(n > 0);
    for (uint64_t i = 0; i < n; i++) {
        char token[FORMAT_VALUE_MAX + 1] = "";
        struct view t = { (const uint8_t *)token, original.len };

        if (format_draw(fmt, keep, original, &draw, (uint8_t *)token) != HUFU_OK ||
            strlen(token) != original.len || !luhn_holds(token) || !is_in_bins(token) ||
            memcmp(token + tail, original.p + tail, keep.suffix) != 0 ||
            format_check(fmt, t) != HUFU_INVALID_VALUE || !format_is_token(fmt, keep, t) ||
            format_judge(fmt, keep, t) != FORMAT_TOKEN_SHAPE || !format_is_card(plain) ||
            !bins_has(bins, t) || format_is_token(plain, (struct format_keep){ 0, 4 }, t))
            fail_msg("0+%u: %s", keep.suffix, token);
    }
    return n;
}

static void test_C14_C19_no_network_token_is_an_original(void **state)
{
    const struct format *plain = NULL;
    struct format *fmt = NULL;
    struct bins bins;
    uint64_t total = 0;
    size_t cards = 0;

    (void)state;
    assert_int_equal(bins_parse(view_str("999000-999099, 99912345"), &bins, NULL), HUFU_OK);
    assert_int_equal(format_set_find(set, view_str("pan"), &plain), HUFU_OK);
    assert_int_equal(format_with_bins(plain, &bins, &fmt), HUFU_OK);
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].format, "pan") != 0)
            continue;
        assert_int_equal(format_check(fmt, view_str(rows[i].original)), HUFU_OK);
        for (uint8_t suffix = 0; suffix <= 4; suffix++)
            total +=
                run_bins(fmt, &bins, view_str(rows[i].original), (struct format_keep){ 0, suffix });
        cards++;
    }
    assert_int_equal(cards, 5);
    format_free(fmt);
    print_message("%ju network tokens, none an original\n", (uintmax_t)total);
}

/* No format of the file is forgotten above. */
static void test_every_format_is_drawn(void **state)
{
    (void)state;
    for (size_t f = 0; f < format_set_count(set); f++) {
        bool seen = false;

        for (size_t i = 0; i < ROWS; i++)
            seen = seen || strcmp(rows[i].format, format_name(format_set_at(set, f))) == 0;
        if (!seen)
            fail_msg("%s", format_name(format_set_at(set, f)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C14_no_token_is_an_original),
        cmocka_unit_test(test_C14_C19_no_network_token_is_an_original),
        cmocka_unit_test(test_every_format_is_drawn),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
