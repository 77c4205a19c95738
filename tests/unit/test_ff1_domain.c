/* Domains in ff1 mode: tokens both ways, keys, what is refused, and that nothing is stored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "tests/unit/ff1_rig.h"
#include "vault/ff1_domain.h"

#define BATCH 150 /* more than two lots */

static const struct {
    const char *domain, *format;
    uint8_t prefix, suffix;
    const char *sample[3];
    size_t from; /* where others beside the sample may differ */
} kept[] = {
    { "p04", "pan", 0, 4, { "4222222222222", "4111111111111111", "4000000000000000006" }, 0 },
    { "p60", "pan", 6, 0, { "4222222222222", "378282246310005", "4111111111111111" }, 0 },
    { "p00", "pan", 0, 0, { "4222222222222", "30569309025904", "4111111111111111" }, 0 },
    { "id", "cn-id", 0, 0, { "11010519491231002X", "110105194912310038", NULL }, 14 },
    { "iban", "iban", 0, 0, { "DE89370400440532013000", "GB29NWBK60161331926819", NULL }, 4 },
    { "mobile", "cn-mobile", 0, 0, { "13800138000", NULL, NULL }, 3 },
};
#define KEPT (sizeof(kept) / sizeof(kept[0]))

static void add_kept(size_t row)
{
    const struct rig_reply *r = ff1_add((struct ff1_ask){ .name = kept[row].domain,
                                                          .format = kept[row].format,
                                                          .prefix = kept[row].prefix,
                                                          .suffix = kept[row].suffix });

    if (r->err != HUFU_OK)
        fail_msg("%s: %s", kept[row].domain, err_name(r->err));
}

static void check_one(size_t row, const char *value)
{
    const struct domain *d = directory_domain(rig.core.dir, view_str(kept[row].domain));
    char token[LIFE_TOKEN_MAX], again[LIFE_TOKEN_MAX], back[LIFE_TOKEN_MAX];
    size_t len = strlen(value), head = kept[row].prefix, tail = kept[row].suffix;

    ff1_token(d->name, value, token);
    ff1_token(d->name, value, again);
    assert_string_equal(token, again);
    assert_int_equal(strlen(token), len);
    assert_string_not_equal(token, value);
    assert_int_equal(format_judge(d->format, d->keep, view_str(token)), FORMAT_TOKEN_SHAPE);
    assert_memory_equal(token, value, head);
    assert_memory_equal(token + len - tail, value + len - tail, tail);
    ff1_value(d->name, token, back);
    assert_string_equal(back, value);
}

static void test_C14_values_come_back_and_tokens_are_no_originals(void **state)
{
    char value[LIFE_TOKEN_MAX];

    (void)state;
    for (size_t row = 0; row < KEPT; row++) {
        add_kept(row);
        for (size_t i = 0; i < 3 && kept[row].sample[i] != NULL; i++) {
            check_one(row, kept[row].sample[i]);
            for (int n = 0; n < 20; n++) {
                ff1_original(kept[row].format, kept[row].sample[i], kept[row].from, value);
                check_one(row, value);
            }
        }
    }
}

static void test_two_domains_and_two_buckets_differ(void **state)
{
    char a[LIFE_TOKEN_MAX], b[LIFE_TOKEN_MAX], sep[LIFE_TOKEN_MAX];

    (void)state;
    ff1_cards("one");
    ff1_cards("two");
    ff1_token("one", "4111111111111111", a);
    ff1_token("two", "4111111111111111", b);
    assert_string_not_equal(a, b);
    ff1_token("one", "4111 1111 1111 1111", sep);
    assert_string_equal(a, sep);
    assert_int_equal(rig_reveal(&rig, olga, "two", a)->err, HUFU_OK); /* some other value */
    assert_null(strstr(rig.reply.body, "4111111111111111"));
}

