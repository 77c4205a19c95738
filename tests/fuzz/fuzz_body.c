/* Bodies: what is taken is what the core accepts, and the same again; what is not leaves nothing.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "api/body.h"
#include "vault/base/frame.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    body_setup();
    return 0;
}

static void check_taken(uint16_t verb, const struct buf *fields)
{
    struct msg_request head = { .request_id = view_str("r"), .where = MSG_WHERE_NONE };
    struct msg_request req;
    struct buf frame;

    buf_init(&frame, FRAME_BODY_MAX);
    msg_request_put_head(&frame, &head);
    buf_put(&frame, fields->p, fields->len);
    assert(msg_request_get(verb, buf_view(&frame), &req) == HUFU_OK);
    if (verb == VERB_TOKENIZE)
        assert(msg_has(&req, MSG_VALUE) != msg_has(&req, MSG_VALUES));
    buf_done(&frame);
}

static void check_refused(enum hufu_err err, const struct buf *fields,
                          const struct body_fault *fault)
{
    assert(err == HUFU_BAD_REQUEST || err == HUFU_TOO_LARGE);
    assert(fields->len == 0);
    assert(fault->where.tag < MSG_TAG_COUNT && fault->where.sub < MSG_TAG_COUNT);
    assert(fault->where.tag != MSG_NONE ||
           (fault->where.sub == MSG_NONE && fault->where.index == MSG_NO_INDEX));
    assert(!fault->whole || fault->where.tag == MSG_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len)
{
    struct body_arg arg = { view_str("id"), view_str("x") };
    struct body_fault fault, again_fault;
    struct buf fields, again;
    struct body_in body = { 0 };
    enum hufu_err err;

    if (in_len == 0 || in[0] == 0 || in[0] >= VERB_COUNT)
        return 0;
    body.verb = in[0];
    body.args = &arg;
    body.args_count = msg_shape(in[0])->needs_count != 0 &&
                      msg_shape(in[0])->needs[msg_shape(in[0])->needs_count - 1].tag == MSG_ID;
    body.json = view_of(in + 1, in_len - 1);
    buf_init(&fields, FRAME_BODY_MAX);
    buf_init(&again, FRAME_BODY_MAX);
    err = body_fields(&body, &fields, &fault);
    assert(body_fields(&body, &again, &again_fault) == err);
    assert(view_equal(buf_view(&fields), buf_view(&again)));
    if (err == HUFU_OK)
        check_taken(in[0], &fields);
    else
        check_refused(err, &fields, &fault);
    buf_done(&fields);
    buf_done(&again);
    return 0;
}
