/* What is set off is durable with its cause, tells once, and suspends whoever did it (C28). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/alarm_calls.h"
#include "tests/guess_calls.h"

#include "tests/core_suite.h"

#define DAY_S 86400000ULL

static const struct rig_who acme = { .partner = "acme" };
static char olga[MSG_SESSION_LEN + 1], sara[MSG_SESSION_LEN + 1];
static char token[8][LIFE_TOKEN_MAX];

static const char *const narrow[] = { "limit.reveals_per_day=2", "limit.guesses_per_day=3", NULL };

static void start(const char *const *set)
{
    char value[GUESS_CARD];

    alarm_start(&rig, &hsm, set);
    for (unsigned i = 0; i < 8; i++) {
        guess_card_of(i, value);
        life_token(&rig, &acme, "cards", value, 0, 0, token[i]);
    }
    rig_login(&rig, "olga", olga);
    rig_login(&rig, "sara", sara);
}

static int setup(void **state)
{
    (void)state;
    start(narrow);
    return 0;
}

/* Two values, and one too many. */
static void pass_day_limit(void)
{
    assert_int_equal(rig_reveal(&rig, olga, "cards", token[0])->err, HUFU_OK);
    assert_int_equal(rig_reveal(&rig, olga, "cards", token[1])->err, HUFU_OK);
    assert_int_equal(rig_reveal(&rig, olga, "cards", token[2])->err, HUFU_RATE_LIMITED);
}

static enum hufu_err whoami(const char *session)
{
    struct rig_who who = { .session = session };

    return rig_call(&rig, VERB_WHOAMI, &who, view_of(NULL, 0))->err;
}

static enum hufu_err by_name(const char *session, uint16_t verb, const char *name)
{
    struct rig_who who = { .session = session };
    enum hufu_err err;
    struct buf b;

    buf_init(&b, 256);
    msg_put_text(&b, MSG_REASON, view_str("looked into"));
    msg_put_text(&b, MSG_NAME, view_str(name));
    err = rig_call(&rig, verb, &who, buf_view(&b))->err;
    buf_done(&b);
    return err;
}

static void test_C28_every_limit_raises_an_alarm(void **state)
{
    (void)state;
    assert_int_equal(alarm_of_limit(LIMIT_NONE), ALARM_RULE_NONE);
    assert_int_equal(alarm_of_limit(LIMIT_COUNT), ALARM_RULE_NONE);
    for (int l = LIMIT_NONE + 1; l < LIMIT_COUNT; l++) {
        assert_int_not_equal(alarm_of_limit((enum core_limit)l), ALARM_RULE_NONE);
        assert_non_null(alarm_setting(alarm_of_limit((enum core_limit)l)));
    }
    assert_string_equal(alarm_setting(ALARM_RULE_VELOCITY), "reveals_per_minute");
    assert_null(alarm_setting(ALARM_RULE_PLANTED));
    assert_null(alarm_setting(ALARM_RULE_COUNT));
}

/* Rules that anyone's request can set off must never shut somebody out. */
static void test_C28_rules_have_names_grades_and_what_strangers_cause_suspends_nobody(void **state)
{
    (void)state;
    for (unsigned r = ALARM_RULE_NONE + 1; r < ALARM_RULE_COUNT; r++) {
        assert_true(text_is_name(view_str(alarm_rule_name(r))));
        assert_true(alarm_grade(r) >= ALARM_LOW && alarm_grade(r) <= ALARM_HIGH);
        assert_string_not_equal(alarm_grade_name(alarm_grade(r)), "?");
    }
    assert_string_equal(alarm_rule_name(ALARM_RULE_NONE), "?");
    assert_string_equal(alarm_rule_name(ALARM_RULE_COUNT), "?");
    assert_string_equal(alarm_grade_name(0), "?");
    assert_string_equal(alarm_grade_name(ALARM_HIGH + 1), "?");
    assert_false(alarm_suspends(ALARM_RULE_REFUSALS));
    assert_false(alarm_suspends(ALARM_RULE_FORGED));
    assert_false(alarm_suspends(ALARM_RULE_COUNT));
    assert_true(alarm_suspends(ALARM_RULE_PLANTED));
}

