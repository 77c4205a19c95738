/* What a person may see and ask for: values, not requests, are counted (control C28). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/reveal_calls.h"
#include "tests/core_suite.h"
#include "vault/reveal_seen.h"

#define DAY_MS 86400000u
#define MANY   40

typedef char token_text[LIFE_TOKEN_MAX];

static char olga[MSG_SESSION_LEN + 1];
static token_text token[MANY];

/* The settings of a test; what is not named is off but for the sequence. */
static void begin(const char *setting, size_t tokens)
{
    rig_crash(&rig);
    rig_set(&rig, "limit.guesses_per_day=1000000000");
    rig_set(&rig, "limit.reveals_per_factor=1000000000");
    rig_set(&rig, "limit.reveals_per_day=1000000000");
    rig_set(&rig, "limit.reveals_per_purpose=1000000000");
    rig_set(&rig, "limit.reveals_per_minute=1000000000");
    rig_set(&rig, "limit.reveal_misses=1000000000");
    if (setting != NULL)
        rig_set(&rig, setting);
    assert_int_equal(rig_open(&rig), HUFU_OK);
    assert_true(rig_unseal(&rig));
    rig_login(&rig, "olga", olga);
    reveal_tokens(&rig, "cards", tokens, token);
}

static const struct rig_reply *ask(size_t i, const char *purpose)
{
    return reveal_for(&rig, olga, "cards", purpose, (const token_text *)&token[i], 1);
}

static enum hufu_err see(size_t i)
{
    return ask(i, "refund")->err;
}

/* A token that nobody was given; far from one another. */
static void unknown(unsigned i, token_text out)
{
    snprintf(out, sizeof(token_text), "411111%04u%06u", i * 37 % 10000, 100000 + i * 7919 % 900000);
    if (luhn_holds(out))
        out[15] = (char)(out[15] == '9' ? '0' : out[15] + 1);
}

static size_t alarms(const char *rule)
{
    struct life_lines found;

    return life_find_lines(&rig, &found, 0, "\"verb\":\"alarm\"", rule, NULL);
}

static void test_C28_a_value_seen_again_costs_nothing(void **state)
{
    const struct rig_reply *r;

    (void)state;
    begin("limit.reveals_per_day=3", 4);
    for (int round = 0; round < 4; round++)
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(see(i), HUFU_OK);
    assert_int_equal(reveal_rows(&rig, TABLE_SEEN), 3);
    r = ask(3, "refund");
    assert_int_equal(r->err, HUFU_RATE_LIMITED);
    assert_true(r->retry_after_s > 60 && r->retry_after_s <= DAY_MS / 1000);
    assert_int_equal(r->body_len, 0);
    assert_int_equal(reveal_rows(&rig, TABLE_SEEN), 3);
    assert_int_equal(alarms("rule=reveals-day"), 1);
}

static void test_C28_another_purpose_is_another_reveal(void **state)
{
    (void)state;
    begin("limit.reveals_per_purpose=2", 3);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(see(i), HUFU_OK);
        assert_int_equal(ask(i, "dispute")->err, HUFU_OK);
    }
    assert_int_equal(reveal_rows(&rig, TABLE_SEEN), 4);
    assert_int_equal(see(1), HUFU_OK);
    assert_int_equal(see(2), HUFU_RATE_LIMITED);
    assert_int_equal(alarms("rule=reveals-purpose"), 1);
}

static void test_C28_a_day_begins_anew(void **state)
{
    (void)state;
    begin("limit.reveals_per_day=1", 2);
    assert_int_equal(see(0), HUFU_OK);
    rig_tick(&rig, DAY_MS);
    rig_login(&rig, "olga", olga);
    assert_int_equal(see(1), HUFU_OK);
    assert_int_equal(reveal_rows(&rig, TABLE_SEEN), 2);
    assert_int_equal(see(0), HUFU_RATE_LIMITED); /* seen, but not today */
}

static void test_C28_too_much_in_a_minute(void **state)
{
    const struct rig_reply *r;

    (void)state;
    begin("limit.reveals_per_minute=3", 2);
    for (int i = 0; i < 3; i++)
        assert_int_equal(see(0), HUFU_OK); /* each counts, seen or not */
    rig_tick(&rig, 59999);
    r = ask(1, "refund");
    assert_int_equal(r->err, HUFU_RATE_LIMITED);
    assert_int_equal(r->retry_after_s, 60);
    assert_int_equal(alarms("rule=velocity"), 1);
}

/* The minute begins with its first value, whatever the clock on the wall says. */
static void test_C28_a_minute_ends(void **state)
{
    (void)state;
    begin("limit.reveals_per_minute=3", 1);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++)
            assert_int_equal(see(0), HUFU_OK);
        rig_tick(&rig, 60000);
    }
    assert_int_equal(alarms("rule="), 0);
}

