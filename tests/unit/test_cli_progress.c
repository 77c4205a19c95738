#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tools/cli_progress.h"

static void test_progress_line_of_some_widths(void **state)
{
    static const struct {
        struct progress_facts facts;
        size_t width;
        const char *line;
    } rows[] = {
        { { "work", 450, 1000, 0, 0, 10000 },
          60,
          "work  [############................]   45%  45/s  00:13 left" },
        { { "work", 450, 1000, 0, 0, 10000 }, 41, "work  [####.....]   45%  45/s  00:13 left" },
        { { "work", 450, 1000, 0, 0, 10000 }, 39, "work   45%  45/s  00:13 left           " },
        { { "work", 450, 1000, 0, 0, 10000 }, 26, "work   45%  00:13 left    " },
        { { "work", 450, 1000, 0, 0, 10000 }, 12, "work   45%  " },
        { { "work", 450, 1000, 0, 0, 10000 }, 3, "wor" },
        { { "work", 450, 1000, 0, 0, 10000 }, 0, "" },
        { { "work", 0, 1000, 0, 0, 0 }, 40, "work  [..............]    0%  --:-- left" },
        { { "work", 1000, 1000, 0, 0, 2000 }, 45, "work  [############]  100%  500/s  00:00 left" },
        /* more than all is all */
        { { "work", 2000, 1000, 0, 0, 2000 }, 30, "work  100%  1000/s  00:00 left" },
        /* unknown total: no bar, no share */
        { { "work", 7, 0, 0, 0, 2000 }, 30, "work  7  3.5/s                " },
        /* what an earlier run did is no part of the rate; 100 of 500 took 1 s */
        { { "work", 600, 1000, 500, 0, 1000 }, 32, "work   60%  100/s  00:05 left   " },
        { { "work", 1, 3601, 0, 0, 1000 }, 36, "work    0%  1.0/s  1:00:01 left     " },
        { { "work", 1, 1000000, 0, 0, 1000 }, 36, "work    0%  1.0/s  11 days left     " },
    };
    char line[PROGRESS_LINE_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cli_progress_line(&rows[i].facts, rows[i].width, line);
        assert_int_equal(strlen(line), rows[i].width);
        assert_string_equal(line, rows[i].line);
    }
    /* The bar ends at its longest; the line at the memory's end. */
    cli_progress_line(&rows[0].facts, 10000, line);
    assert_int_equal(strlen(line), PROGRESS_LINE_MAX - 1);
    assert_non_null(strstr(line, "[##################......................]   45%"));
}

static void test_progress_line_of_extremes(void **state)
{
    static const uint64_t extremes[] = { 0, 1, 999, UINT32_MAX, UINT64_MAX - 1, UINT64_MAX };
    enum { N = sizeof(extremes) / sizeof(extremes[0]) };
    char line[PROGRESS_LINE_MAX];

    (void)state;
    for (size_t i = 0; i < (size_t)N * N * N * N; i++) {
        struct progress_facts f = { .what = "a text that is longer than what is shown of it",
                                    .done = extremes[i % N],
                                    .total = extremes[i / N % N],
                                    .from = extremes[i / N / N % N],
                                    .elapsed_ms = extremes[i / N / N / N % N] };

        for (size_t width = 0; width < 90; width += 7) {
            cli_progress_line(&f, width, line);
            assert_int_equal(strlen(line), width);
        }
    }
}

static void test_progress_json(void **state)
{
    static const struct {
        struct progress_facts facts;
        const char *text;
    } rows[] = {
        { { "work", 450, 1000, 0, 0, 10000 },
          "{\"done\":450,\"elapsed_ms\":10000,\"rate\":45,\"remaining_s\":13,\"total\":1000,"
          "\"what\":\"work\"}" },
        { { "work", 450, 0, 0, 9, 1000 },
          "{\"done\":450,\"elapsed_ms\":1000,\"rate\":9,\"remaining_s\":null,\"total\":null,"
          "\"what\":\"work\"}" },
    };
    struct buf out;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        buf_init(&out, 512);
        cli_progress_json(&rows[i].facts, &out);
        assert_true(view_is(buf_view(&out), rows[i].text));
        buf_done(&out);
    }
}

/* All zero is silent, and so is a bar where standard error is no terminal: nothing breaks. */
static void test_progress_of_zero_draws_nothing(void **state)
{
    struct progress p = { 0 };

    (void)state;
    cli_progress_from(&p, 3);
    cli_progress_set(&p, 5);
    assert_false(p.on_screen);
    assert_int_equal(cli_progress_elapsed_ms(&p), 0);
    cli_progress_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_progress_line_of_some_widths),
        cmocka_unit_test(test_progress_line_of_extremes),
        cmocka_unit_test(test_progress_json),
        cmocka_unit_test(test_progress_of_zero_draws_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
