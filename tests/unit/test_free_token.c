/* Buckets filled to their last token: each is given out once, none is an original, then comes
 * `exhausted`; alone, in batches, by two at a time, and after a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/core_suite.h"
#include "vault/format/format_tokens.h"
#include "vault/free_token.h"

#define TOKENS_MAX 12000
#define TOKEN_SIZE 24

static const char formats[] =
    "[format mini-few]\nclass = C2\nsource = test\nlayout = set(few) digits(2)\n"
    "separators = none\nkeep_prefix_max = 0\nkeep_suffix_max = 1\nhidden_min = 3\nmask = 0+0\n"
    "mark = unissued\nunissued = few(00-04)\n"
    "[set few]\nvalues = 10-99\n"
    "[format mini-kept]\nclass = C2\nsource = test\n"
    "layout = digits(4) check(verhoeff) digits(2)\n"
    "separators = none\nkeep_prefix_max = 2\nkeep_suffix_max = 4\nhidden_min = 2\nmask = 0+0\n"
    "mark = wrong-check\n"
    "[format mini-open]\nclass = C2\nsource = test\nlayout = set(open) alnum(1)\n"
    "separators = none\nkeep_prefix_max = 0\nkeep_suffix_max = 0\nhidden_min = 3\nmask = 0+0\n"
    "marked = no\n"
    "[set open]\nvalues = 17-20, 31\n"
    "[format mini-day]\nclass = C2\nsource = test\nlayout = text(K) date(yymmdd, 1999-2000)\n"
    "separators = none\nkeep_prefix_max = 1\nkeep_suffix_max = 0\nhidden_min = 6\nmask = 0+0\n"
    "marked = no\n";

static const struct {
    const char *name, *mode, *format, *more;
} domains[] = {
    { "cards", "random", "pan", "keep_prefix = 8\nkeep_suffix = 3\n" },
    { "ssns", "random", "us-ssn", "keep_suffix = 4\n" },
    { "ibans", "random", "iban", "keep_prefix = 8\n" },
    { "few", "deterministic", "mini-few", "" },
    { "few1", "one-time", "mini-few", "keep_suffix = 1\n" },
    { "kept", "random", "mini-kept", "keep_prefix = 1\nkeep_suffix = 4\n" },
    { "open", "random", "mini-open", "token_check = none\n" },
    { "days", "random", "mini-day", "keep_prefix = 1\ntoken_check = none\n" },
};

static const char partners[] =
    "[partner acme]\n"
    "pin = a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\n"
    "formats = pan,us-ssn,iban,mini-few,mini-kept,mini-open,mini-day\n"
    "domains = cards,ssns,ibans,few,few1,kept,open,days\n"
    "[partner zeta]\n"
    "pin = b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2\n"
    "formats = pan\ndomains = cards\n";

static const struct rig_who acme = { .partner = "acme" };
static const struct rig_who zeta = { .partner = "zeta" };

/* The tokens of one bucket, sorted, and which were given out. */
static struct {
    const struct format *fmt;
    struct format_keep keep;
    size_t tokens, given; /* those that may be given out */
    size_t count;
    char token[TOKENS_MAX][TOKEN_SIZE];
    bool is_given[TOKENS_MAX];
} all;

static void write_formats(const char *path)
{
    FILE *in = fopen("conf/formats.conf", "r"), *out = fopen(path, "w");
    char line[4096];

    assert_true(in != NULL && out != NULL);
    while (fgets(line, sizeof(line), in) != NULL)
        fputs(line, out);
    fputs(formats, out);
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

static void put_domains(struct buf *out)
{
    for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
        buf_str(out, "[domain ");
        buf_str(out, domains[i].name);
        buf_str(out, "]\npartners = acme,zeta\npurposes = refund\nmode = ");
        buf_str(out, domains[i].mode);
        buf_str(out, "\nformat = ");
        buf_str(out, domains[i].format);
        buf_str(out, "\n");
        buf_str(out, domains[i].more);
    }
}