/* The outcome of value i in the reply of a batch. */
static void result_at(const char *body, size_t i, char out[static LIFE_TOKEN_MAX])
{
    const char *at = body;

    for (size_t n = 0; n <= i; n++) {
        at = strstr(at, "\"token\":\"");
        assert_non_null(at);
        at += strlen("\"token\":\"");
    }
    snprintf(out, LIFE_TOKEN_MAX, "%.*s", (int)strcspn(at, "\""), at);
}

/* Values of several lengths, some of them twice, one of them no value. */
static void test_a_batch_is_what_single_values_are(void **state)
{
    static char value[BATCH][LIFE_TOKEN_MAX];
    char got[LIFE_TOKEN_MAX], want[LIFE_TOKEN_MAX];
    static char body[65536];
    const struct rig_reply *r;
    struct buf b, list;

    (void)state;
    ff1_cards("f");
    buf_init(&b, 65536);
    buf_init(&list, 32768);
    for (size_t i = 0; i < BATCH; i++) {
        uint8_t mem[64];
        struct buf item;

        if (i % 7 == 6)
            memcpy(value[i], value[i - 5], LIFE_TOKEN_MAX);
        else
            ff1_original("pan", i % 11 == 0 ? "30569309025904" : "4111111111111111", 0, value[i]);
        buf_fixed(&item, mem, sizeof(mem));
        msg_put_text(&item, MSG_VALUE, view_str(value[i]));
        buf_lv32(&list, item.p, item.len);
    }
    msg_put_text(&b, MSG_DOMAIN, view_str("f"));
    msg_put_text(&b, MSG_VALUES, buf_view(&list));
    r = rig_call(&rig, VERB_TOKENIZE, &acme, buf_view(&b));
    assert_int_equal(r->err, HUFU_OK);
    assert_null(strstr(r->body, "error"));
    assert_null(strstr(r->body, "\"created\":false"));
    assert_null(strstr(r->body, "\"expires_at\":\""));
    snprintf(body, sizeof(body), "%s", r->body);
    for (size_t i = 0; i < BATCH; i++) {
        result_at(body, i, got);
        ff1_token("f", value[i], want);
        assert_string_equal(got, want);
    }
    buf_done(&list);
    buf_done(&b);
}

static bool count_row(void *arg, struct view key, uint64_t seq, struct view image)
{
    (void)key;
    (void)seq;
    (void)image;
    (*(size_t *)arg)++;
    return true;
}

static size_t rows_of(uint8_t table)
{
    uint8_t next_mem[STORE_KEY_MAX];
    struct buf next;
    size_t count = 0;

    buf_fixed(&next, next_mem, sizeof(next_mem));
    assert_int_equal(store_scan(rig.worker.reader, view_of(&table, 1), view_of(&table, 1), SIZE_MAX,
                                count_row, &count, &next),
                     HUFU_OK);
    return count;
}

static void test_nothing_is_stored_but_the_entry(void **state)
{
    char token[LIFE_TOKEN_MAX];
    struct life_lines found;
    uint64_t from;

    (void)state;
    ff1_cards("f");
    from = life_log_size(&rig);
    ff1_token("f", "4111111111111111", token);
    assert_int_equal(rows_of(TABLE_TOKEN), 0);
    assert_int_equal(rows_of(TABLE_INDEX), 0);
    assert_int_equal(life_find_lines(&rig, &found, from, "\"verb\":\"tokenize\"",
                                     "\"domain\":\"f\"", "\"token_id\":"),
                     1);
    assert_null(strstr(found.last, token));
    assert_int_equal(life_find_lines(&rig, &found, 0, "\"verb\":\"domain-add\"",
                                     "\"purpose\":\"mode=ff1\"", NULL),
                     1);
}

/* Nobody remembers what was sent, so the same value again takes from the budget too: of a bucket of
 * 10^6, ten times that of one of 10^5. */
