/* Planted tokens: who touches one learns nothing, and is known at once (control C28). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/reveal_calls.h"
#include "tests/core_suite.h"

typedef char token_text[LIFE_TOKEN_MAX];

static char olga[MSG_SESSION_LEN + 1], sara[MSG_SESSION_LEN + 1];
static const struct rig_who zeta = { .partner = "zeta" };
static token_text token[3];

static int setup(void **state)
{
    (void)state;
    fake_hsm_init(&hsm);
    rig_start(&rig, &hsm);
    rig_login(&rig, "sara", sara);
    rig_login(&rig, "olga", olga);
    reveal_tokens(&rig, "cards", 3, token);
    return 0;
}

static const struct rig_reply *by_admin(uint16_t verb, const char *text)
{
    struct rig_who who = { .session = sara };

    return life_call(&rig, verb, &who, "cards", NULL, text, "bait");
}

static size_t alarms(const char *more)
{
    struct life_lines found;

    return life_find_lines(&rig, &found, 0, "\"verb\":\"alarm\"",
                           "\"purpose\":\"rule=planted-token grade=high\"", more);
}

static const struct rig_reply *reveal(const char *text)
{
    return rig_reveal(&rig, olga, "cards", text);
}

static void test_C28_a_reveal_of_a_planted_token(void **state)
{
    struct life_lines planted, unknown;
    uint64_t from = life_log_size(&rig), same;

    (void)state;
    assert_int_equal(by_admin(VERB_TOKEN_PLANT, token[0])->err, HUFU_OK);
    assert_string_equal(rig.reply.body, "{\"state\":\"active\"}");
    assert_int_equal(life_find_lines(&rig, &planted, from, "\"verb\":\"token-plant\"",
                                     "\"token_id\":\"", "\"result\":\"ok\""),
                     1);
    assert_int_equal(alarms(NULL), 0);
    assert_int_equal(by_admin(VERB_REVOKE, token[1])->err, HUFU_OK);
    same = life_log_size(&rig);
    assert_int_equal(reveal(token[1])->err, HUFU_NOT_FOUND);
    assert_int_equal(life_find_lines(&rig, &unknown, same, "\"result\":\"not_found\"", NULL, NULL),
                     1);
    same = life_log_size(&rig);
    assert_int_equal(reveal(token[0])->err, HUFU_NOT_FOUND); /* as the other */
    assert_int_equal(rig.reply.body_len, 0);
    assert_int_equal(rig.reply.where.tag, MSG_NONE);
    assert_int_equal(life_find_lines(&rig, &planted, same, "\"result\":\"not_found\"", NULL, NULL),
                     1);
    assert_int_equal(strlen(planted.last), strlen(unknown.last));
    assert_int_equal(alarms("\"principal\":\"olga\""), 1);
    assert_int_equal(reveal(token[2])->err, HUFU_UNAUTHENTICATED); /* suspended */
    assert_int_equal(reveal_rows(&rig, TABLE_SEEN), 0);
}

static void test_C28_a_planted_token_among_others(void **state)
{
    const struct rig_reply *r;

    (void)state;
    assert_int_equal(by_admin(VERB_TOKEN_PLANT, token[1])->err, HUFU_OK);
    r = reveal_for(&rig, olga, "cards", "refund", (const token_text *)token, 3);
    assert_int_equal(r->err, HUFU_OK);
    assert_null(strstr(r->body, "\"value\"")); /* whoever has a stolen list gets none of it */
    assert_int_equal(alarms("\"principal\":\"olga\""), 1);
    assert_int_equal(reveal(token[0])->err, HUFU_UNAUTHENTICATED);
}

/* Its owner sees a token like any other, before and after. */
static void test_C28_touched_by_partners(void **state)
{
    static const uint16_t verbs[] = { VERB_SUSPEND, VERB_RESUME, VERB_REVOKE, VERB_DELETE };
    char before[512];

    (void)state;
    snprintf(before, sizeof(before), "%s",
             life_call(&rig, VERB_INSPECT, &reveal_acme, "cards", NULL, token[0], NULL)->body);
    assert_int_equal(by_admin(VERB_TOKEN_PLANT, token[0])->err, HUFU_OK);
    assert_string_equal(
        life_call(&rig, VERB_INSPECT, &reveal_acme, "cards", NULL, token[0], NULL)->body, before);
    assert_int_equal(alarms("\"principal\":\"acme\""), 1);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        assert_int_equal(by_admin(VERB_TOKEN_PLANT, token[i == 3 ? 1 : 0])->err, HUFU_OK);
        assert_int_equal(
            life_call(&rig, verbs[i], &reveal_acme, "cards", NULL, token[i == 3 ? 1 : 0], "why")
                ->err,
            HUFU_OK);
    }
    /* zeta never sent it: unknown to it, and known to have been asked for */
    assert_int_equal(life_call(&rig, VERB_INSPECT, &zeta, "cards", NULL, token[0], NULL)->err,
                     HUFU_NOT_FOUND);
    assert_int_equal(alarms("\"principal\":\"zeta\""), 1);
}

