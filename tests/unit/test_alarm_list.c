/* Alarms as people see them: listed, reviewed once by another, counted (C28, C52). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/alarm_calls.h"

#include "tests/core_suite.h"

static char olga[MSG_SESSION_LEN + 1], sara[MSG_SESSION_LEN + 1];

static int setup(void **state)
{
    (void)suite_setup(state);
    rig_login(&rig, "olga", olga);
    rig_login(&rig, "sara", sara);
    return 0;
}

static const struct rig_reply *list(const char *session, const char *since, const char *until,
                                    uint64_t limit, const char *after)
{
    struct rig_who who = { .session = session };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 512);
    if (limit > 0)
        msg_put_u64(&b, MSG_LIMIT, limit);
    if (after != NULL)
        msg_put_text(&b, MSG_AFTER, view_str(after));
    if (since != NULL)
        msg_put_text(&b, MSG_SINCE, view_str(since));
    if (until != NULL)
        msg_put_text(&b, MSG_UNTIL, view_str(until));
    r = rig_call(&rig, VERB_ALARM_LIST, &who, buf_view(&b));
    buf_done(&b);
    return r;
}

static size_t count(const char *text, const char *part)
{
    size_t n = 0;

    while ((text = strstr(text, part)) != NULL) {
        text += strlen(part);
        n++;
    }
    return n;
}

static void test_C28_alarms_are_listed(void **state)
{
    char next[ID_TEXT_LEN + 1], since[CLOCK_TEXT_LEN + 1], until[CLOCK_TEXT_LEN + 1];
    const struct rig_reply *r;

    (void)state;
    assert_string_equal(list(sara, NULL, NULL, 0, NULL)->body, "{\"items\":[],\"next\":null}");
    alarm_raise(&rig, ALARM_RULE_FORGED, "olga");
    rig_tick(&rig, 60000);
    alarm_raise(&rig, ALARM_RULE_FORGED, "omar");
    alarm_raise(&rig, ALARM_RULE_PLANTED, "omar");
    r = list(sara, NULL, NULL, 0, NULL);
    assert_int_equal(r->err, HUFU_OK);
    assert_int_equal(count(r->body, "\"rule\":\"forged-challenge\""), 2);
    assert_int_equal(count(r->body, "\"rule\":\"planted-token\",\"suspended\":\"yes\""), 1);
    assert_non_null(strstr(r->body, "\"grade\":\"high\""));
    assert_null(strstr(r->body, "reviewed_at"));
    r = list(sara, NULL, NULL, 2, NULL);
    assert_int_equal(count(r->body, "\"id\":"), 2);
    assert_non_null(rig_member(r->body, "next", next, sizeof(next)));
    assert_int_equal(count(list(sara, NULL, NULL, 2, next)->body, "\"id\":"), 1);
    clock_print(rig.clock.now, since);
    assert_int_equal(count(list(sara, since, NULL, 0, NULL)->body, "\"id\":"), 2);
    assert_int_equal(count(list(sara, NULL, since, 0, NULL)->body, "\"id\":"), 1);
    assert_int_equal(list(sara, since, since, 0, NULL)->err, HUFU_OK); /* of no time: nothing */
    clock_print(rig.clock.now - 1, until);
    assert_int_equal(list(sara, since, until, 0, NULL)->err, HUFU_BAD_REQUEST);
    assert_int_equal(rig.reply.where.tag, MSG_UNTIL);
    assert_int_equal(list(sara, "yesterday", NULL, 0, NULL)->err, HUFU_BAD_REQUEST);
    assert_int_equal(list(sara, NULL, "2026-13-01T00:00:00Z", 0, NULL)->err, HUFU_BAD_REQUEST);
    assert_int_equal(list(sara, NULL, NULL, 1001, NULL)->err, HUFU_BAD_REQUEST);
    assert_int_equal(list(sara, NULL, NULL, 0, "x")->err, HUFU_BAD_REQUEST);
    assert_int_equal(list(olga, NULL, NULL, 0, NULL)->err, HUFU_FORBIDDEN);
}

