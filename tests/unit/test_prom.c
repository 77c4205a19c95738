/* Text for Prometheus, and what the process tells of itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vault/base/prom.h"
#include "vault/base/usage.h"

static uint8_t mem[4096];
static struct buf out;
static struct prom prom;

static int begin(void **state)
{
    (void)state;
    memset(mem, 0, sizeof(mem));
    buf_fixed(&out, mem, sizeof(mem) - 1);
    prom = (struct prom){ .out = &out };
    return 0;
}

static void test_one_sample(void **state)
{
    (void)state;
    prom_counter(&prom, "hufu_x_total", "What x is.", UINT64_MAX);
    prom_gauge(&prom, "hufu_y", "What y is.", 0);
    assert_string_equal((char *)mem, "# HELP hufu_x_total What x is.\n"
                                     "# TYPE hufu_x_total counter\n"
                                     "hufu_x_total 18446744073709551615\n"
                                     "# HELP hufu_y What y is.\n"
                                     "# TYPE hufu_y gauge\n"
                                     "hufu_y 0\n");
}

static void test_labels_and_suffixes(void **state)
{
    (void)state;
    prom_family(&prom, "hufu_t_seconds", PROM_SUMMARY, "Time.");
    prom_suffix(&prom, "_sum");
    prom_label(&prom, "a", "b");
    prom_label_num(&prom, "n", 7);
    prom_us(&prom, 1500000);
    prom_suffix(&prom, "_count");
    prom_num(&prom, 3);
    prom_label(&prom, "a", "c");
    prom_num(&prom, 4);
    assert_string_equal((char *)mem, "# HELP hufu_t_seconds Time.\n"
                                     "# TYPE hufu_t_seconds summary\n"
                                     "hufu_t_seconds_sum{a=\"b\",n=\"7\"} 1.5\n"
                                     "hufu_t_seconds_count 3\n"
                                     "hufu_t_seconds{a=\"c\"} 4\n");
}

static void test_label_values_are_escaped(void **state)
{
    (void)state;
    prom_family(&prom, "x", PROM_GAUGE, "X.");
    buf_reset(&out);
    prom_label(&prom, "a", "q\" b\\ n\n\xe8\x99\x8e");
    prom_num(&prom, 1);
    assert_string_equal((char *)mem, "x{a=\"q\\\" b\\\\ n\\n\xe8\x99\x8e\"} 1\n");
}

static void test_seconds(void **state)
{
    static const struct {
        uint64_t us;
        const char *text;
    } rows[] = {
        { 0, "0" },
        { 1, "0.000001" },
        { 250, "0.00025" },
        { 100000, "0.1" },
        { 999999, "0.999999" },
        { 1000000, "1" },
        { 2500000, "2.5" },
        { UINT64_MAX, "18446744073709.551615" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(state);
        prom_seconds(&out, rows[i].us);
        assert_string_equal((char *)mem, rows[i].text);
    }
}

static uint64_t value_of(const char *name)
{
    const char *line = strstr((char *)mem, name);

    assert_non_null(line);
    return strtoull(line + strlen(name), NULL, 10);
}

static void test_usage_tells_what_is_so(void **state)
{
    (void)state;
    usage_print(&prom, "hufu_front", 1700000000999);
    assert_non_null(strstr((char *)mem, "# TYPE hufu_front_process_cpu_seconds_total counter\n"));
    assert_true(value_of("\nhufu_front_process_resident_memory_bytes ") > 100000);
    assert_in_range(value_of("\nhufu_front_process_open_fds "), 3, 200);
    assert_int_equal(value_of("\nhufu_front_process_start_time_seconds "), 1700000000);
}

static void test_too_much_fails_the_buffer(void **state)
{
    (void)state;
    buf_fixed(&out, mem, 20);
    prom_gauge(&prom, "hufu_y", "What y is.", 1);
    assert_int_equal(buf_check(&out), HUFU_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_one_sample, begin),
        cmocka_unit_test_setup(test_labels_and_suffixes, begin),
        cmocka_unit_test_setup(test_label_values_are_escaped, begin),
        cmocka_unit_test_setup(test_seconds, begin),
        cmocka_unit_test_setup(test_usage_tells_what_is_so, begin),
        cmocka_unit_test_setup(test_too_much_fails_the_buffer, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
