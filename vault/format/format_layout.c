#include <stdlib.h>
#include <string.h>

#include "vault/format/format_build.h"

static enum hufu_err fail(struct format_build *b, const char *why)
{
    return format_fault_at(b->fault, b->line, why);
}

/* digits(6) or digits(12-18) */
static enum hufu_err scan_digits(struct format_build *b, struct format_scan *s,
                                 struct format_part *part)
{
    unsigned low, high;

    if (!format_scan_number(s, FORMAT_VALUE_MAX, &low))
        return fail(b, "digits(N) or digits(N-M), 64 at most");
    high = low;
    if (format_scan_is(s, '-') && !format_scan_number(s, FORMAT_VALUE_MAX, &high))
        return fail(b, "digits(N) or digits(N-M), 64 at most");
    if (low == 0 || high < low)
        return fail(b, "digits(N-M) needs 1 <= N <= M");
    part->kind = FORMAT_DIGITS;
    part->len_min = (uint8_t)low;
    part->len_max = (uint8_t)high;
    return HUFU_OK;
}

static bool is_in_pool(const struct format *fmt, struct view name)
{
    for (size_t i = 0; i < fmt->pool_count; i++)
        if (view_is(name, fmt->pool[i].name))
            return true;
    return false;
}

/* set(NAME): fetches [set NAME] into the pool. */
static enum hufu_err scan_set(struct format_build *b, struct format_scan *s,
                              struct format_part *part)
{
    struct view name = format_scan_word(s);
    const struct format_section *section = format_build_find(b, "set", name);
    const struct format_entry *e;
    struct format_values *values;
    struct format_scan list;
    enum hufu_err err;
    unsigned line = b->line;

    if (section == NULL)
        return fail(b, "there is no [set] of that name");
    if (is_in_pool(b->fmt, name))
        return fail(b, "a set may be used once in a layout");
    e = &b->file->entries[section->first];
    b->line = section->line;
    if (section->count != 1 || !view_is(e->key, "values"))
        return fail(b, "a set has the one key values");
    values = format_build_values(b);
    if (values == NULL)
        return fail(b, "too many sets");
    b->line = e->line;
    memcpy(values->name, name.p, name.len);
    list = format_scan_of(e->value);
    err = format_values_scan(b, &list, 0, values);
    if (err != HUFU_OK)
        return err;
    if (!format_scan_end(&list))
        return fail(b, "values are numbers and ranges: 11-15, 21-23");
    b->line = line;
    part->kind = FORMAT_SET;
    part->len_min = part->len_max = values->width;
    part->values = (uint8_t)(b->fmt->pool_count - 1);
    return HUFU_OK;
}

/* date(yyyymmdd, 1900-2099) */
static enum hufu_err scan_date(struct format_build *b, struct format_scan *s,
                               struct format_part *part)
{
    unsigned low, high;

    if (!view_is(format_scan_word(s), "yyyymmdd") || !format_scan_is(s, ',') ||
        !format_scan_number(s, 9999, &low) || !format_scan_is(s, '-') ||
        !format_scan_number(s, 9999, &high) || low < 1 || high < low)
        return fail(b, "a date is date(yyyymmdd, YEAR-YEAR)");
    part->kind = FORMAT_DATE;
    part->len_min = part->len_max = 8;
    part->year_min = (uint16_t)low;
    part->year_max = (uint16_t)high;
    return HUFU_OK;
}

/* check(luhn), check(mod11-2) or check(mod97) */
static enum hufu_err scan_check(struct format_build *b, struct format_scan *s,
                                struct format_part *part)
{
    struct view rule = format_scan_word(s);

    if (b->fmt->rule != CHECK_NONE)
        return fail(b, "a layout has one check at most");
    if (view_is(rule, "luhn"))
        b->fmt->rule = CHECK_LUHN;
    else if (view_is(rule, "mod11-2"))
        b->fmt->rule = CHECK_MOD11_2;
    else if (view_is(rule, "mod97"))
        b->fmt->rule = CHECK_MOD97;
    else
        return fail(b, "check rules are luhn, mod11-2 and mod97");
    part->kind = FORMAT_CHECK;
    part->len_min = part->len_max = b->fmt->rule == CHECK_MOD97 ? 2 : 1;
    return HUFU_OK;
}

/* country(NAME): the section is read when its shapes are made. */
static enum hufu_err scan_country(struct format_build *b, struct format_scan *s,
                                  struct format_part *part)
{
    struct view name = format_scan_word(s);

    if (format_build_find(b, "countries", name) == NULL)
        return fail(b, "there is no [countries] of that name");
    if (b->fmt->countries[0] != '\0')
        return fail(b, "a layout has one country at most");
    memcpy(b->fmt->countries, name.p, name.len);
    part->kind = FORMAT_COUNTRY;
    part->len_min = part->len_max = 2;
    return HUFU_OK;
}

static const struct {
    const char *name;
    enum hufu_err (*scan)(struct format_build *b, struct format_scan *s, struct format_part *part);
} blocks[] = {
    { "digits", scan_digits }, { "set", scan_set },         { "date", scan_date },
    { "check", scan_check },   { "country", scan_country },
};

