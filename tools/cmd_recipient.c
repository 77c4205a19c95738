#include "tools/cmd.h"

#include <stdio.h>

#include "tools/cli_body.h"
#include "tools/cli_http.h"
#include "tools/cli_path.h"
#include "tools/cli_print.h"
#include "tools/cli_when.h"
#include "vault/base/json.h"

#define PAPER_MAX 512 /* bytes of one as JSON */

static const struct {
    const char *member, *ref, *until; /* and the options that make it */
} papers[] = {
    { "assessment", "assessment", "assessment-until" },
    { "channel_check", "channel-check", "channel-until" },
    { "contract", "contract", "contract-until" },
    { "tool_check", "tool-check", "tool-until" },
};
#define PAPERS (sizeof(papers) / sizeof(papers[0]))

/* {"ref","valid_until"} of two options; nothing where neither is given. */
static enum cli_exit paper_print(const struct cli *cli, size_t which, struct buf *out)
{
    const char *ref = cli_option(cli, papers[which].ref);
    char until[CLOCK_TEXT_LEN + 1];
    struct json j;

    cli_when_print(cli, papers[which].until, until);
    if (ref == NULL && until[0] == '\0')
        return CLI_OK;
    if (ref == NULL || until[0] == '\0') {
        (void)fprintf(stderr, "hufu: --%s and --%s go together; give both or neither\n",
                      papers[which].ref, papers[which].until);
        return CLI_USAGE;
    }
    json_init(&j, out);
    json_open(&j);
    json_put_str(&j, "ref", ref);
    json_put_str(&j, "valid_until", until);
    json_close(&j);
    if (buf_check(out) != HUFU_OK)
        return cli_fail(CLI_INVALID, "an option's text is too long or not UTF-8; shorten it");
    return CLI_OK;
}

static enum cli_exit body_make(struct cli *cli, struct cli_body *body,
                               struct buf paper[static PAPERS])
{
    enum cli_exit code = cli_body_options(cli, body);

    for (size_t i = 0; i < PAPERS && code == CLI_OK; i++) {
        code = paper_print(cli, i, &paper[i]);
        if (code == CLI_OK && paper[i].len > 0)
            cli_body_add(body, papers[i].member, MEMBER_JSON, buf_view(&paper[i]));
    }
    return code;
}

enum cli_exit cmd_recipient(struct cli *cli)
{
    struct buf paper[PAPERS], text;
    struct cli_reply reply;
    char path[CLI_PATH_MAX];
    struct cli_body body;
    enum cli_exit code;

    cli_reply_init(&reply);
    cli_body_init(&body);
    buf_init(&text, CLI_BODY_MAX);
    for (size_t i = 0; i < PAPERS; i++)
        buf_init(&paper[i], PAPER_MAX);
    code = cli_path_make(cli, path);
    if (code == CLI_OK)
        code = body_make(cli, &body, paper);
    if (code == CLI_OK && cli_body_print(&body, &text) != HUFU_OK)
        code = cli_fail(CLI_INVALID, "the request is too large; shorten what the options say");
    if (code == CLI_OK)
        code = cli_http_call(cli, cli->command->method, path, buf_view(&text), &reply);
    if (code == CLI_OK)
        code = cli_print_reply(cli, &reply);
    for (size_t i = 0; i < PAPERS; i++)
        buf_done(&paper[i]);
    buf_done(&text);
    cli_body_done(&body);
    cli_reply_done(&reply);
    return code;
}
