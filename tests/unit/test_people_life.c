/* People come, change and go, in a whole core: leaving, and what of theirs ends with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/people_suite.h"

#define FLIGHTS 16 /* reveals before a leave, and as many behind it */

static enum hufu_err leave(const char *by, const char *name)
{
    return people_named(&rig, by, VERB_USER_LEAVE, name).err;
}

/* A third security administrator, signed in. */
static void third_admin(const char *name, char session[static MSG_SESSION_LEN + 1])
{
    struct people_told begun = people_add(&rig, sara, name, "security_admin"), done;
    char code[7];

    assert_int_equal(begun.success, MSG_202);
    done = people_approve(&rig, sven, begun.id);
    assert_int_equal(done.err, HUFU_OK);
    people_code(&rig, done.seed, 0, code);
    assert_int_equal(people_login(&rig, name, begun.password, code, session), HUFU_OK);
}

/* C40 "leaving revokes at once": sessions, rights and the name, for the very next request. */
static void test_C40_who_leaves_is_out_for_the_next_request(void **state)
{
    struct life_lines found;
    struct people_told told;

    (void)state;
    assert_int_equal(people_whoami(&rig, olga), HUFU_OK);
    told = people_named(&rig, sara, VERB_USER_LEAVE, "olga");
    assert_int_equal(told.success, MSG_200);
    assert_string_equal(told.state, "left");
    assert_int_equal(people_whoami(&rig, olga), HUFU_UNAUTHENTICATED);
    assert_int_equal(rig_reveal(&rig, olga, "cards", "4111111111111111")->err,
                     HUFU_UNAUTHENTICATED);
    assert_int_equal(people_comes_in("olga"), HUFU_UNAUTHENTICATED);
    assert_int_equal(life_find_lines(&rig, &found, 0, "\"verb\":\"user-leave\"",
                                     "\"purpose\":\"olga\"", "\"principal\":\"sara\""),
                     1);
    assert_non_null(strstr(found.last, "\"reason\":\"case 12\""));
    assert_int_equal(people_row(&rig, "olga")->former_count, 0);
    assert_int_equal(people_row(&rig, "olga")->password_by, 0);
    RIG_CHECK(rig_restart(&rig));
    assert_int_equal(state_of("olga"), ROW_LEFT);
    assert_int_equal(people_whoami(&rig, olga), HUFU_UNAUTHENTICATED);
}

static void test_C40_who_left_does_not_come_back(void **state)
{
    static const char *const kinds[] = { "reset-factor", "reset-password", "freeze-lift",
                                         "break-glass", "enrol-key" };

    (void)state;
    assert_int_equal(leave(sara, "olga"), HUFU_OK);
    assert_int_equal(leave(sara, "olga"), HUFU_OK); /* once more changes nothing */
    assert_int_equal(people_named(&rig, sara, VERB_USER_UNFREEZE, "olga").err, HUFU_CONFLICT);
    assert_int_equal(people_named(&rig, sara, VERB_USER_FREEZE, "olga").err, HUFU_CONFLICT);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (people_propose(&rig, sara, kinds[i], "olga", NULL).err != HUFU_CONFLICT)
            fail_msg("%s", kinds[i]);
    assert_int_equal(people_propose(&rig, sara, "change-role", "olga", "auditor").err,
                     HUFU_CONFLICT);
    assert_int_equal(people_add(&rig, sara, "olga", "operator").err, HUFU_CONFLICT);
    assert_int_equal(state_of("olga"), ROW_LEFT);
}

/* What was begun before finds a person who has left meanwhile. */
static void test_C40_ceremonies_about_who_left_are_void(void **state)
{
    struct people_told role, reset, enrol;

    (void)state;
    role = people_propose(&rig, sara, "change-role", "olga", "auditor");
    reset = people_propose(&rig, sara, "reset-factor", "omar", NULL);
    enrol = people_add(&rig, sara, "anna", "approver");
    assert_int_equal(leave(sven, "olga"), HUFU_OK);
    assert_int_equal(leave(sven, "omar"), HUFU_OK);
    assert_int_equal(leave(sven, "anna"), HUFU_OK);
    assert_int_equal(people_approve(&rig, sven, role.id).err, HUFU_CONFLICT);
    assert_int_equal(people_approve(&rig, sven, reset.id).err, HUFU_CONFLICT);
    assert_int_equal(people_approve(&rig, sven, enrol.id).err, HUFU_CONFLICT);
    assert_int_equal(state_of("anna"), ROW_LEFT);
}

