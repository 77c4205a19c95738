/* C40 and C24 together: what leavers asked for or agreed to is void at once; C44: a break-glass
 * account is given nothing that others have to agree to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/people_calls.h"
#include "tests/grant_suite.h"

static enum hufu_err reveal(const char *session, const char *grant)
{
    const char *const one[] = { token[0] };

    (void)signer_step(rig.core.signer);
    return grant_use_it(&rig, session,
                        &(struct grant_reveal){ .grant = grant, .tokens = one, .token_count = 1 })
        ->err;
}

static enum hufu_err leave(const char *name)
{
    return people_named(&rig, sara, VERB_USER_LEAVE, name).err;
}

static bool review_says(const char *finding)
{
    const struct rig_reply *r =
        people_ask(&rig, sara, VERB_ACCESS_REVIEW, &(struct people_words){ 0 });

    assert_int_equal(r->err, HUFU_OK);
    return strstr(r->body, finding) != NULL;
}

static void test_C40_an_approval_of_who_left_grants_nothing(void **state)
{
    char id[GRANT_ID_MAX];

    (void)state;
    granted(&(struct grant_ask){ .count = 3 }, id);
    assert_int_equal(reveal(olga, id), HUFU_OK);
    assert_false(review_says("left-with-open-grant"));
    assert_int_equal(leave("anna"), HUFU_OK);
    assert_int_equal(reveal(olga, id), HUFU_GRANT_REQUIRED);
    assert_true(review_says("left-with-open-grant"));
    assert_int_equal(call(anna, VERB_GRANT_SHOW, id), HUFU_UNAUTHENTICATED);
}

static void test_C40_a_grant_of_who_left_is_nobodys(void **state)
{
    char id[GRANT_ID_MAX];

    (void)state;
    granted(&(struct grant_ask){ .count = 3 }, id);
    assert_int_equal(leave("olga"), HUFU_OK);
    assert_int_equal(reveal(olga, id), HUFU_UNAUTHENTICATED);
    assert_int_equal(reveal(omar, id), HUFU_GRANT_REQUIRED);
    people_sweep(&rig);
    people_sweep(&rig);
    assert_int_equal(grant_row(&rig, id).state, GRANT_WITHDRAWN);
    assert_false(review_says("left-with-open-grant"));
}

/* Approval, leave and use on their way at once: a value only before the leave. */
static void test_C40_a_use_races_the_leave_of_who_agreed(void **state)
{
    struct rig_who who = { .session = sara }, user = { .session = olga };
    const char *const one[] = { token[0] };
    struct grant_reveal use = { .tokens = one, .token_count = 1 };
    char id[GRANT_ID_MAX];
    struct life_lines left, given;
    uint64_t from;
    struct buf b;

    (void)state;
    granted(&(struct grant_ask){ .count = 3 }, id);
    (void)signer_step(rig.core.signer);
    from = life_log_size(&rig);
    buf_init(&b, 4096);
    msg_put_text(&b, MSG_REASON, view_str("case 12"));
    msg_put_text(&b, MSG_NAME, view_str("anna"));
    (void)rig_submit(&rig, VERB_USER_LEAVE, &who, buf_view(&b));
    buf_reset(&b);
    use.grant = id;
    grant_put_reveal(&b, &use);
    (void)rig_submit(&rig, VERB_DETOKENIZE, &user, buf_view(&b));
    buf_done(&b);
    while (worker_step(&rig.worker)) /* both decided, none committed */
        continue;
    people_drive(&rig);
    assert_int_equal(life_find_lines(&rig, &left, from, "user-leave", "\"result\":\"ok\"", NULL),
                     1);
    assert_int_equal(
        life_find_lines(&rig, &given, from, "\"verb\":\"detokenize\"", "\"result\":\"ok\"", NULL),
        0);
}

static void test_C44_a_break_glass_account_asks_for_no_grant(void **state)
{
    char sven[MSG_SESSION_LEN + 1], glass[MSG_SESSION_LEN + 1], id[GRANT_ID_MAX], code[7];
    const char *const one[] = { token[0] };
    struct grant_reveal free_one = { .purpose = "refund", .tokens = one, .token_count = 1 };
    struct rig_who who = { .session = glass };
    struct people_told begun, done;

    (void)state;
    rig_login(&rig, "sven", sven);
    (void)people_call(
        &rig, sara, VERB_USER_ADD,
        &(struct people_words){ .name = "glass", .role = "operator", .sealed = true });
    begun = people_propose(&rig, sara, "break-glass", "glass", NULL);
    done = people_approve(&rig, sven, begun.id);
    people_code(&rig, done.seed, 0, code);
    assert_int_equal(people_login(&rig, "glass", begun.password, code, glass), HUFU_OK);
    assert_int_equal(reveal(glass, NULL), HUFU_GRANT_REQUIRED);
    /* Nobody knows who it is: it may be who is to agree. */
    assert_int_equal(grant_ask_as(&rig, &who, &(struct grant_ask){ .count = 2 })->err,
                     HUFU_FORBIDDEN);
    granted(&(struct grant_ask){ .count = 3 }, id); /* and another's is not its own */
    assert_int_equal(reveal(glass, id), HUFU_GRANT_REQUIRED);
    (void)signer_step(rig.core.signer);
    assert_int_equal(grant_use_it(&rig, glass, &free_one)->err, HUFU_OK);
}

#define OWN(name) cmocka_unit_test_setup_teardown(name, grant_vault, grant_vault_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OWN(test_C40_an_approval_of_who_left_grants_nothing),
        OWN(test_C40_a_grant_of_who_left_is_nobodys),
        OWN(test_C40_a_use_races_the_leave_of_who_agreed),
        OWN(test_C44_a_break_glass_account_asks_for_no_grant),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
