/* FIDO2 keys in a whole core: enrolment by three, log-in, and everything that is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fido_calls.h"
#include "vault/access/credential.h"

#define DAY_MS 86400000ULL

static struct soft_key key, other;

static int setup_with(const char *setting)
{
    fido_start(setting);
    soft_new(&key, FIDO_ES256, 1);
    soft_new(&other, FIDO_ES256, 2);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return setup_with(NULL);
}

static int setup_keys_only(void **state)
{
    (void)state;
    return setup_with("auth.second_factor=key");
}

static int teardown(void **state)
{
    soft_free(&key);
    soft_free(&other);
    return suite_teardown(state);
}

static const struct user *person(const char *name)
{
    return directory_user(rig.core.dir, view_str(name));
}

static enum hufu_err whoami(const char *session)
{
    struct buf b;

    buf_init(&b, 16);
    return fido_call(session, VERB_WHOAMI, &b)->err;
}

static void test_C21_a_key_is_enrolled_by_three_and_opens(void **state)
{
    static const enum fido_alg algs[] = { FIDO_ES256, FIDO_EDDSA, FIDO_RS256 };
    char session[MSG_SESSION_LEN + 1];
    const struct rig_reply *r;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct soft_key k;

        soft_new(&k, algs[i], (uint8_t)(10 + i));
        assert_int_equal(fido_enrol(olga, "olga", &k), HUFU_OK);
        r = fido_login("olga", &k);
        assert_int_equal(r->err, HUFU_OK);
        assert_int_equal(r->success, MSG_201);
        assert_non_null(rig_member(r->body, "session", session, sizeof(session)));
        assert_int_equal(whoami(session), HUFU_OK);
        assert_int_equal(fido_step_up(session, &k), HUFU_OK);
        soft_free(&k);
    }
    assert_true(fido_logged("factor=key credential="));
    rig_restart(&rig); /* the rows are found again */
    assert_true(credential_has(rig.core.dir, person("olga")->id));
}

static void test_C21_enrolment_takes_two_administrators_and_the_person(void **state)
{
    char id[FIDO_ID_TEXT], challenge[FIDO_CHALLENGE_TEXT + 1];
    const struct rig_reply *r = rig_propose(&rig, sara, "enrol-key", NULL, "olga");

    (void)state;
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "id", id, sizeof(id)));
    assert_int_equal(fido_key_challenge(olga, id, challenge), HUFU_NOT_FOUND); /* one agreed */
    assert_int_equal(rig_propose(&rig, sara, "enrol-key", NULL, "sara")->err, HUFU_FORBIDDEN);
    assert_int_equal(rig_propose(&rig, sara, "enrol-key", NULL, "nobody")->err, HUFU_NOT_FOUND);
    assert_int_equal(rig_propose(&rig, olga, "enrol-key", NULL, "olga")->err, HUFU_FORBIDDEN);
    assert_int_equal(fido_ceremony("enrol-key", "omar", id), HUFU_OK);
    assert_int_equal(fido_key_challenge(olga, id, challenge), HUFU_NOT_FOUND); /* about another */
    assert_int_equal(fido_key_challenge(sara, id, challenge), HUFU_NOT_FOUND);
    assert_int_equal(fido_ceremony("reset-factor", "omar", id), HUFU_OK);
    assert_int_equal(fido_key_challenge(olga, id, challenge), HUFU_NOT_FOUND); /* another kind */
    assert_int_equal(fido_key_challenge(olga, "0190b7a0-0000-7000-8000-000000000000", challenge),
                     HUFU_NOT_FOUND);
}

static void test_C21_one_ceremony_is_one_key(void **state)
{
    char id[FIDO_ID_TEXT], challenge[FIDO_CHALLENGE_TEXT + 1];

    (void)state;
    assert_int_equal(fido_ceremony("enrol-key", "olga", id), HUFU_OK);
    assert_int_equal(fido_key_challenge(olga, id, challenge), HUFU_OK);
    soft_attest(&key, challenge, &shown);
    assert_int_equal(fido_enrol_shown(olga, id)->err, HUFU_OK);
    assert_int_equal(fido_enrol_shown(olga, id)->err, HUFU_CONFLICT);
    assert_int_equal(fido_key_challenge(olga, id, challenge), HUFU_CONFLICT);
    /* the same key again, for her or for somebody else */
    assert_int_equal(fido_enrol(olga, "olga", &key), HUFU_CONFLICT);
    rig_tick(&rig, 30000);
    rig_login(&rig, "sara", sara);
    rig_login(&rig, "sven", sven);
    assert_int_equal(fido_ceremony("enrol-key", "olga", id), HUFU_OK);
    rig_tick(&rig, DAY_MS);
    rig_login(&rig, "olga", olga);
    assert_int_equal(fido_key_challenge(olga, id, challenge), HUFU_CONFLICT); /* a day later */
}

