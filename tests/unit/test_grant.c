/* C24, grants asked for and decided on: who, of which group, how much, and what is refused. One
 * vault for all tests; each asks for grants of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/grant_suite.h"
#include "vault/base/digest.h"

#define MINUTE_MS 60000ULL

static const struct rig_reply *ask(const struct grant_ask *what)
{
    struct rig_who who = { .session = olga };

    return grant_ask_as(&rig, &who, what);
}

static size_t kept(void)
{
    return directory_kept_count(rig.core.dir, TABLE_GRANT);
}

static void test_C24_reply_has_the_contracts_members(void **state)
{
    const struct rig_reply *r = ask(&(struct grant_ask){ .count = 5 });
    char id[GRANT_ID_MAX], want[256];

    (void)state;
    assert_int_equal(r->err, HUFU_OK);
    assert_int_equal(r->success, MSG_201);
    assert_non_null(rig_member(r->body, "id", id, sizeof(id)));
    snprintf(want, sizeof(want),
             "{\"approvals\":[],\"expires_at\":\"%.24s\",\"id\":\"%s\",\"needed\":1,"
             "\"remaining\":5,\"state\":\"proposed\"}",
             strstr(r->body, "expires_at") + 13, id);
    assert_string_equal(r->body, want);
    assert_int_equal(grant_row(&rig, id).expires_ms, rig.clock.now + 3600000);
}

/* A purpose that needs nobody can be asked for all the same: then one agrees. */
static void test_C24_needed_is_the_domains(void **state)
{
    static const struct {
        const char *purpose;
        uint64_t needed;
    } rows[] = { { "refund", 1 }, { "dispute", 1 }, { "court", 2 } };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct rig_reply *r = ask(&(struct grant_ask){ .purpose = rows[i].purpose });

        assert_int_equal(r->err, HUFU_OK);
        assert_int_equal(number(r->body, "needed"), rows[i].needed);
    }
}

/* No row, and the same answer whatever else is right. */
static void test_C24_what_cannot_be_asked_for(void **state)
{
    static const char *const twice[] = { token[0], token[1], token[0] };
    static const char *const odd[] = { token[0], "no-token" };
    static const char *many[GRANT_TOKENS_MAX + 1];
    static const struct {
        struct grant_ask ask;
        enum hufu_err err;
        enum msg_tag tag;
        uint32_t index;
    } rows[] = {
        { { .count = GRANT_ZERO }, HUFU_BAD_REQUEST, MSG_COUNT, MSG_NO_INDEX },
        { { .life_s = GRANT_ZERO }, HUFU_BAD_REQUEST, MSG_EXPIRES_IN, MSG_NO_INDEX },
        { { .count = GRANT_COUNT_MAX + 1 }, HUFU_BAD_REQUEST, MSG_COUNT, MSG_NO_INDEX },
        { { .count = UINT64_MAX }, HUFU_BAD_REQUEST, MSG_COUNT, MSG_NO_INDEX },
        { { .life_s = 59 }, HUFU_BAD_REQUEST, MSG_EXPIRES_IN, MSG_NO_INDEX },
        { { .life_s = 2592001 }, HUFU_BAD_REQUEST, MSG_EXPIRES_IN, MSG_NO_INDEX },
        { { .life_s = UINT64_MAX }, HUFU_BAD_REQUEST, MSG_EXPIRES_IN, MSG_NO_INDEX },
        { { .tokens = many, .token_count = GRANT_TOKENS_MAX + 1 },
          HUFU_TOO_LARGE,
          MSG_TOKENS,
          MSG_NO_INDEX },
        { { .domain = "nowhere" }, HUFU_FORBIDDEN, MSG_DOMAIN, MSG_NO_INDEX },
        { { .domain = "nowhere", .life_s = 1 }, HUFU_BAD_REQUEST, MSG_EXPIRES_IN, MSG_NO_INDEX },
        { { .purpose = "curiosity" }, HUFU_INVALID_PURPOSE, MSG_PURPOSE, MSG_NO_INDEX },
        { { .purpose = "disput" }, HUFU_INVALID_PURPOSE, MSG_PURPOSE, MSG_NO_INDEX },
        { { .tokens = odd, .token_count = 2 }, HUFU_NOT_TOKEN, MSG_TOKENS, 1 },
        { { .tokens = twice, .token_count = 3 }, HUFU_BAD_REQUEST, MSG_TOKENS, 2 },
        { { .reason = "card 4111 1111 1111 1111" }, HUFU_VALUE_IN_TEXT, MSG_REASON, MSG_NO_INDEX },
        { { .recipient = "4111111111111111" }, HUFU_VALUE_IN_TEXT, MSG_RECIPIENT, MSG_NO_INDEX },
        { { .recipient = "nobody-known" }, HUFU_CONFLICT, MSG_RECIPIENT, MSG_NO_INDEX },
        { { .recipient = "Not A Name" }, HUFU_CONFLICT, MSG_RECIPIENT, MSG_NO_INDEX },
    };
    size_t before = kept();

    (void)state;
    for (size_t i = 0; i <= GRANT_TOKENS_MAX; i++)
        many[i] = token[0];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct rig_reply *r = ask(&rows[i].ask);

        if (r->err != rows[i].err || r->where.tag != rows[i].tag || r->where.index != rows[i].index)
            fail_msg("row %zu: %s at %u/%u", i, err_name(r->err), r->where.tag, r->where.index);
        assert_int_equal(r->body_len, 0);
    }
    assert_int_equal(kept(), before);
}

