/* Impact reports: exactly what each person saw, and no value or token of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "tests/report_world.h"
#include "vault/report.h"
#include "vault/row.h"

struct want {
    const char *domain, *purpose, *reason, *subject, *partners;
};

static const struct want olga_saw[] = {
    { "cards", "refund", "case 1", "customer-1", "acme,zeta" },
    { "cards", "dispute", "say \"2\"", "client-9", "zeta" },
    { "cards", "refund", "case 4", "customer-1", "acme,zeta" },
    { "cards", "dispute", "case 5", "customer-1", "acme,zeta" },
    { "loose", "refund", "case 6", "customer-4", "acme" },
};
static const struct want omar_saw[] = { { "cards", "refund", "case 3", "", "acme" } };

static void check_partners(const json_t *list, const char *want)
{
    char text[128] = "";
    json_t *name;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)list, i, name)
    {
        if (i > 0)
            strncat(text, ",", sizeof(text) - strlen(text) - 1);
        strncat(text, json_string_value(name), sizeof(text) - strlen(text) - 1);
    }
    assert_string_equal(text, want);
}

static void check_items(const json_t *items, const struct want *want, size_t count, bool subjects)
{
    assert_int_equal(json_array_size(items), count);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(items, i);

        assert_string_equal(report_text(item, "domain"), want[i].domain);
        assert_string_equal(report_text(item, "purpose"), want[i].purpose);
        assert_string_equal(report_text(item, "reason"), want[i].reason);
        assert_string_equal(report_text(item, "subject"), subjects ? want[i].subject : "");
        assert_string_equal(report_text(item, "verb"), "detokenize");
        check_partners(json_object_get(item, "partners"), want[i].partners);
        world_check_entry(item);
    }
}

static void check_impact(const struct report_ask *ask, const struct want *want, size_t count)
{
    size_t pages;
    json_t *items = report_items(world.aude, ask, &pages, NULL, NULL);

    check_items(items, want, count, true);
    json_decref(items);
}

static const struct report_ask of_olga = { .verb = VERB_REPORT_IMPACT, .about = "olga" };
static const struct report_ask of_omar = { .verb = VERB_REPORT_IMPACT, .about = "omar" };

static void test_C50_impact_names_what_each_person_saw(void **state)
{
    static const char *const never[] = { PAN_A, PAN_B, PAN_C, PAN_D };
    const struct rig_reply *r;

    (void)state;
    world_live();
    check_impact(&of_olga, olga_saw, 5);
    check_impact(&of_omar, omar_saw, 1);
    r = report_call(world.aude, &of_olga);
    for (size_t i = 0; i < 4; i++)
        assert_null(strstr(r->body, never[i]));
    assert_null(strstr(r->body, world.a));
    assert_null(strstr(r->body, world.d));
    assert_non_null(strstr(r->body, "\"next\":null,\"since\":null,\"until\":\"2026-09-22T"));
}

static void test_C50_impact_pages_at_every_size(void **state)
{
    (void)state;
    world_live();
    for (uint64_t limit = 1; limit <= 7; limit++) {
        struct report_ask ask = of_olga;
        size_t pages;
        json_t *items;

        ask.limit = limit;
        items = report_items(world.aude, &ask, &pages, NULL, NULL);
        check_items(items, olga_saw, 5, true);
        assert_int_equal(pages, (5 + limit - 1) / limit);
        json_decref(items);
    }
}

/* since is in the range, until is not; both to the millisecond. */
static void test_C50_impact_between_two_times(void **state)
{
    static const struct {
        const char *since, *until;
        size_t first, count;
    } rows[] = {
        { "2026-09-21T14:13:20.000Z", NULL, 0, 5 },
        { "2026-09-21T14:13:20.001Z", NULL, 1, 4 },
        { NULL, "2026-09-21T14:13:20Z", 0, 0 },
        { NULL, "2026-09-21T14:13:20.001Z", 0, 1 },
        { "2026-09-21T14:13:21.000Z", "2026-09-21T14:13:21.001Z", 1, 1 },
        { "2026-09-22T00:00:00Z", "2026-09-23T00:00:00Z", 2, 3 },
        { "2026-09-22T00:00:00Z", "2026-09-22T00:00:00Z", 0, 0 },
        { "2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z", 0, 0 },
        { "1970-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", 0, 5 },
    };

    (void)state;
    world_live();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct report_ask ask = of_olga;

        ask.since = rows[i].since;
        ask.until = rows[i].until;
        for (ask.limit = 1; ask.limit <= 6; ask.limit += 5)
            check_impact(&ask, olga_saw + rows[i].first, rows[i].count);
    }
}

static void flush_all(void)
{
    while (store_map_step(rig.core.store, true))
        continue;
}