static void test_C40_leaving_is_refused(void **state)
{
    char tess[MSG_SESSION_LEN + 1];
    struct people_told told;

    (void)state;
    assert_int_equal(leave(olga, "omar"), HUFU_FORBIDDEN);
    assert_int_equal(leave("no-such-session-token-no-such-session-token", "omar"),
                     HUFU_UNAUTHENTICATED);
    assert_int_equal(leave(sara, "nobody"), HUFU_NOT_FOUND);
    assert_int_equal(leave(sara, "sara"), HUFU_FORBIDDEN);
    told = people_call(&rig, sara, VERB_USER_LEAVE,
                       &(struct people_words){ .name = "olga", .reason = "4111 1111 1111 1111" });
    assert_int_equal(told.err, HUFU_VALUE_IN_TEXT);
    assert_int_equal(told.field, MSG_REASON);
    assert_int_equal(leave(sara, "sven"), HUFU_CONFLICT); /* one alone could lift nothing */
    third_admin("tess", tess);
    assert_int_equal(leave(tess, "sven"), HUFU_OK);
    assert_int_equal(people_whoami(&rig, sven), HUFU_UNAUTHENTICATED);
    assert_int_equal(leave(tess, "sara"), HUFU_CONFLICT);
    rig_tick(&rig, 6 * 60000);
    assert_int_equal(leave(sara, "omar"), HUFU_STEP_UP);
    assert_int_equal(state_of("omar"), ROW_ACTIVE);
    assert_int_equal(state_of("olga"), ROW_ACTIVE);
}

/* An administrator with an end is none of the two who stay. */
static void test_C40_who_ends_by_oneself_does_not_stay(void **state)
{
    struct people_told begun, done;
    char code[7], temp[MSG_SESSION_LEN + 1];

    (void)state;
    begun = people_call(
        &rig, sara, VERB_USER_ADD,
        &(struct people_words){ .name = "tess", .role = "security_admin", .expires_s = 3600 });
    done = people_approve(&rig, sven, begun.id);
    people_code(&rig, done.seed, 0, code);
    assert_int_equal(people_login(&rig, "tess", begun.password, code, temp), HUFU_OK);
    assert_int_equal(leave(temp, "sven"), HUFU_CONFLICT);
    assert_int_equal(people_named(&rig, temp, VERB_USER_FREEZE, "sven").err, HUFU_CONFLICT);
    assert_int_equal(leave(sara, "tess"), HUFU_OK);
}

static uint64_t send_leave(void)
{
    struct rig_who who = { .session = sara };
    struct buf b;
    uint64_t id;

    buf_init(&b, 256);
    msg_put_text(&b, MSG_REASON, view_str("case 12"));
    msg_put_text(&b, MSG_NAME, view_str("olga"));
    id = rig_submit(&rig, VERB_USER_LEAVE, &who, buf_view(&b));
    buf_done(&b);
    return id;
}

struct order { /* of the log: what came of reveals before and after the leave */
    bool left;
    unsigned before, after;
};

static bool order_line(void *arg, uint64_t index, struct view line)
{
    struct order *o = arg;
    char text[ENTRY_LINE_MAX + 1];

    (void)index;
    memcpy(text, line.p, line.len);
    text[line.len] = '\0';
    o->left = o->left || strstr(text, "\"verb\":\"user-leave\"") != NULL;
    if (strstr(text, "\"verb\":\"detokenize\"") == NULL ||
        strstr(text, "\"result\":\"ok\"") == NULL)
        return true;
    o->before += !o->left;
    o->after += o->left;
    return true;
}

/* A reveal that is on its way when its person leaves is either before it or not at all. All are
 * drafted against the state before; `first` of them are handed in before the leave. */
