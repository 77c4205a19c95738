/* Delivery of alarms: oldest first, again until it succeeds, marked once, never in anyone's way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sys/socket.h>

#include "tests/alarm_calls.h"

#include "tests/core_suite.h"
#include "vault/alarm_courier.h"

#define SENT_MAX 64
#define DAY      86400000ULL

enum mood { GOOD, FAILING, SILENT, GONE };

struct script {
    struct alarm_sink ops; /* first */
    enum mood mood;
    size_t sent;
    char id[SENT_MAX][ID_TEXT_LEN + 1];
    uint64_t boot_ms[SENT_MAX];
    uint64_t waiting; /* frame id that has no answer yet; 0: none */
    uint64_t stray;   /* an answer to this one comes first */
};

static struct script sink;
static struct courier courier;
static size_t raised; /* since the start: no rule twice about one of them */
static const char *const with_sink[] = { "alarm.command=/bin/true", "limit.reveals_per_day=2",
                                         NULL };

static enum hufu_err script_send(struct alarm_sink *ops, uint64_t id, struct view body)
{
    struct script *s = (struct script *)ops;
    struct alarm_msg msg;

    if (s->mood == GONE)
        return HUFU_CLOSED;
    assert_int_equal(alarm_msg_get(body, &msg), HUFU_OK);
    assert_true(s->sent < SENT_MAX);
    memcpy(s->id[s->sent], msg.id.p, msg.id.len);
    s->boot_ms[s->sent++] = rig.clock.boot;
    s->waiting = id;
    return HUFU_OK;
}

static enum hufu_err script_take(struct alarm_sink *ops, uint64_t *id_out, struct alarm_reply *out)
{
    struct script *s = (struct script *)ops;

    if (s->mood == GONE)
        return HUFU_CLOSED;
    if (s->stray != 0) {
        *id_out = s->stray;
        *out = (struct alarm_reply){ ALARM_SINK_NONE, 0 };
        s->stray = 0;
        return HUFU_OK;
    }
    if (s->waiting == 0 || s->mood == SILENT)
        return HUFU_NOT_FOUND;
    *id_out = s->waiting;
    *out = s->mood == GOOD ? (struct alarm_reply){ ALARM_SINK_NONE, 0 }
                           : (struct alarm_reply){ ALARM_SINK_WEBHOOK, 500 };
    s->waiting = 0;
    return HUFU_OK;
}

static void begin(void)
{
    sink = (struct script){ .ops = { script_send, script_take } };
    raised = 0;
    assert_int_equal(courier_init(&courier, &rig.core, &sink.ops), HUFU_OK);
}

static int setup(void **state)
{
    (void)state;
    alarm_start(&rig, &hsm, with_sink);
    begin();
    return 0;
}

static int teardown(void **state)
{
    if (rig.up)
        courier_done(&courier);
    return suite_teardown(state);
}

/* Lets the courier work until it gets no further at this moment. */
static void carry(void)
{
    for (int idle = 0; idle < 3; idle++)
        while (courier_step(&courier) || store_journal_step(rig.core.store))
            idle = 0;
}

static size_t delivered(void)
{
    size_t n = 0;

    for (size_t i = 0; i < alarm_rows(&rig); i++)
        n += alarm_at(&rig, i).delivered_ms != 0;
    return n;
}

static size_t marks(void)
{
    struct life_lines lines;

    return life_find_lines(&rig, &lines, 0, "\"verb\":\"alarm-delivered\"", NULL, NULL);
}

/* n alarms, one a second. */
static void raise_some(size_t n)
{
    static const char *const users[] = { "olga", "omar", "carl", "cora", "aude" };
    static const enum alarm_rule rules[] = { ALARM_RULE_FORGED, ALARM_RULE_BREAK_GLASS,
                                             ALARM_RULE_GRANT_OVER };

    for (size_t i = 0; i < n; i++, raised++) {
        alarm_raise(&rig, rules[raised / 5 % 3], users[raised % 5]);
        rig_tick(&rig, 1000);
    }
}

