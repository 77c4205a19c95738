/* C44: accounts that are sealed, opened by two, good for one log-in, then sealed again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/people_suite.h"

#define LOGINS 32

static char glass[MSG_SESSION_LEN + 1];

struct opened { /* what the two were told */
    char password[PEOPLE_TEXT_MAX], seed[PEOPLE_TEXT_MAX];
};

static void make(const char *name, const char *role)
{
    struct people_told told =
        people_call(&rig, sara, VERB_USER_ADD,
                    &(struct people_words){ .name = name, .role = role, .sealed = true });

    assert_int_equal(told.err, HUFU_OK);
    assert_int_equal(told.success, MSG_201);
    assert_string_equal(told.state, "sealed");
    assert_string_equal(told.password, "");
    assert_string_equal(told.seed, "");
}

static struct opened open_glass(const char *name)
{
    struct people_told begun = people_propose(&rig, sara, "break-glass", name, NULL), done;
    struct opened opened;

    assert_int_equal(begun.err, HUFU_OK);
    assert_string_equal(begun.seed, "");
    done = people_approve(&rig, sven, begun.id);
    assert_int_equal(done.err, HUFU_OK);
    assert_string_equal(done.state, "done");
    assert_string_equal(done.password, "");
    assert_int_not_equal(begun.password[0], '\0');
    assert_int_not_equal(done.seed[0], '\0');
    memcpy(opened.password, begun.password, sizeof(opened.password));
    memcpy(opened.seed, done.seed, sizeof(opened.seed));
    return opened;
}

static enum hufu_err come_in(const char *name, const struct opened *o)
{
    char code[7];

    people_code(&rig, o->seed, 0, code);
    return people_login(&rig, name, o->password, code, glass);
}

static size_t alarms(void)
{
    struct life_lines found;

    return life_find_lines(&rig, &found, 0, "\"verb\":\"alarm\"", "rule=break-glass grade=high",
                           "\"principal\":\"glass\"");
}

static void test_C44_a_sealed_account_opens_nothing(void **state)
{
    static const char *const kinds[] = { "reset-factor", "reset-password", "freeze-lift",
                                         "enrol-key" };
    const struct user *row;

    (void)state;
    make("glass", "operator");
    row = people_row(&rig, "glass");
    assert_int_equal(row->state, ROW_SEALED);
    assert_int_equal(row->once, USER_ONCE_SEALED);
    assert_int_equal(people_comes_in("glass"), HUFU_UNAUTHENTICATED);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (people_propose(&rig, sara, kinds[i], "glass", NULL).err != HUFU_CONFLICT)
            fail_msg("%s", kinds[i]);
    assert_int_equal(people_propose(&rig, sara, "change-role", "glass", "sre").err, HUFU_CONFLICT);
    assert_int_equal(people_named(&rig, sara, VERB_USER_UNFREEZE, "glass").err, HUFU_CONFLICT);
    assert_int_equal(state_of("glass"), ROW_SEALED);
}

/* Made by one, of whatever role: nobody can use it before two agree. Two of one name: one. */
static void test_C44_made_for_operators_and_administrators(void **state)
{
    struct people_told told;

    (void)state;
    make("glass", "operator");
    make("glass-2", "security_admin");
    told =
        people_call(&rig, sara, VERB_USER_ADD,
                    &(struct people_words){ .name = "glass", .role = "operator", .sealed = true });
    assert_int_equal(told.err, HUFU_CONFLICT);
    told =
        people_call(&rig, olga, VERB_USER_ADD,
                    &(struct people_words){ .name = "mine", .role = "operator", .sealed = true });
    assert_int_equal(told.err, HUFU_FORBIDDEN);
}

