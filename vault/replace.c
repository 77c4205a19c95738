/* Replace: a token gets a new value, as when a card is reissued. The string, its life, its uses and
 * the partners who share it stay. */
#include "vault/handle.h"

#include <string.h>

#include "vault/base/json.h"
#include "vault/base/secret.h"
#include "vault/ff1_domain.h"
#include "vault/format/sensitive.h"
#include "vault/manage.h"
#include "vault/mapping.h"
#include "vault/subject.h"
#include "vault/token.h"

struct replacing {           /* in req->work: what is written is borrowed until the commit */
    struct tokenize_job job; /* for the checks that tokenize makes too */
    struct mapping it;       /* SECRET: the new value */
    struct token token;      /* SECRET */
    struct index_rows old;   /* it->index has the new value's */
    struct subject_stop stop;
};

/* The kept parts, the country and, but for mail addresses, the length are the token's: it stays a
 * token of its value. */
static bool has_same_bucket(const struct replacing *r)
{
    const struct domain *d = r->job.d;

    return format_same_bucket(d->format, d->keep, view_of(r->token.text, r->token.len),
                              view_of(r->it.value, r->it.value_len));
}

/* Everything that can be said without the token's record. */
static enum hufu_err check_form(struct replacing *r, struct msg_where *where)
{
    struct worker *w = r->job.w;
    struct request *req = r->job.req;
    enum hufu_err err;

    err = domain_for(w, req, where);
    if (err != HUFU_OK)
        return err;
    r->job.d = req->domain;
    if (!mapping_may_send(req->who.partner, req->domain, r->job.now_ms))
        return manage_at(where, MSG_DOMAIN, HUFU_FORBIDDEN);
    if (sensitive_check_value(req->msg.field[MSG_VALUE]) != HUFU_OK) /* C10: before the token */
        return manage_at(where, MSG_VALUE, HUFU_PROHIBITED_DATA);
    err = token_read(w, req, req->msg.field[MSG_TOKEN], &r->token);
    if (err != HUFU_OK)
        return err == HUFU_NOT_TOKEN ? manage_at(where, MSG_TOKEN, err) : err;
    if (ff1_domain_is(req->domain))
        return manage_at(where, MSG_DOMAIN, HUFU_UNSUPPORTED_MODE);
    r->it.in.value = req->msg.field[MSG_VALUE];
    err = mapping_check_value(&r->job, &r->it);
    if (err == HUFU_OK && !has_same_bucket(r))
        err = HUFU_INVALID_VALUE;
    if (err == HUFU_INVALID_VALUE || err == HUFU_ALREADY_TOKEN)
        return manage_at(where, MSG_VALUE, err);
    return err == HUFU_OK ? check_member(w, req, MSG_REASON, where) : err;
}

/* The caller's token, in use; else a refusal whose entry names it. */
static enum hufu_err find_token(struct replacing *r)
{
    struct request *req = r->job.req;
    const struct record *rec = &r->token.rec;
    enum hufu_err err;

    err = token_find(r->job.w, req, &r->token);
    if (err == HUFU_OK)
        (void)token_touch(req, rec);
    if (err == HUFU_OK && !record_has_partner(rec, req->who.partner->id))
        err = HUFU_NOT_FOUND;
    else if (err == HUFU_OK &&
             (rec->state != RECORD_ACTIVE || record_is_expired(rec, r->job.now_ms)))
        err = HUFU_CONFLICT;
    return err == HUFU_NOT_FOUND || err == HUFU_CONFLICT ? token_refusal(req, &r->token, err) : err;
}

/* The old value's rows lead to this token. CONFLICT: to one that came after it (the clock ran back
 * over its end). */
static enum hufu_err find_old(struct replacing *r)
{
    struct view value = view_of(r->token.rec.value, r->token.rec.value_len);
    uint8_t mem[FORMAT_TOKEN_MAX];
    struct buf text;

    buf_fixed(&text, mem, sizeof(mem));
    if (index_find(r->job.w, r->job.req, r->job.d, value, NULL, &r->old, &text) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return view_equal(buf_view(&text), view_of(r->token.text, r->token.len)) ? HUFU_OK
                                                                             : HUFU_CONFLICT;
}

/* CONFLICT where the new value has a token in use, or one that could come back into use;
 * PRECONDITION where it has left that token meanwhile. */
static enum hufu_err find_new(struct replacing *r)
{
    struct view value = view_of(r->it.value, r->it.value_len);
    struct request *req = r->job.req;
    struct record rec = { 0 };
    struct store_seen seen;
    struct buf text;
    enum hufu_err err;

    buf_fixed(&text, r->it.token, sizeof(r->it.token));
    err = index_find(r->job.w, req, r->job.d, value, NULL, &r->it.index, &text);
    if (err != HUFU_OK)
        return err == HUFU_NOT_FOUND ? HUFU_OK : err;
    err = row_find_record(r->job.w, r->job.d, row_token_key(req, r->job.d->id, buf_view(&text)),
                          &rec, &seen);
    if (err != HUFU_OK || !view_equal(view_of(rec.value, rec.value_len), value))
        /* An index row that leads elsewhere: nothing may come of it. */
        err = index_has_changed(r->job.w, &r->it.index) ? HUFU_PRECONDITION : HUFU_UNAVAILABLE;
    else if ((rec.state == RECORD_ACTIVE || rec.state == RECORD_SUSPENDED) &&
             !record_is_expired(&rec, r->job.now_ms))
        err = HUFU_CONFLICT;
    wipe(&rec, sizeof(rec));
    return err;
}

/* The record tells of the request that brought the present value; that had no channel, but where
 * the domain restricts its tokens to some the token's stays. Whose value it is has not changed, so
 * subject and consent stay. */
static enum hufu_err write_record(struct replacing *r)
{
    struct request *req = r->job.req;
    struct record *rec = &r->token.rec;
    struct view id = req->msg.request_id;
    uint8_t *image;
    size_t image_len;

