#include "vault/format/format_order.h"

#include <assert.h>
#include <string.h>

#include "vault/base/clock.h"

uint32_t format_order_symbol(struct format_symbols symbols, uint8_t c)
{
    const char *at = memchr(symbols.symbol, c, symbols.count);

    assert(at != NULL);
    return (uint32_t)(at - symbols.symbol);
}

uint32_t format_order_values(const struct format_values *values)
{
    uint32_t n = 0;

    for (size_t i = 0; i < format_values_size(values); i++)
        n += (uint32_t)__builtin_popcountll(values->bits[i]);
    return n;
}

uint32_t format_order_value(const struct format_values *values, const uint8_t *at)
{
    unsigned number = format_values_number(values, at);
    uint64_t below = values->bits[number / 64] & ((UINT64_C(1) << (number % 64)) - 1);
    uint32_t n = (uint32_t)__builtin_popcountll(below);

    for (size_t i = 0; i < number / 64; i++)
        n += (uint32_t)__builtin_popcountll(values->bits[i]);
    return n;
}

void format_order_value_put(const struct format_values *values, uint32_t n, uint8_t *at)
{
    size_t word = 0;
    uint64_t bits;
    unsigned number;

    for (uint32_t here; (here = (uint32_t)__builtin_popcountll(values->bits[word])) <= n; word++)
        n -= here;
    for (bits = values->bits[word]; n > 0; n--)
        bits &= bits - 1; /* without its lowest */
    number = (unsigned)word * 64 + (unsigned)__builtin_ctzll(bits);
    for (size_t i = values->width; i-- > 0; number /= values->base) {
        unsigned v = number % values->base;

        at[i] = (uint8_t)(v < 10 ? '0' + v : 'A' + v - 10);
    }
}

/* Days from the first of January of year 1 to that of a year, at least 1. */
static uint32_t days_before(unsigned year)
{
    uint32_t past = year - 1;

    return past * 365 + past / 4 - past / 100 + past / 400;
}

uint32_t format_order_dates(const struct format_part *p)
{
    return days_before(p->year_max + 1u) - days_before(p->year_min);
}

uint32_t format_order_date(const struct format_part *p, const uint8_t *at)
{
    static const uint16_t before[12] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    unsigned year, month, day;

    format_date_read(p, at, &year, &month, &day);
    return days_before(year) - days_before(p->year_min) + before[month - 1] + day - 1 +
           (month > 2 && clock_is_date(year, 2, 29) ? 1u : 0u);
}

void format_order_date_put(const struct format_part *p, uint32_t n, uint8_t *at)
{
    uint32_t first = days_before(p->year_min);
    unsigned year = p->year_min + n / 366; /* no year is longer: this one or a later one */

    while (days_before(year + 1) - first <= n)
        year++;
    (void)format_date_put(p, year, n - (days_before(year) - first), at); /* the year has it */
}
