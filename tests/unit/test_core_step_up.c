/* Step-ups with a key, and those that are good for one request alone, in a whole core. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fido_calls.h"

static const struct rig_who acme = { .partner = "acme" };
static struct soft_key key;
static char token[64];

static int setup(void **state)
{
    const struct rig_reply *r;

    (void)state;
    fido_start(NULL);
    soft_new(&key, FIDO_ES256, 1);
    RIG_CHECK(fido_enrol(olga, "olga", &key) == HUFU_OK);
    r = rig_tokenize(&rig, &acme, "cards", "4111111111111111");
    RIG_CHECK(r->err == HUFU_OK && rig_member(r->body, "token", token, sizeof(token)) != NULL);
    (void)signer_step(rig.core.signer);
    return 0;
}

static int teardown(void **state)
{
    soft_free(&key);
    return suite_teardown(state);
}

/* The factor of the log-in gets old, and nothing else. */
static void grow_old(void)
{
    rig_tick(&rig, 301000);
    (void)signer_step(rig.core.signer);
}

/* The members of rig_reveal. */
static void put_meant(struct buf *b, const char *reason)
{
    buf_init(b, 1024);
    msg_put_text(b, MSG_DOMAIN, view_str("cards"));
    msg_put_text(b, MSG_TOKEN, view_str(token));
    msg_put_text(b, MSG_REASON, view_str(reason));
    msg_put_text(b, MSG_PURPOSE, view_str("refund"));
}

static void bound_challenge(const char *reason, char out[static FIDO_CHALLENGE_TEXT + 1])
{
    struct buf b;

    put_meant(&b, reason);
    msg_put_text(&b, MSG_VERB, view_str("detokenize"));
    assert_int_equal(fido_step_challenge(olga, &b, out)->err, HUFU_OK);
}

static enum hufu_err step_up_for(const char *reason)
{
    char challenge[FIDO_CHALLENGE_TEXT + 1];

    bound_challenge(reason, challenge);
    soft_assert(&key, challenge, &shown);
    return fido_step_up_shown(olga);
}

static enum hufu_err reveal(void)
{
    return rig_reveal(&rig, olga, "cards", token)->err; /* reason: case 7 */
}

static void test_C21_a_bound_factor_is_good_for_its_request_once(void **state)
{
    (void)state;
    grow_old();
    assert_int_equal(reveal(), HUFU_STEP_UP);
    assert_int_equal(step_up_for("case 8"), HUFU_OK);
    assert_int_equal(reveal(), HUFU_STEP_UP); /* not this one */
    assert_int_equal(step_up_for("case 7"), HUFU_OK);
    assert_int_equal(reveal(), HUFU_OK);
    assert_int_equal(reveal(), HUFU_STEP_UP); /* it is used up */
    assert_true(fido_logged("bound=yes"));
}

/* What was open by the log-in is not open any more: the person said what is meant. */
static void test_C21_a_bound_factor_takes_the_place_of_a_fresh_one(void **state)
{
    struct buf b;

    (void)state;
    assert_int_equal(reveal(), HUFU_OK);
    assert_int_equal(step_up_for("case 8"), HUFU_OK);
    assert_int_equal(reveal(), HUFU_STEP_UP);
    assert_int_equal(fido_step_up(olga, &key), HUFU_OK); /* for whatever comes */
    assert_int_equal(reveal(), HUFU_OK);
    assert_int_equal(reveal(), HUFU_OK);
    assert_int_equal(step_up_for("case 8"), HUFU_OK);
    rig_tick(&rig, 30000);
    buf_init(&b, 64);
    {
        char code[7];

        rig_code("olga", rig.clock.now / 30000, code);
        msg_put_text(&b, MSG_OTP, view_str(code));
    }
    assert_int_equal(fido_call(olga, VERB_STEP_UP, &b)->err, HUFU_OK);
    assert_int_equal(reveal(), HUFU_OK);
    assert_int_equal(reveal(), HUFU_OK);
}

static void test_C21_a_bound_factor_outlives_a_restart_and_gets_old(void **state)
{
    (void)state;
    assert_int_equal(step_up_for("case 7"), HUFU_OK);
    assert_true(rig_restart(&rig));
    (void)signer_step(rig.core.signer);
    assert_int_equal(rig_reveal(&rig, olga, "cards", "4111110000001111")->err, HUFU_STEP_UP);
    assert_int_equal(reveal(), HUFU_OK);
    assert_int_equal(step_up_for("case 7"), HUFU_OK);
    grow_old();
    assert_int_equal(reveal(), HUFU_STEP_UP);
}

