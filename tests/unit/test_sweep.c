/* What is past its time is found and ended: tokens, kept answers, counters; and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "tests/life_calls.h"
#include "tests/core_suite.h"
#include "vault/idempotency.h"
#include "vault/keys/envelope.h"

#define PAN    "4111111111111111"
#define OTHER  "5500000000000004"
#define DAY_MS 86400000u

static const struct rig_who acme = { .partner = "acme" };
static const struct rig_who keyed = { .partner = "acme", .idem_key = "key-1" };

static void open_with(const char *setting)
{
    rig_crash(&rig);
    rig_set(&rig, setting);
    assert_int_equal(rig_open(&rig), HUFU_OK);
    assert_true(rig_unseal(&rig));
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

struct counted {
    size_t rows, states[RECORD_EXPIRED + 1];
};

static bool count_row(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct counted *counted = arg;
    struct view header;
    struct record rec;
    uint32_t version;

    (void)seq;
    counted->rows++;
    if (key.p[0] != TABLE_TOKEN)
        return true;
    assert_int_equal(envelope_peek(image, &version, &header), HUFU_OK);
    assert_int_equal(record_get_header(header, &rec), HUFU_OK);
    counted->states[rec.state]++;
    return true;
}

static struct counted count(uint8_t table)
{
    struct counted counted = { 0 };
    struct view prefix = view_of(&table, 1);
    uint8_t mem[STORE_KEY_MAX];
    struct buf next;

    buf_fixed(&next, mem, sizeof(mem));
    assert_int_equal(
        store_scan(rig.worker.reader, prefix, prefix, 100000, count_row, &counted, &next), HUFU_OK);
    return counted;
}

/* The i-th of many cards, all of one bucket where the middle alone is hidden. */
static void card(unsigned i, char out[static 32])
{
    static const unsigned twice[] = { 0, 2, 4, 6, 8, 1, 3, 5, 7, 9 };
    unsigned sum = 0;

    snprintf(out, 32, "42%05u%08u", i % 100000, i);
    for (int at = 0; at < 15; at++)
        sum += at % 2 == 0 ? twice[out[at] - '0'] : (unsigned)(out[at] - '0');
    snprintf(out + 15, 17, "%u", (10 - sum % 10) % 10);
}

static void make_tokens(const char *domain, unsigned n, uint64_t life_s)
{
    char value[32], token[LIFE_TOKEN_MAX];

    for (unsigned i = 0; i < n; i++) {
        card(i, value);
        life_token(&rig, &acme, domain, value, life_s, 0, token);
    }
}

static void test_expired_tokens_are_marked(void **state)
{
    uint64_t from;
    struct life_lines lines;
    struct counted c;

    (void)state;
    make_tokens("cards", 300, 60);
    make_tokens("loose", 20, 60);
    make_tokens("once", 5, 0);
    from = life_log_size(&rig);
    sweep();
    c = count(TABLE_TOKEN);
    assert_int_equal(c.states[RECORD_EXPIRED], 320);
    assert_int_equal(c.states[RECORD_ACTIVE], 5);
    /* 256 and 44 of one domain, 20 of the other */
    assert_int_equal(life_find_lines(&rig, &lines, from, "\"verb\":\"token-expire\"",
                                     "\"domain\":\"cards\"", "\"token_id\":\""),
                     2);
    assert_int_equal(life_find_lines(&rig, &lines, from, "\"verb\":\"token-expire\"",
                                     "\"domain\":\"loose\"", NULL),
                     1);
    from = life_log_size(&rig);
    sweep();
    assert_int_equal(life_find_lines(&rig, &lines, from, "token-expire", NULL, NULL), 0);
    assert_true(rig_restart(&rig));
    assert_int_equal(count(TABLE_TOKEN).states[RECORD_EXPIRED], 320);
}

/* A copy of each row under the domain 0, which there is none of. */
static enum hufu_err plant(void *arg, struct rewrite *rw, struct view key, uint64_t seq,
                           struct view image)
{
    uint8_t stray[STORE_KEY_MAX];