static void test_C44_opening_takes_two(void **state)
{
    struct people_told begun, told;
    char carl[MSG_SESSION_LEN + 1];

    (void)state;
    make("glass", "operator");
    rig_login(&rig, "carl", carl);
    assert_int_equal(people_propose(&rig, carl, "break-glass", "glass", NULL).err, HUFU_FORBIDDEN);
    assert_int_equal(people_propose(&rig, olga, "break-glass", "glass", NULL).err, HUFU_FORBIDDEN);
    assert_int_equal(people_propose(&rig, sara, "break-glass", "olga", NULL).err, HUFU_CONFLICT);
    assert_int_equal(people_propose(&rig, sara, "break-glass", "nobody", NULL).err, HUFU_NOT_FOUND);
    assert_int_equal(people_propose(&rig, sara, "break-glass", "partners/acme", NULL).err,
                     HUFU_NOT_FOUND);
    assert_int_equal(people_propose(&rig, sara, "break-glass", "glass", "sre").field, MSG_ROLE);
    begun = people_propose(&rig, sara, "break-glass", "glass", NULL);
    assert_int_equal(begun.err, HUFU_OK);
    assert_int_equal(people_propose(&rig, sven, "break-glass", "glass", NULL).err, HUFU_CONFLICT);
    assert_int_equal(people_approve(&rig, sara, begun.id).err, HUFU_ALREADY_APPROVED);
    assert_int_equal(people_approve(&rig, carl, begun.id).err, HUFU_FORBIDDEN);
    assert_int_equal(state_of("glass"), ROW_SEALED);
    assert_int_equal(alarms(), 0);
    rig_tick(&rig, conf_u64(rig.conf, CONF_CEREMONY_S) * 1000);
    rig_login(&rig, "sara", sara);
    rig_login(&rig, "sven", sven);
    told = people_approve(&rig, sven, begun.id);
    assert_int_equal(told.err, HUFU_CONFLICT); /* too late */
    assert_string_equal(told.seed, "");
    assert_int_equal(state_of("glass"), ROW_SEALED);
    (void)open_glass("glass");
    assert_int_equal(alarms(), 1);
}

/* Two seconds at once: it is opened once, and one code secret is told. */
static void test_C44_seconded_twice_at_once(void **state)
{
    struct people_told told;
    struct rig_who who = { .session = sven };
    struct people_flights f = { .leave_id = UINT64_MAX };
    struct life_lines found;
    struct buf b;

    (void)state;
    make("glass", "operator");
    told = people_propose(&rig, sara, "break-glass", "glass", NULL);
    buf_init(&b, 128);
    msg_put_text(&b, MSG_ID, view_str(told.id));
    rig.on_reply = people_land;
    rig.arg = &f;
    for (int i = 0; i < LOGINS; i++)
        (void)rig_submit(&rig, VERB_CEREMONY_APPROVE, &who, buf_view(&b));
    while (worker_step(&rig.worker)) /* all decided, none committed */
        continue;
    people_drive(&rig);
    rig.on_reply = NULL;
    buf_done(&b);
    assert_int_equal(f.answered, LOGINS);
    assert_int_equal(f.revealed, 1);
    assert_int_equal(f.other, LOGINS - 1);
    assert_int_equal(alarms(), 1);
    assert_int_equal(life_find_lines(&rig, &found, 0, "\"verb\":\"ceremony-approve\"",
                                     "\"result\":\"ok\"", "break-glass glass"),
                     1);
}

static void test_C44_good_for_one_login(void **state)
{
    struct opened o;
    struct people_told told;

    (void)state;
    make("glass", "operator");
    o = open_glass("glass");
    /* What an earlier opening asked for is void. */
    assert_true(people_row(&rig, "glass")->since_ms > people_row(&rig, "glass")->created_ms);
    assert_int_equal(come_in("glass", &o), HUFU_OK);
    assert_int_equal(people_whoami(&rig, glass), HUFU_OK);
    assert_int_equal(people_row(&rig, "glass")->once, USER_ONCE_USED);
    assert_int_equal(alarms(), 2); /* at the opening and at the log-in */
    rig_tick(&rig, PEOPLE_STEP_MS);
    {
        char kept[sizeof(glass)];

        memcpy(kept, glass, sizeof(kept));
        assert_int_equal(come_in("glass", &o), HUFU_UNAUTHENTICATED); /* with a fresh code */
        memcpy(glass, kept, sizeof(glass));
    }
    assert_int_equal(alarms(), 2);
    RIG_CHECK(rig_restart(&rig));
    assert_int_equal(people_whoami(&rig, glass), HUFU_OK); /* the one session goes on */
    told = people_named(&rig, sara, VERB_USER_UNFREEZE, "glass");
    assert_int_equal(told.err, HUFU_CONFLICT); /* it is open: there is nothing to let in again */
}

static void test_C44_the_session_keeps_its_second_factor(void **state)
{
    struct rig_who who = { .session = glass };
    struct opened o;
    char code[7];
    struct buf b;

    (void)state;
    make("glass", "operator");
    o = open_glass("glass");
    assert_int_equal(come_in("glass", &o), HUFU_OK);
    rig_tick(&rig, 6 * 60000);
    people_code(&rig, o.seed, 0, code);
    buf_init(&b, 64);
    msg_put_text(&b, MSG_OTP, view_str(code));
    assert_int_equal(rig_call(&rig, VERB_STEP_UP, &who, buf_view(&b))->err, HUFU_OK);
    buf_done(&b);
}

