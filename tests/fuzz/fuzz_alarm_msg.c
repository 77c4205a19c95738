#include <assert.h>

#include "vault/base/alarm_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len);

/* What decodes keeps the limits and encodes to the same bytes. */
static void check_alarm(struct view in)
{
    struct alarm_msg msg;
    struct buf out;

    if (alarm_msg_get(in, &msg) != HUFU_OK)
        return;
    assert(msg.id.len >= 1 && msg.id.len <= 64);
    assert(msg.rule.len >= 1 && msg.rule.len <= 32 && msg.grade.len >= 1 && msg.grade.len <= 32);
    assert(msg.json.len >= 1 && msg.json.len <= ALARM_MSG_JSON_MAX);
    for (size_t i = 0; i < msg.json.len; i++)
        assert(msg.json.p[i] >= ' ');
    buf_init(&out, in.len);
    alarm_msg_put(&out, &msg);
    assert(view_equal(buf_view(&out), in));
    buf_done(&out);
}

static void check_reply(struct view in)
{
    struct alarm_reply reply;
    struct buf out;

    if (alarm_reply_get(in, &reply) != HUFU_OK)
        return;
    assert(reply.failed < ALARM_SINK_KINDS);
    assert(reply.failed != ALARM_SINK_NONE || reply.status == 0);
    buf_init(&out, in.len);
    alarm_reply_put(&out, &reply);
    assert(view_equal(buf_view(&out), in));
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len)
{
    if (in_len == 0)
        return 0;
    if (in[0] & 0x80)
        check_reply(view_of(in + 1, in_len - 1));
    else
        check_alarm(view_of(in + 1, in_len - 1));
    return 0;
}
