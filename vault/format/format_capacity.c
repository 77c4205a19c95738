#include "vault/format/format_part.h"

/* Stays at UINT64_MAX once there. */
static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t r;

    return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX : r;
}

/* How many characters of a part stay, at either end. */
struct kept {
    size_t head, tail;
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
    if (k.head + k.tail > to - from) /* all of it stays, for one reason or the other */
        k = (struct kept){ to - from, 0 };
    return k;
}

/* All fillings of a shape's characters between two positions, but for one of them. */
static uint64_t fillings(const struct format *fmt, const struct format_shape *shape, size_t from,
                         size_t to, size_t but)
{
    uint64_t n = 1;

    for (size_t i = 0; i < fmt->parts_count; i++) {
        if (fmt->parts[i].kind == FORMAT_LITERAL)
            continue;
        for (size_t k = shape->at[i]; k < shape->at[i + 1]; k++)
            if (k >= from && k < to && k != but)
                n = times(n, format_symbols_of(fmt, shape->takes[k]).count);
    }
    return n;
}

/* True where a character at that place alone can make the check right, whatever stands elsewhere:
 * as it runs through its alphabet, the check runs through all its remainders. */
static bool can_settle(const struct format *fmt, const struct format_shape *shape, size_t part,
                       size_t at)
{
    unsigned w;

    if (fmt->parts[part].kind != FORMAT_CHARS)
        return false;
    switch (fmt->rule) {
    case CHECK_LUHN:
    case CHECK_VERHOEFF:
        return shape->takes[at] == FORMAT_IS_DIGIT;
    case CHECK_MOD31: /* 3^i is never a multiple of the prime 31 */
        return format_symbols_of(fmt, shape->takes[at]).count == 31;
    case CHECK_WEIGHTED: /* ten digits do not spread evenly over eleven remainders */
        w = fmt->weights.weight[at % fmt->weights.count];
        return fmt->weights.modulus == 10 && w % 2 != 0 && w % 5 != 0;
    case CHECK_MOD11_2:
    case CHECK_MOD97:
    case CHECK_NONE:
        break;
    }
    return false;
}

size_t format_settler(const struct format *fmt, const struct format_shape *shape,
                      struct format_keep keep)
{
    size_t from = (size_t)fmt->head + keep.prefix;
    size_t to = (size_t)shape->len - keep.suffix;

    for (size_t i = 0; i < fmt->check_part; i++)
        for (size_t k = shape->at[i]; k < shape->at[i + 1]; k++)
            if (k >= from && k < to && can_settle(fmt, shape, i, k))
                return k;
    return FORMAT_NONE;
}

bool format_keeps_check(const struct format *fmt, const struct format_shape *shape,
                        struct format_keep keep)
{
    size_t at = shape->at[fmt->check_part];

    return at < (size_t)fmt->head + keep.prefix || at >= (size_t)shape->len - keep.suffix;
}

static unsigned power(const struct format_values *values, size_t n)
{
    unsigned p = 1;

    while (n-- > 0)
        p *= values->base;
    return p;
}

/* What is kept of a set's values: the first and the last characters, as numbers. */
struct key {
    unsigned head, tail;
};

/* How many numbers of a set, that are also in every other list, have what is kept. */
static unsigned count_with(const struct format_values *values,
                           const struct format_values *const others[], size_t others_count,
                           struct kept k, struct key key)
{
    unsigned step = power(values, k.tail);
    unsigned span = power(values, values->width - k.head);
    unsigned n = 0;

    if (k.head + k.tail == 0) { /* a word of the bitmap at a time */
        for (size_t w = 0; w < format_values_size(values); w++) {
            uint64_t in_all = UINT64_MAX;

            for (size_t i = 0; i < others_count; i++)
                in_all &= others[i]->bits[w];
            n += (unsigned)__builtin_popcountll(in_all);
        }
        return n;
    }
    for (unsigned v = key.head * span + key.tail; v < (key.head + 1) * span; v += step) {
        bool has = true;

        for (size_t i = 0; i < others_count; i++)
            has = has && format_values_has(others[i], v);
        n += has;
    }
    return n;
}

/* The most numbers of a set that share what is kept of them; and the fewest. */
static void set_extremes(const struct format_values *values, struct kept k, unsigned *most,
                         unsigned *fewest)
{
    *most = 0;
    *fewest = UINT32_MAX;
    for (struct key key = { 0, 0 }; key.head < power(values, k.head); key.head++) {
        for (key.tail = 0; key.tail < power(values, k.tail); key.tail++) {
            unsigned n = count_with(values, &values, 1, k, key);

            if (n > *most)
                *most = n;
            if (n > 0 && n < *fewest)
                *fewest = n;
        }
    }
}

/* The most originals of a bucket, and the fewest of one that has any: the product of what each part
 * can still be. */
