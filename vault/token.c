#include "vault/token.h"

#include <string.h>

#include "vault/alarm.h"
#include "vault/base/secret.h"
#include "vault/decoy.h"
#include "vault/ff1_domain.h"
#include "vault/handle.h"
#include "vault/manage.h"

static bool is_token(const struct domain *d, struct view text)
{
    return ff1_domain_is(d) ? ff1_domain_is_token(d, text)
                            : format_is_token(d->format, d->keep, text);
}

enum hufu_err token_read(struct worker *w, struct request *req, struct view in, struct token *out)
{
    const struct domain *d = req->domain;
    uint8_t text[FORMAT_VALUE_MAX]; /* what is no token may be a value, and longer */
    struct token t = { 0 };

    if (format_canon(d->format, in, text, &t.len) != HUFU_OK || t.len > sizeof(t.text) ||
        !is_token(d, view_of(text, t.len))) {
        wipe(text, sizeof(text));
        return HUFU_NOT_TOKEN;
    }
    memcpy(t.text, text, t.len);
    if (row_token_id(w, d->id, view_of(t.text, t.len), t.id) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    t.key = row_token_key(req, d->id, view_of(t.text, t.len));
    if (t.key.p == NULL)
        return HUFU_UNAVAILABLE;
    *out = t;
    return HUFU_OK;
}

static const struct record nothing = { .state = RECORD_DELETED };

enum hufu_err token_find(struct worker *w, struct request *req, struct token *t)
{
    enum hufu_err err;

    if (ff1_domain_is(req->domain))
        return ff1_domain_find(w, req->domain, t);
    err = row_find_record(w, req->domain, t->key, &t->rec, &t->seen);
    if (err == HUFU_NOT_FOUND) {
        decoy_open(w, req->domain, t->key);
        t->rec = nothing; /* as large a copy as of one that is found */
    }
    return err;
}

/* The id must outlive the token struct: the entry is printed later. */
static enum hufu_err name_token(struct request *req, const struct token *t)
{
    uint8_t *id = request_take(req, ENTRY_TOKEN_ID_LEN);

    if (id == NULL)
        return HUFU_UNAVAILABLE;
    memcpy(id, t->id, ENTRY_TOKEN_ID_LEN);
    request_entry(req, 0)->token_ids = id;
    request_entry(req, 0)->token_id_count = 1;
    request_entry(req, 0)->reason = msg_text(&req->msg, MSG_REASON);
    return HUFU_OK;
}

enum hufu_err token_op(struct request *req, const struct token *t, size_t rows_max)
{
    if (request_ops(req, 1, 1 + rows_max, rows_max, ROW_COUNTS_MAX) != HUFU_OK ||
        name_token(req, t) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    op_expect(&req->op[0], t->key, t->seen);
    return HUFU_OK;
}

bool token_touch(struct request *req, const struct record *rec)
{
    if (rec->planted == 1)
        alarm_note(req, ALARM_RULE_PLANTED);
    return rec->planted == 1;
}

enum hufu_err token_refusal(struct request *req, const struct token *t, enum hufu_err err)
{
    if (refuse_entry(req, err) != HUFU_OK || name_token(req, t) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return err;
}

enum hufu_err token_begin(struct worker *w, struct request *req, struct token *t,
                          struct msg_where *where)
{
    const struct partner *p = req->who.partner;
    enum hufu_err err;

    err = domain_for(w, req, where);
    if (err != HUFU_OK)
        return err;
    err = token_read(w, req, req->msg.field[MSG_TOKEN], t);
    if (err == HUFU_NOT_TOKEN)
        return manage_at(where, MSG_TOKEN, err);
    if (err == HUFU_OK)
        err = check_member(w, req, MSG_REASON, where);
    if (err == HUFU_OK && ff1_domain_is(req->domain)) /* its tokens have no state */
        err = manage_at(where, MSG_DOMAIN, HUFU_UNSUPPORTED_MODE);
    if (err == HUFU_OK)
        err = token_find(w, req, t);
    if (err == HUFU_OK && req->who.role != ROLE_SECURITY_ADMIN)
        (void)token_touch(req, &t->rec);
    if (err == HUFU_OK && p != NULL && !record_has_partner(&t->rec, p->id))
        err = HUFU_NOT_FOUND;
    return err == HUFU_NOT_FOUND ? token_refusal(req, t, err) : err;
}

enum hufu_err token_print_state(struct worker *w, struct request *req, const struct token *t)
{
    struct json j;

    if (request_body(req, 64) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    json_put_str(&j, "state", record_state_name(&t->rec, core_now(w->core)));
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}
