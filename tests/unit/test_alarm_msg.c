/* The messages between core and alarm process, and an alarm's row: every length and type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vault/access/alarm_row.h"
#include "vault/base/alarm_msg.h"

static const struct alarm_msg sample = {
    { (const uint8_t *)"0192-a", 6 },
    { (const uint8_t *)"misses", 6 },
    { (const uint8_t *)"high", 4 },
    { (const uint8_t *)"{\"a\":1}", 7 },
};

static size_t print(const struct alarm_msg *msg, uint8_t out[static 8192])
{
    struct buf b;

    buf_fixed(&b, out, 8192);
    alarm_msg_put(&b, msg);
    assert_int_equal(buf_check(&b), HUFU_OK);
    return b.len;
}

static void test_alarm_msg_round_trip_and_every_cut(void **state)
{
    uint8_t mem[8192];
    size_t len = print(&sample, mem);
    struct alarm_msg msg = { 0 }, untouched = { 0 };

    (void)state;
    assert_int_equal(alarm_msg_get(view_of(mem, len), &msg), HUFU_OK);
    assert_true(view_equal(msg.id, sample.id) && view_equal(msg.rule, sample.rule) &&
                view_equal(msg.grade, sample.grade) && view_equal(msg.json, sample.json));
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(alarm_msg_get(view_of(mem, cut), &untouched), HUFU_CORRUPT);
        assert_null(untouched.id.p);
    }
    mem[len] = 0;
    assert_int_equal(alarm_msg_get(view_of(mem, len + 1), &untouched), HUFU_CORRUPT);
}

static void test_alarm_msg_refuses_what_is_no_name_id_or_line(void **state)
{
    static char long_json[ALARM_MSG_JSON_MAX + 1];
    struct view bad_name[] = { view_str(""), view_str("Ab"), view_str("a b"), view_str("a/../b"),
                               view_str("a-name-of-more-than-thirty-two-bytes") };
    struct view bad_json[] = { view_str(""), view_str("{\n}"), view_str("\xff"),
                               view_of(long_json, sizeof(long_json)) };
    uint8_t mem[8192];
    struct alarm_msg msg, out = { 0 };

    (void)state;
    memset(long_json, 'x', sizeof(long_json));
    for (size_t i = 0; i < sizeof(bad_name) / sizeof(bad_name[0]); i++) {
        msg = sample;
        msg.rule = bad_name[i];
        assert_int_equal(alarm_msg_get(view_of(mem, print(&msg, mem)), &out), HUFU_CORRUPT);
        msg = sample;
        msg.grade = bad_name[i];
        assert_int_equal(alarm_msg_get(view_of(mem, print(&msg, mem)), &out), HUFU_CORRUPT);
    }
    msg = sample;
    msg.id = view_str("a b");
    assert_int_equal(alarm_msg_get(view_of(mem, print(&msg, mem)), &out), HUFU_CORRUPT);
    for (size_t i = 0; i < sizeof(bad_json) / sizeof(bad_json[0]); i++) {
        msg = sample;
        msg.json = bad_json[i];
        assert_int_equal(alarm_msg_get(view_of(mem, print(&msg, mem)), &out), HUFU_CORRUPT);
    }
    msg = sample;
    msg.json = view_of(long_json, ALARM_MSG_JSON_MAX);
    assert_int_equal(alarm_msg_get(view_of(mem, print(&msg, mem)), &out), HUFU_OK);
    assert_int_equal(out.json.len, ALARM_MSG_JSON_MAX);
}

static void test_alarm_reply_round_trip_and_what_it_refuses(void **state)
{
    static const struct {
        uint8_t bytes[6];
        size_t len;
        enum hufu_err err;
    } rows[] = {
        { { 0, 0, 0, 0, 0 }, 5, HUFU_OK },
        { { 1, 7, 0, 0, 0 }, 5, HUFU_OK },
        { { 2, 0xf4, 1, 0, 0 }, 5, HUFU_OK },
        { { 0, 1, 0, 0, 0 }, 5, HUFU_CORRUPT }, /* delivered, and a status */
        { { 3, 0, 0, 0, 0 }, 5, HUFU_CORRUPT },
        { { 1, 7, 0, 0 }, 4, HUFU_CORRUPT },
        { { 1, 7, 0, 0, 0, 0 }, 6, HUFU_CORRUPT },
        { { 0 }, 0, HUFU_CORRUPT },
    };
    uint8_t mem[16];
    struct buf b;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct alarm_reply reply = { ALARM_SINK_KINDS, 9 };

        assert_int_equal(alarm_reply_get(view_of(rows[i].bytes, rows[i].len), &reply), rows[i].err);
        if (rows[i].err != HUFU_OK) {
            assert_int_equal(reply.failed, ALARM_SINK_KINDS);
            continue;
        }
        buf_fixed(&b, mem, sizeof(mem));
        alarm_reply_put(&b, &reply);
        assert_true(view_equal(buf_view(&b), view_of(rows[i].bytes, rows[i].len)));
    }
    assert_string_equal(alarm_sink_name(ALARM_SINK_COMMAND), "command");
    assert_string_equal(alarm_sink_name(ALARM_SINK_WEBHOOK), "webhook");
    assert_string_equal(alarm_sink_name(99), "none");
}