static void test_C28_a_replaced_planted_token_stays_planted(void **state)
{
    char card[GUESS_CARD];
    token_text text;

    (void)state;
    guess_cards("400000", "0002", 1, (char(*)[GUESS_CARD])card);
    life_token(&rig, &reveal_acme, "cards", card, 0, 0, text);
    assert_int_equal(by_admin(VERB_TOKEN_PLANT, text)->err, HUFU_OK);
    assert_int_equal(
        life_call(&rig, VERB_REPLACE, &reveal_acme, "cards", card, text, "reissued")->err, HUFU_OK);
    assert_int_equal(alarms("\"principal\":\"acme\""), 1);
    assert_int_equal(reveal(text)->err, HUFU_NOT_FOUND);
    assert_int_equal(alarms("\"principal\":\"olga\""), 1);
}

static void test_C28_inspected_by_an_operator(void **state)
{
    struct rig_who who = { .session = olga };
    const struct rig_reply *r;

    (void)state;
    assert_int_equal(by_admin(VERB_TOKEN_PLANT, token[0])->err, HUFU_OK);
    r = life_call(&rig, VERB_INSPECT, &who, "cards", NULL, token[0], NULL);
    assert_int_equal(r->err, HUFU_OK); /* a token like any other, this once */
    assert_non_null(strstr(r->body, "\"masked\":"));
    assert_int_equal(alarms("\"principal\":\"olga\""), 1);
    assert_int_equal(reveal(token[1])->err, HUFU_UNAUTHENTICATED);
}

/* Who plants and ends them touches nothing; what is done twice is done once. */
static void test_C28_an_administrator_sets_off_nothing(void **state)
{
    (void)state;
    assert_int_equal(by_admin(VERB_TOKEN_PLANT, token[0])->err, HUFU_OK);
    assert_int_equal(by_admin(VERB_TOKEN_PLANT, token[0])->err, HUFU_OK);
    assert_string_equal(rig.reply.body, "{\"state\":\"active\"}");
    assert_int_equal(by_admin(VERB_SUSPEND, token[0])->err, HUFU_OK);
    assert_int_equal(by_admin(VERB_TOKEN_PLANT, token[0])->err, HUFU_OK);
    assert_string_equal(rig.reply.body, "{\"state\":\"suspended\"}");
    assert_int_equal(by_admin(VERB_REVOKE, token[0])->err, HUFU_OK);
    assert_int_equal(alarms(NULL), 0);
    assert_true(rig_restart(&rig)); /* planted it is for good */
    assert_int_equal(reveal(token[0])->err, HUFU_NOT_FOUND);
    assert_int_equal(alarms("\"principal\":\"olga\""), 1);
}

static void test_C28_who_may_plant_what(void **state)
{
    struct rig_who person = { .session = olga };
    token_text text = "4111111111111112";

    (void)state;
    assert_int_equal(by_admin(VERB_TOKEN_PLANT, text)->err, HUFU_NOT_FOUND);
    assert_int_equal(by_admin(VERB_TOKEN_PLANT, "4111111111111111")->err, HUFU_NOT_TOKEN);
    assert_int_equal(
        life_call(&rig, VERB_TOKEN_PLANT, &person, "cards", NULL, token[0], "why")->err,
        HUFU_FORBIDDEN);
    assert_int_equal(
        life_call(&rig, VERB_TOKEN_PLANT, &reveal_acme, "cards", NULL, token[0], "why")->err,
        HUFU_FORBIDDEN);
    rig_tick(&rig, 300000);
    assert_int_equal(by_admin(VERB_TOKEN_PLANT, token[0])->err, HUFU_STEP_UP);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, suite_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_C28_a_reveal_of_a_planted_token),
        TEST(test_C28_a_planted_token_among_others),
        TEST(test_C28_touched_by_partners),
        TEST(test_C28_a_replaced_planted_token_stays_planted),
        TEST(test_C28_inspected_by_an_operator),
        TEST(test_C28_an_administrator_sets_off_nothing),
        TEST(test_C28_who_may_plant_what),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
