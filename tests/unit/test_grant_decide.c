/* C24, who decides on grants: never a group alone, never more than was asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/grant_suite.h"

static void test_C24_one_approval(void **state)
{
    const struct rig_reply *r;
    struct life_lines found;
    char id[GRANT_ID_MAX], user[16];

    (void)state;
    asked(&(struct grant_ask){ .count = 2 }, id);
    r = grant_call(&rig, anna, VERB_GRANT_APPROVE, id);
    assert_int_equal(r->err, HUFU_OK);
    assert_int_equal(r->success, MSG_200);
    assert_non_null(strstr(r->body, "\"state\":\"granted\""));
    assert_string_equal(rig_member(r->body, "user", user, sizeof(user)), "anna");
    assert_int_equal(
        life_find_lines(&rig, &found, 0, id, "\"verb\":\"grant-approve\"", "state=granted"), 1);
    assert_non_null(strstr(found.last, "\"principal\":\"anna\""));
    assert_int_equal(approve(anna, id), HUFU_ALREADY_APPROVED);
    assert_int_equal(approve(abel, id), HUFU_CONFLICT); /* nothing is left to agree to */
}

/* C24 "never a group alone where two are demanded" */
static void test_C24_two_of_different_groups(void **state)
{
    char id[GRANT_ID_MAX];

    (void)state;
    asked(&(struct grant_ask){ .purpose = "court" }, id);
    assert_int_equal(approve(abel, id), HUFU_OK);
    assert_int_equal(grant_row(&rig, id).state, GRANT_PROPOSED);
    assert_int_equal(approve(abel, id), HUFU_ALREADY_APPROVED);
    assert_int_equal(approve(arno, id), HUFU_FORBIDDEN); /* abel's group */
    assert_int_equal(grant_row(&rig, id).approval_count, 1);
    assert_int_equal(approve(anna, id), HUFU_OK);
    assert_int_equal(grant_row(&rig, id).state, GRANT_GRANTED);
}

static void test_C24_another_group_than_the_askers(void **state)
{
    char id[GRANT_ID_MAX];

    (void)state;
    asked(&(struct grant_ask){ .count = 1 }, id);
    assert_int_equal(approve(alma, id), HUFU_FORBIDDEN); /* of the operators' group */
    assert_int_equal(grant_row(&rig, id).approval_count, 0);
    assert_int_equal(call(olga, VERB_GRANT_APPROVE, id), HUFU_FORBIDDEN); /* no approver at all */
    assert_int_equal(call(omar, VERB_GRANT_DENY, id), HUFU_FORBIDDEN);
}

static void test_C24_narrowed(void **state)
{
    const char *const one[] = { token[1] };
    struct grant g, before;
    char id[GRANT_ID_MAX];

    (void)state;
    asked(&(struct grant_ask){ .tokens = some, .token_count = 3, .count = 9 }, id);
    before = grant_row(&rig, id);
    assert_int_equal(grant_narrow(&rig, anna, id,
                                  &(struct grant_narrower){
                                      .tokens = one, .token_count = 1, .count = 4, .life_s = 60 })
                         ->err,
                     HUFU_OK);
    g = grant_row(&rig, id);
    assert_int_equal(g.state, GRANT_GRANTED);
    assert_int_equal(g.count, 4);
    assert_int_equal(g.remaining, 4);
    assert_int_equal(g.token_count, 1);
    assert_true(grant_names(&before, g.token_id[0]));
    assert_int_equal(g.expires_ms, rig.clock.now + 60000);
}

/* Where any token was asked for, some can be named. */
static void test_C24_narrowed_to_tokens(void **state)
{
    char id[GRANT_ID_MAX];

    (void)state;
    asked(&(struct grant_ask){ .count = 9 }, id);
    assert_int_equal(
        grant_narrow(&rig, anna, id, &(struct grant_narrower){ .tokens = some, .token_count = 2 })
            ->err,
        HUFU_OK);
    assert_int_equal(grant_row(&rig, id).token_count, 2);
}

/* An approver is shown names of tokens, not tokens: these can be chosen from. */
static void test_C24_narrowed_by_the_tokens_names(void **state)
{
    char id[GRANT_ID_MAX], name[32], foreign[32];
    const char *names[] = { name }, *foreigners[] = { foreign };
    struct grant g;
    struct buf b;

    (void)state;
    asked(&(struct grant_ask){ .tokens = some, .token_count = 3 }, id);
    g = grant_row(&rig, id);
    memset(name, 0, sizeof(name));
    buf_fixed(&b, (uint8_t *)name, sizeof(name));
    text_base64url(&b, g.token_id[2], ENTRY_TOKEN_ID_LEN);
    memset(foreign, 0, sizeof(foreign));
    buf_fixed(&b, (uint8_t *)foreign, sizeof(foreign));
    text_base64url(&b, (const uint8_t *)"0123456789abcdef", ENTRY_TOKEN_ID_LEN);
    assert_int_equal(
        grant_narrow(&rig, anna, id,
                     &(struct grant_narrower){ .tokens = foreigners, .token_count = 1 })
            ->err,
        HUFU_BAD_REQUEST);
    assert_int_equal(
        grant_narrow(&rig, anna, id, &(struct grant_narrower){ .tokens = names, .token_count = 1 })
            ->err,
        HUFU_OK);
    assert_int_equal(grant_row(&rig, id).token_count, 1);
    assert_memory_equal(grant_row(&rig, id).token_id[0], g.token_id[2], ENTRY_TOKEN_ID_LEN);
}

