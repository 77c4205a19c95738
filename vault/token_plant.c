/* Plants a token (C28): from then on whoever touches it sets off an alarm. Only who is told knows:
 * nothing lists it, and its entry names the token as every entry does. */
#include "vault/handle.h"

#include "vault/base/secret.h"
#include "vault/token.h"

static enum hufu_err plant(struct worker *w, struct request *req, struct token *t)
{
    uint8_t *image;
    size_t image_len;
    enum hufu_err err = token_op(req, t, 1);

    if (err != HUFU_OK || t->rec.planted == 1)
        return err;
    t->rec.planted = 1; /* changed_ms stays: its owner sees it */
    err = row_lay_record(w, req, &t->rec, &image, &image_len);
    if (err == HUFU_OK)
        op_write(&req->op[0], t->key, image, image_len);
    return err;
}

static enum hufu_err print_state(struct worker *w, struct request *req, const struct token *t)
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

enum hufu_err handle_token_plant(struct worker *w, struct request *req, struct msg_where *where)
{
    struct token t = { 0 };
    enum hufu_err err = token_begin(w, req, &t, where);

    if (err == HUFU_OK)
        err = plant(w, req, &t);
    if (err == HUFU_OK)
        err = print_state(w, req, &t);
    wipe(&t, sizeof(t));
    return err;
}
