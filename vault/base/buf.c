#include "vault/base/buf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vault/base/secret.h"

#define BUF_FIRST 256 /* bytes of a growing buffer's first block */

/* Views and readers of nothing point here, so that NULL can mean absent or failed. */
static const uint8_t nothing[1];

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){ .max = max };
}

void buf_fixed(struct buf *b, uint8_t *mem, size_t cap)
{
    *b = (struct buf){ .p = mem, .cap = cap, .max = cap, .fixed = true };
}

void buf_done(struct buf *b)
{
    if (b->p)
        wipe(b->p, b->fixed ? b->len : b->cap);
    if (!b->fixed)
        free(b->p);
    *b = (struct buf){ 0 };
}

void buf_reset(struct buf *b)
{
    if (b->p)
        wipe(b->p, b->len);
    b->len = 0;
    b->failed = false;
}

/* Moves the content into a block of at least need bytes; the old block is wiped. */
static bool grow(struct buf *b, size_t need)
{
    size_t cap = b->cap < BUF_FIRST ? BUF_FIRST : b->cap;
    uint8_t *p;

    while (cap < need && cap <= b->max / 2)
        cap *= 2;
    if (cap < need || cap > b->max)
        cap = b->max;
    p = malloc(cap);
    if (!p)
        return false;
    if (b->p) {
        memcpy(p, b->p, b->len);
        wipe(b->p, b->cap);
        free(b->p);
    }
    b->p = p;
    b->cap = cap;
    return true;
}

/* Makes room for n more bytes and counts them in; NULL where that fails or n is 0. */
static uint8_t *extend(struct buf *b, size_t n)
{
    uint8_t *at;

    if (b->failed || n == 0)
        return NULL;
    if (n > b->max - b->len) {
        b->failed = true;
        return NULL;
    }
    if (n > b->cap - b->len && (b->fixed || !grow(b, b->len + n))) {
        b->failed = true;
        return NULL;
    }
    at = b->p + b->len;
    b->len += n;
    return at;
}

void buf_put(struct buf *b, const void *in, size_t in_len)
{
    uint8_t *at = extend(b, in_len);

    if (at)
        memcpy(at, in, in_len);
}

void buf_str(struct buf *b, const char *text)
{
    buf_put(b, text, strlen(text));
}

static void put_le(uint8_t *at, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        at[i] = (uint8_t)(v >> (8 * i));
}

static void number_le(struct buf *b, uint64_t v, size_t n)
{
    uint8_t *at = extend(b, n);

    if (at)
        put_le(at, v, n);
}

