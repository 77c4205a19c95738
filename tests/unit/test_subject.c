/* C55, C15, C16: the rows that lead from a subject to its tokens follow the records, whatever verb
 * changes them; legal holds and restrictions stand in the way of verbs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/subject_calls.h" /* before the suite: it names its core rig too */
#include "tests/core_suite.h"

#define REF      "customer-17"
#define OTHER    "customer-18"
#define PAN      "4111111111111111"
#define LIKE_PAN "4111112222231111" /* keeps what a token of PAN keeps */

static const struct rig_who acme = { .partner = "acme" }, zeta = { .partner = "zeta" };
static char sara[MSG_SESSION_LEN + 1], anna[MSG_SESSION_LEN + 1];

static int setup(void **state)
{
    rig_has_approvers = true;
    return suite_setup(state);
}

static void people(void)
{
    rig_login(&rig, "sara", sara);
    rig_login(&rig, "anna", anna);
}

/* Agrees to one about REF and lets it end. */
static void carry_out(const char *kind)
{
    char id[SUBJECT_ID_TEXT];

    subject_agree(&rig, sara, anna, REF, kind, id);
    subject_settle(&rig);
    assert_int_equal(subject_case_of(&rig, id).state, CASE_DONE);
}

static enum hufu_err change(const struct rig_who *who, uint16_t verb, const char *token)
{
    return life_call(&rig, verb, who, "cards", NULL, token, "asked for")->err;
}

static const char *state_of(const char *token)
{
    static char state[16];
    const struct rig_reply *r = life_call(&rig, VERB_INSPECT, &acme, "cards", NULL, token, NULL);

    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "state", state, sizeof(state)));
    return state;
}

static void test_C55_a_value_without_a_subject_has_no_row(void **state)
{
    char token[LIFE_TOKEN_MAX];
    struct store_numbers before, after;

    (void)state;
    store_numbers(rig.core.store, &before);
    assert_int_equal(subject_send(&rig, &acme, "cards", PAN, NULL, token)->err, HUFU_OK);
    store_numbers(rig.core.store, &after);
    assert_int_equal(subject_rows_of(&rig, NULL).count, 0);
    assert_true(after.recent_rows - before.recent_rows == 3); /* record, index, guesses */
}

static void test_C55_a_new_value_has_one_row_under_its_subject(void **state)
{
    char token[LIFE_TOKEN_MAX];
    struct subject_rows rows;

    (void)state;
    assert_int_equal(subject_send(&rig, &acme, "cards", PAN, REF, token)->err, HUFU_OK);
    rows = subject_rows_of(&rig, REF);
    assert_int_equal(rows.count, 1);
    assert_string_equal(rows.token, token);
    assert_int_equal(rows.mark, SUBJECT_FREE);
    assert_int_equal(subject_rows_of(&rig, OTHER).count, 0);
    /* one token for each value of a random domain */
    assert_int_equal(subject_send(&rig, &acme, "loose", PAN, REF, token)->err, HUFU_OK);
    assert_int_equal(subject_send(&rig, &acme, "loose", PAN, REF, token)->err, HUFU_OK);
    assert_int_equal(subject_rows_of(&rig, REF).count, 3);
}

static void test_C55_a_known_value_keeps_its_first_subject(void **state)
{
    char token[LIFE_TOKEN_MAX], again[LIFE_TOKEN_MAX];

    (void)state;
    (void)subject_send(&rig, &acme, "cards", PAN, REF, token);
    (void)subject_send(&rig, &acme, "cards", PAN, OTHER, again);
    assert_string_equal(again, token);
    (void)subject_send(&rig, &zeta, "cards", PAN, OTHER, again);
    assert_string_equal(again, token);
    (void)subject_send(&rig, &acme, "cards", PAN, NULL, again);
    assert_int_equal(subject_rows_of(&rig, REF).count, 1);
    assert_int_equal(subject_rows_of(&rig, NULL).count, 1);
}

