#include "tools/cli_csv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vault/base/secret.h"

#define MARK "\xEF\xBB\xBF" /* U+FEFF in UTF-8 */

struct scan {
    const uint8_t *p;
    size_t len; /* of the window: never more than CSV_ROW_MAX */
    size_t at;
    bool cut;  /* the input goes on behind the window */
    bool last; /* nothing follows the input */
    enum csv_fault fault;
};

/* The window ends inside the record. */
static enum hufu_err starve(struct scan *s, enum csv_fault at_end)
{
    if (s->cut)
        s->fault = CSV_FAULT_ROW;
    else if (s->last)
        s->fault = at_end;
    else
        return HUFU_BUSY;
    return HUFU_SYNTAX;
}

static enum hufu_err fail(struct scan *s, enum csv_fault fault)
{
    s->fault = fault;
    return HUFU_SYNTAX;
}

/* From the opening quote to behind the closing one. */
static enum hufu_err take_quoted(struct scan *s, size_t from)
{
    for (s->at++; s->at < s->len; s->at++) {
        if (s->at - from >= CSV_FIELD_MAX)
            return fail(s, CSV_FAULT_FIELD);
        if (s->p[s->at] == 0)
            return fail(s, CSV_FAULT_NUL);
        if (s->p[s->at] != '"')
            continue;
        if (s->at + 1 == s->len && !(s->last && !s->cut))
            return starve(s, CSV_FAULT_NONE); /* it may be one of two */
        s->at++;
        if (s->at == s->len || s->p[s->at] != '"')
            return HUFU_OK;
    }
    return starve(s, CSV_FAULT_OPEN);
}

static enum hufu_err take_plain(struct scan *s, size_t from)
{
    for (; s->at < s->len; s->at++) {
        uint8_t c = s->p[s->at];

        if (c == ',' || c == '\n' || c == '\r')
            return HUFU_OK;
        if (s->at - from >= CSV_FIELD_MAX)
            return fail(s, CSV_FAULT_FIELD);
        if (c == 0)
            return fail(s, CSV_FAULT_NUL);
        if (c == '"')
            return fail(s, CSV_FAULT_QUOTE);
    }
    return HUFU_OK;
}

/* What stands behind a field; *more_out: a comma. */
static enum hufu_err take_end(struct scan *s, bool *more_out)
{
    *more_out = false;
    if (s->at == s->len)
        return s->last && !s->cut ? HUFU_OK : starve(s, CSV_FAULT_NONE);
    switch (s->p[s->at]) {
    case ',':
        *more_out = true;
        s->at++;
        return HUFU_OK;
    case '\n':
        s->at++;
        return HUFU_OK;
    case '\r':
        if (s->at + 1 == s->len)
            return starve(s, CSV_FAULT_RETURN);
        if (s->p[s->at + 1] != '\n')
            return fail(s, CSV_FAULT_RETURN);
        s->at += 2;
        return HUFU_OK;
    case 0:
        return fail(s, CSV_FAULT_NUL);
    default:
        return fail(s, CSV_FAULT_BEHIND);
    }
}

static enum hufu_err take_row(struct scan *s, struct csv_row *row)
{
    enum hufu_err err = HUFU_OK;
    bool more = true;

    row->count = 0;
    while (err == HUFU_OK && more) {
        size_t from = s->at;
        bool quoted = s->at < s->len && s->p[s->at] == '"';

        if (row->count == CSV_COLUMNS_MAX)
            return fail(s, CSV_FAULT_COLUMNS);
        err = quoted ? take_quoted(s, from) : take_plain(s, from);
        row->field[row->count++] =
            (struct csv_field){ (uint32_t)from, (uint32_t)(s->at - from), quoted };
        if (err == HUFU_OK)
            err = take_end(s, &more);
    }
    return err;
}

enum hufu_err csv_scan(struct view in, bool last, struct csv_row *row_out,
                       enum csv_fault *fault_out)
{
    struct scan s = { .p = in.p, .len = in.len, .last = last };
    enum hufu_err err;

    if (in.len == 0)
        return last ? HUFU_NOT_FOUND : HUFU_BUSY;
    if (s.len > CSV_ROW_MAX) {
        s.len = CSV_ROW_MAX;
        s.cut = true;
    }
    err = take_row(&s, row_out);
    if (err == HUFU_SYNTAX)
        *fault_out = s.fault;
    if (err != HUFU_OK)
        return err;
    row_out->len = s.at;
    row_out->lines = 0;
    for (const uint8_t *p = in.p; (p = memchr(p, '\n', (size_t)(in.p + s.at - p))) != NULL; p++)
        row_out->lines++;
    return HUFU_OK;
}

