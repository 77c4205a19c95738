/*
 * bins.h - ranges of BINs, the first digits of card numbers: "999000-999099, 99912345".
 *
 * Layer:   vault/base/. Includes buf.h, err.h.
 * Threads: pure functions.
 * Source:  ISO/IEC 7812-1:2017 4 (issuer identification numbers of six and of eight digits); EMV
 *          Payment Tokenisation Specification, Technical Framework v2.3 (token BIN ranges).
 */
#ifndef HUFU_BASE_BINS_H
#define HUFU_BASE_BINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define BINS_MAX        16 /* ranges of one list */
#define BINS_DIGITS_MIN 6
#define BINS_DIGITS_MAX 8
#define BINS_TEXT_MAX   400       /* bytes that every printed list fits in */
#define BINS_ALL        100000000 /* there are so many of BINS_DIGITS_MAX digits */

struct bins_range { /* both ends are in it, filled up to BINS_DIGITS_MAX digits: with 0, with 9 */
    uint32_t low, high;
    uint8_t digits;
};
struct bins { /* ranges ascending, none overlaps another */
    struct bins_range range[BINS_MAX];
    size_t count;
};

/*
 * Reads ranges and single BINs, set apart by commas. Blanks and line ends may stand around each;
 * nothing but them is an empty list.
 *
 * why_out: may be NULL; else, on failure, a constant text for people.
 * Returns: HUFU_OK; HUFU_SYNTAX; HUFU_RANGE (more than BINS_MAX). Out untouched on failure.
 */
HUFU_MUST_USE enum hufu_err bins_parse(struct view text, struct bins *out, const char **why_out);
/* Appends the list: bins_parse reads the same one back from it. */
void bins_print(const struct bins *bins, struct buf *out);
bool bins_equal(const struct bins *a, const struct bins *b);

/* True where the digits ('0'..'9', any number of them) begin with one of the BINs. */
bool bins_has(const struct bins *bins, struct view digits);
/* The digits of the longest BIN; 0 for an empty list. */
unsigned bins_digits(const struct bins *bins);
/* How many numbers of that many digits begin with one of the BINs, and the n-th of them, n below
 * that. digits: bins_digits..BINS_DIGITS_MAX. */
uint32_t bins_count(const struct bins *bins, unsigned digits);
uint32_t bins_nth(const struct bins *bins, unsigned digits, uint32_t n);

#endif
