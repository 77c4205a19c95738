/* Where a value comes from: who sees it, and domains that take nothing without a consent. And
 * tokens whose uses are counted. Controls C02, C03, C23. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "tests/life_calls.h"
#include "tests/core_suite.h"

#define PAN     "4111111111111111"
#define OTHER   "5500000000000004"
#define AT_ONCE 32

static const struct rig_who acme = { .partner = "acme" };
static const struct rig_who zeta = { .partner = "zeta" };

static int teardown(void **state)
{
    (void)state;
    rig.on_reply = NULL;
    rig_done(&rig);
    fake_hsm_done(&hsm);
    return 0;
}

/* Sends PAN with all that is recorded of it. */
static void send_with(const struct rig_who *who, const char *domain, const char *subject,
                      const char *consent, const char *channel, char token[static LIFE_TOKEN_MAX])
{
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    life_put(&b, domain, PAN, NULL, NULL);
    if (subject != NULL)
        msg_put_text(&b, MSG_SUBJECT, view_str(subject));
    if (consent != NULL)
        msg_put_text(&b, MSG_CONSENT, view_str(consent));
    if (channel != NULL)
        msg_put_text(&b, MSG_CHANNEL, view_str(channel));
    r = rig_call(&rig, VERB_TOKENIZE, who, buf_view(&b));
    buf_done(&b);
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "token", token, LIFE_TOKEN_MAX));
}

static const struct rig_reply *ask(const struct rig_who *who, const char *token)
{
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    life_put(&b, "cards", NULL, token, NULL);
    msg_put_bool(&b, MSG_PROVENANCE, true);
    r = rig_call(&rig, VERB_INSPECT, who, buf_view(&b));
    buf_done(&b);
    return r;
}

static const char *inspect(const struct rig_who *who, const char *token)
{
    const struct rig_reply *r = ask(who, token);

    assert_int_equal(r->err, HUFU_OK);
    return r->body;
}

static void logged_in(const char *user, char session[static MSG_SESSION_LEN + 1],
                      struct rig_who *out)
{
    rig_login(&rig, user, session);
    *out = (struct rig_who){ .session = session };
}

#define NOW "2026-09-21T14:13:20.000Z"

static void test_C02_provenance_for_its_sender_and_the_auditor(void **state)
{
    static const char want[] =
        "{\"created_at\":\"" NOW "\",\"expires_at\":null,\"provenance\":{\"changed_at\":\"" NOW
        "\",\"channel\":\"pos\",\"consent\":\"form-2\",\"created_at\":\"" NOW
        "\",\"partner\":\"acme\",\"request_id\":\"rig-1\",\"subject\":\"customer-1\"},"
        "\"state\":\"active\"}";
    char token[LIFE_TOKEN_MAX], session[MSG_SESSION_LEN + 1];
    struct rig_who aude, olga;

    (void)state;
    send_with(&acme, "cards", "customer-1", "form-2", "pos", token);
    assert_string_equal(inspect(&acme, token), want);
    logged_in("aude", session, &aude);
    assert_string_equal(inspect(&aude, token), want);
    logged_in("olga", session, &olga);
    assert_int_equal(ask(&olga, token)->err, HUFU_FORBIDDEN);
    assert_string_equal(life_call(&rig, VERB_INSPECT, &olga, "cards", NULL, token, NULL)->body,
                        "{\"created_at\":\"" NOW
                        "\",\"expires_at\":null,\"masked\":\"411111******1111\","
                        "\"state\":\"active\"}");
    assert_string_equal(life_call(&rig, VERB_INSPECT, &acme, "cards", NULL, token, NULL)->body,
                        "{\"created_at\":\"" NOW "\",\"expires_at\":null,\"state\":\"active\"}");
}

static void test_C02_a_second_sender_learns_nothing_of_the_first(void **state)
{
    char token[LIFE_TOKEN_MAX], same[LIFE_TOKEN_MAX];

    (void)state;
    send_with(&acme, "cards", "customer-1", "form-2", "pos", token);
    send_with(&zeta, "cards", "customer-9", "form-9", "web", same);
    assert_string_equal(same, token);
    assert_string_equal(inspect(&zeta, token),
                        "{\"created_at\":\"" NOW "\",\"expires_at\":null,\"provenance\":{"
                        "\"changed_at\":\"" NOW "\",\"created_at\":\"" NOW
                        "\",\"partner\":\"zeta\"},\"state\":\"active\"}");
    assert_non_null(strstr(inspect(&acme, token), "\"subject\":\"customer-1\""));
}

