/* POST /v1/exports; an export's row. */
#include "vault/export.h"

#include <string.h>

#include <openssl/x509.h>

#include "vault/alarm.h"
#include "vault/handle.h"
#include "vault/manage.h"
#include "vault/recipient_cert.h"
#include "vault/share.h"
#include "vault/token.h"

struct begin {
    struct worker *w;
    struct request *req;
    struct export_row row;
    uint8_t *ids; /* of the tokens named, ENTRY_TOKEN_ID_LEN bytes each */
    size_t count; /* 0: all of the domain */
    struct grant_use use;
    struct recipient to;
};

static bool has_purpose(const struct domain *d, struct view purpose)
{
    for (size_t i = 0; i < d->purpose_count; i++)
        if (view_is(purpose, d->purpose[i]))
            return true;
    return false;
}

static enum hufu_err at_token(struct msg_where *where, size_t i, enum hufu_err err)
{
    *where = (struct msg_where){ MSG_TOKENS, MSG_NONE, (uint32_t)i };
    return err;
}

/* One token of the request: its canonical text goes into the row, no other is the same. */
static enum hufu_err read_token(struct begin *b, struct view in, size_t i, struct buf *names)
{
    struct token t;
    enum hufu_err err = token_read(b->w, b->req, in, &t);

    if (err != HUFU_OK)
        return err;
    memcpy(b->ids + i * ENTRY_TOKEN_ID_LEN, t.id, ENTRY_TOKEN_ID_LEN);
    for (size_t k = 0; k < i; k++)
        if (view_equal(view_of(b->ids + k * ENTRY_TOKEN_ID_LEN, ENTRY_TOKEN_ID_LEN),
                       view_of(t.id, ENTRY_TOKEN_ID_LEN)))
            return HUFU_BAD_REQUEST;
    buf_lv8(names, t.text, t.len);
    return buf_check(names) == HUFU_OK ? HUFU_OK : HUFU_TOO_LARGE;
}

static enum hufu_err read_tokens(struct begin *b, struct msg_where *where)
{
    struct view list = b->req->msg.field[MSG_TOKENS];
    struct reader r;
    struct buf names;
    uint8_t *mem;

    if (list.p == NULL)
        return HUFU_OK;
    b->count = msg_list_count(list);
    if (b->count > conf_u64(b->w->core->conf, CONF_EXPORT_MAX))
        return manage_at(where, MSG_TOKENS, HUFU_TOO_LARGE);
    mem = request_take(b->req, EXPORT_NAMES_MAX);
    b->ids = request_take(b->req, b->count * ENTRY_TOKEN_ID_LEN);
    if (mem == NULL || b->ids == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&names, mem, EXPORT_NAMES_MAX);
    reader_init(&r, list.p, list.len);
    for (size_t i = 0; i < b->count; i++) {
        enum hufu_err err = read_token(b, msg_list_next(&r), i, &names);

        if (err != HUFU_OK)
            return at_token(where, i, err);
    }
    b->row.tokens = buf_view(&names);
    return HUFU_OK;
}

/* domain, purpose, tokens, reason: what the contract wants to be judged before the grant. */
static enum hufu_err check_request(struct begin *b, struct msg_where *where)
{
    struct msg_request *msg = &b->req->msg;
    enum hufu_err err = domain_for(b->w, b->req, where);

    if (err == HUFU_OK && !has_purpose(b->req->domain, msg_text(msg, MSG_PURPOSE)))
        err = manage_at(where, MSG_PURPOSE, HUFU_INVALID_PURPOSE);
    if (err == HUFU_OK)
        err = read_tokens(b, where);
    if (err == HUFU_OK)
        err = check_member(b->w, b->req, MSG_REASON, where);
    /* Where nothing is stored there is nothing to walk over. */
    if (err == HUFU_OK && b->count == 0 && b->req->domain->mode == MODE_FF1)
        err = manage_at(where, MSG_DOMAIN, HUFU_UNSUPPORTED_MODE);
    return err;
}

/* A request for more than was granted is no mistake of the hand: it is an alarm of its own. */
static void note_excess(struct request *req)
{
    for (size_t i = 0; i < req->alarm_count; i++)
        if (req->alarm[i].rule == ALARM_RULE_GRANT_EXCEEDED) {
            alarm_note_why(req, ALARM_RULE_EXPORT_EXCEEDED, view_str(req->alarm[i].why));
            return;
        }
}

/* Only the recipient can open the file: without a certificate, or after its end, there is none. */
static bool has_certificate(const struct core *core, const struct recipient *r)
{
    X509 *cert = r->cert_len == 0 ? NULL : recipient_cert_open(view_of(r->cert, r->cert_len));
    bool good = cert != NULL && core_now(core) < recipient_cert_until(cert);

    X509_free(cert);
    return good;
}

