/* Card tokens inside a payment network: token_check = bin. Control C19. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "tests/life_calls.h"
#include "tests/luhn.h"
#include "tests/core_suite.h"

#define PAN       "4111111111111111"
#define OTHER     "5500000000000004"
#define IN_BINS   "9990501234567899" /* a right check, within BINS */
#define BINS      "999000-999099, 99912345"
#define REQUESTOR "40012345678"
#define NOW       "2026-09-21T14:13:20.000Z"

static const struct rig_who acme = { .partner = "acme" };

/* An open vault with the setting; "" for none. */
static void start_with(const char *bins)
{
    char setting[128];

    fake_hsm_init(&hsm);
    rig_init(&rig, &hsm);
    snprintf(setting, sizeof(setting), "token.bins=%s", bins);
    rig_set(&rig, setting);
    assert_int_equal(rig_open(&rig), HUFU_OK);
    assert_int_equal(rig_setup(&rig), HUFU_OK);
    assert_true(rig_restart(&rig));
}

static int setup_bins(void **state)
{
    (void)state;
    start_with(BINS);
    return 0;
}

static int setup_none(void **state)
{
    (void)state;
    start_with("");
    return 0;
}

struct ask { /* of a new domain; NULL and 0: left out */
    const char *name, *format, *mode, *token_check, *requestor, *channels[10];
    uint8_t keep[2];
    uint64_t assurance, expected;
    bool has_assurance;
};

static void put_list(struct buf *b, enum msg_tag tag, const char *const *texts)
{
    struct buf list;

    buf_init(&list, 1024);
    for (; *texts != NULL; texts++)
        buf_lv32(&list, *texts, strlen(*texts));
    msg_put_text(b, tag, buf_view(&list));
    buf_done(&list);
}

static const struct rig_reply *add(struct ask ask)
{
    static const char *const partners[] = { "acme", NULL }, *const purposes[] = { "refund", NULL };
    static char session[MSG_SESSION_LEN + 1];
    struct rig_who sara = { .session = session };
    const struct rig_reply *r;
    struct buf b;

    rig_tick(&rig, 60000);
    rig_login(&rig, "sara", session);
    buf_init(&b, 4096);
    msg_put_text(&b, MSG_NAME, view_str(ask.name != NULL ? ask.name : "extra-0"));
    msg_put_text(&b, MSG_FORMAT, view_str(ask.format != NULL ? ask.format : "pan"));
    msg_put_text(&b, MSG_MODE, view_str(ask.mode != NULL ? ask.mode : "deterministic"));
    put_list(&b, MSG_PARTNERS, partners);
    msg_put_text(&b, MSG_KEEP, view_of(ask.keep, 2));
    put_list(&b, MSG_PURPOSES, purposes);
    if (ask.expected > 0)
        msg_put_u64(&b, MSG_EXPECTED, ask.expected);
    if (ask.token_check != NULL)
        msg_put_text(&b, MSG_TOKEN_CHECK, view_str(ask.token_check));
    if (ask.requestor != NULL)
        msg_put_text(&b, MSG_REQUESTOR, view_str(ask.requestor));
    if (ask.has_assurance)
        msg_put_u64(&b, MSG_ASSURANCE, ask.assurance);
    if (ask.channels[0] != NULL)
        put_list(&b, MSG_CHANNELS, ask.channels);
    r = rig_call(&rig, VERB_DOMAIN_ADD, &sara, buf_view(&b));
    buf_done(&b);
    return r;
}

/* The domain of most tests: keeps four digits, all three members. */
static const struct ask network = { .keep = { 0, 4 },
                                    .token_check = "bin",
                                    .requestor = REQUESTOR,
                                    .channels = { "app", "e-commerce" },
                                    .assurance = 42,
                                    .has_assurance = true,
                                    .expected = 5000 };

static const struct rig_reply *send_by(const char *domain, const char *value, const char *channel)
{
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    life_put(&b, domain, value, NULL, NULL);
    if (channel != NULL)
        msg_put_text(&b, MSG_CHANNEL, view_str(channel));
    r = rig_call(&rig, VERB_TOKENIZE, &acme, buf_view(&b));
    buf_done(&b);
    return r;
}

