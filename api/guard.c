#include "api/guard.h"

#include <string.h>
#include <strings.h>

#include "vault/base/id.h"
#include "vault/base/text.h"

#define NUMBER_DIGITS 9 /* the shortest account or ID number that is kept here */

static bool is_digit_or_letter(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_one_of(uint8_t c, const char *set)
{
    return c != 0 && strchr(set, c) != NULL;
}

bool guard_target_ok(struct view target)
{
    bool query = false;

    if (target.len == 0 || target.len > GUARD_TARGET_MAX || target.p[0] != '/')
        return false;
    for (size_t i = 0; i < target.len; i++) {
        uint8_t c = target.p[i];

        if (is_digit_or_letter(c) || is_one_of(c, query ? "-._~=&:" : "-._~/"))
            continue;
        if (c != '?' || query || i + 1 == target.len)
            return false;
        query = true;
    }
    return true;
}

/* RFC 9110 5.6.2: a token; so are methods. */
static bool is_token(struct view name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!is_digit_or_letter(name.p[i]) && !is_one_of(name.p[i], "!#$%&'*+-.^_`|~"))
            return false;
    return name.len != 0;
}

/* RFC 9110 5.5: no control character but the tab. */
static bool is_header_value(struct view value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((value.p[i] < 0x20 && value.p[i] != '\t') || value.p[i] == 0x7f)
            return false;
    return true;
}

static bool is_blank(const uint8_t *from, const uint8_t *to)
{
    for (; from < to; from++)
        if (*from != ' ' && *from != '\t')
            return false;
    return true;
}

/* Both bytes of a CRLF are NUL by now; one that is not was never a line's end. */
static bool is_line_end(const uint8_t *at, const uint8_t *end)
{
    return end - at >= 2 && at[0] == 0 && at[1] == 0;
}

/*
 * RFC 9112 5: name ":" OWS value OWS CRLF. The parser has overwritten the colon, CR and LF with NUL
 * and nothing else, so the next line starts two bytes after this value's end. at: where this line
 * must start. Returns where the next one must, or NULL.
 */
static const uint8_t *line_end(const struct guard_header *h, const uint8_t *at, const uint8_t *end)
{
    if (h->name.p != at || h->name.len + 1 > (size_t)(end - at))
        return NULL;
    at += h->name.len + 1;
    if (h->value.p == NULL || h->value.p < at || h->value.p > end || !is_blank(at, h->value.p))
        return NULL;
    at = h->value.p + h->value.len;
    return is_line_end(at, end) ? at + 2 : NULL;
}

/* Each part must follow the one before at the distance the grammar gives. */
static bool is_laid_out(const struct guard_head *head)
{
    const uint8_t *at = head->method.p;
    const uint8_t *end = at + head->size;

    if (head->method.len + head->target.len + head->version.len + 6 > head->size)
        return false;
    at += head->method.len + 1;
    if (head->target.p != at)
        return false;
    at += head->target.len + 1;
    if (head->version.p != at)
        return false;
    at += head->version.len;
    if (!is_line_end(at, end))
        return false;
    at += 2;
    for (size_t i = 0; i < head->count; i++) {
        at = line_end(&head->header[i], at, end);
        if (at == NULL)
            return false;
    }
    return end - at == 2 && is_line_end(at, end); /* the blank line */
}

enum guard_kind {
    KIND_OTHER,
    KIND_HOST,
    KIND_LENGTH,
    KIND_TRANSFER,
    KIND_AUTHORIZATION,
    KIND_TYPE,
    KIND_ENCODING,
    KIND_IDEM,
    KIND_ID,
    KIND_COUNT
};

static enum guard_kind kind_of(struct view name)
{
    static const struct {
        const char *name;
        size_t name_len;
        enum guard_kind kind;
    } known[] = {
        { "host", 4, KIND_HOST },
        { "content-type", 12, KIND_TYPE },
        { "x-request-id", 12, KIND_ID },
        { "authorization", 13, KIND_AUTHORIZATION },
        { "content-length", 14, KIND_LENGTH },
        { "idempotency-key", 15, KIND_IDEM },
        { "content-encoding", 16, KIND_ENCODING },
        { "transfer-encoding", 17, KIND_TRANSFER },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].name_len == name.len &&
            strncasecmp(known[i].name, (const char *)name.p, name.len) == 0)
            return known[i].kind;
    return KIND_OTHER;
}

