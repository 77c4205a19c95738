#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tools/cli_exit.h"
#include "vault/base/err.h"

/* clang-format off */
static const struct {
    long status;
    const char *code;
    enum cli_exit exit;
} rows[] = {
    { 200, "",                     CLI_OK },
    { 201, "",                     CLI_OK },
    { 204, "",                     CLI_OK },
    { 400, "bad_request",          CLI_INVALID },
    { 401, "unauthenticated",      CLI_DENIED },
    { 401, "step_up_required",     CLI_FACTOR },
    { 401, "",                     CLI_DENIED },
    { 403, "forbidden",            CLI_DENIED },
    { 403, "grant_required",       CLI_DENIED },
    { 404, "not_found",            CLI_NOT_FOUND },
    { 404, "",                     CLI_NOT_FOUND },
    { 409, "conflict",             CLI_CONFLICT },
    { 409, "already_approved",     CLI_CONFLICT },
    { 409, "token_suspended",      CLI_CONFLICT },
    { 413, "too_large",            CLI_INVALID },
    { 422, "invalid_value",        CLI_INVALID },
    { 422, "a_code_of_tomorrow",   CLI_INVALID },
    { 429, "rate_limited",         CLI_SERVER },
    { 429, "",                     CLI_SERVER },
    { 500, "",                     CLI_SERVER },
    { 503, "sealed",               CLI_SERVER },
    { 302, "",                     CLI_SERVER },
    { 0,   "not_found",            CLI_NOT_FOUND },
    { 0,   "invalid_value",        CLI_INVALID },
    { 0,   "",                     CLI_SERVER },
};
/* clang-format on */

static void test_cli_exit_of_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(cli_exit_of(rows[i].status, rows[i].code), rows[i].exit);
}

/* Every code of the contract has a title, an advice of its own and an exit code that is not "done".
 */
static void test_cli_exit_knows_every_code(void **state)
{
    const char *fallback = cli_exit_advice("");

    (void)state;
    for (int i = 0; i < HUFU_ERR_COUNT; i++) {
        const char *code = err_code((enum hufu_err)i);

        if (code == NULL)
            continue;
        assert_string_equal(cli_exit_title(code), err_title((enum hufu_err)i));
        assert_ptr_not_equal(cli_exit_advice(code), fallback);
        /* A cause and a next step, each a sentence of its own, not one word. */
        assert_non_null(strchr(cli_exit_title(code), ' '));
        assert_non_null(strchr(cli_exit_advice(code), ' '));
        assert_string_not_equal(cli_exit_advice(code), cli_exit_title(code));
        assert_int_not_equal(cli_exit_of(0, code), CLI_OK);
    }
    assert_null(cli_exit_title("nonsense"));
}

static void test_cli_exit_advice_to_fits_the_credential(void **state)
{
    (void)state;
    assert_non_null(strstr(cli_exit_advice_to("unauthenticated", true, false), "hufu login"));
    assert_non_null(strstr(cli_exit_advice_to("unauthenticated", false, true), "--cert"));
    assert_ptr_equal(cli_exit_advice_to("unauthenticated", false, false),
                     cli_exit_advice("unauthenticated"));
    assert_ptr_equal(cli_exit_advice_to("sealed", true, false), cli_exit_advice("sealed"));
    assert_non_null(strstr(cli_exit_advice_to("rate_limited", false, true), "partner unfreeze"));
    assert_non_null(strstr(cli_exit_advice_at(NULL, "conflict", "/name"), "taken"));
    assert_non_null(strstr(cli_exit_advice_at(NULL, "bad_request", "/expected"), "capacity"));
    assert_null(cli_exit_advice_at(NULL, "bad_request", "/name"));
    assert_null(cli_exit_advice_at(NULL, "conflict", ""));
}

/* The same code of two commands has two next steps. */
static void test_cli_exit_advice_fits_the_command(void **state)
{
    static const struct {
        const char *noun, *verb, *code, *field;
        const char *has; /* NULL: nothing more than the code says */
    } cases[] = {
        { "recipient", "add", "bad_request", "/kind", "outside" },
        { "ceremony", "propose", "bad_request", "/kind", "ceremony propose" },
        { "subject", "restrict", "bad_request", "/kind", NULL },
        { "grant", "approve", "already_approved", "", "grant show" },
        { "subject", "approve", "already_approved", "", "subject show" },
        { "ceremony", "approve", "already_approved", "", "ceremony show" },
        { "user", "break-glass", "conflict", "/subject", "sealed" },
        { "user", "reset-factor", "conflict", "/subject", "user list" },
        { "key", "destroy", "conflict", "/subject", "deactivated" },
        { "grant", "ask", "conflict", "/recipient", "recipient list" },
        { "export", "begin", "conflict", "/grant", "--cert-file" },
        { "export", "begin", "grant_required", "", "grant show" },
        { "detokenize", NULL, "grant_required", "/grant", "grant show" },
        { "detokenize", NULL, "grant_required", "", NULL },
        { "alarm", "review", "conflict", "", "reviewed already" },
        { "password", NULL, "bad_request", "/new_password", "used before" },
        { "token", "revoke", "not_found", "", "suspended" },
        { "detokenize", NULL, "not_found", "", "suspended" },
        { "user", "freeze", "not_found", "", NULL },
        { "export", "show", "not_found", "", NULL },
        { "detokenize", NULL, "rate_limited", "", "user unfreeze" },
        { "login", NULL, "rate_limited", "", NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cli_command command = { .noun = cases[i].noun, .verb = cases[i].verb };
        const char *found = cli_exit_advice_at(&command, cases[i].code, cases[i].field);

        if (cases[i].has == NULL)
            assert_null(found);
        else if (found == NULL || strstr(found, cases[i].has) == NULL)
            fail_msg("case %zu: %s", i, found == NULL ? "nothing" : found);
    }
    assert_null(strstr(cli_exit_advice("not_found"), "token"));
    assert_non_null(strstr(cli_exit_advice("legal_hold"), "hufu subject release"));
}

static void test_cli_exit_numbers_are_documented(void **state)
{
    (void)state;
    assert_int_equal(CLI_OK, 0);
    assert_int_equal(CLI_USAGE, 1);
    assert_int_equal(CLI_SERVER, 2);
    assert_int_equal(CLI_DENIED, 3);
    assert_int_equal(CLI_FACTOR, 4);
    assert_int_equal(CLI_NOT_FOUND, 5);
    assert_int_equal(CLI_CONFLICT, 6);
    assert_int_equal(CLI_INVALID, 7);
    assert_int_equal(CLI_UNVERIFIED, 8);
    assert_int_equal(CLI_FAILED, 9);
    assert_int_equal(CLI_CANCELLED, 10);
    assert_int_equal(CLI_EXPIRED, 11);
    for (int i = CLI_OK; i <= CLI_EXPIRED; i++)
        assert_string_not_equal(cli_exit_meaning((enum cli_exit)i), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cli_exit_of_rows),
        cmocka_unit_test(test_cli_exit_knows_every_code),
        cmocka_unit_test(test_cli_exit_advice_to_fits_the_credential),
        cmocka_unit_test(test_cli_exit_advice_fits_the_command),
        cmocka_unit_test(test_cli_exit_numbers_are_documented),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
