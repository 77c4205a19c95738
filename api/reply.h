/*
 * reply.h - what the core says, and what the front says itself, as HTTP status, type and body.
 *
 * Layer:   api/. Includes vault/base/ only.
 * Threads: pure functions.
 * Source:  RFC 9457 (problem details), RFC 6901 (JSON Pointer), RFC 9110 15 (status),
 *          RFC 6750 section 3 (WWW-Authenticate).
 */
#ifndef HUFU_API_REPLY_H
#define HUFU_API_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/base/msg.h"

struct reply { /* everything of a response but the headers that all of them have */
    unsigned status;
    const char *type;         /* of the body; NULL: there is none */
    const char *authenticate; /* WWW-Authenticate, or NULL */
    const char *allow;        /* Allow, or NULL; borrowed */
    uint32_t retry_after_s;   /* Retry-After, or 0 */
    bool replayed;            /* Idempotency-Replayed: true */
    bool close;               /* end the connection after it */
    struct view body;         /* borrowed */
};

/* The one place that turns an outcome into a status; 200 for HUFU_OK, 500 for internal ones. */
unsigned reply_status(enum hufu_err err);

/* Appends a JSON Pointer of known names: "" for the whole, "/values/3/consent". */
void reply_pointer(struct buf *out, const struct msg_where *where);

/*
 * Fills out with an error; its problem document is appended to text and borrowed from there.
 *
 * err:    not HUFU_OK. One without a code of its own is told as `unavailable`.
 * field:  where in the body, or NULL; MSG_WHERE_NONE points at the body as a whole.
 * detail: what a BAD_REQUEST says beyond its code, or empty; may lie in text.
 */
void reply_error(enum hufu_err err, struct view request_id, const struct msg_where *field,
                 struct view detail, struct buf *text, struct reply *out);

/* Fills out with a success of the core; the body is borrowed from reply. */
void reply_success(const struct msg_reply *reply, struct reply *out);

#endif