    memcpy(rec->value, r->it.value, r->it.value_len);
    rec->value_len = r->it.value_len;
    rec->changed_ms = r->job.now_ms;
    if (r->job.d->channel_count == 0)
        rec->channel[0] = '\0';
    if (id.len >= sizeof(rec->request_id))
        return HUFU_UNAVAILABLE;
    if (id.len > 0)
        memcpy(rec->request_id, id.p, id.len);
    rec->request_id[id.len] = '\0';
    if (row_lay_record(r->job.w, req, rec, &image, &image_len) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_write(&req->op[0], r->token.key, image, image_len);
    return HUFU_OK;
}

static enum hufu_err draft(struct replacing *r, bool changes)
{
    struct request *req = r->job.req;
    struct store_op *op;

    if (token_op(req, &r->token, 2 + 2 * INDEX_ROWS_MAX) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op = &req->op[0];
    if (subject_stop_expect(req, op, &r->stop) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    if (changes) {
        index_expect(op, &r->old);
        index_expect(op, &r->it.index);
        index_remove(op, &r->old);
        index_write(op, &r->it.index, r->token.text, r->token.len);
        if (write_record(r) != HUFU_OK)
            return HUFU_UNAVAILABLE;
    }
    /* Whether a value is taken is worth as much to a guesser here as in tokenize. */
    return row_count_guess(r->job.w, req, op, view_of(r->it.value, r->it.value_len), changes);
}

static enum hufu_err print_reply(struct replacing *r)
{
    struct request *req = r->job.req;
    struct json j;

    if (request_body(req, 256) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    json_put_bool(&j, "created", false);
    json_put_time(&j, "expires_at", r->token.rec.expires_ms);
    json_put_text(&j, "token", view_of(r->token.text, r->token.len));
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* Two look-ups are not one moment: somebody may have replaced the token's value between them. */
static bool has_changed(struct replacing *r)
{
    struct store_seen now;

    return store_find(r->job.w->reader, r->token.key, NULL, &now) == HUFU_OK &&
           now.seq != r->token.seen.seq;
}

/* The token, and what its old and its new value lead to, as of one moment. changes_out: the value
 * is not the token's own. CONFLICT here: the new value is taken. */
static enum hufu_err find_all(struct replacing *r, bool *changes_out, bool *refused_out)
{
    enum hufu_err err = HUFU_UNAVAILABLE;

    for (int i = 0; i < INDEX_TRIES; i++) {
        err = find_token(r);
        *refused_out = err != HUFU_OK;
        if (err != HUFU_OK)
            return err;
        *changes_out = !view_equal(view_of(r->token.rec.value, r->token.rec.value_len),
                                   view_of(r->it.value, r->it.value_len));
        err = row_guess_left(r->job.w, r->job.req, view_of(r->it.value, r->it.value_len));
        if (err != HUFU_OK || !*changes_out || r->job.d->mode != MODE_DETERMINISTIC)
            return err;
        err = find_old(r);
        if (err == HUFU_OK)
            err = find_new(r);
        if (err != HUFU_PRECONDITION && (err == HUFU_OK || !has_changed(r)))
            return err;
    }
    return HUFU_UNAVAILABLE;
}

/* The new value is taken: an entry of it, and a guess. */
static enum hufu_err refuse_taken(struct replacing *r)
{
    struct request *req = r->job.req;
    struct view value = view_of(r->it.value, r->it.value_len);
    enum hufu_err err = token_refusal(req, &r->token, HUFU_CONFLICT);

    if (err == HUFU_CONFLICT && row_count_guess(r->job.w, req, &req->op[0], value, true) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return err;
}

enum hufu_err handle_replace(struct worker *w, struct request *req, struct msg_where *where)
{
    struct replacing *r = request_take(req, sizeof(*r));
    bool changes = false, refused = false;
    enum hufu_err err;

    if (r == NULL)
        return HUFU_UNAVAILABLE;
    r->job = (struct tokenize_job){ .w = w, .req = req, .now_ms = core_now(w->core) };
    err = check_form(r, where);
    if (err == HUFU_OK)
        err = find_all(r, &changes, &refused);
    if (err == HUFU_CONFLICT && !refused)
        err = refuse_taken(r);
    if (err == HUFU_OK && changes) { /* C55: the old value gives way */
        err = subject_judge_loss(w, req, &r->token.rec, &r->stop);
        if (err == HUFU_LEGAL_HOLD)
            return token_refusal(req, &r->token, err);
    }
    if (err == HUFU_OK)
        err = draft(r, changes);
    return err == HUFU_OK ? print_reply(r) : err;
}