static void test_C02_absent_facts_are_left_out_and_a_change_shows(void **state)
{
    char token[LIFE_TOKEN_MAX];

    (void)state;
    send_with(&acme, "cards", NULL, "form-2", "pos", token);
    rig_tick(&rig, 1000);
    assert_int_equal(
        life_call(&rig, VERB_REPLACE, &acme, "cards", "4111112222231111", token, "reissued")->err,
        HUFU_OK);
    /* whose value it is stays; the channel was the old value's */
    assert_string_equal(inspect(&acme, token),
                        "{\"created_at\":\"" NOW "\",\"expires_at\":null,\"provenance\":{"
                        "\"changed_at\":\"2026-09-21T14:13:21.000Z\",\"consent\":\"form-2\","
                        "\"created_at\":\"" NOW "\",\"partner\":\"acme\","
                        "\"request_id\":\"rig-1\"},\"state\":\"active\"}");
}

/* What is deleted has no subject any more, for anybody: nor a consent, which leads to one. */
static void test_C55_of_what_is_deleted_nobody_is_told_whose_it_was(void **state)
{
    char token[LIFE_TOKEN_MAX], session[MSG_SESSION_LEN + 1];
    struct rig_who aude;

    (void)state;
    send_with(&acme, "cards", "customer-1", "form-2", "pos", token);
    logged_in("aude", session, &aude);
    assert_int_equal(life_call(&rig, VERB_DELETE, &acme, "cards", NULL, token, "asked for")->err,
                     HUFU_OK);
    for (size_t i = 0; i < 2; i++)
        assert_string_equal(inspect(i == 0 ? &acme : &aude, token),
                            "{\"created_at\":\"" NOW "\",\"expires_at\":null,\"provenance\":{"
                            "\"changed_at\":\"" NOW "\",\"channel\":\"pos\",\"created_at\":\"" NOW
                            "\",\"partner\":\"acme\",\"request_id\":\"rig-1\"},"
                            "\"state\":\"deleted\"}");
}

static void put_list(struct buf *b, enum msg_tag tag, const char *text)
{
    struct buf list;

    buf_init(&list, 128);
    buf_lv32(&list, text, strlen(text));
    msg_put_text(b, tag, buf_view(&list));
    buf_done(&list);
}

static const struct rig_reply *add_domain(bool consent)
{
    char session[MSG_SESSION_LEN + 1];
    const struct rig_reply *r;
    struct rig_who sara;
    struct buf b;

    logged_in("sara", session, &sara);
    buf_init(&b, 1024);
    msg_put_text(&b, MSG_NAME, view_str("extra-0"));
    msg_put_text(&b, MSG_FORMAT, view_str("pan"));
    msg_put_text(&b, MSG_MODE, view_str("deterministic"));
    put_list(&b, MSG_PARTNERS, "acme");
    put_list(&b, MSG_PURPOSES, "refund");
    if (consent)
        msg_put_bool(&b, MSG_CONSENT_REQUIRED, true);
    r = rig_call(&rig, VERB_DOMAIN_ADD, &sara, buf_view(&b));
    buf_done(&b);
    return r;
}

static void put_item(struct buf *list, const char *value, const char *consent)
{
    struct buf item;

    buf_init(&item, 256);
    msg_put_text(&item, MSG_VALUE, view_str(value));
    if (consent != NULL)
        msg_put_text(&item, MSG_CONSENT, view_str(consent));
    buf_lv32(list, item.p, item.len);
    buf_done(&item);
}

static void test_C03_no_value_without_a_consent(void **state)
{
    const struct rig_reply *r = add_domain(true);
    char token[LIFE_TOKEN_MAX];
    struct buf b, list;

    (void)state;
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(strstr(r->body, "\"consent_required\":true"));
    assert_true(rig_restart(&rig));
    r = rig_tokenize(&rig, &acme, "extra-0", PAN);
    assert_int_equal(r->err, HUFU_BAD_REQUEST);
    assert_int_equal(r->where.tag, MSG_CONSENT);
    assert_int_equal(rig_tokenize(&rig, &zeta, "extra-0", PAN)->err, HUFU_FORBIDDEN);
    send_with(&acme, "extra-0", NULL, "form-2", NULL, token);
    assert_int_equal(rig_tokenize(&rig, &acme, "extra-0", PAN)->err, HUFU_BAD_REQUEST);
    buf_init(&list, 1024);
    put_item(&list, PAN, NULL);
    put_item(&list, PAN, "form-3");
    buf_init(&b, 1024);
    msg_put_text(&b, MSG_DOMAIN, view_str("extra-0"));
    msg_put_text(&b, MSG_VALUES, buf_view(&list));
    r = rig_call(&rig, VERB_TOKENIZE, &acme, buf_view(&b));
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(strstr(r->body, "{\"results\":[{\"error\":{\"code\":\"bad_request\""));
    assert_non_null(strstr(r->body, token));
    /* a reissued card: the consent of before stands for it */
    assert_int_equal(life_call(&rig, VERB_REPLACE, &acme, "extra-0", OTHER, token, "reissued")->err,
                     HUFU_OK);
    buf_done(&list);
    buf_done(&b);
}