static void test_C21_four_keys_are_enough(void **state)
{
    (void)state;
    for (uint8_t i = 0; i <= CREDENTIAL_KEYS_MAX; i++) {
        struct soft_key k;

        soft_new(&k, FIDO_EDDSA, (uint8_t)(20 + i));
        assert_int_equal(fido_enrol(olga, "olga", &k),
                         i < CREDENTIAL_KEYS_MAX ? HUFU_OK : HUFU_CONFLICT);
        soft_free(&k);
    }
}

static void test_C21_enrolment_refusals(void **state)
{
    static const struct {
        const char *fault, *rp_id, *origin, *type, *tail, *fmt;
        uint8_t flags;
    } cases[] = {
        { "fault=type", NULL, NULL, "webauthn.get", NULL, NULL, 5 },
        { "fault=origin", NULL, "https://evil.test", NULL, NULL, NULL, 5 },
        { "fault=cross-origin", NULL, NULL, NULL, ",\"crossOrigin\":true}", NULL, 5 },
        { "fault=rp-id", "evil.test", NULL, NULL, NULL, NULL, 5 },
        { "fault=presence", NULL, NULL, NULL, NULL, NULL, 4 },
        { "fault=verification", NULL, NULL, NULL, NULL, NULL, 1 },
        { "fault=form", NULL, NULL, NULL, NULL, "fido-u2f", 5 },
    };
    char id[FIDO_ID_TEXT], challenge[FIDO_CHALLENGE_TEXT + 1];

    (void)state;
    assert_int_equal(fido_ceremony("enrol-key", "olga", id), HUFU_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        soft_reset(&key);
        key.flags = cases[i].flags;
        key.type = cases[i].type;
        if (cases[i].rp_id != NULL)
            key.rp_id = cases[i].rp_id;
        if (cases[i].origin != NULL)
            key.origin = cases[i].origin;
        if (cases[i].tail != NULL)
            key.tail = cases[i].tail;
        if (cases[i].fmt != NULL)
            key.fmt = cases[i].fmt;
        assert_int_equal(fido_key_challenge(olga, id, challenge), HUFU_OK);
        soft_attest(&key, challenge, &shown);
        assert_int_equal(fido_enrol_shown(olga, id)->err, HUFU_UNAUTHENTICATED);
        if (!fido_logged(cases[i].fault))
            fail_msg("%s", cases[i].fault);
    }
    assert_int_equal(fido_key_challenge(olga, id, challenge), HUFU_OK);
    rig_tick(&rig, 120000);
    soft_reset(&key);
    soft_attest(&key, challenge, &shown);
    assert_int_equal(fido_enrol_shown(olga, id)->err, HUFU_STEP_UP); /* 5 minutes have gone */
    rig_login(&rig, "olga", olga);
    assert_int_equal(fido_enrol_shown(olga, id)->err, HUFU_UNAUTHENTICATED);
    assert_true(fido_logged("fault=expired"));
    assert_false(credential_has(rig.core.dir, person("olga")->id));
    key.fmt = "packed";
    assert_int_equal(fido_key_challenge(olga, id, challenge), HUFU_OK);
    soft_attest(&key, challenge, &shown);
    assert_int_equal(fido_enrol_shown(olga, id)->err, HUFU_OK);
}

static void test_C21_enrolment_of_many_at_once_succeeds_once(void **state)
{
    char id[FIDO_ID_TEXT], challenge[FIDO_CHALLENGE_TEXT + 1];
    struct fido_crowd crowd;
    struct buf b;

    (void)state;
    assert_int_equal(fido_ceremony("enrol-key", "olga", id), HUFU_OK);
    assert_int_equal(fido_key_challenge(olga, id, challenge), HUFU_OK);
    soft_attest(&key, challenge, &shown);
    buf_init(&b, 65536);
    fido_put_enrol(&b, id);
    crowd = fido_at_once(olga, VERB_KEY_ENROL, &b, 32);
    assert_int_equal(crowd.answered, 32);
    assert_int_equal(crowd.won, 1);
}