static void test_C28_tokens_asked_for_in_vain(void **state)
{
    token_text no[4];

    (void)state;
    begin("limit.reveal_misses=4", 2);
    for (unsigned i = 0; i < 4; i++)
        unknown(i, no[i]);
    assert_int_equal(
        life_call(&rig, VERB_REVOKE, &reveal_acme, "cards", NULL, token[1], "gone")->err, HUFU_OK);
    assert_int_equal(see(1), HUFU_NOT_FOUND); /* dead ones count as unknown ones do */
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(
            reveal_for(&rig, olga, "cards", "refund", (const token_text *)&no[i], 1)->err,
            HUFU_NOT_FOUND);
    assert_int_equal(see(0), HUFU_OK);
    assert_int_equal(reveal_for(&rig, olga, "cards", "refund", (const token_text *)&no[3], 1)->err,
                     HUFU_RATE_LIMITED);
    assert_int_equal(alarms("rule=misses"), 1);
}

/* What is no token at all is a typing error. */
static void test_C28_misses_of_a_batch(void **state)
{
    token_text list[5];
    const struct rig_reply *r;

    (void)state;
    begin("limit.reveal_misses=3", 1);
    snprintf(list[0], sizeof(list[0]), "%s", token[0]);
    snprintf(list[1], sizeof(list[1]), "4111111111111111");
    for (unsigned i = 0; i < 3; i++)
        unknown(i, list[2 + i]);
    r = reveal_for(&rig, olga, "cards", "refund", (const token_text *)list, 5);
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(strstr(r->body, "not_token"));
    unknown(9, list[1]);
    assert_int_equal(reveal_for(&rig, olga, "cards", "refund", (const token_text *)list, 2)->err,
                     HUFU_RATE_LIMITED);
}

static void test_C28_a_limit_survives_a_crash(void **state)
{
    static const struct {
        const char *setting;
        bool misses;
    } rows[] = {
        { "limit.reveals_per_factor=2", false },  { "limit.reveals_per_day=2", false },
        { "limit.reveals_per_purpose=2", false }, { "limit.reveals_per_minute=2", false },
        { "limit.reveal_misses=2", true },
    };

    (void)state;
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        suite_teardown(state);
        suite_setup(state);
        begin(rows[row].setting, 3);
        for (unsigned i = 0; rows[row].misses && i < 3; i++)
            unknown(i, token[i]);
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(see(i), rows[row].misses ? HUFU_NOT_FOUND : HUFU_OK);
        assert_true(rig_restart(&rig));
        assert_int_equal(see(2), HUFU_RATE_LIMITED);
    }
}

static void test_C28_a_value_twice_in_one_batch(void **state)
{
    token_text list[3];

    (void)state;
    begin("limit.reveals_per_day=2", 3);
    for (size_t i = 0; i < 3; i++)
        memcpy(list[i], token[i / 2], sizeof(list[i]));
    assert_int_equal(reveal_for(&rig, olga, "cards", "refund", (const token_text *)list, 3)->err,
                     HUFU_OK);
    assert_int_equal(reveal_rows(&rig, TABLE_SEEN), 2);
    assert_int_equal(see(2), HUFU_RATE_LIMITED);
}

/* The factor's budget is for values, seen before or not; a batch above it is refused whole. */
static void test_C28_a_batch_above_the_budget_leaves_nothing(void **state)
{
    token_text list[4];

    (void)state;
    begin("limit.reveals_per_factor=3", 2);
    for (size_t i = 0; i < 4; i++)
        memcpy(list[i], token[i / 2], sizeof(list[i]));
    assert_int_equal(reveal_for(&rig, olga, "cards", "refund", (const token_text *)list, 4)->err,
                     HUFU_RATE_LIMITED);
    assert_int_equal(reveal_rows(&rig, TABLE_SEEN), 0);
    assert_int_equal(reveal_for(&rig, olga, "cards", "refund", (const token_text *)list, 3)->err,
                     HUFU_OK);
    assert_int_equal(reveal_rows(&rig, TABLE_SEEN), 2);
    assert_int_equal(see(0), HUFU_RATE_LIMITED);
    reveal_step_up(&rig, "olga", olga);
    assert_int_equal(see(0), HUFU_OK);
}

/* Reports need the rows, whatever is limited; counters that limit nothing are not written. */
static void test_C28_what_is_not_limited_is_not_counted(void **state)
{
    (void)state;
    begin(NULL, 1);
    assert_int_equal(see(0), HUFU_OK);
    assert_int_equal(see(0), HUFU_OK);
    assert_int_equal(reveal_rows(&rig, TABLE_COUNTER), 0);
    assert_int_equal(reveal_rows(&rig, TABLE_SEEN), 1);
}

