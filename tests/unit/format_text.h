/*
 * format_text.h - small formats of a test's own, from their texts.
 *
 * Layer:   tests/. Includes vault/format/; cmocka.h comes before it.
 * Threads: one.
 */
#ifndef HUFU_TESTS_UNIT_FORMAT_TEXT_H
#define HUFU_TESTS_UNIT_FORMAT_TEXT_H

#include "vault/format/format.h"

/* What all have but for layout and what may stay; a mark and sets come behind it. */
#define HEAD(layout, prefix, suffix, hidden)                                                       \
    "[format p]\nclass = C2\nsource = test\nlayout = " layout                                      \
    "\nseparators = none\nkeep_prefix_max = " prefix "\nkeep_suffix_max = " suffix                 \
    "\nhidden_min = " hidden "\nmask = 0+0\n"

/* The format of a text, which must be a good one. The caller frees it. */
static inline struct format *parse(const char *text)
{
    struct format *fmt = NULL;
    char err_text[FORMAT_ERR_MAX] = "";

    if (format_parse(view_str(text), &fmt, err_text, sizeof(err_text)) != HUFU_OK)
        fail_msg("%s\n%s", err_text, text);
    return fmt;
}

#endif