static void test_C28_alarms_are_delivered_oldest_first_and_marked_once(void **state)
{
    struct alarm_row row;
    char id[ID_TEXT_LEN + 1];

    (void)state;
    raise_some(5);
    assert_int_equal(delivered(), 0);
    carry();
    assert_int_equal(sink.sent, 5);
    assert_int_equal(delivered(), 5);
    assert_int_equal(marks(), 5);
    for (size_t i = 0; i < 5; i++) {
        row = alarm_at(&rig, i);
        id_print(row.id, id);
        assert_string_equal(sink.id[i], id);
        assert_int_equal(row.attempts, 1);
        assert_int_equal(row.delivered_ms, rig.clock.now);
    }
    rig_tick(&rig, 10000);
    carry();
    assert_int_equal(sink.sent, 5);
    raise_some(1);
    carry();
    assert_int_equal(sink.sent, 6);
    assert_int_equal(atomic_load(&rig.core.alarms->failed), 0);
}

/* 1 s, doubling to 60 s. */
static void test_C28_a_sink_that_fails_is_tried_again_with_back_off(void **state)
{
    static const uint64_t pause_s[] = { 1, 2, 4, 8, 16, 32, 60, 60 };
    size_t n = sizeof(pause_s) / sizeof(pause_s[0]);

    (void)state;
    sink.mood = FAILING;
    raise_some(1);
    for (size_t i = 0; i < n; i++) {
        carry();
        assert_int_equal(sink.sent, i + 1);
        rig_tick(&rig, pause_s[i] * 1000 - 1);
        carry();
        assert_int_equal(sink.sent, i + 1); /* not a moment too early */
        rig_tick(&rig, 1);
    }
    assert_int_equal(delivered(), 0);
    sink.mood = GOOD;
    carry();
    assert_int_equal(delivered(), 1);
    assert_int_equal(sink.sent, n + 1);
    for (size_t i = 1; i <= n; i++)
        assert_string_equal(sink.id[i], sink.id[0]);
    assert_int_equal(alarm_at(&rig, 0).attempts, n + 1);
    assert_int_equal(atomic_load(&rig.core.alarms->failed), n);
}

/* One sink may be dead and the other well: each alarm is tried, none waits for another. */
static void test_C28_what_fails_holds_up_nothing(void **state)
{
    (void)state;
    sink.mood = FAILING;
    raise_some(4);
    carry();
    assert_int_equal(sink.sent, 4);
    for (size_t i = 1; i < 4; i++)
        assert_string_not_equal(sink.id[i], sink.id[i - 1]);
    raise_some(1);
    carry();
    assert_true(sink.sent >= 5);
    sink.mood = GOOD;
    rig_tick(&rig, 2000);
    carry();
    assert_int_equal(delivered(), 5);
    assert_int_equal(marks(), 5);
}

static void test_C28_the_gravest_goes_first(void **state)
{
    char id[ID_TEXT_LEN + 1];
    struct alarm_row row;

    (void)state;
    raise_some(6); /* the last one is of the highest grade */
    carry();
    assert_int_equal(delivered(), 6);
    row = alarm_at(&rig, 5);
    id_print(row.id, id);
    assert_string_equal(sink.id[0], id);
    row = alarm_at(&rig, 0);
    id_print(row.id, id);
    assert_string_equal(sink.id[1], id);
}

/* Whoever says nothing has failed after both deadlines and five seconds; a late word is no word. */
static void test_C28_a_silent_sink_is_given_up_and_its_late_answer_ignored(void **state)
{
    (void)state;
    sink.mood = SILENT;
    raise_some(1);
    carry();
    assert_int_equal(sink.sent, 1);
    rig_tick(&rig, 24999);
    carry();
    assert_int_equal(atomic_load(&rig.core.alarms->failed), 0);
    rig_tick(&rig, 1);
    carry();
    assert_int_equal(atomic_load(&rig.core.alarms->failed), 1);
    rig_tick(&rig, 1000);
    carry();
    assert_int_equal(sink.sent, 2);
    sink.stray = 1; /* of the first attempt */
    carry();
    assert_int_equal(delivered(), 0);
    sink.mood = GOOD;
    carry();
    assert_int_equal(delivered(), 1);
}