static void test_C28_alarm_is_durable_with_its_cause(void **state)
{
    struct life_lines lines;
    struct alarm_row row;
    uint64_t size;

    (void)state;
    pass_day_limit();
    size = life_log_size(&rig);
    assert_int_equal(life_find_lines(&rig, &lines, size - 1, "\"verb\":\"alarm\"",
                                     "rule=reveals-day grade=middle", "\"principal\":\"olga\""),
                     1);
    assert_non_null(strstr(lines.last, "suspended=yes"));
    assert_non_null(strstr(lines.last, "\"request_id\":\"rig-1\""));
    assert_non_null(strstr(lines.last, "\"result\":\"ok\""));
    assert_int_equal(life_find_lines(&rig, &lines, size - 2, "\"verb\":\"detokenize\"",
                                     "rate_limited", "\"principal\":\"olga\""),
                     1);
    assert_int_equal(alarm_rows(&rig), 1);
    row = alarm_at(&rig, 0);
    assert_string_equal(row.rule, "reveals-day");
    assert_string_equal(row.principal, "olga");
    assert_string_equal(row.role, "operator");
    assert_string_equal(row.detail, "verb=detokenize result=rate_limited limit=reveals_per_day");
    assert_string_equal(row.suspended, "yes");
    assert_int_equal(row.whose, ALARM_OF_USER);
    assert_int_equal(row.raised_ms, rig.clock.now);
    assert_int_equal(row.delivered_ms, row.raised_ms); /* no sink: its line was written */
    assert_true(rig_restart(&rig));
    assert_int_equal(alarm_rows(&rig), 1);
    assert_string_equal(alarm_at(&rig, 0).principal, "olga");
    assert_int_equal(alarm_state_of(&rig, "olga"), ROW_FROZEN);
}

static void test_C28_suspended_for_the_very_next_request(void **state)
{
    static const struct rig_who nobody = { 0 };
    struct buf b;

    (void)state;
    pass_day_limit();
    assert_int_equal(whoami(olga), HUFU_UNAUTHENTICATED);
    assert_int_equal(rig_reveal(&rig, olga, "cards", token[0])->err, HUFU_UNAUTHENTICATED);
    rig_tick(&rig, 30000);
    buf_init(&b, 1024);
    rig_put_login(&b, "olga", rig.clock.now / 30000);
    assert_int_equal(rig_call(&rig, VERB_LOGIN, &nobody, buf_view(&b))->err, HUFU_UNAUTHENTICATED);
    buf_done(&b);
    assert_int_equal(by_name(sara, VERB_USER_UNFREEZE, "olga"), HUFU_OK);
    assert_int_equal(whoami(olga), HUFU_UNAUTHENTICATED); /* the session does not come back */
    rig_tick(&rig, 30000);
    rig_login(&rig, "olga", olga);
    assert_int_equal(whoami(olga), HUFU_OK);
    /* Who goes on where it stopped is suspended again, on the same day too. */
    assert_int_equal(rig_reveal(&rig, olga, "cards", token[3])->err, HUFU_RATE_LIMITED);
    assert_int_equal(whoami(olga), HUFU_UNAUTHENTICATED);
    assert_int_equal(alarm_rows(&rig), 2);
}

