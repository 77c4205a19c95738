#include <stdlib.h>
#include <string.h>

#include "vault/format/email.h"
#include "vault/format/format_build.h"

static enum hufu_err fail(struct format_build *b, const char *why)
{
    return format_fault_at(b->fault, b->line, why);
}

/* True where one of a country, mod97 and bban is there. */
static bool is_account(const struct format *fmt)
{
    for (size_t i = 0; i < fmt->parts_count; i++)
        if (fmt->parts[i].kind == FORMAT_COUNTRY || fmt->parts[i].kind == FORMAT_BBAN)
            return true;
    return fmt->rule == CHECK_MOD97;
}

/* True where each character that the part takes is one of those the check rule reckons with. */
static bool check_reads(const struct format *fmt, const struct format_part *p)
{
    uint8_t reads = fmt->rule == CHECK_MOD31 ? FORMAT_IS_MOD31 : FORMAT_IS_DIGIT;

    if (p->kind == FORMAT_LITERAL) {
        for (size_t i = 0; i < p->len_min; i++)
            if ((format_char_bits[(uint8_t)p->literal[i]] & reads) == 0)
                return false;
        return true;
    }
    for (unsigned c = '0'; c <= 'Z'; c++)
        if ((fmt->bits[c] & p->takes) != 0 && (format_char_bits[c] & reads) == 0)
            return false;
    return true;
}

