#include "vault/base/msg.h"

#include <string.h>

#include "vault/base/text.h"

#define REQUEST_FLAGS (MSG_HAS_PIN | MSG_HAS_SESSION | MSG_BODY_BAD)
#define REPLY_FLAGS   (MSG_REPLAYED | MSG_TEXT_PLAIN | MSG_BINARY)
#define KEY_MAX       64 /* bytes of a request id or an idempotency key */

static void where_put(struct buf *out, const struct msg_where *where)
{
    buf_u16(out, where->tag);
    buf_u16(out, where->sub);
    buf_u32(out, where->index);
}

static struct msg_where where_get(struct reader *r)
{
    struct msg_where where;

    where.tag = reader_u16(r);
    where.sub = reader_u16(r);
    where.index = reader_u32(r);
    return where;
}

static bool where_is_none(const struct msg_where *where)
{
    return where->tag == MSG_NONE && where->sub == MSG_NONE && where->index == MSG_NO_INDEX;
}

/* A member or an element needs the member that holds it. */
static bool where_is_sound(const struct msg_where *where)
{
    if (where->tag == MSG_NONE)
        return where_is_none(where);
    return where->tag < MSG_TAG_COUNT && where->sub < MSG_TAG_COUNT;
}

void msg_request_put_head(struct buf *out, const struct msg_request *req)
{
    const uint8_t no_pin[MSG_PIN_LEN] = { 0 };
    struct view none = { NULL, 0 };
    struct view session = req->flags & MSG_HAS_SESSION ? req->session : none;

    buf_u8(out, req->flags);
    buf_put(out, req->addr, sizeof(req->addr));
    buf_put(out, req->flags & MSG_HAS_PIN ? req->pin : no_pin, MSG_PIN_LEN);
    buf_u64(out, req->flags & MSG_HAS_PIN ? req->cert_until_ms : 0);
    buf_lv8(out, session.p, session.len);
    buf_lv8(out, req->request_id.p, req->request_id.len);
    buf_lv8(out, req->idem_key.p, req->idem_key.len);
    buf_u16(out, (uint16_t)req->body_err);
    where_put(out, &req->where);
}

static void field_put(struct buf *out, enum msg_tag tag, const void *in, uint32_t in_len)
{
    buf_u16(out, (uint16_t)tag);
    buf_lv32(out, in, in_len);
}

void msg_put_text(struct buf *out, enum msg_tag tag, struct view text)
{
    buf_u16(out, (uint16_t)tag);
    buf_lv32(out, text.p, text.len);
}

void msg_put_u64(struct buf *out, enum msg_tag tag, uint64_t v)
{
    buf_u16(out, (uint16_t)tag);
    buf_u32(out, 8);
    buf_u64(out, v);
}

void msg_put_bool(struct buf *out, enum msg_tag tag, bool v)
{
    const uint8_t byte = v;

    field_put(out, tag, &byte, 1);
}

/* PEM has lines, so its text may hold LF and CR where other text holds no control at all. */
static bool is_lines(struct view text)
{
    size_t from = 0;

    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.p[i] != '\n' && text.p[i] != '\r')
            continue;
        if (i > from && !text_is_utf8(view_of(text.p + from, i - from)))
            return false;
        from = i + 1;
    }
    return true;
}

static bool text_fits(enum msg_tag tag, struct view text)
{
    if (text.len == 0 || text.len > msg_fields[tag].max)
        return false;
    return tag == MSG_CERT_PEM ? is_lines(text) : text_is_utf8(text);
}

static bool list_may_be_empty(enum msg_tag tag)
{
    return tag == MSG_FORMATS || tag == MSG_DOMAINS || tag == MSG_PARTNERS || tag == MSG_PURPOSES ||
           tag == MSG_PURPOSES_ONE || tag == MSG_PURPOSES_TWO;
}

/* Tokens are secrets: what they look like is judged by the format, in the core. */
static bool element_fits(enum msg_tag tag, struct view element)
{
    struct msg_item item;

    if (tag == MSG_VALUES)
        return msg_item_get(element, &item) == HUFU_OK;
    if (tag == MSG_TOKENS)
        return element.len <= msg_fields[tag].max;
    return text_fits(tag, element);
}

static bool list_fits(enum msg_tag tag, struct view list)
{
    struct reader r;
    size_t count = 0;

    reader_init(&r, list.p, list.len);
    while (r.left > 0) {
        struct view element = msg_list_next(&r);

        if (r.failed || ++count > MSG_ITEMS_MAX || !element_fits(tag, element))
            return false;
    }
    return count > 0 || list_may_be_empty(tag);
}

