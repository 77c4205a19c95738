/* What a partner may send: what it declared, while it is active and qualified, and not one request
 * longer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "tests/life_calls.h"

#include "tests/core_suite.h"
#include "vault/manage.h"

#define PAN_A   "4111111111111111"
#define PAN_A2  "4111112222231111" /* of the same bucket */
#define PAN_B   "5555555555554444"
#define REFUSED "\"result\":\"forbidden\""

static const struct rig_who acme = { .partner = "acme" }, zeta = { .partner = "zeta" };
static char sara_session[MSG_SESSION_LEN + 1];
static const struct rig_who sara = { .session = sara_session };
static char token[LIFE_TOKEN_MAX];

/* A token that both share, and an administrator. */
static int setup(void **state)
{
    char same[LIFE_TOKEN_MAX];

    suite_setup(state);
    life_token(&rig, &acme, "cards", PAN_A, 0, 0, token);
    life_token(&rig, &zeta, "cards", PAN_A, 0, 0, same);
    assert_string_equal(same, token);
    rig_login(&rig, "sara", sara_session);
    return 0;
}

static bool done_flag;

static void done(struct store_draft *draft)
{
    assert_int_equal(draft->err, HUFU_OK);
    done_flag = true;
}

/* Writes a partner's row as the test has changed it. */
static void put_partner(const struct partner *changed)
{
    struct request req = { .core = &rig.core };
    struct buf text;

    arena_init(&req.in, rig.core.pool);
    arena_init(&req.work, rig.core.pool);
    assert_int_equal(request_ops(&req, 1, 2, 2, 0), HUFU_OK);
    request_entry(&req, 0)->verb = "test";
    buf_init(&text, MANAGE_ROW_MAX);
    partner_put(changed, &text);
    assert_int_equal(
        manage_write(&rig.worker, &req, TABLE_PARTNER, changed->id, changed->seq, &text), HUFU_OK);
    buf_done(&text);
    done_flag = false;
    req.draft.done = done;
    assert_int_equal(store_submit(rig.core.store, &req.draft), HUFU_OK);
    while (!done_flag)
        (void)store_journal_step(rig.core.store);
    arena_done(&req.work);
    arena_done(&req.in);
}

static struct partner partner_now(const char *name)
{
    const struct partner *p = directory_partner(rig.core.dir, view_str(name));

    assert_non_null(p);
    return *p;
}

static enum hufu_err try(const struct rig_who *who, uint16_t verb, uint16_t *tag_out)
{
    bool by_value = verb == VERB_TOKENIZE || verb == VERB_LOOKUP;
    const char *value = verb == VERB_TOKENIZE ? PAN_B : PAN_A;
    const struct rig_reply *r = life_call(
        &rig, verb, who, "cards",
        verb == VERB_REPLACE ? PAN_A2
        : by_value           ? value
                             : NULL,
        by_value ? NULL : token, by_value || verb == VERB_INSPECT ? NULL : "customer asked");

    *tag_out = r->where.tag;
    return r->err;
}

static const uint16_t collects[] = { VERB_TOKENIZE, VERB_REPLACE };
static const uint16_t manages[] = { VERB_INSPECT, VERB_SUSPEND, VERB_RESUME };

/* Its tokens stay manageable, whatever it may send. */
static void check_manages(const struct rig_who *who)
{
    uint16_t tag;

    for (size_t i = 0; i < sizeof(manages) / sizeof(manages[0]); i++)
        assert_int_equal(try(who, manages[i], &tag), HUFU_OK);
}

static void check_declared(void)
{
    uint16_t tag;

    for (size_t i = 0; i < sizeof(collects) / sizeof(collects[0]); i++) {
        assert_int_equal(try(&zeta, collects[i], &tag), HUFU_FORBIDDEN);
        assert_int_equal(tag, MSG_DOMAIN);
    }
    assert_int_equal(try(&zeta, VERB_LOOKUP, &tag), HUFU_FORBIDDEN);
    assert_int_equal(tag, MSG_DOMAIN);
    check_manages(&zeta);
    assert_int_equal(try(&acme, VERB_LOOKUP, &tag), HUFU_OK); /* the other one is not touched */
    assert_int_equal(try(&acme, VERB_TOKENIZE, &tag), HUFU_OK);
}

static void test_C01_only_declared_formats(void **state)
{
    struct partner changed = partner_now("zeta");

    (void)state;
    snprintf(changed.format[0], sizeof(changed.format[0]), "iban");
    put_partner(&changed);
    check_declared();
}

static void test_C01_only_declared_domains(void **state)
{
    struct partner changed = partner_now("zeta");

    (void)state;
    snprintf(changed.domain[0], sizeof(changed.domain[0]), "loose");
    put_partner(&changed); /* the domain still counts it as its own */
    check_declared();
}

static void test_C01_nothing_declared(void **state)
{
    struct partner changed = partner_now("zeta");

    (void)state;
    changed.domain_count = changed.format_count = 0;
    put_partner(&changed);
    check_declared();
}

