/* test_email.c - domains of mail addresses, whose tokens are of another length than their values:
 * every verb on addresses of 6 to 254 bytes, and what is kept of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/life_calls.h"
#include "tests/unit/rotation_rig.h"
#include "vault/base/digest.h"

#define ADDRESS_MAX 254
#define TOKEN_LEN   40
#define BATCH       1000
#define TAIL        "@token.invalid"

static void put_name(struct buf *b, enum msg_tag tag, const char *text)
{
    struct buf list;

    buf_init(&list, 128);
    buf_lv32(&list, text, strlen(text));
    msg_put_text(b, tag, buf_view(&list));
    buf_done(&list);
}

static const struct rig_reply *add_domain(const char *sara, const char *name, const char *mode,
                                          uint8_t keep_prefix)
{
    struct rig_who who = { .session = sara };
    uint8_t keep[2] = { keep_prefix, 0 };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    msg_put_text(&b, MSG_NAME, view_str(name));
    msg_put_text(&b, MSG_FORMAT, view_str("email"));
    msg_put_text(&b, MSG_MODE, view_str(mode));
    put_name(&b, MSG_PARTNERS, "acme");
    if (keep_prefix > 0)
        msg_put_text(&b, MSG_KEEP, view_of(keep, sizeof(keep)));
    put_name(&b, MSG_PURPOSES, "refund");
    if (strcmp(mode, "random") == 0)
        msg_put_u64(&b, MSG_EXPECTED, 1000000);
    msg_put_u64(&b, MSG_BATCH_DETOKENIZE, BATCH);
    r = rig_call(&rig, VERB_DOMAIN_ADD, &who, buf_view(&b));
    buf_done(&b);
    return r;
}

/* Two domains: mails keeps one token for a value, spread draws one each time. */
static int setup_mails(void **state)
{
    char sara[MSG_SESSION_LEN + 1];
    const struct rig_reply *r;

    if (setup(state) != 0)
        return -1;
    rig_login(&rig, "sara", sara);
    RIG_CHECK(add_domain(sara, "kept", "deterministic", 1)->err == HUFU_BAD_REQUEST);
    r = add_domain(sara, "mails", "deterministic", 0);
    RIG_CHECK(r->err == HUFU_OK && r->success == MSG_201);
    RIG_CHECK(strstr(r->body, "\"capacity\":9007199254740992") != NULL); /* 2^53 and more */
    RIG_CHECK(add_domain(sara, "spread", "random", 0)->err == HUFU_OK);
    return 0;
}

/* Address n of that many bytes: a local part of 64 at most, labels of 63 at most, ".co". Of six
 * bytes there are 36. */
static void address_of(unsigned n, size_t len, char out[static ADDRESS_MAX + 1])
{
    static const char symbols[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    size_t local = len - 5 < 64 ? len - 5 : 64, end = len - 3;

    for (size_t i = 0; i < local; i++, n /= 36)
        out[i] = symbols[n % 36];
    out[local] = '@';
    for (size_t i = local + 1, label = 0; i < end; i++) {
        bool dot = label == 61 && i + 1 < end;

        out[i] = dot ? '.' : 'd';
        label = dot ? 0 : label + 1;
    }
    memcpy(out + end, ".co", 4);
}

/* The token that the value gets, and whether it is a new one. */
static void token_of(const char *domain, const char *value, bool created, char out[static 64])
{
    const struct rig_reply *r = rig_tokenize(&rig, &acme, domain, value);

    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(strstr(r->body, created ? "\"created\":true" : "\"created\":false"));
    assert_non_null(rig_member(r->body, "token", out, 64));
    assert_int_equal(strlen(out), TOKEN_LEN);
    assert_string_equal(out + TOKEN_LEN - strlen(TAIL), TAIL);
}

static void reveals(const char *domain, const char *tok, const char *value)
{
    const struct rig_reply *r = rig_reveal(&rig, olga, domain, tok);
    char got[ADDRESS_MAX + 1];

    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "value", got, sizeof(got)));
    assert_string_equal(got, value);
}

