#include "vault/format/format_build.h"

static const unsigned powers[] = { 1, 10, 100, 1000, 10000 };

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

bool format_values_apart(const struct format_values *a, const struct format_values *b)
{
    for (size_t i = 0; i < sizeof(a->bits) / sizeof(a->bits[0]); i++)
        if ((a->bits[i] & b->bits[i]) != 0)
            return false;
    return true;
}

/* Takes "17" or "17-19". */
static enum hufu_err scan_range(struct format_build *b, struct format_scan *s,
                                struct format_values *out)
{
    struct view low = format_scan_digits(s), high = low;
    unsigned from, to;

    if (format_scan_is(s, '-'))
        high = format_scan_digits(s);
    if (low.len == 0 || high.len == 0)
        return format_fault_at(b->fault, b->line, "values are numbers and ranges: 11-15, 21-23");
    if (out->width == 0 && low.len <= FORMAT_WIDTH_MAX)
        out->width = (uint8_t)low.len;
    if (low.len != out->width || high.len != out->width)
        return format_fault_at(b->fault, b->line,
                               "values must all have the set's width, 4 digits at most");
    from = format_number(low.p, low.len);
    to = format_number(high.p, high.len);
    if (from > to)
        return format_fault_at(b->fault, b->line, "a range runs backwards");
    for (unsigned n = from; n <= to; n++) {
        if (format_values_has(out, n))
            return format_fault_at(b->fault, b->line, "a value is there twice");
        out->bits[n / 64] |= UINT64_C(1) << (n % 64);
    }
    return HUFU_OK;
}

enum hufu_err format_values_scan(struct format_build *b, struct format_scan *s, uint8_t width,
                                 struct format_values *out)
{
    enum hufu_err err;

    out->width = width;
    do {
        err = scan_range(b, s, out);
        if (err != HUFU_OK)
            return err;
    } while (format_scan_is(s, ','));
    return HUFU_OK;
}

/* Prints a number with the set's width. */
static void print_number(unsigned n, uint8_t width, struct buf *out)
{
    for (unsigned i = width; i-- > 0;)
        buf_u8(out, (uint8_t)('0' + n / powers[i] % 10));
}

void format_values_print(const struct format_values *values, struct buf *out)
{
    bool first = true;

    for (unsigned n = 0; n < powers[values->width]; n++) {
        unsigned from = n;

        if (!format_values_has(values, n))
            continue;
        while (n + 1 < powers[values->width] && format_values_has(values, n + 1))
            n++;
        if (!first)
            buf_str(out, ", ");
        first = false;
        print_number(from, values->width, out);
        if (n == from)
            continue;
        buf_u8(out, '-');
        print_number(n, values->width, out);
    }
}
