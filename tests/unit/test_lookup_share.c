/* C28 over many buckets: the share of look-ups in vain, and all new values of a domain and day. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "tests/guess_calls.h"
#include "tests/life_calls.h"
#include "tests/core_suite.h"

#define BASE   20 /* limit.lookup_misses */
#define DAY_MS 86400000ULL

static const struct rig_who acme = { .partner = "acme" };
static const struct rig_who zeta = { .partner = "zeta" };
static unsigned next_bucket;

static int setup(void **state)
{
    next_bucket = 0;
    suite_setup(state);
    rig_set(&rig, "limit.lookup_misses=20");
    return 0;
}

/* A card of a bucket that no other test of the vault had. */
static const char *fresh(void)
{
    static char card[GUESS_CARD];

    guess_card_of(next_bucket++, card);
    return card;
}

static enum hufu_err lookup(const struct rig_who *who, const char *value)
{
    return life_call(&rig, VERB_LOOKUP, who, "cards", value, NULL, NULL)->err;
}

/* Look-ups in vain, each in a bucket of its own, until one is refused. */
static size_t misses_until_refused(const struct rig_who *who)
{
    for (size_t n = 0; n < 10000; n++) {
        enum hufu_err err = lookup(who, fresh());

        if (err == HUFU_RATE_LIMITED)
            return n;
        assert_int_equal(err, HUFU_NOT_FOUND);
        (void)store_map_step(rig.core.store, false); /* gives the journal room back */
    }
    return 10000;
}

static void known_card(char out[static GUESS_CARD])
{
    memcpy(out, fresh(), GUESS_CARD);
    assert_int_equal(rig_tokenize(&rig, &acme, "cards", out)->err, HUFU_OK);
}

static void hits(const char *card, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(lookup(&acme, card), HUFU_OK);
}

static void test_C28_look_ups_over_many_buckets(void **state)
{
    struct life_lines lines;
    char card[GUESS_CARD];

    (void)state;
    known_card(card);
    assert_int_equal(misses_until_refused(&acme), BASE);
    assert_int_equal(lookup(&acme, card), HUFU_RATE_LIMITED); /* what is there is not told either */
    assert_int_equal(atomic_load(&rig.core.limited[LIMIT_LOOKUPS]), 2);
    assert_int_equal(atomic_load(&rig.core.limited[LIMIT_GUESSES]), 0);
    assert_int_equal(life_find_lines(&rig, &lines, 0, "\"verb\":\"lookup\"",
                                     "\"result\":\"rate_limited\"", NULL),
                     2);
    assert_int_equal(rig_tokenize(&rig, &acme, "cards", fresh())->err, HUFU_OK); /* its own limit */
    assert_int_equal(misses_until_refused(&zeta), BASE);
    rig_crash(&rig);
    assert_int_equal(rig_open(&rig), HUFU_OK);
    assert_true(rig_unseal(&rig));
    assert_int_equal(lookup(&acme, card), HUFU_RATE_LIMITED);
    rig_tick(&rig, DAY_MS);
    assert_int_equal(lookup(&acme, card), HUFU_OK);
}

/* Up to half may be in vain, however many they are. */
static void test_C28_hits_make_up_for_misses(void **state)
{
    char card[GUESS_CARD];

    (void)state;
    known_card(card);
    hits(card, 50);
    assert_int_equal(misses_until_refused(&acme), 50);
    assert_int_equal(lookup(&acme, card), HUFU_RATE_LIMITED); /* so it stays for the day */
    assert_int_equal(atomic_load(&rig.core.tally[1].lookup_hits), 50);
    assert_int_equal(atomic_load(&rig.core.tally[1].lookup_misses), 50);
}

/* One short of what is allowed a hit still passes, and changes nothing for the misses. */
static void test_C28_a_hit_passes_while_a_miss_would(void **state)
{
    char card[GUESS_CARD];

    (void)state;
    known_card(card);
    for (int i = 0; i < BASE - 1; i++)
        assert_int_equal(lookup(&acme, fresh()), HUFU_NOT_FOUND);
    hits(card, 3);
    assert_int_equal(lookup(&acme, fresh()), HUFU_NOT_FOUND);
    assert_int_equal(lookup(&acme, card), HUFU_RATE_LIMITED);
}

static void test_C28_the_share_is_a_setting(void **state)
{
    char card[GUESS_CARD];

    (void)state;
    known_card(card);
    rig_set(&rig, "limit.lookup_miss_percent=25");
    hits(card, 90);
    assert_int_equal(misses_until_refused(&acme), 30); /* of 120 */
    rig_set(&rig, "limit.lookup_miss_percent=75");
    assert_int_equal(misses_until_refused(&acme), 240); /* 270 of 360 */
    rig_set(&rig, "limit.lookup_miss_percent=100");
    assert_int_equal(misses_until_refused(&acme), 10000);
    rig_set(&rig, "limit.lookup_miss_percent=1");
    rig_set(&rig, "limit.lookup_misses=1000000000");
    assert_int_equal(misses_until_refused(&acme), 10000);
}

