/*
 * format_build.h - makes a format out of the sections of a file, and prints one. Private to
 * vault/format/.
 *
 * Layer:   vault/format/. Includes vault/base/, format_def.h, format_lex.h.
 * Threads: one build belongs to one thread.
 */
#ifndef HUFU_FORMAT_FORMAT_BUILD_H
#define HUFU_FORMAT_FORMAT_BUILD_H

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/format/format_def.h"
#include "vault/format/format_lex.h"

struct format_build {
    const struct format_file *file;
    const struct format_section *section; /* the format's */
    bool *used;                           /* per section of the file */
    struct format *fmt;
    struct format_fault *fault;
    unsigned line; /* of the entry in work */
};

/* Makes the format of one [format ...] section and marks the sections it uses. HUFU_OK, *out is the
 * caller's; HUFU_SYNTAX with fault; HUFU_NOMEM. */
HUFU_MUST_USE enum hufu_err format_build(const struct format_file *file,
                                         const struct format_section *section, bool *used,
                                         struct format **out, struct format_fault *fault);
/* HUFU_SYNTAX with fault where a section is of no known kind, or not marked as used. */
HUFU_MUST_USE enum hufu_err format_build_rest(const struct format_file *file, const bool *used,
                                              struct format_fault *fault);

/* Writes "line N: why" into err_text, where there is any room. */
void format_fault_print(const struct format_fault *fault, enum hufu_err err, char *err_text,
                        size_t err_text_len);

/* The section [kind name], marked as used; NULL where there is none. */
const struct format_section *format_build_find(struct format_build *b, const char *kind,
                                               struct view name);
/* A new, empty member of the pool; NULL where it is full. */
struct format_values *format_build_values(struct format_build *b);

/* format_values.c: "001-665, 667-899" up to the first thing that is not of a list. width 0: what
 * the first number has. HUFU_SYNTAX with fault. */
HUFU_MUST_USE enum hufu_err format_values_scan(struct format_build *b, struct format_scan *s,
                                               uint8_t width, struct format_values *out);
void format_values_print(const struct format_values *values, struct buf *out);
/* True where no number is in both. */
bool format_values_apart(const struct format_values *a, const struct format_values *b);

/* format_layout.c: the entry layout, and the shapes that follow from it. */
HUFU_MUST_USE enum hufu_err format_layout_scan(struct format_build *b, struct format_scan *s);
void format_layout_print(const struct format *fmt, struct buf *out);

/* format_country.c: the shapes of a [countries ...] section. */
HUFU_MUST_USE enum hufu_err format_country_shapes(struct format_build *b);
void format_country_print(const struct format *fmt, struct buf *out);

/* format_mark.c: how tokens are marked. */
HUFU_MUST_USE enum hufu_err format_mark_scan(struct format_build *b, struct format_scan *s);
HUFU_MUST_USE enum hufu_err format_mark_scan_patterns(struct format_build *b,
                                                      struct format_scan *s);
HUFU_MUST_USE enum hufu_err format_mark_judge(struct format_build *b);
void format_mark_print(const struct format *fmt, struct buf *out);

#endif
