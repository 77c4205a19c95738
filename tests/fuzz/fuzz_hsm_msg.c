#include <assert.h>

#include "vault/base/hsm_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len);

/* What decodes keeps the limits and encodes to the same bytes. */
static void check_request(uint16_t call, struct view in)
{
    struct hsm_request req;
    struct buf out;

    if (hsm_request_get(call, in, &req) != HUFU_OK)
        return;
    assert(req.call == call && call >= HSM_STATUS && call <= HSM_RANDOM);
    assert(req.request_id.len <= 64);
    assert(req.key_id.len <= HSM_KEY_ID_MAX && req.aad.len <= HSM_DATA_MAX);
    assert(req.data.len <= (call == HSM_OPEN ? HSM_SEALED_MAX : HSM_DATA_MAX));
    buf_init(&out, in.len);
    hsm_request_put(&out, &req);
    assert(view_equal(buf_view(&out), in));
    buf_done(&out);
}

static void check_reply(struct view in)
{
    struct hsm_reply reply;
    struct buf out;

    if (hsm_reply_get(in, &reply) != HUFU_OK)
        return;
    assert(reply.err < HUFU_ERR_COUNT && (reply.err == HUFU_OK || reply.data.len == 0));
    buf_init(&out, in.len);
    hsm_reply_put(&out, &reply);
    assert(view_equal(buf_view(&out), in));
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len)
{
    if (in_len == 0)
        return 0;
    if (in[0] & 0x80)
        check_reply(view_of(in + 1, in_len - 1));
    else
        check_request(in[0], view_of(in + 1, in_len - 1));
    return 0;
}
