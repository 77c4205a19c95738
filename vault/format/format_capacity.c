#include "vault/base/clock.h"
#include "vault/format/format_def.h"

static const unsigned powers[] = { 1, 10, 100, 1000, 10000 };

/* Stays at UINT64_MAX once there. */
static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t r;

    return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX : r;
}

/* How many characters of a part stay, at either end. */
struct kept {
    size_t head, tail, hidden;
};

static struct kept kept_of(const struct format *fmt, const struct format_shape *shape,
                           struct format_keep keep, size_t part)
{
    size_t from = shape->at[part];
    size_t to = shape->at[part + 1];
    size_t hidden_from = (size_t)fmt->head + keep.prefix;
    size_t hidden_to = (size_t)shape->len - keep.suffix;
    struct kept k = { 0 };

    k.head = hidden_from <= from ? 0 : hidden_from >= to ? to - from : hidden_from - from;
    k.tail = hidden_to >= to ? 0 : hidden_to <= from ? to - from : to - hidden_to;
    if (k.head + k.tail < to - from)
        k.hidden = to - from - k.head - k.tail;
    return k;
}

/* All fillings of the hidden characters of a shape between two positions. */
static uint64_t fillings(const struct format_shape *shape, size_t from, size_t to)
{
    uint64_t n = 1;

    for (size_t i = from; i < to; i++)
        n = times(n, (uint64_t)(shape->takes[i] & FORMAT_IS_DIGIT ? 10 : 0) +
                         (shape->takes[i] & FORMAT_IS_LETTER ? 26 : 0));
    return n;
}

/* The most numbers of a set that share what is kept of them. */
static uint64_t set_most(const struct format_values *values, struct kept k)
{
    uint16_t count[10000] = { 0 };
    uint16_t most = 0;

    for (unsigned n = 0; n < powers[values->width]; n++) {
        unsigned key = n / powers[values->width - k.head] * powers[k.tail] + n % powers[k.tail];

        if (format_values_has(values, n) && ++count[key] > most)
            most = count[key];
    }
    return most;
}

static uint64_t days(const struct format_part *p)
{
    uint64_t n = 0;

    for (unsigned y = p->year_min; y <= p->year_max; y++)
        n += clock_is_date(y, 2, 29) ? 366 : 365;
    return n;
}

/* The most originals of a bucket: the product of what each part can still be. */
static uint64_t originals_most(const struct format *fmt, const struct format_shape *shape,
                               struct format_keep keep)
{
    size_t hidden_to = (size_t)shape->len - keep.suffix;
    uint64_t n = 1;

    /* A kept Luhn digit settles one hidden digit: each digit maps 0..9 onto 0..9 (format_mark_judge
     * sees to it that all of them are plain digits then). */
    if (fmt->mark == FORMAT_WRONG_CHECK && keep.suffix > 0)
        return fillings(shape, (size_t)fmt->head + keep.prefix, hidden_to - 1);
    for (size_t i = 0; i < fmt->parts_count; i++) {
        struct kept k = kept_of(fmt, shape, keep, i);

        switch (fmt->parts[i].kind) {
        case FORMAT_SET:
            n = times(n, set_most(&fmt->pool[fmt->parts[i].values], k));
            break;
        case FORMAT_DATE:
            n = times(n, days(&fmt->parts[i]));
            break;
        case FORMAT_DIGITS:
        case FORMAT_BBAN:
            n = times(n, fillings(shape, shape->at[i] + k.head, shape->at[i + 1] - k.tail));
            break;
        case FORMAT_CHECK: /* settled by the rest */
        case FORMAT_COUNTRY:
            break;
        }
    }
    return n;
}

/* Ways to fill a part so that all patterns of the subset hold. key: what is kept at its end. */
static uint64_t part_ways(const struct format *fmt, size_t part, unsigned subset, struct kept k,
                          unsigned key)
{
    uint64_t n = 0;

    for (unsigned v = key; v < powers[fmt->parts[part].len_min]; v += powers[k.tail]) {
        bool fits = true;

        for (unsigned i = 0; i < fmt->patterns_count; i++) {
            uint8_t values = fmt->patterns[i].values[part];

            if ((subset >> i & 1) != 0 && values != FORMAT_NONE)
                fits = fits && format_values_has(&fmt->pool[values], v);
        }
        n += fits;
    }
    return n;
}

/* The fewest unissued numbers of a bucket, by inclusion and exclusion over the patterns. Only the
 * last part can be kept (format_mark_judge), so the sum is made for each of its endings. Sums run
 * modulo 2^64; the results are below 10^19. */
static uint64_t unissued_fewest(const struct format *fmt, const struct format_shape *shape,
                                struct format_keep keep)
{
    size_t last = fmt->parts_count - 1u;
    struct kept k = kept_of(fmt, shape, keep, last);
    bool is_set = fmt->parts[last].kind == FORMAT_SET;
    unsigned subsets = 1u << fmt->patterns_count;
    unsigned endings = is_set ? powers[k.tail] : 1;
    uint64_t rest[1 << FORMAT_PATTERNS_MAX]; /* ways of all parts but the last */
    uint64_t fewest = UINT64_MAX;

    for (unsigned subset = 1; subset < subsets; subset++) {
        rest[subset] = 1;
        for (size_t i = 0; i < last; i++)
            rest[subset] *= fmt->parts[i].kind == FORMAT_SET
                                ? part_ways(fmt, i, subset, (struct kept){ 0 }, 0)
                                : fillings(shape, shape->at[i], shape->at[i + 1]);
    }
    for (unsigned key = 0; key < endings; key++) {
        uint64_t sum = 0;

        for (unsigned subset = 1; subset < subsets; subset++) {
            uint64_t n = is_set ? part_ways(fmt, last, subset, k, key)
                                : fillings(shape, shape->at[last], shape->at[last + 1] - k.tail);

            n *= rest[subset];
            sum += __builtin_popcount(subset) % 2 == 1 ? n : -n;
        }
        if (sum < fewest)
            fewest = sum;
    }
    return fewest;
}

/* The fewest tokens of a bucket. */
static uint64_t tokens_fewest(const struct format *fmt, const struct format_shape *shape,
                              struct format_keep keep)
{
    size_t from = (size_t)fmt->head + keep.prefix;
    size_t to = (size_t)shape->len - keep.suffix;

    switch (fmt->mark) {
    case FORMAT_WRONG_CHECK:
        /* Of the last hidden character all values but one are wrong: 9 of 10, or 10 of 11. */
        return times(fillings(shape, from, to - 1),
                     (shape->takes[to - 1] & FORMAT_IS_X) != 0 ? 10 : 9);
    case FORMAT_CHECK_DIGITS:
        /* At most one pair of check digits has remainder 1 by chance. */
        return times(fillings(shape, from, to), fmt->marks_count - 1u);
    case FORMAT_UNISSUED:
        return unissued_fewest(fmt, shape, keep);
    }
    return 0;
}

void format_capacity(const struct format *fmt, struct format_keep keep, size_t kind,
                     struct format_capacity *out)
{
    const struct format_shape *shape = &fmt->shapes[kind];

    out->len = shape->len;
    out->originals = originals_most(fmt, shape, keep);
    out->tokens = tokens_fewest(fmt, shape, keep);
}

bool format_is_ample(const struct format *fmt, struct format_keep keep)
{
    for (size_t i = 0; i < fmt->shapes_count; i++) {
        struct format_capacity c;

        format_capacity(fmt, keep, i, &c);
        if (c.tokens < c.originals)
            return false;
    }
    return true;
}
