/*
 * clock.h - the time, behind an ops struct so that tests own it, and RFC 3339 text.
 *
 * Layer:   vault/base/. Includes err.h, buf.h.
 * Threads: safe from any thread.
 * Source:  RFC 3339 section 5.6, UTC with `Z` only.
 */
#ifndef HUFU_BASE_CLOCK_H
#define HUFU_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

struct clock_ops {
    uint64_t (*now_ms)(const struct clock_ops *clock);  /* ms since 1970, UTC; may jump */
    uint64_t (*boot_ms)(const struct clock_ops *clock); /* ms, CLOCK_BOOTTIME; never runs back */
};

/* The system's clocks. */
extern const struct clock_ops clock_system;
/* Microseconds that never run back: for measuring, never for deciding. */
uint64_t clock_us(void);

#define CLOCK_TEXT_LEN 24 /* bytes of "2026-11-21T23:47:10.123Z", without a NUL */

/* Prints ms UTC as "YYYY-MM-DDTHH:MM:SS.mmmZ"; ms is cut at 9999-12-31T23:59:59.999Z. */
void clock_print(uint64_t ms, char out[static CLOCK_TEXT_LEN + 1]);

/* Reads what clock_print writes, and the form without milliseconds. HUFU_SYNTAX, out untouched. */
HUFU_MUST_USE enum hufu_err clock_parse(struct view text, uint64_t *ms_out);

/* True where y-m-d is a date of the Gregorian calendar (y 1..9999). */
bool clock_is_date(unsigned y, unsigned m, unsigned d);

#endif
