#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/hsm_rig.h"

static const struct view none = { NULL, 0 };

/* ---- the PIN ---- */

static void test_a_refused_pin_is_never_tried_again(void **state)
{
    struct rig *rig = *state;

    rig_token(rig, "hufu");
    rig_write(rig, "pin", "wrong-pin\n", 0400);
    rig_start(rig);
    rig_await(rig, HUFU_HSM_PIN);
    assert_true(rig_says(rig, "why=pin-refused"));
    assert_int_equal(rig_calls(rig, "C_Login"), 1);
    rig_stays(rig, HUFU_HSM_PIN);
    assert_int_equal(rig_key(rig, HSM_KEK_FIND, "a"), HUFU_HSM_PIN);
    assert_int_equal(rig_data(rig, HSM_SEAL, "a", none, view_str("x")), HUFU_HSM_PIN);
    assert_int_equal(rig_calls(rig, "C_Login"), 1);
    for (int i = 0; i < 2; i++) { /* a new process remembers, killed or stopped */
        if (i == 0) {
            assert_int_equal(kill(rig->pid, SIGKILL), 0);
            assert_int_equal(waitpid(rig->pid, NULL, 0), rig->pid);
            link_done(&rig->link);
            close(rig->control);
        } else {
            rig_stop(rig);
        }
        rig_start(rig);
        rig_await(rig, HUFU_HSM_PIN);
        rig_stays(rig, HUFU_HSM_PIN);
        assert_int_equal(rig_calls(rig, "C_Login"), 1);
    }
    rig_write(rig, "pin", RIG_PIN, 0400);
    rig_await(rig, HUFU_OK);
    assert_int_equal(rig_calls(rig, "C_Login"), 2);
    assert_int_not_equal(access(rig_path(rig, "data/hsm-pin-refused"), F_OK), 0);
}

/* A second wrong PIN is one more try, and no more than that. */
static void test_a_new_wrong_pin_is_tried_once(void **state)
{
    struct rig *rig = *state;
    struct stat st;

    rig_token(rig, "hufu");
    rig_write(rig, "pin", "wrong-1", 0400);
    rig_start(rig);
    rig_await(rig, HUFU_HSM_PIN);
    rig_write(rig, "pin", "wrong-2", 0400);
    rig_stays(rig, HUFU_HSM_PIN);
    assert_int_equal(rig_calls(rig, "C_Login"), 2);
    assert_int_equal(stat(rig_path(rig, "data/hsm-pin-refused"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

/* Where the disk does not take the record, this process still does not try again. */
static void test_a_refused_pin_is_remembered_without_a_disk(void **state)
{
    struct rig *rig = *state;

    rig_token(rig, "hufu");
    rig_write(rig, "pin", "wrong-pin", 0400);
    assert_int_equal(rename(rig_path(rig, "data"), rig_path(rig, "away")), 0);
    rig_start(rig);
    rig_await(rig, HUFU_HSM_PIN);
    rig_stays(rig, HUFU_HSM_PIN);
    assert_int_equal(rig_calls(rig, "C_Login"), 1);
    assert_int_equal(rename(rig_path(rig, "away"), rig_path(rig, "data")), 0);
    rig_stays(rig, HUFU_HSM_PIN);
    assert_int_equal(access(rig_path(rig, "data/hsm-pin-refused"), F_OK), 0);
    assert_int_equal(rig_calls(rig, "C_Login"), 1);
}

static void test_a_locked_pin_is_a_refused_one(void **state)
{
    struct rig *rig = *state;

    rig_token(rig, "hufu");
    rig_faults(rig, "C_Login a4 0 0 0\n"); /* CKR_PIN_LOCKED */
    rig_start(rig);
    rig_await(rig, HUFU_HSM_PIN);
    rig_stays(rig, HUFU_HSM_PIN);
    assert_int_equal(rig_calls(rig, "C_Login"), 1);
}

static void test_a_readable_pin_file_is_not_used(void **state)
{
    static const mode_t modes[] = { 0644, 0440, 0600, 0404 };
    struct rig *rig = *state;

    rig_token(rig, "hufu");
    rig_write(rig, "pin", RIG_PIN, 0644);
    rig_start(rig);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(chmod(rig_path(rig, "pin"), modes[i]), 0);
        assert_int_equal(control_send(rig->control, CONTROL_RELOAD, -1), HUFU_OK);
        usleep(100000);
        rig_await(rig, HUFU_HSM_DOWN);
        assert_true(rig_says(rig, "why=pin-file"));
    }
    assert_int_equal(rig_calls(rig, "C_Login"), 0);
    assert_int_equal(chmod(rig_path(rig, "pin"), 0400), 0);
    rig_await(rig, HUFU_OK);
}

/* ---- the token comes and goes ---- */

static void test_a_token_that_appears_later_is_found(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(rmdir(rig_path(rig, "tokens")), 0);
    rig_start(rig);
    rig_await(rig, HUFU_HSM_DOWN);
    rig_stays(rig, HUFU_HSM_DOWN);
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "a"), HUFU_HSM_DOWN);
    assert_int_equal(mkdir(rig_path(rig, "tokens"), 0700), 0);
    rig_token(rig, "other");
    rig_stays(rig, HUFU_HSM_DOWN);
    assert_true(rig_says(rig, "why=token"));
    rig_token(rig, "hufu");
    rig_await(rig, HUFU_OK);
    assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "a"), HUFU_OK);
}

