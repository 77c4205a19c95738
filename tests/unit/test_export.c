/* Controls C21, C25: values leave in a file that only their recipient opens, each with its entry,
 * no more than was granted, and nothing of them in the clear on any disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/luhn.h"
#include "tests/share_calls.h"

#define MANY 300 /* tokens: more than two pieces */

static struct share_key ec, rsa;
static const char *const values[] = { "4111111111111111", "5500005555555559", "340000000000009" };

static int vault(void **state)
{
    int rc;

    share_key_make(&ec, "P-256", 0, RIG_NOW_MS + SHARE_YEAR_MS, NULL);
    share_key_make(&rsa, NULL, 2048, RIG_NOW_MS + SHARE_YEAR_MS, NULL);
    rc = share_vault(state);
    share_partner("bank", ec.pem);
    share_partner("house", rsa.pem);
    share_partner("bare", NULL);
    return rc;
}

static int vault_end(void **state)
{
    share_key_free(&ec);
    share_key_free(&rsa);
    return grant_vault_end(state);
}

/* MANY cards of as many banks, so that no bucket's limit on guesses is met. */
static void make_many(void)
{
    struct rig_who acme = { .partner = "acme" };

    for (size_t i = 0; i < MANY; i++) {
        char card[17], one[LIFE_TOKEN_MAX];

        snprintf(card, sizeof(card), "%06zu000000000", 400000 + i);
        card[15] = '0';
        card[16] = '\0';
        while (!luhn_holds(card))
            card[15]++;
        life_token(&rig, &acme, "guarded", card, 0, 0, one);
    }
}

static void end_to_end(const char *recipient, const struct share_key *to)
{
    struct share_export e = { .tokens = some, .token_count = 3 };
    char grant[GRANT_ID_MAX], id[GRANT_ID_MAX], want[512], text[96];
    struct buf file, plain;
    uint8_t hash[DIGEST_LEN];
    struct view view;

    share_grant(recipient, 3, 3, grant);
    e.grant = grant;
    share_begun(&e, id);
    assert_non_null(strstr(rig.reply.body, "\"state\":\"running\",\"total\":3"));
    share_settle();
    share_expect(id, EXPORT_DONE, "", 3);
    buf_init(&file, 65536);
    buf_init(&plain, SHARE_PLAIN_MAX);
    share_fetch_all(olga, id, 100, &file);
    view = buf_view(&file);
    assert_int_equal(digest_sha256(&view, 1, hash), HUFU_OK);
    assert_memory_equal(hash, share_row_of(id).file_hash, DIGEST_LEN);
    assert_true(share_open(to, buf_view(&file), &plain));
    snprintf(want, sizeof(want), "token,value\r\n%s,%s\r\n%s,%s\r\n%s,%s\r\n", token[0], values[0],
             token[1], values[1], token[2], values[2]);
    assert_true(view_is(buf_view(&plain), want));
    /* An entry for each value, a use of the grant, an end with the file's hash. */
    assert_int_equal(
        share_entries("\"verb\":\"export\"", "\"principal\":\"olga\"", "\"purpose\":\"dispute\""),
        3);
    assert_int_equal(share_entries("\"verb\":\"export\"", "\"token_id\"", "\"result\":\"ok\""), 3);
    assert_int_equal(share_entries("\"grant-use\"", grant, "count=3"), 1);
    assert_int_equal(share_entries("\"export-end\"", id, "state=done values=3 sha256="), 1);
    assert_int_equal(grant_row(&rig, grant).state, GRANT_USED_UP);
    /* One line of the register for the whole of it. */
    snprintf(text, sizeof(text), "\"export\":\"%s\"", id);
    assert_int_equal(share_page(aude, VERB_SHARE_LIST, 0, NULL, NULL, NULL)->err, HUFU_OK);
    assert_int_equal(share_count(rig.reply.body, text), 1);
    assert_int_equal(share_count(rig.reply.body, "\"scale\":3,"), 1);
    assert_int_equal(share_count(rig.reply.body, "\"way\":\"export\""), 1);
    buf_done(&file);
    buf_done(&plain);
}

