/*
 * alarm_flight.h - the courier's own operations: begun, handed in, one at a time.
 *
 * Layer:   vault/ (verbs). For alarm_courier.c and alarm_sweep.c.
 * Threads: the courier's; an operation is settled by the journal thread.
 */
#ifndef HUFU_ALARM_FLIGHT_H
#define HUFU_ALARM_FLIGHT_H

#include "vault/alarm_courier.h"

struct alarm_flight { /* freed when it is settled */
    struct request req;
    struct courier *c;
    uint8_t purpose[96], reason[96];
};

/* One operation with room for so many rows. NULL where memory is missing. */
struct alarm_flight *alarm_flight_new(struct courier *c, const char *verb, size_t rows);
void alarm_flight_free(struct alarm_flight *fl);
/* Hands it in: c->way tells what becomes of it. False: it is freed. */
bool alarm_flight_submit(struct courier *c, struct alarm_flight *fl);
/* The alarm's row behind the key, or the first one after it. HUFU_NOT_FOUND; HUFU_CORRUPT: out has
 * its id and nothing else; HUFU_RANGE: the key is no alarm's. */
HUFU_MUST_USE enum hufu_err alarm_flight_row(struct courier *c, struct view key, bool after,
                                             struct alarm_row *out);

/* Takes away rows that are over, and says when to look again. True where it has handed it in. */
bool alarm_sweep(struct courier *c);

#endif
