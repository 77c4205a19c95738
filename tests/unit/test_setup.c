/* A new vault is made whole or not at all, and never from defaults (control C42). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/core_calls.h"
#include "vault/base/log.h"

static int heap(void **state)
{
    (void)state;
    log_setup("test", LOG_ERROR_LEVEL);
    return secret_heap_init(RIG_HEAP_BYTES) == HUFU_OK ? 0 : -1;
}

static void test_C42_an_empty_vault_never_opens(void **state)
{
    struct core_rig empty;
    struct fake_hsm other;
    struct rig_who who = { .partner = "acme" };

    (void)state;
    fake_hsm_init(&other);
    rig_init(&empty, &other);
    assert_int_equal(rig_open(&empty), HUFU_OK);
    for (int i = 0; i < 5; i++)
        assert_false(keeper_step(&empty.keeper));
    assert_int_equal(atomic_load(&empty.core.phase), CORE_SEALED);
    assert_string_equal(atomic_load(&empty.core.part), "not-initialised");
    assert_int_equal(rig_tokenize(&empty, &who, "cards", "4111111111111111")->err, HUFU_SEALED);
    rig_done(&empty);
    fake_hsm_done(&other);
}

/* Wherever setting up fails, what is left is not a vault, and cannot be made one by a second try.
 */
static void test_C42_a_half_made_vault_never_opens(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        struct core_rig half;
        struct fake_hsm other;
        enum hufu_err err;
        bool open;

        fake_hsm_init(&other);
        rig_init(&half, &other);
        assert_int_equal(rig_open(&half), HUFU_OK);
        fake_hsm_fail(&other, n, HUFU_HSM_DOWN, n % 2 == 0);
        err = rig_setup(&half);
        other.fail_in = 0;
        open = rig_restart(&half);
        assert_int_equal(open, err == HUFU_OK);
        if (err != HUFU_OK)
            assert_int_equal(rig_setup(&half), HUFU_CONFLICT);
        rig_done(&half);
        fake_hsm_done(&other);
        if (err == HUFU_OK)
            break;
        assert_true(n < 40);
    }
}

static void test_C42_a_vault_is_set_up_once(void **state)
{
    struct core_rig rig;
    struct fake_hsm hsm;

    (void)state;
    fake_hsm_init(&hsm);
    rig_start(&rig, &hsm);
    assert_int_equal(rig_setup(&rig), HUFU_CONFLICT);
    rig_done(&rig);
    fake_hsm_done(&hsm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C42_an_empty_vault_never_opens),
        cmocka_unit_test(test_C42_a_half_made_vault_never_opens),
        cmocka_unit_test(test_C42_a_vault_is_set_up_once),
    };

    return cmocka_run_group_tests(tests, heap, NULL);
}
