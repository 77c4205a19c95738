/* Control C25: recipients and their papers, the sharing register. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/share_calls.h"

#define CARD "4111 1111 1111 1111"

static struct share_key good;

static int vault(void **state)
{
    share_key_make(&good, "P-256", 0, RIG_NOW_MS + SHARE_YEAR_MS, NULL);
    return share_vault(state);
}

static int vault_end(void **state)
{
    share_key_free(&good);
    return grant_vault_end(state);
}

static const struct {
    const char *what;
    struct share_who r;
    enum hufu_err err;
    enum msg_tag tag;
} needs[] = {
    { "a kind that is none",
      { .name = "x", .kind = "friend", .assessment = "A" },
      HUFU_BAD_REQUEST,
      MSG_KIND },
    { "no name",
      { .name = "X Y", .kind = "outside", .assessment = "A" },
      HUFU_BAD_REQUEST,
      MSG_NAME },
    { "processor without a contract",
      { .name = "x", .kind = "processor", .assessment = "A" },
      HUFU_BAD_REQUEST,
      MSG_CONTRACT },
    { "public without a legal basis",
      { .name = "x", .kind = "public", .assessment = "A" },
      HUFU_BAD_REQUEST,
      MSG_LEGAL_BASIS },
    { "an assessment that is over",
      { .name = "x", .kind = "outside", .assessment = "A", .until_ms = RIG_NOW_MS },
      HUFU_BAD_REQUEST,
      MSG_ASSESSMENT },
    { "a card in a reference",
      { .name = "x", .kind = "outside", .assessment = CARD },
      HUFU_VALUE_IN_TEXT,
      MSG_ASSESSMENT },
    { "a card in a check's reference",
      { .name = "x", .kind = "outside", .assessment = "A", .tool_check = CARD },
      HUFU_VALUE_IN_TEXT,
      MSG_TOOL_CHECK },
    { "a card in the use",
      { .name = "x", .kind = "outside", .assessment = "A", .use = CARD },
      HUFU_VALUE_IN_TEXT,
      MSG_USE },
    { "a card in the legal basis",
      { .name = "x", .kind = "public", .assessment = "A", .legal_basis = CARD },
      HUFU_VALUE_IN_TEXT,
      MSG_LEGAL_BASIS },
    { "a certificate that is none",
      { .name = "x", .kind = "outside", .assessment = "A", .pem = "PEM" },
      HUFU_BAD_REQUEST,
      MSG_CERT_PEM },
    { "outside", { .name = "a", .kind = "outside", .assessment = "A" }, HUFU_OK, MSG_NONE },
    { "processor",
      { .name = "b", .kind = "processor", .assessment = "A", .contract = "C" },
      HUFU_OK,
      MSG_NONE },
    { "public",
      { .name = "c", .kind = "public", .assessment = "A", .legal_basis = "court order" },
      HUFU_OK,
      MSG_NONE },
    { "a name twice",
      { .name = "a", .kind = "outside", .assessment = "A" },
      HUFU_CONFLICT,
      MSG_NAME },
};

static void test_C25_what_a_recipient_needs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
        const struct rig_reply *r = share_enrol(sara, VERB_RECIPIENT_ADD, &needs[i].r);

        if (r->err != needs[i].err || r->where.tag != (uint16_t)needs[i].tag)
            fail_msg("%s: %s at %u", needs[i].what, err_name(r->err), r->where.tag);
    }
    assert_int_equal(directory_kept_count(rig.core.dir, TABLE_RECIPIENT), 3);
    assert_int_equal(share_enrol(olga, VERB_RECIPIENT_ADD, &needs[10].r)->err, HUFU_FORBIDDEN);
}

static enum hufu_err with_certificate(const char *name, const struct share_key *k)
{
    struct share_who r = { .name = name, .kind = "outside", .assessment = "A", .pem = k->pem };

    return share_enrol(sara, VERB_RECIPIENT_ADD, &r)->err;
}

static void test_C25_certificates(void **state)
{
    static const struct {
        const char *name, *curve;
        size_t bits;
        uint64_t until_ms;
        const char *usage;
        enum hufu_err err;
    } rows[] = {
        { "rsa-small", NULL, 1024, RIG_NOW_MS + SHARE_YEAR_MS, NULL, HUFU_BAD_REQUEST },
        { "ec-small", "secp224r1", 0, RIG_NOW_MS + SHARE_YEAR_MS, NULL, HUFU_BAD_REQUEST },
        { "ec-other", "secp256k1", 0, RIG_NOW_MS + SHARE_YEAR_MS, NULL, HUFU_BAD_REQUEST },
        { "over", "P-256", 0, RIG_NOW_MS, NULL, HUFU_BAD_REQUEST },
        { "signs-only", NULL, 2048, RIG_NOW_MS + SHARE_YEAR_MS, "digitalSignature",
          HUFU_BAD_REQUEST },
        { "ec-signs", "P-256", 0, RIG_NOW_MS + SHARE_YEAR_MS, "digitalSignature",
          HUFU_BAD_REQUEST },
        { "rsa", NULL, 2048, RIG_NOW_MS + SHARE_YEAR_MS, "keyEncipherment", HUFU_OK },
        { "ec", "P-384", 0, RIG_NOW_MS + SHARE_YEAR_MS, "keyAgreement", HUFU_OK },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct share_key k;
        enum hufu_err err;

        share_key_make(&k, rows[i].curve, rows[i].bits, rows[i].until_ms, rows[i].usage);
        err = with_certificate(rows[i].name, &k);
        share_key_free(&k);
        if (err != rows[i].err)
            fail_msg("%s: %s", rows[i].name, err_name(err));
    }
}

static void test_C25_list_shows_all_but_the_certificate(void **state)
{
    const struct rig_reply *r;
    char next[64], hash[80];

    (void)state;
    share_partner("bank-a", good.pem);
    share_partner("bank-b", NULL);
    share_partner("bank-c", NULL);
    r = share_page(olga, VERB_RECIPIENT_LIST, 2, NULL, NULL, NULL);
    assert_int_equal(r->err, HUFU_OK);
    assert_int_equal(share_count(r->body, "\"name\":"), 2);
    assert_null(strstr(r->body, "BEGIN"));
    assert_non_null(rig_member(r->body, "sha256", hash, sizeof(hash)));
    assert_int_equal(strlen(hash), 64);
    assert_non_null(strstr(r->body, "\"assessment\":{\"ref\":\"A-2026\",\"valid_until\":"));
    assert_string_equal(rig_member(r->body, "next", next, sizeof(next)), "bank-b");
    r = share_page(olga, VERB_RECIPIENT_LIST, 2, next, NULL, NULL);
    assert_int_equal(share_count(r->body, "\"name\":"), 1);
    assert_non_null(strstr(r->body, "\"next\":null"));
    r = share_page(olga, VERB_RECIPIENT_LIST, 2, "nobody", NULL, NULL);
    assert_int_equal(r->err, HUFU_BAD_REQUEST);
    assert_int_equal(share_page(olga, VERB_RECIPIENT_LIST, 1001, NULL, NULL, NULL)->err,
                     HUFU_BAD_REQUEST);
}

static enum hufu_err may_receive(const char *name)
{
    struct recipient to = { .id = 77 };
    enum hufu_err err = share_recipient(&rig.core, view_str(name), &to);

    assert_true(err == HUFU_OK ? to.id != 77 : to.id == 77);
    return err;
}

static void test_C25_papers_end(void **state)
{
    const uint64_t day = rig.clock.now + SHARE_DAY_MS, hour = rig.clock.now + 3600000;
    struct share_who r = { .name = "bank", .kind = "outside", .assessment = "A", .until_ms = day };
    struct share_who p = {
        .name = "proc", .kind = "processor", .assessment = "A", .contract = "C"
    };
    struct share_who shorter = { .name = "proc", .contract = "C2", .until_ms = hour };
    struct share_who check = { .name = "bank", .channel_check = "K", .until_ms = hour };

    (void)state;
    assert_int_equal(share_enrol(sara, VERB_RECIPIENT_ADD, &r)->err, HUFU_OK);
    assert_int_equal(share_enrol(sara, VERB_RECIPIENT_ADD, &p)->err, HUFU_OK);
    assert_int_equal(may_receive("bank"), HUFU_OK);
    assert_int_equal(may_receive("proc"), HUFU_OK);
    assert_int_equal(may_receive("nobody"), HUFU_NOT_FOUND);
    assert_int_equal(share_enrol(sara, VERB_RECIPIENT_ASSESS, &shorter)->err, HUFU_OK);
    assert_int_equal(share_enrol(sara, VERB_RECIPIENT_ASSESS, &check)->err, HUFU_OK);
    rig_tick(&rig, 3599999);
    assert_int_equal(may_receive("proc"), HUFU_OK);
    rig_tick(&rig, 1);
    assert_int_equal(may_receive("proc"), HUFU_CONFLICT); /* its contract is over */
    assert_int_equal(may_receive("bank"), HUFU_CONFLICT); /* its channel was not checked again */
    come_in();
    check.until_ms = 0;
    assert_int_equal(share_enrol(sara, VERB_RECIPIENT_ASSESS, &check)->err, HUFU_OK);
    assert_int_equal(may_receive("bank"), HUFU_OK);
    rig.clock.now = day;
    assert_int_equal(may_receive("bank"), HUFU_CONFLICT); /* and now its assessment */
    come_in();
    r.until_ms = 0;
    r.kind = NULL;
    assert_int_equal(share_enrol(sara, VERB_RECIPIENT_ASSESS, &r)->err, HUFU_OK);
    assert_int_equal(may_receive("bank"), HUFU_OK);
}