static bool qualification_fits(struct view in)
{
    struct reader r;
    struct view ref;

    reader_init(&r, in.p, in.len);
    ref = reader_lv16(&r, msg_fields[MSG_QUALIFICATION].max);
    reader_u64(&r);
    return reader_end(&r) == HUFU_OK && text_fits(MSG_QUALIFICATION, ref);
}

static bool field_fits(enum msg_tag tag, struct view in)
{
    switch (msg_fields[tag].kind) {
    case MSG_TEXT:
        return text_fits(tag, in);
    case MSG_SECRET:
        return in.len <= msg_fields[tag].max;
    case MSG_U64:
        return in.len == 8;
    case MSG_BOOL:
        return in.len == 1 && in.p[0] <= 1;
    case MSG_TEXTS:
    case MSG_ITEMS:
        return list_fits(tag, in);
    case MSG_KIND_KEEP:
        return in.len == 2;
    case MSG_KIND_QUALIFICATION:
        return qualification_fits(in);
    }
    return false;
}

/* Reads fields until the end: each known, ascending, of its kind. field is indexed by tag. */
static enum hufu_err fields_get(struct view in, struct view field[static MSG_TAG_COUNT])
{
    unsigned before = MSG_NONE;
    struct reader r;

    reader_init(&r, in.p, in.len);
    while (r.left > 0) {
        unsigned tag = reader_u16(&r);
        struct view bytes = reader_lv32(&r, in.len);

        if (r.failed || tag <= before || tag >= MSG_TAG_COUNT ||
            !field_fits((enum msg_tag)tag, bytes))
            return HUFU_CORRUPT;
        field[tag] = bytes;
        before = tag;
    }
    return HUFU_OK;
}

/* Whether exactly members of the shape are there, and all that must be. */
static bool shape_fits(const struct msg_shape *shape, const struct view field[static MSG_TAG_COUNT])
{
    size_t at = 0;

    for (unsigned tag = MSG_NONE + 1; tag < MSG_TAG_COUNT; tag++) {
        bool in_shape = at < shape->needs_count && shape->needs[at].tag == tag;

        if (in_shape && shape->needs[at].must && !field[tag].p)
            return false;
        if (!in_shape && field[tag].p)
            return false;
        at += in_shape;
    }
    return true;
}

static bool head_fits(const struct msg_request *req)
{
    const uint8_t no_pin[MSG_PIN_LEN] = { 0 };
    bool bad = req->flags & MSG_BODY_BAD;

    if (req->flags & ~REQUEST_FLAGS)
        return false;
    if (!(req->flags & MSG_HAS_PIN) &&
        (req->cert_until_ms != 0 ||
         !view_equal(view_of(req->pin, MSG_PIN_LEN), view_of(no_pin, MSG_PIN_LEN))))
        return false;
    if (req->session.len != (req->flags & MSG_HAS_SESSION ? MSG_SESSION_LEN : 0))
        return false;
    if (!text_is_key(req->request_id) || (req->idem_key.len > 0 && !text_is_key(req->idem_key)))
        return false;
    if (!bad)
        return req->body_err == HUFU_OK && where_is_none(&req->where);
    return (req->body_err == HUFU_BAD_REQUEST || req->body_err == HUFU_TOO_LARGE) &&
           where_is_sound(&req->where) && req->fields.len == 0;
}

enum hufu_err msg_request_get(uint16_t verb, struct view in, struct msg_request *out)
{
    const struct msg_shape *shape = msg_shape(verb);
    struct msg_request req = { .verb = verb };
    struct reader r;

    if (!shape)
        return HUFU_CORRUPT;
    reader_init(&r, in.p, in.len);
    req.flags = reader_u8(&r);
    reader_copy(&r, req.addr, sizeof(req.addr));
    reader_copy(&r, req.pin, sizeof(req.pin));
    req.cert_until_ms = reader_u64(&r);
    req.session = reader_lv8(&r, MSG_SESSION_LEN);
    req.request_id = reader_lv8(&r, KEY_MAX);
    req.idem_key = reader_lv8(&r, KEY_MAX);
    req.body_err = (enum hufu_err)reader_u16(&r);
    req.where = where_get(&r);
    req.fields = reader_take(&r, r.left);
    if (reader_end(&r) != HUFU_OK || !head_fits(&req))
        return HUFU_CORRUPT;
    if (!(req.flags & MSG_BODY_BAD) &&
        (fields_get(req.fields, req.field) != HUFU_OK || !shape_fits(shape, req.field)))
        return HUFU_CORRUPT;
    *out = req;
    return HUFU_OK;
}

