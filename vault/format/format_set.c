#include "vault/format/format_set.h"

#include <stdio.h>
#include <stdlib.h>

#include "vault/format/format_build.h"

struct format_set {
    size_t count;
    struct format *formats[FORMAT_COUNT_MAX];
};

void format_set_free(struct format_set *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->count; i++)
        format_free(set->formats[i]);
    free(set);
}

static enum hufu_err set_build(const struct format_file *file, struct format_set *set, bool *used,
                               struct format_fault *fault)
{
    for (size_t i = 0; i < file->sections_count; i++) {
        const struct format_section *s = &file->sections[i];
        enum hufu_err err;

        if (!view_is(s->kind, "format"))
            continue;
        if (set->count == FORMAT_COUNT_MAX)
            return format_fault_at(fault, s->line, "64 formats at most");
        err = format_build(file, s, true, used, &set->formats[set->count], fault);
        if (err != HUFU_OK)
            return err;
        set->count++;
    }
    if (set->count == 0)
        return format_fault_at(fault, 1, "no format");
    return format_build_rest(file, used, fault);
}

enum hufu_err format_set_parse(struct view text, struct format_set **out, char *err_text,
                               size_t err_text_len)
{
    struct format_fault fault = { 0 };
    struct format_file file = { 0 };
    struct format_set *set = NULL;
    bool *used = NULL;
    enum hufu_err err = HUFU_RANGE;

    if (text.len > FORMAT_FILE_MAX)
        goto out;
    err = format_lex(text, &file, &fault);
    if (err != HUFU_OK)
        goto out;
    err = HUFU_NOMEM;
    set = calloc(1, sizeof(*set));
    used = calloc(file.sections_count + 1, sizeof(*used));
    if (set == NULL || used == NULL)
        goto out;
    err = set_build(&file, set, used, &fault);
    if (err != HUFU_OK)
        goto out;
    *out = set;
    set = NULL;
out:
    format_set_free(set);
    free(used);
    format_lex_done(&file);
    if (err != HUFU_OK)
        format_fault_print(&fault, err, err_text, err_text_len);
    return err;
}

/* Reads all of the file, one byte more than allowed at most. */
static enum hufu_err file_read(const char *path, struct buf *text)
{
    FILE *f = fopen(path, "rbe");
    uint8_t chunk[4096];
    enum hufu_err err = HUFU_IO;
    size_t n;

    if (f == NULL)
        return HUFU_IO;
    while (text->len <= FORMAT_FILE_MAX && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        buf_put(text, chunk, n);
    if (ferror(f) == 0)
        err = buf_check(text);
    if (fclose(f) != 0)
        err = HUFU_IO;
    return err;
}

enum hufu_err format_set_load(const char *path, struct format_set **out, char *err_text,
                              size_t err_text_len)
{
    struct format_fault fault = { 0 };
    struct buf text;
    enum hufu_err err;

    buf_init(&text, FORMAT_FILE_MAX + 8192);
    err = file_read(path, &text);
    if (err == HUFU_OK)
        err = format_set_parse(buf_view(&text), out, err_text, err_text_len);
    else
        format_fault_print(&fault, err, err_text, err_text_len);
    buf_done(&text);
    return err;
}

size_t format_set_count(const struct format_set *set)
{
    return set->count;
}

const struct format *format_set_at(const struct format_set *set, size_t i)
{
    return set->formats[i];
}

enum hufu_err format_set_find(const struct format_set *set, struct view name,
                              const struct format **out)
{
    for (size_t i = 0; i < set->count; i++) {
        if (!view_is(name, set->formats[i]->name))
            continue;
        *out = set->formats[i];
        return HUFU_OK;
    }
    return HUFU_NOT_FOUND;
}
