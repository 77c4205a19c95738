/*
 * buf.h - bounded writing and reading of bytes: every frame, record and key is made and read here.
 *
 * Layer:   vault/base/. Includes err.h only.
 * Threads: one buffer or reader belongs to one thread at a time.
 *
 * A buffer never grows past its maximum and a reader never reads past its end. Both remember the
 * first failure, so a caller may do many steps and check once: after a failure nothing is written
 * and every read gives zero. Numbers are little-endian unless the name says be.
 */
#ifndef HUFU_BASE_BUF_H
#define HUFU_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/err.h"

struct view { /* borrowed bytes */
    const uint8_t *p;
    size_t len;
};

struct buf {
    uint8_t *p;  /* NULL until the first byte, for a growing buffer */
    size_t len;  /* bytes written */
    size_t cap;  /* bytes there */
    size_t max;  /* never more than this */
    bool fixed;  /* p is the caller's and does not grow */
    bool failed; /* a step did not fit, or memory was missing */
};

struct reader {
    const uint8_t *p;
    size_t left;
    bool failed;
};

/* A growing buffer on the heap; max bytes at most. buf_done wipes and frees. */
void buf_init(struct buf *b, size_t max);
/* A buffer in the caller's memory. buf_done wipes what was written and frees nothing. */
void buf_fixed(struct buf *b, uint8_t *mem, size_t cap);
void buf_done(struct buf *b);
/* Wipes the content and keeps the memory. */
void buf_reset(struct buf *b);

void buf_put(struct buf *b, const void *in, size_t in_len);
void buf_str(struct buf *b, const char *text); /* without its NUL */
void buf_u8(struct buf *b, uint8_t v);
void buf_u16(struct buf *b, uint16_t v);
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);
void buf_be16(struct buf *b, uint16_t v);
void buf_be32(struct buf *b, uint32_t v);
void buf_be64(struct buf *b, uint64_t v);
void buf_dec(struct buf *b, uint64_t v); /* as decimal text */
/* Appends len zero bytes and returns where they are, or NULL; valid until the next step. */
uint8_t *buf_space(struct buf *b, size_t len);
/* A length before the bytes: u8, u16 or u32 then in. Fails the buffer where it does not fit. */
void buf_lv8(struct buf *b, const void *in, size_t in_len);
void buf_lv16(struct buf *b, const void *in, size_t in_len);
void buf_lv32(struct buf *b, const void *in, size_t in_len);
/* Returns HUFU_OK, or HUFU_RANGE where any step failed. */
HUFU_MUST_USE enum hufu_err buf_check(const struct buf *b);
struct view buf_view(const struct buf *b); /* borrowed until the next step */

void reader_init(struct reader *r, const void *in, size_t in_len);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
uint32_t reader_be32(struct reader *r);
uint64_t reader_be64(struct reader *r);
/* Borrows the next len bytes. */
struct view reader_take(struct reader *r, size_t len);
/* A length of u8, u16 or u32 and that many bytes; fails where more than max are announced. */
struct view reader_lv8(struct reader *r, size_t max);
struct view reader_lv16(struct reader *r, size_t max);
struct view reader_lv32(struct reader *r, size_t max);
/* Copies exactly out_len bytes; zeroes on failure. */
void reader_copy(struct reader *r, void *out, size_t out_len);
/* Returns HUFU_OK where nothing failed and nothing is left over, else HUFU_CORRUPT. */
HUFU_MUST_USE enum hufu_err reader_end(const struct reader *r);

struct view view_of(const void *p, size_t len);
struct view view_str(const char *text);        /* without its NUL */
bool view_equal(struct view a, struct view b); /* not constant time: never for secrets */
bool view_is(struct view a, const char *text);

#endif