bool msg_has(const struct msg_request *req, enum msg_tag tag)
{
    return req->field[tag].p != NULL;
}

uint64_t msg_u64(const struct msg_request *req, enum msg_tag tag, uint64_t otherwise)
{
    struct reader r;

    if (!msg_has(req, tag))
        return otherwise;
    reader_init(&r, req->field[tag].p, req->field[tag].len);
    return reader_u64(&r);
}

bool msg_bool(const struct msg_request *req, enum msg_tag tag)
{
    return req->field[tag].len == 1 && req->field[tag].p[0] == 1;
}

struct view msg_text(const struct msg_request *req, enum msg_tag tag)
{
    return req->field[tag];
}

size_t msg_list_count(struct view list)
{
    struct reader r;
    size_t count = 0;

    reader_init(&r, list.p, list.len);
    while (r.left > 0 && !r.failed) {
        (void)msg_list_next(&r);
        count += !r.failed;
    }
    return count;
}

struct view msg_list_next(struct reader *r)
{
    return reader_lv32(r, r->left);
}

enum hufu_err msg_item_get(struct view in, struct msg_item *out)
{
    struct reader r;
    struct msg_item item = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };
    unsigned before = MSG_NONE;

    reader_init(&r, in.p, in.len);
    while (r.left > 0) {
        unsigned tag = reader_u16(&r);
        struct view bytes = reader_lv32(&r, in.len);

        if (r.failed || tag <= before ||
            (tag != MSG_VALUE && tag != MSG_SUBJECT && tag != MSG_CONSENT) ||
            !field_fits((enum msg_tag)tag, bytes))
            return HUFU_CORRUPT;
        *(tag == MSG_VALUE     ? &item.value
          : tag == MSG_SUBJECT ? &item.subject
                               : &item.consent) = bytes;
        before = tag;
    }
    if (!item.value.p)
        return HUFU_CORRUPT;
    *out = item;
    return HUFU_OK;
}

void msg_reply_put_head(struct buf *out, const struct msg_reply *reply)
{
    if (reply->body.len > UINT32_MAX)
        out->failed = true;
    buf_u16(out, (uint16_t)reply->err);
    buf_u8(out, (uint8_t)reply->success);
    buf_u8(out, reply->flags);
    where_put(out, &reply->where);
    buf_u32(out, reply->retry_after_s);
    buf_u32(out, (uint32_t)reply->body.len);
}

void msg_reply_put(struct buf *out, const struct msg_reply *reply)
{
    msg_reply_put_head(out, reply);
    buf_put(out, reply->body.p, reply->body.len);
}

static bool may_retry_after(enum hufu_err err)
{
    return err == HUFU_RATE_LIMITED || err == HUFU_SEALED || err == HUFU_UNAVAILABLE;
}

static bool is_detail(struct view text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.p[i] < ' ' || text.p[i] > '~')
            return false;
    return text.len <= MSG_DETAIL_MAX;
}

/* A vault that is not there yet says which part is missing, a fault in the body what would do. */
static bool may_say(enum hufu_err err, struct view body)
{
    return body.len == 0 || err == HUFU_SEALED || err == HUFU_UNAVAILABLE ||
           (err == HUFU_BAD_REQUEST && is_detail(body));
}

static bool reply_fits(const struct msg_reply *reply)
{
    if (reply->success > MSG_204 || reply->flags & ~REPLY_FLAGS ||
        (reply->flags & MSG_TEXT_PLAIN && reply->flags & MSG_BINARY))
        return false;
    if (reply->retry_after_s > 0 && !may_retry_after(reply->err))
        return false;
    if (reply->err == HUFU_OK)
        return where_is_none(&reply->where) && (reply->success != MSG_204 || reply->body.len == 0);
    return err_code(reply->err) && where_is_sound(&reply->where) &&
           may_say(reply->err, reply->body);
}

enum hufu_err msg_reply_get(struct view in, struct msg_reply *out)
{
    struct msg_reply reply;
    struct reader r;

    reader_init(&r, in.p, in.len);
    reply.err = (enum hufu_err)reader_u16(&r);
    reply.success = (enum msg_success)reader_u8(&r);
    reply.flags = reader_u8(&r);
    reply.where = where_get(&r);
    reply.retry_after_s = reader_u32(&r);
    reply.body = reader_lv32(&r, in.len);
    if (reader_end(&r) != HUFU_OK || !reply_fits(&reply))
        return HUFU_CORRUPT;
    *out = reply;
    return HUFU_OK;
}
