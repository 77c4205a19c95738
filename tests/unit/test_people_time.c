/* People and time, in a whole core: an end that was set, nobody there for long, passwords that were
 * had before, lists of those that nobody may have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/people_suite.h"

static void test_C40_an_account_that_ends(void **state)
{
    char code[7], night[MSG_SESSION_LEN + 1];
    struct people_told told;
    const struct rig_reply *r;
    struct life_lines found;

    (void)state;
    told = people_call(
        &rig, sara, VERB_USER_ADD,
        &(struct people_words){
            .name = "nils", .role = "operator", .expires_s = 600, .group = "night-shift" });
    assert_int_equal(told.success, MSG_201);
    assert_string_equal(people_row(&rig, "nils")->group, "night-shift");
    people_code(&rig, told.seed, 0, code);
    assert_int_equal(people_login(&rig, "nils", told.password, code, night), HUFU_OK);
    r = people_ask(&rig, sara, VERB_USER_LIST, &(struct people_words){ 0 });
    assert_non_null(strstr(r->body, "\"expires_at\":\"2026-09-21T14:23:20.000Z\","
                                    "\"group\":\"night-shift\",\"last_used_at\":"));
    rig_tick(&rig, 600000 - 1);
    assert_int_equal(people_whoami(&rig, night), HUFU_OK);
    rig_tick(&rig, 1);
    assert_int_equal(people_whoami(&rig, night), HUFU_UNAUTHENTICATED);
    people_code(&rig, told.seed, 0, code);
    assert_int_equal(people_login(&rig, "nils", told.password, code, night), HUFU_UNAUTHENTICATED);
    assert_int_equal(state_of("nils"), ROW_ACTIVE); /* refused all the same */
    people_sweep(&rig);
    assert_int_equal(state_of("nils"), ROW_FROZEN);
    assert_int_equal(life_find_lines(&rig, &found, 0, "\"verb\":\"user-expire\"",
                                     "\"purpose\":\"nils\"", "late_s="),
                     1);
    rig_tick(&rig, PEOPLE_STEP_MS);
    rig_login(&rig, "sara", sara);
    assert_int_equal(people_named(&rig, sara, VERB_USER_UNFREEZE, "nils").err, HUFU_CONFLICT);
}

/* The end is judged when the reveal is committed, not only when it comes in. */
static void test_C40_a_reveal_in_flight_at_the_end(void **state)
{
    char code[7], night[MSG_SESSION_LEN + 1], token[LIFE_TOKEN_MAX];
    struct rig_who acme = { .partner = "acme" };
    struct people_told told;
    struct people_flights f = { .leave_id = UINT64_MAX };

    (void)state;
    told =
        people_call(&rig, sara, VERB_USER_ADD,
                    &(struct people_words){ .name = "nils", .role = "operator", .expires_s = 60 });
    people_code(&rig, told.seed, 0, code);
    assert_int_equal(people_login(&rig, "nils", told.password, code, night), HUFU_OK);
    life_token(&rig, &acme, "cards", "4111111111111111", 0, 0, token);
    (void)signer_step(rig.core.signer);
    assert_int_equal(rig_reveal(&rig, night, "cards", token)->err, HUFU_OK);
    memcpy(olga, night, sizeof(olga));
    rig_tick(&rig, 60000 - 1);
    rig.on_reply = people_land;
    rig.arg = &f;
    send_reveals(token, 1);
    assert_true(worker_step(&rig.worker));
    rig_tick(&rig, 1);
    people_drive(&rig);
    rig.on_reply = NULL;
    assert_int_equal(f.refused, 1);
    assert_int_equal(f.revealed, 0);
}

/* Days pass; who signs in is not dormant. Sara has to have a password of today for what follows. */
static void days_pass(uint64_t days)
{
    rig_tick(&rig, days * PEOPLE_DAY_MS);
    people_sweep(&rig);
    people_sweep(&rig);
}

