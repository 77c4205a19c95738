#include "tools/cli_report.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include "tools/cli_http.h"
#include "tools/cli_path.h"
#include "tools/cli_when.h"
#include "vault/base/text.h"

#define NEXT_MAX 64 /* bytes of `next` */

struct run {
    char since[CLOCK_TEXT_LEN + 1], until[CLOCK_TEXT_LEN + 1]; /* "": not said */
    char next[NEXT_MAX + 1];
    void (*each)(void *arg, const void *item);
    void *arg;
    json_t *totals;
    bool more;
};

/* Times travel with their colons as they are: the server takes no escapes. */
static enum cli_exit path_make(const struct cli *cli, const struct run *run,
                               char out[static CLI_PATH_MAX])
{
    const char *const words[][2] = { { "since=", run->since },
                                     { "until=", run->until },
                                     { "after=", run->next } };
    enum cli_exit code = cli_path_make(cli, out);
    char sep = strchr(out, '?') == NULL ? '?' : '&';
    struct buf text;

    if (code != CLI_OK)
        return code;
    buf_fixed(&text, (uint8_t *)out, CLI_PATH_MAX - 1);
    text.len = strlen(out);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i][1][0] == '\0')
            continue;
        buf_u8(&text, (uint8_t)sep);
        buf_str(&text, words[i][0]);
        buf_str(&text, words[i][1]);
        sep = '&';
    }
    if (buf_check(&text) != HUFU_OK)
        return cli_fail(CLI_INVALID, "the report's path is too long; give a shorter name");
    out[text.len] = '\0';
    return CLI_OK;
}

static bool is_worst(const char *name)
{
    return strncmp(name, "worst", 5) == 0;
}

/* Texts tell which row of a list it is. */
static bool is_same_row(json_t *a, const json_t *b)
{
    const char *name;
    json_t *value;

    json_object_foreach(a, name, value)
    {
        if (json_is_string(value) && json_equal(value, json_object_get(b, name)) == 0)
            return false;
    }
    return json_is_object(a) && json_is_object(b);
}

static void rows_add(json_t *sum, const json_t *page)
{
    size_t i, k;
    json_t *row, *had;

    json_array_foreach((json_t *)(uintptr_t)page, i, row)
    {
        json_t *found = NULL;

        json_array_foreach(sum, k, had)
        {
            if (is_same_row(had, row))
                found = had;
        }
        if (found != NULL)
            (void)cli_report_add(found, row);
        else
            (void)json_array_append_new(sum, json_deep_copy(row));
    }
}

static void member_add(json_t *sum, const char *name, const json_t *value)
{
    json_t *had = json_object_get(sum, name);

    if (json_is_integer(had) && json_is_integer(value)) {
        json_int_t a = json_integer_value(had), b = json_integer_value(value);
        json_int_t larger = a > b ? a : b;

        (void)json_integer_set(had, is_worst(name) ? larger : a + b);
    } else if (json_is_object(had) && json_is_object(value)) {
        (void)cli_report_add(had, value);
    } else if (json_is_array(had) && json_is_array(value)) {
        rows_add(had, value);
    } else {
        (void)json_object_set_new(sum, name, json_deep_copy(value));
    }
}

void *cli_report_add(void *sum, const void *page)
{
    const char *name;
    json_t *value;

    if (sum == NULL)
        return json_deep_copy(page);
    json_object_foreach((json_t *)(uintptr_t)page, name, value) member_add(sum, name, value);
    return sum;
}

/* Numbers of entries grow, and so do ids, which begin with their time. */
static bool goes_on(const char *was, const char *is)
{
    uint64_t before = 0, now = 0;

    if (text_u64(view_str(is), 0, INT64_MAX, &now) == HUFU_OK)
        return was[0] == '\0' ||
               (text_u64(view_str(was), 0, INT64_MAX, &before) == HUFU_OK && now > before);
    return text_is_key(view_str(is)) && strlen(is) <= NEXT_MAX && strcmp(is, was) > 0;
}

/* The end that the first page had is the end of all: the log grows meanwhile. */
static enum cli_exit page_take(struct run *run, json_t *root)
{
    const json_t *items = json_object_get(root, "items");
    const json_t *next_value = json_object_get(root, "next");
    const char *next = json_string_value(next_value);
    const char *until = json_string_value(json_object_get(root, "until"));
    json_t *item;
    size_t i;

    if (!json_is_object(root) || next_value == NULL || (run->each != NULL && !json_is_array(items)))
        return cli_fail(CLI_SERVER, "the server's reply is no report; check --url, and that client "
                                    "and server are of one version");
    json_array_foreach((json_t *)(uintptr_t)items, i, item)
    {
        if (run->each != NULL)
            run->each(run->arg, item);
    }
    /* A server that gives the same page again and again must not hold us for ever. */
    if (next != NULL && !goes_on(run->next, next))
        return cli_fail(CLI_SERVER, "the server's report does not go on; repeat, and tell who runs "
                                    "the server");
    run->more = next != NULL;
    (void)snprintf(run->next, sizeof(run->next), "%s", next != NULL ? next : "");
    if (until != NULL && strlen(until) == CLOCK_TEXT_LEN)
        (void)snprintf(run->until, sizeof(run->until), "%s", until);
    (void)json_object_del(root, "items");
    (void)json_object_del(root, "next");
    run->totals = cli_report_add(run->totals, root);
    return CLI_OK;
}

static enum cli_exit page_get(struct cli *cli, struct run *run)
{
    struct cli_reply reply;
    char path[CLI_PATH_MAX];
    enum cli_exit code = path_make(cli, run, path);
    json_t *root = NULL;

    if (code != CLI_OK)
        return code;
    cli_reply_init(&reply);
    code = cli_http_call(cli, "GET", path, view_of(NULL, 0), &reply);
    if (code == CLI_OK) {
        root = json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
        code = page_take(run, root);
    }
    json_decref(root);
    cli_reply_done(&reply);
    return code;
}

enum cli_exit cli_report_read(struct cli *cli, void (*each)(void *arg, const void *item), void *arg,
                              void **totals_out)
{
    struct run run = { .each = each, .arg = arg, .more = true };
    enum cli_exit code = CLI_OK;

    cli_when_print(cli, "from", run.since);
    cli_when_print(cli, "to", run.until);
    while (code == CLI_OK && run.more)
        code = page_get(cli, &run);
    if (code == CLI_OK)
        *totals_out = run.totals;
    else
        json_decref(run.totals);
    return code;
}
