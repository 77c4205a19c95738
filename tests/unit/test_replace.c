/* Replace: the same token for a new value; nobody else's value, never two tokens for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "tests/life_calls.h"
#include "tests/core_suite.h"

#define OLD    "4111111111111111"
#define NEW    "4111112222231111" /* same first six and last four */
#define THIRD  "4111113333351111"
#define ABROAD "5500000000000004"

static const struct rig_who acme = { .partner = "acme" };
static const struct rig_who zeta = { .partner = "zeta" };

static const struct rig_reply *replace(const char *domain, const char *token, const char *value)
{
    return life_call(&rig, VERB_REPLACE, &acme, domain, value, token, "card reissued");
}

static void is_done(const struct rig_reply *r, const char *token)
{
    char want[128];

    assert_int_equal(r->err, HUFU_OK);
    snprintf(want, sizeof(want), "{\"created\":false,\"expires_at\":null,\"token\":\"%s\"}", token);
    assert_string_equal(r->body, want);
}

static void is_token_of(const char *value, const char *token, bool created)
{
    const struct rig_reply *r = rig_tokenize(&rig, &acme, "cards", value);
    char got[LIFE_TOKEN_MAX];

    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "token", got, sizeof(got)));
    if (created)
        assert_string_not_equal(got, token);
    else
        assert_string_equal(got, token);
    assert_non_null(strstr(r->body, created ? "\"created\":true" : "\"created\":false"));
}

static void reveals(const char *domain, const char *token, const char *value)
{
    char session[MSG_SESSION_LEN + 1], got[LIFE_TOKEN_MAX];
    const struct rig_reply *r;

    rig_tick(&rig, 60000);
    rig_login(&rig, "olga", session);
    r = rig_reveal(&rig, session, domain, token);
    assert_int_equal(r->err, HUFU_OK);
    assert_string_equal(rig_member(r->body, "value", got, sizeof(got)), value);
}

static void test_replace_moves_the_value(void **state)
{
    char token[LIFE_TOKEN_MAX];

    (void)state;
    life_token(&rig, &acme, "cards", OLD, 0, 0, token);
    is_done(replace("cards", token, "4111 1122 2223 1111"), token);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(life_call(&rig, VERB_LOOKUP, &acme, "cards", OLD, NULL, NULL)->err,
                         HUFU_NOT_FOUND);
        assert_non_null(
            strstr(life_call(&rig, VERB_LOOKUP, &acme, "cards", NEW, NULL, NULL)->body, token));
        is_token_of(NEW, token, false);
        reveals("cards", token, NEW);
        assert_true(rig_restart(&rig));
    }
    is_token_of(OLD, token, true);
    reveals("cards", token, NEW);
}

static void test_replace_with_the_same_value_changes_nothing(void **state)
{
    struct domain const *d;
    struct store_seen before, after;
    struct request req = { 0 };
    char token[LIFE_TOKEN_MAX];
    struct life_lines lines;
    struct view key;

    (void)state;
    life_token(&rig, &acme, "cards", OLD, 0, 0, token);
    arena_init(&req.work, rig.core.pool);
    d = directory_domain(rig.core.dir, view_str("cards"));
    key = row_token_key(&req, d->id, view_str(token));
    assert_int_equal(store_find(rig.worker.reader, key, NULL, &before), HUFU_OK);
    is_done(replace("cards", token, OLD), token);
    assert_int_equal(store_find(rig.worker.reader, key, NULL, &after), HUFU_OK);
    assert_int_equal(after.seq, before.seq);
    assert_int_equal(life_find_lines(&rig, &lines, 0, "\"verb\":\"replace\"", "\"result\":\"ok\"",
                                     "\"reason\":\"card reissued\""),
                     1);
    is_token_of(OLD, token, false);
    arena_done(&req.work);
}

static void is_refused(const struct rig_reply *r, enum hufu_err err, enum msg_tag tag)
{
    assert_int_equal(r->err, err);
    assert_int_equal(r->where.tag, tag);
    assert_int_equal(r->body_len, 0);
}

