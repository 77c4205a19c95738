#include "vault/format/format_carry.h"

#include <assert.h>
#include <string.h>

#include "vault/base/secret.h"
#include "vault/format/format_order.h"
#include "vault/format/format_rank.h"

/* Where unissued carries: a set, all of it hidden, and what an alternative has instead. */
struct carrier {
    const struct format_values *valid, *unissued;
    uint32_t valid_count;
    uint32_t generations; /* 0: there is none */
    uint8_t part;
};

/* The one part that a pattern names; FORMAT_NONE where it names several. */
static size_t sole_part(const struct format *fmt, const struct format_pattern *pattern)
{
    size_t part = FORMAT_NONE;

    for (size_t i = 0; i < fmt->parts_count; i++) {
        if (pattern->values[i] == FORMAT_NONE)
            continue;
        if (part != FORMAT_NONE)
            return FORMAT_NONE;
        part = i;
    }
    return part;
}

/* The same for every shape, so that a generation is the same number in each: what stays reaches
 * furthest, from both ends, in the shortest. The parser has seen to it that no number is both
 * valid and unissued, and that all are of characters which the set's places take. */
static struct carrier carrier_of(const struct format *fmt, struct format_keep keep)
{
    const struct format_shape *shape = &fmt->shapes[0];
    struct carrier best = { 0 };

    for (size_t i = 0; i < fmt->patterns_count; i++) {
        size_t part = sole_part(fmt, &fmt->patterns[i]);
        struct carrier c = { .part = (uint8_t)part };

        if (part == FORMAT_NONE || shape->at[part] < (size_t)fmt->head + keep.prefix ||
            shape->at[part + 1] > (size_t)shape->len - keep.suffix)
            continue;
        c.valid = &fmt->pool[fmt->parts[part].values];
        c.unissued = &fmt->pool[fmt->patterns[i].values[part]];
        c.valid_count = format_order_values(c.valid);
        c.generations = format_order_values(c.unissued) / c.valid_count;
        if (c.generations > best.generations)
            best = c;
    }
    return best;
}

size_t format_carry_place(const struct format *fmt, const struct format_shape *shape,
                          struct format_keep keep)
{
    size_t at;

    if (fmt->rule == CHECK_NONE || fmt->rule == CHECK_MOD97)
        return FORMAT_NONE;
    if (!format_keeps_check(fmt, shape, keep))
        return shape->at[fmt->check_part];
    at = format_settler(fmt, shape, keep);
    /* Of an alphabet with fewer characters than there are remainders, none may be the right one. */
    if (at != FORMAT_NONE &&
        format_symbols_of(fmt, shape->takes[at]).count != (fmt->rule == CHECK_MOD31 ? 31 : 10))
        return FORMAT_NONE;
    return at;
}

uint32_t format_carry_count(const struct format *fmt, const struct format_shape *shape,
                            struct format_keep keep)
{
    size_t at;

    switch (fmt->mark) {
    case FORMAT_WRONG_CHECK:
        at = format_carry_place(fmt, shape, keep);
        return at == FORMAT_NONE ? 0 : format_symbols_of(fmt, shape->takes[at]).count - 1u;
    case FORMAT_CHECK_DIGITS: /* at most one of the pairs has remainder 1 */
        return fmt->marks_count - 1u;
    case FORMAT_UNISSUED:
        return carrier_of(fmt, keep).generations;
    case FORMAT_UNMARKED:
    case FORMAT_INVALID_DOMAIN:
    case FORMAT_TOKEN_BIN: /* its check is right, and no digit of it is free */
        break;
    }
    return 0;
}

static void put_two(unsigned n, uint8_t *at)
{
    at[0] = (uint8_t)('0' + n / 10);
    at[1] = (uint8_t)('0' + n % 10);
}

void format_carry_settle(const struct format *fmt, const struct format_shape *shape,
                         struct format_keep keep, uint8_t *value)
{
    struct format_symbols symbols;
    size_t at;

    if (fmt->rule == CHECK_NONE)
        return;
    if (fmt->rule == CHECK_MOD97) { /* ISO 13616-1: 98 less the remainder with 00 */
        put_two(0, value + 2);
        put_two(98 - check_mod97(value, shape->len), value + 2);
        return;
    }
    at = format_carry_place(fmt, shape, keep);
    assert(at != FORMAT_NONE);
    if (at == shape->at[fmt->check_part]) {
        value[at] = format_check_make(fmt, value, at);
        return;
    }
    symbols = format_symbols_of(fmt, shape->takes[at]);
    for (size_t i = 0; i < symbols.count; i++) {
        value[at] = (uint8_t)symbols.symbol[i];
        if (format_check_holds(fmt, shape, value))
            return;
    }
}

