#include <stdlib.h>
#include <string.h>

#include "vault/format/format_build.h"

static enum hufu_err fail(struct format_build *b, const char *why)
{
    return format_fault_at(b->fault, b->line, why);
}

/* check-digits(00, 01, 99). ISO 13616 makes 02..98, so that these three are never an IBAN's. */
static enum hufu_err scan_check_digits(struct format_build *b, struct format_scan *s)
{
    static const struct format_values like = { .width = 2, .takes = FORMAT_IS_DIGIT };
    struct format_values digits = { 0 };
    struct format *fmt = b->fmt;
    enum hufu_err err;

    if (!format_scan_is(s, '('))
        return fail(b, "check digits are check-digits(00, 01, 99)");
    err = format_values_scan(b, s, &like, &digits);
    for (unsigned n = 0; err == HUFU_OK && n < 100; n++) {
        if (!format_values_has(&digits, n))
            continue;
        if (n >= 2 && n <= 98)
            err = fail(b, "check digits 02 to 98 are those of originals");
        else
            fmt->marks[fmt->marks_count++] = (uint8_t)n;
    }
    free(digits.bits);
    if (err != HUFU_OK)
        return err;
    /* Of two digit pairs at most one makes the remainder right: no BBAN is left without a token. */
    if (fmt->marks_count < 2)
        return fail(b, "at least two of 00, 01, 99 are needed");
    return format_scan_is(s, ')') ? HUFU_OK : fail(b, "a closing parenthesis is missing");
}

enum hufu_err format_mark_scan(struct format_build *b, struct format_scan *s)
{
    struct view word = format_scan_word(s);

    b->is_marked = true;
    if (view_is(word, "wrong-check")) {
        b->fmt->mark = FORMAT_WRONG_CHECK;
        if (b->fmt->rule == CHECK_NONE || b->fmt->rule == CHECK_MOD97)
            return fail(b, "wrong-check needs a check in the layout, other than check(mod97)");
        return HUFU_OK;
    }
    if (view_is(word, "check-digits")) {
        b->fmt->mark = FORMAT_CHECK_DIGITS;
        if (b->fmt->rule != CHECK_MOD97)
            return fail(b, "check-digits needs check(mod97) in the layout");
        return scan_check_digits(b, s);
    }
    if (view_is(word, "token-bin")) {
        b->fmt->mark = FORMAT_TOKEN_BIN;
        return HUFU_OK; /* format_bin_judge sees to the rest */
    }
    if (view_is(word, "invalid-domain")) {
        b->fmt->mark = FORMAT_INVALID_DOMAIN;
        return b->fmt->is_email ? HUFU_OK : fail(b, "invalid-domain is for layout = email");
    }
    if (view_is(word, "unissued")) {
        b->fmt->mark = FORMAT_UNISSUED;
        if (b->fmt->rule != CHECK_NONE)
            return fail(b, "unissued is for layouts without a check");
        return HUFU_OK;
    }
    return fail(b, "a mark is wrong-check, token-bin, check-digits(...), unissued or "
                   "invalid-domain");
}

/* marked = no: tokens look like originals. */
enum hufu_err format_mark_scan_none(struct format_build *b, struct format_scan *s)
{
    if (!view_is(format_scan_word(s), "no"))
        return fail(b, "marked = no, or the key mark");
    if (b->is_marked)
        return fail(b, "marked = no contradicts the key mark");
    if (b->fmt->rule != CHECK_NONE)
        return fail(b, "a layout with a check is marked: by a wrong one");
    b->fmt->mark = FORMAT_UNMARKED;
    b->is_marked = true;
    return HUFU_OK;
}

/* The part whose set has that name, or parts_count. */
static size_t part_find(const struct format *fmt, struct view name)
{
    for (size_t i = 0; i < fmt->parts_count; i++)
        if (fmt->parts[i].kind == FORMAT_SET && view_is(name, fmt->pool[fmt->parts[i].values].name))
            return i;
    return fmt->parts_count;
}

/* Takes us-area(900-999). */
static enum hufu_err scan_term(struct format_build *b, struct format_scan *s,
                               struct format_pattern *pattern)
{
    size_t part = part_find(b->fmt, format_scan_word(s));
    struct format_values *values;
    enum hufu_err err;

    if (part == b->fmt->parts_count)
        return fail(b, "unissued names sets of the layout: us-group(00)");
    if (pattern->values[part] != FORMAT_NONE)
        return fail(b, "a set may be named once between two bars");
    values = format_build_values(b);
    if (values == NULL)
        return fail(b, "too many sets");
    pattern->values[part] = (uint8_t)(b->fmt->pool_count - 1);
    if (!format_scan_is(s, '('))
        return fail(b, "a set needs its parentheses: us-group(00)");
    err = format_values_scan(b, s, &b->fmt->pool[b->fmt->parts[part].values], values);
    if (err == HUFU_OK && !format_scan_is(s, ')'))
        return fail(b, "a closing parenthesis is missing");
    return err;
}

/* Takes one alternative up to a bar or the end. It must not hold a single valid original. */
static enum hufu_err scan_pattern(struct format_build *b, struct format_scan *s,
                                  struct format_pattern *pattern)
{
    const struct format *fmt = b->fmt;
    enum hufu_err err;

