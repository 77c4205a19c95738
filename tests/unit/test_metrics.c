/* The front's counters, and what they look like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/metrics.h"

static struct metrics metrics;
static const struct metrics_now now = { .open = 3,
                                        .busy = 2,
                                        .late = 1,
                                        .waiting = 4,
                                        .core_links = 5,
                                        .started_ms = 1000,
                                        .cert_until_ms = 2000000000999,
                                        .core_up = true };
static uint8_t mem[524288];

static int begin(void **state)
{
    (void)state;
    memset(&metrics, 0, sizeof(metrics));
    return 0;
}

static const struct route *route_of(uint16_t verb, enum route_kind kind)
{
    for (size_t i = 0; i < routes_count; i++)
        if (routes[i].verb == verb && routes[i].kind == kind)
            return &routes[i];
    return NULL;
}

static void print(void)
{
    struct buf out;

    memset(mem, 0, sizeof(mem));
    buf_fixed(&out, mem, sizeof(mem) - 1);
    metrics_print(&metrics, &now, &out);
    assert_int_equal(buf_check(&out), HUFU_OK);
}

static bool has(const char *text)
{
    return strstr((const char *)mem, text) != NULL;
}

static void answer(uint16_t verb, enum hufu_err err, unsigned status, uint64_t us)
{
    metrics_answer(&metrics, route_of(verb, ROUTE_VERB), err, status, us);
}

static void test_answers_by_verb_status_and_code(void **state)
{
    (void)state;
    answer(VERB_TOKENIZE, HUFU_OK, 200, 1);
    answer(VERB_TOKENIZE, HUFU_OK, 200, 1);
    answer(VERB_TOKENIZE, HUFU_INVALID_VALUE, 422, 1);
    answer(VERB_USER_ADD, HUFU_OK, 201, 1);
    answer(VERB_USER_ADD, HUFU_OK, 202, 1);
    answer(VERB_LOGOUT, HUFU_OK, 204, 1);
    metrics_answer(&metrics, NULL, HUFU_NOT_FOUND, 404, 1);
    metrics_answer(&metrics, route_of(0, ROUTE_LIVEZ), HUFU_OK, 200, 1);
    metrics_answer(&metrics, route_of(0, ROUTE_SPEC), HUFU_OK, 200, 1);
    print();
    assert_true(has("_requests_total{verb=\"tokenize\",status=\"200\",code=\"ok\"} 2\n"));
    assert_true(
        has("_requests_total{verb=\"tokenize\",status=\"422\",code=\"invalid_value\"} 1\n"));
    assert_true(has("_requests_total{verb=\"user-add\",status=\"201\",code=\"ok\"} 1\n"));
    assert_true(has("_requests_total{verb=\"user-add\",status=\"202\",code=\"ok\"} 1\n"));
    assert_true(has("_requests_total{verb=\"logout\",status=\"204\",code=\"ok\"} 1\n"));
    assert_true(has("_requests_total{verb=\"none\",status=\"404\",code=\"not_found\"} 1\n"));
    assert_true(has("_requests_total{verb=\"livez\",status=\"200\",code=\"ok\"} 1\n"));
    assert_true(has("_requests_total{verb=\"openapi\",status=\"200\",code=\"ok\"} 1\n"));
    assert_false(has("detokenize"));
}

/* Every error that has a code, of every verb that has a route: nothing is out of bounds. */
static void test_every_outcome_has_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < routes_count; i++)
        for (unsigned e = 0; e < HUFU_ERR_COUNT; e++)
            if (e == HUFU_OK || err_code((enum hufu_err)e) != NULL)
                metrics_answer(&metrics, &routes[i], (enum hufu_err)e, 200, 1);
    print();
    assert_true(has("verb=\"audit-entries\"") || has("verb=\"entries\""));
    assert_false(has("verb=\"?\""));
}

static void test_duration_buckets(void **state)
{
    static const uint64_t took_us[] = { 0, 250, 251, 5000000, 5000001, 60000000 };

    (void)state;
    for (size_t i = 0; i < sizeof(took_us) / sizeof(took_us[0]); i++)
        answer(VERB_TOKENIZE, HUFU_OK, 200, took_us[i]);
    print();
    assert_true(has("_seconds_bucket{verb=\"tokenize\",le=\"0.00025\"} 2\n"));
    assert_true(has("_seconds_bucket{verb=\"tokenize\",le=\"0.0005\"} 3\n"));
    assert_true(has("_seconds_bucket{verb=\"tokenize\",le=\"2.5\"} 3\n"));
    assert_true(has("_seconds_bucket{verb=\"tokenize\",le=\"5\"} 4\n"));
    assert_true(has("_seconds_bucket{verb=\"tokenize\",le=\"+Inf\"} 6\n"));
    assert_true(has("_seconds_sum{verb=\"tokenize\"} 70.000502\n"));
    assert_true(has("_seconds_count{verb=\"tokenize\"} 6\n"));
}

static void test_the_rest(void **state)
{
    (void)state;
    metrics_refuse(&metrics, METRICS_FRAMING);
    metrics_refuse(&metrics, METRICS_NO_CORE);
    metrics_refuse(&metrics, METRICS_NO_CORE);
    metrics_connection(&metrics);
    print();
    assert_true(has("hufu_front_refused_total{reason=\"framing\"} 1\n"));
    assert_true(has("hufu_front_refused_total{reason=\"certificate\"} 0\n"));
    assert_true(has("hufu_front_refused_total{reason=\"no_core\"} 2\n"));
    assert_true(has("\nhufu_front_connections_total 1\n"));
    assert_true(has("\nhufu_front_connections_late_total 1\n"));
    assert_true(has("\nhufu_front_connections 3\n"));
    assert_true(has("\nhufu_front_requests_in_flight 2\n"));
    assert_true(has("\nhufu_front_outstanding 4\n"));
    assert_true(has("\nhufu_front_core_links_total 5\n"));
    assert_true(has("\nhufu_front_core_up 1\n"));
    assert_true(has("\nhufu_front_certificate_expiry_timestamp_seconds 2000000000\n"));
    assert_true(has("\nhufu_front_process_start_time_seconds 1\n"));
    assert_true(has("\nhufu_build_info{version=\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_answers_by_verb_status_and_code, begin),
        cmocka_unit_test_setup(test_every_outcome_has_its_place, begin),
        cmocka_unit_test_setup(test_duration_buckets, begin),
        cmocka_unit_test_setup(test_the_rest, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
