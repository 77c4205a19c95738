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

static bool add_all(struct MHD_Response *response, const struct reply *reply,
                    struct view request_id)
{
    char id[65], seconds[16];
    struct buf text;
    bool added = true;

    buf_fixed(&text, (uint8_t *)seconds, sizeof(seconds) - 1);
    buf_dec(&text, reply->retry_after_s);
    seconds[text.len] = '\0';
    if (request_id.len >= sizeof(id))
        return false;
    memcpy(id, request_id.p, request_id.len);
    id[request_id.len] = '\0';
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        added = added && add(response, always[i].name, always[i].value);
    return added && add(response, "X-Request-Id", id) &&
           add(response, "Content-Type", reply->type) &&
           add(response, "WWW-Authenticate", reply->authenticate) &&
           add(response, "Allow", reply->allow) &&
           add(response, "Retry-After", reply->retry_after_s != 0 ? seconds : NULL) &&
           add(response, "Idempotency-Replayed", reply->replayed ? "true" : NULL) &&
           add(response, "Connection", reply->close ? "close" : NULL);
}

enum MHD_Result answer_send(struct MHD_Connection *connection, const struct reply *reply,
                            struct view request_id)
{
    /* Borrowed: the bytes stay where they are until the request is completed, then are wiped. */
    struct MHD_Response *response = MHD_create_response_from_buffer(
        reply->body.len, (void *)reply->body.p, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_NO;

    if (response == NULL)
        return MHD_NO;
    if (add_all(response, reply, request_id))
        result = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return result;
}