/* A dead sink slows nobody: requests are decided, refused and suspended meanwhile. */
static void test_C28_a_dead_sink_is_in_nobodys_way(void **state)
{
    char sara[MSG_SESSION_LEN + 1];
    struct rig_who who = { .session = sara };

    (void)state;
    sink.mood = GONE;
    raise_some(3);
    carry();
    rig_login(&rig, "sara", sara);
    assert_int_equal(rig_call(&rig, VERB_WHOAMI, &who, view_of(NULL, 0))->err, HUFU_OK);
    alarm_raise(&rig, ALARM_RULE_PLANTED, "omar");
    assert_int_equal(alarm_state_of(&rig, "omar"), ROW_FROZEN);
    assert_int_equal(delivered(), 0);
    sink.mood = GOOD;
    rig_tick(&rig, 60000);
    carry();
    assert_int_equal(delivered(), 4);
}

/* The spool is the vault: what was not delivered before a crash is delivered after it. */
static void test_C28_undelivered_alarms_survive_a_crash(void **state)
{
    (void)state;
    sink.mood = SILENT;
    raise_some(3);
    carry();
    assert_int_equal(sink.sent, 1);
    courier_done(&courier);
    assert_true(rig_restart(&rig));
    begin();
    carry();
    assert_int_equal(sink.sent, 3);
    assert_int_equal(delivered(), 3);
    courier_done(&courier);
    assert_true(rig_restart(&rig));
    begin();
    carry();
    assert_int_equal(sink.sent, 0); /* and not once more */
}

/* A review that comes between delivery and mark is kept, and so is the mark, whichever is first. */
static void test_C28_a_review_meanwhile_is_kept(void **state)
{
    char sara[MSG_SESSION_LEN + 1], id[ID_TEXT_LEN + 1];
    struct rig_who who = { .session = sara };
    struct alarm_row row;
    struct buf b;

    (void)state;
    rig_login(&rig, "sara", sara);
    raise_some(2);
    for (size_t i = 0; i < 2; i++) {
        while (!courier.is_taken)
            (void)(courier_step(&courier) || store_journal_step(rig.core.store));
        row = alarm_at(&rig, i);
        assert_int_equal(row.delivered_ms, 0);
        id_print(row.id, id);
        buf_init(&b, 256);
        msg_put_text(&b, MSG_REASON, view_str("seen"));
        msg_put_text(&b, MSG_ID, view_str(id));
        (void)rig_submit(&rig, VERB_ALARM_REVIEW, &who, buf_view(&b));
        buf_done(&b);
        if (i == 0) /* the mark goes first, on the same row as it was … */
            assert_true(courier_step(&courier));
        assert_true(worker_step(&rig.worker));
        if (i == 1) /* … or the review */
            assert_true(courier_step(&courier));
        while (store_journal_step(rig.core.store) || worker_step(&rig.worker))
            continue;
        for (int n = 0; n < 100 && alarm_at(&rig, i).delivered_ms == 0; n++) {
            rig_tick(&rig, 100); /* a lost mark is made again after a second */
            (void)courier_step(&courier);
            (void)store_journal_step(rig.core.store);
        }
        row = alarm_at(&rig, i);
        assert_string_equal(row.reason, "seen");
        assert_int_not_equal(row.delivered_ms, 0);
    }
    carry();
    assert_int_equal(sink.sent, 2);
    assert_int_equal(marks(), 2);
}