/* A value that came without one: its first sender may name it later, others may not. */
static void test_C55_its_sender_names_the_subject_later(void **state)
{
    char token[LIFE_TOKEN_MAX], again[LIFE_TOKEN_MAX];
    struct subject_rows rows;
    const struct rig_reply *r;

    (void)state;
    (void)subject_send(&rig, &acme, "cards", PAN, NULL, token);
    (void)subject_send(&rig, &zeta, "cards", PAN, OTHER, again);
    assert_int_equal(subject_rows_of(&rig, NULL).count, 0);
    r = subject_send(&rig, &acme, "cards", PAN, REF, again);
    assert_non_null(strstr(r->body, "\"created\":false"));
    assert_string_equal(again, token);
    rows = subject_rows_of(&rig, REF);
    assert_int_equal(rows.count, 1);
    assert_string_equal(rows.token, token);
    (void)subject_send(&rig, &acme, "cards", PAN, OTHER, again);
    assert_int_equal(subject_rows_of(&rig, NULL).count, 1);
    assert_string_equal(state_of(token), "active");
}

/* 600 values in three operations: every third has a subject, some the same one. */
static void test_C55_a_batch_has_a_row_for_each_that_names_one(void **state)
{
    static const char *subject[600];

    (void)state;
    for (size_t i = 0; i < 600; i++)
        subject[i] = i % 3 == 0 ? REF : i % 100 == 1 ? OTHER : NULL;
    assert_int_equal(subject_batch(&rig, &acme, "loose", 0, 600, subject)->err, HUFU_OK);
    assert_null(strstr(rig.reply.body, "error"));
    assert_int_equal(subject_rows_of(&rig, REF).count, 200);
    assert_int_equal(subject_rows_of(&rig, OTHER).count, 4);
    assert_int_equal(subject_rows_of(&rig, NULL).count, 204);
    /* all of them: as many rows as one operation has room for */
    for (size_t i = 0; i < 600; i++)
        subject[i] = OTHER;
    assert_int_equal(subject_batch(&rig, &acme, "cards", 5000, 600, subject)->err, HUFU_OK);
    assert_null(strstr(rig.reply.body, "error"));
    assert_int_equal(subject_rows_of(&rig, OTHER).count, 604);
}

static void test_C55_rows_stay_in_every_state(void **state)
{
    char token[LIFE_TOKEN_MAX], other[LIFE_TOKEN_MAX], dies[LIFE_TOKEN_MAX];
    const struct rig_reply *r;
    struct buf b;

    (void)state;
    (void)subject_send(&rig, &acme, "cards", PAN, REF, token);
    assert_int_equal(
        life_call(&rig, VERB_REPLACE, &acme, "cards", LIKE_PAN, token, "reissued")->err, HUFU_OK);
    assert_int_equal(change(&acme, VERB_SUSPEND, token), HUFU_OK);
    assert_int_equal(change(&acme, VERB_RESUME, token), HUFU_OK);
    assert_int_equal(change(&acme, VERB_DELETE, token), HUFU_OK);
    assert_int_equal(subject_rows_of(&rig, REF).count, 1);
    /* the value that is new again has a token of its own */
    (void)subject_send(&rig, &acme, "cards", LIKE_PAN, REF, other);
    assert_string_not_equal(other, token);
    assert_int_equal(subject_rows_of(&rig, REF).count, 2);
    buf_init(&b, 512);
    msg_put_text(&b, MSG_DOMAIN, view_str("cards"));
    msg_put_text(&b, MSG_VALUE, view_str("5555555555554444"));
    msg_put_text(&b, MSG_SUBJECT, view_str(REF));
    msg_put_u64(&b, MSG_EXPIRES_IN, 10);
    r = rig_call(&rig, VERB_TOKENIZE, &acme, buf_view(&b));
    buf_done(&b);
    assert_non_null(rig_member(r->body, "token", dies, sizeof(dies)));
    rig_tick(&rig, 11000);
    for (int i = 0; i < 50; i++) {
        rig_tick(&rig, 1000);
        (void)sweeper_step(&rig.sweeper);
        subject_settle(&rig);
    }
    assert_string_equal(state_of(dies), "expired");
    assert_int_equal(subject_rows_of(&rig, REF).count, 3);
    assert_true(rig_restart(&rig));
    assert_int_equal(subject_rows_of(&rig, REF).count, 3);
}

