/* People over time, in a whole core: ageing passwords, roles, factors and freezes by two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <liboath/oath.h>

#include "tests/core_suite.h"

#define STEP_MS 30000ULL
#define DAY_MS  86400000ULL

static char sara[MSG_SESSION_LEN + 1], sven[MSG_SESSION_LEN + 1], olga[MSG_SESSION_LEN + 1];

static int setup(void **state)
{
    (void)state;
    fake_hsm_init(&hsm);
    rig_start(&rig, &hsm);
    rig_login(&rig, "sara", sara);
    rig_login(&rig, "sven", sven);
    rig_login(&rig, "olga", olga);
    return 0;
}

static const struct rig_reply *call(const char *session, uint16_t verb, struct view fields)
{
    struct rig_who who = { .session = session };

    return rig_call(&rig, verb, &who, fields);
}

static enum hufu_err whoami(const char *session)
{
    return call(session, VERB_WHOAMI, view_of(NULL, 0))->err;
}

static enum hufu_err checkpoint(const char *session)
{
    return call(session, VERB_CHECKPOINT, view_of(NULL, 0))->err;
}

/* Any of the words may be NULL. */
static const struct rig_reply *propose(const char *session, const char *kind, const char *subject,
                                       const char *role)
{
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 512);
    if (subject != NULL)
        msg_put_text(&b, MSG_SUBJECT, view_str(subject));
    msg_put_text(&b, MSG_REASON, view_str("asked for in person"));
    msg_put_text(&b, MSG_KIND, view_str(kind));
    if (role != NULL)
        msg_put_text(&b, MSG_ROLE, view_str(role));
    r = call(session, VERB_CEREMONY_PROPOSE, buf_view(&b));
    buf_done(&b);
    return r;
}

static const struct rig_reply *by_id(const char *session, uint16_t verb, const char *id)
{
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 128);
    msg_put_text(&b, MSG_ID, view_str(id));
    r = call(session, verb, buf_view(&b));
    buf_done(&b);
    return r;
}

static const struct rig_reply *named(const char *session, uint16_t verb, const char *name)
{
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 128);
    msg_put_text(&b, MSG_REASON, view_str("leave"));
    msg_put_text(&b, MSG_NAME, view_str(name));
    r = call(session, verb, buf_view(&b));
    buf_done(&b);
    return r;
}

/* Proposes, and hands out the id; it must succeed. */
static void begun(const char *session, const char *kind, const char *subject, const char *role,
                  char id[static 64])
{
    const struct rig_reply *r = propose(session, kind, subject, role);

    assert_int_equal(r->err, HUFU_OK);
    assert_int_equal(r->success, MSG_201);
    assert_non_null(rig_member(r->body, "id", id, 64));
}

static const struct rig_reply *change_password(const char *session, const char *old,
                                               const char *new)
{
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    msg_put_text(&b, MSG_PASSWORD, view_str(old));
    msg_put_text(&b, MSG_NEW_PASSWORD, view_str(new));
    r = call(session, VERB_PASSWORD_CHANGE, buf_view(&b));
    buf_done(&b);
    return r;
}

static const struct rig_reply *login(const char *user, const char *password, const char *code)
{
    static const struct rig_who nobody = { 0 };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    msg_put_text(&b, MSG_USER, view_str(user));
    msg_put_text(&b, MSG_PASSWORD, view_str(password));
    msg_put_text(&b, MSG_OTP, view_str(code));
    r = rig_call(&rig, VERB_LOGIN, &nobody, buf_view(&b));
    buf_done(&b);
    return r;
}

static void old_code(const char *user, char out[static 7])
{
    rig_code(user, rig.clock.now / STEP_MS, out);
}

/* Of a seed as the reply shows it. */
static void code_of(const char *base32, char out[static 7])
{
    char *seed = NULL;
    size_t len = 0;

    assert_int_equal(oath_base32_decode(base32, strlen(base32), &seed, &len), OATH_OK);
    assert_int_equal(oath_totp_generate(seed, len, (time_t)(rig.clock.now / 1000), 30, 0, 6, out),
                     OATH_OK);
    free(seed);
}

