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
#include "vault/format/format_part.h"

#define FORMAT_SEPARATORS 4
struct format_separator {
    const char *name;
    uint8_t c;
};
extern const struct format_separator format_separators[FORMAT_SEPARATORS];

struct format_build {
    const struct format_file *file;
    const struct format_section *section; /* the format's */
    bool *used;                           /* per section of the file */
    struct format *fmt;
    struct format_fault *fault;
    unsigned line;  /* of the entry in work */
    bool is_marked; /* mark, or marked = no, has been read */
    unsigned mask_line[FORMAT_VIEWERS];
};

/* Makes the format of one [format ...] section and marks the sections it uses. is_new: not the copy
 * that a domain made under older rules. HUFU_OK, *out is the caller's; HUFU_SYNTAX with fault;
 * HUFU_NOMEM. */
HUFU_MUST_USE enum hufu_err format_build(const struct format_file *file,
                                         const struct format_section *section, bool is_new,
                                         bool *used, struct format **out,
                                         struct format_fault *fault);
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

/* format_values.c: "001-665, 667-899" up to the first thing that is not of a list; out is all zero
 * before, and its bits are the caller's whatever comes back. like: another list of the same width
 * and characters; NULL: those of the first value, and of all. HUFU_SYNTAX with fault, HUFU_NOMEM.
 */
HUFU_MUST_USE enum hufu_err format_values_scan(struct format_build *b, struct format_scan *s,
                                               const struct format_values *like,
                                               struct format_values *out);
void format_values_print(const struct format_values *values, struct buf *out);
/* True where no number is in both. */
bool format_values_apart(const struct format_values *a, const struct format_values *b);

/* format_block.c: one building block of a layout. */
HUFU_MUST_USE enum hufu_err format_block_scan(struct format_build *b, struct format_scan *s,
                                              struct format_part *part);
void format_block_print(const struct format *fmt, const struct format_part *p, struct buf *out);

/* format_alphabet.c: the section [alphabet NAME], read once; *bit_out is what its positions take.
 */
HUFU_MUST_USE enum hufu_err format_alphabet_fetch(struct format_build *b, struct view name,
                                                  uint8_t *bit_out);
void format_alphabet_print(const struct format *fmt, struct buf *out);

/* format_layout.c: the entry layout, and the shapes that follow from it; the entry old_form. */
HUFU_MUST_USE enum hufu_err format_layout_scan_old(struct format_build *b, struct format_scan *s);
HUFU_MUST_USE enum hufu_err format_layout_scan(struct format_build *b, struct format_scan *s);
void format_layout_print(const struct format *fmt, struct buf *out);

/* format_country.c: the shapes of a [countries ...] section. */
HUFU_MUST_USE enum hufu_err format_country_shapes(struct format_build *b);
void format_country_print(const struct format *fmt, struct buf *out);

/* format_mark.c: how tokens are marked. */
HUFU_MUST_USE enum hufu_err format_mark_scan(struct format_build *b, struct format_scan *s);
HUFU_MUST_USE enum hufu_err format_mark_scan_patterns(struct format_build *b,
                                                      struct format_scan *s);
HUFU_MUST_USE enum hufu_err format_mark_scan_none(struct format_build *b, struct format_scan *s);
HUFU_MUST_USE enum hufu_err format_mark_judge(struct format_build *b);
void format_mark_print(const struct format *fmt, struct buf *out);

/* format_bin.c: the key token_bins; what mark = token-bin needs; mark and key, printed. */
HUFU_MUST_USE enum hufu_err format_bin_scan(struct format_build *b, struct format_scan *s);
HUFU_MUST_USE enum hufu_err format_bin_judge(struct format_build *b);
void format_bin_print(const struct format *fmt, struct buf *out);

/* format_judge.c: which characters a mark lets stay; and, for a new definition, that no bucket is
 * without tokens. */
HUFU_MUST_USE enum hufu_err format_keep_judge(struct format_build *b);
HUFU_MUST_USE enum hufu_err format_space_judge(struct format_build *b);

/* format_mask.c: the entries mask, mask_approver, mask_auditor and mask_partner. */
HUFU_MUST_USE enum hufu_err format_mask_scan(struct format_build *b, struct format_scan *s,
                                             enum format_viewer viewer);
HUFU_MUST_USE enum hufu_err format_mask_judge(struct format_build *b);
void format_mask_print(const struct format *fmt, struct buf *out);

#endif
