/* Partner statements: what a partner sent, and what of it was revealed to whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "tests/report_world.h"

struct sums {
    uint64_t requests, values, replaced, refused;
    size_t rows;
};

static void add_sums(void *arg, json_t *page)
{
    struct sums *sums = arg;
    json_t *row, *count;
    const char *code;
    size_t i;

    json_array_foreach(json_object_get(page, "sent"), i, row)
    {
        sums->requests += (uint64_t)json_integer_value(json_object_get(row, "requests"));
        sums->values += (uint64_t)json_integer_value(json_object_get(row, "values"));
        sums->replaced += (uint64_t)json_integer_value(json_object_get(row, "replaced"));
        sums->rows++;
    }
    json_object_foreach(json_object_get(page, "refusals"), code, count)
    {
        sums->refused += (uint64_t)json_integer_value(count);
    }
}

static void put_values(struct buf *b, const char *const *value, size_t count)
{
    struct buf list;

    buf_init(&list, 1024);
    for (size_t i = 0; i < count; i++) {
        struct buf item;

        buf_init(&item, 128);
        msg_put_text(&item, MSG_VALUE, view_str(value[i]));
        buf_lv32(&list, item.p, item.len);
        buf_done(&item);
    }
    msg_put_text(b, MSG_DOMAIN, view_str("cards"));
    msg_put_text(b, MSG_VALUES, buf_view(&list));
    buf_done(&list);
}

static void test_C51_statement_counts_what_was_sent(void **state)
{
    static const char *const batch[] = { PAN_A, PAN_C, "4111111111111112" };
    const struct report_ask ask = { .verb = VERB_REPORT_PARTNER, .about = "acme" };
    struct sums sums = { 0 };
    json_t *items, *page, *row;
    size_t pages;
    struct buf b;

    (void)state;
    world_live();
    buf_init(&b, 1024);
    put_values(&b, batch, 3); /* two get tokens, one is refused */
    assert_int_equal(rig_call(&rig, VERB_TOKENIZE, &world_acme, buf_view(&b))->err, HUFU_OK);
    buf_done(&b);
    assert_int_equal(rig_tokenize(&rig, &world_acme, "cards", "4111111111111112")->err,
                     HUFU_INVALID_VALUE);
    assert_int_equal(rig_tokenize(&rig, &world_acme, "nowhere", PAN_A)->err, HUFU_FORBIDDEN);
    assert_int_equal(
        life_call(&rig, VERB_REPLACE, &world_acme, "cards", "4111112222231111", world.a, "reissued")
            ->err,
        HUFU_OK);
    page = report_page(world.aude, &ask);
    assert_int_equal(json_array_size(json_object_get(page, "sent")), 3);
    row = json_array_get(json_object_get(page, "sent"), 0);
    assert_string_equal(report_text(row, "day"), "2026-09-21");
    assert_string_equal(report_text(row, "domain"), "cards");
    assert_int_equal(json_integer_value(json_object_get(row, "requests")), 2);
    assert_int_equal(json_integer_value(json_object_get(row, "values")), 2);
    row = json_array_get(json_object_get(page, "sent"), 2);
    assert_string_equal(report_text(row, "day"), "2026-09-22");
    assert_int_equal(json_integer_value(json_object_get(row, "requests")), 1);
    assert_int_equal(json_integer_value(json_object_get(row, "values")), 2);
    assert_int_equal(json_integer_value(json_object_get(row, "replaced")), 1);
    row = json_object_get(page, "refusals");
    assert_int_equal(json_object_size(row), 2);
    assert_int_equal(json_integer_value(json_object_get(row, "invalid_value")), 1);
    assert_int_equal(json_integer_value(json_object_get(row, "forbidden")), 1);
    json_decref(page);
    for (uint64_t limit = 1; limit <= 3; limit++) { /* what pages count adds up to the same */
        struct report_ask one = ask;

        one.limit = limit;
        memset(&sums, 0, sizeof(sums));
        items = report_items(world.aude, &one, &pages, add_sums, &sums);
        assert_true(pages > 1);
        assert_int_equal(sums.requests, 4);
        assert_int_equal(sums.values, 5);
        assert_int_equal(sums.replaced, 1);
        assert_int_equal(sums.refused, 2);
        json_decref(items);
    }
}