static void test_email_every_length_there_and_back(void **state)
{
    char value[ADDRESS_MAX + 1], tok[64], again[64];

    (void)state;
    for (size_t len = 6; len <= ADDRESS_MAX; len++) {
        address_of((unsigned)len, len, value);
        assert_int_equal(strlen(value), len);
        token_of("mails", value, true, tok);
        token_of("mails", value, false, again);
        assert_string_equal(again, tok);
        reveals("mails", tok, value);
        token_of("spread", value, true, tok);
        token_of("spread", value, true, again);
        assert_string_not_equal(again, tok);
        reveals("spread", tok, value);
        reveals("spread", again, value);
    }
    assert_true(rig_restart(&rig));
    token_of("mails", value, false, tok);
    reveals("mails", tok, value);
}

/* The largest record that there is: value, subject and consent as long as they may be. */
static void test_email_with_all_that_a_record_holds(void **state)
{
    char value[ADDRESS_MAX + 1], text[2][129], tok[64];
    struct rig_who who = { .partner = "acme" };
    struct buf b;

    (void)state;
    address_of(5, ADDRESS_MAX, value);
    for (size_t i = 0; i < 2; i++) {
        memset(text[i], i == 0 ? 's' : 'c', 128);
        text[i][128] = '\0';
    }
    buf_init(&b, 1024);
    msg_put_text(&b, MSG_DOMAIN, view_str("mails"));
    msg_put_text(&b, MSG_VALUE, view_str(value));
    msg_put_text(&b, MSG_SUBJECT, view_str(text[0]));
    msg_put_text(&b, MSG_CONSENT, view_str(text[1]));
    assert_int_equal(rig_call(&rig, VERB_TOKENIZE, &who, buf_view(&b))->err, HUFU_OK);
    assert_non_null(rig_member(rig.reply.body, "token", tok, sizeof(tok)));
    buf_done(&b);
    flush();
    assert_true(rig_restart(&rig));
    reveals("mails", tok, value);
    buf_init(&b, 1024);
    msg_put_text(&b, MSG_DOMAIN, view_str("mails"));
    msg_put_text(&b, MSG_TOKEN, view_str(tok));
    msg_put_bool(&b, MSG_PROVENANCE, true);
    assert_int_equal(rig_call(&rig, VERB_INSPECT, &who, buf_view(&b))->err, HUFU_OK);
    buf_done(&b);
    assert_non_null(strstr(rig.reply.body, text[0]));
    assert_non_null(strstr(rig.reply.body, text[1]));
}

static void test_email_what_is_refused(void **state)
{
    char value[ADDRESS_MAX + 3], tok[64];

    (void)state;
    address_of(7, ADDRESS_MAX, value);
    memcpy(value + ADDRESS_MAX, "m", 2);
    assert_int_equal(rig_tokenize(&rig, &acme, "mails", value)->err, HUFU_INVALID_VALUE);
    assert_int_equal(rig.reply.where.tag, MSG_VALUE);
    assert_int_equal(rig_tokenize(&rig, &acme, "mails", "a@b.c")->err, HUFU_INVALID_VALUE);
    assert_int_equal(rig_tokenize(&rig, &acme, "mails", "a@b.invalid")->err, HUFU_INVALID_VALUE);
    assert_int_equal(rig_tokenize(&rig, &acme, "cards", "a@b.example")->err, HUFU_INVALID_VALUE);
    token_of("mails", "a@b.example", true, tok);
    assert_int_equal(rig_tokenize(&rig, &acme, "mails", tok)->err, HUFU_ALREADY_TOKEN);
    tok[0] = tok[0] == 'a' ? 'b' : 'a'; /* of the shape, and nobody's */
    assert_int_equal(rig_tokenize(&rig, &acme, "mails", tok)->err, HUFU_INVALID_VALUE);
    assert_int_equal(rig_reveal(&rig, olga, "mails", tok)->err, HUFU_NOT_FOUND);
    address_of(7, ADDRESS_MAX, value);
    assert_int_equal(rig_reveal(&rig, olga, "mails", value)->err, HUFU_NOT_TOKEN);
}

