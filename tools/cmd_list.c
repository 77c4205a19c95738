#include "tools/cmd.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include "tools/cli_http.h"
#include "tools/cli_path.h"
#include "tools/cli_print.h"
#include "tools/cli_sheet.h"
#include "tools/cli_show.h"

#define PAGE_MAX 1000 /* items the server gives at once */
#define NEXT_MAX 128  /* bytes of `next` */

struct list_run {
    uint64_t left;     /* items still wanted */
    bool capped;       /* --limit was given */
    const char *sheet; /* the columns of a CSV; NULL: it is none */
    char next[NEXT_MAX + 1];
    json_t *rows; /* for a table: all of them, as widths depend on all */
};

/* Prints or keeps the page's items; *more_out where there is a further page to ask for. */
static enum cli_exit page_take(struct list_run *run, const json_t *root, bool *more_out)
{
    const json_t *items = json_object_get(root, "items");
    const char *next = json_string_value(json_object_get(root, "next"));
    json_t *item;
    size_t i;

    if (!json_is_array(items) || (next != NULL && strlen(next) > NEXT_MAX))
        return cli_fail(CLI_SERVER, "the server's reply is no list; check --url, and that client "
                                    "and server are of one version");
    json_array_foreach(items, i, item)
    {
        if (run->left == 0)
            break;
        run->left--;
        if (run->sheet != NULL)
            cli_sheet_row(item, run->sheet);
        else if (run->rows != NULL)
            (void)json_array_append(run->rows, item);
        else
            cli_print_line(item);
    }
    /* A server that gives the same page again and again must not hold us for ever. */
    if (next != NULL && (json_array_size(items) == 0 || strcmp(next, run->next) == 0))
        return cli_fail(CLI_SERVER, "the server's list does not go on; repeat, and tell who runs "
                                    "the server");
    *more_out = next != NULL && run->left > 0;
    (void)snprintf(run->next, sizeof(run->next), "%s", next != NULL ? next : "");
    return CLI_OK;
}

static enum cli_exit page_get(struct cli *cli, struct list_run *run, bool *more_out)
{
    uint64_t limit = run->left < PAGE_MAX ? run->left : PAGE_MAX;
    struct cli_reply reply;
    char path[CLI_PATH_MAX];
    enum cli_exit code;
    json_t *root = NULL;

    code = cli_path_page(cli, view_str(run->next), run->capped ? limit : 0, path);
    if (code != CLI_OK)
        return code;
    cli_reply_init(&reply);
    code = cli_http_call(cli, "GET", path, view_of(NULL, 0), &reply);
    if (code == CLI_OK) {
        root = json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
        code = page_take(run, root, more_out);
    }
    json_decref(root);
    cli_reply_done(&reply);
    return code;
}

static void list_show(struct cli *cli, const struct list_run *run, enum cli_exit code)
{
    if (run->rows != NULL && (code == CLI_OK || json_array_size(run->rows) > 0))
        cli_show_table(run->rows, cli->command->columns);
    if (code != CLI_OK || run->left > 0 || run->next[0] == 0 || cli->quiet)
        return;
    (void)fputs("there are more: --after ", stderr);
    cli_print_text(stderr, view_str(run->next));
    (void)fputc('\n', stderr);
}

enum cli_exit cmd_list(struct cli *cli)
{
    bool csv = cli_option(cli, "csv") != NULL;
    const char *after = cli_option(cli, "after");
    struct list_run run = { .capped = cli_option(cli, "limit") != NULL };
    enum cli_exit code = cli_path_number(cli, "limit", UINT64_MAX, &run.left);
    bool more = true;

    if (code == CLI_OK && after != NULL && strlen(after) > NEXT_MAX)
        code = cli_fail(CLI_INVALID, "--after is too long; take an id or a name of the list");
    if (code == CLI_OK && run.left == 0)
        code = cli_fail(CLI_USAGE, "--limit 0 asks for nothing; leave it out for all");
    if (code == CLI_OK && csv && (cli->json || cli->table))
        code = cli_fail(CLI_USAGE, "--csv is a form of its own; leave --json or --output out");
    if (code != CLI_OK)
        return code;
    (void)snprintf(run.next, sizeof(run.next), "%s", after != NULL ? after : "");
    run.sheet = csv ? cli->command->columns : NULL;
    run.rows = csv || cli_wants_json(cli) ? NULL : json_array();
    if (csv)
        cli_sheet_head(run.sheet);
    while (code == CLI_OK && more)
        code = page_get(cli, &run, &more);
    list_show(cli, &run, code);
    json_decref(run.rows);
    return code;
}