static void test_C50_impact_survives_restart_and_flush(void **state)
{
    (void)state;
    world_live();
    flush_all();
    check_impact(&of_olga, olga_saw, 5);
    assert_true(rig_restart(&rig));
    rig_tick(&rig, 60000);
    rig_login(&rig, "aude", world.aude);
    check_impact(&of_olga, olga_saw, 5);
}

/* What is deleted has no person any more; that it was seen stays. */
static void test_C50_impact_of_a_deleted_token(void **state)
{
    size_t pages;
    json_t *items;

    (void)state;
    world_live();
    assert_int_equal(
        life_call(&rig, VERB_DELETE, &world_acme, "cards", NULL, world.a, "erasure")->err, HUFU_OK);
    items = report_items(world.aude, &of_olga, &pages, NULL, NULL);
    assert_int_equal(json_array_size(items), 5);
    for (size_t i = 0; i < 5; i++) {
        const json_t *item = json_array_get(items, i);
        bool deleted = i == 0 || i == 2 || i == 3;

        assert_string_equal(report_text(item, "subject"), deleted ? "" : olga_saw[i].subject);
        check_partners(json_object_get(item, "partners"), olga_saw[i].partners);
    }
    json_decref(items);
}

/* A revealed value is told of once its row is gone too: without its origin. */
static void test_C50_impact_without_the_row_of_who_saw_it(void **state)
{
    static const uint8_t id[ENTRY_TOKEN_ID_LEN] = { 7 };
    const struct entry_draft e = { .verb = "detokenize",
                                   .result = "ok",
                                   .principal = view_str("olga"),
                                   .role = "operator",
                                   .domain = view_str("cards"),
                                   .purpose = view_str("refund"),
                                   .token_ids = id,
                                   .token_id_count = 1 };
    static const struct want alone[] = { { "cards", "refund", "", "", "" } };
    struct entry_draft other = e;

    (void)state;
    rig_login(&rig, "aude", world.aude);
    report_put(&e, 1);
    check_impact(&of_olga, alone, 1);
    other.result = "not_found"; /* what was refused was not seen */
    report_put(&other, 1);
    other.result = "ok";
    other.role = "partner"; /* a machine of that name */
    report_put(&other, 1);
    other.role = "operator";
    other.principal = view_str("olga2");
    report_put(&other, 1);
    check_impact(&of_olga, alone, 1);
}

/* What went into a file in a person's name is told of by that person's name. */
static void test_C50_impact_has_exports_too(void **state)
{
    uint8_t id[ENTRY_TOKEN_ID_LEN];
    const struct entry_draft e = { .verb = "export",
                                   .result = "ok",
                                   .principal = view_str("olga"),
                                   .role = "operator",
                                   .domain = view_str("cards"),
                                   .purpose = view_str("refund"),
                                   .reason = view_str("case 8"),
                                   .token_ids = id,
                                   .token_id_count = 1 };
    const json_t *item;
    size_t pages;
    json_t *items;

    (void)state;
    world_live();
    assert_int_equal(row_token_id(&rig.worker,
                                  directory_domain(rig.core.dir, view_str("cards"))->id,
                                  view_str(world.a), id),
                     HUFU_OK);
    report_put(&e, 1);
    items = report_items(world.aude, &of_olga, &pages, NULL, NULL);
    assert_int_equal(json_array_size(items), 6);
    item = json_array_get(items, 5);
    assert_string_equal(report_text(item, "verb"), "export");
    assert_string_equal(report_text(item, "subject"), "customer-1");
    check_partners(json_object_get(item, "partners"), "acme,zeta");
    json_decref(items);
}

/* A call looks at so many entries and no more; the next one goes on. */
static void test_C50_work_of_a_call_is_bounded(void **state)
{
    const struct entry_draft noise = {
        .verb = "lookup", .result = "ok", .principal = view_str("acme"), .role = "partner"
    };
    const uint64_t lots = REPORT_WORK / 64 + 1;
    struct report_ask ask = of_olga;
    size_t pages;
    json_t *items;

    (void)state;
    world_live();
    for (uint64_t i = 0; i < lots; i++)
        report_put(&noise, 64);
    rig_tick(&rig, 60000);
    rig_login(&rig, "olga", world.olga);
    world_reveal(world.olga, "cards", world.b, "dispute", "case 9");
    items = report_items(world.aude, &ask, &pages, NULL, NULL);
    assert_int_equal(pages, 2);
    assert_int_equal(json_array_size(items), 6);
    assert_string_equal(report_text(json_array_get(items, 5), "reason"), "case 9");
    json_decref(items);
}

static void check_refused(const char *session, const struct report_ask *ask, enum hufu_err err,
                          uint16_t tag)
{
    const struct rig_reply *r = report_call(session, ask);

    assert_int_equal(r->err, err);
    assert_int_equal(r->where.tag, tag);
    assert_int_equal(r->body_len, 0);
}