static void test_C25_renewal_brings_something(void **state)
{
    struct share_who nothing = { .name = "bank", .use = "case 4" };
    struct share_who unknown = { .name = "nobody", .assessment = "A" };
    struct share_who past = { .name = "bank", .assessment = "A", .until_ms = 1 };
    struct share_who all = {
        .name = "bank", .assessment = "A-2", .tool_check = "T-2", .use = "case 4", .pem = good.pem
    };
    struct life_lines found;

    (void)state;
    share_partner("bank", NULL);
    assert_int_equal(share_enrol(sara, VERB_RECIPIENT_ASSESS, &nothing)->err, HUFU_BAD_REQUEST);
    assert_int_equal(share_enrol(sara, VERB_RECIPIENT_ASSESS, &unknown)->err, HUFU_NOT_FOUND);
    assert_int_equal(share_enrol(sara, VERB_RECIPIENT_ASSESS, &past)->err, HUFU_BAD_REQUEST);
    assert_int_equal(share_enrol(sara, VERB_RECIPIENT_ASSESS, &all)->err, HUFU_OK);
    assert_non_null(strstr(rig.reply.body, "\"ref\":\"T-2\""));
    assert_non_null(strstr(rig.reply.body, "settlement of disputes")); /* the rest stays */
    assert_int_equal(life_find_lines(&rig, &found, 0, "\"recipient-assess\"", "\"case 4\"",
                                     "\"bank assessment,tool_check,cert_pem\""),
                     1);
}