/* The three again, after their sessions have ended. */
static void all_in(void)
{
    rig_tick(&rig, STEP_MS);
    rig_login(&rig, "sara", sara);
    rig_login(&rig, "sven", sven);
    rig_login(&rig, "olga", olga);
}

static void test_C42_an_old_password_opens_nothing_else(void **state)
{
    char until[40];

    (void)state;
    assert_non_null(rig_member(call(olga, VERB_WHOAMI, view_of(NULL, 0))->body,
                               "password_expires_at", until, sizeof(until)));
    assert_string_equal(until, "2026-10-21T14:13:20.000Z");
    rig_tick(&rig, 30 * DAY_MS - 2 * STEP_MS);
    all_in();
    assert_int_equal(checkpoint(olga), HUFU_UNAVAILABLE); /* she may ask: none was ever signed */
    rig_tick(&rig, STEP_MS);
    assert_int_equal(checkpoint(olga), HUFU_FORBIDDEN);
    assert_int_equal(rig_reveal(&rig, olga, "cards", "4111111111111111")->err, HUFU_FORBIDDEN);
    assert_int_equal(propose(sara, "reset-factor", "olga", NULL)->err, HUFU_FORBIDDEN);
    assert_int_equal(whoami(olga), HUFU_OK);
    rig_tick(&rig, STEP_MS);
    rig_login(&rig, "olga", olga); /* it opens the door … */
    assert_int_equal(checkpoint(olga), HUFU_FORBIDDEN);
    assert_int_equal(change_password(olga, "correct-horse-o.lga", "kettle-17-mud")->err, HUFU_OK);
    assert_int_equal(checkpoint(olga), HUFU_UNAVAILABLE);
    assert_int_equal(call(sven, VERB_LOGOUT, view_of(NULL, 0))->err, HUFU_OK);
}

static void test_C42_weak_passwords_are_refused(void **state)
{
    static const char *const weak[] = {
        "eleven-char",         "Mine-is-OLGA-7",      "password1234",        "aaaabbbbcccc",
        "correct-horse-o.lga", "4111 1111 1111 1111", "411111111111111-1-x",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
        const struct rig_reply *r = change_password(olga, "correct-horse-o.lga", weak[i]);

        if (r->err != HUFU_BAD_REQUEST || r->where.tag != MSG_NEW_PASSWORD)
            fail_msg("%s: %d", weak[i], (int)r->err);
    }
    assert_int_equal(change_password(olga, "correct-horse-o.lga", "kettle-17-mud")->err, HUFU_OK);
}

static void test_C42_a_new_password_ends_other_sessions(void **state)
{
    char other[MSG_SESSION_LEN + 1], code[7];

    (void)state;
    rig_tick(&rig, STEP_MS);
    rig_login(&rig, "olga", other);
    assert_int_equal(change_password(olga, "correct-horse-o.lga", "kettle-17-mud")->success,
                     MSG_204);
    assert_int_equal(whoami(olga), HUFU_OK);
    assert_int_equal(whoami(other), HUFU_UNAUTHENTICATED);
    rig_tick(&rig, STEP_MS);
    old_code("olga", code);
    assert_int_equal(login("olga", "correct-horse-o.lga", code)->err, HUFU_UNAUTHENTICATED);
    assert_int_equal(login("olga", "kettle-17-mud", code)->err, HUFU_OK);
    assert_int_equal(whoami(olga), HUFU_OK);
    rig_tick(&rig, 6 * 60000);
    assert_int_equal(change_password(olga, "kettle-17-mud", "another-18-mud")->err, HUFU_STEP_UP);
}