static void test_C50_reports_refuse_bad_requests(void **state)
{
    static const uint16_t verbs[] = { VERB_REPORT_IMPACT, VERB_REPORT_PARTNER,
                                      VERB_REPORT_INDICATORS };

    (void)state;
    rig_login(&rig, "aude", world.aude);
    for (size_t i = 0; i < 3; i++) {
        struct report_ask ask = { .verb = verbs[i], .about = i == 0 ? "olga" : "acme" };

        ask.since = "yesterday";
        check_refused(world.aude, &ask, HUFU_BAD_REQUEST, MSG_SINCE);
        ask.since = "2026-09-21";
        check_refused(world.aude, &ask, HUFU_BAD_REQUEST, MSG_SINCE);
        ask.since = NULL;
        ask.until = "2026-13-01T00:00:00Z";
        check_refused(world.aude, &ask, HUFU_BAD_REQUEST, MSG_UNTIL);
        ask.since = "2026-09-21T14:13:20.001Z";
        ask.until = "2026-09-21T14:13:20.000Z";
        check_refused(world.aude, &ask, HUFU_BAD_REQUEST, MSG_UNTIL);
        ask.since = ask.until = NULL;
        ask.after = "x";
        check_refused(world.aude, &ask, HUFU_BAD_REQUEST, MSG_AFTER);
        ask.after = "-1";
        check_refused(world.aude, &ask, HUFU_BAD_REQUEST, MSG_AFTER);
        ask.after = "9223372036854775808";
        check_refused(world.aude, &ask, HUFU_BAD_REQUEST, MSG_AFTER);
        ask.after = NULL;
        ask.limit = 1001;
        check_refused(world.aude, &ask, HUFU_BAD_REQUEST, MSG_LIMIT);
        ask.limit = 0;
        ask.about = "nobody";
        if (i < 2)
            check_refused(world.aude, &ask, HUFU_NOT_FOUND, MSG_NONE);
    }
}

/* Beyond its end a report is empty, and that is its end. */
static void test_C50_after_the_end(void **state)
{
    struct report_ask ask = of_olga;
    json_t *page;

    (void)state;
    world_live();
    ask.after = "9223372036854775807";
    page = report_page(world.aude, &ask);
    assert_int_equal(json_array_size(json_object_get(page, "items")), 0);
    assert_true(json_is_null(json_object_get(page, "next")));
    json_decref(page);
}

static void test_C50_nobody_else_gets_a_report(void **state)
{
    static const struct {
        const char *user;
        bool may[3]; /* impact, partner, indicators */
    } rows[] = {
        { "olga", { false, false, false } },
        { "carl", { false, false, false } },
        { "sara", { true, true, true } },
        { "aude", { true, true, true } },
    };
    static const uint16_t verbs[] = { VERB_REPORT_IMPACT, VERB_REPORT_PARTNER,
                                      VERB_REPORT_INDICATORS };
    char session[MSG_SESSION_LEN + 1];
    struct life_lines lines;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        rig_login(&rig, rows[i].user, session);
        for (size_t k = 0; k < 3; k++) {
            struct report_ask ask = { .verb = verbs[k], .about = k == 0 ? "olga" : "acme" };

            assert_int_equal(report_call(session, &ask)->err,
                             rows[i].may[k] ? HUFU_OK : HUFU_FORBIDDEN);
        }
    }
    for (size_t k = 0; k < 3; k++) {
        struct report_ask ask = { .verb = verbs[k], .about = k == 0 ? "olga" : "acme" };

        assert_int_equal(report_call(NULL, &ask)->err, HUFU_UNAUTHENTICATED);
    }
    /* who asked about whom is in the log */
    assert_int_equal(life_find_lines(&rig, &lines, 0, "\"verb\":\"report-impact\"",
                                     "\"purpose\":\"olga\"", "\"principal\":\"aude\""),
                     1);
    assert_non_null(strstr(lines.last, "\"reason\":\"since=1970-01-01T00:00:00.000Z until="));
    assert_int_equal(life_find_lines(&rig, &lines, 0, "\"verb\":\"report-impact\"",
                                     "\"result\":\"forbidden\"", NULL),
                     2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, suite_setup, suite_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C50_impact_names_what_each_person_saw),
        TEST(test_C50_impact_pages_at_every_size),
        TEST(test_C50_impact_between_two_times),
        TEST(test_C50_impact_survives_restart_and_flush),
        TEST(test_C50_impact_of_a_deleted_token),
        TEST(test_C50_impact_without_the_row_of_who_saw_it),
        TEST(test_C50_impact_has_exports_too),
        TEST(test_C50_work_of_a_call_is_bounded),
        TEST(test_C50_reports_refuse_bad_requests),
        TEST(test_C50_after_the_end),
        TEST(test_C50_nobody_else_gets_a_report),
    };

    return cmocka_run_group_tests_name("report", tests, suite_heap, NULL);
}
