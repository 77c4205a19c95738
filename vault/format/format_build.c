#include "vault/format/format_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct format_separator format_separators[FORMAT_SEPARATORS] = {
    { "space", ' ' },
    { "dash", '-' },
    { "dot", '.' },
    { "slash", '/' },
};

static enum hufu_err fail(struct format_build *b, const char *why)
{
    return format_fault_at(b->fault, b->line, why);
}

const struct format_section *format_build_find(struct format_build *b, const char *kind,
                                               struct view name)
{
    for (size_t i = 0; i < b->file->sections_count; i++) {
        const struct format_section *s = &b->file->sections[i];

        if (!view_is(s->kind, kind) || !view_equal(s->name, name))
            continue;
        b->used[i] = true;
        return s;
    }
    return NULL;
}

struct format_values *format_build_values(struct format_build *b)
{
    if (b->fmt->pool_count == FORMAT_POOL_MAX)
        return NULL;
    return &b->fmt->pool[b->fmt->pool_count++];
}

static enum hufu_err scan_class(struct format_build *b, struct format_scan *s)
{
    if (!format_scan_is(s, 'C'))
        return fail(b, "a class is C1 or C2");
    if (format_scan_is(s, '3'))
        return fail(b, "data of class C3 may not be stored, so it has no format");
    if (format_scan_is(s, '1'))
        b->fmt->class = FORMAT_C1;
    else if (format_scan_is(s, '2'))
        b->fmt->class = FORMAT_C2;
    else
        return fail(b, "a class is C1 or C2");
    return HUFU_OK;
}

static enum hufu_err scan_source(struct format_build *b, struct format_scan *s)
{
    size_t len;

    (void)format_scan_end(s);
    len = (size_t)(s->end - s->p);
    if (len == 0 || len > FORMAT_SOURCE_MAX)
        return fail(b, "a source is 1 to 120 characters");
    for (size_t i = 0; i < len; i++)
        if (s->p[i] < 0x20)
            return fail(b, "a source is one line without tabs");
    memcpy(b->fmt->source, s->p, len);
    s->p = s->end;
    return HUFU_OK;
}

/* What each input byte becomes: the characters of any place, letters in either case. */
static void canon_fill(struct format *fmt)
{
    uint8_t takes = 0;

    for (size_t i = 0; i < fmt->shapes_count; i++)
        for (size_t k = 0; k < fmt->shapes[i].len; k++)
            takes |= fmt->shapes[i].takes[k];
    for (unsigned c = '0'; c <= 'Z'; c++) {
        if ((fmt->bits[c] & takes) == 0)
            continue;
        fmt->canon[c] = (uint8_t)c;
        if (c >= 'A')
            fmt->canon[c + 32] = (uint8_t)c;
    }
}

/* "none", or any of "space", "dash", "dot" and "slash" */
static enum hufu_err scan_separators(struct format_build *b, struct format_scan *s)
{
    static const char said[] = "separators are space, dash, dot and slash, each once, or none";
    struct view word = format_scan_word(s);

    canon_fill(b->fmt);
    if (view_is(word, "none"))
        return HUFU_OK;
    if (b->fmt->is_email)
        return fail(b, "a mail address has no separators: separators = none");
    for (; word.len > 0; word = format_scan_word(s)) {
        size_t i = 0;

        while (i < FORMAT_SEPARATORS && !view_is(word, format_separators[i].name))
            i++;
        if (i == FORMAT_SEPARATORS || b->fmt->canon[format_separators[i].c] != 0)
            return fail(b, said);
        b->fmt->canon[format_separators[i].c] = FORMAT_NONE;
    }
    return format_scan_end(s) ? HUFU_OK : fail(b, said);
}

static enum hufu_err scan_u8(struct format_build *b, struct format_scan *s, uint8_t *out)
{
    unsigned n;

    if (!format_scan_number(s, FORMAT_PLACES_MAX, &n))
        return fail(b, "a number of 0 to 64 is needed");
    *out = (uint8_t)n;
    return HUFU_OK;
}

static enum hufu_err scan_prefix(struct format_build *b, struct format_scan *s)
{
    return scan_u8(b, s, &b->fmt->keep_prefix_max);
}