/* A refusal leaves it: what was meant has not happened yet. */
static void test_C21_a_refused_request_does_not_use_it_up(void **state)
{
    struct rig_who who = { .session = olga };
    struct buf b;

    (void)state;
    grow_old();
    buf_init(&b, 1024);
    msg_put_text(&b, MSG_DOMAIN, view_str("cards"));
    msg_put_text(&b, MSG_TOKEN, view_str(token));
    msg_put_text(&b, MSG_REASON, view_str("case 7"));
    msg_put_text(&b, MSG_PURPOSE, view_str("no-such-purpose"));
    msg_put_text(&b, MSG_VERB, view_str("detokenize"));
    {
        char challenge[FIDO_CHALLENGE_TEXT + 1];

        assert_int_equal(fido_step_challenge(olga, &b, challenge)->err, HUFU_OK);
        soft_assert(&key, challenge, &shown);
        assert_int_equal(fido_step_up_shown(olga), HUFU_OK);
    }
    for (int i = 0; i < 2; i++) {
        buf_init(&b, 1024);
        msg_put_text(&b, MSG_DOMAIN, view_str("cards"));
        msg_put_text(&b, MSG_TOKEN, view_str(token));
        msg_put_text(&b, MSG_REASON, view_str("case 7"));
        msg_put_text(&b, MSG_PURPOSE, view_str("no-such-purpose"));
        assert_int_equal(rig_call(&rig, VERB_DETOKENIZE, &who, buf_view(&b))->err,
                         HUFU_INVALID_PURPOSE);
        buf_done(&b);
    }
}

static void test_C21_many_requests_with_one_bound_factor_succeed_once(void **state)
{
    struct fido_crowd crowd;
    struct buf b;

    (void)state;
    grow_old();
    assert_int_equal(step_up_for("case 7"), HUFU_OK);
    put_meant(&b, "case 7");
    crowd = fido_at_once(olga, VERB_DETOKENIZE, &b, 32);
    assert_int_equal(crowd.answered, 32);
    assert_int_equal(crowd.won, 1);
    assert_int_equal(crowd.refused, 31);
}

static void test_C21_many_step_ups_with_one_challenge_succeed_once(void **state)
{
    char challenge[FIDO_CHALLENGE_TEXT + 1];
    struct fido_crowd crowd;
    struct buf b;

    (void)state;
    bound_challenge("case 7", challenge);
    soft_assert(&key, challenge, &shown);
    buf_init(&b, 65536);
    fido_put_shown(&b);
    crowd = fido_at_once(olga, VERB_STEP_UP, &b, 32);
    assert_int_equal(crowd.answered, 32);
    assert_int_equal(crowd.won, 1);
    assert_int_equal(crowd.refused, 31);
}

/* vault/FORMATS.md section 6: SHA-256 over u16 verb and the fields as the frame has them. */
static void test_the_digest_is_that_of_the_frame(void **state)
{
    uint8_t hash[SHA256_DIGEST_LENGTH], mem[1024], text_mem[64];
    char told[64], challenge[FIDO_CHALLENGE_TEXT + 1];
    struct buf b, all, text;

    (void)state;
    put_meant(&b, "case 7");
    buf_fixed(&all, mem, sizeof(mem));
    buf_u16(&all, VERB_DETOKENIZE);
    buf_put(&all, b.p, b.len);
    SHA256(all.p, all.len, hash);
    buf_fixed(&text, text_mem, sizeof(text_mem));
    text_base64url(&text, hash, sizeof(hash));
    msg_put_text(&b, MSG_VERB, view_str("detokenize"));
    assert_non_null(
        rig_member(fido_step_challenge(olga, &b, challenge)->body, "digest", told, sizeof(told)));
    assert_int_equal(strlen(told), text.len);
    assert_memory_equal(told, text.p, text.len);
}

/* The reply to a challenge with these members; any may be NULL. */
static const struct rig_reply *meant(const char *session, const char *domain, const char *with,
                                     const char *reason, const char *purpose, const char *verb)
{
    struct buf b;

    buf_init(&b, 1024);
    if (domain != NULL)
        msg_put_text(&b, MSG_DOMAIN, view_str(domain));
    if (with != NULL)
        msg_put_text(&b, MSG_TOKEN, view_str(with));
    if (reason != NULL)
        msg_put_text(&b, MSG_REASON, view_str(reason));
    if (purpose != NULL)
        msg_put_text(&b, MSG_PURPOSE, view_str(purpose));
    if (verb != NULL)
        msg_put_text(&b, MSG_VERB, view_str(verb));
    return fido_call(session, VERB_STEP_UP_CHALLENGE, &b);
}