static void test_C25_frozen_and_back(void **state)
{
    (void)state;
    share_partner("bank", NULL);
    assert_int_equal(share_turn(VERB_RECIPIENT_FREEZE, "nobody"), HUFU_NOT_FOUND);
    assert_int_equal(share_turn(VERB_RECIPIENT_FREEZE, "bank"), HUFU_OK);
    assert_int_equal(may_receive("bank"), HUFU_CONFLICT);
    assert_true(rig_restart(&rig));
    assert_int_equal(may_receive("bank"), HUFU_CONFLICT);
    assert_int_equal(share_turn(VERB_RECIPIENT_UNFREEZE, "bank"), HUFU_OK);
    assert_int_equal(may_receive("bank"), HUFU_OK);
}

/* A line for each reveal under a grant with a recipient, in the commit of its entry, exact. */
static void test_C25_the_register_names_it_all(void **state)
{
    static const char want[] =
        "{\"items\":[{\"assessment\":{\"ref\":\"A-2026\",\"valid_until\":\"%s\"},\"at\":\"%s\","
        "\"class\":\"C2\",\"domain\":\"guarded\",\"format\":\"pan\",\"grant\":\"%s\",\"id\":\"%s\","
        "\"kind\":\"outside\",\"principal\":\"olga\",\"purpose\":\"dispute\",\"reason\":\"case 7\","
        "\"recipient\":\"bank\",\"request_id\":\"rig-1\",\"result\":\"ok\",\"scale\":1,"
        "\"use\":\"settlement of disputes\",\"way\":\"reveal\"}],\"next\":null}";
    struct grant_ask what = { .recipient = "bank", .count = 2 };
    struct grant_reveal reveal = { .tokens = some, .token_count = 1 };
    char grant[GRANT_ID_MAX], id[64], until[CLOCK_TEXT_LEN + 1], at[CLOCK_TEXT_LEN + 1], text[1024];
    struct grant_ask inside = { .count = 1 };
    struct life_lines found;
    const struct rig_reply *r;

    (void)state;
    clock_print(rig.clock.now + SHARE_YEAR_MS, until);
    share_partner("bank", NULL);
    granted(&what, grant);
    reveal.grant = grant;
    clock_print(rig.clock.now, at);
    assert_int_equal(grant_use_it(&rig, olga, &reveal)->err, HUFU_OK);
    r = share_page(aude, VERB_SHARE_LIST, 0, NULL, NULL, NULL);
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "id", id, sizeof(id)));
    snprintf(text, sizeof(text), want, until, at, grant, id);
    assert_string_equal(r->body, text);
    assert_int_equal(life_find_lines(&rig, &found, 0, "\"share-list\"", "\"aude\"", "lines=1"), 1);
    /* What stays inside is no sharing. */
    granted(&inside, grant);
    assert_int_equal(grant_use_it(&rig, olga, &reveal)->err, HUFU_OK);
    assert_true(rig_restart(&rig));
    r = share_page(aude, VERB_SHARE_LIST, 0, NULL, NULL, NULL);
    assert_string_equal(r->body, text);
    assert_int_equal(share_page(olga, VERB_SHARE_LIST, 0, NULL, NULL, NULL)->err, HUFU_FORBIDDEN);
}

