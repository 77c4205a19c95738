#include "tools/cmd.h"

#include <stdio.h>

#include "tools/cli_body.h"
#include "tools/cli_http.h"
#include <jansson.h>
#include "tools/cli_lines.h"
#include "tools/cli_print.h"

/* The reply to one value: the token, and beside it whether it is new. */
static enum cli_exit single_print(struct cli *cli, struct lines *l, const struct cli_reply *reply)
{
    json_t *root = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    const char *token = json_string_value(json_object_get(root, "token"));
    bool created = json_is_true(json_object_get(root, "created"));
    enum cli_exit code = CLI_OK;

    if (token == NULL) {
        code = cli_fail(CLI_SERVER,
                        "the server's reply holds no token; check --url, and that client and "
                        "server are of one version");
    } else {
        lines_put(l, view_str(token));
        if (!cli->quiet)
            (void)fputs(created ? "new token\n" : "known value: its token, not a new one\n",
                        stderr);
    }
    json_decref(root);
    return code;
}

static enum cli_exit chunk_send(struct cli *cli, struct lines *l, const struct lines_chunk *chunk)
{
    struct cli_reply reply;
    struct cli_body body;
    struct buf text;
    enum cli_exit code;

    cli_reply_init(&reply);
    cli_body_init(&body);
    buf_init(&text, CLI_BODY_MAX);
    code = cli_body_options(cli, &body);
    if (chunk->count == 1)
        cli_body_add(&body, "value", MEMBER_TEXT, buf_view(&chunk->first));
    else
        cli_body_add(&body, "values", MEMBER_JSON, buf_view(&chunk->list));
    if (code == CLI_OK && cli_body_print(&body, &text) != HUFU_OK)
        code = cli_fail(CLI_INVALID, "the request is too large; shorten what the options say");
    if (code == CLI_OK)
        code = cli_http_call(cli, "POST", cli->command->path, buf_view(&text), &reply);
    if (code == CLI_OK && cli->json)
        code = cli_print_raw(&reply);
    else if (code == CLI_OK && chunk->count == 1)
        code = single_print(cli, l, &reply);
    else if (code == CLI_OK)
        code = lines_results(l, &reply, "token", chunk->count);
    buf_done(&text);
    cli_body_done(&body);
    cli_reply_done(&reply);
    return code;
}

/* True where an option is given that means something with --csv only. */
static bool has_csv_option(const struct cli *cli)
{
    static const char *const names[] = { "column",        "dry-run", "header",    "on-error",
                                         "out",           "restart", "retry-for", "consent-column",
                                         "subject-column" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (cli_option(cli, names[i]) != NULL)
            return true;
    return false;
}

enum cli_exit cmd_tokenize(struct cli *cli)
{
    struct lines lines = { 0 };
    struct lines_chunk chunk;
    enum cli_exit code;
    bool more = true;

    if (cli_option(cli, "csv") != NULL)
        return cmd_csv(cli);
    if (has_csv_option(cli))
        return cli_fail(CLI_USAGE, "options of --csv FILE are given without it; see --help");
    do {
        lines_chunk_init(&chunk);
        code = lines_read(&lines, cli, "value", LINES_BATCH, &chunk);
        more = code == CLI_OK && chunk.count > 0;
        if (more && cli->idempotency != NULL && lines.taken > chunk.count)
            code = cli_fail(CLI_USAGE, "one idempotency key covers one request; the other "
                                       "lines were not sent");
        else if (more)
            code = chunk_send(cli, &lines, &chunk);
        lines_chunk_done(&chunk);
    } while (code == CLI_OK && more);
    return code == CLI_OK ? lines_end(&lines) : code;
}
