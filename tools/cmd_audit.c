#include "tools/cmd.h"

#include <stdio.h>

#include "tools/cli_http.h"
#include <jansson.h>
#include "tools/cli_path.h"
#include "tools/cli_print.h"
#include "vault/base/note.h"
#include "vault/base/text.h"

#define ENTRIES_PAGE 1000U /* that the server gives at once */

enum cli_exit cmd_audit_checkpoint(struct cli *cli)
{
    struct cli_reply reply;
    struct checkpoint cp;
    enum cli_exit code;

    cli_reply_init(&reply);
    code = cli_http_call(cli, "GET", "/v1/audit/checkpoint", view_of(NULL, 0), &reply);
    if (code == CLI_OK && note_read(buf_view(&reply.body), &cp) != HUFU_OK)
        code = cli_fail(CLI_SERVER,
                        "the server's reply is not a checkpoint; check --url, and tell who "
                        "runs the server");
    if (code == CLI_OK)
        (void)fwrite(reply.body.p, 1, reply.body.len, stdout);
    cli_reply_done(&reply);
    return code;
}

static enum cli_exit entries_print(const struct cli *cli, const struct cli_reply *reply,
                                   uint64_t *count_out)
{
    json_t *root = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    json_t *entries = json_object_get(root, "entries");
    enum cli_exit code = CLI_OK;
    json_t *item;
    size_t i;

    if (!json_is_array(entries))
        code = cli_fail(CLI_SERVER,
                        "the server's reply holds no entries; check --url, and that client "
                        "and server are of one version");
    *count_out = json_array_size(entries);
    json_array_foreach(entries, i, item)
    {
        const char *line = json_string_value(json_object_get(item, "line"));
        json_int_t index = json_integer_value(json_object_get(item, "index"));

        if (line == NULL)
            continue;
        if (cli_wants_json(cli)) {
            cli_print_line(item);
            continue;
        }
        (void)fprintf(stdout, "%6lld  ", (long long)index);
        cli_print_text(stdout, view_str(line));
        (void)fputc('\n', stdout);
    }
    json_decref(root);
    return code;
}

/* One request's worth of entries; *count_out of them came. */
static enum cli_exit entries_get(struct cli *cli, uint64_t from, uint64_t limit,
                                 uint64_t *count_out)
{
    struct cli_reply reply;
    char path[CLI_PATH_MAX];
    enum cli_exit code;

    (void)snprintf(path, sizeof(path), "/v1/audit/entries?from=%llu&limit=%llu",
                   (unsigned long long)from, (unsigned long long)limit);
    cli_reply_init(&reply);
    code = cli_http_call(cli, "GET", path, view_of(NULL, 0), &reply);
    if (code == CLI_OK)
        code = entries_print(cli, &reply, count_out);
    cli_reply_done(&reply);
    return code;
}

enum cli_exit cmd_audit_entries(struct cli *cli)
{
    enum cli_exit code;
    uint64_t from = 0;
    uint64_t left = 0;
    uint64_t count = 1;

    code = cli_path_number(cli, "from", 0, &from);
    if (code == CLI_OK)
        code = cli_path_number(cli, "limit", 100, &left);
    while (code == CLI_OK && left > 0 && count > 0) {
        count = 0;
        code = entries_get(cli, from, left < ENTRIES_PAGE ? left : ENTRIES_PAGE, &count);
        from += count;
        left -= count < left ? count : left;
    }
    return code;
}

/* The size of the newest checkpoint, unchecked: a proof is only as good as what checks it. */
static enum cli_exit size_ask(struct cli *cli, uint64_t *out)
{
    struct cli_reply reply;
    struct checkpoint cp;
    enum cli_exit code;

    cli_reply_init(&reply);
    code = cli_http_call(cli, "GET", "/v1/audit/checkpoint", view_of(NULL, 0), &reply);
    if (code == CLI_OK && note_read(buf_view(&reply.body), &cp) != HUFU_OK)
        code = cli_fail(CLI_SERVER,
                        "the server's reply is not a checkpoint; check --url, and tell who "
                        "runs the server");
    if (code == CLI_OK)
        *out = cp.size;
    cli_reply_done(&reply);
    return code;
}

enum cli_exit cmd_audit_proof(struct cli *cli)
{
    struct cli_reply reply;
    char path[CLI_PATH_MAX];
    enum cli_exit code;
    uint64_t index;
    uint64_t size = 0;

    if (text_u64(view_str(cli->arg), 0, INT64_MAX, &index) != HUFU_OK)
        return cli_fail(CLI_USAGE, "INDEX is no whole number; `hufu audit entries` shows them");
    code = cli_path_number(cli, "size", 0, &size);
    if (code == CLI_OK && cli_option(cli, "size") == NULL)
        code = size_ask(cli, &size);
    if (code != CLI_OK)
        return code;
    (void)snprintf(path, sizeof(path), "/v1/audit/proof?index=%llu&size=%llu",
                   (unsigned long long)index, (unsigned long long)size);
    cli_reply_init(&reply);
    code = cli_http_call(cli, "GET", path, view_of(NULL, 0), &reply);
    if (code == CLI_OK)
        code = cli_print_reply(cli, &reply);
    cli_reply_done(&reply);
    return code;
}
