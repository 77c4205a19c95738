#include <assert.h>
#include <string.h>

#include "vault/base/secret.h"
#include "vault/format/email.h"
#include "vault/format/format_part.h"
#include "vault/format/format_tokens.h"

/* A definition is refused where a token takes more than 128 draws on average, so that this many
 * failures in a row mean an empty bucket (probability of a mistake: e^-32). */
#define DRAW_TRIES 4096

/* A number below n, exactly uniform (Lemire, as draw_below, but with the division left out where it
 * cannot matter: in all but n of 2^64 cases). */
static enum hufu_err below(struct draw *draw, uint64_t n, uint64_t *out)
{
    unsigned __int128 wide;
    uint64_t x;

    do {
        enum hufu_err err = draw_bytes(draw, (uint8_t *)&x, sizeof(x));

        if (err != HUFU_OK)
            return err;
        wide = (unsigned __int128)x * n;
    } while ((uint64_t)wide < n && (uint64_t)wide < -n % n);
    *out = (uint64_t)(wide >> 64);
    return HUFU_OK;
}

/* Gives every slot a uniform character: as many slots to one random number as it has room for. */
static enum hufu_err slots_draw(const struct format_slots *s, struct draw *draw, uint8_t *token)
{
    for (size_t i = 0; i < s->count;) {
        uint64_t room = 1;
        uint64_t v;
        size_t to = i;
        enum hufu_err err;

        while (to < s->count && room <= UINT64_MAX / 64)
            room *= s->radix[to++];
        err = below(draw, room, &v);
        if (err != HUFU_OK)
            return err;
        for (; i < to; i++) {
            token[s->at[i]] = (uint8_t)s->symbol[i][v % s->radix[i]];
            v /= s->radix[i];
        }
    }
    return HUFU_OK;
}

/* Digits from one place to another. Division by a constant is much cheaper than by a variable. */
static enum hufu_err digits_fill(struct draw *draw, size_t from, size_t to, uint8_t *token)
{
    static const uint64_t tens[] = { 1,      10,      100,      1000,      10000,
                                     100000, 1000000, 10000000, 100000000, 1000000000 };

    while (from < to) {
        size_t n = to - from < 9 ? to - from : 9;
        uint64_t wide;
        uint32_t v;
        enum hufu_err err = below(draw, tens[n], &wide);

        if (err != HUFU_OK)
            return err;
        for (v = (uint32_t)wide; n > 0; n--, v /= 10)
            token[from++] = (uint8_t)('0' + v % 10);
    }
    return HUFU_OK;
}

/* A date of the calendar, each as likely: a year and one of 366 days, until the year has it. */
static enum hufu_err date_draw(const struct format_part *p, struct draw *draw, uint8_t *at)
{
    uint64_t v;
    enum hufu_err err;

    do {
        err = below(draw, (uint64_t)(p->year_max - p->year_min + 1) * 366, &v);
    } while (err == HUFU_OK &&
             !format_date_put(p, p->year_min + (unsigned)(v / 366), (unsigned)(v % 366), at));
    return err;
}

static enum hufu_err dates_draw(const struct format *fmt, const struct format_shape *shape,
                                size_t from, size_t to, struct draw *draw, uint8_t *token)
{
    enum hufu_err err = HUFU_OK;

    for (size_t i = 0; err == HUFU_OK && i < fmt->parts_count; i++)
        if (fmt->parts[i].kind == FORMAT_DATE && shape->at[i] >= from && shape->at[i + 1] <= to)
            err = date_draw(&fmt->parts[i], draw, token + shape->at[i]);
    return err;
}

/* One of the format's check digit pairs. */
static enum hufu_err mark_draw(const struct format *fmt, struct draw *draw, uint8_t *token)
{
    uint64_t v;
    enum hufu_err err = below(draw, fmt->marks_count, &v);

    if (err != HUFU_OK)
        return err;
    token[2] = (uint8_t)('0' + fmt->marks[v] / 10);
    token[3] = (uint8_t)('0' + fmt->marks[v] % 10);
    return HUFU_OK;
}

