#include "api/trace.h"

#include "vault/base/clock.h"
#include "vault/base/log.h"

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
    if (!s->log_requests && !loud)
        return;
    log_event(failed ? LOG_WARN : LOG_INFO, "request", "request_id",
              LOG_VIEW(view_of(c->request_id, c->request_id_len)), "verb",
              LOG_STR(metrics_verb(route)), "status", LOG_NUM(reply->status), "code",
              LOG_STR(err == HUFU_OK ? "ok" : err_code(err)), "duration_us", LOG_NUM(us), "bytes",
              LOG_NUM(reply->body.len), "source", LOG_ADDR(p->addr), NULL);
}
