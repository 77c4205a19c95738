#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/routes.h"
#include "tools/cli.h"
#include "tools/cli_help.h"
#include "tools/cmd.h"
#include "vault/access/verbs.h"

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
        /* An example of the command itself, as it would be typed. */
        assert_non_null(c->example);
        assert_int_equal(strncmp(c->example, c->noun, strlen(c->noun)), 0);
        assert_true(c->verb == NULL || strstr(c->example, c->verb) != NULL);
        /* What a row proposes has one kind: its own, or the argument. */
        assert_true(c->kind == NULL || strcmp(c->path, "/v1/ceremonies") == 0 ||
                    strcmp(c->path, "/v1/subjects") == 0);
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

static bool has_dry_run(const struct cli_command *c)
{
    for (size_t n = 0; n < fields_count(c); n++)
        if (strcmp(c->fields[n].option, "dry-run") == 0)
            return true;
    return false;
}

/* Where something ends, and where others' rights or keys change, one can look before. */
static void test_cli_table_what_ends_something_has_a_dry_run(void **state)
{
    static const char *const endings[] = { "suspend", "revoke",  "delete",  "replace",    "freeze",
                                           "cancel",  "destroy", "approve", "change-role" };
    size_t found = 0;

    (void)state;
    for (size_t i = 0; i < cli_commands_count; i++) {
        const struct cli_command *c = &cli_commands[i];

        if (c->kind != NULL)
            assert_true(has_dry_run(c));
        for (size_t k = 0; k < sizeof(endings) / sizeof(endings[0]); k++) {
            if (c->verb == NULL || strcmp(c->verb, endings[k]) != 0)
                continue;
            assert_true(has_dry_run(c));
            found++;
        }
        /* Only the code of cli_send.c, and --csv, know how not to send. */
        if (has_dry_run(c))
            assert_true(c->run == cmd_call || c->run == cmd_approve || c->run == cmd_grant ||
                        c->run == cmd_subject_report || c->run == cmd_tokenize ||
                        c->run == cmd_export_begin);
    }
    assert_int_equal(found, 14);
}

/* The man page names every command, every option and every exit code. */
static void test_cli_table_is_in_the_man_page(void **state)
{
    static char page[65536];
    FILE *file = fopen("tools/man/hufu.1.scd", "re");
    char text[128];
    size_t len;

    (void)state;
    assert_non_null(file);
    len = fread(page, 1, sizeof(page) - 1, file);
    assert_int_equal(fclose(file), 0);
    assert_true(len > 0 && len < sizeof(page) - 1);
    for (size_t i = 0; i < cli_commands_count; i++) {
        const struct cli_command *c = &cli_commands[i];

        (void)snprintf(text, sizeof(text), "\n*%s%s%s*", c->noun, c->verb != NULL ? " " : "",
                       c->verb != NULL ? c->verb : "");
        if (strstr(page, text) == NULL)
            fail_msg("no entry%s", text);
        for (size_t n = 0; n < fields_count(c); n++) {
            (void)snprintf(text, sizeof(text), "*--%s*", c->fields[n].option);
            if (strstr(page, text) == NULL)
                fail_msg("no %s", text);
        }
    }
    for (size_t i = 0; i < cli_globals_count; i++) {
        (void)snprintf(text, sizeof(text), "*--%s*", cli_globals[i].option);
        assert_non_null(strstr(page, text));
    }
#define MAN_EXIT(id, number, meaning) assert_non_null(strstr(page, "\n*" #number "*\n"));
    CLI_EXITS(MAN_EXIT)
#undef MAN_EXIT
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
        assert_non_null(strstr(one, c->example));
        for (size_t n = 0; n < fields_count(c); n++)
            assert_non_null(strstr(one, c->fields[n].option));
        free(one);
        one = NULL;
    }
    free(all);
}

/* A path of a row as a request has it: the argument is a name and an id at once. */
static bool route_of(const struct cli_command *c, struct route_match *out)
{
    static const char id[] = "01890a5d-ac96-774b-bcce-b302099a8057";
    const char *hole = c->path == NULL ? NULL : strchr(c->path, '%');
    char path[256], allow[ROUTES_ALLOW_MAX];

    if (c->path == NULL)
        return false;
    (void)snprintf(path, sizeof(path), "%.*s%s%s",
                   (int)(hole == NULL ? strlen(c->path) : (size_t)(hole - c->path)), c->path,
                   hole == NULL ? "" : id, hole == NULL ? "" : hole + 1);
    path[strcspn(path, "?")] = '\0';
    return routes_find(view_str(c->method), view_str(path), out, allow) == HUFU_OK;
}

/* Whom help names is whom the server lets: every role of people, and no other. */
static void test_cli_help_names_who_may(void **state)
{
    static const struct {
        unsigned role;
        const char *word;
    } roles[] = {
        { ROLE_OPERATOR, "operators" },   { ROLE_APPROVER, "approvers" },
        { ROLE_CUSTODIAN, "custodians" }, { ROLE_SECURITY_ADMIN, "security administrators" },
        { ROLE_AUDITOR, "auditors" },     { ROLE_SRE, "sre" },
    };
    size_t looked = 0;

    (void)state;
    for (size_t i = 0; i < cli_commands_count; i++) {
        const struct cli_command *c = &cli_commands[i];
        const char *who = cli_help_people(c);
        struct route_match match;

        if ((c->who != CLI_PERSON && c->who != CLI_EITHER) || strcmp(who, "people") == 0)
            continue;
        /* Both kinds of ceremonies have one path, and a file is only for whoever began it. */
        if (!route_of(c, &match) || strcmp(c->path, "/v1/ceremonies") == 0 ||
            c->run == cmd_export_fetch)
            continue;
        looked++;
        for (size_t k = 0; k < sizeof(roles) / sizeof(roles[0]); k++)
            if (verbs_may(match.route->verb, roles[k].role) != (strstr(who, roles[k].word) != NULL))
                fail_msg("%s %s: %s", c->noun, c->verb == NULL ? "" : c->verb, who);
    }
    assert_true(looked > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cli_table_rows_hold),
        cmocka_unit_test(test_cli_table_names_are_unique),
        cmocka_unit_test(test_cli_table_options_are_unique_and_carry_no_secret),
        cmocka_unit_test(test_cli_table_what_ends_something_has_a_dry_run),
        cmocka_unit_test(test_cli_table_is_in_the_man_page),
        cmocka_unit_test(test_cli_help_names_everything),
        cmocka_unit_test(test_cli_help_names_who_may),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
