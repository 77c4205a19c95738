/*
 * rowio.h - the few steps that all control rows are written and read with.
 *
 * Layer:   vault/access/. Includes vault/base/ only. For rows*.c, and record.c.
 * Threads: pure functions.
 */
#ifndef HUFU_ACCESS_ROWIO_H
#define HUFU_ACCESS_ROWIO_H

#include <string.h>

#include "vault/base/buf.h"

#define ROW_FORMAT 1 /* first byte of every control row's plaintext */

static inline void rowio_put(struct buf *out, const char *text)
{
    buf_lv8(out, text, strlen(text));
}

/* Reads lv8 text of at most out_len - 1 bytes into a zeroed array. */
static inline void rowio_take(struct reader *r, char *out, size_t out_len)
{
    struct view text = reader_lv8(r, out_len - 1);

    if (text.len > 0)
        memcpy(out, text.p, text.len);
}

/* False where the row is not of the one format there is. */
static inline bool rowio_begin(struct reader *r, struct view in)
{
    reader_init(r, in.p, in.len);
    return reader_u8(r) == ROW_FORMAT;
}

#endif
