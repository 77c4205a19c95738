#include "api/call.h"

#include <string.h>
#include <strings.h>

#include "api/body.h"
#include "vault/base/clock.h"
#include "vault/base/frame.h"
#include "vault/base/secret.h"
#include "vault/base/text.h"

#define KEEP_BYTES 16384 /* a buffer that grew beyond is given back after its request */

static void on_reply(struct core_wait *w, enum hufu_err err, const struct msg_reply *reply)
{
    struct call *c = (struct call *)w;

    c->link_err = err;
    if (err == HUFU_OK) {
        c->reply = *reply;
        buf_put(&c->text, reply->body.p, reply->body.len);
        c->reply.body = buf_view(&c->text);
        if (buf_check(&c->text) != HUFU_OK)
            c->link_err = HUFU_UNAVAILABLE;
    }
    MHD_resume_connection(c->connection);
}

void call_init(struct call *c)
{
    memset(c, 0, sizeof(*c));
    c->wait.done = on_reply;
    buf_init(&c->body, FRAME_BODY_MAX);
    buf_init(&c->fields, FRAME_BODY_MAX);
    buf_init(&c->head, FRAME_BODY_MAX);
    buf_init(&c->text, FRAME_MAX);
}

static void shrink(struct buf *b)
{
    size_t max = b->max;

    if (b->cap <= KEEP_BYTES) {
        buf_reset(b);
        return;
    }
    buf_done(b);
    buf_init(b, max);
}

void call_done(struct call *c)
{
    buf_done(&c->body);
    buf_done(&c->fields);
    buf_done(&c->head);
    buf_done(&c->text);
    wipe(c, sizeof(*c));
}

void call_reset(struct call *c)
{
    shrink(&c->body);
    shrink(&c->fields);
    shrink(&c->head);
    shrink(&c->text);
    wipe(c->session, sizeof(c->session));
    c->connection = NULL;
    c->stage = CALL_HEAD;
    c->began_us = clock_us();
    c->outcome = HUFU_OK;
    c->match = (struct route_match){ 0 };
    c->content_length = 0;
    c->has_session = false;
    c->whole = false;
    c->request_id_len = 0;
    c->idem_key_len = 0;
    c->link_err = HUFU_OK;
    c->allow[0] = '\0';
}

/* RFC 6750 2.1. One that cannot be ours is looked up like any other, as a session of zeros. */
static void read_session(struct call *c, struct view authorization)
{
    static const char scheme[] = "Bearer ";
    const size_t scheme_len = sizeof(scheme) - 1;
    uint8_t mem[TEXT_BASE64_LEN(MSG_SESSION_LEN)];
    struct view token;
    struct buf raw;

    memset(c->session, 'A', sizeof(c->session));
    c->has_session = true;
    if (authorization.len != scheme_len + MSG_SESSION_LEN ||
        strncasecmp((const char *)authorization.p, scheme, scheme_len) != 0)
        return;
    token = view_of(authorization.p + scheme_len, MSG_SESSION_LEN);
    buf_fixed(&raw, mem, sizeof(mem));
    if (text_unbase64url(token, &raw) == HUFU_OK)
        memcpy(c->session, token.p, MSG_SESSION_LEN);
    buf_done(&raw);
}

void call_read_head(struct call *c, const struct guard_found *found)
{
    if (found->request_id.len != 0) {
        memcpy(c->request_id, found->request_id.p, found->request_id.len);
        c->request_id_len = found->request_id.len;
    }
    memcpy(c->idem_key, found->idem_key.len != 0 ? found->idem_key.p : (const uint8_t *)"",
           found->idem_key.len);
    c->idem_key_len = found->idem_key.len;
    c->content_length = (size_t)found->content_length;
    if (found->authorization.p != NULL)
        read_session(c, found->authorization);
}

