#include "tools/cmd.h"

#include <stdio.h>

#include "tools/cli_body.h"
#include "tools/cli_exit.h"
#include "tools/cli_http.h"
#include "tools/cli_print.h"
#include "tools/cli_session.h"
#include "vault/base/text.h"

static enum cli_exit ask(struct cli *cli, const char *prompt, struct buf *out)
{
    enum hufu_err err = cli_tty_ask(&cli->in, prompt, out);

    if (err == HUFU_NOT_FOUND)
        return cli_fail(CLI_USAGE, "a line is missing; give password and code as two lines of "
                                   "standard input");
    if (err != HUFU_OK)
        return cli_fail(CLI_INVALID, "the line is too long or not plain text; type it again");
    return CLI_OK;
}

/* The member of the second factor. */
static const char *factor_of(const struct cli *cli)
{
    return cli_option(cli, "recovery-code") != NULL ? "recovery_code" : "otp";
}

/* The body of POST /v1/sessions. SECRET. */
static enum cli_exit login_body(struct cli *cli, struct buf *text)
{
    uint8_t memory[2][CLI_TTY_LINE_MAX];
    struct cli_body body;
    struct buf password;
    struct buf otp;
    enum cli_exit code;

    cli_body_init(&body);
    buf_fixed(&password, memory[0], sizeof(memory[0]));
    buf_fixed(&otp, memory[1], sizeof(memory[1]));
    code = ask(cli, "password", &password);
    if (code == CLI_OK)
        code = ask(cli, cli_option(cli, "recovery-code") != NULL ? "recovery code" : "code", &otp);
    if (code == CLI_OK) {
        cli_body_add(&body, "user", MEMBER_TEXT, view_str(cli->arg));
        cli_body_add(&body, "password", MEMBER_TEXT, buf_view(&password));
        cli_body_add(&body, factor_of(cli), MEMBER_TEXT, buf_view(&otp));
        if (cli_body_print(&body, text) != HUFU_OK)
            code =
                cli_fail(CLI_INVALID, "the request is too large; the password cannot be that long");
    }
    cli_body_done(&body);
    buf_done(&password);
    buf_done(&otp);
    return code;
}

enum cli_exit cmd_login(struct cli *cli)
{
    struct cli_reply reply;
    struct buf text;
    enum cli_exit code;

    if (!text_is_name(view_str(cli->arg)))
        return cli_fail(CLI_INVALID, "this is no user's name; it is 1 to 32 of a-z 0-9 -");
    if (cli_session_path(cli, cli->arg) == NULL)
        return CLI_USAGE;
    cli_reply_init(&reply);
    buf_init(&text, CLI_BODY_MAX);
    code = login_body(cli, &text);
    if (code == CLI_OK)
        code = cli_http_send(cli, "POST", "/v1/sessions", buf_view(&text), &reply);
    if (code == CLI_OK && reply.status == 401)
        code = cli_fail(CLI_DENIED, "login refused: user, password or code is wrong, the code was "
                                    "used before, or the account is locked; wait for the next "
                                    "code and try again");
    else if (code == CLI_OK)
        code = cli_http_judge(&reply);
    if (code == CLI_OK)
        code = cli_session_save(cli, cli->arg, buf_view(&reply.body));
    if (code == CLI_OK && !cli->quiet)
        (void)fprintf(stderr, "logged in; the session is kept in %s\n", cli->session_file);
    buf_done(&text);
    cli_reply_done(&reply);
    return code;
}

enum cli_exit cmd_logout(struct cli *cli)
{
    struct cli_reply reply;
    enum cli_exit code;

    cli_reply_init(&reply);
    code = cli_http_send(cli, "DELETE", "/v1/sessions/current", view_of(NULL, 0), &reply);
    /* A session the server has ended already is gone as well. */
    if (code == CLI_OK && reply.status != 401)
        code = cli_http_judge(&reply);
    if (code == CLI_OK)
        cli_session_drop(cli);
    cli_reply_done(&reply);
    return code;
}
