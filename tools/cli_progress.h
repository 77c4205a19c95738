/*
 * cli_progress.h - how far a long piece of work is: a bar on a terminal, JSON lines on a pipe.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: the client has one thread. cli_progress_line and cli_progress_json are pure.
 *
 * Everything goes to standard error. The bar is drawn only where that is a terminal, at most five
 * times a second, one column short of its width, and is wiped at the end: what is printed next
 * stands on a clean line. A struct that is all zero draws nothing: so is --quiet done.
 */
#ifndef HUFU_TOOLS_CLI_PROGRESS_H
#define HUFU_TOOLS_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"

#define PROGRESS_LINE_MAX 256 /* bytes of a drawn line and its NUL; wider terminals get no more */

struct progress_facts {
    const char *what;    /* printable ASCII of ours, at most 24 columns are shown; borrowed */
    uint64_t done;       /* of total */
    uint64_t total;      /* 0: unknown */
    uint64_t from;       /* part of done that an earlier run did: no part of the rate */
    uint64_t count;      /* things done in this run, where done counts others (bytes); 0: as done */
    uint64_t elapsed_ms; /* of this run */
};

struct progress { /* all zero: draws nothing */
    struct progress_facts facts;
    uint64_t began_ms; /* CLOCK_MONOTONIC */
    uint64_t drawn_ms; /* 0: not yet */
    bool on_terminal;
    bool lines;     /* JSON lines where standard error is no terminal */
    bool on_screen; /* the bar is there and must be wiped */
};

/* what: borrowed until cli_progress_end. total 0: unknown, no percent and no remaining time. */
void cli_progress_begin(struct progress *p, const char *what, uint64_t total);
/* Also writes a JSON line a second where standard error is no terminal; after cli_progress_begin.
 */
void cli_progress_lines(struct progress *p);
/* done of this run begins here: an earlier run did the part before. After cli_progress_begin. */
void cli_progress_from(struct progress *p, uint64_t done);
/* What the rate counts, where that is not done itself; before cli_progress_set. */
void cli_progress_count(struct progress *p, uint64_t count);
void cli_progress_set(struct progress *p, uint64_t done);
/* Wipes the bar; also to be called before anything else is printed. cli_progress_set draws it anew.
 */
void cli_progress_end(struct progress *p);
/* Seconds since cli_progress_begin, in ms. */
uint64_t cli_progress_elapsed_ms(const struct progress *p);

/*
 * Prints the bar's line of exactly `width` columns (cut at PROGRESS_LINE_MAX - 1), padded with
 * blanks, without line end. Narrow terminals lose the rate, then the bar, then the remaining time.
 */
void cli_progress_line(const struct progress_facts *f, size_t width,
                       char out[static PROGRESS_LINE_MAX]);
/* Appends one JSON object without line end: done, elapsed_ms, rate, remaining_s, total, what; null
 * where unknown. */
void cli_progress_json(const struct progress_facts *f, struct buf *out);

#endif
