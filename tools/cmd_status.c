#include "tools/cmd.h"

#include <stdio.h>

#include <jansson.h>
#include "tools/cli_cert.h"
#include "tools/cli_http.h"
#include "tools/cli_print.h"
#include "tools/cli_show.h"
#include "vault/base/clock.h"

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

static void put_time(json_t *root, const char *name, uint64_t ms)
{
    char text[CLOCK_TEXT_LEN + 1];

    clock_print(ms, text);
    (void)json_object_set_new(root, name, json_string(text));
}

/* The certificates that a later command would meet. */
static void put_certs(const struct cli *cli, json_t *root)
{
    uint64_t end_ms;

    if (cli->cert != NULL && cli_cert_file_end(cli->cert, &end_ms) == HUFU_OK) {
        put_time(root, "client_certificate_expires_at", end_ms);
        cli_cert_warn(CERT_CLIENT, end_ms);
    }
    if (cli->server_cert_end_ms != 0)
        put_time(root, "server_certificate_expires_at", cli->server_cert_end_ms);
}

/* What the server says of itself; its own words, cut short, where it is not well. */
static void why_tell(const char *name, const struct cli_reply *reply)
{
    struct view text = buf_view(&reply->body);

    text.len = text.len < SHOWN_MAX ? text.len : SHOWN_MAX;
    (void)fprintf(stderr, "hufu: not %s, the server says: ", name);
    cli_print_text(stderr, text);
    (void)fputs("; tell who runs the server, or repeat in a moment\n", stderr);
}

enum cli_exit cmd_status(struct cli *cli)
{
    struct cli_reply live_reply;
    struct cli_reply ready_reply;
    json_t *root = json_object();
    enum cli_exit code;
    bool live = false;
    bool ready = false;

    cli_reply_init(&ready_reply);
    code = probe(cli, "/livez", &live_reply, &live);
    if (code == CLI_OK)
        code = probe(cli, "/readyz", &ready_reply, &ready);
    if (code == CLI_OK) {
        (void)json_object_set_new(root, "live", json_boolean(live));
        (void)json_object_set_new(root, "ready", json_boolean(ready));
        put_certs(cli, root);
        if (cli_wants_json(cli))
            cli_print_line(root);
        else
            cli_show_object(root);
        if (!live)
            why_tell("live", &live_reply);
        if (!ready)
            why_tell("ready", &ready_reply);
        code = live && ready ? CLI_OK : CLI_SERVER;
    }
    json_decref(root);
    cli_reply_done(&live_reply);
    cli_reply_done(&ready_reply);
    return code;
}
