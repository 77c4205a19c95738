#include "vault/base/hsm_msg.h"

#include <stdbool.h>
#include <stddef.h>

#include "vault/base/text.h"

#define TEXT_MAX       1024 /* bytes of a reply's text */
#define RANDOM_MAX     256  /* bytes asked of the token's generator at once */
#define REQUEST_ID_MAX 64

/* What each call takes; a member that it does not take is empty or 0. */
/* clang-format off */
static const struct shape {
    uint16_t call;
    const char *name;
    bool has_key_id, has_aad;
    size_t data_min, data_max;
    uint32_t len_min, len_max;
} shapes[] = {
    { HSM_STATUS,      "status",       false, false, 0, 0,              0, 0 },
    { HSM_KEK_MAKE,    "kek_make",     true,  false, 0, 0,              0, 0 },
    { HSM_KEK_FIND,    "kek_find",     true,  false, 0, 0,              0, 0 },
    { HSM_KEK_DESTROY, "kek_destroy",  true,  false, 0, 0,              0, 0 },
    { HSM_SEAL,        "seal",         true,  true,  1, HSM_DATA_MAX,   0, 0 },
    { HSM_OPEN,        "open",         true,  true,  1, HSM_SEALED_MAX, 0, 0 },
    { HSM_SIGN_MAKE,   "sign_make",    true,  false, 0, 0,              0, 0 },
    { HSM_SIGN_PUBLIC, "sign_public",  true,  false, 0, 0,              0, 0 },
    { HSM_SIGN,        "sign",         true,  false, 1, HSM_DATA_MAX,   0, 0 },
    { HSM_RANDOM,      "random",       false, false, 0, 0,              1, RANDOM_MAX },
};
/* clang-format on */

_Static_assert(sizeof(shapes) / sizeof(shapes[0]) == HSM_CALL_COUNT, "a shape for every call");

static const struct shape *shape_find(uint16_t call)
{
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        if (shapes[i].call == call)
            return &shapes[i];
    return NULL;
}

const char *hsm_call_name(uint16_t call)
{
    const struct shape *shape = shape_find(call);

    return shape == NULL ? "?" : shape->name;
}

void hsm_request_put(struct buf *out, const struct hsm_request *req)
{
    buf_lv8(out, req->request_id.p, req->request_id.len);
    buf_lv8(out, req->key_id.p, req->key_id.len);
    buf_lv32(out, req->aad.p, req->aad.len);
    buf_lv32(out, req->data.p, req->data.len);
    buf_u32(out, req->len);
}

static bool request_fits(const struct shape *shape, const struct hsm_request *req)
{
    if (req->request_id.len > 0 && !text_is_key(req->request_id))
        return false;
    if (shape->has_key_id ? !text_is_name(req->key_id) : req->key_id.len > 0)
        return false;
    if (!shape->has_aad && req->aad.len > 0)
        return false;
    return req->data.len >= shape->data_min && req->data.len <= shape->data_max &&
           req->len >= shape->len_min && req->len <= shape->len_max;
}

enum hufu_err hsm_request_get(uint16_t call, struct view in, struct hsm_request *out)
{
    const struct shape *shape = shape_find(call);
    struct hsm_request req = { .call = call };
    struct reader r;

    if (!shape)
        return HUFU_CORRUPT;
    reader_init(&r, in.p, in.len);
    req.request_id = reader_lv8(&r, REQUEST_ID_MAX);
    req.key_id = reader_lv8(&r, HSM_KEY_ID_MAX);
    req.aad = reader_lv32(&r, HSM_DATA_MAX);
    req.data = reader_lv32(&r, HSM_SEALED_MAX);
    req.len = reader_u32(&r);
    if (reader_end(&r) != HUFU_OK || !request_fits(shape, &req))
        return HUFU_CORRUPT;
    *out = req;
    return HUFU_OK;
}

void hsm_reply_put(struct buf *out, const struct hsm_reply *reply)
{
    buf_u16(out, (uint16_t)reply->err);
    buf_u64(out, reply->ckr);
    buf_lv32(out, reply->data.p, reply->data.len);
    buf_lv32(out, reply->text.p, reply->text.len);
}

static bool is_hsm_err(enum hufu_err err)
{
    return err == HUFU_OK || err == HUFU_NOT_FOUND || err == HUFU_CONFLICT || err == HUFU_CORRUPT ||
           err == HUFU_HSM_DOWN || err == HUFU_HSM_PIN || err == HUFU_HSM_FAILED ||
           err == HUFU_RANGE;
}

static bool is_printable(struct view text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.p[i] < 0x20 || text.p[i] > 0x7e)
            return false;
    return true;
}

enum hufu_err hsm_reply_get(struct view in, struct hsm_reply *out)
{
    struct hsm_reply reply;
    struct reader r;

    reader_init(&r, in.p, in.len);
    reply.err = (enum hufu_err)reader_u16(&r);
    reply.ckr = reader_u64(&r);
    reply.data = reader_lv32(&r, HSM_SEALED_MAX);
    reply.text = reader_lv32(&r, TEXT_MAX);
    if (reader_end(&r) != HUFU_OK || !is_hsm_err(reply.err) || !is_printable(reply.text))
        return HUFU_CORRUPT;
    if (reply.err == HUFU_OK ? reply.ckr != 0 : reply.data.len > 0)
        return HUFU_CORRUPT;
    *out = reply;
    return HUFU_OK;
}
