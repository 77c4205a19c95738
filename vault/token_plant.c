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

enum hufu_err handle_token_plant(struct worker *w, struct request *req, struct msg_where *where)
{
    struct token t = { 0 };
    enum hufu_err err = token_begin(w, req, &t, where);

    if (err == HUFU_OK)
        err = plant(w, req, &t);
    if (err == HUFU_OK)
        err = token_print_state(w, req, &t);
    wipe(&t, sizeof(t));
    return err;
}