/* Many at once beyond the limit: one of them suspends, and all the others are nobody's. */
static void test_C28_requests_at_once_raise_one_alarm(void **state)
{
    struct rig_who who = { .session = olga };
    struct buf b;

    (void)state;
    assert_int_equal(rig_reveal(&rig, olga, "cards", token[0])->err, HUFU_OK);
    assert_int_equal(rig_reveal(&rig, olga, "cards", token[1])->err, HUFU_OK);
    for (size_t i = 0; i < 6; i++) {
        buf_init(&b, 512);
        msg_put_text(&b, MSG_DOMAIN, view_str("cards"));
        msg_put_text(&b, MSG_TOKEN, view_str(token[2 + i]));
        msg_put_text(&b, MSG_REASON, view_str("case 7"));
        msg_put_text(&b, MSG_PURPOSE, view_str("refund"));
        (void)rig_submit(&rig, VERB_DETOKENIZE, &who, buf_view(&b));
        buf_done(&b);
    }
    for (bool on = true; on;) {
        on = false;
        while (worker_step(&rig.worker))
            on = true;
        on = store_journal_step(rig.core.store) || on;
    }
    assert_int_equal(alarm_rows(&rig), 1);
    assert_int_equal(alarm_entries(&rig, "reveals-day"), 1);
    assert_int_equal(alarm_state_of(&rig, "olga"), ROW_FROZEN);
    assert_int_equal(atomic_load(&rig.core.alarms->raised[ALARM_RULE_REVEALS_DAY]), 1);
    assert_int_equal(atomic_load(&rig.core.alarms->suspended), 1);
}

static void test_C28_the_last_two_administrators_are_never_suspended(void **state)
{
    (void)state;
    alarm_raise(&rig, ALARM_RULE_KEY_COUNTER, "sara");
    assert_int_equal(alarm_state_of(&rig, "sara"), ROW_ACTIVE);
    assert_int_equal(whoami(sara), HUFU_OK);
    assert_int_equal(alarm_entries(&rig, "suspended=last-admins"), 1);
    assert_string_equal(alarm_at(&rig, 0).suspended, "last-admins");
    assert_int_equal(alarm_at(&rig, 0).grade, ALARM_HIGH);
    /* It is no flood either. */
    for (int i = 0; i < 5; i++)
        alarm_raise(&rig, ALARM_RULE_KEY_COUNTER, "sara");
    assert_int_equal(alarm_rows(&rig), 1);
    alarm_raise(&rig, ALARM_RULE_KEY_COUNTER, "carl"); /* another role may go */
    assert_int_equal(alarm_state_of(&rig, "carl"), ROW_FROZEN);
}

static size_t guess_on(size_t from, size_t to, enum hufu_err *last_out)
{
    char card[12][GUESS_CARD];
    size_t limited = 0;

    guess_cards("400000", "0002", 12, card);
    for (size_t i = from; i < to; i++) {
        *last_out = rig_tokenize(&rig, &acme, "cards", card[i])->err;
        limited += *last_out == HUFU_RATE_LIMITED;
    }
    return limited;
}

static void test_C28_a_partner_is_suspended_by_setting(void **state)
{
    static const char *const strict[] = { "limit.guesses_per_day=3", "alarm.suspend_partners=yes",
                                          NULL };
    enum hufu_err last;

    (void)state;
    assert_int_equal(guess_on(0, 3, &last), 0);
    assert_int_equal(guess_on(3, 8, &last), 5); /* the setting of this vault is no */
    assert_int_equal(last, HUFU_RATE_LIMITED);
    assert_int_equal(alarm_rows(&rig), 1); /* one a day */
    assert_string_equal(alarm_at(&rig, 0).suspended, "setting");
    assert_int_equal(alarm_at(&rig, 0).whose, ALARM_OF_PARTNER);
    rig_done(&rig);
    fake_hsm_done(&hsm);
    start(strict);
    assert_int_equal(guess_on(0, 3, &last), 0);
    assert_int_equal(guess_on(3, 4, &last), 1);
    assert_int_equal(guess_on(4, 6, &last), 0);
    assert_int_equal(last, HUFU_FORBIDDEN);
    assert_string_equal(alarm_at(&rig, 0).suspended, "yes");
    assert_int_equal(directory_partner(rig.core.dir, view_str("acme"))->state, ROW_FROZEN);
    assert_int_equal(directory_partner(rig.core.dir, view_str("zeta"))->state, ROW_ACTIVE);
    assert_int_equal(by_name(sara, VERB_PARTNER_UNFREEZE, "acme"), HUFU_OK);
}

