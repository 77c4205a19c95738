/* How full a domain is: what it can hold, what is taken, and the alarms about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "tests/life_calls.h"
#include "tests/core_suite.h"
#include "vault/fill.h"

#define SHORT_PAN "4222222222222" /* of 13 digits: 900 tokens keep its 6+4 */
#define OTHER_PAN "5500000000000004"

static const struct rig_who acme = { .partner = "acme" };

static int setup(void **state)
{
    (void)state;
    fake_hsm_init(&hsm);
    rig_start(&rig, &hsm);
    rig_crash(&rig);
    rig_set(&rig, "limit.guesses_per_day=1000000000");
    assert_int_equal(rig_open(&rig), HUFU_OK);
    assert_true(rig_unseal(&rig));
    return 0;
}

static struct rig_who person(const char *name)
{
    static char session[MSG_SESSION_LEN + 1];

    rig_tick(&rig, 30000); /* a code is good once */
    rig_login(&rig, name, session);
    return (struct rig_who){ .session = session };
}

static void put_one(struct buf *b, enum msg_tag tag, const char *text)
{
    uint8_t mem[64];
    struct buf list;

    buf_fixed(&list, mem, sizeof(mem));
    buf_lv32(&list, (const uint8_t *)text, strlen(text));
    msg_put_text(b, tag, buf_view(&list));
}

struct asked { /* of a new domain */
    const char *format, *mode;
    uint64_t expected; /* 0: not said */
    const char *token_check;
    uint8_t keep[2];
};

static const struct rig_reply *add_domain(const char *name, const struct asked *a)
{
    struct rig_who sara = person("sara");
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    msg_put_text(&b, MSG_NAME, view_str(name));
    msg_put_text(&b, MSG_FORMAT, view_str(a->format));
    msg_put_text(&b, MSG_MODE, view_str(a->mode));
    put_one(&b, MSG_PARTNERS, "acme");
    msg_put_text(&b, MSG_KEEP, view_of(a->keep, 2));
    put_one(&b, MSG_PURPOSES, "refund");
    if (a->expected > 0)
        msg_put_u64(&b, MSG_EXPECTED, a->expected);
    if (a->token_check != NULL)
        msg_put_text(&b, MSG_TOKEN_CHECK, view_str(a->token_check));
    r = rig_call(&rig, VERB_DOMAIN_ADD, &sara, buf_view(&b));
    buf_done(&b);
    return r;
}

static const struct rig_reply *capacity(const char *name)
{
    struct rig_who aude = person("aude");
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 64);
    msg_put_text(&b, MSG_NAME, view_str(name));
    r = rig_call(&rig, VERB_DOMAIN_CAPACITY, &aude, buf_view(&b));
    buf_done(&b);
    return r;
}

static void has(const struct rig_reply *r, const char *part)
{
    if (r->err != HUFU_OK || strstr(r->body, part) == NULL)
        fail_msg("no %s in %s", part, r->body);
}

/* Lets the sweeper come by for so many seconds. */
static void look(int seconds)
{
    for (int i = 0; i < seconds; i++) {
        (void)sweeper_step(&rig.sweeper);
        (void)store_journal_step(rig.core.store);
        rig_tick(&rig, 1000);
    }
}

/* A whole walk over the tokens. */
static void walk(void)
{
    rig_tick(&rig, 3600000);
    look(30);
}

static size_t alarms(const char *domain, const char *purpose)
{
    static struct life_lines lines;
    char of[64], what[64];

    snprintf(of, sizeof(of), "\"domain\":\"%s\"", domain);
    snprintf(what, sizeof(what), "\"purpose\":\"%s\"", purpose);
    return life_find_lines(&rig, &lines, 0, "\"verb\":\"capacity-alarm\"", of, what);
}

static void tokens_make(const char *domain, unsigned n)
{
    char token[LIFE_TOKEN_MAX];

    for (unsigned i = 0; i < n; i++)
        life_token(&rig, &acme, domain, SHORT_PAN, 0, 0, token);
}

/* A deterministic value's tokens end; each stays taken. */
static void tokens_end(const char *domain, unsigned n)
{
    char token[LIFE_TOKEN_MAX];

    for (unsigned i = 0; i < n; i++) {
        life_token(&rig, &acme, domain, SHORT_PAN, 0, 0, token);
        assert_int_equal(life_call(&rig, VERB_DELETE, &acme, domain, NULL, token, "erasure")->err,
                         HUFU_OK);
    }
}

static const struct asked half = { "pan", "random", 450, NULL, { 6, 4 } };

