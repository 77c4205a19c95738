#include "vault/format/format.h"

#include <assert.h>

#include "vault/base/clock.h"
#include "vault/format/format_def.h"

#define D FORMAT_IS_DIGIT
#define L FORMAT_IS_LETTER
/* clang-format off */
const uint8_t format_char_bits[256] = {
    ['0'] = D, ['1'] = D, ['2'] = D, ['3'] = D, ['4'] = D,
    ['5'] = D, ['6'] = D, ['7'] = D, ['8'] = D, ['9'] = D,
    ['A'] = L, ['B'] = L, ['C'] = L, ['D'] = L, ['E'] = L, ['F'] = L, ['G'] = L, ['H'] = L,
    ['I'] = L, ['J'] = L, ['K'] = L, ['L'] = L, ['M'] = L, ['N'] = L, ['O'] = L, ['P'] = L,
    ['Q'] = L, ['R'] = L, ['S'] = L, ['T'] = L, ['U'] = L, ['V'] = L, ['W'] = L,
    ['X'] = L | FORMAT_IS_X, ['Y'] = L, ['Z'] = L,
};
/* clang-format on */
#undef D
#undef L

const char *format_name(const struct format *fmt)
{
    return fmt->name;
}

enum format_class format_class(const struct format *fmt)
{
    return fmt->class;
}

bool format_has_check(const struct format *fmt)
{
    return fmt->rule != CHECK_NONE;
}

size_t format_len_min(const struct format *fmt)
{
    return fmt->len_min;
}

size_t format_len_max(const struct format *fmt)
{
    return fmt->len_max;
}

enum hufu_err format_keep_check(const struct format *fmt, struct format_keep keep)
{
    if ((keep.prefix > 0 && fmt->keep_prefix_max == 0) ||
        (keep.suffix > 0 && fmt->keep_suffix_max == 0))
        return HUFU_SYNTAX;
    if (keep.prefix > fmt->keep_prefix_max || keep.suffix > fmt->keep_suffix_max)
        return HUFU_RANGE;
    if (fmt->head + keep.prefix + keep.suffix + fmt->hidden_min > fmt->len_min)
        return HUFU_RANGE;
    return HUFU_OK;
}

/* The canonical length, or 0 where the input is not of the format's alphabet. */
static size_t canon_len(const struct format *fmt, struct view in)
{
    uint8_t before = FORMAT_NONE; /* so that a separator may not be the first */
    size_t len = 0;

    if (in.len == 0 || in.len > FORMAT_INPUT_MAX)
        return 0;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = fmt->canon[in.p[i]];

        if (c == 0 || (c == FORMAT_NONE && before == FORMAT_NONE))
            return 0;
        len += c != FORMAT_NONE;
        before = c;
    }
    return before == FORMAT_NONE ? 0 : len;
}

enum hufu_err format_canon(const struct format *fmt, struct view in,
                           uint8_t out[static FORMAT_VALUE_MAX], size_t *len_out)
{
    size_t len = canon_len(fmt, in);
    size_t n = 0;

    if (len < fmt->len_min || len > fmt->len_max)
        return HUFU_INVALID_VALUE;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = fmt->canon[in.p[i]];

        if (c != FORMAT_NONE)
            out[n++] = c;
    }
    *len_out = n;
    return HUFU_OK;
}

const struct format_shape *format_shape_find(const struct format *fmt, struct view canonical)
{
    const struct format_shape *shape;
    unsigned a, b;
    uint8_t i;

    if (canonical.len < fmt->len_min || canonical.len > fmt->len_max)
        return NULL;
    if (fmt->countries[0] == '\0')
        return &fmt->shapes[canonical.len - fmt->len_min];
    a = (unsigned)canonical.p[0] - 'A'; /* wraps around below 'A' */
    b = (unsigned)canonical.p[1] - 'A';
    if (a >= 26 || b >= 26)
        return NULL;
    i = fmt->country_at[a * 26 + b];
    if (i == FORMAT_NONE)
        return NULL;
    shape = &fmt->shapes[i];
    return shape->len == canonical.len ? shape : NULL;
}

bool format_shape_fits(const struct format_shape *shape, const uint8_t *value)
{
    uint8_t bad = 0;

    for (size_t i = 0; i < shape->len; i++)
        bad |= (format_char_bits[value[i]] & shape->takes[i]) == 0;
    return bad == 0;
}