static void test_C25_export_opens_with_an_ec_key(void **state)
{
    (void)state;
    end_to_end("bank", &ec);
}

static void test_C25_export_opens_with_an_rsa_key(void **state)
{
    (void)state;
    end_to_end("house", &rsa);
}

/* Nobody else's key opens it, and no byte of it can be changed. */
static void test_C25_a_changed_file_does_not_open(void **state)
{
    struct share_export e = { .tokens = some, .token_count = 3 };
    char grant[GRANT_ID_MAX], id[GRANT_ID_MAX];
    struct buf file, plain;
    size_t opened = 0;

    (void)state;
    share_grant("bank", 3, 3, grant);
    e.grant = grant;
    share_begun(&e, id);
    share_settle();
    buf_init(&file, 65536);
    share_fetch_all(olga, id, 0, &file);
    for (size_t i = file.len / 2; i < file.len; i++) {
        buf_init(&plain, SHARE_PLAIN_MAX);
        file.p[i] ^= 1;
        opened += share_open(&ec, buf_view(&file), &plain) &&
                  memmem(plain.p, plain.len, values[2], strlen(values[2])) == NULL;
        file.p[i] ^= 1;
        buf_done(&plain);
    }
    assert_int_equal(opened, 0);
    buf_init(&plain, SHARE_PLAIN_MAX);
    assert_false(share_open(&rsa, buf_view(&file), &plain));
    buf_done(&plain);
    buf_done(&file);
}