/* One vault for all tests, each of which fills buckets of its own; it counts no guesses. */
static int setup(void **state)
{
    char path[128], assignment[160];
    struct buf text;

    if (suite_heap(state) != 0)
        return -1;
    fake_hsm_init(&hsm);
    rig_init(&rig, &hsm);
    snprintf(path, sizeof(path), "%s/formats.conf", rig.dir);
    snprintf(assignment, sizeof(assignment), "vault.formats=%s", path);
    write_formats(path);
    rig_set(&rig, assignment);
    rig_set(&rig, "limit.guesses_per_day=1000000000");
    rig_set(&rig, "core.store_bytes=1073741824");
    rig_set(&rig, "core.arena_bytes=67108864");
    assert_int_equal(rig_open(&rig), HUFU_OK);
    buf_init(&text, 65536);
    rig_init_text(&text);
    text.len -= strlen(rig_domains);
    put_domains(&text);
    buf_str(&text, partners);
    assert_int_equal(setup_vault(&rig.keeper, buf_view(&text)), HUFU_OK);
    buf_done(&text);
    return rig_restart(&rig) ? 0 : -1;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* All tokens of a value's bucket: format_tokens.h, which test_format_space.c holds against
 * counting.
 */
static void count_bucket(const char *format, struct format_keep keep, const char *value)
{
    struct format_tokens walk;

    memset(&all, 0, sizeof(all));
    all.keep = keep;
    assert_int_equal(format_set_find(rig.core.formats, view_str(format), &all.fmt), HUFU_OK);
    assert_int_equal(format_check(all.fmt, view_str(value)), HUFU_OK);
    assert_int_equal(format_tokens_init(all.fmt, keep, view_str(value), &walk), HUFU_OK);
    assert_true(strlen(value) < TOKEN_SIZE);
    for (uint64_t n = 0; n < walk.count; n++) {
        uint8_t token[FORMAT_VALUE_MAX];

        if (!format_tokens_at(&walk, n, token))
            continue;
        assert_true(all.count < TOKENS_MAX);
        memcpy(all.token[all.count++], token, strlen(value));
    }
    qsort(all.token, all.count, TOKEN_SIZE, by_text);
    all.tokens = format_is_marked(all.fmt) ? all.count : all.count - 1; /* not the value itself */
}

/* The token is one of the bucket's, not an original, and nobody had it before. */
static void take(const char *token, const char *value)
{
    char(*found)[TOKEN_SIZE] = bsearch(token, all.token, all.count, TOKEN_SIZE, by_text);

    assert_true(found != NULL && strcmp(token, value) != 0);
    assert_true(format_is_token(all.fmt, all.keep, view_str(token)));
    if (format_is_marked(all.fmt))
        assert_int_not_equal(format_check(all.fmt, view_str(token)), HUFU_OK);
    assert_false(all.is_given[found - all.token]);
    all.is_given[found - all.token] = true;
    all.given++;
}

static enum hufu_err one(const struct rig_who *who, const char *domain, const char *value)
{
    const struct rig_reply *r = rig_tokenize(&rig, who, domain, value);
    char token[FORMAT_VALUE_MAX + 1];

    if (r->err != HUFU_OK)
        return r->err;
    assert_non_null(rig_member(r->body, "token", token, sizeof(token)));
    take(token, value);
    return HUFU_OK;
}

/* The same value count times in one request; how many came out `exhausted`, all others as tokens.
 */
static size_t batch(const char *domain, const char *value, size_t count)
{
    static const char code[] = "\"code\":\"exhausted\"", mark[] = "\"token\":\"";
    const struct rig_reply *r;
    size_t given = 0, refused = 0;
    struct buf b, list;

    buf_init(&b, 262144);
    buf_init(&list, 131072);
    for (size_t i = 0; i < count; i++) {
        uint8_t mem[64];
        struct buf item;

        buf_fixed(&item, mem, sizeof(mem));
        msg_put_text(&item, MSG_VALUE, view_str(value));
        buf_lv32(&list, item.p, item.len);
    }
    msg_put_text(&b, MSG_DOMAIN, view_str(domain));
    msg_put_text(&b, MSG_VALUES, buf_view(&list));
    r = rig_call(&rig, VERB_TOKENIZE, &acme, buf_view(&b));
    buf_done(&list);
    buf_done(&b);
    assert_int_equal(r->err, HUFU_OK);
    for (const char *at = r->body; (at = strstr(at, mark)) != NULL; given++) {
        char token[FORMAT_VALUE_MAX + 1] = "";

        at += strlen(mark);
        memcpy(token, at, strcspn(at, "\""));
        take(token, value);
    }
    for (const char *at = r->body; (at = strstr(at, code)) != NULL; at += strlen(code))
        refused++;
    assert_int_equal(given + refused, count);
    return refused;
}

/* One by one to half, in batches to the last, which asks for three more than there are. */
static void fill(const char *domain, const char *value)
{
    size_t size = all.tokens / 5 < MSG_ITEMS_MAX ? all.tokens / 5 : MSG_ITEMS_MAX;

    while (all.given < all.tokens / 2 && all.given < 1000)
        assert_int_equal(one(&acme, domain, value), HUFU_OK);
    while (all.tokens - all.given > size - 3)
        assert_int_equal(batch(domain, value, size - 3), 0);
    assert_int_equal(batch(domain, value, all.tokens - all.given + 3), 3);
    assert_int_equal(all.given, all.tokens);
}

static void is_full(const char *domain, const char *value)
{
    for (int i = 0; i < 3; i++)
        assert_int_equal(one(&acme, domain, value), HUFU_EXHAUSTED);
    assert_int_equal(rig.reply.where.tag, MSG_VALUE);
    assert_int_equal(batch(domain, value, 50), 50);
}

/* Puts digits in the places of the question marks, the first that make an original. */
static void make_original(const char *format, const char *pattern, char out[static TOKEN_SIZE])
{
    const struct format *fmt;

    assert_int_equal(format_set_find(rig.core.formats, view_str(format), &fmt), HUFU_OK);
    for (unsigned n = 0; n < 100000; n++) {
        unsigned rest = n;

        snprintf(out, TOKEN_SIZE, "%s", pattern);
        for (char *at = out; (at = strchr(at, '?')) != NULL; rest /= 10)
            *at = (char)('0' + rest % 10);
        if (format_check(fmt, view_str(out)) == HUFU_OK)
            return;
    }
    fail_msg("no original like %s", pattern);
}

static void test_C28_free_token_fills_buckets_of_each_mark(void **state)
{
    static const struct {
        const char *domain, *format;
        struct format_keep keep;
        const char *value, *other; /* of another bucket; ? is any digit that makes an original */
        size_t tokens;             /* where plain reckoning gives it */
    } rows[] = {
        { "cards", "pan", { 8, 3 }, "4222222???222", "42222223??222", 90 },
        { "ssns", "us-ssn", { 0, 4 }, "219099999", "219099998", 11098 - 4500 },
        { "ibans", "iban", { 8, 0 }, "NO9386011117947", NULL, 0 },
        { "few1", "mini-few", { 0, 1 }, "1000", "1001", 50 },
        { "kept", "mini-kept", { 1, 4 }, "1???5??", "2???5??", 90 },
        { "days", "mini-day", { 1, 0 }, "K991231", NULL, 365 + 366 - 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char value[TOKEN_SIZE], other[TOKEN_SIZE];

        make_original(rows[i].format, rows[i].value, value);
        count_bucket(rows[i].format, rows[i].keep, value);
        if (rows[i].tokens > 0)
            assert_int_equal(all.tokens, rows[i].tokens);
        fill(rows[i].domain, value);
        is_full(rows[i].domain, value);
        if (rows[i].other == NULL)
            continue;
        make_original(rows[i].format, rows[i].other, other);
        count_bucket(rows[i].format, rows[i].keep, other);
        assert_int_equal(one(&acme, rows[i].domain, other), HUFU_OK);
    }
}

/* A restart forgets where the search stood: the last tokens are found all the same. */
static void test_free_token_after_a_restart(void **state)
{
    char value[TOKEN_SIZE];

    (void)state;
    make_original("pan", "5011111???333", value);
    count_bucket("pan", (struct format_keep){ 8, 3 }, value);
    assert_int_equal(batch("cards", value, all.tokens - 2), 0);
    for (int i = 0; i < 2; i++) {
        assert_true(rig_restart(&rig));
        assert_int_equal(format_set_find(rig.core.formats, view_str("pan"), &all.fmt), HUFU_OK);
        assert_int_equal(one(&acme, "cards", value), HUFU_OK);
    }
    is_full("cards", value);
    assert_true(rig_restart(&rig));
    is_full("cards", value);
}

/* A value is never its own token, but another's it may be. */
static void test_free_token_of_the_value_itself(void **state)
{
    (void)state;
    count_bucket("mini-open", (struct format_keep){ 0, 0 }, "17A");
    assert_int_equal(all.tokens, 5 * 36 - 1);
    fill("open", "17A");
    is_full("open", "17A");
    assert_int_equal(rig_tokenize(&rig, &acme, "open", "20Z")->err, HUFU_OK);
    assert_non_null(strstr(rig.reply.body, "\"token\":\"17A\""));
    assert_int_equal(rig_tokenize(&rig, &acme, "open", "20Z")->err, HUFU_EXHAUSTED);
}

/* Deterministic: where all tokens are given out, who has one still gets it. */
static void test_free_token_deterministic(void **state)
{
    char value[8], token[8], again[8], first[8][8];
    size_t n = 0;

    (void)state;
    count_bucket("mini-few", (struct format_keep){ 0, 0 }, "1000");
    assert_int_equal(all.tokens, 500);
    for (; n < all.tokens; n++) {
        snprintf(value, sizeof(value), "%zu", 1000 + n);
        assert_int_equal(one(&acme, "few", value), HUFU_OK);
        assert_non_null(rig_member(rig.reply.body, "token", token, sizeof(token)));
        if (n < 8)
            memcpy(first[n], token, sizeof(token));
    }
    for (; n < 600; n++) {
        snprintf(value, sizeof(value), "%zu", 1000 + n);
        assert_int_equal(one(&acme, "few", value), HUFU_EXHAUSTED);
    }
    for (n = 0; n < 8; n++) {
        snprintf(value, sizeof(value), "%zu", 1000 + n);
        assert_int_equal(rig_tokenize(&rig, &acme, "few", value)->err, HUFU_OK);
        assert_non_null(rig_member(rig.reply.body, "token", again, sizeof(again)));
        assert_string_equal(again, first[n]);
    }
}

static struct {
    size_t ok, exhausted, other;
} came;

static void on_reply(void *arg, uint64_t id, const struct msg_reply *reply)
{
    (void)arg;
    (void)id;
    came.ok += reply->err == HUFU_OK;
    came.exhausted += reply->err == HUFU_EXHAUSTED;
    came.other += reply->err != HUFU_OK && reply->err != HUFU_EXHAUSTED;
}

/* Several are decided before any of them is committed: the last token is given out once. */
static void test_free_token_race_for_the_last(void **state)
{
    char value[TOKEN_SIZE];
    struct buf b;

    (void)state;
    make_original("pan", "5111111???333", value);
    count_bucket("pan", (struct format_keep){ 8, 3 }, value);
    assert_int_equal(batch("cards", value, all.tokens - 1), 0);
    buf_init(&b, 1024);
    msg_put_text(&b, MSG_DOMAIN, view_str("cards"));
    msg_put_text(&b, MSG_VALUE, view_str(value));
    memset(&came, 0, sizeof(came));
    rig.on_reply = on_reply;
    for (int i = 0; i < 8; i++)
        (void)rig_submit(&rig, VERB_TOKENIZE, i % 2 == 0 ? &acme : &zeta, buf_view(&b));
    buf_done(&b);
    for (int i = 0; i < 8; i++)
        assert_true(worker_step(&rig.worker));
    assert_int_equal(came.ok + came.exhausted, 0); /* all eight have drafted it */
    for (int i = 0; i < RIG_STEPS_MAX && came.ok + came.exhausted + came.other < 8; i++)
        (void)rig_round(&rig);
    rig.on_reply = NULL;
    assert_int_equal(came.ok, 1);
    assert_int_equal(came.exhausted, 7);
}

/* `exhausted` tells that a value is new: it takes from the day's budget as a new value does. */
static void test_C28_free_token_exhausted_is_a_guess(void **state)
{
    char value[TOKEN_SIZE];

    (void)state;
    make_original("pan", "5211111???333", value);
    count_bucket("pan", (struct format_keep){ 8, 3 }, value);
    fill("cards", value);
    rig_crash(&rig);
    rig_set(&rig, "limit.guesses_per_day=5");
    assert_int_equal(rig_open(&rig), HUFU_OK);
    assert_true(rig_unseal(&rig));
    for (int i = 0; i < 5; i++)
        assert_int_equal(one(&zeta, "cards", value), HUFU_EXHAUSTED);
    assert_int_equal(one(&zeta, "cards", value), HUFU_RATE_LIMITED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C28_free_token_fills_buckets_of_each_mark),
        cmocka_unit_test(test_free_token_after_a_restart),
        cmocka_unit_test(test_free_token_of_the_value_itself),
        cmocka_unit_test(test_free_token_deterministic),
        cmocka_unit_test(test_free_token_race_for_the_last),
        cmocka_unit_test(test_C28_free_token_exhausted_is_a_guess),
    };

    return cmocka_run_group_tests_name("free_token", tests, setup, suite_teardown);
}