static void test_C24_bounds_that_are_fine(void **state)
{
    (void)state;
    assert_int_equal(ask(&(struct grant_ask){ .count = GRANT_COUNT_MAX })->err, HUFU_OK);
    assert_int_equal(ask(&(struct grant_ask){ .count = 1, .life_s = 60 })->err, HUFU_OK);
    assert_int_equal(ask(&(struct grant_ask){ .life_s = 2592000 })->err, HUFU_OK);
    assert_int_equal(ask(&(struct grant_ask){ .tokens = some, .token_count = 3 })->err, HUFU_OK);
}

/* A token that is not there may be asked for: nobody learns so which ones are. */
static void test_C24_unknown_tokens_are_not_told(void **state)
{
    struct rig_who acme = { .partner = "acme" };
    char gone[LIFE_TOKEN_MAX], there_id[GRANT_ID_MAX], gone_id[GRANT_ID_MAX];
    const char *const one[] = { gone };
    const struct rig_reply *r;

    (void)state;
    life_token(&rig, &acme, "loose", "4111111111111111", 0, 0, gone); /* of another domain */
    asked(&(struct grant_ask){ .tokens = some, .token_count = 1 }, there_id);
    r = ask(&(struct grant_ask){ .tokens = one, .token_count = 1 });
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "id", gone_id, sizeof(gone_id)));
    assert_int_equal(grant_row(&rig, there_id).token_count, 1);
    assert_int_equal(grant_row(&rig, gone_id).token_count, 1);
}

static void test_C24_nobody_asks_without_end(void **state)
{
    struct rig_who who = { .session = omar };
    char id[GRANT_ID_MAX];

    (void)state;
    for (size_t i = 0; i < GRANT_OPEN_MAX; i++)
        grant_asked(&rig, omar, &(struct grant_ask){ .count = 1 }, id);
    assert_int_equal(grant_ask_as(&rig, &who, &(struct grant_ask){ .count = 1 })->err,
                     HUFU_CONFLICT);
    assert_int_equal(ask(&(struct grant_ask){ .count = 1 })->err, HUFU_OK); /* others may */
    assert_int_equal(call(omar, VERB_GRANT_WITHDRAW, id), HUFU_OK);
    grant_asked(&rig, omar, &(struct grant_ask){ .count = 1, .life_s = 60 }, id);
    rig_tick(&rig, MINUTE_MS); /* one that is over leaves room */
    assert_int_equal(grant_ask_as(&rig, &who, &(struct grant_ask){ .count = 1 })->err, HUFU_OK);
}

