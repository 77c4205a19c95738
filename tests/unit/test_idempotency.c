/* A repeated request gets the first one's answer, and makes nothing a second time (control C07). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/core_suite.h"
#include "tests/unit/disk_faults.h"
#include "vault/idempotency.h"

#define PAN "4111111111111111"

static struct rig_who acme = { .partner = "acme", .idem_key = "key-1" };
static struct rig_who zeta = { .partner = "zeta", .idem_key = "key-1" };

static uint64_t log_size(void)
{
    struct merkle log;

    store_log(rig.core.store, &log);
    return log.size;
}

static bool ends_with(void *arg, uint64_t index, struct view line)
{
    char text[ENTRY_LINE_MAX + 1];

    (void)index;
    memcpy(text, line.p, line.len);
    text[line.len] = '\0';
    assert_non_null(strstr(text, arg));
    return true;
}

static void last_line_has(const char *part)
{
    assert_int_equal(
        store_entries(rig.worker.reader, log_size() - 1, 1, ends_with, (void *)(uintptr_t)part),
        HUFU_OK);
}

static void is_replay(const struct rig_reply *r, const char *body)
{
    assert_true((r->flags & MSG_REPLAYED) != 0);
    assert_string_equal(r->body, body);
}

/* In a random domain a second mapping would have another token. */
static void test_C07_a_repeated_request_is_replayed_also_after_a_crash(void **state)
{
    char body[512];
    const struct rig_reply *r = rig_tokenize(&rig, &acme, "loose", PAN);

    (void)state;
    assert_int_equal(r->err, HUFU_OK);
    assert_int_equal(r->flags & MSG_REPLAYED, 0);
    snprintf(body, sizeof(body), "%s", r->body);
    is_replay(rig_tokenize(&rig, &acme, "loose", PAN), body);
    last_line_has("\"result\":\"replayed\"");
    assert_true(rig_restart(&rig));
    is_replay(rig_tokenize(&rig, &acme, "loose", PAN), body);
}

static void test_C07_two_in_flight_make_one(void **state)
{
    char body[512];
    struct buf b;
    uint64_t first, second;

    (void)state;
    buf_init(&b, 256);
    msg_put_text(&b, MSG_DOMAIN, view_str("loose"));
    msg_put_text(&b, MSG_VALUE, view_str(PAN));
    first = rig_submit(&rig, VERB_TOKENIZE, &acme, buf_view(&b));
    second = rig_submit(&rig, VERB_TOKENIZE, &acme, buf_view(&b));
    assert_true(worker_step(&rig.worker) && worker_step(&rig.worker)); /* both decide */
    rig.reply_id = 0;
    assert_true(store_journal_step(rig.core.store));
    assert_int_equal(rig.reply_id, first); /* the other one lost and is decided again */
    snprintf(body, sizeof(body), "%s", rig.reply.body);
    while (rig.reply_id != second)
        assert_true(rig_round(&rig));
    is_replay(&rig.reply, body);
    buf_done(&b);
}

static void test_another_body_is_a_mismatch(void **state)
{
    const struct rig_reply *r;

    (void)state;
    assert_int_equal(rig_tokenize(&rig, &acme, "loose", PAN)->err, HUFU_OK);
    r = rig_tokenize(&rig, &acme, "loose", "5500000000000004");
    assert_int_equal(r->err, HUFU_IDEM_MISMATCH);
    assert_int_equal(r->body_len, 0);
    last_line_has("\"result\":\"idempotency_mismatch\"");
    assert_int_equal(rig_tokenize(&rig, &acme, "loose", PAN)->err, HUFU_OK); /* the first stays */
}

static void test_the_key_belongs_to_principal_and_verb(void **state)
{
    char token[64];
    const struct rig_reply *r = rig_tokenize(&rig, &acme, "cards", PAN);
    struct buf b;

    (void)state;
    assert_non_null(rig_member(r->body, "token", token, sizeof(token)));
    r = rig_tokenize(&rig, &zeta, "cards", PAN);
    assert_int_equal(r->err, HUFU_OK);
    assert_int_equal(r->flags, 0);
    buf_init(&b, 256);
    msg_put_text(&b, MSG_DOMAIN, view_str("cards"));
    msg_put_text(&b, MSG_TOKEN, view_str(token));
    msg_put_text(&b, MSG_REASON, view_str("as asked"));
    r = rig_call(&rig, VERB_SUSPEND, &acme, buf_view(&b));
    assert_int_equal(r->err, HUFU_OK);
    assert_int_equal(r->flags, 0);
    is_replay(rig_call(&rig, VERB_SUSPEND, &acme, buf_view(&b)), "{\"state\":\"suspended\"}");
    buf_done(&b);
}