static void test_replace_checks_form_before_the_token(void **state)
{
    static const char unknown[] = "4111112222241111";
    char token[LIFE_TOKEN_MAX];

    (void)state;
    life_token(&rig, &acme, "cards", OLD, 0, 0, token);
    is_refused(replace("cards", OLD, NEW), HUFU_NOT_TOKEN, MSG_TOKEN);
    is_refused(replace("cards", unknown, "4111112222231112"), HUFU_INVALID_VALUE, MSG_VALUE);
    is_refused(replace("cards", unknown, token), HUFU_ALREADY_TOKEN, MSG_VALUE);
    is_refused(replace("cards", unknown, ABROAD), HUFU_INVALID_VALUE, MSG_VALUE);
    is_refused(replace("cards", unknown, "4111111111116"), HUFU_INVALID_VALUE, MSG_VALUE);
    is_refused(life_call(&rig, VERB_REPLACE, &acme, "cards", NEW, unknown, "card " OLD),
               HUFU_VALUE_IN_TEXT, MSG_REASON);
    is_refused(replace("cards", unknown, NEW), HUFU_NOT_FOUND, MSG_NONE);
    is_refused(life_call(&rig, VERB_REPLACE, &zeta, "cards", NEW, token, "r"), HUFU_NOT_FOUND,
               MSG_NONE);
    is_refused(life_call(&rig, VERB_REPLACE, &zeta, "loose", NEW, token, "r"), HUFU_FORBIDDEN,
               MSG_DOMAIN);
    is_token_of(OLD, token, false);
}

static void test_replace_needs_an_active_token(void **state)
{
    static const uint16_t verb[] = { VERB_SUSPEND, VERB_REVOKE, VERB_DELETE };
    char token[LIFE_TOKEN_MAX];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        life_token(&rig, &acme, "cards", OLD, 0, 0, token);
        assert_int_equal(life_call(&rig, verb[i], &acme, "cards", NULL, token, "r")->err, HUFU_OK);
        is_refused(replace("cards", token, NEW), HUFU_CONFLICT, MSG_NONE);
        is_refused(replace("cards", token, OLD), HUFU_CONFLICT, MSG_NONE);
        if (verb[i] == VERB_SUSPEND)
            assert_int_equal(life_call(&rig, VERB_REVOKE, &acme, "cards", NULL, token, "r")->err,
                             HUFU_OK);
    }
    life_token(&rig, &acme, "cards", OLD, 5, 0, token);
    rig_tick(&rig, 5000);
    is_refused(replace("cards", token, NEW), HUFU_CONFLICT, MSG_NONE);
}

/* A suspended token may come back: its value is taken. One that has ended leaves its value free. */
static void test_replace_leaves_one_token_for_a_value(void **state)
{
    char token[LIFE_TOKEN_MAX], other[LIFE_TOKEN_MAX];

    (void)state;
    life_token(&rig, &acme, "cards", OLD, 0, 0, token);
    life_token(&rig, &acme, "cards", NEW, 0, 0, other);
    is_refused(replace("cards", token, NEW), HUFU_CONFLICT, MSG_NONE);
    assert_int_equal(life_call(&rig, VERB_SUSPEND, &acme, "cards", NULL, other, "r")->err, HUFU_OK);
    is_refused(replace("cards", token, NEW), HUFU_CONFLICT, MSG_NONE);
    is_token_of(OLD, token, false);
    assert_int_equal(life_call(&rig, VERB_REVOKE, &acme, "cards", NULL, other, "r")->err, HUFU_OK);
    is_done(replace("cards", token, NEW), token);
    is_token_of(NEW, token, false);
    reveals("cards", token, NEW);
}

static void test_replace_is_for_all_who_share_the_token(void **state)
{
    char token[LIFE_TOKEN_MAX], same[LIFE_TOKEN_MAX];

    (void)state;
    life_token(&rig, &acme, "cards", OLD, 0, 0, token);
    life_token(&rig, &zeta, "cards", OLD, 0, 0, same);
    assert_string_equal(same, token);
    is_done(life_call(&rig, VERB_REPLACE, &zeta, "cards", NEW, token, "reissued"), token);
    is_token_of(NEW, token, false);
    assert_non_null(
        strstr(life_call(&rig, VERB_LOOKUP, &zeta, "cards", NEW, NULL, NULL)->body, token));
}

static void test_replace_in_a_random_domain(void **state)
{
    char token[LIFE_TOKEN_MAX], other[LIFE_TOKEN_MAX];

    (void)state;
    life_token(&rig, &acme, "loose", OLD, 0, 0, token);
    life_token(&rig, &acme, "loose", NEW, 0, 0, other);
    is_done(replace("loose", token, NEW), token); /* one value may have many tokens here */
    reveals("loose", token, NEW);
    reveals("loose", other, NEW);
}

