/* C45: who may what, when they last did, and what should go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/people_suite.h"

#define BODY_TEXT 65536

static char aude[MSG_SESSION_LEN + 1];

static int setup(void **state)
{
    int rc = people_setup(state);

    rig_login(&rig, "aude", aude);
    return rc;
}

static const struct rig_reply *review(const char *session, uint64_t limit, const char *after)
{
    return people_ask(&rig, session, VERB_ACCESS_REVIEW,
                      &(struct people_words){ .limit = limit, .after = after });
}

/* The item of this name, whole; findings of people and partners are in it. */
static const char *item(const char *name)
{
    static char out[BODY_TEXT];
    const struct rig_reply *r = review(aude, 0, NULL);
    char mark[64];
    const char *at, *begin, *end;

    assert_int_equal(r->err, HUFU_OK);
    snprintf(mark, sizeof(mark), "\"name\":\"%s\"", name);
    at = strstr(r->body, mark);
    assert_non_null(at);
    for (begin = at; *begin != '{'; begin--)
        assert_true(begin > r->body);
    end = strchr(at, '}');
    assert_non_null(end);
    assert_true((size_t)(end - begin) + 1 < sizeof(out));
    memcpy(out, begin, (size_t)(end - begin) + 1);
    out[end - begin + 1] = '\0';
    return out;
}

static bool has(const char *name, const char *part)
{
    return strstr(item(name), part) != NULL;
}

static bool finds(const char *name, const char *finding)
{
    const char *text = strstr(item(name), "\"findings\":["), *end, *at;
    char mark[64];

    assert_non_null(text);
    end = strchr(text, ']');
    snprintf(mark, sizeof(mark), "\"%s\"", finding);
    at = strstr(text, mark);
    return at != NULL && at < end;
}

static void test_C45_who_may_what(void **state)
{
    struct life_lines found;

    (void)state;
    assert_true(has("olga", "\"kind\":\"user\""));
    assert_true(has("olga", "\"group\":\"operator\""));
    assert_true(has("olga", "\"last_used_at\":\"2026-09-21T14:13:20.000Z\""));
    assert_true(has("olga", "\"may\":[\"inspect\","));
    assert_true(has("olga", "\"detokenize\""));
    assert_false(has("olga", "\"user-add\""));
    assert_true(has("olga", "\"password_expires_at\":\"2026-10-21T14:13:20.000Z\""));
    assert_true(has("olga", "\"role\":\"operator\",\"state\":\"active\"}"));
    assert_true(has("sara", "\"user-leave\""));
    assert_false(has("sara", "\"detokenize\""));
    assert_true(has("acme", "\"kind\":\"partner\""));
    assert_true(has("acme", "\"domains\":[\"cards\",\"loose\",\"once\"]")); /* not those to come */
    assert_true(has("zeta", "\"domains\":[\"cards\"]"));
    assert_true(has("zeta", "\"tokenize\""));
    assert_true(life_find_lines(&rig, &found, 0, "\"verb\":\"access-review\"",
                                "\"principal\":\"aude\"", "items=9 findings=3") > 0);
}

/* Page by page, whatever their size: everything once, partners before people. */
static void test_C45_pages(void **state)
{
    static const char *const all[] = { "acme", "zeta", "aude", "carl", "cora",
                                       "olga", "omar", "sara", "sven" };

    (void)state;
    for (uint64_t limit = 1; limit <= 10; limit++) {
        char after[64] = "", name[32];
        size_t n = 0;
        bool more = true;

        while (more) {
            const struct rig_reply *r = review(aude, limit, after[0] == '\0' ? NULL : after);
            const char *at = r->body;

            assert_int_equal(r->err, HUFU_OK);
            for (uint64_t i = 0; i < limit && (at = strstr(at, "\"name\":")) != NULL; i++, at++) {
                assert_non_null(rig_member(at, "name", name, sizeof(name)));
                assert_true(n < 9);
                assert_string_equal(name, all[n++]);
            }
            more = rig_member(r->body, "next", after, sizeof(after)) != NULL;
            assert_true(more || strstr(r->body, "\"next\":null") != NULL);
        }
        assert_int_equal(n, 9);
    }
}

