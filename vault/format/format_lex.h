/*
 * format_lex.h - cuts a definition file into sections and entries, with their lines. Private to
 * vault/format/.
 *
 * Layer:   vault/format/. Includes vault/base/ and format_def.h.
 * Threads: pure functions.
 *
 * "[kind name]" begins a section, "key = value" is an entry, a line that begins with a blank goes
 * on with the value above it, "#" or ";" at the beginning makes a comment. Not inih: it knows no
 * line numbers when reading memory, and cuts long lines and names without a word.
 */
#ifndef HUFU_FORMAT_FORMAT_LEX_H
#define HUFU_FORMAT_FORMAT_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/format/format_def.h"

#define FORMAT_LINES_MAX 8192

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

struct format_entry {
    struct view key, value; /* value: may span lines, its ends are not blank */
    unsigned line;
};

struct format_section {
    struct view kind, name;
    unsigned line;
    size_t first, count; /* its entries */
};

struct format_file { /* borrows from the text */
    struct format_section *sections;
    struct format_entry *entries;
    size_t sections_count, entries_count;
};

/* HUFU_OK; HUFU_SYNTAX with fault; HUFU_RANGE (too many lines); HUFU_NOMEM. Keys, and sections of
 * one kind, are checked to be different. format_lex_done frees. */
HUFU_MUST_USE enum hufu_err format_lex(struct view text, struct format_file *out,
                                       struct format_fault *fault);
void format_lex_done(struct format_file *file);

/* A place in a value. Every step skips blanks before it. */
struct format_scan {
    const uint8_t *p, *end;
};
struct format_scan format_scan_of(struct view value);
bool format_scan_end(struct format_scan *s);            /* nothing is left */
bool format_scan_is(struct format_scan *s, char c);     /* takes c if it is next */
struct view format_scan_word(struct format_scan *s);    /* [a-z0-9-]*, may be empty */
struct view format_scan_digits(struct format_scan *s);  /* [0-9]*, may be empty */
struct view format_scan_symbols(struct format_scan *s); /* [0-9A-Z]*, may be empty */
/* Takes a decimal number of 1..9 digits at most max; false where there is none. */
bool format_scan_number(struct format_scan *s, unsigned max, unsigned *out);

#endif