/* Control C28 wants alarms, not a flood: one for principal, rule and day. */
static void test_C28_one_alarm_a_day(void **state)
{
    enum hufu_err last;

    (void)state;
    (void)guess_on(0, 6, &last);
    assert_int_equal(alarm_rows(&rig), 1);
    alarm_raise(&rig, ALARM_RULE_FORGED, "olga"); /* another rule, another principal */
    alarm_raise(&rig, ALARM_RULE_FORGED, "omar");
    alarm_raise(&rig, ALARM_RULE_FORGED, "omar");
    assert_int_equal(alarm_rows(&rig), 3);
    rig_tick(&rig, DAY_S);
    (void)guess_on(6, 9, &last);
    assert_int_equal(alarm_rows(&rig), 3); /* three more are allowed on another day */
    (void)guess_on(9, 12, &last);
    assert_int_equal(alarm_rows(&rig), 4);
    assert_true(rig_restart(&rig));
    (void)guess_on(10, 12, &last);
    assert_int_equal(alarm_rows(&rig), 5); /* what was said before a restart may be said again */
}

/* What is not committed was not raised: the day is not used up. */
static void test_alarm_is_given_up_with_its_draft(void **state)
{
    struct alarm_flight f;

    (void)state;
    alarm_draft(&rig, &f, ALARM_RULE_FORGED, "olga");
    op_until(&f.req.op[0], rig.clock.now - 1); /* its time is over */
    assert_int_equal(alarm_commit(&rig, &f), HUFU_PRECONDITION);
    assert_int_equal(alarm_rows(&rig), 0);
    assert_int_equal(alarm_entries(&rig, NULL), 0);
    assert_int_equal(atomic_load(&rig.core.alarms->raised[ALARM_RULE_FORGED]), 0);
    alarm_raise(&rig, ALARM_RULE_FORGED, "olga");
    assert_int_equal(alarm_rows(&rig), 1);
}

/* A person whose row changes in between is looked at again: the draft does not go through. */
static void test_C28_a_row_that_changed_meanwhile_refuses_the_draft(void **state)
{
    struct alarm_flight f, g;

    (void)state;
    alarm_draft(&rig, &f, ALARM_RULE_PLANTED, "omar");
    alarm_draft(&rig, &g, ALARM_RULE_SEQUENCE, "omar");
    assert_int_equal(alarm_attach(&rig.worker, &g.req), HUFU_OK);
    assert_int_equal(alarm_commit(&rig, &f), HUFU_OK);
    assert_int_equal(store_submit(rig.core.store, &g.req.draft), HUFU_OK);
    while (!g.done)
        assert_true(store_journal_step(rig.core.store));
    assert_int_equal(g.err, HUFU_PRECONDITION);
    arena_done(&g.req.work);
    assert_int_equal(alarm_rows(&rig), 1);
    /* Decided again, it says that there is nobody left to suspend. */
    rig_tick(&rig, 1);
    alarm_raise(&rig, ALARM_RULE_SEQUENCE, "omar");
    assert_string_equal(alarm_at(&rig, 1).suspended, "already");
}

/* Two operations of a draft cannot both change one row. */
static void test_alarm_leaves_a_row_to_the_draft_that_changes_it(void **state)
{
    const struct user *omar = directory_user(rig.core.dir, view_str("omar"));
    struct alarm_flight f;
    struct buf text;

    (void)state;
    alarm_draft(&rig, &f, ALARM_RULE_PLANTED, "omar");
    buf_init(&text, 4096);
    user_put(omar, &text);
    assert_int_equal(row_write_control(&rig.worker, &f.req, &f.req.op[0],
                                       row_numbered_key(&f.req, TABLE_USER, omar->id),
                                       row_seen(omar->seq), &text),
                     HUFU_OK);
    buf_done(&text);
    assert_int_equal(alarm_commit(&rig, &f), HUFU_OK);
    assert_string_equal(alarm_at(&rig, 0).suspended, "changing");
    assert_int_equal(alarm_state_of(&rig, "omar"), ROW_ACTIVE);
}

/* The spool is bounded: beyond, the entry and the line are what there is. Its last quarter is for
 * the highest grade. */
