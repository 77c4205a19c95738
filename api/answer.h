/*
 * answer.h - a reply put on the wire, with the headers that every answer has.
 *
 * Layer:   api/. Includes vault/base/ only; microhttpd.
 * Threads: the connection's thread; a struct answer belongs to its connection.
 */
#ifndef HUFU_API_ANSWER_H
#define HUFU_API_ANSWER_H

#include <microhttpd.h>

#include "api/reply.h"
#include "vault/base/buf.h"

#define ANSWER_ID_MAX 64 /* bytes of a request id */

/* A connection's last response. Most answers of one connection differ in their body's bytes and
 * their request id only, so their response is not made anew. All zero: none yet. */
struct answer {
    struct MHD_Response *response;
    struct view body; /* what it was made for */
    const char *type;
    char id[ANSWER_ID_MAX + 1];
};

/* Drops the response; nothing of the connection's may be sent any more. */
void answer_done(struct answer *a);

/*
 * Queues a response. The body is borrowed until the request is completed.
 * Returns: what the library's handler must return; MHD_NO ends the connection.
 */
enum MHD_Result answer_send(struct MHD_Connection *connection, struct answer *a,
                            const struct reply *reply, struct view request_id);

#endif
