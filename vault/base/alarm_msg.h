/*
 * alarm_msg.h - the messages between core and the alarm process, which delivers.
 *
 * Layer:   vault/base/. Includes err.h, buf.h.
 * Threads: pure functions.
 *
 * One alarm, one reply with the same frame id; the reply's type is the alarm's | MSG_REPLY.
 */
#ifndef HUFU_BASE_ALARM_MSG_H
#define HUFU_BASE_ALARM_MSG_H

#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define ALARM_MSG_DELIVER  201 /* frame type */
#define ALARM_MSG_REPLY    0x8000
#define ALARM_MSG_JSON_MAX 4096 /* bytes */

struct alarm_msg {
    struct view id;    /* text_is_key: the same alarm may come again */
    struct view rule;  /* text_is_name */
    struct view grade; /* text_is_name */
    struct view json;  /* 1..ALARM_MSG_JSON_MAX bytes of UTF-8 on one line */
};

/* What did not take it. */
enum alarm_sink_kind { ALARM_SINK_NONE, ALARM_SINK_COMMAND, ALARM_SINK_WEBHOOK, ALARM_SINK_KINDS };

struct alarm_reply {
    enum alarm_sink_kind failed; /* NONE: delivered to all there are */
    uint32_t status;             /* exit status or HTTP status behind a failure, 0: none came */
};

/* "command", "webhook"; "none". */
const char *alarm_sink_name(unsigned kind);

/* Body: u8 id length, id, u8 rule length, rule, u8 grade length, grade, u32 JSON length, JSON. */
void alarm_msg_put(struct buf *out, const struct alarm_msg *msg);
HUFU_MUST_USE enum hufu_err alarm_msg_get(struct view in, struct alarm_msg *out); /* CORRUPT */
/* Body: u8 failed, u32 status. */
void alarm_reply_put(struct buf *out, const struct alarm_reply *reply);
HUFU_MUST_USE enum hufu_err alarm_reply_get(struct view in, struct alarm_reply *out); /* CORRUPT */

#endif