/* The old password can be tried no more often than a code, and a right one forgives no codes. */
static void test_C21_wrong_old_passwords_lock(void **state)
{
    uint64_t limit = conf_u64(rig.conf, CONF_LOCK_AFTER);
    const struct user *user = directory_user(rig.core.dir, view_str("olga"));
    struct factor f;

    (void)state;
    for (uint64_t i = 0; i < 3; i++)
        assert_int_equal(change_password(olga, "not-the-old-one", "kettle-17-mud")->err,
                         HUFU_UNAUTHENTICATED);
    assert_int_equal(directory_factor(rig.core.dir, user->id, &f), HUFU_OK);
    assert_int_equal(f.step_failures, 3);
    assert_int_equal(f.failures, 0);
    assert_int_equal(change_password(olga, "correct-horse-o.lga", "kettle-17-mud")->err,
                     HUFU_UNAUTHENTICATED); /* held back for a second, and not told */
    rig_tick(&rig, 1000);
    assert_int_equal(change_password(olga, "correct-horse-o.lga", "kettle-17-mud")->err, HUFU_OK);
    assert_int_equal(directory_factor(rig.core.dir, user->id, &f), HUFU_OK);
    assert_int_equal(f.step_failures, 3);
    for (uint64_t i = 3; i < limit; i++) {
        rig_tick(&rig, 20000);
        (void)change_password(olga, "not-the-old-one", "kettle-17-mud");
    }
    assert_int_equal(whoami(olga), HUFU_OK);
}

static void test_C40_change_role_takes_two(void **state)
{
    char id[64], again[64], state_text[16];
    const struct rig_reply *r;

    (void)state;
    assert_int_equal(propose(sara, "change-role", "olga", NULL)->where.tag, MSG_ROLE);
    assert_int_equal(propose(sara, "change-role", "olga", "partner")->err, HUFU_BAD_REQUEST);
    assert_int_equal(propose(sara, "change-role", NULL, "auditor")->where.tag, MSG_SUBJECT);
    assert_int_equal(propose(sara, "change-role", "nobody", "auditor")->err, HUFU_NOT_FOUND);
    assert_int_equal(propose(sara, "change-role", "domains/cards", "auditor")->err, HUFU_NOT_FOUND);
    assert_int_equal(propose(sara, "change-role", "olga", "operator")->err, HUFU_CONFLICT);
    assert_int_equal(propose(sara, "change-role", "sara", "auditor")->err, HUFU_FORBIDDEN);
    assert_int_equal(propose(sara, "change-role", "sven", "auditor")->err, HUFU_CONFLICT);
    assert_int_equal(propose(sara, "enrol-user", "olga", NULL)->where.tag, MSG_KIND);
    begun(sara, "change-role", "olga", "auditor", id);
    assert_int_equal(propose(sven, "change-role", "users/olga", "sre")->err, HUFU_CONFLICT);
    begun(sven, "change-role", "omar", "sre", again); /* another person: another ceremony */
    assert_int_equal(by_id(sara, VERB_CEREMONY_APPROVE, id)->err, HUFU_ALREADY_APPROVED);
    assert_int_equal(whoami(olga), HUFU_OK);
    r = by_id(sven, VERB_CEREMONY_APPROVE, id);
    assert_int_equal(r->err, HUFU_OK);
    assert_string_equal(rig_member(r->body, "state", state_text, sizeof(state_text)), "done");
    assert_non_null(strstr(r->body, "\"role\":\"auditor\""));
    assert_non_null(strstr(r->body, "\"subject\":\"olga\""));
    assert_int_equal(whoami(olga), HUFU_UNAUTHENTICATED);
    rig_tick(&rig, STEP_MS);
    rig_login(&rig, "olga", olga);
    r = call(olga, VERB_WHOAMI, view_of(NULL, 0));
    assert_non_null(strstr(r->body, "\"role\":\"auditor\""));
    assert_string_equal(directory_user(rig.core.dir, view_str("olga"))->group, "auditor");
    assert_int_equal(by_id(sven, VERB_CEREMONY_APPROVE, id)->err, HUFU_ALREADY_APPROVED);
}

/* Who has become something else has no say in what only the old role decides. */
static void test_C41_an_approval_goes_with_the_role(void **state)
{
    char carl[MSG_SESSION_LEN + 1], cora[MSG_SESSION_LEN + 1], rotation[64], change[64];

    (void)state;
    rig_login(&rig, "carl", carl);
    rig_login(&rig, "cora", cora);
    begun(carl, "rotate-kek", NULL, NULL, rotation);
    begun(sara, "change-role", "carl", "auditor", change);
    assert_int_equal(by_id(sven, VERB_CEREMONY_APPROVE, change)->err, HUFU_OK);
    assert_non_null(
        strstr(by_id(cora, VERB_CEREMONY_APPROVE, rotation)->body, "\"state\":\"proposed\""));
}