/* Asked for, and used: neither while it is frozen or its assessment is over. */
static void test_C25_expired_is_refused_at_ask_and_at_use(void **state)
{
    const uint64_t hour = rig.clock.now + 3600000;
    struct share_who r = { .name = "bank", .kind = "outside", .assessment = "A", .until_ms = hour };
    struct grant_ask what = { .recipient = "bank", .count = 2, .life_s = 86400 };
    struct grant_reveal reveal = { .tokens = some, .token_count = 1 };
    struct rig_who who = { .session = olga };
    char grant[GRANT_ID_MAX];

    (void)state;
    assert_int_equal(share_enrol(sara, VERB_RECIPIENT_ADD, &r)->err, HUFU_OK);
    granted(&what, grant);
    reveal.grant = grant;
    assert_int_equal(share_turn(VERB_RECIPIENT_FREEZE, "bank"), HUFU_OK);
    assert_int_equal(grant_use_it(&rig, olga, &reveal)->err, HUFU_GRANT_REQUIRED);
    assert_int_not_equal(grant_ask_as(&rig, &who, &what)->err, HUFU_OK);
    assert_int_equal(share_turn(VERB_RECIPIENT_UNFREEZE, "bank"), HUFU_OK);
    assert_int_equal(grant_use_it(&rig, olga, &reveal)->err, HUFU_OK);
    rig.clock.now = hour;
    come_in();
    assert_int_equal(grant_use_it(&rig, olga, &reveal)->err, HUFU_GRANT_REQUIRED);
    assert_int_not_equal(grant_ask_as(&rig, &who, &what)->err, HUFU_OK);
    rig_login(&rig, "aude", aude);
    assert_int_equal(
        share_count(share_page(aude, VERB_SHARE_LIST, 0, NULL, NULL, NULL)->body, "\"scale\":"), 1);
}

static void settled(struct store_draft *draft)
{
    *(bool *)draft->arg = true;
}

struct line_draft {
    struct request req;
    struct grant_use use;
    bool settled;
};

