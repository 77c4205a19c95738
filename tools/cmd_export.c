#include "tools/cmd.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <jansson.h>
#include "tools/cli_body.h"
#include "tools/cli_http.h"
#include "tools/cli_lines.h"
#include "tools/cli_path.h"
#include "tools/cli_print.h"
#include "tools/cli_send.h"
#include "vault/base/digest.h"
#include "vault/base/text.h"

#define TOKENS_MAX 1000    /* that one request may name */
#define PART_BYTES 1048576 /* of the file in one call */

struct fetched {
    uint64_t bytes;
    char sha256[TEXT_HEX_LEN(DIGEST_LEN) + 1];
};

/* All tokens of standard input or the terminal as a JSON array. */
static enum cli_exit tokens_read(struct cli *cli, struct lines_chunk *out)
{
    struct lines lines = { 0 };
    struct lines_chunk more;
    enum cli_exit code = lines_read(&lines, cli, "token", TOKENS_MAX, out);

    if (code == CLI_OK && out->count == 0)
        return cli_fail(CLI_USAGE, "no token came; give each as a line of standard input, or --all "
                                   "for a grant that names none");
    lines_chunk_init(&more);
    if (code == CLI_OK)
        code = lines_read(&lines, cli, "token", 1, &more);
    if (code == CLI_OK && more.count > 0)
        code = cli_fail(CLI_INVALID, "one export names at most 1,000 tokens; split the list, or "
                                     "give --all for a grant that names none");
    lines_chunk_done(&more);
    return code;
}

static enum cli_exit begin_send(struct cli *cli, const struct lines_chunk *tokens,
                                struct cli_reply *reply)
{
    struct cli_body body;
    struct buf text;
    enum cli_exit code;

    cli_body_init(&body);
    buf_init(&text, CLI_BODY_MAX);
    code = cli_body_options(cli, &body);
    if (tokens->count > 0)
        cli_body_add(&body, "tokens", MEMBER_JSON, buf_view(&tokens->list));
    if (code == CLI_OK && cli_body_print(&body, &text) != HUFU_OK)
        code = cli_fail(CLI_INVALID, "the request is too large; shorten what the options say");
    if (code == CLI_OK)
        code = cli_http_call(cli, "POST", cli->command->path, buf_view(&text), reply);
    if (code == CLI_OK)
        code = cli_print_reply(cli, reply);
    buf_done(&text);
    cli_body_done(&body);
    return code;
}

enum cli_exit cmd_export_begin(struct cli *cli)
{
    struct lines_chunk tokens;
    struct cli_reply reply;
    enum cli_exit code = CLI_OK;

    cli_reply_init(&reply);
    lines_chunk_init(&tokens);
    if (cli_option(cli, "dry-run") != NULL) {
        code = cli_send_row(cli, &reply);
    } else {
        if (cli_option(cli, "all") == NULL)
            code = tokens_read(cli, &tokens);
        if (code == CLI_OK)
            code = begin_send(cli, &tokens, &reply);
    }
    lines_chunk_done(&tokens);
    cli_reply_done(&reply);
    return code;
}

/* What the server says of the file: how long it is, and its hash. */
static enum cli_exit about_get(struct cli *cli, const char *path, struct fetched *out)
{
    struct cli_reply reply;
    const char *hash;
    json_t *root, *bytes;
    enum cli_exit code;

    cli_reply_init(&reply);
    code = cli_http_call(cli, "GET", path, view_of(NULL, 0), &reply);
    root = code != CLI_OK ? NULL : json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
    bytes = json_object_get(json_object_get(root, "file"), "bytes");
    hash = json_string_value(json_object_get(json_object_get(root, "file"), "sha256"));
    if (code == CLI_OK && (!json_is_integer(bytes) || json_integer_value(bytes) < 0 ||
                           hash == NULL || strlen(hash) != sizeof(out->sha256) - 1)) {
        code = cli_fail(CLI_CONFLICT, "there is no file: the export runs still, or did not end "
                                      "well; look at `hufu export show`");
    } else if (code == CLI_OK) {
        out->bytes = (uint64_t)json_integer_value(bytes);
        memcpy(out->sha256, hash, sizeof(out->sha256));
    }
    json_decref(root);
    cli_reply_done(&reply);
    return code;
}

