/*
 * format_carry.h - how a mark carries the number of a key. Private to vault/format/; what the rest
 * of the vault calls is in format_rank.h.
 *
 * Layer:   vault/format/. Includes format_part.h.
 * Threads: pure functions over constant definitions.
 *
 *   wrong-check   the check character is the right one + 1 + generation, in the order of its
 *                 alphabet and around its end. Where the check stays, so is the settler
 *                 (format_settler), whose right character the others make.
 *   check-digits  of the pairs of the mark that have a wrong remainder with this BBAN, in their
 *                 order, the one of the generation.
 *   unissued      of the alternatives that name one set alone, the one with room for the whole set
 *                 most often: value j of o becomes value generation * o + j of the alternative.
 */
#ifndef HUFU_FORMAT_FORMAT_CARRY_H
#define HUFU_FORMAT_FORMAT_CARRY_H

#include "vault/format/format_part.h"

/* How many generations the marks of a shape tell apart; 0: none, or there is no mark. */
uint32_t format_carry_count(const struct format *fmt, const struct format_shape *shape,
                            struct format_keep keep);
/* The hidden place whose character alone makes the check right: that of the check, or of the
 * settler; FORMAT_NONE where there is none, and for mod97. */
size_t format_carry_place(const struct format *fmt, const struct format_shape *shape,
                          struct format_keep keep);
/* Makes the check of a value right by that place; by the check digits for mod97. Without a check
 * nothing is done. */
void format_carry_settle(const struct format *fmt, const struct format_shape *shape,
                         struct format_keep keep, uint8_t *value);

#endif
