#include "tools/cli_body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vault/base/json.h"
#include "vault/base/text.h"

#define NUMBER_MAX 9007199254740991U /* 2^53 - 1: exact in every JSON reader */

void cli_body_init(struct cli_body *body)
{
    *body = (struct cli_body){ 0 };
    buf_init(&body->file, CLI_FILE_MAX);
}

void cli_body_done(struct cli_body *body)
{
    buf_done(&body->file);
}

void cli_body_add(struct cli_body *body, const char *name, enum cli_member_kind kind,
                  struct view value)
{
    if (body->count < CLI_BODY_MEMBERS)
        body->members[body->count++] = (struct cli_member){ name, kind, value };
}

static enum cli_exit add_file(struct cli_body *body, const char *name, const char *path)
{
    FILE *file = fopen(path, "re");
    uint8_t *to = buf_space(&body->file, CLI_FILE_MAX);
    size_t n = 0;

    if (file != NULL && to != NULL)
        n = fread(to, 1, CLI_FILE_MAX, file);
    if (file != NULL)
        (void)fclose(file);
    if (n == 0 || n == CLI_FILE_MAX)
        return cli_fail(CLI_USAGE, "a file that an option names cannot be read, or is larger than "
                                   "16 KiB; check its path and its mode");
    cli_body_add(body, name, MEMBER_TEXT, view_of(to, n));
    return CLI_OK;
}

static enum cli_exit add_option(struct cli_body *body, const struct cli_field *field,
                                const char *text)
{
    struct view value = view_str(text);
    uint64_t number;

    switch (field->kind) {
    case CLI_TEXT:
    case CLI_LIST:
        if (!text_is_utf8(value))
            return cli_fail(CLI_INVALID, "an option's text is not UTF-8 or has control characters; "
                                         "type it anew");
        cli_body_add(body, field->member, field->kind == CLI_TEXT ? MEMBER_TEXT : MEMBER_NAMES,
                     value);
        return CLI_OK;
    case CLI_NUMBER:
        if (text_u64(value, 0, NUMBER_MAX, &number) != HUFU_OK)
            return cli_fail(CLI_USAGE, "an option that wants a whole number got none; see --help");
        cli_body_add(body, field->member, MEMBER_NUMBER, value);
        return CLI_OK;
    case CLI_FLAG:
        cli_body_add(body, field->member, MEMBER_TRUE, value);
        return CLI_OK;
    case CLI_FILE:
        return add_file(body, field->member, text);
    case CLI_LOCAL:
    case CLI_SWITCH:
        return CLI_OK;
    }
    return CLI_OK;
}

enum cli_exit cli_body_options(struct cli *cli, struct cli_body *body)
{
    const struct cli_field *field = cli->command->fields;
    enum cli_exit code = CLI_OK;

    if (cli->command->member != NULL && cli->arg != NULL)
        cli_body_add(body, cli->command->member, MEMBER_TEXT, view_str(cli->arg));
    for (size_t i = 0; field != NULL && field[i].option != NULL && code == CLI_OK; i++)
        if (cli->options[i] != NULL)
            code = add_option(body, &field[i], cli->options[i]);
    return code;
}

static int by_name(const void *a, const void *b)
{
    const struct cli_member *left = a;
    const struct cli_member *right = b;

    return strcmp(left->name, right->name);
}

static void print_names(struct json *j, struct view list)
{
    size_t start = 0;

    json_list(j);
    for (size_t i = 0; i <= list.len; i++) {
        if (i < list.len && list.p[i] != ',')
            continue;
        if (i > start)
            json_text(j, view_of(list.p + start, i - start));
        start = i + 1;
    }
    json_end(j);
}

static void print_ready(struct json *j, struct view json)
{
    buf_put(j->out, json.p, json.len);
    j->comma = true;
}

static void print_member(struct json *j, const struct cli_member *m)
{
    json_name(j, m->name);
    switch (m->kind) {
    case MEMBER_TEXT:
        json_text(j, m->value);
        break;
    case MEMBER_TRUE:
        json_bool(j, true);
        break;
    case MEMBER_NAMES:
        print_names(j, m->value);
        break;
    case MEMBER_NUMBER:
    case MEMBER_JSON:
        print_ready(j, m->value);
        break;
    }
}

void cli_body_sort(struct cli_body *body)
{
    qsort(body->members, body->count, sizeof(body->members[0]), by_name);
}

enum hufu_err cli_body_print(struct cli_body *body, struct buf *out)
{
    struct json j;

    cli_body_sort(body);
    json_init(&j, out);
    json_open(&j);
    for (size_t i = 0; i < body->count; i++)
        print_member(&j, &body->members[i]);
    json_close(&j);
    return buf_check(out);
}