/* Two tokens that fit the settings are none: keys could be made on the wrong one. */
static void test_two_tokens_of_one_label_are_refused(void **state)
{
    struct rig *rig = *state;

    rig_token(rig, "hufu");
    rig_token(rig, "hufu");
    rig_start(rig);
    rig_stays(rig, HUFU_HSM_DOWN);
    assert_true(rig_says(rig, "why=token"));
    assert_int_equal(rig_calls(rig, "C_Login"), 0);
}

static void test_the_serial_decides_between_two_tokens(void **state)
{
    struct rig *rig = *state;
    char word[64], setting[64];
    const char *at;

    rig_token(rig, "hufu");
    rig_start(rig);
    rig_await(rig, HUFU_OK);
    at = memmem(rig->reply.text.p, rig->reply.text.len, "serial=", 7);
    assert_non_null(at);
    snprintf(word, sizeof(word), "%.23s ", at); /* with its 16 digits */
    snprintf(setting, sizeof(setting), "hsm.token_%.23s", at);
    rig_stop(rig);
    rig_token(rig, "hufu");
    rig->setting = setting;
    rig_start(rig);
    rig_await(rig, HUFU_OK);
    assert_true(rig_says(rig, word));
    rig_stop(rig);
    rig->setting = "hsm.token_serial=0000";
    rig_start(rig);
    rig_await(rig, HUFU_HSM_DOWN);
    assert_true(rig_says(rig, "why=token"));
}

/* What no waiting can mend ends the process for good, and it says so. */
static void test_settings_that_cannot_work_are_fatal(void **state)
{
    static const char *const settings[] = { "hsm.token_label=", "hsm.module=" };
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        rig->setting = settings[i];
        rig_spawn(rig);
        rig_wait_control(rig, CONTROL_FATAL);
        assert_int_equal(rig_wait_end(rig), 78);
        link_done(&rig->link);
        close(rig->control);
    }
}

/* A module that is not installed yet is waited for. */
static void test_a_missing_module_is_looked_for_again(void **state)
{
    struct rig *rig = *state;
    char setting[160];

    rig_token(rig, "hufu");
    snprintf(setting, sizeof(setting), "hsm.module=%s", rig_path(rig, "module.so"));
    rig->setting = setting;
    rig_start(rig);
    rig_stays(rig, HUFU_HSM_DOWN);
    assert_true(rig_says(rig, "why=module"));
    rig_write(rig, "module.so", "not a library", 0600);
    rig_stays(rig, HUFU_HSM_DOWN);
    assert_int_equal(remove(rig_path(rig, "module.so")), 0);
    assert_int_equal(symlink(RIG_MODULE, rig_path(rig, "module.so")), 0);
    rig_await(rig, HUFU_OK);
}

static void test_a_lost_token_is_down_and_comes_back(void **state)
{
    struct rig *rig = *state;
    uint8_t sealed[64];
    struct view blob = { sealed, 0 };

    assert_int_equal(rig_data(rig, HSM_SEAL, "a", none, view_str("kept")), HUFU_OK);
    blob.len = rig->reply.data.len;
    memcpy(sealed, rig->reply.data.p, blob.len);
    for (int i = 0; i < 4; i++) { /* whichever call meets it first */
        assert_int_equal(rename(rig_path(rig, "tokens"), rig_path(rig, "away")), 0);
        if (i == 0)
            assert_int_equal(rig_data(rig, HSM_OPEN, "a", none, blob), HUFU_HSM_DOWN);
        if (i == 1)
            assert_int_equal(rig_data(rig, HSM_SIGN, "log", none, view_str("m")), HUFU_HSM_DOWN);
        if (i == 2)
            assert_int_equal(rig_key(rig, HSM_KEK_MAKE, "b"), HUFU_HSM_DOWN);
        if (i == 3)
            assert_int_equal(rig_key(rig, HSM_KEK_FIND, "none"), HUFU_HSM_DOWN);
        rig_await(rig, HUFU_HSM_DOWN);
        assert_int_equal(rename(rig_path(rig, "away"), rig_path(rig, "tokens")), 0);
        rig_await(rig, HUFU_OK);
        assert_int_equal(rig_data(rig, HSM_OPEN, "a", none, blob), HUFU_OK);
        assert_true(view_is(rig->reply.data, "kept"));
        assert_int_equal(rig_data(rig, HSM_SIGN, "log", none, view_str("m")), HUFU_OK);
    }
}

#define BARE(test) cmocka_unit_test_setup_teardown(test, rig_setup_bare, rig_teardown)
#define FULL(test) cmocka_unit_test_setup_teardown(test, rig_setup_full, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BARE(test_a_refused_pin_is_never_tried_again),
        BARE(test_a_new_wrong_pin_is_tried_once),
        BARE(test_a_refused_pin_is_remembered_without_a_disk),
        BARE(test_a_locked_pin_is_a_refused_one),
        BARE(test_a_readable_pin_file_is_not_used),
        BARE(test_a_token_that_appears_later_is_found),
        BARE(test_two_tokens_of_one_label_are_refused),
        BARE(test_the_serial_decides_between_two_tokens),
        BARE(test_settings_that_cannot_work_are_fatal),
        BARE(test_a_missing_module_is_looked_for_again),
        FULL(test_a_lost_token_is_down_and_comes_back),
    };
    int status;

    if (!rig_is_possible(&status))
        return status;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
