#include "api/body.h"

#include <jansson.h>
#include <string.h>

#include "api/jsonmem.h"
#include "vault/base/clock.h"
#include "vault/base/secret.h"
#include "vault/base/text.h"

/* An empty object is 3 bytes in a list and takes some 230, what it has outgrown included; nothing
 * takes more a byte. So no body is refused that is not out of all proportion. */
#define MEM_PER_BYTE 128
#define MEM_LEAST    65536

void body_setup(void)
{
    jsonmem_setup();
    json_object_seed(0);
}

struct scan { /* one body on its way to fields */
    struct buf *out;
    struct body_fault fault;
    enum hufu_err err;
};

static bool refuse(struct scan *s, enum hufu_err err, enum msg_tag tag, enum msg_tag sub,
                   uint32_t index)
{
    s->err = err;
    s->fault.where.tag = (uint16_t)tag;
    s->fault.where.sub = (uint16_t)sub;
    s->fault.where.index = index;
    return false;
}

static bool refuse_member(struct scan *s, enum msg_tag tag)
{
    return refuse(s, HUFU_BAD_REQUEST, tag, MSG_NONE, MSG_NO_INDEX);
}

/* PEM has lines: CR and LF may stand in it, where other text holds no control character. */
static bool is_lines(struct view text)
{
    size_t from = 0;

    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.p[i] != '\n' && text.p[i] != '\r')
            continue;
        if (!text_is_utf8(view_of(text.p + from, i - from)))
            return false;
        from = i + 1;
    }
    return true;
}

/* A secret is judged by the core alone, so that what is wrong with it has one answer. */
static bool text_fits(enum msg_tag tag, struct view text)
{
    if (text.len > msg_fields[tag].max)
        return false;
    if (msg_fields[tag].kind == MSG_SECRET || tag == MSG_TOKENS)
        return true;
    return text.len != 0 && (tag == MSG_CERT_PEM ? is_lines(text) : text_is_utf8(text));
}

static struct view string_of(const json_t *v)
{
    return view_of(json_string_value(v), json_string_length(v));
}

/* Writes a tag and room for its length; returns where the room is. */
static size_t field_open(struct buf *out, enum msg_tag tag)
{
    buf_u16(out, (uint16_t)tag);
    buf_u32(out, 0);
    return out->len;
}

static void length_set(struct buf *out, size_t from)
{
    size_t len = out->len - from;

    if (out->failed)
        return;
    for (size_t i = 0; i < 4; i++)
        out->p[from - 4 + i] = (uint8_t)(len >> (8 * i));
}

static bool put_text(struct scan *s, enum msg_tag tag, const json_t *v)
{
    if (!json_is_string(v) || !text_fits(tag, string_of(v)))
        return refuse_member(s, tag);
    msg_put_text(s->out, tag, string_of(v));
    return true;
}

static bool put_number(struct scan *s, enum msg_tag tag, const json_t *v)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return refuse_member(s, tag);
    msg_put_u64(s->out, tag, (uint64_t)json_integer_value(v));
    return true;
}

static bool put_bool(struct scan *s, enum msg_tag tag, const json_t *v)
{
    if (!json_is_boolean(v))
        return refuse_member(s, tag);
    msg_put_bool(s->out, tag, json_is_true(v));
    return true;
}

static bool list_fits(struct scan *s, enum msg_tag tag, const json_t *v)
{
    /* these say "none" by being empty; an empty list of work is a mistake */
    bool may_be_empty = tag == MSG_FORMATS || tag == MSG_DOMAINS || tag == MSG_PARTNERS ||
                        tag == MSG_PURPOSES || tag == MSG_PURPOSES_ONE || tag == MSG_PURPOSES_TWO;

    if (!json_is_array(v) || (json_array_size(v) == 0 && !may_be_empty))
        return refuse_member(s, tag);
    if (json_array_size(v) > MSG_ITEMS_MAX)
        return refuse(s, HUFU_TOO_LARGE, tag, MSG_NONE, MSG_NO_INDEX);
    return true;
}

static bool put_texts(struct scan *s, enum msg_tag tag, const json_t *v)
{
    size_t from;

    if (!list_fits(s, tag, v))
        return false;
    from = field_open(s->out, tag);
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *e = json_array_get(v, i);

        if (!json_is_string(e) || !text_fits(tag, string_of(e)))
            return refuse(s, HUFU_BAD_REQUEST, tag, MSG_NONE, (uint32_t)i);
        buf_lv32(s->out, json_string_value(e), json_string_length(e));
    }
    length_set(s->out, from);
    return true;
}