static void submit_each(size_t count, size_t step)
{
    for (size_t i = 0; i < count; i++)
        (void)reveal_submit(&rig, olga, "cards", token[i * step]);
}

static void test_C28_one_value_by_32_at_once_is_one(void **state)
{
    struct reveal_tally t = { 0 };

    (void)state;
    begin("limit.reveals_per_day=1", 1);
    submit_each(32, 0);
    reveal_run(&rig, &t, 32);
    assert_int_equal(t.of[HUFU_OK], 32);
    assert_int_equal(reveal_rows(&rig, TABLE_SEEN), 1);
}

/* The budget of a factor suspends nobody: all that are too many are told so. */
static void test_C28_32_values_at_once_do_not_pass_a_limit(void **state)
{
    struct reveal_tally t = { 0 };

    (void)state;
    begin("limit.reveals_per_factor=5", 32);
    submit_each(32, 1);
    reveal_run(&rig, &t, 32);
    assert_int_equal(t.of[HUFU_OK], 5);
    assert_int_equal(t.of[HUFU_RATE_LIMITED], 27);
    assert_int_equal(reveal_rows(&rig, TABLE_SEEN), 5);
}

/* Of the day's limit too: who is suspended by the first refusal is nobody to the others. */
static void test_C28_32_at_once_and_a_suspension(void **state)
{
    struct reveal_tally t = { 0 };

    (void)state;
    begin("limit.reveals_per_day=5", 32);
    submit_each(32, 1);
    reveal_run(&rig, &t, 32);
    assert_int_equal(t.of[HUFU_OK], 5);
    assert_true(t.of[HUFU_RATE_LIMITED] >= 1);
    assert_int_equal(t.of[HUFU_RATE_LIMITED] + t.of[HUFU_UNAUTHENTICATED], 27);
    assert_int_equal(reveal_rows(&rig, TABLE_SEEN), 5);
    assert_int_equal(see(0), HUFU_UNAUTHENTICATED);
}

/* ---- probing ---- */

/* The i-th of those that count up in the middle; the check digit must be wrong. */
static void neighbour(unsigned i, token_text out)
{
    for (unsigned middle = 500000; middle < 501000; middle++) {
        snprintf(out, sizeof(token_text), "411111%06u1234", middle % 1000000);
        if (!luhn_holds(out) && i-- == 0)
            return;
    }
}

static void test_C28_tokens_asked_for_one_after_another(void **state)
{
    struct life_lines found;
    uint64_t from;

    (void)state;
    begin(NULL, 1);
    from = life_log_size(&rig);
    for (unsigned i = 0; i < 8; i++)
        neighbour(i, token[i]);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(see(i), HUFU_NOT_FOUND);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(see(i), HUFU_NOT_FOUND); /* the same ones are no more than they were */
    assert_int_equal(see(7), HUFU_RATE_LIMITED);
    assert_int_equal(life_find_lines(&rig, &found, from, "\"verb\":\"detokenize\"",
                                     "\"result\":\"rate_limited\"", "\"token_id\":\""),
                     1);
    assert_non_null(strstr(found.last, "\"purpose\":\"refund\""));
    assert_int_equal(alarms("rule=sequence grade=high"), 1);
    assert_int_equal(see(7), HUFU_UNAUTHENTICATED); /* suspended */
}

static void test_C28_probing_in_one_batch_reveals_nothing(void **state)
{
    token_text list[10];

    (void)state;
    begin(NULL, 1);
    for (unsigned i = 0; i < 9; i++)
        neighbour(i, list[i]);
    memcpy(list[9], token[0], sizeof(list[9]));
    assert_int_equal(reveal_for(&rig, olga, "cards", "refund", (const token_text *)list, 10)->err,
                     HUFU_RATE_LIMITED);
    assert_int_equal(reveal_rows(&rig, TABLE_SEEN), 0);
}

static void test_C28_work_is_no_probing(void **state)
{
    (void)state;
    begin("limit.reveal_sequence=2", MANY);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(see(i), HUFU_OK);
    assert_int_equal(alarms("rule="), 0);
}

/* ---- the rows ---- */

static bool keep_row(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct reveal_seen *out = arg;
    uint8_t longer[REVEAL_SEEN_KEY_LEN + 1] = { 0 }, other[REVEAL_SEEN_IMAGE_MAX];
    struct reveal_seen same = { .user_id = 7 };

    (void)seq;
    assert_int_equal(reveal_seen_parse(key, image, out), HUFU_OK);
    for (size_t n = 0; n < key.len; n++)
        assert_int_equal(reveal_seen_parse(view_of(key.p, n), image, &same), HUFU_CORRUPT);
    for (size_t n = 0; n <= 13; n++)
        assert_int_equal(reveal_seen_parse(key, view_of(image.p, n), &same), HUFU_CORRUPT);
    memcpy(longer, key.p, key.len);
    assert_int_equal(reveal_seen_parse(view_of(longer, key.len + 1), image, &same), HUFU_CORRUPT);
    memcpy(other, image.p, image.len);
    other[8] = REVEAL_EXPORTED + 1; /* no such way */
    assert_int_equal(reveal_seen_parse(key, view_of(other, image.len), &same), HUFU_CORRUPT);
    longer[0] = TABLE_TRAIL;
    assert_int_equal(reveal_seen_parse(view_of(longer, key.len), image, &same), HUFU_CORRUPT);
    assert_int_equal(same.user_id, 7);
    return true;
}