/* Drafts a line as a reveal of n values would. */
static void draft_line(struct line_draft *d, uint64_t n)
{
    *d = (struct line_draft){ .use = { .used = true } };
    d->req.core = &rig.core;
    arena_init(&d->req.in, rig.core.pool);
    arena_init(&d->req.work, rig.core.pool);
    d->req.who.user = directory_user(rig.core.dir, view_str("olga"));
    d->req.domain = directory_domain(rig.core.dir, view_str("guarded"));
    d->req.msg.request_id = view_str("draft-1");
    snprintf(d->use.grant.recipient, sizeof(d->use.grant.recipient), "bank");
    snprintf(d->use.grant.purpose, sizeof(d->use.grant.purpose), "court");
    assert_int_equal(request_ops(&d->req, 1, SHARE_PRES, SHARE_WRITES, 0), HUFU_OK);
    assert_int_equal(share_write(&rig.worker, &d->req, &d->req.op[0], &d->use, n), HUFU_OK);
    assert_int_equal(d->req.op[0].pre_count, SHARE_PRES);
    assert_int_equal(d->req.op[0].write_count, SHARE_WRITES);
}

static enum hufu_err commit_line(struct line_draft *d)
{
    d->req.draft.done = settled;
    d->req.draft.arg = &d->settled;
    assert_int_equal(store_submit(rig.core.store, &d->req.draft), HUFU_OK);
    while (!d->settled)
        (void)store_journal_step(rig.core.store);
    arena_done(&d->req.work);
    return d->req.draft.err;
}

/* Frozen, or over, between the decision and its commit: nothing leaves. */
static void test_C25_the_last_word_is_at_the_commit(void **state)
{
    const uint64_t hour = rig.clock.now + 3600000;
    struct share_who r = { .name = "bank", .kind = "outside", .assessment = "A", .until_ms = hour };
    struct line_draft d;

    (void)state;
    assert_int_equal(share_enrol(sara, VERB_RECIPIENT_ADD, &r)->err, HUFU_OK);
    draft_line(&d, 1);
    assert_int_equal(share_turn(VERB_RECIPIENT_FREEZE, "bank"), HUFU_OK);
    assert_int_equal(commit_line(&d), HUFU_PRECONDITION);
    assert_int_equal(share_turn(VERB_RECIPIENT_UNFREEZE, "bank"), HUFU_OK);
    draft_line(&d, 1);
    rig.clock.now = hour;
    assert_int_equal(commit_line(&d), HUFU_PRECONDITION);
    come_in();
    rig.clock.now = hour - 1000; /* the store's time never runs back: it is over all the same */
    draft_line(&d, 1);
    assert_int_equal(commit_line(&d), HUFU_PRECONDITION);
}

#define LINES 7

/* One line a day, seven days from midnight on. */
static uint64_t make_lines(void)
{
    uint64_t day = (rig.clock.now / SHARE_DAY_MS + 1) * SHARE_DAY_MS;

    for (uint64_t i = 0; i < LINES; i++) {
        struct line_draft d;

        rig.clock.now = day + i * SHARE_DAY_MS;
        draft_line(&d, i + 1);
        assert_int_equal(commit_line(&d), HUFU_OK);
    }
    come_in();
    rig_login(&rig, "aude", aude);
    return day;
}

static void test_C25_pages_have_every_line_once_in_order(void **state)
{
    char after[64] = "", scale[32];
    uint64_t seen = 0;

    (void)state;
    share_partner("bank", NULL);
    (void)make_lines();
    for (size_t pages = 0; pages < LINES; pages++) {
        const struct rig_reply *r =
            share_page(aude, VERB_SHARE_LIST, 2, after[0] == '\0' ? NULL : after, NULL, NULL);
        size_t on_page;

        assert_int_equal(r->err, HUFU_OK);
        on_page = share_count(r->body, "\"scale\":");
        for (size_t i = 0; i < on_page; i++) {
            snprintf(scale, sizeof(scale), "\"scale\":%llu,", (unsigned long long)++seen);
            assert_int_equal(share_count(r->body, scale), 1);
        }
        if (rig_member(r->body, "next", after, sizeof(after)) == NULL)
            break;
        assert_int_equal(on_page, 2);
    }
    assert_int_equal(seen, LINES);
}