static bool is_of_mod31(const struct format_values *values)
{
    static const char symbols[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    for (unsigned n = 0; n < format_values_all(values); n++)
        for (unsigned v = n, i = 0; format_values_has(values, n) && i < values->width; i++) {
            if ((format_char_bits[(uint8_t)symbols[v % 36]] & FORMAT_IS_MOD31) == 0)
                return false;
            v /= 36;
        }
    return true;
}

/* Before a mod31 check, places of a set take the 31 symbols if its words are of them. */
static void sets_narrow(struct format *fmt)
{
    for (size_t i = 0; fmt->rule == CHECK_MOD31 && i < fmt->check_part; i++) {
        struct format_part *p = &fmt->parts[i];

        if (p->kind == FORMAT_SET && p->takes != FORMAT_IS_DIGIT &&
            is_of_mod31(&fmt->pool[p->values]))
            p->takes = FORMAT_IS_MOD31;
    }
}

static enum hufu_err check_judge(struct format_build *b)
{
    struct format *fmt = b->fmt;

    sets_narrow(fmt);

    if (fmt->check_part == 0)
        return fail(b, "a check needs something before it");
    for (size_t i = 0; i < fmt->check_part; i++)
        if (!check_reads(fmt, &fmt->parts[i]))
            return fail(b, "the check rule cannot reckon with what is before it: digits are "
                           "wanted, for mod31 the letters without I O S V Z too");
    return HUFU_OK;
}

/* What the order of the parts must hold. */
static enum hufu_err layout_judge(struct format_build *b)
{
    const struct format *fmt = b->fmt;
    const struct format_part *p = fmt->parts;
    unsigned open = 0;

    for (size_t i = 0; i < fmt->parts_count; i++)
        if (p[i].kind == FORMAT_EMAIL && fmt->parts_count > 1)
            return fail(b, "email is the whole of a layout");
    if (is_account(fmt)) {
        if (fmt->parts_count != 3 || p[0].kind != FORMAT_COUNTRY || p[1].kind != FORMAT_CHECK ||
            fmt->rule != CHECK_MOD97 || p[2].kind != FORMAT_BBAN)
            return fail(b, "country, mod97 and bban go together: country(NAME) check(mod97) bban");
        return HUFU_OK;
    }
    for (size_t i = 0; i < fmt->parts_count; i++)
        open += p[i].len_min != p[i].len_max;
    if (open > 1)
        return fail(b, "one part at most may be of several lengths");
    return fmt->rule == CHECK_NONE ? HUFU_OK : check_judge(b);
}

/* The shape whose one open part is extra characters longer than its minimum. */
static void shape_make(const struct format *fmt, size_t extra, struct format_shape *out)
{
    size_t at = 0;

    out->is_digits = true;
    for (size_t i = 0; i < fmt->parts_count; i++) {
        const struct format_part *p = &fmt->parts[i];
        size_t len = p->len_min + (p->len_min != p->len_max ? extra : 0);

        out->at[i] = (uint8_t)at;
        memset(out->takes + at, p->takes, len);
        out->is_digits = out->is_digits && p->takes == FORMAT_IS_DIGIT;
        at += len;
    }
    out->at[fmt->parts_count] = (uint8_t)at;
    out->len = (uint8_t)at;
}

static enum hufu_err shapes_make(struct format_build *b)
{
    struct format *fmt = b->fmt;
    size_t len_min = 0, len_max = 0;

    if (fmt->countries[0] != '\0')
        return format_country_shapes(b);
    if (fmt->parts[0].kind == FORMAT_EMAIL) {
        fmt->is_email = true;
        fmt->len_min = EMAIL_LEN_MIN;
        fmt->len_max = EMAIL_LEN_MAX;
        fmt->shapes_count = 1;
        fmt->shapes = calloc(1, sizeof(*fmt->shapes));
        return fmt->shapes == NULL ? HUFU_NOMEM : HUFU_OK;
    }
    for (size_t i = 0; i < fmt->parts_count; i++) {
        len_min += fmt->parts[i].len_min;
        len_max += fmt->parts[i].len_max;
    }
    if (len_max > FORMAT_PLACES_MAX)
        return fail(b, "a value has 64 characters at most");
    fmt->shapes_count = len_max - len_min + 1;
    fmt->shapes = calloc(fmt->shapes_count, sizeof(*fmt->shapes));
    if (fmt->shapes == NULL)
        return HUFU_NOMEM;
    for (size_t i = 0; i < fmt->shapes_count; i++)
        shape_make(fmt, i, &fmt->shapes[i]);
    fmt->len_min = (uint8_t)len_min;
    fmt->len_max = (uint8_t)len_max;
    return HUFU_OK;
}

static bool is_plain(const struct format *fmt)
{
    for (size_t i = 0; i < fmt->parts_count; i++)
        if (fmt->parts[i].kind != FORMAT_CHARS && fmt->parts[i].kind != FORMAT_CHECK)
            return false;
    return true;
}

static bool is_card(const struct format *fmt)
{
    if (fmt->rule != CHECK_LUHN || fmt->check_part + 1 != fmt->parts_count)
        return false;
    for (size_t i = 0; i < fmt->shapes_count; i++)
        if (!fmt->shapes[i].is_digits)
            return false;
    return true;
}

enum hufu_err format_layout_scan(struct format_build *b, struct format_scan *s)
{
    struct format *fmt = b->fmt;
    enum hufu_err err;

    fmt->check_part = FORMAT_NONE;
    while (!format_scan_end(s)) {
        if (fmt->parts_count == FORMAT_PARTS_MAX)
            return fail(b, "a layout has 12 parts at most");
        err = format_block_scan(b, s, &fmt->parts[fmt->parts_count]);
        if (err != HUFU_OK)
            return err;
        fmt->parts_count++;
    }
    if (fmt->parts_count == 0)
        return fail(b, "the layout is empty");
    fmt->is_plain = is_plain(fmt);
    err = layout_judge(b);
    if (err == HUFU_OK)
        err = shapes_make(b);
    fmt->is_card = err == HUFU_OK && is_card(fmt);
    return err;
}

void format_layout_print(const struct format *fmt, struct buf *out)
{
    for (size_t i = 0; i < fmt->parts_count; i++) {
        if (i > 0)
            buf_u8(out, ' ');
        format_block_print(fmt, &fmt->parts[i], out);
    }
}

/* insert(19, 6): an old form lacks the two characters 19 behind its sixth, and the check. */
enum hufu_err format_layout_scan_old(struct format_build *b, struct format_scan *s)
{
    static const char why[] = "an old form is refused, or insert(TEXT, N): TEXT is put in behind "
                              "its first N characters";
    struct format *fmt = b->fmt;
    struct view word = format_scan_word(s), text;
    unsigned at;

    if (view_is(word, "refused"))
        return HUFU_OK;
    if (!view_is(word, "insert") || !format_scan_is(s, '('))
        return fail(b, why);
    text = format_scan_symbols(s);
    if (text.len == 0 || text.len > FORMAT_LITERAL_MAX || !format_scan_is(s, ',') ||
        !format_scan_number(s, FORMAT_PLACES_MAX, &at) || !format_scan_is(s, ')'))
        return fail(b, why);
    if (fmt->rule == CHECK_NONE || fmt->rule == CHECK_MOD97 ||
        fmt->check_part + 1 != fmt->parts_count || fmt->len_min != fmt->len_max)
        return fail(b, "an old form is for layouts of one length that end with a check");
    if (at + text.len + 1 >= fmt->len_min)
        return fail(b, "an old form must be shorter by TEXT and the check character");
    for (size_t i = 0; i < text.len; i++)
        if ((fmt->bits[text.p[i]] & fmt->shapes[0].takes[at + i]) == 0)
            return fail(b, "TEXT of an old form does not fit where it is put in");
    memcpy(fmt->old_text, text.p, text.len);
    fmt->old_at = (uint8_t)at;
    return HUFU_OK;
}
