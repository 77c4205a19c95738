#include "vault/key_enrol.h"

#include <string.h>

#include "vault/access/fido_client.h"
#include "vault/alarm.h"
#include "vault/base/id.h"
#include "vault/base/json.h"
#include "vault/handle.h"
#include "vault/key_factor.h"
#include "vault/recovery.h"
#include "vault/row.h"

#define BODY_MAX   (FIDO_ID_MAX * 2 + 512)
#define REASON_LEN 64 /* bytes of "ceremony=ID" */
#define USED       1  /* member target of the ceremony's row: a key came of it */

enum hufu_err key_enrol_find(struct worker *w, struct request *req, struct ceremony *out)
{
    uint64_t life_ms = conf_u64(w->core->conf, CONF_CEREMONY_S) * 1000;
    uint8_t id[ID_LEN];

    if (!key_factor_on(w->core) || id_parse(msg_text(&req->msg, MSG_ID), id) != HUFU_OK ||
        directory_ceremony(w->core->dir, id, out) != HUFU_OK ||
        strcmp(out->kind, KEY_ENROL_KIND) != 0 || out->state != CEREMONY_DONE ||
        strcmp(out->subject, req->who.user->name) != 0)
        return HUFU_NOT_FOUND;
    return out->target == USED || core_now(w->core) >= out->changed_ms + life_ms ? HUFU_CONFLICT
                                                                                 : HUFU_OK;
}

struct challenge_use key_enrol_use(const struct ceremony *c, const struct user *user)
{
    return (struct challenge_use){ CHALLENGE_ENROL,
                                   { view_of(c->id, sizeof(c->id)), view_str(user->name) },
                                   CHALLENGE_PARTS };
}

/* A new key as its authenticator and the browser show it; fault says what is wrong. */
static enum hufu_err judge(struct worker *w, struct request *req, const struct ceremony *c,
                           struct key_try *try, struct fido_attested *made)
{
    const struct conf *conf = w->core->conf;
    struct challenge_use use = key_enrol_use(c, req->who.user);
    struct view client_data, object, text = view_of(NULL, 0);
    enum fido_fault asked = FIDO_FORM;
    enum hufu_err err = key_factor_bytes(req, MSG_CLIENT_DATA, &client_data);

    if (err == HUFU_OK)
        err = key_factor_bytes(req, MSG_ATTESTATION, &object);
    if (err != HUFU_OK)
        return err;
    try->fault =
        fido_client_check(client_data, FIDO_TYPE_CREATE, conf_text(conf, CONF_FIDO_ORIGIN), &text);
    err = challenge_check(w, req, text, &use, &asked, &try->challenge);
    if (err != HUFU_OK)
        return err;
    if (try->fault == FIDO_NONE)
        try->fault = asked;
    if (try->fault == FIDO_NONE)
        try->fault =
            fido_attested_check(conf_text(conf, CONF_FIDO_RP_ID), object, client_data, made);
    return HUFU_OK;
}

static enum hufu_err name_ceremony(struct request *req, const struct ceremony *c)
{
    uint8_t *mem = request_take(req, REASON_LEN);
    char id[ID_TEXT_LEN + 1];
    struct buf b;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    id_print(c->id, id);
    buf_fixed(&b, mem, REASON_LEN);
    buf_str(&b, "ceremony=");
    buf_str(&b, id);
    request_entry(req, 0)->reason = buf_view(&b);
    return buf_check(&b) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* The refusal, whose entry says more than its caller is told. */
static enum hufu_err refuse_key(struct request *req, const struct ceremony *c,
                                const struct key_try *try)
{
    if (try->fault == FIDO_FORGED)
        alarm_note(req, ALARM_RULE_FORGED);
    if (refuse_entry(req, HUFU_UNAUTHENTICATED) != HUFU_OK || name_ceremony(req, c) != HUFU_OK ||
        key_factor_name(req, try) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return HUFU_UNAUTHENTICATED;
}

static void fill(struct worker *w, const struct request *req, const struct fido_attested *made,
                 struct credential *out)
{
    *out = (struct credential){ .user_id = req->who.user->id,
                                .seq = STORE_ABSENT,
                                .state = CREDENTIAL_ACTIVE,
                                .flags = made->flags,
                                .id_len = made->id_len,
                                .public = made->public,
                                .count = made->count,
                                .created_ms = core_now(w->core) };
    memcpy(out->id, made->id, made->id_len);
    memcpy(out->aaguid, made->aaguid, sizeof(out->aaguid));
}

/* The key, the codes and the ceremony, in one commit: of two with one ceremony one succeeds, and of
 * two keys of one person at once too, since both write the codes. */
static enum hufu_err draft(struct worker *w, struct request *req, struct ceremony *c,
                           const struct key_try *try)
{
    struct json j;
    enum hufu_err err;

    if (request_ops(req, 1, 4, 3, 1) != HUFU_OK || request_body(req, BODY_MAX) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    challenge_spend(&req->op[0], &try->challenge);
    c->target = USED;
    json_init(&j, &req->body);
    json_open(&j);
    json_put_base64url(&j, "credential", try->cred.id, try->cred.id_len);
    err = recovery_make(w, req, req->who.user->id, &j);
    json_close(&j);
    if (err == HUFU_OK)
        err = key_factor_put(w, req, &try->cred);
    if (err == HUFU_OK)
        err = ceremony_row_write(w, req, &req->op[0], c);
    if (err == HUFU_OK)
        err = name_ceremony(req, c);
    if (err == HUFU_OK)
        err = key_factor_name(req, try);
    req->reply.success = MSG_201;
    return err == HUFU_OK && buf_check(&req->body) != HUFU_OK ? HUFU_UNAVAILABLE : err;
}

enum hufu_err handle_key_enrol(struct worker *w, struct request *req, struct msg_where *where)
{
    struct credential others[CREDENTIAL_KEYS_MAX];
    struct key_try try = { .fault = FIDO_FORM };
    struct fido_attested made;
    struct ceremony c;
    enum hufu_err err;

    (void)where;
    err = key_enrol_find(w, req, &c);
    if (err == HUFU_OK)
        err = judge(w, req, &c, &try, &made);
    if (err != HUFU_OK)
        return err;
    if (try.fault != FIDO_NONE)
        return refuse_key(req, &c, &try);
    fill(w, req, &made, &try.cred);
    try.known = true;
    if (credential_is_taken(w->core->dir, view_of(made.id, made.id_len)) ||
        credential_list(w->core->dir, req->who.user->id, others) == CREDENTIAL_KEYS_MAX)
        return HUFU_CONFLICT;
    err = draft(w, req, &c, &try);
    if (err != HUFU_OK)
        req->draft.op_count = 0; /* the refusal drafts its own entry */
    return err;
}