static void test_what_is_meant_must_be_a_request(void **state)
{
    (void)state;
    assert_int_equal(meant(olga, "cards", token, "r", "refund", "detokenize")->err, HUFU_OK);
    assert_int_equal(meant(olga, NULL, NULL, NULL, NULL, NULL)->err, HUFU_OK);
    assert_int_equal(meant(olga, "cards", token, "r", "refund", NULL)->where.tag, MSG_VERB);
    assert_int_equal(meant(olga, "cards", token, "r", "refund", "no-such")->where.tag, MSG_VERB);
    assert_int_equal(meant(olga, "cards", token, NULL, "refund", "detokenize")->where.tag,
                     MSG_REASON);
    assert_int_equal(meant(sara, "cards", token, "r", "refund", "revoke")->where.tag, MSG_PURPOSE);
    assert_int_equal(meant(sara, "cards", token, "r", NULL, "revoke")->err, HUFU_OK);
    assert_int_equal(meant(olga, "cards", token, "r", NULL, "revoke")->err, HUFU_FORBIDDEN);
    assert_int_equal(meant(olga, NULL, NULL, NULL, NULL, "whoami")->err, HUFU_BAD_REQUEST);
    assert_int_equal(meant(NULL, NULL, NULL, NULL, NULL, NULL)->err, HUFU_UNAUTHENTICATED);
}

static void refused(const char *fault)
{
    rig_tick(&rig, 1001);
    assert_int_equal(fido_step_up_shown(olga), HUFU_UNAUTHENTICATED);
    if (!fido_logged(fault))
        fail_msg("%s", fault);
}

static void test_C21_challenges_of_others_are_refused(void **state)
{
    char challenge[FIDO_CHALLENGE_TEXT + 1], session[MSG_SESSION_LEN + 1], id[FIDO_ID_TEXT];
    struct buf b;

    (void)state;
    rig_tick(&rig, 30000);
    rig_login(&rig, "olga", session); /* her own other session */
    buf_init(&b, 16);
    assert_int_equal(fido_step_challenge(session, &b, challenge)->err, HUFU_OK);
    soft_assert(&key, challenge, &shown);
    refused("fault=foreign");
    fido_challenge("olga", challenge); /* of a log-in */
    soft_assert(&key, challenge, &shown);
    refused("fault=foreign");
    rig_login(&rig, "sara", sara);
    rig_login(&rig, "sven", sven);
    assert_int_equal(fido_ceremony("enrol-key", "olga", id), HUFU_OK);
    assert_int_equal(fido_key_challenge(olga, id, challenge), HUFU_OK);
    soft_assert(&key, challenge, &shown);
    refused("fault=foreign");
    bound_challenge("case 7", challenge);
    challenge[40] = challenge[40] == 'A' ? 'B' : 'A'; /* the digest of another request */
    soft_assert(&key, challenge, &shown);
    refused("fault=forged");
    assert_int_equal(directory_kept_count(rig.core.dir, TABLE_ALARM), 1);
    bound_challenge("case 7", challenge);
    rig_tick(&rig, 120000);
    soft_assert(&key, challenge, &shown);
    refused("fault=expired");
    assert_int_equal(step_up_for("case 7"), HUFU_OK);
    refused("fault=used");
}

static void test_C21_truncated_at_every_length(void **state)
{
    struct soft_shown whole;
    struct soft_bytes *parts[] = { &shown.id, &shown.client_data, &shown.auth_data,
                                   &shown.signature };

    (void)state;
    for (size_t p = 0; p < 4; p++) {
        for (size_t n = 1;; n++) { /* no member is empty */
            char challenge[FIDO_CHALLENGE_TEXT + 1];
            struct buf b;

            rig_tick(&rig, 1001);
            buf_init(&b, 16);
            assert_int_equal(fido_step_challenge(olga, &b, challenge)->err, HUFU_OK);
            soft_assert(&key, challenge, &shown);
            whole = shown;
            if (n >= parts[p]->len)
                break;
            parts[p]->len = n;
            assert_int_equal(fido_step_up_shown(olga), HUFU_UNAUTHENTICATED);
        }
        rig_tick(&rig, 1001);
        shown = whole;
        assert_int_equal(fido_step_up_shown(olga), HUFU_OK);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C21_a_bound_factor_is_good_for_its_request_once),
        TEST(test_C21_a_bound_factor_takes_the_place_of_a_fresh_one),
        TEST(test_C21_a_bound_factor_outlives_a_restart_and_gets_old),
        TEST(test_C21_a_refused_request_does_not_use_it_up),
        TEST(test_C21_many_requests_with_one_bound_factor_succeed_once),
        TEST(test_C21_many_step_ups_with_one_challenge_succeed_once),
        TEST(test_the_digest_is_that_of_the_frame),
        TEST(test_what_is_meant_must_be_a_request),
        TEST(test_C21_challenges_of_others_are_refused),
        TEST(test_C21_truncated_at_every_length),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
