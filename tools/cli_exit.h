/*
 * cli_exit.h - from an HTTP status and a problem's code to an exit code and the next step.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: pure functions over constant tables.
 */
#ifndef HUFU_TOOLS_CLI_EXIT_H
#define HUFU_TOOLS_CLI_EXIT_H

#include "tools/cli.h"

/* CLI_OK for 2xx; else by the problem's code, and by the status where code is "" or not in the
 * contract. status 0: an item's error inside a batch. */
enum cli_exit cli_exit_of(long status, const char *code);
/* The code's title; NULL for a code that is not in the contract. */
const char *cli_exit_title(const char *code);
/* What the caller can do about it, one sentence without a full stop; never NULL. */
const char *cli_exit_advice(const char *code);
/* The same, where the command (NULL: not looked at) or the member at fault (a JSON Pointer, ""
 * where there is none) says more; NULL where neither does. */
const char *cli_exit_advice_at(const struct cli_command *command, const char *code,
                               const char *field);
/* The same, where it depends on the credential that was sent. */
const char *cli_exit_advice_to(const char *code, bool with_session, bool with_cert);
const char *cli_exit_meaning(enum cli_exit code);

#endif
