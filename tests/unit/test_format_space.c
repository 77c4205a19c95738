/*
 * test_format_space.c - capacity against counting: every string of a small format is looked at, in
 * every bucket, for every kept part that is offered. And the building blocks of the language.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/format_text.h"
#include "vault/format/format_set.h"
#include "vault/format/format_tokens.h"

#define BUCKETS 1100000

static const char all[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* Norway's country code, digits and letters behind it. */
#define IBAN(bban, prefix, suffix, marks)                                                          \
    HEAD("country(c) check(mod97) bban", prefix, suffix, "1")                                      \
    "mark = check-digits(" marks ")\n[countries c]\nNO = " bban "\n"

static const struct {
    const char *text;
    /* What a place may hold: d digit, l letter, a either, x digit or X, m of 31; else itself. */
    const char *at;
    size_t head; /* characters before what the prefix counts */
} rows[] = {
    { HEAD("digits(4) check(luhn)", "3", "3", "1") "mark = wrong-check\n", "ddddd", 0 },
    { HEAD("set(s) digits(3) check(luhn)", "2", "2", "2") "mark = wrong-check\n[set s]\nvalues = "
                                                          "10-17, 21, 99\n",
      "dddddd", 0 },
    { HEAD("digits(3) check(verhoeff) digits(2)", "2", "4", "2") "mark = wrong-check\n", "dddddd",
      0 },
    { HEAD("set(s) digits(2) check(weighted, 10, 3-7-1) digits(2)", "2", "2",
           "2") "mark = wrong-check\n[set s]\nvalues = 0-2, 6\n",
      "dddddd", 0 },
    { HEAD("digits(4) check(weighted, 11, 2-3-4-5)", "3", "0", "2") "mark = wrong-check\n", "ddddx",
      0 },
    { HEAD("set(s) digits(3) check(mod11-2)", "3", "0",
           "2") "mark = wrong-check\n[set s]\nvalues = "
                "11-15, 21, 22\n",
      "dddddx", 0 },
    { HEAD("text(K9) chars(m, 2) check(mod31)", "3", "1",
           "1") "mark = wrong-check\n[alphabet m]\n"
                "symbols = 0-9 A-H J-N P-R T U W-Y\n",
      "K9mmm", 0 },
    { HEAD("set(s) digits(2) set(t)", "0", "1", "3") "mark = unissued\nunissued = s(00, 66) | "
                                                     "t(00)\n[set s]\nvalues = 01-65, 67-90\n[set "
                                                     "t]\nvalues = 01-49, 70-99\n",
      "dddddd", 0 },
    { HEAD("set(s) digits(1) set(t)", "2", "0",
           "3") "mark = unissued\nunissued = s(00, 66) t(10-20) "
                "| t(00, 50)\n[set s]\nvalues = 01-65, "
                "67-90\n[set t]\nvalues = 01-49, 70-99\n",
      "ddddd", 0 },
    { HEAD("letters(1) set(s) digits(2)", "0", "2", "2") "mark = unissued\nunissued = s(D-Z)\n[set "
                                                         "s]\nvalues = A-C\n",
      "lldd", 0 },
    { HEAD("set(s) digits(2)", "1", "1", "2") "mark = unissued\nunissued = s(GA-GE, G0, E1)\n[set "
                                              "s]\nvalues = E0, EA-EH, G1-G9\n",
      "aadd", 0 },
    { HEAD("set(s) alnum(1) digits(2)", "2", "1", "1") "marked = no\n[set s]\nvalues = 17-20, 31\n",
      "ddadd", 0 },
    { HEAD("text(K) date(yymmdd, 1999-2001)", "1", "0", "6") "marked = no\n", "Kdddddd", 0 },
    { IBAN("4n", "1", "1", "00, 01, 99"), "NOdddddd", 4 },
    { IBAN("3n", "2", "2", "01, 99"), "NOddddd", 4 },
    { IBAN("1n1c1n", "2", "2", "00, 01, 99"), "NOdddad", 4 },
    { IBAN("1a1c", "1", "1", "00, 99"), "NOddla", 4 },
    { IBAN("2c", "1", "1", "00, 01, 99"), "NOddaa", 4 },
};