/* Nobody is told any more: the journal's line was all, and the rows say so. */
static void test_C28_without_a_sink_what_waits_is_marked(void **state)
{
    (void)state;
    sink.mood = GONE;
    raise_some(2);
    carry();
    courier_done(&courier);
    rig_set(&rig, "alarm.command=");
    assert_true(rig_restart(&rig));
    begin();
    carry();
    assert_int_equal(sink.sent, 0);
    assert_int_equal(delivered(), 2);
    raise_some(1);
    assert_int_equal(delivered(), 3); /* with its very commit */
}

static void sweep(void)
{
    rig_tick(&rig, 61000);
    carry();
}

/* Reviewed ones stay a week, others alarm.keep_days; what was not delivered stays. */
static void test_alarms_that_are_over_are_removed(void **state)
{
    char sara[MSG_SESSION_LEN + 1];

    (void)state;
    rig_login(&rig, "sara", sara);
    raise_some(2);
    carry();
    assert_int_equal(alarm_review(&rig, sara, alarm_at(&rig, 0).id, "seen")->err, HUFU_OK);
    sweep();
    assert_int_equal(alarm_rows(&rig), 2);
    rig_tick(&rig, 7 * DAY - 200000);
    sweep();
    assert_int_equal(alarm_rows(&rig), 2);
    rig_tick(&rig, 120000);
    sweep();
    assert_int_equal(alarm_rows(&rig), 1);
    sink.mood = GONE;
    raise_some(5); /* the same five, on another day */
    rig_tick(&rig, 84 * DAY);
    sweep();
    assert_int_equal(alarm_rows(&rig), 5); /* the first went after 90 days */
    rig_tick(&rig, 90 * DAY);
    sweep();
    assert_int_equal(alarm_rows(&rig), 5);
    sink.mood = GOOD;
    sweep();
    sweep();
    assert_int_equal(alarm_rows(&rig), 0);
}

/* Where more than half of the spool is taken, what was reviewed makes room at once. */
static void test_alarms_reviewed_make_room(void **state)
{
    static const char *const small[] = { "alarm.command=/bin/true", "alarm.spool=10", NULL };
    char sara[MSG_SESSION_LEN + 1];

    (void)state;
    courier_done(&courier);
    (void)suite_teardown(state);
    alarm_start(&rig, &hsm, small);
    begin();
    rig_login(&rig, "sara", sara);
    raise_some(15);
    assert_int_equal(alarm_rows(&rig), 10);
    carry();
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(alarm_review(&rig, sara, alarm_at(&rig, i).id, "seen")->err, HUFU_OK);
    sweep();
    assert_int_equal(alarm_rows(&rig), 3);
}

static void test_alarm_json_names_what_a_receiver_needs(void **state)
{
    uint8_t mem[ALARM_MSG_JSON_MAX];
    struct alarm_row row;
    struct buf out;
    char *text;

    (void)state;
    alarm_raise(&rig, ALARM_RULE_PLANTED, "omar");
    row = alarm_at(&rig, 0);
    buf_fixed(&out, mem, sizeof(mem));
    courier_print(&row, "rig.test/log", &out);
    buf_u8(&out, 0);
    assert_int_equal(buf_check(&out), HUFU_OK);
    text = (char *)mem;
    assert_non_null(
        strstr(text, "{\"detail\":\"verb=probe result=ok\",\"grade\":\"high\",\"id\":\""));
    assert_non_null(
        strstr(text, "\"principal\":\"omar\",\"raised_at\":\"2026-09-21T14:13:20.000Z\""));
    assert_non_null(strstr(text, "\"role\":\"operator\",\"rule\":\"planted-token\""));
    assert_non_null(strstr(text, "\"suspended\":\"yes\",\"vault\":\"rig.test/log\"}"));
    memset(row.detail, '"', ROW_TEXT_MAX); /* the longest that a row can hold fits */
    memset(row.principal, 'p', TEXT_NAME_MAX);
    memset(row.domain, 'd', TEXT_NAME_MAX);
    memset(row.request_id, 'r', ALARM_KEY_MAX);
    memset(row.source, 's', ALARM_SOURCE_MAX);
    buf_fixed(&out, mem, sizeof(mem));
    courier_print(&row, "rig.test/log", &out);
    assert_int_equal(buf_check(&out), HUFU_OK);
}

