#include "api/answer.h"

#include <string.h>

/* The same for every answer: nothing here is for caches, frames or scripts. */
static const struct {
    const char *name, *value;
} always[] = {
    { "Cache-Control", "no-store" },
    { "X-Content-Type-Options", "nosniff" },
    { "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'" },
    { "Strict-Transport-Security", "max-age=31536000" },
};

static bool add(struct MHD_Response *response, const char *name, const char *value)
{
    return value == NULL || MHD_add_response_header(response, name, value) == MHD_YES;
}

/* What the next answer on this connection has too, most likely. */
static bool add_usual(struct MHD_Response *response, const struct reply *reply)
{
    bool added = true;

    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        added = added && add(response, always[i].name, always[i].value);
    return added && add(response, "Content-Type", reply->type);
}

static bool add_own(struct MHD_Response *response, const struct reply *reply)
{
    char seconds[16];
    struct buf text;

    buf_fixed(&text, (uint8_t *)seconds, sizeof(seconds) - 1);
    buf_dec(&text, reply->retry_after_s);
    seconds[text.len] = '\0';
    return add(response, "WWW-Authenticate", reply->authenticate) &&
           add(response, "Allow", reply->allow) &&
           add(response, "Retry-After", reply->retry_after_s != 0 ? seconds : NULL) &&
           add(response, "Idempotency-Replayed", reply->replayed ? "true" : NULL) &&
           add(response, "Connection", reply->close ? "close" : NULL);
}

/* Nothing but the usual headers: the response may serve again. */
static bool is_usual(const struct reply *reply)
{
    return reply->authenticate == NULL && reply->allow == NULL && reply->retry_after_s == 0 &&
           !reply->replayed && !reply->close;
}

void answer_done(struct answer *a)
{
    if (a->response != NULL)
        MHD_destroy_response(a->response); /* the library holds it while it is being sent */
    *a = (struct answer){ .response = NULL };
}

/* Whether the kept response is for these bytes, be their content another one by now. */
static bool fits(const struct answer *a, const struct reply *reply)
{
    return a->response != NULL && a->body.p == reply->body.p && a->body.len == reply->body.len &&
           a->type == reply->type;
}

/* Takes the last answer's request id out again. */
static bool take_id(struct answer *a)
{
    return MHD_del_response_header(a->response, "X-Request-Id", a->id) == MHD_YES;
}

/* A response for reply, kept in a; false where memory is missing. */
static bool prepare(struct answer *a, const struct reply *reply)
{
    if (is_usual(reply) && fits(a, reply) && take_id(a))
        return true;
    answer_done(a);
    /* Borrowed: the bytes stay where they are until the request is completed, then are wiped. */
    a->response = MHD_create_response_from_buffer(reply->body.len, (void *)reply->body.p,
                                                  MHD_RESPMEM_PERSISTENT);
    a->body = reply->body;
    a->type = reply->type;
    return a->response != NULL && add_usual(a->response, reply) && add_own(a->response, reply);
}

enum MHD_Result answer_send(struct MHD_Connection *connection, struct answer *a,
                            const struct reply *reply, struct view request_id)
{
    enum MHD_Result result = MHD_NO;

    if (request_id.len > ANSWER_ID_MAX)
        return MHD_NO;
    if (prepare(a, reply)) {
        memcpy(a->id, request_id.p, request_id.len);
        a->id[request_id.len] = '\0';
        if (add(a->response, "X-Request-Id", a->id))
            result = MHD_queue_response(connection, reply->status, a->response);
    }
    if (result != MHD_YES || !is_usual(reply))
        answer_done(a);
    return result;
}
