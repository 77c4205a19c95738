/* TOTP: RFC 6238 appendix B, RFC 4226 appendix D, and liboath as the oracle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <liboath/oath.h>

#include <cmocka.h>

#include "vault/access/totp.h"
#include "vault/base/entropy.h"

static const struct view rfc_seed = { (const uint8_t *)"12345678901234567890", 20 };

/* RFC 6238 appendix B (SHA-1), the last six of the eight digits; time in seconds */
static const struct {
    uint64_t s;
    const char *code;
} vectors[] = {
    { 59, "287082" },         { 1111111109, "081804" }, { 1111111111, "050471" },
    { 1234567890, "005924" }, { 2000000000, "279037" }, { 20000000000, "353130" },
};

static void test_rfc_6238_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        uint64_t step = 0;

        assert_int_equal(
            totp_check(rfc_seed, view_str(vectors[i].code), vectors[i].s * 1000, 0, &step),
            HUFU_OK);
        assert_true(step == vectors[i].s / 30);
    }
}

/* RFC 4226 appendix D: counters 0 to 9 are the steps of the first five minutes of 1970. */
static void test_rfc_4226_vectors(void **state)
{
    static const char *const codes[] = { "755224", "287082", "359152", "969429", "338314",
                                         "254676", "287922", "162583", "399871", "520489" };

    (void)state;
    for (uint64_t i = 1; i < 10; i++) {
        uint64_t step = 0;

        assert_int_equal(totp_check(rfc_seed, view_str(codes[i]), i * 30000, i - 1, &step),
                         HUFU_OK);
        assert_true(step == i);
    }
}

static void test_first_step_is_never_later_than_none(void **state)
{
    uint64_t step = 4711;

    (void)state;
    assert_int_equal(totp_check(rfc_seed, view_str("755224"), 0, 0, &step), HUFU_UNAUTHENTICATED);
    assert_int_equal(totp_check(rfc_seed, view_str("755224"), 30000, 0, &step),
                     HUFU_UNAUTHENTICATED);
    assert_true(step == 4711);
}

/* This step and the one before, to the millisecond; never the next. */
static void test_window_edges(void **state)
{
    static const struct {
        uint64_t ms;
        enum hufu_err err;
    } rows[] = {
        { 119999, HUFU_UNAUTHENTICATED },
        { 120000, HUFU_OK }, /* "338314" is step 4 */
        { 149999, HUFU_OK },
        { 150000, HUFU_OK },
        { 179999, HUFU_OK },
        { 180000, HUFU_UNAUTHENTICATED },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t step = 4711;

        assert_int_equal(totp_check(rfc_seed, view_str("338314"), rows[i].ms, 0, &step),
                         rows[i].err);
        assert_true(step == (rows[i].err == HUFU_OK ? 4 : 4711));
    }
}

/* RFC 6238 section 5.2: "The verifier MUST NOT accept the second attempt of the OTP". */
static void test_replay_is_refused(void **state)
{
    uint64_t step = 0;

    (void)state;
    assert_int_equal(totp_check(rfc_seed, view_str("338314"), 120000, 3, &step), HUFU_OK);
    assert_true(step == 4);
    assert_int_equal(totp_check(rfc_seed, view_str("338314"), 120001, 4, &step),
                     HUFU_UNAUTHENTICATED);
    assert_int_equal(totp_check(rfc_seed, view_str("338314"), 150000, 4, &step),
                     HUFU_UNAUTHENTICATED);
    /* the step before the one accepted last is gone as well */
    assert_int_equal(totp_check(rfc_seed, view_str("969429"), 120002, 4, &step),
                     HUFU_UNAUTHENTICATED);
    /* a clock that went back opens nothing again */
    assert_int_equal(totp_check(rfc_seed, view_str("359152"), 60000, 4, &step),
                     HUFU_UNAUTHENTICATED);
    assert_int_equal(totp_check(rfc_seed, view_str("254676"), 150000, 4, &step), HUFU_OK);
    assert_true(step == 5);
}

