#include <string.h>

#include "vault/format/format_build.h"

static enum hufu_err fail(struct format_build *b, const char *why)
{
    return format_fault_at(b->fault, b->line, why);
}

/* "0-9 A-H J" into the alphabet. */
static enum hufu_err scan_symbols(struct format_build *b, struct format_scan *s, uint8_t bit,
                                  struct format_alphabet *out)
{
    static const char why[] = "symbols are digits, capital letters and ranges: 0-9 A-H J";

    while (!format_scan_end(s)) {
        struct view low = format_scan_symbols(s), high = low;

        if (format_scan_is(s, '-'))
            high = format_scan_symbols(s);
        if (low.len == 0 || high.len == 0 ||
            (!view_equal(low, high) && (low.len > 1 || high.len > 1 || low.p[0] > high.p[0] ||
                                        (low.p[0] <= '9') != (high.p[0] <= '9'))))
            return fail(b, why);
        if (view_equal(low, high)) {
            for (size_t i = 0; i < low.len; i++)
                b->fmt->bits[low.p[i]] |= bit;
            continue;
        }
        for (unsigned c = low.p[0]; c <= high.p[0]; c++)
            b->fmt->bits[c] |= bit;
    }
    for (unsigned c = '0'; c <= 'Z'; c++)
        if ((b->fmt->bits[c] & bit) != 0)
            out->symbols[out->size++] = (char)c;
    return out->size >= 2 ? HUFU_OK : fail(b, "an alphabet has two symbols at least");
}

enum hufu_err format_alphabet_fetch(struct format_build *b, struct view name, uint8_t *bit_out)
{
    const struct format_section *section = format_build_find(b, "alphabet", name);
    struct format *fmt = b->fmt;
    const struct format_entry *e;
    struct format_scan s;
    unsigned line = b->line;
    enum hufu_err err;

    for (size_t i = 0; i < fmt->alphabets_count; i++) {
        if (!view_is(name, fmt->alphabets[i].name))
            continue;
        *bit_out = (uint8_t)(FORMAT_IS_OWN << i);
        return HUFU_OK;
    }
    if (section == NULL)
        return fail(b, "there is no [alphabet] of that name");
    if (fmt->alphabets_count == FORMAT_ALPHABETS_MAX)
        return fail(b, "a layout has 4 alphabets of its own at most");
    e = &b->file->entries[section->first];
    b->line = section->line;
    if (section->count != 1 || !view_is(e->key, "symbols"))
        return fail(b, "an alphabet has the one key symbols");
    b->line = e->line;
    *bit_out = (uint8_t)(FORMAT_IS_OWN << fmt->alphabets_count);
    memcpy(fmt->alphabets[fmt->alphabets_count].name, name.p, name.len);
    s = format_scan_of(e->value);
    err = scan_symbols(b, &s, *bit_out, &fmt->alphabets[fmt->alphabets_count]);
    if (err != HUFU_OK)
        return err;
    fmt->alphabets_count++;
    b->line = line;
    return HUFU_OK;
}

void format_alphabet_print(const struct format *fmt, struct buf *out)
{
    for (size_t i = 0; i < fmt->alphabets_count; i++) {
        buf_str(out, "\n[alphabet ");
        buf_str(out, fmt->alphabets[i].name);
        buf_str(out, "]\nsymbols = ");
        buf_str(out, fmt->alphabets[i].symbols);
        buf_u8(out, '\n');
    }
}
