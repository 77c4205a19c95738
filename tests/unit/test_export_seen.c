/* C50, C51, C55: of values that left in a file the reports say whose they were, once each; and that
 * somebody exported a value spares nobody the limits on seeing it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/subject_calls.h" /* before the suites, whose rig they do not know */
#include "tests/share_calls.h"
#include "tests/report_calls.h"
#include "vault/reveal_seen.h"

#define PAN_A "4111111111111111"
#define PAN_B "5500005555555559"

static const struct rig_who acme = { .partner = "acme" }, zeta = { .partner = "zeta" };
static struct share_key bank;
static char of_acme[LIFE_TOKEN_MAX], of_zeta[LIFE_TOKEN_MAX];
static const char *const both[] = { of_acme, of_zeta };

static void put_texts(struct buf *b, enum msg_tag tag, const char *one, const char *two)
{
    struct buf list;

    buf_init(&list, 256);
    buf_lv32(&list, one, strlen(one));
    if (two != NULL)
        buf_lv32(&list, two, strlen(two));
    msg_put_text(b, tag, buf_view(&list));
    buf_done(&list);
}

/* One that two partners have, where a dispute takes an approval. */
static void shared_domain(void)
{
    struct rig_who who = { .session = sara };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 4096);
    msg_put_text(&b, MSG_NAME, view_str("both"));
    msg_put_text(&b, MSG_FORMAT, view_str("pan"));
    msg_put_text(&b, MSG_MODE, view_str("deterministic"));
    put_texts(&b, MSG_PARTNERS, "acme", "zeta");
    msg_put_text(&b, MSG_KEEP, view_of("\6\4", 2));
    put_texts(&b, MSG_PURPOSES, "refund", "dispute");
    msg_put_u64(&b, MSG_BATCH_DETOKENIZE, 10);
    put_texts(&b, MSG_PURPOSES_ONE, "dispute", NULL);
    r = rig_call(&rig, VERB_DOMAIN_ADD, &who, buf_view(&b));
    buf_done(&b);
    RIG_CHECK(r->err == HUFU_OK);
}

static int setup(void **state)
{
    int rc;

    share_key_make(&bank, "P-256", 0, RIG_NOW_MS + SHARE_YEAR_MS, NULL);
    rc = share_vault(state);
    share_partner("bank", bank.pem);
    shared_domain();
    RIG_CHECK(subject_send(&rig, &acme, "both", PAN_A, "customer-1", of_acme)->err == HUFU_OK);
    RIG_CHECK(subject_send(&rig, &zeta, "both", PAN_B, "client-9", of_zeta)->err == HUFU_OK);
    return rc;
}

static int teardown(void **state)
{
    share_key_free(&bank);
    return grant_vault_end(state);
}

static void granted_both(uint64_t count, char id[static GRANT_ID_MAX])
{
    const struct grant_ask what = {
        .domain = "both", .recipient = "bank", .tokens = both, .token_count = 2, .count = count
    };

    granted(&what, id);
}

/* Both tokens, in a file that is finished. */
static void export_both(void)
{
    struct share_export e = { .domain = "both", .tokens = both, .token_count = 2 };
    char grant[GRANT_ID_MAX], id[GRANT_ID_MAX];

    granted_both(2, grant);
    e.grant = grant;
    share_begun(&e, id);
    share_settle();
    share_expect(id, EXPORT_DONE, "", 2);
}

static enum hufu_err see(const char *what, const char *grant)
{
    const char *const one[] = { what };

    return grant_use_it(&rig, olga,
                        &(struct grant_reveal){
                            .domain = "both", .tokens = one, .token_count = 1, .grant = grant })
        ->err;
}

static json_t *items_of(uint16_t verb, const char *about, size_t count, json_t **page)
{
    const struct report_ask ask = { .verb = verb, .about = about };
    json_t *items;

    *page = report_page(aude, &ask);
    items = json_object_get(*page, "items");
    if (json_array_size(items) != count)
        fail_msg("%s: %zu items", about, json_array_size(items));
    return items;
}

static void check_item(const json_t *item, const char *verb, const char *subject)
{
    assert_string_equal(report_text(item, "verb"), verb);
    assert_string_equal(report_text(item, "subject"), subject);
    assert_string_equal(report_text(item, "purpose"), "dispute");
}

/* The statement has this one item, and nothing that nobody can be told of. */
static void check_statement(const char *partner, const char *verb, const char *subject)
{
    json_t *page, *items = items_of(VERB_REPORT_PARTNER, partner, 1, &page);

    check_item(json_array_get(items, 0), verb, subject);
    assert_int_equal(json_integer_value(json_object_get(page, "unattributed")), 0);
    json_decref(page);
}

