/*
 * cli_when.h - options that take a time: a day, or a time of a day.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: the client has one thread.
 * Source:  RFC 3339, UTC with `Z` only; a day ("2026-11-21") is its midnight.
 */
#ifndef HUFU_TOOLS_CLI_WHEN_H
#define HUFU_TOOLS_CLI_WHEN_H

#include "tools/cli.h"
#include "vault/base/clock.h"

/*
 * Looks at every option of the command that takes a TIME, before anything is sent.
 *
 * now_ms:  what an option that says until when a paper is good must be later than.
 * Returns: CLI_OK; CLI_USAGE, told on stderr by the option's name, for what is no time, for a paper
 *          that is over already, and where --from is later than --to.
 */
enum cli_exit cli_when_check(const struct cli *cli, uint64_t now_ms);
/* The option's time as the server takes it; "" where it was not given or is no time. */
void cli_when_print(const struct cli *cli, const char *option, char out[static CLOCK_TEXT_LEN + 1]);

#endif