static const char *symbols_at(char kind, size_t *count)
{
    if (kind < 'a') {
        *count = 1;
        return strchr(all, kind);
    }
    *count = kind == 'd' ? 10 : kind == 'x' ? 11 : kind == 'l' ? 26 : kind == 'm' ? 31 : 36;
    if (kind == 'x')
        return "0123456789X";
    if (kind == 'm')
        return "0123456789ABCDEFGHJKLMNPQRTUWXY";
    return kind == 'l' ? all + 10 : all;
}

struct tally {
    uint32_t originals, tokens;
};
static struct tally tally[BUCKETS];

/* Writes the n-th string of the places; false behind the last. */
static bool string_put(const char *at, uint64_t n, char *out)
{
    size_t len = strlen(at);

    for (size_t i = len; i-- > 0;) {
        size_t count;
        const char *symbols = symbols_at(at[i], &count);

        out[i] = symbols[n % count];
        n /= count;
    }
    out[len] = '\0';
    return n == 0;
}

/* What stays, as a number; everything, without a keep. */
static size_t number_of(size_t row, const char *v, const struct format_keep *keep)
{
    const char *at = rows[row].at;
    size_t n = 0, len = strlen(at), head = rows[row].head;

    for (size_t i = 0; i < len; i++) {
        size_t symbols;
        const char *s = symbols_at(at[i], &symbols);

        if (keep == NULL || (i >= head && i < head + keep->prefix) || i >= len - keep->suffix)
            n = n * symbols + (size_t)(strchr(s, v[i]) - s);
    }
    assert_true(n < BUCKETS);
    return n;
}

static void count(const struct format *fmt, size_t row, struct format_keep keep,
                  struct format_capacity *out)
{
    char v[16];
    size_t len = strlen(rows[row].at);

    memset(tally, 0, sizeof(tally));
    for (uint64_t n = 0; string_put(rows[row].at, n, v); n++) {
        struct tally *t = &tally[number_of(row, v, &keep)];

        t->originals += format_check(fmt, view_str(v)) == HUFU_OK;
        t->tokens += format_is_token(fmt, keep, view_str(v));
    }
    *out = (struct format_capacity){ len, 0, UINT64_MAX };
    for (size_t i = 0; i < BUCKETS; i++) {
        uint64_t tokens = format_is_marked(fmt) ? tally[i].tokens : tally[i].tokens - 1u;

        if (tally[i].originals == 0)
            continue;
        if (tally[i].originals > out->originals)
            out->originals = tally[i].originals;
        if (tokens < out->tokens)
            out->tokens = tokens;
    }
}

static void test_format_capacity_is_what_counting_gives(void **state)
{
    unsigned counted = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct format *fmt = parse(rows[i].text);

        for (unsigned k = 0; k < 25; k++) {
            struct format_keep keep = { (uint8_t)(k / 5), (uint8_t)(k % 5) };
            struct format_capacity seen, told;

            if (format_keep_check(fmt, keep) != HUFU_OK)
                continue;
            count(fmt, i, keep, &seen);
            format_capacity(fmt, keep, 0, &told);
            if (seen.originals != told.originals || seen.tokens != told.tokens)
                fail_msg("row %zu keep %u+%u: counted %ju originals %ju tokens, told %ju %ju", i,
                         keep.prefix, keep.suffix, (uintmax_t)seen.originals,
                         (uintmax_t)seen.tokens, (uintmax_t)told.originals, (uintmax_t)told.tokens);
            counted++;
        }
        format_free(fmt);
    }
    assert_true(counted > 50);
}

