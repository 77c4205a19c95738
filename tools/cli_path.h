/*
 * cli_path.h - the path of a request: the row's, with the argument or a list's page in it.
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

/* Fills out from the command's path: `%` is the argument. CLI_INVALID where that is no name or id:
 * told on stderr. */
enum cli_exit cli_path_make(const struct cli *cli, char out[static CLI_PATH_MAX]);
/* The path of a list's page: limit 0 and an empty after are left out. CLI_INVALID where after is
 * too long: told on stderr. */
enum cli_exit cli_path_page(const struct cli *cli, struct view after, uint64_t limit,
                            char out[static CLI_PATH_MAX]);
/* The option as a number, or fallback where it is not given. CLI_USAGE: told on stderr. */
enum cli_exit cli_path_number(const struct cli *cli, const char *option, uint64_t fallback,
                              uint64_t *out);

#endif
