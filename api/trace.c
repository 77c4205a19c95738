#include "api/trace.h"

#include "vault/base/clock.h"
#include "vault/base/log.h"

/* A success that comes by the thousand, and has its entry in the audit log: tokens and values; or a
 * probe. */
static bool is_usual(const struct route *route, enum hufu_err err)
{
    if (err != HUFU_OK || route == NULL)
        return false;
    switch (route->verb) {
    case VERB_TOKENIZE:
    case VERB_LOOKUP:
    case VERB_INSPECT:
    case VERB_DETOKENIZE:
        return true;
    default:
        return route->kind != ROUTE_VERB;
    }
}

/* True where the settings want a line. */
static bool is_wanted(enum trace_choice choice, const struct route *route, enum hufu_err err)
{
    return choice == TRACE_ALL || (choice == TRACE_SOME && !is_usual(route, err));
}

void trace_answer(struct serve *s, const struct peer *p, const struct reply *reply)
{
    const struct call *c = &p->call;
    const struct route *route = c->match.route;
    enum hufu_err err = c->outcome;
    uint64_t us = clock_us() - c->began_us;
    bool failed = reply->status >= 500;
    bool loud = (failed || us > TRACE_SLOW_US) && route != NULL && route->kind == ROUTE_VERB;

    if (err != HUFU_OK && err_code(err) == NULL)
        err = HUFU_UNAVAILABLE; /* as the answer says it */
    metrics_answer(&s->metrics, route, err, reply->status, us);
    if (!loud && !is_wanted(s->log_requests, route, err))
        return;
    log_event(failed ? LOG_WARN : LOG_INFO, "request", "request_id",
              LOG_VIEW(view_of(c->request_id, c->request_id_len)), "verb",
              LOG_STR(metrics_verb(route)), "status", LOG_NUM(reply->status), "code",
              LOG_STR(err == HUFU_OK ? "ok" : err_code(err)), "duration_us", LOG_NUM(us), "bytes",
              LOG_NUM(reply->body.len), "source", LOG_ADDR(p->addr), NULL);
}