    (void)arg;
    memcpy(stray, key.p, key.len);
    memset(stray + 1, 0, 4);
    return rewrite_put(rw, view_of(stray, key.len), seq, image);
}

static void planted(struct store_rewrite *job)
{
    *(bool *)job->arg = true;
}

static void test_rows_of_no_domain_do_not_stop_the_sweep(void **state)
{
    static const uint8_t table = TABLE_TOKEN;
    bool done = false;
    struct store_rewrite job = { .prefix = view_of(&table, 1),
                                 .name = view_str("plant"),
                                 .rows_max = 100,
                                 .each = plant,
                                 .done = planted,
                                 .arg = &done };

    (void)state;
    make_tokens("cards", 5, 60);
    while (store_map_step(rig.core.store, true))
        continue;
    assert_int_equal(store_rewrite(rig.core.store, &job), HUFU_OK);
    while (!done)
        (void)store_map_step(rig.core.store, true);
    assert_int_equal(job.err, HUFU_OK);
    assert_int_equal(count(TABLE_TOKEN).rows, 10);
    sweep();
    assert_int_equal(count(TABLE_TOKEN).states[RECORD_EXPIRED], 5);
}

static enum hufu_err change(uint16_t verb, const char *token)
{
    return life_call(&rig, verb, &acme, "cards", NULL, token, "as asked")->err;
}

/* Everything that can be asked about an expired token, before and after the sweep. */
static void ask_all(const char *token, char *out, size_t out_len)
{
    char session[MSG_SESSION_LEN + 1];
    const struct rig_reply *r;
    size_t n = 0;

    r = life_call(&rig, VERB_INSPECT, &acme, "cards", NULL, token, NULL);
    n += (size_t)snprintf(out + n, out_len - n, "%d %s\n", (int)r->err, r->body);
    for (uint16_t verb = VERB_SUSPEND; verb <= VERB_RESUME; verb++)
        n += (size_t)snprintf(out + n, out_len - n, "%d\n", (int)change(verb, token));
    r = life_call(&rig, VERB_REPLACE, &acme, "cards", "4111112222231111", token, "reissued");
    n += (size_t)snprintf(out + n, out_len - n, "%d %s\n", (int)r->err, r->body);
    r = life_call(&rig, VERB_LOOKUP, &acme, "cards", PAN, NULL, NULL);
    n += (size_t)snprintf(out + n, out_len - n, "%d %s\n", (int)r->err, r->body);
    rig_tick(&rig, 60000);
    rig_login(&rig, "olga", session);
    r = rig_reveal(&rig, session, "cards", token);
    n += (size_t)snprintf(out + n, out_len - n, "%d %s\n", (int)r->err, r->body);
    r = rig_tokenize(&rig, &acme, "cards", token);
    n += (size_t)snprintf(out + n, out_len - n, "%d\n", (int)r->err);
    assert_true(n < out_len);
}

static void test_nobody_can_tell_whether_the_sweeper_came_by(void **state)
{
    char token[2][LIFE_TOKEN_MAX], before[2][2048], after[2048], fresh[LIFE_TOKEN_MAX];

    (void)state;
    for (int i = 0; i < 2; i++) {
        life_token(&rig, &acme, "cards", i == 0 ? PAN : OTHER, 60, 0, token[i]);
        if (i == 1)
            assert_int_equal(change(VERB_SUSPEND, token[i]), HUFU_OK);
    }
    rig_tick(&rig, 60000);
    for (int i = 0; i < 2; i++)
        ask_all(token[i], before[i], sizeof(before[i]));
    assert_non_null(strstr(before[0], "\"state\":\"expired\""));
    assert_int_equal(count(TABLE_TOKEN).states[RECORD_EXPIRED], 0);
    sweep();
    assert_int_equal(count(TABLE_TOKEN).states[RECORD_EXPIRED], 2);
    for (int i = 0; i < 2; i++) {
        ask_all(token[i], after, sizeof(after));
        assert_string_equal(after, before[i]);
    }
    life_token(&rig, &acme, "cards", PAN, 0, 0, fresh); /* the value is free */
    assert_string_not_equal(fresh, token[0]);
    assert_int_equal(change(VERB_REVOKE, token[0]), HUFU_OK); /* and the token can still end */
    assert_int_equal(change(VERB_DELETE, token[0]), HUFU_CONFLICT);
}