    memset(pattern->values, FORMAT_NONE, sizeof(pattern->values));
    do {
        err = scan_term(b, s, pattern);
        if (err != HUFU_OK)
            return err;
    } while (!format_scan_end(s) && *s->p != '|');
    for (size_t i = 0; i < fmt->parts_count; i++)
        if (pattern->values[i] != FORMAT_NONE &&
            format_values_apart(&fmt->pool[pattern->values[i]], &fmt->pool[fmt->parts[i].values]))
            return HUFU_OK;
    return fail(b, "what is unissued overlaps with what is valid");
}

enum hufu_err format_mark_scan_patterns(struct format_build *b, struct format_scan *s)
{
    struct format *fmt = b->fmt;
    enum hufu_err err;

    if (fmt->mark != FORMAT_UNISSUED)
        return fail(b, "the key unissued needs mark = unissued");
    do {
        if (fmt->patterns_count == FORMAT_PATTERNS_MAX)
            return fail(b, "unissued has 6 alternatives at most");
        err = scan_pattern(b, s, &fmt->patterns[fmt->patterns_count]);
        if (err != HUFU_OK)
            return err;
        fmt->patterns_count++;
    } while (format_scan_is(s, '|'));
    return HUFU_OK;
}

enum hufu_err format_mark_judge(struct format_build *b)
{
    if (!b->is_marked)
        return fail(b, "the key mark is missing, or marked = no");
    if (b->fmt->is_email && b->fmt->mark != FORMAT_INVALID_DOMAIN)
        return fail(b, "layout = email needs mark = invalid-domain");
    if (b->fmt->mark == FORMAT_UNISSUED && b->fmt->patterns_count == 0)
        return fail(b, "mark = unissued needs the key unissued");
    return b->fmt->mark == FORMAT_TOKEN_BIN ? format_bin_judge(b) : HUFU_OK;
}

bool format_mark_names(const struct format *fmt, size_t part)
{
    for (size_t i = 0; i < fmt->patterns_count; i++)
        if (fmt->patterns[i].values[part] != FORMAT_NONE)
            return true;
    return false;
}

static bool pattern_fits(const struct format *fmt, const struct format_shape *shape,
                         const struct format_pattern *pattern, const uint8_t *value)
{
    for (size_t i = 0; i < fmt->parts_count; i++) {
        uint8_t v = pattern->values[i];

        if (v != FORMAT_NONE &&
            !format_values_has(&fmt->pool[v],
                               format_values_number(&fmt->pool[v], value + shape->at[i])))
            return false;
    }
    return true;
}

bool format_mark_has(const struct format *fmt, const struct format_shape *shape,
                     const uint8_t *value)
{
    switch (fmt->mark) {
    case FORMAT_WRONG_CHECK:
        return !format_check_holds(fmt, shape, value);
    case FORMAT_CHECK_DIGITS: {
        unsigned digits = format_number(value + 2, 2);

        for (size_t i = 0; i < fmt->marks_count; i++)
            if (fmt->marks[i] == digits)
                return check_mod97(value, shape->len) != 1;
        return false;
    }
    case FORMAT_UNISSUED:
        for (size_t i = 0; i < fmt->patterns_count; i++)
            if (pattern_fits(fmt, shape, &fmt->patterns[i], value))
                return true;
        return false;
    case FORMAT_UNMARKED:
        for (size_t i = 0; i < fmt->parts_count; i++)
            if (!format_part_holds(fmt, &fmt->parts[i], value + shape->at[i]))
                return false;
        return true;
    case FORMAT_TOKEN_BIN:
        return bins_has(&fmt->bins, view_of(value, shape->len)) &&
               format_check_holds(fmt, shape, value);
    case FORMAT_INVALID_DOMAIN: /* has no shape: format_judge asks email.h */
        break;
    }
    return false;
}

static void print_patterns(const struct format *fmt, struct buf *out)
{
    buf_str(out, "unissued = ");
    for (size_t i = 0; i < fmt->patterns_count; i++) {
        bool first = true;

        if (i > 0)
            buf_str(out, " | ");
        for (size_t p = 0; p < fmt->parts_count; p++) {
            uint8_t v = fmt->patterns[i].values[p];

            if (v == FORMAT_NONE)
                continue;
            if (!first)
                buf_u8(out, ' ');
            first = false;
            buf_str(out, fmt->pool[fmt->parts[p].values].name);
            buf_u8(out, '(');
            format_values_print(&fmt->pool[v], out);
            buf_u8(out, ')');
        }
    }
    buf_u8(out, '\n');
}

void format_mark_print(const struct format *fmt, struct buf *out)
{
    buf_str(out, fmt->mark == FORMAT_UNMARKED ? "marked = no\n" : "mark = ");
    switch (fmt->mark) {
    case FORMAT_WRONG_CHECK:
        buf_str(out, "wrong-check\n");
        break;
    case FORMAT_CHECK_DIGITS:
        buf_str(out, "check-digits(");
        for (size_t i = 0; i < fmt->marks_count; i++) {
            if (i > 0)
                buf_str(out, ", ");
            buf_u8(out, (uint8_t)('0' + fmt->marks[i] / 10));
            buf_u8(out, (uint8_t)('0' + fmt->marks[i] % 10));
        }
        buf_str(out, ")\n");
        break;
    case FORMAT_UNISSUED:
        buf_str(out, "unissued\n");
        print_patterns(fmt, out);
        break;
    case FORMAT_UNMARKED:
        break;
    case FORMAT_TOKEN_BIN:
        format_bin_print(fmt, out);
        break;
    case FORMAT_INVALID_DOMAIN:
        buf_str(out, "invalid-domain\n");
        break;
    }
}