static void token_by(const char *domain, const char *value, const char *channel,
                     char out[static LIFE_TOKEN_MAX])
{
    const struct rig_reply *r = send_by(domain, value, channel);

    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "token", out, LIFE_TOKEN_MAX));
}

static void refused_at(const struct rig_reply *r, enum hufu_err err, uint16_t tag)
{
    assert_int_equal(r->err, err);
    assert_int_equal(r->where.tag, tag);
}

static void test_C19_domain_says_what_it_is(void **state)
{
    const struct rig_reply *r = add(network);
    struct life_lines lines;

    (void)state;
    assert_int_equal(r->err, HUFU_OK);
    assert_memory_equal(r->body, "{\"assurance\":42,\"batch_detokenize\":", 34);
    /* of 13 digits: 100 BINs of six and one of eight, two digits and none beside four that stay */
    assert_non_null(strstr(r->body, "\"capacity\":10001,\"channels\":[\"app\",\"e-commerce\"],"));
    assert_non_null(strstr(r->body, "\"requestor\":\"" REQUESTOR "\""));
    assert_non_null(strstr(r->body, "\"token_check\":\"bin\""));
    assert_int_equal(life_find_lines(&rig, &lines, 0, "\"purpose\":\"token_check=bin\"",
                                     "\"verb\":\"domain-add\"", NULL),
                     1);
}

/* What they do not say is not made up: no members of a network in other domains. */
static void test_C19_other_domains_say_nothing_of_it(void **state)
{
    const struct rig_reply *r = add((struct ask){ .keep = { 6, 4 } });

    (void)state;
    assert_int_equal(r->err, HUFU_OK);
    assert_null(strstr(r->body, "assurance"));
    assert_null(strstr(r->body, "requestor"));
    assert_null(strstr(r->body, "channels"));
    assert_non_null(strstr(r->body, "\"token_check\":\"fail\""));
}

static void is_network_token(const char *token, const char *value)
{
    size_t len = strlen(value);

    assert_int_equal(strlen(token), len);
    assert_true(luhn_holds(token));
    assert_true(memcmp(token, "9990", 4) == 0 || memcmp(token, "99912345", 8) == 0);
    assert_string_equal(token + len - 4, value + len - 4);
}

static void test_C19_tokens_are_right_and_within_the_bins(void **state)
{
    static const char *const cards[] = { "4222222222222", "378282246310005", PAN,
                                         "4000000000000000006" };
    char session[MSG_SESSION_LEN + 1], token[LIFE_TOKEN_MAX], again[LIFE_TOKEN_MAX];
    char value[LIFE_TOKEN_MAX];

    (void)state;
    assert_int_equal(add(network)->err, HUFU_OK);
    assert_true(rig_restart(&rig)); /* what the row holds is what counts */
    rig_tick(&rig, 60000);
    rig_login(&rig, "olga", session);
    for (size_t i = 0; i < sizeof(cards) / sizeof(cards[0]); i++) {
        const struct rig_reply *r;

        token_by("extra-0", cards[i], "app", token);
        is_network_token(token, cards[i]);
        token_by("extra-0", cards[i], "e-commerce", again);
        assert_string_equal(again, token);
        r = rig_reveal(&rig, session, "extra-0", token);
        assert_int_equal(r->err, HUFU_OK);
        assert_non_null(rig_member(r->body, "value", value, sizeof(value)));
        assert_string_equal(value, cards[i]);
    }
}