static void fly(unsigned first)
{
    struct people_flights f = { .left = HUFU_UNAVAILABLE };
    struct order order = { false, 0, 0 };
    struct rig_who acme = { .partner = "acme" };
    char token[LIFE_TOKEN_MAX];

    life_token(&rig, &acme, "cards", "4111111111111111", 0, 0, token);
    (void)signer_step(rig.core.signer);
    assert_int_equal(rig_reveal(&rig, olga, "cards", token)->err, HUFU_OK);
    rig.on_reply = people_land;
    rig.arg = &f;
    send_reveals(token, first);
    f.leave_id = send_leave();
    send_reveals(token, FLIGHTS - first);
    while (worker_step(&rig.worker)) /* all decided, none committed */
        continue;
    assert_int_equal(f.answered, 0);
    people_drive(&rig);
    rig.on_reply = NULL;
    assert_int_equal(f.answered, FLIGHTS + 1);
    assert_int_equal(f.left, HUFU_OK);
    assert_int_equal(f.other, 0);
    assert_int_equal(f.revealed + f.refused, FLIGHTS);
    assert_true(f.revealed <= first && (f.revealed > 0) == (first > 0));
    RIG_CHECK(store_entries(rig.worker.reader, 0, life_log_size(&rig), order_line, &order) ==
              HUFU_OK);
    assert_true(order.left);
    assert_int_equal(order.before, f.revealed + 1);
    assert_int_equal(order.after, 0);
}

static void test_C40_reveals_in_flight_behind_the_leave(void **state)
{
    (void)state;
    fly(0);
}

static void test_C40_reveals_in_flight_around_the_leave(void **state)
{
    (void)state;
    fly(FLIGHTS / 2);
}

/* 32 leave one person at once, and a log-in among them: no session outlives it. */
static void test_C40_a_login_races_the_leave(void **state)
{
    static const struct rig_who nobody = { 0 };
    struct people_flights f = { .left = HUFU_UNAVAILABLE };
    struct session s;
    uint32_t id = people_row(&rig, "olga")->id;
    struct buf b;

    (void)state;
    rig_tick(&rig, PEOPLE_STEP_MS);
    rig.on_reply = people_land;
    rig.arg = &f;
    buf_init(&b, 1024);
    rig_put_login(&b, "olga", rig.clock.now / PEOPLE_STEP_MS);
    for (int i = 0; i < 16; i++)
        (void)send_leave();
    (void)rig_submit(&rig, VERB_LOGIN, &nobody, buf_view(&b));
    for (int i = 0; i < 15; i++)
        (void)send_leave();
    buf_done(&b);
    people_drive(&rig);
    rig.on_reply = NULL;
    assert_int_equal(f.answered, 32);
    assert_int_equal(state_of("olga"), ROW_LEFT);
    if (directory_session_of(rig.core.dir, id, 0, &s) == HUFU_OK)
        assert_true(s.created_ms < people_row(&rig, "olga")->sessions_from_ms);
    people_sweep(&rig); /* and what was open goes */
    people_sweep(&rig);
    assert_int_equal(directory_session_of(rig.core.dir, id, 0, &s), HUFU_NOT_FOUND);
}

/* What the leaver agreed to counts no more. */
static void test_C40_approvals_end_with_who_leaves(void **state)
{
    char carl[MSG_SESSION_LEN + 1], cora[MSG_SESSION_LEN + 1];
    struct people_told told;

    (void)state;
    rig_login(&rig, "carl", carl);
    rig_login(&rig, "cora", cora);
    told = people_propose(&rig, carl, "rotate-kek", NULL, NULL);
    assert_int_equal(told.err, HUFU_OK);
    assert_int_equal(leave(sara, "carl"), HUFU_OK);
    assert_string_equal(people_approve(&rig, cora, told.id).state, "proposed");
}

