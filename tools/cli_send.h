/*
 * cli_send.h - the request that a command's row describes: path, options, secrets; or a dry run.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: the client has one thread.
 */
#ifndef HUFU_TOOLS_CLI_SEND_H
#define HUFU_TOOLS_CLI_SEND_H

#include "tools/cli.h"
#include "tools/cli_http.h"

#define CLI_SECRETS_MAX 2

/*
 * Sends it, with the secrets that it asks for. With --dry-run nothing is asked for and nothing is
 * sent: method, path and the members' names go to standard output, and out->status stays 0.
 * Returns: CLI_OK for 2xx and for a dry run; else the exit code: told on stderr.
 */
enum cli_exit cli_send_row(struct cli *cli, struct cli_reply *out);

#endif
