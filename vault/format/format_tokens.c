#include "vault/format/format_tokens.h"

#include <assert.h>
#include <string.h>

#include "vault/format/format_part.h"

#define COUNT_MAX (UINT64_C(1) << 62)

void format_slots_find(const struct format *fmt, const struct format_shape *shape,
                       struct format_keep keep, struct format_slots *out)
{
    size_t from = (size_t)fmt->head + keep.prefix;
    size_t to = (size_t)shape->len - keep.suffix;

    out->count = 0;
    for (size_t i = 0; i < fmt->parts_count; i++) {
        bool is_fixed = fmt->parts[i].kind == FORMAT_LITERAL ||
                        (fmt->parts[i].kind == FORMAT_DATE && fmt->mark == FORMAT_UNMARKED);

        for (size_t k = shape->at[i]; k < shape->at[i + 1]; k++) {
            struct format_symbols of = format_symbols_of(fmt, shape->takes[k]);

            if (is_fixed || k < from || k >= to)
                continue;
            out->at[out->count] = (uint8_t)k;
            out->radix[out->count] = of.count;
            out->symbol[out->count] = of.symbol;
            out->count++;
        }
    }
}

/* A date that is drawn as such: what stays never ends inside one (format_judge.c). */
static bool is_hidden_date(const struct format_tokens *bucket, size_t part)
{
    const struct format *fmt = bucket->fmt;
    const struct format_shape *shape = bucket->shape;

    return fmt->mark == FORMAT_UNMARKED && fmt->parts[part].kind == FORMAT_DATE &&
           shape->at[part] >= fmt->head + bucket->keep.prefix &&
           shape->at[part + 1] <= shape->len - bucket->keep.suffix;
}

static uint64_t days_of(const struct format_part *p)
{
    return (uint64_t)(p->year_max - p->year_min + 1) * 366;
}

/* False where there are too many. */
static bool count_all(struct format_tokens *bucket)
{
    const struct format *fmt = bucket->fmt;
    bool over = false;

    if (fmt->mark == FORMAT_TOKEN_BIN) { /* its tokens have numbers, without a gap */
        bucket->count = format_bin_tokens(fmt, bucket->shape, bucket->keep);
        return bucket->count < COUNT_MAX;
    }
    bucket->count = fmt->mark == FORMAT_CHECK_DIGITS ? fmt->marks_count : 1;
    for (size_t i = 0; i < bucket->slots.count; i++)
        over |= __builtin_mul_overflow(bucket->count, bucket->slots.radix[i], &bucket->count);
    for (size_t i = 0; i < fmt->parts_count; i++)
        if (is_hidden_date(bucket, i))
            over |= __builtin_mul_overflow(bucket->count, days_of(&fmt->parts[i]), &bucket->count);
    return !over && bucket->count < COUNT_MAX;
}

enum hufu_err format_tokens_init(const struct format *fmt, struct format_keep keep,
                                 struct view canonical, struct format_tokens *out)
{
    struct format_tokens bucket = { .fmt = fmt, .keep = keep };

    if (fmt->is_email)
        return HUFU_RANGE;
    bucket.shape = format_shape_find(fmt, canonical);
    if (bucket.shape == NULL || !format_shape_fits(fmt, bucket.shape, canonical.p))
        return HUFU_INVALID_VALUE;
    assert((size_t)fmt->head + keep.prefix + keep.suffix < bucket.shape->len);
    if (fmt->mark != FORMAT_TOKEN_BIN)
        format_slots_find(fmt, bucket.shape, keep, &bucket.slots);
    if (!count_all(&bucket))
        return HUFU_RANGE;
    memcpy(bucket.kept, canonical.p, bucket.shape->len);
    for (size_t i = 0; i < bucket.slots.count; i++) /* nothing of the original but what stays */
        bucket.kept[bucket.slots.at[i]] = '0';
    for (size_t i = 0; i < fmt->parts_count; i++)
        if (is_hidden_date(&bucket, i))
            memset(bucket.kept + bucket.shape->at[i], '0',
                   bucket.shape->at[i + 1] - bucket.shape->at[i]);
    if (fmt->mark == FORMAT_CHECK_DIGITS)
        memset(bucket.kept + 2, '0', 2);
    *out = bucket;
    return HUFU_OK;
}

/* Takes the part of n that is below radix. */
static unsigned take(uint64_t *n, uint64_t radix)
{
    unsigned v = (unsigned)(*n % radix);

    *n /= radix;
    return v;
}

bool format_tokens_at(const struct format_tokens *bucket, uint64_t n,
                      uint8_t out[static FORMAT_TOKEN_MAX])
{
    const struct format *fmt = bucket->fmt;
    const struct format_slots *slots = &bucket->slots;
    uint8_t token[FORMAT_PLACES_MAX];

    assert(n < bucket->count);
    memcpy(token, bucket->kept, bucket->shape->len);
    if (fmt->mark == FORMAT_TOKEN_BIN) {
        format_bin_fill(fmt, bucket->shape, bucket->keep, n, token);
        n = 0;
    }
    if (fmt->mark == FORMAT_CHECK_DIGITS) {
        unsigned pair = fmt->marks[take(&n, fmt->marks_count)];

        token[2] = (uint8_t)('0' + pair / 10);
        token[3] = (uint8_t)('0' + pair % 10);
    }
    for (size_t i = 0; i < slots->count; i++)
        token[slots->at[i]] = (uint8_t)slots->symbol[i][take(&n, slots->radix[i])];
    for (size_t i = 0; i < fmt->parts_count; i++) {
        const struct format_part *p = &fmt->parts[i];
        unsigned day;

        if (!is_hidden_date(bucket, i))
            continue;
        day = take(&n, days_of(p));
        if (!format_date_put(p, p->year_min + day / 366, day % 366, token + bucket->shape->at[i]))
            return false;
    }
    if (!format_mark_has(fmt, bucket->shape, token))
        return false;
    memcpy(out, token, bucket->shape->len);
    return true;
}
