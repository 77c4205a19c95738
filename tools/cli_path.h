/*
 * cli_path.h - the path of a request: the row's, with the argument and list options in it.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: pure functions.
 *
 * Only names and ids ever come into a path; values and tokens travel in bodies.
 */
#ifndef HUFU_TOOLS_CLI_PATH_H
#define HUFU_TOOLS_CLI_PATH_H

#include "tools/cli.h"

#define CLI_PATH_MAX 512

/* Fills out from the command's path: `%` is the argument, --limit and --after become a query.
 * CLI_INVALID where the argument is no name or id, CLI_USAGE for a bad limit: told on stderr. */
enum cli_exit cli_path_make(const struct cli *cli, char out[static CLI_PATH_MAX]);
/* The option as a number, or fallback where it is not given. CLI_USAGE: told on stderr. */
enum cli_exit cli_path_number(const struct cli *cli, const char *option, uint64_t fallback,
                              uint64_t *out);

#endif