/* One of `values`: an object; a member it may have is taken out of *left. */
static bool put_item_member(struct scan *s, uint32_t index, enum msg_tag tag, const json_t *item,
                            size_t *left)
{
    const json_t *v = json_object_get(item, msg_fields[tag].name);

    if (v == NULL && tag != MSG_VALUE)
        return true;
    if (!json_is_string(v) || !text_fits(tag, string_of(v)))
        return refuse(s, HUFU_BAD_REQUEST, MSG_VALUES, tag, index);
    (*left)--;
    msg_put_text(s->out, tag, string_of(v));
    return true;
}

static bool put_item(struct scan *s, uint32_t index, const json_t *item)
{
    size_t left = json_object_size(item);

    if (json_is_string(item)) {
        if (!text_fits(MSG_VALUE, string_of(item)))
            return refuse(s, HUFU_BAD_REQUEST, MSG_VALUES, MSG_NONE, index);
        msg_put_text(s->out, MSG_VALUE, string_of(item));
        return true;
    }
    if (!json_is_object(item))
        return refuse(s, HUFU_BAD_REQUEST, MSG_VALUES, MSG_NONE, index);
    if (!put_item_member(s, index, MSG_VALUE, item, &left) ||
        !put_item_member(s, index, MSG_SUBJECT, item, &left) ||
        !put_item_member(s, index, MSG_CONSENT, item, &left))
        return false;
    return left == 0 || refuse(s, HUFU_BAD_REQUEST, MSG_VALUES, MSG_NONE, index);
}

static bool put_items(struct scan *s, enum msg_tag tag, const json_t *v)
{
    size_t from, item_from;

    if (!list_fits(s, tag, v))
        return false;
    from = field_open(s->out, tag);
    for (size_t i = 0; i < json_array_size(v); i++) {
        buf_u32(s->out, 0);
        item_from = s->out->len;
        if (!put_item(s, (uint32_t)i, json_array_get(v, i)))
            return false;
        length_set(s->out, item_from);
    }
    length_set(s->out, from);
    return true;
}

static bool put_keep(struct scan *s, enum msg_tag tag, const json_t *v)
{
    const json_t *prefix = json_object_get(v, "prefix");
    const json_t *suffix = json_object_get(v, "suffix");
    size_t from;

    if (!json_is_integer(prefix) || !json_is_integer(suffix) || json_object_size(v) != 2 ||
        json_integer_value(prefix) < 0 || json_integer_value(prefix) > UINT8_MAX ||
        json_integer_value(suffix) < 0 || json_integer_value(suffix) > UINT8_MAX)
        return refuse_member(s, tag);
    from = field_open(s->out, tag);
    buf_u8(s->out, (uint8_t)json_integer_value(prefix));
    buf_u8(s->out, (uint8_t)json_integer_value(suffix));
    length_set(s->out, from);
    return true;
}

static bool put_qualification(struct scan *s, enum msg_tag tag, const json_t *v)
{
    const json_t *ref = json_object_get(v, "ref");
    const json_t *until = json_object_get(v, "valid_until");
    uint64_t until_ms = 0;
    size_t from;

    if (!json_is_string(ref) || !json_is_string(until) || json_object_size(v) != 2 ||
        !text_fits(tag, string_of(ref)) || clock_parse(string_of(until), &until_ms) != HUFU_OK)
        return refuse_member(s, tag);
    from = field_open(s->out, tag);
    buf_lv16(s->out, json_string_value(ref), json_string_length(ref));
    buf_u64(s->out, until_ms);
    length_set(s->out, from);
    return true;
}

static bool put_member(struct scan *s, enum msg_tag tag, const json_t *v)
{
    switch (msg_fields[tag].kind) {
    case MSG_TEXT:
    case MSG_SECRET:
        return put_text(s, tag, v);
    case MSG_U64:
        return put_number(s, tag, v);
    case MSG_BOOL:
        return put_bool(s, tag, v);
    case MSG_TEXTS:
        return put_texts(s, tag, v);
    case MSG_ITEMS:
        return put_items(s, tag, v);
    case MSG_KIND_KEEP:
        return put_keep(s, tag, v);
    case MSG_KIND_QUALIFICATION:
        return put_qualification(s, tag, v);
    }
    return refuse_member(s, tag);
}

