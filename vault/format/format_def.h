/*
 * format_def.h - how a definition lies in memory. Private to vault/format/.
 *
 * Layer:   vault/format/. Includes vault/base/ and format.h.
 * Threads: written by format_build.c alone, constant afterwards.
 */
#ifndef HUFU_FORMAT_FORMAT_DEF_H
#define HUFU_FORMAT_FORMAT_DEF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/format/check.h"
#include "vault/format/format.h"

#define FORMAT_PARTS_MAX     8
#define FORMAT_WIDTH_MAX     4 /* digits of a set's values */
#define FORMAT_POOL_MAX      32
#define FORMAT_PATTERNS_MAX  6 /* capacity walks all 2^n subsets */
#define FORMAT_MARKS_MAX     3
#define FORMAT_COUNTRIES_MAX 255
#define FORMAT_SOURCE_MAX    120
#define FORMAT_NONE          0xff

enum format_part_kind {
    FORMAT_DIGITS,
    FORMAT_SET,   /* digits out of a list */
    FORMAT_DATE,  /* yyyymmdd */
    FORMAT_CHECK, /* one check character, the last; or the two behind a country code */
    FORMAT_COUNTRY,
    FORMAT_BBAN
};

struct format_part {
    enum format_part_kind kind;
    uint8_t len_min, len_max;
    uint8_t values;              /* FORMAT_SET: index into the pool */
    uint16_t year_min, year_max; /* FORMAT_DATE */
};

struct format_values {              /* which numbers of a fixed width, as a bitmap */
    char name[FORMAT_NAME_MAX + 1]; /* "" in a pattern */
    uint8_t width;
    uint64_t bits[10000 / 64 + 1];
};

/* One way to be unissued: each part that is not FORMAT_NONE must be in those values. */
struct format_pattern {
    uint8_t values[FORMAT_PARTS_MAX];
};

enum format_mark { FORMAT_WRONG_CHECK, FORMAT_CHECK_DIGITS, FORMAT_UNISSUED };

/* Bits of a character, and of what a position takes. */
#define FORMAT_IS_DIGIT  1
#define FORMAT_IS_LETTER 2
#define FORMAT_IS_X      4

struct format_shape { /* one length, or one country */
    char country[2];
    uint8_t len;
    uint8_t at[FORMAT_PARTS_MAX + 1]; /* where each part begins; behind the last: len */
    uint8_t takes[FORMAT_VALUE_MAX];
};

struct format {
    char name[FORMAT_NAME_MAX + 1];
    char source[FORMAT_SOURCE_MAX + 1];
    char countries[FORMAT_NAME_MAX + 1]; /* name of the section, "" without */
    enum format_class class;
    enum check_rule rule;
    enum format_mark mark;
    uint8_t canon[256]; /* input byte: canonical byte, 0 refused, FORMAT_NONE separator */
    uint8_t keep_prefix_max, keep_suffix_max, hidden_min;
    uint8_t mask_prefix, mask_suffix;
    uint8_t head; /* characters before what keep.prefix counts: 4 with a country */
    uint8_t parts_count, pool_count, patterns_count, marks_count;
    uint8_t marks[FORMAT_MARKS_MAX]; /* check digits of tokens, 0..99 */
    uint8_t len_min, len_max;
    size_t shapes_count;
    struct format_part parts[FORMAT_PARTS_MAX];
    struct format_pattern patterns[FORMAT_PATTERNS_MAX];
    uint8_t country_at[26 * 26]; /* index into shapes, FORMAT_NONE: not in the registry */
    struct format_values *pool;  /* sets first, then what patterns need */
    struct format_shape *shapes; /* by length, or by country code */
};

/* What is wrong with a definition, and where. */
struct format_fault {
    unsigned line;
    const char *why; /* constant text */
};

/* Notes the fault and returns HUFU_SYNTAX. */
static inline enum hufu_err format_fault_at(struct format_fault *fault, unsigned line,
                                            const char *why)
{
    fault->line = line;
    fault->why = why;
    return HUFU_SYNTAX;
}

extern const uint8_t format_char_bits[256]; /* FORMAT_IS_... of each byte */

/* The shape that a canonical value's length or country names, or NULL. Looks at nothing else. */
const struct format_shape *format_shape_find(const struct format *fmt, struct view canonical);
/* True where every character is one that its position takes. */
bool format_shape_fits(const struct format_shape *shape, const uint8_t *value);
/* True where the value, which fits its shape, bears the mark of a token. */
bool format_mark_has(const struct format *fmt, const struct format_shape *shape,
                     const uint8_t *value);
/* True where the layout's check rule holds; true where it has none. */
bool format_check_holds(const struct format *fmt, const struct format_shape *shape,
                        const uint8_t *value);
bool format_values_has(const struct format_values *values, unsigned number);
/* The decimal number in len digits, len at most 9. */
unsigned format_number(const uint8_t *digits, size_t len);

#endif