static void test_reveal_seen_rows_say_who_when_what_and_why(void **state)
{
    uint8_t purpose[REVEAL_SEEN_PURPOSE_LEN], mem[64], key_mem[STORE_KEY_MAX];
    struct reveal_seen row = { 0 };
    struct buf prefix, next;
    uint32_t olga_id, day = (uint32_t)(RIG_NOW_MS / DAY_MS);

    (void)state;
    begin(NULL, 1);
    assert_int_equal(see(0), HUFU_OK);
    olga_id = directory_user(rig.core.dir, view_str("olga"))->id;
    buf_fixed(&prefix, mem, sizeof(mem));
    buf_fixed(&next, key_mem, sizeof(key_mem));
    reveal_seen_prefix(olga_id, day, &prefix);
    assert_int_equal(prefix.len, REVEAL_SEEN_PREFIX_LEN);
    assert_int_equal(store_scan(rig.worker.reader, buf_view(&prefix), buf_view(&prefix), 10,
                                keep_row, &row, &next),
                     HUFU_OK);
    assert_int_equal(row.user_id, olga_id);
    assert_int_equal(row.day, day);
    assert_int_equal(row.first_ms, rig.clock.now);
    assert_int_equal(row.way, REVEAL_SHOWN);
    assert_int_equal(row.domain_id, directory_domain(rig.core.dir, view_str("cards"))->id);
    assert_int_equal(row.token_len, strlen(token[0]));
    assert_memory_equal(row.token, token[0], row.token_len);
    assert_int_equal(reveal_seen_purpose(&rig.worker, view_str("refund"), purpose), HUFU_OK);
    assert_memory_equal(row.purpose, purpose, sizeof(purpose));
    assert_int_equal(reveal_seen_purpose(&rig.worker, view_str("dispute"), purpose), HUFU_OK);
    assert_memory_not_equal(row.purpose, purpose, sizeof(purpose));
}

/* Lets the sweeper come by often enough for a whole pass. */
static void sweep(void)
{
    rig_tick(&rig, 3600000);
    for (int i = 0; i < 60; i++) {
        (void)sweeper_step(&rig.sweeper);
        (void)store_journal_step(rig.core.store);
        rig_tick(&rig, 1000);
    }
}

static void test_reveal_seen_rows_go_when_their_time_is_past(void **state)
{
    (void)state;
    begin("limit.seen_days=3", 2);
    assert_int_equal(see(0), HUFU_OK);
    rig_tick(&rig, 2 * DAY_MS);
    rig_login(&rig, "olga", olga);
    assert_int_equal(see(1), HUFU_OK);
    sweep();
    assert_int_equal(reveal_rows(&rig, TABLE_SEEN), 2);
    rig_tick(&rig, DAY_MS);
    sweep();
    assert_int_equal(reveal_rows(&rig, TABLE_SEEN), 1);
    rig_tick(&rig, 2 * DAY_MS);
    sweep();
    assert_int_equal(reveal_rows(&rig, TABLE_SEEN), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, suite_setup, suite_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_C28_a_value_seen_again_costs_nothing),
        TEST(test_C28_another_purpose_is_another_reveal),
        TEST(test_C28_a_day_begins_anew),
        TEST(test_C28_too_much_in_a_minute),
        TEST(test_C28_a_minute_ends),
        TEST(test_C28_tokens_asked_for_in_vain),
        TEST(test_C28_misses_of_a_batch),
        TEST(test_C28_a_limit_survives_a_crash),
        TEST(test_C28_a_value_twice_in_one_batch),
        TEST(test_C28_a_batch_above_the_budget_leaves_nothing),
        TEST(test_C28_what_is_not_limited_is_not_counted),
        TEST(test_C28_one_value_by_32_at_once_is_one),
        TEST(test_C28_32_values_at_once_do_not_pass_a_limit),
        TEST(test_C28_32_at_once_and_a_suspension),
        TEST(test_C28_tokens_asked_for_one_after_another),
        TEST(test_C28_probing_in_one_batch_reveals_nothing),
        TEST(test_C28_work_is_no_probing),
        TEST(test_reveal_seen_rows_say_who_when_what_and_why),
        TEST(test_reveal_seen_rows_go_when_their_time_is_past),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