/* One log-in that must fail, and what the log says of it. */
static void refused(const char *user, const char *fault)
{
    const struct rig_reply *r = fido_login_shown(user);

    assert_int_equal(r->err, HUFU_UNAUTHENTICATED);
    assert_int_equal(r->body_len, 0);
    assert_int_equal(r->where.tag, MSG_NONE);
    if (!fido_logged(fault))
        fail_msg("%s", fault);
}

static void test_C21_login_refusals_are_one_answer_and_many_entries(void **state)
{
    static const struct {
        const char *fault, *rp_id, *origin, *type, *tail;
        uint8_t flags;
    } cases[] = {
        { "fault=type", NULL, NULL, "webauthn.create", NULL, 5 },
        { "fault=origin", NULL, "https://vault.test", NULL, NULL, 5 },
        { "fault=cross-origin", NULL, NULL, NULL, ",\"crossOrigin\":true}", 5 },
        { "fault=form", NULL, NULL, NULL, ",\"crossOrigin\":false]", 5 },
        { "fault=rp-id", "test", NULL, NULL, NULL, 5 },
        { "fault=presence", NULL, NULL, NULL, NULL, 4 },
        { "fault=verification", NULL, NULL, NULL, NULL, 1 },
    };
    char challenge[FIDO_CHALLENGE_TEXT + 1];

    (void)state;
    assert_int_equal(fido_enrol(olga, "olga", &key), HUFU_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        soft_reset(&key);
        key.flags = cases[i].flags;
        key.type = cases[i].type;
        if (cases[i].rp_id != NULL)
            key.rp_id = cases[i].rp_id;
        if (cases[i].origin != NULL)
            key.origin = cases[i].origin;
        if (cases[i].tail != NULL)
            key.tail = cases[i].tail;
        fido_challenge("olga", challenge);
        soft_assert(&key, challenge, &shown);
        refused("olga", cases[i].fault);
    }
    soft_reset(&key);
    key.wrong_signature = true;
    fido_challenge("olga", challenge);
    soft_assert(&key, challenge, &shown);
    refused("olga", "fault=signature");
    soft_reset(&key);
    assert_int_equal(fido_login("olga", &key)->err, HUFU_OK);
}

static void test_C21_challenges_are_ours_hers_fresh_and_good_once(void **state)
{
    char challenge[FIDO_CHALLENGE_TEXT + 1], session[FIDO_CHALLENGE_TEXT + 1];
    struct buf b;

    (void)state;
    assert_int_equal(fido_enrol(olga, "olga", &key), HUFU_OK);
    fido_challenge("omar", challenge);
    soft_assert(&key, challenge, &shown);
    refused("olga", "fault=foreign");
    buf_init(&b, 16);
    assert_int_equal(fido_step_challenge(olga, &b, session)->err, HUFU_OK);
    soft_assert(&key, session, &shown);
    refused("olga", "fault=foreign"); /* of a session: no log-in */
    fido_challenge("olga", challenge);
    challenge[5] = challenge[5] == 'A' ? 'B' : 'A';
    soft_assert(&key, challenge, &shown);
    refused("olga", "fault=forged");
    fido_challenge("olga", challenge);
    rig_tick(&rig, 120000);
    soft_assert(&key, challenge, &shown);
    refused("olga", "fault=expired");
    fido_challenge("olga", challenge);
    rig_tick(&rig, 60000);
    soft_assert(&key, challenge, &shown);
    assert_int_equal(fido_login_shown("olga")->err, HUFU_OK);
    refused("olga", "fault=used"); /* the same bytes */
    fido_challenge("olga", challenge);
    soft_assert(&key, challenge, &shown);
    assert_int_equal(fido_login_shown("olga")->err, HUFU_OK);
    soft_assert(&key, challenge, &shown); /* signed anew */
    assert_int_equal(fido_login_shown("olga")->err, HUFU_UNAUTHENTICATED);
}

