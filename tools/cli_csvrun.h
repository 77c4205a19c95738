/*
 * cli_csvrun.h - one run of `tokenize --csv`: its input, its output, and where an earlier run
 * ended.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: the client has one thread.
 *
 * The order of a run: csv_run_open, csv_run_begin, then batches, csv_run_finish; csv_run_close
 * always. A fault is told on stderr where it is found.
 */
#ifndef HUFU_TOOLS_CLI_CSVRUN_H
#define HUFU_TOOLS_CLI_CSVRUN_H

#include <signal.h>

#include "tools/cli.h"
#include "tools/cli_csvbatch.h"
#include "tools/cli_part.h"

#define CSV_SAVE_MS 500U /* between two notes of where the run stands */

struct csv_run { /* all zero but cli, plan, clock and ended at the start */
    struct cli *cli;
    const volatile sig_atomic_t *ended; /* not 0: a signal came; borrowed */
    struct csv_plan plan;
    struct csv_reader reader;
    struct csv_row row;
    struct csv_batch batch;
    struct part part;
    struct resume state;
    struct buf head; /* byte order mark and header, as they stand */
    struct progress progress;
    struct progress clock; /* begun and never drawn: the time of the whole run */
    uint64_t saved_ms;     /* of clock, when state was saved */
    bool is_file;          /* the input can be read again from the middle */
    bool resumable;        /* so is the output: FILE.resume is kept */
    bool resumed;
    bool drafted; /* FILE.part is ours; a state says how much of it counts */
    bool saved;
};

/* Wipes the bar, and tells text, or the reader's fault with its line. */
enum cli_exit csv_run_fail(struct csv_run *run, enum cli_exit code, const char *text);
enum cli_exit csv_run_fault(struct csv_run *run, enum hufu_err err);
/* Begins a new progress, not with --quiet. */
void csv_run_progress(struct csv_run *run, const char *what, uint64_t total);

/* Opens the input and finds the columns. CLI_USAGE, CLI_INVALID, CLI_SERVER. */
enum cli_exit csv_run_open(struct csv_run *run);
/*
 * Takes up the earlier run, or checks the whole input and begins a new one; locks the output.
 * With --dry-run the check is all, and run->state has its counts. With run->state.done nothing is
 * left but csv_run_finish. CLI_USAGE (also: the input has changed; nothing was touched),
 * CLI_INVALID (malformed; nothing was sent), CLI_CONFLICT (another run), CLI_SERVER.
 */
enum cli_exit csv_run_begin(struct csv_run *run);
/* Syncs what was written and notes it; nothing where no later run could go on. CLI_USAGE. */
enum cli_exit csv_run_save(struct csv_run *run);
/* Gives the output its name. CLI_USAGE (also: the input was changed meanwhile). */
enum cli_exit csv_run_finish(struct csv_run *run);
/* Wipes and closes; removes a FILE.part that no later run could go on with. */
void csv_run_close(struct csv_run *run);

#endif
