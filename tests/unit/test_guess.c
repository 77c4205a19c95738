/* Guessing: no answer tells a right guess from a wrong one without taking from the day's budget. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "tests/guess_calls.h"
#include "tests/life_calls.h"
#include "tests/core_suite.h"

#define BUDGET  5
#define GUESSES 40

static const struct rig_who acme = { .partner = "acme" };
static const struct rig_who zeta = { .partner = "zeta" };
static char card[GUESSES][GUESS_CARD]; /* originals of one bucket */

static int setup(void **state)
{
    (void)state;
    guess_cards("411111", "0002", GUESSES, card);
    fake_hsm_init(&hsm);
    rig_start(&rig, &hsm);
    rig_crash(&rig);
    rig_set(&rig, "limit.guesses_per_day=5");
    assert_int_equal(rig_open(&rig), HUFU_OK);
    assert_true(rig_unseal(&rig));
    return 0;
}

static enum hufu_err tokenize(const struct rig_who *who, const char *value)
{
    return rig_tokenize(&rig, who, "cards", value)->err;
}

/* The cards from first on, count of them, as one request. */
static enum hufu_err batch(const struct rig_who *who, size_t first, size_t count)
{
    return guess_batch(&rig, who, "cards", card + first, count)->err;
}

/* One guess more than the budget has: refused as a whole it costs nothing, so it must be refused
 * too where one of them is right, wherever that stands. Else all of a bucket could be tried. */
static void test_C23_a_refused_batch_tells_nothing(void **state)
{
    (void)state;
    assert_int_equal(tokenize(&acme, card[20]), HUFU_OK);
    for (size_t first = 0; first + BUDGET + 1 <= GUESSES; first++)
        assert_int_equal(batch(&zeta, first, BUDGET + 1), HUFU_RATE_LIMITED);
    assert_int_equal(batch(&zeta, 0, BUDGET), HUFU_OK); /* nothing was taken from the budget */
    assert_int_equal(batch(&zeta, 0, 1), HUFU_RATE_LIMITED);
}

/* Right guesses cost nothing, but only beside as many wrong ones as there would have been room. */
static void test_C23_what_was_sent_before_is_no_guess(void **state)
{
    (void)state;
    assert_int_equal(batch(&acme, 0, BUDGET - 1), HUFU_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(tokenize(&acme, card[i]), HUFU_OK);
    assert_int_equal(batch(&acme, 0, 2), HUFU_RATE_LIMITED); /* two wrong ones would not pass */
    assert_int_equal(tokenize(&acme, card[BUDGET]), HUFU_OK);
    assert_int_equal(tokenize(&acme, card[0]), HUFU_RATE_LIMITED);
}

/* Buckets are counted each for itself, also within a batch. */
static void test_C23_other_buckets_of_a_batch(void **state)
{
    static const char *const other[] = {
        "5500000000000004", "4000000000000002", "6011000000000004",
        "3530111333300000", "4111111111111111", "5555555555554444"
    };

    (void)state;
    for (size_t i = 0; i < BUDGET + 1; i++)
        memcpy(card[i], other[i], sizeof(card[i]));
    assert_int_equal(batch(&acme, 0, BUDGET + 1), HUFU_OK);
    assert_int_equal(batch(&acme, 0, BUDGET + 1), HUFU_OK);
}

/* Who has a token can suspend it. Then its value would be the one that is not "rate_limited". */
static void test_C23_suspended_is_told_within_the_budget(void **state)
{
    char token[LIFE_TOKEN_MAX];

    (void)state;
    life_token(&rig, &acme, "cards", card[0], 0, 0, token);
    assert_int_equal(life_call(&rig, VERB_SUSPEND, &acme, "cards", NULL, token, "r")->err, HUFU_OK);
    assert_int_equal(tokenize(&acme, card[0]), HUFU_TOKEN_SUSPENDED);
    assert_int_equal(batch(&acme, 0, 1), HUFU_OK); /* an outcome of its own, and told */
    for (size_t i = 1; i < BUDGET; i++)
        assert_int_equal(tokenize(&acme, card[i]), HUFU_OK);
    assert_int_equal(tokenize(&acme, card[BUDGET]), HUFU_RATE_LIMITED);
    assert_int_equal(tokenize(&acme, card[0]), HUFU_RATE_LIMITED);
    assert_int_equal(batch(&acme, 0, 1), HUFU_RATE_LIMITED);
}

/* Set back over midnight, the clock is held where the log stands: the day that has begun goes on,
 * after a restart too, and nobody gets a budget twice. */
static void test_C23_a_clock_that_runs_back_over_midnight(void **state)
{
    (void)state;
    rig.clock.now += ROW_DAY_MS - rig.clock.now % ROW_DAY_MS + 500;
    assert_int_equal(tokenize(&acme, card[0]), HUFU_OK);
    rig.clock.now -= 2000;
    assert_int_equal(tokenize(&acme, card[1]), HUFU_OK);
    rig_crash(&rig);
    assert_int_equal(rig_open(&rig), HUFU_OK);
    assert_true(rig_unseal(&rig));
    for (size_t i = 2; i < BUDGET; i++)
        assert_int_equal(tokenize(&acme, card[i]), HUFU_OK);
    assert_int_equal(tokenize(&acme, card[BUDGET]), HUFU_RATE_LIMITED);
    rig.clock.now += 2000;
    assert_int_equal(tokenize(&acme, card[BUDGET]), HUFU_RATE_LIMITED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_C23_a_refused_batch_tells_nothing, setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_C23_what_was_sent_before_is_no_guess, setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_C23_other_buckets_of_a_batch, setup, suite_teardown),
        cmocka_unit_test_setup_teardown(test_C23_suspended_is_told_within_the_budget, setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_C23_a_clock_that_runs_back_over_midnight, setup,
                                        suite_teardown),
    };

    return cmocka_run_group_tests_name("guess", tests, suite_heap, NULL);
}
