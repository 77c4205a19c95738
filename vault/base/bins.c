#include "vault/base/bins.h"

#include <string.h>

static uint32_t tens(unsigned n)
{
    uint32_t p = 1;

    while (n-- > 0)
        p *= 10;
    return p;
}

static void skip_blanks(struct view *v)
{
    while (v->len > 0 && (v->p[0] == ' ' || v->p[0] == '\t' || v->p[0] == '\n')) {
        v->p++;
        v->len--;
    }
}

static bool take(struct view *v, char c)
{
    skip_blanks(v);
    if (v->len == 0 || v->p[0] != (uint8_t)c)
        return false;
    v->p++;
    v->len--;
    return true;
}

/* Takes one BIN; false where there is none of the right length. */
static bool take_bin(struct view *v, uint64_t *number, unsigned *digits)
{
    size_t n = 0;

    skip_blanks(v);
    while (n < v->len && v->p[n] >= '0' && v->p[n] <= '9')
        n++;
    if (n < BINS_DIGITS_MIN || n > BINS_DIGITS_MAX)
        return false;
    *number = 0;
    for (size_t i = 0; i < n; i++)
        *number = *number * 10 + (uint64_t)(v->p[i] - '0');
    v->p += n;
    v->len -= n;
    *digits = (unsigned)n;
    return true;
}

/* Takes "999000" or "999000-999099"; what is wrong, or NULL. */
static const char *take_range(struct view *v, struct bins_range *out)
{
    static const char shape[] = "BINs are numbers of 6 to 8 digits and ranges of them, set apart "
                                "by commas: 999000-999099, 99912345";
    uint64_t low, high;
    unsigned digits, digits_high;
    uint32_t step;

    if (!take_bin(v, &low, &digits))
        return shape;
    high = low;
    digits_high = digits;
    if (take(v, '-') && !take_bin(v, &high, &digits_high))
        return shape;
    if (digits != digits_high)
        return "both ends of a range of BINs must have the same number of digits";
    if (high < low)
        return "a range of BINs runs backwards";
    step = tens(BINS_DIGITS_MAX - digits);
    *out = (struct bins_range){ (uint32_t)low * step, (uint32_t)high * step + (step - 1),
                                (uint8_t)digits };
    return NULL;
}

/* Puts a range in its place; false where it overlaps another. */
static bool insert(struct bins *bins, const struct bins_range *range)
{
    size_t at = 0;

    while (at < bins->count && bins->range[at].high < range->low)
        at++;
    if (at < bins->count && bins->range[at].low <= range->high)
        return false;
    memmove(&bins->range[at + 1], &bins->range[at], (bins->count - at) * sizeof(*range));
    bins->range[at] = *range;
    bins->count++;
    return true;
}

enum hufu_err bins_parse(struct view text, struct bins *out, const char **why_out)
{
    struct bins bins = { 0 };
    const char *why = NULL;
    enum hufu_err err = HUFU_OK;

    skip_blanks(&text);
    while (text.len > 0 && why == NULL) {
        struct bins_range range;

        why = take_range(&text, &range);
        if (why == NULL && bins.count == BINS_MAX) {
            why = "16 ranges of BINs at most";
            err = HUFU_RANGE;
        } else if (why == NULL && !insert(&bins, &range)) {
            why = "two ranges of BINs overlap";
        }
        skip_blanks(&text);
        if (why == NULL && text.len > 0 && (!take(&text, ',') || text.len == 0))
            why = "BINs are set apart by commas, without one at the end";
    }
    if (why == NULL) {
        *out = bins;
        return HUFU_OK;
    }
    if (why_out != NULL)
        *why_out = why;
    return err == HUFU_OK ? HUFU_SYNTAX : err;
}

static void print_bin(uint32_t full, unsigned digits, struct buf *out)
{
    for (unsigned i = 0; i < digits; i++)
        buf_u8(out, (uint8_t)('0' + full / tens(BINS_DIGITS_MAX - 1 - i) % 10));
}

void bins_print(const struct bins *bins, struct buf *out)
{
    for (size_t i = 0; i < bins->count; i++) {
        const struct bins_range *r = &bins->range[i];

        if (i > 0)
            buf_str(out, ", ");
        print_bin(r->low, r->digits, out);
        if (r->high - r->low < tens(BINS_DIGITS_MAX - r->digits))
            continue;
        buf_u8(out, '-');
        print_bin(r->high, r->digits, out);
    }
}

bool bins_equal(const struct bins *a, const struct bins *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->range[i].low != b->range[i].low || a->range[i].high != b->range[i].high ||
            a->range[i].digits != b->range[i].digits)
            return false;
    return true;
}

bool bins_has(const struct bins *bins, struct view digits)
{
    uint32_t lead = 0;

    if (bins->count == 0)
        return false;
    for (size_t i = 0; i < BINS_DIGITS_MAX; i++)
        lead = lead * 10 + (i < digits.len ? (uint32_t)(digits.p[i] - '0') : 0);
    for (size_t i = 0; i < bins->count; i++)
        if (lead >= bins->range[i].low && lead <= bins->range[i].high)
            return digits.len >= bins->range[i].digits;
    return false;
}

unsigned bins_digits(const struct bins *bins)
{
    unsigned most = 0;

    for (size_t i = 0; i < bins->count; i++)
        if (bins->range[i].digits > most)
            most = bins->range[i].digits;
    return most;
}

/* How many numbers of that many digits are in a range: exact, since no BIN is longer. */
static uint32_t width(const struct bins_range *r, unsigned digits)
{
    return (r->high - r->low + 1) / tens(BINS_DIGITS_MAX - digits);
}

uint32_t bins_count(const struct bins *bins, unsigned digits)
{
    uint32_t n = 0;

    for (size_t i = 0; i < bins->count; i++)
        n += width(&bins->range[i], digits);
    return n;
}

uint32_t bins_nth(const struct bins *bins, unsigned digits, uint32_t n)
{
    size_t i = 0;

    for (; i + 1 < bins->count && n >= width(&bins->range[i], digits); i++)
        n -= width(&bins->range[i], digits);
    return bins->range[i].low / tens(BINS_DIGITS_MAX - digits) + n;
}
