/* Numbers hidden in free text: found as they stand, with separators, inside longer runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vault/access/textguard.h"
#include "vault/format/check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool digits(struct view run, size_t from, size_t len)
{
    for (size_t i = from; i < from + len; i++)
        if (run.p[i] < '0' || run.p[i] > '9')
            return false;
    return true;
}

static bool is_iban_like(struct view run)
{
    return run.p[0] >= 'A' && run.p[1] >= 'A' && digits(run, 2, 2);
}

static unsigned calls;

/* Formats in small: pan, cn-id, iban with their check digits; ssn and mobile only where whole. */
static bool probe_formats(void *arg, struct view run, bool whole)
{
    assert_null(arg);
    calls++;
    for (size_t i = 0; i < run.len; i++)
        assert_true((run.p[i] >= '0' && run.p[i] <= '9') || (run.p[i] >= 'A' && run.p[i] <= 'Z'));
    if (run.len >= 13 && run.len <= 19 && digits(run, 0, run.len) && check_luhn(run.p, run.len))
        return true;
    if (run.len == 18 && digits(run, 0, 17) && check_mod11_2(run.p, 17) == run.p[17])
        return true;
    if (run.len >= 15 && run.len <= 34 && is_iban_like(run) && check_mod97(run.p, run.len) == 1)
        return true;
    return whole && digits(run, 0, run.len) && (run.len == 9 || (run.len == 11 && run.p[0] == '1'));
}

static const struct textguard_probe probe = { probe_formats, NULL };

static void check_rows(const char *const *rows, size_t count, enum hufu_err err)
{
    for (size_t i = 0; i < count; i++)
        if (textguard_check(&probe, view_str(rows[i])) != err)
            fail_msg("row %zu: %s", i, rows[i]);
}

static void test_texts_that_are_fine(void **state)
{
    static const char *const rows[] = {
        "",
        "fraud case 2026/1184, asked for by the bank",
        "order 12345678",
        "ref CB-2026-00417", /* nine digits, but not in such groups */
        "4111828836075983",  /* Luhn fails, in its windows too */
        "4111 8288 3607 5983",
        "411111111111 and 1111", /* a word parts them too */
        "11010519497298063Y",
        "DE88950423450552021738",
        "2026-11-21 3", /* two kinds of separators: not one number */
        "A123456789",   /* touches a letter: not whole */
        "123456789B",
        "0123456789", /* ten digits: not nine */
        "request 0192ab34-cd56-7ef8-9abc-def012345678",
        "\xe8\x99\x8e\xe7\xac\xa6 123",
        ";12=",
        "%B^",
    };

    (void)state;
    check_rows(rows, COUNT(rows), HUFU_OK);
}

static void test_numbers_are_found(void **state)
{
    static const char *const rows[] = {
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111,1111,1111,1111",
        "4111_1111_1111_1111",
        "(4111)(1111)(1111)(1111)",
        "4111:1111:1111:1111",
        "4111\xe2\x80\x8b"
        "1111\xe2\x80\x8b"
        "1111\xe2\x80\x8b"
        "1111", /* U+200B, unseen */
        "\xd9\xa4\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1"
        "\xd9\xa1"
        "\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1", /* Arabic digits */
        "4111.1111/1111 1111",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "4111  1111 - 1111 -- 1111",
        "card:4111111111111111.",
        "card4111111111111111x",
        "pan 5555555555554444, please",
        "99999941111111111111117777", /* inside a longer run of digits */
        "20261121 4111111111111111",
        "378282246310005",     /* 15 digits */
        "4222222222222",       /* 13 digits */
        "6304000000000000000", /* 19 digits, Luhn */
        "\345\215\241\345\217\2674111111111111111\xe8\xaf\xb7",
        "11010519491231002X",
        "11010519491231002x",
        "id=11010519491231002x;",
        "110105 19491231 002X",
        "to 11010519491231002XX",
        "DE89370400440532013000",
        "de89 3704 0044 0532 0130 00",
        "IBAN DE89 3704 0044 0532 0130 00 please",
        "NO9386011117947", /* 15 characters, the shortest */
        "MT84MALT011000012345MTLCAST001S",
        "refDE89370400440532013000ref",
        "123-45-6789",
        "ssn 123456789",
        "(123 45 6789)",
        "x-123-45-6789",
        "+86-138-1234-5678",
        "13812345678",
        "138 1234 5678",
        "call 138-1234-5678!",
        "\357\274\224111111111111111", /* full-width 4 */
        "4111\343\200\2001111\302\2401111\342\200\2231111",
        "4111\342\200\2211111\342\210\2221111\342\200\2111111",
        "\357\275\204\357\275\20589370400440532013000", /* full-width d and e */
    };

    (void)state;
    check_rows(rows, COUNT(rows), HUFU_VALUE_IN_TEXT);
}

