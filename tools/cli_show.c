#include "tools/cli_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include "tools/cli_print.h"
#include "tools/cli_qr.h"
#include "tools/cli_sheet.h"

#define COLUMNS_MAX  12
#define CELL_MAX     512 /* bytes shown of one member */
#define NAME_MAX_LEN 31

struct column {
    char name[NAME_MAX_LEN + 1];
    size_t width; /* characters */
};

static void value_print(const json_t *value, struct buf *out);

/* "a, b" and "prefix 6, suffix 4"; what is nested deeper stays JSON. */
static void parts_print(const json_t *value, struct buf *out)
{
    json_t *all = (json_t *)(uintptr_t)value;
    const char *name, *between = "";
    json_t *item;
    size_t i;

    json_array_foreach(all, i, item)
    {
        const json_t *user = json_object_get(item, "user"); /* an approval: who, in one word */

        buf_str(out, between);
        value_print(user != NULL ? user : item, out);
        between = ", ";
    }
    json_object_foreach(all, name, item)
    {
        buf_str(out, between);
        buf_str(out, name);
        buf_str(out, " ");
        value_print(item, out);
        between = ", ";
    }
    if (between[0] == 0)
        buf_str(out, "-");
}

static void value_print(const json_t *value, struct buf *out)
{
    char number[32];

    if (json_is_string(value))
        buf_put(out, json_string_value(value), json_string_length(value));
    else if (json_is_integer(value)) {
        (void)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
        buf_str(out, number);
    } else if (json_is_boolean(value))
        buf_str(out, json_is_true(value) ? "yes" : "no");
    else if (json_is_array(value) || json_is_object(value))
        parts_print(value, out);
    else
        buf_str(out, json_is_real(value) ? "?" : "-");
}

/* A member as one line of text. */
static void cell_print(const json_t *value, struct buf *out)
{
    buf_init(out, CELL_MAX);
    value_print(value, out);
    if (buf_check(out) != HUFU_OK) {
        buf_done(out);
        buf_init(out, CELL_MAX);
        buf_str(out, "(long; see -o json)");
    }
}

/* Characters that text takes on the screen: bytes that do not go on with one. */
static size_t width_of(struct view text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        n += (text.p[i] & 0xC0) != 0x80 ? 1 : 0;
    return n;
}

static void blanks(size_t count)
{
    (void)fprintf(stdout, "%*s", (int)count, "");
}

static const json_t *member_of(const json_t *item, const struct column *column)
{
    return cli_sheet_member(item, column->name, strlen(column->name));
}

/* Cuts "id,kind,state" into columns; where there is no list, an item's own members, name first. */
static size_t columns_read(const char *list, const json_t *item, struct column *out)
{
    size_t count = 0;
    const char *name;
    const json_t *value;

    if (list == NULL) {
        if (json_object_get(item, "name") != NULL)
            (void)snprintf(out[count++].name, sizeof(out[0].name), "name");
        json_object_foreach((json_t *)(uintptr_t)item, name, value)
        {
            if (count < COLUMNS_MAX && strcmp(name, "name") != 0)
                (void)snprintf(out[count++].name, sizeof(out[0].name), "%s", name);
        }
        return count;
    }
    while (*list != 0 && count < COLUMNS_MAX) {
        size_t len = strcspn(list, ",");

        (void)snprintf(out[count++].name, sizeof(out[0].name), "%.*s", (int)len, list);
        list += len + (list[len] == ',' ? 1 : 0);
    }
    return count;
}

/* item NULL: the head. The last column is not padded: no line ends with blanks. */
static void row_print(const json_t *item, const struct column *columns, size_t count, size_t indent)
{
    struct buf cell;

    blanks(indent);
    for (size_t i = 0; i < count; i++) {
        if (item != NULL) {
            cell_print(member_of(item, &columns[i]), &cell);
        } else {
            buf_init(&cell, CELL_MAX);
            buf_str(&cell, columns[i].name);
        }
        cli_print_text(stdout, buf_view(&cell));
        if (i + 1 < count)
            blanks(columns[i].width - width_of(buf_view(&cell)) + 2);
        buf_done(&cell);
    }
    (void)fputc('\n', stdout);
}