static void test_C50_an_export_says_whose_values_it_gave_out(void **state)
{
    const char *const subject[] = { "customer-1", "client-9" }, *const from[] = { "acme", "zeta" };
    json_t *page, *items;

    (void)state;
    export_both();
    items = items_of(VERB_REPORT_IMPACT, "olga", 2, &page);
    for (size_t i = 0; i < 2; i++) {
        const json_t *item = json_array_get(items, i);
        const json_t *partners = json_object_get(item, "partners");

        check_item(item, "export", subject[i]);
        assert_int_equal(json_array_size(partners), 1);
        assert_string_equal(json_string_value(json_array_get(partners, 0)), from[i]);
    }
    json_decref(page);
}

static void test_C51_an_export_is_in_the_right_partners_statement(void **state)
{
    (void)state;
    export_both();
    check_statement("acme", "export", "customer-1");
    check_statement("zeta", "export", "client-9");
}

/* How often `what` is in the report about a data subject. */
static size_t told(const char *subject, const char *what)
{
    char id[SUBJECT_ID_TEXT];
    size_t n = 0;

    subject_agree(&rig, sara, anna, subject, "report", id);
    assert_int_equal(subject_by_id(&rig, VERB_SUBJECT_REPORT, sara, id)->err, HUFU_OK);
    for (const char *at = rig.reply.body; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

static void test_C55_an_exported_value_is_told_once(void **state)
{
    char grant[GRANT_ID_MAX];

    (void)state;
    export_both();
    assert_int_equal(told("customer-1", "\"index\":"), 1);
    assert_int_equal(told("customer-1", "\"recipient\":\"bank\""), 1);
    assert_int_equal(told("client-9", "\"index\":"), 1);
    /* seen besides: that is a second time, whichever came first */
    granted_both(2, grant);
    assert_int_equal(see(of_acme, grant), HUFU_OK);
    assert_int_equal(see(of_zeta, grant), HUFU_OK);
    assert_int_equal(told("customer-1", "\"index\":"), 2);
    export_both();
    assert_int_equal(told("customer-1", "\"index\":"), 3);
    assert_int_equal(told("client-9", "\"index\":"), 3);
}

static bool count_way(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct reveal_seen row;
    size_t *n = arg;

    (void)seq;
    assert_int_equal(reveal_seen_parse(key, image, &row), HUFU_OK);
    n[row.way]++;
    return true;
}

static void expect_rows(size_t shown, size_t exported)
{
    uint8_t table = TABLE_SEEN, next_mem[STORE_KEY_MAX];
    size_t n[3] = { 0 };
    struct buf next;

    buf_fixed(&next, next_mem, sizeof(next_mem));
    assert_int_equal(store_scan(rig.worker.reader, view_of(&table, 1), view_of(&table, 1), 100,
                                count_way, n, &next),
                     HUFU_OK);
    assert_int_equal(n[REVEAL_SHOWN], shown);
    assert_int_equal(n[REVEAL_EXPORTED], exported);
}

/* Nobody sees what is in the file but its recipient: the first look at it counts as ever. */
static void test_C28_what_was_exported_counts_when_it_is_seen(void **state)
{
    char grant[GRANT_ID_MAX];

    (void)state;
    rig_set(&rig, "limit.reveals_per_day=1");
    export_both();
    expect_rows(0, 2);
    granted_both(10, grant);
    assert_int_equal(see(of_acme, grant), HUFU_OK);
    expect_rows(1, 1);
    assert_int_equal(see(of_acme, grant), HUFU_OK); /* the same value again */
    assert_int_equal(see(of_zeta, grant), HUFU_RATE_LIMITED);
    expect_rows(1, 1);
}

/* Seen before, exported twice: a row each. */
static void test_C50_one_row_for_a_token(void **state)
{
    char grant[GRANT_ID_MAX];

    (void)state;
    granted_both(1, grant);
    assert_int_equal(see(of_acme, grant), HUFU_OK);
    export_both();
    expect_rows(1, 1);
    export_both();
    expect_rows(1, 1);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C50_an_export_says_whose_values_it_gave_out),
        TEST(test_C51_an_export_is_in_the_right_partners_statement),
        TEST(test_C55_an_exported_value_is_told_once),
        TEST(test_C28_what_was_exported_counts_when_it_is_seen),
        TEST(test_C50_one_row_for_a_token),
    };

    return cmocka_run_group_tests_name("export seen", tests, suite_heap, NULL);
}
