#include "tools/cli_sheet.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include "tools/cli_csv.h"

#define NAME_LEN_MAX 64 /* bytes of one step of a column's name */
#define DEPTH_MAX    4  /* lists and objects inside each other */

/* What programs take for the beginning of a formula. */
static bool is_formula(struct view text)
{
    static const char *const wide[] = { "\xEF\xBC\x9D", "\xEF\xBC\x8B", "\xEF\xBC\x8D",
                                        "\xEF\xBC\xA0" }; /* ＝ ＋ － ＠ */

    if (text.len > 0 && strchr("=+-@", text.p[0]) != NULL && text.p[0] != 0)
        return true;
    for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
        if (text.len >= 3 && view_is(view_of(text.p, 3), wide[i]))
            return true;
    return false;
}

/* Bytes of text that a cell takes: whole characters only. */
static size_t fitting(struct view text)
{
    size_t len = text.len;

    if (len <= CLI_SHEET_CELL_MAX)
        return len;
    len = CLI_SHEET_CELL_MAX;
    while (len > 0 && (text.p[len] & 0xC0) == 0x80)
        len--;
    return len;
}

void cli_sheet_cell(struct view text, struct buf *out)
{
    uint8_t mem[CLI_SHEET_CELL_MAX + 1];
    size_t len = fitting(text);
    struct buf cell;

    buf_fixed(&cell, mem, sizeof(mem));
    if (is_formula(text))
        buf_u8(&cell, '\'');
    for (size_t i = 0; i < len; i++) {
        uint8_t c = text.p[i];
        /* C2 80 to C2 9F are the C1 controls. */
        bool c1 = c == 0xC2 && i + 1 < len && text.p[i + 1] < 0xA0;

        buf_u8(&cell, c < 0x20 || c == 0x7F || c1 ? '?' : c);
        i += c1 ? 1 : 0;
    }
    csv_put(out, buf_view(&cell), false);
    buf_done(&cell);
}

static void value_print(const json_t *value, unsigned depth, struct buf *out);

static void parts_print(const json_t *value, unsigned depth, struct buf *out)
{
    json_t *all = (json_t *)(uintptr_t)value;
    const char *name, *between = "";
    json_t *item;
    size_t i;

    json_array_foreach(all, i, item)
    {
        buf_str(out, between);
        value_print(item, depth + 1, out);
        between = "; ";
    }
    json_object_foreach(all, name, item)
    {
        buf_str(out, between);
        buf_str(out, name);
        buf_u8(out, '=');
        value_print(item, depth + 1, out);
        between = "; ";
    }
}

static void value_print(const json_t *value, unsigned depth, struct buf *out)
{
    char number[32];

    if (json_is_string(value)) {
        buf_put(out, json_string_value(value), json_string_length(value));
    } else if (json_is_integer(value)) {
        (void)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
        buf_str(out, number);
    } else if (json_is_real(value)) {
        (void)snprintf(number, sizeof(number), "%.6g", json_real_value(value));
        buf_str(out, number);
    } else if (json_is_boolean(value)) {
        buf_str(out, json_is_true(value) ? "true" : "false");
    } else if (json_is_array(value) || json_is_object(value)) {
        if (depth < DEPTH_MAX)
            parts_print(value, depth, out);
        else
            buf_u8(out, '?');
    }
}

const void *cli_sheet_member(const void *from, const char *column, size_t len)
{
    const json_t *item = from;

    while (item != NULL) {
        const char *dot = memchr(column, '.', len);
        size_t step = dot == NULL ? len : (size_t)(dot - column);
        char name[NAME_LEN_MAX + 1];

        if (step > NAME_LEN_MAX)
            return NULL;
        memcpy(name, column, step);
        name[step] = '\0';
        item = json_object_get(item, name);
        if (dot == NULL)
            return item;
        column = dot + 1;
        len -= step + 1;
    }
    return NULL;
}

/* Where a number begins with a minus it is one, and no formula. */
static void column_print(const json_t *value, struct buf *out)
{
    struct buf text;

    buf_init(&text, CLI_SHEET_RECORD_MAX);
    value_print(value, 0, &text);
    if (buf_check(&text) != HUFU_OK) {
        cli_sheet_cell(view_str("(long; see --json)"), out);
    } else if (json_is_number(value)) {
        buf_put(out, text.p, text.len);
    } else {
        cli_sheet_cell(buf_view(&text), out);
    }
    buf_done(&text);
}

/* item NULL: the head. */
static void record_print(const json_t *item, const char *columns, struct buf *out)
{
    for (;;) {
        size_t len = strcspn(columns, ",");

        if (item == NULL)
            cli_sheet_cell(view_of(columns, len), out);
        else
            column_print(cli_sheet_member(item, columns, len), out);
        columns += len;
        if (*columns == '\0')
            break;
        buf_u8(out, ',');
        columns++;
    }
    buf_str(out, "\r\n");
}

void cli_sheet_record(const void *item, const char *columns, struct buf *out)
{
    record_print(item, columns, out);
}

static void line_write(const json_t *item, const char *columns)
{
    struct buf line;

    buf_init(&line, CLI_SHEET_RECORD_MAX * 2);
    record_print(item, columns, &line);
    if (buf_check(&line) == HUFU_OK)
        (void)fwrite(line.p, 1, line.len, stdout);
    else
        (void)fputs("(long; see --json)\r\n", stdout);
    buf_done(&line);
}

void cli_sheet_head(const char *columns)
{
    line_write(NULL, columns);
}

void cli_sheet_row(const void *item, const char *columns)
{
    line_write(item, columns);
}
