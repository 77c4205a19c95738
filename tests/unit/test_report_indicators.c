/* Indicators: rights, reviews, alarms, refusals, reveals and shares, counted once each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "tests/report_world.h"
#include "vault/report.h"
#include "vault/share.h"

static const struct report_ask all = { .verb = VERB_REPORT_INDICATORS };

static int64_t number(const json_t *page, const char *object, const char *name)
{
    const json_t *in = object == NULL ? page : json_object_get(page, object);

    return json_integer_value(json_object_get(in, name));
}

static void put_alarm(const char *words)
{
    const struct entry_draft e = { .verb = "alarm",
                                   .result = "ok",
                                   .principal = view_str("omar"),
                                   .role = "operator",
                                   .purpose = view_str(words) };

    report_put(&e, 1);
}

static void put_delivery(const char *words)
{
    const struct entry_draft e = { .verb = "alarm-delivered",
                                   .result = "ok",
                                   .purpose = view_str("rule=misses grade=middle"),
                                   .reason = view_str(words) };

    report_put(&e, 1);
}

static void put_review(const char *result)
{
    const struct entry_draft e = {
        .verb = "alarm-review", .result = result, .principal = view_str("aude"), .role = "auditor"
    };

    report_put(&e, 1);
}

static void test_C52_alarms_reviews_and_time_to_alarm(void **state)
{
    json_t *page;

    (void)state;
    rig_login(&rig, "aude", world.aude);
    put_alarm("rule=misses grade=middle");
    put_alarm("rule=sequence grade=high");
    put_alarm("rule=refusals grade=low");
    put_alarm("rule=refusals grade=low");
    put_delivery("ms=250 attempts=1");
    put_delivery("ms=1750 attempts=3");
    put_review("ok");
    put_review("ok");
    put_review("ok");
    put_review("conflict"); /* the second time */
    page = report_page(world.aude, &all);
    assert_int_equal(number(page, "alarms", "raised"), 4);
    assert_int_equal(number(page, "alarms", "low"), 2);
    assert_int_equal(number(page, "alarms", "middle"), 1);
    assert_int_equal(number(page, "alarms", "high"), 1);
    assert_int_equal(number(page, "alarms", "reviewed"), 3);
    assert_int_equal(number(page, "time_to_alarm", "count"), 2);
    assert_int_equal(number(page, "time_to_alarm", "sum_ms"), 2000);
    assert_int_equal(number(page, "time_to_alarm", "worst_ms"), 1750);
    assert_int_equal(number(page, "refusals", "conflict"), 1);
    json_decref(page);
}

static void test_C52_reveals_and_refusals(void **state)
{
    const struct entry_draft counted = { .verb = "refusals",
                                         .result = "rate_limited",
                                         .source = view_str("192.0.2.0"),
                                         .reason = view_str("count=40") };
    struct report_ask ask = all;
    json_t *page;

    (void)state;
    world_live();
    assert_int_equal(rig_tokenize(&rig, &world_acme, "nowhere", PAN_A)->err, HUFU_FORBIDDEN);
    report_put(&counted, 1);
    page = report_page(world.aude, &ask);
    assert_int_equal(number(page, NULL, "reveals"), 6);
    assert_int_equal(number(page, "refusals", "forbidden"), 1);
    assert_int_equal(number(page, "refusals", "rate_limited"), 40);
    assert_true(number(page, NULL, "entries") >= 15);
    json_decref(page);
    ask.since = "2026-09-22T00:00:00Z"; /* the second day alone */
    page = report_page(world.aude, &ask);
    assert_int_equal(number(page, NULL, "reveals"), 3);
    json_decref(page);
    ask.until = ask.since;
    page = report_page(world.aude, &ask);
    assert_int_equal(number(page, NULL, "reveals"), 0);
    assert_int_equal(number(page, NULL, "entries"), 0);
    json_decref(page);
}

static const json_t *finding(const json_t *page, const char *side, const char *name)
{
    const json_t *of = json_object_get(json_object_get(page, "rights"), side);

    return json_object_get(json_object_get(of, "findings"), name);
}

static void test_C52_rights_follow_the_access_review(void **state)
{
    struct rig_who sara = { .session = NULL };
    char session[MSG_SESSION_LEN + 1];
    json_t *page, *again;
    int64_t before;
    struct buf b;

    (void)state;
    rig_login(&rig, "aude", world.aude);
    rig_login(&rig, "sara", session);
    sara.session = session;
    page = report_page(world.aude, &all);
    assert_int_equal(
        number(json_object_get(json_object_get(page, "rights"), "people"), NULL, "total"),
        RIG_USERS);
    assert_int_equal(
        number(json_object_get(json_object_get(page, "rights"), "partners"), NULL, "total"), 2);
    assert_null(finding(page, "people", "frozen"));
    before = number(json_object_get(json_object_get(page, "rights"), "people"), NULL, "compliant");
    buf_init(&b, 256);
    msg_put_text(&b, MSG_REASON, view_str("investigation"));
    msg_put_text(&b, MSG_NAME, view_str("acme"));
    assert_int_equal(rig_call(&rig, VERB_PARTNER_FREEZE, &sara, buf_view(&b))->err, HUFU_OK);
    buf_done(&b);
    again = report_page(world.aude, &all);
    assert_int_equal(json_integer_value(finding(again, "partners", "frozen")), 1);
    assert_int_equal(
        number(json_object_get(json_object_get(again, "rights"), "people"), NULL, "compliant"),
        before);
    json_decref(page);
    json_decref(again);
}

