/*
 * cli_part.h - an output that grows beside its name: FILE.part, renamed to FILE when it is whole.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: the client has one thread. FILE.part is locked (flock): one run at a time.
 *
 * FILE.errors lists what was refused: row, line and code, never content. It is there only where
 * something was. All files have mode 0600.
 */
#ifndef HUFU_TOOLS_CLI_PART_H
#define HUFU_TOOLS_CLI_PART_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define PART_PATH_MAX 4096

struct part {
    const char *path; /* borrowed; "-" for standard output */
    char draft[PART_PATH_MAX];
    char errors[PART_PATH_MAX];
    char resume[PART_PATH_MAX]; /* for the caller's notes: FILE.resume */
    int fd;
    int errors_fd;
    bool is_stdout;
    uint64_t out_at; /* bytes written, of both */
    uint64_t errors_at;
};

/* Fills the names; opens nothing. HUFU_RANGE where path is too long. */
HUFU_MUST_USE enum hufu_err part_init(struct part *p, const char *path);
/* Opens and locks FILE.part, which may be there already. HUFU_BUSY: another run holds it. HUFU_IO.
 */
HUFU_MUST_USE enum hufu_err part_open(struct part *p);
void part_close(struct part *p);
/* Goes on behind these bytes; what stands there is cut off, 0 and 0 begin anew. HUFU_CORRUPT where
 * a file is shorter, both are then as before; HUFU_IO. */
HUFU_MUST_USE enum hufu_err part_cut(struct part *p, uint64_t out_at, uint64_t errors_at);
/* HUFU_IO: the disk is full, or the pipe closed. */
HUFU_MUST_USE enum hufu_err part_put(struct part *p, struct view text);
HUFU_MUST_USE enum hufu_err part_put_errors(struct part *p, struct view text);
/* What was put survives a loss of power. HUFU_IO. */
HUFU_MUST_USE enum hufu_err part_sync(struct part *p);
/* Gives FILE.part its name, whatever had it before; also from an earlier run that got this far.
 * HUFU_IO. */
HUFU_MUST_USE enum hufu_err part_finish(struct part *p);

#endif
