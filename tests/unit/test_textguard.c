/* Numbers hidden in free text: found as they stand, with separators, inside longer runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/format_suite.h"
#include "vault/access/textguard.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void check_rows(const struct format_set *of, const char *const *rows, size_t count,
                       enum hufu_err err)
{
    for (size_t i = 0; i < count; i++)
        if (textguard_check(of, view_str(rows[i])) != err)
            fail_msg("row %zu: %s", i, rows[i]);
}

static void test_C05_texts_that_are_fine(void **state)
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
        "from 2026-11-21 14:05:33 to 2026-11-22 09:00:00",
        "21/11/2026 22/11/2026 23/11/2026",
        "tickets 123456, 234567, 345678",
        "1.234.567,89 EUR of 12.345.678,90 EUR",
        "call +49 170 1234567 ext. 4321 at 14:05",
        "1763791234567", /* milliseconds: no twelve of its digits count, and Luhn fails */
        "20000055779911 is of uk-sort-account, whose in_text is no",
        "12ACUPA7085R", /* touched: no check */
        "ACUPA 7085 R", /* in-pan has no separators */
        "E1234-5678",
        "1234-1234-123412", /* not twelve in even groups */
        "9234123412346",    /* an Aadhaar inside a longer number */
    };

    (void)state;
    check_rows(set, rows, COUNT(rows), HUFU_OK);
}

static const char *const numbers[] = {
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "4111,1111,1111,1111",
    "4111, 1111, 1111, 1111",
    "4111_1111_1111_1111",
    "(4111)(1111)(1111)(1111)",
    "4111:1111:1111:1111",
    "4111\xe2\x80\x8b"
    "1111\xe2\x80\x8b"
    "1111\xe2\x80\x8b"
    "1111", /* U+200B, unseen */
    "4111\xe2\x80\x8e"
    "1111\xe2\x80\x8e"
    "1111\xe2\x80\x8e"
    "1111", /* U+200E, which copying brings along */
    "4111\xc2\xb7"
    "1111\xe2\x80\xa2"
    "1111\xc2\xb7"
    "1111",                             /* dots between */
    "41111111111111115555555555554444", /* two, as long as an MD5 */
    "5555555555554444411111111111111155555555555544444111111111111111",
    "\xd9\xa4\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1"
    "\xd9\xa1"
    "\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1", /* Arabic digits */
    "4111.1111/1111 1111",
    "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    "41-11-11-11-11-11-11-11",
    "4-111111-111111111",
    "4111 111111111111",
    "4111  1111 - 1111 -- 1111",
    "card:4111111111111111.",
    "card4111111111111111x",
    "card4111 1111 1111 1111x",
    "pan 5555555555554444, please",
    "99999941111111111111117777", /* inside a longer run of digits */
    "20261121 4111111111111111",
    "378282246310005",     /* 15 digits */
    "3782 822463 10005",   /* as they are printed */
    "4222222222222",       /* 13 digits */
    "6304000000000000000", /* 19 digits, Luhn */
    "\345\215\241\345\217\2674111111111111111\xe8\xaf\xb7",
    "11010519491231002X",
    "11010519491231002x",
    "id=11010519491231002x;",
    "110105 19491231 002X",
    "110105-1949-12-31-002X",
    "to 11010519491231002XX",
    "DE89370400440532013000",
    "de89 3704 0044 0532 0130 00",
    "IBAN DE89 3704 0044 0532 0130 00 please",
    "IBANDE89 3704 0044 0532 0130 00",
    "FR14 20041 01005 0500013M026 06",
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
    "234123412346",
    "2341 2341 2346",
    "2341-2341-2346",
    "2341 - 2341 - 2346",
    "uid234123412346x",
    "E12345678",
    "passport e12345678, lost",
    "EA1234567",
    "ACUPA7085R",
    "(acupa7085r)",
    "91350100M000100Y43",
    "9135 0100 M000 100Y 43",
    "uscc91350100m000100y43uscc",
    "111000025 1234",
    "111000025-1234 is whole",
};

static void test_C05_numbers_are_found(void **state)
{
    (void)state;
    check_rows(set, numbers, COUNT(numbers), HUFU_VALUE_IN_TEXT);
}

/* All sixteen full-width digits of one number. */
static void test_C05_full_width_number(void **state)
{
    const char *pan = "4111111111111111";
    char text[64] = "";

    (void)state;
    for (size_t i = 0; i < 16; i++) {
        text[3 * i] = (char)0xef;
        text[3 * i + 1] = (char)0xbc;
        text[3 * i + 2] = (char)(0x90 + pan[i] - '0');
    }
    assert_int_equal(textguard_check(set, view_str(text)), HUFU_VALUE_IN_TEXT);
}

/* At every place of a text of the greatest length, between letters. */
static void test_C05_found_at_every_place(void **state)
{
    static const char *const values[] = { "4111111111111111",       "11010519491231002X",
                                          "DE89370400440532013000", "6304000000000000000",
                                          "234123412346",           "91350100M000100Y43" };

    (void)state;
    for (size_t v = 0; v < COUNT(values); v++) {
        size_t len = strlen(values[v]);

        for (size_t at = 0; at + len <= TEXTGUARD_MAX; at++) {
            char text[TEXTGUARD_MAX];

            memset(text, 'q', sizeof(text));
            assert_int_equal(textguard_check(set, view_of(text, sizeof(text))), HUFU_OK);
            memcpy(text + at, values[v], len);
            assert_int_equal(textguard_check(set, view_of(text, sizeof(text))), HUFU_VALUE_IN_TEXT);
        }
    }
}

