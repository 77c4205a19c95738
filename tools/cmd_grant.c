#include "tools/cmd.h"

#include "tools/cli_body.h"
#include "tools/cli_http.h"
#include "tools/cli_lines.h"
#include "tools/cli_path.h"
#include "tools/cli_print.h"
#include "tools/cli_send.h"

#define TOKENS_MAX 256 /* that one grant may name */

/* All tokens of standard input or the terminal as a JSON array. SECRET. */
static enum cli_exit tokens_read(struct cli *cli, struct lines_chunk *out)
{
    struct lines lines = { 0 };
    struct lines_chunk more;
    enum cli_exit code = lines_read(&lines, cli, "token", TOKENS_MAX, out);

    if (code == CLI_OK && out->count == 0)
        return cli_fail(CLI_USAGE, "--tokens, but no token came; give each as a line of standard "
                                   "input");
    lines_chunk_init(&more);
    if (code == CLI_OK)
        code = lines_read(&lines, cli, "token", 1, &more);
    if (code == CLI_OK && more.count > 0)
        code = cli_fail(CLI_INVALID, "a grant names at most 256 tokens; leave --tokens out and say "
                                     "how many values with --count");
    lines_chunk_done(&more);
    return code;
}

static enum cli_exit send_with(struct cli *cli, struct view tokens, struct cli_reply *reply)
{
    char path[CLI_PATH_MAX];
    struct cli_body body;
    struct buf text;
    enum cli_exit code;

    cli_body_init(&body);
    buf_init(&text, CLI_BODY_MAX);
    code = cli_path_make(cli, path);
    if (code == CLI_OK)
        code = cli_body_options(cli, &body);
    cli_body_add(&body, "tokens", MEMBER_JSON, tokens);
    if (code == CLI_OK && cli_body_print(&body, &text) != HUFU_OK)
        code = cli_fail(CLI_INVALID, "the request is too large; shorten what the options say");
    if (code == CLI_OK)
        code = cli_http_call(cli, "POST", path, buf_view(&text), reply);
    buf_done(&text);
    cli_body_done(&body);
    return code;
}

enum cli_exit cmd_grant(struct cli *cli)
{
    bool named = cli_option(cli, "tokens") != NULL && cli_option(cli, "dry-run") == NULL;
    struct lines_chunk tokens;
    struct cli_reply reply;
    enum cli_exit code;

    cli_reply_init(&reply);
    lines_chunk_init(&tokens);
    code = named ? tokens_read(cli, &tokens) : CLI_OK;
    if (code == CLI_OK)
        code = named ? send_with(cli, buf_view(&tokens.list), &reply) : cli_send_row(cli, &reply);
    if (code == CLI_OK)
        code = cli_print_reply(cli, &reply);
    lines_chunk_done(&tokens);
    cli_reply_done(&reply);
    return code;
}