/* A token is no card, in whichever domain: already_token in its own, else invalid_value. */
static void test_C19_a_network_token_is_no_original_anywhere(void **state)
{
    char token[LIFE_TOKEN_MAX], plain[LIFE_TOKEN_MAX], session[MSG_SESSION_LEN + 1];

    (void)state;
    assert_int_equal(add(network)->err, HUFU_OK);
    token_by("extra-0", PAN, "app", token);
    refused_at(send_by("extra-0", token, "app"), HUFU_ALREADY_TOKEN, MSG_VALUE);
    refused_at(send_by("extra-0", IN_BINS, "app"), HUFU_INVALID_VALUE, MSG_VALUE);
    refused_at(send_by("cards", token, NULL), HUFU_INVALID_VALUE, MSG_VALUE);
    refused_at(send_by("cards", IN_BINS, NULL), HUFU_INVALID_VALUE, MSG_VALUE);
    refused_at(send_by("loose", "9990 5012 3456 7899", NULL), HUFU_INVALID_VALUE, MSG_VALUE);
    token_by("cards", PAN, NULL, plain);
    refused_at(life_call(&rig, VERB_REPLACE, &acme, "cards", IN_BINS, plain, "reissued"),
               HUFU_INVALID_VALUE, MSG_VALUE);
    /* and an original is no token of it */
    rig_tick(&rig, 60000);
    rig_login(&rig, "olga", session);
    refused_at(rig_reveal(&rig, session, "extra-0", PAN), HUFU_NOT_TOKEN, MSG_TOKEN);
    refused_at(rig_reveal(&rig, session, "extra-0", IN_BINS), HUFU_NOT_FOUND, MSG_NONE);
    refused_at(rig_reveal(&rig, session, "cards", token), HUFU_NOT_TOKEN, MSG_TOKEN);
}

/* One digit before and behind the ranges: cards like others. */
static void test_C19_beside_the_bins_are_originals(void **state)
{
    char token[LIFE_TOKEN_MAX];

    (void)state;
    token_by("cards", "9989999999999997", NULL, token);
    token_by("cards", "9991000000000002", NULL, token);
    token_by("cards", "9991234400000003", NULL, token);
    token_by("cards", "9991234600000001", NULL, token);
    refused_at(send_by("cards", "9991234500000002", NULL), HUFU_INVALID_VALUE, MSG_VALUE);
}

/* Domains keep their BINs when the setting changes; both are refused as originals then. */
static void test_C19_bins_of_older_domains_count(void **state)
{
    char token[LIFE_TOKEN_MAX], other[LIFE_TOKEN_MAX];

    (void)state;
    assert_int_equal(add(network)->err, HUFU_OK);
    token_by("extra-0", PAN, "app", token);
    rig_crash(&rig);
    rig_set(&rig, "token.bins=888000");
    assert_int_equal(rig_open(&rig), HUFU_OK);
    assert_true(rig_unseal(&rig));
    token_by("extra-0", OTHER, "app", other);
    is_network_token(other, OTHER);
    refused_at(send_by("cards", token, NULL), HUFU_INVALID_VALUE, MSG_VALUE);
    refused_at(send_by("cards", "8880000000000008", NULL), HUFU_INVALID_VALUE, MSG_VALUE);
    refused_at(send_by("extra-0", "8880000000000008", "app"), HUFU_INVALID_VALUE, MSG_VALUE);
    refused_at(send_by("extra-0", token, "app"), HUFU_ALREADY_TOKEN, MSG_VALUE);
    rig_crash(&rig);
    rig_set(&rig, "token.bins=");
    assert_int_equal(rig_open(&rig), HUFU_OK);
    assert_true(rig_unseal(&rig));
    refused_at(send_by("cards", token, NULL), HUFU_INVALID_VALUE, MSG_VALUE);
    token_by("cards", "8880000000000008", NULL, other);
}

static void test_C19_channels_are_enforced(void **state)
{
    static const char *const wrong[] = { NULL, "ap", "apps", "pos", "APP" };
    char token[LIFE_TOKEN_MAX];

    (void)state;
    assert_int_equal(add(network)->err, HUFU_OK);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        refused_at(send_by("extra-0", PAN, wrong[i]), HUFU_FORBIDDEN, MSG_CHANNEL);
        /* 403 comes before what is wrong with the value */
        refused_at(send_by("extra-0", "x", wrong[i]), HUFU_FORBIDDEN, MSG_CHANNEL);
    }
    refused_at(send_by("extra-0", "x", "app"), HUFU_INVALID_VALUE, MSG_VALUE);
    token_by("extra-0", PAN, "e-commerce", token);
    /* where the domain names none, any will do, and none */
    token_by("cards", PAN, "pos", token);
    token_by("cards", PAN, NULL, token);
}

static const char *provenance(const char *domain, const char *token)
{
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    life_put(&b, domain, NULL, token, NULL);
    msg_put_bool(&b, MSG_PROVENANCE, true);
    r = rig_call(&rig, VERB_INSPECT, &acme, buf_view(&b));
    buf_done(&b);
    assert_int_equal(r->err, HUFU_OK);
    return r->body;
}