/* One part from `from` on; *len_out: its bytes. */
static enum cli_exit part_get(struct cli *cli, const char *path, uint64_t from, int fd,
                              size_t *len_out)
{
    struct cli_reply reply;
    char part[CLI_PATH_MAX];
    enum cli_exit code;

    if (snprintf(part, sizeof(part), "%s/file?from=%llu&limit=%d", path, (unsigned long long)from,
                 PART_BYTES) >= (int)sizeof(part))
        return cli_fail(CLI_INVALID, "the id is too long; take one of `hufu export list`");
    cli_reply_init(&reply);
    code = cli_http_call(cli, "GET", part, view_of(NULL, 0), &reply);
    if (code == CLI_OK && write(fd, reply.body.p, reply.body.len) != (ssize_t)reply.body.len)
        code = cli_fail(CLI_USAGE, "--out: the file cannot be written; check the disk");
    *len_out = reply.body.len;
    cli_reply_done(&reply);
    return code;
}

static bool is_whole(int fd, const struct fetched *want)
{
    uint8_t hash[DIGEST_LEN], hex_mem[TEXT_HEX_LEN(DIGEST_LEN)];
    struct view all;
    struct buf hex;
    void *map = want->bytes == 0 ? MAP_FAILED
                                 : mmap(NULL, (size_t)want->bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    bool same = false;

    if (map == MAP_FAILED)
        return false;
    all = view_of(map, (size_t)want->bytes);
    buf_fixed(&hex, hex_mem, sizeof(hex_mem));
    if (digest_sha256(&all, 1, hash) == HUFU_OK) {
        text_hex(&hex, hash, sizeof(hash));
        same = view_is(buf_view(&hex), want->sha256);
    }
    (void)munmap(map, (size_t)want->bytes);
    return same;
}

static enum cli_exit fetch_into(struct cli *cli, const char *path, int fd,
                                const struct fetched *want)
{
    enum cli_exit code = CLI_OK;
    uint64_t done = 0;

    while (code == CLI_OK && done < want->bytes) {
        size_t len = 0;

        code = part_get(cli, path, done, fd, &len);
        if (code == CLI_OK && (len == 0 || len > want->bytes - done))
            code = cli_fail(CLI_SERVER, "the server's file is not as long as it says; repeat, and "
                                        "tell who runs the server");
        done += len;
    }
    if (code == CLI_OK && (fsync(fd) != 0 || !is_whole(fd, want)))
        code = cli_fail(CLI_UNVERIFIED, "what came is not the file that was made: its SHA-256 is "
                                        "another; nothing is kept of it, repeat");
    return code;
}

enum cli_exit cmd_export_fetch(struct cli *cli)
{
    const char *out = cli_option(cli, "out");
    struct fetched want = { 0 };
    char path[CLI_PATH_MAX];
    enum cli_exit code = cli_path_make(cli, path);
    int fd;

    if (code == CLI_OK)
        code = about_get(cli, path, &want);
    if (code != CLI_OK)
        return code;
    fd = open(out, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return cli_fail(CLI_USAGE, "--out: the file is there already or cannot be made; give "
                                   "another name");
    code = fetch_into(cli, path, fd, &want);
    if (close(fd) != 0 && code == CLI_OK)
        code = cli_fail(CLI_USAGE, "--out: the file cannot be written; check the disk");
    if (code != CLI_OK)
        (void)unlink(out);
    else if (!cli->quiet)
        (void)fprintf(stderr, "%llu bytes, sha256 %s\n", (unsigned long long)want.bytes,
                      want.sha256);
    return code;
}
