#include "vault/base/log.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include "vault/base/clock.h"
#include "vault/base/frame.h"
#include "vault/base/text.h"

#define LINE_MAX_LEN 1024
#define LINE_END_LEN 2 /* bytes kept free for the brace and the end of the line */

/* The one log sink of a process: set before threads start, but for the level. */
static const char *role_name = "?";
static enum log_format format_now = LOG_JSON;
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

void log_obey(uint8_t control_kind)
{
    if (control_kind >= CONTROL_LEVEL && control_kind <= CONTROL_LEVEL + LOG_DEBUG)
        log_level_set((enum log_level)(control_kind - CONTROL_LEVEL));
}

void log_format_set(enum log_format format)
{
    format_now = format;
}

bool log_wants(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&level_now, memory_order_relaxed);
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

static bool is_json(void)
{
    return format_now == LOG_JSON;
}

/* Quotes are all that a string needs: no character that may stand in one is special in JSON. */
static void put_string(struct buf *out, struct view text)
{
    if (is_json())
        buf_u8(out, '"');
    buf_put(out, text.p, text.len);
    if (is_json())
        buf_u8(out, '"');
}

static void put_safe(struct buf *out, struct view text)
{
    put_string(out, text.p != NULL && text_is_key(text) ? text : view_str("?"));
}

static void put_text(struct buf *out, const char *text)
{
    put_safe(out, text == NULL ? view_of(NULL, 0) : view_str(text));
}

static void put_addr(struct buf *out, const uint8_t *addr)
{
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    bool is_v4 = view_equal(view_of(addr, sizeof(mapped)), view_of(mapped, sizeof(mapped)));
    char text[INET6_ADDRSTRLEN];

    if (inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? addr + 12 : addr, text, sizeof(text)) == NULL)
        put_text(out, NULL);
    else
        put_string(out, view_str(text));
}

static void put_key(struct buf *out, const char *key)
{
    buf_str(out, is_json() ? ",\"" : " ");
    buf_str(out, key);
    buf_str(out, is_json() ? "\":" : "=");
}

/* Pairs that do not fit are left out, and so is all behind them: the line stays whole. */
static void put_pairs(struct buf *out, va_list args)
{
    while (!out->failed) {
        const char *key = va_arg(args, const char *);
        size_t before = out->len;

        if (key == NULL)
            return;
        put_key(out, key);
        switch (va_arg(args, int)) {
        case 'n':
            buf_dec(out, va_arg(args, uint64_t));
            break;
        case 's':
            put_text(out, va_arg(args, const char *));
            break;
        case 'v':
            put_safe(out, va_arg(args, struct view));
            break;
        case 'e':
            put_text(out, err_name((enum hufu_err)va_arg(args, int)));
            break;
        case 'a':
            put_addr(out, va_arg(args, const uint8_t *));
            break;
        default: /* the list is broken: reading on would read anything */
            put_string(out, view_str("?"));
            return;
        }
        if (out->failed)
            out->len = before;
    }
}

/* Time, level, role and event. */
static void put_head(struct buf *out, enum log_level level, const char *event)
{
    char now[CLOCK_TEXT_LEN + 1];

    clock_print(clock_system.now_ms(&clock_system), now);
    buf_str(out, is_json() ? "{\"time\":\"" : "");
    buf_str(out, now);
    buf_str(out, is_json() ? "\",\"level\":\"" : " ");
    buf_str(out, log_level_name(level));
    buf_str(out, is_json() ? "\",\"role\":\"" : " ");
    buf_str(out, role_name);
    buf_str(out, is_json() ? "\",\"event\":\"" : " event=");
    buf_str(out, event);
    buf_str(out, is_json() ? "\"" : "");
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
    struct buf out;
    va_list args;

    if (!log_wants(level))
        return;
    buf_fixed(&out, line, sizeof(line) - LINE_END_LEN);
    put_head(&out, level, event);
    va_start(args, event);
    put_pairs(&out, args);
    va_end(args);
    if (is_json())
        line[out.len++] = '}';
    line[out.len] = '\n';
    emit(line, out.len + 1);
}
