/*
 * cli_session.h - the session of a logged-in person, kept in a file of mode 0600.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: the client has one thread.
 *
 * The file is JSON: session, url, ca, user, role, expires_at. A session goes only to the server
 * that gave it; its url and ca are the defaults of later calls.
 */
#ifndef HUFU_TOOLS_CLI_SESSION_H
#define HUFU_TOOLS_CLI_SESSION_H

#include "tools/cli.h"

/* Where the session of this run lies; user names it in a development instance. NULL where unknown:
 * told on stderr. */
const char *cli_session_path(struct cli *cli, const char *user);
/* Fills cli->session, and url and ca where they are not set. CLI_DENIED (not logged in), CLI_USAGE
 * (no file named, another server's, or readable to others): told on stderr. */
enum cli_exit cli_session_load(struct cli *cli);
/* Stores the reply of a login. reply: JSON. SECRET. CLI_SERVER, CLI_USAGE: told on stderr. */
enum cli_exit cli_session_save(struct cli *cli, const char *user, struct view reply);
/* Removes the file; a missing one is fine. */
void cli_session_drop(struct cli *cli);

#endif
