#include "tools/cmd.h"

#include <stdio.h>
#include <string.h>

#include "tools/cli_body.h"
#include "tools/cli_http.h"
#include "tools/cli_print.h"
#include "tools/cli_when.h"
#include "vault/base/json.h"
#include "vault/base/text.h"

#define OBJECT_MAX 1024 /* bytes of a member that is an object */
#define KEEP_MAX   64

/* Sends the options, and one ready member where name is not NULL; prints the reply. */
static enum cli_exit send_with(struct cli *cli, const char *name, struct view object,
                               struct cli_reply *reply)
{
    struct cli_body body;
    struct buf text;
    enum cli_exit code;

    cli_body_init(&body);
    buf_init(&text, CLI_BODY_MAX);
    code = cli_body_options(cli, &body);
    if (name != NULL)
        cli_body_add(&body, name, MEMBER_JSON, object);
    if (code == CLI_OK && cli_body_print(&body, &text) != HUFU_OK)
        code = cli_fail(CLI_INVALID, "the request is too large; shorten what the options say");
    if (code == CLI_OK)
        code = cli_http_call(cli, cli->command->method, cli->command->path, buf_view(&text), reply);
    if (code == CLI_OK)
        code = cli_print_reply(cli, reply);
    cli_body_done(&body);
    buf_done(&text);
    return code;
}

/* "6,4" as {"prefix":6,"suffix":4} */
static enum cli_exit keep_print(const char *text, struct buf *out)
{
    const char *comma = strchr(text, ',');
    uint64_t prefix;
    uint64_t suffix;
    struct json j;

    if (comma == NULL ||
        text_u64(view_of(text, (size_t)(comma - text)), 0, KEEP_MAX, &prefix) != HUFU_OK ||
        text_u64(view_str(comma + 1), 0, KEEP_MAX, &suffix) != HUFU_OK)
        return cli_fail(CLI_USAGE,
                        "--keep got something else than two numbers; give prefix,suffix: "
                        "6,4");
    json_init(&j, out);
    json_open(&j);
    json_put_u64(&j, "prefix", prefix);
    json_put_u64(&j, "suffix", suffix);
    json_close(&j);
    return CLI_OK;
}

enum cli_exit cmd_domain_add(struct cli *cli)
{
    const char *keep = cli_option(cli, "keep");
    struct cli_reply reply;
    enum cli_exit code = CLI_OK;
    struct buf object;

    cli_reply_init(&reply);
    buf_init(&object, OBJECT_MAX);
    if (keep != NULL)
        code = keep_print(keep, &object);
    if (code == CLI_OK)
        code = send_with(cli, keep != NULL ? "keep" : NULL, buf_view(&object), &reply);
    buf_done(&object);
    cli_reply_done(&reply);
    return code;
}

enum cli_exit cmd_partner_add(struct cli *cli)
{
    const char *ref = cli_option(cli, "qualification");
    char until[CLOCK_TEXT_LEN + 1];
    struct cli_reply reply;
    enum cli_exit code = CLI_OK;
    struct buf object;
    struct json j;

    cli_when_print(cli, "valid-until", until);
    if ((ref == NULL) != (until[0] == '\0'))
        return cli_fail(CLI_USAGE, "--qualification and --valid-until go together; give both or "
                                   "neither");
    cli_reply_init(&reply);
    buf_init(&object, OBJECT_MAX);
    if (ref != NULL) {
        json_init(&j, &object);
        json_open(&j);
        json_put_str(&j, "ref", ref);
        json_put_str(&j, "valid_until", until);
        json_close(&j);
    }
    if (buf_check(&object) != HUFU_OK)
        code = cli_fail(CLI_INVALID, "an option's text is too long or not UTF-8; shorten it");
    if (code == CLI_OK)
        code = send_with(cli, ref != NULL ? "qualification" : NULL, buf_view(&object), &reply);
    buf_done(&object);
    cli_reply_done(&reply);
    return code;
}
