#include "tools/cli_lines.h"

#include <stdio.h>

#include "tools/cli_exit.h"
#include <jansson.h>
#include "tools/cli_print.h"
#include "vault/base/json.h"

#define LIST_MAX  (960U * 1024) /* bytes of the array: a request with it stays under 1 MiB */
#define LIST_FULL (512U * 1024) /* bytes after which a chunk takes no further line */

void lines_chunk_init(struct lines_chunk *chunk)
{
    chunk->count = 0;
    buf_init(&chunk->first, CLI_TTY_LINE_MAX);
    buf_init(&chunk->list, LIST_MAX);
}

void lines_chunk_done(struct lines_chunk *chunk)
{
    buf_done(&chunk->first);
    buf_done(&chunk->list);
}

static enum cli_exit line_fault(const struct lines *l)
{
    (void)fprintf(stderr,
                  "hufu: line %llu is too long or not plain text; mend it and send it "
                  "and what follows again\n",
                  (unsigned long long)l->taken + 1);
    return CLI_INVALID;
}

enum cli_exit lines_read(struct lines *l, struct cli *cli, const char *prompt, size_t max,
                         struct lines_chunk *out)
{
    bool terminal = cli_tty_is_terminal(&cli->in);
    uint8_t memory[CLI_TTY_LINE_MAX];
    enum hufu_err err = HUFU_OK;
    struct buf line;
    struct json j;

    l->command = cli->command;
    if (terminal)
        max = l->taken == 0 ? 1 : 0;
    json_init(&j, &out->list);
    json_list(&j);
    while (out->count < max && out->list.len < LIST_FULL) {
        buf_fixed(&line, memory, sizeof(memory));
        err = cli_tty_ask(&cli->in, prompt, &line);
        if (err == HUFU_OK && out->count == 0)
            buf_put(&out->first, line.p, line.len);
        if (err == HUFU_OK)
            json_text(&j, buf_view(&line));
        buf_done(&line);
        if (err != HUFU_OK)
            break;
        out->count++;
        l->taken++;
    }
    json_end(&j);
    if (err == HUFU_NOT_FOUND)
        err = HUFU_OK;
    if (err != HUFU_OK || buf_check(&out->list) != HUFU_OK)
        return line_fault(l);
    return CLI_OK;
}

static void dashes_print(struct lines *l)
{
    for (; l->dashes > 0; l->dashes--)
        (void)fputs("-\n", stdout);
}

void lines_put(struct lines *l, struct view text)
{
    dashes_print(l);
    cli_print_text(stdout, text);
    (void)fputc('\n', stdout);
    l->told++;
}

void lines_miss(struct lines *l, enum cli_exit code)
{
    l->dashes++;
    l->told++;
    if (l->worst == CLI_OK)
        l->worst = code;
}

void lines_refuse(struct lines *l, const char *code)
{
    const char *title = cli_exit_title(code);
    const char *advice = cli_exit_advice_at(l->command, code, "");

    if (advice == NULL)
        advice = cli_exit_advice(code);
    (void)fprintf(stderr, "hufu: line %llu: %s (%s); %s\n", (unsigned long long)l->told + 1,
                  title != NULL ? title : "refused", title != NULL ? code : "unknown code", advice);
    lines_miss(l, cli_exit_of(0, code));
}

enum cli_exit lines_results(struct lines *l, const struct cli_reply *reply, const char *member,
                            size_t count)
{
    json_t *root = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    json_t *results = json_object_get(root, "results");
    enum cli_exit code = CLI_OK;
    json_t *item;
    size_t i;

    if (json_array_size(results) != count)
        code = cli_fail(CLI_SERVER,
                        "the server's reply does not fit the request; check --url, and that "
                        "client and server are of one version");
    else
        json_array_foreach(results, i, item)
        {
            const char *text = json_string_value(json_object_get(item, member));
            const char *error =
                json_string_value(json_object_get(json_object_get(item, "error"), "code"));

            if (text != NULL)
                lines_put(l, view_str(text));
            else
                lines_refuse(l, error != NULL ? error : "");
        }
    json_decref(root);
    return code;
}

enum cli_exit lines_end(struct lines *l)
{
    if (l->taken > 1)
        dashes_print(l);
    if (l->taken == 0)
        return cli_fail(CLI_USAGE, "nothing came on standard input; give one a line");
    return l->worst;
}
