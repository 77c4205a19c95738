/* Two security administrators, one of whom cheats: nobody comes to hold both factors of a person
 * whom two had to agree to, and nobody counts who has no say any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <liboath/oath.h>

#include "tests/core_suite.h"
#include "vault/ceremony.h"
#include "vault/manage.h"

#define STEP_MS  30000ULL
#define TEXT_LEN 64

static char sara[MSG_SESSION_LEN + 1], sven[MSG_SESSION_LEN + 1];

struct told { /* what a reply showed once; "" where it did not */
    enum hufu_err err;
    char id[TEXT_LEN], password[TEXT_LEN], seed[TEXT_LEN];
};

static int setup(void **state)
{
    (void)state;
    fake_hsm_init(&hsm);
    rig_start(&rig, &hsm);
    rig_login(&rig, "sara", sara);
    rig_login(&rig, "sven", sven);
    return 0;
}

/* Any of the words may be NULL. */
static struct told call(const char *session, uint16_t verb, const char *const word[static 5])
{
    static const enum msg_tag tag[] = { MSG_SUBJECT, MSG_REASON, MSG_KIND, MSG_ROLE, MSG_NAME };
    struct rig_who who = { .session = session };
    const struct rig_reply *r;
    struct told told = { .err = HUFU_OK };
    struct buf b;

    buf_init(&b, 512);
    for (unsigned t = 0; t < MSG_TAG_COUNT; t++) /* in the order of the tags */
        for (size_t i = 0; i < 5; i++)
            if (tag[i] == t && word[i] != NULL)
                msg_put_text(&b, tag[i], view_str(word[i]));
    r = rig_call(&rig, verb, &who, buf_view(&b));
    buf_done(&b);
    told.err = r->err;
    (void)rig_member(r->body, "id", told.id, sizeof(told.id));
    (void)rig_member(r->body, "initial_password", told.password, sizeof(told.password));
    (void)rig_member(r->body, "totp_secret", told.seed, sizeof(told.seed));
    return told;
}

static struct told propose(const char *session, const char *kind, const char *subject,
                           const char *role)
{
    const char *const word[5] = { subject, "asked for", kind, role, NULL };

    return call(session, VERB_CEREMONY_PROPOSE, word);
}

static struct told enrol(const char *session, const char *name, const char *role)
{
    const char *const word[5] = { NULL, NULL, NULL, role, name };

    return call(session, VERB_USER_ADD, word);
}

static struct told by_id(const char *session, uint16_t verb, const char *id)
{
    struct rig_who who = { .session = session };
    struct told told = { .err = HUFU_OK };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 128);
    msg_put_text(&b, MSG_ID, view_str(id));
    r = rig_call(&rig, verb, &who, buf_view(&b));
    buf_done(&b);
    told.err = r->err;
    (void)rig_member(r->body, "initial_password", told.password, sizeof(told.password));
    (void)rig_member(r->body, "totp_secret", told.seed, sizeof(told.seed));
    return told;
}

static struct told approve(const char *session, const char *id)
{
    return by_id(session, VERB_CEREMONY_APPROVE, id);
}

static void cancel(const char *session, const char *id)
{
    assert_int_equal(by_id(session, VERB_CEREMONY_CANCEL, id).err, HUFU_OK);
}

/* Signs in with the seed as it was shown. */
static enum hufu_err come_in(const char *user, const char *password, const char *base32,
                             char session_out[static MSG_SESSION_LEN + 1])
{
    static const struct rig_who nobody = { 0 };
    const struct rig_reply *r;
    char code[7], *seed = NULL;
    size_t len = 0;
    struct buf b;

    rig_tick(&rig, STEP_MS);
    assert_int_equal(oath_base32_decode(base32, strlen(base32), &seed, &len), OATH_OK);
    assert_int_equal(oath_totp_generate(seed, len, (time_t)(rig.clock.now / 1000), 30, 0, 6, code),
                     OATH_OK);
    free(seed);
    buf_init(&b, 1024);
    msg_put_text(&b, MSG_USER, view_str(user));
    msg_put_text(&b, MSG_PASSWORD, view_str(password));
    msg_put_text(&b, MSG_OTP, view_str(code));
    r = rig_call(&rig, VERB_LOGIN, &nobody, buf_view(&b));
    buf_done(&b);
    (void)rig_member(r->body, "session", session_out, MSG_SESSION_LEN + 1);
    return r->err;
}