static void test_C03_only_where_the_domain_asks_for_it(void **state)
{
    const struct rig_reply *r = add_domain(false);

    (void)state;
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(strstr(r->body, "\"consent_required\":false"));
    assert_int_equal(rig_tokenize(&rig, &acme, "extra-0", PAN)->err, HUFU_OK);
}

static struct {
    size_t good, refused, other;
} outcomes;

static void on_reply(void *arg, uint64_t id, const struct msg_reply *reply)
{
    (void)arg;
    (void)id;
    outcomes.good += reply->err == HUFU_OK;
    outcomes.refused += reply->err == HUFU_NOT_FOUND;
    outcomes.other += reply->err != HUFU_OK && reply->err != HUFU_NOT_FOUND;
}

/* All decide before any is committed; returns how many got the value. */
static size_t reveal_at_once(const char *domain, const char *token)
{
    char session[MSG_SESSION_LEN + 1];
    struct rig_who olga;
    struct buf b;

    rig_set(&rig, "limit.reveal_misses=1000000000"); /* most are in vain */
    rig_tick(&rig, 60000);
    logged_in("olga", session, &olga);
    buf_init(&b, 1024);
    msg_put_text(&b, MSG_DOMAIN, view_str(domain));
    msg_put_text(&b, MSG_TOKEN, view_str(token));
    msg_put_text(&b, MSG_REASON, view_str("case 7"));
    msg_put_text(&b, MSG_PURPOSE, view_str("refund"));
    memset(&outcomes, 0, sizeof(outcomes));
    rig.on_reply = on_reply;
    for (int i = 0; i < AT_ONCE; i++)
        (void)rig_submit(&rig, VERB_DETOKENIZE, &olga, buf_view(&b));
    for (int i = 0; i < AT_ONCE; i++)
        assert_true(worker_step(&rig.worker));
    for (int i = 0; i < RIG_STEPS_MAX && outcomes.good + outcomes.refused < AT_ONCE; i++)
        (void)rig_round(&rig);
    rig.on_reply = NULL;
    buf_done(&b);
    assert_int_equal(outcomes.good + outcomes.refused, AT_ONCE);
    assert_int_equal(outcomes.other, 0);
    return outcomes.good;
}

static void test_C23_a_one_time_token_gives_its_value_once(void **state)
{
    char token[LIFE_TOKEN_MAX];
    struct life_lines lines;

    (void)state;
    life_token(&rig, &acme, "once", PAN, 0, 0, token);
    assert_int_equal(reveal_at_once("once", token), 1);
    assert_int_equal(
        life_find_lines(&rig, &lines, 0, "\"verb\":\"detokenize\"", "\"result\":\"ok\"", NULL),
        1); /* one value, one entry of it */
    assert_true(rig_restart(&rig));
    assert_int_equal(reveal_at_once("once", token), 0);
}

static void test_C23_counted_uses_are_exact(void **state)
{
    char token[LIFE_TOKEN_MAX];

    (void)state;
    life_token(&rig, &acme, "once", PAN, 0, 3, token);
    assert_int_equal(reveal_at_once("once", token), 3);
    life_token(&rig, &acme, "cards", OTHER, 0, 5, token); /* not in one-time domains alone */
    assert_int_equal(reveal_at_once("cards", token), 5);
    assert_non_null(strstr(inspect(&acme, token), "\"state\":\"revoked\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_C55_of_what_is_deleted_nobody_is_told_whose_it_was,
                                        suite_setup, teardown),
        cmocka_unit_test_setup_teardown(test_C02_provenance_for_its_sender_and_the_auditor,
                                        suite_setup, teardown),
        cmocka_unit_test_setup_teardown(test_C02_a_second_sender_learns_nothing_of_the_first,
                                        suite_setup, teardown),
        cmocka_unit_test_setup_teardown(test_C02_absent_facts_are_left_out_and_a_change_shows,
                                        suite_setup, teardown),
        cmocka_unit_test_setup_teardown(test_C03_no_value_without_a_consent, suite_setup, teardown),
        cmocka_unit_test_setup_teardown(test_C03_only_where_the_domain_asks_for_it, suite_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_C23_a_one_time_token_gives_its_value_once, suite_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_C23_counted_uses_are_exact, suite_setup, teardown),
    };

    return cmocka_run_group_tests_name("provenance", tests, suite_heap, NULL);
}
