/*
 * alarm_desk.h - what the core remembers of alarms: which were raised today, how many, how fast.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: safe from any thread.
 * Source:  controls C28, C52.
 */
#ifndef HUFU_ALARM_DESK_H
#define HUFU_ALARM_DESK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vault/access/alarm_row.h"
#include "vault/alarm.h"
#include "vault/base/conf.h"

#define ALARM_TIMES 11 /* bounds of the histogram, the last without end */

extern const uint64_t alarm_times_ms[ALARM_TIMES];

struct alarms {
    bool has_sink;      /* a command or a webhook: the journal alone is no sink that may fail */
    _Atomic bool fresh; /* a row that waits may have come: the courier looks again */
    _Atomic uint64_t raised[ALARM_RULE_COUNT];
    _Atomic uint64_t suspended, not_spooled, not_told; /* not_told: the day's table was full */
    _Atomic uint64_t failed;                           /* attempts of a delivery */
    _Atomic uint64_t took[ALARM_TIMES], took_ms;       /* alarms by time to delivery, and its sum */
    struct alarm_days *days;                           /* owned */
};

HUFU_MUST_USE enum hufu_err alarms_new(const struct conf *conf, struct alarms **out); /* NOMEM */
void alarms_free(struct alarms *a); /* NULL is fine */

/*
 * True where this rule was not raised about this principal on this day (since 1970) since the
 * start, and not by a request that still waits for its commit: it is owner's then, until
 * alarm_days_end. Bounded: where the table is full, false, and it is counted.
 */
bool alarm_days_take(struct alarms *a, unsigned rule, enum alarm_whose whose, struct view name,
                     uint64_t day, const void *owner);
/* What owner has taken is kept until the day's end, or given up. */
void alarm_days_end(struct alarms *a, const void *owner, bool keep);

/* An alarm was delivered so long after it was raised. */
void alarm_took(struct alarms *a, uint64_t ms);

#endif