static void test_C40_reset_factor(void **state)
{
    char id[64], seed[64], code[7];
    const struct rig_reply *r;
    struct factor before, after;

    (void)state;
    assert_int_equal(directory_factor(rig.core.dir, 1, &before), HUFU_OK);
    r = propose(sara, "reset-factor", "olga", NULL);
    assert_null(strstr(r->body, "totp_secret"));
    assert_non_null(rig_member(r->body, "id", id, sizeof(id)));
    assert_int_equal(propose(sara, "reset-factor", "olga", "sre")->where.tag, MSG_ROLE);
    assert_int_equal(propose(sara, "reset-factor", "sara", NULL)->err, HUFU_FORBIDDEN);
    rig_tick(&rig, STEP_MS);
    for (int i = 0; i < 2; i++)
        assert_int_equal(login("olga", "a-wrong-password", "000000")->err, HUFU_UNAUTHENTICATED);
    r = by_id(sven, VERB_CEREMONY_APPROVE, id);
    assert_int_equal(r->err, HUFU_OK);
    assert_null(strstr(r->body, "initial_password"));
    assert_non_null(rig_member(r->body, "totp_secret", seed, sizeof(seed)));
    assert_int_equal(directory_factor(rig.core.dir, 1, &after), HUFU_OK);
    assert_int_equal(after.failures, 0);
    assert_int_equal(after.last_step, before.last_step);
    assert_null(strstr(by_id(sven, VERB_CEREMONY_SHOW, id)->body, "totp_secret")); /* once */
    assert_int_equal(whoami(olga), HUFU_UNAUTHENTICATED);
    old_code("olga", code);
    assert_int_equal(login("olga", "correct-horse-o.lga", code)->err, HUFU_UNAUTHENTICATED);
    code_of(seed, code);
    assert_int_equal(login("olga", "correct-horse-o.lga", code)->err, HUFU_OK);
    assert_int_equal(login("olga", "correct-horse-o.lga", code)->err, HUFU_UNAUTHENTICATED);
}

static void test_C40_reset_password(void **state)
{
    char id[64], password[64], code[7];
    const struct rig_reply *r;

    (void)state;
    r = propose(sara, "reset-password", "olga", NULL);
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "id", id, sizeof(id)));
    assert_non_null(rig_member(r->body, "initial_password", password, sizeof(password)));
    rig_tick(&rig, STEP_MS);
    old_code("olga", code);
    assert_int_equal(login("olga", password, code)->err, HUFU_UNAUTHENTICATED); /* not seconded */
    rig_login(&rig, "olga", olga);
    RIG_CHECK(rig_restart(&rig)); /* what waits is kept, sealed */
    assert_null(strstr(by_id(sara, VERB_CEREMONY_SHOW, id)->body, password));
    r = by_id(sven, VERB_CEREMONY_APPROVE, id);
    assert_int_equal(r->err, HUFU_OK);
    assert_null(strstr(r->body, "initial_password"));
    assert_null(strstr(r->body, "totp_secret"));
    assert_int_equal(whoami(olga), HUFU_UNAUTHENTICATED);
    rig_tick(&rig, STEP_MS);
    old_code("olga", code);
    assert_int_equal(login("olga", "correct-horse-o.lga", code)->err, HUFU_UNAUTHENTICATED);
    assert_int_equal(login("olga", password, code)->err, HUFU_OK);
}