static void test_codes_that_are_none(void **state)
{
    static const char *const rows[] = {
        "",        "3",      "33831",  "3383144", "338 314",  " 338314",
        "338314 ", "33831a", "+38314", "-38314",  "338314\n", "000000",
    };
    uint64_t step = 4711;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(totp_check(rfc_seed, view_str(rows[i]), 120000, 0, &step),
                         HUFU_UNAUTHENTICATED);
    assert_int_equal(totp_check(rfc_seed, view_of("33831\0", 6), 120000, 0, &step),
                     HUFU_UNAUTHENTICATED);
    assert_int_equal(totp_check(rfc_seed, view_of("\0\0\0\0\0\0", 6), 120000, 0, &step),
                     HUFU_UNAUTHENTICATED);
    assert_int_equal(totp_check(rfc_seed, view_of(NULL, 0), 120000, 0, &step),
                     HUFU_UNAUTHENTICATED);
    assert_true(step == 4711);
}

static void test_every_wrong_digit(void **state)
{
    uint64_t step = 4711;

    (void)state;
    for (size_t at = 0; at < TOTP_DIGITS; at++) {
        for (char c = '0'; c <= '9'; c++) {
            char code[] = "338314";

            if (code[at] == c)
                continue;
            code[at] = c;
            assert_int_equal(totp_check(rfc_seed, view_str(code), 120000, 0, &step),
                             HUFU_UNAUTHENTICATED);
        }
    }
    assert_true(step == 4711);
}

static void test_seed_limits(void **state)
{
    uint8_t seed[TOTP_SEED_MAX + 1] = { 1 };
    uint64_t step = 4711;

    (void)state;
    assert_int_equal(totp_check(view_of(seed, 0), view_str("000000"), 60000, 0, &step),
                     HUFU_UNAUTHENTICATED);
    assert_int_equal(
        totp_check(view_of(seed, TOTP_SEED_MAX + 1), view_str("000000"), 60000, 0, &step),
        HUFU_UNAUTHENTICATED);
    assert_true(step == 4711);
}

/* Random seeds of every length and random times, against another implementation. */
static void test_against_liboath(void **state)
{
    struct draw d;

    (void)state;
    draw_init(&d, &entropy_system);
    assert_int_equal(oath_init(), OATH_OK);
    for (size_t len = 1; len <= TOTP_SEED_MAX; len++) {
        uint8_t seed[TOTP_SEED_MAX];
        uint64_t s = 0, step = 0;
        char code[TOTP_DIGITS + 1];

        assert_int_equal(draw_bytes(&d, seed, len), HUFU_OK);
        assert_int_equal(draw_below(&d, UINT64_C(1) << 33, &s), HUFU_OK);
        s += 60;
        assert_int_equal(
            oath_totp_generate((const char *)seed, len, (time_t)s, 30, 0, TOTP_DIGITS, code),
            OATH_OK);
        assert_int_equal(totp_check(view_of(seed, len), view_str(code), s * 1000, 0, &step),
                         HUFU_OK);
        assert_true(step == s / 30);
        assert_int_equal(totp_check(view_of(seed, len), view_str(code), s * 1000 + 30000, 0, &step),
                         HUFU_OK);
        assert_true(step == s / 30);
    }
    (void)oath_done();
    draw_done(&d);
}

static void test_uri(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 256);
    totp_uri(&b, view_str("olga"), rfc_seed);
    assert_true(view_is(
        buf_view(&b), "otpauth://totp/hufu:olga?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=hufu"
                      "&algorithm=SHA1&digits=6&period=30"));
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_6238_vectors),
        cmocka_unit_test(test_rfc_4226_vectors),
        cmocka_unit_test(test_first_step_is_never_later_than_none),
        cmocka_unit_test(test_window_edges),
        cmocka_unit_test(test_replay_is_refused),
        cmocka_unit_test(test_codes_that_are_none),
        cmocka_unit_test(test_every_wrong_digit),
        cmocka_unit_test(test_seed_limits),
        cmocka_unit_test(test_against_liboath),
        cmocka_unit_test(test_uri),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