/* Goes through the bucket of an original: each of its tokens once, and nothing else. */
static void walk_bucket(const struct format *fmt, size_t row, struct format_keep keep,
                        const char *original)
{
    static uint8_t seen[BUCKETS];
    size_t bucket = number_of(row, original, &keep);
    struct format_tokens walk;
    uint64_t tokens = 0;

    assert_int_equal(format_tokens_init(fmt, keep, view_str(original), &walk), HUFU_OK);
    for (uint64_t n = 0; n < walk.count; n++) {
        uint8_t token[FORMAT_VALUE_MAX + 1] = { 0 };
        size_t at;

        if (!format_tokens_at(&walk, n, token))
            continue;
        at = number_of(row, (const char *)token, NULL);
        assert_true(format_is_token(fmt, keep, view_str((const char *)token)));
        assert_int_equal(number_of(row, (const char *)token, &keep), bucket);
        assert_int_equal(seen[at], 0); /* all buckets together: each string is in one */
        seen[at] = 1;
        tokens++;
    }
    assert_int_equal(tokens, tally[bucket].tokens);
    for (uint64_t n = 0; n < walk.count; n++) {
        uint8_t token[FORMAT_VALUE_MAX + 1] = { 0 };

        if (format_tokens_at(&walk, n, token))
            seen[number_of(row, (const char *)token, NULL)] = 0;
    }
}

/* Every bucket of every small format, with every kept part: the walk gives what counting gives. */
static void test_format_tokens_gives_each_token_once(void **state)
{
    unsigned walked = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct format *fmt = parse(rows[i].text);

        for (unsigned k = 0; k < 25; k++) {
            struct format_keep keep = { (uint8_t)(k / 5), (uint8_t)(k % 5) };
            struct format_capacity seen;
            char v[16];

            if (format_keep_check(fmt, keep) != HUFU_OK)
                continue;
            count(fmt, i, keep, &seen);
            for (uint64_t n = 0; string_put(rows[i].at, n, v); n++) {
                struct tally *t = &tally[number_of(i, v, &keep)];

                if (t->originals == 0 || format_check(fmt, view_str(v)) != HUFU_OK)
                    continue;
                walk_bucket(fmt, i, keep, v);
                t->originals = 0; /* once a bucket */
                walked++;
            }
        }
        format_free(fmt);
    }
    assert_true(walked > 10000);
}

/* Token BINs: their tokens have numbers of their own, as many as capacity tells. */
static void test_format_tokens_of_token_bins(void **state)
{
    struct format *fmt =
        parse(HEAD("digits(7) check(luhn)", "0", "0", "1") "mark = token-bin\n"
                                                           "token_bins = 999000-999009\n");
    struct format_keep keep = { 0, 0 };
    struct format_capacity c;
    struct format_tokens walk;
    uint8_t last[FORMAT_TOKEN_MAX + 1] = { 0 };

    (void)state;
    format_capacity(fmt, keep, 0, &c);
    assert_int_equal(format_tokens_init(fmt, keep, view_str("12345674"), &walk), HUFU_OK);
    assert_int_equal(walk.count, c.tokens);
    assert_int_equal(walk.count, 100);
    for (uint64_t n = 0; n < walk.count; n++) {
        uint8_t token[FORMAT_TOKEN_MAX + 1] = { 0 };

        assert_true(format_tokens_at(&walk, n, token));
        assert_true(format_is_token(fmt, keep, view_str((const char *)token)));
        assert_true(strcmp((const char *)token, (const char *)last) > 0); /* so each once */
        memcpy(last, token, sizeof(last));
    }
    format_free(fmt);
}

static void test_format_tokens_refuses(void **state)
{
    struct format *fmt = parse(rows[0].text), *big = NULL;
    struct format_keep keep = { 0, 0 };
    struct format_tokens walk = { .count = 7 };

    (void)state;
    assert_int_equal(format_tokens_init(fmt, keep, view_str("1234"), &walk), HUFU_INVALID_VALUE);
    assert_int_equal(format_tokens_init(fmt, keep, view_str("1234A"), &walk), HUFU_INVALID_VALUE);
    big = parse(HEAD("digits(17-18) check(luhn)", "1", "0", "1") "mark = wrong-check\n");
    assert_int_equal(format_tokens_init(big, keep, view_str("1111111111111111111"), &walk),
                     HUFU_RANGE);
    assert_int_equal(walk.count, 7);
    keep.prefix = 1;
    assert_int_equal(format_tokens_init(big, keep, view_str("1111111111111111111"), &walk),
                     HUFU_OK);
    assert_int_equal(walk.count, UINT64_C(1000000000000000000));
    format_free(big);
    format_free(fmt);
}

