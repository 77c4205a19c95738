#include "vault/format/format_build.h"

/* The most draws that one token may take on average: 4096 in a row then fail with probability
 * e^-32, which format_draw takes for an empty bucket. */
#define DRAWS_MAX 128

static enum hufu_err fail(struct format_build *b, const char *why)
{
    return format_fault_at(b->fault, b->line, why);
}

/* The longest suffix that may stay beside a prefix, in the shortest value and so in all; -1 where
 * the prefix alone is too long. */
static int suffix_beside(const struct format *fmt, unsigned prefix)
{
    int room = (int)fmt->len_min - fmt->head - fmt->hidden_min - (int)prefix;

    return room < fmt->keep_suffix_max ? room : fmt->keep_suffix_max;
}

static bool touches(const struct format *fmt, const struct format_shape *shape, size_t part,
                    struct format_keep keep)
{
    return shape->at[part] < fmt->head + keep.prefix ||
           shape->at[part + 1] > shape->len - keep.suffix;
}

/* Of the sets that unissued names one at most may be kept in part: what is left of the others then
 * makes the mark, and capacity is a sum over the endings of one. */
static enum hufu_err sets_judge(struct format_build *b, const struct format_shape *shape,
                                struct format_keep keep)
{
    const struct format *fmt = b->fmt;
    unsigned touched = 0;

    for (size_t i = 0; i < fmt->parts_count; i++) {
        if (fmt->parts[i].kind == FORMAT_DATE && touches(fmt, shape, i, keep) &&
            (shape->at[i + 1] > fmt->head + keep.prefix && shape->at[i] < shape->len - keep.suffix))
            return fail(b, "what stays may not end inside a date");
        touched += format_mark_names(fmt, i) && touches(fmt, shape, i, keep);
    }
    if (touched > 1)
        return fail(b, "what stays may touch only one of the sets that unissued names");
    return HUFU_OK;
}

static enum hufu_err keep_judge(struct format_build *b, const struct format_shape *shape,
                                struct format_keep keep)
{
    const struct format *fmt = b->fmt;
    enum hufu_err err = sets_judge(b, shape, keep);

    if (err != HUFU_OK || fmt->mark != FORMAT_WRONG_CHECK || !format_keeps_check(fmt, shape, keep))
        return err;
    if (format_settler(fmt, shape, keep) == FORMAT_NONE)
        return fail(b, "where the check character stays, no wrong check can be guaranteed: keep "
                       "less (with a rule modulo 11 it never may)");
    return HUFU_OK;
}

/* Capacity and draw rely on these rules. */
enum hufu_err format_keep_judge(struct format_build *b)
{
    const struct format *fmt = b->fmt;

    if (fmt->is_email)
        return HUFU_OK;
    for (unsigned prefix = 0; prefix <= fmt->keep_prefix_max; prefix++) {
        for (int suffix = 0; suffix <= suffix_beside(fmt, prefix); suffix++) {
            struct format_keep keep = { (uint8_t)prefix, (uint8_t)suffix };

            for (size_t i = 0; i < fmt->shapes_count; i++) {
                enum hufu_err err = keep_judge(b, &fmt->shapes[i], keep);

                if (err != HUFU_OK)
                    return err;
            }
        }
    }
    return HUFU_OK;
}

static enum hufu_err space_judge(struct format_build *b, struct format_keep keep)
{
    const struct format *fmt = b->fmt;
    bool is_country = fmt->countries[0] != '\0';

    /* What stays reaches furthest in the shortest shape, and least far in the longest. */
    for (size_t i = 0; i < fmt->shapes_count; i += is_country ? 1 : fmt->shapes_count) {
        uint64_t draws = format_draws_most(fmt, &fmt->shapes[i], keep);

        uint64_t last = format_draws_most(fmt, &fmt->shapes[fmt->shapes_count - 1], keep);

        if (last > draws)
            draws = last;
        if (draws == UINT64_MAX)
            return fail(b, "the token space is empty where as much stays as may: keep less");
        if (draws > DRAWS_MAX)
            return fail(b, "of what is drawn less than one in 128 would be a token: name more as "
                           "unissued, or keep less");
    }
    return HUFU_OK;
}

/* What keeps most has the fewest tokens: with each prefix, the longest suffix that may be. */
enum hufu_err format_space_judge(struct format_build *b)
{
    const struct format *fmt = b->fmt;
    enum hufu_err err = HUFU_OK;

    b->line = b->section->line;
    if (fmt->is_email)
        return HUFU_OK;
    err = space_judge(b, (struct format_keep){ 0, 0 });
    for (unsigned prefix = 0; err == HUFU_OK && prefix <= fmt->keep_prefix_max; prefix++) {
        int suffix = suffix_beside(fmt, prefix);

        if (suffix >= 0)
            err = space_judge(b, (struct format_keep){ (uint8_t)prefix, (uint8_t)suffix });
    }
    return err;
}
