/*
 * cli_show.h - replies for people: aligned members, tables, what is shown once, the next step.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: the client has one thread.
 *
 * Times stay RFC 3339. What a server sends is shown without control characters. The json_t pointers
 * are void here, so that only who reads replies needs Jansson.
 */
#ifndef HUFU_TOOLS_CLI_SHOW_H
#define HUFU_TOOLS_CLI_SHOW_H

#include "tools/cli.h"

/* "member:  value" lines; lists of objects as tables below their name. Where a code's secret is
 * among them: its QR code on a terminal, and that it is not shown again. */
void cli_show_object(const void *object);
/* Objects as a table. columns: names with commas; NULL: all members of the first one. */
void cli_show_table(const void *items, const char *columns);
/* On stderr, unless --quiet: whose approval is missing, where the reply is of a ceremony. */
void cli_show_next(const struct cli *cli, const void *object);

#endif