static void test_C45_refused(void **state)
{
    static const char *const afters[] = {
        "olga",     "users.",       "users.Olga",    "people.olga",  "users/olga",
        "partners", "users.olga.x", "domains.cards", "partners.a/b",
    };
    char carl[MSG_SESSION_LEN + 1];

    (void)state;
    rig_login(&rig, "carl", carl);
    assert_int_equal(review(olga, 0, NULL)->err, HUFU_FORBIDDEN);
    assert_int_equal(review(carl, 0, NULL)->err, HUFU_FORBIDDEN);
    assert_int_equal(review(sara, 0, NULL)->err, HUFU_OK);
    assert_int_equal(review(aude, 1001, NULL)->err, HUFU_BAD_REQUEST);
    assert_int_equal(rig.reply.where.tag, MSG_LIMIT);
    for (size_t i = 0; i < sizeof(afters) / sizeof(afters[0]); i++) {
        if (review(aude, 0, afters[i])->err != HUFU_BAD_REQUEST)
            fail_msg("%s", afters[i]);
        assert_int_equal(rig.reply.where.tag, MSG_AFTER);
    }
    assert_non_null(strstr(review(aude, 0, "users.zz")->body, "\"items\":[],\"next\":null"));
    assert_non_null(strstr(review(aude, 1, "partners.zeta")->body, "\"name\":\"aude\""));
}

static void test_C45_findings_about_people(void **state)
{
    struct people_told told;

    (void)state;
    assert_true(finds("omar", "never-used"));
    assert_false(finds("olga", "never-used"));
    assert_false(finds("olga", "password-overdue"));
    told = people_add(&rig, sara, "anna", "approver");
    assert_false(finds("anna", "enrolment-lapsed"));
    (void)people_call(
        &rig, sara, VERB_USER_ADD,
        &(struct people_words){ .name = "nils", .role = "operator", .expires_s = 30 * 86400 });
    assert_false(finds("nils", "expires-soon"));
    assert_int_equal(people_named(&rig, sara, VERB_USER_FREEZE, "omar").err, HUFU_OK);
    assert_true(finds("omar", "frozen"));
    assert_false(finds("omar", "never-used"));
    rig_tick(&rig, conf_u64(rig.conf, CONF_CEREMONY_S) * 1000);
    rig_login(&rig, "aude", aude);
    assert_true(finds("anna", "enrolment-lapsed"));
    assert_true(finds("nils", "expires-soon"));
    assert_true(has("nils", "\"expires_at\":\"2026-10-21T14:13:20.000Z\""));
    (void)told;
    rig_login(&rig, "sara", sara);
    assert_int_equal(people_change_password(&rig, sara, "correct-horse-s.ara", "kettle-17-mud").err,
                     HUFU_OK);
    rig_tick(&rig, 29 * PEOPLE_DAY_MS);
    rig_login(&rig, "aude", aude);
    assert_int_equal(review(aude, 0, NULL)->err, HUFU_FORBIDDEN); /* her password is too old */
    assert_int_equal(people_change_password(&rig, aude, "correct-horse-a.ude", "kettle-17-mud").err,
                     HUFU_OK);
    assert_true(finds("olga", "password-overdue"));
    assert_false(finds("sara", "password-overdue"));
    assert_true(finds("nils", "expired"));
    assert_false(finds("olga", "dormant"));
}

