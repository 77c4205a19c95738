/* C28: the first six and last four digits of a card stand on receipts. A domain that keeps fewer of
 * them is no way round the limit for those 10^5 cards. Default limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/guess_calls.h"
#include "tests/unit/ff1_rig.h"

#define CANDIDATES 10000
#define A_DAY      100 /* limit.guesses_per_day */

static char card[CANDIDATES][GUESS_CARD];

static int setup(void **state)
{
    (void)state;
    fake_hsm_init(&hsm);
    rig_init(&rig, &hsm);
    RIG_CHECK(rig_open(&rig) == HUFU_OK);
    RIG_CHECK(rig_setup(&rig) == HUFU_OK);
    RIG_CHECK(rig_restart(&rig));
    rig_login(&rig, "sara", sara);
    guess_cards("411111", "0002", CANDIDATES, card);
    return 0;
}

static size_t told_singly(const char *domain)
{
    size_t told = 0;

    for (size_t i = 0; i < 3 * A_DAY; i++)
        told += rig_tokenize(&rig, &acme, domain, card[i])->err != HUFU_RATE_LIMITED;
    return told;
}

static size_t told_in_batches(const char *domain)
{
    size_t told = 0;

    for (size_t i = 0; i < CANDIDATES; i += 50)
        if (guess_batch(&rig, &acme, domain, (const char(*)[GUESS_CARD])card + i, 50)->err ==
            HUFU_OK)
            told += 50;
    return told;
}

static void test_C28_what_a_domain_keeps_is_no_way_round(void **state)
{
    static const struct ff1_ask rows[] = {
        { .name = "a", .format = "pan", .mode = "ff1", .suffix = 4 },
        { .name = "b", .format = "pan", .mode = "ff1" },
        { .name = "c", .format = "pan", .mode = "deterministic" },
        { .name = "d", .format = "pan", .mode = "deterministic", .suffix = 4 },
        { .name = "e", .format = "pan", .mode = "deterministic", .prefix = 6 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(ff1_add(rows[i])->err, HUFU_OK);
        if (i % 2 == 0)
            assert_int_equal(told_singly(rows[i].name), A_DAY);
        else
            assert_int_equal(told_in_batches(rows[i].name), A_DAY);
        /* Cards of another account are another bucket: an honest load goes on. */
        assert_int_equal(rig_tokenize(&rig, &acme, rows[i].name, "5555555555554444")->err, HUFU_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_C28_what_a_domain_keeps_is_no_way_round, setup,
                                        suite_teardown),
    };

    return cmocka_run_group_tests_name("guess known", tests, suite_heap, NULL);
}
