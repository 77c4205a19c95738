/* A second data type of one subject in one session takes a step-up or a grant (control C29). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/reveal_calls.h"
#include "tests/core_suite.h"
#include "vault/escalation.h"

#define CARD  "4111111111111111"
#define OTHER "5500000000000004"
#define ID    "11010519491231002X"
#define IBAN  "DE89370400440532013000"
#define S1    "customer-1"
#define S2    "customer-2"

typedef char token_text[LIFE_TOKEN_MAX];

static char olga[MSG_SESSION_LEN + 1], sara[MSG_SESSION_LEN + 1];

/* The rig's domain of cards, and a partner who may send more than those. */
static const char domains[] =
    "[user anna]\nrole = approver\npassword = correct-horse-a.nna\n"
    "totp_secret = GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n"
    "[domain cards]\nformat = pan\nmode = deterministic\npartners = acme\n"
    "purposes = refund,dispute\nkeep_prefix = 6\nkeep_suffix = 4\nbatch_detokenize = 10\n"
    "[partner acme]\n"
    "pin = a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\n"
    "formats = pan,cn-id,iban\ndomains = cards,cards-step,ids-step,ids-grant,ibans-step\n";

static void put_list(struct buf *b, enum msg_tag tag, const char *only)
{
    uint8_t mem[64];
    struct buf list;

    buf_fixed(&list, mem, sizeof(mem));
    buf_lv32(&list, (const uint8_t *)only, strlen(only));
    msg_put_text(b, tag, buf_view(&list));
}

static void add_domain(const char *name, const char *format, const char *policy)
{
    struct rig_who who = { .session = sara };
    struct buf b;

    buf_init(&b, 1024);
    msg_put_text(&b, MSG_NAME, view_str(name));
    msg_put_text(&b, MSG_FORMAT, view_str(format));
    msg_put_text(&b, MSG_MODE, view_str("deterministic"));
    put_list(&b, MSG_PARTNERS, "acme");
    put_list(&b, MSG_PURPOSES, "refund");
    msg_put_u64(&b, MSG_BATCH_DETOKENIZE, REVEAL_BATCH);
    msg_put_text(&b, MSG_ESCALATION, view_str(policy));
    assert_int_equal(rig_call(&rig, VERB_DOMAIN_ADD, &who, buf_view(&b))->err, HUFU_OK);
    buf_done(&b);
}

static int setup(void **state)
{
    struct buf text;

    (void)state;
    fake_hsm_init(&hsm);
    rig_init(&rig, &hsm);
    rig_set(&rig, "limit.reveals_per_minute=1000000000");
    rig_set(&rig, "limit.reveals_per_factor=1000000000");
    RIG_CHECK(rig_open(&rig) == HUFU_OK);
    buf_init(&text, 65536);
    rig_init_text(&text);
    text.len -= strlen(rig_domains);
    buf_str(&text, domains);
    RIG_CHECK(setup_vault(&rig.keeper, buf_view(&text)) == HUFU_OK);
    buf_done(&text);
    RIG_CHECK(rig_restart(&rig));
    rig_login(&rig, "sara", sara);
    add_domain("cards-step", "pan", "step-up");
    add_domain("ids-step", "cn-id", "step-up");
    add_domain("ids-grant", "cn-id", "grant");
    add_domain("ibans-step", "iban", "step-up");
    rig_login(&rig, "olga", olga);
    return 0;
}

static void token_of(const char *domain, const char *value, const char *subject, token_text out)
{
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    msg_put_text(&b, MSG_DOMAIN, view_str(domain));
    msg_put_text(&b, MSG_VALUE, view_str(value));
    if (subject != NULL)
        msg_put_text(&b, MSG_SUBJECT, view_str(subject));
    r = rig_call(&rig, VERB_TOKENIZE, &reveal_acme, buf_view(&b));
    buf_done(&b);
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "token", out, LIFE_TOKEN_MAX));
}