static void test_C24_who_sees_it(void **state)
{
    static const char *const forged[] = {
        "",
        "x",
        "01890a5d-ac96-774b-bcce-b302099a805",
        "01890A5D-AC96-774B-BCCE-B302099A8057",
        "01890a5d-ac96-774b-bcce-b302099a8057",
    };
    static const uint16_t verbs[] = { VERB_GRANT_SHOW, VERB_GRANT_WITHDRAW };
    char id[GRANT_ID_MAX];

    (void)state;
    asked(&(struct grant_ask){ .tokens = some, .token_count = 2 }, id);
    assert_int_equal(call(olga, VERB_GRANT_SHOW, id), HUFU_OK);
    assert_int_equal(call(anna, VERB_GRANT_SHOW, id), HUFU_OK);
    assert_int_equal(call(alma, VERB_GRANT_SHOW, id), HUFU_OK);
    for (size_t v = 0; v < 2; v++) {
        assert_int_equal(call(omar, verbs[v], id), HUFU_NOT_FOUND);
        assert_int_equal(call(sara, verbs[v], id), HUFU_FORBIDDEN);
        for (size_t i = 1; i < 5; i++)
            assert_int_equal(call(olga, verbs[v], forged[i]), HUFU_NOT_FOUND);
    }
    for (size_t i = 1; i < 5; i++) {
        assert_int_equal(approve(anna, forged[i]), HUFU_NOT_FOUND);
        assert_int_equal(call(anna, VERB_GRANT_DENY, forged[i]), HUFU_NOT_FOUND);
    }
}

/* What is shown to who decides: all of it, the tokens by their names in the log. */
static void test_C24_show(void **state)
{
    static const char *const members[] = {
        "approvals", "asked_by", "count",  "created_at", "digest", "domain",    "expires_at", "id",
        "needed",    "purpose",  "reason", "remaining",  "state",  "token_ids", "tokens",
    };
    const struct rig_reply *r;
    char id[GRANT_ID_MAX], mark[64];
    const char *at;

    (void)state;
    asked(&(struct grant_ask){ .tokens = some, .token_count = 3, .count = 9 }, id);
    r = grant_call(&rig, anna, VERB_GRANT_SHOW, id);
    at = r->body;
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        snprintf(mark, sizeof(mark), "\"%s\":", members[i]);
        at = strstr(at, mark);
        if (at == NULL)
            fail_msg("%s is missing or out of order: %s", members[i], r->body);
    }
    assert_non_null(strstr(r->body, "\"asked_by\":\"olga\""));
    assert_non_null(strstr(r->body, "\"reason\":\"case 7\""));
    assert_int_equal(number(r->body, "tokens"), 3);
    assert_null(strstr(r->body, token[0])); /* C31: no token where its name does */
    assert_null(strstr(r->body, "recipient"));
}

/* SHA-256 over what is shown, put together anew. */
static void test_C24_digest_binds_the_request(void **state)
{
    char id[GRANT_ID_MAX], shown[64], until[32], want_mem[64], text[512];
    struct life_lines found;
    const struct rig_reply *r;
    const char *ids;
    uint8_t digest[32];
    struct view part;
    struct buf want;

    (void)state;
    asked(&(struct grant_ask){ .tokens = some, .token_count = 2, .count = 9 }, id);
    r = grant_call(&rig, anna, VERB_GRANT_SHOW, id);
    assert_non_null(rig_member(r->body, "digest", shown, sizeof(shown)));
    assert_non_null(rig_member(r->body, "expires_at", until, sizeof(until)));
    ids = strstr(r->body, "\"token_ids\":");
    assert_non_null(ids);
    snprintf(text, sizeof(text),
             "{\"asked_by\":\"olga\",\"count\":9,\"domain\":\"guarded\",\"expires_at\":\"%s\","
             "\"id\":\"%s\",\"purpose\":\"dispute\",%.*s}",
             until, id, (int)(strcspn(ids, "]") + 1), ids);
    part = view_str(text);
    assert_int_equal(digest_sha256(&part, 1, digest), HUFU_OK);
    buf_fixed(&want, (uint8_t *)want_mem, sizeof(want_mem));
    text_base64url(&want, digest, sizeof(digest));
    assert_int_equal(want.len, strlen(shown));
    assert_memory_equal(want_mem, shown, want.len);
    assert_int_equal(life_find_lines(&rig, &found, 0, id, shown, "\"verb\":\"grant-ask\""), 1);
    assert_non_null(strstr(found.last, " for=dispute\""));
    assert_non_null(strstr(found.last, "\"token_id\":\""));
}