/* Anything of the alphabet in each hidden place, each filling as likely. */
static enum hufu_err fill(const struct format *fmt, const struct format_shape *shape,
                          const struct format_slots *slots, struct format_keep keep,
                          struct draw *draw, uint8_t *token)
{
    enum hufu_err err = HUFU_OK;

    if (fmt->mark == FORMAT_CHECK_DIGITS)
        err = mark_draw(fmt, draw, token);
    if (err == HUFU_OK)
        err = slots_draw(slots, draw, token);
    if (err == HUFU_OK && fmt->mark == FORMAT_UNMARKED)
        err = dates_draw(fmt, shape, (size_t)fmt->head + keep.prefix,
                         (size_t)shape->len - keep.suffix, draw, token);
    return err;
}

/* True where it may be given out: marked; without marks, not its own original. */
static bool may_be(const struct format *fmt, const struct format_shape *shape, const uint8_t *token,
                   struct view original)
{
    return format_mark_has(fmt, shape, token) &&
           (fmt->mark != FORMAT_UNMARKED || !view_equal(view_of(token, shape->len), original));
}

/* Uniform over all fillings, and those without the mark are thrown away: so uniform over the rest.
 */
static enum hufu_err draw_slots(const struct format *fmt, const struct format_shape *shape,
                                struct format_keep keep, struct view original, struct draw *draw,
                                uint8_t *token)
{
    struct format_slots slots;

    format_slots_find(fmt, shape, keep, &slots);
    for (unsigned tries = 0; tries < DRAW_TRIES; tries++) {
        enum hufu_err err = fill(fmt, shape, &slots, keep, draw, token);

        if (err != HUFU_OK || may_be(fmt, shape, token, original))
            return err;
    }
    return HUFU_EXHAUSTED;
}

/* The same for digits alone, without a list of places and symbols. */
static enum hufu_err draw_digits(const struct format *fmt, const struct format_shape *shape,
                                 struct format_keep keep, struct view original, struct draw *draw,
                                 uint8_t *token)
{
    for (unsigned tries = 0; tries < DRAW_TRIES; tries++) {
        enum hufu_err err = digits_fill(draw, (size_t)fmt->head + keep.prefix,
                                        (size_t)shape->len - keep.suffix, token);

        if (err != HUFU_OK || may_be(fmt, shape, token, original))
            return err;
    }
    return HUFU_EXHAUSTED;
}

enum hufu_err format_draw(const struct format *fmt, struct format_keep keep, struct view canonical,
                          struct draw *draw, uint8_t out[static FORMAT_TOKEN_MAX])
{
    const struct format_shape *shape = format_shape_find(fmt, canonical);
    uint8_t token[FORMAT_PLACES_MAX];
    enum hufu_err err;

    if (shape == NULL || !format_shape_fits(fmt, shape, canonical.p))
        return HUFU_INVALID_VALUE;
    assert((size_t)fmt->head + keep.prefix + keep.suffix < shape->len);
    memcpy(token, canonical.p, shape->len);
    if (fmt->mark == FORMAT_TOKEN_BIN)
        err = format_bin_draw(fmt, shape, keep, draw, token);
    else if (shape->is_digits && fmt->is_plain)
        err = draw_digits(fmt, shape, keep, canonical, draw, token);
    else
        err = draw_slots(fmt, shape, keep, canonical, draw, token);
    if (err == HUFU_OK)
        memcpy(out, token, shape->len);
    wipe(token, shape->len); /* what was kept is part of the original */
    return err;
}

enum hufu_err format_draw_any(const struct format *fmt, struct format_keep keep,
                              struct view canonical, struct draw *draw,
                              uint8_t out[static FORMAT_TOKEN_MAX], size_t *len_out)
{
    enum hufu_err err;

    if (fmt->is_email) {
        if (!email_is_address(canonical))
            return HUFU_INVALID_VALUE;
        err = email_draw(draw, out);
    } else {
        err = format_draw(fmt, keep, canonical, draw, out);
    }
    if (err == HUFU_OK)
        *len_out = fmt->is_email ? EMAIL_TOKEN_LEN : canonical.len;
    return err;
}
