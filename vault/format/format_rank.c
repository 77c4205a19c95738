#include "vault/format/format_rank.h"

#include <assert.h>
#include <string.h>

#include "vault/base/secret.h"
#include "vault/format/format_carry.h"
#include "vault/format/format_order.h"
#include "vault/format/format_wide.h"

/* What is hidden and free of an original, from the left, as numbers of their own: a rank is all of
 * them in mixed radix. The check is not free, nor is what settles one that stays. */
struct wheel {
    uint32_t size; /* the number is below it */
    uint8_t part, at;
};
struct wheels {
    size_t count;
    struct wheel of[FORMAT_PLACES_MAX];
};

static void wheel_add(struct wheels *w, uint32_t size, size_t part, size_t at)
{
    w->of[w->count++] = (struct wheel){ size, (uint8_t)part, (uint8_t)at };
}

static void wheels_fill(struct wheels *w, const struct format *fmt,
                        const struct format_shape *shape, struct format_keep keep)
{
    size_t from = (size_t)fmt->head + keep.prefix;
    size_t to = (size_t)shape->len - keep.suffix;
    size_t settled = format_carry_place(fmt, shape, keep);

    w->count = 0;
    for (size_t i = 0; i < fmt->parts_count; i++) {
        const struct format_part *p = &fmt->parts[i];
        bool is_hidden = shape->at[i] >= from && shape->at[i + 1] <= to;

        if (p->kind == FORMAT_SET && is_hidden)
            wheel_add(w, format_order_values(&fmt->pool[p->values]), i, shape->at[i]);
        if (p->kind == FORMAT_DATE && is_hidden)
            wheel_add(w, format_order_dates(p), i, shape->at[i]);
        if (p->kind != FORMAT_CHARS && p->kind != FORMAT_BBAN)
            continue;
        for (size_t k = shape->at[i]; k < shape->at[i + 1]; k++)
            if (k >= from && k < to && k != settled)
                wheel_add(w, format_symbols_of(fmt, shape->takes[k]).count, i, k);
    }
}

static uint32_t wheel_read(const struct wheel *w, const struct format *fmt,
                           const struct format_shape *shape, const uint8_t *value)
{
    const struct format_part *p = &fmt->parts[w->part];
    uint8_t takes = shape->takes[w->at];

    if (p->kind == FORMAT_SET)
        return format_order_value(&fmt->pool[p->values], value + w->at);
    if (p->kind == FORMAT_DATE)
        return format_order_date(p, value + w->at);
    if (takes == FORMAT_IS_DIGIT)
        return (uint32_t)(value[w->at] - '0');
    return format_order_symbol(format_symbols_of(fmt, takes), value[w->at]);
}

static void wheel_put(const struct wheel *w, const struct format *fmt,
                      const struct format_shape *shape, uint32_t n, uint8_t *value)
{
    const struct format_part *p = &fmt->parts[w->part];
    uint8_t takes = shape->takes[w->at];

    if (p->kind == FORMAT_SET)
        format_order_value_put(&fmt->pool[p->values], n, value + w->at);
    else if (p->kind == FORMAT_DATE)
        format_order_date_put(p, n, value + w->at);
    else if (takes == FORMAT_IS_DIGIT)
        value[w->at] = (uint8_t)('0' + n);
    else
        value[w->at] = (uint8_t)format_symbols_of(fmt, takes).symbol[n];
}

/* Several wheels go into 32 bits: nine digits, six of 36 characters. Multiplies room by the size of
 * one more; false where it is full. */
static bool takes_in(uint32_t *room, const struct wheel *w)
{
    uint32_t more;

    if (__builtin_mul_overflow(*room, w->size, &more))
        return false;
    *room = more;
    return true;
}

/* How many originals there are. */
static void size_of(const struct wheels *w, struct format_wide *out)
{
    format_wide_set(out, 1);
    for (size_t i = 0; i < w->count;) {
        uint32_t room = 1;

        while (i < w->count && takes_in(&room, &w->of[i]))
            i++;
        format_wide_push(out, room, 0);
    }
}

static void number_read(const struct wheels *w, const struct format *fmt,
                        const struct format_shape *shape, const uint8_t *value,
                        struct format_wide *out)
{
    format_wide_set(out, 0);
    for (size_t i = 0; i < w->count;) {
        uint32_t room = 1;
        uint32_t n = 0;

        for (; i < w->count && takes_in(&room, &w->of[i]); i++)
            n = n * w->of[i].size + wheel_read(&w->of[i], fmt, shape, value);
        format_wide_push(out, room, n);
    }
}

/* The way back. Leaves number divided by how many originals there are: 0 where it was below. */
static void number_put(const struct wheels *w, const struct format *fmt,
                       const struct format_shape *shape, struct format_wide *number, uint8_t *value)
{
    for (size_t to = w->count; to > 0;) {
        size_t from = to;
        uint32_t room = 1;
        uint32_t n;

        while (from > 0 && takes_in(&room, &w->of[from - 1]))
            from--;
        n = format_wide_pull(number, room);
        for (; to > from; to--) {
            const struct wheel *one = &w->of[to - 1];

            if (one->size == 10) { /* division by a constant is much cheaper */
                wheel_put(one, fmt, shape, n % 10, value);
                n /= 10;
                continue;
            }
            wheel_put(one, fmt, shape, n % one->size, value);
            n /= one->size;
        }
    }
}

/* The fewest symbols whose radix FF1 takes, and the least such radix: as the radix is large or
 * the symbols are few, radix^len is at most 0.21 % more than size. */