static void test_C45_who_does_not_come_is_frozen(void **state)
{
    struct life_lines found;

    (void)state;
    days_pass(89);
    assert_int_equal(state_of("aude"), ROW_ACTIVE);
    assert_int_equal(people_comes_in("omar"), HUFU_OK);
    days_pass(1);
    assert_int_equal(state_of("aude"), ROW_FROZEN);
    assert_int_equal(state_of("carl"), ROW_FROZEN);
    assert_int_equal(state_of("olga"), ROW_FROZEN);
    assert_int_equal(state_of("omar"), ROW_ACTIVE);
    assert_int_equal(state_of("sara"), ROW_ACTIVE); /* the last two security administrators */
    assert_int_equal(state_of("sven"), ROW_ACTIVE);
    assert_int_equal(
        life_find_lines(&rig, &found, 0, "\"verb\":\"user-dormant\"", "idle_days=90", NULL), 4);
    assert_int_equal(life_find_lines(&rig, &found, 0, "user-dormant", "\"purpose\":\"olga\"", NULL),
                     1);
    assert_int_equal(people_comes_in("olga"), HUFU_UNAUTHENTICATED);
}

static void test_C45_who_was_let_in_again_has_as_many_days(void **state)
{
    char code[7], session[MSG_SESSION_LEN + 1];

    (void)state;
    days_pass(90);
    assert_int_equal(state_of("olga"), ROW_FROZEN);
    rig_tick(&rig, PEOPLE_STEP_MS);
    rig_code("sara", rig.clock.now / PEOPLE_STEP_MS, code);
    assert_int_equal(people_login(&rig, "sara", "correct-horse-s.ara", code, session), HUFU_OK);
    assert_int_equal(
        people_change_password(&rig, session, "correct-horse-s.ara", "kettle-17-mud").err, HUFU_OK);
    assert_int_equal(people_named(&rig, session, VERB_USER_UNFREEZE, "olga").success, MSG_200);
    days_pass(89);
    assert_int_equal(state_of("olga"), ROW_ACTIVE);
    days_pass(1);
    assert_int_equal(state_of("olga"), ROW_FROZEN);
}

/* A clock that jumps by years freezes nobody without a word, and never all who could lift it. */
static void test_C45_a_clock_that_jumps(void **state)
{
    struct life_lines found;

    (void)state;
    days_pass(5 * 365);
    assert_int_equal(
        life_find_lines(&rig, &found, 0, "\"verb\":\"user-dormant\"", "idle_days=1825", NULL), 5);
    assert_int_equal(state_of("sara"), ROW_ACTIVE);
    assert_int_equal(state_of("sven"), ROW_ACTIVE);
    assert_int_equal(people_comes_in("sara"), HUFU_OK);
}

static void test_C45_nobody_is_dormant_where_the_setting_says_so(void **state)
{
    (void)state;
    open_with("auth.dormant_days=0");
    days_pass(1000);
    for (size_t i = 0; i < RIG_USERS; i++)
        assert_int_equal(state_of(rig_users[i].name), ROW_ACTIVE);
}

/* A log-in that is on its way when the sweeper looks wins, or is refused: never both. */
static void test_C45_a_login_races_the_sweeper(void **state)
{
    static const struct rig_who nobody = { 0 };
    struct people_flights f = { .leave_id = UINT64_MAX };
    struct buf b;

    (void)state;
    rig_tick(&rig, 90 * PEOPLE_DAY_MS);
    rig.on_reply = people_land;
    rig.arg = &f;
    buf_init(&b, 1024);
    rig_put_login(&b, "aude", rig.clock.now / PEOPLE_STEP_MS);
    (void)rig_submit(&rig, VERB_LOGIN, &nobody, buf_view(&b));
    buf_done(&b);
    while (worker_step(&rig.worker) || password_step(&rig.core)) /* decided, not committed */
        continue;
    for (int i = 0; i < 8; i++)
        (void)sweeper_step(&rig.sweeper); /* aude is the first that it freezes */
    people_drive(&rig);
    people_sweep(&rig);
    rig.on_reply = NULL;
    assert_int_equal(f.answered, 1);
    assert_int_equal(f.revealed, 1); /* it was handed in first */
    assert_int_equal(state_of("aude"), ROW_ACTIVE);
    assert_int_equal(state_of("carl"), ROW_FROZEN);
}