/* Rights end before others begin: what the old role agreed to does not come back with it. */
static void test_C40_approvals_of_an_old_role_stay_void(void **state)
{
    char carl[MSG_SESSION_LEN + 1], cora[MSG_SESSION_LEN + 1];
    struct people_told told, change;

    (void)state;
    rig_login(&rig, "carl", carl);
    rig_login(&rig, "cora", cora);
    told = people_propose(&rig, carl, "rotate-kek", NULL, NULL);
    change = people_propose(&rig, sara, "change-role", "carl", "auditor");
    assert_int_equal(people_approve(&rig, sven, change.id).err, HUFU_OK);
    assert_int_equal(people_whoami(&rig, carl), HUFU_UNAUTHENTICATED);
    change = people_propose(&rig, sara, "change-role", "carl", "custodian");
    assert_int_equal(people_approve(&rig, sven, change.id).err, HUFU_OK);
    assert_string_equal(people_approve(&rig, cora, told.id).state, "proposed");
    rig_tick(&rig, PEOPLE_STEP_MS);
    rig_login(&rig, "carl", carl);
    told = people_approve(&rig, carl, told.id); /* and is not held for an approval */
    assert_int_equal(told.err, HUFU_OK);
    assert_string_equal(told.state, "running");
}

static void test_C40_approvals_of_before_a_freeze_stay_void(void **state)
{
    char tess[MSG_SESSION_LEN + 1];
    struct people_told told, lift;

    (void)state;
    third_admin("tess", tess);
    told = people_propose(&rig, tess, "reset-factor", "olga", NULL);
    assert_int_equal(people_named(&rig, sara, VERB_USER_FREEZE, "tess").err, HUFU_OK);
    lift = people_named(&rig, sara, VERB_USER_UNFREEZE, "tess");
    assert_int_equal(lift.success, MSG_202);
    assert_int_equal(people_approve(&rig, sven, lift.id).err, HUFU_OK);
    assert_int_equal(state_of("tess"), ROW_ACTIVE);
    assert_string_equal(people_approve(&rig, sven, told.id).state, "proposed");
    assert_string_equal(people_approve(&rig, sara, told.id).state, "done");
}

static void test_C40_members_of_a_new_person(void **state)
{
    static const struct {
        struct people_words words;
        enum hufu_err err;
        enum msg_tag field;
    } rows[] = {
        { { .role = "operator", .zero_expires = true }, HUFU_BAD_REQUEST, MSG_EXPIRES_IN },
        { { .role = "operator", .expires_s = 315360001 }, HUFU_BAD_REQUEST, MSG_EXPIRES_IN },
        { { .role = "operator", .group = "Night" }, HUFU_BAD_REQUEST, MSG_GROUP },
        { { .role = "operator", .group = "4111111111111111" }, HUFU_VALUE_IN_TEXT, MSG_GROUP },
        { { .role = "partner" }, HUFU_BAD_REQUEST, MSG_ROLE },
        { { .role = "custodian", .sealed = true }, HUFU_BAD_REQUEST, MSG_SEALED },
        { { .role = "operator", .sealed = true, .expires_s = 60 },
          HUFU_BAD_REQUEST,
          MSG_EXPIRES_IN },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct people_words words = rows[i].words;
        struct people_told told;

        words.name = "nils";
        told = people_call(&rig, sara, VERB_USER_ADD, &words);
        if (told.err != rows[i].err || told.field != rows[i].field || told.password[0] != '\0')
            fail_msg("row %zu: %d at %d", i, (int)told.err, (int)told.field);
        assert_null(directory_user(rig.core.dir, view_str("nils")));
    }
    assert_int_equal(people_add(&rig, sara, "nils", "sre").success, MSG_201);
    assert_string_equal(people_row(&rig, "nils")->group, "sre");
    assert_int_equal(people_row(&rig, "nils")->expires_ms, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, people_setup, suite_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C40_who_leaves_is_out_for_the_next_request),
        TEST(test_C40_who_left_does_not_come_back),
        TEST(test_C40_ceremonies_about_who_left_are_void),
        TEST(test_C40_leaving_is_refused),
        TEST(test_C40_who_ends_by_oneself_does_not_stay),
        TEST(test_C40_reveals_in_flight_behind_the_leave),
        TEST(test_C40_reveals_in_flight_around_the_leave),
        TEST(test_C40_a_login_races_the_leave),
        TEST(test_C40_approvals_end_with_who_leaves),
        TEST(test_C40_approvals_of_an_old_role_stay_void),
        TEST(test_C40_approvals_of_before_a_freeze_stay_void),
        TEST(test_C40_members_of_a_new_person),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
