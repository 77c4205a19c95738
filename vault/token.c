#include "vault/token.h"

#include <string.h>

#include "vault/base/secret.h"
#include "vault/keys/envelope.h"
#include "vault/handle.h"

enum hufu_err token_read(struct worker *w, struct request *req, struct view in, struct token *out)
{
    const struct domain *d = req->domain;
    struct token t = { 0 };

    if (format_canon(d->format, in, t.text, &t.len) != HUFU_OK ||
        !format_is_token(d->format, d->keep, view_of(t.text, t.len)))
        return HUFU_NOT_TOKEN;
    if (row_token_id(w, d->id, view_of(t.text, t.len), t.id) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    t.key = row_token_key(req, d->id, view_of(t.text, t.len));
    if (t.key.p == NULL)
        return HUFU_UNAVAILABLE;
    *out = t;
    return HUFU_OK;
}

/* Opens something as large as a record, so that an unknown token costs what a known one does. */
static void open_nothing(struct worker *w, struct request *req, const struct token *t)
{
    struct key *key = keyring_active(w->core->ring, req->domain->id, KEY_DATA);
    uint8_t nonce[CRYPT_NONCE_LEN] = { 0 }, tag[CRYPT_TAG_LEN] = { 0 }, text[32] = { 0 }, out[32];

    if (key != NULL)
        (void)(crypt_open(w->crypt, key, nonce, &t->key, 1, text, sizeof(text), tag, out) ==
               HUFU_OK);
}

enum hufu_err token_find(struct worker *w, struct request *req, struct token *t)
{
    enum hufu_err err = row_find_record(w, req->domain, t->key, &t->rec, &t->seen);

    if (err == HUFU_NOT_FOUND)
        open_nothing(w, req, t);
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

enum hufu_err token_op(struct request *req, const struct token *t, size_t write_max)
{
    if (request_ops(req, 1, 1, write_max, 1) != HUFU_OK || name_token(req, t) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    op_expect(&req->op[0], t->key, t->seen);
    return HUFU_OK;
}

enum hufu_err token_refusal(struct request *req, const struct token *t, enum hufu_err err)
{
    if (refuse_entry(req, err) != HUFU_OK || name_token(req, t) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return err;
}