static void test_C06_freeze_lift(void **state)
{
    static const struct {
        const char *subject;
        uint16_t freeze;
        const char *name;
    } rows[] = {
        { "partners/acme", VERB_PARTNER_FREEZE, "acme" },
        { "domains/cards", VERB_DOMAIN_FREEZE, "cards" },
        { "omar", VERB_USER_FREEZE, "omar" },
    };
    char id[64];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(propose(sara, "freeze-lift", rows[i].subject, NULL)->err, HUFU_CONFLICT);
        assert_int_equal(named(sara, rows[i].freeze, rows[i].name)->err, HUFU_OK);
        begun(sara, "freeze-lift", rows[i].subject, NULL, id);
        assert_int_equal(by_id(sven, VERB_CEREMONY_APPROVE, id)->err, HUFU_OK);
    }
    assert_int_equal(propose(sara, "freeze-lift", "partners/nobody", NULL)->err, HUFU_NOT_FOUND);
    assert_int_equal(propose(sara, "freeze-lift", "partners/", NULL)->err, HUFU_NOT_FOUND);
    assert_int_equal(
        rig_tokenize(&rig, &(struct rig_who){ .partner = "acme" }, "cards", "4111111111111111")
            ->err,
        HUFU_OK);
}

/* A privileged person comes back by two; what was lifted otherwise meanwhile is a conflict. */
static void test_C40_unfreeze_of_the_privileged(void **state)
{
    char id[64], direct[64];
    const struct rig_reply *r;

    (void)state;
    assert_int_equal(named(sara, VERB_USER_UNFREEZE, "carl")->success, MSG_200); /* never frozen */
    assert_int_equal(named(sara, VERB_USER_FREEZE, "carl")->err, HUFU_OK);
    r = named(sara, VERB_USER_UNFREEZE, "carl");
    assert_int_equal(r->err, HUFU_OK);
    assert_int_equal(r->success, MSG_202);
    assert_non_null(rig_member(r->body, "ceremony", id, sizeof(id)));
    assert_int_equal(directory_user(rig.core.dir, view_str("carl"))->state, ROW_FROZEN);
    assert_int_equal(named(sven, VERB_USER_UNFREEZE, "carl")->err, HUFU_CONFLICT);
    assert_int_equal(propose(sven, "freeze-lift", "carl", NULL)->err, HUFU_CONFLICT);
    assert_int_equal(by_id(sara, VERB_CEREMONY_APPROVE, id)->err, HUFU_ALREADY_APPROVED);
    assert_int_equal(by_id(sven, VERB_CEREMONY_APPROVE, id)->err, HUFU_OK);
    assert_int_equal(directory_user(rig.core.dir, view_str("carl"))->state, ROW_ACTIVE);
    assert_int_equal(named(sara, VERB_USER_FREEZE, "olga")->err, HUFU_OK);
    begun(sara, "freeze-lift", "users/olga", NULL, direct);
    assert_int_equal(named(sven, VERB_USER_UNFREEZE, "olga")->success, MSG_200);
    assert_int_equal(by_id(sven, VERB_CEREMONY_APPROVE, direct)->err, HUFU_CONFLICT);
}

/* Nobody sees the difference between a session that ended, one that never was, and half of one. */
static void test_C21_forged_and_ended_sessions(void **state)
{
    char forged[MSG_SESSION_LEN + 1];

    (void)state;
    memcpy(forged, olga, sizeof(forged));
    for (size_t i = 0; i < MSG_SESSION_LEN - 1; i++) { /* two bits of the last are not used */
        forged[i] = olga[i] == 'A' ? 'B' : 'A';
        assert_int_equal(whoami(forged), HUFU_UNAUTHENTICATED);
        forged[i] = olga[i];
    }
    assert_int_equal(whoami(forged), HUFU_OK);
    rig_tick(&rig, conf_u64(rig.conf, CONF_IDLE_S) * 1000 - 1);
    assert_int_equal(whoami(olga), HUFU_OK);
    rig_tick(&rig, conf_u64(rig.conf, CONF_IDLE_S) * 1000);
    assert_int_equal(whoami(olga), HUFU_UNAUTHENTICATED);
    rig_login(&rig, "olga", olga);
    for (uint64_t ms = 0; ms < conf_u64(rig.conf, CONF_SESSION_S) * 1000 - 60000; ms += 60000) {
        assert_int_equal(whoami(olga), HUFU_OK);
        rig_tick(&rig, 60000);
    }
    assert_int_equal(whoami(olga), HUFU_OK);
    rig_tick(&rig, 60000);
    assert_int_equal(whoami(olga), HUFU_UNAUTHENTICATED);
}