static void test_C19_the_token_keeps_what_the_network_asks(void **state)
{
    char token[LIFE_TOKEN_MAX], before[512];
    const char *body;

    (void)state;
    assert_int_equal(add(network)->err, HUFU_OK);
    token_by("extra-0", PAN, "e-commerce", token);
    token_by("extra-0", PAN, "app", token); /* the first asking made it */
    body = provenance("extra-0", token);
    assert_non_null(strstr(body, "\"provenance\":{\"assurance\":42,\"changed_at\":"));
    assert_non_null(strstr(body, "\"channel\":\"e-commerce\""));
    assert_non_null(strstr(body, "\"request_id\":\"rig-1\",\"requestor\":\"" REQUESTOR "\"}"));
    /* asked for or not at all: as the contract has it */
    body = life_call(&rig, VERB_INSPECT, &acme, "extra-0", NULL, token, NULL)->body;
    assert_null(strstr(body, "requestor"));
    /* on disk, and past a change of the value: they are the token's */
    assert_int_equal(
        life_call(&rig, VERB_REPLACE, &acme, "extra-0", "4111111111121111", token, "reissued")->err,
        HUFU_INVALID_VALUE); /* a wrong check: the line below is right */
    assert_int_equal(
        life_call(&rig, VERB_REPLACE, &acme, "extra-0", "4111112222231111", token, "reissued")->err,
        HUFU_OK);
    assert_true(rig_restart(&rig));
    snprintf(before, sizeof(before), "%s", provenance("extra-0", token));
    assert_non_null(strstr(before, "\"assurance\":42,"));
    assert_non_null(strstr(before, "\"channel\":\"e-commerce\""));
    assert_non_null(strstr(before, "\"requestor\":\"" REQUESTOR "\""));
    assert_int_equal(life_call(&rig, VERB_SUSPEND, &acme, "extra-0", NULL, token, "lost")->err,
                     HUFU_OK);
    assert_non_null(strstr(provenance("extra-0", token), "\"requestor\":\"" REQUESTOR "\""));
    token_by("cards", PAN, "pos", token);
    assert_null(strstr(provenance("cards", token), "assurance"));
}

/* Nothing said: level 0, which no assurance was made for; no requestor, any channel. */
static void test_C19_members_may_be_left_out(void **state)
{
    char token[LIFE_TOKEN_MAX];
    const struct rig_reply *r = add((struct ask){ .token_check = "bin", .expected = 1000 });

    (void)state;
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(strstr(r->body, "\"assurance\":0,"));
    assert_null(strstr(r->body, "requestor"));
    assert_null(strstr(r->body, "channels"));
    token_by("extra-0", PAN, NULL, token);
    assert_true(luhn_holds(token));
    assert_non_null(strstr(provenance("extra-0", token), "\"provenance\":{\"assurance\":0,"));
}

