/* C24, what ends grants: a denial, a withdrawal, time, and what becomes of the people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/grant_suite.h"

#define HOUR_MS 3600000ULL

static void test_C24_ends_are_final(void **state)
{
    char denied[GRANT_ID_MAX], withdrawn[GRANT_ID_MAX], back[GRANT_ID_MAX];
    const char *const ended[] = { denied, withdrawn, back };
    struct life_lines found;

    (void)state;
    asked(&(struct grant_ask){ .count = 1 }, denied);
    asked(&(struct grant_ask){ .count = 1 }, withdrawn);
    granted(&(struct grant_ask){ .count = 1 }, back);
    assert_int_equal(call(alma, VERB_GRANT_DENY, denied), HUFU_OK); /* any approver says no */
    assert_int_equal(call(olga, VERB_GRANT_WITHDRAW, withdrawn), HUFU_OK);
    assert_int_equal(call(arno, VERB_GRANT_DENY, back), HUFU_OK); /* what was granted, too */
    assert_int_equal(grant_row(&rig, denied).state, GRANT_DENIED);
    assert_int_equal(grant_row(&rig, withdrawn).state, GRANT_WITHDRAWN);
    assert_int_equal(grant_row(&rig, back).state, GRANT_DENIED);
    rig_tick(&rig, 1100); /* so that the refusals have entries of their own */
    for (size_t i = 0; i < 3; i++) {
        char about[128];

        assert_int_equal(approve(abel, ended[i]), HUFU_CONFLICT);
        snprintf(about, sizeof(about), "\"purpose\":\"grant=%s state=%s\"", ended[i],
                 i == 1 ? "withdrawn" : "denied");
        assert_int_equal(life_find_lines(&rig, &found, 0, about, "\"verb\":\"grant-approve\"",
                                         "\"result\":\"conflict\""),
                         1);
        assert_int_equal(call(abel, VERB_GRANT_DENY, ended[i]), HUFU_CONFLICT);
        assert_int_equal(call(olga, VERB_GRANT_WITHDRAW, ended[i]), HUFU_CONFLICT);
    }
}

static void sweep(void)
{
    rig_tick(&rig, 6000);
    for (int i = 0; i < 200; i++) {
        (void)sweeper_step(&rig.sweeper);
        (void)store_journal_step(rig.core.store);
    }
}

/* A comparison at once, a state with an entry when the sweeper comes, and no row after 400 days. */
static void test_C24_expired(void **state)
{
    struct life_lines found;
    char id[GRANT_ID_MAX];
    const struct rig_reply *r;
    size_t before;

    (void)state;
    asked(&(struct grant_ask){ .life_s = 60 }, id);
    sweep();
    assert_int_equal(life_find_lines(&rig, &found, 0, id, "grant-expire", NULL), 0);
    rig_tick(&rig, 53999); /* with the sweep's 6 s: 1 ms before its end */
    assert_int_equal(grant_row(&rig, id).state, GRANT_PROPOSED);
    rig_tick(&rig, 1);
    r = grant_call(&rig, olga, VERB_GRANT_SHOW, id);
    assert_non_null(strstr(r->body, "\"state\":\"expired\""));
    assert_int_equal(approve(anna, id), HUFU_CONFLICT);
    assert_int_equal(call(anna, VERB_GRANT_DENY, id), HUFU_CONFLICT);
    assert_int_equal(call(olga, VERB_GRANT_WITHDRAW, id), HUFU_CONFLICT);
    sweep();
    assert_int_equal(
        life_find_lines(&rig, &found, 0, id, "\"verb\":\"grant-expire\"", "\"principal\":\"olga\""),
        1);
    sweep();
    assert_int_equal(life_find_lines(&rig, &found, 0, id, "grant-expire", NULL), 1);
    before = directory_kept_count(rig.core.dir, TABLE_GRANT);
    rig.clock.now += 399 * 24 * HOUR_MS;
    sweep();
    assert_int_equal(directory_kept_count(rig.core.dir, TABLE_GRANT), before);
    rig.clock.now += 2 * 24 * HOUR_MS;
    sweep();
    assert_int_equal(life_find_lines(&rig, &found, 0, id, "\"verb\":\"grant-remove\"", NULL), 1);
    assert_true(directory_kept_count(rig.core.dir, TABLE_GRANT) < before);
}

