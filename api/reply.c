#include "api/reply.h"

#include "vault/base/json.h"

/* clang-format off */
unsigned reply_status(enum hufu_err err)
{
    switch (err) { /* no default: a new outcome does not build until someone decides its status */
    case HUFU_OK: return 200;
    case HUFU_BAD_REQUEST: return 400;
    case HUFU_UNAUTHENTICATED: case HUFU_STEP_UP: return 401;
    case HUFU_FORBIDDEN: case HUFU_GRANT_REQUIRED: return 403;
    case HUFU_NOT_FOUND: return 404;
    case HUFU_METHOD: return 405;
    case HUFU_TIMEOUT: return 408;
    case HUFU_CONFLICT: case HUFU_ALREADY_APPROVED: case HUFU_TOKEN_SUSPENDED:
    case HUFU_EXHAUSTED: case HUFU_LEGAL_HOLD: return 409;
    case HUFU_LENGTH_REQUIRED: return 411;
    case HUFU_TOO_LARGE: return 413;
    case HUFU_MEDIA_TYPE: return 415;
    case HUFU_INVALID_VALUE: case HUFU_ALREADY_TOKEN: case HUFU_NOT_TOKEN:
    case HUFU_PROHIBITED_DATA: case HUFU_VALUE_IN_TEXT: case HUFU_INVALID_PURPOSE:
    case HUFU_UNSUPPORTED_MODE: case HUFU_IDEM_MISMATCH: return 422;
    case HUFU_RATE_LIMITED: return 429;
    case HUFU_SEALED: case HUFU_UNAVAILABLE: return 503;
    case HUFU_ARG: case HUFU_SYNTAX: case HUFU_RANGE: case HUFU_NOMEM: case HUFU_IO:
    case HUFU_CORRUPT: case HUFU_CLOSED: case HUFU_BUSY: case HUFU_STALE: case HUFU_PRECONDITION:
    case HUFU_LIMIT: case HUFU_FULL: case HUFU_HSM_DOWN: case HUFU_HSM_PIN: case HUFU_HSM_FAILED:
    case HUFU_DOMAIN_SMALL: case HUFU_ERR_COUNT: return 500;
    }
    return 500;
}
/* clang-format on */

void reply_pointer(struct buf *out, const struct msg_where *where)
{
    if (where->tag == MSG_NONE || where->tag >= MSG_TAG_COUNT)
        return;
    buf_u8(out, '/');
    buf_str(out, msg_fields[where->tag].name);
    if (where->index != MSG_NO_INDEX) {
        buf_u8(out, '/');
        buf_dec(out, where->index);
    }
    if (where->sub != MSG_NONE && where->sub < MSG_TAG_COUNT) {
        buf_u8(out, '/');
        buf_str(out, msg_fields[where->sub].name);
    }
}

/* RFC 9457: the members in byte order of their names. */
static void put_problem(struct buf *text, enum hufu_err err, struct view request_id,
                        const struct msg_where *field, struct view detail)
{
    uint8_t pointer_mem[128], detail_mem[MSG_DETAIL_MAX];
    struct buf pointer, type, said;
    uint8_t type_mem[64];
    struct json j;

    buf_fixed(&pointer, pointer_mem, sizeof(pointer_mem));
    buf_fixed(&type, type_mem, sizeof(type_mem));
    buf_str(&type, "urn:hufu:error:");
    buf_str(&type, err_code(err));
    buf_fixed(&said, detail_mem, sizeof(detail_mem));
    if (err == HUFU_BAD_REQUEST && detail.len > 0)
        buf_put(&said, detail.p, detail.len); /* text may move while it grows */
    json_init(&j, text);
    json_open(&j);
    json_put_str(&j, "code", err_code(err));
    if (said.len > 0)
        json_put_text(&j, "detail", buf_view(&said));
    if (field != NULL) {
        reply_pointer(&pointer, field);
        json_put_text(&j, "field", buf_view(&pointer));
    }
    json_put_text(&j, "request_id", request_id);
    json_put_u64(&j, "status", reply_status(err));
    json_put_str(&j, "title", err_title(err));
    json_put_text(&j, "type", buf_view(&type));
    json_close(&j);
}

void reply_error(enum hufu_err err, struct view request_id, const struct msg_where *field,
                 struct view detail, struct buf *text, struct reply *out)
{
    size_t from = text->len;

    if (err_code(err) == NULL)
        err = HUFU_UNAVAILABLE;
    put_problem(text, err, request_id, field, detail);
    *out = (struct reply){ .status = reply_status(err), .type = "application/problem+json" };
    if (err == HUFU_UNAUTHENTICATED)
        out->authenticate = "Bearer realm=\"hufu\"";
    if (err == HUFU_STEP_UP)
        out->authenticate = "Bearer realm=\"hufu\", error=\"step_up_required\"";
    if (out->status == 429 || out->status == 503)
        out->retry_after_s = 1;
    if (text->failed)
        return; /* no memory: the status alone */
    out->body = view_of(text->p + from, text->len - from);
}

static unsigned success_status(enum msg_success success)
{
    switch (success) {
    case MSG_200:
        return 200;
    case MSG_201:
        return 201;
    case MSG_202:
        return 202;
    case MSG_204:
        return 204;
    }
    return 500;
}

void reply_success(const struct msg_reply *reply, struct reply *out)
{
    *out = (struct reply){ .status = success_status(reply->success), .body = reply->body };
    out->replayed = (reply->flags & MSG_REPLAYED) != 0;
    if (reply->success == MSG_204)
        return;
    if (reply->flags & MSG_TEXT_PLAIN)
        out->type = "text/plain; charset=utf-8";
    else if (reply->flags & MSG_BINARY)
        out->type = "application/octet-stream";
    else
        out->type = "application/json";
}
