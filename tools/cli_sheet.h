/*
 * cli_sheet.h - reports as CSV: what a spreadsheet opens without running anything.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: cli_sheet_cell and cli_sheet_record are pure; the others write standard output.
 * Source:  RFC 4180 (CR LF ends a record, quotes are doubled); OWASP, CSV injection.
 *
 * A report is a head and records of the same columns: cli_sheet_head once, cli_sheet_row for each
 * item as it comes, page after page. `columns` is "time,domain,partner": members of the item; a dot
 * goes into an object ("assessment.until"). A cell that begins with = + - @, or their full-width
 * forms, gets a leading ': no program takes it for a formula. Control characters become `?`.
 * The json_t pointers are void here, so that only who reads replies needs Jansson.
 */
#ifndef HUFU_TOOLS_CLI_SHEET_H
#define HUFU_TOOLS_CLI_SHEET_H

#include "vault/base/buf.h"

#define CLI_SHEET_CELL_MAX   8192  /* bytes of one cell; a longer one is cut at a character */
#define CLI_SHEET_RECORD_MAX 65536 /* bytes of one record with its end */

/* Appends text as one cell: defused, in quotes where it cannot stand without. */
void cli_sheet_cell(struct view text, struct buf *out);
/*
 * Appends an item (json_t object) as one record with CR LF. Text and whole numbers stand as they
 * are; true and false by name; null and what is absent is an empty cell; lists are joined by "; ",
 * an object's members likewise, each as name=value.
 */
void cli_sheet_record(const void *item, const char *columns, struct buf *out);
/* The member of item (json_t object) that a column's name of len bytes names; NULL: there is none.
 */
const void *cli_sheet_member(const void *item, const char *column, size_t len);
/* The columns' names as a record on standard output. */
void cli_sheet_head(const char *columns);
/* An item as a record on standard output. */
void cli_sheet_row(const void *item, const char *columns);

#endif
