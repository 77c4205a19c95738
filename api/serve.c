#include "api/serve.h"

#include <string.h>

#include "api/answer.h"
#include "api/peer.h"
#include "api/reply.h"
#include "api/spec.h"
#include "api/trace.h"
#include "vault/base/clock.h"
#include "vault/base/id.h"

void serve_init(struct serve *s)
{
    memset(s, 0, sizeof(*s));
    pthread_mutex_init(&s->id_mu, NULL);
    draw_init(&s->draw, &entropy_system);
    s->started_ms = clock_system.now_ms(&clock_system);
    s->check_layout = strcmp(MHD_get_version(), "0.9.75") == 0;
}

void serve_done(struct serve *s)
{
    draw_done(&s->draw);
    pthread_mutex_destroy(&s->id_mu);
}

/* Makes a request id where the caller brought none. */
static bool make_id(struct serve *s, struct call *c)
{
    char text[ID_TEXT_LEN + 1];
    uint8_t id[ID_LEN];
    enum hufu_err err;

    if (c->request_id_len != 0)
        return true;
    pthread_mutex_lock(&s->id_mu);
    err = id_make(&s->draw, clock_system.now_ms(&clock_system), id);
    pthread_mutex_unlock(&s->id_mu);
    if (err != HUFU_OK)
        return false;
    id_print(id, text);
    memcpy(c->request_id, text, ID_TEXT_LEN);
    c->request_id_len = ID_TEXT_LEN;
    return true;
}

static enum MHD_Result send_reply(struct serve *s, struct peer *p, struct reply *reply)
{
    struct call *c = &p->call;

    if (atomic_load_explicit(&s->drain, memory_order_relaxed))
        reply->close = true;
    c->stage = CALL_DONE;
    trace_answer(s, p, reply);
    watchdog_set(&p->watch, s->body_ms, false);
    return answer_send(c->connection, &p->answer, reply, view_of(c->request_id, c->request_id_len));
}

/* Answers with an error; close: nothing more is read from this connection. */
static enum MHD_Result refuse(struct serve *s, struct peer *p, enum hufu_err err, bool close)
{
    struct call *c = &p->call;
    struct reply reply;

    c->outcome = err;
    buf_reset(&c->text);
    if (!make_id(s, c))
        return MHD_NO;
    reply_error(err, view_of(c->request_id, c->request_id_len), NULL, view_of(NULL, 0), &c->text,
                &reply);
    reply.close = close;
    reply.allow = err == HUFU_METHOD ? c->allow : NULL;
    return send_reply(s, p, &reply);
}

/* Sends the call's frame to the core and suspends the connection; on failure it answers 503 itself.
 */
static enum MHD_Result ask_core(struct serve *s, struct peer *p, uint16_t verb,
                                enum call_stage stage)
{
    struct call *c = &p->call;

    if (atomic_load(&s->stop))
        return refuse(s, p, HUFU_UNAVAILABLE, true);
    c->stage = stage;
    watchdog_set(&p->watch, 0, false);
    /* Before the frame goes out: the answer may be here before this function ends. */
    MHD_suspend_connection(c->connection);
    if (core_link_send(s->core, verb, buf_view(&c->head), buf_view(&c->fields), &c->wait) !=
        HUFU_OK) {
        c->link_err = HUFU_UNAVAILABLE;
        MHD_resume_connection(c->connection);
    }
    buf_reset(&c->head);
    buf_reset(&c->fields);
    return MHD_YES;
}

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                 size_t key_len, const char *value, size_t value_len)
{
    struct guard_head *head = cls;

    (void)kind;
    if (head->count < GUARD_HEADERS_MAX)
        head->header[head->count] =
            (struct guard_header){ view_of(key, key_len), view_of(value, value_len) };
    head->count++;
    return MHD_YES;
}