static void test_what_has_ended_stays_as_it_ended(void **state)
{
    char token[LIFE_TOKEN_MAX];

    (void)state;
    life_token(&rig, &acme, "cards", PAN, 60, 0, token);
    assert_int_equal(change(VERB_REVOKE, token), HUFU_OK);
    life_token(&rig, &acme, "cards", OTHER, 60, 0, token);
    assert_int_equal(change(VERB_DELETE, token), HUFU_OK);
    sweep();
    assert_int_equal(count(TABLE_TOKEN).states[RECORD_REVOKED], 1);
    assert_int_equal(count(TABLE_TOKEN).states[RECORD_DELETED], 1);
}

/* A change that comes between the look and the commit wins; the rest is swept all the same. */
static void test_a_token_that_changes_meanwhile(void **state)
{
    char value[32], token[LIFE_TOKEN_MAX];
    uint64_t id;

    (void)state;
    make_tokens("cards", 9, 60);
    card(9, value);
    life_token(&rig, &acme, "cards", value, 60, 0, token);
    rig_tick(&rig, 60000);
    id = life_submit(&rig, VERB_REVOKE, &acme, "cards", NULL, token, "as asked");
    assert_true(worker_step(&rig.worker));   /* it stands before the sweeper's in the queue */
    assert_true(sweeper_step(&rig.sweeper)); /* reads */
    rig_tick(&rig, 1000);
    assert_true(sweeper_step(&rig.sweeper)); /* hands in */
    assert_true(store_journal_step(rig.core.store));
    assert_int_equal(rig.reply_id, id);
    assert_int_equal(rig.reply.err, HUFU_OK);
    assert_int_equal(count(TABLE_TOKEN).states[RECORD_EXPIRED], 0);
    sweep();
    assert_int_equal(count(TABLE_TOKEN).states[RECORD_EXPIRED], 9);
    assert_int_equal(count(TABLE_TOKEN).states[RECORD_REVOKED], 1);
}

/* One operation at a time, and a rate that others do not notice. */
static void test_the_sweeper_keeps_its_pace(void **state)
{
    struct store_numbers n;

    (void)state;
    open_with("sweep.rows_per_s=10"); /* one row a step, a step each 100 ms */
    make_tokens("loose", 5, 1);
    rig_tick(&rig, 5000);
    for (int i = 0; i < 50; i++)
        (void)sweeper_step(&rig.sweeper);
    assert_int_equal(rig.core.sweeps.pass[0].count, 1);
    for (int i = 0; i < 20; i++) {
        rig_tick(&rig, 100);
        (void)sweeper_step(&rig.sweeper);
    }
    store_numbers(rig.core.store, &n);
    assert_int_equal(n.queued, 1); /* it waits for the journal, and nothing more is handed in */
    while (store_journal_step(rig.core.store))
        continue;
    assert_int_equal(count(TABLE_TOKEN).states[RECORD_EXPIRED], 5);
}

static void test_C07_kept_answers_go_after_a_day(void **state)
{
    char body[256];
    struct life_lines lines;
    const struct rig_reply *r;

    (void)state;
    assert_int_equal(rig_tokenize(&rig, &keyed, "loose", PAN)->err, HUFU_OK);
    rig_tick(&rig, IDEMPOTENCY_KEPT_MS / 2);
    snprintf(body, sizeof(body), "%s", rig_tokenize(&rig, &keyed, "loose", PAN)->body);
    sweep();
    assert_int_equal(count(TABLE_IDEM).rows, 1);
    rig_tick(&rig, IDEMPOTENCY_KEPT_MS / 2);
    sweep();
    assert_int_equal(count(TABLE_IDEM).rows, 0);
    assert_int_equal(life_find_lines(&rig, &lines, 0, "\"verb\":\"sweep\"", "\"reason\":\"rows=1\"",
                                     "\"result\":\"ok\""),
                     2); /* and the counter of that day */
    r = rig_tokenize(&rig, &keyed, "loose", PAN);
    assert_int_equal(r->err, HUFU_OK);
    assert_int_equal(r->flags & MSG_REPLAYED, 0);
    assert_string_not_equal(r->body, body);
}

