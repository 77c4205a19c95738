/*
 * Values: whatever comes in, canonical form is stable and of the format's alphabet, no string is
 * both an original and a token where tokens are marked, and a drawn token is a token, in its
 * bucket, and masked, for each viewer within the widest mask.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vault/format/format_bin.h"
#include "vault/format/format_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len);

static struct format_set *set;
static struct format *network; /* pan with token BINs */
static struct draw draw;

static void start(void)
{
    const struct format *pan;
    struct bins bins;

    if (set != NULL)
        return;
    if (format_set_load("conf/formats.conf", &set, NULL, 0) != HUFU_OK)
        abort();
    if (bins_parse(view_str("999000-999099, 99912345"), &bins, NULL) != HUFU_OK ||
        format_set_find(set, view_str("pan"), &pan) != HUFU_OK ||
        format_with_bins(pan, &bins, &network) != HUFU_OK)
        abort();
    draw_init(&draw, &entropy_system);
}

static void check_canonical(const struct format *fmt, struct view value)
{
    uint8_t again[FORMAT_VALUE_MAX];
    uint8_t spaced[2 * FORMAT_VALUE_MAX];
    uint8_t mem[FORMAT_VALUE_MAX];
    struct buf mask;
    size_t len;

    assert(value.len >= format_len_min(fmt) && value.len <= format_len_max(fmt));
    for (size_t i = 0; i < value.len; i++) /* mail addresses: printing ASCII without capitals */
        assert(format_keeps_length(fmt) ? (value.p[i] >= '0' && value.p[i] <= '9') ||
                                              (value.p[i] >= 'A' && value.p[i] <= 'Z')
                                        : value.p[i] > ' ' && value.p[i] < 0x7f &&
                                              (value.p[i] < 'A' || value.p[i] > 'Z'));
    assert(format_canon(fmt, value, again, &len) == HUFU_OK);
    assert(view_equal(view_of(again, len), value));
    for (size_t i = 0; i < value.len; i++) { /* a separator between any two, where there is one */
        spaced[2 * i] = value.p[i];
        spaced[2 * i + 1] = ' ';
    }
    if (format_canon(fmt, view_of(spaced, 2 * value.len - 1), again, &len) == HUFU_OK)
        assert(view_equal(view_of(again, len), value));
    assert(format_canon(fmt, view_of(spaced, 2 * value.len), again, &len) != HUFU_OK);
    for (unsigned viewer = 0; viewer < FORMAT_VIEWERS; viewer++) {
        buf_fixed(&mask, mem, sizeof(mem));
        format_mask_for(fmt, (enum format_viewer)viewer, value, &mask);
        assert(buf_check(&mask) == HUFU_OK && mask.len == value.len);
        assert(memchr(mask.p, '*', mask.len) != NULL);
        for (size_t i = 0; i < mask.len; i++) /* the built in operators' masks are the widest */
            assert(mask.p[i] == '*' || (mask.p[i] == value.p[i] &&
                                        format_mask_shows(fmt, FORMAT_FOR_OPERATOR, i, value.len)));
        buf_done(&mask);
    }
}

static void check_token(const struct format *fmt, struct format_keep keep, struct view original)
{
    uint8_t text[FORMAT_TOKEN_MAX];
    struct view token = { text, 0 };
    uint8_t mem[2][80];
    struct buf home, there;

    assert(format_draw_any(fmt, keep, original, &draw, text, &token.len) == HUFU_OK);
    assert(token.len <= FORMAT_TOKEN_MAX);
    assert(!format_keeps_length(fmt) || token.len == original.len);
    assert(format_is_token(fmt, keep, token));
    assert(!view_equal(token, original));
    assert(!format_is_marked(fmt) || format_check(fmt, token) == HUFU_INVALID_VALUE);
    assert(format_kind(fmt, original) == format_kind(fmt, token));
    buf_fixed(&home, mem[0], sizeof(mem[0]));
    buf_fixed(&there, mem[1], sizeof(mem[1]));
    format_bucket(fmt, keep, original, &home);
    format_bucket(fmt, keep, token, &there);
    assert(buf_check(&home) == HUFU_OK && view_equal(buf_view(&home), buf_view(&there)));
    buf_done(&home);
    buf_done(&there);
}

/* Free text that is nothing but the value is refused, where the format has a check. */
static void check_found(const struct format *fmt, struct view original)
{
    struct format_run run = { .len = original.len };

    memcpy(run.c, original.p, original.len);
    assert(!format_has_check(fmt) || format_run_holds(set, &run));
}

static void check_format(const struct format *fmt, struct format_keep keep, struct view value)
{
    uint8_t out[FORMAT_VALUE_MAX];
    struct view canonical = { out, 0 };
    enum format_verdict verdict;

    /* Text that no canon has seen is safe too. */
    (void)format_judge(fmt, (struct format_keep){ 0, 0 }, value);
    if (format_canon(fmt, value, out, &canonical.len) != HUFU_OK)
        return;
    check_canonical(fmt, canonical);
    if (format_keep_check(fmt, keep) != HUFU_OK)
        return;
    verdict = format_judge(fmt, keep, canonical);
    assert((verdict == FORMAT_ORIGINAL) == (format_check(fmt, canonical) == HUFU_OK));
    assert((verdict == (format_is_marked(fmt) ? FORMAT_TOKEN_SHAPE : FORMAT_ORIGINAL)) ==
           format_is_token(fmt, keep, canonical));
    assert(verdict == FORMAT_NEITHER || format_kind(fmt, canonical) < format_kind_count(fmt));
    if (verdict != FORMAT_ORIGINAL)
        return;
    check_found(fmt, canonical);
    check_token(fmt, keep, canonical);
}

/* in: prefix, suffix, value. */
int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len)
{
    struct format_keep keep;
    struct view value;

    start();
    if (in_len < 2)
        return 0;
    keep = (struct format_keep){ in[0] % 10, in[1] % 6 };
    value = view_of(in + 2, in_len - 2);
    for (size_t i = 0; i < format_set_count(set); i++)
        check_format(format_set_at(set, i), keep, value);
    check_format(network, keep, value);
    return 0;
}
