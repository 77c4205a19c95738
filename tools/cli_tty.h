/*
 * cli_tty.h - secrets come in here: from the terminal without echo, or as lines of standard input.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: the client has one thread; signal handlers are borrowed while a prompt is open.
 */
#ifndef HUFU_TOOLS_CLI_TTY_H
#define HUFU_TOOLS_CLI_TTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define CLI_TTY_LINE_MAX 4096 /* bytes of one line, without its end */

struct cli_tty { /* all zero but for fd at the start */
    int fd;
    size_t start; /* of what was read and not yet given out */
    size_t end;
    uint8_t ahead[4096]; /* SECRET */
};

/* fd is borrowed; 0 for standard input. */
void cli_tty_init(struct cli_tty *in, int fd);
void cli_tty_done(struct cli_tty *in); /* wipes */

/*
 * Appends the next line, without LF or CR LF. On a terminal the prompt goes to stderr and what is
 * typed is not shown; else the prompt is left out.
 *
 * Returns: HUFU_OK; HUFU_NOT_FOUND (no further line); HUFU_RANGE (longer than CLI_TTY_LINE_MAX);
 * HUFU_SYNTAX (not UTF-8, or with control characters); HUFU_IO.
 */
HUFU_MUST_USE enum hufu_err cli_tty_ask(struct cli_tty *in, const char *prompt, struct buf *out);
bool cli_tty_is_terminal(const struct cli_tty *in);

#endif
