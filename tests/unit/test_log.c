/* The programs' own log: read back from standard error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vault/base/clock.h"
#include "vault/base/log.h"

static char caught[4096];

/* What a call writes to standard error, through a pipe that is wide enough for it. */
#define CATCH(call)                                                                                \
    do {                                                                                           \
        int pipe_fd[2], saved = dup(STDERR_FILENO);                                                \
        ssize_t n;                                                                                 \
                                                                                                   \
        assert_int_equal(pipe(pipe_fd), 0);                                                        \
        assert_true(dup2(pipe_fd[1], STDERR_FILENO) >= 0);                                         \
        call;                                                                                      \
        assert_true(dup2(saved, STDERR_FILENO) >= 0);                                              \
        (void)close(saved);                                                                        \
        (void)close(pipe_fd[1]);                                                                   \
        n = read(pipe_fd[0], caught, sizeof(caught) - 1);                                          \
        (void)close(pipe_fd[0]);                                                                   \
        assert_true(n >= 0);                                                                       \
        caught[n] = '\0';                                                                          \
    } while (0)

/* The line behind its time, which must parse. */
static const char *rest(void)
{
    uint64_t ms = 0;

    assert_true(strlen(caught) > CLOCK_TEXT_LEN);
    assert_int_equal(clock_parse(view_of(caught, CLOCK_TEXT_LEN), &ms), HUFU_OK);
    return caught + CLOCK_TEXT_LEN;
}

static void test_event_line(void **state)
{
    (void)state;
    log_setup("front", LOG_INFO);
    CATCH(log_event(LOG_WARN, "hsm.down", "err", LOG_ERR(HUFU_BUSY), "try", LOG_NUM(3), "req",
                    LOG_STR("0192-ab"), NULL));
    assert_string_equal(rest(), " warn front event=hsm.down err=BUSY try=3 req=0192-ab\n");
    CATCH(log_event(LOG_ERROR_LEVEL, "plain", NULL));
    assert_string_equal(rest(), " error front event=plain\n");
}

static void test_event_levels(void **state)
{
    (void)state;
    log_setup("core", LOG_WARN);
    CATCH(log_event(LOG_INFO, "x", NULL));
    assert_string_equal(caught, "");
    log_level_set(LOG_DEBUG);
    CATCH(log_event(LOG_DEBUG, "x", NULL));
    assert_string_equal(rest(), " debug core event=x\n");
    log_level_set(LOG_ERROR_LEVEL);
    CATCH(log_event(LOG_WARN, "x", NULL));
    assert_string_equal(caught, "");
}

static void test_event_hides_text_from_outside(void **state)
{
    (void)state;
    log_setup("core", LOG_INFO);
    CATCH(log_event(LOG_INFO, "x", "a", LOG_STR("two words"), "b", LOG_STR("l\nevent=forged"), "c",
                    LOG_STR(NULL), "d", LOG_STR(""), "e", LOG_ERR(12345), NULL));
    assert_string_equal(rest(), " info core event=x a=? b=? c=? d=? e=?\n");
}

static void test_event_number_limits(void **state)
{
    (void)state;
    log_setup("core", LOG_INFO);
    CATCH(log_event(LOG_INFO, "x", "a", LOG_NUM(0), "b", LOG_NUM(UINT64_MAX), NULL));
    assert_string_equal(rest(), " info core event=x a=0 b=18446744073709551615\n");
}

static void test_event_too_long_is_one_line(void **state)
{
    char key[1500];

    (void)state;
    memset(key, 'k', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    log_setup("core", LOG_INFO);
    CATCH(log_event(LOG_INFO, "x", "a", LOG_NUM(1), key, LOG_NUM(1), NULL));
    assert_string_equal(rest(), " info core event=x a=1 \n");
}

static void test_level_names(void **state)
{
    (void)state;
    assert_string_equal(log_level_name(LOG_ERROR_LEVEL), "error");
    assert_string_equal(log_level_name(LOG_WARN), "warn");
    assert_string_equal(log_level_name(LOG_INFO), "info");
    assert_string_equal(log_level_name(LOG_DEBUG), "debug");
    assert_string_equal(log_level_name((enum log_level)9), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event_line),
        cmocka_unit_test(test_event_levels),
        cmocka_unit_test(test_event_hides_text_from_outside),
        cmocka_unit_test(test_event_number_limits),
        cmocka_unit_test(test_event_too_long_is_one_line),
        cmocka_unit_test(test_level_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
