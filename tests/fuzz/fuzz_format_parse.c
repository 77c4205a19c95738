/*
 * Definitions: what is accepted prints to a text that is accepted and prints the same, and its
 * tokens are never originals; what is refused says why and leaves out alone.
 */
#include <assert.h>
#include <string.h>

#include "vault/format/format_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len);

static void check_round_trip(const struct format *fmt)
{
    struct format *again = NULL;
    struct buf one, two;

    buf_init(&one, FORMAT_TEXT_MAX);
    buf_init(&two, FORMAT_TEXT_MAX);
    format_print(fmt, &one);
    assert(buf_check(&one) == HUFU_OK);
    assert(format_parse(buf_view(&one), &again, NULL, 0) == HUFU_OK);
    format_print(again, &two);
    assert(view_equal(buf_view(&one), buf_view(&two)));
    format_free(again);
    buf_done(&one);
    buf_done(&two);
}

/* What is drawn is a token; no tokens, no draw. */
static void check_draw(const struct format *fmt, struct view value, const struct format_capacity *c)
{
    struct format_keep keep = { 0, 0 };
    uint8_t token[FORMAT_VALUE_MAX];
    static struct draw draw;
    enum hufu_err err;

    if (draw.ops == NULL)
        draw_init(&draw, &entropy_system);
    if (c->tokens > 0 && c->tokens < 1000) /* may take all the tries there are: not here */
        return;
    if (format_check(fmt, value) != HUFU_OK)
        return;
    err = format_draw(fmt, keep, value, &draw, token);
    if (err == HUFU_OK)
        assert(format_is_token(fmt, keep, view_of(token, value.len)));
    else
        assert(err == HUFU_EXHAUSTED);
}

/* Digits of some kind in each length: nothing is both, and the limits hold. */
static void check_verdicts(const struct format *fmt, uint8_t seed)
{
    struct format_keep keep = { 0, 0 };
    uint8_t value[FORMAT_VALUE_MAX];

    assert(format_len_min(fmt) >= 1 && format_len_max(fmt) <= FORMAT_VALUE_MAX);
    assert(format_keep_check(fmt, keep) == HUFU_OK);
    for (size_t len = format_len_min(fmt); len <= format_len_max(fmt); len++) {
        struct format_capacity c;
        size_t kind;

        for (size_t i = 0; i < len; i++)
            value[i] = (uint8_t)('0' + (seed + i * 7) % 10);
        assert(!format_is_marked(fmt) || !(format_check(fmt, view_of(value, len)) == HUFU_OK &&
                                           format_is_token(fmt, keep, view_of(value, len))));
        kind = format_kind(fmt, view_of(value, len));
        if (kind == format_kind_count(fmt))
            continue;
        format_capacity(fmt, keep, kind, &c);
        assert(c.len == len);
        check_draw(fmt, view_of(value, len), &c);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len)
{
    struct format *fmt = NULL;
    struct format_set *set = NULL;
    char err_text[FORMAT_ERR_MAX] = "";
    enum hufu_err err = format_parse(view_of(in, in_len), &fmt, err_text, sizeof(err_text));

    if (err == HUFU_OK) {
        check_round_trip(fmt);
        check_verdicts(fmt, in[in_len / 2]);
    } else {
        assert(fmt == NULL && (err == HUFU_SYNTAX || err == HUFU_RANGE));
        assert(strlen(err_text) > 0 && strlen(err_text) < FORMAT_ERR_MAX - 1);
    }
    /* A file has to hold rules that a domain's copy need not, never the other way round. */
    if (format_set_parse(view_of(in, in_len), &set, NULL, 0) == HUFU_OK)
        assert(format_set_count(set) >= 1 && (format_set_count(set) > 1 || err == HUFU_OK));
    format_set_free(set);
    format_free(fmt);
    return 0;
}