static void test_ceremonies_that_are_over_or_never_were(void **state)
{
    static const char *const ids[] = {
        "x",
        "01890a5d-ac96-774b-bcce-b302099a8057",
        "01890a5d-ac96-774b-bcce-b302099a805",
    };
    char id[64], carl[MSG_SESSION_LEN + 1], cut[64];

    (void)state;
    begun(sara, "change-role", "olga", "auditor", id);
    memcpy(cut, id, sizeof(cut));
    cut[strlen(cut) - 1] = '\0';
    assert_int_equal(by_id(sven, VERB_CEREMONY_APPROVE, cut)->err, HUFU_NOT_FOUND);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        assert_int_equal(by_id(sven, VERB_CEREMONY_APPROVE, ids[i])->err, HUFU_NOT_FOUND);
        assert_int_equal(by_id(sven, VERB_CEREMONY_CANCEL, ids[i])->err, HUFU_NOT_FOUND);
        assert_int_equal(by_id(sven, VERB_CEREMONY_SHOW, ids[i])->err, HUFU_NOT_FOUND);
    }
    rig_login(&rig, "carl", carl);
    assert_int_equal(by_id(carl, VERB_CEREMONY_APPROVE, id)->err, HUFU_FORBIDDEN); /* not his */
    assert_int_equal(by_id(carl, VERB_CEREMONY_SHOW, id)->err, HUFU_FORBIDDEN);
    rig_tick(&rig, conf_u64(rig.conf, CONF_CEREMONY_S) * 1000);
    all_in();
    assert_int_equal(by_id(sven, VERB_CEREMONY_APPROVE, id)->err, HUFU_CONFLICT);
    begun(sara, "change-role", "olga", "auditor", cut); /* it is not in the way */
    assert_int_equal(by_id(sven, VERB_CEREMONY_CANCEL, cut)->err, HUFU_OK);
    assert_int_equal(by_id(sven, VERB_CEREMONY_APPROVE, cut)->err, HUFU_CONFLICT);
    assert_int_equal(directory_user(rig.core.dir, view_str("olga"))->role, ROLE_OPERATOR);
}

/* A person has no say in what is done to them, and cannot hinder it. */
static void test_C40_nobody_decides_about_oneself(void **state)
{
    char third[MSG_SESSION_LEN + 1], id[64];

    (void)state;
    begun(sara, "change-role", "olga", "security_admin", id);
    assert_int_equal(by_id(sven, VERB_CEREMONY_APPROVE, id)->err, HUFU_OK);
    rig_tick(&rig, STEP_MS);
    rig_login(&rig, "olga", third);
    begun(sara, "change-role", "olga", "operator", id); /* two others are left: it may go */
    assert_int_equal(by_id(third, VERB_CEREMONY_APPROVE, id)->err, HUFU_FORBIDDEN);
    assert_int_equal(by_id(third, VERB_CEREMONY_CANCEL, id)->err, HUFU_FORBIDDEN);
    assert_int_equal(by_id(third, VERB_CEREMONY_SHOW, id)->err, HUFU_OK);
    assert_int_equal(by_id(sven, VERB_CEREMONY_APPROVE, id)->err, HUFU_OK);
    assert_int_equal(whoami(third), HUFU_UNAUTHENTICATED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, suite_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C42_an_old_password_opens_nothing_else),
        TEST(test_C42_weak_passwords_are_refused),
        TEST(test_C42_a_new_password_ends_other_sessions),
        TEST(test_C21_wrong_old_passwords_lock),
        TEST(test_C40_change_role_takes_two),
        TEST(test_C41_an_approval_goes_with_the_role),
        TEST(test_C40_reset_factor),
        TEST(test_C40_reset_password),
        TEST(test_C06_freeze_lift),
        TEST(test_C40_unfreeze_of_the_privileged),
        TEST(test_C21_forged_and_ended_sessions),
        TEST(test_ceremonies_that_are_over_or_never_were),
        TEST(test_C40_nobody_decides_about_oneself),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
