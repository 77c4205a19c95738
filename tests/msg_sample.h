/*
 * msg_sample.h - whole requests made from the tables of verbs and fields, for tests and fuzz
 * targets.
 *
 * Layer:   tests/. Includes vault/base/.
 * Threads: none.
 */
#ifndef HUFU_TESTS_MSG_SAMPLE_H
#define HUFU_TESTS_MSG_SAMPLE_H

#include <stdint.h>
#include <string.h>

#include "vault/base/msg.h"

#define MSG_SAMPLE_SESSION "AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDDDDDDDDDEEE"

static inline struct msg_request msg_sample_head(void)
{
    struct msg_request req = { .flags = MSG_HAS_PIN | MSG_HAS_SESSION,
                               .session = view_str(MSG_SAMPLE_SESSION),
                               .request_id = view_str("req-1"),
                               .idem_key = view_str("idem.1"),
                               .where = MSG_WHERE_NONE };

    memset(req.addr, 7, sizeof(req.addr));
    memset(req.pin, 9, sizeof(req.pin));
    return req;
}

/* Appends a list of count elements, each element_len bytes of 'a'. */
static inline void msg_sample_list(struct buf *out, enum msg_tag tag, size_t count,
                                   size_t element_len)
{
    uint8_t element[300];
    struct buf list;

    memset(element, 'a', sizeof(element));
    buf_init(&list, 1 << 20);
    for (size_t i = 0; i < count; i++)
        buf_lv32(&list, element, element_len);
    msg_put_text(out, tag, buf_view(&list));
    buf_done(&list);
}

static inline void msg_sample_item(struct buf *list, size_t value_len)
{
    uint8_t value[300];
    struct buf item;

    memset(value, '4', sizeof(value));
    buf_init(&item, 2000);
    msg_put_text(&item, MSG_VALUE, view_of(value, value_len));
    msg_put_text(&item, MSG_SUBJECT, view_str("s"));
    buf_lv32(list, item.p, item.len);
    buf_done(&item);
}

static inline void msg_sample_items(struct buf *out, size_t count, size_t value_len)
{
    struct buf list;

    buf_init(&list, 1 << 20);
    for (size_t i = 0; i < count; i++)
        msg_sample_item(&list, value_len);
    msg_put_text(out, MSG_VALUES, buf_view(&list));
    buf_done(&list);
}

static inline void msg_sample_qualification(struct buf *out, enum msg_tag tag, size_t ref_len)
{
    uint8_t ref[100];
    struct buf q;

    memset(ref, 'q', sizeof(ref));
    buf_init(&q, 1000);
    buf_lv16(&q, ref, ref_len);
    buf_u64(&q, 1234567890123);
    msg_put_text(out, tag, buf_view(&q));
    buf_done(&q);
}

/* Appends a field with len bytes of content where its kind has a length of its own. */
static inline void msg_sample_field(struct buf *out, enum msg_tag tag, size_t len)
{
    static uint8_t text[20000];

    memset(text, 'a', sizeof(text));
    switch (msg_fields[tag].kind) {
    case MSG_TEXT:
    case MSG_SECRET:
        msg_put_text(out, tag, view_of(text, len));
        break;
    case MSG_U64:
        msg_put_u64(out, tag, 1000 + (uint64_t)tag);
        break;
    case MSG_BOOL:
        msg_put_bool(out, tag, true);
        break;
    case MSG_TEXTS:
        msg_sample_list(out, tag, 2, len);
        break;
    case MSG_ITEMS:
        msg_sample_items(out, 2, len ? len : 1);
        break;
    case MSG_KIND_KEEP:
        msg_put_text(out, tag, view_of("\x06\x04", 2));
        break;
    case MSG_KIND_QUALIFICATION:
        msg_sample_qualification(out, tag, len);
        break;
    }
}

static inline size_t msg_sample_max(enum msg_tag tag)
{
    return tag == MSG_VALUES ? MSG_VALUE_MAX : msg_fields[tag].max;
}

/* A verb's request with all its members, but without one and with another where not MSG_NONE. */
static inline void msg_sample_request(struct buf *out, unsigned verb, unsigned without,
                                      unsigned with)
{
    const struct msg_shape *shape = msg_shape(verb);
    struct msg_request head = msg_sample_head();
    size_t at = 0;

    msg_request_put_head(out, &head);
    for (unsigned tag = 1; tag < MSG_TAG_COUNT; tag++) {
        bool in_shape = at < shape->needs_count && shape->needs[at].tag == tag;

        at += in_shape;
        if ((in_shape && tag != without) || tag == with)
            msg_sample_field(out, (enum msg_tag)tag, msg_sample_max((enum msg_tag)tag));
    }
}

#endif
