/* C24: what 32 connections do at once succeeds once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/grant_suite.h"

#define AT_ONCE 32

static const char *const first[] = { token[0] };

struct outcome { /* replies to requests that were handed in together */
    size_t ok, refused, other, replayed;
    enum hufu_err want; /* of the refused */
    char body[512];     /* of the last that was fine */
};

static void count(void *arg, uint64_t id, const struct msg_reply *reply)
{
    struct outcome *t = arg;

    (void)id;
    t->ok += reply->err == HUFU_OK;
    t->refused += reply->err == t->want;
    t->other += reply->err != HUFU_OK && reply->err != t->want;
    t->replayed += (reply->flags & MSG_REPLAYED) != 0;
    if (reply->err == HUFU_OK && reply->body.len < sizeof(t->body)) {
        memcpy(t->body, reply->body.p, reply->body.len);
        t->body[reply->body.len] = '\0';
    }
}

/* All are decided on before one is committed: 32 connections in one heap. */
static struct outcome together(uint16_t verb, const struct rig_who *who, struct view fields,
                               enum hufu_err want)
{
    struct outcome t = { .want = want };

    rig.on_reply = count;
    rig.arg = &t;
    for (int i = 0; i < AT_ONCE; i++)
        (void)rig_submit(&rig, verb, who, fields);
    while (worker_step(&rig.worker))
        continue;
    for (int i = 0; i < 10000 && t.ok + t.refused + t.other < AT_ONCE; i++)
        (void)rig_round(&rig);
    rig.on_reply = NULL;
    assert_int_equal(t.ok + t.refused + t.other, AT_ONCE);
    return t;
}

static void test_C24_one_grant_by_32_at_once(void **state)
{
    struct grant_reveal one = { .tokens = first, .token_count = 1 };
    struct rig_who who = { .session = olga };
    struct life_lines found;
    char id[GRANT_ID_MAX];
    struct outcome t;
    struct buf b;

    (void)state;
    granted(&(struct grant_ask){ .count = 1 }, id);
    one.grant = id;
    buf_init(&b, 1024);
    grant_put_reveal(&b, &one);
    t = together(VERB_DETOKENIZE, &who, buf_view(&b), HUFU_GRANT_REQUIRED);
    buf_done(&b);
    assert_int_equal(t.ok, 1);
    assert_int_equal(t.other, 0);
    assert_int_equal(life_find_lines(&rig, &found, 0, "\"verb\":\"grant-use\"", id, NULL), 1);
}

static void test_C24_one_approval_by_32_at_once(void **state)
{
    struct rig_who who = { .session = anna };
    char id[GRANT_ID_MAX];
    struct outcome t;
    struct buf b;

    (void)state;
    asked(&(struct grant_ask){ .purpose = "court" }, id);
    buf_init(&b, 128);
    msg_put_text(&b, MSG_ID, view_str(id));
    t = together(VERB_GRANT_APPROVE, &who, buf_view(&b), HUFU_ALREADY_APPROVED);
    buf_done(&b);
    assert_int_equal(t.ok, 1);
    assert_int_equal(t.other, 0);
    assert_int_equal(grant_row(&rig, id).approval_count, 1);
}

static void test_C24_one_key_by_32_at_once(void **state)
{
    struct rig_who who = { .session = olga, .idem_key = "race-1" };
    size_t before = directory_kept_count(rig.core.dir, TABLE_GRANT);
    struct outcome t;
    struct buf b;

    (void)state;
    buf_init(&b, 1024);
    grant_put_ask(&b, &(struct grant_ask){ .count = 7 });
    t = together(VERB_GRANT_ASK, &who, buf_view(&b), HUFU_CONFLICT);
    buf_done(&b);
    assert_int_equal(t.ok, AT_ONCE);
    assert_int_equal(t.replayed, AT_ONCE - 1);
    assert_int_equal(directory_kept_count(rig.core.dir, TABLE_GRANT), before + 1);
}

static void submit_freeze(const char *name)
{
    struct rig_who who = { .session = sara };
    struct buf b;

    buf_init(&b, 128);
    msg_put_text(&b, MSG_REASON, view_str("incident 12"));
    msg_put_text(&b, MSG_NAME, view_str(name));
    (void)rig_submit(&rig, VERB_USER_FREEZE, &who, buf_view(&b));
    buf_done(&b);
}

/* The freeze and the reveal are both decided on; the freeze is committed first. */
static void test_C24_approver_frozen_meanwhile(void **state)
{
    struct grant_reveal one = { .tokens = first, .token_count = 1 };
    struct rig_who who = { .session = olga };
    struct outcome t = { .want = HUFU_GRANT_REQUIRED };
    struct life_lines found;
    char id[GRANT_ID_MAX];
    struct buf b;

    (void)state;
    rig_tick(&rig, 11000); /* the refusals of the test before are counted until then */
    granted(&(struct grant_ask){ .count = 1 }, id);
    one.grant = id;
    buf_init(&b, 1024);
    grant_put_reveal(&b, &one);
    rig.on_reply = count;
    rig.arg = &t;
    submit_freeze("anna");
    (void)rig_submit(&rig, VERB_DETOKENIZE, &who, buf_view(&b));
    buf_done(&b);
    assert_true(worker_step(&rig.worker));
    assert_true(worker_step(&rig.worker));
    for (int i = 0; i < 1000 && t.ok + t.refused + t.other < 2; i++)
        (void)rig_round(&rig);
    rig.on_reply = NULL;
    assert_int_equal(t.ok, 1); /* the freeze */
    assert_int_equal(t.refused, 1);
    assert_int_equal(life_find_lines(&rig, &found, 0, "why=approvals\"", id, NULL), 1);
    assert_int_equal(grant_row(&rig, id).remaining, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C24_one_grant_by_32_at_once), TEST(test_C24_one_approval_by_32_at_once),
        TEST(test_C24_one_key_by_32_at_once),
        TEST(test_C24_approver_frozen_meanwhile), /* the last: anna stays out */
    };

    return cmocka_run_group_tests(tests, grant_group, grant_vault_end);
}
