/*
 * originals.h - among how many originals somebody guesses who has a token: reckoned once by kind,
 * then known.
 *
 * Layer:   vault/access/. Includes vault/base/, vault/format/.
 * Threads: safe from any thread.
 */
#ifndef HUFU_ACCESS_ORIGINALS_H
#define HUFU_ACCESS_ORIGINALS_H

#include "vault/format/format.h"

#define ORIGINALS_FEW 100000 /* of a card between its first six and last four digits */

struct originals; /* opaque; belongs to one format and what is kept of it */

/* NULL where memory is missing. */
struct originals *originals_new(const struct format *fmt, struct format_keep keep);
void originals_free(struct originals *o); /* NULL is fine */

/*
 * The most originals that share with canonical what a guesser knows of it; UINT64_MAX: that or
 * more; 0: a value of no kind, or o is NULL. The first of a kind costs up to a millisecond
 * (format_capacity).
 *
 * keep_out: what is known: what the domain keeps in clear; or more, where the format's mask shows
 *           more (it stands on every receipt) and that still leaves ORIGINALS_FEW. Untouched with
 * 0.
 */
uint64_t originals_known(struct originals *o, const struct format *fmt, struct view canonical,
                         struct format_keep *keep_out);

#endif
