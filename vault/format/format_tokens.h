/*
 * format_tokens.h - the tokens of a bucket by number: for who has to find the last free one.
 *
 * Layer:   vault/format/. Includes vault/base/ and format.h.
 * Threads: a struct format_tokens belongs to one thread; it is constant once it is filled.
 *
 * A candidate is one filling of what is hidden, with one of the check digit pairs where tokens have
 * those, and with a date of 366 a year where tokens are unmarked. Each token of the bucket is
 * exactly one candidate; where the file's rules hold (format_space_judge), at least one candidate
 * in 128 is a token.
 */
#ifndef HUFU_FORMAT_FORMAT_TOKENS_H
#define HUFU_FORMAT_FORMAT_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/format/format.h"

struct format_shape;

struct format_slots { /* the hidden characters of a token, and what each may be */
    size_t count;
    uint8_t at[FORMAT_PLACES_MAX];
    uint8_t radix[FORMAT_PLACES_MAX];
    const char *symbol[FORMAT_PLACES_MAX];
};

struct format_tokens {
    const struct format *fmt;
    const struct format_shape *shape;
    struct format_keep keep;
    uint64_t count; /* candidates: 0..count-1 */
    struct format_slots slots;
    uint8_t kept[FORMAT_PLACES_MAX]; /* what stays and what is fixed; '0' elsewhere */
};

/*
 * canonical: a valid original, or a token: of its bucket are the candidates.
 * Returns:   HUFU_OK; HUFU_INVALID_VALUE (not of this format's shape); HUFU_RANGE (2^62 candidates
 *            or more, or mail addresses, whose tokens have no number). Out untouched on failure.
 */
HUFU_MUST_USE enum hufu_err format_tokens_init(const struct format *fmt, struct format_keep keep,
                                               struct view canonical, struct format_tokens *out);
/* Writes candidate n, as long as the bucket's original; false where it is no token, out untouched
 * then. Without a mark it may be an original, the caller's too: that one is not to be its token. */
bool format_tokens_at(const struct format_tokens *bucket, uint64_t n,
                      uint8_t out[static FORMAT_TOKEN_MAX]);

#endif
