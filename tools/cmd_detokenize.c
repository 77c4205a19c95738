#include "tools/cmd.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli_body.h"
#include "tools/cli_http.h"
#include <jansson.h>
#include "tools/cli_lines.h"
#include "tools/cli_print.h"

/* Appends the reply and LF to the file that --save names. */
static enum cli_exit reply_save(const struct cli *cli, const struct cli_reply *reply)
{
    const char *path = cli_option(cli, "save");
    bool done;
    int fd;

    if (path == NULL)
        return CLI_OK;
    fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    done = fd >= 0 && write(fd, reply->body.p, reply->body.len) == (ssize_t)reply->body.len &&
           write(fd, "\n", 1) == 1;
    if (fd >= 0)
        done = close(fd) == 0 && done;
    return done ? CLI_OK
                : cli_fail(CLI_USAGE,
                           "--save: the file cannot be written; check its path, its mode and the "
                           "disk. The value was given and is recorded");
}

static enum cli_exit single_print(struct lines *l, const struct cli_reply *reply)
{
    json_t *root = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    const json_t *value = json_object_get(root, "value");
    enum cli_exit code = CLI_OK;

    if (json_is_string(value))
        lines_put(l, view_of(json_string_value(value), json_string_length(value)));
    else
        code = cli_fail(CLI_SERVER,
                        "the server's reply holds no value; check --url, and that client and "
                        "server are of one version");
    json_decref(root);
    return code;
}

/* Which entry of the log speaks of this reply. */
static void receipt_tell(const struct cli *cli, const struct cli_reply *reply)
{
    json_t *root = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    const json_t *receipt = json_object_get(root, "receipt");
    const char *origin = json_string_value(json_object_get(receipt, "origin"));
    const json_t *index = json_object_get(receipt, "index");

    if (!cli->quiet && origin != NULL && json_is_integer(index)) {
        (void)fprintf(stderr, "recorded as entry %lld of ", (long long)json_integer_value(index));
        cli_print_text(stderr, view_str(origin));
        (void)fputc('\n', stderr);
    }
    json_decref(root);
}

/* Refusals that say something of this token only; the next may fare better. */
static bool is_of_one(const struct cli_reply *reply)
{
    static const char *const codes[] = { "not_found", "not_token", "token_suspended" };

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strcmp(reply->code, codes[i]) == 0)
            return true;
    return false;
}

static enum cli_exit chunk_send(struct cli *cli, struct lines *l, const struct lines_chunk *chunk,
                                bool batch)
{
    struct cli_reply reply;
    struct cli_body body;
    struct buf text;
    enum cli_exit code;

    cli_reply_init(&reply);
    cli_body_init(&body);
    buf_init(&text, CLI_BODY_MAX);
    code = cli_body_options(cli, &body);
    if (batch)
        cli_body_add(&body, "tokens", MEMBER_JSON, buf_view(&chunk->list));
    else
        cli_body_add(&body, "token", MEMBER_TEXT, buf_view(&chunk->first));
    if (code == CLI_OK && cli_body_print(&body, &text) != HUFU_OK)
        code = cli_fail(CLI_INVALID, "the request is too large; shorten what the options say");
    if (code == CLI_OK)
        code = cli_http_call(cli, "POST", cli->command->path, buf_view(&text), &reply);
    if (code == CLI_OK)
        code = reply_save(cli, &reply);
    if (code == CLI_OK && cli->json)
        code = cli_print_raw(&reply);
    else if (code == CLI_OK && batch)
        code = lines_results(l, &reply, "value", chunk->count);
    else if (code == CLI_OK)
        code = single_print(l, &reply);
    if (code == CLI_OK && !cli->json)
        receipt_tell(cli, &reply);
    if (code != CLI_OK && !batch && is_of_one(&reply)) {
        lines_miss(l, code);
        code = CLI_OK;
    }
    buf_done(&text);
    cli_body_done(&body);
    cli_reply_done(&reply);
    return code;
}

enum cli_exit cmd_detokenize(struct cli *cli)
{
    bool batch = cli_option(cli, "batch") != NULL;
    struct lines lines = { 0 };
    struct lines_chunk chunk;
    enum cli_exit code;
    bool more = true;

    do {
        lines_chunk_init(&chunk);
        code = lines_read(&lines, cli, "token", batch ? LINES_BATCH : 1, &chunk);
        more = code == CLI_OK && chunk.count > 0;
        if (more)
            code = chunk_send(cli, &lines, &chunk, batch);
        lines_chunk_done(&chunk);
    } while (code == CLI_OK && more);
    return code == CLI_OK ? lines_end(&lines) : code;
}
