/*
 * cli_print.h - replies on standard output: JSON, one object a line, or what people like to read.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: the client has one thread.
 *
 * What a server sends is shown without control characters: it cannot steer a terminal.
 */
#ifndef HUFU_TOOLS_CLI_PRINT_H
#define HUFU_TOOLS_CLI_PRINT_H

#include <stdio.h>

#include "tools/cli.h"
#include "tools/cli_http.h"

/* Standard output through memory of ours, so that it can be wiped; jansson's memory is wiped too.
 */
void cli_print_init(void);
/* Flushes and wipes. False where the output could not be written. */
bool cli_print_done(void);
/* Writes text without control characters. */
void cli_print_text(FILE *out, struct view text);
/* Writes a body as received and LF. CLI_SERVER where it is not JSON: told on stderr. */
enum cli_exit cli_print_raw(const struct cli_reply *reply);
/* Writes a json_t as one line of compact JSON, sorted, and flushes. */
void cli_print_line(const void *json);
/* Writes a reply as JSON or for people (cli_wants_json), an empty body as nothing; then what is to
 * be done next. CLI_SERVER where it is no JSON object: told on stderr. */
enum cli_exit cli_print_reply(const struct cli *cli, const struct cli_reply *reply);

#endif