static const struct rig_reply *page(const char *session, uint64_t limit, const char *after)
{
    struct rig_who who = { .session = session };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 256);
    if (limit != UINT64_MAX)
        msg_put_u64(&b, MSG_LIMIT, limit);
    if (after != NULL)
        msg_put_text(&b, MSG_AFTER, view_str(after));
    r = rig_call(&rig, VERB_GRANT_LIST, &who, buf_view(&b));
    buf_done(&b);
    return r;
}

static size_t count_of(const char *body, const char *part)
{
    size_t n = 0;

    for (const char *at = strstr(body, part); at != NULL; at = strstr(at + 1, part))
        n++;
    return n;
}

static void test_C24_lists(void **state)
{
    char id[GRANT_ID_MAX], next[GRANT_ID_MAX] = "";
    const struct rig_reply *r;
    size_t seen = 0, pages = 0;

    (void)state;
    asked(&(struct grant_ask){ .count = 1 }, id);
    grant_asked(&rig, olga, &(struct grant_ask){ .count = 2 }, id);
    r = page(olga, UINT64_MAX, NULL);
    assert_int_equal(r->err, HUFU_OK);
    assert_int_equal(count_of(r->body, "\"asked_by\":\"omar\""), 0);
    assert_true(count_of(r->body, "\"asked_by\":\"olga\"") > 1);
    assert_non_null(strstr(r->body, "\"next\":null"));
    do {
        r = page(anna, 7, pages == 0 ? NULL : next);
        assert_int_equal(r->err, HUFU_OK);
        seen += count_of(r->body, "\"digest\":");
        pages++;
    } while (rig_member(r->body, "next", next, sizeof(next)) != NULL);
    assert_int_equal(seen, kept());
    assert_int_equal(pages, (kept() + 6) / 7);
    assert_int_equal(page(anna, 0, NULL)->err, HUFU_BAD_REQUEST);
    assert_int_equal(page(anna, 1001, NULL)->err, HUFU_BAD_REQUEST);
    assert_int_equal(page(anna, 5, "not-an-id")->err, HUFU_BAD_REQUEST);
}

static void test_C24_same_key_same_grant(void **state)
{
    struct rig_who who = { .session = olga, .idem_key = "ask-1" };
    struct rig_who second = { .session = anna, .idem_key = "say-1" };
    char id[GRANT_ID_MAX], again[GRANT_ID_MAX];
    const struct rig_reply *r;
    struct buf b;

    (void)state;
    r = grant_ask_as(&rig, &who, &(struct grant_ask){ .count = 4 });
    assert_non_null(rig_member(r->body, "id", id, sizeof(id)));
    r = grant_ask_as(&rig, &who, &(struct grant_ask){ .count = 4 });
    assert_int_equal(r->err, HUFU_OK);
    assert_int_equal(r->success, MSG_201);
    assert_true((r->flags & MSG_REPLAYED) != 0);
    assert_string_equal(rig_member(r->body, "id", again, sizeof(again)), id);
    assert_int_equal(grant_ask_as(&rig, &who, &(struct grant_ask){ .count = 5 })->err,
                     HUFU_IDEM_MISMATCH);
    buf_init(&b, 128);
    msg_put_text(&b, MSG_ID, view_str(id));
    assert_int_equal(rig_call(&rig, VERB_GRANT_APPROVE, &second, buf_view(&b))->err, HUFU_OK);
    r = rig_call(&rig, VERB_GRANT_APPROVE, &second, buf_view(&b));
    buf_done(&b);
    assert_int_equal(r->err, HUFU_OK); /* without the key: already_approved */
    assert_true((r->flags & MSG_REPLAYED) != 0);
    assert_int_equal(approve(anna, id), HUFU_ALREADY_APPROVED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C24_reply_has_the_contracts_members),
        TEST(test_C24_needed_is_the_domains),
        TEST(test_C24_what_cannot_be_asked_for),
        TEST(test_C24_bounds_that_are_fine),
        TEST(test_C24_unknown_tokens_are_not_told),
        TEST(test_C24_nobody_asks_without_end),
        TEST(test_C24_who_sees_it),
        TEST(test_C24_show),
        TEST(test_C24_digest_binds_the_request),
        TEST(test_C24_lists),
        TEST(test_C24_same_key_same_grant),
    };

    return cmocka_run_group_tests(tests, grant_group, grant_vault_end);
}