static void number_be(struct buf *b, uint64_t v, size_t n)
{
    uint8_t *at = extend(b, n);

    if (!at)
        return;
    for (size_t i = 0; i < n; i++)
        at[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

void buf_u8(struct buf *b, uint8_t v)
{
    number_le(b, v, 1);
}

void buf_u16(struct buf *b, uint16_t v)
{
    number_le(b, v, 2);
}

void buf_u32(struct buf *b, uint32_t v)
{
    number_le(b, v, 4);
}

void buf_u64(struct buf *b, uint64_t v)
{
    number_le(b, v, 8);
}

void buf_be16(struct buf *b, uint16_t v)
{
    number_be(b, v, 2);
}

void buf_be32(struct buf *b, uint32_t v)
{
    number_be(b, v, 4);
}

void buf_be64(struct buf *b, uint64_t v)
{
    number_be(b, v, 8);
}

void buf_dec(struct buf *b, uint64_t v)
{
    char text[20]; /* 2^64 - 1 has 20 digits */
    size_t at = sizeof(text);

    do {
        text[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    buf_put(b, text + at, sizeof(text) - at);
}

uint8_t *buf_space(struct buf *b, size_t len)
{
    uint8_t *at = extend(b, len);

    if (at)
        memset(at, 0, len);
    return at;
}

/* One step, so that a length is never written without its bytes. */
static void length_and_bytes(struct buf *b, size_t len_len, const void *in, size_t in_len)
{
    size_t whole;
    uint8_t *at;

    if (in_len >> (8 * len_len) != 0 || __builtin_add_overflow(len_len, in_len, &whole)) {
        b->failed = true;
        return;
    }
    at = extend(b, whole);
    if (!at)
        return;
    put_le(at, in_len, len_len);
    if (in_len > 0)
        memcpy(at + len_len, in, in_len);
}

void buf_lv8(struct buf *b, const void *in, size_t in_len)
{
    length_and_bytes(b, 1, in, in_len);
}

void buf_lv16(struct buf *b, const void *in, size_t in_len)
{
    length_and_bytes(b, 2, in, in_len);
}

void buf_lv32(struct buf *b, const void *in, size_t in_len)
{
    length_and_bytes(b, 4, in, in_len);
}

enum hufu_err buf_check(const struct buf *b)
{
    return b->failed ? HUFU_RANGE : HUFU_OK;
}

struct view buf_view(const struct buf *b)
{
    return (struct view){ b->p ? b->p : nothing, b->len };
}

void reader_init(struct reader *r, const void *in, size_t in_len)
{
    assert(in || in_len == 0);
    *r = (struct reader){ .p = in ? in : nothing, .left = in_len };
}

struct view reader_take(struct reader *r, size_t len)
{
    struct view v = { r->p, len };

    if (r->failed || len > r->left) {
        r->failed = true;
        return (struct view){ NULL, 0 };
    }
    r->p += len;
    r->left -= len;
    return v;
}

static uint64_t read_le(struct reader *r, size_t n)
{
    struct view v = reader_take(r, n);
    uint64_t out = 0;

    for (size_t i = v.len; i > 0; i--)
        out = out << 8 | v.p[i - 1];
    return out;
}

static uint64_t read_be(struct reader *r, size_t n)
{
    struct view v = reader_take(r, n);
    uint64_t out = 0;

    for (size_t i = 0; i < v.len; i++)
        out = out << 8 | v.p[i];
    return out;
}

uint8_t reader_u8(struct reader *r)
{
    return (uint8_t)read_le(r, 1);
}

uint16_t reader_u16(struct reader *r)
{
    return (uint16_t)read_le(r, 2);
}

uint32_t reader_u32(struct reader *r)
{
    return (uint32_t)read_le(r, 4);
}

uint64_t reader_u64(struct reader *r)
{
    return read_le(r, 8);
}

uint32_t reader_be32(struct reader *r)
{
    return (uint32_t)read_be(r, 4);
}

uint64_t reader_be64(struct reader *r)
{
    return read_be(r, 8);
}

static struct view take_announced(struct reader *r, uint64_t len, size_t max)
{
    if (len > max)
        r->failed = true;
    return reader_take(r, (size_t)len);
}

struct view reader_lv8(struct reader *r, size_t max)
{
    return take_announced(r, read_le(r, 1), max);
}

struct view reader_lv16(struct reader *r, size_t max)
{
    return take_announced(r, read_le(r, 2), max);
}

struct view reader_lv32(struct reader *r, size_t max)
{
    return take_announced(r, read_le(r, 4), max);
}

void reader_copy(struct reader *r, void *out, size_t out_len)
{
    struct view v = reader_take(r, out_len);

    if (v.p && out_len > 0)
        memcpy(out, v.p, out_len);
    else if (out_len > 0)
        memset(out, 0, out_len);
}

enum hufu_err reader_end(const struct reader *r)
{
    return r->failed || r->left > 0 ? HUFU_CORRUPT : HUFU_OK;
}

struct view view_of(const void *p, size_t len)
{
    return (struct view){ p, len };
}

struct view view_str(const char *text)
{
    return view_of(text, strlen(text));
}

bool view_equal(struct view a, struct view b)
{
    return a.len == b.len && (a.len == 0 || bytes_equal(a.p, b.p, a.len));
}

bool view_is(struct view a, const char *text)
{
    return view_equal(a, view_str(text));
}
