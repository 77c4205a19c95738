/* C55: a report that does not fit says so or goes on with the next page; what cannot be read stands
 * in it as such, and a case over it ends as failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/subject_calls.h" /* before the suite: it names its core rig too */
#include "tests/core_suite.h"
#include "vault/reveal_seen.h"
#include "vault/subject_reveals.h"

#define REF "customer-17"

static const struct rig_who acme = { .partner = "acme" };
static char sara[MSG_SESSION_LEN + 1], anna[MSG_SESSION_LEN + 1];

static int setup(void **state)
{
    (void)state;
    rig_has_approvers = true;
    fake_hsm_init(&hsm);
    rig_start(&rig, &hsm);
    rig_login(&rig, "sara", sara);
    rig_login(&rig, "anna", anna);
    return 0;
}

/* An operation of the keeper's with room for writes; its entry is named "test". */
static struct store_op *begin(size_t writes)
{
    struct keeper *k = &rig.keeper;

    arena_done(&k->req.work);
    k->req.draft = (struct store_draft){ 0 };
    assert_int_equal(request_ops(&k->req, 1, 1, writes, 0), HUFU_OK);
    request_entry(&k->req, 0)->verb = "test";
    return &k->req.op[0];
}

/* Rows as if the token had been revealed on so many days. */
static void reveal_on_days(const char *token, unsigned days)
{
    struct store_op *op = begin(days);

    for (unsigned i = 0; i < days; i++) {
        uint8_t *mem = request_take(&rig.keeper.req, REVEAL_SEEN_KEY_LEN + REVEAL_SEEN_IMAGE_MAX);
        uint8_t id[ENTRY_TOKEN_ID_LEN];
        struct buf key, image;

        assert_int_equal(row_token_id(&rig.keeper.w, 1, view_str(token), id), HUFU_OK);
        buf_fixed(&key, mem, REVEAL_SEEN_KEY_LEN);
        reveal_seen_prefix(1, i, &key);
        buf_u64(&key, 7);
        buf_put(&key, id, sizeof(id));
        buf_fixed(&image, mem + REVEAL_SEEN_KEY_LEN, REVEAL_SEEN_IMAGE_MAX);
        buf_u64(&image, RIG_NOW_MS);
        buf_u8(&image, REVEAL_SHOWN);
        buf_be32(&image, 1);
        buf_str(&image, token);
        op_write(op, buf_view(&key), image.p, image.len);
    }
    assert_int_equal(keeper_commit(&rig.keeper), HUFU_OK);
}

static void send(unsigned n, char token[static LIFE_TOKEN_MAX])
{
    char value[17];

    subject_pan(n, value);
    assert_int_equal(subject_send(&rig, &acme, "cards", value, REF, token)->err, HUFU_OK);
}

static size_t count(const char *body, const char *what)
{
    size_t n = 0;

    for (const char *at = body; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

/* Two tokens whose reveals fit one by one: two pages, and nothing is left out. */
static void test_C55_reveals_that_do_not_fit_make_shorter_pages(void **state)
{
    char token[2][LIFE_TOKEN_MAX], id[SUBJECT_ID_TEXT];

    (void)state;
    send(1, token[0]);
    send(2, token[1]);
    reveal_on_days(token[0], 300);
    reveal_on_days(token[1], 300);
    subject_agree(&rig, sara, anna, REF, "report", id);
    assert_int_equal(subject_by_id(&rig, VERB_SUBJECT_REPORT, sara, id)->err, HUFU_OK);
    assert_non_null(strstr(rig.reply.body, "\"complete\":true"));
    assert_non_null(strstr(rig.reply.body, "\"next\":\"1\""));
    assert_int_equal(count(rig.reply.body, "\"index\":"), 300);
    assert_int_equal(subject_page(&rig, sara, id, 0, "1")->err, HUFU_OK);
    assert_non_null(strstr(rig.reply.body, "\"complete\":true"));
    assert_non_null(strstr(rig.reply.body, "\"next\":null"));
    assert_int_equal(count(rig.reply.body, "\"index\":"), 300);
}

static void test_C55_a_report_that_is_cut_says_so(void **state)
{
    char token[LIFE_TOKEN_MAX], id[SUBJECT_ID_TEXT];

    (void)state;
    send(1, token);
    reveal_on_days(token, SUBJECT_REVEALS_MAX);
    subject_agree(&rig, sara, anna, REF, "report", id);
    assert_int_equal(subject_by_id(&rig, VERB_SUBJECT_REPORT, sara, id)->err, HUFU_OK);
    assert_non_null(strstr(rig.reply.body, "\"complete\":true"));
    assert_int_equal(count(rig.reply.body, "\"index\":"), SUBJECT_REVEALS_MAX);
    reveal_on_days(token, SUBJECT_REVEALS_MAX + 1); /* one more, the others again */
    assert_int_equal(subject_by_id(&rig, VERB_SUBJECT_REPORT, sara, id)->err, HUFU_OK);
    assert_non_null(strstr(rig.reply.body, "\"complete\":false"));
    assert_int_equal(count(rig.reply.body, "\"index\":"), SUBJECT_REVEALS_MAX);
}

/* A row that leads to no record: something was lost. */
static void lose_one(void)
{
    uint8_t digest[CASE_DIGEST_LEN];
    struct store_op *op = begin(1);

    assert_int_equal(subject_digest(&rig.keeper.w, view_str(REF), digest), HUFU_OK);
    assert_int_equal(subject_add(&rig.keeper.w, &rig.keeper.req, op, 1,
                                 view_str("4000009999991234"), view_str(REF)),
                     HUFU_OK);
    assert_int_equal(keeper_commit(&rig.keeper), HUFU_OK);
}

static void test_C55_what_cannot_be_read_is_told(void **state)
{
    char token[LIFE_TOKEN_MAX], id[SUBJECT_ID_TEXT], erase[SUBJECT_ID_TEXT];
    struct case_row c;

    (void)state;
    send(1, token);
    send(2, token);
    lose_one();
    subject_agree(&rig, sara, anna, REF, "report", id);
    assert_int_equal(subject_by_id(&rig, VERB_SUBJECT_REPORT, sara, id)->err, HUFU_OK);
    assert_int_equal(count(rig.reply.body, "\"state\":\"active\""), 2);
    assert_int_equal(count(rig.reply.body, "\"state\":\"unreadable\""), 1);
    subject_agree(&rig, sara, anna, REF, "erase", erase);
    subject_settle(&rig);
    c = subject_case_of(&rig, erase);
    assert_int_equal(c.state, CASE_FAILED);
    assert_string_equal(c.error, "unavailable");
    assert_int_equal(c.done, 2);
    assert_int_equal(c.total, 3);
    assert_int_equal(subject_by_id(&rig, VERB_SUBJECT_REPORT, sara, id)->err, HUFU_OK);
    assert_int_equal(count(rig.reply.body, "\"state\":\"deleted\""), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, suite_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C55_reveals_that_do_not_fit_make_shorter_pages),
        TEST(test_C55_a_report_that_is_cut_says_so),
        TEST(test_C55_what_cannot_be_read_is_told),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
