/* Authentication data is found however it is written, and ordinary texts are let through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "vault/format/sensitive.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* clang-format off */
/* Refused as a value, and in text. */
static const char *const bad[] = {
    /* ISO/IEC 7813, track 1 */
    "%B4111111111111111^DOE/JOHN^25121010000000000?",
    "%b4111111111111111^doe/john^25121010000000000?",
    "B4111111111111111^DOE/JOHN^25121010000000000",
    "4111111111111111^DOE/JOHN^25121010000000000",
    "4111111111111111^DOE/JOHN^2512",
    "%B4111111111111111^DOE/JOHN^^1010000000000?",
    "%B4111 1111 1111 1111^DOE/JOHN^2512101?",
    "%B378282246310005^AMEX/TEST CARD^2512101?",
    "%B12345678^X",
    "4111111111111112^DOE/JOHN^2512101", /* track data proves itself, whatever its check digit */
    "%B4111111111111111^DOE/JOHN^2512101?;4111111111111111=2512101?",
    /* track 2 */
    ";4111111111111111=25121010000000000?",
    "4111111111111111=25121010000000000?",
    "4111111111111111=25121010000000000",
    "4111111111111111=2512",
    "4111111111111111=2512?",
    ";4111111111111111=2512",
    ";4111111111111112=2512101",
    "4111111111111112=2512101",
    "; 4111111111111111 =2512101?",
    ";4111111111111111==101123?",
    "4111111111111111==101123",
    ";378282246310005=2512?",
    "6304000000000000000=2512101",
    "4111 1111 1111 1111=2512101",
    "4111111111111111D25121010000000000",
    "4111111111111111D25121010000000000F",
    "4111111111111111d2512101000000000f",
    "4111111111111111D2512",
    "4111111111111112D2512101",
    "41 11 11 11 11 11 11 11 D2 51 21 01 00 00",
    /* EMV tags 57 and 9F6B */
    "57114111111111111111D25121010000000000",
    "57134111111111111111D25121010000000000000F",
    "571341111111111111 11D2512",
    "57 13 41 11 11 11 11 11 11 11 D2 51 21 01 00 00 00 00 00 00 0F",
    "57:13:41:11:11:11:11:11:11:11:D2:51:21:01:00:00:00:00:00:00:0F",
    "5f2a02097857114111111111111111d25121010000000000009f2608aabbccddeeff0011",
    "9F6B0D4111111111111111D2512101000F",
    "5710378282246310005D2512101000000F",
    /* a card number and its expiry */
    "4111111111111111 12/25",
    "4111111111111111 12-25",
    "4111111111111111 12 25",
    "4111111111111111 1225",
    "4111111111111111 2512",
    "4111111111111111/1225",
    "4111111111111111/12/25",
    "4111111111111111-1225",
    "4111111111111111,12/2025",
    "4111111111111111;2025-12",
    "4111111111111111 122025",
    "4111111111111111 12 / 25",
    "4111 1111 1111 1111 12/25",
    "4111 1111 1111 1111 1225",
    "4111-1111-1111-1111 2512",
    "4111-1111-1111-1111-1225",
    "3782 822463 10005 12/25",
    "4222222222222 12/25",
    "6304000000000000000 12/25",
    "501234567896 12/25", /* 12 digits */
    "5012 3456 7896 12/25",
    "4111111111111111 exp 12/25",
    "4111111111111111 (Exp. 12/25)",
    "4111111111111111, valid thru 12/25",
    "4111111111111111 expiry date: 12/2025",
    "4111111111111111 12/25 123",
    "4111111111111111|12|25|123",
    /* a card number and its code */
    "4111111111111111 123",
    "4111111111111111 1234",
    "4111111111111111/123",
    "4111111111111111-123",
    "4111111111111111, 123",
    "4111111111111111\t123",
    "378282246310005 1234",
    "3782 822463 10005 1234",
    "3782-822463-10005-1234",
    "4111 1111 1111 1111 123",
    "4111-1111-1111-1111 123",
    "4111111111111111 CVV 123",
    "4111111111111111 cvc2: 123",
    "4111111111111111 cvn=123",
    "4111111111111111 cid#1234",
    "  4111111111111111 123  ",
    "6304000000000000000 123",
    /* ISO 9564-1, clear PIN blocks */
    "0412AC89ABCDEF67", /* format 0: PIN 1234, card 43219876543210987 */
    "0412ac89abcdef67",
    "041226CBA9876FE9",
    "0C12345678901AF9",
    "1412341A2B3C4D5E", /* format 1 */
    "1612345600FFEE11",
    "241234FFFFFFFFFF", /* format 2 */
    "2C123456789012FF",
    "3412ADBC9E8DFBEA", /* format 3 */
    "441234AAAAAAAAAA", /* format 4, the field */
    "441234AAAAAAAAAA0123456789ABCDEF",
    "4C123456789012AAFFFFFFFFFFFFFFFF",
    "0412 AC89 ABCD EF67",
    "04 12 AC 89 AB CD EF 67",
    "0412AC89-ABCDEF67",
    " 0412AC89ABCDEF67\n",
};