static void test_capacity_is_exact(void **state)
{
    const struct rig_reply *r = capacity("cards");

    (void)state;
    has(r, "{\"capacity\":900,\"domain\":\"cards\",\"expected\":0,\"fill\":0,\"format\":\"pan\","
           "\"keep\":{\"prefix\":6,\"suffix\":4},\"kinds\":[");
    has(r, "{\"kind\":\"13\",\"length\":13,\"originals\":100,\"tokens\":900}");
    has(r, "{\"kind\":\"16\",\"length\":16,\"originals\":100000,\"tokens\":900000}");
    has(r, "],\"marked\":true,\"mode\":\"deterministic\",\"percent\":0}");
    assert_null(strstr(r->body, "fullest"));
    tokens_make("cards", 2);
    assert_int_equal(rig_tokenize(&rig, &acme, "cards", OTHER_PAN)->err, HUFU_OK);
    has(capacity("cards"), "\"fill\":2,");
    assert_true(rig_restart(&rig));
    has(capacity("cards"), "\"fill\":2,");
    has(capacity("loose"), "\"fill\":0,");
    assert_int_equal(capacity("nowhere")->err, HUFU_NOT_FOUND);
}

static void test_alarms_at_half_and_at_most(void **state)
{
    (void)state;
    assert_int_equal(add_domain("extra-0", &half)->err, HUFU_OK);
    tokens_make("extra-0", 449);
    look(5);
    assert_int_equal(alarms("extra-0", "fill=50"), 0);
    tokens_make("extra-0", 1);
    look(5);
    assert_int_equal(alarms("extra-0", "fill=50"), 1);
    assert_int_equal(alarms("extra-0", "expected"), 0);
    has(capacity("extra-0"), "\"percent\":50}");
    tokens_make("extra-0", 1); /* more than were expected */
    look(5);
    assert_int_equal(alarms("extra-0", "expected"), 1);
    tokens_make("extra-0", 268);
    look(5);
    assert_int_equal(alarms("extra-0", "fill=80"), 0);
    has(capacity("extra-0"), "\"percent\":79}");
    tokens_make("extra-0", 1);
    look(5);
    assert_int_equal(alarms("extra-0", "fill=80"), 1);
    assert_int_equal(fill_alarms(rig.core.fill), 3);
    assert_true(rig_restart(&rig)); /* it does not begin again */
    look(10);
    assert_int_equal(alarms("extra-0", "fill=50"), 1);
    assert_int_equal(alarms("extra-0", "fill=80"), 1);
    assert_int_equal(alarms("extra-0", "expected"), 1);
    assert_int_equal(alarms("extra-0", "bucket=50"), 1); /* the first walk since then */
    assert_int_equal(alarms("extra-0", "bucket=80"), 1);
    assert_int_equal(fill_alarms(rig.core.fill), 2);
}

/* Its domain has room for any number of cards: the bucket alone can fill, by what has ended. */
static void test_a_bucket_has_alarms_of_its_own(void **state)
{
    const struct rig_reply *r;

    (void)state;
    tokens_end("cards", 449);
    assert_int_equal(rig_tokenize(&rig, &acme, "cards", OTHER_PAN)->err, HUFU_OK);
    walk();
    assert_int_equal(alarms("cards", "bucket=50"), 0);
    tokens_end("cards", 1);
    walk();
    assert_int_equal(alarms("cards", "bucket=50"), 1);
    assert_int_equal(alarms("cards", "fill=50"), 0);
    r = capacity("cards");
    has(r, "\"fill\":451,");
    has(r, "\"fullest\":{\"fill\":450,\"kind\":\"13\",\"percent\":50,\"tokens\":900}");
    has(r, "\"percent\":50}");
    tokens_end("cards", 270);
    walk();
    assert_int_equal(alarms("cards", "bucket=80"), 1);
    assert_true(rig_restart(&rig));
    walk();
    has(capacity("cards"), "\"percent\":80}");
    walk();
    assert_int_equal(alarms("cards", "bucket=50"), 1);
    assert_int_equal(alarms("cards", "bucket=80"), 1);
}

static void see(uint32_t domain, const char *token)
{
    uint8_t mem[64];
    struct buf b;

    buf_fixed(&b, mem, sizeof(mem));
    buf_u8(&b, TABLE_TOKEN);
    buf_be32(&b, domain);
    buf_str(&b, token);
    fill_see(&rig.core, buf_view(&b));
}

/* More buckets than there is room for: the one that is nearly full is kept, and none of it lost. */
static void test_a_walk_over_many_buckets_keeps_the_fullest(void **state)
{
    const struct domain *d = directory_domain(rig.core.dir, view_str("cards"));
    struct fill_state fill;
    char token[32];

    (void)state;
    tokens_end("cards", 450);
    assert_true(fill_ready(&rig.core));
    fill_begin(rig.core.fill);
    for (unsigned i = 0; i < 450; i++) {
        snprintf(token, sizeof(token), "422222%03u2222", i);
        see(d->id, token);
    }
    for (unsigned i = 0; i < 200000; i++) {
        snprintf(token, sizeof(token), "4%05u0000000%03u", i % 100000, i / 100000);
        see(d->id, token);
    }
    fill_end(rig.core.fill);
    assert_true(fill_peek(&rig.core, d, &fill));
    assert_int_equal(fill.fullest.rows, 450);
    assert_int_equal(fill.fullest.tokens, 900);
    fill_begin(rig.core.fill);
    see(d->id, "4222220002222");
    fill_spoil(rig.core.fill); /* what was known stays */
    fill_end(rig.core.fill);
    assert_true(fill_peek(&rig.core, d, &fill));
    assert_int_equal(fill.fullest.rows, 450);
}