static enum hufu_err see_by(const char *session, const char *domain, const token_text token)
{
    token_text one;

    memcpy(one, token, sizeof(one));
    return reveal_for(&rig, session, domain, "refund", (const token_text *)&one, 1)->err;
}

static enum hufu_err see(const char *domain, const token_text token)
{
    return see_by(olga, domain, token);
}

static void test_C29_a_second_type_takes_a_step_up(void **state)
{
    struct life_lines found;
    token_text card, id;
    uint64_t from;

    (void)state;
    token_of("cards", CARD, S1, card);
    token_of("ids-step", ID, S1, id);
    assert_int_equal(see("cards", card), HUFU_OK);
    from = life_log_size(&rig);
    assert_int_equal(see("ids-step", id), HUFU_STEP_UP); /* the factor is fresh, and too old */
    assert_int_equal(life_find_lines(&rig, &found, from, "\"verb\":\"detokenize\"",
                                     "\"result\":\"step_up_required\"", "\"token_id\":\""),
                     1);
    assert_int_equal(see("cards", card), HUFU_OK);
    reveal_step_up(&rig, "olga", olga);
    assert_int_equal(see("ids-step", id), HUFU_OK);
    rig_tick(&rig, 1000);
    assert_int_equal(see("ids-step", id), HUFU_OK); /* both have been seen now */
    assert_int_equal(see("cards", card), HUFU_OK);
    assert_int_equal(reveal_rows(&rig, TABLE_TRAIL), 1);
}

/* What was seen after the step-up needs one after it. */
static void test_C29_the_factor_must_come_last(void **state)
{
    token_text card, id, iban;

    (void)state;
    token_of("cards", CARD, S1, card);
    token_of("ids-step", ID, S1, id);
    token_of("ibans-step", IBAN, S1, iban);
    assert_int_equal(see("cards", card), HUFU_OK);
    reveal_step_up(&rig, "olga", olga);
    assert_int_equal(see("cards", card), HUFU_OK);
    assert_int_equal(see("ids-step", id), HUFU_STEP_UP);
    reveal_step_up(&rig, "olga", olga);
    assert_int_equal(see("ids-step", id), HUFU_OK);
    assert_int_equal(see("ibans-step", iban), HUFU_STEP_UP); /* a third type: once more */
    reveal_step_up(&rig, "olga", olga);
    assert_int_equal(see("ibans-step", iban), HUFU_OK);
}

static void test_C29_what_is_no_second_type(void **state)
{
    token_text card, more, other, none, id;
    char second[MSG_SESSION_LEN + 1];

    (void)state;
    token_of("cards", CARD, S1, card);
    token_of("cards-step", OTHER, S1, more);
    token_of("ids-step", ID, S2, other);
    assert_int_equal(see("cards", card), HUFU_OK);
    assert_int_equal(see("cards-step", more), HUFU_OK); /* one type, two domains */
    assert_int_equal(see("ids-step", other), HUFU_OK);  /* somebody else */
    assert_int_equal(reveal_rows(&rig, TABLE_TRAIL), 2);
    token_of("ids-grant", ID, S1, id);
    assert_int_equal(see("ids-grant", id), HUFU_GRANT_REQUIRED);
    rig_login(&rig, "omar", second);
    assert_int_equal(see_by(second, "ids-grant", id), HUFU_OK); /* somebody else's session */
    token_of("cards", "4000000000000002", NULL, none);
    assert_int_equal(see("cards", none), HUFU_OK); /* no subject, no trail */
    assert_int_equal(reveal_rows(&rig, TABLE_TRAIL), 3);
}

/* The domain that is asked has the say, not the one before. */
static void test_C29_the_domain_that_is_asked_decides(void **state)
{
    token_text card, id;

    (void)state;
    token_of("cards", CARD, S1, card);
    token_of("ids-step", ID, S1, id);
    assert_int_equal(see("ids-step", id), HUFU_OK);
    assert_int_equal(see("cards", card), HUFU_OK);
}

