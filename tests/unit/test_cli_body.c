#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tools/cli_body.h"
#include "tools/cli_path.h"

static const struct cli_command *command_find(const char *noun, const char *verb)
{
    for (size_t i = 0; i < cli_commands_count; i++) {
        const struct cli_command *c = &cli_commands[i];

        if (strcmp(c->noun, noun) == 0 && (verb == NULL || strcmp(c->verb, verb) == 0))
            return c;
    }
    return NULL;
}

static void option_set(struct cli *cli, const char *option, const char *text)
{
    for (size_t i = 0; cli->command->fields[i].option != NULL; i++)
        if (strcmp(cli->command->fields[i].option, option) == 0)
            cli->options[i] = text;
}

static void test_cli_body_sorts_and_types_members(void **state)
{
    static struct cli cli;
    struct cli_body body;
    struct buf out;

    (void)state;
    cli.command = command_find("domain", "add");
    cli.arg = "cards-b";
    option_set(&cli, "format", "pan");
    option_set(&cli, "partners", "acme,zeta");
    option_set(&cli, "expected", "1000");
    cli_body_init(&body);
    buf_init(&out, 4096);
    assert_int_equal(cli_body_options(&cli, &body), CLI_OK);
    assert_int_equal(cli_body_print(&body, &out), HUFU_OK);
    assert_true(view_is(buf_view(&out),
                        "{\"expected\":1000,\"format\":\"pan\",\"name\":\"cards-b\","
                        "\"partners\":[\"acme\",\"zeta\"]}"));
    buf_done(&out);
    cli_body_done(&body);
}

static void test_cli_body_escapes_text_and_embeds_json(void **state)
{
    struct cli_body body;
    struct buf out;

    (void)state;
    cli_body_init(&body);
    buf_init(&out, 4096);
    cli_body_add(&body, "b", MEMBER_TEXT, view_str("a\"b\\c"));
    cli_body_add(&body, "a", MEMBER_JSON, view_str("[1]"));
    cli_body_add(&body, "c", MEMBER_TRUE, view_str(""));
    assert_int_equal(cli_body_print(&body, &out), HUFU_OK);
    assert_true(view_is(buf_view(&out), "{\"a\":[1],\"b\":\"a\\\"b\\\\c\",\"c\":true}"));
    buf_done(&out);
    cli_body_done(&body);
}

static void test_cli_body_refuses_bad_numbers_and_control_characters(void **state)
{
    static struct cli cli;
    static const char *const numbers[] = { "", "-1", "1x", "01", "99999999999999999999" };
    struct cli_body body;

    (void)state;
    cli.command = command_find("tokenize", NULL);
    cli.arg = "cards";
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        option_set(&cli, "uses", numbers[i]);
        cli_body_init(&body);
        assert_int_equal(cli_body_options(&cli, &body), CLI_USAGE);
        cli_body_done(&body);
    }
    option_set(&cli, "uses", NULL);
    option_set(&cli, "subject", "a\033[2Jb");
    cli_body_init(&body);
    assert_int_equal(cli_body_options(&cli, &body), CLI_INVALID);
    cli_body_done(&body);
}

static void test_cli_path_takes_names_and_ids_only(void **state)
{
    static const char *const bad[] = { "", "a/b", "..", ".", "a?b=1", "a b", "a%2f" };
    static struct cli cli;
    char path[CLI_PATH_MAX];

    (void)state;
    cli.command = command_find("ceremony", "approve");
    cli.arg = "01890a5d-ac96-774b-bcce-b302099a8057";
    assert_int_equal(cli_path_make(&cli, path), CLI_OK);
    assert_string_equal(path, "/v1/ceremonies/01890a5d-ac96-774b-bcce-b302099a8057/approve");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cli.arg = bad[i];
        assert_int_equal(cli_path_make(&cli, path), CLI_INVALID);
    }
}

static void test_cli_path_page_escapes_what_a_server_said(void **state)
{
    static char longest[CLI_PATH_MAX];
    static struct cli cli;
    char path[CLI_PATH_MAX] = "as it was";

    (void)state;
    cli.command = command_find("ceremony", "list");
    memset(longest, '%', sizeof(longest) - 1);
    assert_int_equal(cli_path_page(&cli, view_str(longest), 7, path), CLI_INVALID);
    assert_int_equal(cli_path_page(&cli, view_str("x-1"), 7, path), CLI_OK);
    assert_string_equal(path, "/v1/ceremonies?limit=7&after=x-1");
    assert_int_equal(cli_path_page(&cli, view_str("a/b&c=d\xC3\xA9"), 0, path), CLI_OK);
    assert_string_equal(path, "/v1/ceremonies?after=a%2Fb%26c%3Dd%C3%A9");
    assert_int_equal(cli_path_page(&cli, view_str(""), 0, path), CLI_OK);
    assert_string_equal(path, "/v1/ceremonies");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cli_body_sorts_and_types_members),
        cmocka_unit_test(test_cli_body_escapes_text_and_embeds_json),
        cmocka_unit_test(test_cli_body_refuses_bad_numbers_and_control_characters),
        cmocka_unit_test(test_cli_path_takes_names_and_ids_only),
        cmocka_unit_test(test_cli_path_page_escapes_what_a_server_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