static enum hufu_err scan_part(struct format_build *b, struct format_scan *s,
                               struct format_part *part)
{
    struct view name = format_scan_word(s);
    enum hufu_err err;

    if (view_is(name, "bban")) {
        part->kind = FORMAT_BBAN;
        return HUFU_OK;
    }
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        if (!view_is(name, blocks[i].name))
            continue;
        if (!format_scan_is(s, '('))
            return fail(b, "a building block needs its parentheses");
        err = blocks[i].scan(b, s, part);
        if (err == HUFU_OK && !format_scan_is(s, ')'))
            return fail(b, "a closing parenthesis is missing");
        return err;
    }
    return fail(b, "building blocks are digits set date check country bban");
}

/* True where one of a country, mod97 and bban is there. */
static bool is_account(const struct format *fmt)
{
    for (size_t i = 0; i < fmt->parts_count; i++)
        if (fmt->parts[i].kind == FORMAT_COUNTRY || fmt->parts[i].kind == FORMAT_BBAN)
            return true;
    return fmt->rule == CHECK_MOD97;
}

/* What the order of the parts must hold. */
static enum hufu_err layout_judge(struct format_build *b)
{
    const struct format *fmt = b->fmt;
    const struct format_part *p = fmt->parts;
    unsigned open = 0;

    if (is_account(fmt)) {
        if (fmt->parts_count != 3 || p[0].kind != FORMAT_COUNTRY || p[1].kind != FORMAT_CHECK ||
            fmt->rule != CHECK_MOD97 || p[2].kind != FORMAT_BBAN)
            return fail(b, "country, mod97 and bban go together: country(NAME) check(mod97) bban");
        return HUFU_OK;
    }
    for (size_t i = 0; i < fmt->parts_count; i++) {
        open += p[i].len_min != p[i].len_max;
        if (p[i].kind == FORMAT_CHECK && i + 1 < fmt->parts_count)
            return fail(b, "luhn and mod11-2 are the last of a layout");
    }
    if (open > 1)
        return fail(b, "one part at most may be of several lengths");
    if (fmt->rule != CHECK_NONE && fmt->parts_count < 2)
        return fail(b, "a check needs something before it");
    return HUFU_OK;
}

/* The shape whose one open part is extra characters longer than its minimum. */
static void shape_make(const struct format *fmt, size_t extra, struct format_shape *out)
{
    size_t at = 0;

    for (size_t i = 0; i < fmt->parts_count; i++) {
        const struct format_part *p = &fmt->parts[i];
        size_t len = p->len_min + (p->len_min != p->len_max ? extra : 0);

        out->at[i] = (uint8_t)at;
        memset(out->takes + at, FORMAT_IS_DIGIT, len);
        if (p->kind == FORMAT_CHECK && fmt->rule == CHECK_MOD11_2)
            out->takes[at] = FORMAT_IS_DIGIT | FORMAT_IS_X;
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
    for (size_t i = 0; i < fmt->parts_count; i++) {
        len_min += fmt->parts[i].len_min;
        len_max += fmt->parts[i].len_max;
    }
    if (len_max > FORMAT_VALUE_MAX)
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

enum hufu_err format_layout_scan(struct format_build *b, struct format_scan *s)
{
    struct format *fmt = b->fmt;
    enum hufu_err err;

    while (!format_scan_end(s)) {
        if (fmt->parts_count == FORMAT_PARTS_MAX)
            return fail(b, "a layout has 8 parts at most");
        err = scan_part(b, s, &fmt->parts[fmt->parts_count]);
        if (err != HUFU_OK)
            return err;
        fmt->parts_count++;
    }
    if (fmt->parts_count == 0)
        return fail(b, "the layout is empty");
    err = layout_judge(b);
    return err == HUFU_OK ? shapes_make(b) : err;
}

static void print_part(const struct format *fmt, const struct format_part *p, struct buf *out)
{
    static const char *const rules[] = { "", "luhn", "mod11-2", "mod97" };

    switch (p->kind) {
    case FORMAT_DIGITS:
        buf_str(out, "digits(");
        buf_dec(out, p->len_min);
        if (p->len_max != p->len_min) {
            buf_u8(out, '-');
            buf_dec(out, p->len_max);
        }
        break;
    case FORMAT_SET:
        buf_str(out, "set(");
        buf_str(out, fmt->pool[p->values].name);
        break;
    case FORMAT_DATE:
        buf_str(out, "date(yyyymmdd, ");
        buf_dec(out, p->year_min);
        buf_u8(out, '-');
        buf_dec(out, p->year_max);
        break;
    case FORMAT_CHECK:
        buf_str(out, "check(");
        buf_str(out, rules[fmt->rule]);
        break;
    case FORMAT_COUNTRY:
        buf_str(out, "country(");
        buf_str(out, fmt->countries);
        break;
    case FORMAT_BBAN:
        buf_str(out, "bban");
        return;
    }
    buf_u8(out, ')');
}

void format_layout_print(const struct format *fmt, struct buf *out)
{
    for (size_t i = 0; i < fmt->parts_count; i++) {
        if (i > 0)
            buf_u8(out, ' ');
        print_part(fmt, &fmt->parts[i], out);
    }
}
