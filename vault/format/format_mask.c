#include "vault/format/format_build.h"

static const char *const keys[FORMAT_VIEWERS] = { "mask", "mask_approver", "mask_auditor",
                                                  "mask_partner" };

static enum hufu_err fail(struct format_build *b, const char *why)
{
    return format_fault_at(b->fault, b->line, why);
}

/* "6+4" */
enum hufu_err format_mask_scan(struct format_build *b, struct format_scan *s,
                               enum format_viewer viewer)
{
    unsigned prefix, suffix;

    if (!format_scan_number(s, FORMAT_PLACES_MAX, &prefix) || !format_scan_is(s, '+') ||
        !format_scan_number(s, FORMAT_PLACES_MAX, &suffix))
        return fail(b, "a mask is what it shows: 6+4, 64 at most");
    b->fmt->mask[viewer] = (struct format_mask_ends){ (uint8_t)prefix, (uint8_t)suffix, true };
    b->mask_line[viewer] = b->line;
    return HUFU_OK;
}

/* C20: no two people learn more from their masks together than from the widest one. */
enum hufu_err format_mask_judge(struct format_build *b)
{
    const struct format *fmt = b->fmt;
    const struct format_mask_ends *widest = &fmt->mask[0];

    for (size_t i = 0; i < FORMAT_VIEWERS; i++) {
        const struct format_mask_ends *m = &fmt->mask[i];

        if (m->prefix + m->suffix > widest->prefix + widest->suffix)
            widest = m;
        b->line = m->is_given && i > 0 ? b->mask_line[i] : b->section->line;
        if (m->prefix + m->suffix >= fmt->len_min)
            return fail(b, "the mask shows all of the shortest value");
    }
    for (size_t i = 0; i < FORMAT_VIEWERS; i++) {
        if (fmt->mask[i].prefix <= widest->prefix && fmt->mask[i].suffix <= widest->suffix)
            continue;
        b->line = b->mask_line[i];
        return fail(b, "masks are nested: each shows only what the widest of them shows");
    }
    return HUFU_OK;
}

void format_mask_print(const struct format *fmt, struct buf *out)
{
    for (size_t i = 0; i < FORMAT_VIEWERS; i++) {
        if (!fmt->mask[i].is_given)
            continue;
        buf_str(out, keys[i]);
        buf_str(out, " = ");
        buf_dec(out, fmt->mask[i].prefix);
        buf_u8(out, '+');
        buf_dec(out, fmt->mask[i].suffix);
        buf_u8(out, '\n');
    }
}

bool format_mask_shows(const struct format *fmt, enum format_viewer viewer, size_t at, size_t len)
{
    const struct format_mask_ends *m = &fmt->mask[viewer];

    return len >= fmt->len_min && at < len && (at < m->prefix || at + m->suffix >= len);
}

void format_mask_for(const struct format *fmt, enum format_viewer viewer, struct view canonical,
                     struct buf *out)
{
    for (size_t i = 0; i < canonical.len; i++)
        buf_u8(out, format_mask_shows(fmt, viewer, i, canonical.len) ? canonical.p[i] : '*');
}
