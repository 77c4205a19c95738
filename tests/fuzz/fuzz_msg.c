#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/msg_sample.h"
#include "vault/base/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len);

static void items_encode(struct buf *out, struct view list)
{
    struct reader r;

    reader_init(&r, list.p, list.len);
    while (r.left > 0) {
        struct msg_item item;
        struct buf b;

        assert(msg_item_get(msg_list_next(&r), &item) == HUFU_OK);
        buf_init(&b, 4096);
        msg_put_text(&b, MSG_VALUE, item.value);
        if (item.subject.p)
            msg_put_text(&b, MSG_SUBJECT, item.subject);
        if (item.consent.p)
            msg_put_text(&b, MSG_CONSENT, item.consent);
        buf_lv32(out, b.p, b.len);
        buf_done(&b);
    }
}

static void field_encode(struct buf *out, const struct msg_request *req, enum msg_tag tag)
{
    enum msg_kind kind = msg_fields[tag].kind;
    struct view text = msg_text(req, tag);
    struct buf list;

    if (kind == MSG_U64) {
        msg_put_u64(out, tag, msg_u64(req, tag, 0));
    } else if (kind == MSG_BOOL) {
        msg_put_bool(out, tag, msg_bool(req, tag));
    } else if (kind == MSG_ITEMS) {
        assert(msg_list_count(text) >= 1 && msg_list_count(text) <= MSG_ITEMS_MAX);
        buf_init(&list, text.len);
        items_encode(&list, text);
        msg_put_text(out, tag, buf_view(&list));
        buf_done(&list);
    } else {
        assert(kind == MSG_TEXTS || text.len <= 16384);
        msg_put_text(out, tag, text);
    }
}

/* What decodes is whole by the shape, and encodes to the same bytes. */
static void check_request(uint16_t verb, struct view in)
{
    const struct msg_shape *shape = msg_shape(verb);
    struct msg_request req;
    struct buf out;

    if (msg_request_get(verb, in, &req) != HUFU_OK)
        return;
    buf_init(&out, in.len);
    msg_request_put_head(&out, &req);
    for (size_t i = 0; i < shape->needs_count; i++) {
        enum msg_tag tag = shape->needs[i].tag;

        assert(msg_has(&req, tag) || !shape->needs[i].must || req.flags & MSG_BODY_BAD);
        if (msg_has(&req, tag))
            field_encode(&out, &req, tag);
    }
    assert(buf_check(&out) == HUFU_OK);
    assert(view_equal(buf_view(&out), in));
    buf_done(&out);
}

static void check_reply(struct view in)
{
    struct msg_reply reply;
    struct buf out;

    if (msg_reply_get(in, &reply) != HUFU_OK)
        return;
    assert(reply.err == HUFU_OK || err_code(reply.err));
    buf_init(&out, in.len);
    msg_reply_put(&out, &reply);
    assert(view_equal(buf_view(&out), in));
    buf_done(&out);
}

/* A whole request with a few bytes changed: gets deeper than bytes made up from nothing. */
static void check_changed(uint16_t verb, const uint8_t *in, size_t in_len)
{
    uint8_t *copy;
    struct buf b;
    size_t len;

    if (!msg_shape(verb))
        return;
    buf_init(&b, 1 << 16);
    msg_sample_request(&b, verb, in_len > 0 ? in[0] : 0, in_len > 1 ? in[1] : 0);
    len = b.len;
    copy = malloc(len);
    assert(copy && buf_check(&b) == HUFU_OK);
    memcpy(copy, b.p, len);
    for (size_t i = 2; i + 3 <= in_len; i += 3)
        copy[(in[i] | (size_t)in[i + 1] << 8) % len] ^= in[i + 2];
    check_request(verb, view_of(copy, len));
    free(copy);
    buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len)
{
    uint16_t verb;

    if (in_len < 2)
        return 0;
    verb = in[1];
    if (in[0] % 3 == 0)
        check_request(verb, view_of(in + 2, in_len - 2));
    else if (in[0] % 3 == 1)
        check_reply(view_of(in + 2, in_len - 2));
    else
        check_changed(verb, in + 2, in_len - 2);
    return 0;
}