static void test_C42_the_last_passwords_do_not_come_back(void **state)
{
    static const char *const mine[] = { "correct-horse-o.lga", "kettle-17-mud-a", "kettle-17-mud-b",
                                        "kettle-17-mud-c",     "kettle-17-mud-d", "kettle-17-mud-e",
                                        "kettle-17-mud-f" };
    struct people_told told;

    (void)state;
    for (size_t i = 1; i < 7; i++) {
        assert_int_equal(people_change_password(&rig, olga, mine[i - 1], mine[i]).err, HUFU_OK);
        for (size_t k = i <= 5 ? 0 : i - 5; k <= i; k++) { /* the present one, and five before it */
            told = people_change_password(&rig, olga, mine[i], mine[k]);
            if (told.err != HUFU_BAD_REQUEST || told.field != MSG_NEW_PASSWORD)
                fail_msg("%zu after %zu: %d", k, i, (int)told.err);
        }
    }
    /* Only who knows the present one is told. */
    assert_int_equal(people_change_password(&rig, olga, "not-the-present-one", mine[5]).err,
                     HUFU_UNAUTHENTICATED);
    assert_int_equal(people_change_password(&rig, olga, mine[6], mine[0]).err, HUFU_OK);
    assert_int_equal(people_row(&rig, "olga")->former_count, 5);
    RIG_CHECK(rig_restart(&rig));
    assert_int_equal(people_row(&rig, "olga")->former_count, 5);
}

static void test_C42_a_reset_password_is_kept_too(void **state)
{
    char code[7], session[MSG_SESSION_LEN + 1];
    struct people_told begun;

    (void)state;
    begun = people_propose(&rig, sara, "reset-password", "olga", NULL);
    assert_int_equal(people_approve(&rig, sven, begun.id).err, HUFU_OK);
    rig_tick(&rig, PEOPLE_STEP_MS);
    rig_code("olga", rig.clock.now / PEOPLE_STEP_MS, code);
    assert_int_equal(people_login(&rig, "olga", begun.password, code, session), HUFU_OK);
    assert_int_equal(
        people_change_password(&rig, session, begun.password, "correct-horse-o.lga").field,
        MSG_NEW_PASSWORD);
    assert_int_equal(people_change_password(&rig, session, begun.password, "kettle-17-mud").err,
                     HUFU_OK);
}

static void test_C42_no_history_where_the_setting_says_so(void **state)
{
    (void)state;
    open_with("auth.password_history=0");
    assert_int_equal(people_change_password(&rig, olga, "correct-horse-o.lga", "kettle-17-mud").err,
                     HUFU_OK);
    assert_int_equal(people_change_password(&rig, olga, "kettle-17-mud", "correct-horse-o.lga").err,
                     HUFU_OK);
    assert_int_equal(people_row(&rig, "olga")->former_count, 0);
}

static void write_deny(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void test_C42_denied_passwords(void **state)
{
    char path[128], setting[160];

    (void)state;
    snprintf(path, sizeof(path), "%s/deny.txt", rig.dir);
    snprintf(setting, sizeof(setting), "auth.deny_file=%s", path);
    write_deny(path, "Kettle-at-noon\n");
    open_with(setting);
    assert_int_equal(
        people_change_password(&rig, olga, "correct-horse-o.lga", "kettle-at-NOON2026").field,
        MSG_NEW_PASSWORD);
    assert_int_equal(people_row(&rig, "olga")->former_count, 0);
    write_deny(path, "mud-at-midnight\n");
    assert_int_equal(core_read_deny(&rig.core), HUFU_OK); /* as SIGHUP does */
    assert_int_equal(
        people_change_password(&rig, olga, "correct-horse-o.lga", "mud-at-midnight").err,
        HUFU_BAD_REQUEST);
    write_deny(path, "broken \xff line\n");
    assert_int_equal(core_read_deny(&rig.core), HUFU_SYNTAX);
    assert_int_equal(
        people_change_password(&rig, olga, "correct-horse-o.lga", "mud-at-midnight").err,
        HUFU_BAD_REQUEST);
    assert_int_equal(
        people_change_password(&rig, olga, "correct-horse-o.lga", "kettle-at-NOON2026").err,
        HUFU_OK);
    rig_crash(&rig);
    assert_int_equal(rig_open(&rig), HUFU_SYNTAX); /* at the start it must be right */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rig_open(&rig), HUFU_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, people_setup, suite_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C40_an_account_that_ends),
        TEST(test_C40_a_reveal_in_flight_at_the_end),
        TEST(test_C45_who_does_not_come_is_frozen),
        TEST(test_C45_who_was_let_in_again_has_as_many_days),
        TEST(test_C45_a_clock_that_jumps),
        TEST(test_C45_nobody_is_dormant_where_the_setting_says_so),
        TEST(test_C45_a_login_races_the_sweeper),
        TEST(test_C42_the_last_passwords_do_not_come_back),
        TEST(test_C42_a_reset_password_is_kept_too),
        TEST(test_C42_no_history_where_the_setting_says_so),
        TEST(test_C42_denied_passwords),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