static void table_print(const json_t *items, const char *list, size_t indent)
{
    struct column columns[COLUMNS_MAX] = { { { 0 }, 0 } };
    size_t count = columns_read(list, json_array_get(items, 0), columns);
    struct buf cell;
    json_t *item;
    size_t n;

    for (size_t i = 0; i < count; i++) {
        columns[i].width = strlen(columns[i].name);
        json_array_foreach(items, n, item)
        {
            cell_print(member_of(item, &columns[i]), &cell);
            if (width_of(buf_view(&cell)) > columns[i].width)
                columns[i].width = width_of(buf_view(&cell));
            buf_done(&cell);
        }
    }
    row_print(NULL, columns, count, indent);
    json_array_foreach(items, n, item) row_print(item, columns, count, indent);
}

void cli_show_table(const void *items, const char *columns)
{
    if (json_array_size(items) == 0)
        (void)fputs("(none)\n", stdout);
    else
        table_print(items, columns, 0);
}

static void member_print(const char *name, const json_t *value, size_t width)
{
    struct buf cell;

    cli_print_text(stdout, view_str(name));
    (void)fputc(':', stdout);
    if (json_is_object(json_array_get(value, 0))) {
        (void)fputc('\n', stdout);
        table_print(value, NULL, 2);
        return;
    }
    blanks(width - width_of(view_str(name)) + 2);
    cell_print(value, &cell);
    cli_print_text(stdout, buf_view(&cell));
    (void)fputc('\n', stdout);
    buf_done(&cell);
}

/* A password or a code's secret that the server makes anew and keeps to itself from here on. */
static void once_print(const json_t *object)
{
    const char *uri = json_string_value(json_object_get(object, "totp_uri"));
    const char *password = json_string_value(json_object_get(object, "initial_password"));

    if (uri != NULL && isatty(STDOUT_FILENO) == 1) {
        (void)fputc('\n', stdout);
        if (cli_qr_print(stdout, uri))
            (void)fputs("Scan this with an authenticator app, or type totp_secret into it.\n",
                        stdout);
    }
    if (uri != NULL || password != NULL)
        (void)fputs("This is shown once; it will not be shown again. Hand it over in person.\n",
                    stdout);
}

void cli_show_object(const void *object)
{
    json_t *all = (json_t *)(uintptr_t)object;
    const char *name;
    json_t *value;
    size_t width = 0;

    json_object_foreach(all, name, value)
    {
        if (width_of(view_str(name)) > width)
            width = width_of(view_str(name));
    }
    json_object_foreach(all, name, value) member_print(name, value, width);
    once_print(object);
}

void cli_show_next(const struct cli *cli, const void *object)
{
    const char *state = json_string_value(json_object_get(object, "state"));
    const char *id = json_string_value(json_object_get(object, "ceremony"));
    size_t have = json_array_size(json_object_get(object, "approvals"));
    json_int_t needed = json_integer_value(json_object_get(object, "needed"));
    json_int_t missing = id != NULL && needed == 0 ? 1 : needed - (json_int_t)have;
    bool is_grant = json_is_integer(json_object_get(object, "remaining"));

    if (id == NULL && (is_grant || json_is_string(json_object_get(object, "kind"))))
        id = json_string_value(json_object_get(object, "id"));
    if (cli->quiet || id == NULL || (state != NULL && strcmp(state, "proposed") != 0))
        return;
    if (json_object_get(object, "subject_id") != NULL) { /* a case about a person */
        (void)fputs("an approver must agree: hufu subject approve ", stderr);
        cli_print_text(stderr, view_str(id));
        (void)fputc('\n', stderr);
        return;
    }
    (void)fprintf(stderr, "%lld more must approve: hufu %s approve ", (long long)missing,
                  is_grant ? "grant" : "ceremony");
    cli_print_text(stderr, view_str(id));
    (void)fputc('\n', stderr);
}
