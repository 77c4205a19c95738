#include "tools/cmd.h"

#include <jansson.h>
#include "tools/cli_http.h"
#include "tools/cli_print.h"
#include "tools/cli_show.h"
#include "vault/base/clock.h"

/* The reply says when the caller's certificate or session ends; TLS, when the server's does. */
enum cli_exit cmd_whoami(struct cli *cli)
{
    char when[CLOCK_TEXT_LEN + 1];
    struct cli_reply reply;
    enum cli_exit code;
    json_t *root;

    cli_reply_init(&reply);
    code = cli_http_call(cli, "GET", cli->command->path, view_of(NULL, 0), &reply);
    root = json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
    if (code == CLI_OK && !json_is_object(root))
        code =
            cli_fail(CLI_SERVER, "the server's reply is not a JSON object; check --url, and that "
                                 "client and server are of one version");
    if (code == CLI_OK && cli->server_cert_end_ms != 0) {
        clock_print(cli->server_cert_end_ms, when);
        (void)json_object_set_new(root, "server_certificate_expires_at", json_string(when));
    }
    if (code == CLI_OK && cli_wants_json(cli))
        cli_print_line(root);
    else if (code == CLI_OK)
        cli_show_object(root);
    json_decref(root);
    cli_reply_done(&reply);
    return code;
}
