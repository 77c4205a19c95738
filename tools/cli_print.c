#include "tools/cli_print.h"

#include <qrencode.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include "vault/base/secret.h"

#define COLUMNS_MAX 12
#define CELL_MAX    512 /* bytes shown of one member */
#define HEAD        16  /* bytes before a block of jansson's, for its length; keeps alignment */

static char out_memory[65536];

static void *json_take(size_t len)
{
    uint8_t *p = len < SIZE_MAX - HEAD ? malloc(len + HEAD) : NULL;

    if (p == NULL)
        return NULL;
    memcpy(p, &len, sizeof(len));
    return p + HEAD;
}

static void json_give(void *at)
{
    size_t len;

    if (at == NULL)
        return;
    memcpy(&len, (uint8_t *)at - HEAD, sizeof(len));
    wipe(at, len);
    free((uint8_t *)at - HEAD);
}

void cli_print_init(void)
{
    (void)setvbuf(stdout, out_memory, _IOFBF, sizeof(out_memory));
    json_set_alloc_funcs(json_take, json_give);
}

bool cli_print_done(void)
{
    bool done = fflush(stdout) == 0 && ferror(stdout) == 0;

    wipe(out_memory, sizeof(out_memory));
    return done;
}

void cli_print_text(FILE *out, struct view text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        /* C2 80 to C2 9F are the C1 controls. */
        bool c1 = c == 0xC2 && i + 1 < text.len && text.p[i + 1] < 0xA0;

        (void)fputc(c < 0x20 || c == 0x7F || c1 ? '?' : c, out);
        i += c1 ? 1 : 0;
    }
}

enum cli_exit cli_print_raw(const struct cli_reply *reply)
{
    json_t *root = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);

    if (root == NULL)
        return cli_fail(CLI_SERVER, "the server's reply is not JSON");
    json_decref(root);
    (void)fwrite(reply->body.p, 1, reply->body.len, stdout);
    (void)fputc('\n', stdout);
    return CLI_OK;
}

/* A member as text: strings bare, null as "-", the rest as compact JSON. */
static void cell_print(const json_t *value, struct buf *out)
{
    char *text;

    buf_init(out, CELL_MAX);
    if (value == NULL || json_is_null(value)) {
        buf_str(out, "-");
        return;
    }
    if (json_is_string(value)) {
        buf_put(out, json_string_value(value), json_string_length(value));
    } else {
        text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
        buf_str(out, text != NULL ? text : "?");
        json_give(text);
    }
    if (buf_check(out) != HUFU_OK) {
        buf_done(out);
        buf_init(out, CELL_MAX);
        buf_str(out, "(long; see -o json)");
    }
}

static void object_print(const json_t *object)
{
    const char *name;
    const json_t *value;
    struct buf cell;

    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        cell_print(value, &cell);
        cli_print_text(stdout, view_str(name));
        (void)fputs(": ", stdout);
        cli_print_text(stdout, buf_view(&cell));
        (void)fputc('\n', stdout);
        buf_done(&cell);
    }
}

struct column {
    char name[32];
    size_t width;
};

/* Cuts "id,kind,state" into columns; an item's own members where there is no list. */
static size_t columns_read(const char *list, const json_t *item, struct column *out)
{
    size_t count = 0;
    const char *name;
    const json_t *value;

    if (list == NULL) {
        json_object_foreach((json_t *)(uintptr_t)item, name, value)
        {
            if (count < COLUMNS_MAX)
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

static void row_print(const json_t *item, const struct column *columns, size_t count)
{
    struct buf cell;

    for (size_t i = 0; i < count; i++) {
        if (item != NULL) {
            cell_print(json_object_get(item, columns[i].name), &cell);
        } else {
            buf_init(&cell, CELL_MAX);
            buf_str(&cell, columns[i].name);
        }
        cli_print_text(stdout, buf_view(&cell));
        if (i + 1 < count)
            (void)fprintf(stdout, "%*s", (int)(columns[i].width - cell.len + 2), "");
        buf_done(&cell);
    }
    (void)fputc('\n', stdout);
}

static void items_print(const json_t *items, const char *list)
{
    struct column columns[COLUMNS_MAX] = { { { 0 }, 0 } };
    size_t count = columns_read(list, json_array_get(items, 0), columns);
    struct buf cell;
    json_t *item;
    size_t n;

    if (json_array_size(items) == 0) {
        (void)fputs("(none)\n", stdout);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        columns[i].width = strlen(columns[i].name);
        json_array_foreach(items, n, item)
        {
            cell_print(json_object_get(item, columns[i].name), &cell);
            if (cell.len > columns[i].width)
                columns[i].width = cell.len;
            buf_done(&cell);
        }
    }
    row_print(NULL, columns, count);
    json_array_foreach(items, n, item) row_print(item, columns, count);
}

enum cli_exit cli_print_reply(const struct cli *cli, const struct cli_reply *reply)
{
    const char *next;
    json_t *root;
    json_t *items;

    if (reply->body.len == 0)
        return CLI_OK;
    if (cli->json)
        return cli_print_raw(reply);
    root = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        return cli_fail(CLI_SERVER, "the server's reply is not a JSON object");
    }
    items = json_object_get(root, "items");
    if (json_is_array(items))
        items_print(items, cli->command->columns);
    else
        object_print(root);
    next = json_string_value(json_object_get(root, "next"));
    if (json_is_array(items) && next != NULL) {
        (void)fputs("more: --after ", stdout);
        cli_print_text(stdout, view_str(next));
        (void)fputc('\n', stdout);
    }
    json_decref(root);
    return CLI_OK;
}

static bool qr_dark(const QRcode *code, int x, int y)
{
    return x >= 0 && y >= 0 && x < code->width && y < code->width &&
           (code->data[y * code->width + x] & 1) != 0;
}

/* Two rows of modules in a line of text; light modules are drawn, as terminals are mostly dark. */
void cli_print_qr(FILE *out, const char *text)
{
    static const char *const blocks[] = { "\u2588", "\u2584", "\u2580", " " };
    QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);

    if (code == NULL)
        return;
    for (int y = -2; y < code->width + 2; y += 2) {
        for (int x = -2; x < code->width + 2; x++)
            (void)fputs(blocks[(qr_dark(code, x, y) ? 1 : 0) + (qr_dark(code, x, y + 1) ? 2 : 0)],
                        out);
        (void)fputc('\n', out);
    }
    wipe(code->data, (size_t)code->width * (size_t)code->width);
    QRcode_free(code);
}