static void originals(const struct format *fmt, const struct format_shape *shape,
                      struct format_keep keep, uint64_t *most_out, uint64_t *fewest_out)
{
    size_t from = (size_t)fmt->head + keep.prefix;
    size_t to = (size_t)shape->len - keep.suffix;
    size_t settler = FORMAT_NONE; /* settled by a kept check, where there is one */
    uint64_t most = 1, fewest = 1;

    if (fmt->check_part != FORMAT_NONE && fmt->rule != CHECK_MOD97 &&
        format_keeps_check(fmt, shape, keep))
        settler = format_settler(fmt, shape, keep);
    for (size_t i = 0; i < fmt->parts_count; i++) {
        const struct format_part *p = &fmt->parts[i];
        struct kept k = kept_of(fmt, shape, keep, i);
        size_t begin = shape->at[i] > from ? shape->at[i] : from;
        size_t end = shape->at[i + 1] < to ? shape->at[i + 1] : to;
        unsigned high = 1, low = 1;
        uint64_t n = 1;

        if (p->kind == FORMAT_SET)
            set_extremes(&fmt->pool[p->values], k, &high, &low);
        else if (p->kind == FORMAT_DATE && k.head + k.tail == 0)
            n = format_date_count(p);
        else if (p->kind == FORMAT_CHARS || p->kind == FORMAT_BBAN)
            n = fillings(fmt, shape, begin, end, settler);
        most = times(times(most, n), high);
        fewest = times(times(fewest, n), low);
    }
    *most_out = most;
    *fewest_out = fewest;
}

/* Ways to fill a set so that all patterns of the subset hold. */
static unsigned part_ways(const struct format *fmt, size_t part, unsigned subset, struct kept k,
                          struct key key)
{
    const struct format_values *others[FORMAT_PATTERNS_MAX];
    size_t n = 0;

    for (unsigned i = 0; i < fmt->patterns_count; i++) {
        uint8_t values = fmt->patterns[i].values[part];

        if ((subset >> i & 1) != 0 && values != FORMAT_NONE)
            others[n++] = &fmt->pool[values];
    }
    if (n > 0)
        return count_with(&fmt->pool[fmt->parts[part].values], others, n, k, key);
    return power(&fmt->pool[fmt->parts[part].values],
                 fmt->pool[fmt->parts[part].values].width - k.head - k.tail);
}

/* The sets that patterns name, as one number: how many fillings of what is hidden of them are
 * unissued, in the bucket with the fewest, and how many there are. */
struct named {
    unsigned __int128 unissued, all;
};

/* By inclusion and exclusion over the patterns. rest: per subset, the ways of all other parts. */
static unsigned __int128 unissued_of(const struct format *fmt, size_t part,
                                     const unsigned __int128 *rest, struct kept k, struct key key)
{
    unsigned __int128 sum = 0;

    for (unsigned subset = 1; subset < 1u << fmt->patterns_count; subset++) {
        unsigned __int128 n = rest[subset] * part_ways(fmt, part, subset, k, key);

        sum += __builtin_popcount(subset) % 2 == 1 ? n : -n;
    }
    return sum;
}

/* At most one named set is kept in part (format_keep_judge): the sum is made for each of its
 * endings and beginnings that an original has. */
static struct named named_of(const struct format *fmt, const struct format_shape *shape,
                             struct format_keep keep)
{
    unsigned __int128 rest[1 << FORMAT_PATTERNS_MAX];
    const struct format_values *values;
    struct named out = { ~(unsigned __int128)0, 1 };
    size_t one = FORMAT_NONE;
    struct kept k = { 0 };
    struct key key = { 0, 0 };

    for (size_t i = 0; i < fmt->parts_count; i++) {
        if (!format_mark_names(fmt, i))
            continue;
        if (one == FORMAT_NONE || kept_of(fmt, shape, keep, i).head > 0 ||
            kept_of(fmt, shape, keep, i).tail > 0)
            one = i;
    }
    if (one == FORMAT_NONE) /* format_mark_scan_patterns wants one at least */
        return out;
    for (unsigned subset = 0; subset < 1u << fmt->patterns_count; subset++) {
        rest[subset] = 1;
        for (size_t i = 0; i < fmt->parts_count; i++)
            if (i != one && format_mark_names(fmt, i))
                rest[subset] *= part_ways(fmt, i, subset, k, key);
    }
    k = kept_of(fmt, shape, keep, one);
    values = &fmt->pool[fmt->parts[one].values];
    out.all = rest[0] * part_ways(fmt, one, 0, k, key);
    for (; key.head < power(values, k.head); key.head++) {
        for (key.tail = 0; key.tail < power(values, k.tail); key.tail++) {
            unsigned __int128 n;

            if (count_with(values, &values, 1, k, key) == 0)
                continue;
            n = unissued_of(fmt, one, rest, k, key);
            if (n < out.unissued)
                out.unissued = n;
        }
    }
    return out;
}