/* Makes the check digits those of a generation: pairs that would be right are passed over. */
static void pair_put(const struct format *fmt, const struct format_shape *shape,
                     uint32_t generation, uint8_t *value)
{
    for (size_t i = 0; i < fmt->marks_count; i++) {
        put_two(fmt->marks[i], value + 2);
        if (check_mod97(value, shape->len) != 1 && generation-- == 0)
            return;
    }
}

void format_rank_mark(const struct format *fmt, struct format_keep keep, struct view original,
                      uint32_t generation, uint8_t out[static FORMAT_PLACES_MAX])
{
    const struct format_shape *shape = format_shape_find(fmt, original);
    struct format_symbols symbols;
    struct carrier c;
    size_t at;

    assert(shape != NULL);
    memmove(out, original.p, original.len);
    switch (fmt->mark) {
    case FORMAT_WRONG_CHECK:
        at = format_carry_place(fmt, shape, keep);
        symbols = format_symbols_of(fmt, shape->takes[at]);
        generation %= symbols.count - 1u;
        out[at] =
            (uint8_t)symbols
                .symbol[(format_order_symbol(symbols, out[at]) + 1 + generation) % symbols.count];
        break;
    case FORMAT_CHECK_DIGITS:
        pair_put(fmt, shape, generation % (fmt->marks_count - 1u), out);
        break;
    case FORMAT_UNISSUED:
        c = carrier_of(fmt, keep);
        at = shape->at[c.part];
        format_order_value_put(c.unissued,
                               generation % c.generations * c.valid_count +
                                   format_order_value(c.valid, out + at),
                               out + at);
        break;
    case FORMAT_UNMARKED:
    case FORMAT_INVALID_DOMAIN:
    case FORMAT_TOKEN_BIN: /* its check is right, and no digit of it is free */
        break;
    }
}

/* The three below take the mark off a value, whose other parts are not looked at. False: it has
 * none. */

static bool unmark_check(const struct format *fmt, const struct format_shape *shape,
                         struct format_keep keep, uint8_t *value, uint32_t *generation)
{
    size_t at = format_carry_place(fmt, shape, keep);
    struct format_symbols symbols;
    uint32_t there, right;

    if (at == FORMAT_NONE)
        return false;
    symbols = format_symbols_of(fmt, shape->takes[at]);
    there = format_order_symbol(symbols, value[at]);
    format_carry_settle(fmt, shape, keep, value);
    right = format_order_symbol(symbols, value[at]);
    *generation = (there + symbols.count - right - 1) % symbols.count;
    return there != right;
}

static bool unmark_pair(const struct format *fmt, const struct format_shape *shape,
                        struct format_keep keep, uint8_t *value, uint32_t *generation)
{
    unsigned there = format_number(value + 2, 2);

    for (uint32_t n = 0; n + 1 < fmt->marks_count; n++) {
        pair_put(fmt, shape, n, value);
        if (format_number(value + 2, 2) != there)
            continue;
        *generation = n;
        format_carry_settle(fmt, shape, keep, value);
        return true;
    }
    return false;
}

static bool unmark_set(const struct format *fmt, const struct format_shape *shape,
                       struct format_keep keep, uint8_t *value, uint32_t *generation)
{
    struct carrier c = carrier_of(fmt, keep);
    uint8_t *at = value + shape->at[c.part];
    uint32_t n;

    if (c.generations == 0 || !format_values_has(c.unissued, format_values_number(c.unissued, at)))
        return false;
    n = format_order_value(c.unissued, at);
    if (n >= c.generations * c.valid_count) /* left over: they make no whole set */
        return false;
    *generation = n / c.valid_count;
    format_order_value_put(c.valid, n % c.valid_count, at);
    return true;
}

enum hufu_err format_rank_unmark(const struct format *fmt, struct format_keep keep,
                                 struct view token, uint32_t *generation_out,
                                 uint8_t out[static FORMAT_PLACES_MAX])
{
    const struct format_shape *shape = format_shape_find(fmt, token);
    uint8_t value[FORMAT_PLACES_MAX];
    uint32_t generation = 0;
    bool is_marked = false;

    if (shape == NULL || !format_shape_fits(fmt, shape, token.p))
        return HUFU_NOT_TOKEN;
    memcpy(value, token.p, token.len);
    if (fmt->mark == FORMAT_WRONG_CHECK)
        is_marked = unmark_check(fmt, shape, keep, value, &generation);
    else if (fmt->mark == FORMAT_CHECK_DIGITS)
        is_marked = unmark_pair(fmt, shape, keep, value, &generation);
    else if (fmt->mark == FORMAT_UNISSUED)
        is_marked = unmark_set(fmt, shape, keep, value, &generation);
    is_marked = is_marked && format_check(fmt, view_of(value, token.len)) == HUFU_OK;
    if (is_marked) {
        memcpy(out, value, token.len);
        *generation_out = generation;
    }
    wipe(value, token.len);
    return is_marked ? HUFU_OK : HUFU_NOT_TOKEN;
}
