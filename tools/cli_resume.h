/*
 * cli_resume.h - where a long run over a file stands, so that a later one goes on: FILE.resume.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: the client has one thread.
 *
 * The file is one JSON object of numbers and settings: nothing of the input's content, nor a digest
 * of it, since digests of card numbers can be searched. What the numbers say has been synced before
 * the file is replaced, so after a break they are true; work done since is repeated under the same
 * idempotency keys.
 */
#ifndef HUFU_TOOLS_CLI_RESUME_H
#define HUFU_TOOLS_CLI_RESUME_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define RESUME_RUN_LEN      32   /* letters of a run's id: 16 random bytes in hex */
#define RESUME_SETTINGS_MAX 4096 /* bytes of the settings and their NUL */
#define RESUME_FILE_MAX     16384

struct resume_input { /* which file it was */
    uint64_t size;    /* bytes */
    uint64_t inode;
    uint64_t changed_s; /* mtime */
    uint64_t changed_ns;
};

struct resume {
    char run[RESUME_RUN_LEN + 1];
    char settings[RESUME_SETTINGS_MAX]; /* what must be the same to go on */
    struct resume_input input;
    uint64_t in_at;     /* bytes of the input that are done */
    uint64_t line;      /* where in_at is, from 1 */
    uint64_t out_at;    /* bytes of the output that are theirs */
    uint64_t errors_at; /* bytes of the list of refused rows */
    uint64_t batch;     /* number of the next request */
    uint64_t rows;      /* records done, without header and empty lines */
    uint64_t total;     /* records there are; 0: not known */
    uint64_t tokens;
    uint64_t created; /* of tokens: new ones */
    uint64_t empty;   /* rows without a value */
    uint64_t failed;
    uint64_t worst; /* exit code of the first failure */
    bool done;      /* everything is written; the output has yet to get its name */
};

void resume_identify(const struct stat *st, struct resume_input *out);
bool resume_same_input(const struct resume_input *a, const struct resume_input *b);
/* A new run with a random id; all else zero but line, which is 1. HUFU_IO. */
HUFU_MUST_USE enum hufu_err resume_new(struct resume *out);

/* Appends the object. */
void resume_print(const struct resume *r, struct buf *out);
/* Reads what resume_print writes; HUFU_SYNTAX where anything else is there, out untouched. */
HUFU_MUST_USE enum hufu_err resume_parse(struct view text, struct resume *out);

/* HUFU_NOT_FOUND; HUFU_SYNTAX (damaged, or not a file of ours alone); HUFU_IO. out untouched. */
HUFU_MUST_USE enum hufu_err resume_load(const char *path, struct resume *out);
/* Replaces the file, mode 0600: a draft beside it, synced, renamed, the folder synced. HUFU_IO. */
HUFU_MUST_USE enum hufu_err resume_save(const char *path, const struct resume *r);
/* Makes a rename or removal of path last. HUFU_IO. */
HUFU_MUST_USE enum hufu_err resume_sync_folder(const char *path);

#endif
