#include "tools/cli_progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "vault/base/json.h"

#define DRAW_MS     200U
#define LINE_MS     1000U
#define WIDTH_USUAL 80U /* where the terminal does not tell */
#define WHAT_MAX    24
#define BAR_MIN     8U
#define BAR_MAX     40U
#define PART_MAX    48 /* bytes of a number with its unit */

static uint64_t now_ms(void)
{
    struct timespec t = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* a * b / c for numbers that may be large; the largest where it does not fit, 0 for c = 0. */
static uint64_t scale(uint64_t a, uint64_t b, uint64_t c)
{
    unsigned __int128 x;

    if (c == 0)
        return 0;
    x = (unsigned __int128)a * b / c;
    return x > UINT64_MAX ? UINT64_MAX : (uint64_t)x;
}

static uint64_t done_now(const struct progress_facts *f)
{
    return f->done > f->from ? f->done - f->from : 0;
}

/* Tenths a second. */
static uint64_t rate_tenths(const struct progress_facts *f)
{
    return scale(f->count != 0 ? f->count : done_now(f), 10000, f->elapsed_ms);
}

/* False where nobody can tell yet. */
static bool remaining_s(const struct progress_facts *f, uint64_t *out)
{
    uint64_t now = done_now(f);

    if (f->total == 0 || now == 0 || f->elapsed_ms == 0)
        return false;
    *out = f->done >= f->total
               ? 0
               : scale(f->total - f->done, f->elapsed_ms, now) / 1000 + 1; /* never 0 too early */
    return true;
}

static void print_left(const struct progress_facts *f, char out[static PART_MAX])
{
    uint64_t s = 0;

    if (!remaining_s(f, &s))
        (void)snprintf(out, PART_MAX, "%s", f->total != 0 ? "  --:-- left" : "");
    else if (s >= 100U * 3600)
        (void)snprintf(out, PART_MAX, "  %llu days left", (unsigned long long)(s / 86400));
    else if (s >= 3600)
        (void)snprintf(out, PART_MAX, "  %llu:%02u:%02u left", (unsigned long long)(s / 3600),
                       (unsigned)(s / 60 % 60), (unsigned)(s % 60));
    else
        (void)snprintf(out, PART_MAX, "  %02u:%02u left", (unsigned)(s / 60), (unsigned)(s % 60));
}

static void print_rate(const struct progress_facts *f, char out[static PART_MAX])
{
    uint64_t tenths = rate_tenths(f);

    if (f->elapsed_ms == 0)
        out[0] = 0;
    else if (tenths < 100)
        (void)snprintf(out, PART_MAX, "  %llu.%llu/s", (unsigned long long)(tenths / 10),
                       (unsigned long long)(tenths % 10));
    else
        (void)snprintf(out, PART_MAX, "  %llu/s", (unsigned long long)(tenths / 10));
}

static void print_share(const struct progress_facts *f, char out[static PART_MAX])
{
    uint64_t done = f->done < f->total ? f->done : f->total;

    if (f->total == 0)
        (void)snprintf(out, PART_MAX, "  %llu",
                       (unsigned long long)(f->count != 0 ? f->count : f->done));
    else
        (void)snprintf(out, PART_MAX, "  %3u%%", (unsigned)scale(done, 100, f->total));
}

/* Puts text at *at of a line of `width` columns; what does not fit is left out. */
static void put(char *line, size_t width, size_t *at, const char *text)
{
    size_t len = strlen(text);

    if (len > width - *at)
        len = width - *at;
    memcpy(line + *at, text, len);
    *at += len;
}

static void put_bar(const struct progress_facts *f, char *line, size_t width, size_t *at,
                    size_t bar)
{
    uint64_t done = f->done < f->total ? f->done : f->total;
    size_t full = (size_t)scale(done, bar, f->total);

    put(line, width, at, "  [");
    memset(line + *at, '.', bar);
    memset(line + *at, '#', full);
    *at += bar;
    put(line, width, at, "]");
}

void cli_progress_line(const struct progress_facts *f, size_t width,
                       char out[static PROGRESS_LINE_MAX])
{
    char what[WHAT_MAX + 1], share[PART_MAX], rate[PART_MAX], left[PART_MAX];
    size_t frame = sizeof("  []") - 1, used, at = 0;

    if (width > PROGRESS_LINE_MAX - 1)
        width = PROGRESS_LINE_MAX - 1;
    (void)snprintf(what, sizeof(what), "%s", f->what);
    print_share(f, share);
    print_rate(f, rate);
    print_left(f, left);
    used = strlen(what) + strlen(share) + strlen(left);
    if (used + strlen(rate) > width)
        rate[0] = 0;
    if (used > width)
        left[0] = 0;
    used = strlen(what) + strlen(share) + strlen(rate) + strlen(left);
    memset(out, ' ', width);
    out[width] = 0;
    put(out, width, &at, what);
    if (f->total != 0 && used + frame + BAR_MIN <= width)
        put_bar(f, out, width, &at,
                width - used - frame < BAR_MAX ? width - used - frame : BAR_MAX);
    put(out, width, &at, share);
    put(out, width, &at, rate);
    put(out, width, &at, left);
}

void cli_progress_json(const struct progress_facts *f, struct buf *out)
{
    uint64_t left = 0;
    struct json j;

    json_init(&j, out);
    json_open(&j);
    json_put_u64(&j, "done", f->done);
    json_put_u64(&j, "elapsed_ms", f->elapsed_ms);
    json_put_u64(&j, "rate", rate_tenths(f) / 10);
    json_name(&j, "remaining_s");
    if (remaining_s(f, &left))
        json_u64(&j, left);
    else
        json_nil(&j);
    json_name(&j, "total");
    if (f->total != 0)
        json_u64(&j, f->total);
    else
        json_nil(&j);
    json_put_str(&j, "what", f->what);
    json_close(&j);
}

void cli_progress_begin(struct progress *p, const char *what, uint64_t total)
{
    *p = (struct progress){ .facts = { .what = what, .total = total }, .began_ms = now_ms() };
    p->on_terminal = isatty(STDERR_FILENO) == 1;
}

void cli_progress_lines(struct progress *p)
{
    p->lines = true;
}

void cli_progress_from(struct progress *p, uint64_t done)
{
    p->facts.from = p->facts.done = done;
}

void cli_progress_count(struct progress *p, uint64_t count)
{
    p->facts.count = count;
}

uint64_t cli_progress_elapsed_ms(const struct progress *p)
{
    return p->facts.what != NULL ? now_ms() - p->began_ms : 0;
}

/* One column stays free: a terminal that has all of them written may scroll. */
static void draw_bar(struct progress *p)
{
    struct winsize size = { 0 };
    char line[PROGRESS_LINE_MAX];
    size_t width = WIDTH_USUAL;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        width = size.ws_col;
    cli_progress_line(&p->facts, width - 1, line);
    (void)fprintf(stderr, "\r%s", line);
    (void)fflush(stderr);
    p->on_screen = true;
}

static void draw_json(const struct progress *p)
{
    struct buf text;

    buf_init(&text, 1024);
    cli_progress_json(&p->facts, &text);
    if (buf_check(&text) == HUFU_OK)
        (void)fprintf(stderr, "%.*s\n", (int)text.len, (const char *)text.p);
    (void)fflush(stderr);
    buf_done(&text);
}

void cli_progress_set(struct progress *p, uint64_t done)
{
    uint64_t pause = p->on_terminal ? DRAW_MS : LINE_MS;
    uint64_t now;

    p->facts.done = done;
    if (!p->on_terminal && !p->lines)
        return;
    now = now_ms();
    /* The first JSON line comes after a second: short work stays silent on a pipe. */
    if (now - (p->drawn_ms != 0 || p->on_terminal ? p->drawn_ms : p->began_ms) < pause)
        return;
    p->drawn_ms = now;
    p->facts.elapsed_ms = now - p->began_ms;
    if (p->on_terminal)
        draw_bar(p);
    else
        draw_json(p);
}

void cli_progress_end(struct progress *p)
{
    struct winsize size = { 0 };
    size_t width = WIDTH_USUAL;

    if (!p->on_screen)
        return;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        width = size.ws_col;
    if (width > PROGRESS_LINE_MAX)
        width = PROGRESS_LINE_MAX;
    (void)fprintf(stderr, "\r%*s\r", (int)width - 1, "");
    (void)fflush(stderr);
    p->on_screen = false;
    p->drawn_ms = 0;
}
