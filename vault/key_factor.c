#include "vault/key_factor.h"

#include "vault/access/fido_client.h"
#include "vault/base/text.h"
#include "vault/handle.h"
#include "vault/row.h"

#define NAME_MAX_LEN 128 /* bytes of "factor=key credential=… fault=…" */

struct shown { /* the members, decoded; p NULL: not base64url */
    struct view id, client_data, auth_data, signature;
};

bool key_factor_on(const struct core *core)
{
    return conf_text(core->conf, CONF_FIDO_RP_ID)[0] != '\0';
}

enum hufu_err key_factor_bytes(struct request *req, enum msg_tag tag, struct view *out)
{
    struct view text = msg_text(&req->msg, tag);
    size_t max = text.len / 4 * 3 + 3;
    uint8_t *mem = request_take(req, max);
    struct buf b;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&b, mem, max);
    *out = view_of(NULL, 0);
    if (text.len > 0 && text_unbase64url(text, &b) == HUFU_OK)
        *out = buf_view(&b);
    return HUFU_OK;
}

static enum hufu_err read_shown(struct request *req, struct shown *out)
{
    enum hufu_err err = key_factor_bytes(req, MSG_CREDENTIAL, &out->id);

    if (err == HUFU_OK)
        err = key_factor_bytes(req, MSG_CLIENT_DATA, &out->client_data);
    if (err == HUFU_OK)
        err = key_factor_bytes(req, MSG_AUTH_DATA, &out->auth_data);
    return err == HUFU_OK ? key_factor_bytes(req, MSG_SIGNATURE, &out->signature) : err;
}

static enum fido_fault first_of(enum fido_fault a, enum fido_fault b)
{
    return a != FIDO_NONE ? a : b;
}

/* Section 7.2 step 21: a counter that is in use goes up with every signature. */
static bool went_back(uint32_t before, uint32_t now)
{
    return (before != 0 || now != 0) && now <= before;
}

static enum fido_fault judge_key(const struct key_try *try)
{
    if (!try->known)
        return FIDO_CREDENTIAL;
    return try->cred.state == CREDENTIAL_ACTIVE ? FIDO_NONE : FIDO_DISABLED;
}

enum hufu_err key_factor_judge(struct worker *w, struct request *req, uint32_t user_id,
                               const struct challenge_use *use, struct key_try *out)
{
    const struct conf *conf = w->core->conf;
    enum fido_fault said, asked = FIDO_FORM, made;
    struct key_try try = { .cred = { .public = fido_nobody() } };
    struct view text = view_of(NULL, 0);
    struct shown shown;
    enum hufu_err err = read_shown(req, &shown);

    if (err != HUFU_OK)
        return err;
    try.known = key_factor_on(w->core) &&
                credential_find(w->core->dir, user_id, shown.id, &try.cred) == HUFU_OK;
    said = fido_client_check(shown.client_data, FIDO_TYPE_GET, conf_text(conf, CONF_FIDO_ORIGIN),
                             &text);
    err = challenge_check(w, req, text, use, &asked, &try.challenge);
    if (err != HUFU_OK)
        return err;
    /* Whatever is wrong so far: nobody learns from the time it takes what a person has. */
    made = fido_check(&try.cred.public, conf_text(conf, CONF_FIDO_RP_ID), shown.auth_data,
                      shown.client_data, shown.signature, &try.count);
    try.fault = first_of(said, first_of(asked, first_of(judge_key(&try), made)));
    if (try.fault == FIDO_NONE && went_back(try.cred.count, try.count))
        try.fault = FIDO_COUNTER;
    *out = try;
    return HUFU_OK;
}

static struct view row_key(struct request *req, uint32_t user_id,
                           const uint8_t name[static CREDENTIAL_NAME_LEN])
{
    uint8_t key[CREDENTIAL_KEY_LEN];

    credential_row_key(user_id, name, key);
    return row_plain_key(req, TABLE_CREDENTIAL, view_of(key, sizeof(key)));
}

enum hufu_err key_factor_put(struct worker *w, struct request *req, const struct credential *c)
{
    uint8_t name[CREDENTIAL_NAME_LEN], mem[CREDENTIAL_ROW_MAX];
    struct buf text;

    if (credential_name(view_of(c->id, c->id_len), name) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    buf_fixed(&text, mem, sizeof(mem));
    credential_put(c, &text);
    return row_write_control(w, req, &req->op[0], row_key(req, c->user_id, name), row_seen(c->seq),
                             &text);
}

enum hufu_err key_factor_write(struct worker *w, struct request *req, const struct key_try *try)
{
    struct credential c = try->cred;

    if (try->fault != FIDO_NONE && try->fault != FIDO_COUNTER)
        return HUFU_OK;
    if (try->fault == FIDO_COUNTER) {
        c.state = CREDENTIAL_DISABLED;
    } else {
        c.count = try->count;
        c.used_ms = core_now(w->core);
        challenge_spend(&req->op[0], &try->challenge);
    }
    return key_factor_put(w, req, &c);
}

enum hufu_err key_factor_name(struct request *req, const struct key_try *try)
{
    uint8_t *mem = request_take(req, NAME_MAX_LEN), name[CREDENTIAL_NAME_LEN];
    struct buf b;

    if (mem == NULL || credential_name(view_of(try->cred.id, try->cred.id_len), name) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    buf_fixed(&b, mem, NAME_MAX_LEN);
    buf_str(&b, "factor=key");
    if (try->known) {
        buf_str(&b, " credential=");
        text_base64url(&b, name, sizeof(name));
    }
    if (try->fault != FIDO_NONE) {
        buf_str(&b, " fault=");
        buf_str(&b, fido_fault_name(try->fault));
    } else if (try->challenge.is_bound) {
        buf_str(&b, " bound=yes");
    }
    request_entry(req, 0)->purpose = buf_view(&b);
    return buf_check(&b) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

static enum hufu_err remove_row(struct request *req, struct view key, uint64_t seq)
{
    if (key.p == NULL)
        return HUFU_UNAVAILABLE;
    op_expect(&req->op[0], key, row_seen(seq));
    op_write(&req->op[0], key, NULL, 0);
    return HUFU_OK;
}

enum hufu_err key_factor_remove(struct request *req, uint32_t user_id)
{
    static const uint8_t codes[CREDENTIAL_NAME_LEN];
    struct credential found[CREDENTIAL_KEYS_MAX];
    size_t count = credential_list(req->core->dir, user_id, found);
    uint8_t name[CREDENTIAL_NAME_LEN];
    struct recovery rec;
    enum hufu_err err = HUFU_OK;

    for (size_t i = 0; i < count && err == HUFU_OK; i++) {
        err = credential_name(view_of(found[i].id, found[i].id_len), name);
        if (err == HUFU_OK)
            err = remove_row(req, row_key(req, user_id, name), found[i].seq);
    }
    if (err == HUFU_OK && recovery_find(req->core->dir, user_id, &rec) == HUFU_OK)
        err = remove_row(req, row_key(req, user_id, codes), rec.seq);
    return err == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}