/* However its letters are written: one value, one token; and a token's letters may be capitals. */
static void test_email_letters_are_folded(void **state)
{
    char tok[64], again[64], capitals[64];

    (void)state;
    token_of("mails", "Olga.Petrova+Bank@Mail.EXAMPLE", true, tok);
    token_of("mails", "olga.petrova+bank@mail.example", false, again);
    assert_string_equal(again, tok);
    life_call(&rig, VERB_LOOKUP, &acme, "mails", "OLGA.Petrova+bank@mail.example", NULL, NULL);
    assert_int_equal(rig.reply.err, HUFU_OK);
    assert_non_null(strstr(rig.reply.body, tok));
    for (size_t i = 0; i <= TOKEN_LEN; i++)
        capitals[i] = (char)(tok[i] >= 'a' && tok[i] <= 'z' ? tok[i] - 'a' + 'A' : tok[i]);
    reveals("mails", capitals, "olga.petrova+bank@mail.example");
}

static void test_C20_email_mask_shows_one_letter(void **state)
{
    struct rig_who who = { .session = olga };
    char value[ADDRESS_MAX + 1], tok[64], mask[ADDRESS_MAX + 1];

    (void)state;
    for (size_t len = 6; len <= ADDRESS_MAX; len += 124) {
        address_of(11, len, value);
        token_of("mails", value, true, tok);
        life_call(&rig, VERB_INSPECT, &who, "mails", NULL, tok, NULL);
        assert_int_equal(rig.reply.err, HUFU_OK);
        assert_non_null(rig_member(rig.reply.body, "masked", mask, sizeof(mask)));
        assert_int_equal(strlen(mask), len);
        assert_int_equal(mask[0], value[0]);
        assert_int_equal(strspn(mask + 1, "*"), len - 1);
    }
}

/* A customer's new address has another length; the token stays. */
static void test_email_replace_by_another_length(void **state)
{
    static const char *const domains[] = { "mails", "spread" };
    char value[3][ADDRESS_MAX + 1], tok[64], other[64];

    (void)state;
    address_of(1, 6, value[0]);
    address_of(2, ADDRESS_MAX, value[1]);
    address_of(3, 41, value[2]);
    for (size_t d = 0; d < 2; d++) {
        token_of(domains[d], value[0], true, tok);
        for (size_t i = 1; i < 3; i++) {
            life_call(&rig, VERB_REPLACE, &acme, domains[d], value[i], tok, "moved");
            assert_int_equal(rig.reply.err, HUFU_OK);
            assert_non_null(strstr(rig.reply.body, tok));
            reveals(domains[d], tok, value[i]);
        }
    }
    token_of("mails", value[2], false, tok);
    life_call(&rig, VERB_LOOKUP, &acme, "mails", value[1], NULL, NULL);
    assert_int_equal(rig.reply.err, HUFU_NOT_FOUND);
    token_of("mails", value[1], true, other);
    life_call(&rig, VERB_REPLACE, &acme, "mails", value[1], tok, "moved back");
    assert_int_equal(rig.reply.err, HUFU_CONFLICT); /* it is another token's */
    assert_true(rig_restart(&rig));
    reveals("mails", tok, value[2]);
}

/* Request fields of one batch: the addresses of that length, or the tokens. */
static void put_batch(struct buf *b, enum msg_tag tag, const char (*text)[ADDRESS_MAX + 1])
{
    struct buf list, item;

    buf_init(&list, 1 << 20);
    for (unsigned i = 0; i < BATCH; i++) {
        buf_init(&item, 512);
        if (tag == MSG_VALUES)
            msg_put_text(&item, MSG_VALUE, view_str(text[i]));
        else
            buf_str(&item, text[i]);
        buf_lv32(&list, item.p, item.len);
        buf_done(&item);
    }
    msg_put_text(b, tag, buf_view(&list));
    buf_done(&list);
}