/* Every file of the vault is searched for the values, while it runs, when it is done, flushed. */
static void test_C25_no_clear_text_on_disk(void **state)
{
    struct share_export e = { .tokens = some, .token_count = 3 };
    char grant[GRANT_ID_MAX], id[GRANT_ID_MAX], path[160];
    struct stat st;

    (void)state;
    share_grant("bank", 3, 3, grant);
    e.grant = grant;
    share_begun(&e, id);
    share_settle();
    while (store_map_step(rig.core.store, true))
        continue;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(share_holders(values[i]), 0);
    assert_true(share_holders("\"verb\":\"export\"") > 0); /* it is able to find something */
    snprintf(path, sizeof(path), "%s/exports/%s.cms", rig.dir, id);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal((uint64_t)st.st_size, share_row_of(id).file_bytes);
    snprintf(path, sizeof(path), "%s/exports", rig.dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void test_C25_all_active_tokens_of_a_domain(void **state)
{
    struct rig_who acme = { .partner = "acme" };
    struct rig_who admin = { .session = sara };
    struct share_export e = { .grant = NULL };
    char grant[GRANT_ID_MAX], id[GRANT_ID_MAX], extra[LIFE_TOKEN_MAX];
    struct buf file, plain;

    (void)state;
    make_many();
    life_token(&rig, &acme, "guarded", "4012888888881881", 3600, 0, extra);
    rig_tick(&rig, 3600000); /* it is expired */
    come_in();
    assert_int_equal(life_call(&rig, VERB_REVOKE, &acme, "guarded", NULL, token[1], "gone")->err,
                     HUFU_OK);
    assert_int_equal(
        life_call(&rig, VERB_TOKEN_PLANT, &admin, "guarded", NULL, token[2], "case 12")->err,
        HUFU_OK); /* nobody's value: it stays out, and nobody touched it */
    share_grant("bank", 0, MANY + 1, grant);
    e.grant = grant;
    share_begun(&e, id);
    assert_non_null(strstr(rig.reply.body, "\"total\":null"));
    share_settle();
    share_expect(id, EXPORT_DONE, "", MANY + 1);
    assert_int_equal(share_row_of(id).total, MANY + 1);
    buf_init(&file, 262144);
    buf_init(&plain, 262144);
    share_fetch_all(olga, id, 0, &file);
    assert_true(share_open(&ec, buf_view(&file), &plain));
    buf_u8(&plain, 0);
    assert_int_equal(share_count((const char *)plain.p, "\r\n"), MANY + 2);
    assert_int_equal(share_count((const char *)plain.p, values[0]), 1);
    assert_int_equal(share_count((const char *)plain.p, values[1]), 0);
    assert_int_equal(share_count((const char *)plain.p, values[2]), 0);
    assert_int_equal(share_count((const char *)plain.p, extra), 0);
    assert_int_equal(share_entries("\"verb\":\"alarm\"", NULL, NULL), 0);
    assert_int_equal(share_entries("\"verb\":\"export\"", "\"token_id\"", "\"result\":\"ok\""),
                     MANY + 1);
    buf_done(&file);
    buf_done(&plain);
}

/* What comes after the request is not of it, though the walk has not come by yet. */
static void test_C25_later_tokens_stay_out(void **state)
{
    struct rig_who acme = { .partner = "acme" };
    struct share_export e = { .grant = NULL };
    char grant[GRANT_ID_MAX], id[GRANT_ID_MAX], later[LIFE_TOKEN_MAX];

    (void)state;
    make_many();
    come_in();
    share_grant("bank", 0, 1000, grant);
    e.grant = grant;
    share_begun(&e, id);
    rig_tick(&rig, 1);
    life_token(&rig, &acme, "guarded", "5555555555554444", 0, 0, later); /* the last in order */
    assert_true(export_is_open(&(struct export_row){ .state = share_row_of(id).state }));
    share_settle();
    share_expect(id, EXPORT_DONE, "", MANY + 3);
}

/* No folder can be made: nothing is released until it can. */
static void test_C25_a_disk_that_refuses(void **state)
{
    struct share_export e = { .tokens = some, .token_count = 3 };
    char grant[GRANT_ID_MAX], id[GRANT_ID_MAX], path[96];
    FILE *f;

    (void)state;
    snprintf(path, sizeof(path), "%s/exports", rig.dir);
    f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    share_grant("bank", 3, 3, grant);
    e.grant = grant;
    share_begun(&e, id);
    share_settle();
    assert_int_equal(share_row_of(id).state, EXPORT_WAITING); /* nor can its rest be taken away */
    assert_int_equal(share_entries("\"verb\":\"export\"", NULL, NULL), 0);
    assert_int_equal(unlink(path), 0);
    share_settle();
    share_expect(id, EXPORT_DONE, "", 3);
}

/* Tokens without a value are named in the log, and are not in the file. */
static void test_C25_dead_tokens_are_skipped_and_named(void **state)
{
    struct rig_who acme = { .partner = "acme" };
    struct share_export e = { .tokens = some, .token_count = 3 };
    char grant[GRANT_ID_MAX], id[GRANT_ID_MAX];

    (void)state;
    share_grant("bank", 3, 3, grant);
    assert_int_equal(life_call(&rig, VERB_SUSPEND, &acme, "guarded", NULL, token[0], "lost")->err,
                     HUFU_OK);
    e.grant = grant;
    share_begun(&e, id);
    share_settle();
    share_expect(id, EXPORT_DONE, "", 2);
    assert_int_equal(share_row_of(id).skipped, 1);
    assert_int_equal(share_entries("\"verb\":\"export\"", "\"result\":\"not_found\"", NULL), 1);
    assert_int_equal(grant_row(&rig, grant).remaining, 1);
}

static enum hufu_err begin_with(const char *grant, const struct share_export *like)
{
    struct share_export e = *like;

    e.grant = grant;
    return share_begin(olga, &e)->err;
}

static void test_C21_what_cannot_begin(void **state)
{
    static const char *const twice[] = { token[0], token[0] };
    static const char *const wrong[] = { "4111111111111111" };
    struct share_export all = { .tokens = some, .token_count = 3 };
    struct share_export none = { .grant = NULL };
    struct share_export same = { .tokens = twice, .token_count = 2 };
    struct share_export value = { .tokens = wrong, .token_count = 1 };
    struct share_export card = { .tokens = some,
                                 .token_count = 1,
                                 .reason = "4111 1111 1111 1111" };
    struct share_export other = { .tokens = some, .token_count = 1, .purpose = "holiday" };
    struct share_export elsewhere = { .tokens = some, .token_count = 1, .domain = "nowhere" };
    char grant[GRANT_ID_MAX], inside[GRANT_ID_MAX], bare[GRANT_ID_MAX];
    struct grant_ask what = { .count = 3 };

    (void)state;
    share_grant("bank", 3, 3, grant);
    share_grant("bare", 3, 3, bare);
    granted(&what, inside);
    assert_int_equal(begin_with(grant, &elsewhere), HUFU_FORBIDDEN);
    assert_int_equal(begin_with(grant, &other), HUFU_INVALID_PURPOSE);
    assert_int_equal(begin_with(grant, &value), HUFU_NOT_TOKEN);
    assert_int_equal(begin_with(grant, &card), HUFU_VALUE_IN_TEXT);
    assert_int_equal(begin_with(grant, &same), HUFU_BAD_REQUEST);
    assert_int_equal(begin_with(grant, &none), HUFU_BAD_REQUEST); /* it names tokens */
    assert_int_equal(rig.reply.where.tag, MSG_TOKENS);
    assert_int_equal(begin_with(bare, &all), HUFU_CONFLICT);   /* no certificate */
    assert_int_equal(begin_with(inside, &all), HUFU_CONFLICT); /* nobody outside */
    assert_int_equal(begin_with("0192f5f0-0000-7000-8000-000000000000", &all), HUFU_GRANT_REQUIRED);
    assert_int_equal(directory_kept_count(rig.core.dir, TABLE_EXPORT), 0);
    rig_tick(&rig, 301000); /* the second factor is fresh no longer */
    assert_int_equal(begin_with(grant, &all), HUFU_STEP_UP);
    come_in();
    assert_int_equal(begin_with(grant, &all), HUFU_OK);
    assert_int_equal(begin_with(grant, &all), HUFU_CONFLICT); /* one at a time */
}

/* Whoever asks for more than was granted is suspended, and nothing is begun. */
static void test_C21_more_than_granted_is_alarmed(void **state)
{
    struct share_export e = { .tokens = some, .token_count = 3 };
    char grant[GRANT_ID_MAX];

    (void)state;
    share_grant("bank", 0, 2, grant);
    assert_int_equal(begin_with(grant, &e), HUFU_GRANT_REQUIRED);
    assert_int_equal(share_entries("rule=export-exceeded", grant, "why=count suspended=yes"), 1);
    assert_int_equal(directory_user(rig.core.dir, view_str("olga"))->state, ROW_FROZEN);
    assert_int_equal(directory_kept_count(rig.core.dir, TABLE_EXPORT), 0);
    assert_int_equal(begin_with(grant, &e), HUFU_UNAUTHENTICATED);
}

/* A domain that holds more than the grant is wide: counted before anything is released. */
static void test_C21_a_domain_of_more_than_granted(void **state)
{
    struct share_export e = { .grant = NULL };
    char grant[GRANT_ID_MAX], id[GRANT_ID_MAX];

    (void)state;
    share_grant("bank", 0, 2, grant);
    e.grant = grant;
    share_begun(&e, id);
    share_settle();
    share_expect(id, EXPORT_STOPPED, "exceeded", 0);
    assert_int_equal(share_entries("\"verb\":\"export\"", NULL, NULL), 0);
    /* a partner may have added tokens since: that suspends nobody */
    assert_int_equal(share_entries("rule=grant-exceeded", grant, "why=exceeded suspended=no"), 1);
    assert_int_equal(directory_user(rig.core.dir, view_str("olga"))->state, ROW_ACTIVE);
    assert_int_equal(share_exports_on_disk(), 0);
    assert_int_equal(grant_row(&rig, grant).remaining, 2);
    assert_int_equal(
        share_count(share_page(aude, VERB_SHARE_LIST, 0, NULL, NULL, NULL)->body, "\"scale\":"), 0);
}

/* Runs until the first piece is released; then nothing is done any more. */
static void begin_many(const char *recipient, char grant[static GRANT_ID_MAX],
                       char id[static GRANT_ID_MAX])
{
    struct share_export e = { .grant = grant };
    uint64_t done = 0;

    make_many();
    come_in();
    share_grant(recipient, 0, 1000, grant);
    share_begun(&e, id);
    for (int i = 0; i < RIG_STEPS_MAX && done == 0; i++) {
        (void)rig_round(&rig);
        done = share_row_of(id).done;
    }
    assert_true(done > 0 && done < MANY);
    assert_int_equal(share_exports_on_disk(), 1);
}

static void expect_ended(const char *id, unsigned state, const char *why, const char *result)
{
    uint64_t done = share_row_of(id).done;
    char text[64];

    share_expect(id, state, why, done);
    assert_true(done > 0 && done < MANY);
    assert_int_equal(share_exports_on_disk(), 0);
    assert_int_equal(share_entries("\"verb\":\"export\"", "\"token_id\"", NULL), done);
    rig_tick(&rig, GRANT_STEP_MS);
    rig_login(&rig, "aude", aude);
    assert_int_equal(share_page(aude, VERB_SHARE_LIST, 0, NULL, NULL, NULL)->err, HUFU_OK);
    snprintf(text, sizeof(text), "\"result\":\"%s\",\"scale\":%llu,", result,
             (unsigned long long)done);
    assert_int_equal(share_count(rig.reply.body, text), 1);
    assert_int_equal(share_count(rig.reply.body, "\"scale\":"), 1);
}

/* Its key was in memory: what was released is told, the rest is not. */
static void test_C25_a_restart_in_the_middle(void **state)
{
    char grant[GRANT_ID_MAX], id[GRANT_ID_MAX];
    uint64_t done;

    (void)state;
    begin_many("bank", grant, id);
    done = share_row_of(id).done;
    assert_true(rig_restart(&rig));
    share_settle();
    assert_int_equal(share_row_of(id).done, done);
    expect_ended(id, EXPORT_FAILED, "restart", "failed");
    assert_int_equal(grant_row(&rig, grant).remaining, 1000 - done);
}

/* Before anything was released there is nothing to be lost: it begins after the restart. */
static void test_C25_a_restart_before_the_first_piece(void **state)
{
    struct share_export e = { .grant = NULL };
    char grant[GRANT_ID_MAX], id[GRANT_ID_MAX];

    (void)state;
    share_grant("bank", 0, 3, grant);
    e.grant = grant;
    share_begun(&e, id);
    assert_int_equal(share_row_of(id).state, EXPORT_WAITING);
    assert_true(rig_restart(&rig));
    share_settle();
    share_expect(id, EXPORT_DONE, "", 3);
}

static void test_C25_stopped_when_the_recipient_is_frozen(void **state)
{
    char grant[GRANT_ID_MAX], id[GRANT_ID_MAX];

    (void)state;
    begin_many("bank", grant, id);
    assert_int_equal(share_turn(VERB_RECIPIENT_FREEZE, "bank"), HUFU_OK);
    share_settle();
    expect_ended(id, EXPORT_STOPPED, "recipient", "stopped");
}

static void test_C25_stopped_when_the_grant_is_withdrawn(void **state)
{
    char grant[GRANT_ID_MAX], id[GRANT_ID_MAX];

    (void)state;
    begin_many("bank", grant, id);
    assert_int_equal(call(olga, VERB_GRANT_WITHDRAW, grant), HUFU_OK);
    share_settle();
    expect_ended(id, EXPORT_STOPPED, "grant", "stopped");
}

static void test_C25_stopped_when_the_person_is_frozen(void **state)
{
    char grant[GRANT_ID_MAX], id[GRANT_ID_MAX];

    (void)state;
    begin_many("bank", grant, id);
    assert_int_equal(share_turn(VERB_USER_FREEZE, "olga"), HUFU_OK);
    share_settle();
    expect_ended(id, EXPORT_STOPPED, "person", "stopped");
}

/* Who began it takes it, for so long, while its recipient may have it. */
static void test_C25_who_may_fetch_and_how_long(void **state)
{
    struct share_export e = { .tokens = some, .token_count = 3 };
    char grant[GRANT_ID_MAX], id[GRANT_ID_MAX];
    uint64_t bytes;

    (void)state;
    share_grant("bank", 3, 3, grant);
    e.grant = grant;
    share_begun(&e, id);
    share_settle();
    bytes = share_row_of(id).file_bytes;
    assert_int_equal(share_fetch(omar, id, 0, 0, NULL), HUFU_NOT_FOUND);
    assert_int_equal(share_fetch(aude, id, 0, 0, NULL), HUFU_FORBIDDEN);
    assert_int_equal(share_fetch(olga, "0192f5f0-0000-7000-8000-000000000000", 0, 0, NULL),
                     HUFU_NOT_FOUND);
    assert_int_equal(share_fetch(olga, "x", 0, 0, NULL), HUFU_NOT_FOUND);
    assert_int_equal(share_fetch(olga, id, bytes, 0, NULL), HUFU_OK);
    assert_int_equal(rig.reply.body_len, 0);
    assert_int_equal(share_fetch(olga, id, bytes + 1, 0, NULL), HUFU_BAD_REQUEST);
    assert_int_equal(share_fetch(olga, id, 0, 1048577, NULL), HUFU_BAD_REQUEST);
    assert_int_equal(share_entries("\"verb\":\"export-file\"", id, "from="), 1);
    assert_int_equal(share_turn(VERB_RECIPIENT_FREEZE, "bank"), HUFU_OK);
    assert_int_equal(share_fetch(olga, id, 0, 0, NULL), HUFU_CONFLICT);
    assert_int_equal(share_turn(VERB_RECIPIENT_UNFREEZE, "bank"), HUFU_OK);
    assert_true(rig_restart(&rig));
    assert_int_equal(share_fetch(olga, id, 0, 0, NULL), HUFU_OK);
    rig_tick(&rig, 72 * 3600000ULL);
    come_in();
    share_settle();
    assert_int_equal(share_fetch(olga, id, 0, 0, NULL), HUFU_NOT_FOUND);
    assert_int_equal(share_exports_on_disk(), 0);
    assert_int_equal(share_entries("\"verb\":\"export-remove\"", id, NULL), 1);
    share_expect(id, EXPORT_DONE, "", 3);
}

static const struct rig_reply *show(const char *session, const char *id)
{
    return grant_call(&rig, session, VERB_EXPORT_SHOW, id);
}

static void test_C25_who_sees_an_export(void **state)
{
    struct share_export e = { .tokens = some, .token_count = 3 };
    char grant[GRANT_ID_MAX], id[GRANT_ID_MAX];
    const struct rig_reply *r;

    (void)state;
    share_grant("bank", 3, 3, grant);
    e.grant = grant;
    share_begun(&e, id);
    share_settle();
    r = show(aude, id);
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(strstr(r->body, "\"done\":3,"));
    assert_non_null(strstr(r->body, "\"recipient\":\"bank\",\"skipped\":0,\"state\":\"done\""));
    assert_non_null(strstr(r->body, "\"sha256\":\""));
    assert_int_equal(show(olga, id)->err, HUFU_OK);
    assert_int_equal(show(omar, id)->err, HUFU_NOT_FOUND);
    assert_int_equal(show(sara, id)->err, HUFU_FORBIDDEN);
    r = share_page(omar, VERB_EXPORT_LIST, 0, NULL, NULL, NULL);
    assert_string_equal(r->body, "{\"items\":[],\"next\":null}");
    r = share_page(aude, VERB_EXPORT_LIST, 1, NULL, NULL, NULL);
    assert_int_equal(share_count(r->body, id), 1);
    r = share_page(olga, VERB_EXPORT_LIST, 1, id, NULL, NULL);
    assert_string_equal(r->body, "{\"items\":[],\"next\":null}");
}

/* An idempotent repetition begins nothing anew. */
static void test_C21_the_same_key_the_same_export(void **state)
{
    struct rig_who who = { .session = olga, .idem_key = "once" };
    char grant[GRANT_ID_MAX], first[GRANT_ID_MAX], again[GRANT_ID_MAX];
    struct buf b;

    (void)state;
    share_grant("bank", 3, 3, grant);
    buf_init(&b, 4096);
    msg_put_text(&b, MSG_DOMAIN, view_str("guarded"));
    grant_put_tokens(&b, some, 3);
    msg_put_text(&b, MSG_REASON, view_str("case 7"));
    msg_put_text(&b, MSG_PURPOSE, view_str("dispute"));
    msg_put_text(&b, MSG_GRANT, view_str(grant));
    assert_int_equal(rig_call(&rig, VERB_EXPORT_BEGIN, &who, buf_view(&b))->err, HUFU_OK);
    assert_non_null(rig_member(rig.reply.body, "id", first, sizeof(first)));
    assert_int_equal(rig_call(&rig, VERB_EXPORT_BEGIN, &who, buf_view(&b))->err, HUFU_OK);
    assert_non_null(rig_member(rig.reply.body, "id", again, sizeof(again)));
    buf_done(&b);
    assert_string_equal(first, again);
    share_settle();
    assert_int_equal(directory_kept_count(rig.core.dir, TABLE_EXPORT), 1);
}

/* A token that nobody has a reason to touch ends the export at once. */
static void test_C28_a_planted_token_stops_it(void **state)
{
    struct share_export e = { .tokens = some, .token_count = 3 };
    struct rig_who admin = { .session = sara };
    char grant[GRANT_ID_MAX], id[GRANT_ID_MAX];

    (void)state;
    share_grant("bank", 3, 3, grant);
    assert_int_equal(
        life_call(&rig, VERB_TOKEN_PLANT, &admin, "guarded", NULL, token[1], "case 12")->err,
        HUFU_OK);
    e.grant = grant;
    share_begun(&e, id);
    share_settle();
    share_expect(id, EXPORT_STOPPED, "planted", 0);
    assert_int_equal(share_entries("\"verb\":\"alarm\"", "rule=planted-token", "suspended=yes"), 1);
    assert_int_equal(share_exports_on_disk(), 0);
}

#undef TEST
#define TEST(f) cmocka_unit_test_setup_teardown(f, vault, vault_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C25_export_opens_with_an_ec_key),
        TEST(test_C25_export_opens_with_an_rsa_key),
        TEST(test_C25_a_changed_file_does_not_open),
        TEST(test_C25_no_clear_text_on_disk),
        TEST(test_C25_all_active_tokens_of_a_domain),
        TEST(test_C25_later_tokens_stay_out),
        TEST(test_C25_a_disk_that_refuses),
        TEST(test_C25_dead_tokens_are_skipped_and_named),
        TEST(test_C21_what_cannot_begin),
        TEST(test_C21_more_than_granted_is_alarmed),
        TEST(test_C21_a_domain_of_more_than_granted),
        TEST(test_C25_a_restart_in_the_middle),
        TEST(test_C25_a_restart_before_the_first_piece),
        TEST(test_C25_stopped_when_the_recipient_is_frozen),
        TEST(test_C25_stopped_when_the_grant_is_withdrawn),
        TEST(test_C25_stopped_when_the_person_is_frozen),
        TEST(test_C25_who_may_fetch_and_how_long),
        TEST(test_C25_who_sees_an_export),
        TEST(test_C21_the_same_key_the_same_export),
        TEST(test_C28_a_planted_token_stops_it),
    };

    return cmocka_run_group_tests_name("export", tests, suite_heap, NULL);
}