static void put_names(struct buf *b, enum msg_tag tag, const char *name)
{
    struct buf list;

    buf_init(&list, 128);
    buf_lv32(&list, name, strlen(name));
    msg_put_text(b, tag, buf_view(&list));
    buf_done(&list);
}

/* An administrator who makes a domain for a partner records its declaration, of the format too. */
static void test_C01_a_new_domain_declares_its_format(void **state)
{
    static const char iban[] = "DE89370400440532013000";
    struct partner before = partner_now("zeta"), after;
    const struct rig_reply *r;
    struct buf b;

    (void)state;
    buf_init(&b, 1024);
    msg_put_text(&b, MSG_NAME, view_str("accounts"));
    msg_put_text(&b, MSG_FORMAT, view_str("iban"));
    msg_put_text(&b, MSG_MODE, view_str("random"));
    put_names(&b, MSG_PARTNERS, "zeta");
    put_names(&b, MSG_PURPOSES, "refund");
    msg_put_u64(&b, MSG_EXPECTED, 1000);
    r = rig_call(&rig, VERB_DOMAIN_ADD, &sara, buf_view(&b));
    assert_int_equal(r->err, HUFU_OK);
    buf_done(&b);
    after = partner_now("zeta");
    assert_int_equal(after.format_count, before.format_count + 1);
    assert_int_equal(after.domain_count, before.domain_count + 1);
    assert_string_equal(after.format[after.format_count - 1], "iban");
    assert_int_equal(rig_tokenize(&rig, &zeta, "accounts", iban)->err, HUFU_OK);
    assert_int_equal(rig_tokenize(&rig, &acme, "accounts", iban)->err, HUFU_FORBIDDEN);
}

static void qualify(const char *ref, uint64_t until_ms)
{
    struct buf b, q;

    buf_init(&q, 128);
    buf_lv16(&q, ref, strlen(ref));
    buf_u64(&q, until_ms);
    buf_init(&b, 512);
    msg_put_text(&b, MSG_REASON, view_str("yearly"));
    msg_put_text(&b, MSG_NAME, view_str("zeta"));
    msg_put_text(&b, MSG_QUALIFICATION, buf_view(&q));
    assert_int_equal(rig_call(&rig, VERB_PARTNER_QUALIFY, &sara, buf_view(&b))->err, HUFU_OK);
    buf_done(&q);
    buf_done(&b);
}

/* It ends by itself, to the millisecond, and a new one holds for the next request. */
static void test_C01_an_expired_qualification_stops_collecting(void **state)
{
    uint16_t tag;

    (void)state;
    qualify("licence-1", rig.clock.now + 5000);
    rig_tick(&rig, 4999);
    assert_int_equal(try(&zeta, VERB_TOKENIZE, &tag), HUFU_OK);
    rig_tick(&rig, 1);
    for (size_t i = 0; i < sizeof(collects) / sizeof(collects[0]); i++)
        assert_int_equal(try(&zeta, collects[i], &tag), HUFU_FORBIDDEN);
    assert_int_equal(try(&zeta, VERB_LOOKUP, &tag), HUFU_OK);
    check_manages(&zeta);
    assert_int_equal(try(&acme, VERB_TOKENIZE, &tag), HUFU_OK);
    qualify("licence-2", rig.clock.now + 5000);
    assert_int_equal(try(&zeta, VERB_TOKENIZE, &tag), HUFU_OK);
}

/* Where the setting says so, nobody sends anything before it. */
static void test_C01_a_qualification_may_be_demanded(void **state)
{
    uint16_t tag;

    (void)state;
    rig_set(&rig, "auth.partner_qualification=yes");
    for (size_t i = 0; i < sizeof(collects) / sizeof(collects[0]); i++)
        assert_int_equal(try(&zeta, collects[i], &tag), HUFU_FORBIDDEN);
    assert_int_equal(try(&zeta, VERB_LOOKUP, &tag), HUFU_OK);
    check_manages(&zeta);
    qualify("licence-1", rig.clock.now + 5000);
    assert_int_equal(try(&zeta, VERB_TOKENIZE, &tag), HUFU_OK);
    assert_int_equal(try(&acme, VERB_TOKENIZE, &tag), HUFU_FORBIDDEN);
    rig_tick(&rig, 5000);
    assert_int_equal(try(&zeta, VERB_TOKENIZE, &tag), HUFU_FORBIDDEN);
}

static void put_freeze(struct buf *b, const char *name)
{
    msg_put_text(b, MSG_REASON, view_str("investigation 3"));
    msg_put_text(b, MSG_NAME, view_str(name));
}

static void freeze(uint16_t verb, const char *name)
{
    struct buf b;

    buf_init(&b, 256);
    put_freeze(&b, name);
    assert_int_equal(rig_call(&rig, verb, &sara, buf_view(&b))->err, HUFU_OK);
    buf_done(&b);
}