static void test_C15_C55_a_held_subject_loses_nothing(void **state)
{
    char token[LIFE_TOKEN_MAX], free_one[LIFE_TOKEN_MAX];
    struct rig_who admin = { .session = sara };
    struct life_lines found;
    uint64_t from;

    (void)state;
    people();
    (void)subject_send(&rig, &acme, "cards", PAN, REF, token);
    (void)subject_send(&rig, &acme, "cards", "5555555555554444", OTHER, free_one);
    carry_out("hold");
    from = life_log_size(&rig);
    assert_int_equal(change(&acme, VERB_DELETE, token), HUFU_LEGAL_HOLD);
    assert_int_equal(change(&admin, VERB_DELETE, token), HUFU_LEGAL_HOLD);
    assert_int_equal(
        life_call(&rig, VERB_REPLACE, &acme, "cards", LIKE_PAN, token, "reissued")->err,
        HUFU_LEGAL_HOLD);
    assert_int_equal(
        life_find_lines(&rig, &found, from, "\"result\":\"legal_hold\"", "\"token_id\"", NULL), 3);
    assert_string_equal(state_of(token), "active");
    assert_int_equal(change(&acme, VERB_DELETE, free_one), HUFU_OK);
    /* what deletes nothing goes on; the hold outlives a restart */
    assert_int_equal(change(&acme, VERB_SUSPEND, token), HUFU_OK);
    assert_int_equal(change(&acme, VERB_RESUME, token), HUFU_OK);
    assert_true(rig_restart(&rig));
    assert_int_equal(change(&acme, VERB_DELETE, token), HUFU_LEGAL_HOLD);
    carry_out("release");
    assert_int_equal(change(&acme, VERB_DELETE, token), HUFU_OK);
    /* the present state again */
    carry_out("hold");
    assert_int_equal(change(&acme, VERB_DELETE, token), HUFU_OK);
}

/* The hold comes between the decision and its commit: the delete is judged again. */
static void test_C55_a_hold_between_decision_and_commit_stops_a_delete(void **state)
{
    char token[LIFE_TOKEN_MAX], id[SUBJECT_ID_TEXT];
    struct rig_who approver = { .session = anna };
    uint64_t sent;
    struct buf b;

    (void)state;
    rig_tick(&rig, 60000);
    people();
    (void)subject_send(&rig, &acme, "cards", PAN, REF, token);
    assert_non_null(rig_member(subject_ask(&rig, sara, REF, "hold")->body, "id", id, sizeof(id)));
    buf_init(&b, 256);
    subject_put_id(&b, id);
    (void)rig_submit(&rig, VERB_SUBJECT_APPROVE, &approver, buf_view(&b));
    buf_done(&b);
    while (worker_step(&rig.worker)) /* the approval is drafted, and waits */
        continue;
    sent = life_submit(&rig, VERB_DELETE, &acme, "cards", NULL, token, "asked for");
    while (worker_step(&rig.worker)) /* decided without the hold */
        continue;
    rig.reply_id = 0;
    for (int i = 0; i < 1000 && rig.reply_id != sent; i++)
        (void)rig_round(&rig);
    assert_int_equal(rig.reply_id, sent);
    assert_int_equal(rig.reply.err, HUFU_LEGAL_HOLD);
    assert_string_equal(state_of(token), "active");
}