/* Formats of an institution's own file: lengths, alphabets and places that no built-in one has. */
static void test_C05_own_formats(void **state)
{
    static const char file[] =
        "[format loan]\nclass = C2\nsource = ours\nlayout = text(LN) digits(5) check(mod31)\n"
        "separators = dot\nhidden_min = 4\nkeep_prefix_max = 0\nkeep_suffix_max = 0\n"
        "mask = 0+2\nmark = wrong-check\n"
        "[format locker]\nclass = C2\nsource = ours\nlayout = set(floor) digits(5)\n"
        "separators = slash\nhidden_min = 4\nkeep_prefix_max = 0\nkeep_suffix_max = 0\n"
        "mask = 0+2\nmark = unissued\nunissued = floor(50-99)\n[set floor]\nvalues = 01-49\n"
        "[format long]\nclass = C2\nsource = ours\nlayout = text(7) digits(39-40) check(luhn)\n"
        "separators = none\nhidden_min = 9\nkeep_prefix_max = 0\nkeep_suffix_max = 0\n"
        "mask = 0+2\nmark = wrong-check\nin_text = whole\n"
        "[format old]\nclass = C2\nsource = GB 11643\nlayout = digits(6) "
        "date(yyyymmdd, 1900-2099) digits(3) check(mod11-2)\nold_form = insert(19, 6)\n"
        "separators = none\nhidden_min = 9\nkeep_prefix_max = 0\nkeep_suffix_max = 0\n"
        "mask = 0+2\nmark = wrong-check\n";
    static const char *const found[] = {
        "LN12345D",
        "xln12345dx",
        "LN.1.2.3.4.5.D",
        "LN12 345D",
        "LN1 2345D",
        "0112345",
        "01/12/345",
        "at 4912345.",
        "110105491231002", /* the old form, of 15 digits */
        "73333333333333333333333333333333333333336",
    };
    static const char *const fine[] = {
        "LN12345A",
        "LN1, 2345D",
        "1LN 1234 5D",
        "5012345",
        "x0112345",

        "4911-2345",
        "01-123456",
        "110105491331002",
        "x110105491231002",
        "73333333333333333333333333333333333333337",
        "a73333333333333333333333333333333333333336",
    };
    char why[FORMAT_ERR_MAX] = "";
    struct format_set *own = NULL;

    (void)state;
    if (format_set_parse(view_str(file), &own, why, sizeof(why)) != HUFU_OK)
        fail_msg("%s", why);
    check_rows(own, found, COUNT(found), HUFU_VALUE_IN_TEXT);
    check_rows(own, fine, COUNT(fine), HUFU_OK);
    format_set_free(own);
}

/* Track data is found by itself: none of these holds a value of a format. */
static void test_C10_track_data_in_text(void **state)
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
    check_rows(set, found, COUNT(found), HUFU_VALUE_IN_TEXT);
    check_rows(set, fine, COUNT(fine), HUFU_OK);
}

static void test_length_limit(void **state)
{
    char text[TEXTGUARD_MAX + 1];

    (void)state;
    memset(text, '!', sizeof(text));
    assert_int_equal(textguard_check(set, view_of(text, TEXTGUARD_MAX)), HUFU_OK);
    assert_int_equal(textguard_check(set, view_of(text, TEXTGUARD_MAX + 1)), HUFU_VALUE_IN_TEXT);
}

/* What stands beside an SSN, and in it: only where it is whole it counts. */
static void test_C05_whole(void **state)
{
    static const char *const found[] = {
        "123456789", "a 123456789 b", "123-45-6789", "12-34-56-789", "12 3456 789", "8-123456789-0",
    };
    static const char *const fine[] = {
        "1 2 3 4 5 6 7 8 9", "1234-56789", "12345-6789", "1-2345-6789", "1234-5678-9",
        "8123456789",        "1234567890", "a123456789", "123456789a",  "123-45 6789",
        "123 -456789",       "12345,6789", "12345a6789", "123.45.6789", "12345678",
    };

    (void)state;
    check_rows(set, found, COUNT(found), HUFU_VALUE_IN_TEXT);
    check_rows(set, fine, COUNT(fine), HUFU_OK);
}

/* Bytes that are not UTF-8 part numbers and are never read past. */
static void test_broken_utf8(void **state)
{
    static const char *const rows[] = { "\xef", "\xef\xbc", "\xff\xfe", "41111111\357\27411111111",
                                        "\xe3\x80" };

    (void)state;
    check_rows(set, rows, COUNT(rows), HUFU_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C05_texts_that_are_fine),
        cmocka_unit_test(test_C05_numbers_are_found),
        cmocka_unit_test(test_C05_full_width_number),
        cmocka_unit_test(test_C05_found_at_every_place),
        cmocka_unit_test(test_C05_own_formats),
        cmocka_unit_test(test_C10_track_data_in_text),
        cmocka_unit_test(test_length_limit),
        cmocka_unit_test(test_C05_whole),
        cmocka_unit_test(test_broken_utf8),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
