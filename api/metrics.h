/*
 * metrics.h - the front's own counters, and their text for Prometheus.
 *
 * Layer:   api/. Includes vault/base/ only.
 * Threads: every function is safe from any thread; counters are atomic and never reset.
 *
 * Labels are names of our own tables only: nothing from outside becomes a label.
 */
#ifndef HUFU_API_METRICS_H
#define HUFU_API_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "api/routes.h"
#include "vault/base/buf.h"

#define METRICS_VERBS    (VERB_COUNT + 2)     /* no route is 0; behind the verbs: livez, openapi */
#define METRICS_OUTCOMES (HUFU_ERR_COUNT + 3) /* an error, or one of the statuses of success */
#define METRICS_BUCKETS  15 /* of the time an answer took; the last is for the rest */

enum metrics_refusal {
    METRICS_FRAMING,     /* the guard said no */
    METRICS_CERTIFICATE, /* a certificate that is bad or not pinned */
    METRICS_IDENTITY,    /* certificate and session together */
    METRICS_ROUTE,       /* no such path or method */
    METRICS_BODY,        /* too large, or of another media type */
    METRICS_NO_CORE,     /* no link, no room, or no answer in time */
    METRICS_REFUSALS
};

struct metrics {
    _Atomic uint64_t requests[METRICS_VERBS][METRICS_OUTCOMES];
    _Atomic uint64_t took[METRICS_VERBS][METRICS_BUCKETS];
    _Atomic uint64_t took_us[METRICS_VERBS];
    _Atomic uint64_t refused[METRICS_REFUSALS];
    _Atomic uint64_t connections; /* accepted */
};

struct metrics_now { /* what others know */
    uint64_t open, busy, late, waiting;
    uint64_t core_links;                /* since the start: each is a core */
    uint64_t started_ms, cert_until_ms; /* UTC */
    bool core_up;
};

/* "tokenize", …; "livez", "openapi"; "none" for NULL: no route matched. */
const char *metrics_verb(const struct route *route);
/* Counts an answer. err: HUFU_OK, then status is 200, 201, 202 or 204. us: from head to answer. */
void metrics_answer(struct metrics *m, const struct route *route, enum hufu_err err,
                    unsigned status, uint64_t us);
void metrics_refuse(struct metrics *m, enum metrics_refusal why);
void metrics_connection(struct metrics *m);
/* Appends the front's part of /metrics. */
void metrics_print(struct metrics *m, const struct metrics_now *now, struct buf *out);

#endif
