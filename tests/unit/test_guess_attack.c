/* C28: a token of a card and its kept digits are known, 10^5 cards could be it. Whoever tries them
 * is stopped within 200, whichever way; and no refusal tells the right one. Default limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "tests/guess_calls.h"
#include "tests/life_calls.h"
#include "tests/core_suite.h"

#define CANDIDATES 100000
#define RIGHT      54321 /* the victim's card */
#define A_DAY      100   /* limit.guesses_per_day */
#define DAY_MS     86400000ULL

static const struct rig_who acme = { .partner = "acme" };
static const struct rig_who zeta = { .partner = "zeta" };
static char card[CANDIDATES + 1][GUESS_CARD];
static char own[LIFE_TOKEN_MAX]; /* a token of the attacker's in the bucket */

static int setup(void **state)
{
    char token[LIFE_TOKEN_MAX];

    suite_setup(state);
    if (card[0][0] == '\0')
        guess_cards("411111", "0002", CANDIDATES, card);
    life_token(&rig, &zeta, "cards", card[RIGHT], 0, 0, token);
    return 0;
}

enum way { SINGLY, LOOKUP, REPLACE, KEYED, WAYS };

/* Tries a card; true where the answer says whether it is in use. */
static bool tries(enum way way, size_t i)
{
    struct rig_who keyed = { .partner = "acme", .idem_key = "same-key" };
    const struct rig_reply *r = NULL;

    switch (way) {
    case SINGLY:
        r = rig_tokenize(&rig, &acme, "cards", card[i]);
        break;
    case LOOKUP:
        r = life_call(&rig, VERB_LOOKUP, &acme, "cards", card[i], NULL, NULL);
        break;
    case REPLACE:
        r = life_call(&rig, VERB_REPLACE, &acme, "cards", card[i], own, "reissued");
        break;
    case KEYED:
    case WAYS:
        keyed.idem_key = card[i];
        r = rig_tokenize(&rig, &keyed, "cards", card[i]);
        break;
    }
    if (r->err != HUFU_RATE_LIMITED)
        return true;
    /* One and the same refusal, for the right card too. */
    assert_int_equal(r->body_len, 0);
    assert_int_equal(r->flags, 0);
    assert_in_range(r->retry_after_s, 60, 86400); /* tomorrow */
    assert_memory_equal(&r->where, &MSG_WHERE_NONE, sizeof(r->where));
    return false;
}

/* The right card last, too: as if it had been drawn early by chance, it is not told from others. */
static size_t all_of(enum way way)
{
    size_t through = 0;

    for (size_t i = 0; i < CANDIDATES; i++)
        through += tries(way, i);
    return through;
}

static void test_C28_all_cards_singly(void **state)
{
    (void)state;
    assert_int_equal(all_of(SINGLY), A_DAY);
    rig_tick(&rig, DAY_MS);
    for (size_t i = 0; i < A_DAY; i++)
        assert_true(tries(SINGLY, A_DAY + i));
    assert_false(tries(SINGLY, RIGHT));
    assert_false(tries(SINGLY, 2 * A_DAY));
}

static void test_C28_all_cards_by_lookup(void **state)
{
    (void)state;
    assert_int_equal(all_of(LOOKUP), A_DAY);
    assert_int_equal(atomic_load(&rig.core.limited[LIMIT_GUESSES]), CANDIDATES - A_DAY);
}

static void test_C28_all_cards_by_replace(void **state)
{
    (void)state;
    life_token(&rig, &acme, "cards", card[CANDIDATES - 1], 0, 0, own);
    assert_int_equal(all_of(REPLACE), A_DAY - 1); /* the token itself was new */
}

static void test_C28_all_cards_with_idempotency_keys(void **state)
{
    (void)state;
    assert_int_equal(all_of(KEYED), A_DAY);
    for (size_t i = 0; i < A_DAY; i++)
        assert_true(tries(KEYED, i)); /* repeated: the same answers, and nothing is learnt */
    assert_false(tries(KEYED, A_DAY));
}

/* Batches that are too large get nothing through; ones of 64 leave room for 36 and no more. */
static void test_C28_all_cards_in_batches(void **state)
{
    size_t through = 0;

    (void)state;
    for (size_t i = 0; i + 1000 <= CANDIDATES; i += 1000)
        assert_int_equal(guess_batch(&rig, &acme, "cards", card + i, 1000)->err, HUFU_RATE_LIMITED);
    for (size_t i = 0; i + 64 <= CANDIDATES / 10; i += 64)
        through += guess_batch(&rig, &acme, "cards", card + i, 64)->err == HUFU_OK ? 64 : 0;
    assert_int_equal(through, 64);
    assert_int_equal(guess_batch(&rig, &acme, "cards", card + RIGHT - 10, 37)->err,
                     HUFU_RATE_LIMITED);
    assert_int_equal(guess_batch(&rig, &acme, "cards", card + 9000, 37)->err, HUFU_RATE_LIMITED);
    for (size_t i = 0; i + 36 <= 3600; i += 36)
        through += guess_batch(&rig, &acme, "cards", card + 20000 + i, 36)->err == HUFU_OK ? 36 : 0;
    assert_int_equal(through, A_DAY);
    assert_false(tries(SINGLY, RIGHT));
}

static void test_C28_all_cards_by_all_ways_in_turn(void **state)
{
    size_t through = 1;

    (void)state;
    life_token(&rig, &acme, "cards", card[CANDIDATES - 1], 0, 0, own);
    for (size_t i = 0; i < CANDIDATES - 1; i++)
        through += tries((enum way)(i % WAYS), i);
    assert_int_equal(through, A_DAY);
}