static const struct rig_reply *freeze(uint16_t verb, const char *name)
{
    struct rig_who who = { .session = sara };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 128);
    msg_put_text(&b, MSG_REASON, view_str("leave"));
    msg_put_text(&b, MSG_NAME, view_str(name));
    r = rig_call(&rig, verb, &who, buf_view(&b));
    buf_done(&b);
    return r;
}

/* An approval of who was frozen since does not count; another's takes its place. */
static void test_C24_void_approvals_do_not_count(void **state)
{
    char id[GRANT_ID_MAX];
    struct grant g;

    (void)state;
    asked(&(struct grant_ask){ .purpose = "court" }, id);
    assert_int_equal(approve(abel, id), HUFU_OK);
    assert_int_equal(freeze(VERB_USER_FREEZE, "abel")->err, HUFU_OK);
    assert_int_equal(approve(arno, id), HUFU_OK); /* abel's group has no say before his */
    g = grant_row(&rig, id);
    assert_int_equal(g.state, GRANT_PROPOSED);
    assert_int_equal(g.approval_count, 1);
    assert_int_equal(approve(anna, id), HUFU_OK);
    assert_int_equal(grant_row(&rig, id).state, GRANT_GRANTED);
}

/* What waits for somebody who is frozen is nobody's: at once, and for good once it was swept. */
static void test_C24_void_with_who_asked(void **state)
{
    struct life_lines found;
    char id[GRANT_ID_MAX];

    (void)state;
    asked(&(struct grant_ask){ .count = 1 }, id);
    assert_int_equal(freeze(VERB_USER_FREEZE, "olga")->err, HUFU_OK);
    assert_int_equal(approve(anna, id), HUFU_CONFLICT);
    sweep();
    assert_int_equal(life_find_lines(&rig, &found, 0, id, "\"verb\":\"grant-void\"", NULL), 1);
    assert_int_equal(freeze(VERB_USER_UNFREEZE, "olga")->err, HUFU_OK);
    assert_int_equal(grant_row(&rig, id).state, GRANT_WITHDRAWN);
    assert_int_equal(approve(anna, id), HUFU_CONFLICT);
}

/* C24 "never oneself": who asked and became an approver since. */
static void test_C24_never_oneself(void **state)
{
    char sven[MSG_SESSION_LEN + 1], id[GRANT_ID_MAX], ceremony[GRANT_ID_MAX];
    struct rig_who who = { .session = sara };
    const struct rig_reply *r;
    struct buf b;

    (void)state;
    grant_asked(&rig, omar, &(struct grant_ask){ .count = 1 }, id);
    rig_login(&rig, "sven", sven);
    buf_init(&b, 256);
    msg_put_text(&b, MSG_SUBJECT, view_str("omar"));
    msg_put_text(&b, MSG_REASON, view_str("moves"));
    msg_put_text(&b, MSG_KIND, view_str("change-role"));
    msg_put_text(&b, MSG_ROLE, view_str("approver"));
    r = rig_call(&rig, VERB_CEREMONY_PROPOSE, &who, buf_view(&b));
    buf_done(&b);
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "id", ceremony, sizeof(ceremony)));
    r = grant_call(&rig, sven, VERB_CEREMONY_APPROVE, ceremony);
    assert_int_equal(r->err, HUFU_OK);
    rig_tick(&rig, GRANT_STEP_MS);
    rig_login(&rig, "omar", omar);
    assert_int_equal(approve(omar, id), HUFU_FORBIDDEN);
    assert_int_equal(approve(anna, id), HUFU_CONFLICT); /* nobody's any more */
}

#define OWN(f) cmocka_unit_test_setup_teardown(f, grant_vault, grant_vault_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OWN(test_C24_ends_are_final),
        OWN(test_C24_expired),
        OWN(test_C24_void_approvals_do_not_count),
        OWN(test_C24_void_with_who_asked),
        OWN(test_C24_never_oneself),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
