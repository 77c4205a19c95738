#include "vault/format/format.h"

#include <assert.h>
#include <string.h>

#include "vault/base/secret.h"
#include "vault/format/email.h"
#include "vault/format/format_part.h"

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

bool format_is_marked(const struct format *fmt)
{
    return fmt->mark != FORMAT_UNMARKED;
}

size_t format_len_min(const struct format *fmt)
{
    return fmt->len_min;
}

bool format_keeps_length(const struct format *fmt)
{
    return !fmt->is_email;
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

/* Takes out separators and folds letters; 0 where the input is not of the format's alphabet or no
 * value could be as long. */
static size_t fold(const struct format *fmt, struct view in, uint8_t out[static FORMAT_PLACES_MAX])
{
    uint8_t before = FORMAT_NONE; /* so that a separator may not be the first */
    size_t len = 0;

    if (in.len > FORMAT_INPUT_MAX)
        return 0;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = fmt->canon[in.p[i]];

        if (c == 0 || (c == FORMAT_NONE && before == FORMAT_NONE))
            return 0;
        before = c;
        if (c == FORMAT_NONE)
            continue;
        if (len == fmt->len_max)
            return 0;
        out[len++] = c;
    }
    return before == FORMAT_NONE ? 0 : len;
}

/* An old form becomes today's: what it lacks goes in, and its check character behind it. */
static size_t complete(const struct format *fmt, uint8_t value[static FORMAT_PLACES_MAX],
                       size_t len)
{
    size_t extra = strlen(fmt->old_text);
    const struct format_shape *shape = &fmt->shapes[0];

    if (extra == 0 || len + extra + 1 != fmt->len_min)
        return len;
    for (size_t i = 0; i < len; i++) /* before a check character there are only digits, mostly */
        if ((fmt->bits[value[i]] & shape->takes[i < fmt->old_at ? i : i + extra]) == 0)
            return 0;
    memmove(value + fmt->old_at + extra, value + fmt->old_at, len - fmt->old_at);
    memcpy(value + fmt->old_at, fmt->old_text, extra);
    value[len + extra] = format_check_make(fmt, value, len + extra);
    return len + extra + 1;
}

/* Separators out, letters upper-case, old forms completed. */
static enum hufu_err canon_slowly(const struct format *fmt, struct view in,
                                  uint8_t out[static FORMAT_VALUE_MAX], size_t *len_out)
{
    uint8_t value[FORMAT_PLACES_MAX];
    size_t len = fold(fmt, in, value);
    enum hufu_err err = HUFU_INVALID_VALUE;

    if (len > 0 && len < fmt->len_min)
        len = complete(fmt, value, len);
    if (len >= fmt->len_min && len <= fmt->len_max) {
        memcpy(out, value, len);
        *len_out = len;
        err = HUFU_OK;
    }
    wipe(value, sizeof(value));
    return err;
}

enum hufu_err format_canon(const struct format *fmt, struct view in,
                           uint8_t out[static FORMAT_VALUE_MAX], size_t *len_out)
{
    const struct format_shape *shape = format_shape_find(fmt, in);

    if (fmt->is_email)
        return email_fold(in, out, len_out);
    /* Digits of the right number, as most values come, are canonical already. */
    if (shape == NULL || !shape->is_digits || !format_are_digits(in.p, in.len))
        return canon_slowly(fmt, in, out, len_out);
    memcpy(out, in.p, in.len);
    *len_out = in.len;
    return HUFU_OK;
}

static bool is_original(const struct format *fmt, const struct format_shape *shape,
                        const uint8_t *value)
{
    if (!fmt->is_plain)
        for (size_t i = 0; i < fmt->parts_count; i++)
            if (!format_part_holds(fmt, &fmt->parts[i], value + shape->at[i]))
                return false;
    if (fmt->mark == FORMAT_TOKEN_BIN && bins_has(&fmt->bins, view_of(value, shape->len)))
        return false;
    return format_check_holds(fmt, shape, value);
}

/* True where what was kept could be an original's: only parts that stay whole can tell. */
static bool kept_holds(const struct format *fmt, const struct format_shape *shape,
                       struct format_keep keep, const uint8_t *value)
{
    size_t hidden_from = (size_t)fmt->head + keep.prefix;
    size_t hidden_to = (size_t)shape->len - keep.suffix;