/* Let through as a value, and in text. */
static const char *const good[] = {
    "",
    " ",
    "4111111111111111", /* C2, for the formats to judge */
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "378282246310005",
    "3782 822463 10005",
    "3782-822463-10005",
    "3782 8224 6310 005",
    "4222222222222",
    "4222 2222 2222 2",
    "6304000000000000000",
    "6304 0000 0000 0000 000", /* 19 digits that pass */
    "4111 1111 1111 1112",
    "5012 3456 7896 1234", /* 12 that pass are in them */
    "4111111111111111.",
    "4111111111111111 12",
    "4111111111111111 12345",
    "4111111111111111 2025-12-31",
    "4111111111111111 1.50",
    "4111111111111111 100.50",
    "4111111111111112 123", /* Luhn fails */
    "4111111111111112 12/25",
    "41111111111111111225", /* an account number of 20 digits */
    "4111 1111 1111 1111 7890", /* the same, grouped */
    "1090 1014 0000 0712 1981 2874",
    "PL61 1090 1014 0000 0712 1981 2874",
    "DE89 3704 0044 0532 0130 00",
    "GB29 NWBK 6016 1331 9268 19",
    "FR14 2004 1010 0505 0001 3M02 606",
    "DO28 BAGR 0000 0001 2124 5361 1324",
    "AZ21 NABZ 4111 1111 1111 1111 1225",
    "AD12 0001 2030 2003 5910 0100",
    "MT84 MALT 0110 0001 2345 MTLC AST0 01S",
    "DE89370400440532013000",
    "11010519491231002X",
    "110105194912310021 1949-12-31",
    "138 1234 5678",
    "+86 138 1234 5678",
    "+8613812345678 123",
    "+49 30 901820 123",
    "0049 30 901820 1234",
    "(030) 123456-789",
    "123-45-6789",
    "20-00-00 55779911",
    "case 4711 of 2024-05-06",
    "case 4711, 05/24",
    "order 20240506123456 100",
    "order 202405061234 100 pieces",
    "order 411111111111 100", /* 12 digits, not Maestro's */
    "2024-05-06 12:30:45 2024-05-07",
    "from 01/24 to 12/25",
    "12/25",
    "123",
    "1234",
    "EUR 1,234,567,890,123.45 1200",
    "1.512345678900 123", /* decimals */
    "invoice 2024-000123, 1,250.00 EUR",
    "ticket #8842 cvv 123", /* no number before it */
    "room 12B, code 1234",
    "550e8400-e29b-41d4-a716-446655440000",
    "0192ab34-cd56-7ef8-9abc-def012345678 123",
    "04123456-789a-4bcd-8ef0-123456789abc",
    "{0412AC89-ABCD-EF67-0412-AC89ABCDEF67}",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "0412ac89abcdef670412ac89abcdef670412ac89abcdef670412ac89abcdef67",
    "5711411111111111111144e4649b934c", /* no "D", no date */
    "57114111111111111111D2599",
    "57FF4111111111111111D2512101",
    "57064111111111111111D2512101",
    "a57114111111e11111111d2512101",
    "d41d8cd98f00b204e9800998ecf8427e",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "2d74843",
    "9e4b1f7c05d83a62",
    "0412AC89ABCDEF6", /* 15 and 17 */
    "0412AC89ABCDEF678",
    "x0412AC89ABCDEF67",
    "0412AC89ABCDEF67x",
    "0412AC89ABCDEF6G",
    "0412345678901234", /* decimal digits only */
    "0312AC89ABCDEF67", /* a PIN of 3, of 13 */
    "0D12AC89ABCDEF67",
    "04A2AC89ABCDEF67", /* PINs have decimal digits */
    "0412AC89ABCDEF57", /* no F behind XOR */
    "14123A1A2B3C4D5E",
    "241234FFFFFFFFFE",
    "3412ADBC9E8DFBE1",
    "441234AAAAAAAAAB",
    "441234AAAAAAAABA0123456789ABCDEF",
    "5412341A2B3C4D5E", /* no such format */
    "04:12:AC:89:AB:CD:EF:67", /* an EUI-64 */
    "04 12 AC 89 AB CD EF 67 00", /* part of a longer dump */
    "00 04 12 AC 89 AB CD EF 67",
    "0412 AC89-ABCD EF67",
    "aGVsbG8gd29ybGQgMTIzNDU2Nzg5MDEyMw==",
    "MTIzNDU2Nzg5MDEyMzQ1Ng==",
    "?id=1234567890123456&d=2512",
    "1234567890123=2512", /* Luhn fails, and no service code */
    "411111111111=13",
    "41111111111111112599D",
    ";1234567=2512",
    "%B1234567^",
    "%C12345678^",
    "2^10 = 1024",
    "12345678^2^2",
    "a;b=c; 12345678x=1",
    "x4111111111111111D2512101",
    "4111111111111111D2512101x",
    "4111111111111111D9913",
    "12345678901234D99",
    "MUELLER D 2512 1234",
    "\xe8\x99\x8e\xe7\xac\xa6 123",
    "\xff\xfe\xff",
};
/* clang-format on */