static void test_C28_every_value_is_a_guess(void **state)
{
    struct ff1_ask ask = { .name = "f", .format = "pan", .prefix = 6 };
    int n = 0;

    (void)state;
    assert_int_equal(ff1_add(ask)->err, HUFU_OK);
    rig_crash(&rig);
    rig_set(&rig, "limit.guesses_per_day=3");
    RIG_CHECK(rig_open(&rig) == HUFU_OK);
    assert_true(rig_unseal(&rig));
    while (n < 100 && rig_tokenize(&rig, &acme, "f", "4222222222222")->err == HUFU_OK)
        n++;
    assert_int_equal(n, 30);
    assert_int_equal(rig.reply.err, HUFU_RATE_LIMITED);
    assert_int_equal(rig_tokenize(&rig, &acme, "f", "5500000000000004")->err, HUFU_OK);
}

static void test_the_same_key_gives_the_same_answer(void **state)
{
    struct rig_who who = { .partner = "acme", .idem_key = "k1" };
    char first[256];

    (void)state;
    ff1_cards("f");
    assert_int_equal(rig_tokenize(&rig, &who, "f", "4111111111111111")->err, HUFU_OK);
    snprintf(first, sizeof(first), "%s", rig.reply.body);
    assert_int_equal(rig_tokenize(&rig, &who, "f", "4111111111111111")->err, HUFU_OK);
    assert_string_equal(rig.reply.body, first);
    assert_int_equal(rig.reply.flags & MSG_REPLAYED, MSG_REPLAYED);
    assert_int_equal(rig_tokenize(&rig, &who, "f", "5500000000000004")->err, HUFU_IDEM_MISMATCH);
}

static void test_C10_tokens_and_no_values_are_refused(void **state)
{
    char token[LIFE_TOKEN_MAX], off[LIFE_TOKEN_MAX];

    (void)state;
    ff1_cards("f");
    ff1_token("f", "4111111111111111", token);
    assert_int_equal(rig_tokenize(&rig, &acme, "f", token)->err, HUFU_ALREADY_TOKEN);
    assert_int_equal(rig.reply.where.tag, MSG_VALUE);
    /* the mark of a version that is not there: no value, and as a token unknown */
    memcpy(off, token, sizeof(off));
    for (char c = '0'; c <= '9'; c++) {
        off[5] = c;
        if (c == token[5])
            continue;
        if (rig_tokenize(&rig, &acme, "f", off)->err == HUFU_INVALID_VALUE) {
            assert_int_equal(rig_reveal(&rig, olga, "f", off)->err, HUFU_NOT_FOUND);
        } else { /* of ten one is an original, and one bears the mark of version 1 */
            assert_int_equal(rig.reply.err, HUFU_OK);
            assert_int_equal(rig_reveal(&rig, olga, "f", off)->err, HUFU_NOT_TOKEN);
        }
    }
    assert_int_equal(rig_reveal(&rig, olga, "f", "4111111111111111")->err, HUFU_NOT_TOKEN);
}

static void test_what_a_request_may_not_ask_for(void **state)
{
    static const enum msg_tag tags[] = { MSG_EXPIRES_IN, MSG_USES };

    (void)state;
    ff1_cards("f");
    for (size_t i = 0; i < 2; i++) {
        struct buf b;

        buf_init(&b, 256);
        msg_put_text(&b, MSG_DOMAIN, view_str("f"));
        msg_put_text(&b, MSG_VALUE, view_str("4111111111111111"));
        msg_put_u64(&b, tags[i], 60);
        assert_int_equal(rig_call(&rig, VERB_TOKENIZE, &acme, buf_view(&b))->err,
                         HUFU_UNSUPPORTED_MODE);
        assert_int_equal(rig.reply.where.tag, tags[i]);
        buf_done(&b);
    }
}

