/*
 * originals.h - how many originals a bucket of a domain has, by kind: reckoned once, then known.
 *
 * Layer:   vault/access/. Includes vault/base/, vault/format/.
 * Threads: safe from any thread.
 */
#ifndef HUFU_ACCESS_ORIGINALS_H
#define HUFU_ACCESS_ORIGINALS_H

#include "vault/format/format.h"

struct originals; /* opaque; belongs to one format and what is kept of it */

/* NULL where memory is missing. */
struct originals *originals_new(const struct format *fmt);
void originals_free(struct originals *o); /* NULL is fine */

/*
 * The most originals that share what is kept of canonical; UINT64_MAX: that or more; 0: a value of
 * no kind, or o is NULL. The first of a kind costs up to a millisecond (format_capacity).
 */
uint64_t originals_most(struct originals *o, const struct format *fmt, struct format_keep keep,
                        struct view canonical);

#endif
