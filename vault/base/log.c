#include "vault/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include "vault/base/buf.h"
#include "vault/base/clock.h"
#include "vault/base/text.h"

#define LINE_MAX_LEN 1024

/* The one log sink of a process: set before threads start, but for the level. */
static const char *role_name = "?";
static atomic_int level_now = LOG_INFO;

void log_setup(const char *role, enum log_level level)
{
    role_name = role;
    log_level_set(level);
}

void log_level_set(enum log_level level)
{
    atomic_store(&level_now, (int)level);
}

const char *log_level_name(enum log_level level)
{
    switch (level) {
    case LOG_ERROR_LEVEL:
        return "error";
    case LOG_WARN:
        return "warn";
    case LOG_INFO:
        return "info";
    case LOG_DEBUG:
        return "debug";
    }
    return "?";
}

static void put_safe(struct buf *out, const char *text)
{
    bool fine = text != NULL && text_is_key(view_str(text));

    buf_str(out, fine ? text : "?");
}

static void put_pairs(struct buf *out, va_list args)
{
    for (;;) {
        const char *key = va_arg(args, const char *);

        if (key == NULL)
            return;
        buf_u8(out, ' ');
        buf_str(out, key);
        buf_u8(out, '=');
        switch (va_arg(args, int)) {
        case 'n':
            buf_dec(out, va_arg(args, uint64_t));
            break;
        case 's':
            put_safe(out, va_arg(args, const char *));
            break;
        case 'e':
            put_safe(out, err_name((enum hufu_err)va_arg(args, int)));
            break;
        default: /* the list is broken: reading on would read anything */
            buf_u8(out, '?');
            return;
        }
    }
}

/* Writes the whole line; what the descriptor refuses is lost, there is nowhere to report it. */
static void emit(const uint8_t *line, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, line, len);

        if (n <= 0)
            return;
        line += n;
        len -= (size_t)n;
    }
}

void log_event(enum log_level level, const char *event, ...)
{
    uint8_t line[LINE_MAX_LEN];
    char now[CLOCK_TEXT_LEN + 1];
    struct buf out;
    va_list args;

    if ((int)level > atomic_load(&level_now))
        return;
    buf_fixed(&out, line, sizeof(line) - 1);
    clock_print(clock_system.now_ms(&clock_system), now);
    buf_str(&out, now);
    buf_u8(&out, ' ');
    buf_str(&out, log_level_name(level));
    buf_u8(&out, ' ');
    buf_str(&out, role_name);
    buf_str(&out, " event=");
    buf_str(&out, event);
    va_start(args, event);
    put_pairs(&out, args);
    va_end(args);
    line[out.len] = '\n';
    emit(line, out.len + 1);
}