static void test_percent(void **state)
{
    static const struct {
        uint64_t rows, tokens;
        unsigned percent;
    } cases[] = {
        { 0, 900, 0 },
        { 449, 900, 49 },
        { 450, 900, 50 },
        { 900, 900, 100 },
        { 1800, 900, 200 },
        { 1, 0, 0 },
        { 1, UINT64_MAX, 0 },
        { UINT64_MAX / 2, UINT64_MAX - 1, 50 },
        { UINT64_MAX, 1, UINT32_MAX },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (fill_percent(cases[i].rows, cases[i].tokens) != cases[i].percent)
            fail_msg("case %zu: %u", i, fill_percent(cases[i].rows, cases[i].tokens));
}

/* Half of what the smallest bucket of the format's kinds has. */
static uint64_t half_of(const char *format, uint8_t prefix, uint8_t suffix)
{
    const struct format *fmt;
    uint64_t least = UINT64_MAX;

    assert_int_equal(format_set_find(rig.core.formats, view_str(format), &fmt), HUFU_OK);
    for (size_t i = 0; i < format_kind_count(fmt); i++) {
        struct format_capacity cap;

        format_capacity(fmt, (struct format_keep){ prefix, suffix }, i, &cap);
        least = cap.tokens < least ? cap.tokens : least;
    }
    return least / 2;
}

static void test_creation_judges_what_is_expected(void **state)
{
    uint64_t most = half_of("generic-digits", 0, 0);
    const struct {
        struct asked ask;
        enum hufu_err err;
    } cases[] = {
        { { "pan", "deterministic", 0, NULL, { 6, 4 } }, HUFU_OK }, /* ample */
        { { "pan", "deterministic", 1000000, NULL, { 6, 4 } }, HUFU_OK },
        { { "pan", "random", 0, NULL, { 6, 4 } }, HUFU_BAD_REQUEST },
        { { "pan", "one-time", 0, NULL, { 6, 4 } }, HUFU_BAD_REQUEST },
        { { "pan", "random", 450, NULL, { 6, 4 } }, HUFU_OK },
        { { "pan", "random", 451, NULL, { 6, 4 } }, HUFU_BAD_REQUEST },
        { { "pan", "one-time", 450, NULL, { 6, 4 } }, HUFU_OK },
        { { "pan", "one-time", 451, NULL, { 6, 4 } }, HUFU_BAD_REQUEST },
        /* one token fewer than originals: not ample */
        { { "generic-digits", "deterministic", 0, "none", { 0, 0 } }, HUFU_BAD_REQUEST },
        { { "generic-digits", "deterministic", most, "none", { 0, 0 } }, HUFU_OK },
        { { "generic-digits", "deterministic", most + 1, "none", { 0, 0 } }, HUFU_BAD_REQUEST },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct rig_reply *r;
        char name[16];

        snprintf(name, sizeof(name), "new-%zu", i);
        r = add_domain(name, &cases[i].ask);
        if (r->err != cases[i].err)
            fail_msg("case %zu: %s %s", i, err_code(r->err) == NULL ? "ok" : err_code(r->err),
                     r->body);
        if (r->err != HUFU_OK)
            assert_int_equal(r->where.tag, MSG_EXPECTED);
    }
}

static void test_metrics_tell_fill_and_marks(void **state)
{
    static const struct rig_who nobody = { 0 };
    const struct asked loose = {
        "generic-digits", "deterministic", half_of("generic-digits", 0, 0), "none", { 0, 0 }
    };
    const struct rig_reply *r;

    (void)state;
    assert_int_equal(add_domain("extra-0", &half)->err, HUFU_OK);
    assert_int_equal(add_domain("extra-1", &loose)->err, HUFU_OK);
    has(capacity("extra-1"), "\"marked\":false,");
    tokens_make("extra-0", 450);
    look(5);
    r = rig_call(&rig, VERB_METRICS, &nobody, view_of(NULL, 0));
    has(r, "\nhufu_domain_mappings{domain=\"extra-0\"} 450\n");
    has(r, "\nhufu_domain_mappings{domain=\"cards\"} 0\n");
    has(r, "\nhufu_domain_fill_ratio{domain=\"extra-0\"} 0.5\n");
    has(r, "\nhufu_capacity_alarms_total 2\n"); /* of the domain, and of its bucket */
    has(r, "\nhufu_domain_info{domain=\"cards\",format=\"pan\",mode=\"deterministic\","
           "token_check=\"fail\",marked=\"yes\"} 1\n");
    has(r, "\nhufu_domain_info{domain=\"extra-1\",format=\"generic-digits\","
           "mode=\"deterministic\",token_check=\"none\",marked=\"no\"} 1\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, suite_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_capacity_is_exact),
        TEST(test_alarms_at_half_and_at_most),
        TEST(test_a_bucket_has_alarms_of_its_own),
        TEST(test_a_walk_over_many_buckets_keeps_the_fullest),
        cmocka_unit_test(test_percent),
        TEST(test_creation_judges_what_is_expected),
        TEST(test_metrics_tell_fill_and_marks),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