static enum hufu_err scan_suffix(struct format_build *b, struct format_scan *s)
{
    return scan_u8(b, s, &b->fmt->keep_suffix_max);
}

static enum hufu_err scan_hidden(struct format_build *b, struct format_scan *s)
{
    return scan_u8(b, s, &b->fmt->hidden_min);
}

static enum hufu_err scan_mask(struct format_build *b, struct format_scan *s)
{
    return format_mask_scan(b, s, FORMAT_FOR_OPERATOR);
}

static enum hufu_err scan_mask_approver(struct format_build *b, struct format_scan *s)
{
    return format_mask_scan(b, s, FORMAT_FOR_APPROVER);
}

static enum hufu_err scan_mask_auditor(struct format_build *b, struct format_scan *s)
{
    return format_mask_scan(b, s, FORMAT_FOR_AUDITOR);
}

static enum hufu_err scan_mask_partner(struct format_build *b, struct format_scan *s)
{
    return format_mask_scan(b, s, FORMAT_FOR_PARTNER);
}

static enum hufu_err scan_in_text(struct format_build *b, struct format_scan *s)
{
    struct view word = format_scan_word(s);

    if (view_is(word, "anywhere"))
        b->fmt->in_text = FORMAT_TEXT_ANYWHERE;
    else if (view_is(word, "whole"))
        b->fmt->in_text = FORMAT_TEXT_WHOLE;
    else if (view_is(word, "no"))
        b->fmt->in_text = FORMAT_TEXT_NO;
    else
        return fail(b, "in_text is anywhere, whole or no");
    if (b->fmt->in_text == FORMAT_TEXT_ANYWHERE && b->fmt->rule == CHECK_NONE)
        return fail(b, "in_text = anywhere is for layouts with a check");
    if (b->fmt->in_text != FORMAT_TEXT_NO && b->fmt->is_email)
        return fail(b, "text is not searched for mail addresses: in_text = no");
    return HUFU_OK;
}

/* In this order, whatever the order in the file: later keys judge what earlier ones have set. */
static const struct {
    const char *name;
    enum hufu_err (*scan)(struct format_build *b, struct format_scan *s);
    const char *missing; /* NULL: may be absent */
} keys[] = {
    { "class", scan_class, "the key class is missing" },
    { "source", scan_source, "the key source is missing" },
    { "layout", format_layout_scan, "the key layout is missing" },
    { "old_form", format_layout_scan_old, NULL },
    { "separators", scan_separators, "the key separators is missing" },
    { "keep_prefix_max", scan_prefix, "the key keep_prefix_max is missing" },
    { "keep_suffix_max", scan_suffix, "the key keep_suffix_max is missing" },
    { "hidden_min", scan_hidden, "the key hidden_min is missing" },
    { "mask", scan_mask, "the key mask is missing" },
    { "mask_approver", scan_mask_approver, NULL },
    { "mask_auditor", scan_mask_auditor, NULL },
    { "mask_partner", scan_mask_partner, NULL },
    { "mark", format_mark_scan, NULL },
    { "token_bins", format_bin_scan, NULL },
    { "marked", format_mark_scan_none, NULL },
    { "unissued", format_mark_scan_patterns, NULL },
    { "in_text", scan_in_text, NULL },
};
#define KEYS_COUNT (sizeof(keys) / sizeof(keys[0]))

static const struct format_entry *entry_find(const struct format_build *b, const char *name)
{
    for (size_t i = 0; i < b->section->count; i++)
        if (view_is(b->file->entries[b->section->first + i].key, name))
            return &b->file->entries[b->section->first + i];
    return NULL;
}

static enum hufu_err keys_check(struct format_build *b)
{
    for (size_t i = 0; i < b->section->count; i++) {
        const struct format_entry *e = &b->file->entries[b->section->first + i];
        size_t k = 0;

        while (k < KEYS_COUNT && !view_is(e->key, keys[k].name))
            k++;
        if (k == KEYS_COUNT)
            return format_fault_at(b->fault, e->line, "a format has no such key");
    }
    return HUFU_OK;
}