static void test_C28_an_alarm_is_reviewed_once_by_another(void **state)
{
    char aude[MSG_SESSION_LEN + 1], sven[MSG_SESSION_LEN + 1], *at;
    struct life_lines lines;
    struct alarm_row row;
    uint8_t none[ID_LEN] = { 1 };

    (void)state;
    rig_login(&rig, "aude", aude);
    rig_login(&rig, "sven", sven);
    alarm_raise(&rig, ALARM_RULE_KEY_COUNTER, "sara"); /* the last administrators stay */
    row = alarm_at(&rig, 0);
    assert_int_equal(alarm_review(&rig, olga, row.id, "mine")->err, HUFU_FORBIDDEN);
    assert_int_equal(alarm_review(&rig, sara, row.id, "it was me")->err, HUFU_FORBIDDEN);
    assert_int_equal(alarm_review(&rig, sven, none, "which")->err, HUFU_NOT_FOUND);
    assert_int_equal(alarm_review(&rig, sven, row.id, "card 4111111111111111")->err,
                     HUFU_VALUE_IN_TEXT);
    assert_int_equal(alarm_at(&rig, 0).reviewed_ms, 0);
    assert_int_equal(alarm_review(&rig, sven, row.id, "key replaced")->err, HUFU_OK);
    at = strstr(rig.reply.body, "\"review_reason\":\"key replaced\",\"reviewed_at\":\"");
    assert_non_null(at);
    assert_non_null(strstr(at, "\"reviewed_by\":\"sven\""));
    assert_int_equal(alarm_review(&rig, aude, row.id, "again")->err, HUFU_CONFLICT);
    assert_int_equal(alarm_at(&rig, 0).reviewed_ms, rig.clock.now);
    assert_string_equal(alarm_at(&rig, 0).reason, "key replaced");
    assert_int_equal(life_find_lines(&rig, &lines, 0, "\"verb\":\"alarm-review\"",
                                     "rule=key-counter grade=high", "\"reason\":\"key replaced\""),
                     1);
    assert_true(rig_restart(&rig));
    assert_string_equal(alarm_at(&rig, 0).reason, "key replaced");
}

/* Two reviewers at once: one of them did. */
static void test_C28_two_reviews_at_once(void **state)
{
    char aude[MSG_SESSION_LEN + 1], id[ID_TEXT_LEN + 1];
    struct rig_who who[2] = { { .session = sara }, { .session = aude } };
    struct life_lines lines;
    struct alarm_row row;
    struct buf b;

    (void)state;
    rig_login(&rig, "aude", aude);
    alarm_raise(&rig, ALARM_RULE_FORGED, "olga");
    row = alarm_at(&rig, 0);
    id_print(row.id, id);
    for (int i = 0; i < 2; i++) {
        buf_init(&b, 256);
        msg_put_text(&b, MSG_REASON, view_str("seen"));
        msg_put_text(&b, MSG_ID, view_str(id));
        (void)rig_submit(&rig, VERB_ALARM_REVIEW, &who[i], buf_view(&b));
        buf_done(&b);
    }
    for (bool on = true; on;) {
        on = false;
        while (worker_step(&rig.worker))
            on = true;
        on = store_journal_step(rig.core.store) || on;
    }
    assert_int_equal(
        life_find_lines(&rig, &lines, 0, "\"verb\":\"alarm-review\"", "\"result\":\"ok\"", NULL),
        1);
    assert_int_equal(
        life_find_lines(&rig, &lines, 0, "\"verb\":\"alarm-review\"", "conflict", NULL), 1);
}

static void test_C52_alarms_are_metrics(void **state)
{
    static const struct rig_who nobody = { 0 };
    const char *text;

    (void)state;
    alarm_raise(&rig, ALARM_RULE_PLANTED, "olga");
    alarm_raise(&rig, ALARM_RULE_FORGED, "omar");
    text = rig_call(&rig, VERB_METRICS, &nobody, view_of(NULL, 0))->body;
    assert_non_null(strstr(text, "hufu_alarms_total{rule=\"planted-token\",grade=\"high\"} 1\n"));
    assert_non_null(
        strstr(text, "hufu_alarms_total{rule=\"forged-challenge\",grade=\"middle\"} 1\n"));
    assert_non_null(strstr(text, "hufu_alarms_total{rule=\"sequence\",grade=\"high\"} 0\n"));
    assert_non_null(strstr(text, "hufu_alarm_suspensions_total 1\n"));
    assert_non_null(strstr(text, "hufu_alarm_delivery_seconds_bucket{le=\"0.1\"} 2\n"));
    assert_non_null(strstr(text, "hufu_alarm_delivery_seconds_bucket{le=\"+Inf\"} 2\n"));
    assert_non_null(strstr(text, "hufu_alarm_delivery_seconds_count 2\n"));
    assert_non_null(strstr(text, "hufu_alarms_undelivered 0\n"));
    assert_non_null(strstr(text, "hufu_alarms_unreviewed 2\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, suite_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C28_alarms_are_listed),
        TEST(test_C28_an_alarm_is_reviewed_once_by_another),
        TEST(test_C28_two_reviews_at_once),
        TEST(test_C52_alarms_are_metrics),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
