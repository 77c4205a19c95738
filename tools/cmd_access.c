#include "tools/cmd.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include "tools/cli_http.h"
#include "tools/cli_path.h"
#include "tools/cli_print.h"
#include "tools/cli_sheet.h"
#include "tools/cli_show.h"

#define NEXT_MAX   64 /* bytes of `next` */
#define PAGE_ITEMS 1000

static const char table_columns[] = "name,kind,role,state,group,last_used_at,findings";

/* Whom there is something to say about, and the others. */
struct review {
    json_t *found, *fine;
    char next[NEXT_MAX + 1];
    bool more;
};

static enum cli_exit page_take(struct review *r, const json_t *root)
{
    const json_t *items = json_object_get(root, "items");
    const char *next = json_string_value(json_object_get(root, "next"));
    json_t *item;
    size_t i;

    if (!json_is_array(items) || (next != NULL && strlen(next) > NEXT_MAX))
        return cli_fail(CLI_SERVER, "the server's reply is no review; check --url, and that client "
                                    "and server are of one version");
    json_array_foreach((json_t *)(uintptr_t)items, i, item)
    {
        bool found = json_array_size(json_object_get(item, "findings")) > 0;

        (void)json_array_append(found ? r->found : r->fine, item);
    }
    /* A server that gives the same page again and again must not hold us for ever. */
    if (next != NULL && (json_array_size(items) == 0 || strcmp(next, r->next) == 0))
        return cli_fail(CLI_SERVER, "the server's review does not go on; repeat, and tell who runs "
                                    "the server");
    r->more = next != NULL;
    (void)snprintf(r->next, sizeof(r->next), "%s", next != NULL ? next : "");
    return CLI_OK;
}

static enum cli_exit page_get(struct cli *cli, struct review *r)
{
    struct cli_reply reply;
    char path[CLI_PATH_MAX];
    enum cli_exit code = cli_path_page(cli, view_str(r->next), PAGE_ITEMS, path);
    json_t *root = NULL;

    if (code != CLI_OK)
        return code;
    cli_reply_init(&reply);
    code = cli_http_call(cli, "GET", path, view_of(NULL, 0), &reply);
    if (code == CLI_OK) {
        root = json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
        code = page_take(r, root);
    }
    json_decref(root);
    cli_reply_done(&reply);
    return code;
}

static void show(struct cli *cli, const json_t *items, bool csv)
{
    const char *columns = cli->command->columns;
    json_t *item;
    size_t i;

    if (csv)
        cli_sheet_head(columns);
    else if (!cli_wants_json(cli))
        cli_show_table(items, table_columns);
    json_array_foreach((json_t *)(uintptr_t)items, i, item)
    {
        if (csv)
            cli_sheet_row(item, columns);
        else if (cli_wants_json(cli))
            cli_print_line(item);
    }
}

enum cli_exit cmd_access_review(struct cli *cli)
{
    struct review r = { .more = true };
    bool csv = cli_option(cli, "csv") != NULL;
    enum cli_exit code = CLI_OK;

    if (csv && (cli->json || cli->table))
        return cli_fail(CLI_USAGE, "--csv is a form of its own; leave --json or --output out");
    r.found = json_array();
    r.fine = json_array();
    while (code == CLI_OK && r.more)
        code = page_get(cli, &r);
    if (code == CLI_OK && json_array_extend(r.found, r.fine) != 0)
        code = cli_fail(CLI_SERVER, "out of memory; ask for less at once");
    if (code == CLI_OK)
        show(cli, r.found, csv);
    json_decref(r.found);
    json_decref(r.fine);
    return code;
}
