/*
 * metrics.h - the front's own counters, and their text for Prometheus.
 *
 * Layer:   api/. Includes vault/base/ only.
 * Threads: every function is safe from any thread; counters are atomic and never reset.
 * Source:  Prometheus text exposition format 0.0.4.
 *
 * Labels are names of our own tables only: nothing from outside becomes a label.
 */
#ifndef HUFU_API_METRICS_H
#define HUFU_API_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "api/routes.h"
#include "vault/base/buf.h"

#define METRICS_ROUTES_MAX   64 /* rows of the table of routes, and one for no route */
#define METRICS_STATUSES_MAX 20

enum metrics_refusal {
    METRICS_FRAMING,     /* the guard said no */
    METRICS_CERTIFICATE, /* a certificate that is bad or not pinned */
    METRICS_NO_CORE,     /* no link, no room, or no answer in time */
    METRICS_REFUSALS
};

struct metrics {
    _Atomic uint64_t requests[METRICS_ROUTES_MAX][METRICS_STATUSES_MAX];
    _Atomic uint64_t refused[METRICS_REFUSALS];
    _Atomic uint64_t connections; /* accepted */
};

struct metrics_now { /* what others know */
    uint64_t open, late, waiting;
    bool core_up;
};

/* Counts an answer; route NULL: none matched. */
void metrics_answer(struct metrics *m, const struct route *route, unsigned status);
void metrics_refuse(struct metrics *m, enum metrics_refusal why);
void metrics_connection(struct metrics *m);
/* Appends the front's part of /metrics. */
void metrics_print(struct metrics *m, const struct metrics_now *now, struct buf *out);

#endif