static void test_C28_too_many_alarms_are_counted(void **state)
{
    static const char *const small[] = { "alarm.spool=10", NULL };

    (void)state;
    rig_done(&rig);
    fake_hsm_done(&hsm);
    start(small);
    for (int day = 0; day < 13; day++) {
        alarm_raise(&rig, ALARM_RULE_FORGED, "omar");
        rig_tick(&rig, DAY_S);
    }
    assert_int_equal(alarm_rows(&rig), 8);
    assert_int_equal(alarm_entries(&rig, "forged-challenge"), 13);
    assert_int_equal(alarm_entries(&rig, "spooled=no"), 5);
    assert_int_equal(atomic_load(&rig.core.alarms->not_spooled), 5);
    for (int day = 0; day < 3; day++) {
        alarm_raise(&rig, ALARM_RULE_BREAK_GLASS, "carl");
        rig_tick(&rig, DAY_S);
    }
    assert_int_equal(alarm_rows(&rig), 10);
    assert_int_equal(alarm_entries(&rig, "spooled=no"), 6);
    alarm_raise(&rig, ALARM_RULE_PLANTED, "omar"); /* and it suspends all the same */
    assert_int_equal(alarm_state_of(&rig, "omar"), ROW_FROZEN);
}

static void sweep(void)
{
    for (int i = 0; i < 10; i++) {
        (void)sweeper_step(&rig.sweeper);
        while (store_journal_step(rig.core.store))
            continue;
    }
}

/* Refused attempts (C28): counted ones of one kind, by the window. */
static void test_C28_many_refusals_raise_a_low_alarm(void **state)
{
    static const char *const few[] = { "alarm.refusals=20", "limit.refusals_per_s=15", NULL };
    struct rig_who who = { .session = olga };

    (void)state;
    rig_done(&rig);
    fake_hsm_done(&hsm);
    start(few);
    for (int i = 0; i < 15; i++)
        assert_int_equal(rig_call(&rig, VERB_USER_LIST, &who, view_of(NULL, 0))->err,
                         HUFU_FORBIDDEN);
    rig_tick(&rig, 11000);
    sweep();
    assert_int_equal(alarm_rows(&rig), 0);
    for (int i = 0; i < 20; i++) { /* ten in each second: none is counted, all have entries */
        (void)rig_call(&rig, VERB_USER_LIST, &who, view_of(NULL, 0));
        rig_tick(&rig, i == 10 ? 1000 : 1);
    }
    rig_tick(&rig, 11000);
    sweep();
    assert_int_equal(alarm_rows(&rig), 1);
    assert_string_equal(alarm_at(&rig, 0).rule, "refusals");
    assert_string_equal(alarm_at(&rig, 0).principal, "olga");
    assert_string_equal(alarm_at(&rig, 0).detail, "verb=refusals result=forbidden");
    assert_int_equal(alarm_at(&rig, 0).grade, ALARM_LOW);
    assert_int_equal(alarm_state_of(&rig, "olga"), ROW_ACTIVE);
}

/* A network of strangers is told of by its address, and shuts nobody out. */
static void test_C28_many_refusals_of_strangers_name_their_network(void **state)
{
    static const char *const few[] = { "alarm.refusals=20", NULL };
    static const struct rig_who nobody = { 0 };

    (void)state;
    rig_done(&rig);
    fake_hsm_done(&hsm);
    start(few);
    for (int i = 0; i < 30; i++)
        assert_int_equal(rig_call(&rig, VERB_WHOAMI, &nobody, view_of(NULL, 0))->err,
                         HUFU_UNAUTHENTICATED);
    rig_tick(&rig, 11000);
    sweep();
    assert_int_equal(alarm_rows(&rig), 1);
    assert_int_equal(alarm_at(&rig, 0).whose, ALARM_OF_NETWORK);
    assert_string_equal(alarm_at(&rig, 0).principal, "");
    assert_string_equal(alarm_at(&rig, 0).suspended, "no");
    assert_true(alarm_at(&rig, 0).source[0] != '\0');
}

