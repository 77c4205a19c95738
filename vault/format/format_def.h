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

#include "vault/base/bins.h"
#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/format/check.h"
#include "vault/format/format.h"

#define FORMAT_PARTS_MAX     12
#define FORMAT_WIDTH_MAX     4  /* digits of a set's values */
#define FORMAT_LETTERS_MAX   3  /* width of a set with letters in it */
#define FORMAT_LITERAL_MAX   16 /* characters of a fixed part */
#define FORMAT_POOL_MAX      32
#define FORMAT_PATTERNS_MAX  6 /* capacity walks all 2^n subsets */
#define FORMAT_MARKS_MAX     3
#define FORMAT_COUNTRIES_MAX 255
#define FORMAT_ALPHABETS_MAX 4
#define FORMAT_SOURCE_MAX    120
#define FORMAT_NONE          0xff

/* Bits of a character, and of what a position takes: one or several of the first two, or another.
 */
#define FORMAT_IS_DIGIT  1
#define FORMAT_IS_LETTER 2
#define FORMAT_IS_X      4  /* beside FORMAT_IS_DIGIT: a check character */
#define FORMAT_IS_MOD31  8  /* check_mod31_symbols */
#define FORMAT_IS_OWN    16 /* and 32, 64, 128: the definition's alphabets */
#define FORMAT_IS_ALNUM  (FORMAT_IS_DIGIT | FORMAT_IS_LETTER)

enum format_part_kind {
    FORMAT_CHARS,   /* any of an alphabet */
    FORMAT_LITERAL, /* fixed characters */
    FORMAT_SET,     /* one of a list */
    FORMAT_DATE,
    FORMAT_CHECK, /* the check character of all that is before it; or the two behind a country */
    FORMAT_COUNTRY,
    FORMAT_BBAN,
    FORMAT_EMAIL /* the whole of its layout; has one shape, without places */
};

enum format_date_order { FORMAT_YYYYMMDD, FORMAT_DDMMYYYY, FORMAT_YYMMDD };

struct format_part {
    enum format_part_kind kind;
    uint8_t len_min, len_max;
    uint8_t takes;               /* FORMAT_IS_..., one kind for all its characters */
    uint8_t values;              /* FORMAT_SET: index into the pool */
    uint16_t year_min, year_max; /* FORMAT_DATE */
    enum format_date_order order;
    char literal[FORMAT_LITERAL_MAX + 1];
};

struct format_values {              /* which numbers of a fixed width, as a bitmap */
    char name[FORMAT_NAME_MAX + 1]; /* "" in a pattern */
    uint8_t width;
    uint8_t base;   /* 10; 36 where there are letters */
    uint8_t takes;  /* what its characters are: digits, letters, either */
    uint64_t *bits; /* format_values_size of them */
};

struct format_alphabet {
    char name[FORMAT_NAME_MAX + 1];
    uint8_t size;
    char symbols[36 + 1]; /* ascending */
};

/* One way to be unissued: each part that is not FORMAT_NONE must be in those values. */
struct format_pattern {
    uint8_t values[FORMAT_PARTS_MAX];
};

enum format_mark {
    FORMAT_WRONG_CHECK,
    FORMAT_CHECK_DIGITS,
    FORMAT_UNISSUED,
    FORMAT_UNMARKED,
    FORMAT_INVALID_DOMAIN, /* of email alone */
    FORMAT_TOKEN_BIN       /* a right check behind a BIN that no original has */
};

/* Where free text is searched for values of the format. */
enum format_in_text {
    FORMAT_TEXT_BY_RULE,
    FORMAT_TEXT_ANYWHERE,
    FORMAT_TEXT_WHOLE,
    FORMAT_TEXT_NO
};

struct format_mask_ends {
    uint8_t prefix, suffix;
    bool is_given;
};

struct format_shape { /* one length, or one country */
    char country[2];
    uint8_t len;
    bool is_digits;                   /* every position takes digits alone */
    uint8_t at[FORMAT_PARTS_MAX + 1]; /* where each part begins; behind the last: len */
    uint8_t takes[FORMAT_PLACES_MAX];
};

struct format {
    char name[FORMAT_NAME_MAX + 1];
    char source[FORMAT_SOURCE_MAX + 1];
    char countries[FORMAT_NAME_MAX + 1]; /* name of the section, "" without */
    enum format_class class;
    enum check_rule rule;
    enum format_mark mark;
    enum format_in_text in_text;
    bool is_email;
    bool is_plain;      /* every part is of characters or the check: nothing else can be wrong */
    bool is_card;       /* digits alone, the last a Luhn check of all: values look like cards */
    uint8_t canon[256]; /* input byte: canonical byte, 0 refused, FORMAT_NONE separator */
    uint8_t bits[256];  /* FORMAT_IS_... of each byte */
    uint8_t keep_prefix_max, keep_suffix_max, hidden_min;
    struct format_mask_ends mask[FORMAT_VIEWERS];
    uint8_t head;       /* characters before what keep.prefix counts: 4 with a country */
    uint8_t check_part; /* index of the check, FORMAT_NONE without */
    uint8_t old_at;     /* an old form lacks the characters old_text there, and the check */
    char old_text[FORMAT_LITERAL_MAX + 1];
    uint8_t parts_count, pool_count, patterns_count, marks_count, alphabets_count;
    uint8_t marks[FORMAT_MARKS_MAX]; /* check digits of tokens, 0..99 */
    uint8_t len_min, len_max;
    size_t shapes_count;
    struct check_weights weights;
    struct bins bins; /* of FORMAT_TOKEN_BIN */
    struct format_part parts[FORMAT_PARTS_MAX];
    struct format_pattern patterns[FORMAT_PATTERNS_MAX];
    struct format_alphabet alphabets[FORMAT_ALPHABETS_MAX];
    uint8_t country_at[26 * 26]; /* index into shapes, FORMAT_NONE: not in the registry */
    struct format_values *pool;  /* sets first, then what patterns need */
    struct format_shape *shapes; /* by length, or by country code */
};

#endif