static void test_C10_sensitive_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (sensitive_check_value(view_str(bad[i])) != HUFU_PROHIBITED_DATA)
            fail_msg("value, row %zu: %s", i, bad[i]);
        if (!sensitive_find_text(view_str(bad[i])))
            fail_msg("text, row %zu: %s", i, bad[i]);
    }
    assert_true(COUNT(bad) >= 60);
}

static void test_C10_sensitive_lets_through(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        if (sensitive_check_value(view_str(good[i])) != HUFU_OK)
            fail_msg("value, row %zu: %s", i, good[i]);
        if (sensitive_find_text(view_str(good[i])))
            fail_msg("text, row %zu: %s", i, good[i]);
    }
    assert_true(COUNT(good) >= 60);
}

/* Every bad row amid a sentence; only a PIN block has to be all of a value. */
static void test_C10_sensitive_finds_amid_text(void **state)
{
    static const char *const around[][2] = {
        { "asked for: ", ", said the bank" },
        { "(", ")" },
        { "\xe5\x8d\xa1 ", " \xe8\xaf\xb7" },
        { "see \"", "\"" },
        { "sent = ", "." },
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        for (size_t k = 0; k < COUNT(around); k++) {
            int len = snprintf(text, sizeof(text), "%s%s%s", around[k][0], bad[i], around[k][1]);

            assert_true(len > 0 && (size_t)len < sizeof(text));
            if (!sensitive_find_text(view_str(text)))
                fail_msg("row %zu within %zu: %s", i, k, text);
        }
    }
    assert_true(sensitive_find_text(view_str("block 0412AC89ABCDEF67 sent")));
    assert_int_equal(sensitive_check_value(view_str("block 0412AC89ABCDEF67 sent")), HUFU_OK);
}

/* A mebibyte of the worst is read in a moment: what is looked at from one place is bounded. */
static void test_C10_sensitive_takes_linear_time(void **state)
{
    static const char *const units[] = {
        "4",
        "4 ",
        "41 ",
        "4111 ",
        "4111-1111-1111-1111 ",
        "57",
        "9F6B",
        "57134111",
        "0",
        "04",
        "04 ",
        "0412 ",
        "%B",
        ";4",
        "^",
        "4111111111111111^",
        "=",
        "D",
        "4111111111111111 EXP ",
        "4111111111111111        ",
        "AZ21 ",
        " ",
        "F",
    };
    static uint8_t text[1 << 20];

    (void)state;
    for (size_t u = 0; u < COUNT(units); u++) {
        size_t len = strlen(units[u]);
        clock_t began = clock();

        for (size_t i = 0; i < sizeof(text); i++)
            text[i] = (uint8_t)units[u][i % len];
        (void)sensitive_find_text(view_of(text, sizeof(text)));
        assert_int_equal(sensitive_check_value(view_of(text, sizeof(text))),
                         sensitive_find_text(view_of(text, sizeof(text))) ? HUFU_PROHIBITED_DATA
                                                                          : HUFU_OK);
        if ((clock() - began) / CLOCKS_PER_SEC >= 10)
            fail_msg("row %zu", u);
    }
}

/* Nothing is read behind the end: each bad row cut off at each place, in memory of just that size.
 */
static void test_C10_sensitive_reads_within(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        for (size_t len = 0; len <= strlen(bad[i]); len++) {
            uint8_t *copy = malloc(len + (len == 0));

            assert_non_null(copy);
            memcpy(copy, bad[i], len);
            if (sensitive_check_value(view_of(copy, len)) != HUFU_OK)
                assert_true(sensitive_find_text(view_of(copy, len)));
            free(copy);
        }
    }
}

/* Digits that no card's number can be, since they are too many. */
static void test_C10_sensitive_joined_dates(void **state)
{
    static const struct {
        const char *digits;
        bool is_joined;
    } rows[] = {
        { "41111111111111111225", true },    /* 16, MMYY */
        { "41111111111111112512", true },    /* 16, YYMM */
        { "41111111111111111101225", true }, /* 19, MMYY */
        { "41111111111111119876", false },   /* a code of four, or a number mistyped */
        { "4111111111111111", false },
        { "4111111111111111123", false }, /* 19 digits may be a number, mistyped */
        { "41111111111111122225", false },
        { "01111111111111111225", false },
        { "411111111111111111012345", false },
        { "4111111111111111122x", false },
        { "", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (sensitive_is_joined(view_str(rows[i].digits)) != rows[i].is_joined)
            fail_msg("row %zu: %s", i, rows[i].digits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C10_sensitive_joined_dates),
        cmocka_unit_test(test_C10_sensitive_refuses),
        cmocka_unit_test(test_C10_sensitive_lets_through),
        cmocka_unit_test(test_C10_sensitive_finds_amid_text),
        cmocka_unit_test(test_C10_sensitive_takes_linear_time),
        cmocka_unit_test(test_C10_sensitive_reads_within),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