/* Fillings of what is hidden, but for the sets that patterns name. */
static uint64_t unnamed_fillings(const struct format *fmt, const struct format_shape *shape,
                                 struct format_keep keep)
{
    size_t from = (size_t)fmt->head + keep.prefix;
    size_t to = (size_t)shape->len - keep.suffix;
    uint64_t n = 1;

    for (size_t i = 0; i < fmt->parts_count; i++) {
        size_t begin = shape->at[i] > from ? shape->at[i] : from;
        size_t end = shape->at[i + 1] < to ? shape->at[i + 1] : to;

        if (!format_mark_names(fmt, i))
            n = times(n, fillings(fmt, shape, begin, end, FORMAT_NONE));
    }
    return n;
}

static uint64_t wrong_checks(const struct format *fmt, const struct format_shape *shape,
                             struct format_keep keep)
{
    size_t from = (size_t)fmt->head + keep.prefix;
    size_t to = (size_t)shape->len - keep.suffix;
    size_t at = shape->at[fmt->check_part];

    /* Of the check character, or of the one that settles a kept check, all but one are wrong. */
    if (format_keeps_check(fmt, shape, keep))
        at = format_settler(fmt, shape, keep);
    if (at == FORMAT_NONE)
        return 0;
    return times(fillings(fmt, shape, from, to, at),
                 format_symbols_of(fmt, shape->takes[at]).count - 1u);
}

/* The fewest tokens of a bucket. */
static uint64_t tokens_fewest(const struct format *fmt, const struct format_shape *shape,
                              struct format_keep keep)
{
    uint64_t most, fewest;
    struct named named;

    switch (fmt->mark) {
    case FORMAT_WRONG_CHECK:
        return wrong_checks(fmt, shape, keep);
    case FORMAT_CHECK_DIGITS:
        return format_pairs_count(fmt, shape, keep);
    case FORMAT_UNISSUED:
        named = named_of(fmt, shape, keep);
        if (named.unissued > UINT64_MAX)
            return UINT64_MAX;
        return times((uint64_t)named.unissued, unnamed_fillings(fmt, shape, keep));
    case FORMAT_UNMARKED:
        originals(fmt, shape, keep, &most, &fewest);
        return fewest == UINT64_MAX ? fewest : fewest - 1; /* a value is never its own token */
    case FORMAT_TOKEN_BIN:
        return format_bin_tokens(fmt, shape, keep);
    case FORMAT_INVALID_DOMAIN:
        return UINT64_MAX;
    }
    return 0;
}

/* Unmarked tokens are drawn until the sets hold; dates are drawn as such. */
static struct named sets_of(const struct format *fmt, const struct format_shape *shape,
                            struct format_keep keep)
{
    struct named out = { 1, 1 };

    for (size_t i = 0; i < fmt->parts_count; i++) {
        const struct format_values *values = &fmt->pool[fmt->parts[i].values];
        struct kept k = kept_of(fmt, shape, keep, i);
        unsigned most, fewest;

        if (fmt->parts[i].kind != FORMAT_SET)
            continue;
        set_extremes(values, k, &most, &fewest);
        out.unissued *= fewest;
        out.all *= power(values, values->width - k.head - k.tail);
    }
    return out;
}

uint64_t format_draws_most(const struct format *fmt, const struct format_shape *shape,
                           struct format_keep keep)
{
    struct named odds = { 1, 2 };

    if (fmt->mark == FORMAT_CHECK_DIGITS) /* all pairs but one at most: not counted at each start */
        return 2;
    if (tokens_fewest(fmt, shape, keep) == 0)
        return UINT64_MAX;
    if (fmt->mark == FORMAT_UNISSUED)
        odds = named_of(fmt, shape, keep);
    if (fmt->mark == FORMAT_UNMARKED)
        odds = sets_of(fmt, shape, keep);
    odds.all = (odds.all + odds.unissued - 1) / odds.unissued;
    return odds.all > UINT64_MAX ? UINT64_MAX : (uint64_t)odds.all;
}

void format_capacity(const struct format *fmt, struct format_keep keep, size_t kind,
                     struct format_capacity *out)
{
    const struct format_shape *shape = &fmt->shapes[kind];
    uint64_t most, fewest;

    if (fmt->is_email) {
        *out = (struct format_capacity){ fmt->len_max, UINT64_MAX, UINT64_MAX };
        return;
    }
    originals(fmt, shape, keep, &most, &fewest);
    out->len = shape->len;
    out->originals = fmt->mark == FORMAT_TOKEN_BIN ? format_bin_originals(fmt, shape, keep) : most;
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
