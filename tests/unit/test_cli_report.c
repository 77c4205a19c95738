/* Pages of a report added up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include "tools/cli_report.h"

/* The sum of the pages, in order, is want. */
static void check_sum(const char *const *pages, size_t count, const char *want)
{
    json_t *sum = NULL, *wanted = json_loads(want, 0, NULL);

    assert_non_null(wanted);
    for (size_t i = 0; i < count; i++) {
        json_t *page = json_loads(pages[i], 0, NULL);

        assert_non_null(page);
        sum = cli_report_add(sum, page);
        json_decref(page); /* nothing of it is borrowed */
    }
    if (json_equal(sum, wanted) == 0)
        fail_msg("%s", json_dumps(sum, JSON_SORT_KEYS));
    json_decref(sum);
    json_decref(wanted);
}

static void test_C52_add_sums_numbers(void **state)
{
    static const char *const pages[] = {
        "{\"n\":1,\"in\":{\"a\":2,\"worst_ms\":9},\"text\":\"x\"}",
        "{\"n\":4,\"in\":{\"a\":3,\"b\":7,\"worst_ms\":5},\"text\":\"y\",\"new\":null}",
        "{\"n\":0,\"in\":{\"worst_ms\":11}}",
    };

    (void)state;
    check_sum(pages, 1, pages[0]);
    check_sum(pages, 2,
              "{\"n\":5,\"in\":{\"a\":5,\"b\":7,\"worst_ms\":9},\"text\":\"y\",\"new\":null}");
    check_sum(pages, 3,
              "{\"n\":5,\"in\":{\"a\":5,\"b\":7,\"worst_ms\":11},\"text\":\"y\",\"new\":null}");
}

static void test_C51_add_sums_rows_of_the_same_texts(void **state)
{
    static const char *const pages[] = {
        "{\"sent\":[{\"day\":\"1\",\"domain\":\"a\",\"values\":2}]}",
        ("{\"sent\":[{\"day\":\"1\",\"domain\":\"b\",\"values\":3},"
         "{\"day\":\"1\",\"domain\":\"a\",\"values\":4}]}"),
        "{\"sent\":[]}",
        "{\"sent\":[{\"day\":\"2\",\"domain\":\"a\",\"values\":5}]}",
    };

    (void)state;
    check_sum(pages, 4,
              "{\"sent\":[{\"day\":\"1\",\"domain\":\"a\",\"values\":6},"
              "{\"day\":\"1\",\"domain\":\"b\",\"values\":3},"
              "{\"day\":\"2\",\"domain\":\"a\",\"values\":5}]}");
}

/* A member that changes its kind is the newer one: nothing is guessed. */
static void test_add_takes_the_newer_of_two_kinds(void **state)
{
    static const char *const pages[] = { "{\"a\":1,\"b\":{\"c\":1},\"d\":[1]}",
                                         "{\"a\":\"x\",\"b\":2,\"d\":{}}" };

    (void)state;
    check_sum(pages, 2, pages[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C52_add_sums_numbers),
        cmocka_unit_test(test_C51_add_sums_rows_of_the_same_texts),
        cmocka_unit_test(test_add_takes_the_newer_of_two_kinds),
    };

    return cmocka_run_group_tests_name("cli report", tests, NULL, NULL);
}