static void test_C45_dormant_is_found_whoever_froze_them(void **state)
{
    (void)state;
    rig_tick(&rig, 90 * PEOPLE_DAY_MS);
    rig_login(&rig, "aude", aude);
    people_sweep(&rig);
    people_sweep(&rig);
    assert_int_equal(people_change_password(&rig, aude, "correct-horse-a.ude", "kettle-17-mud").err,
                     HUFU_OK);
    assert_true(finds("olga", "dormant"));
    assert_true(finds("olga", "frozen"));
    assert_true(finds("sara", "dormant")); /* one of the last two: nobody froze her */
    assert_false(finds("sara", "frozen"));
    assert_false(finds("aude", "dormant"));
}

static void test_C45_what_leavers_leave_behind(void **state)
{
    char carl[MSG_SESSION_LEN + 1];

    (void)state;
    rig_login(&rig, "carl", carl);
    assert_int_equal(people_propose(&rig, carl, "rotate-kek", NULL, NULL).err, HUFU_OK);
    assert_false(finds("carl", "left-with-open-ceremony"));
    assert_int_equal(people_named(&rig, sara, VERB_USER_LEAVE, "carl").err, HUFU_OK);
    assert_int_equal(people_named(&rig, sara, VERB_USER_LEAVE, "omar").err, HUFU_OK);
    assert_true(finds("carl", "left-with-open-ceremony"));
    assert_false(finds("omar", "left-with-open-ceremony"));
    assert_true(has("carl", "\"may\":[]"));
    assert_true(has("carl", "\"state\":\"left\""));
    rig_tick(&rig, conf_u64(rig.conf, CONF_CEREMONY_S) * 1000);
    rig_login(&rig, "aude", aude);
    assert_false(finds("carl", "left-with-open-ceremony"));
}

static void test_C45_an_open_break_glass_account(void **state)
{
    struct people_told told;

    (void)state;
    (void)people_call(
        &rig, sara, VERB_USER_ADD,
        &(struct people_words){ .name = "glass", .role = "operator", .sealed = true });
    assert_true(has("glass", "\"findings\":[]"));
    assert_true(has("glass", "\"state\":\"sealed\""));
    told = people_propose(&rig, sara, "break-glass", "glass", NULL);
    assert_int_equal(people_approve(&rig, sven, told.id).err, HUFU_OK);
    assert_true(finds("glass", "break-glass-open"));
}

/* Of a partner: its last request since the vault was started, whatever became of its row. */
static void test_C45_when_a_partner_last_called(void **state)
{
    struct rig_who acme = { .partner = "acme" };

    (void)state;
    assert_false(has("acme", "last_used_at"));
    assert_int_equal(rig_tokenize(&rig, &acme, "cards", "4111111111111111")->err, HUFU_OK);
    assert_true(has("acme", "\"last_used_at\":\"2026-09-21T14:13:20.000Z\""));
    assert_false(has("zeta", "last_used_at"));
    rig_tick(&rig, 5000);
    assert_int_equal(rig_tokenize(&rig, &acme, "cards", "4111111111111111")->err, HUFU_OK);
    assert_int_equal(people_named(&rig, sara, VERB_PARTNER_FREEZE, "acme").err, HUFU_OK);
    assert_true(has("acme", "\"last_used_at\":\"2026-09-21T14:13:25.000Z\""));
    RIG_CHECK(rig_restart(&rig));
    assert_false(has("acme", "last_used_at"));
}

static void test_C45_findings_about_partners(void **state)
{
    (void)state;
    assert_true(has("zeta", "\"findings\":[]"));
    assert_int_equal(people_named(&rig, sara, VERB_PARTNER_FREEZE, "zeta").err, HUFU_OK);
    assert_true(finds("zeta", "frozen"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, suite_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C45_who_may_what),
        TEST(test_C45_pages),
        TEST(test_C45_refused),
        TEST(test_C45_findings_about_people),
        TEST(test_C45_dormant_is_found_whoever_froze_them),
        TEST(test_C45_what_leavers_leave_behind),
        TEST(test_C45_an_open_break_glass_account),
        TEST(test_C45_when_a_partner_last_called),
        TEST(test_C45_findings_about_partners),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