static const struct {
    struct ask ask;
    enum hufu_err err;
    uint16_t tag;
} wrong_domains[] = {
    { { .token_check = "bin", .mode = "ff1", .expected = 1000 },
      HUFU_UNSUPPORTED_MODE,
      MSG_TOKEN_CHECK },
    { { .token_check = "bin", .format = "iban", .expected = 1000 },
      HUFU_UNSUPPORTED_MODE,
      MSG_TOKEN_CHECK },
    { { .token_check = "bin", .format = "passport", .expected = 1000 },
      HUFU_UNSUPPORTED_MODE,
      MSG_TOKEN_CHECK },
    { { .token_check = "bins", .expected = 1000 }, HUFU_UNSUPPORTED_MODE, MSG_TOKEN_CHECK },
    { { .token_check = "bin", .keep = { 6, 4 }, .expected = 1000 }, HUFU_BAD_REQUEST, MSG_KEEP },
    { { .token_check = "bin", .keep = { 0, 5 }, .expected = 1000 }, HUFU_BAD_REQUEST, MSG_KEEP },
    { { .token_check = "bin" }, HUFU_BAD_REQUEST, MSG_EXPECTED },
    { { .token_check = "bin", .keep = { 0, 4 }, .expected = 5001 },
      HUFU_BAD_REQUEST,
      MSG_EXPECTED },
    { { .token_check = "bin", .expected = 9, .requestor = "4001234567" },
      HUFU_BAD_REQUEST,
      MSG_REQUESTOR },
    { { .token_check = "bin", .expected = 9, .requestor = "4001234567x" },
      HUFU_BAD_REQUEST,
      MSG_REQUESTOR },
    { { .token_check = "bin", .expected = 9, .requestor = "+4001234567" },
      HUFU_BAD_REQUEST,
      MSG_REQUESTOR },
    { { .token_check = "bin", .expected = 9, .has_assurance = true, .assurance = 100 },
      HUFU_BAD_REQUEST,
      MSG_ASSURANCE },
    { { .token_check = "bin", .expected = 9, .channels = { "app", "App" } },
      HUFU_BAD_REQUEST,
      MSG_CHANNELS },
    { { .token_check = "bin", .expected = 9, .channels = { "app", "app" } },
      HUFU_BAD_REQUEST,
      MSG_CHANNELS },
    { { .token_check = "bin",
        .expected = 9,
        .channels = { "a", "b", "c", "d", "e", "f", "g", "h", "i" } },
      HUFU_BAD_REQUEST,
      MSG_CHANNELS },
    { { .token_check = "bin", .expected = 9, .channels = { "app", PAN } },
      HUFU_VALUE_IN_TEXT,
      MSG_CHANNELS },
    { { .requestor = REQUESTOR }, HUFU_BAD_REQUEST, MSG_REQUESTOR },
    { { .has_assurance = true }, HUFU_BAD_REQUEST, MSG_ASSURANCE },
    { { .token_check = "fail", .channels = { "app" } }, HUFU_BAD_REQUEST, MSG_CHANNELS },
};

static void test_C19_wrong_domains_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong_domains) / sizeof(wrong_domains[0]); i++) {
        const struct rig_reply *r = add(wrong_domains[i].ask);

        if (r->err != wrong_domains[i].err || r->where.tag != wrong_domains[i].tag)
            fail_msg("row %zu: %d at %u", i, r->err, r->where.tag);
    }
    assert_int_equal(add(network)->err, HUFU_OK); /* none of them made it */
    assert_int_equal(add((struct ask){ .name = "extra-1",
                                       .token_check = "bin",
                                       .expected = 9,
                                       .channels = { "a", "b", "c", "d", "e", "f", "g", "h" },
                                       .has_assurance = true,
                                       .assurance = 99 })
                         ->err,
                     HUFU_OK);
}

static void test_C19_without_the_setting_there_are_no_such_domains(void **state)
{
    char token[LIFE_TOKEN_MAX];

    (void)state;
    refused_at(add(network), HUFU_UNSUPPORTED_MODE, MSG_TOKEN_CHECK);
    refused_at(add((struct ask){ .token_check = "bin", .expected = 9 }), HUFU_UNSUPPORTED_MODE,
               MSG_TOKEN_CHECK);
    token_by("cards", IN_BINS, NULL, token);
}

int main(void)
{
#define WITH_BINS(test) cmocka_unit_test_setup_teardown(test, setup_bins, suite_teardown)
#define WITHOUT(test)   cmocka_unit_test_setup_teardown(test, setup_none, suite_teardown)
    const struct CMUnitTest tests[] = {
        WITH_BINS(test_C19_domain_says_what_it_is),
        WITH_BINS(test_C19_other_domains_say_nothing_of_it),
        WITH_BINS(test_C19_tokens_are_right_and_within_the_bins),
        WITH_BINS(test_C19_a_network_token_is_no_original_anywhere),
        WITH_BINS(test_C19_beside_the_bins_are_originals),
        WITH_BINS(test_C19_bins_of_older_domains_count),
        WITH_BINS(test_C19_channels_are_enforced),
        WITH_BINS(test_C19_the_token_keeps_what_the_network_asks),
        WITH_BINS(test_C19_members_may_be_left_out),
        WITH_BINS(test_C19_wrong_domains_are_refused),
        WITHOUT(test_C19_without_the_setting_there_are_no_such_domains),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
