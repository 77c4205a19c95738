#include "tools/cmd.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/cli_canon.h"
#include "tools/cli_trail.h"
#include "tools/verify_feed.h"
#include "vault/base/text.h"

#define PEM_MAX      4096
#define RECEIPTS_MAX 64         /* receipts of one run */
#define AWAIT_TRIES  5          /* seconds to wait for a checkpoint over a fresh receipt */
#define REPLIES_MAX  (1U << 20) /* bytes of the file they stand in */

struct verify {
    struct checkpoint cp;
    struct checkpoint since;
    bool has_since;
    bool has_origin;
    struct canon_receipt receipts[RECEIPTS_MAX];
    size_t receipts_count;
    struct trail trail;
};

static enum cli_exit bad(const char *text)
{
    (void)fprintf(stderr, "hufu: NOT VERIFIED: %s\n", text);
    return CLI_UNVERIFIED;
}

/* The key comes from the caller, never from the server or from the folder that is judged. */
static enum cli_exit key_read(struct cli *cli, struct buf *spki)
{
    const char *path = cli_option(cli, "log-key");
    const char *pem = NULL;
    enum cli_exit code = CLI_OK;
    struct buf text;

    buf_init(&text, PEM_MAX);
    if (path != NULL)
        code = verify_file_read(path, &text);
    else if (cli->dev_dir != NULL)
        pem = cli_dev_text(&cli->dev, "log", "public_key");
    if (pem != NULL)
        buf_str(&text, pem);
    if (code == CLI_OK && text.len == 0)
        code = cli_fail(CLI_USAGE, "name the log's public key: --log-key FILE, or --dev DIR");
    if (code == CLI_OK && note_spki_from_pem(buf_view(&text), spki) != HUFU_OK)
        code = cli_fail(CLI_USAGE,
                        "the log's public key is not a P-256 key in PEM; give --log-key the "
                        "file data/log.pem of the vault");
    buf_done(&text);
    return code;
}

static enum cli_exit since_read(struct cli *cli, struct verify *v, struct view spki)
{
    const char *path = cli_option(cli, "since");
    enum cli_exit code;
    struct buf text;

    if (path == NULL)
        return CLI_OK;
    buf_init(&text, NOTE_MAX);
    code = verify_file_read(path, &text);
    if (code == CLI_OK && note_check(buf_view(&text), spki, &v->since) != HUFU_OK)
        code = bad("the older checkpoint is not signed by the log's key");
    v->has_since = code == CLI_OK;
    buf_done(&text);
    return code;
}

/* One reply, or several as lines. */
static enum cli_exit receipts_read(struct cli *cli, struct verify *v)
{
    const char *path = cli_option(cli, "receipt");
    enum cli_exit code = CLI_OK;
    struct view left;
    struct buf text;

    if (path == NULL)
        return CLI_OK;
    buf_init(&text, REPLIES_MAX);
    code = verify_file_read(path, &text);
    left = buf_view(&text);
    if (code == CLI_OK && canon_receipt_read(left, &v->receipts[0]) == HUFU_OK) {
        v->receipts_count = 1;
        left.len = 0;
    }
    while (code == CLI_OK && left.len > 0) {
        const uint8_t *end = memchr(left.p, '\n', left.len);
        size_t len = end != NULL ? (size_t)(end - left.p) : left.len;

        if (v->receipts_count == RECEIPTS_MAX)
            code = cli_fail(CLI_INVALID, "--receipt: at most 64 replies at once");
        else if (len > 0 && canon_receipt_read(view_of(left.p, len),
                                               &v->receipts[v->receipts_count++]) != HUFU_OK)
            code = bad("--receipt: the file is not a reply with a receipt");
        len += end != NULL ? 1 : 0;
        left = view_of(left.p + len, left.len - len);
    }
    buf_done(&text);
    return code;
}

static enum cli_exit checkpoint_judge(struct cli *cli, struct verify *v, struct view note,
                                      struct view spki)
{
    const char *origin = cli_option(cli, "origin");

    if (origin == NULL && cli->dev_dir != NULL)
        origin = cli_dev_text(&cli->dev, "log", "origin");
    if (note_check(note, spki, &v->cp) != HUFU_OK)
        return bad("the checkpoint is not signed by the log's key");
    v->has_origin = origin != NULL;
    if (origin != NULL && strcmp(origin, v->cp.origin) != 0)
        return bad("the checkpoint is of another log");
    return CLI_OK;
}

/* The server's own proofs must lead to the signed root as well: they are what others rely on. */
static enum cli_exit proofs_judge(struct verify *v, struct verify_feed *feed)
{
    struct merkle_hash path[MERKLE_PROOF_MAX];
    enum cli_exit code = CLI_OK;
    size_t count = 0;