static void check_frozen(uint16_t freezes, uint16_t thaws, const char *name)
{
    char olga[MSG_SESSION_LEN + 1];
    struct life_lines lines;
    uint64_t from;
    uint16_t tag;

    rig_login(&rig, "olga", olga);
    freeze(freezes, name);
    from = life_log_size(&rig);
    for (size_t i = 0; i < sizeof(collects) / sizeof(collects[0]); i++)
        assert_int_equal(try(&acme, collects[i], &tag), HUFU_FORBIDDEN);
    assert_int_equal(life_find_lines(&rig, &lines, from, REFUSED, "\"principal\":\"acme\"", NULL),
                     2);
    assert_int_equal(try(&acme, VERB_LOOKUP, &tag), HUFU_OK);
    check_manages(&acme);
    assert_int_equal(rig_reveal(&rig, olga, "cards", token)->err, HUFU_OK);
    assert_int_equal(life_call(&rig, VERB_SUSPEND, &sara, "cards", NULL, token, "lost")->err,
                     HUFU_OK);
    assert_int_equal(life_call(&rig, VERB_RESUME, &sara, "cards", NULL, token, "found")->err,
                     HUFU_OK);
    assert_true(rig_restart(&rig)); /* it is no matter of memory */
    assert_int_equal(try(&acme, VERB_TOKENIZE, &tag), HUFU_FORBIDDEN);
    freeze(thaws, name);
    assert_int_equal(try(&acme, VERB_TOKENIZE, &tag), HUFU_OK);
    assert_int_equal(try(&acme, VERB_REPLACE, &tag), HUFU_OK);
}

static void test_C06_a_frozen_domain_stops_collecting(void **state)
{
    (void)state;
    check_frozen(VERB_DOMAIN_FREEZE, VERB_DOMAIN_UNFREEZE, "cards");
}

static void test_C06_a_frozen_partner_stops_collecting(void **state)
{
    uint16_t tag;

    (void)state;
    check_frozen(VERB_PARTNER_FREEZE, VERB_PARTNER_UNFREEZE, "acme");
    freeze(VERB_PARTNER_FREEZE, "acme");
    assert_int_equal(try(&zeta, VERB_TOKENIZE, &tag), HUFU_OK); /* the other one goes on */
}

static struct {
    uint64_t id[2];
    enum hufu_err err[2];
    size_t count;
} answers;

static void on_reply(void *arg, uint64_t id, const struct msg_reply *reply)
{
    (void)arg;
    for (size_t i = 0; i < 2; i++) {
        if (answers.id[i] != id)
            continue;
        answers.err[i] = reply->err;
        answers.count++;
    }
}

/* Both are decided on what holds before the freeze; the freeze is committed first. */
static void race(uint16_t freezes, const char *name)
{
    struct buf b;

    memset(&answers, 0, sizeof(answers));
    rig.on_reply = on_reply;
    buf_init(&b, 256);
    put_freeze(&b, name);
    answers.id[0] = rig_submit(&rig, freezes, &sara, buf_view(&b));
    buf_done(&b);
    answers.id[1] = life_submit(&rig, VERB_TOKENIZE, &acme, "cards", PAN_B, NULL, NULL);
    assert_true(worker_step(&rig.worker));
    assert_true(worker_step(&rig.worker));
    assert_int_equal(answers.count, 0);
    for (int i = 0; i < RIG_STEPS_MAX && answers.count < 2; i++)
        (void)rig_round(&rig);
    rig.on_reply = NULL;
    assert_int_equal(answers.count, 2);
    assert_int_equal(answers.err[0], HUFU_OK);
    assert_int_equal(answers.err[1], HUFU_FORBIDDEN);
}

static void test_C06_nothing_slips_in_behind_a_freeze(void **state)
{
    uint16_t tag;

    (void)state;
    race(VERB_DOMAIN_FREEZE, "cards");
    freeze(VERB_DOMAIN_UNFREEZE, "cards");
    race(VERB_PARTNER_FREEZE, "acme");
    freeze(VERB_PARTNER_UNFREEZE, "acme");
    assert_int_equal(try(&acme, VERB_LOOKUP, &tag), HUFU_OK);
    /* the value was never taken */
    assert_int_equal(life_call(&rig, VERB_LOOKUP, &acme, "cards", PAN_B, NULL, NULL)->err,
                     HUFU_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, suite_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C01_only_declared_formats),
        TEST(test_C01_only_declared_domains),
        TEST(test_C01_nothing_declared),
        TEST(test_C01_a_new_domain_declares_its_format),
        TEST(test_C01_an_expired_qualification_stops_collecting),
        TEST(test_C01_a_qualification_may_be_demanded),
        TEST(test_C06_a_frozen_domain_stops_collecting),
        TEST(test_C06_a_frozen_partner_stops_collecting),
        TEST(test_C06_nothing_slips_in_behind_a_freeze),
    };

    return cmocka_run_group_tests_name("partner rules", tests, suite_heap, NULL);
}
