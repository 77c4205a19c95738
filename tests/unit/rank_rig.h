/*
 * rank_rig.h - what the programs over ranks and their marks hold against each other.
 *
 * Layer:   tests/. Includes vault/format/; cmocka.h comes before it.
 * Threads: one.
 */
#ifndef HUFU_TESTS_UNIT_RANK_RIG_H
#define HUFU_TESTS_UNIT_RANK_RIG_H

#include "vault/format/format_rank.h"

typedef unsigned __int128 u128;

static struct draw draw;

static uint64_t below(uint64_t n)
{
    uint64_t v;

    assert_int_equal(draw_below(&draw, n, &v), HUFU_OK);
    return v;
}

static struct format_keep keep_of(unsigned prefix, unsigned suffix)
{
    return (struct format_keep){ (uint8_t)prefix, (uint8_t)suffix };
}

/* A rank as one number, for what is below 2^128. */
static u128 number_of(const struct format_rank *rank)
{
    u128 n = 0;

    for (size_t i = 0; i < rank->len; i++) {
        assert_true(rank->symbol[i] < rank->radix);
        n = n * rank->radix + rank->symbol[i];
    }
    return n;
}

static void number_put(u128 n, struct format_rank *rank)
{
    for (size_t i = rank->len; i-- > 0; n /= rank->radix)
        rank->symbol[i] = (uint16_t)(n % rank->radix);
    assert_true(n == 0);
}

static bool same_rank(const struct format_rank *a, const struct format_rank *b)
{
    return a->radix == b->radix && a->len == b->len &&
           memcmp(a->symbol, b->symbol, a->len * sizeof(a->symbol[0])) == 0;
}

/* Its token of a generation is a token, its own, and leads back. */
static void check_token(const struct format *fmt, struct format_keep keep, struct view original,
                        uint32_t generation, uint32_t generations)
{
    uint8_t token[FORMAT_VALUE_MAX + 1] = { 0 }, again[FORMAT_VALUE_MAX] = { 0 };
    struct view t = { token, original.len };
    uint32_t seen = 0;

    format_rank_mark(fmt, keep, original, generation, token);
    if (format_check(fmt, t) == HUFU_OK || !format_is_token(fmt, keep, t) ||
        !format_same_bucket(fmt, keep, original, t))
        fail_msg("%s %u+%u: %s", format_name(fmt), keep.prefix, keep.suffix, token);
    if (format_rank_unmark(fmt, keep, t, &seen, again) != HUFU_OK || seen != generation ||
        !view_equal(view_of(again, t.len), original))
        fail_msg("%s %u+%u: %s is of %u, not %u", format_name(fmt), keep.prefix, keep.suffix, token,
                 seen, generation);
    format_rank_mark(fmt, keep, original, generation + generations, again);
    assert_true(view_equal(view_of(again, t.len), t));
    for (uint32_t g = 0; g < generation; g++) {
        format_rank_mark(fmt, keep, original, g, again);
        assert_false(view_equal(view_of(again, t.len), t));
    }
}

/* The original of a rank, whose rank is that one again: true where there is one. */
static bool leads_back(const struct format *fmt, struct format_keep keep, struct view like,
                       const struct format_rank *rank, uint8_t out[static FORMAT_VALUE_MAX])
{
    struct format_rank back;
    enum hufu_err err = format_unrank(fmt, keep, like, rank, out);

    if (err == HUFU_RANGE)
        return false;
    if (err != HUFU_OK || format_rank(fmt, keep, view_of(out, like.len), &back) != HUFU_OK ||
        !same_rank(rank, &back))
        fail_msg("%s %u+%u: %.*s", format_name(fmt), keep.prefix, keep.suffix, (int)like.len, out);
    return true;
}

/* And is in the bucket. */
static bool check_rank(const struct format *fmt, struct format_keep keep, struct view like,
                       const struct format_rank *rank, uint8_t out[static FORMAT_VALUE_MAX])
{
    if (!leads_back(fmt, keep, like, rank, out))
        return false;
    if (!format_same_bucket(fmt, keep, like, view_of(out, like.len)))
        fail_msg("%s %u+%u: %.*s", format_name(fmt), keep.prefix, keep.suffix, (int)like.len, out);
    return true;
}

#endif