static void test_states_are_unsupported(void **state)
{
    static const uint16_t verbs[] = { VERB_INSPECT, VERB_SUSPEND, VERB_RESUME,
                                      VERB_REVOKE,  VERB_DELETE,  VERB_REPLACE };
    static const char value[] = "4111111111111111";
    char token[LIFE_TOKEN_MAX];

    (void)state;
    ff1_cards("f");
    ff1_token("f", value, token);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        const char *reason = verbs[i] == VERB_INSPECT ? NULL : "lost";
        const char *with = verbs[i] == VERB_REPLACE ? value : NULL;
        const struct rig_reply *r;

        r = life_call(&rig, verbs[i], &acme, "f", with, token, reason);
        assert_int_equal(r->err, HUFU_UNSUPPORTED_MODE);
        assert_int_equal(r->where.tag, MSG_DOMAIN);
        r = life_call(&rig, verbs[i], &acme, "f", with, "no-token", reason);
        assert_int_equal(r->err, HUFU_NOT_TOKEN);
    }
    assert_int_equal(life_call(&rig, VERB_LOOKUP, &acme, "f", value, NULL, NULL)->err,
                     HUFU_UNSUPPORTED_MODE);
}

static void test_C14_small_domains_name_what_would_do(void **state)
{
    const struct rig_reply *r;

    (void)state;
    r = ff1_add((struct ff1_ask){ .name = "s", .format = "pan", .prefix = 6, .suffix = 4 });
    assert_int_equal(r->err, HUFU_BAD_REQUEST);
    assert_int_equal(r->where.tag, MSG_KEEP);
    assert_string_equal(r->body, "in ff1 mode at least 10^6 originals must share what stays; the "
                                 "widest that may stay: 2+4, 3+3, 4+2, 5+1, 6+0");
    r = ff1_add((struct ff1_ask){ .name = "S", .format = "pan", .suffix = 4 });
    assert_int_equal(r->err, HUFU_BAD_REQUEST);
    assert_int_equal(r->body_len, 0);
}

static void test_what_a_domain_may_not_ask_for(void **state)
{
    static const struct {
        struct ff1_ask ask;
        enum hufu_err err;
        enum msg_tag at;
    } rows[] = {
        { { .format = "passport" }, HUFU_UNSUPPORTED_MODE, MSG_MODE },
        { { .format = "passport", .token_check = "none", .expected = 9 },
          HUFU_UNSUPPORTED_MODE,
          MSG_MODE },
        { { .format = "pan", .expires_in = 60 }, HUFU_BAD_REQUEST, MSG_EXPIRES_IN },
        { { .format = "pan", .token_check = "none" }, HUFU_UNSUPPORTED_MODE, MSG_TOKEN_CHECK },
        { { .format = "pan", .token_check = "bin" }, HUFU_UNSUPPORTED_MODE, MSG_TOKEN_CHECK },
        { { .format = "pan", .consent = true }, HUFU_UNSUPPORTED_MODE, MSG_CONSENT_REQUIRED },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ff1_ask ask = rows[i].ask;

        ask.name = "f";
        assert_int_equal(ff1_add(ask)->err, rows[i].err);
        assert_int_equal(rig.reply.where.tag, rows[i].at);
    }
    assert_int_equal(ff1_add((struct ff1_ask){ .name = "f",
                                               .format = "pan",
                                               .token_check = "fail",
                                               .suffix = 4,
                                               .expected = 100000000 })
                         ->err,
                     HUFU_OK);
    assert_non_null(strstr(rig.reply.body, "\"mode\":\"ff1\""));
    assert_non_null(strstr(rig.reply.body, "\"capacity\":100000000,")); /* 13 digits, 4 + check */
}

/* The row of a domain, a partner in it that is entrusted. The calls let neither come to be. */
static void test_C14_entrusted_partners_send_nothing(void **state)
{
    const struct domain *d;
    struct partner p;

    (void)state;
    ff1_cards("f");
    d = directory_domain(rig.core.dir, view_str("f"));
    p = *directory_partner(rig.core.dir, view_str("acme"));
    assert_true(mapping_may_send(&p, d, rig.clock.now));
    p.is_entrusted = 1;
    assert_false(mapping_may_send(&p, d, rig.clock.now));
    d = directory_domain(rig.core.dir, view_str("cards"));
    assert_true(mapping_may_send(&p, d, rig.clock.now));
}

