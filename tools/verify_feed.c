#include "tools/verify_feed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cli_http.h"
#include <jansson.h>
#include "tools/cli_trail.h"
#include "vault/base/note.h"
#include "vault/base/secret.h"
#include "vault/base/text.h"

#define PAGE       1000 /* entries of one request */
#define FILE_CHUNK 4096
#define ENTRIES    "entries.jsonl"
#define CHECKPOINT "checkpoint"
#define FEED_PATH  4096

void verify_feed_init(struct verify_feed *feed, struct cli *cli, const char *dir, const char *save)
{
    *feed = (struct verify_feed){ .cli = cli, .dir = dir, .save = save };
    buf_init(&feed->note, NOTE_MAX);
}

void verify_feed_done(struct verify_feed *feed)
{
    if (feed->kept != NULL)
        (void)fclose(feed->kept);
    feed->kept = NULL;
    buf_done(&feed->note);
}

enum cli_exit verify_file_read(const char *path, struct buf *out)
{
    uint8_t chunk[FILE_CHUNK];
    FILE *file = fopen(path, "re");
    bool done = file != NULL;
    size_t n;

    while (done && (n = fread(chunk, 1, sizeof(chunk), file)) > 0)
        buf_put(out, chunk, n);
    wipe(chunk, sizeof(chunk));
    if (file != NULL) {
        done = ferror(file) == 0;
        (void)fclose(file);
    }
    if (!done || buf_check(out) != HUFU_OK)
        return cli_fail(CLI_USAGE,
                        "a file that an option names cannot be read, or is too large; check "
                        "its path and its mode");
    return CLI_OK;
}

static bool path_in(const char *dir, const char *name, char out[static FEED_PATH])
{
    int n = snprintf(out, FEED_PATH, "%s/%s", dir, name);

    return n > 0 && n < FEED_PATH;
}

enum cli_exit verify_feed_checkpoint(struct verify_feed *feed)
{
    char path[FEED_PATH];
    struct cli_reply reply;
    enum cli_exit code;

    buf_reset(&feed->note);
    if (feed->dir != NULL && !path_in(feed->dir, CHECKPOINT, path))
        return cli_fail(CLI_USAGE, "--dir: the path is too long; name a shorter one");
    if (feed->dir != NULL)
        return verify_file_read(path, &feed->note);
    cli_reply_init(&reply);
    code = cli_http_call(feed->cli, "GET", "/v1/audit/checkpoint", view_of(NULL, 0), &reply);
    if (code == CLI_OK)
        buf_put(&feed->note, reply.body.p, reply.body.len);
    if (buf_check(&feed->note) != HUFU_OK)
        code = cli_fail(CLI_SERVER,
                        "the server's reply is not a checkpoint; check --url, and tell who runs "
                        "the server");
    cli_reply_done(&reply);
    return code;
}

/* A file for what is stored: new or emptied, ours alone. */
static FILE *kept_open(const char *dir, const char *name)
{
    char path[FEED_PATH];
    FILE *file;
    int fd;

    if (!path_in(dir, name, path) || (mkdir(dir, 0700) != 0 && errno != EEXIST))
        return NULL;
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return NULL;
    file = fdopen(fd, "w");
    if (file == NULL)
        (void)close(fd);
    return file;
}

static enum cli_exit line_give(struct verify_feed *feed, struct view line,
                               enum hufu_err (*take)(void *arg, struct view line), void *arg)
{
    if (take(arg, line) != HUFU_OK)
        return CLI_UNVERIFIED;
    if (feed->kept != NULL) {
        (void)fwrite(line.p, 1, line.len, feed->kept);
        (void)fputc('\n', feed->kept);
    }
    return CLI_OK;
}

/* Gives the lines of a page, whose numbers must go on from *from. */
static enum cli_exit page_give(struct verify_feed *feed, const struct cli_reply *reply,
                               uint64_t *from, uint64_t count,
                               enum hufu_err (*take)(void *arg, struct view line), void *arg)
{
    json_t *root = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    json_t *entries = json_object_get(root, "entries");
    enum cli_exit code = CLI_OK;

    if (json_array_size(entries) == 0)
        code = cli_fail(CLI_UNVERIFIED, "NOT VERIFIED: the server withholds entries");
    for (size_t i = 0; i < json_array_size(entries) && *from < count && code == CLI_OK; i++) {
        const json_t *item = json_array_get(entries, i);
        const json_t *line = json_object_get(item, "line");
        const json_t *index = json_object_get(item, "index");

        if (!json_is_string(line) || !json_is_integer(index) ||
            json_integer_value(index) != (json_int_t)*from)
            code = cli_fail(CLI_UNVERIFIED, "NOT VERIFIED: the server's entries are out of order");
        else
            code = line_give(feed, view_of(json_string_value(line), json_string_length(line)), take,
                             arg);
        *from += 1;
    }
    json_decref(root);
    return code;
}