static void change_password(const char *session, const char *old, const char *new)
{
    struct rig_who who = { .session = session };
    struct buf b;

    buf_init(&b, 1024);
    msg_put_text(&b, MSG_PASSWORD, view_str(old));
    msg_put_text(&b, MSG_NEW_PASSWORD, view_str(new));
    assert_int_equal(rig_call(&rig, VERB_PASSWORD_CHANGE, &who, buf_view(&b))->err, HUFU_OK);
    buf_done(&b);
}

/* An operator whom one administrator enrolled alone, and who is to be a privileged person: the
 * factors of the operator are not those of the custodian. */
static void test_C40_no_privileged_person_by_way_of_an_operator(void **state)
{
    char session[MSG_SESSION_LEN + 1];
    struct told puppet, change, second;

    (void)state;
    puppet = enrol(sara, "mallory", "operator");
    assert_int_equal(puppet.err, HUFU_OK);
    assert_int_equal(come_in("mallory", puppet.password, puppet.seed, session), HUFU_OK);
    change_password(session, puppet.password, "kettle-17-mud"); /* by who was told both */
    change = propose(sven, "change-role", "mallory", "security_admin");
    assert_int_equal(approve(sara, change.id).err, HUFU_FORBIDDEN);
    cancel(sven, change.id);
    change = propose(sara, "change-role", "mallory", "custodian");
    assert_int_equal(change.err, HUFU_OK);
    second = approve(sven, change.id);
    assert_int_equal(second.err, HUFU_OK);
    assert_string_not_equal(second.seed, "");
    assert_string_not_equal(second.seed, puppet.seed);
    assert_string_equal(second.password, "");
    assert_int_equal(come_in("mallory", "kettle-17-mud", puppet.seed, session),
                     HUFU_UNAUTHENTICATED);
    assert_int_equal(come_in("mallory", "kettle-17-mud", second.seed, session), HUFU_OK);
}

/* Two harmless changes, each seconded, do not make one who knows both factors. */
static void test_C40_password_first_then_the_code(void **state)
{
    struct told password, factor;

    (void)state;
    password = propose(sara, "reset-password", "carl", NULL);
    assert_string_not_equal(password.password, "");
    assert_int_equal(approve(sven, password.id).err, HUFU_OK);
    factor = propose(sven, "reset-factor", "carl", NULL);
    assert_int_equal(factor.err, HUFU_OK);
    assert_int_equal(approve(sara, factor.id).err, HUFU_FORBIDDEN);
    assert_true(rig_restart(&rig)); /* who was told what is kept */
    assert_int_equal(approve(sara, factor.id).err, HUFU_FORBIDDEN);
    cancel(sven, factor.id);
    factor = propose(sara, "reset-factor", "carl", NULL);
    assert_string_not_equal(approve(sven, factor.id).seed, "");
}

static void test_C40_the_code_first_then_the_password(void **state)
{
    struct told factor, password, early, second;
    char session[MSG_SESSION_LEN + 1];

    (void)state;
    early = propose(sara, "reset-password", "cora", NULL); /* and shown its password */
    assert_int_equal(early.err, HUFU_OK);
    factor = propose(sven, "reset-factor", "carl", NULL);
    assert_string_not_equal(approve(sara, factor.id).seed, "");
    password = propose(sven, "reset-password", "carl", NULL);
    assert_string_equal(approve(sara, password.id).seed, ""); /* one factor each */
    password = propose(sara, "reset-password", "carl", NULL);
    assert_string_not_equal(approve(sven, password.id).seed, "");
    /* the other way round in time: the code secret is told while the password waits */
    factor = propose(sven, "reset-factor", "cora", NULL);
    factor = approve(sara, factor.id);
    second = approve(sven, early.id);
    assert_int_equal(second.err, HUFU_OK);
    assert_string_equal(second.password, "");
    assert_int_equal(come_in("cora", early.password, factor.seed, session), HUFU_UNAUTHENTICATED);
    assert_int_equal(come_in("cora", early.password, second.seed, session), HUFU_OK);
}

