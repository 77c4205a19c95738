/*
 * format_bin.h - card tokens inside a payment network: mark = token-bin.
 *
 * Layer:   vault/format/. Includes vault/base/ and format.h.
 * Threads: pure functions over constant definitions.
 * Source:  EMV Payment Tokenisation Specification, Technical Framework v2.3 (tokens have the form
 * of a PAN and lie in BIN ranges of their own); JR/T 0149-2016.
 */
#ifndef HUFU_FORMAT_FORMAT_BIN_H
#define HUFU_FORMAT_FORMAT_BIN_H

#include <stdbool.h>

#include "vault/base/bins.h"
#include "vault/base/err.h"
#include "vault/format/format.h"

/* True where values look like card numbers: digits alone, the last one Luhn's of all. Those that
 * begin with a token BIN are no card's, whatever the format says of them. */
bool format_is_card(const struct format *fmt);
/* The BINs that tokens begin with: mark = token-bin. NULL: the mark is another. */
const struct bins *format_bins(const struct format *fmt);
/*
 * The same format with mark = token-bin in the place of its mark, and no prefix to keep.
 *
 * Returns: HUFU_OK, *out is the caller's; HUFU_UNSUPPORTED_MODE (no format of cards, or no room for
 *          these BINs); HUFU_NOMEM. Out untouched on failure.
 */
HUFU_MUST_USE enum hufu_err format_with_bins(const struct format *fmt, const struct bins *bins,
                                             struct format **out);

#endif