/* Reads member `name` of each result, in their order. */
static void read_results(const char *body, const char *name, char (*out)[ADDRESS_MAX + 1])
{
    char mark[32];

    snprintf(mark, sizeof(mark), "\"%s\":\"", name);
    for (unsigned i = 0; i < BATCH; i++) {
        body = strstr(body, mark);
        assert_non_null(body);
        assert_non_null(rig_member(body, name, out[i], ADDRESS_MAX + 1));
        body += strlen(mark);
    }
    assert_null(strstr(body, mark));
}

/* The receipt's entry commits to the reply without the receipt. */
static void check_receipt(const char *reply)
{
    const char *begin = strstr(reply, "\"receipt\":{"), *end = strstr(begin, "},") + 2;
    char nonce64[64];
    uint8_t digest[32], nonce_mem[48], commit_mem[64];
    struct view part[3];
    struct buf nonce, commit;
    struct life_lines lines;
    char wish[80];

    assert_non_null(rig_member(begin, "nonce", nonce64, sizeof(nonce64)));
    buf_fixed(&nonce, nonce_mem, sizeof(nonce_mem));
    assert_int_equal(text_unbase64(view_str(nonce64), &nonce), HUFU_OK);
    part[0] = buf_view(&nonce);
    part[1] = view_of(reply, (size_t)(begin - reply));
    part[2] = view_str(end);
    assert_int_equal(digest_sha256(part, 3, digest), HUFU_OK);
    buf_fixed(&commit, commit_mem, sizeof(commit_mem));
    text_base64(&commit, digest, sizeof(digest));
    snprintf(wish, sizeof(wish), "\"commit\":\"%.*s\"", (int)commit.len, (const char *)commit.p);
    assert_int_equal(life_find_lines(&rig, &lines, 0, wish, NULL, NULL), 1);
}

/* A receipt of one token stands before it: the place is found by the token's length. */
static void test_C08_email_receipt_of_one_token(void **state)
{
    char value[ADDRESS_MAX + 1], tok[64], again[64];
    struct buf b;

    (void)state;
    for (size_t len = 6; len <= ADDRESS_MAX; len += 31) {
        address_of(9, len, value);
        buf_init(&b, 1024);
        msg_put_text(&b, MSG_DOMAIN, view_str("mails"));
        msg_put_text(&b, MSG_VALUE, view_str(value));
        msg_put_bool(&b, MSG_RECEIPT, true);
        assert_int_equal(rig_call(&rig, VERB_TOKENIZE, &acme, buf_view(&b))->err, HUFU_OK);
        buf_done(&b);
        assert_non_null(strstr(rig.reply.body, "\"expires_at\":null,\"receipt\":{"));
        assert_non_null(rig_member(rig.reply.body, "token", tok, sizeof(tok)));
        check_receipt(rig.reply.body);
        token_of("mails", value, false, again);
        assert_string_equal(again, tok);
    }
}

