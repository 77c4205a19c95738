#include "vault/base/alarm_msg.h"

#include "vault/base/text.h"

#define ID_MAX 64

const char *alarm_sink_name(unsigned kind)
{
    static const char *const names[ALARM_SINK_KINDS] = { "none", "command", "webhook" };

    return kind < ALARM_SINK_KINDS ? names[kind] : names[0];
}

void alarm_msg_put(struct buf *out, const struct alarm_msg *msg)
{
    buf_lv8(out, msg->id.p, msg->id.len);
    buf_lv8(out, msg->rule.p, msg->rule.len);
    buf_lv8(out, msg->grade.p, msg->grade.len);
    buf_lv32(out, msg->json.p, msg->json.len);
}

enum hufu_err alarm_msg_get(struct view in, struct alarm_msg *out)
{
    struct alarm_msg msg;
    struct reader r;

    reader_init(&r, in.p, in.len);
    msg.id = reader_lv8(&r, ID_MAX);
    msg.rule = reader_lv8(&r, TEXT_NAME_MAX);
    msg.grade = reader_lv8(&r, TEXT_NAME_MAX);
    msg.json = reader_lv32(&r, ALARM_MSG_JSON_MAX);
    if (reader_end(&r) != HUFU_OK || !text_is_key(msg.id) || !text_is_name(msg.rule) ||
        !text_is_name(msg.grade) || msg.json.len == 0 || !text_is_utf8(msg.json))
        return HUFU_CORRUPT;
    *out = msg;
    return HUFU_OK;
}

void alarm_reply_put(struct buf *out, const struct alarm_reply *reply)
{
    buf_u8(out, (uint8_t)reply->failed);
    buf_u32(out, reply->status);
}

enum hufu_err alarm_reply_get(struct view in, struct alarm_reply *out)
{
    struct alarm_reply reply;
    struct reader r;
    uint8_t failed;

    reader_init(&r, in.p, in.len);
    failed = reader_u8(&r);
    reply.status = reader_u32(&r);
    if (reader_end(&r) != HUFU_OK || failed >= ALARM_SINK_KINDS ||
        (failed == ALARM_SINK_NONE && reply.status != 0))
        return HUFU_CORRUPT;
    reply.failed = (enum alarm_sink_kind)failed;
    *out = reply;
    return HUFU_OK;
}
