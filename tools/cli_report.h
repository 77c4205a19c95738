/*
 * cli_report.h - a report page by page: every item handed on, what each page counts added up.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: the client has one thread.
 *
 * A report is GET path?since=&until=&after= of the command's row; a page is an object with `next`
 * (an index of the log, or an id), maybe `items`, and numbers. The json_t pointers are void here,
 * so that only who reads replies needs Jansson.
 */
#ifndef HUFU_TOOLS_CLI_REPORT_H
#define HUFU_TOOLS_CLI_REPORT_H

#include "tools/cli.h"

/*
 * Reads the whole report that the command's row and the options --from and --to describe; each day
 * ("2026-11-21") begins at midnight UTC. Pages all have the first one's end.
 *
 * each:       gets every item (json_t object) in order; NULL where the report has none.
 * totals_out: the pages without items and next, added up (cli_report_add); json_decref it.
 * Returns:    CLI_OK, else as cli_http_call: told on stderr. cli_run.c has looked at the times.
 */
enum cli_exit cli_report_read(struct cli *cli, void (*each)(void *arg, const void *item), void *arg,
                              void **totals_out);
/*
 * Adds a page (json_t object) to what the pages before it came to: whole numbers are summed, those
 * whose name begins with "worst" take the larger; objects member by member; lists of objects row by
 * row, rows being the same where their texts are; else the newer stands. sum NULL: a copy.
 */
void *cli_report_add(void *sum, const void *page);

#endif