static void test_C29_a_trail_survives_a_crash(void **state)
{
    token_text card, id;

    (void)state;
    token_of("cards", CARD, S1, card);
    token_of("ids-step", ID, S1, id);
    assert_int_equal(see("cards", card), HUFU_OK);
    assert_true(rig_restart(&rig));
    assert_int_equal(see("ids-step", id), HUFU_STEP_UP);
}

static void test_C29_each_of_a_batch_is_judged(void **state)
{
    token_text card, list[4];
    const struct rig_reply *r;

    (void)state;
    token_of("cards", CARD, S1, card);
    token_of("ids-step", ID, S1, list[0]);
    token_of("ids-step", "440524198001010013", S2, list[1]);
    token_of("ids-step", "110101199003070011", S2, list[2]);
    memcpy(list[3], list[0], sizeof(list[3]));
    assert_int_equal(see("cards", card), HUFU_OK);
    r = reveal_for(&rig, olga, "ids-step", "refund", (const token_text *)list, 4);
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(strstr(r->body, "\"results\":[{\"error\":{\"code\":\"step_up_required\""));
    assert_non_null(strstr(r->body, "{\"value\":\"440524198001010013\"},"
                                    "{\"value\":\"110101199003070011\"},{\"error\""));
    assert_int_equal(reveal_rows(&rig, TABLE_TRAIL), 2); /* one for two items */
    reveal_step_up(&rig, "olga", olga);
    r = reveal_for(&rig, olga, "ids-step", "refund", (const token_text *)list, 4);
    assert_null(strstr(r->body, "error"));
}

/* Two types at once by many: whichever comes first, the other is the second. */
static void test_C29_two_types_at_once_by_32(void **state)
{
    struct reveal_tally t = { 0 };
    token_text id, iban;

    (void)state;
    token_of("ids-step", ID, S1, id);
    token_of("ibans-step", IBAN, S1, iban);
    for (int i = 0; i < 16; i++) {
        (void)reveal_submit(&rig, olga, "ids-step", id);
        (void)reveal_submit(&rig, olga, "ibans-step", iban);
    }
    reveal_run(&rig, &t, 32);
    assert_int_equal(t.of[HUFU_OK], 16);
    assert_int_equal(t.of[HUFU_STEP_UP], 16);
    assert_int_equal(reveal_rows(&rig, TABLE_TRAIL), 1);
}

/* ---- by a grant ---- */

static void anna_comes(char session[static MSG_SESSION_LEN + 1])
{
    static const char seed[] = "12345678901234567890"; /* RFC 6238 appendix B */
    static const struct rig_who nobody = { 0 };
    uint64_t step = rig.clock.now / 30000;
    uint8_t mac[20], counter[8];
    const struct rig_reply *r;
    unsigned len = sizeof(mac);
    char code[7];
    struct buf b;
    uint32_t n;

    for (int i = 0; i < 8; i++)
        counter[i] = (uint8_t)(step >> (56 - 8 * i));
    assert_non_null(HMAC(EVP_sha1(), seed, 20, counter, 8, mac, &len));
    n = (uint32_t)(mac[mac[19] & 15] & 127) << 24 | (uint32_t)mac[(mac[19] & 15) + 1] << 16 |
        (uint32_t)mac[(mac[19] & 15) + 2] << 8 | mac[(mac[19] & 15) + 3];
    snprintf(code, sizeof(code), "%06u", n % 1000000);
    buf_init(&b, 256);
    msg_put_text(&b, MSG_USER, view_str("anna"));
    msg_put_text(&b, MSG_PASSWORD, view_str("correct-horse-a.nna"));
    msg_put_text(&b, MSG_OTP, view_str(code));
    r = rig_call(&rig, VERB_LOGIN, &nobody, buf_view(&b));
    buf_done(&b);
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "session", session, MSG_SESSION_LEN + 1));
}