static void test_C25_between_two_times(void **state)
{
    char since[CLOCK_TEXT_LEN + 1], until[CLOCK_TEXT_LEN + 1];
    struct life_lines found;
    const struct rig_reply *r;
    uint64_t day;

    (void)state;
    share_partner("bank", NULL);
    day = make_lines();
    clock_print(day + 2 * SHARE_DAY_MS, since);
    clock_print(day + 5 * SHARE_DAY_MS, until);
    r = share_page(aude, VERB_SHARE_LIST, 0, NULL, since, until);
    assert_int_equal(share_count(r->body, "\"scale\":"), 3); /* the end is not part of it */
    assert_int_equal(share_count(r->body, "\"scale\":3,"), 1);
    assert_int_equal(share_count(r->body, "\"scale\":5,"), 1);
    assert_int_equal(share_count(r->body, "\"purpose\":\"court\""), 3);
    assert_int_equal(life_find_lines(&rig, &found, 0, "\"share-list\"", since, until), 1);
    r = share_page(aude, VERB_SHARE_LIST, 0, NULL, since, NULL);
    assert_int_equal(share_count(r->body, "\"scale\":"), 5);
    r = share_page(aude, VERB_SHARE_LIST, 0, NULL, NULL, since);
    assert_int_equal(share_count(r->body, "\"scale\":"), 2);
    assert_int_equal(share_page(aude, VERB_SHARE_LIST, 0, NULL, until, since)->err,
                     HUFU_BAD_REQUEST);
    assert_int_equal(share_page(aude, VERB_SHARE_LIST, 0, NULL, "2026-13-01T00:00:00Z", NULL)->err,
                     HUFU_BAD_REQUEST);
    assert_int_equal(share_page(aude, VERB_SHARE_LIST, 0, "x", NULL, NULL)->err, HUFU_BAD_REQUEST);
    assert_int_equal(share_page(aude, VERB_SHARE_LIST, 1001, NULL, NULL, NULL)->err,
                     HUFU_BAD_REQUEST);
}

/* Two agreed to what the bank's key opens: whoever records another one asks again. */
static void test_C24_another_certificate_voids_what_was_approved(void **state)
{
    static struct share_key other;
    struct share_who changed = { .name = "bank", .use = "renewed" };
    struct share_export e = { .tokens = some, .token_count = 1 };
    char before[GRANT_ID_MAX], after[GRANT_ID_MAX];

    (void)state;
    share_partner("bank", good.pem);
    share_grant("bank", 1, 2, before);
    rig_tick(&rig, 1000);
    share_key_make(&other, "P-256", 0, RIG_NOW_MS + SHARE_YEAR_MS, NULL);
    changed.pem = other.pem;
    assert_int_equal(share_enrol(sara, VERB_RECIPIENT_ASSESS, &changed)->err, HUFU_OK);
    share_key_free(&other);
    e.grant = before;
    assert_int_equal(share_begin(olga, &e)->err, HUFU_GRANT_REQUIRED);
    assert_int_equal(share_entries("\"result\":\"grant_required\"", "why=certificate", NULL), 1);
    share_grant("bank", 1, 2, after);
    e.grant = after;
    assert_int_equal(share_begin(olga, &e)->err, HUFU_OK);
}

#undef TEST
#define TEST(f) cmocka_unit_test_setup_teardown(f, vault, vault_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C25_what_a_recipient_needs),
        TEST(test_C25_certificates),
        TEST(test_C25_list_shows_all_but_the_certificate),
        TEST(test_C25_papers_end),
        TEST(test_C25_renewal_brings_something),
        TEST(test_C25_frozen_and_back),
        TEST(test_C25_the_register_names_it_all),
        TEST(test_C25_expired_is_refused_at_ask_and_at_use),
        TEST(test_C25_the_last_word_is_at_the_commit),
        TEST(test_C25_pages_have_every_line_once_in_order),
        TEST(test_C25_between_two_times),
        TEST(test_C24_another_certificate_voids_what_was_approved),
    };

    return cmocka_run_group_tests_name("share", tests, suite_heap, NULL);
}