bool format_check_holds(const struct format *fmt, const struct format_shape *shape,
                        const uint8_t *value)
{
    unsigned digits;

    switch (fmt->rule) {
    case CHECK_NONE:
        return true;
    case CHECK_LUHN:
        return check_luhn(value, shape->len);
    case CHECK_MOD11_2:
        return check_mod11_2(value, shape->len - 1u) == value[shape->len - 1];
    case CHECK_MOD97:
        /* ISO 7064 gives 02..98; 00, 01 and 99 have the remainders of 97, 98 and 02. */
        digits = format_number(value + 2, 2);
        return digits >= 2 && digits <= 98 && check_mod97(value, shape->len) == 1;
    }
    return false;
}

/* True where one part is as in an original. */
static bool part_holds(const struct format *fmt, const struct format_part *p, const uint8_t *at)
{
    unsigned year;

    switch (p->kind) {
    case FORMAT_SET:
        return format_values_has(&fmt->pool[p->values], format_number(at, p->len_min));
    case FORMAT_DATE:
        year = format_number(at, 4);
        return year >= p->year_min && year <= p->year_max &&
               clock_is_date(year, format_number(at + 4, 2), format_number(at + 6, 2));
    case FORMAT_DIGITS:
    case FORMAT_CHECK:
    case FORMAT_COUNTRY:
    case FORMAT_BBAN:
        break;
    }
    return true;
}

static bool is_original(const struct format *fmt, const struct format_shape *shape,
                        const uint8_t *value)
{
    for (size_t i = 0; i < fmt->parts_count; i++)
        if (!part_holds(fmt, &fmt->parts[i], value + shape->at[i]))
            return false;
    return format_check_holds(fmt, shape, value);
}

/* True where what was kept could be an original's: only parts that stay whole can tell. */
static bool kept_holds(const struct format *fmt, const struct format_shape *shape,
                       struct format_keep keep, const uint8_t *value)
{
    size_t hidden_from = (size_t)fmt->head + keep.prefix;
    size_t hidden_to = (size_t)shape->len - keep.suffix;

    for (size_t i = 0; i < fmt->parts_count; i++)
        if ((shape->at[i + 1] <= hidden_from || shape->at[i] >= hidden_to) &&
            !part_holds(fmt, &fmt->parts[i], value + shape->at[i]))
            return false;
    return true;
}

enum format_verdict format_judge(const struct format *fmt, struct format_keep keep,
                                 struct view canonical)
{
    const struct format_shape *shape = format_shape_find(fmt, canonical);

    if (shape == NULL || !format_shape_fits(shape, canonical.p))
        return FORMAT_NEITHER;
    if (is_original(fmt, shape, canonical.p))
        return FORMAT_ORIGINAL;
    if (kept_holds(fmt, shape, keep, canonical.p) && format_mark_has(fmt, shape, canonical.p))
        return FORMAT_TOKEN_SHAPE;
    return FORMAT_NEITHER;
}

enum hufu_err format_check(const struct format *fmt, struct view canonical)
{
    const struct format_shape *shape = format_shape_find(fmt, canonical);

    if (shape == NULL || !format_shape_fits(shape, canonical.p) ||
        !is_original(fmt, shape, canonical.p))
        return HUFU_INVALID_VALUE;
    return HUFU_OK;
}

bool format_is_token(const struct format *fmt, struct format_keep keep, struct view canonical)
{
    return format_judge(fmt, keep, canonical) == FORMAT_TOKEN_SHAPE;
}

void format_bucket(const struct format *fmt, struct format_keep keep, struct view canonical,
                   struct buf *out)
{
    assert((size_t)fmt->head + keep.prefix + keep.suffix <= canonical.len);
    buf_u8(out, (uint8_t)canonical.len);
    if (fmt->head > 0)
        buf_put(out, canonical.p, 2);
    buf_put(out, canonical.p + fmt->head, keep.prefix);
    buf_put(out, canonical.p + canonical.len - keep.suffix, keep.suffix);
}

void format_mask(const struct format *fmt, struct view canonical, struct buf *out)
{
    for (size_t i = 0; i < canonical.len; i++) {
        bool shown = i < fmt->mask_prefix || i + fmt->mask_suffix >= canonical.len;

        buf_u8(out, shown && canonical.len >= fmt->len_min ? canonical.p[i] : '*');
    }
}

size_t format_kind_count(const struct format *fmt)
{
    return fmt->shapes_count;
}

size_t format_kind(const struct format *fmt, struct view canonical)
{
    const struct format_shape *shape = format_shape_find(fmt, canonical);

    return shape == NULL ? fmt->shapes_count : (size_t)(shape - fmt->shapes);
}
