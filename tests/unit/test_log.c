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
#include "vault/base/frame.h"
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

/* What is behind the time, which must parse; before it stands `before`. */
static const char *behind(const char *before)
{
    uint64_t ms = 0;
    size_t len = strlen(before);

    assert_true(strlen(caught) > len + CLOCK_TEXT_LEN);
    assert_memory_equal(caught, before, len);
    assert_int_equal(clock_parse(view_of(caught + len, CLOCK_TEXT_LEN), &ms), HUFU_OK);
    return caught + len + CLOCK_TEXT_LEN;
}

static const char *rest(void)
{
    return behind("");
}

static const char *json(void)
{
    return behind("{\"time\":\"");
}

static int text(void **state)
{
    (void)state;
    log_format_set(LOG_TEXT);
    return 0;
}

static int objects(void **state)
{
    (void)state;
    log_format_set(LOG_JSON);
    return 0;
}

static void test_event_line(void **state)
{
    static const uint8_t v4[16] = { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1 };

    (void)state;
    log_setup("front", LOG_INFO);
    CATCH(log_event(LOG_WARN, "hsm.down", "err", LOG_ERR(HUFU_BUSY), "try", LOG_NUM(3), "req",
                    LOG_STR("0192-ab"), "id", LOG_VIEW(view_of("a.b-c", 3)), "from", LOG_ADDR(v4),
                    NULL));
    assert_string_equal(
        rest(), " warn front event=hsm.down err=BUSY try=3 req=0192-ab id=a.b from=192.0.2.1\n");
    CATCH(log_event(LOG_ERROR_LEVEL, "plain", NULL));
    assert_string_equal(rest(), " error front event=plain\n");
}

static void test_json_line(void **state)
{
    static const uint8_t v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 7 };

    (void)state;
    log_setup("front", LOG_INFO);
    CATCH(log_event(LOG_WARN, "hsm.down", "err", LOG_ERR(HUFU_BUSY), "try", LOG_NUM(3), "req",
                    LOG_STR("0192-ab"), "id", LOG_VIEW(view_of("a.b-c", 3)), "from", LOG_ADDR(v6),
                    NULL));
    assert_string_equal(json(), "\",\"level\":\"warn\",\"role\":\"front\",\"event\":\"hsm.down\","
                                "\"err\":\"BUSY\",\"try\":3,\"req\":\"0192-ab\",\"id\":\"a.b\","
                                "\"from\":\"2001:db8::7\"}\n");
    CATCH(log_event(LOG_ERROR_LEVEL, "plain", NULL));
    assert_string_equal(json(), "\",\"level\":\"error\",\"role\":\"front\",\"event\":\"plain\"}\n");
}

static void test_json_hides_text_from_outside(void **state)
{
    (void)state;
    log_setup("core", LOG_INFO);
    CATCH(log_event(LOG_INFO, "x", "a", LOG_STR("two words"), "b", LOG_STR("\",\"event\":\"y"), "c",
                    LOG_STR(NULL), "d", LOG_VIEW(view_of("\\", 1)), "e", LOG_ERR(12345), NULL));
    assert_string_equal(json(),
                        "\",\"level\":\"info\",\"role\":\"core\",\"event\":\"x\",\"a\":\"?\","
                        "\"b\":\"?\",\"c\":\"?\",\"d\":\"?\",\"e\":\"?\"}\n");
}

/* What does not fit is left out whole, and so is what follows: still one object. */
static void test_json_too_long_is_one_object(void **state)
{
    char key[1500];

    (void)state;
    memset(key, 'k', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    log_setup("core", LOG_INFO);
    CATCH(log_event(LOG_INFO, "x", "a", LOG_NUM(1), key, LOG_NUM(1), "b", LOG_NUM(2), NULL));
    assert_string_equal(json(),
                        "\",\"level\":\"info\",\"role\":\"core\",\"event\":\"x\",\"a\":1}\n");
    key[910] = '\0'; /* the key fits, the string behind it does not */
    CATCH(log_event(LOG_INFO, "x", key, LOG_STR("0123456789012345678901234567890123456789"), NULL));
    assert_string_equal(json(), "\",\"level\":\"info\",\"role\":\"core\",\"event\":\"x\"}\n");
}

static void test_obey_takes_levels_alone(void **state)
{
    (void)state;
    log_setup("core", LOG_INFO);
    log_obey(CONTROL_LEVEL + LOG_DEBUG);
    assert_true(log_wants(LOG_DEBUG));
    log_obey(CONTROL_LEVEL + LOG_DEBUG + 1);
    log_obey(CONTROL_RELOAD);
    log_obey(CONTROL_LEVEL - 1);
    assert_true(log_wants(LOG_DEBUG));
    log_obey(CONTROL_LEVEL + LOG_ERROR_LEVEL);
    assert_false(log_wants(LOG_WARN));
    assert_true(log_wants(LOG_ERROR_LEVEL));
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
    assert_string_equal(rest(), " info core event=x a=1\n");
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
        cmocka_unit_test_setup_teardown(test_event_line, text, objects),
        cmocka_unit_test_setup_teardown(test_event_levels, text, objects),
        cmocka_unit_test_setup_teardown(test_event_hides_text_from_outside, text, objects),
        cmocka_unit_test_setup_teardown(test_event_number_limits, text, objects),
        cmocka_unit_test_setup_teardown(test_event_too_long_is_one_line, text, objects),
        cmocka_unit_test(test_json_line),
        cmocka_unit_test(test_json_hides_text_from_outside),
        cmocka_unit_test(test_json_too_long_is_one_object),
        cmocka_unit_test(test_obey_takes_levels_alone),
        cmocka_unit_test(test_level_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
