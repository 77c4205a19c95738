/* mark = token-bin: tokens are card numbers with a right check, within BINs that no original has.
 */
#include "vault/format/format_bin.h"

#include "vault/format/format_build.h"

#define LEAD_MAX 19 /* digits that are numbered: 10^19 fits 64 bits */

static enum hufu_err fail(struct format_build *b, const char *why)
{
    return format_fault_at(b->fault, b->line, why);
}

enum hufu_err format_bin_scan(struct format_build *b, struct format_scan *s)
{
    const char *why = NULL;

    if (b->fmt->mark != FORMAT_TOKEN_BIN)
        return fail(b, "the key token_bins needs mark = token-bin");
    if (bins_parse(view_of(s->p, (size_t)(s->end - s->p)), &b->fmt->bins, &why) != HUFU_OK)
        return fail(b, why);
    s->p = s->end;
    return HUFU_OK;
}

/* Capacity and draw rely on these rules. */
enum hufu_err format_bin_judge(struct format_build *b)
{
    const struct format *fmt = b->fmt;

    if (!fmt->is_card || !fmt->is_plain)
        return fail(b, "token-bin is for layouts of digits that end with check(luhn)");
    if (fmt->bins.count == 0)
        return fail(b, "mark = token-bin needs the key token_bins, with one BIN at least");
    if (bins_count(&fmt->bins, BINS_DIGITS_MAX) == BINS_ALL)
        return fail(b, "token_bins must leave some BINs to originals");
    if (fmt->keep_prefix_max > 0)
        return fail(b, "a token begins with its BIN: token-bin needs keep_prefix_max = 0");
    /* Between the BIN and what stays one digit makes the check right; without a suffix, itself. */
    if (bins_digits(&fmt->bins) + 1 + fmt->keep_suffix_max > fmt->len_min)
        return fail(b, "the shortest value has no room for a token BIN, what stays and one digit "
                       "more");
    return HUFU_OK;
}

void format_bin_print(const struct format *fmt, struct buf *out)
{
    buf_str(out, "token-bin\ntoken_bins = ");
    bins_print(&fmt->bins, out);
    buf_u8(out, '\n');
}

/* The digit that makes the check right: the last hidden one. */
static size_t settler(const struct format_shape *shape, struct format_keep keep)
{
    return (size_t)shape->len - keep.suffix - 1;
}

/* Stays at UINT64_MAX once there. */
static uint64_t times_tens(uint64_t n, size_t tens)
{
    for (; tens > 0; tens--)
        if (__builtin_mul_overflow(n, 10, &n))
            return UINT64_MAX;
    return n;
}

/* How many digits BINs are counted in: no more than stand before the settler. */
static unsigned lead_of(size_t settler_at)
{
    return settler_at < BINS_DIGITS_MAX ? (unsigned)settler_at : BINS_DIGITS_MAX;
}

uint64_t format_bin_tokens(const struct format *fmt, const struct format_shape *shape,
                           struct format_keep keep)
{
    size_t at = settler(shape, keep);
    unsigned lead = lead_of(at);

    return times_tens(bins_count(&fmt->bins, lead), at - lead);
}

uint64_t format_bin_originals(const struct format *fmt, const struct format_shape *shape,
                              struct format_keep keep)
{
    size_t at = settler(shape, keep);
    unsigned lead = lead_of(at);

    return times_tens(times_tens(1, lead) - bins_count(&fmt->bins, lead), at - lead);
}

/* The last digits of a number, from one place to another. */
static void digits_put(uint64_t n, size_t from, size_t to, uint8_t *token)
{
    for (; to > from; n /= 10)
        token[--to] = (uint8_t)('0' + n % 10);
}

static void settle(const struct format_shape *shape, size_t at, uint8_t *token)
{
    for (token[at] = '0'; token[at] < '9' && !check_luhn(token, shape->len); token[at]++)
        continue; /* one of ten digits holds */
}

void format_bin_fill(const struct format *fmt, const struct format_shape *shape,
                     struct format_keep keep, uint64_t n, uint8_t *token)
{
    size_t at = settler(shape, keep);
    unsigned lead = lead_of(at);
    size_t end = at < LEAD_MAX ? at : LEAD_MAX;
    uint64_t rest = times_tens(1, end - lead);

    digits_put(bins_nth(&fmt->bins, lead, (uint32_t)(n / rest)), 0, lead, token);
    digits_put(n % rest, lead, end, token);
    settle(shape, at, token);
}

enum hufu_err format_bin_draw(const struct format *fmt, const struct format_shape *shape,
                              struct format_keep keep, struct draw *draw, uint8_t *token)
{
    size_t at = settler(shape, keep);
    unsigned lead = lead_of(at);
    size_t end = at < LEAD_MAX ? at : LEAD_MAX;
    uint64_t n;
    enum hufu_err err = HUFU_OK;

    for (size_t k = LEAD_MAX; err == HUFU_OK && k < at; k++) { /* of formats longer than cards */
        err = draw_below(draw, 10, &n);
        if (err == HUFU_OK)
            token[k] = (uint8_t)('0' + n);
    }
    if (err == HUFU_OK)
        err = draw_below(draw, times_tens(bins_count(&fmt->bins, lead), end - lead), &n);
    if (err == HUFU_OK)
        format_bin_fill(fmt, shape, keep, n, token);
    return err;
}

bool format_is_card(const struct format *fmt)
{
    return fmt->is_card;
}

const struct bins *format_bins(const struct format *fmt)
{
    return fmt->mark == FORMAT_TOKEN_BIN ? &fmt->bins : NULL;
}

/* Through the text: so that it is judged as any definition is. */
enum hufu_err format_with_bins(const struct format *fmt, const struct bins *bins,
                               struct format **out)
{
    struct format changed = *fmt; /* borrows; printed, never freed */
    struct buf text;
    enum hufu_err err;

    if (!fmt->is_card)
        return HUFU_UNSUPPORTED_MODE;
    changed.mark = FORMAT_TOKEN_BIN;
    changed.bins = *bins;
    changed.keep_prefix_max = 0;
    buf_init(&text, FORMAT_TEXT_MAX);
    format_print(&changed, &text);
    err = buf_check(&text);
    if (err == HUFU_OK)
        err = format_parse(buf_view(&text), out, NULL, 0);
    buf_done(&text);
    return err == HUFU_OK || err == HUFU_NOMEM ? err : HUFU_UNSUPPORTED_MODE;
}
