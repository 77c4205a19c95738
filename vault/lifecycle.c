/* Lookup, suspend, resume, revoke, delete: what is done with a token but revealing it. */
#include "vault/handle.h"

#include <string.h>

#include "vault/base/json.h"
#include "vault/base/secret.h"
#include "vault/format/sensitive.h"
#include "vault/index.h"
#include "vault/lookup_share.h"
#include "vault/manage.h"
#include "vault/subject.h"
#include "vault/mapping.h"
#include "vault/token.h"

/* The token of a value: its index row leads to it, its record must be active. PRECONDITION: the
 * value has left its token meanwhile. */
static enum hufu_err try_by_value(struct worker *w, struct request *req, struct view value,
                                  struct token *t)
{
    struct index_rows rows;
    struct buf text;
    enum hufu_err err;

    buf_fixed(&text, t->text, sizeof(t->text));
    err = index_find(w, req, req->domain, value, NULL, &rows, &text);
    if (err != HUFU_OK)
        return err;
    t->len = text.len;
    err = token_read(w, req, buf_view(&text), t);
    if (err != HUFU_OK)
        return HUFU_UNAVAILABLE;
    err = token_find(w, req, t);
    if (err != HUFU_OK)
        return HUFU_UNAVAILABLE;
    if (!view_equal(view_of(t->rec.value, t->rec.value_len), value))
        return index_has_changed(w, &rows) ? HUFU_PRECONDITION : HUFU_UNAVAILABLE;
    return t->rec.state == RECORD_ACTIVE && !record_is_expired(&t->rec, core_now(w->core)) &&
                   record_has_partner(&t->rec, req->who.partner->id)
               ? HUFU_OK
               : HUFU_NOT_FOUND;
}

static enum hufu_err find_by_value(struct worker *w, struct request *req, struct view value,
                                   struct token *t)
{
    for (int i = 0; i < INDEX_TRIES; i++) {
        enum hufu_err err = try_by_value(w, req, value, t);

        if (err != HUFU_PRECONDITION)
            return err;
    }
    return HUFU_UNAVAILABLE;
}

static enum hufu_err check_value(struct worker *w, struct request *req,
                                 uint8_t out[static FORMAT_VALUE_MAX], size_t *len_out)
{
    const struct domain *d = req->domain;
    struct token t = { 0 };
    enum hufu_err err;

    if (sensitive_check_value(req->msg.field[MSG_VALUE]) != HUFU_OK) /* C10 */
        return HUFU_PROHIBITED_DATA;
    if (format_canon(d->format, req->msg.field[MSG_VALUE], out, len_out) != HUFU_OK)
        return HUFU_INVALID_VALUE;
    if (format_check(d->format, view_of(out, *len_out)) == HUFU_OK)
        return HUFU_OK;
    err = token_read(w, req, view_of(out, *len_out), &t);
    if (err == HUFU_OK)
        err = token_find(w, req, &t);
    wipe(&t, sizeof(t));
    if (err == HUFU_UNAVAILABLE)
        return err;
    return err == HUFU_OK ? HUFU_ALREADY_TOKEN : HUFU_INVALID_VALUE;
}

static enum hufu_err print_token(struct request *req, const struct token *t)
{
    struct json j;