bool csv_is_blank(const struct csv_row *row)
{
    return row->count == 1 && row->field[0].len == 0;
}

void csv_text(struct view field, bool quoted, struct buf *out)
{
    if (!quoted) {
        buf_put(out, field.p, field.len);
        return;
    }
    for (size_t i = 1; i + 1 < field.len; i++) {
        buf_u8(out, field.p[i]);
        i += field.p[i] == '"' ? 1 : 0;
    }
}

void csv_put(struct buf *out, struct view text, bool quoted)
{
    for (size_t i = 0; i < text.len && !quoted; i++)
        quoted = text.p[i] == '"' || text.p[i] == ',' || text.p[i] == '\n' || text.p[i] == '\r';
    if (!quoted) {
        buf_put(out, text.p, text.len);
        return;
    }
    buf_u8(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] == '"')
            buf_u8(out, '"');
        buf_u8(out, text.p[i]);
    }
    buf_u8(out, '"');
}

const char *csv_fault_text(enum csv_fault fault)
{
#define CSV_FAULT_CASE(id, text)                                                                   \
    case CSV_FAULT_##id:                                                                           \
        return text;
    switch (fault) {
        CSV_FAULTS(CSV_FAULT_CASE)
    }
#undef CSV_FAULT_CASE
    return "?";
}

enum hufu_err csv_open(struct csv_reader *r, int fd, uint64_t at, uint64_t line)
{
    *r = (struct csv_reader){ .fd = fd, .at = at, .line = line };
    r->mem = malloc(CSV_READ_MAX);
    return r->mem != NULL ? HUFU_OK : HUFU_NOMEM;
}

void csv_close(struct csv_reader *r)
{
    if (r->mem != NULL)
        wipe(r->mem, CSV_READ_MAX);
    free(r->mem);
    r->mem = NULL;
    r->start = r->end = 0;
}

/* Reads until the memory is full or the input ends. */
static enum hufu_err refill(struct csv_reader *r)
{
    memmove(r->mem, r->mem + r->start, r->end - r->start);
    r->end -= r->start;
    r->start = 0;
    while (!r->eof && r->end < CSV_READ_MAX) {
        ssize_t n = read(r->fd, r->mem + r->end, CSV_READ_MAX - r->end);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            r->fault = CSV_FAULT_READ;
            return HUFU_SYNTAX;
        }
        r->eof = n == 0;
        r->end += (size_t)n;
    }
    return HUFU_OK;
}

enum hufu_err csv_skip_mark(struct csv_reader *r, size_t *len_out)
{
    size_t len = sizeof(MARK) - 1;
    enum hufu_err err = refill(r);

    if (err != HUFU_OK)
        return err;
    if (r->end - r->start < len || !view_equal(view_of(r->mem + r->start, len), view_of(MARK, len)))
        len = 0;
    r->start += len;
    r->at += len;
    *len_out = len;
    return HUFU_OK;
}

enum hufu_err csv_peek(struct csv_reader *r, struct csv_row *row_out, struct view *raw_out)
{
    enum hufu_err err;

    while ((err = csv_scan(view_of(r->mem + r->start, r->end - r->start), r->eof, row_out,
                           &r->fault)) == HUFU_BUSY) {
        err = refill(r);
        if (err != HUFU_OK)
            return err;
    }
    if (err != HUFU_OK)
        return err;
    if (!csv_is_blank(row_out) && r->columns == 0)
        r->columns = row_out->count;
    if (!csv_is_blank(row_out) && row_out->count != r->columns) {
        r->fault = CSV_FAULT_RAGGED;
        return HUFU_SYNTAX;
    }
    *raw_out = view_of(r->mem + r->start, row_out->len);
    return HUFU_OK;
}

enum hufu_err csv_next(struct csv_reader *r, struct csv_row *row_out, struct view *raw_out)
{
    enum hufu_err err = csv_peek(r, row_out, raw_out);

    if (err != HUFU_OK)
        return err;
    r->start += row_out->len;
    r->at += row_out->len;
    r->line += row_out->lines;
    return HUFU_OK;
}
