/*
 * msg.h - the messages between front and core: one table of verbs, one table of fields.
 *
 * Layer:   vault/base/. Includes err.h, buf.h, frame.h.
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

/* clang-format off */
#define MSG_FIELDS(X) /* tag, JSON name, kind, max bytes (U64: unused) */ \
    X(DOMAIN,           "domain",           MSG_TEXT,   32)     \
    X(VALUE,            "value",            MSG_SECRET, 255)    \
    X(VALUES,           "values",           MSG_ITEMS,  0)      \
    X(TOKEN,            "token",            MSG_SECRET, 255)    \
    X(TOKENS,           "tokens",           MSG_TEXTS,  255)    \
    X(SUBJECT,          "subject",          MSG_TEXT,   128)    \
    X(CONSENT,          "consent",          MSG_TEXT,   128)    \
    X(CHANNEL,          "channel",          MSG_TEXT,   32)     \
    X(EXPIRES_IN,       "expires_in",       MSG_U64,    0)      \
    X(USES,             "uses",             MSG_U64,    0)      \
    X(RECEIPT,          "receipt",          MSG_BOOL,   0)      \
    X(REASON,           "reason",           MSG_TEXT,   128)    \
    X(PURPOSE,          "purpose",          MSG_TEXT,   64)     \
    X(GRANT,            "grant",            MSG_TEXT,   36)     \
    X(RECIPIENT,        "recipient",        MSG_TEXT,   128)    \
    X(COUNT,            "count",            MSG_U64,    0)      \
    X(USER,             "user",             MSG_TEXT,   32)     \
    X(PASSWORD,         "password",         MSG_SECRET, 256)    \
    X(OTP,              "otp",              MSG_SECRET, 16)     \
    X(KIND,             "kind",             MSG_TEXT,   32)     \
    X(NAME,             "name",             MSG_TEXT,   32)     \
    X(ROLE,             "role",             MSG_TEXT,   16)     \
    X(FORMAT,           "format",           MSG_TEXT,   32)     \
    X(FORMATS,          "formats",          MSG_TEXTS,  32)     \
    X(MODE,             "mode",             MSG_TEXT,   16)     \
    X(PARTNERS,         "partners",         MSG_TEXTS,  32)     \
    X(DOMAINS,          "domains",          MSG_TEXTS,  32)     \
    X(KEEP,             "keep",             MSG_KIND_KEEP, 0)   \
    X(PURPOSES,         "purposes",         MSG_TEXTS,  64)     \
    X(EXPECTED,         "expected",         MSG_U64,    0)      \
    X(RETENTION_DAYS,   "retention_days",   MSG_U64,    0)      \
    X(TOKEN_CHECK,      "token_check",      MSG_TEXT,   16)     \
    X(BATCH_DETOKENIZE, "batch_detokenize", MSG_U64,    0)      \
    X(CERT_PEM,         "cert_pem",         MSG_TEXT,   16384)  \
    X(QUALIFICATION,    "qualification",    MSG_KIND_QUALIFICATION, 64) \
    X(ID,               "id",               MSG_TEXT,   36)     \
    X(LIMIT,            "limit",            MSG_U64,    0)      \
    X(AFTER,            "after",            MSG_TEXT,   64)     \
    X(FROM,             "from",             MSG_U64,    0)      \
    X(TO,               "to",               MSG_U64,    0)      \
    X(INDEX,            "index",            MSG_U64,    0)      \
    X(SIZE,             "size",             MSG_U64,    0)      \
    X(NEW_PASSWORD,     "new_password",     MSG_SECRET, 256)    \
    X(CONSENT_REQUIRED, "consent_required", MSG_BOOL,   0)      \
    X(PROVENANCE,       "provenance",       MSG_BOOL,   0)      \
    X(ENTRUSTED,        "entrusted",        MSG_BOOL,   0)      \
    X(REQUESTOR,        "requestor",        MSG_TEXT,   11)     \
    X(ASSURANCE,        "assurance",        MSG_U64,    0)      \
    X(CHANNELS,         "channels",         MSG_TEXTS,  32)
