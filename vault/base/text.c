#include "vault/base/text.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";
static const char base32_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

enum hufu_err text_u64(struct view text, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;

    if (text.len == 0 || (text.len > 1 && text.p[0] == '0'))
        return HUFU_SYNTAX;
    for (size_t i = 0; i < text.len; i++)
        if (text.p[i] < '0' || text.p[i] > '9')
            return HUFU_SYNTAX;
    for (size_t i = 0; i < text.len; i++)
        if (__builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(text.p[i] - '0'), &v))
            return HUFU_RANGE;
    if (v < min || v > max)
        return HUFU_RANGE;
    *out = v;
    return HUFU_OK;
}

static bool is_small(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

bool text_is_name(struct view text)
{
    if (text.len == 0 || text.len > TEXT_NAME_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!is_small(text.p[i]))
            return false;
    return true;
}

bool text_is_key(struct view text)
{
    if (text.len == 0 || text.len > 64)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];

        if (!is_small(c) && !(c >= 'A' && c <= 'Z') && c != '.' && c != '_')
            return false;
    }
    return true;
}

/* True where p[1..more] continue a sequence and p[1] is in lo..hi. */
static bool continues(const uint8_t *p, size_t more, uint8_t lo, uint8_t hi)
{
    if (p[1] < lo || p[1] > hi)
        return false;
    for (size_t i = 2; i <= more; i++)
        if ((p[i] & 0xc0) != 0x80)
            return false;
    return true;
}

/* The rows of RFC 3629 section 4: UTF8-octets. */
size_t text_utf8_len(struct view text)
{
    static const struct {
        uint8_t first, last, more, lo, hi;
    } rows[] = {
        { 0xc2, 0xdf, 1, 0x80, 0xbf }, { 0xe0, 0xe0, 2, 0xa0, 0xbf }, { 0xe1, 0xec, 2, 0x80, 0xbf },
        { 0xed, 0xed, 2, 0x80, 0x9f }, { 0xee, 0xef, 2, 0x80, 0xbf }, { 0xf0, 0xf0, 3, 0x90, 0xbf },
        { 0xf1, 0xf3, 3, 0x80, 0xbf }, { 0xf4, 0xf4, 3, 0x80, 0x8f },
    };

    if (text.len == 0)
        return 0;
    if (text.p[0] < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (text.p[0] < rows[i].first || text.p[0] > rows[i].last)
            continue;
        if (text.len <= rows[i].more || !continues(text.p, rows[i].more, rows[i].lo, rows[i].hi))
            return 0;
        return (size_t)rows[i].more + 1;
    }
    return 0;
}

bool text_is_utf8(struct view text)
{
    while (text.len > 0) {
        size_t len = text_utf8_len(text);

        if (len == 0 || text.p[0] < 0x20 || text.p[0] == 0x7f)
            return false;
        text.p += len;
        text.len -= len;
    }
    return true;
}

/* bits: per digit; group: digits that padding fills up, or 0 for none. */
static void encode(struct buf *out, const uint8_t *in, size_t in_len, unsigned bits,
                   const char *digits, size_t group)
{
    uint32_t acc = 0;
    unsigned have = 0;
    size_t count = 0;

    for (size_t i = 0; i < in_len; i++) {
        acc = (acc << 8 | in[i]) & 0xffff;
        for (have += 8; have >= bits; count++) {
            have -= bits;
            buf_u8(out, (uint8_t)digits[(acc >> have) & ((1u << bits) - 1)]);
        }
    }
    if (have > 0) {
        buf_u8(out, (uint8_t)digits[(acc << (bits - have)) & ((1u << bits) - 1)]);
        count++;
    }
    for (; group > 0 && count % group != 0; count++)
        buf_u8(out, '=');
}

static enum hufu_err decode(struct view in, struct buf *out, unsigned bits, const char *digits)
{
    uint32_t acc = 0;
    unsigned have = 0;

    for (size_t i = 0; i < in.len; i++) {
        const char *at = memchr(digits, in.p[i], (size_t)1 << bits);

        if (at == NULL)
            return HUFU_SYNTAX;
        acc = (acc << bits | (uint32_t)(at - digits)) & 0xffff;
        have += bits;
        if (have >= 8) {
            have -= 8;
            buf_u8(out, (uint8_t)(acc >> have));
        }
    }
    /* A whole spare digit, or spare bits that are not zero, would be a second spelling. */
    if (have >= bits || (acc & ((1u << have) - 1)) != 0)
        return HUFU_SYNTAX;
    return buf_check(out);
}

/* Takes the padding off; false where it does not fill the last group exactly. */
static bool unpad(struct view *in, size_t group, bool must)
{
    size_t len = in->len;

    while (len > 0 && in->p[len - 1] == '=')
        len--;
    if (len < in->len || must)
        if (in->len != (len + group - 1) / group * group)
            return false;
    in->len = len;
    return true;
}

void text_hex(struct buf *out, const uint8_t *in, size_t in_len)
{
    encode(out, in, in_len, 4, hex_digits, 0);
}

void text_base32(struct buf *out, const uint8_t *in, size_t in_len)
{
    encode(out, in, in_len, 5, base32_digits, 0);
}

void text_base64(struct buf *out, const uint8_t *in, size_t in_len)
{
    encode(out, in, in_len, 6, base64_digits, 4);
}

void text_base64url(struct buf *out, const uint8_t *in, size_t in_len)
{
    encode(out, in, in_len, 6, base64url_digits, 0);
}

enum hufu_err text_unhex(struct view in, struct buf *out)
{
    if (in.len % 2 != 0)
        return HUFU_SYNTAX;
    return decode(in, out, 4, hex_digits);
}

enum hufu_err text_unbase32(struct view in, struct buf *out)
{
    if (!unpad(&in, 8, false))
        return HUFU_SYNTAX;
    return decode(in, out, 5, base32_digits);
}

enum hufu_err text_unbase64(struct view in, struct buf *out)
{
    if (!unpad(&in, 4, true))
        return HUFU_SYNTAX;
    return decode(in, out, 6, base64_digits);
}

enum hufu_err text_unbase64url(struct view in, struct buf *out)
{
    return decode(in, out, 6, base64url_digits);
}