static enum cli_exit entries_ask(struct verify_feed *feed, uint64_t count,
                                 enum hufu_err (*take)(void *arg, struct view line), void *arg)
{
    enum cli_exit code = CLI_OK;
    struct cli_reply reply;
    char path[128];
    uint64_t from = 0;

    cli_reply_init(&reply);
    while (from < count && code == CLI_OK) {
        uint64_t limit = count - from < PAGE ? count - from : PAGE;

        (void)snprintf(path, sizeof(path), "/v1/audit/entries?from=%llu&limit=%llu",
                       (unsigned long long)from, (unsigned long long)limit);
        code = cli_http_call(feed->cli, "GET", path, view_of(NULL, 0), &reply);
        if (code == CLI_OK)
            code = page_give(feed, &reply, &from, count, take, arg);
    }
    cli_reply_done(&reply);
    return code;
}

static enum cli_exit entries_read(struct verify_feed *feed,
                                  enum hufu_err (*take)(void *arg, struct view line), void *arg)
{
    enum cli_exit code = CLI_OK;
    char path[FEED_PATH];
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    FILE *file = path_in(feed->dir, ENTRIES, path) ? fopen(path, "re") : NULL;

    if (file == NULL)
        return cli_fail(CLI_USAGE, "--dir: the folder has no readable entries.jsonl; name one that "
                                   "--save wrote");
    while (code == CLI_OK && (n = getline(&line, &room, file)) > 0) {
        size_t len = (size_t)n - (line[n - 1] == '\n' ? 1 : 0);

        code = line_give(feed, view_of(line, len), take, arg);
    }
    if (ferror(file) != 0)
        code = cli_fail(CLI_USAGE,
                        "--dir: entries.jsonl cannot be read; check the disk, or save it anew");
    free(line);
    (void)fclose(file);
    return code;
}

enum cli_exit verify_feed_entries(struct verify_feed *feed, uint64_t count,
                                  enum hufu_err (*take)(void *arg, struct view line), void *arg)
{
    if (feed->save != NULL) {
        feed->kept = kept_open(feed->save, ENTRIES);
        if (feed->kept == NULL)
            return cli_fail(CLI_USAGE,
                            "--save: the folder cannot be written; check its path, its mode and "
                            "the disk");
    }
    return feed->dir != NULL ? entries_read(feed, take, arg) : entries_ask(feed, count, take, arg);
}

/* The hashes of a proof reply. */
static enum cli_exit hashes_ask(struct verify_feed *feed, const char *path, struct merkle_hash *out,
                                size_t *count_out)
{
    enum cli_exit code;
    struct cli_reply reply;
    json_t *hashes;
    json_t *root;

    cli_reply_init(&reply);
    code = cli_http_call(feed->cli, "GET", path, view_of(NULL, 0), &reply);
    root = json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
    hashes = json_object_get(root, "hashes");
    if (code == CLI_OK && (!json_is_array(hashes) || json_array_size(hashes) > MERKLE_PROOF_MAX))
        code = cli_fail(CLI_SERVER,
                        "the server's reply is not a proof; check --url, and tell who runs the "
                        "server");
    for (size_t i = 0; code == CLI_OK && i < json_array_size(hashes); i++) {
        const char *text = json_string_value(json_array_get(hashes, i));
        struct buf hash;

        buf_fixed(&hash, out[i].b, MERKLE_HASH_LEN);
        if (text == NULL || text_unbase64(view_str(text), &hash) != HUFU_OK ||
            hash.len != MERKLE_HASH_LEN)
            code = cli_fail(CLI_SERVER,
                            "the server's reply is not a proof; check --url, and tell who runs the "
                            "server");
    }
    if (code == CLI_OK)
        *count_out = json_array_size(hashes);
    json_decref(root);
    cli_reply_done(&reply);
    return code;
}

enum cli_exit verify_feed_proof(struct verify_feed *feed, uint64_t index, uint64_t size,
                                struct merkle_hash *out, size_t *count_out)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "/v1/audit/proof?index=%llu&size=%llu",
                   (unsigned long long)index, (unsigned long long)size);
    return hashes_ask(feed, path, out, count_out);
}

enum cli_exit verify_feed_growth(struct verify_feed *feed, uint64_t from, uint64_t to,
                                 struct merkle_hash *out, size_t *count_out)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "/v1/audit/consistency?from=%llu&to=%llu",
                   (unsigned long long)from, (unsigned long long)to);
    return hashes_ask(feed, path, out, count_out);
}

enum cli_exit verify_feed_keep(struct verify_feed *feed)
{
    FILE *file;
    bool done;

    if (feed->save == NULL)
        return CLI_OK;
    done = fclose(feed->kept) == 0;
    feed->kept = NULL;
    file = done ? kept_open(feed->save, CHECKPOINT) : NULL;
    done = file != NULL && fwrite(feed->note.p, 1, feed->note.len, file) == feed->note.len;
    if (file != NULL)
        done = fclose(file) == 0 && done;
    return done ? CLI_OK
                : cli_fail(CLI_USAGE,
                           "--save: the folder cannot be written; check its path, its mode and "
                           "the disk");
}