static void test_only_such_domains_have_such_a_key(void **state)
{
    struct key *key;

    (void)state;
    ff1_cards("f");
    assert_int_equal(
        ff1_add((struct ff1_ask){ .name = "g", .format = "pan", .mode = "deterministic" })->err,
        HUFU_OK);
    for (enum key_kind kind = KEY_DATA; kind <= KEY_INDEX; kind++) {
        assert_non_null(keyring_active(rig.core.ring, ff1_domain_id("f"), kind));
        assert_non_null(keyring_active(rig.core.ring, ff1_domain_id("g"), kind));
    }
    assert_non_null(keyring_active(rig.core.ring, ff1_domain_id("f"), KEY_FF1));
    for (size_t i = 0; (key = keyring_at(rig.core.ring, i)) != NULL; i++)
        assert_true(key->kind != KEY_FF1 || key->domain == ff1_domain_id("f"));
}

static void test_C12_a_restart_keeps_the_key(void **state)
{
    char token[LIFE_TOKEN_MAX], again[LIFE_TOKEN_MAX];

    (void)state;
    ff1_cards("f");
    ff1_token("f", "4111111111111111", token);
    assert_true(rig_restart(&rig));
    ff1_token("f", "4111111111111111", again);
    assert_string_equal(token, again);
    ff1_value("f", token, again);
    assert_string_equal(again, "4111111111111111");
    ff1_ceremony("rotate-kek", NULL, NULL);
    assert_true(rig_restart(&rig));
    ff1_value("f", token, again);
    assert_string_equal(again, "4111111111111111");
}

/* From the init file: as any other, with its key. */
static void test_C42_a_new_vault_may_have_one(void **state)
{
    char token[LIFE_TOKEN_MAX], back[LIFE_TOKEN_MAX];
    struct buf text;

    (void)state;
    rig_done(&rig);
    fake_hsm_done(&hsm);
    fake_hsm_init(&hsm);
    rig_init(&rig, &hsm);
    RIG_CHECK(rig_open(&rig) == HUFU_OK);
    buf_init(&text, 65536);
    rig_init_text(&text);
    buf_str(&text, "[domain extra-0]\nformat = pan\nmode = ff1\npartners = acme\n"
                   "purposes = refund\nkeep_suffix = 4\n");
    assert_int_equal(setup_vault(&rig.keeper, buf_view(&text)), HUFU_OK);
    buf_done(&text);
    assert_true(rig_restart(&rig));
    ff1_token("extra-0", "4111111111111111", token);
    rig_login(&rig, "olga", olga);
    ff1_value("extra-0", token, back);
    assert_string_equal(back, "4111111111111111");
}

static uint8_t key_state(const char *domain, uint32_t version)
{
    struct key *key;

    for (size_t i = 0; (key = keyring_at(rig.core.ring, i)) != NULL; i++)
        if (key->domain == ff1_domain_id(domain) && key->kind == KEY_FF1 && key->version == version)
            return atomic_load(&key->state);
    return 0;
}

static void test_C43_a_rotation_keeps_old_tokens_and_makes_new_ones(void **state)
{
    char old[LIFE_TOKEN_MAX], new[LIFE_TOKEN_MAX], back[LIFE_TOKEN_MAX];
    uint32_t data;

    (void)state;
    ff1_cards("f");
    ff1_token("f", "4111111111111111", old);
    ff1_ceremony("rotate-data-key", "f", NULL);
    data = keyring_active(rig.core.ring, ff1_domain_id("f"), KEY_DATA)->version;
    assert_int_equal(data, 1); /* what rotates is the key that the data lie under */
    assert_int_equal(key_state("f", 1), KEY_DEACTIVATED);
    assert_int_equal(key_state("f", 2), KEY_ACTIVE);
    ff1_token("f", "4111111111111111", new);
    assert_string_not_equal(old, new);
    assert_true(rig_restart(&rig));
    ff1_value("f", old, back);
    assert_string_equal(back, "4111111111111111");
    ff1_value("f", new, back);
    assert_string_equal(back, "4111111111111111");
    assert_int_equal(rig_tokenize(&rig, &acme, "f", old)->err, HUFU_ALREADY_TOKEN);
    assert_int_equal(ff1_propose("destroy-key", NULL, "ff1-f-2")->err, HUFU_CONFLICT);
    ff1_ceremony("destroy-key", NULL, "ff1-f-1");
    assert_int_equal(key_state("f", 1), KEY_DESTROYED);
    assert_int_equal(rig_reveal(&rig, olga, "f", old)->err, HUFU_NOT_FOUND);
    assert_int_equal(rig_tokenize(&rig, &acme, "f", old)->err, HUFU_INVALID_VALUE);
    assert_true(rig_restart(&rig));
    assert_int_equal(rig_reveal(&rig, olga, "f", old)->err, HUFU_NOT_FOUND);
    ff1_value("f", new, back);
    assert_string_equal(back, "4111111111111111");
}

