#include "tools/cmd.h"

#include <stdio.h>

#include "tools/cli_http.h"
#include "tools/cli_print.h"

#define SHOWN_MAX 400 /* bytes of the server's explanation */

/* Asks one probe; *yes_out where the server answered at all. */
static enum cli_exit probe(struct cli *cli, const char *path, struct cli_reply *reply,
                           bool *yes_out)
{
    enum cli_exit code;

    cli_reply_init(reply);
    code = cli_http_send(cli, "GET", path, view_of(NULL, 0), reply);
    *yes_out = code == CLI_OK && reply->status == 200;
    return code;
}

static void tell(const char *name, bool yes, const struct cli_reply *reply)
{
    struct view text = buf_view(&reply->body);

    text.len = text.len < SHOWN_MAX ? text.len : SHOWN_MAX;
    (void)fprintf(stdout, "%s: %s", name, yes ? "yes" : "no, the server says: ");
    if (!yes)
        cli_print_text(stdout, text);
    (void)fputc('\n', stdout);
}

enum cli_exit cmd_status(struct cli *cli)
{
    struct cli_reply live_reply;
    struct cli_reply ready_reply;
    enum cli_exit code;
    bool live = false;
    bool ready = false;

    cli_reply_init(&ready_reply);
    code = probe(cli, "/livez", &live_reply, &live);
    if (code == CLI_OK)
        code = probe(cli, "/readyz", &ready_reply, &ready);
    if (code == CLI_OK && cli->json) {
        (void)fprintf(stdout, "{\"live\":%s,\"ready\":%s}\n", live ? "true" : "false",
                      ready ? "true" : "false");
    } else if (code == CLI_OK) {
        tell("live", live, &live_reply);
        tell("ready", ready, &ready_reply);
    }
    if (code == CLI_OK && (!live || !ready))
        code = CLI_SERVER;
    cli_reply_done(&live_reply);
    cli_reply_done(&ready_reply);
    return code;
}
