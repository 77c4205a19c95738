#include "tools/cli_send.h"

#include <stdio.h>
#include <string.h>

#include "tools/cli_body.h"
#include "tools/cli_path.h"
#include "vault/base/json.h"

#define NAME_MAX_LEN 31
#define DRY_MAX      4096 /* bytes of a dry run's JSON */

struct secrets {
    char name[CLI_SECRETS_MAX][NAME_MAX_LEN + 1];
    uint8_t memory[CLI_SECRETS_MAX][CLI_TTY_LINE_MAX];
    struct buf line[CLI_SECRETS_MAX]; /* SECRET */
    size_t count;
};

static void secrets_init(struct secrets *s, const char *list)
{
    s->count = 0;
    while (list != NULL && *list != 0 && s->count < CLI_SECRETS_MAX) {
        size_t len = strcspn(list, ",");

        (void)snprintf(s->name[s->count], sizeof(s->name[0]), "%.*s", (int)len, list);
        buf_fixed(&s->line[s->count], s->memory[s->count], sizeof(s->memory[0]));
        list += len + (list[len] == ',' ? 1 : 0);
        s->count++;
    }
}

static void secrets_done(struct secrets *s)
{
    for (size_t i = 0; i < s->count; i++)
        buf_done(&s->line[i]);
}

/* What people call a member. */
static const char *asked_as(const char *name)
{
    return strcmp(name, "otp") == 0 ? "code" : name;
}

static enum cli_exit secrets_ask(struct cli *cli, struct secrets *s, struct cli_body *body)
{
    for (size_t i = 0; i < s->count; i++) {
        const char *what = asked_as(s->name[i]);
        enum hufu_err err = cli_tty_ask(&cli->in, what, &s->line[i]);

        if (err == HUFU_NOT_FOUND) {
            (void)fprintf(stderr, "hufu: no %s came; give it as line %zu of standard input\n", what,
                          i + 1);
            return CLI_USAGE;
        }
        if (err != HUFU_OK)
            return cli_fail(CLI_INVALID, "the line is longer than 4096 bytes or not plain text; "
                                         "check what is fed to standard input");
        cli_body_add(body, s->name[i], MEMBER_TEXT, buf_view(&s->line[i]));
    }
    return CLI_OK;
}

static void dry_json(const char *method, const char *path, const struct cli_body *body)
{
    struct buf text;
    struct json j;

    buf_init(&text, DRY_MAX);
    json_init(&j, &text);
    json_open(&j);
    json_put_bool(&j, "dry_run", true);
    json_name(&j, "members");
    json_list(&j);
    for (size_t i = 0; i < body->count; i++)
        json_str(&j, body->members[i].name);
    json_end(&j);
    json_put_str(&j, "method", method);
    json_put_str(&j, "path", path);
    json_close(&j);
    if (buf_check(&text) == HUFU_OK)
        (void)fprintf(stdout, "%.*s\n", (int)text.len, (const char *)text.p);
    buf_done(&text);
}

/* Where tokens are asked for, or are the rule and not left out by --all. */
static bool reads_tokens(const struct cli *cli)
{
    const struct cli_field *f = cli->command->fields;

    for (size_t i = 0; f != NULL && f[i].option != NULL; i++)
        if (strcmp(f[i].option, "all") == 0)
            return cli->options[i] == NULL;
    return cli_option(cli, "tokens") != NULL;
}

/* Names only: whoever looks over a shoulder at a dry run learns no value. */
static enum cli_exit dry_run(const struct cli *cli, const char *path, const struct secrets *s,
                             struct cli_body *body)
{
    const char *method = cli->command->method;

    for (size_t i = 0; i < s->count; i++)
        cli_body_add(body, s->name[i], MEMBER_TEXT, view_of(NULL, 0));
    if (reads_tokens(cli)) /* they would come as lines: cmd_grant.c, cmd_export.c */
        cli_body_add(body, "tokens", MEMBER_TEXT, view_of(NULL, 0));
    cli_body_sort(body);
    if (cli_wants_json(cli)) {
        dry_json(method, path, body);
        return CLI_OK;
    }
    (void)fprintf(stdout,
                  "dry run: nothing was sent\nmethod:   %s\npath:     %s\nmembers: ", method, path);
    for (size_t i = 0; i < body->count; i++)
        (void)fprintf(stdout, " %s", body->members[i].name);
    (void)fputs(body->count == 0 ? " none\n" : "\n", stdout);
    return CLI_OK;
}

static enum cli_exit send(struct cli *cli, const char *path, struct cli_body *body,
                          struct cli_reply *out)
{
    enum cli_exit code = CLI_OK;
    struct buf text;

    buf_init(&text, CLI_BODY_MAX);
    if (body->count > 0 && cli_body_print(body, &text) != HUFU_OK)
        code = cli_fail(CLI_INVALID, "the request is too large; shorten what the options say");
    if (code == CLI_OK)
        code = cli_http_call(cli, cli->command->method, path, buf_view(&text), out);
    buf_done(&text);
    return code;
}

enum cli_exit cli_send_row(struct cli *cli, struct cli_reply *out)
{
    const struct cli_command *c = cli->command;
    char path[CLI_PATH_MAX];
    struct secrets secrets;
    struct cli_body body;
    enum cli_exit code;

    secrets_init(&secrets, c->secret);
    cli_body_init(&body);
    code = cli_path_make(cli, path);
    if (code == CLI_OK)
        code = cli_body_options(cli, &body);
    if (code == CLI_OK && c->kind != NULL)
        cli_body_add(&body, "kind", MEMBER_TEXT, view_str(c->kind));
    if (code == CLI_OK && cli_option(cli, "dry-run") != NULL) {
        code = dry_run(cli, path, &secrets, &body);
        goto out;
    }
    if (code == CLI_OK)
        code = secrets_ask(cli, &secrets, &body);
    if (code == CLI_OK)
        code = send(cli, path, &body, out);
out:
    cli_body_done(&body);
    secrets_done(&secrets);
    return code;
}
