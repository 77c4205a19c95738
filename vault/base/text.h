/*
 * text.h - strict numbers, names, UTF-8, and the base16/32/64 codecs.
 *
 * Layer:   vault/base/. Includes err.h, buf.h.
 * Threads: pure functions.
 * Source:  RFC 4648 (base16 lower-case, base32, base64, base64url without padding); RFC 3629
 * (UTF-8).
 */
#ifndef HUFU_BASE_TEXT_H
#define HUFU_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

/* Decimal digits only: no sign, space, leading zero (but "0") or trailing byte.
 * HUFU_SYNTAX, or HUFU_RANGE outside min..max; out untouched. */
HUFU_MUST_USE enum hufu_err text_u64(struct view text, uint64_t min, uint64_t max, uint64_t *out);

#define TEXT_NAME_MAX 32 /* bytes: domains, partners, users */
/* [a-z0-9-]{1,32} */
bool text_is_name(struct view text);
/* [A-Za-z0-9._-]{1,64}: request ids and idempotency keys */
bool text_is_key(struct view text);
/* Length of the well-formed UTF-8 sequence that text begins with (1..4), or 0. */
size_t text_utf8_len(struct view text);
/* Well-formed UTF-8 without U+0000 and without other C0 controls or DEL. */
bool text_is_utf8(struct view text);

#define TEXT_HEX_LEN(n)    (2 * (n))
#define TEXT_BASE64_LEN(n) (((n) + 2) / 3 * 4)
/* Each appends to out. */
void text_hex(struct buf *out, const uint8_t *in, size_t in_len);
void text_base32(struct buf *out, const uint8_t *in, size_t in_len);    /* upper-case, no padding */
void text_base64(struct buf *out, const uint8_t *in, size_t in_len);    /* padded */
void text_base64url(struct buf *out, const uint8_t *in, size_t in_len); /* no padding */
/* Each appends the bytes to out; HUFU_RANGE where out is full, HUFU_SYNTAX on any byte or length
 * outside the code, non-canonical trailing bits included. What was appended before the fault stays;
 * the caller drops it. */
HUFU_MUST_USE enum hufu_err text_unhex(struct view in, struct buf *out);
HUFU_MUST_USE enum hufu_err text_unbase32(struct view in, struct buf *out); /* padding allowed */
HUFU_MUST_USE enum hufu_err text_unbase64(struct view in, struct buf *out);
HUFU_MUST_USE enum hufu_err text_unbase64url(struct view in, struct buf *out);

#endif
