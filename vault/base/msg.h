/*
 * msg.h - the messages between front and core: one table of verbs, one table of fields.
 *
 * Layer:   vault/base/. Includes err.h, buf.h, msg_table.h.
 * Threads: pure functions and constant tables.
 *
 * The front turns a route and its JSON into verb + fields by these tables; the core checks the same
 * tables again. A field is u16 tag, u32 length, bytes; tags ascend, none twice. Kinds:
 *   TEXT   UTF-8, 1..max bytes (0 allowed only where the row says so)
 *   SECRET as TEXT; never recorded (values, passwords, codes)
 *   U64    8 bytes
 *   BOOL   1 byte, 0 or 1
 *   TEXTS  1..MSG_ITEMS_MAX strings, each u32 length and bytes, max bytes each
 *   ITEMS  1..MSG_ITEMS_MAX items, each u32 length and nested fields of `values`
 *   KEEP   u8 prefix, u8 suffix
 *   QUALIFICATION u16 length, ref, u64 ms valid_until
 * A request's canonical body is the bytes of its fields: the idempotency fingerprint is over them.
 */
#ifndef HUFU_BASE_MSG_H
#define HUFU_BASE_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/base/msg_table.h"

#define MSG_ITEMS_MAX   1000 /* values, tokens of one request; above: 413 */
#define MSG_VALUE_MAX   255  /* bytes of a value or token string as it comes in */
#define MSG_SESSION_LEN 43   /* base64url of 32 bytes */
#define MSG_PIN_LEN     32   /* SHA-256 of the certificate's SubjectPublicKeyInfo, DER */

enum msg_kind {
    MSG_TEXT,
    MSG_SECRET,
    MSG_U64,
    MSG_BOOL,
    MSG_TEXTS,
    MSG_ITEMS,
    MSG_KIND_KEEP, /* the tags KEEP and QUALIFICATION have the short names */
    MSG_KIND_QUALIFICATION,
};

#define MSG_TAG_ENUM(tag, name, kind, max) MSG_##tag,
enum msg_tag { MSG_NONE = 0, MSG_FIELDS(MSG_TAG_ENUM) MSG_TAG_COUNT };
#undef MSG_TAG_ENUM

struct msg_field {
    const char *name; /* JSON member, query or path parameter */
    enum msg_kind kind;
    size_t max;
};
extern const struct msg_field msg_fields[MSG_TAG_COUNT]; /* row 0 is empty */

#define MSG_VERB_ENUM(id, type, name) VERB_##id = type,
enum msg_verb { VERB_NONE = 0, MSG_VERBS(MSG_VERB_ENUM) VERB_COUNT };
#undef MSG_VERB_ENUM
#define MSG_REPLY 0x8000 /* a reply's frame type is the verb's with this bit */

struct msg_need { /* one member of a verb's body, query or path */
    enum msg_tag tag;
    bool must;
};
struct msg_shape {
    const char *verb_name;
    const struct msg_need *needs; /* ascending tags */
    size_t needs_count;
};
/* Returns the shape of a verb, or NULL outside the table. */
const struct msg_shape *msg_shape(unsigned verb);

/* Where in the body a fault is: /values/3/consent = { MSG_VALUES, 3, MSG_CONSENT }. */
#define MSG_NO_INDEX UINT32_MAX
struct msg_where {
    uint16_t tag;   /* MSG_NONE: the body as a whole */
    uint16_t sub;   /* member inside, or MSG_NONE */
    uint32_t index; /* element, or MSG_NO_INDEX */
};
#define MSG_WHERE_NONE ((struct msg_where){ MSG_NONE, MSG_NONE, MSG_NO_INDEX })

/* flags of a request */
#define MSG_HAS_PIN     1 /* a client certificate of our CA, verified; pin is set */
#define MSG_HAS_SESSION 2
#define MSG_BODY_BAD                                                                               \
    4 /* the body did not parse: body_err and where say how; there are no fields                   \
       */

struct msg_request {
    uint16_t verb;
    uint8_t flags;
    uint8_t addr[16]; /* peer, IPv4 mapped into IPv6 */
    uint8_t pin[MSG_PIN_LEN];
    uint64_t cert_until_ms; /* end of the certificate's life, ms UTC; 0 without MSG_HAS_PIN */
    struct view session;    /* MSG_SESSION_LEN bytes, or empty */
    struct view request_id; /* text_is_key, never empty */
    struct view idem_key;   /* text_is_key, or empty */
    enum hufu_err body_err; /* BAD_REQUEST or TOO_LARGE with MSG_BODY_BAD, else OK */
    struct msg_where where;
    struct view fields;               /* all fields as they stand */
    struct view field[MSG_TAG_COUNT]; /* p == NULL: absent */
};

/* Writes the head of a request (everything before its fields; u64 cert_until_ms follows the pin);
 * the caller appends fields. */
void msg_request_put_head(struct buf *out, const struct msg_request *req);
void msg_put_text(struct buf *out, enum msg_tag tag, struct view text);
void msg_put_u64(struct buf *out, enum msg_tag tag, uint64_t v);
void msg_put_bool(struct buf *out, enum msg_tag tag, bool v);

/*
 * Reads and checks a request frame's body against the verb's shape: every length, kind, count and
 * order. The views borrow from in.
 * Returns: HUFU_OK; HUFU_CORRUPT (close the link): a front that checks never sends such a frame.
 */
HUFU_MUST_USE enum hufu_err msg_request_get(uint16_t verb, struct view in, struct msg_request *out);

bool msg_has(const struct msg_request *req, enum msg_tag tag);
uint64_t msg_u64(const struct msg_request *req, enum msg_tag tag, uint64_t otherwise);
bool msg_bool(const struct msg_request *req, enum msg_tag tag);
struct view msg_text(const struct msg_request *req, enum msg_tag tag); /* empty if absent */

/* Walks TEXTS and ITEMS, which msg_request_get has checked. */
size_t msg_list_count(struct view list);
struct view msg_list_next(struct reader *r); /* r from reader_init over the list */
struct msg_item {                            /* one element of `values` */
    struct view value, subject, consent;     /* p == NULL: absent */
};
HUFU_MUST_USE enum hufu_err msg_item_get(struct view in, struct msg_item *out);

/* How a success is answered. */
enum msg_success { MSG_200, MSG_201, MSG_202, MSG_204 };
#define MSG_REPLAYED   1 /* Idempotency-Replayed: true */
#define MSG_TEXT_PLAIN 2 /* the body is text/plain (a checkpoint, metrics), else JSON */
#define MSG_BINARY     4 /* the body is application/octet-stream (a tile) */

#define MSG_DETAIL_MAX     240 /* bytes */
#define MSG_REPLY_HEAD_LEN 20  /* bytes before the body */
struct msg_reply {
    enum hufu_err err; /* OK, or one with an err_code */
    enum msg_success success;
    uint8_t flags;
    struct msg_where where;
    uint32_t retry_after_s; /* with 429 and 503, else 0 */
    struct view body;       /* canonical JSON; empty for an error (the front writes problem+json),
                             * but for STATUS, which names the part that is not ready, and a
                             * BAD_REQUEST's detail: printable ASCII, nothing of the request */
};

void msg_reply_put(struct buf *out, const struct msg_reply *reply);
/* All of it but the body's bytes, which must follow: MSG_REPLY_HEAD_LEN bytes. */
void msg_reply_put_head(struct buf *out, const struct msg_reply *reply);
HUFU_MUST_USE enum hufu_err msg_reply_get(struct view in, struct msg_reply *out);

#endif