static void test_C21_keys_are_of_one_person(void **state)
{
    char omar[MSG_SESSION_LEN + 1], challenge[FIDO_CHALLENGE_TEXT + 1];

    (void)state;
    rig_login(&rig, "omar", omar);
    assert_int_equal(fido_enrol(olga, "olga", &key), HUFU_OK);
    assert_int_equal(fido_enrol(omar, "omar", &other), HUFU_OK);
    fido_challenge("olga", challenge);
    soft_assert(&other, challenge, &shown);
    refused("olga", "fault=credential");
    memcpy(shown.id.p, key.id, key.id_len); /* hers by name, his by signature */
    refused("olga", "fault=signature");
    assert_int_equal(fido_login("omar", &other)->err, HUFU_OK);
    assert_int_equal(fido_login("nobody", &other)->err, HUFU_UNAUTHENTICATED);
}

static void test_C21_many_log_ins_at_once_with_one_challenge_succeed_once(void **state)
{
    char challenge[FIDO_CHALLENGE_TEXT + 1];
    struct fido_crowd crowd;
    struct buf b;

    (void)state;
    assert_int_equal(fido_enrol(olga, "olga", &key), HUFU_OK);
    fido_challenge("olga", challenge);
    soft_assert(&key, challenge, &shown);
    buf_init(&b, 65536);
    fido_put_names(&b, "olga");
    fido_put_shown(&b);
    crowd = fido_at_once(NULL, VERB_LOGIN, &b, 16); /* so many wait for the password thread */
    assert_int_equal(crowd.answered, 16);
    assert_int_equal(crowd.won, 1);
    assert_int_equal(crowd.refused, 15);
}

static void test_C21_a_counter_that_goes_back_ends_the_key(void **state)
{
    struct credential found[CREDENTIAL_KEYS_MAX];

    (void)state;
    assert_int_equal(fido_enrol(olga, "olga", &key), HUFU_OK);
    assert_int_equal(fido_login("olga", &key)->err, HUFU_OK);
    key.count -= 1; /* the copy signs with the number that was used */
    assert_int_equal(fido_login("olga", &key)->err, HUFU_UNAUTHENTICATED);
    assert_int_equal(credential_list(rig.core.dir, person("olga")->id, found), 1);
    assert_int_equal(found[0].state, CREDENTIAL_DISABLED);
    assert_false(credential_has(rig.core.dir, person("olga")->id));
    assert_int_equal(directory_kept_count(rig.core.dir, TABLE_ALARM), 1);
    assert_int_equal(person("olga")->state, ROW_FROZEN);
    assert_true(fido_logged("fault=counter"));
    key.count += 10;
    assert_int_equal(fido_login("olga", &key)->err, HUFU_UNAUTHENTICATED);
}

static void test_C21_a_key_that_does_not_count_is_fine(void **state)
{
    (void)state;
    key.step = 0;
    assert_int_equal(fido_enrol(olga, "olga", &key), HUFU_OK);
    assert_int_equal(fido_login("olga", &key)->err, HUFU_OK);
    assert_int_equal(fido_login("olga", &key)->err, HUFU_OK);
    key.step = 1; /* it begins to */
    assert_int_equal(fido_login("olga", &key)->err, HUFU_OK);
    key.step = 0;
    key.count = 0; /* and a copy does not */
    assert_int_equal(fido_login("olga", &key)->err, HUFU_UNAUTHENTICATED);
    assert_false(credential_has(rig.core.dir, person("olga")->id));
}