static void collect_head(struct serve *s, const struct peer *p, const char *method,
                         const char *version, struct guard_head *head)
{
    const union MHD_ConnectionInfo *size =
        MHD_get_connection_info(p->call.connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

    head->method = view_str(method);
    head->version = view_str(version);
    head->target = p->target;
    head->target_ok = p->target_ok;
    head->count = 0;
    head->size = s->check_layout && size != NULL ? size->header_size : 0;
    (void)MHD_get_connection_values_n(p->call.connection, MHD_HEADER_KIND, on_header, head);
}

static bool is_probe(const struct call *c)
{
    return c->match.route->kind == ROUTE_LIVEZ || c->match.route->kind == ROUTE_READYZ;
}

/* The head may be served: what is left is the body. */
static enum MHD_Result begin_body(struct serve *s, struct peer *p)
{
    p->call.stage = CALL_BODY;
    watchdog_set(&p->watch, s->body_ms, false);
    return MHD_YES;
}

static struct call_from from_of(const struct peer *p)
{
    return (struct call_from){ p->addr, p->cert == TLS_PEER_GOOD ? p->pin : NULL, p->until_ms };
}

static enum MHD_Result find_route(struct serve *s, struct peer *p, const char *method,
                                  const char *url, const struct guard_found *found)
{
    struct call *c = &p->call;
    enum hufu_err err;

    err = routes_find(view_str(method), view_str(url), &c->match, c->allow);
    if (err == HUFU_OK && c->match.route->kind == ROUTE_METRICS && !peer_is_loopback(p))
        err = HUFU_NOT_FOUND;
    if (err != HUFU_OK) {
        metrics_refuse(&s->metrics, METRICS_ROUTE);
        return refuse(s, p, err, c->content_length != 0);
    }
    err = call_check_body(c, found);
    if (err != HUFU_OK) {
        metrics_refuse(&s->metrics, METRICS_BODY);
        return refuse(s, p, err, true);
    }
    if (p->cert != TLS_PEER_GOOD || p->pinned)
        return begin_body(s, p);
    call_make_plain(c, &(struct call_from){ p->addr, p->pin, p->until_ms });
    return ask_core(s, p, VERB_PEER_CHECK, CALL_PIN);
}

static enum MHD_Result on_head(struct serve *s, struct peer *p, const char *url, const char *method,
                               const char *version)
{
    struct guard_found found = { 0 };
    struct guard_head head;
    enum hufu_err err;

    collect_head(s, p, method, version, &head);
    err = guard_check(&head, &found);
    if (err != HUFU_OK) {
        metrics_refuse(&s->metrics, METRICS_FRAMING);
        return refuse(s, p, err, true);
    }
    call_read_head(&p->call, &found);
    if (!make_id(s, &p->call))
        return MHD_NO;
    peer_judge(s, p, p->call.connection);
    if (p->cert == TLS_PEER_BAD) {
        metrics_refuse(&s->metrics, METRICS_CERTIFICATE);
        return refuse(s, p, HUFU_UNAUTHENTICATED, true);
    }
    if (p->cert == TLS_PEER_GOOD && p->call.has_session) {
        metrics_refuse(&s->metrics, METRICS_IDENTITY);
        return refuse(s, p, HUFU_BAD_REQUEST, true);
    }
    return find_route(s, p, method, url, &found);
}

/* The core has said whether it knows the pin. A probe is answered also where it could not say. */
static enum MHD_Result on_pin(struct serve *s, struct peer *p)
{
    struct call *c = &p->call;
    enum hufu_err err = c->link_err != HUFU_OK ? c->link_err : c->reply.err;

    c->link_err = HUFU_OK;
    buf_reset(&c->text);
    if (err == HUFU_OK)
        p->pinned = true;
    if (err == HUFU_OK || (is_probe(c) && reply_status(err) == 503))
        return begin_body(s, p);
    metrics_refuse(&s->metrics, reply_status(err) == 503 ? METRICS_NO_CORE : METRICS_CERTIFICATE);
    if (reply_status(err) != 503)
        err = HUFU_UNAUTHENTICATED;
    return refuse(s, p, err, true);
}

static enum MHD_Result answer_fixed(struct serve *s, struct peer *p, struct view body)
{
    struct reply reply = { .status = 200, .type = "application/json", .body = body };

    return send_reply(s, p, &reply);
}

/* The request is complete. */
static enum MHD_Result on_end(struct serve *s, struct peer *p)
{
    struct call *c = &p->call;
    struct call_from from = from_of(p);

    switch (c->match.route->kind) {
    case ROUTE_LIVEZ:
        return answer_fixed(s, p, view_str("{\"status\":\"ok\"}"));
    case ROUTE_SPEC:
        return answer_fixed(s, p, spec_json());
    case ROUTE_READYZ:
    case ROUTE_METRICS:
        from.pin = NULL;
        call_make_plain(c, &from);
        return ask_core(s, p, c->match.route->verb, CALL_CORE);
    case ROUTE_VERB:
        break;
    }
    if (call_make_request(c, &from) != HUFU_OK)
        return refuse(s, p, HUFU_UNAVAILABLE, false);
    return ask_core(s, p, c->match.route->verb, CALL_CORE);
}

static enum MHD_Result on_body(struct peer *p, const char *upload, size_t *upload_len)
{
    struct call *c = &p->call;

    if (*upload_len > c->content_length - c->body.len)
        return MHD_NO; /* more than announced: the library has lost count */
    buf_put(&c->body, upload, *upload_len);
    *upload_len = 0;
    return buf_check(&c->body) == HUFU_OK ? MHD_YES : MHD_NO;
}

/* Not ready: the core's own words name the part that is missing. */
static enum MHD_Result answer_not_ready(struct serve *s, struct peer *p)
{
    const struct msg_reply *told = &p->call.reply;
    struct reply reply = { .status = reply_status(told->err),
                           .type = "application/json",
                           .retry_after_s = told->retry_after_s != 0 ? told->retry_after_s : 1,
                           .body = told->body };

    p->call.outcome = told->err;
    return send_reply(s, p, &reply);
}

static enum MHD_Result answer_error(struct serve *s, struct peer *p)
{
    struct call *c = &p->call;
    const struct msg_reply *told = &c->reply;
    bool at_whole = told->err == HUFU_BAD_REQUEST && c->whole;
    bool has_field = told->where.tag != MSG_NONE || at_whole;
    struct reply reply;

    c->outcome = told->err;
    reply_error(told->err, view_of(c->request_id, c->request_id_len),
                has_field ? &told->where : NULL, told->body, &c->text, &reply);
    if (told->retry_after_s != 0 && reply.retry_after_s != 0)
        reply.retry_after_s = told->retry_after_s;
    reply.replayed = (told->flags & MSG_REPLAYED) != 0; /* a refusal under a key is kept too */
    if (told->err == HUFU_UNAUTHENTICATED && p->cert == TLS_PEER_GOOD)
        reply.close = true; /* its pin was taken away meanwhile */
    return send_reply(s, p, &reply);
}

static enum MHD_Result answer_metrics(struct serve *s, struct peer *p)
{
    struct call *c = &p->call;
    struct metrics_now now = { .late = watchdog_late(s->watchdog),
                               .core_links = core_link_count(s->core),
                               .started_ms = s->started_ms,
                               .cert_until_ms = tls_until_ms(s->tls),
                               .waiting = core_link_waiting(s->core),
                               .core_up = core_link_is_up(s->core) };
    struct reply reply = { .status = 200, .type = "text/plain; version=0.0.4; charset=utf-8" };

    watchdog_count(s->watchdog, &now.open, &now.busy);
    if (c->link_err != HUFU_OK || c->reply.err != HUFU_OK)
        buf_reset(&c->text);
    metrics_print(&s->metrics, &now, &c->text);
    if (buf_check(&c->text) != HUFU_OK)
        return refuse(s, p, HUFU_UNAVAILABLE, false);
    reply.body = buf_view(&c->text);
    return send_reply(s, p, &reply);
}

/* The core has answered, or will not. */
static enum MHD_Result on_core(struct serve *s, struct peer *p)
{
    struct call *c = &p->call;
    struct reply reply;

    if (c->match.route->kind == ROUTE_METRICS)
        return answer_metrics(s, p);
    if (c->link_err != HUFU_OK) {
        metrics_refuse(&s->metrics, METRICS_NO_CORE);
        return refuse(s, p, HUFU_UNAVAILABLE, false);
    }
    if (c->reply.err != HUFU_OK && c->reply.body.len != 0 && c->match.route->kind == ROUTE_READYZ)
        return answer_not_ready(s, p);
    if (c->reply.err != HUFU_OK)
        return answer_error(s, p);
    reply_success(&c->reply, &reply);
    return send_reply(s, p, &reply);
}

void serve_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                      enum MHD_ConnectionNotificationCode code)
{
    struct serve *s = cls;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = peer_open(s, connection);
        return;
    }
    peer_close(s, *socket_context);
    *socket_context = NULL;
}

