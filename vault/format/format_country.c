#include <stdlib.h>
#include <string.h>

#include "vault/format/format_build.h"

/* Kinds of characters as the registry writes them: n digits, a letters, c either. */
static const struct {
    char sign;
    uint8_t takes;
} kinds[] = {
    { 'n', FORMAT_IS_DIGIT },
    { 'a', FORMAT_IS_LETTER },
    { 'c', FORMAT_IS_DIGIT | FORMAT_IS_LETTER },
};

/* "4a14n" into takes, from the fifth character on. */
static enum hufu_err scan_bban(struct format_build *b, const struct format_entry *e,
                               struct format_shape *shape)
{
    struct format_scan s = format_scan_of(e->value);
    size_t len = 4;

    while (!format_scan_end(&s)) {
        unsigned n;
        size_t k = 0;

        if (!format_scan_number(&s, FORMAT_PLACES_MAX, &n) || n == 0 || format_scan_end(&s))
            return format_fault_at(b->fault, e->line, "a BBAN is written like 4a14n");
        while (k < 3 && !format_scan_is(&s, kinds[k].sign))
            k++;
        if (k == 3)
            return format_fault_at(b->fault, e->line, "a BBAN is made of n, a and c");
        if (len + n > FORMAT_PLACES_MAX)
            return format_fault_at(b->fault, e->line, "a value has 64 characters at most");
        memset(shape->takes + len, kinds[k].takes, n);
        len += n;
    }
    if (len == 4)
        return format_fault_at(b->fault, e->line, "a BBAN is written like 4a14n");
    memset(shape->takes, FORMAT_IS_LETTER, 2);
    memset(shape->takes + 2, FORMAT_IS_DIGIT, 2);
    shape->at[1] = 2;
    shape->at[2] = 4;
    shape->at[3] = shape->len = (uint8_t)len;
    return HUFU_OK;
}

static bool is_country(struct view key)
{
    return key.len == 2 && key.p[0] >= 'A' && key.p[0] <= 'Z' && key.p[1] >= 'A' && key.p[1] <= 'Z';
}

static int by_country(const void *a, const void *b)
{
    const char *x = ((const struct format_shape *)a)->country;
    const char *y = ((const struct format_shape *)b)->country;

    return x[0] != y[0] ? x[0] - y[0] : x[1] - y[1];
}

/* Sorted by country, so that the file's order does not matter to the printed definition. */
static void shapes_index(struct format *fmt)
{
    qsort(fmt->shapes, fmt->shapes_count, sizeof(*fmt->shapes), by_country);
    memset(fmt->country_at, FORMAT_NONE, sizeof(fmt->country_at));
    fmt->len_min = FORMAT_PLACES_MAX;
    for (size_t i = 0; i < fmt->shapes_count; i++) {
        const struct format_shape *s = &fmt->shapes[i];

        fmt->country_at[(s->country[0] - 'A') * 26 + s->country[1] - 'A'] = (uint8_t)i;
        if (s->len < fmt->len_min)
            fmt->len_min = s->len;
        if (s->len > fmt->len_max)
            fmt->len_max = s->len;
    }
}

enum hufu_err format_country_shapes(struct format_build *b)
{
    struct format *fmt = b->fmt;
    const struct format_section *section =
        format_build_find(b, "countries", view_str(fmt->countries));
    enum hufu_err err;

    if (section->count == 0 || section->count > FORMAT_COUNTRIES_MAX)
        return format_fault_at(b->fault, section->line, "1 to 255 countries");
    fmt->shapes = calloc(section->count, sizeof(*fmt->shapes));
    if (fmt->shapes == NULL)
        return HUFU_NOMEM;
    for (size_t i = 0; i < section->count; i++) {
        const struct format_entry *e = &b->file->entries[section->first + i];
        struct format_shape *shape = &fmt->shapes[i];

        if (!is_country(e->key))
            return format_fault_at(b->fault, e->line, "a country is two capital letters");
        memcpy(shape->country, e->key.p, 2);
        err = scan_bban(b, e, shape);
        if (err != HUFU_OK)
            return err;
        fmt->shapes_count++;
    }
    fmt->head = 4;
    shapes_index(fmt);
    return HUFU_OK;
}

static void print_bban(const struct format_shape *s, struct buf *out)
{
    for (size_t i = 4; i < s->len;) {
        size_t from = i;
        size_t k = 0;

        while (i < s->len && s->takes[i] == s->takes[from])
            i++;
        while (kinds[k].takes != s->takes[from])
            k++;
        buf_dec(out, i - from);
        buf_u8(out, (uint8_t)kinds[k].sign);
    }
}

void format_country_print(const struct format *fmt, struct buf *out)
{
    if (fmt->countries[0] == '\0')
        return;
    buf_str(out, "\n[countries ");
    buf_str(out, fmt->countries);
    buf_str(out, "]\n");
    for (size_t i = 0; i < fmt->shapes_count; i++) {
        buf_put(out, fmt->shapes[i].country, 2);
        buf_str(out, " = ");
        print_bban(&fmt->shapes[i], out);
        buf_u8(out, '\n');
    }
}
