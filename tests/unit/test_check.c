/* test_check.c - check digits against the examples of their standards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vault/format/check.h"

static bool luhn(const char *text)
{
    return check_luhn((const uint8_t *)text, strlen(text));
}

/* ISO/IEC 7812-1 B, and the card schemes' published test numbers. */
static void test_check_luhn_published(void **state)
{
    static const char *const good[] = {
        "79927398713",      "4111111111111111", "4222222222222",       "4012888888881881",
        "5555555555554444", "5105105105105100", "378282246310005",     "371449635398431",
        "30569309025904",   "38520000023237",   "6011111111111117",    "3530111333300000",
        "6250941006528599", "0000000000000000", "4000000000000000006", "18",
    };
    static const char *const bad[] = { "79927398710", "4111111111111112", "4222222222221", "1",
                                       "1111111111111111" };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (!luhn(good[i]))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (luhn(bad[i]))
            fail_msg("accepted: %s", bad[i]);
}

/* ISO/IEC 7812-1 B: the formula finds all single errors, and all swaps of neighbours but 09/90. */
static void test_check_luhn_finds_errors(void **state)
{
    const char right[] = "4012888888881881";

    (void)state;
    for (size_t i = 0; i < 16; i++) {
        for (char c = '0'; c <= '9'; c++) {
            char wrong[17];

            memcpy(wrong, right, sizeof(wrong));
            wrong[i] = c;
            assert_int_equal(luhn(wrong), c == right[i]);
        }
    }
    for (unsigned a = 0; a < 100; a++) {
        char two[3] = { (char)('0' + a / 10), (char)('0' + a % 10), 0 };
        char swapped[3] = { two[1], two[0], 0 };
        bool blind = a / 10 == a % 10 || a == 9 || a == 90;

        if (luhn(two))
            assert_int_equal(luhn(swapped), blind);
    }
}

static void test_check_mod11_2_published(void **state)
{
    static const struct {
        const char *digits;
        char check;
    } rows[] = {
        { "0794", '0' },              /* ISO/IEC 7064 7 */
        { "11010519491231002", 'X' }, /* GB 11643-1999 */
        { "44052418800101001", '4' }, /* GB 11643-1999 */
        { "34052419800101001", 'X' },
        { "000000021825009", '7' }, /* ORCID 0000-0002-1825-0097 */
        { "000000021694233", 'X' }, /* ORCID 0000-0002-1694-233X */
        { "", '1' },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(check_mod11_2((const uint8_t *)rows[i].digits, strlen(rows[i].digits)),
                         rows[i].check);
}

/* GB 11643-1999 4.2.4: weights 7 9 10 5 8 4 2 1 6 3 7 9 10 5 8 4 2 and its table of remainders. */
static void test_check_mod11_2_equals_weights(void **state)
{
    static const unsigned weights[17] = { 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2 };
    static const char table[] = "10X98765432";
    uint64_t seed = 1;

    (void)state;
    for (unsigned n = 0; n < 10000; n++) {
        uint8_t digits[17];
        unsigned sum = 0;

        for (size_t i = 0; i < 17; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            digits[i] = (uint8_t)('0' + (seed >> 33) % 10);
            sum += weights[i] * (unsigned)(digits[i] - '0');
        }
        assert_int_equal(check_mod11_2(digits, 17), table[sum % 11]);
    }
}

static void test_check_mod97_published(void **state)
{
    static const struct {
        const char *text;
        unsigned rest;
    } rows[] = {
        { "GB82WEST12345698765432", 1 },
        { "DE89370400440532013000", 1 },
        { "FR1420041010050500013M02606", 1 },
        { "BE62510007547061", 1 }, /* ISO 13616-1 */
        { "DE88370400440532013000", 0 },
        { "DE90370400440532013000", 2 },
        { "0001", 1 },
        { "0096", 96 },
        { "0097", 0 },
        { "00001", 10000 % 97 }, /* the 1 moves before 0000 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(check_mod97((const uint8_t *)rows[i].text, strlen(rows[i].text)),
                         rows[i].rest);
    /* A = 10 and Z = 35, in front of 0000. */
    assert_int_equal(check_mod97((const uint8_t *)"0000A", 5), 100000 % 97);
    assert_int_equal(check_mod97((const uint8_t *)"0000Z", 5), 350000 % 97);
}

/* Verhoeff's own property: no single error, and no swap of neighbours, goes unseen. 2363 and 758722
 * are the examples that handbooks give. */
static void test_check_verhoeff(void **state)
{
    static const char right[] = "758722";

    (void)state;
    assert_true(check_verhoeff((const uint8_t *)"2363", 4));
    assert_true(check_verhoeff((const uint8_t *)"234123412346", 12));
    for (size_t i = 0; i < 6; i++) {
        char wrong[7];

        for (char c = '0'; c <= '9'; c++) {
            memcpy(wrong, right, sizeof(wrong));
            wrong[i] = c;
            assert_int_equal(check_verhoeff((const uint8_t *)wrong, 6), c == right[i]);
        }
        if (i == 5 || right[i] == right[i + 1])
            continue;
        memcpy(wrong, right, sizeof(wrong));
        wrong[i] = right[i + 1];
        wrong[i + 1] = right[i];
        assert_false(check_verhoeff((const uint8_t *)wrong, 6));
    }
}

/* GB 32100-2015: codes as printed on licences. */
static void test_check_mod31(void **state)
{
    static const char *const good[] = { "91350100M000100Y43", "91110000600037341L" };

    (void)state;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(check_mod31((const uint8_t *)good[i], 17), good[i][17]);
    assert_int_equal(strlen(check_mod31_symbols), 31);
    assert_int_equal(check_mod31((const uint8_t *)"", 0), '0');
}

/* Routing numbers of the Reserve Banks; a sum modulo 11 that needs the X. */
static void test_check_weighted(void **state)
{
    static const char *const routing[] = { "111000025", "021000021", "011000015", "076401251" };
    static const struct check_weights aba = { 10, 3, { 3, 7, 1 } };
    static const struct check_weights isbn = { 11, 9, { 10, 9, 8, 7, 6, 5, 4, 3, 2 } };

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(check_weighted(&aba, (const uint8_t *)routing[i], 8), routing[i][8]);
    assert_int_equal(check_weighted(&isbn, (const uint8_t *)"097522980", 9), 'X');
    assert_int_equal(check_weighted(&isbn, (const uint8_t *)"030640615", 9), '2');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_luhn_published),
        cmocka_unit_test(test_check_luhn_finds_errors),
        cmocka_unit_test(test_check_mod11_2_published),
        cmocka_unit_test(test_check_mod11_2_equals_weights),
        cmocka_unit_test(test_check_mod97_published),
        cmocka_unit_test(test_check_verhoeff),
        cmocka_unit_test(test_check_mod31),
        cmocka_unit_test(test_check_weighted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