/* A parameter of path or query: text or a number. */
static bool put_arg(struct scan *s, enum msg_tag tag, struct view value)
{
    uint64_t number = 0;

    if (msg_fields[tag].kind == MSG_TEXT && text_fits(tag, value)) {
        msg_put_text(s->out, tag, value);
        return true;
    }
    if (msg_fields[tag].kind == MSG_U64 && text_u64(value, 0, UINT64_MAX, &number) == HUFU_OK) {
        msg_put_u64(s->out, tag, number);
        return true;
    }
    return refuse_member(s, tag);
}

static const struct body_arg *find_arg(const struct body_in *in, const char *name)
{
    for (size_t i = 0; i < in->args_count; i++)
        if (view_is(in->args[i].name, name))
            return &in->args[i];
    return NULL;
}

/* The fault is in no member that is known: an unknown one, or the choice between two. */
static bool refuse_whole(struct scan *s)
{
    s->fault.whole = true;
    return refuse_member(s, MSG_NONE);
}

/* A body names either one thing or a list of them. */
static bool one_of(struct scan *s, const json_t *root, const char *one, const char *many)
{
    if ((json_object_get(root, one) != NULL) != (json_object_get(root, many) != NULL))
        return true;
    return refuse_whole(s);
}

/* Beside a password a person shows one thing: a code, a key's assertion or a recovery code. */
static bool has_one_factor(struct scan *s, const json_t *root)
{
    int shown = (json_object_get(root, "otp") != NULL) +
                (json_object_get(root, "credential") != NULL) +
                (json_object_get(root, "recovery_code") != NULL);

    if (shown == 0)
        return refuse_member(s, MSG_OTP);
    return shown == 1 || refuse_whole(s);
}

static bool choices_fit(struct scan *s, uint16_t verb, const json_t *root)
{
    if (verb == VERB_TOKENIZE)
        return one_of(s, root, "value", "values");
    if (verb == VERB_DETOKENIZE)
        return one_of(s, root, "token", "tokens");
    if (verb == VERB_LOGIN || verb == VERB_STEP_UP)
        return has_one_factor(s, root);
    return true;
}

/* Every member and parameter that the shape names is written; what is left over is not known. */
static bool put_all(struct scan *s, const struct body_in *in, const json_t *root)
{
    const struct msg_shape *shape = msg_shape(in->verb);
    size_t members = json_object_size(root), args = in->args_count;

    for (size_t i = 0; i < shape->needs_count; i++) {
        enum msg_tag tag = shape->needs[i].tag;
        const struct body_arg *arg = find_arg(in, msg_fields[tag].name);
        const json_t *v = arg != NULL ? NULL : json_object_get(root, msg_fields[tag].name);

        if (arg != NULL && !put_arg(s, tag, arg->value))
            return false;
        if (v != NULL && !put_member(s, tag, v))
            return false;
        if (arg == NULL && v == NULL && shape->needs[i].must)
            return refuse_member(s, tag);
        args -= arg != NULL;
        members -= v != NULL;
    }
    if (members != 0 || args != 0)
        return refuse_whole(s);
    return choices_fit(s, in->verb, root);
}

enum hufu_err body_fields(const struct body_in *in, struct buf *out, struct body_fault *fault_out)
{
    struct scan s = { .out = out, .fault = { MSG_WHERE_NONE, false }, .err = HUFU_OK };
    struct jsonmem mem;
    json_error_t error;
    json_t *root;

    jsonmem_begin(&mem, MEM_LEAST + MEM_PER_BYTE * in->json.len);
    /* Never JSON_DECODE_ANY: the root must be an object or a list, and a list has no members. */
    if (in->json.len == 0)
        root = json_object();
    else
        root = json_loadb((const char *)in->json.p, in->json.len, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(root))
        (void)refuse_member(&s, MSG_NONE);
    else
        (void)put_all(&s, in, root);
    if (s.err == HUFU_OK && buf_check(out) != HUFU_OK)
        s.err = HUFU_NOMEM;
    if (s.err != HUFU_OK) {
        buf_reset(out);
        *fault_out = s.fault;
    }
    jsonmem_end(&mem); /* the values lie in it and end with it */
    /* the parser's last words may quote the input */
    wipe(&error, sizeof(error));
    return s.err;
}
