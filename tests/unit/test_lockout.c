/* The policy of delays and locks, at every edge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vault/access/lockout.h"

#define NOW UINT64_C(1795304830123)

static const struct lockout_limits limits = { .lock_after = 10, .lock_ms = 1800000 };

static bool allowed(uint32_t failures, uint64_t failed_ms, uint64_t now_ms)
{
    struct lockout state = { failures, failed_ms };

    return lockout_judge(&limits, &state, now_ms);
}

static void test_nobody_waits_at_first(void **state)
{
    (void)state;
    assert_true(allowed(0, 0, 0));
    assert_true(allowed(0, 0, NOW));
    assert_true(allowed(1, NOW, NOW));
    assert_true(allowed(2, NOW, NOW));
}

static void test_delays(void **state)
{
    static const struct {
        uint32_t failures;
        uint64_t delay_ms;
    } rows[] = {
        { 0, 0 },        { 1, 0 },         { 2, 0 },
        { 3, 1000 },     { 4, 2000 },      { 5, 4000 },
        { 6, 8000 },     { 7, 16000 },     { 8, 32000 },
        { 9, 64000 },    { 10, 1800000 },  { 11, 1800000 },
        { 35, 1800000 }, { 100, 1800000 }, { UINT32_MAX, 1800000 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lockout s = { rows[i].failures, NOW };

        assert_true(lockout_delay_ms(&limits, &s) == rows[i].delay_ms);
        if (rows[i].delay_ms > 0)
            assert_false(allowed(rows[i].failures, NOW, NOW + rows[i].delay_ms - 1));
        assert_true(allowed(rows[i].failures, NOW, NOW + rows[i].delay_ms));
    }
}

/* A doubling delay never passes the lock's length, however late the lock begins. */
static void test_delay_is_capped(void **state)
{
    const struct lockout_limits late = { .lock_after = 100, .lock_ms = 5000 };

    (void)state;
    for (uint32_t n = 0; n <= 101; n++) {
        struct lockout s = { n, NOW };
        uint64_t want = n < 3 ? 0 : n == 3 ? 1000 : n == 4 ? 2000 : n == 5 ? 4000 : 5000;

        assert_true(lockout_delay_ms(&late, &s) == want);
    }
}

static void test_lock_at_the_lowest_limit(void **state)
{
    const struct lockout_limits low = { .lock_after = 3, .lock_ms = 60000 };
    struct lockout s = { 2, NOW };

    (void)state;
    assert_true(lockout_judge(&low, &s, NOW));
    s = lockout_failed(&s, NOW);
    assert_false(lockout_judge(&low, &s, NOW + 59999));
    assert_true(lockout_judge(&low, &s, NOW + 60000));
}

static void test_failed_counts_and_passed_clears(void **state)
{
    struct lockout s = { 0 };

    (void)state;
    for (uint32_t n = 1; n <= 12; n++) {
        s = lockout_failed(&s, NOW + n);
        assert_int_equal(s.failures, n);
        assert_true(s.failed_ms == NOW + n);
    }
    /* after the lock one more failure locks again */
    assert_true(lockout_judge(&limits, &s, NOW + 12 + 1800000));
    s = lockout_failed(&s, NOW + 12 + 1800000);
    assert_false(lockout_judge(&limits, &s, NOW + 12 + 1800001));
    s = lockout_passed();
    assert_int_equal(s.failures, 0);
    assert_true(lockout_judge(&limits, &s, NOW));
}

static void test_failures_do_not_wrap(void **state)
{
    struct lockout s = { UINT32_MAX, NOW };

    (void)state;
    s = lockout_failed(&s, NOW);
    assert_true(s.failures == UINT32_MAX);
    assert_false(lockout_judge(&limits, &s, NOW));
}

/* The clock goes back: not let in early, and at most one whole lock from there. */
static void test_clock_back(void **state)
{
    struct lockout s = { 10, NOW };
    const uint64_t back = NOW - 86400000;

    (void)state;
    assert_false(lockout_judge(&limits, &s, back));
    assert_true(s.failed_ms == back); /* changed: the caller stores it */
    assert_int_equal(s.failures, 10);
    assert_false(lockout_judge(&limits, &s, back + 1799999));
    assert_true(lockout_judge(&limits, &s, back + 1800000));
    assert_true(s.failed_ms == back);
}

/* In seeded order: clocks that jump both ways never let in before a whole delay was seen. */
static void test_clock_jumps(void **state)
{
    uint64_t seed = 42, seen_ms = 0, now = NOW;
    struct lockout s = { 10, NOW };

    (void)state;
    for (unsigned i = 0; i < 100000 && seen_ms < 1800000; i++) {
        uint64_t jump;
        bool back;

        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        jump = (seed >> 33) % 5000;
        back = (seed >> 32) % 4 == 0;
        now = back ? now - jump : now + jump;
        seen_ms = back && now < s.failed_ms ? 0 : now - s.failed_ms;
        assert_int_equal(lockout_judge(&limits, &s, now), seen_ms >= 1800000);
    }
    assert_true(seen_ms >= 1800000); /* and it does end */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_waits_at_first),
        cmocka_unit_test(test_delays),
        cmocka_unit_test(test_delay_is_capped),
        cmocka_unit_test(test_lock_at_the_lowest_limit),
        cmocka_unit_test(test_failed_counts_and_passed_clears),
        cmocka_unit_test(test_failures_do_not_wrap),
        cmocka_unit_test(test_clock_back),
        cmocka_unit_test(test_clock_jumps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