static void test_a_refusal_is_replayed_with_its_place(void **state)
{
    const struct rig_reply *r = rig_tokenize(&rig, &acme, "cards", "4111111111111112");

    (void)state;
    assert_int_equal(r->err, HUFU_INVALID_VALUE);
    r = rig_tokenize(&rig, &acme, "cards", "4111111111111112");
    assert_int_equal(r->err, HUFU_INVALID_VALUE);
    assert_int_equal(r->flags, MSG_REPLAYED);
    assert_int_equal(r->where.tag, MSG_VALUE);
}

/* A refusal under a key names the token in its entry, as one without a key does. */
static void test_C26_the_entry_of_a_refusal_under_a_key_names_the_token(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 256);
    msg_put_text(&b, MSG_DOMAIN, view_str("cards"));
    msg_put_text(&b, MSG_TOKEN, view_str("4111110000001112"));
    msg_put_text(&b, MSG_REASON, view_str("as asked"));
    assert_int_equal(rig_call(&rig, VERB_REVOKE, &acme, buf_view(&b))->err, HUFU_NOT_FOUND);
    last_line_has("\"token_id\":\"");
    last_line_has("\"reason\":\"as asked\"");
    assert_int_equal(rig_call(&rig, VERB_REVOKE, &acme, buf_view(&b))->flags, MSG_REPLAYED);
    buf_done(&b);
}

static void test_the_answer_is_kept_for_a_day(void **state)
{
    char body[512];
    const struct rig_reply *r = rig_tokenize(&rig, &acme, "loose", PAN);

    (void)state;
    snprintf(body, sizeof(body), "%s", r->body);
    rig_tick(&rig, IDEMPOTENCY_KEPT_MS - 1);
    is_replay(rig_tokenize(&rig, &acme, "loose", PAN), body);
    rig_tick(&rig, 1);
    r = rig_tokenize(&rig, &acme, "loose", PAN);
    assert_int_equal(r->flags, 0);
    assert_string_not_equal(r->body, body);
    snprintf(body, sizeof(body), "%s", r->body);
    is_replay(rig_tokenize(&rig, &acme, "loose", PAN), body); /* the new one */
}

static void test_a_limit_is_not_kept(void **state)
{
    struct rig_who other = { .partner = "acme" };

    (void)state;
    rig_set(&rig, "limit.guesses_per_day=1");
    assert_int_equal(rig_tokenize(&rig, &other, "cards", PAN)->err, HUFU_OK);
    assert_int_equal(rig_tokenize(&rig, &acme, "cards", "4111112222231111")->err,
                     HUFU_RATE_LIMITED);
    assert_int_equal(rig_tokenize(&rig, &acme, "cards", "4111112222231111")->flags, 0);
    rig_tick(&rig, 86400000);
    assert_int_equal(rig_tokenize(&rig, &acme, "cards", "4111112222231111")->err, HUFU_OK);
}

static void test_C07_what_could_not_be_done_is_not_kept(void **state)
{
    const struct rig_reply *r;

    (void)state;
    fault_disk(ENOSPC);
    r = rig_tokenize(&rig, &acme, "loose", PAN);
    fault_disk(0);
    assert_int_equal(r->err, HUFU_UNAVAILABLE);
    r = rig_tokenize(&rig, &acme, "loose", PAN);
    assert_int_equal(r->err, HUFU_OK);
    assert_int_equal(r->flags, 0);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, suite_setup, suite_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(test_C07_a_repeated_request_is_replayed_also_after_a_crash),
        WITH_RIG(test_C07_two_in_flight_make_one),
        WITH_RIG(test_another_body_is_a_mismatch),
        WITH_RIG(test_the_key_belongs_to_principal_and_verb),
        WITH_RIG(test_a_refusal_is_replayed_with_its_place),
        WITH_RIG(test_C26_the_entry_of_a_refusal_under_a_key_names_the_token),
        WITH_RIG(test_the_answer_is_kept_for_a_day),
        WITH_RIG(test_a_limit_is_not_kept),
        WITH_RIG(test_C07_what_could_not_be_done_is_not_kept),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