static enum hufu_err keys_scan(struct format_build *b)
{
    for (size_t k = 0; k < KEYS_COUNT; k++) {
        const struct format_entry *e = entry_find(b, keys[k].name);
        struct format_scan s;
        enum hufu_err err;

        b->line = e != NULL ? e->line : b->section->line;
        if (e == NULL && keys[k].missing != NULL)
            return fail(b, keys[k].missing);
        if (e == NULL)
            continue;
        s = format_scan_of(e->value);
        err = keys[k].scan(b, &s);
        if (err != HUFU_OK)
            return err;
        if (!format_scan_end(&s))
            return fail(b, "something follows that does not belong here");
    }
    return HUFU_OK;
}

/* What holds between the keys. */
static enum hufu_err limits_judge(struct format_build *b)
{
    const struct format *fmt = b->fmt;
    unsigned rest = (unsigned)fmt->head + fmt->hidden_min;
    enum hufu_err err;

    b->line = b->section->line;
    if (fmt->hidden_min < 1)
        return fail(b, "hidden_min is at least 1");
    if (rest + fmt->keep_prefix_max > fmt->len_min || rest + fmt->keep_suffix_max > fmt->len_min)
        return fail(b, "the shortest value has no room for what stays and hidden_min");
    if (fmt->is_email && (fmt->keep_prefix_max != 0 || fmt->keep_suffix_max != 0))
        return fail(b, "a mail address keeps nothing: keep_prefix_max = 0, keep_suffix_max = 0");
    err = format_mask_judge(b);
    b->line = b->section->line;
    if (err == HUFU_OK)
        err = format_mark_judge(b);
    return err == HUFU_OK ? format_keep_judge(b) : err;
}

/* A printed definition must be small enough to be read again. */
static enum hufu_err size_judge(struct format_build *b)
{
    struct buf text;
    enum hufu_err err;

    buf_init(&text, FORMAT_TEXT_MAX);
    format_print(b->fmt, &text);
    err = buf_check(&text);
    buf_done(&text);
    return err == HUFU_OK ? HUFU_OK : fail(b, "the definition is too long");
}

enum hufu_err format_build(const struct format_file *file, const struct format_section *section,
                           bool is_new, bool *used, struct format **out, struct format_fault *fault)
{
    struct format_build b = { .file = file, .section = section, .used = used, .fault = fault };
    struct format *fmt = calloc(1, sizeof(*fmt));
    enum hufu_err err = HUFU_NOMEM;

    if (fmt == NULL)
        goto out;
    fmt->pool = calloc(FORMAT_POOL_MAX, sizeof(*fmt->pool));
    if (fmt->pool == NULL)
        goto out;
    memcpy(fmt->bits, format_char_bits, sizeof(fmt->bits));
    b.fmt = fmt;
    b.line = section->line;
    used[section - file->sections] = true;
    memcpy(fmt->name, section->name.p, section->name.len);
    err = keys_check(&b);
    if (err == HUFU_OK)
        err = keys_scan(&b);
    if (err == HUFU_OK)
        err = limits_judge(&b);
    if (err == HUFU_OK && is_new)
        err = format_space_judge(&b);
    if (err == HUFU_OK)
        err = size_judge(&b);
    if (err != HUFU_OK)
        goto out;
    *out = fmt;
    fmt = NULL;
out:
    format_free(fmt);
    return err;
}

enum hufu_err format_build_rest(const struct format_file *file, const bool *used,
                                struct format_fault *fault)
{
    for (size_t i = 0; i < file->sections_count; i++) {
        const struct format_section *s = &file->sections[i];

        if (!view_is(s->kind, "format") && !view_is(s->kind, "set") &&
            !view_is(s->kind, "countries") && !view_is(s->kind, "alphabet"))
            return format_fault_at(fault, s->line,
                                   "sections are format, set, alphabet and countries");
        if (!used[i])
            return format_fault_at(fault, s->line, "no format uses this section");
    }
    return HUFU_OK;
}

void format_fault_print(const struct format_fault *fault, enum hufu_err err, char *err_text,
                        size_t err_text_len)
{
    if (err_text == NULL || err_text_len == 0)
        return;
    if (fault->why == NULL)
        (void)snprintf(err_text, err_text_len, "%s", err_title(err));
    else
        (void)snprintf(err_text, err_text_len, "line %u: %s", fault->line, fault->why);
}
