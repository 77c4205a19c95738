#include "vault/base/json.h"

#include <assert.h>
#include <string.h>

#include "vault/base/clock.h"
#include "vault/base/text.h"

#define NUMBER_MAX (UINT64_C(1) << 53)

void json_init(struct json *j, struct buf *out)
{
    *j = (struct json){ .out = out };
}

/* What stands before a value: a comma where one is due; the value makes the next one due. */
static void begin(struct json *j)
{
    if (j->comma)
        buf_u8(j->out, ',');
    j->comma = true;
}

static void enter(struct json *j, uint8_t mark)
{
    assert(j->depth < JSON_DEPTH_MAX);
    begin(j);
    buf_u8(j->out, mark);
    j->last[j->depth++] = NULL;
    j->comma = false;
}

static void leave(struct json *j, uint8_t mark)
{
    assert(j->depth > 0);
    buf_u8(j->out, mark);
    j->depth--;
    j->comma = true;
}

void json_open(struct json *j)
{
    enter(j, '{');
}

void json_close(struct json *j)
{
    leave(j, '}');
}

void json_list(struct json *j)
{
    enter(j, '[');
}

void json_end(struct json *j)
{
    leave(j, ']');
}

/* RFC 8785 section 3.2.2.2: the two-letter escapes, then \u00xx in lower case. */
static void put_control(struct buf *out, uint8_t c)
{
    static const char letters[] = "btn\0fr"; /* of U+0008 to U+000D; U+000B has none */

    buf_u8(out, '\\');
    if (c >= 8 && c <= 13 && letters[c - 8] != '\0') {
        buf_u8(out, (uint8_t)letters[c - 8]);
        return;
    }
    buf_str(out, "u00");
    text_hex(out, &c, 1);
}

/* How many bytes stand for themselves: what most of every text is. */
static size_t plain_len(struct view text)
{
    size_t n = 0;

    while (n < text.len && text.p[n] >= 0x20 && text.p[n] < 0x80 && text.p[n] != '"' &&
           text.p[n] != '\\')
        n++;
    return n;
}

static void put_string(struct buf *out, struct view text)
{
    buf_u8(out, '"');
    while (text.len > 0) {
        size_t len = plain_len(text);

        buf_put(out, text.p, len);
        text.p += len;
        text.len -= len;
        if (text.len == 0)
            break;
        len = text_utf8_len(text);
        if (len == 0) {
            out->failed = true;
            return;
        }
        if (text.p[0] < 0x20) {
            put_control(out, text.p[0]);
        } else {
            if (text.p[0] == '"' || text.p[0] == '\\')
                buf_u8(out, '\\');
            buf_put(out, text.p, len);
        }
        text.p += len;
        text.len -= len;
    }
    buf_u8(out, '"');
}

void json_name(struct json *j, const char *name)
{
    assert(j->depth > 0);
    assert(j->last[j->depth - 1] == NULL || strcmp(j->last[j->depth - 1], name) < 0);
    j->last[j->depth - 1] = name;
    begin(j);
    put_string(j->out, view_str(name));
    buf_u8(j->out, ':');
    j->comma = false;
}

void json_text(struct json *j, struct view text)
{
    begin(j);
    put_string(j->out, text);
}

void json_str(struct json *j, const char *text)
{
    json_text(j, view_str(text));
}

void json_u64(struct json *j, uint64_t v)
{
    begin(j);
    if (v > NUMBER_MAX)
        j->out->failed = true;
    buf_dec(j->out, v);
}

void json_bool(struct json *j, bool v)
{
    begin(j);
    buf_str(j->out, v ? "true" : "false");
}

void json_nil(struct json *j)
{
    begin(j);
    buf_str(j->out, "null");
}

void json_put_text(struct json *j, const char *name, struct view text)
{
    json_name(j, name);
    json_text(j, text);
}

void json_put_str(struct json *j, const char *name, const char *text)
{
    json_name(j, name);
    json_str(j, text);
}

void json_put_u64(struct json *j, const char *name, uint64_t v)
{
    json_name(j, name);
    json_u64(j, v);
}

void json_put_bool(struct json *j, const char *name, bool v)
{
    json_name(j, name);
    json_bool(j, v);
}

void json_put_time(struct json *j, const char *name, uint64_t ms)
{
    char text[CLOCK_TEXT_LEN + 1];

    json_name(j, name);
    if (ms == 0) {
        json_nil(j);
        return;
    }
    clock_print(ms, text);
    json_str(j, text);
}

void json_put_base64(struct json *j, const char *name, const uint8_t *in, size_t in_len)
{
    json_name(j, name);
    begin(j);
    buf_u8(j->out, '"');
    text_base64(j->out, in, in_len);
    buf_u8(j->out, '"');
}

void json_put_base64url(struct json *j, const char *name, const uint8_t *in, size_t in_len)
{
    json_name(j, name);
    begin(j);
    buf_u8(j->out, '"');
    text_base64url(j->out, in, in_len);
    buf_u8(j->out, '"');
}