/* 32 log-ins at once, with codes of two steps, each of which would do: exactly one. */
static void test_C44_32_logins_at_once(void **state)
{
    static const struct rig_who nobody = { 0 };
    struct people_flights f = { .leave_id = UINT64_MAX };
    char code[2][7];
    struct opened o;
    struct buf b;

    (void)state;
    make("glass", "operator");
    o = open_glass("glass");
    rig_tick(&rig, PEOPLE_STEP_MS);
    people_code(&rig, o.seed, 1, code[0]);
    people_code(&rig, o.seed, 0, code[1]);
    rig.on_reply = people_land;
    rig.arg = &f;
    buf_init(&b, 1024);
    for (int i = 0; i < LOGINS; i++) {
        buf_reset(&b);
        people_put_login(&b, "glass", o.password, code[i % 2]);
        (void)rig_submit(&rig, VERB_LOGIN, &nobody, buf_view(&b));
        while (worker_step(&rig.worker) || password_step(&rig.core)) /* none committed yet */
            continue;
    }
    people_drive(&rig);
    rig.on_reply = NULL;
    buf_done(&b);
    assert_int_equal(f.answered, LOGINS);
    assert_int_equal(f.revealed, 1);
    assert_int_equal(f.refused, LOGINS - 1);
    assert_int_equal(people_row(&rig, "glass")->once, USER_ONCE_USED);
}

static void expect_sealed(const struct opened *before, const char *used)
{
    const struct user *row = people_row(&rig, "glass");
    struct life_lines found;

    assert_int_equal(row->state, ROW_SEALED);
    assert_int_equal(row->once, USER_ONCE_SEALED);
    assert_int_equal(row->expires_ms, 0);
    assert_int_equal(row->password_by, 0);
    assert_int_equal(row->seed_by, 0);
    assert_false(password_check(&row->password, view_str(before->password)));
    assert_int_equal(life_find_lines(&rig, &found, 0, "\"verb\":\"break-glass-seal\"",
                                     "\"purpose\":\"glass\"", used),
                     1);
    rig_tick(&rig, PEOPLE_STEP_MS);
    assert_int_equal(come_in("glass", before), HUFU_UNAUTHENTICATED);
}

/* "changed afterwards": once the session is over nothing that the two were told is any good. */
static void test_C44_sealed_after_the_session(void **state)
{
    struct rig_who who = { .session = glass };
    struct opened o, again;

    (void)state;
    make("glass", "operator");
    o = open_glass("glass");
    people_sweep(&rig); /* it is open and waits */
    assert_int_equal(state_of("glass"), ROW_ACTIVE);
    assert_int_equal(come_in("glass", &o), HUFU_OK);
    people_sweep(&rig); /* it is used */
    assert_int_equal(people_whoami(&rig, glass), HUFU_OK);
    assert_int_equal(rig_call(&rig, VERB_LOGOUT, &who, view_of(NULL, 0))->err, HUFU_OK);
    people_sweep(&rig);
    expect_sealed(&o, "used=yes");
    rig_login(&rig, "sara", sara);
    rig_login(&rig, "sven", sven);
    again = open_glass("glass");
    assert_string_not_equal(again.password, o.password);
    assert_string_not_equal(again.seed, o.seed);
    rig_tick(&rig, PEOPLE_STEP_MS);
    assert_int_equal(come_in("glass", &again), HUFU_OK);
}

static void test_C44_sealed_when_nobody_comes(void **state)
{
    struct opened o;

    (void)state;
    make("glass", "operator");
    o = open_glass("glass");
    rig_tick(&rig, conf_u64(rig.conf, CONF_BREAK_GLASS_S) * 1000);
    assert_int_equal(come_in("glass", &o), HUFU_UNAUTHENTICATED); /* before the sweeper came too */
    people_sweep(&rig);
    expect_sealed(&o, "used=no");
}

/* The time of the account ends the session, however busy it is. */
static void test_C44_its_time_ends_the_session(void **state)
{
    uint64_t life_ms = conf_u64(rig.conf, CONF_BREAK_GLASS_S) * 1000;
    struct opened o;

    (void)state;
    make("glass", "operator");
    o = open_glass("glass");
    assert_int_equal(come_in("glass", &o), HUFU_OK);
    for (uint64_t ms = 0; ms + 60000 < life_ms; ms += 60000) {
        assert_int_equal(people_whoami(&rig, glass), HUFU_OK);
        rig_tick(&rig, 60000);
    }
    assert_int_equal(people_whoami(&rig, glass), HUFU_OK);
    rig_tick(&rig, 60000);
    assert_int_equal(people_whoami(&rig, glass), HUFU_UNAUTHENTICATED);
    people_sweep(&rig);
    expect_sealed(&o, "used=yes");
}

