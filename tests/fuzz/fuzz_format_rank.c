/*
 * Ranks: an original's rank leads back to it, and any symbols lead to an original of the bucket
 * with that very rank, or to none; its token of any generation is a token and leads back; whatever
 * unmark takes, mark gives back.
 *
 * in: prefix, suffix, generation, count of symbol bytes, those, value.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vault/format/format_rank.h"
#include "vault/format/format_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len);

#define FORMATS 64

static struct format_set *set;

static void start(void)
{
    if (set != NULL)
        return;
    if (format_set_load("conf/formats.conf", &set, NULL, 0) != HUFU_OK ||
        format_set_count(set) > FORMATS)
        abort();
}

static bool is_alike(const uint8_t *a, const uint8_t *b, size_t len)
{
    return view_equal(view_of(a, len), view_of(b, len));
}

/* What check says of a domain is asked once for each format and kept parts. */
static uint32_t generations_of(size_t i, struct format_keep keep)
{
    static uint32_t known[FORMATS][10][6]; /* one more; 0: not asked yet */
    uint32_t *n = &known[i][keep.prefix][keep.suffix];
    uint32_t generations = 0;

    if (*n == 0 && format_rank_check(format_set_at(set, i), keep, &generations) != HUFU_OK)
        generations = 0;
    if (*n == 0)
        *n = generations + 1;
    return *n - 1;
}

static void check_token(const struct format *fmt, struct format_keep keep, struct view original,
                        uint32_t generation, uint32_t generations)
{
    uint8_t token[FORMAT_VALUE_MAX], back[FORMAT_VALUE_MAX];
    uint32_t seen;

    format_rank_mark(fmt, keep, original, generation, token);
    assert(format_judge(fmt, keep, view_of(token, original.len)) == FORMAT_TOKEN_SHAPE);
    assert(format_check(fmt, view_of(token, original.len)) == HUFU_INVALID_VALUE);
    assert(format_rank_unmark(fmt, keep, view_of(token, original.len), &seen, back) == HUFU_OK);
    assert(seen == generation % generations && is_alike(back, original.p, original.len));
}

static void check_original(const struct format *fmt, struct format_keep keep, struct view original,
                           struct view bytes, uint32_t generations)
{
    struct format_rank rank, again;
    uint8_t back[FORMAT_VALUE_MAX];
    enum hufu_err err;

    assert(format_rank(fmt, keep, original, &rank) == HUFU_OK);
    assert(rank.len >= 2 && rank.len <= FORMAT_RANK_MAX && rank.radix >= 2 && rank.radix <= 65536);
    for (size_t i = 0; i < rank.len; i++)
        assert(rank.symbol[i] < rank.radix);
    assert(format_unrank(fmt, keep, original, &rank, back) == HUFU_OK);
    assert(is_alike(back, original.p, original.len));
    for (size_t i = 0; i < rank.len && 2 * i + 1 < bytes.len; i++) /* others, in part or all */
        rank.symbol[i] = (uint16_t)((bytes.p[2 * i] * 256u + bytes.p[2 * i + 1]) % rank.radix);
    err = format_unrank(fmt, keep, original, &rank, back);
    assert(err == HUFU_OK || err == HUFU_RANGE);
    if (err != HUFU_OK)
        return;
    assert(format_rank(fmt, keep, view_of(back, original.len), &again) == HUFU_OK);
    assert(again.len == rank.len && again.radix == rank.radix);
    for (size_t i = 0; i < rank.len; i++)
        assert(again.symbol[i] == rank.symbol[i]);
    assert(format_same_bucket(fmt, keep, original, view_of(back, original.len)));
    check_token(fmt, keep, view_of(back, original.len), generations / 2, generations);
}

/* Any bytes: what is taken for a token is the token of what comes back. */
static void check_unmark(const struct format *fmt, struct format_keep keep, struct view value,
                         uint32_t generations)
{
    uint8_t back[FORMAT_VALUE_MAX], again[FORMAT_VALUE_MAX];
    uint32_t generation = 4711;
    enum hufu_err err = format_rank_unmark(fmt, keep, value, &generation, back);

    assert(err == HUFU_OK || (err == HUFU_NOT_TOKEN && generation == 4711));
    if (err != HUFU_OK)
        return;
    assert(generation < generations && format_is_token(fmt, keep, value));
    assert(format_check(fmt, view_of(back, value.len)) == HUFU_OK);
    format_rank_mark(fmt, keep, view_of(back, value.len), generation, again);
    assert(is_alike(again, value.p, value.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len)
{
    struct format_keep keep;
    struct view value, bytes;
    size_t count;

    start();
    if (in_len < 4)
        return 0;
    keep = (struct format_keep){ in[0] % 10, in[1] % 6 };
    count = in[3] < in_len - 4 ? in[3] : in_len - 4;
    bytes = view_of(in + 4, count);
    value = view_of(in + 4 + count, in_len - 4 - count);
    for (size_t i = 0; i < format_set_count(set); i++) {
        const struct format *fmt = format_set_at(set, i);
        uint8_t out[FORMAT_VALUE_MAX];
        struct view canonical = { out, 0 };
        uint32_t generations;

        if (format_keep_check(fmt, keep) != HUFU_OK)
            continue;
        generations = generations_of(i, keep);
        if (generations == 0)
            continue;
        check_unmark(fmt, keep, value, generations);
        if (format_canon(fmt, value, out, &canonical.len) != HUFU_OK)
            continue;
        check_unmark(fmt, keep, canonical, generations);
        if (format_check(fmt, canonical) != HUFU_OK)
            continue;
        check_original(fmt, keep, canonical, bytes, generations);
        check_token(fmt, keep, canonical, in[2], generations);
    }
    return 0;
}
