#include "vault/format/format_build.h"

#include <stdlib.h>

static const unsigned tens[] = { 1, 10, 100, 1000, 10000 };
static const unsigned thirty_sixes[] = { 1, 36, 36 * 36, 36 * 36 * 36 };

unsigned format_values_all(const struct format_values *values)
{
    return values->base == 10 ? tens[values->width] : thirty_sixes[values->width];
}

size_t format_values_size(const struct format_values *values)
{
    return format_values_all(values) / 64 + 1;
}

bool format_values_has(const struct format_values *values, unsigned number)
{
    return (values->bits[number / 64] >> (number % 64) & 1) != 0;
}

unsigned format_number(const uint8_t *digits, size_t len)
{
    unsigned n = 0;

    for (size_t i = 0; i < len; i++)
        n = n * 10 + (unsigned)(digits[i] - '0');
    return n;
}

unsigned format_values_number(const struct format_values *values, const uint8_t *at)
{
    unsigned n = 0;

    for (size_t i = 0; i < values->width; i++)
        n = n * values->base + (at[i] >= 'A' ? at[i] - 'A' + 10u : (unsigned)(at[i] - '0'));
    return n;
}

bool format_values_apart(const struct format_values *a, const struct format_values *b)
{
    for (size_t i = 0; i < format_values_size(a); i++)
        if ((a->bits[i] & b->bits[i]) != 0)
            return false;
    return true;
}

static enum hufu_err fail(struct format_build *b, const char *why)
{
    return format_fault_at(b->fault, b->line, why);
}

/* True where each value begins alike and is a number, or a word, of the set's own characters. */
static bool is_of_set(const struct format_values *values, struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if ((format_char_bits[v.p[i]] & values->takes) == 0)
            return false;
    return true;
}

/* Settles the width of a set by its first value, and gets its bitmap. */
static enum hufu_err begin(struct format_build *b, struct view first, struct format_values *out)
{
    size_t most = out->base == 10 ? FORMAT_WIDTH_MAX : FORMAT_LETTERS_MAX;

    if (out->width == 0 && first.len <= most)
        out->width = (uint8_t)first.len;
    if (out->width == 0 || out->width > most)
        return fail(b, "values must all have the set's width, 4 digits at most, 3 with letters");
    out->bits = calloc(format_values_size(out), sizeof(*out->bits));
    return out->bits == NULL ? HUFU_NOMEM : HUFU_OK;
}

/* Takes "17" or "17-19"; "E0-E9" or "EA-EZ": with letters a range is of the last character. */
static enum hufu_err scan_range(struct format_build *b, struct format_scan *s,
                                struct format_values *out)
{
    struct view low = format_scan_symbols(s), high = low;
    unsigned from, to;

    if (format_scan_is(s, '-'))
        high = format_scan_symbols(s);
    if (low.len == 0 || high.len == 0)
        return fail(b, "values are numbers and ranges: 11-15, 21-23");
    if (out->bits == NULL) {
        enum hufu_err err = begin(b, low, out);

        if (err != HUFU_OK)
            return err;
    }
    if (low.len != out->width || high.len != out->width)
        return fail(b, "values must all have the set's width, 4 digits at most, 3 with letters");
    if (!is_of_set(out, low) || !is_of_set(out, high))
        return fail(b, "values must be of the characters of their set");
    from = format_values_number(out, low.p);
    to = format_values_number(out, high.p);
    if (from > to)
        return fail(b, "a range runs backwards");
    if (out->base == 36 && (from / 36 != to / 36 || (from % 36 < 10) != (to % 36 < 10)))
        return fail(b, "a range with letters is of the last character: E0-E9, EA-EZ");
    for (unsigned n = from; n <= to; n++) {
        if (format_values_has(out, n))
            return fail(b, "a value is there twice");
        out->bits[n / 64] |= UINT64_C(1) << (n % 64);
    }
    return HUFU_OK;
}

/* What characters the whole list is of. */
static uint8_t takes_of(struct format_scan s)
{
    uint8_t takes = 0;

    for (; s.p < s.end && *s.p != ')'; s.p++)
        takes |= format_char_bits[*s.p] & FORMAT_IS_ALNUM;
    return takes == 0 ? FORMAT_IS_DIGIT : takes;
}

enum hufu_err format_values_scan(struct format_build *b, struct format_scan *s,
                                 const struct format_values *like, struct format_values *out)
{
    enum hufu_err err;

    out->takes = like != NULL ? like->takes : takes_of(*s);
    out->base = out->takes == FORMAT_IS_DIGIT ? 10 : 36;
    out->width = like != NULL ? like->width : 0;
    do {
        err = scan_range(b, s, out);
        if (err != HUFU_OK)
            return err;
    } while (format_scan_is(s, ','));
    return HUFU_OK;
}

/* Prints a number with the set's width. */
static void print_number(const struct format_values *values, unsigned n, struct buf *out)
{
    const unsigned *powers = values->base == 10 ? tens : thirty_sixes;

    for (unsigned i = values->width; i-- > 0;) {
        unsigned v = n / powers[i] % values->base;

        buf_u8(out, (uint8_t)(v < 10 ? '0' + v : 'A' + v - 10));
    }
}

/* True where the next number may be of the same printed range. */
static bool goes_on(const struct format_values *values, unsigned n)
{
    if (n + 1 >= format_values_all(values) || !format_values_has(values, n + 1))
        return false;
    return values->base == 10 || ((n + 1) % 36 != 0 && (n + 1) % 36 != 10);
}

void format_values_print(const struct format_values *values, struct buf *out)
{
    bool first = true;

    for (unsigned n = 0; n < format_values_all(values); n++) {
        unsigned from = n;

        if (!format_values_has(values, n))
            continue;
        while (goes_on(values, n))
            n++;
        if (!first)
            buf_str(out, ", ");
        first = false;
        print_number(values, from, out);
        if (n == from)
            continue;
        buf_u8(out, '-');
        print_number(values, n, out);
    }
}