/* Frozen while it is open: shut at once, sealed by the sweeper, and back as a sealed one only. */
static void test_C44_frozen_while_it_is_open(void **state)
{
    struct people_told told;
    struct opened o;

    (void)state;
    make("glass", "operator");
    o = open_glass("glass");
    assert_int_equal(come_in("glass", &o), HUFU_OK);
    assert_int_equal(people_named(&rig, sara, VERB_USER_FREEZE, "glass").err, HUFU_OK);
    assert_int_equal(people_whoami(&rig, glass), HUFU_UNAUTHENTICATED);
    people_sweep(&rig);
    assert_int_equal(state_of("glass"), ROW_FROZEN);
    assert_int_equal(people_row(&rig, "glass")->once, USER_ONCE_SEALED);
    assert_int_equal(people_propose(&rig, sara, "break-glass", "glass", NULL).err, HUFU_CONFLICT);
    told = people_named(&rig, sara, VERB_USER_UNFREEZE, "glass");
    assert_int_equal(told.err, HUFU_OK);
    assert_string_equal(told.state, "sealed");
    assert_int_equal(state_of("glass"), ROW_SEALED);
    rig_tick(&rig, PEOPLE_STEP_MS);
    assert_int_equal(come_in("glass", &o), HUFU_UNAUTHENTICATED);
}

/* Nobody knows who uses it: it may be one of the two that something takes. */
static void test_C44_it_is_none_of_two(void **state)
{
    struct people_told told;
    struct opened o;

    (void)state;
    make("glass", "security_admin");
    o = open_glass("glass");
    assert_int_equal(come_in("glass", &o), HUFU_OK);
    told = people_propose(&rig, sara, "change-role", "olga", "auditor");
    assert_int_equal(people_approve(&rig, glass, told.id).err, HUFU_FORBIDDEN);
    assert_int_equal(people_propose(&rig, glass, "reset-factor", "omar", NULL).err, HUFU_FORBIDDEN);
    assert_int_equal(people_add(&rig, glass, "anna", "approver").err, HUFU_FORBIDDEN);
    assert_null(directory_user(rig.core.dir, view_str("anna")));
    assert_int_equal(
        people_call(&rig, glass, VERB_USER_ADD,
                    &(struct people_words){ .name = "more", .role = "operator", .sealed = true })
            .err,
        HUFU_FORBIDDEN);
    assert_int_equal(people_named(&rig, glass, VERB_USER_FREEZE, "omar").err, HUFU_OK);
    /* nor one of the two who stay */
    assert_int_equal(people_named(&rig, glass, VERB_USER_LEAVE, "sven").err, HUFU_CONFLICT);
    assert_int_equal(people_named(&rig, sara, VERB_USER_LEAVE, "glass").err, HUFU_OK);
    assert_int_equal(people_whoami(&rig, glass), HUFU_UNAUTHENTICATED);
    assert_int_equal(people_propose(&rig, sara, "break-glass", "glass", NULL).err, HUFU_CONFLICT);
}

static void test_C44_opened_and_restarted(void **state)
{
    struct opened o;

    (void)state;
    make("glass", "operator");
    o = open_glass("glass");
    RIG_CHECK(rig_restart(&rig));
    assert_int_equal(come_in("glass", &o), HUFU_OK);
    RIG_CHECK(rig_restart(&rig));
    rig_tick(&rig, PEOPLE_STEP_MS);
    assert_int_equal(come_in("glass", &o), HUFU_UNAUTHENTICATED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, people_setup, suite_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C44_a_sealed_account_opens_nothing),
        TEST(test_C44_made_for_operators_and_administrators),
        TEST(test_C44_opening_takes_two),
        TEST(test_C44_seconded_twice_at_once),
        TEST(test_C44_good_for_one_login),
        TEST(test_C44_the_session_keeps_its_second_factor),
        TEST(test_C44_32_logins_at_once),
        TEST(test_C44_sealed_after_the_session),
        TEST(test_C44_sealed_when_nobody_comes),
        TEST(test_C44_its_time_ends_the_session),
        TEST(test_C44_frozen_while_it_is_open),
        TEST(test_C44_it_is_none_of_two),
        TEST(test_C44_opened_and_restarted),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
