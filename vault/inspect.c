/* Inspect: what a token's owner, an operator and an auditor may know of it without its value. */
#include "vault/handle.h"

#include "vault/base/json.h"
#include "vault/base/secret.h"
#include "vault/manage.h"
#include "vault/token.h"

#define BODY_MAX 4096 /* bytes: subject and consent with every character escaped */

static void put_if(struct json *j, const char *name, const char *text)
{
    if (text[0] != '\0')
        json_put_str(j, name, text);
}

/*
 * C02, C03: who sent the value, by which request, with whose consent. The auditor sees it all, and
 * so does the partner who sent it first, to whom all of it belongs. A partner who shares the token
 * learns only that it sent the value too: who else did, for whom and with which consent is none of
 * its business. Operators get a mask instead. Only where the request asks for it. C55: of what is
 * deleted nobody learns any more about whom it was.
 */
static void print_provenance(struct request *req, const struct record *rec, struct json *j)
{
    const struct partner *me = req->who.partner;
    bool all = me == NULL || me->id == rec->partner[0], gone = rec->state == RECORD_DELETED;
    const struct partner *first = directory_partner_id(req->core->dir, rec->partner[0]);

    json_name(j, "provenance");
    json_open(j);
    if (all && req->domain->token_check == TOKEN_CHECK_BIN) /* C19 */
        json_put_u64(j, "assurance", rec->assurance);
    json_put_time(j, "changed_at", rec->changed_ms);
    if (all) {
        put_if(j, "channel", rec->channel);
        put_if(j, "consent", gone ? "" : rec->consent);
    }
    json_put_time(j, "created_at", rec->created_ms);
    if (all) {
        json_put_str(j, "partner", first == NULL ? "?" : first->name);
        json_put_str(j, "request_id", rec->request_id);
        put_if(j, "requestor", rec->requestor);
        put_if(j, "subject", gone ? "" : rec->subject);
    } else {
        json_put_str(j, "partner", me->name);
    }
    json_close(j);
}

static enum hufu_err print_inspection(struct worker *w, struct request *req, const struct token *t)
{
    struct view value = view_of(t->rec.value, t->rec.value_len);
    uint8_t mask_mem[FORMAT_VALUE_MAX];
    struct buf mask;
    struct json j;

    if (request_body(req, BODY_MAX) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    buf_fixed(&mask, mask_mem, sizeof(mask_mem));
    json_init(&j, &req->body);
    json_open(&j);
    json_put_time(&j, "created_at", t->rec.created_ms);
    json_put_time(&j, "expires_at", t->rec.expires_ms);
    if (req->who.role == ROLE_OPERATOR) {
        format_mask_for(req->domain->format, FORMAT_FOR_OPERATOR, value, &mask);
        json_put_text(&j, "masked", buf_view(&mask));
    }
    if (msg_bool(&req->msg, MSG_PROVENANCE))
        print_provenance(req, &t->rec, &j);
    json_put_str(&j, "state", record_state_name(&t->rec, core_now(w->core)));
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err handle_inspect(struct worker *w, struct request *req, struct msg_where *where)
{
    struct token t = { 0 };
    enum hufu_err err;

    if (req->who.role == ROLE_OPERATOR && msg_bool(&req->msg, MSG_PROVENANCE))
        return manage_at(where, MSG_PROVENANCE, HUFU_FORBIDDEN);
    err = token_begin(w, req, &t, where);
    if (err == HUFU_OK)
        err = token_op(req, &t, 0);
    if (err == HUFU_OK && req->who.role == ROLE_OPERATOR)
        err = row_count_person(w, req, ROW_MASKS_DAY, 1);
    if (err == HUFU_OK)
        err = print_inspection(w, req, &t);
    wipe(&t, sizeof(t));
    return err;
}