/* All sixteen full-width digits of one number. */
static void test_full_width_number(void **state)
{
    const char *pan = "4111111111111111";
    char text[64] = "";

    (void)state;
    for (size_t i = 0; i < 16; i++) {
        text[3 * i] = (char)0xef;
        text[3 * i + 1] = (char)0xbc;
        text[3 * i + 2] = (char)(0x90 + pan[i] - '0');
    }
    assert_int_equal(textguard_check(&probe, view_str(text)), HUFU_VALUE_IN_TEXT);
}

/* At every place of a text of the greatest length, between letters. */
static void test_found_at_every_place(void **state)
{
    static const char *const values[] = { "4111111111111111", "11010519491231002X",
                                          "DE89370400440532013000", "6304000000000000000" };

    (void)state;
    for (size_t v = 0; v < COUNT(values); v++) {
        size_t len = strlen(values[v]);

        for (size_t at = 0; at + len <= TEXTGUARD_MAX; at++) {
            char text[TEXTGUARD_MAX];

            memset(text, 'q', sizeof(text));
            assert_int_equal(textguard_check(&probe, view_of(text, sizeof(text))), HUFU_OK);
            memcpy(text + at, values[v], len);
            assert_int_equal(textguard_check(&probe, view_of(text, sizeof(text))),
                             HUFU_VALUE_IN_TEXT);
        }
    }
}

static bool never(void *arg, struct view run, bool whole)
{
    (void)arg;
    (void)run;
    (void)whole;
    calls++;
    return false;
}

static const struct textguard_probe none = { never, NULL };

static void test_track_data(void **state)
{
    static const char *const found[] = {
        ";4111111111111112=2512101",     "x ;12345678=",
        "%B4111111111111112^DOE/J^2512", "%b41111111^",
        "note %B4111 1111 1111 1112^X",  ";x;12345678=",
    };
    static const char *const fine[] = {
        ";1234567=",   ";12345678",  ";12345678^",   "%B1234567^", "%B12345678=",
        "%C12345678^", "B12345678^", "12345678=",    "%",          "%B",
        ";",           ";=",         "; 12345678x=",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(found); i++)
        if (textguard_check(&none, view_str(found[i])) != HUFU_VALUE_IN_TEXT)
            fail_msg("row %zu", i);
    for (size_t i = 0; i < COUNT(fine); i++)
        if (textguard_check(&none, view_str(fine[i])) != HUFU_OK)
            fail_msg("row %zu", i);
}

static void test_length_limit(void **state)
{
    char text[TEXTGUARD_MAX + 1];

    (void)state;
    memset(text, '!', sizeof(text));
    assert_int_equal(textguard_check(&none, view_of(text, TEXTGUARD_MAX)), HUFU_OK);
    assert_int_equal(textguard_check(&none, view_of(text, TEXTGUARD_MAX + 1)), HUFU_VALUE_IN_TEXT);
}

/* The worst text there is costs a few thousand probes. */
static void test_work_is_bounded(void **state)
{
    char text[TEXTGUARD_MAX];

    (void)state;
    for (size_t kind = 0; kind < 2; kind++) {
        for (size_t i = 0; i < sizeof(text); i++)
            text[i] = kind == 0 || i % 4 >= 2 ? '0' : 'A';
        calls = 0;
        assert_int_equal(textguard_check(&none, view_of(text, sizeof(text))), HUFU_OK);
        assert_true(calls > 100 && calls <= 4096);
    }
}