static void test_C55_a_restricted_token_is_resumed_by_nobody(void **state)
{
    struct rig_who admin = { .session = sara };
    char token[LIFE_TOKEN_MAX], stopped[LIFE_TOKEN_MAX];

    (void)state;
    people();
    (void)subject_send(&rig, &acme, "cards", PAN, REF, token);
    (void)subject_send(&rig, &acme, "cards", "5555555555554444", REF, stopped);
    assert_int_equal(change(&acme, VERB_SUSPEND, stopped), HUFU_OK);
    carry_out("restrict");
    assert_string_equal(state_of(token), "suspended");
    assert_int_equal(change(&acme, VERB_RESUME, token), HUFU_CONFLICT);
    assert_int_equal(change(&admin, VERB_RESUME, token), HUFU_CONFLICT);
    assert_int_equal(change(&acme, VERB_RESUME, stopped), HUFU_CONFLICT);
    assert_int_equal(subject_send(&rig, &acme, "cards", PAN, REF, token)->err,
                     HUFU_TOKEN_SUSPENDED);
    carry_out("lift-restriction");
    assert_string_equal(state_of(token), "active");
    assert_string_equal(state_of(stopped), "suspended"); /* its owner had wanted that */
    assert_int_equal(change(&acme, VERB_RESUME, stopped), HUFU_OK);
}

/* Suspended by its owner while it was restricted: lifting must not let it go. */
static void test_C55_an_owner_suspends_what_is_restricted(void **state)
{
    char token[LIFE_TOKEN_MAX];

    (void)state;
    people();
    (void)subject_send(&rig, &acme, "cards", PAN, REF, token);
    carry_out("restrict");
    assert_int_equal(subject_rows_of(&rig, REF).mark, SUBJECT_STOPPED);
    assert_int_equal(change(&acme, VERB_SUSPEND, token), HUFU_OK);
    assert_int_equal(subject_rows_of(&rig, REF).mark, SUBJECT_BARRED);
    carry_out("lift-restriction");
    assert_string_equal(state_of(token), "suspended");
    assert_int_equal(subject_rows_of(&rig, REF).mark, SUBJECT_FREE);
    assert_int_equal(change(&acme, VERB_RESUME, token), HUFU_OK);
    assert_string_equal(state_of(token), "active");
}

/* A restricted one may end all the same; lifting leaves it ended. */
static void test_C55_what_ended_while_restricted_stays_ended(void **state)
{
    char token[LIFE_TOKEN_MAX], other[LIFE_TOKEN_MAX];

    (void)state;
    people();
    (void)subject_send(&rig, &acme, "cards", PAN, REF, token);
    (void)subject_send(&rig, &acme, "cards", "5555555555554444", REF, other);
    carry_out("restrict");
    assert_int_equal(change(&acme, VERB_REVOKE, token), HUFU_OK);
    assert_int_equal(change(&acme, VERB_DELETE, other), HUFU_OK);
    carry_out("lift-restriction");
    assert_string_equal(state_of(token), "revoked");
    assert_string_equal(state_of(other), "deleted");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_C55_a_value_without_a_subject_has_no_row, setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_C55_a_new_value_has_one_row_under_its_subject, setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_C55_a_known_value_keeps_its_first_subject, setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_C55_its_sender_names_the_subject_later, setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_C55_a_batch_has_a_row_for_each_that_names_one, setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_C55_rows_stay_in_every_state, setup, suite_teardown),
        cmocka_unit_test_setup_teardown(test_C15_C55_a_held_subject_loses_nothing, setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_C55_a_hold_between_decision_and_commit_stops_a_delete,
                                        setup, suite_teardown),
        cmocka_unit_test_setup_teardown(test_C55_a_restricted_token_is_resumed_by_nobody, setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_C55_an_owner_suspends_what_is_restricted, setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_C55_what_ended_while_restricted_stays_ended, setup,
                                        suite_teardown),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