/* The request line is in; the library will cut the target up, so it is judged before. */
void *serve_target(void *cls, const char *target, struct MHD_Connection *connection)
{
    struct serve *s = cls;
    struct peer *p = peer_of(connection);

    if (p == NULL)
        return NULL;
    p->target = view_str(target);
    p->target_ok = guard_target_ok(p->target);
    watchdog_set(&p->watch, s->header_ms, false);
    return NULL;
}

enum MHD_Result serve_request(void *cls, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_len, void **context)
{
    struct serve *s = cls;
    struct peer *p = peer_of(connection);

    if (p == NULL)
        return MHD_NO;
    if (*context == NULL) {
        *context = &p->call;
        call_reset(&p->call);
        p->call.connection = connection;
    }
    switch (p->call.stage) {
    case CALL_HEAD:
        return on_head(s, p, url, method, version);
    case CALL_PIN:
        return on_pin(s, p);
    case CALL_BODY:
        return *upload_len != 0 ? on_body(p, upload, upload_len) : on_end(s, p);
    case CALL_CORE:
        return on_core(s, p);
    case CALL_DONE:
        return MHD_YES;
    }
    return MHD_NO;
}

void serve_completed(void *cls, struct MHD_Connection *connection, void **context,
                     enum MHD_RequestTerminationCode code)
{
    struct serve *s = cls;
    struct peer *p = peer_of(connection);

    (void)code;
    *context = NULL;
    if (p == NULL)
        return;
    call_reset(&p->call);
    p->target = view_of(NULL, 0);
    watchdog_set(&p->watch, s->idle_ms, true);
}
