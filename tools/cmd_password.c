#include "tools/cmd.h"

#include <stdio.h>
#include <string.h>

#include "tools/cli_body.h"
#include "tools/cli_http.h"
#include "vault/base/secret.h"

struct passwords {
    uint8_t memory[3][CLI_TTY_LINE_MAX];
    struct buf now; /* SECRET, as the others */
    struct buf fresh;
    struct buf again;
};

static enum cli_exit ask(struct cli *cli, const char *prompt, struct buf *out)
{
    enum hufu_err err = cli_tty_ask(&cli->in, prompt, out);

    if (err == HUFU_NOT_FOUND)
        return cli_fail(CLI_USAGE, "a password is missing; give the present one and the new one as "
                                   "two lines of standard input");
    if (err != HUFU_OK)
        return cli_fail(CLI_INVALID, "the password is too long or not plain text; take another");
    return CLI_OK;
}

/* What is typed unseen is typed twice; a program's lines are as it means them. */
static enum cli_exit passwords_ask(struct cli *cli, struct passwords *p)
{
    enum cli_exit code = ask(cli, "present password", &p->now);

    if (code == CLI_OK)
        code = ask(cli, "new password", &p->fresh);
    if (code != CLI_OK || !cli_tty_is_terminal(&cli->in))
        return code;
    code = ask(cli, "new password again", &p->again);
    if (code == CLI_OK &&
        (p->fresh.len != p->again.len || !bytes_equal(p->fresh.p, p->again.p, p->fresh.len)))
        code = cli_fail(CLI_USAGE, "the two new passwords differ, nothing was changed; try again");
    return code;
}

static enum cli_exit send(struct cli *cli, const struct passwords *p)
{
    const struct cli_command *c = cli->command;
    struct cli_reply reply;
    struct cli_body body;
    enum cli_exit code;
    struct buf text;

    cli_reply_init(&reply);
    cli_body_init(&body);
    buf_init(&text, CLI_BODY_MAX);
    cli_body_add(&body, "password", MEMBER_TEXT, buf_view(&p->now));
    cli_body_add(&body, "new_password", MEMBER_TEXT, buf_view(&p->fresh));
    code = CLI_INVALID;
    if (cli_body_print(&body, &text) == HUFU_OK)
        code = cli_http_send(cli, c->method, c->path, buf_view(&text), &reply);
    if (code == CLI_OK && strcmp(reply.code, "unauthenticated") == 0)
        code = cli_fail(CLI_DENIED, "the present password is wrong, or the session has ended; "
                                    "nothing was changed: try again, or `hufu login` first");
    else if (code == CLI_OK && strcmp(reply.field, "/new_password") == 0)
        code = cli_fail(CLI_INVALID, "the new password is too short or too easy to guess, nothing "
                                     "was changed; take another one of 12 characters or more, "
                                     "without your name and well-known words");
    else if (code == CLI_OK)
        code = cli_http_judge(&reply);
    buf_done(&text);
    cli_body_done(&body);
    cli_reply_done(&reply);
    return code;
}

enum cli_exit cmd_password(struct cli *cli)
{
    struct passwords p;
    enum cli_exit code;

    buf_fixed(&p.now, p.memory[0], sizeof(p.memory[0]));
    buf_fixed(&p.fresh, p.memory[1], sizeof(p.memory[1]));
    buf_fixed(&p.again, p.memory[2], sizeof(p.memory[2]));
    code = passwords_ask(cli, &p);
    if (code == CLI_OK && p.fresh.len == 0)
        code = cli_fail(CLI_USAGE, "the new password is empty, nothing was changed; try again");
    if (code == CLI_OK)
        code = send(cli, &p);
    if (code == CLI_OK && !cli->quiet)
        (void)fputs("the password is changed\n", stderr);
    buf_done(&p.now);
    buf_done(&p.fresh);
    buf_done(&p.again);
    return code;
}