/* One that olga asked for and anna granted: two values of a domain. */
static void grant(const char *domain, char id[static ID_TEXT_LEN + 1])
{
    char anna[MSG_SESSION_LEN + 1];
    struct rig_who who = { .session = olga };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 256);
    msg_put_text(&b, MSG_DOMAIN, view_str(domain));
    msg_put_u64(&b, MSG_EXPIRES_IN, 3600);
    msg_put_text(&b, MSG_REASON, view_str("case 7"));
    msg_put_text(&b, MSG_PURPOSE, view_str("refund"));
    msg_put_u64(&b, MSG_COUNT, 2);
    r = rig_call(&rig, VERB_GRANT_ASK, &who, buf_view(&b));
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "id", id, ID_TEXT_LEN + 1));
    buf_reset(&b);
    anna_comes(anna);
    who.session = anna;
    msg_put_text(&b, MSG_ID, view_str(id));
    assert_int_equal(rig_call(&rig, VERB_GRANT_APPROVE, &who, buf_view(&b))->err, HUFU_OK);
    buf_done(&b);
}

static enum hufu_err see_granted(const char *domain, const char *token, const char *id)
{
    struct rig_who who = { .session = olga };
    enum hufu_err err;
    struct buf b;

    buf_init(&b, 512);
    msg_put_text(&b, MSG_DOMAIN, view_str(domain));
    msg_put_text(&b, MSG_TOKEN, view_str(token));
    msg_put_text(&b, MSG_REASON, view_str("case 7"));
    msg_put_text(&b, MSG_PURPOSE, view_str("refund"));
    msg_put_text(&b, MSG_GRANT, view_str(id));
    err = rig_call(&rig, VERB_DETOKENIZE, &who, buf_view(&b))->err;
    buf_done(&b);
    return err;
}

static void test_C24_C29_a_second_type_takes_a_grant(void **state)
{
    struct life_lines found;
    char id_text[ID_TEXT_LEN + 1];
    token_text card, id;

    (void)state;
    token_of("cards", CARD, S1, card);
    token_of("ids-grant", ID, S1, id);
    assert_int_equal(see("cards", card), HUFU_OK);
    reveal_step_up(&rig, "olga", olga);
    assert_int_equal(see("ids-grant", id), HUFU_GRANT_REQUIRED);
    grant("ids-grant", id_text);
    assert_int_equal(see_granted("ids-grant", id, id_text), HUFU_OK);
    assert_int_equal(life_find_lines(&rig, &found, 0, "\"verb\":\"grant-use\"", id_text, NULL), 1);
    assert_int_equal(see("ids-grant", id), HUFU_OK); /* its type has been seen */
    assert_int_equal(see_granted("ids-grant", id, id_text), HUFU_OK);
    assert_int_equal(see_granted("ids-grant", id, id_text), HUFU_GRANT_REQUIRED); /* used up */
}

/* A grant frees nobody from the limits, and what is refused uses nothing of it. */
static void test_C24_a_grant_has_all_limits(void **state)
{
    char id_text[ID_TEXT_LEN + 1];
    token_text id[2];

    (void)state;
    token_of("ids-grant", ID, NULL, id[0]);
    token_of("ids-grant", "440524198001010013", NULL, id[1]);
    grant("ids-grant", id_text);
    rig_crash(&rig);
    rig_set(&rig, "limit.reveals_per_factor=1");
    assert_int_equal(rig_open(&rig), HUFU_OK);
    assert_true(rig_unseal(&rig));
    assert_int_equal(see_granted("ids-grant", id[0], id_text), HUFU_OK);
    assert_int_equal(see_granted("ids-grant", id[1], id_text), HUFU_RATE_LIMITED);
    reveal_step_up(&rig, "olga", olga);
    assert_int_equal(see_granted("ids-grant", id[1], id_text), HUFU_OK);
    reveal_step_up(&rig, "olga", olga);
    assert_int_equal(see_granted("ids-grant", id[1], id_text), HUFU_GRANT_REQUIRED);
}