    if (request_body(req, 256) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    json_put_text(&j, "token", view_of(t->text, t->len));
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* A look-up in vain is a guess, counted like those that tokenize makes. */
static enum hufu_err miss(struct worker *w, struct request *req, struct view value,
                          const struct lookup_share *share)
{
    if (refuse_entry(req, HUFU_NOT_FOUND) != HUFU_OK ||
        row_count_guess(w, req, &req->op[0], value, true) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    lookup_share_count(&req->op[0], share, true);
    return HUFU_NOT_FOUND;
}

static enum hufu_err hit(struct worker *w, struct request *req, struct view value,
                         const struct token *t, const struct lookup_share *share)
{
    enum hufu_err err = token_op(req, t, 0);

    if (err == HUFU_OK)
        err = row_count_guess(w, req, &req->op[0], value, false);
    if (err != HUFU_OK)
        return err;
    lookup_share_count(&req->op[0], share, false);
    return print_token(req, t);
}

enum hufu_err handle_lookup(struct worker *w, struct request *req, struct msg_where *where)
{
    uint8_t value[FORMAT_VALUE_MAX];
    size_t value_len = 0;
    struct token t = { 0 };
    struct lookup_share share;
    enum hufu_err err;

    err = domain_for(w, req, where);
    if (err != HUFU_OK)
        return err;
    if (!mapping_has_declared(req->who.partner, req->domain)) /* C01; the verb is partners' alone */
        return manage_at(where, MSG_DOMAIN, HUFU_FORBIDDEN);
    if (req->domain->mode != MODE_DETERMINISTIC)
        return manage_at(where, MSG_DOMAIN, HUFU_UNSUPPORTED_MODE);
    err = check_value(w, req, value, &value_len);
    if (err != HUFU_OK) {
        err = manage_at(where, MSG_VALUE, err);
        goto out;
    }
    err = lookup_share_find(w, req, &share);
    if (err == HUFU_OK)
        err = row_guess_left(w, req, view_of(value, value_len));
    if (err != HUFU_OK)
        goto out;
    err = find_by_value(w, req, view_of(value, value_len), &t);
    if (err == HUFU_NOT_FOUND)
        err = miss(w, req, view_of(value, value_len), &share);
    else if (err == HUFU_OK)
        err = hit(w, req, view_of(value, value_len), &t, &share);
out:
    wipe(value, sizeof(value));
    wipe(&t, sizeof(t));
    return err;
}

/* active <-> suspended, either -> revoked or deleted; the present state again is fine. Expired ones
 * can only end, whether the sweeper has marked them or not. */
static enum hufu_err next_state(const struct record *rec, uint16_t verb, uint64_t now_ms,
                                uint8_t *out)
{
    static const struct {
        uint16_t verb;
        uint8_t to;
    } targets[] = {
        { VERB_SUSPEND, RECORD_SUSPENDED },
        { VERB_RESUME, RECORD_ACTIVE },
        { VERB_REVOKE, RECORD_REVOKED },
        { VERB_DELETE, RECORD_DELETED },
    };
    bool ended = rec->state == RECORD_REVOKED || rec->state == RECORD_DELETED;

    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        bool ends = targets[i].to == RECORD_REVOKED || targets[i].to == RECORD_DELETED;

        if (targets[i].verb != verb)
            continue;
        if ((ended && targets[i].to != rec->state) ||
            (!ended && !ends && record_is_expired(rec, now_ms)))
            return HUFU_CONFLICT;
        *out = targets[i].to;
        return HUFU_OK;
    }
    return HUFU_NOT_FOUND;
}

static enum hufu_err change(struct worker *w, struct request *req, struct token *t, uint8_t to,
                            const struct subject_stop *stop)
{
    uint8_t *image;
    size_t image_len;
    enum hufu_err err;

    err = token_op(req, t, 2);
    if (err == HUFU_OK)
        err = subject_stop_expect(req, &req->op[0], stop);
    if (err != HUFU_OK || to == t->rec.state)
        return err;
    t->rec.state = to;
    t->rec.changed_ms = core_now(w->core);
    err = row_lay_record(w, req, &t->rec, &image, &image_len);
    if (err == HUFU_OK)
        op_write(&req->op[0], t->key, image, image_len);
    return err;
}

enum hufu_err handle_lifecycle(struct worker *w, struct request *req, struct msg_where *where)
{
    struct token t = { 0 };
    struct subject_stop stop;
    uint8_t to = 0;
    enum hufu_err err;

    err = token_begin(w, req, &t, where);
    if (err != HUFU_OK)
        goto out;
    err = next_state(&t.rec, req->msg.verb, core_now(w->core), &to);
    if (err == HUFU_OK)
        err = subject_judge_state(w, req, &t.rec, view_of(t.text, t.len), to, &stop);
    if (err != HUFU_OK) {
        err = token_refusal(req, &t, err);
        goto out;
    }
    err = change(w, req, &t, to, &stop);
    if (err == HUFU_OK)
        err = token_print_state(w, req, &t);
out:
    wipe(&t, sizeof(t));
    return err;
}
