/*
 * format_rank.h - the originals of a bucket by number, and tokens that are originals with a mark
 * which says under which key: what domains in ff1 mode are made of.
 *
 * Layer:   vault/format/. Includes vault/base/ and format.h.
 * Threads: pure functions.
 * Source:  NIST SP 800-38G Rev. 1 (least domain 10^6); the walk from a rank onto FF1's domain:
 *          Black and Rogaway, Ciphers with Arbitrary Finite Domains, 2002 (cycle walking).
 *
 * A bucket's N originals (kept parts fixed) are numbered 0..N-1. A rank is written as len symbols
 * of the radix, the most significant first: as few as FF1 takes, and then of the least radix with
 * radix^len >= N, which is below 1.0021 N. Who encrypts a rank and gets one of N or more encrypts
 * that again: hardly ever.
 * Values and ranks are SECRET.
 */
#ifndef HUFU_FORMAT_FORMAT_RANK_H
#define HUFU_FORMAT_FORMAT_RANK_H

#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/format/format.h"

#define FORMAT_RANK_MAX   32      /* symbols of a rank */
#define FORMAT_RANK_LEAST 1000000 /* originals that every bucket must have */

struct format_rank {
    uint32_t radix; /* 2..65536 */
    size_t len;     /* symbols, 2..FORMAT_RANK_MAX */
    uint16_t symbol[FORMAT_RANK_MAX];
};

/*
 * Whether a format with these kept parts can be an ff1 domain.
 *
 * generations_out: how many keys its marks tell apart, at least 1.
 * Returns: HUFU_OK; HUFU_UNSUPPORTED_MODE (no mark, a mark that cannot tell, or tokens too few);
 *          HUFU_DOMAIN_SMALL (some bucket has fewer than FORMAT_RANK_LEAST originals, or what stays
 *          ends inside a set or a date). Out untouched on failure.
 */
HUFU_MUST_USE enum hufu_err format_rank_check(const struct format *fmt, struct format_keep keep,
                                              uint32_t *generations_out);
/* Appends the widest kept parts with which format_rank_check says OK, as "0+4, 6+0"; nothing where
 * there are none. */
void format_rank_widest(const struct format *fmt, struct buf *out);

/* The four below need a format and kept parts that passed format_rank_check. */

/* HUFU_INVALID_VALUE: no valid original. */
HUFU_MUST_USE enum hufu_err format_rank(const struct format *fmt, struct format_keep keep,
                                        struct view original, struct format_rank *out);
/* The original of that rank in the bucket of another value, original or token. HUFU_RANGE: the
 * bucket has no such rank (encrypt once more); HUFU_INVALID_VALUE: like is not of the format's
 * shape. out: as long as like, untouched on failure. */
HUFU_MUST_USE enum hufu_err format_unrank(const struct format *fmt, struct format_keep keep,
                                          struct view like, const struct format_rank *rank,
                                          uint8_t out[static FORMAT_PLACES_MAX]);
/* Makes the token that an original becomes: its mark carries generation modulo the number of them.
 */
void format_rank_mark(const struct format *fmt, struct format_keep keep, struct view original,
                      uint32_t generation, uint8_t out[static FORMAT_PLACES_MAX]);
/* The way back. HUFU_NOT_TOKEN: format_rank_mark makes no such token. Outputs untouched then. */
HUFU_MUST_USE enum hufu_err format_rank_unmark(const struct format *fmt, struct format_keep keep,
                                               struct view token, uint32_t *generation_out,
                                               uint8_t out[static FORMAT_PLACES_MAX]);

#endif