/* ---- the link to the process ---- */

/* The other end answers as told; type 0: with garbage. */
static void answer(int fd, uint16_t type, uint64_t *id_out)
{
    uint8_t mem[64], in[8192];
    struct alarm_reply reply = { ALARM_SINK_COMMAND, 3 };
    uint32_t body_len;
    uint16_t got;
    struct buf b;

    assert_true(recv(fd, in, sizeof(in), 0) > FRAME_HEADER_LEN);
    assert_int_equal(frame_header_get(in, &body_len, &got, id_out), HUFU_OK);
    assert_int_equal(got, ALARM_MSG_DELIVER);
    frame_header_put(mem, 5, type, *id_out);
    buf_fixed(&b, mem + FRAME_HEADER_LEN, sizeof(mem) - FRAME_HEADER_LEN);
    alarm_reply_put(&b, &reply);
    assert_int_equal(send(fd, mem, FRAME_HEADER_LEN + b.len, 0), FRAME_HEADER_LEN + b.len);
}

static void test_alarm_link_carries_one_and_survives_the_process(void **state)
{
    struct view body = view_str("body of an alarm");
    struct alarm_sink *link = NULL;
    struct alarm_reply reply;
    int first[2], second[2];
    uint64_t id;

    (void)state;
    assert_int_equal(alarm_link_new(-1, &link), HUFU_OK);
    assert_int_equal(link->send(link, 1, body), HUFU_CLOSED);
    assert_int_equal(link->take(link, &id, &reply), HUFU_CLOSED);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, first), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, second), 0);
    alarm_link_replace(link, first[0]);
    assert_int_equal(link->send(link, 7, body), HUFU_OK);
    assert_int_equal(link->take(link, &id, &reply), HUFU_NOT_FOUND);
    answer(first[1], ALARM_MSG_DELIVER | ALARM_MSG_REPLY, &id);
    assert_int_equal(link->take(link, &id, &reply), HUFU_OK);
    assert_int_equal(id, 7);
    assert_int_equal(reply.failed, ALARM_SINK_COMMAND);
    assert_int_equal(reply.status, 3);
    close(first[1]); /* the process died */
    assert_int_equal(link->take(link, &id, &reply), HUFU_CLOSED);
    assert_int_equal(link->send(link, 8, body), HUFU_CLOSED);
    alarm_link_replace(link, second[0]);
    assert_int_equal(link->send(link, 9, body), HUFU_OK);
    answer(second[1], 1, &id); /* what is no reply ends the link */
    assert_int_equal(link->take(link, &id, &reply), HUFU_CORRUPT);
    assert_int_equal(link->send(link, 10, body), HUFU_CLOSED);
    close(second[1]);
    alarm_link_free(link);
    alarm_link_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C28_alarms_are_delivered_oldest_first_and_marked_once),
        TEST(test_C28_a_sink_that_fails_is_tried_again_with_back_off),
        TEST(test_C28_what_fails_holds_up_nothing),
        TEST(test_C28_the_gravest_goes_first),
        TEST(test_C28_a_silent_sink_is_given_up_and_its_late_answer_ignored),
        TEST(test_C28_a_dead_sink_is_in_nobodys_way),
        TEST(test_C28_undelivered_alarms_survive_a_crash),
        TEST(test_C28_a_review_meanwhile_is_kept),
        TEST(test_C28_without_a_sink_what_waits_is_marked),
        TEST(test_alarms_that_are_over_are_removed),
        TEST(test_alarms_reviewed_make_room),
        TEST(test_alarm_json_names_what_a_receiver_needs),
        cmocka_unit_test(test_alarm_link_carries_one_and_survives_the_process),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
