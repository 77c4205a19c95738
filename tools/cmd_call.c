#include "tools/cmd.h"

#include <stdio.h>
#include <string.h>

#include "tools/cli_body.h"
#include "tools/cli_http.h"
#include "tools/cli_path.h"
#include "tools/cli_print.h"

/* Asks for the row's secret and adds it; the secret lives in `secret`. */
static enum cli_exit secret_ask(struct cli *cli, struct cli_body *body, struct buf *secret)
{
    enum hufu_err err;

    if (cli->command->secret == NULL)
        return CLI_OK;
    err = cli_tty_ask(&cli->in, cli->command->secret, secret);
    if (err == HUFU_NOT_FOUND)
        return cli_fail(CLI_USAGE, "nothing came on standard input");
    if (err != HUFU_OK)
        return cli_fail(CLI_INVALID, "the line is too long, or not plain text");
    cli_body_add(body, cli->command->secret, MEMBER_TEXT, buf_view(secret));
    return CLI_OK;
}

/* A POST to a list or with input has a body; one to a thing's verb, without options, has none. */
static bool wants_body(const struct cli_command *c)
{
    return strcmp(c->method, "POST") == 0 &&
           (c->member != NULL || c->secret != NULL || c->fields != NULL);
}

enum cli_exit cmd_call(struct cli *cli)
{
    const struct cli_command *c = cli->command;
    uint8_t secret_memory[CLI_TTY_LINE_MAX];
    char path[CLI_PATH_MAX];
    struct cli_reply reply;
    struct cli_body body;
    struct buf secret;
    struct buf text;
    enum cli_exit code;

    cli_reply_init(&reply);
    cli_body_init(&body);
    buf_fixed(&secret, secret_memory, sizeof(secret_memory));
    buf_init(&text, CLI_BODY_MAX);
    code = cli_path_make(cli, path);
    if (code == CLI_OK)
        code = cli_body_options(cli, &body);
    if (code == CLI_OK)
        code = secret_ask(cli, &body, &secret);
    if (code == CLI_OK && wants_body(c) && cli_body_print(&body, &text) != HUFU_OK)
        code = cli_fail(CLI_INVALID, "the request is too large");
    if (code == CLI_OK)
        code = cli_http_call(cli, c->method, path, buf_view(&text), &reply);
    if (code == CLI_OK)
        code = cli_print_reply(cli, &reply);
    buf_done(&text);
    buf_done(&secret);
    cli_body_done(&body);
    cli_reply_done(&reply);
    return code;
}