/* RFC 8259 section 11: application/json, whose charset can only be UTF-8. */
static bool is_json_type(struct view type)
{
    static const char *const accepted[] = {
        "application/json",
        "application/json;charset=utf-8",
        "application/json; charset=utf-8",
        "application/json; charset=\"utf-8\"",
    };

    for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++)
        if (type.len == strlen(accepted[i]) &&
            strncasecmp((const char *)type.p, accepted[i], type.len) == 0)
            return true;
    return false;
}

enum hufu_err call_check_body(const struct call *c, const struct guard_found *found)
{
    if (found->content_length > c->match.route->body_max_bytes)
        return HUFU_TOO_LARGE;
    if (found->content_length != 0 && (found->encoded || !is_json_type(found->content_type)))
        return HUFU_MEDIA_TYPE;
    return HUFU_OK;
}

static void make_head(const struct call *c, const struct call_from *from, struct msg_request *req)
{
    *req = (struct msg_request){ .body_err = HUFU_OK, .where = MSG_WHERE_NONE };
    memcpy(req->addr, from->addr, sizeof(req->addr));
    if (from->pin != NULL) {
        req->flags |= MSG_HAS_PIN;
        memcpy(req->pin, from->pin, sizeof(req->pin));
        req->cert_until_ms = from->until_ms;
    }
    if (c->has_session) {
        req->flags |= MSG_HAS_SESSION;
        req->session = view_of(c->session, sizeof(c->session));
    }
    req->request_id = view_of(c->request_id, c->request_id_len);
    req->idem_key = view_of(c->idem_key, c->idem_key_len);
}

void call_make_plain(struct call *c, const struct call_from *from)
{
    struct msg_request req;

    make_head(c, from, &req);
    buf_reset(&c->head);
    buf_reset(&c->fields);
    msg_request_put_head(&c->head, &req);
}

struct args {
    struct body_arg arg[CALL_ARGS_MAX + 1]; /* the path's parameter is one of them */
    size_t count;
    bool bad; /* too many, or twice, or without a value */
};

static void args_add(struct args *args, struct view name, struct view value)
{
    for (size_t i = 0; i < args->count; i++)
        if (view_equal(args->arg[i].name, name))
            args->bad = true;
    if (args->count == CALL_ARGS_MAX + 1 || value.p == NULL) {
        args->bad = true;
        return;
    }
    args->arg[args->count++] = (struct body_arg){ name, value };
}

static enum MHD_Result on_arg(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
                              const char *value, size_t value_len)
{
    (void)kind;
    args_add(cls, view_of(key, key_len),
             value == NULL ? (struct view){ NULL, 0 } : view_of(value, value_len));
    return MHD_YES;
}

/* Where there is a body, values come in it alone: a query beside it is not known. */
static void read_args(struct call *c, struct args *args)
{
    size_t before;

    if (c->match.tag != MSG_NONE)
        args_add(args, view_str(msg_fields[c->match.tag].name), c->match.param);
    before = args->count;
    if (MHD_get_connection_values_n(c->connection, MHD_GET_ARGUMENT_KIND, on_arg, args) < 0)
        args->bad = true;
    if (c->match.route->body_max_bytes != 0 && args->count != before)
        args->bad = true;
}

enum hufu_err call_make_request(struct call *c, const struct call_from *from)
{
    struct body_fault fault = { MSG_WHERE_NONE, true };
    struct args args = { .count = 0 };
    struct msg_request req;
    struct body_in in;

    make_head(c, from, &req);
    read_args(c, &args);
    in = (struct body_in){ c->match.route->verb, args.arg, args.count, buf_view(&c->body) };
    req.body_err = args.bad ? HUFU_BAD_REQUEST : body_fields(&in, &c->fields, &fault);
    if (req.body_err == HUFU_NOMEM)
        return HUFU_UNAVAILABLE;
    if (req.body_err != HUFU_OK) {
        req.flags |= MSG_BODY_BAD;
        req.where = fault.where;
        c->whole = fault.whole;
        buf_reset(&c->fields);
    }
    buf_reset(&c->head);
    msg_request_put_head(&c->head, &req);
    buf_reset(&c->body);
    return buf_check(&c->head) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}
