#include "api/metrics.h"

/* A status outside this list counts as the last, 500. */
static const unsigned statuses[] = {
    200, 201, 202, 204, 400, 401, 403, 404, 405, 409, 411, 413, 415, 422, 429, 503, 500,
};
#define STATUSES_COUNT (sizeof(statuses) / sizeof(statuses[0]))
_Static_assert(STATUSES_COUNT <= METRICS_STATUSES_MAX, "room for every status");

static size_t status_index(unsigned status)
{
    size_t i = 0;

    while (i < STATUSES_COUNT - 1 && statuses[i] != status)
        i++;
    return i;
}

static void count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

void metrics_answer(struct metrics *m, const struct route *route, unsigned status)
{
    size_t row = route == NULL ? routes_count : (size_t)(route - routes);

    if (row < METRICS_ROUTES_MAX)
        count(&m->requests[row][status_index(status)]);
}

void metrics_refuse(struct metrics *m, enum metrics_refusal why)
{
    count(&m->refused[why]);
}

void metrics_connection(struct metrics *m)
{
    count(&m->connections);
}

static void put_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_str(out, "# HELP ");
    buf_str(out, name);
    buf_str(out, " ");
    buf_str(out, help);
    buf_str(out, "\n# TYPE ");
    buf_str(out, name);
    buf_str(out, " ");
    buf_str(out, type);
    buf_str(out, "\n");
}

static void put_one(struct buf *out, const char *name, const char *type, const char *help,
                    uint64_t value)
{
    put_head(out, name, type, help);
    buf_str(out, name);
    buf_str(out, " ");
    buf_dec(out, value);
    buf_str(out, "\n");
}

static void put_request(struct buf *out, const struct route *route, unsigned status, uint64_t n)
{
    buf_str(out, "hufu_front_requests_total{code=\"");
    buf_dec(out, status);
    buf_str(out, "\",method=\"");
    buf_str(out, route == NULL ? "" : route->method);
    buf_str(out, "\",route=\"");
    buf_str(out, route == NULL ? "none" : route->path);
    buf_str(out, "\"} ");
    buf_dec(out, n);
    buf_str(out, "\n");
}

static void put_requests(struct metrics *m, struct buf *out)
{
    put_head(out, "hufu_front_requests_total", "counter", "Answers by route and status.");
    for (size_t row = 0; row <= routes_count && row < METRICS_ROUTES_MAX; row++)
        for (size_t i = 0; i < STATUSES_COUNT; i++) {
            uint64_t n = atomic_load_explicit(&m->requests[row][i], memory_order_relaxed);

            if (n != 0)
                put_request(out, row < routes_count ? &routes[row] : NULL, statuses[i], n);
        }
}

static void put_refusals(struct metrics *m, struct buf *out)
{
    static const char *const names[METRICS_REFUSALS] = {
        [METRICS_FRAMING] = "framing",
        [METRICS_CERTIFICATE] = "certificate",
        [METRICS_NO_CORE] = "no_core",
    };

    put_head(out, "hufu_front_refused_total", "counter", "Requests that did not reach the core.");
    for (size_t i = 0; i < METRICS_REFUSALS; i++) {
        buf_str(out, "hufu_front_refused_total{why=\"");
        buf_str(out, names[i]);
        buf_str(out, "\"} ");
        buf_dec(out, atomic_load_explicit(&m->refused[i], memory_order_relaxed));
        buf_str(out, "\n");
    }
}

void metrics_print(struct metrics *m, const struct metrics_now *now, struct buf *out)
{
    put_requests(m, out);
    put_refusals(m, out);
    put_one(out, "hufu_front_connections_total", "counter", "Connections accepted.",
            atomic_load_explicit(&m->connections, memory_order_relaxed));
    put_one(out, "hufu_front_connections_late_total", "counter", "Connections ended at a deadline.",
            now->late);
    put_one(out, "hufu_front_connections", "gauge", "Connections open.", now->open);
    put_one(out, "hufu_front_outstanding", "gauge", "Requests waiting for the core.", now->waiting);
    put_one(out, "hufu_front_core_up", "gauge", "Whether there is a link to the core.",
            now->core_up ? 1 : 0);
}
