/*
 * format_part.h - the parts of a value, held against its definition. Private to vault/format/.
 *
 * Layer:   vault/format/. Includes vault/base/ and format_def.h.
 * Threads: pure functions over constant definitions.
 *
 * Values are SECRET and, but for format_shape_find, of a length and alphabet that fit their shape.
 */
#ifndef HUFU_FORMAT_FORMAT_PART_H
#define HUFU_FORMAT_FORMAT_PART_H

#include "vault/base/buf.h"
#include "vault/format/format_def.h"

extern const uint8_t format_char_bits[256]; /* FORMAT_IS_... but for FORMAT_IS_OWN */

/* The characters that a position takes, and how many they are. */
struct format_symbols {
    const char *symbol;
    uint8_t count;
};
struct format_symbols format_symbols_of(const struct format *fmt, uint8_t takes);

/* The shape that a canonical value's length or country names, or NULL; NULL for mail addresses.
 * Looks at nothing else. */
const struct format_shape *format_shape_find(const struct format *fmt, struct view canonical);
/* True where all len bytes are digits, eight at a time. */
bool format_are_digits(const uint8_t *p, size_t len);
/* True where every character is one that its position takes, and the fixed parts are there. */
bool format_shape_fits(const struct format *fmt, const struct format_shape *shape,
                       const uint8_t *value);
/* True where one part, of a value that fits its shape, is as in an original. The check is not
 * looked at. */
bool format_part_holds(const struct format *fmt, const struct format_part *p, const uint8_t *at);
/* True where the value, which fits its shape, bears the mark of a token. Without a mark: where it
 * could be an original, as all tokens are then. */
bool format_mark_has(const struct format *fmt, const struct format_shape *shape,
                     const uint8_t *value);
/* True where some alternative of the key unissued names the part. */
bool format_mark_names(const struct format *fmt, size_t part);
/* True where the layout's check rule holds; true where it has none. */
bool format_check_holds(const struct format *fmt, const struct format_shape *shape,
                        const uint8_t *value);
/* The check character that belongs behind what stands before it. Not for mod97. */
uint8_t format_check_make(const struct format *fmt, const uint8_t *value, size_t len);

bool format_date_holds(const struct format_part *p, const uint8_t *at);
/* The numbers that a date's digits say, whether they are a date or not; the century is that of the
 * part's years. */
void format_date_read(const struct format_part *p, const uint8_t *at, unsigned *year_out,
                      unsigned *month_out, unsigned *day_out);
/* How many dates there are. */
uint64_t format_date_count(const struct format_part *p);
/* Writes the date of a year and a day of that year, 0..365; false where the year has no such day.
 */
bool format_date_put(const struct format_part *p, unsigned year, unsigned day, uint8_t *at);

size_t format_values_size(const struct format_values *values); /* 64-bit words */
bool format_values_has(const struct format_values *values, unsigned number);
/* How many numbers there are of the set's width: all that it could have. */
unsigned format_values_all(const struct format_values *values);
/* The number that the set's width of characters make: in base 10, or 36. */
unsigned format_values_number(const struct format_values *values, const uint8_t *at);
/* The decimal number in len digits, len at most 9. */
unsigned format_number(const uint8_t *digits, size_t len);

struct format_slots; /* format_tokens.h */
/* The places that a token's characters are drawn for; dates of unmarked formats are drawn apart,
 * check digit pairs too. */
void format_slots_find(const struct format *fmt, const struct format_shape *shape,
                       struct format_keep keep, struct format_slots *out);

/* format_pairs.c. The fewest tokens of any bucket of the shape, where check digit pairs mark them;
 * UINT64_MAX: that or more. */
uint64_t format_pairs_count(const struct format *fmt, const struct format_shape *shape,
                            struct format_keep keep);

/* format_capacity.c. True where the check character is among what stays. */
bool format_keeps_check(const struct format *fmt, const struct format_shape *shape,
                        struct format_keep keep);
/* A hidden place before the check where exactly one character of its alphabet makes a kept check
 * right, whatever stands elsewhere; FORMAT_NONE where there is none. */
size_t format_settler(const struct format *fmt, const struct format_shape *shape,
                      struct format_keep keep);
/* How many draws a token takes on average in the bucket where it takes most; UINT64_MAX: there are
 * no tokens. */
uint64_t format_draws_most(const struct format *fmt, const struct format_shape *shape,
                           struct format_keep keep);

/* format_bin.c, for mark = token-bin. How many tokens, and originals, every bucket of the shape
 * has; UINT64_MAX: that or more. */
uint64_t format_bin_tokens(const struct format *fmt, const struct format_shape *shape,
                           struct format_keep keep);
uint64_t format_bin_originals(const struct format *fmt, const struct format_shape *shape,
                              struct format_keep keep);
/* Makes the n-th token of a bucket, in order of digits: token holds what stays of it. n below
 * format_bin_tokens. Of values longer than 20 digits only those are numbered that differ in the
 * first 19: the others stay as token has them. */
void format_bin_fill(const struct format *fmt, const struct format_shape *shape,
                     struct format_keep keep, uint64_t n, uint8_t *token);
/* Any of them, each as likely. HUFU_IO. */
HUFU_MUST_USE enum hufu_err format_bin_draw(const struct format *fmt,
                                            const struct format_shape *shape,
                                            struct format_keep keep, struct draw *draw,
                                            uint8_t *token);

#endif
