/*
 * format_wide.h - numbers of up to 512 bits, as a rank is one. Private to vault/format/.
 *
 * Layer:   vault/format/. Includes nothing of ours.
 * Threads: pure functions.
 *
 * Only what changing from one base to another takes: no division by more than 32 bits. Numbers are
 * SECRET: whoever holds one wipes it.
 */
#ifndef HUFU_FORMAT_FORMAT_WIDE_H
#define HUFU_FORMAT_FORMAT_WIDE_H

#include <stddef.h>
#include <stdint.h>

#define FORMAT_WIDE_LIMBS 16 /* 36^64, all that a value could be, takes 11 */

struct format_wide {
    size_t count;                     /* limbs in use; the last of them is not 0, so 0 has none */
    uint32_t limb[FORMAT_WIDE_LIMBS]; /* the least significant first; behind count: anything */
};

/* Makes it v. */
void format_wide_set(struct format_wide *w, uint32_t v);
/* Multiplies by size, and adds v. The result has 512 bits at most. */
void format_wide_push(struct format_wide *w, uint32_t size, uint32_t v);
/* Divides by size, at least 1, and returns the remainder. */
uint32_t format_wide_pull(struct format_wide *w, uint32_t size);
/* The least b with 2^b >= w; w at least 1. */
size_t format_wide_bits(const struct format_wide *w);
/* The least r with r^len >= w, exactly; 2 <= w <= 2^(16 len). */
uint32_t format_wide_root(const struct format_wide *w, size_t len);

#endif
