/*
 * cli_csvplan.h - what the options of `tokenize --csv` ask for, and which columns they mean.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: the client has one thread.
 */
#ifndef HUFU_TOOLS_CLI_CSVPLAN_H
#define HUFU_TOOLS_CLI_CSVPLAN_H

#include "tools/cli.h"
#include "tools/cli_csv.h"

#define CSV_NO_COLUMN SIZE_MAX
#define CSV_RETRY_S   300U   /* --retry-for where it is not given */
#define CSV_RETRY_MAX 86400U /* a day: as long as the server keeps idempotency keys */

struct csv_plan {
    const char *csv; /* "-": standard input */
    const char *out; /* "-": standard output; NULL only with dry_run */
    bool header;
    bool stop; /* at the first refused row */
    bool dry_run;
    bool restart;
    uint64_t retry_s;
    size_t column; /* from 0; csv_plan_columns fills these three */
    size_t subject;
    size_t consent;
    const char *subject_text; /* the same for all rows; NULL: none */
    const char *consent_text;
};

/* CLI_USAGE: told on stderr. */
enum cli_exit csv_plan_read(struct cli *cli, struct csv_plan *out);
/*
 * Finds the columns: numbers from 1, or names of the first record where that is a header.
 * raw: the first record; its texts are never printed. CLI_USAGE, CLI_INVALID: told on stderr.
 */
enum cli_exit csv_plan_columns(const struct cli *cli, struct csv_plan *plan,
                               const struct csv_row *row, struct view raw);
/* Appends what a later run must have the same to go on: JSON, nothing of the input's content. */
void csv_plan_settings(const struct cli *cli, const struct csv_plan *plan, struct buf *out);

#endif
