/* A person's row: bytes and back, who is in, whose approval counts, which passwords are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/row_samples.h"

#define ROLE 2

static int setup(void **state)
{
    (void)state;
    return secret_heap_init(262144) == HUFU_OK ? 0 : -1;
}

static struct password sample_password(uint8_t mark)
{
    struct password p = { .kib = 19456, .passes = 2, .lanes = 1 };

    memset(p.salt, mark, sizeof(p.salt));
    memset(p.hash, mark + 100, sizeof(p.hash));
    return p;
}

static void test_everything_comes_back(void **state)
{
    struct user want = sample_user("olga"), got;
    struct buf b;

    (void)state;
    snprintf(want.group, sizeof(want.group), "night-shift");
    want.state = ROW_SEALED;
    want.sessions_from_ms = 11;
    want.since_ms = 12;
    want.expires_ms = 13;
    want.once = USER_ONCE_SEALED;
    want.password_by = 14;
    want.seed_by = 15;
    want.former_count = ROW_HISTORY_MAX;
    for (size_t i = 0; i < ROW_HISTORY_MAX; i++)
        want.former[i] = sample_password((uint8_t)(i + 1));
    buf_init(&b, SAMPLE_ROW_MAX);
    user_put(&want, &b);
    assert_int_equal(user_get(buf_view(&b), &got), HUFU_OK);
    assert_true(secret_equal(want.seed, got.seed));
    secret_free(got.seed);
    got.seed = want.seed;
    assert_memory_equal(&got, &want, sizeof(got));
    buf_done(&b);
    user_clear(&want);
}

/* Where former_count and once stand in a row of sample_user("olga"). */
#define ONCE_AT  (1 + 5 + 1 + 9 + 1 + 4 * 8)
#define COUNT_AT (ONCE_AT + 1 + PASSWORD_STORED_LEN + 8 + 4 + 4)

static void test_counts_beyond_their_limit_are_refused(void **state)
{
    struct user u = sample_user("olga"), got;
    struct buf b;

    (void)state;
    buf_init(&b, SAMPLE_ROW_MAX);
    user_put(&u, &b);
    memset(&got, 0x5a, sizeof(got));
    assert_int_equal(b.p[ONCE_AT], 0);
    assert_int_equal(b.p[COUNT_AT], 0);
    b.p[ONCE_AT] = USER_ONCE_SEALED + 1;
    assert_int_equal(user_get(buf_view(&b), &got), HUFU_CORRUPT);
    b.p[ONCE_AT] = 0;
    b.p[COUNT_AT] = ROW_HISTORY_MAX + 1;
    assert_int_equal(user_get(buf_view(&b), &got), HUFU_CORRUPT);
    b.p[COUNT_AT] = 1; /* and no password there */
    assert_int_equal(user_get(buf_view(&b), &got), HUFU_CORRUPT);
    assert_int_equal(((uint8_t *)&got)[0], 0x5a);
    buf_done(&b);
    user_clear(&u);
}

static void test_C40_who_is_in(void **state)
{
    struct user u = { .state = ROW_ACTIVE };

    (void)state;
    assert_true(user_is_in(&u, 1000));
    for (unsigned s = 0; s <= ROW_SEALED + 1; s++) {
        u.state = (uint8_t)s;
        assert_int_equal(user_is_in(&u, 1000), s == ROW_ACTIVE);
    }
    u.state = ROW_ACTIVE;
    u.expires_ms = 1000;
    assert_true(user_is_in(&u, 999));
    assert_false(user_is_in(&u, 1000));
    assert_false(user_may_begin(&u, 1000));
    for (unsigned once = USER_ONCE_NO; once <= USER_ONCE_SEALED; once++) {
        u.once = (uint8_t)once;
        assert_true(user_is_in(&u, 999));
        assert_int_equal(user_may_begin(&u, 999), once != USER_ONCE_USED);
    }
}

static void test_C40_whose_approval_counts(void **state)
{
    struct user u = { .state = ROW_ACTIVE, .role = ROLE, .since_ms = 500 };

    (void)state;
    assert_true(user_stands(&u, ROLE, 500, 1000));
    assert_false(user_stands(&u, ROLE, 499, 1000)); /* given before the rights began */
    assert_false(user_stands(&u, ROLE + 2, 500, 1000));
    assert_int_equal(user_stamp(&u, 1000), 1000);
    assert_int_equal(user_stamp(&u, 400), 500);
    user_begin_anew(&u, 1000);
    assert_false(user_stands(&u, ROLE, 1000, 1000)); /* of this very millisecond */
    assert_true(user_stands(&u, ROLE, user_stamp(&u, 1000), 1000));
    user_begin_anew(&u, 400); /* a clock that was set back brings nothing back */
    assert_false(user_stands(&u, ROLE, 1001, 2000));
    u.once = USER_ONCE_OPENED;
    assert_false(user_stands(&u, ROLE, 9000, 9000));
    u.once = USER_ONCE_NO;
    u.expires_ms = 9000;
    assert_true(user_stands(&u, ROLE, 8000, 8999));
    assert_false(user_stands(&u, ROLE, 8000, 9000));
    u.state = ROW_FROZEN;
    assert_false(user_stands(&u, ROLE, 8000, 8999));
}

static void test_C42_former_passwords(void **state)
{
    struct user u = { .password = sample_password(1), .password_ms = 1 };
    struct password next;

    (void)state;
    for (uint8_t i = 2; i <= 6; i++) {
        next = sample_password(i);
        user_set_password(&u, &next, 3, i);
        assert_memory_equal(&u.password, &next, sizeof(next));
        assert_int_equal(u.password_ms, i);
        assert_int_equal(u.former_count, i - 1 < 3 ? i - 1 : 3);
        for (size_t k = 0; k < u.former_count; k++)
            assert_int_equal(u.former[k].salt[0], i - 1 - k);
    }
    for (size_t k = 3; k < ROW_HISTORY_MAX; k++) /* nothing is left behind the count */
        assert_int_equal(u.former[k].salt[0], 0);
    next = sample_password(7);
    user_set_password(&u, &next, 100, 7);
    assert_int_equal(u.former_count, 4);
    for (uint8_t i = 8; i < 40; i++)
        user_set_password(&u, &next, 100, i);
    assert_int_equal(u.former_count, ROW_HISTORY_MAX);
    user_set_password(&u, &next, 1, 40); /* the setting was lowered */
    assert_int_equal(u.former_count, 1);
    user_set_password(&u, &next, 0, 41);
    assert_int_equal(u.former_count, 0);
    for (size_t k = 0; k < ROW_HISTORY_MAX; k++)
        assert_int_equal(u.former[k].salt[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_comes_back),
        cmocka_unit_test(test_counts_beyond_their_limit_are_refused),
        cmocka_unit_test(test_C40_who_is_in),
        cmocka_unit_test(test_C40_whose_approval_counts),
        cmocka_unit_test(test_C42_former_passwords),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
