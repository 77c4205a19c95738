#include <assert.h>
#include <string.h>

#include "vault/base/secret.h"
#include "vault/format/format_def.h"

/* An unissued SSN that keeps its serial is found in 1 of 15 draws, so that this many failures in a
 * row mean an empty bucket (probability of a mistake: below 2^-400). */
#define DRAW_TRIES 4096

struct slots { /* the hidden characters of a token */
    const struct format *fmt;
    size_t count;
    uint8_t at[FORMAT_VALUE_MAX];
    uint8_t radix[FORMAT_VALUE_MAX];
};

static const char symbols[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* How many characters a position takes. */
static uint8_t radix_of(uint8_t takes)
{
    return (uint8_t)((takes & FORMAT_IS_DIGIT ? 10 : 0) + (takes & FORMAT_IS_LETTER ? 26 : 0) +
                     (takes & FORMAT_IS_X ? 1 : 0));
}

static void slots_fill(struct slots *s, const struct format *fmt, const struct format_shape *shape,
                       struct format_keep keep)
{
    size_t from = (size_t)fmt->head + keep.prefix;
    size_t to = (size_t)shape->len - keep.suffix;

    s->fmt = fmt;
    s->count = 0;
    if (fmt->mark == FORMAT_CHECK_DIGITS) { /* both check digits are one slot */
        s->at[0] = 2;
        s->radix[0] = fmt->marks_count;
        s->count = 1;
    }
    for (size_t i = from; i < to; i++) {
        s->at[s->count] = (uint8_t)i;
        s->radix[s->count] = radix_of(shape->takes[i]);
        s->count++;
    }
}

/* Puts number v, below the slot's radix, where the slot is. */
static void slot_put(const struct slots *s, size_t i, const struct format_shape *shape, unsigned v,
                     uint8_t *token)
{
    uint8_t at = s->at[i];

    if (s->fmt->mark == FORMAT_CHECK_DIGITS && i == 0) {
        token[2] = (uint8_t)('0' + s->fmt->marks[v] / 10);
        token[3] = (uint8_t)('0' + s->fmt->marks[v] % 10);
    } else if (s->radix[i] == 10) {
        token[at] = (uint8_t)('0' + v);
    } else if (s->radix[i] == 26) {
        token[at] = (uint8_t)('A' + v);
    } else if ((shape->takes[at] & FORMAT_IS_X) != 0) {
        token[at] = v == 10 ? 'X' : (uint8_t)('0' + v);
    } else {
        token[at] = (uint8_t)symbols[v];
    }
}

/* Gives every slot a uniform character: as many slots to one random number as it has room for. */
static enum hufu_err slots_draw(const struct slots *s, const struct format_shape *shape,
                                struct draw *draw, uint8_t *token)
{
    for (size_t i = 0; i < s->count;) {
        uint64_t room = 1;
        uint64_t v;
        size_t to = i;
        enum hufu_err err;

        while (to < s->count && room <= UINT64_MAX / 64)
            room *= s->radix[to++];
        err = draw_below(draw, room, &v);
        if (err != HUFU_OK)
            return err;
        for (; i < to; i++) {
            /* Division by a constant is much cheaper than by a variable. */
            unsigned digit = (unsigned)(s->radix[i] == 10 ? v % 10 : v % s->radix[i]);

            v = s->radix[i] == 10 ? v / 10 : v / s->radix[i];
            slot_put(s, i, shape, digit, token);
        }
    }
    return HUFU_OK;
}

/* Uniform over all fillings, and those without the mark are thrown away: so uniform over the rest.
 */
enum hufu_err format_draw(const struct format *fmt, struct format_keep keep, struct view canonical,
                          struct draw *draw, uint8_t out[static FORMAT_VALUE_MAX])
{
    const struct format_shape *shape = format_shape_find(fmt, canonical);
    uint8_t token[FORMAT_VALUE_MAX];
    struct slots slots;
    enum hufu_err err = HUFU_EXHAUSTED;

    if (shape == NULL || !format_shape_fits(shape, canonical.p))
        return HUFU_INVALID_VALUE;
    assert((size_t)fmt->head + keep.prefix + keep.suffix < shape->len);
    memcpy(token, canonical.p, shape->len);
    slots_fill(&slots, fmt, shape, keep);
    for (unsigned tries = 0; tries < DRAW_TRIES; tries++) {
        err = slots_draw(&slots, shape, draw, token);
        if (err != HUFU_OK || format_mark_has(fmt, shape, token))
            break;
        err = HUFU_EXHAUSTED;
    }
    if (err == HUFU_OK)
        memcpy(out, token, shape->len);
    wipe(token, shape->len); /* what was kept is part of the original */
    return err;
}