static uint64_t count_pan(const struct format *fmt, const char *pattern, uint64_t *originals)
{
    struct format_keep keep = { 6, 4 };
    char v[FORMAT_VALUE_MAX + 1];
    size_t hidden = strlen(pattern) - 10;
    uint64_t fillings = 1, tokens = 0;

    *originals = 0;
    for (size_t i = 0; i < hidden; i++)
        fillings *= 10;
    memcpy(v, pattern, strlen(pattern) + 1);
    for (uint64_t n = 0; n < fillings; n++) {
        uint64_t rest = n;

        for (size_t i = 0; i < hidden; i++, rest /= 10)
            v[6 + i] = (char)('0' + rest % 10);
        *originals += format_check(fmt, view_str(v)) == HUFU_OK;
        tokens += format_is_token(fmt, keep, view_str(v));
    }
    return tokens;
}

/* The bucket of a BIN of six and the last four: what every card vault has to know. */
static void test_format_capacity_of_cards(void **state)
{
    struct format_set *set = NULL;
    const struct format *pan = NULL;
    uint64_t originals;

    (void)state;
    assert_int_equal(format_set_load("conf/formats.conf", &set, NULL, 0), HUFU_OK);
    assert_int_equal(format_set_find(set, view_str("pan"), &pan), HUFU_OK);
    assert_int_equal(count_pan(pan, "4111110000001111", &originals), 900000);
    assert_int_equal(originals, 100000);
    assert_int_equal(count_pan(pan, "4222220002222", &originals), 900);
    assert_int_equal(originals, 100);
    format_set_free(set);
}

/* A token of each small format is drawn often enough to be sure: all of the bucket's, and no other.
 */
static void test_format_draw_reaches_the_whole_bucket(void **state)
{
    struct draw draw;

    (void)state;
    draw_init(&draw, &entropy_system);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct format *fmt = parse(rows[i].text);
        struct format_keep keep = { 0, 0 };
        char v[16], original[16] = "";
        uint64_t tokens = 0, seen = 0, left = 0;

        memset(tally, 0, sizeof(tally));
        for (uint64_t n = 0; string_put(rows[i].at, n, v); n++) {
            if (original[0] == '\0' && format_check(fmt, view_str(v)) == HUFU_OK)
                memcpy(original, v, sizeof(v));
            tokens += format_is_token(fmt, keep, view_str(v)) && strcmp(v, original) != 0;
            if (n >= BUCKETS)
                fail_msg("row %zu has too many strings", i);
            tally[n].tokens = format_is_token(fmt, keep, view_str(v));
        }
        for (uint64_t n = 0; n < 30 * tokens && tokens <= 50000; n++) {
            uint8_t token[FORMAT_VALUE_MAX + 1] = { 0 };
            size_t at;

            assert_int_equal(format_draw(fmt, keep, view_str(original), &draw, token), HUFU_OK);
            at = number_of(i, (const char *)token, NULL);
            assert_int_equal(tally[at].tokens, 1);
            seen += tally[at].originals++ == 0;
        }
        left = tokens <= 50000 ? tokens - seen : 0;
        if (left > 0) /* with 30 draws a token, each is missed with probability e^-30 */
            fail_msg("row %zu: %ju of %ju never drawn", i, (uintmax_t)left, (uintmax_t)tokens);
        format_free(fmt);
    }
    draw_done(&draw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format_capacity_is_what_counting_gives),
        cmocka_unit_test(test_format_capacity_of_cards),
        cmocka_unit_test(test_format_tokens_gives_each_token_once),
        cmocka_unit_test(test_format_tokens_of_token_bins),
        cmocka_unit_test(test_format_tokens_refuses),
        cmocka_unit_test(test_format_draw_reaches_the_whole_bucket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