static void test_C43_a_mark_never_means_two_keys(void **state)
{
    const struct domain *d;
    char old[LIFE_TOKEN_MAX], back[LIFE_TOKEN_MAX];
    uint32_t generations;

    (void)state;
    ff1_cards("f");
    d = directory_domain(rig.core.dir, view_str("f"));
    assert_int_equal(format_rank_check(d->format, d->keep, &generations), HUFU_OK);
    assert_in_range(generations, 2, 20);
    ff1_token("f", "4111111111111111", old);
    for (uint32_t i = 1; i < generations; i++)
        ff1_ceremony("rotate-data-key", "f", NULL);
    assert_int_equal(ff1_propose("rotate-data-key", "f", NULL)->err, HUFU_UNSUPPORTED_MODE);
    assert_int_equal(rig.reply.where.tag, MSG_DOMAIN);
    ff1_value("f", old, back);
    assert_string_equal(back, "4111111111111111");
    /* Nor does one that is given up: its tokens would read as other values. */
    ff1_ceremony("destroy-key", NULL, "ff1-f-1");
    assert_int_equal(ff1_propose("rotate-data-key", "f", NULL)->err, HUFU_UNSUPPORTED_MODE);
    assert_int_equal(rig_reveal(&rig, olga, "f", old)->err, HUFU_NOT_FOUND);
}

static void test_index_keys_of_such_domains_do_not_rotate(void **state)
{
    (void)state;
    ff1_cards("f");
    assert_int_equal(ff1_propose("rotate-index-key", "f", NULL)->err, HUFU_UNSUPPORTED_MODE);
    assert_int_equal(rig.reply.where.tag, MSG_DOMAIN);
    assert_int_equal(ff1_propose("rotate-index-key", "cards", NULL)->err, HUFU_OK);
    assert_int_equal(rig.reply.where.tag, MSG_NONE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, ff1_setup, suite_teardown)
    const struct CMUnitTest tests[] = {
        TEST(C14_values_come_back_and_tokens_are_no_originals),
        TEST(two_domains_and_two_buckets_differ),
        TEST(a_batch_is_what_single_values_are),
        TEST(nothing_is_stored_but_the_entry),
        TEST(C28_every_value_is_a_guess),
        TEST(the_same_key_gives_the_same_answer),
        TEST(C10_tokens_and_no_values_are_refused),
        TEST(what_a_request_may_not_ask_for),
        TEST(states_are_unsupported),
        TEST(C14_small_domains_name_what_would_do),
        TEST(what_a_domain_may_not_ask_for),
        TEST(C14_entrusted_partners_send_nothing),
        TEST(only_such_domains_have_such_a_key),
        TEST(C12_a_restart_keeps_the_key),
        TEST(C42_a_new_vault_may_have_one),
        TEST(C43_a_rotation_keeps_old_tokens_and_makes_new_ones),
        TEST(C43_a_mark_never_means_two_keys),
        TEST(index_keys_of_such_domains_do_not_rotate),
    };
#undef TEST

    return cmocka_run_group_tests_name("ff1 domain", tests, suite_heap, NULL);
}
