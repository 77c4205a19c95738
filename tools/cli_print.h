/*
 * cli_print.h - replies on standard output: as received (-o json), or as lines for people.
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
/* Writes a reply by cli->json and the command's columns: `items` as a table, an object as
 * "member: value" lines, an empty body as nothing. CLI_SERVER as above. */
enum cli_exit cli_print_reply(const struct cli *cli, const struct cli_reply *reply);
/* Draws text as a QR code of half blocks; nothing where it does not fit. */
void cli_print_qr(FILE *out, const char *text);

#endif