/* C24 "grants, denies or narrows it": never more, and then nothing is changed. */
static void test_C24_never_wider(void **state)
{
    static const char *const two[] = { token[0], token[1] };
    static const char *const other[] = { token[2] };
    static const char *const twice[] = { token[0], token[0] };
    static const char *const odd[] = { "no-token" };
    static const struct {
        struct grant_narrower to;
        enum msg_tag tag;
    } rows[] = {
        { { .count = 4 }, MSG_COUNT },
        { { .count = GRANT_ZERO }, MSG_COUNT },
        { { .count = UINT64_MAX }, MSG_COUNT },
        { { .life_s = 3601 }, MSG_EXPIRES_IN },
        { { .life_s = 59 }, MSG_EXPIRES_IN },
        { { .life_s = GRANT_ZERO }, MSG_EXPIRES_IN },
        { { .life_s = UINT64_MAX }, MSG_EXPIRES_IN },
        { { .tokens = other, .token_count = 1 }, MSG_TOKENS },
        { { .tokens = some, .token_count = 3 }, MSG_TOKENS },
        { { .tokens = twice, .token_count = 2 }, MSG_TOKENS },
        { { .tokens = odd, .token_count = 1 }, MSG_TOKENS },
    };
    struct grant before;
    char id[GRANT_ID_MAX];

    (void)state;
    asked(&(struct grant_ask){ .tokens = two, .token_count = 2, .count = 3 }, id);
    before = grant_row(&rig, id);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct rig_reply *r = grant_narrow(&rig, anna, id, &rows[i].to);

        if (r->err != HUFU_BAD_REQUEST || r->where.tag != rows[i].tag)
            fail_msg("row %zu: %s at %u", i, err_name(r->err), r->where.tag);
        assert_int_equal(grant_row(&rig, id).seq, before.seq);
    }
    assert_int_equal(grant_narrow(&rig, anna, id, &(struct grant_narrower){ .count = 3 })->err,
                     HUFU_OK); /* as it is */
}

/* The first one agreed to more, so to what the second leaves of it. */
static void test_C24_narrowed_after_the_first_approval(void **state)
{
    char id[GRANT_ID_MAX];
    struct grant g;

    (void)state;
    asked(&(struct grant_ask){ .purpose = "court", .count = 8 }, id);
    assert_int_equal(approve(anna, id), HUFU_OK);
    assert_int_equal(grant_narrow(&rig, abel, id, &(struct grant_narrower){ .count = 2 })->err,
                     HUFU_OK);
    g = grant_row(&rig, id);
    assert_int_equal(g.state, GRANT_GRANTED);
    assert_int_equal(g.approval_count, 2);
    assert_int_equal(g.count, 2);
}

/* Nobody agrees to something else than what was looked at. */
static void test_C24_digest_of_what_was_seen(void **state)
{
    char id[GRANT_ID_MAX], seen[64], now[64];
    const struct rig_reply *r;

    (void)state;
    asked(&(struct grant_ask){ .purpose = "court", .count = 8 }, id);
    r = grant_call(&rig, anna, VERB_GRANT_SHOW, id);
    assert_non_null(rig_member(r->body, "digest", seen, sizeof(seen)));
    assert_int_equal(
        grant_narrow(&rig, abel, id, &(struct grant_narrower){ .count = 7, .digest = seen })->err,
        HUFU_OK);
    r = grant_narrow(&rig, anna, id, &(struct grant_narrower){ .digest = seen });
    assert_int_equal(r->err, HUFU_CONFLICT);
    assert_int_equal(r->where.tag, MSG_DIGEST);
    r = grant_narrow(&rig, anna, id, &(struct grant_narrower){ .digest = "forged" });
    assert_int_equal(r->err, HUFU_CONFLICT);
    r = grant_call(&rig, anna, VERB_GRANT_SHOW, id);
    assert_non_null(rig_member(r->body, "digest", now, sizeof(now)));
    assert_string_not_equal(now, seen);
    assert_int_equal(grant_narrow(&rig, anna, id, &(struct grant_narrower){ .digest = now })->err,
                     HUFU_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C24_one_approval),
        TEST(test_C24_two_of_different_groups),
        TEST(test_C24_another_group_than_the_askers),
        TEST(test_C24_narrowed),
        TEST(test_C24_narrowed_to_tokens),
        TEST(test_C24_narrowed_by_the_tokens_names),
        TEST(test_C24_never_wider),
        TEST(test_C24_narrowed_after_the_first_approval),
        TEST(test_C24_digest_of_what_was_seen),
    };

    return cmocka_run_group_tests(tests, grant_group, grant_vault_end);
}
