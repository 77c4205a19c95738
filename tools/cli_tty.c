#include "tools/cli_tty.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "vault/base/secret.h"
#include "vault/base/text.h"

static volatile sig_atomic_t caught;

static void remember(int number)
{
    caught = number;
}

void cli_tty_init(struct cli_tty *in, int fd)
{
    *in = (struct cli_tty){ .fd = fd };
}

void cli_tty_done(struct cli_tty *in)
{
    wipe(in->ahead, sizeof(in->ahead));
    in->start = in->end = 0;
}

bool cli_tty_is_terminal(const struct cli_tty *in)
{
    return isatty(in->fd) == 1;
}

/* Fills the look-ahead; NOT_FOUND at the end of input, IO where a signal or a fault came. */
static enum hufu_err fill(struct cli_tty *in)
{
    ssize_t n;

    do
        n = read(in->fd, in->ahead, sizeof(in->ahead));
    while (n < 0 && errno == EINTR && caught == 0);
    if (n < 0)
        return HUFU_IO;
    in->start = 0;
    in->end = (size_t)n;
    return n == 0 ? HUFU_NOT_FOUND : HUFU_OK;
}

/* Reads up to LF or the end; *len_out counts all bytes of the line, also those beyond the limit. */
static enum hufu_err take_line(struct cli_tty *in, uint8_t line[static CLI_TTY_LINE_MAX + 1],
                               size_t *len_out)
{
    enum hufu_err err;
    size_t len = 0;

    for (;;) {
        if (in->start == in->end) {
            err = fill(in);
            if (err == HUFU_NOT_FOUND && len > 0)
                break;
            if (err != HUFU_OK)
                return err;
        }
        uint8_t c = in->ahead[in->start];
        in->ahead[in->start++] = 0;
        if (c == '\n')
            break;
        if (len <= CLI_TTY_LINE_MAX)
            line[len++] = c;
    }
    if (len > 0 && len <= CLI_TTY_LINE_MAX && line[len - 1] == '\r')
        len--;
    *len_out = len;
    return HUFU_OK;
}

static enum hufu_err read_line(struct cli_tty *in, struct buf *out)
{
    uint8_t line[CLI_TTY_LINE_MAX + 1];
    size_t len = 0;
    enum hufu_err err = take_line(in, line, &len);

    if (err == HUFU_OK && len > CLI_TTY_LINE_MAX)
        err = HUFU_RANGE;
    if (err == HUFU_OK && !text_is_utf8(view_of(line, len)))
        err = HUFU_SYNTAX;
    if (err == HUFU_OK) {
        buf_put(out, line, len);
        err = buf_check(out);
    }
    wipe(line, sizeof(line));
    return err;
}

/* A terminal must get its echo back also when the reader is interrupted at the prompt. */
static enum hufu_err read_silent(struct cli_tty *in, struct buf *out)
{
    static const int watched[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
    enum { WATCHED = sizeof(watched) / sizeof(watched[0]) };
    struct sigaction old[WATCHED];
    struct sigaction now = { .sa_handler = remember };
    struct termios saved;
    struct termios quiet;
    enum hufu_err err;

    if (tcgetattr(in->fd, &saved) != 0)
        return HUFU_IO;
    caught = 0;
    for (size_t i = 0; i < WATCHED; i++)
        (void)sigaction(watched[i], &now, &old[i]);
    quiet = saved;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    if (tcsetattr(in->fd, TCSAFLUSH, &quiet) != 0)
        err = HUFU_IO;
    else
        err = read_line(in, out);
    (void)tcsetattr(in->fd, TCSAFLUSH, &saved);
    (void)fputc('\n', stderr);
    for (size_t i = 0; i < WATCHED; i++)
        (void)sigaction(watched[i], &old[i], NULL);
    if (caught != 0)
        (void)raise(caught);
    return err;
}

enum hufu_err cli_tty_ask(struct cli_tty *in, const char *prompt, struct buf *out)
{
    if (!cli_tty_is_terminal(in))
        return read_line(in, out);
    (void)fputs(prompt, stderr);
    (void)fputs(": ", stderr);
    (void)fflush(stderr);
    return read_silent(in, out);
}
