#include "vault/base/clock.h"

#include <time.h>

#include "vault/base/text.h"

#define DAY_MS  86400000u
#define LAST_MS 253402300799999u /* 9999-12-31T23:59:59.999Z */

static uint64_t read_ms(clockid_t which)
{
    struct timespec ts = { 0 };

    if (clock_gettime(which, &ts) != 0 || ts.tv_sec < 0)
        return 0;
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static uint64_t system_now(const struct clock_ops *clock)
{
    (void)clock;
    return read_ms(CLOCK_REALTIME);
}

static uint64_t system_boot(const struct clock_ops *clock)
{
    (void)clock;
    return read_ms(CLOCK_BOOTTIME);
}

uint64_t clock_us(void)
{
    struct timespec ts = { 0 };

    if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
        return 0;
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

const struct clock_ops clock_system = { system_now, system_boot };

static bool is_leap(unsigned y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static unsigned month_days(unsigned y, unsigned m)
{
    static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    return days[m - 1] + (m == 2 && is_leap(y) ? 1u : 0u);
}

bool clock_is_date(unsigned y, unsigned m, unsigned d)
{
    return y >= 1 && y <= 9999 && m >= 1 && m <= 12 && d >= 1 && d <= month_days(y, m);
}

/* Days from 0001-01-01 to y-01-01. */
static uint64_t days_before(unsigned y)
{
    uint64_t past = y - 1;

    return past * 365 + past / 4 - past / 100 + past / 400;
}

static void put_dec(char *out, unsigned width, uint64_t v)
{
    for (; width > 0; width--, v /= 10)
        out[width - 1] = (char)('0' + v % 10);
}

void clock_print(uint64_t ms, char out[static CLOCK_TEXT_LEN + 1])
{
    static const char shape[CLOCK_TEXT_LEN + 1] = "0000-00-00T00:00:00.000Z";
    uint64_t at = ms > LAST_MS ? LAST_MS : ms;
    uint64_t days = at / DAY_MS + days_before(1970);
    unsigned y = (unsigned)(days / 366) + 1; /* never too late; a few steps too early */
    unsigned m = 1;

    while (days_before(y + 1) <= days)
        y++;
    days -= days_before(y);
    for (; days >= month_days(y, m); m++)
        days -= month_days(y, m);

    for (unsigned i = 0; i <= CLOCK_TEXT_LEN; i++)
        out[i] = shape[i];
    put_dec(out, 4, y);
    put_dec(out + 5, 2, m);
    put_dec(out + 8, 2, days + 1);
    put_dec(out + 11, 2, at / 3600000 % 24);
    put_dec(out + 14, 2, at / 60000 % 60);
    put_dec(out + 17, 2, at / 1000 % 60);
    put_dec(out + 20, 3, at % 1000);
}

/* True where text has the shape, in which 0 stands for any digit. */
static bool has_shape(struct view text, const char *shape)
{
    for (size_t i = 0; i < text.len; i++) {
        bool digit = text.p[i] >= '0' && text.p[i] <= '9';

        if (shape[i] == '0' ? !digit : text.p[i] != (uint8_t)shape[i])
            return false;
    }
    return true;
}

static unsigned get_dec(const uint8_t *p, unsigned width)
{
    unsigned v = 0;

    for (unsigned i = 0; i < width; i++)
        v = v * 10 + (p[i] - (unsigned)'0');
    return v;
}

enum hufu_err clock_parse(struct view text, uint64_t *ms_out)
{
    bool fine = text.len == CLOCK_TEXT_LEN;
    unsigned y, m, d, hour, min, s;
    uint64_t days;

    if (!fine && text.len != CLOCK_TEXT_LEN - 4)
        return HUFU_SYNTAX;
    if (!has_shape(text, fine ? "0000-00-00T00:00:00.000Z" : "0000-00-00T00:00:00Z"))
        return HUFU_SYNTAX;
    y = get_dec(text.p, 4);
    m = get_dec(text.p + 5, 2);
    d = get_dec(text.p + 8, 2);
    hour = get_dec(text.p + 11, 2);
    min = get_dec(text.p + 14, 2);
    s = get_dec(text.p + 17, 2);
    if (y < 1970 || !clock_is_date(y, m, d) || hour > 23 || min > 59 || s > 59)
        return HUFU_SYNTAX;

    days = days_before(y) - days_before(1970) + d - 1;
    for (unsigned i = 1; i < m; i++)
        days += month_days(y, i);
    *ms_out = days * DAY_MS + hour * 3600000ull + min * 60000ull + s * 1000ull +
              (fine ? get_dec(text.p + 20, 3) : 0);
    return HUFU_OK;
}