    for (size_t i = 0; i < v->receipts_count && code == CLI_OK; i++) {
        const struct canon_receipt *r = &v->receipts[i];

        code = verify_feed_proof(feed, r->index, v->cp.size, path, &count);
        if (code == CLI_OK &&
            merkle_check(&r->leaf, r->index, v->cp.size, path, count, &v->cp.root) != HUFU_OK)
            code = bad("the server's proof of inclusion does not hold");
    }
    if (code != CLI_OK || !v->has_since || v->since.size == 0)
        return code;
    code = verify_feed_growth(feed, v->since.size, v->cp.size, path, &count);
    if (code == CLI_OK && merkle_check_grown(v->since.size, &v->since.root, v->cp.size, &v->cp.root,
                                             path, count) != HUFU_OK)
        code = bad("the server's proof of growth does not hold");
    return code;
}

static enum hufu_err take_line(void *arg, struct view line)
{
    return trail_add(arg, line);
}

static void tell_json(const struct verify *v)
{
    uint8_t memory[TEXT_BASE64_LEN(MERKLE_HASH_LEN)];
    struct buf root;

    buf_fixed(&root, memory, sizeof(memory));
    text_base64(&root, v->cp.root.b, MERKLE_HASH_LEN);
    (void)fprintf(stdout,
                  "{\"origin\":\"%s\",\"receipts\":%zu,\"root\":\"%.*s\",\"since\":%llu,"
                  "\"size\":%llu,\"verified\":true}\n",
                  v->cp.origin, v->receipts_count, (int)root.len, (const char *)root.p,
                  (unsigned long long)(v->has_since ? v->since.size : 0),
                  (unsigned long long)v->cp.size);
}

static void tell(const struct cli *cli, const struct verify *v)
{
    const char *how = cli_option(cli, "dir") != NULL ? "rebuilt tree" : "rebuilt tree and proof";

    if (cli->json) {
        tell_json(v);
        return;
    }
    (void)fprintf(stdout, "checkpoint  signed by the log's key: %llu entries of %s%s\n",
                  (unsigned long long)v->cp.size, v->cp.origin,
                  v->has_origin ? "" : " (name not compared: --origin)");
    (void)fprintf(stdout, "entries     all %llu rebuild the signed root; time never runs back\n",
                  (unsigned long long)v->cp.size);
    for (size_t i = 0; i < v->receipts_count; i++)
        (void)fprintf(stdout, "receipt     entry %llu commits to this very reply (%s)\n",
                      (unsigned long long)v->receipts[i].index, how);
    if (v->has_since)
        (void)fprintf(stdout,
                      "since       the log begins with the %llu entries signed before (%s)\n",
                      (unsigned long long)v->since.size, how);
    (void)fputs("verified\n", stdout);
}

/* The newest index of a receipt must be below the signed size; 0 where there are no receipts. */
static uint64_t size_wanted(const struct verify *v)
{
    uint64_t size = 0;

    for (size_t i = 0; i < v->receipts_count; i++)
        if (v->receipts[i].index >= size)
            size = v->receipts[i].index + 1;
    return size;
}

/* A signature follows its entries by a moment: a server is asked again, a folder is not. */
static enum cli_exit checkpoint_await(struct cli *cli, struct verify *v, struct verify_feed *feed,
                                      struct view spki)
{
    enum cli_exit code = CLI_OK;

    for (int i = 0; i < AWAIT_TRIES && code == CLI_OK; i++) {
        code = verify_feed_checkpoint(feed);
        if (code == CLI_OK)
            code = checkpoint_judge(cli, v, buf_view(&feed->note), spki);
        if (code != CLI_OK || feed->dir != NULL || v->cp.size >= size_wanted(v))
            break;
        (void)nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
    }
    return code;
}

/* Everything behind the inputs: the checkpoint, the entries, the proofs. */
static enum cli_exit judge(struct cli *cli, struct verify *v, struct verify_feed *feed,
                           struct view spki)
{
    enum cli_exit code;

    code = checkpoint_await(cli, v, feed, spki);
    if (code != CLI_OK)
        return code;
    trail_init(&v->trail, &v->cp, v->has_since ? &v->since : NULL, v->receipts, v->receipts_count);
    code = verify_feed_entries(feed, v->cp.size, take_line, &v->trail);
    if (v->trail.fault != NULL)
        return bad(v->trail.fault);
    if (code != CLI_OK)
        return code;
    if (trail_end(&v->trail) != HUFU_OK)
        return bad(v->trail.fault);
    return feed->dir == NULL ? proofs_judge(v, feed) : CLI_OK;
}

enum cli_exit cmd_verify(struct cli *cli)
{
    struct verify v = { 0 };
    struct verify_feed feed;
    struct buf spki;
    enum cli_exit code;

    buf_init(&spki, NOTE_SPKI_MAX);
    verify_feed_init(&feed, cli, cli_option(cli, "dir"), cli_option(cli, "save"));
    code = key_read(cli, &spki);
    if (code == CLI_OK)
        code = since_read(cli, &v, buf_view(&spki));
    if (code == CLI_OK)
        code = receipts_read(cli, &v);
    if (code == CLI_OK)
        code = judge(cli, &v, &feed, buf_view(&spki));
    if (code == CLI_OK)
        code = verify_feed_keep(&feed);
    if (code == CLI_OK)
        tell(cli, &v);
    verify_feed_done(&feed);
    buf_done(&spki);
    return code;
}