/* Whether a value is taken tells a guesser as much as tokenize does. */
static void test_C23_replace_counts_as_guessing(void **state)
{
    char token[LIFE_TOKEN_MAX], other[LIFE_TOKEN_MAX];

    (void)state;
    rig_crash(&rig);
    rig_set(&rig, "limit.guesses_per_day=4");
    assert_int_equal(rig_open(&rig), HUFU_OK);
    assert_true(rig_unseal(&rig));
    life_token(&rig, &acme, "cards", OLD, 0, 0, token);
    life_token(&rig, &acme, "cards", NEW, 0, 0, other);
    is_refused(replace("cards", token, NEW), HUFU_CONFLICT, MSG_NONE); /* 3 */
    is_done(replace("cards", token, THIRD), token);                    /* 4 */
    is_refused(replace("cards", token, OLD), HUFU_RATE_LIMITED, MSG_NONE);
    is_refused(replace("cards", token, NEW), HUFU_RATE_LIMITED, MSG_NONE);
    is_refused(replace("cards", token, THIRD), HUFU_RATE_LIMITED, MSG_NONE); /* its own too */
    reveals("cards", token, THIRD);
}

/* Two who want one value, decided at the same time: one gets it, the other hears of it. */
static void test_replace_against_tokenize_of_the_same_value(void **state)
{
    char token[LIFE_TOKEN_MAX];

    (void)state;
    for (int first = 0; first < 2; first++) {
        const char *from = first == 0 ? OLD : THIRD, *to = first == 0 ? NEW : "4111114444471111";
        uint64_t replacing, last;

        life_token(&rig, &acme, "cards", from, 0, 0, token);
        if (first == 0)
            (void)life_submit(&rig, VERB_TOKENIZE, &acme, "cards", to, NULL, NULL);
        replacing = life_submit(&rig, VERB_REPLACE, &acme, "cards", to, token, "reissued");
        last = replacing;
        if (first != 0)
            last = life_submit(&rig, VERB_TOKENIZE, &acme, "cards", to, NULL, NULL);
        assert_true(worker_step(&rig.worker) && worker_step(&rig.worker)); /* both decide */
        rig.reply_id = 0;
        while (rig.reply_id != last)
            assert_true(rig_round(&rig));
        if (first == 0) {
            is_refused(&rig.reply, HUFU_CONFLICT, MSG_NONE);
            is_token_of(from, token, false);
        } else {
            assert_non_null(strstr(rig.reply.body, token));
            assert_non_null(strstr(rig.reply.body, "\"created\":false"));
        }
    }
}

static void test_C07_replace_under_a_key_is_done_once(void **state)
{
    static const struct rig_who keyed = { .partner = "acme", .idem_key = "key-9" };
    char token[LIFE_TOKEN_MAX];
    const struct rig_reply *r;

    (void)state;
    life_token(&rig, &acme, "cards", OLD, 0, 0, token);
    is_done(life_call(&rig, VERB_REPLACE, &keyed, "cards", NEW, token, "reissued"), token);
    is_done(replace("cards", token, THIRD), token);
    r = life_call(&rig, VERB_REPLACE, &keyed, "cards", NEW, token, "reissued");
    is_done(r, token);
    assert_true((r->flags & MSG_REPLAYED) != 0);
    is_token_of(THIRD, token, false); /* the replay changed nothing */
    assert_int_equal(life_call(&rig, VERB_REPLACE, &keyed, "cards", THIRD, token, "reissued")->err,
                     HUFU_IDEM_MISMATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_replace_moves_the_value, suite_setup, suite_teardown),
        cmocka_unit_test_setup_teardown(test_replace_with_the_same_value_changes_nothing,
                                        suite_setup, suite_teardown),
        cmocka_unit_test_setup_teardown(test_replace_checks_form_before_the_token, suite_setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_replace_needs_an_active_token, suite_setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_replace_leaves_one_token_for_a_value, suite_setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_replace_is_for_all_who_share_the_token, suite_setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_replace_in_a_random_domain, suite_setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_C23_replace_counts_as_guessing, suite_setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_replace_against_tokenize_of_the_same_value,
                                        suite_setup, suite_teardown),
        cmocka_unit_test_setup_teardown(test_C07_replace_under_a_key_is_done_once, suite_setup,
                                        suite_teardown),
    };

    return cmocka_run_group_tests_name("replace", tests, suite_heap, NULL);
}
