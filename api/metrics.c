#include "api/metrics.h"

#include "api/reply.h"
#include "vault/base/prom.h"
#include "vault/base/usage.h"
#include "vault/base/version.h"

#define VERB_LIVEZ   VERB_COUNT
#define VERB_OPENAPI (VERB_COUNT + 1)
#define VERB_NONE    0

/* Success has a place for each of its statuses: HUFU_OK (0), and three behind the errors. */
static const unsigned successes[] = { 201, 202, 204 };

static const uint64_t bounds_us[METRICS_BUCKETS - 1] = {
    250,   500,    1000,   2500,   5000,    10000,   25000,
    50000, 100000, 250000, 500000, 1000000, 2500000, 5000000,
};

static size_t verb_of(const struct route *route)
{
    if (route == NULL)
        return VERB_NONE;
    if (route->kind == ROUTE_LIVEZ)
        return VERB_LIVEZ;
    return route->kind == ROUTE_SPEC ? VERB_OPENAPI : route->verb;
}

static const char *verb_name(size_t verb)
{
    const struct msg_shape *shape;

    if (verb == VERB_LIVEZ)
        return "livez";
    if (verb == VERB_OPENAPI)
        return "openapi";
    shape = msg_shape((uint16_t)verb);
    return verb == VERB_NONE || shape == NULL ? "none" : shape->verb_name;
}

const char *metrics_verb(const struct route *route)
{
    return verb_name(verb_of(route));
}

static size_t outcome_of(enum hufu_err err, unsigned status)
{
    if (err != HUFU_OK)
        return err;
    for (size_t i = 0; i < sizeof(successes) / sizeof(successes[0]); i++)
        if (successes[i] == status)
            return HUFU_ERR_COUNT + i;
    return HUFU_OK;
}

static size_t bucket_of(uint64_t us)
{
    size_t i = 0;

    while (i < METRICS_BUCKETS - 1 && us > bounds_us[i])
        i++;
    return i;
}

static void add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t value_of(_Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void metrics_answer(struct metrics *m, const struct route *route, enum hufu_err err,
                    unsigned status, uint64_t us)
{
    size_t verb = verb_of(route);

    if (verb >= METRICS_VERBS || err >= HUFU_ERR_COUNT)
        return;
    add(&m->requests[verb][outcome_of(err, status)], 1);
    add(&m->took[verb][bucket_of(us)], 1);
    add(&m->took_us[verb], us);
}

void metrics_refuse(struct metrics *m, enum metrics_refusal why)
{
    add(&m->refused[why], 1);
}

void metrics_connection(struct metrics *m)
{
    add(&m->connections, 1);
}

static void put_request(struct prom *p, size_t verb, size_t outcome, uint64_t n)
{
    bool failed = outcome > HUFU_OK && outcome < HUFU_ERR_COUNT;
    enum hufu_err err = failed ? (enum hufu_err)outcome : HUFU_OK;
    unsigned status =
        outcome > HUFU_ERR_COUNT - 1 ? successes[outcome - HUFU_ERR_COUNT] : reply_status(err);

    prom_label(p, "verb", verb_name(verb));
    prom_label_num(p, "status", status);
    prom_label(p, "code", err == HUFU_OK ? "ok" : err_code(err));
    prom_num(p, n);
}

static void put_requests(struct metrics *m, struct prom *p)
{
    prom_family(p, "hufu_front_requests_total", PROM_COUNTER,
                "Answers by verb, HTTP status and code.");
    for (size_t verb = 0; verb < METRICS_VERBS; verb++)
        for (size_t i = 0; i < METRICS_OUTCOMES; i++) {
            uint64_t n = value_of(&m->requests[verb][i]);

            if (n != 0)
                put_request(p, verb, i, n);
        }
}

/* Each bucket is read once, so that the buckets and the count agree. */
static void put_duration(struct metrics *m, struct prom *p, size_t verb)
{
    uint64_t took[METRICS_BUCKETS], all = 0, below = 0;

    for (size_t i = 0; i < METRICS_BUCKETS; i++)
        all += took[i] = value_of(&m->took[verb][i]);
    if (all == 0)
        return;
    for (size_t i = 0; i < METRICS_BUCKETS; i++) {
        uint8_t mem[32] = { 0 };
        struct buf bound;

        buf_fixed(&bound, mem, sizeof(mem) - 1);
        if (i < METRICS_BUCKETS - 1)
            prom_seconds(&bound, bounds_us[i]);
        else
            buf_str(&bound, "+Inf");
        below += took[i];
        prom_suffix(p, "_bucket");
        prom_label(p, "verb", verb_name(verb));
        prom_label(p, "le", (const char *)mem);
        prom_num(p, below);
    }
    prom_suffix(p, "_sum");
    prom_label(p, "verb", verb_name(verb));
    prom_us(p, value_of(&m->took_us[verb]));
    prom_suffix(p, "_count");
    prom_label(p, "verb", verb_name(verb));
    prom_num(p, all);
}

static void put_refusals(struct metrics *m, struct prom *p)
{
    static const char *const names[METRICS_REFUSALS] = {
        [METRICS_FRAMING] = "framing",   [METRICS_CERTIFICATE] = "certificate",
        [METRICS_IDENTITY] = "identity", [METRICS_ROUTE] = "route",
        [METRICS_BODY] = "body",         [METRICS_NO_CORE] = "no_core",
    };

    prom_family(p, "hufu_front_refused_total", PROM_COUNTER,
                "Requests refused before the core saw them, by reason.");
    for (size_t i = 0; i < METRICS_REFUSALS; i++) {
        prom_label(p, "reason", names[i]);
        prom_num(p, value_of(&m->refused[i]));
    }
}

static void put_now(struct metrics *m, const struct metrics_now *now, struct prom *p)
{
    prom_counter(p, "hufu_front_connections_total", "Connections accepted.",
                 value_of(&m->connections));
    prom_counter(p, "hufu_front_connections_late_total", "Connections ended at a deadline.",
                 now->late);
    prom_gauge(p, "hufu_front_connections", "Connections open.", now->open);
    prom_gauge(p, "hufu_front_requests_in_flight", "Requests begun and not yet answered.",
               now->busy);
    prom_gauge(p, "hufu_front_outstanding", "Requests waiting for the core.", now->waiting);
    prom_gauge(p, "hufu_front_core_up", "Whether there is a link to the core.", now->core_up);
    prom_counter(p, "hufu_front_core_links_total",
                 "Links to a core since the front began: beyond the first, its restarts.",
                 now->core_links);
    prom_gauge(p, "hufu_front_certificate_expiry_timestamp_seconds",
               "End of the server's certificate, in seconds since 1970.",
               now->cert_until_ms / 1000);
}

void metrics_print(struct metrics *m, const struct metrics_now *now, struct buf *out)
{
    struct prom p = { .out = out };

    put_requests(m, &p);
    prom_family(&p, "hufu_front_request_duration_seconds", PROM_HISTOGRAM,
                "From the end of a request's head to its answer, by verb.");
    for (size_t verb = 0; verb < METRICS_VERBS; verb++)
        put_duration(m, &p, verb);
    put_refusals(m, &p);
    put_now(m, now, &p);
    prom_family(&p, "hufu_build_info", PROM_GAUGE, "The version that runs; always 1.");
    prom_label(&p, "version", HUFU_VERSION);
    prom_num(&p, 1);
    usage_print(&p, "hufu_front", now->started_ms);
}
