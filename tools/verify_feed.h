/*
 * verify_feed.h - where the material of `hufu audit verify` comes from: the server, or a folder.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: one feed belongs to one thread.
 *
 * A folder holds `checkpoint` (the note) and `entries.jsonl` (the log's lines, each with LF).
 */
#ifndef HUFU_TOOLS_VERIFY_FEED_H
#define HUFU_TOOLS_VERIFY_FEED_H

#include <stdio.h>

#include "tools/cli.h"
#include "vault/base/merkle.h"

struct verify_feed {
    struct cli *cli;
    const char *dir;  /* read here; NULL: ask the server */
    const char *save; /* store here; NULL: do not */
    struct buf note;  /* the checkpoint */
    FILE *kept;       /* entries.jsonl being stored, or NULL */
};

void verify_feed_init(struct verify_feed *feed, struct cli *cli, const char *dir, const char *save);
void verify_feed_done(struct verify_feed *feed);
/* Fills feed->note. */
enum cli_exit verify_feed_checkpoint(struct verify_feed *feed);
/* Gives count lines, from the first on, to take until it refuses one (CLI_UNVERIFIED, not told). */
enum cli_exit verify_feed_entries(struct verify_feed *feed, uint64_t count,
                                  enum hufu_err (*take)(void *arg, struct view line), void *arg);
/* The server's proofs. out has room for MERKLE_PROOF_MAX hashes. */
enum cli_exit verify_feed_proof(struct verify_feed *feed, uint64_t index, uint64_t size,
                                struct merkle_hash *out, size_t *count_out);
enum cli_exit verify_feed_growth(struct verify_feed *feed, uint64_t from, uint64_t to,
                                 struct merkle_hash *out, size_t *count_out);
/* Ends the storing, where one was asked for: the checkpoint last, so that it never covers more than
 * the entries beside it. */
enum cli_exit verify_feed_keep(struct verify_feed *feed);
/* Appends a whole file; CLI_USAGE where it cannot be read or does not fit: told on stderr. */
enum cli_exit verify_file_read(const char *path, struct buf *out);

#endif