/* Sorts the headers by kind: how often each came, and the last value. HUFU_BAD_REQUEST. */
static enum hufu_err sort_headers(const struct guard_head *head, size_t times[KIND_COUNT],
                                  struct view value[KIND_COUNT])
{
    for (size_t i = 0; i < head->count; i++) {
        const struct guard_header *h = &head->header[i];
        enum guard_kind kind;

        if (!is_token(h->name) || !is_header_value(h->value))
            return HUFU_BAD_REQUEST;
        kind = kind_of(h->name);
        times[kind]++;
        value[kind] = h->value;
    }
    return HUFU_OK;
}

static enum hufu_err check_line(const struct guard_head *head)
{
    if (head->count > GUARD_HEADERS_MAX || !is_token(head->method))
        return HUFU_BAD_REQUEST;
    if (!head->target_ok || head->target.len > GUARD_TARGET_MAX)
        return HUFU_BAD_REQUEST;
    if (!view_is(head->version, "HTTP/1.1") && !view_is(head->version, "HTTP/1.0"))
        return HUFU_BAD_REQUEST;
    if (head->size != 0 && !is_laid_out(head))
        return HUFU_BAD_REQUEST;
    return HUFU_OK;
}

/* RFC 9112 3.2 (Host), 6.1 to 6.3 (length); a second one of any header we act on is refused. */
static enum hufu_err check_counts(const struct guard_head *head, const size_t times[KIND_COUNT])
{
    bool wants_length = view_is(head->method, "POST") || view_is(head->method, "PUT") ||
                        view_is(head->method, "PATCH");

    if (times[KIND_HOST] > 1 || (times[KIND_HOST] == 0 && view_is(head->version, "HTTP/1.1")))
        return HUFU_BAD_REQUEST;
    if (times[KIND_LENGTH] > 1 || times[KIND_AUTHORIZATION] > 1 || times[KIND_TYPE] > 1 ||
        times[KIND_IDEM] > 1)
        return HUFU_BAD_REQUEST;
    if (times[KIND_TRANSFER] != 0)
        return times[KIND_LENGTH] != 0 ? HUFU_BAD_REQUEST : HUFU_LENGTH_REQUIRED;
    if (wants_length && times[KIND_LENGTH] == 0)
        return HUFU_LENGTH_REQUIRED;
    return HUFU_OK;
}

/*
 * A request id is logged and echoed, so it must not carry an account or ID number, not a mistyped
 * one either: every such number has nine digits in a row, whatever separates them. A UUIDv7,
 * where digits meet by chance, is fine.
 */
static bool may_hold_number(struct view id)
{
    uint8_t uuid[ID_LEN];
    size_t run = 0;

    if (id_parse(id, uuid) == HUFU_OK && uuid[6] >> 4 == 7 && uuid[8] >> 6 == 2)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        if (id.p[i] >= '0' && id.p[i] <= '9')
            run++;
        else if (id.p[i] != '-' && id.p[i] != '.' && id.p[i] != '_')
            run = 0;
        if (run >= NUMBER_DIGITS)
            return true;
    }
    return false;
}

enum hufu_err guard_check(const struct guard_head *head, struct guard_found *out)
{
    size_t times[KIND_COUNT] = { 0 };
    struct view value[KIND_COUNT] = { { NULL, 0 } };
    struct guard_found found = { 0 };
    enum hufu_err err;

    err = check_line(head);
    if (err == HUFU_OK)
        err = sort_headers(head, times, value);
    if (err == HUFU_OK)
        err = check_counts(head, times);
    if (err != HUFU_OK)
        return err;
    if (times[KIND_LENGTH] != 0 &&
        text_u64(value[KIND_LENGTH], 0, INT64_MAX, &found.content_length) != HUFU_OK)
        return HUFU_BAD_REQUEST;
    if (times[KIND_IDEM] != 0 && !text_is_key(value[KIND_IDEM]))
        return HUFU_BAD_REQUEST;
    found.has_length = times[KIND_LENGTH] != 0;
    found.encoded = times[KIND_ENCODING] != 0;
    found.authorization = value[KIND_AUTHORIZATION];
    if (times[KIND_AUTHORIZATION] != 0 && found.authorization.p == NULL)
        found.authorization = view_str("");
    found.content_type = value[KIND_TYPE];
    found.idem_key = value[KIND_IDEM];
    if (times[KIND_ID] == 1 && text_is_key(value[KIND_ID]) && !may_hold_number(value[KIND_ID]))
        found.request_id = value[KIND_ID];
    *out = found;
    return HUFU_OK;
}