/* A row that was written anew under a key between look and commit is not the one that was due. */
static void test_C07_a_key_in_new_use_is_not_swept(void **state)
{
    uint64_t id;
    struct buf b;

    (void)state;
    open_with("limit.guesses_per_day=1000000000"); /* no counters: the operation is of one table */
    assert_int_equal(rig_tokenize(&rig, &keyed, "loose", PAN)->err, HUFU_OK);
    rig_tick(&rig, IDEMPOTENCY_KEPT_MS);
    buf_init(&b, 256);
    life_put(&b, "loose", PAN, NULL, NULL);
    id = rig_submit(&rig, VERB_TOKENIZE, &keyed, buf_view(&b));
    assert_true(worker_step(&rig.worker));
    assert_true(sweeper_step(&rig.sweeper));
    rig_tick(&rig, 1000);
    assert_true(sweeper_step(&rig.sweeper));
    assert_true(store_journal_step(rig.core.store));
    assert_int_equal(rig.reply_id, id);
    sweep();
    assert_int_equal(count(TABLE_IDEM).rows, 1);
    assert_int_equal(rig_tokenize(&rig, &keyed, "loose", PAN)->flags & MSG_REPLAYED, MSG_REPLAYED);
    buf_done(&b);
}

static void test_counters_go_when_their_window_is_over(void **state)
{
    struct life_lines lines;

    (void)state;
    make_tokens("loose", 40, 0);
    assert_true(count(TABLE_COUNTER).rows > 3);
    sweep();
    assert_true(count(TABLE_COUNTER).rows > 3); /* the day is not over */
    rig_tick(&rig, DAY_MS);
    sweep();
    assert_int_equal(count(TABLE_COUNTER).rows, 0);
    assert_int_equal(life_find_lines(&rig, &lines, 0, "\"verb\":\"sweep\"", NULL, NULL), 1);
    assert_true(rig_restart(&rig));
    assert_int_equal(count(TABLE_COUNTER).rows, 0);
}

/* Two hundred and fifty-six rows in an operation, and at most one such operation a second. */
static void test_removals_do_not_fill_the_log(void **state)
{
    struct life_lines lines;
    uint64_t from;

    (void)state;
    make_tokens("loose", 600, 0); /* some 600 buckets of four kept digits */
    assert_true(count(TABLE_COUNTER).rows > 512);
    rig_tick(&rig, DAY_MS);
    from = life_log_size(&rig);
    for (int i = 0; i < 100; i++) { /* 0.9 s: one that is not full is followed a second later */
        (void)sweeper_step(&rig.sweeper);
        (void)store_journal_step(rig.core.store);
        rig_tick(&rig, 9);
    }
    assert_int_equal(life_find_lines(&rig, &lines, from, "\"verb\":\"sweep\"", NULL, NULL), 1);
    assert_non_null(strstr(lines.last, "\"reason\":\"rows="));
    assert_int_equal(count(TABLE_COUNTER).rows, 0);
    sweep();
    assert_int_equal(count(TABLE_COUNTER).rows, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_expired_tokens_are_marked, suite_setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_rows_of_no_domain_do_not_stop_the_sweep, suite_setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_nobody_can_tell_whether_the_sweeper_came_by,
                                        suite_setup, suite_teardown),
        cmocka_unit_test_setup_teardown(test_what_has_ended_stays_as_it_ended, suite_setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_a_token_that_changes_meanwhile, suite_setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_the_sweeper_keeps_its_pace, suite_setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_C07_kept_answers_go_after_a_day, suite_setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_C07_a_key_in_new_use_is_not_swept, suite_setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_counters_go_when_their_window_is_over, suite_setup,
                                        suite_teardown),
        cmocka_unit_test_setup_teardown(test_removals_do_not_fill_the_log, suite_setup,
                                        suite_teardown),
    };

    return cmocka_run_group_tests_name("sweep", tests, suite_heap, NULL);
}