static void test_C24_a_grant_by_32_at_once(void **state)
{
    struct reveal_tally t = { 0 };
    char id_text[ID_TEXT_LEN + 1];
    struct rig_who who = { .session = olga };
    token_text id;
    struct buf b;

    (void)state;
    token_of("ids-grant", ID, NULL, id);
    grant("ids-grant", id_text);
    buf_init(&b, 512);
    msg_put_text(&b, MSG_DOMAIN, view_str("ids-grant"));
    msg_put_text(&b, MSG_TOKEN, view_str(id));
    msg_put_text(&b, MSG_REASON, view_str("case 7"));
    msg_put_text(&b, MSG_PURPOSE, view_str("refund"));
    msg_put_text(&b, MSG_GRANT, view_str(id_text));
    for (int i = 0; i < 32; i++)
        (void)rig_submit(&rig, VERB_DETOKENIZE, &who, buf_view(&b));
    buf_done(&b);
    reveal_run(&rig, &t, 32);
    assert_int_equal(t.of[HUFU_OK], 2); /* its count */
    assert_int_equal(t.of[HUFU_GRANT_REQUIRED], 30);
}

/* ---- the rows ---- */

static void sweep(void)
{
    rig_tick(&rig, 3600000);
    for (int i = 0; i < 60; i++) {
        (void)sweeper_step(&rig.sweeper);
        (void)store_journal_step(rig.core.store);
        rig_tick(&rig, 1000);
    }
}

static void test_escalation_rows_go_with_their_session(void **state)
{
    token_text card;

    (void)state;
    token_of("cards", CARD, S1, card);
    assert_int_equal(see("cards", card), HUFU_OK);
    sweep();
    assert_int_equal(reveal_rows(&rig, TABLE_TRAIL), 1);
    rig_tick(&rig, 8 * 3600000ULL);
    sweep();
    assert_int_equal(reveal_rows(&rig, TABLE_TRAIL), 0);
    assert_int_equal(reveal_rows(&rig, TABLE_SEEN), 1);
}

static void test_escalation_until_refuses_what_is_no_row(void **state)
{
    uint8_t row[ESCALATION_IMAGE_MAX + ESCALATION_TYPE_LEN] = { 5 };
    uint64_t until_ms = 0;

    (void)state;
    assert_int_equal(escalation_until(view_of(row, 17), &until_ms), HUFU_OK);
    assert_int_equal(until_ms, 5);
    until_ms = 7;
    for (size_t n = 0; n < 17; n++)
        assert_int_equal(escalation_until(view_of(row, n), &until_ms), HUFU_CORRUPT);
    assert_int_equal(escalation_until(view_of(row, 18), &until_ms), HUFU_CORRUPT);
    row[16] = ESCALATION_TYPES_MAX + 1;
    assert_int_equal(escalation_until(view_of(row, sizeof(row)), &until_ms), HUFU_CORRUPT);
    assert_int_equal(until_ms, 7);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, suite_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_C29_a_second_type_takes_a_step_up),
        TEST(test_C29_the_factor_must_come_last),
        TEST(test_C29_what_is_no_second_type),
        TEST(test_C29_the_domain_that_is_asked_decides),
        TEST(test_C29_a_trail_survives_a_crash),
        TEST(test_C29_each_of_a_batch_is_judged),
        TEST(test_C29_two_types_at_once_by_32),
        TEST(test_C24_C29_a_second_type_takes_a_grant),
        TEST(test_C24_a_grant_has_all_limits),
        TEST(test_C24_a_grant_by_32_at_once),
        TEST(test_escalation_rows_go_with_their_session),
        TEST(test_escalation_until_refuses_what_is_no_row),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
