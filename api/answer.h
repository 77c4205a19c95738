/*
 * answer.h - a reply put on the wire, with the headers that every answer has.
 *
 * Layer:   api/. Includes vault/base/ only; microhttpd.
 * Threads: the connection's thread.
 */
#ifndef HUFU_API_ANSWER_H
#define HUFU_API_ANSWER_H

#include <microhttpd.h>

#include "api/reply.h"
#include "vault/base/buf.h"

/*
 * Queues a response. The body is borrowed until the request is completed.
 * Returns: what the library's handler must return; MHD_NO ends the connection.
 */
enum MHD_Result answer_send(struct MHD_Connection *connection, const struct reply *reply,
                            struct view request_id);

#endif