static void test_C51_statement_names_what_was_revealed(void **state)
{
    static const struct {
        const char *partner, *user, *purpose, *subject;
    } rows[] = {
        { "acme", "olga", "refund", "customer-1" }, { "acme", "omar", "refund", "" },
        { "acme", "olga", "refund", "customer-1" }, { "acme", "olga", "dispute", "customer-1" },
        { "acme", "olga", "refund", "customer-4" }, { "zeta", "olga", "refund", "" },
        { "zeta", "olga", "dispute", "client-9" },  { "zeta", "olga", "refund", "" },
        { "zeta", "olga", "dispute", "" },
    };
    size_t at = 0, pages;

    (void)state;
    world_live();
    for (uint64_t limit = 1; limit <= 101; limit += 100) {
        for (at = 0; at < sizeof(rows) / sizeof(rows[0]);) {
            const struct report_ask ask = { .verb = VERB_REPORT_PARTNER,
                                            .about = rows[at].partner,
                                            .limit = limit };
            json_t *items = report_items(world.aude, &ask, &pages, NULL, NULL);

            for (size_t i = 0; i < json_array_size(items); i++, at++) {
                const json_t *item = json_array_get(items, i);

                assert_string_equal(ask.about, rows[at].partner);
                assert_string_equal(report_text(item, "user"), rows[at].user);
                assert_string_equal(report_text(item, "purpose"), rows[at].purpose);
                /* whose reference it is: the first sender's alone */
                assert_string_equal(report_text(item, "subject"), rows[at].subject);
                assert_null(json_object_get(item, "reason"));
                assert_null(json_object_get(item, "partners"));
                world_check_entry(item);
            }
            json_decref(items);
        }
        assert_int_equal(at, sizeof(rows) / sizeof(rows[0]));
    }
    {
        const struct report_ask ask = { .verb = VERB_REPORT_PARTNER, .about = "zeta" };
        const struct rig_reply *r = report_call(world.aude, &ask);

        assert_null(strstr(r->body, PAN_C));
        assert_null(strstr(r->body, world.c));
        assert_null(strstr(r->body, "customer-1"));
    }
}

/* What was refused too often for an entry each is in its statement by number. */
static void test_C51_statement_has_counted_refusals(void **state)
{
    const struct entry_draft e = { .verb = "refusals",
                                   .result = "rate_limited",
                                   .principal = view_str("acme"),
                                   .reason = view_str("count=17") };
    const struct report_ask ask = { .verb = VERB_REPORT_PARTNER, .about = "acme" };
    json_t *page;

    (void)state;
    rig_login(&rig, "aude", world.aude);
    report_put(&e, 2);
    page = report_page(world.aude, &ask);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(page, "refusals"), "rate_limited")), 34);
    json_decref(page);
}

static json_t *statement_of(const char *partner, size_t items, json_int_t unattributed)
{
    const struct report_ask ask = { .verb = VERB_REPORT_PARTNER, .about = partner };
    json_t *page = report_page(world.aude, &ask);

    assert_int_equal(json_array_size(json_object_get(page, "items")), items);
    assert_int_equal(json_integer_value(json_object_get(page, "unattributed")), unattributed);
    return page;
}

/* Where nothing leads from an entry to its record: the only partner of a domain it was, of several
 * nobody can tell which, and the statement says so. */
static void test_C51_statement_of_what_cannot_be_traced(void **state)
{
    static const uint8_t id[ENTRY_TOKEN_ID_LEN] = { 9 };
    struct entry_draft e = { .verb = "export",
                             .result = "ok",
                             .principal = view_str("olga"),
                             .role = "operator",
                             .domain = view_str("loose"),
                             .purpose = view_str("refund"),
                             .token_ids = id,
                             .token_id_count = 1 };
    json_t *page;

    (void)state;
    rig_login(&rig, "aude", world.aude);
    report_put(&e, 1);
    page = statement_of("acme", 1, 0);
    assert_string_equal(report_text(json_array_get(json_object_get(page, "items"), 0), "verb"),
                        "export");
    json_decref(page);
    json_decref(statement_of("zeta", 0, 0));
    e.domain = view_str("cards");
    report_put(&e, 2);
    json_decref(statement_of("acme", 1, 2));
    json_decref(statement_of("zeta", 0, 2));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, suite_setup, suite_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C51_statement_counts_what_was_sent),
        TEST(test_C51_statement_names_what_was_revealed),
        TEST(test_C51_statement_has_counted_refusals),
        TEST(test_C51_statement_of_what_cannot_be_traced),
    };

    return cmocka_run_group_tests_name("report partner", tests, suite_heap, NULL);
}