struct answers {
    size_t hit, miss, refused;
};

static void note(void *arg, uint64_t id, const struct msg_reply *reply)
{
    struct answers *a = arg;

    (void)id;
    a->hit += reply->err == HUFU_OK;
    a->miss += reply->err == HUFU_NOT_FOUND;
    a->refused += reply->err == HUFU_RATE_LIMITED;
}

/* All decided before any is counted: the commit judges them one after another. */
static void test_C28_many_at_once(void **state)
{
    struct answers got = { 0 };
    char card[GUESS_CARD];

    (void)state;
    known_card(card);
    rig.on_reply = note;
    rig.arg = &got;
    for (int i = 0; i < 3 * BASE; i++)
        (void)life_submit(&rig, VERB_LOOKUP, &acme, "cards", i % 3 == 0 ? card : fresh(), NULL,
                          NULL);
    for (int i = 0; i < 3 * BASE; i++)
        assert_true(worker_step(&rig.worker));
    while (rig_round(&rig))
        continue;
    rig.on_reply = NULL;
    assert_int_equal(got.miss, BASE);
    assert_int_equal(got.hit, BASE / 2); /* those before the last miss that was allowed */
    assert_int_equal(got.refused, 3 * BASE - got.miss - got.hit);
}

/* The second ceiling, which prior knowledge of a value does not lower. */
static void test_C28_new_values_of_a_domain_and_day(void **state)
{
    static char card[600][GUESS_CARD];

    (void)state;
    rig_set(&rig, "limit.values_per_day=300");
    for (size_t i = 0; i < 600; i++)
        memcpy(card[i], fresh(), GUESS_CARD);
    /* 301 of which the first is known: refused as if it were not, wherever it stands */
    assert_int_equal(rig_tokenize(&rig, &zeta, "cards", card[0])->err, HUFU_OK);
    assert_int_equal(guess_batch(&rig, &acme, "cards", card, 301)->err, HUFU_RATE_LIMITED);
    assert_int_equal(guess_batch(&rig, &acme, "cards", card + 1, 298)->err, HUFU_OK); /* two ops */
    assert_int_equal(guess_batch(&rig, &acme, "cards", card, 3)->err, HUFU_RATE_LIMITED);
    assert_int_equal(guess_batch(&rig, &acme, "cards", card, 2)->err, HUFU_OK);
    assert_int_equal(lookup(&acme, fresh()), HUFU_NOT_FOUND); /* 299 */
    assert_int_equal(lookup(&acme, card[5]), HUFU_OK);
    assert_int_equal(rig_tokenize(&rig, &acme, "cards", card[400])->err, HUFU_OK); /* 300 */
    assert_int_equal(rig_tokenize(&rig, &acme, "cards", card[401])->err, HUFU_RATE_LIMITED);
    assert_int_equal(rig_tokenize(&rig, &acme, "cards", card[400])->err, HUFU_RATE_LIMITED);
    assert_int_equal(lookup(&acme, card[5]), HUFU_RATE_LIMITED);
    assert_int_equal(lookup(&acme, card[500]), HUFU_RATE_LIMITED);
    assert_int_equal(atomic_load(&rig.core.limited[LIMIT_VALUES]), 6);
    assert_int_equal(rig_tokenize(&rig, &zeta, "cards", card[401])->err, HUFU_OK); /* its own */
    assert_int_equal(rig_tokenize(&rig, &acme, "loose", card[401])->err, HUFU_OK);
    rig_tick(&rig, DAY_MS);
    assert_int_equal(guess_batch(&rig, &acme, "cards", card + 300, 100)->err, HUFU_OK);
}

/* A bucket of 10^11 originals takes a thousandth of them. */
static void test_C28_large_buckets_take_more(void **state)
{
    static char card[1000][GUESS_CARD];

    (void)state;
    for (size_t round = 0; round < 10; round++) {
        for (size_t i = 0; i < 1000; i++)
            memcpy(card[i], fresh(), GUESS_CARD);
        assert_int_equal(guess_batch(&rig, &acme, "loose", card, 1000)->err, HUFU_OK);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, suite_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C28_look_ups_over_many_buckets),
        TEST(test_C28_hits_make_up_for_misses),
        TEST(test_C28_a_hit_passes_while_a_miss_would),
        TEST(test_C28_the_share_is_a_setting),
        TEST(test_C28_many_at_once),
        TEST(test_C28_new_values_of_a_domain_and_day),
        TEST(test_C28_large_buckets_take_more),
    };

    return cmocka_run_group_tests_name("lookup_share", tests, suite_heap, NULL);
}