static void test_C21_recovery_codes_are_good_once_each(void **state)
{
    char small[32], plain[32];
    size_t n = 0;

    (void)state;
    assert_int_equal(fido_enrol(olga, "olga", &key), HUFU_OK);
    assert_int_equal(fido_login_code("omar", codes[0])->err, HUFU_UNAUTHENTICATED);
    assert_int_equal(fido_login_code("nobody", codes[0])->err, HUFU_UNAUTHENTICATED);
    assert_int_equal(fido_login_code("olga", "AAAA-AAAA-AAAA-AAAA")->err, HUFU_UNAUTHENTICATED);
    rig_tick(&rig, 2000);
    assert_int_equal(fido_login_code("olga", codes[3])->err, HUFU_OK);
    assert_int_equal(fido_login_code("olga", codes[3])->err, HUFU_UNAUTHENTICATED);
    for (size_t i = 0; i <= strlen(codes[5]); i++) { /* as people type */
        char c = codes[5][i];

        small[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        if (c != '-')
            plain[n++] = c;
    }
    plain[n - 2] ^= 1;
    rig_tick(&rig, 2000);
    assert_int_equal(fido_login_code("olga", plain)->err, HUFU_UNAUTHENTICATED);
    rig_tick(&rig, 2000);
    assert_int_equal(fido_login_code("olga", small)->err, HUFU_OK);
    assert_true(fido_logged("factor=recovery left=6"));
    assert_int_equal(directory_kept_count(rig.core.dir, TABLE_ALARM), 1); /* one a day */
    for (size_t i = 0; i < FIDO_CODES; i++)
        if (i != 3 && i != 5)
            assert_int_equal(fido_login_code("olga", codes[i])->err, HUFU_OK);
    for (size_t i = 0; i < FIDO_CODES; i++) {
        rig_tick(&rig, 2000);
        assert_int_equal(fido_login_code("olga", codes[i])->err, HUFU_UNAUTHENTICATED);
    }
}

static void test_C21_new_codes_end_the_old_ones(void **state)
{
    char old[32];

    (void)state;
    assert_int_equal(fido_enrol(olga, "olga", &key), HUFU_OK);
    memcpy(old, codes[0], sizeof(old));
    assert_int_equal(fido_enrol(olga, "olga", &other), HUFU_OK);
    assert_int_equal(fido_login_code("olga", old)->err, HUFU_UNAUTHENTICATED);
    assert_int_equal(fido_login_code("olga", codes[0])->err, HUFU_OK);
}

static void test_C21_where_keys_are_the_rule_a_code_opens_for_who_has_none(void **state)
{
    char omar[MSG_SESSION_LEN + 1];
    struct buf b;

    (void)state;
    assert_int_equal(fido_enrol(olga, "olga", &key), HUFU_OK);
    rig_tick(&rig, 30000);
    rig_login(&rig, "omar", omar);
    buf_init(&b, 1024);
    rig_put_login(&b, "olga", rig.clock.now / 30000);
    assert_int_equal(fido_call(NULL, VERB_LOGIN, &b)->err, HUFU_UNAUTHENTICATED);
    rig_tick(&rig, 2000);
    assert_int_equal(fido_login("olga", &key)->err, HUFU_OK);
    assert_int_equal(fido_login_code("olga", codes[1])->err, HUFU_OK);
}

static void test_C21_any_factor_unless_keys_are_the_rule(void **state)
{
    (void)state;
    assert_int_equal(fido_enrol(olga, "olga", &key), HUFU_OK);
    rig_tick(&rig, 30000);
    rig_login(&rig, "olga", olga);
    assert_int_equal(fido_login("olga", &key)->err, HUFU_OK);
}

static void test_C40_a_factor_reset_takes_keys_and_codes(void **state)
{
    char id[FIDO_ID_TEXT];

    (void)state;
    assert_int_equal(fido_enrol(olga, "olga", &key), HUFU_OK);
    assert_int_equal(fido_enrol(olga, "olga", &other), HUFU_OK);
    assert_int_equal(directory_kept_count(rig.core.dir, TABLE_CREDENTIAL), 3);
    assert_int_equal(fido_ceremony("reset-factor", "olga", id), HUFU_OK);
    assert_int_equal(directory_kept_count(rig.core.dir, TABLE_CREDENTIAL), 0);
    assert_int_equal(fido_login("olga", &key)->err, HUFU_UNAUTHENTICATED);
    assert_int_equal(fido_login_code("olga", codes[0])->err, HUFU_UNAUTHENTICATED);
}

static void test_C21_one_factor_and_all_of_it(void **state)
{
    static const enum msg_tag parts[] = { MSG_CREDENTIAL, MSG_CLIENT_DATA, MSG_AUTH_DATA,
                                          MSG_SIGNATURE };
    struct buf b;

    (void)state;
    for (unsigned set = 0; set < 15; set++) { /* all four are an assertion */
        buf_init(&b, 4096);
        fido_put_names(&b, "olga");
        for (size_t i = 0; i < 4; i++)
            if ((set & 1u << i) != 0)
                msg_put_text(&b, parts[i], view_str("QUJD"));
        assert_int_equal(fido_call(NULL, VERB_LOGIN, &b)->err, HUFU_BAD_REQUEST);
    }
    buf_init(&b, 4096);
    fido_put_names(&b, "olga");
    msg_put_text(&b, MSG_OTP, view_str("123456"));
    msg_put_text(&b, MSG_RECOVERY_CODE, view_str("AAAA"));
    assert_int_equal(fido_call(NULL, VERB_LOGIN, &b)->err, HUFU_BAD_REQUEST);
}

/* The reply for a name, but for the challenge and its time. */
static void list_of(const char *user, char *out, size_t out_len)
{
    const struct rig_reply *r;
    const char *at;
    struct buf b;

    buf_init(&b, 128);
    msg_put_text(&b, MSG_USER, view_str(user));
    r = fido_call(NULL, VERB_CHALLENGE, &b);
    assert_int_equal(r->err, HUFU_OK);
    at = strstr(r->body, "\"credentials\":[");
    assert_non_null(at);
    assert_true(strlen(at) < out_len);
    snprintf(out, out_len, "%.*s", (int)strcspn(at, "]"), at);
}

static size_t count_of(const char *text, char c)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += *text == c;
    return n;
}