/* The most that one request may hold, there and back. */
static void test_C07_C08_email_batch_of_the_longest(void **state)
{
    static char value[BATCH][ADDRESS_MAX + 1], tok[BATCH][ADDRESS_MAX + 1];
    static char got[BATCH][ADDRESS_MAX + 1];
    struct rig_who sender = { .partner = "acme", .idem_key = "batch-1" };
    struct rig_who reader = { .session = olga };
    char *first;
    struct buf b;

    (void)state;
    for (unsigned i = 0; i < BATCH; i++)
        address_of(i, ADDRESS_MAX, value[i]);
    buf_init(&b, 1 << 20);
    msg_put_text(&b, MSG_DOMAIN, view_str("mails"));
    put_batch(&b, MSG_VALUES, (const char(*)[ADDRESS_MAX + 1]) value);
    msg_put_bool(&b, MSG_RECEIPT, true);
    assert_int_equal(rig_call(&rig, VERB_TOKENIZE, &sender, buf_view(&b))->err, HUFU_OK);
    check_receipt(rig.reply.body);
    read_results(rig.reply.body, "token", tok);
    first = strdup(rig.reply.body);
    assert_int_equal(rig_call(&rig, VERB_TOKENIZE, &sender, buf_view(&b))->err, HUFU_OK);
    assert_int_equal(rig.reply.flags, MSG_REPLAYED);
    assert_string_equal(rig.reply.body, first);
    free(first);
    buf_reset(&b);
    msg_put_text(&b, MSG_DOMAIN, view_str("mails"));
    put_batch(&b, MSG_TOKENS, (const char(*)[ADDRESS_MAX + 1]) tok);
    msg_put_text(&b, MSG_REASON, view_str("case 7"));
    msg_put_text(&b, MSG_PURPOSE, view_str("refund"));
    assert_int_equal(rig_call(&rig, VERB_DETOKENIZE, &reader, buf_view(&b))->err, HUFU_OK);
    check_receipt(rig.reply.body);
    read_results(rig.reply.body, "value", got);
    buf_done(&b);
    for (unsigned i = 0; i < BATCH; i++)
        assert_string_equal(got[i], value[i]);
}

/* Index rows lead from values of any length to tokens of one, under the new key too. */
static void test_C43_email_index_key_rotates(void **state)
{
    char value[ADDRESS_MAX + 1], id[ID_TEXT_LEN + 1], got[64];
    static char tok[64][64];

    (void)state;
    for (unsigned i = 0; i < 64; i++) {
        address_of(i, 7 + i * 3, value);
        token_of("mails", value, true, tok[i]);
    }
    begin("rotate-index-key", "mails", NULL, id);
    for (unsigned i = 0; state_of(id) == CEREMONY_RUNNING; i++) {
        assert_true(i < STEPS_MAX);
        step();
        address_of(i % 64, 7 + i % 64 * 3, value);
        token_of("mails", value, false, got);
        assert_string_equal(got, tok[i % 64]);
    }
    assert_int_equal(state_of(id), CEREMONY_DONE);
    flush();
    begin("rotate-data-key", "mails", NULL, id);
    finish(id);
    assert_int_equal(state_of(id), CEREMONY_DONE);
    assert_true(rig_restart(&rig));
    assert_int_equal(directory_domain(rig.core.dir, view_str("mails"))->index_version, 2);
    for (unsigned i = 0; i < 64; i++) {
        address_of(i, 7 + i * 3, value);
        token_of("mails", value, false, got);
        assert_string_equal(got, tok[i]);
        reveals("mails", got, value);
    }
}

/* A reason may name a colleague; a mail address is no value there. */
static void test_email_in_a_reason_is_let_through(void **state)
{
    char tok[64];

    (void)state;
    token_of("mails", "olga@bank.example", true, tok);
    life_call(&rig, VERB_SUSPEND, &acme, "mails", NULL, tok, "asked by olga@bank.example");
    assert_int_equal(rig.reply.err, HUFU_OK);
}

#define RUN(f) cmocka_unit_test_setup_teardown(f, setup_mails, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(test_email_every_length_there_and_back),
        RUN(test_email_with_all_that_a_record_holds),
        RUN(test_email_what_is_refused),
        RUN(test_email_letters_are_folded),
        RUN(test_C20_email_mask_shows_one_letter),
        RUN(test_email_replace_by_another_length),
        RUN(test_C08_email_receipt_of_one_token),
        RUN(test_C07_C08_email_batch_of_the_longest),
        RUN(test_C43_email_index_key_rotates),
        RUN(test_email_in_a_reason_is_let_through),
    };

    return cmocka_run_group_tests(tests, heap, NULL);
}