/* Enrolled by two, each of whom knows one factor; a password of chen's own is nobody's. */
static void test_C40_a_password_of_ones_own_is_nobodys(void **state)
{
    struct told begun, second, factor;
    char session[MSG_SESSION_LEN + 1];

    (void)state;
    begun = enrol(sara, "chen", "custodian");
    assert_string_equal(begun.seed, "");
    second = approve(sven, begun.id);
    factor = propose(sven, "reset-factor", "chen", NULL);
    assert_int_equal(approve(sara, factor.id).err, HUFU_FORBIDDEN);
    assert_int_equal(come_in("chen", begun.password, second.seed, session), HUFU_OK);
    change_password(session, begun.password, "kettle-17-mud");
    assert_int_equal(approve(sara, factor.id).err, HUFU_OK);
}

/* Between the count of the approvals and the draft somebody was frozen: the draft expects the rows
 * that were counted, and nobody frozen is among them. */
static void test_C40_a_frozen_approver_is_not_expected(void **state)
{
    const struct user *one = directory_user(rig.core.dir, view_str("carl"));
    const struct user *two = directory_user(rig.core.dir, view_str("cora"));
    const char *const word[5] = { NULL, "leave", NULL, NULL, "carl" };
    struct ceremony c = { .kind = "rotate-kek", .needed = 2, .approval_count = 2 };
    struct request req = { .core = &rig.core };

    (void)state;
    c.approval[0] = (struct approval){ one->id, one->since_ms };
    c.approval[1] = (struct approval){ two->id, two->since_ms };
    arena_init(&req.work, rig.core.pool);
    assert_int_equal(request_ops(&req, 1, ROW_APPROVALS_MAX, 0, 0), HUFU_OK);
    assert_int_equal(ceremony_expect_approvers(&req, &c), HUFU_OK);
    assert_int_equal(call(sara, VERB_USER_FREEZE, word).err, HUFU_OK);
    assert_int_equal(request_ops(&req, 1, ROW_APPROVALS_MAX, 0, 0), HUFU_OK);
    assert_int_equal(ceremony_expect_approvers(&req, &c), HUFU_UNAVAILABLE);
    arena_done(&req.work);
}

/* What ended sessions is never taken back, though the clock is. */
static void test_C40_sessions_stay_ended_when_the_clock_runs_back(void **state)
{
    const char *const word[5] = { NULL, "leave", NULL, NULL, "omar" };
    struct rig_who who;
    char session[MSG_SESSION_LEN + 1];

    (void)state;
    rig_tick(&rig, STEP_MS);
    rig_login(&rig, "omar", session);
    who = (struct rig_who){ .session = session };
    assert_int_equal(call(sara, VERB_USER_FREEZE, word).err, HUFU_OK); /* in its millisecond */
    assert_int_equal(call(sara, VERB_USER_UNFREEZE, word).err, HUFU_OK);
    assert_int_equal(rig_call(&rig, VERB_WHOAMI, &who, view_of(NULL, 0))->err,
                     HUFU_UNAUTHENTICATED);
    rig.clock.now -= 10;
    assert_int_equal(call(sara, VERB_USER_FREEZE, word).err, HUFU_OK);
    assert_int_equal(call(sara, VERB_USER_UNFREEZE, word).err, HUFU_OK);
    assert_int_equal(rig_call(&rig, VERB_WHOAMI, &who, view_of(NULL, 0))->err,
                     HUFU_UNAUTHENTICATED);
    rig_tick(&rig, STEP_MS);
    rig_login(&rig, "omar", session);
    assert_int_equal(rig_call(&rig, VERB_WHOAMI, &who, view_of(NULL, 0))->err, HUFU_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, suite_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C40_no_privileged_person_by_way_of_an_operator),
        TEST(test_C40_password_first_then_the_code),
        TEST(test_C40_the_code_first_then_the_password),
        TEST(test_C40_a_password_of_ones_own_is_nobodys),
        TEST(test_C40_a_frozen_approver_is_not_expected),
        TEST(test_C40_sessions_stay_ended_when_the_clock_runs_back),
    };

    return cmocka_run_group_tests_name("two admins", tests, suite_heap, NULL);
}
