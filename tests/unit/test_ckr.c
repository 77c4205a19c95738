#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "hsm/ckr.h"

static void test_ckr_each_class_has_its_error(void **state)
{
    static const struct {
        CK_RV rv;
        const char *name;
        enum ckr_class class;
        enum hufu_err err;
    } rows[] = {
        { 0x000, "CKR_OK", CKR_CLASS_OK, HUFU_OK },
        { 0x0b3, "CKR_SESSION_HANDLE_INVALID", CKR_CLASS_STALE, HUFU_HSM_DOWN },
        { 0x101, "CKR_USER_NOT_LOGGED_IN", CKR_CLASS_STALE, HUFU_HSM_DOWN },
        { 0x082, "CKR_OBJECT_HANDLE_INVALID", CKR_CLASS_STALE, HUFU_HSM_DOWN },
        { 0x030, "CKR_DEVICE_ERROR", CKR_CLASS_DEVICE, HUFU_HSM_DOWN },
        { 0x190, "CKR_CRYPTOKI_NOT_INITIALIZED", CKR_CLASS_DEVICE, HUFU_HSM_DOWN },
        { 0x006, "CKR_FUNCTION_FAILED", CKR_CLASS_DEVICE, HUFU_HSM_DOWN },
        { 0x005, "CKR_GENERAL_ERROR", CKR_CLASS_UNCLEAR, HUFU_HSM_FAILED },
        { 0x040, "CKR_ENCRYPTED_DATA_INVALID", CKR_CLASS_DATA, HUFU_HSM_FAILED },
        { 0x0a0, "CKR_PIN_INCORRECT", CKR_CLASS_PIN, HUFU_HSM_PIN },
        { 0x0a4, "CKR_PIN_LOCKED", CKR_CLASS_PIN, HUFU_HSM_PIN },
        { 0x0d1, "CKR_TEMPLATE_INCONSISTENT", CKR_CLASS_TEMPLATE, HUFU_HSM_FAILED },
        { 0x070, "CKR_MECHANISM_INVALID", CKR_CLASS_REFUSED, HUFU_HSM_FAILED },
        { 0x80000001UL, "CKR_OTHER", CKR_CLASS_REFUSED, HUFU_HSM_FAILED },
        { (CK_RV)-1, "CKR_OTHER", CKR_CLASS_REFUSED, HUFU_HSM_FAILED },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(ckr_name(rows[i].rv), rows[i].name);
        assert_int_equal(ckr_class(rows[i].rv), rows[i].class);
        assert_int_equal(ckr_err(rows[i].rv), rows[i].err);
    }
}

/* Only one code is success, whatever a module makes up. */
static void test_ckr_nothing_else_is_fine(void **state)
{
    (void)state;
    for (CK_RV rv = 1; rv < 0x1000; rv++) {
        assert_int_not_equal(ckr_err(rv), HUFU_OK);
        assert_int_not_equal(ckr_class(rv), CKR_CLASS_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ckr_each_class_has_its_error),
        cmocka_unit_test(test_ckr_nothing_else_is_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