/* A line of the register, as share_write makes one. */
static void put_share(const char *recipient, uint64_t at_ms, uint64_t scale,
                      enum share_result result)
{
    static struct report_entry e;
    struct request req = { .core = &rig.core };
    struct share_row line = { .at_ms = at_ms,
                              .scale = scale,
                              .kind = RECIPIENT_OUTSIDE,
                              .way = SHARE_REVEAL,
                              .result = (uint8_t)result,
                              .class = FORMAT_C2 };

    memset(&e, 0, sizeof(e));
    arena_init(&req.in, rig.core.pool);
    arena_init(&req.work, rig.core.pool);
    snprintf(line.recipient, sizeof(line.recipient), "%s", recipient);
    snprintf(line.domain, sizeof(line.domain), "cards");
    snprintf(line.format, sizeof(line.format), "pan");
    snprintf(line.principal, sizeof(line.principal), "olga");
    snprintf(line.purpose, sizeof(line.purpose), "refund");
    snprintf(line.use, sizeof(line.use), "refunds");
    snprintf(line.reason, sizeof(line.reason), "case 7");
    snprintf(line.request_id, sizeof(line.request_id), "rig-1");
    assert_int_equal(request_ops(&req, 1, 2, 2, 0), HUFU_OK);
    request_entry(&req, 0)->verb = "share";
    assert_int_equal(share_put(&rig.worker, &req, &req.op[0], &line), HUFU_OK);
    req.draft.done = report_put_done;
    req.draft.arg = &e;
    assert_int_equal(store_submit(rig.core.store, &req.draft), HUFU_OK);
    while (!e.done)
        (void)store_journal_step(rig.core.store);
    assert_int_equal(req.draft.err, HUFU_OK);
    arena_done(&req.work);
    arena_done(&req.in);
}

struct shared {
    int64_t shares, values;
    int64_t entries, reveals;
    size_t rights;
};

static void add_shared(void *arg, json_t *page)
{
    struct shared *sum = arg;
    json_t *row;
    size_t i;

    sum->entries += number(page, NULL, "entries");
    sum->reveals += number(page, NULL, "reveals");
    sum->rights += json_object_get(page, "rights") != NULL;
    json_array_foreach(json_object_get(page, "shares"), i, row)
    {
        if (strcmp(report_text(row, "recipient"), "court") != 0)
            continue;
        sum->shares += json_integer_value(json_object_get(row, "shares"));
        sum->values += json_integer_value(json_object_get(row, "values"));
    }
}

static void check_shared(const struct report_ask *ask, int64_t shares, int64_t values,
                         struct shared *sum, size_t *pages)
{
    json_t *items;

    memset(sum, 0, sizeof(*sum));
    items = report_items(world.aude, ask, pages, add_shared, sum);
    assert_int_equal(sum->shares, shares);
    assert_int_equal(sum->values, values);
    assert_int_equal(sum->rights, 1); /* as of now: in the first page alone */
    json_decref(items);
}

static void test_C52_shares_by_recipient_once_each(void **state)
{
    const struct entry_draft noise = { .verb = "lookup", .result = "ok" };
    struct report_ask ask = all;
    struct shared sum;
    size_t pages;

    (void)state;
    rig_login(&rig, "aude", world.aude);
    put_share("court", rig.clock.now, 3, SHARE_OK);
    put_share("bank", rig.clock.now, 5, SHARE_OK);
    rig_tick(&rig, 1000);
    put_share("court", rig.clock.now, 4, SHARE_OK);
    put_share("court", rig.clock.now, 9, SHARE_STOPPED);
    rig_tick(&rig, 1);
    check_shared(&ask, 2, 7, &sum, &pages);
    assert_int_equal(pages, 1);
    for (size_t i = 0; i < REPORT_WORK / 64 + 1; i++)
        report_put(&noise, 64);
    rig_tick(&rig, 1000);
    put_share("court", rig.clock.now, 10, SHARE_OK);
    rig_tick(&rig, 1);
    check_shared(&ask, 3, 17, &sum, &pages); /* over two pages */
    assert_int_equal(pages, 2);
    assert_true(sum.entries > REPORT_WORK);
    ask.since = "2026-09-21T14:13:21.000Z";
    check_shared(&ask, 2, 14, &sum, &pages);
    ask.until = "2026-09-21T14:13:21.001Z";
    check_shared(&ask, 1, 4, &sum, &pages);
    ask.since = "2026-09-21T14:13:21.001Z";
    check_shared(&ask, 0, 0, &sum, &pages);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, suite_setup, suite_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C52_alarms_reviews_and_time_to_alarm),
        TEST(test_C52_reveals_and_refusals),
        TEST(test_C52_rights_follow_the_access_review),
        TEST(test_C52_shares_by_recipient_once_each),
    };

    return cmocka_run_group_tests_name("report indicators", tests, suite_heap, NULL);
}