static const struct rig_reply *tokenize_by(const char *value, const char *channel)
{
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    life_put(&b, "cards", value, NULL, NULL);
    msg_put_text(&b, MSG_CHANNEL, view_str(channel));
    r = rig_call(&rig, VERB_TOKENIZE, &acme, buf_view(&b));
    buf_done(&b);
    return r;
}

/* A refusal of the request's form, which counts no guess, says nothing of what a value leads to:
 * that of a suspended token, which is its owner's to suspend, would be found by it. */
static void test_C28_a_refused_channel_tells_nothing(void **state)
{
    char token[LIFE_TOKEN_MAX];

    (void)state;
    life_token(&rig, &acme, "cards", card[0], 0, 0, token);
    assert_int_equal(life_call(&rig, VERB_SUSPEND, &acme, "cards", NULL, token, "lost")->err,
                     HUFU_OK);
    assert_int_equal(tokenize_by(card[0], "web")->err, HUFU_TOKEN_SUSPENDED);
    for (size_t i = 0; i < 3 * A_DAY; i++) {
        assert_int_equal(tokenize_by(card[i], card[0])->err, HUFU_VALUE_IN_TEXT);
        assert_int_equal(rig.reply.where.tag, MSG_CHANNEL);
    }
    assert_int_equal(tokenize_by("4111111111111112", card[0])->err, HUFU_INVALID_VALUE);
}

/* Nor does the time of a refusal: the value is not looked for, whose record cannot be opened here.
 */
static void test_C28_what_is_over_the_limit_is_not_looked_for(void **state)
{
    struct key *data;

    (void)state;
    life_token(&rig, &acme, "cards", card[CANDIDATES - 1], 0, 0, own);
    life_token(&rig, &acme, "cards", card[RIGHT], 0, 0, own); /* zeta's: a hit */
    for (size_t i = 0; i + 1 < A_DAY; i++)
        assert_true(tries(LOOKUP, i));
    data = keyring_active(rig.core.ring, directory_domain(rig.core.dir, view_str("cards"))->id,
                          KEY_DATA);
    assert_false(tries(REPLACE, CANDIDATES - 1));
    atomic_store(&data->state, KEY_DESTROYED);
    assert_false(tries(LOOKUP, RIGHT));
    atomic_store(&data->state, KEY_ACTIVE);
}

struct answers {
    size_t good, refused;
};

static void note(void *arg, uint64_t id, const struct msg_reply *reply)
{
    struct answers *a = arg;

    (void)id;
    a->good += reply->err == HUFU_OK;
    a->refused += reply->err == HUFU_RATE_LIMITED;
}

/* What was decided before midnight and comes to its commit after it counts for the new day. */
static void test_C28_at_midnight(void **state)
{
    struct answers got = { 0 };

    (void)state;
    rig_tick(&rig, DAY_MS - rig.clock.now % DAY_MS - 1);
    for (size_t i = 0; i < A_DAY; i++)
        assert_true(tries(SINGLY, i));
    rig.on_reply = note;
    rig.arg = &got;
    for (size_t i = 0; i < 3 * A_DAY; i++)
        (void)life_submit(&rig, VERB_TOKENIZE, &acme, "cards", card[1000 + i], NULL, NULL);
    for (size_t i = 0; i < 3 * A_DAY; i++)
        assert_true(worker_step(&rig.worker)); /* decided … */
    rig_tick(&rig, 1);                         /* … and the day is over */
    while (rig_round(&rig))
        continue;
    rig.on_reply = NULL;
    assert_int_equal(got.good, A_DAY);
    assert_int_equal(got.refused, 2 * A_DAY);
    assert_false(tries(SINGLY, 5000));
}

/* Each domain has tokens of its own, and each partner a budget of its own: two and two, no more. */
static void test_C28_by_two_partners(void **state)
{
    size_t through = 0;

    (void)state;
    for (size_t i = 0; i < 1000; i++) { /* zeta's card was new to zeta, so one less */
        through += rig_tokenize(&rig, &acme, "cards", card[i])->err == HUFU_OK;
        through += rig_tokenize(&rig, &zeta, "cards", card[1000 + i])->err == HUFU_OK;
    }
    assert_int_equal(through, 2 * A_DAY - 1);
}

/* Restarts forget nothing. */
static void test_C28_across_a_crash(void **state)
{
    (void)state;
    for (size_t i = 0; i < A_DAY; i++)
        assert_true(tries((enum way)(i % 2), i));
    rig_crash(&rig);
    assert_int_equal(rig_open(&rig), HUFU_OK);
    assert_true(rig_unseal(&rig));
    for (size_t i = 0; i < 4; i++)
        assert_false(tries((enum way)(i % 2), A_DAY + i));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, suite_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C28_all_cards_singly),
        TEST(test_C28_all_cards_by_lookup),
        TEST(test_C28_all_cards_by_replace),
        TEST(test_C28_all_cards_with_idempotency_keys),
        TEST(test_C28_all_cards_in_batches),
        TEST(test_C28_all_cards_by_all_ways_in_turn),
        TEST(test_C28_at_midnight),
        TEST(test_C28_by_two_partners),
        TEST(test_C28_across_a_crash),
        TEST(test_C28_a_refused_channel_tells_nothing),
        TEST(test_C28_what_is_over_the_limit_is_not_looked_for),
    };

    return cmocka_run_group_tests_name("guess_attack", tests, suite_heap, NULL);
}