static void base_choose(const struct format_wide *size, struct format_rank *out)
{
    out->len = (format_wide_bits(size) + 15) / 16;
    if (out->len < 2)
        out->len = 2;
    assert(out->len <= FORMAT_RANK_MAX);
    out->radix = format_wide_root(size, out->len);
}

enum hufu_err format_rank(const struct format *fmt, struct format_keep keep, struct view original,
                          struct format_rank *out)
{
    const struct format_shape *shape = format_shape_find(fmt, original);
    struct wheels wheels;
    struct format_wide size, number;

    if (shape == NULL || format_check(fmt, original) != HUFU_OK)
        return HUFU_INVALID_VALUE;
    wheels_fill(&wheels, fmt, shape, keep);
    size_of(&wheels, &size);
    base_choose(&size, out);
    number_read(&wheels, fmt, shape, original.p, &number);
    for (size_t i = out->len; i-- > 0;)
        out->symbol[i] = (uint16_t)format_wide_pull(&number, out->radix);
    wipe(&number, sizeof(number));
    return HUFU_OK;
}

enum hufu_err format_unrank(const struct format *fmt, struct format_keep keep, struct view like,
                            const struct format_rank *rank, uint8_t out[static FORMAT_PLACES_MAX])
{
    const struct format_shape *shape = format_shape_find(fmt, like);
    struct wheels wheels;
    struct format_wide number;
    uint8_t value[FORMAT_PLACES_MAX];
    bool is_there;

    if (shape == NULL || !format_shape_fits(fmt, shape, like.p))
        return HUFU_INVALID_VALUE;
    format_wide_set(&number, 0);
    assert(rank->radix <= 65536 && rank->len <= FORMAT_RANK_MAX);
    for (size_t i = 0; i < rank->len; i++)
        format_wide_push(&number, rank->radix, rank->symbol[i]);
    wheels_fill(&wheels, fmt, shape, keep);
    memcpy(value, like.p, like.len);
    number_put(&wheels, fmt, shape, &number, value);
    is_there = number.count == 0;
    if (is_there) {
        format_carry_settle(fmt, shape, keep, value);
        memcpy(out, value, like.len);
    }
    wipe(&number, sizeof(number));
    wipe(value, sizeof(value));
    return is_there ? HUFU_OK : HUFU_RANGE;
}

/* True where what stays ends inside a set or a date: how many are left of it would then depend on
 * the bucket. */
static bool ends_inside(const struct format *fmt, const struct format_shape *shape,
                        struct format_keep keep)
{
    size_t from = (size_t)fmt->head + keep.prefix;
    size_t to = (size_t)shape->len - keep.suffix;

    for (size_t i = 0; i < fmt->parts_count; i++)
        if ((fmt->parts[i].kind == FORMAT_SET || fmt->parts[i].kind == FORMAT_DATE) &&
            ((shape->at[i] < from && from < shape->at[i + 1]) ||
             (shape->at[i] < to && to < shape->at[i + 1])))
            return true;
    return false;
}

static bool is_small(const struct format *fmt, const struct format_shape *shape,
                     struct format_keep keep)
{
    struct wheels wheels;
    struct format_wide size;

    wheels_fill(&wheels, fmt, shape, keep);
    size_of(&wheels, &size);
    return size.count == 1 && size.limb[0] < FORMAT_RANK_LEAST;
}

enum hufu_err format_rank_check(const struct format *fmt, struct format_keep keep,
                                uint32_t *generations_out)
{
    struct format_keep none = { 0, 0 };
    uint32_t least = UINT32_MAX;

    if (format_carry_count(fmt, &fmt->shapes[0], none) == 0)
        return HUFU_UNSUPPORTED_MODE;
    for (size_t i = 0; i < fmt->shapes_count; i++)
        if (ends_inside(fmt, &fmt->shapes[i], keep))
            return HUFU_DOMAIN_SMALL;
    for (size_t i = 0; i < fmt->shapes_count; i++) {
        uint32_t n = format_carry_count(fmt, &fmt->shapes[i], keep);

        if (n == 0)
            return HUFU_UNSUPPORTED_MODE;
        least = n < least ? n : least;
    }
    for (size_t i = 0; i < fmt->shapes_count; i++)
        if (is_small(fmt, &fmt->shapes[i], keep))
            return HUFU_DOMAIN_SMALL;
    *generations_out = least;
    return HUFU_OK;
}

/* The longest suffix that may be an ff1 domain's beside that prefix; -1 where none may. */
static int suffix_widest(const struct format *fmt, unsigned prefix)
{
    uint32_t generations;

    for (int suffix = fmt->keep_suffix_max; suffix >= 0; suffix--) {
        struct format_keep keep = { (uint8_t)prefix, (uint8_t)suffix };

        if (format_keep_check(fmt, keep) == HUFU_OK &&
            format_rank_check(fmt, keep, &generations) == HUFU_OK)
            return suffix;
    }
    return -1;
}

void format_rank_widest(const struct format *fmt, struct buf *out)
{
    int suffix[UINT8_MAX + 1] = { 0 };
    int beside = -1; /* the longest suffix of those beside a longer prefix */
    bool first = true;

    for (unsigned p = fmt->keep_prefix_max + 1u; p-- > 0;) {
        int s = suffix_widest(fmt, p);

        suffix[p] = s > beside ? s : -1;
        beside = s > beside ? s : beside;
    }
    for (unsigned p = 0; p <= fmt->keep_prefix_max; p++) {
        if (suffix[p] < 0)
            continue;
        if (!first)
            buf_str(out, ", ");
        first = false;
        buf_dec(out, p);
        buf_u8(out, '+');
        buf_dec(out, (uint64_t)suffix[p]);
    }
}
