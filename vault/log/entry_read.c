#include "vault/log/entry_read.h"

#include <string.h>

#include "vault/base/clock.h"
#include "vault/base/text.h"

#define ID_CHARS 22 /* base64url of 16 bytes */
#define ID_STEP  (ID_CHARS + 1)

struct scan {
    struct reader in;
    struct buf *text;
    struct entry_fields e;
};

static bool takes(struct scan *s, uint8_t c)
{
    return reader_u8(&s->in) == c && !s->in.failed;
}

static int hex_of(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What stands behind a backslash, where it is what put_control in json.c writes. */
static bool unescape(struct scan *s, uint8_t *out)
{
    static const char letters[] = "\"\\btnfr", means[] = "\"\\\b\t\n\f\r";
    uint8_t c = reader_u8(&s->in);
    const char *at = c == '\0' ? NULL : strchr(letters, c);
    int high, low;

    if (at != NULL) {
        *out = (uint8_t)means[at - letters];
        return true;
    }
    if (c != 'u' || !takes(s, '0') || !takes(s, '0'))
        return false;
    high = hex_of(reader_u8(&s->in));
    low = hex_of(reader_u8(&s->in));
    if (high < 0 || high > 1 || low < 0)
        return false;
    *out = (uint8_t)(high << 4 | low);
    return strchr("\b\t\n\f\r", *out) == NULL || *out == 0; /* those have a shorter escape */
}

/* The rest of a string behind its first escape, into the text. */
static bool read_escaped(struct scan *s, struct view begun, struct view *out)
{
    size_t from = s->text->len;
    uint8_t c;

    buf_put(s->text, begun.p, begun.len);
    for (c = '\\'; c != '"'; c = reader_u8(&s->in)) {
        if (s->in.failed || c < 0x20 || (c == '\\' && !unescape(s, &c)))
            return false;
        buf_u8(s->text, c);
    }
    if (s->in.failed || buf_check(s->text) != HUFU_OK)
        return false;
    *out = view_of(s->text->p + from, s->text->len - from);
    return true;
}

static bool is_utf8(struct view text)
{
    while (text.len > 0) {
        size_t len = text_utf8_len(text);

        if (len == 0)
            return false;
        text.p += len;
        text.len -= len;
    }
    return true;
}

/* A string that is not empty: what is empty is left out of a line. */
static bool read_string(struct scan *s, struct view *out)
{
    struct view text;
    uint8_t c;

    if (!takes(s, '"'))
        return false;
    text = view_of(s->in.p, 0);
    while ((c = reader_u8(&s->in)) != '"' && c != '\\') {
        if (s->in.failed || c < 0x20)
            return false;
        text.len++;
    }
    if (c == '\\' && !read_escaped(s, text, &text))
        return false;
    *out = text;
    return !s->in.failed && text.len > 0 && is_utf8(text);
}

static bool read_clock(struct scan *s)
{
    struct view text;

    s->e.held = true;
    return read_string(s, &text) && view_is(text, "held");
}

static bool read_commit(struct scan *s)
{
    struct view text;
    struct buf out;

    buf_fixed(&out, s->e.commit, sizeof(s->e.commit));
    s->e.has_commit = true;
    return read_string(s, &text) && text_unbase64(text, &out) == HUFU_OK &&
           out.len == sizeof(s->e.commit);
}

static bool read_time(struct scan *s)
{
    struct view text;

    return read_string(s, &text) && text.len == CLOCK_TEXT_LEN &&
           clock_parse(text, &s->e.time_ms) == HUFU_OK && s->e.time_ms != 0;
}

static bool read_id(struct view text, uint8_t out[static ENTRY_TOKEN_ID_LEN])
{
    struct buf id;

    buf_fixed(&id, out, ENTRY_TOKEN_ID_LEN);
    return text_unbase64url(text, &id) == HUFU_OK && id.len == ENTRY_TOKEN_ID_LEN;
}

static bool read_ids(struct scan *s)
{
    uint8_t id[ENTRY_TOKEN_ID_LEN];
    struct view text;
    size_t count;

    if (!read_string(s, &text) || text.len % ID_STEP != ID_CHARS)
        return false;
    count = text.len / ID_STEP + 1;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = text.p + i * ID_STEP;

        if (!read_id(view_of(at, ID_CHARS), id) || (i + 1 < count && at[ID_CHARS] != ','))
            return false;
    }
    s->e.token_ids = text;
    s->e.token_id_count = count;
    return count <= ENTRY_IDS_MAX;
}

/* The members in their order; text: where a plain one goes. */
static const struct member {
    const char *name;
    bool (*read)(struct scan *s); /* NULL: a text */
    size_t text;
    bool must;
} members[] = {
    { "clock", read_clock, 0, false },
    { "commit", read_commit, 0, false },
    { "domain", NULL, offsetof(struct entry_fields, domain), false },
    { "principal", NULL, offsetof(struct entry_fields, principal), false },
    { "purpose", NULL, offsetof(struct entry_fields, purpose), false },
    { "reason", NULL, offsetof(struct entry_fields, reason), false },
    { "request_id", NULL, offsetof(struct entry_fields, request_id), false },
    { "result", NULL, offsetof(struct entry_fields, result), true },
    { "role", NULL, offsetof(struct entry_fields, role), false },
    { "source", NULL, offsetof(struct entry_fields, source), false },
    { "time", read_time, 0, true },
    { "token_id", read_ids, 0, false },
    { "verb", NULL, offsetof(struct entry_fields, verb), true },
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

/* Its name and colon; the cursor stays where it is another. */
static bool has_name(struct scan *s, const char *name)
{
    size_t len = strlen(name);
    const uint8_t *p = s->in.p;

    if (s->in.left < len + 3 || p[0] != '"' || !view_equal(view_of(p + 1, len), view_str(name)) ||
        p[len + 1] != '"' || p[len + 2] != ':')
        return false;
    (void)reader_take(&s->in, len + 3);
    return true;
}

static bool read_member(struct scan *s, const struct member *m)
{
    uint8_t *fields = (uint8_t *)&s->e;

    if (m->read != NULL)
        return m->read(s);
    return read_string(s, (struct view *)(void *)(fields + m->text));
}

static bool read_line(struct scan *s)
{
    bool first = true;

    if (!takes(s, '{'))
        return false;
    for (size_t i = 0; i < MEMBERS; i++) {
        struct reader before = s->in;
        bool there = (first || takes(s, ',')) && has_name(s, members[i].name);

        if (!there && members[i].must)
            return false;
        if (!there) {
            s->in = before;
            continue;
        }
        if (!read_member(s, &members[i]))
            return false;
        first = false;
    }
    return takes(s, '}') && reader_end(&s->in) == HUFU_OK;
}

enum hufu_err entry_read(struct view line, struct buf *text, struct entry_fields *out)
{
    struct scan s = { .text = text };

    buf_reset(text);
    reader_init(&s.in, line.p, line.len);
    if (line.len > ENTRY_LINE_MAX || !read_line(&s))
        return HUFU_CORRUPT;
    *out = s.e;
    return HUFU_OK;
}

void entry_read_id(const struct entry_fields *e, size_t i, uint8_t out[static ENTRY_TOKEN_ID_LEN])
{
    if (i >= e->token_id_count || !read_id(view_of(e->token_ids.p + i * ID_STEP, ID_CHARS), out))
        memset(out, 0, ENTRY_TOKEN_ID_LEN);
}