struct saw {
    char run[64];
    bool whole;
    bool found;
};

static bool look_for(void *arg, struct view run, bool whole)
{
    struct saw *saw = arg;

    if (view_is(run, saw->run)) {
        saw->found = true;
        saw->whole = whole;
    }
    return false;
}

static void test_whole(void **state)
{
    static const struct {
        const char *text;
        bool found, whole;
    } rows[] = {
        { "123456789", true, true },     { "a 123456789 b", true, true },
        { "123-45-6789", true, true },   { "12-34-56-789", true, true },
        { "12 3456 789", true, true },   { "1 2 3 4 5 6 7 8 9", true, false },
        { "1234-56789", true, false },   { "12345-6789", true, false },
        { "1-2345-6789", true, false },  { "1234-5678-9", true, false },
        { "8123456789", true, false },   { "1234567890", true, false },
        { "a123456789", true, false },   { "123456789a", true, false },
        { "123-45 6789", true, false },  { "123 -456789", true, false },
        { "8-123456789-0", true, true }, { "12345678", false, false },
        { "12345,6789", true, false },   { "12345a6789", false, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct saw saw = { .run = "123456789" };
        struct textguard_probe p = { look_for, &saw };

        assert_int_equal(textguard_check(&p, view_str(rows[i].text)), HUFU_OK);
        if (saw.found != rows[i].found || saw.whole != rows[i].whole)
            fail_msg("row %zu", i);
    }
}

/* Every window that the header promises is offered, for digits and for an IBAN. */
static void test_every_window_length(void **state)
{
    static const size_t lens[] = { 9, 11, 13, 14, 15, 16, 17, 18, 19 };
    const char *iban = "AB12CDEFGHIJ0123456789KLMNOPQRSTUV";
    const char *number = "3141592653589793238462643383279";

    (void)state;
    for (size_t i = 0; i < COUNT(lens); i++) {
        for (size_t at = 0; at + lens[i] <= strlen(number); at++) {
            struct saw saw = { .found = false };
            struct textguard_probe p = { look_for, &saw };

            memcpy(saw.run, number + at, lens[i]);
            assert_int_equal(textguard_check(&p, view_str(number)), HUFU_OK);
            assert_true(saw.found);
        }
    }
    for (size_t len = 15; len <= 34; len++) {
        struct saw saw = { .found = false };
        struct textguard_probe p = { look_for, &saw };

        memcpy(saw.run, iban, len);
        assert_int_equal(textguard_check(&p, view_str(iban)), HUFU_OK);
        assert_true(saw.found);
    }
}

/* U+FF41 U+FF42 and U+FF3A are letters as a, b and Z are. */
static void test_full_width_letters(void **state)
{
    struct saw saw = { .run = "AB12CDEFGHIJZ0123" };
    struct textguard_probe p = { look_for, &saw };

    (void)state;
    assert_int_equal(
        textguard_check(&p, view_str("\357\275\201\357\275\20212cdefghij\357\274\2720123")),
        HUFU_OK);
    assert_true(saw.found);
}

/* Bytes that are not UTF-8 part numbers and are never read past. */
static void test_broken_utf8(void **state)
{
    static const char *const rows[] = { "\xef", "\xef\xbc", "\xff\xfe", "41111111\357\27411111111",
                                        "\xe3\x80" };

    (void)state;
    check_rows(rows, COUNT(rows), HUFU_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_that_are_fine), cmocka_unit_test(test_numbers_are_found),
        cmocka_unit_test(test_full_width_number),   cmocka_unit_test(test_found_at_every_place),
        cmocka_unit_test(test_track_data),          cmocka_unit_test(test_length_limit),
        cmocka_unit_test(test_work_is_bounded),     cmocka_unit_test(test_whole),
        cmocka_unit_test(test_every_window_length), cmocka_unit_test(test_full_width_letters),
        cmocka_unit_test(test_broken_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