    if (fmt->is_plain)
        return true;
    for (size_t i = 0; i < fmt->parts_count; i++)
        if ((shape->at[i + 1] <= hidden_from || shape->at[i] >= hidden_to) &&
            !format_part_holds(fmt, &fmt->parts[i], value + shape->at[i]))
            return false;
    return true;
}

enum format_verdict format_judge(const struct format *fmt, struct format_keep keep,
                                 struct view canonical)
{
    const struct format_shape *shape = format_shape_find(fmt, canonical);

    if (fmt->is_email && email_is_token(canonical))
        return FORMAT_TOKEN_SHAPE;
    if (fmt->is_email)
        return email_is_address(canonical) ? FORMAT_ORIGINAL : FORMAT_NEITHER;
    if (shape == NULL || !format_shape_fits(fmt, shape, canonical.p))
        return FORMAT_NEITHER;
    if (is_original(fmt, shape, canonical.p))
        return FORMAT_ORIGINAL;
    if (fmt->mark == FORMAT_UNMARKED)
        return FORMAT_NEITHER;
    if (kept_holds(fmt, shape, keep, canonical.p) && format_mark_has(fmt, shape, canonical.p))
        return FORMAT_TOKEN_SHAPE;
    return FORMAT_NEITHER;
}

enum hufu_err format_check(const struct format *fmt, struct view canonical)
{
    const struct format_shape *shape = format_shape_find(fmt, canonical);

    if (fmt->is_email)
        return email_is_address(canonical) ? HUFU_OK : HUFU_INVALID_VALUE;
    if (shape == NULL || !format_shape_fits(fmt, shape, canonical.p) ||
        !is_original(fmt, shape, canonical.p))
        return HUFU_INVALID_VALUE;
    return HUFU_OK;
}

bool format_is_token(const struct format *fmt, struct format_keep keep, struct view canonical)
{
    if (fmt->mark == FORMAT_UNMARKED)
        return format_check(fmt, canonical) == HUFU_OK;
    return format_judge(fmt, keep, canonical) == FORMAT_TOKEN_SHAPE;
}

void format_bucket(const struct format *fmt, struct format_keep keep, struct view canonical,
                   struct buf *out)
{
    assert((size_t)fmt->head + keep.prefix + keep.suffix <= canonical.len);
    buf_u8(out, fmt->is_email ? 0 : (uint8_t)canonical.len);
    if (fmt->head > 0)
        buf_put(out, canonical.p, 2);
    buf_put(out, canonical.p + fmt->head, keep.prefix);
    buf_put(out, canonical.p + canonical.len - keep.suffix, keep.suffix);
}

bool format_same_bucket(const struct format *fmt, struct format_keep keep, struct view a,
                        struct view b)
{
    uint8_t mem[2][FORMAT_PLACES_MAX + 8];
    struct buf of_a, of_b;
    bool same;

    buf_fixed(&of_a, mem[0], sizeof(mem[0]));
    buf_fixed(&of_b, mem[1], sizeof(mem[1]));
    format_bucket(fmt, keep, a, &of_a);
    format_bucket(fmt, keep, b, &of_b);
    same = buf_check(&of_a) == HUFU_OK && buf_check(&of_b) == HUFU_OK &&
           view_equal(buf_view(&of_a), buf_view(&of_b));
    wipe(mem, sizeof(mem));
    return same;
}

size_t format_kind_count(const struct format *fmt)
{
    return fmt->shapes_count;
}

void format_kind_print(const struct format *fmt, size_t kind, struct buf *out)
{
    const struct format_shape *shape = &fmt->shapes[kind];

    if (fmt->is_email)
        buf_str(out, "any");
    else if (fmt->countries[0] != '\0')
        buf_put(out, shape->country, sizeof(shape->country));
    else
        buf_dec(out, shape->len);
}

size_t format_kind(const struct format *fmt, struct view canonical)
{
    const struct format_shape *shape = format_shape_find(fmt, canonical);

    if (fmt->is_email)
        return email_is_token(canonical) || email_is_address(canonical) ? 0 : 1;
    return shape == NULL ? fmt->shapes_count : (size_t)(shape - fmt->shapes);
}
