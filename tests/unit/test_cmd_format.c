/* test_cmd_format.c - hufu format: files judged with line and reason, values tried and never shown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/cli.h"

static char out[65536]; /* both streams of the last run */

/* Runs the client as a program: its exit code, and what it wrote. */
static int run(const char *input, const char *const argv[])
{
    char *copy[16] = { NULL };
    int in[2], from[2], status, n = 0;
    size_t len = 0;
    ssize_t got;
    pid_t pid;

    while (n < 15 && argv[n] != NULL) {
        copy[n] = strdup(argv[n]);
        assert_non_null(copy[n++]);
    }
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(from), 0);
    (void)fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(in[0], 0);
        (void)dup2(from[1], 1);
        (void)dup2(from[1], 2);
        (void)close(in[1]);
        (void)close(from[0]);
        status = cli_main(n, copy);
        (void)fflush(NULL);
        _exit(status);
    }
    (void)close(in[0]);
    (void)close(from[1]);
    assert_int_equal(write(in[1], input, strlen(input)), strlen(input));
    (void)close(in[1]);
    while (len < sizeof(out) - 1 && (got = read(from[0], out + len, sizeof(out) - 1 - len)) > 0)
        len += (size_t)got;
    out[len] = '\0';
    (void)close(from[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    for (int i = 0; i < n; i++)
        free(copy[i]);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#define RUN(input, ...) run(input, (const char *const[]){ "hufu", "format", __VA_ARGS__, NULL })

static void says(const char *text)
{
    if (strstr(out, text) == NULL)
        fail_msg("no %s in:\n%s", text, out);
}

static void test_format_check_lists_the_file(void **state)
{
    (void)state;
    assert_int_equal(RUN("", "check", "conf/formats.conf"), CLI_OK);
    says("\"format\":\"pan\"");
    says("\"format\":\"generic-alnum\"");
    says("\"marked\":false");
}

static void test_format_check_tells_line_and_reason(void **state)
{
    char path[] = "/tmp/hufu-formats-XXXXXX";
    int fd = mkstemp(path);
    static const char text[] = "[format p]\nclass = C3\n";

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    assert_int_equal(close(fd), 0);
    assert_int_equal(RUN("", "check", path), CLI_INVALID);
    says("line 2: data of class C3");
    (void)unlink(path);
    assert_int_equal(RUN("", "check", path), CLI_USAGE);
    assert_int_equal(RUN("", "check"), CLI_USAGE);
}

static void test_format_test_shows_masks_and_a_token(void **state)
{
    (void)state;
    assert_int_equal(
        RUN("4111 1111 1111 1111\n", "test", "pan", "--file", "conf/formats.conf", "--keep", "6,4"),
        CLI_OK);
    says("\"verdict\":\"original\"");
    says("\"operator\":\"411111******1111\"");
    says("\"bucket_tokens\":900000");
    says("\"example_token\":\"411111");
    assert_null(strstr(out, "4111111111111111"));
}

/* A mail address: any length up to 254, its letters folded, a token of another length. */
static void test_format_test_of_a_mail_address(void **state)
{
    char long_one[300];
    const char *token;

    (void)state;
    assert_int_equal(RUN("Olga.P@Bank.Example\n", "test", "email", "--file", "conf/formats.conf"),
                     CLI_OK);
    says("\"verdict\":\"original\"");
    says("\"length\":19");
    says("\"operator\":\"o******************\"");
    says("\"auditor\":\"*******************\"");
    token = strstr(out, "\"example_token\":\"");
    assert_non_null(token);
    assert_int_equal(strcspn(token + strlen("\"example_token\":\""), "\""), 40);
    says("@token.invalid\"");
    assert_null(strcasestr(out, "olga"));
    snprintf(long_one, sizeof(long_one), "a@%062d.%062d.%062d.%060d.co\n", 1, 2, 3, 4);
    assert_int_equal(strlen(long_one), 255); /* with its end */
    assert_int_equal(RUN(long_one, "test", "email", "--file", "conf/formats.conf"), CLI_OK);
    says("\"length\":254");
    snprintf(long_one, sizeof(long_one), "a@%062d.%062d.%062d.%061d.co\n", 1, 2, 3, 4);
    assert_int_equal(RUN(long_one, "test", "email", "--file", "conf/formats.conf"), CLI_INVALID);
}

/* A value that is refused is not repeated, nor any part of it. */
static void test_format_test_never_repeats_a_bad_value(void **state)
{
    static const char *const bad[] = { "4111111111111112\n", "4111111111111112345678\n", "x\n" };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(RUN(bad[i], "test", "pan", "--file", "conf/formats.conf"), CLI_INVALID);
        assert_null(strstr(out, "4111"));
        assert_null(strstr(out, "example_token"));
    }
    assert_int_equal(RUN("1\n", "test", "pan2", "--file", "conf/formats.conf"), CLI_NOT_FOUND);
    assert_int_equal(RUN("", "test", "pan", "--file", "conf/formats.conf"), CLI_USAGE);
    assert_int_equal(RUN("1\n", "test", "pan", "--file", "conf/formats.conf", "--keep", "6"),
                     CLI_USAGE);
    assert_int_equal(RUN("1\n", "test", "pan", "--file", "conf/formats.conf", "--keep", "8,4"),
                     CLI_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format_check_lists_the_file),
        cmocka_unit_test(test_format_check_tells_line_and_reason),
        cmocka_unit_test(test_format_test_shows_masks_and_a_token),
        cmocka_unit_test(test_format_test_of_a_mail_address),
        cmocka_unit_test(test_format_test_never_repeats_a_bad_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
