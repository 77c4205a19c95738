#include "vault/format/format_lex.h"

#include <stdlib.h>

#include "vault/format/format_part.h"

struct lexer {
    const uint8_t *p, *end;
    unsigned line;
    struct format_file *file;
    struct format_fault *fault;
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static struct view trim(struct view v)
{
    while (v.len > 0 && (is_blank(v.p[0]) || v.p[0] == '\n')) {
        v.p++;
        v.len--;
    }
    while (v.len > 0 && (is_blank(v.p[v.len - 1]) || v.p[v.len - 1] == '\n'))
        v.len--;
    return v;
}

/* Takes the next line without its end. */
static struct view next_line(struct lexer *lx)
{
    struct view line = { lx->p, 0 };

    while (lx->p < lx->end && *lx->p != '\n')
        lx->p++;
    line.len = (size_t)(lx->p - line.p);
    if (lx->p < lx->end)
        lx->p++;
    lx->line++;
    return line;
}

static bool is_printable(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if ((v.p[i] < 0x20 || v.p[i] > 0x7e) && v.p[i] != '\t')
            return false;
    return true;
}

static bool is_name(struct view v)
{
    if (v.len == 0 || v.len > FORMAT_NAME_MAX)
        return false;
    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return true;
}

static bool is_key(struct view v)
{
    if (v.len == 0 || v.len > FORMAT_NAME_MAX)
        return false;
    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'))
            return false;
    }
    return true;
}

static enum hufu_err lex_section(struct lexer *lx, struct view line)
{
    struct format_section s = { .line = lx->line, .first = lx->file->entries_count };
    struct view in = { line.p + 1, line.len - 1 };

    if (in.len == 0 || in.p[in.len - 1] != ']')
        return format_fault_at(lx->fault, lx->line, "a section is [kind name]");
    in.len--;
    s.kind.p = in.p;
    while (s.kind.len < in.len && !is_blank(in.p[s.kind.len]))
        s.kind.len++;
    s.name = trim((struct view){ in.p + s.kind.len, in.len - s.kind.len });
    if (!is_name(s.kind) || !is_name(s.name))
        return format_fault_at(lx->fault, lx->line,
                               "a section is [kind name]; names are a-z, 0-9 and -, 32 at most");
    for (size_t i = 0; i < lx->file->sections_count; i++)
        if (view_equal(lx->file->sections[i].kind, s.kind) &&
            view_equal(lx->file->sections[i].name, s.name))
            return format_fault_at(lx->fault, lx->line, "the section is there twice");
    lx->file->sections[lx->file->sections_count++] = s;
    return HUFU_OK;
}

static enum hufu_err lex_entry(struct lexer *lx, struct view line)
{
    struct format_entry e = { .line = lx->line };
    struct format_section *section;
    size_t eq = 0;

    if (lx->file->sections_count == 0)
        return format_fault_at(lx->fault, lx->line, "an entry before the first section");
    section = &lx->file->sections[lx->file->sections_count - 1];
    while (eq < line.len && line.p[eq] != '=')
        eq++;
    if (eq == line.len)
        return format_fault_at(lx->fault, lx->line, "neither [section], key = value nor # comment");
    e.key = trim((struct view){ line.p, eq });
    e.value = trim((struct view){ line.p + eq + 1, line.len - eq - 1 });
    if (!is_key(e.key))
        return format_fault_at(lx->fault, lx->line, "a key is letters and _, 32 at most");
    for (size_t i = section->first; i < lx->file->entries_count; i++)
        if (view_equal(lx->file->entries[i].key, e.key))
            return format_fault_at(lx->fault, lx->line, "the key is there twice");
    lx->file->entries[lx->file->entries_count++] = e;
    section->count++;
    return HUFU_OK;
}

/* Stretches the last entry's value over this line. */
static void lex_more(struct lexer *lx, struct view line)
{
    struct format_entry *e = &lx->file->entries[lx->file->entries_count - 1];

    e->value = trim((struct view){ e->value.p, (size_t)(line.p + line.len - e->value.p) });
}