/* clang-format on */

#define MSG_TAG_ENUM(tag, name, kind, max) MSG_##tag,
enum msg_tag { MSG_NONE = 0, MSG_FIELDS(MSG_TAG_ENUM) MSG_TAG_COUNT };
#undef MSG_TAG_ENUM

struct msg_field {
    const char *name; /* JSON member, query or path parameter */
    enum msg_kind kind;
    size_t max;
};
extern const struct msg_field msg_fields[MSG_TAG_COUNT]; /* row 0 is empty */

/*
 * The verbs: frame type, name as the log has it. What each may and must have: msg_shape.c.
 */
/* clang-format off */
#define MSG_VERBS(X) /* id, frame type, name */  \
    X(TOKENIZE,          1, "tokenize")          \
    X(LOOKUP,            2, "lookup")            \
    X(INSPECT,           3, "inspect")           \
    X(SUSPEND,           4, "suspend")           \
    X(RESUME,            5, "resume")            \
    X(REVOKE,            6, "revoke")            \
    X(DELETE,            7, "delete")            \
    X(REPLACE,           8, "replace")           \
    X(LOGIN,             9, "login")             \
    X(LOGOUT,           10, "logout")            \
    X(STEP_UP,          11, "step-up")           \
    X(WHOAMI,           12, "whoami")            \
    X(DETOKENIZE,       13, "detokenize")        \
    X(CEREMONY_PROPOSE, 14, "ceremony-propose")  \
    X(CEREMONY_LIST,    15, "ceremony-list")     \
    X(CEREMONY_SHOW,    16, "ceremony-show")     \
    X(CEREMONY_APPROVE, 17, "ceremony-approve")  \
    X(CEREMONY_CANCEL,  18, "ceremony-cancel")   \
    X(KEY_LIST,         19, "key-list")          \
    X(DOMAIN_ADD,       20, "domain-add")        \
    X(DOMAIN_LIST,      21, "domain-list")       \
    X(PARTNER_ADD,      22, "partner-add")       \
    X(PARTNER_LIST,     23, "partner-list")      \
    X(USER_ADD,         24, "user-add")          \
    X(USER_LIST,        25, "user-list")         \
    X(DOMAIN_FREEZE,    26, "domain-freeze")     \
    X(DOMAIN_UNFREEZE,  27, "domain-unfreeze")   \
    X(PARTNER_FREEZE,   28, "partner-freeze")    \
    X(PARTNER_UNFREEZE, 29, "partner-unfreeze")  \
    X(USER_FREEZE,      30, "user-freeze")       \
    X(USER_UNFREEZE,    31, "user-unfreeze")     \
    X(CHECKPOINT,       32, "checkpoint")        \
    X(PROOF,            33, "proof")             \
    X(CONSISTENCY,      34, "consistency")       \
    X(ENTRIES,          35, "entries")           \
    X(PEER_CHECK,       36, "peer-check")        \
    X(STATUS,           37, "status")            \
    X(METRICS,          38, "metrics")           \
    X(GRANT_ASK,        39, "grant-ask")         \
    X(GRANT_LIST,       40, "grant-list")        \
    X(GRANT_SHOW,       41, "grant-show")        \
    X(GRANT_APPROVE,    42, "grant-approve")     \
    X(GRANT_DENY,       43, "grant-deny")        \
    X(GRANT_WITHDRAW,   44, "grant-withdraw")    \
    X(PARTNER_CERT_ADD, 45, "partner-cert-add")  \
    X(PASSWORD_CHANGE,  46, "password-change")   \
    X(PARTNER_QUALIFY,  47, "partner-qualify")   \
    X(DOMAIN_CAPACITY,  48, "domain-capacity")
/* clang-format on */

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
