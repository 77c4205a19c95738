#include <stdlib.h>

#include "vault/format/format_build.h"

void format_free(struct format *fmt)
{
    if (fmt == NULL)
        return;
    for (size_t i = 0; i < fmt->pool_count; i++)
        free(fmt->pool[i].bits);
    free(fmt->pool);
    free(fmt->shapes);
    free(fmt);
}

/* The one [format ...] section, or NULL with fault. */
static const struct format_section *format_only(const struct format_file *file,
                                                struct format_fault *fault)
{
    const struct format_section *found = NULL;

    for (size_t i = 0; i < file->sections_count; i++) {
        if (!view_is(file->sections[i].kind, "format"))
            continue;
        if (found != NULL) {
            (void)format_fault_at(fault, file->sections[i].line, "a second format");
            return NULL;
        }
        found = &file->sections[i];
    }
    if (found == NULL)
        (void)format_fault_at(fault, 1, "no format");
    return found;
}

static enum hufu_err parse_file(const struct format_file *file, struct format **out,
                                struct format_fault *fault)
{
    const struct format_section *section = format_only(file, fault);
    struct format *fmt = NULL;
    bool *used = NULL;
    enum hufu_err err = HUFU_SYNTAX;

    if (section == NULL)
        goto out;
    used = calloc(file->sections_count, sizeof(*used));
    err = used == NULL ? HUFU_NOMEM : format_build(file, section, false, used, &fmt, fault);
    if (err == HUFU_OK)
        err = format_build_rest(file, used, fault);
    if (err != HUFU_OK)
        goto out;
    *out = fmt;
    fmt = NULL;
out:
    free(used);
    format_free(fmt);
    return err;
}

enum hufu_err format_parse(struct view text, struct format **out, char *err_text,
                           size_t err_text_len)
{
    struct format_fault fault = { 0 };
    struct format_file file = { 0 };
    enum hufu_err err = HUFU_RANGE;

    if (text.len <= FORMAT_TEXT_MAX)
        err = format_lex(text, &file, &fault);
    if (err == HUFU_OK)
        err = parse_file(&file, out, &fault);
    format_lex_done(&file);
    if (err != HUFU_OK)
        format_fault_print(&fault, err, err_text, err_text_len);
    return err;
}

/* Prints the sets of the layout, in its order. */
static void print_sets(const struct format *fmt, struct buf *out)
{
    for (size_t i = 0; i < fmt->parts_count; i++) {
        const struct format_values *values;

        if (fmt->parts[i].kind != FORMAT_SET)
            continue;
        values = &fmt->pool[fmt->parts[i].values];
        buf_str(out, "\n[set ");
        buf_str(out, values->name);
        buf_str(out, "]\nvalues = ");
        format_values_print(values, out);
        buf_u8(out, '\n');
    }
}

static void print_separators(const struct format *fmt, struct buf *out)
{
    bool any = false;

    buf_str(out, "\nseparators =");
    for (size_t i = 0; i < FORMAT_SEPARATORS; i++) {
        if (fmt->canon[format_separators[i].c] == 0)
            continue;
        buf_u8(out, ' ');
        buf_str(out, format_separators[i].name);
        any = true;
    }
    if (!any)
        buf_str(out, " none");
}

static void print_old(const struct format *fmt, struct buf *out)
{
    if (fmt->old_text[0] == '\0')
        return;
    buf_str(out, "\nold_form = insert(");
    buf_str(out, fmt->old_text);
    buf_str(out, ", ");
    buf_dec(out, fmt->old_at);
    buf_u8(out, ')');
}

static void print_in_text(const struct format *fmt, struct buf *out)
{
    static const char *const words[] = { NULL, "anywhere", "whole", "no" };

    if (fmt->in_text == FORMAT_TEXT_BY_RULE)
        return;
    buf_str(out, "in_text = ");
    buf_str(out, words[fmt->in_text]);
    buf_u8(out, '\n');
}

void format_print(const struct format *fmt, struct buf *out)
{
    buf_str(out, "[format ");
    buf_str(out, fmt->name);
    buf_str(out, "]\nclass = ");
    buf_str(out, fmt->class == FORMAT_C1 ? "C1" : "C2");
    buf_str(out, "\nsource = ");
    buf_str(out, fmt->source);
    buf_str(out, "\nlayout = ");
    format_layout_print(fmt, out);
    print_old(fmt, out);
    print_separators(fmt, out);
    buf_str(out, "\nkeep_prefix_max = ");
    buf_dec(out, fmt->keep_prefix_max);
    buf_str(out, "\nkeep_suffix_max = ");
    buf_dec(out, fmt->keep_suffix_max);
    buf_str(out, "\nhidden_min = ");
    buf_dec(out, fmt->hidden_min);
    buf_u8(out, '\n');
    format_mask_print(fmt, out);
    format_mark_print(fmt, out);
    print_in_text(fmt, out);
    print_sets(fmt, out);
    format_alphabet_print(fmt, out);
    format_country_print(fmt, out);
}
