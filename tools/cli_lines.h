/*
 * cli_lines.h - many values or tokens: lines in, one line out for each, in order.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: one run belongs to one thread.
 *
 * Standard output stays aligned with the input: `-` stands for what was refused. A single line that
 * is refused prints nothing.
 */
#ifndef HUFU_TOOLS_CLI_LINES_H
#define HUFU_TOOLS_CLI_LINES_H

#include "tools/cli.h"
#include "tools/cli_http.h"

#define LINES_BATCH 500 /* lines of one request */

struct lines {                         /* all zero at the start */
    uint64_t taken;                    /* lines read */
    uint64_t told;                     /* lines whose outcome is known */
    uint64_t dashes;                   /* refused ones whose `-` is not yet printed */
    enum cli_exit worst;               /* of the refused ones: the first */
    const struct cli_command *command; /* whose lines they are */
};

struct lines_chunk {
    struct buf first; /* the first line. SECRET */
    struct buf list;  /* all of them as a JSON array. SECRET */
    size_t count;
};

void lines_chunk_init(struct lines_chunk *chunk);
void lines_chunk_done(struct lines_chunk *chunk); /* wipes */
/* Reads up to max lines (one only from a terminal, under the prompt). count 0: no further line.
 * CLI_INVALID for a line that cannot be sent: told on stderr by its number. */
enum cli_exit lines_read(struct lines *l, struct cli *cli, const char *prompt, size_t max,
                         struct lines_chunk *out);
/* The outcome of one line: text, or a problem's code that was not told yet. */
void lines_put(struct lines *l, struct view text);
void lines_refuse(struct lines *l, const char *code);
/* As lines_refuse, where the refusal was told on stderr already. */
void lines_miss(struct lines *l, enum cli_exit code);
/* The outcomes of a batch reply: `results` with member or error, count of them; CLI_SERVER where
 * the reply is not that: told on stderr. */
enum cli_exit lines_results(struct lines *l, const struct cli_reply *reply, const char *member,
                            size_t count);
/* Prints what is due; gives the exit code of the whole run. */
enum cli_exit lines_end(struct lines *l);

#endif