/* The day's table is bounded, networks have a part of their own, and a new day makes room. */
static void test_alarm_days_are_bounded(void **state)
{
    struct alarms *a = rig.core.alarms;
    size_t networks = 0, people = 0;
    char name[16];

    (void)state;
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof(name), "n-%d", i);
        networks += alarm_days_take(a, 1, ALARM_OF_NETWORK, view_str(name), 5, a);
    }
    assert_in_range(networks, 512, 1024);
    assert_int_equal(atomic_load(&a->not_told), 10000 - networks);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "n-%d", i);
        people += alarm_days_take(a, 1, ALARM_OF_USER, view_str(name), 5, a);
    }
    assert_int_equal(people, 1000);
    alarm_days_end(a, a, true);
    assert_false(alarm_days_take(a, 1, ALARM_OF_USER, view_str("n-1"), 5, a));
    assert_true(alarm_days_take(a, 1, ALARM_OF_USER, view_str("n-1"), 6, a));
    assert_true(alarm_days_take(a, 1, ALARM_OF_USER, view_str("n-1"), 6, a));     /* its own */
    assert_false(alarm_days_take(a, 1, ALARM_OF_USER, view_str("n-1"), 6, name)); /* another's */
    alarm_days_end(a, a, false);
    assert_true(alarm_days_take(a, 1, ALARM_OF_USER, view_str("n-1"), 6, name));
    assert_true(alarm_days_take(a, 1, ALARM_OF_NETWORK, view_str("new"), 6, a));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, suite_teardown)

/* Who reads the man page or the OpenAPI document finds every rule there. */
static void test_C28_every_rule_is_documented(void **state)
{
    static char page[65536], spec[524288];
    FILE *man = fopen("tools/man/hufu.conf.5.scd", "re");
    FILE *api = fopen("api/openapi.json", "re");
    const char *list, *end;

    (void)state;
    assert_non_null(man);
    assert_non_null(api);
    assert_true(fread(page, 1, sizeof(page) - 1, man) > 0);
    assert_true(fread(spec, 1, sizeof(spec) - 1, api) < sizeof(spec) - 1);
    assert_int_equal(fclose(man) + fclose(api), 0);
    list = strstr(spec, "\"description\": \"reveals-factor, ");
    assert_non_null(list);
    end = strchr(list, '\n');
    for (unsigned rule = 1; rule < ALARM_RULE_COUNT; rule++) {
        char text[96];
        const char *found;

        (void)snprintf(text, sizeof(text), "\n*%s*, %s%s\n", alarm_rule_name(rule),
                       alarm_grade_name(alarm_grade(rule)),
                       alarm_suspends(rule) ? ", suspends" : "");
        if (strstr(page, text) == NULL)
            fail_msg("not in the man page: %s", text);
        found = strstr(list, alarm_rule_name(rule));
        if (found == NULL || found > end)
            fail_msg("not in the OpenAPI document: %s", text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C28_every_limit_raises_an_alarm),
        TEST(test_C28_rules_have_names_grades_and_what_strangers_cause_suspends_nobody),
        cmocka_unit_test(test_C28_every_rule_is_documented),
        TEST(test_C28_alarm_is_durable_with_its_cause),
        TEST(test_C28_suspended_for_the_very_next_request),
        TEST(test_C28_requests_at_once_raise_one_alarm),
        TEST(test_C28_the_last_two_administrators_are_never_suspended),
        TEST(test_C28_a_partner_is_suspended_by_setting),
        TEST(test_C28_one_alarm_a_day),
        TEST(test_alarm_is_given_up_with_its_draft),
        TEST(test_C28_a_row_that_changed_meanwhile_refuses_the_draft),
        TEST(test_alarm_leaves_a_row_to_the_draft_that_changes_it),
        TEST(test_C28_too_many_alarms_are_counted),
        TEST(test_C28_many_refusals_raise_a_low_alarm),
        TEST(test_C28_many_refusals_of_strangers_name_their_network),
        TEST(test_alarm_days_are_bounded),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