static void test_C04_challenges_do_not_tell_who_has_a_key(void **state)
{
    char before[1024], with[1024], nobody[1024], again[1024];

    (void)state;
    list_of("olga", before, sizeof(before));
    list_of("nobody-7", nobody, sizeof(nobody));
    assert_int_equal(strlen(before), strlen(nobody)); /* the same shape … */
    assert_int_equal(count_of(nobody, ','), CREDENTIAL_KEYS_MAX - 1);
    assert_string_not_equal(before, nobody);
    list_of("nobody-7", again, sizeof(again)); /* … and steady */
    assert_string_equal(nobody, again);
    assert_int_equal(fido_enrol(olga, "olga", &key), HUFU_OK);
    list_of("olga", with, sizeof(with));
    assert_int_equal(strlen(with), strlen(nobody));
    assert_int_equal(count_of(with, ','), CREDENTIAL_KEYS_MAX - 1);
}

static void test_C21_no_keys_without_the_setting(void **state)
{
    char id[FIDO_ID_TEXT], challenge[FIDO_CHALLENGE_TEXT + 1];
    struct buf b;

    (void)state;
    assert_int_equal(fido_enrol(olga, "olga", &key), HUFU_OK);
    fido_challenge("olga", challenge);
    assert_int_equal(fido_ceremony("enrol-key", "olga", id), HUFU_OK);
    rig_set(&rig, "fido.rp_id=");
    soft_assert(&key, challenge, &shown);
    assert_int_equal(fido_login_shown("olga")->err, HUFU_UNAUTHENTICATED);
    buf_init(&b, 128);
    msg_put_text(&b, MSG_USER, view_str("olga"));
    assert_int_equal(fido_call(NULL, VERB_CHALLENGE, &b)->err, HUFU_NOT_FOUND);
    buf_init(&b, 16);
    assert_int_equal(fido_call(olga, VERB_STEP_UP_CHALLENGE, &b)->err, HUFU_NOT_FOUND);
    assert_int_equal(fido_key_challenge(olga, id, challenge), HUFU_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C21_a_key_is_enrolled_by_three_and_opens),
        TEST(test_C21_enrolment_takes_two_administrators_and_the_person),
        TEST(test_C21_one_ceremony_is_one_key),
        TEST(test_C21_four_keys_are_enough),
        TEST(test_C21_enrolment_refusals),
        TEST(test_C21_enrolment_of_many_at_once_succeeds_once),
        TEST(test_C21_login_refusals_are_one_answer_and_many_entries),
        TEST(test_C21_challenges_are_ours_hers_fresh_and_good_once),
        TEST(test_C21_keys_are_of_one_person),
        TEST(test_C21_many_log_ins_at_once_with_one_challenge_succeed_once),
        TEST(test_C21_a_counter_that_goes_back_ends_the_key),
        TEST(test_C21_a_key_that_does_not_count_is_fine),
        TEST(test_C21_recovery_codes_are_good_once_each),
        TEST(test_C21_new_codes_end_the_old_ones),
        cmocka_unit_test_setup_teardown(
            test_C21_where_keys_are_the_rule_a_code_opens_for_who_has_none, setup_keys_only,
            teardown),
        TEST(test_C21_any_factor_unless_keys_are_the_rule),
        TEST(test_C40_a_factor_reset_takes_keys_and_codes),
        TEST(test_C21_one_factor_and_all_of_it),
        TEST(test_C04_challenges_do_not_tell_who_has_a_key),
        TEST(test_C21_no_keys_without_the_setting),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
