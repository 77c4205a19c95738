#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "vault/base/err.h"

static void test_err_name_code_and_title_of_known_errors(void **state)
{
    (void)state;
    assert_string_equal(err_name(HUFU_OK), "OK");
    assert_null(err_code(HUFU_OK));
    assert_string_equal(err_name(HUFU_NOT_FOUND), "NOT_FOUND");
    assert_string_equal(err_code(HUFU_NOT_FOUND), "not_found");
    assert_string_equal(err_code(HUFU_STEP_UP), "step_up_required");
    assert_string_equal(err_title(HUFU_SEALED), "The vault is sealed");
    assert_null(err_code(HUFU_HSM_FAILED));
    assert_string_equal(err_name(HUFU_HSM_FAILED), "HSM_FAILED");
}

static void test_err_outside_the_enum(void **state)
{
    const int outside[] = { HUFU_ERR_COUNT, HUFU_ERR_COUNT + 1, -1, 65535 };

    (void)state;
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        assert_string_equal(err_name((enum hufu_err)outside[i]), "?");
        assert_null(err_code((enum hufu_err)outside[i]));
        assert_non_null(err_title((enum hufu_err)outside[i]));
    }
}

static void test_err_every_row_is_whole_and_no_two_are_alike(void **state)
{
    (void)state;
    for (int i = 0; i < HUFU_ERR_COUNT; i++) {
        const char *code = err_code((enum hufu_err)i);

        assert_true(strlen(err_name((enum hufu_err)i)) > 0);
        assert_true(strlen(err_title((enum hufu_err)i)) > 0);
        for (int k = 0; k < i; k++) {
            const char *other = err_code((enum hufu_err)k);

            assert_string_not_equal(err_name((enum hufu_err)i), err_name((enum hufu_err)k));
            if (code && other)
                assert_string_not_equal(code, other);
        }
        if (code)
            assert_int_equal(strspn(code, "abcdefghijklmnopqrstuvwxyz_"), strlen(code));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_err_name_code_and_title_of_known_errors),
        cmocka_unit_test(test_err_outside_the_enum),
        cmocka_unit_test(test_err_every_row_is_whole_and_no_two_are_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