/* open: the line above belongs to an entry, so that this one may go on with it. */
static enum hufu_err lex_line(struct lexer *lx, struct view line, bool *open)
{
    bool was_open = *open;

    *open = false;
    if (line.len == 0 || line.p[0] == '#' || line.p[0] == ';' || trim(line).len == 0)
        return HUFU_OK;
    if (!is_printable(line))
        return format_fault_at(lx->fault, lx->line,
                               "a byte that is not printable ASCII; lines end with LF alone");
    if (line.p[0] == '[')
        return lex_section(lx, line);
    *open = true;
    if (!is_blank(line.p[0]))
        return lex_entry(lx, line);
    if (!was_open)
        return format_fault_at(lx->fault, lx->line, "an indented line that continues nothing");
    lex_more(lx, line);
    return HUFU_OK;
}

enum hufu_err format_lex(struct view text, struct format_file *out, struct format_fault *fault)
{
    struct format_file file = { 0 };
    struct lexer lx = { .p = text.p, .end = text.p, .file = &file, .fault = fault };
    enum hufu_err err = HUFU_OK;
    bool open = false;
    size_t lines = 1;

    if (text.len > 0)
        lx.end += text.len;
    for (size_t i = 0; i < text.len; i++)
        lines += text.p[i] == '\n';
    if (lines > FORMAT_LINES_MAX) {
        (void)format_fault_at(fault, FORMAT_LINES_MAX, "too many lines");
        return HUFU_RANGE;
    }
    file.sections = calloc(lines, sizeof(*file.sections));
    file.entries = calloc(lines, sizeof(*file.entries));
    if (file.sections == NULL || file.entries == NULL)
        err = HUFU_NOMEM;
    while (err == HUFU_OK && lx.p < lx.end)
        err = lex_line(&lx, next_line(&lx), &open);
    if (err != HUFU_OK) {
        format_lex_done(&file);
        return err;
    }
    *out = file;
    return HUFU_OK;
}

void format_lex_done(struct format_file *file)
{
    free(file->sections);
    free(file->entries);
    *file = (struct format_file){ 0 };
}

struct format_scan format_scan_of(struct view value)
{
    return (struct format_scan){ value.p, value.len > 0 ? value.p + value.len : value.p };
}

bool format_scan_end(struct format_scan *s)
{
    while (s->p < s->end && (is_blank(*s->p) || *s->p == '\n'))
        s->p++;
    return s->p == s->end;
}

bool format_scan_is(struct format_scan *s, char c)
{
    if (format_scan_end(s) || *s->p != (uint8_t)c)
        return false;
    s->p++;
    return true;
}

/* Skips blanks and takes what follows of one kind of characters. */
static struct view scan_run(struct format_scan *s, bool (*takes)(uint8_t c))
{
    struct view run;

    (void)format_scan_end(s);
    run = (struct view){ s->p, 0 };
    while (s->p < s->end && takes(*s->p))
        s->p++;
    run.len = (size_t)(s->p - run.p);
    return run;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_symbol(uint8_t c)
{
    return is_digit(c) || (c >= 'A' && c <= 'Z');
}

static bool is_of_word(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-';
}

struct view format_scan_word(struct format_scan *s)
{
    return scan_run(s, is_of_word);
}

struct view format_scan_digits(struct format_scan *s)
{
    return scan_run(s, is_digit);
}

struct view format_scan_symbols(struct format_scan *s)
{
    return scan_run(s, is_symbol);
}

bool format_scan_number(struct format_scan *s, unsigned max, unsigned *out)
{
    struct view digits = format_scan_digits(s);
    unsigned n;

    if (digits.len == 0 || digits.len > 9)
        return false;
    n = format_number(digits.p, digits.len);
    if (n > max)
        return false;
    *out = n;
    return true;
}
