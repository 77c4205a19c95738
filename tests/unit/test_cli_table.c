#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/cli_help.h"
#include "tools/cmd.h"

static size_t fields_count(const struct cli_command *c)
{
    size_t n = 0;

    while (c->fields != NULL && c->fields[n].option != NULL)
        n++;
    return n;
}

static void test_cli_table_rows_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < cli_commands_count; i++) {
        const struct cli_command *c = &cli_commands[i];

        assert_non_null(c->noun);
        assert_non_null(c->summary);
        assert_non_null(c->run);
        assert_true(fields_count(c) <= CLI_FIELDS_MAX);
        assert_int_equal(c->method == NULL, c->path == NULL);
        if (c->run == cmd_call)
            assert_non_null(c->path);
        if (c->path != NULL)
            assert_int_equal(strncmp(c->path, "/v1/", 4), 0);
        /* The argument goes to exactly one place. */
        if (c->path != NULL)
            assert_int_equal((strchr(c->path, '%') != NULL) + (c->member != NULL), c->arg != NULL);
        /* A GET has nowhere to carry members. */
        if (c->method != NULL && strcmp(c->method, "GET") == 0)
            assert_true(c->member == NULL && c->secret == NULL);
    }
}

static void test_cli_table_names_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < cli_commands_count; i++) {
        for (size_t k = 0; k < i; k++) {
            const struct cli_command *a = &cli_commands[i];
            const struct cli_command *b = &cli_commands[k];

            if (strcmp(a->noun, b->noun) != 0)
                continue;
            /* A noun has verbs, or stands alone. */
            assert_non_null(a->verb);
            assert_non_null(b->verb);
            assert_string_not_equal(a->verb, b->verb);
        }
    }
}

/* No option may hide a global one or another of its command, and none may take a secret. */
static void test_cli_table_options_are_unique_and_carry_no_secret(void **state)
{
    static const char *const secrets[] = { "value", "token", "tokens", "values", "password",
                                           "otp",   "code",  "pin",    "session" };

    (void)state;
    for (size_t i = 0; i < cli_commands_count; i++) {
        const struct cli_field *f = cli_commands[i].fields;
        size_t count = fields_count(&cli_commands[i]);

        for (size_t n = 0; n < count; n++) {
            for (size_t k = 0; k < cli_globals_count; k++)
                assert_string_not_equal(f[n].option, cli_globals[k].option);
            for (size_t k = 0; k < n; k++)
                assert_string_not_equal(f[n].option, f[k].option);
            for (size_t k = 0; k < sizeof(secrets) / sizeof(secrets[0]); k++)
                assert_true(f[n].member == NULL || strcmp(f[n].member, secrets[k]) != 0);
            assert_int_equal(f[n].arg == NULL, f[n].kind == CLI_FLAG || f[n].kind == CLI_SWITCH);
            assert_int_equal(f[n].member == NULL,
                             f[n].kind == CLI_LOCAL || f[n].kind == CLI_SWITCH);
        }
    }
}

/* Every row and every option of it is in the help texts. */
static void test_cli_help_names_everything(void **state)
{
    char *all = NULL;
    char *one = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&all, &len);

    (void)state;
    assert_non_null(out);
    cli_help_all(out);
    assert_int_equal(fclose(out), 0);
    for (size_t i = 0; i < cli_commands_count; i++) {
        const struct cli_command *c = &cli_commands[i];

        assert_non_null(strstr(all, c->summary));
        out = open_memstream(&one, &len);
        assert_non_null(out);
        cli_help_command(out, c);
        assert_int_equal(fclose(out), 0);
        assert_non_null(strstr(one, c->noun));
        for (size_t n = 0; n < fields_count(c); n++)
            assert_non_null(strstr(one, c->fields[n].option));
        free(one);
        one = NULL;
    }
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cli_table_rows_hold),
        cmocka_unit_test(test_cli_table_names_are_unique),
        cmocka_unit_test(test_cli_table_options_are_unique_and_carry_no_secret),
        cmocka_unit_test(test_cli_help_names_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