static void test_alarm_row_round_trip_and_every_cut(void **state)
{
    struct alarm_row row = { .rule = "misses",
                             .grade = 2,
                             .whose = ALARM_OF_USER,
                             .whose_id = 7,
                             .principal = "olga",
                             .role = "operator",
                             .domain = "cards",
                             .request_id = "r-1",
                             .source = "192.0.2.1",
                             .suspended = "yes",
                             .detail = "verb=detokenize result=not_found",
                             .raised_ms = 11,
                             .delivered_ms = 12,
                             .attempts = 3,
                             .reviewed_ms = 13,
                             .reviewed_by = 5,
                             .reason = "seen" };
    uint8_t mem[ALARM_ROW_MAX];
    struct alarm_row got = { 0 };
    struct buf b;

    (void)state;
    buf_fixed(&b, mem, sizeof(mem));
    alarm_row_put(&row, &b);
    assert_int_equal(buf_check(&b), HUFU_OK);
    assert_int_equal(alarm_row_get(buf_view(&b), &got), HUFU_OK);
    assert_memory_equal(&got, &row, sizeof(row));
    for (size_t cut = 0; cut < b.len; cut++)
        assert_int_equal(alarm_row_get(view_of(mem, cut), &got), HUFU_CORRUPT);
    assert_memory_equal(&got, &row, sizeof(row)); /* untouched */
    mem[0] = 2;
    assert_int_equal(alarm_row_get(buf_view(&b), &got), HUFU_CORRUPT);
    mem[0] = 1;
    mem[8] = 4; /* no such grade */
    assert_int_equal(alarm_row_get(buf_view(&b), &got), HUFU_CORRUPT);
    mem[8] = 0;
    assert_int_equal(alarm_row_get(buf_view(&b), &got), HUFU_CORRUPT);
    mem[8] = 2;
    mem[9] = 4; /* about no such thing */
    assert_int_equal(alarm_row_get(buf_view(&b), &got), HUFU_CORRUPT);
    mem[9] = 1;
    mem[2] = 'M'; /* a rule's name is a name */
    assert_int_equal(alarm_row_get(buf_view(&b), &got), HUFU_CORRUPT);
}

/* The longest row of all fits into what is set aside for one. */
static void test_alarm_row_at_its_longest(void **state)
{
    struct alarm_row row = { .grade = 1 };
    uint8_t mem[ALARM_ROW_MAX];
    struct buf b;

    (void)state;
    memset(row.rule, 'r', sizeof(row.rule) - 1);
    memset(row.principal, 'r', sizeof(row.principal) - 1);
    memset(row.role, 'r', sizeof(row.role) - 1);
    memset(row.domain, 'r', sizeof(row.domain) - 1);
    memset(row.request_id, 'r', sizeof(row.request_id) - 1);
    memset(row.source, 'r', sizeof(row.source) - 1);
    memset(row.suspended, 'r', sizeof(row.suspended) - 1);
    memset(row.detail, 'r', sizeof(row.detail) - 1);
    memset(row.reason, 'r', sizeof(row.reason) - 1);
    buf_fixed(&b, mem, sizeof(mem));
    alarm_row_put(&row, &b);
    assert_int_equal(buf_check(&b), HUFU_OK);
    assert_int_equal(alarm_row_get(buf_view(&b), &row), HUFU_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alarm_msg_round_trip_and_every_cut),
        cmocka_unit_test(test_alarm_msg_refuses_what_is_no_name_id_or_line),
        cmocka_unit_test(test_alarm_reply_round_trip_and_what_it_refuses),
        cmocka_unit_test(test_alarm_row_round_trip_and_every_cut),
        cmocka_unit_test(test_alarm_row_at_its_longest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