static enum hufu_err check_grant(struct begin *b, struct msg_where *where)
{
    const struct grant *g = &b->use.grant;
    enum hufu_err err;

    err = grant_judge(b->w, b->req, b->ids, b->count == 0 ? 1 : b->count, &b->use);
    if (err == HUFU_GRANT_REQUIRED)
        note_excess(b->req);
    if (err != HUFU_OK)
        return err;
    if (g->token_count > 0 && b->count == 0) /* it holds their names for the log, not themselves */
        return manage_at(where, MSG_TOKENS, HUFU_BAD_REQUEST);
    if (g->recipient[0] == '\0' ||
        share_recipient(b->w->core, view_str(g->recipient), &b->to) != HUFU_OK ||
        !has_certificate(b->w->core, &b->to))
        return manage_at(where, MSG_GRANT, HUFU_CONFLICT);
    return HUFU_OK;
}

static bool is_one_open(struct core *core)
{
    const uint8_t *after = NULL;
    struct export_row row;
    struct buf text;
    bool open = false;

    buf_init(&text, EXPORT_ROW_MAX);
    while (!open && export_next(core, after, &text, &row) == HUFU_OK) {
        open = export_is_open(&row);
        after = row.id;
    }
    buf_done(&text);
    return open;
}

static enum hufu_err fill_row(struct begin *b)
{
    struct request *req = b->req;
    struct export_row *row = &b->row;

    row->seq = STORE_ABSENT;
    row->state = EXPORT_WAITING;
    row->user_id = req->who.user->id;
    row->domain_id = req->domain->id;
    row->began_ms = core_now(b->w->core);
    row->total = b->count;
    memcpy(row->grant, b->use.grant.id, ID_LEN);
    memcpy(row->recipient, b->to.name, sizeof(row->recipient));
    memcpy(row->source, req->source, sizeof(row->source));
    if (manage_copy(row->purpose, sizeof(row->purpose), msg_text(&req->msg, MSG_PURPOSE)) !=
            HUFU_OK ||
        manage_copy(row->reason, sizeof(row->reason), msg_text(&req->msg, MSG_REASON)) != HUFU_OK ||
        manage_copy(row->request_id, sizeof(row->request_id), req->msg.request_id) != HUFU_OK)
        return HUFU_BAD_REQUEST;
    return id_make(&b->w->draw, row->began_ms, row->id) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err export_write(struct worker *w, struct request *req, struct store_op *op,
                           const struct export_row *row)
{
    struct view key = row_plain_key(req, TABLE_EXPORT, view_of(row->id, ID_LEN));
    struct buf text;
    enum hufu_err err;

    buf_init(&text, EXPORT_ROW_MAX);
    export_row_put(row, &text);
    err = row_write_control(w, req, op, key, row_seen(row->seq), &text);
    buf_done(&text);
    return err;
}

/* Nothing is released yet: what the decision rests on is judged again with each piece. The ids row
 * is written again: of two that begin at once one is too late. */
static enum hufu_err draft(struct begin *b)
{
    struct request *req = b->req;
    struct row_ids ids;
    uint64_t seq;
    struct json j;
    enum hufu_err err;

    if (directory_ids(b->w->core->dir, &ids, &seq) != HUFU_OK ||
        request_ops(req, 1, 3, 2, 0) != HUFU_OK || request_body(req, 2048) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    op_expect(&req->op[0], row_numbered_key(req, TABLE_RECIPIENT, b->to.id), row_seen(b->to.seq));
    err = manage_write_ids(b->w, req, &ids, seq);
    if (err == HUFU_OK)
        err = export_write(b->w, req, &req->op[0], &b->row);
    request_entry(req, 0)->purpose = msg_text(&req->msg, MSG_PURPOSE);
    request_entry(req, 0)->reason = msg_text(&req->msg, MSG_REASON);
    json_init(&j, &req->body);
    export_print(b->w->core, &b->row, &j);
    req->reply.success = MSG_201;
    return err == HUFU_OK && buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err handle_export_begin(struct worker *w, struct request *req, struct msg_where *where)
{
    struct begin b = { .w = w, .req = req };
    enum hufu_err err = check_request(&b, where);

    if (err == HUFU_OK)
        err = check_grant(&b, where);
    if (err == HUFU_OK && is_one_open(w->core))
        err = HUFU_CONFLICT;
    if (err == HUFU_OK && !signer_is_fresh(w->core->signer))
        err = HUFU_UNAVAILABLE; /* nobody could check the log: nothing is released */
    if (err == HUFU_OK)
        err = fill_row(&b);
    return err == HUFU_OK ? draft(&b) : err;
}
