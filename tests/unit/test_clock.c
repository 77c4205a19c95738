/* Time as text: RFC 3339 section 5.6, the C library's calendar as the oracle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "vault/base/clock.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define LAST     253402300799999u

static void test_print_rows(void **state)
{
    static const struct {
        uint64_t ms;
        const char *text;
    } rows[] = {
        { 0, "1970-01-01T00:00:00.000Z" },
        { 1, "1970-01-01T00:00:00.001Z" },
        { 951782399999, "2000-02-28T23:59:59.999Z" },
        { 951782400000, "2000-02-29T00:00:00.000Z" },
        { 1709164800000, "2024-02-29T00:00:00.000Z" },
        { 1795304830123, "2026-11-21T23:47:10.123Z" },
        { 4107542400000, "2100-03-01T00:00:00.000Z" },
        { LAST, "9999-12-31T23:59:59.999Z" },
        { LAST + 1, "9999-12-31T23:59:59.999Z" },
        { UINT64_MAX, "9999-12-31T23:59:59.999Z" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[CLOCK_TEXT_LEN + 1];

        clock_print(rows[i].ms, text);
        assert_string_equal(text, rows[i].text);
    }
}

/* Steps of a bit less than nine days from 1970 to 9999 against gmtime_r, and back again. */
static void test_print_and_parse_against_libc(void **state)
{
    (void)state;
    for (uint64_t ms = 0; ms <= LAST; ms += 775399123) {
        char text[CLOCK_TEXT_LEN + 1], libc[80];
        time_t s = (time_t)(ms / 1000);
        uint64_t back = 0;
        struct tm tm;

        assert_non_null(gmtime_r(&s, &tm));
        (void)snprintf(libc, sizeof(libc), "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", tm.tm_year + 1900,
                       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                       (unsigned)(ms % 1000));
        clock_print(ms, text);
        assert_string_equal(text, libc);
        assert_int_equal(clock_parse(view_str(text), &back), HUFU_OK);
        assert_true(back == ms);
    }
}

static void test_parse_rows(void **state)
{
    static const struct {
        const char *text;
        enum hufu_err err;
        uint64_t ms;
    } rows[] = {
        { "1970-01-01T00:00:00Z", HUFU_OK, 0 },
        { "2026-11-21T23:47:10Z", HUFU_OK, 1795304830000 },
        { "2026-11-21T23:47:10.123Z", HUFU_OK, 1795304830123 },
        { "9999-12-31T23:59:59.999Z", HUFU_OK, LAST },
        { "1969-12-31T23:59:59Z", HUFU_SYNTAX, 0 },
        { "2026-11-21T23:47:10", HUFU_SYNTAX, 0 },
        { "2026-11-21T23:47:10.12Z", HUFU_SYNTAX, 0 },
        { "2026-11-21T23:47:10.1234Z", HUFU_SYNTAX, 0 },
        { "2026-11-21T23:47:10+00:00", HUFU_SYNTAX, 0 },
        { "2026-11-21t23:47:10Z", HUFU_SYNTAX, 0 },
        { "2026-11-21 23:47:10Z", HUFU_SYNTAX, 0 },
        { "2026-11-21T23:47:10z", HUFU_SYNTAX, 0 },
        { "2026-11-21T24:00:00Z", HUFU_SYNTAX, 0 },
        { "2026-11-21T23:60:00Z", HUFU_SYNTAX, 0 },
        { "2026-11-21T23:59:60Z", HUFU_SYNTAX, 0 },
        { "2026-00-21T23:47:10Z", HUFU_SYNTAX, 0 },
        { "2026-13-21T23:47:10Z", HUFU_SYNTAX, 0 },
        { "2026-11-00T23:47:10Z", HUFU_SYNTAX, 0 },
        { "2026-11-31T23:47:10Z", HUFU_SYNTAX, 0 },
        { "2025-02-29T00:00:00Z", HUFU_SYNTAX, 0 },
        { "2100-02-29T00:00:00Z", HUFU_SYNTAX, 0 },
        { "+026-11-21T23:47:10Z", HUFU_SYNTAX, 0 },
        { "", HUFU_SYNTAX, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t ms = 4711;

        assert_int_equal(clock_parse(view_str(rows[i].text), &ms), rows[i].err);
        assert_true(ms == (rows[i].err == HUFU_OK ? rows[i].ms : 4711));
    }
}

/* Every byte of a good text, replaced by each byte value: taken only where it prints the same. */
static void test_parse_every_byte_changed(void **state)
{
    const char *good = "2026-11-21T23:47:10.123Z";

    (void)state;
    for (size_t at = 0; at < CLOCK_TEXT_LEN; at++) {
        for (unsigned c = 0; c < 256; c++) {
            char text[CLOCK_TEXT_LEN + 1], again[CLOCK_TEXT_LEN + 1];
            uint64_t ms = 0;

            memcpy(text, good, sizeof(text));
            text[at] = (char)c;
            if (clock_parse(view_of(text, CLOCK_TEXT_LEN), &ms) != HUFU_OK)
                continue;
            clock_print(ms, again);
            assert_memory_equal(text, again, CLOCK_TEXT_LEN);
        }
    }
}

static void test_is_date_rows(void **state)
{
    (void)state;
    assert_true(clock_is_date(1, 1, 1));
    assert_true(clock_is_date(9999, 12, 31));
    assert_false(clock_is_date(0, 1, 1));
    assert_false(clock_is_date(10000, 1, 1));
    assert_false(clock_is_date(2000, 0, 1));
    assert_false(clock_is_date(2000, 13, 1));
    assert_false(clock_is_date(2000, 1, 0));
    assert_false(clock_is_date(2000, 4, 31));
    assert_true(clock_is_date(2000, 2, 29));
    assert_false(clock_is_date(1900, 2, 29));
    assert_true(clock_is_date(1904, 2, 29));
    assert_false(clock_is_date(2000, 2, 30));
}

static void test_system_clock_moves(void **state)
{
    uint64_t now = clock_system.now_ms(&clock_system);
    uint64_t boot = clock_system.boot_ms(&clock_system);

    (void)state;
    assert_true(now > 1600000000000u && now < LAST);
    assert_true(now / 1000 + 2 >= (uint64_t)time(NULL));
    assert_true(boot > 0);
    assert_true(clock_system.boot_ms(&clock_system) >= boot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_print_rows),   cmocka_unit_test(test_print_and_parse_against_libc),
        cmocka_unit_test(test_parse_rows),   cmocka_unit_test(test_parse_every_byte_changed),
        cmocka_unit_test(test_is_date_rows), cmocka_unit_test(test_system_clock_moves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
