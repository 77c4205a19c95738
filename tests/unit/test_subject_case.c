/* C55: nothing about a data subject runs on one person's word; what a report says, and what it
 * never says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/subject_calls.h" /* before the suite: it names its core rig too */
#include "tests/core_suite.h"

#define REF   "customer-17"
#define OTHER "customer-18"
#define PAN   "4111111111111111"
#define NOW   "2026-09-21T14:13:20.000Z"
#define RACES 32

static const struct rig_who acme = { .partner = "acme" }, zeta = { .partner = "zeta" };
static char sara[MSG_SESSION_LEN + 1], sven[MSG_SESSION_LEN + 1], anna[MSG_SESSION_LEN + 1];
static char abel[MSG_SESSION_LEN + 1], olga[MSG_SESSION_LEN + 1], aude[MSG_SESSION_LEN + 1];

static int setup(void **state)
{
    (void)state;
    rig_has_approvers = true;
    fake_hsm_init(&hsm);
    rig_start(&rig, &hsm);
    rig_login(&rig, "sara", sara);
    rig_login(&rig, "sven", sven);
    rig_login(&rig, "anna", anna);
    rig_login(&rig, "abel", abel);
    rig_login(&rig, "olga", olga);
    rig_login(&rig, "aude", aude);
    return 0;
}

static void asked(const char *kind, char id[static SUBJECT_ID_TEXT])
{
    const struct rig_reply *r = subject_ask(&rig, sara, REF, kind);

    assert_int_equal(r->err, HUFU_OK);
    assert_int_equal(r->success, MSG_201);
    assert_non_null(rig_member(r->body, "id", id, SUBJECT_ID_TEXT));
    assert_non_null(strstr(r->body, "\"state\":\"proposed\""));
    assert_non_null(strstr(r->body, "\"subject\":\"" REF "\""));
    assert_non_null(strstr(r->body, "\"asked_by\":\"sara\""));
}

static enum hufu_err call(uint16_t verb, const char *session, const char *id)
{
    return subject_by_id(&rig, verb, session, id)->err;
}

static void freeze(const char *by, const char *user)
{
    struct rig_who who = { .session = by };
    struct buf b;

    buf_init(&b, 256);
    msg_put_text(&b, MSG_REASON, view_str("left"));
    msg_put_text(&b, MSG_NAME, view_str(user));
    assert_int_equal(rig_call(&rig, VERB_USER_FREEZE, &who, buf_view(&b))->err, HUFU_OK);
    buf_done(&b);
}

static void test_C55_two_people_of_two_roles(void **state)
{
    static const char *const kinds[] = { "report", "restrict", "lift-restriction", "erase",
                                         "hold" };
    char id[SUBJECT_ID_TEXT], token[LIFE_TOKEN_MAX];

    (void)state;
    (void)subject_send(&rig, &acme, "cards", PAN, REF, token);
    for (size_t i = 0; i < 5; i++) {
        asked(kinds[i], id);
        subject_settle(&rig);
        assert_int_equal(subject_case_of(&rig, id).state, CASE_PROPOSED); /* nothing has run */
        assert_int_equal(call(VERB_SUBJECT_APPROVE, sara, id), HUFU_FORBIDDEN);
        assert_int_equal(call(VERB_SUBJECT_APPROVE, sven, id), HUFU_FORBIDDEN);
        assert_int_equal(call(VERB_SUBJECT_APPROVE, olga, id), HUFU_FORBIDDEN);
        assert_int_equal(call(VERB_SUBJECT_DENY, sven, id), HUFU_FORBIDDEN);
        assert_int_equal(call(VERB_SUBJECT_REPORT, sara, id), HUFU_CONFLICT);
        assert_int_equal(call(VERB_SUBJECT_APPROVE, anna, id), HUFU_OK);
        assert_int_equal(call(VERB_SUBJECT_APPROVE, anna, id), HUFU_ALREADY_APPROVED);
        assert_int_equal(call(VERB_SUBJECT_APPROVE, abel, id), HUFU_CONFLICT);
        assert_int_equal(call(VERB_SUBJECT_DENY, abel, id), HUFU_CONFLICT);
        subject_settle(&rig);
        assert_int_equal(subject_case_of(&rig, id).state, CASE_DONE);
        assert_int_equal(call(VERB_SUBJECT_APPROVE, anna, id), HUFU_ALREADY_APPROVED);
    }
    assert_int_equal(subject_ask(&rig, anna, REF, "report")->err, HUFU_FORBIDDEN);
    assert_int_equal(subject_ask(&rig, olga, REF, "report")->err, HUFU_FORBIDDEN);
}

static void test_C55_who_asked_as_one_role_does_not_agree_as_another(void **state)
{
    char id[SUBJECT_ID_TEXT];
    struct case_row c;

    (void)state;
    asked("erase", id);
    c = subject_case_of(&rig, id);
    /* as if sven, once an administrator, had asked and were an approver now: the row names anna */
    c.asked_by = directory_user(rig.core.dir, view_str("anna"))->id;
    {
        struct keeper *k = &rig.keeper;

        arena_done(&k->req.work);
        k->req.draft = (struct store_draft){ 0 };
        assert_int_equal(request_ops(&k->req, 1, 1, 1, 0), HUFU_OK);
        request_entry(&k->req, 0)->verb = "test";
        assert_int_equal(subject_case_write(&k->w, &k->req, &k->req.op[0], &c), HUFU_OK);
        assert_int_equal(keeper_commit(k), HUFU_OK);
    }
    assert_int_equal(call(VERB_SUBJECT_APPROVE, anna, id), HUFU_FORBIDDEN);
    /* and abel's word is worth nothing: who asked is no administrator */
    assert_int_equal(call(VERB_SUBJECT_APPROVE, abel, id), HUFU_CONFLICT);
}

static void test_C55_denied_expired_and_unknown_ones_end_there(void **state)
{
    char id[SUBJECT_ID_TEXT], late[SUBJECT_ID_TEXT];
    struct life_lines found;

    (void)state;
    asked("erase", id);
    assert_int_equal(call(VERB_SUBJECT_DENY, anna, id), HUFU_OK);
    assert_non_null(strstr(rig.reply.body, "\"state\":\"denied\""));
    assert_int_equal(call(VERB_SUBJECT_APPROVE, abel, id), HUFU_CONFLICT);
    assert_int_equal(call(VERB_SUBJECT_APPROVE, anna, id), HUFU_CONFLICT);
    assert_int_equal(call(VERB_SUBJECT_APPROVE, anna, "0192f0c1-7000-7000-8000-000000000000"),
                     HUFU_NOT_FOUND);
    assert_int_equal(call(VERB_SUBJECT_APPROVE, anna, "0192f0c1"), HUFU_NOT_FOUND);
    assert_int_equal(call(VERB_SUBJECT_APPROVE, anna, "0192F0C1-7000-7000-8000-000000000000"),
                     HUFU_NOT_FOUND);
    asked("erase", late);
    rig.clock.now += 86400000ULL; /* life_s; the sessions' idle time goes by the other clock */
    assert_int_equal(subject_case_of(&rig, late).state, CASE_EXPIRED);
    subject_settle(&rig);
    assert_int_equal(life_find_lines(&rig, &found, 0, "\"verb\":\"subject-expire\"", late, NULL),
                     1);
    subject_settle(&rig);
    assert_int_equal(life_find_lines(&rig, &found, 0, "\"verb\":\"subject-expire\"", NULL, NULL),
                     1);
    rig_tick(&rig, 30000);
    rig_login(&rig, "anna", anna);
    assert_int_equal(call(VERB_SUBJECT_APPROVE, anna, late), HUFU_CONFLICT);
    assert_true(rig_restart(&rig));
    assert_int_equal(subject_case_of(&rig, late).state, CASE_EXPIRED);
    assert_int_equal(subject_case_of(&rig, id).state, CASE_DENIED);
}

/* A proposal's last millisecond passes between decision and commit. */
static void test_C55_an_approval_that_comes_too_late_is_none(void **state)
{
    struct rig_who approver = { .session = anna };
    char id[SUBJECT_ID_TEXT], token[LIFE_TOKEN_MAX];
    uint64_t sent;
    struct buf b;

    (void)state;
    (void)subject_send(&rig, &acme, "cards", PAN, REF, token);
    asked("erase", id);
    rig.clock.now += 86399999ULL;
    rig_login(&rig, "abel", abel);
    approver.session = abel;
    buf_init(&b, 256);
    subject_put_id(&b, id);
    sent = rig_submit(&rig, VERB_SUBJECT_APPROVE, &approver, buf_view(&b));
    buf_done(&b);
    while (worker_step(&rig.worker))
        continue;
    rig.clock.now += 1;
    rig.reply_id = 0;
    for (int i = 0; i < 1000 && rig.reply_id != sent; i++)
        (void)rig_round(&rig);
    assert_int_equal(rig.reply.err, HUFU_CONFLICT);
    subject_settle(&rig);
    assert_int_equal(subject_case_of(&rig, id).state, CASE_EXPIRED);
}

static void test_C55_who_has_left_has_no_say(void **state)
{
    char id[SUBJECT_ID_TEXT], report[SUBJECT_ID_TEXT], token[LIFE_TOKEN_MAX];

    (void)state;
    (void)subject_send(&rig, &acme, "cards", PAN, REF, token);
    /* the approver of a report that is there is frozen: it is given no more */
    subject_agree(&rig, sara, abel, REF, "report", report);
    assert_int_equal(call(VERB_SUBJECT_REPORT, sara, report), HUFU_OK);
    freeze(sven, "abel");
    assert_int_equal(call(VERB_SUBJECT_REPORT, sara, report), HUFU_CONFLICT);
    /* who agreed to an erasure is frozen before its first piece */
    asked("erase", id);
    assert_int_equal(call(VERB_SUBJECT_APPROVE, abel, id), HUFU_UNAUTHENTICATED);
    {
        struct rig_who approver = { .session = anna };
        struct buf b;

        buf_init(&b, 256);
        subject_put_id(&b, id);
        (void)rig_submit(&rig, VERB_SUBJECT_APPROVE, &approver, buf_view(&b));
        buf_done(&b);
        while (worker_step(&rig.worker) || store_journal_step(rig.core.store))
            continue; /* agreed to; the keeper has not come by */
        assert_int_equal(subject_case_of(&rig, id).state, CASE_RUNNING);
    }
    {
        struct rig_who who = { .session = sven };
        struct buf b;

        buf_init(&b, 256);
        msg_put_text(&b, MSG_REASON, view_str("left"));
        msg_put_text(&b, MSG_NAME, view_str("anna"));
        (void)rig_submit(&rig, VERB_USER_FREEZE, &who, buf_view(&b));
        buf_done(&b);
        while (worker_step(&rig.worker) || store_journal_step(rig.core.store))
            continue;
    }
    subject_settle(&rig);
    assert_int_equal(subject_case_of(&rig, id).state, CASE_FAILED);
    assert_string_equal(subject_case_of(&rig, id).error, "forbidden");
    assert_int_equal(subject_case_of(&rig, id).done, 0);
    assert_int_equal(rig_reveal(&rig, olga, "cards", token)->err, HUFU_OK);
}

static size_t won, already, conflicts, others;

static void on_reply(void *arg, uint64_t id, const struct msg_reply *r)
{
    (void)arg;
    (void)id;
    won += r->err == HUFU_OK;
    already += r->err == HUFU_ALREADY_APPROVED;
    conflicts += r->err == HUFU_CONFLICT;
    others += r->err != HUFU_OK && r->err != HUFU_ALREADY_APPROVED && r->err != HUFU_CONFLICT;
}

/* All are decided before the first commits. */
static void decide_all(void)
{
    while (worker_step(&rig.worker))
        continue;
    subject_settle(&rig);
}

/* 32 approvals at once, of two people, all decided before the first commits: exactly one wins. */
static void test_C55_one_of_32_approvals_wins(void **state)
{
    static const char *const kinds[] = { "report", "erase", "hold", "release" };
    char id[SUBJECT_ID_TEXT], token[LIFE_TOKEN_MAX];

    (void)state;
    (void)subject_send(&rig, &acme, "cards", PAN, REF, token);
    for (size_t i = 0; i < 4; i++) {
        asked(kinds[i], id);
        won = already = conflicts = others = 0;
        rig.on_reply = on_reply;
        for (size_t n = 0; n < RACES; n++) {
            struct rig_who who = { .session = n % 2 == 0 ? anna : abel };
            struct buf b;

            buf_init(&b, 256);
            subject_put_id(&b, id);
            (void)rig_submit(&rig, VERB_SUBJECT_APPROVE, &who, buf_view(&b));
            buf_done(&b);
        }
        decide_all();
        rig.on_reply = NULL;
        assert_int_equal(won, 1);
        assert_int_equal(already, RACES / 2 - 1);
        assert_int_equal(conflicts, RACES / 2);
        assert_int_equal(others, 0);
    }
}

/* Two cases that set a hold, agreed to at once: one of them does, the other says that it is there.
 */
static void test_C55_two_holds_at_once_are_one(void **state)
{
    char id[2][SUBJECT_ID_TEXT];

    (void)state;
    asked("hold", id[0]);
    asked("hold", id[1]);
    won = already = conflicts = others = 0;
    rig.on_reply = on_reply;
    for (size_t n = 0; n < 2; n++) {
        struct rig_who who = { .session = n == 0 ? anna : abel };
        struct buf b;

        buf_init(&b, 256);
        subject_put_id(&b, id[n]);
        (void)rig_submit(&rig, VERB_SUBJECT_APPROVE, &who, buf_view(&b));
        buf_done(&b);
    }
    decide_all();
    rig.on_reply = NULL;
    assert_int_equal(won, 1);
    assert_int_equal(conflicts, 1);
    assert_int_equal(directory_kept_count(rig.core.dir, TABLE_HOLD), 1);
}

/* The hold is drafted before the approval of an erasure, and in one group with it. */
static void test_C55_a_hold_between_decision_and_commit_of_an_approval(void **state)
{
    char hold[SUBJECT_ID_TEXT], erase[SUBJECT_ID_TEXT];

    (void)state;
    asked("hold", hold);
    asked("erase", erase);
    won = already = conflicts = others = 0;
    rig.on_reply = on_reply;
    for (size_t n = 0; n < 2; n++) {
        struct rig_who who = { .session = anna };
        struct buf b;

        buf_init(&b, 256);
        subject_put_id(&b, n == 0 ? hold : erase);
        (void)rig_submit(&rig, VERB_SUBJECT_APPROVE, &who, buf_view(&b));
        buf_done(&b);
    }
    decide_all();
    rig.on_reply = NULL;
    assert_int_equal(won, 1);
    assert_int_equal(others, 1); /* legal_hold */
    assert_int_equal(subject_case_of(&rig, hold).state, CASE_DONE);
    assert_int_equal(subject_case_of(&rig, erase).state, CASE_PROPOSED);
}

static void test_C55_holds_answer_at_once(void **state)
{
    char id[SUBJECT_ID_TEXT], erase[SUBJECT_ID_TEXT], token[LIFE_TOKEN_MAX];
    struct life_lines found;

    (void)state;
    (void)subject_send(&rig, &acme, "cards", PAN, REF, token);
    assert_int_equal(subject_ask(&rig, sara, REF, "release")->err, HUFU_CONFLICT);
    asked("erase", erase); /* before the hold */
    subject_agree(&rig, sara, anna, REF, "hold", id);
    assert_int_equal(subject_ask(&rig, sara, REF, "erase")->err, HUFU_LEGAL_HOLD);
    assert_int_equal(life_find_lines(&rig, &found, 0, "\"result\":\"legal_hold\"",
                                     "kind=erase subject=", "\"verb\":\"subject-ask\""),
                     1);
    assert_int_equal(subject_ask(&rig, sara, REF, "hold")->err, HUFU_CONFLICT);
    assert_int_equal(call(VERB_SUBJECT_APPROVE, anna, erase), HUFU_LEGAL_HOLD);
    assert_int_equal(subject_case_of(&rig, erase).state, CASE_PROPOSED);
    /* of another nobody says anything */
    assert_int_equal(subject_ask(&rig, sara, OTHER, "erase")->err, HUFU_OK);
    /* restricting deletes nothing */
    subject_agree(&rig, sara, anna, REF, "restrict", id);
    subject_settle(&rig);
    assert_int_equal(subject_case_of(&rig, id).done, 1);
    subject_agree(&rig, sara, anna, REF, "release", id);
    assert_int_equal(call(VERB_SUBJECT_APPROVE, anna, erase), HUFU_OK);
    subject_settle(&rig);
    assert_int_equal(subject_case_of(&rig, erase).state, CASE_DONE);
}

static void test_C55_bad_input(void **state)
{
    char id[SUBJECT_ID_TEXT];
    const struct rig_reply *r;

    (void)state;
    r = subject_ask(&rig, sara, "card 4111111111111111", "report");
    assert_int_equal(r->err, HUFU_VALUE_IN_TEXT);
    assert_int_equal(r->where.tag, MSG_SUBJECT);
    r = subject_ask(&rig, sara, REF, "forget");
    assert_int_equal(r->err, HUFU_BAD_REQUEST);
    assert_int_equal(r->where.tag, MSG_KIND);
    assert_int_equal(directory_kept_count(rig.core.dir, TABLE_CASE), 0);
    asked("report", id);
    assert_int_equal(call(VERB_SUBJECT_APPROVE, anna, id), HUFU_OK);
    assert_int_equal(subject_page(&rig, sara, id, 1001, NULL)->err, HUFU_BAD_REQUEST);
    assert_int_equal(subject_page(&rig, sara, id, 5, "x")->err, HUFU_BAD_REQUEST);
    assert_int_equal(subject_page(&rig, sara, id, 5, "-1")->err, HUFU_BAD_REQUEST);
    assert_int_equal(subject_page(&rig, sara, id, 5, "99")->err, HUFU_OK);
    assert_non_null(strstr(rig.reply.body, "\"items\":[],\"next\":null"));
}

static void test_C55_a_report_says_what_is_kept(void **state)
{
    char id[SUBJECT_ID_TEXT], token[LIFE_TOKEN_MAX], other[LIFE_TOKEN_MAX];
    struct life_lines found;
    const struct rig_reply *r;
    struct buf b;

    (void)state;
    buf_init(&b, 512);
    msg_put_text(&b, MSG_DOMAIN, view_str("cards"));
    msg_put_text(&b, MSG_VALUE, view_str(PAN));
    msg_put_text(&b, MSG_SUBJECT, view_str(REF));
    msg_put_text(&b, MSG_CONSENT, view_str("form-2"));
    msg_put_text(&b, MSG_CHANNEL, view_str("pos"));
    r = rig_call(&rig, VERB_TOKENIZE, &acme, buf_view(&b));
    buf_done(&b);
    assert_non_null(rig_member(r->body, "token", token, sizeof(token)));
    (void)subject_send(&rig, &zeta, "cards", PAN, NULL, other);
    (void)subject_send(&rig, &acme, "loose", PAN, OTHER, other);
    assert_int_equal(rig_reveal(&rig, olga, "cards", token)->err, HUFU_OK);
    subject_agree(&rig, sara, anna, REF, "report", id);
    r = subject_by_id(&rig, VERB_SUBJECT_REPORT, sara, id);
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(strstr(
        r->body,
        "{\"complete\":true,\"items\":[{\"basis\":\"form-2\",\"changed_at\":\"" NOW
        "\",\"channel\":\"pos\",\"created_at\":\"" NOW
        "\",\"domain\":\"cards\",\"format\":\"pan\",\"held\":false,\"partners\":[\"acme\","
        "\"zeta\"],\"request_id\":\"rig-1\",\"restricted\":false,\"revealed\":[{\"index\":"));
    assert_non_null(strstr(r->body, ",\"purpose\":\"refund\",\"reason\":\"case 7\",\"time\":\"" NOW
                                    "\",\"user\":\"olga\"}],\"state\":\"active\",\"token_id\":\""));
    assert_non_null(strstr(r->body, "\"}],\"next\":null,\"not_kept\":[],\"notify\":{\"partners\":"
                                    "[\"acme\",\"zeta\"],\"recipients\":[]},\"subject_id\":\""));
    assert_null(strstr(r->body, token));
    assert_null(strstr(r->body, PAN));
    assert_null(strstr(r->body, REF));
    assert_int_equal(life_find_lines(&rig, &found, 0, "\"verb\":\"subject-report\"",
                                     "\"result\":\"ok\"", "\"principal\":\"sara\""),
                     1);
    assert_non_null(strstr(found.last, "tokens=1 after=0"));
    /* for who asked alone, and not for ever */
    assert_int_equal(call(VERB_SUBJECT_REPORT, sven, id), HUFU_FORBIDDEN);
    assert_int_equal(call(VERB_SUBJECT_REPORT, anna, id), HUFU_FORBIDDEN);
    assert_int_equal(call(VERB_SUBJECT_REPORT, aude, id), HUFU_FORBIDDEN);
    rig.clock.now += 86400000ULL;
    rig_tick(&rig, 30000);
    rig_login(&rig, "sara", sara);
    assert_int_equal(call(VERB_SUBJECT_REPORT, sara, id), HUFU_CONFLICT);
}

/* Three people on two days for two purposes: a line for each, with the entry that proves it. */
static void test_C55_every_reveal_is_told(void **state)
{
    char id[SUBJECT_ID_TEXT], token[LIFE_TOKEN_MAX], text[64];
    struct life_lines found;
    const char *at;
    size_t count = 0;

    (void)state;
    (void)subject_send(&rig, &acme, "cards", PAN, REF, token);
    assert_int_equal(rig_reveal(&rig, olga, "cards", token)->err, HUFU_OK);
    assert_int_equal(rig_reveal(&rig, olga, "cards", token)->err, HUFU_OK); /* the same again */
    rig_tick(&rig, 86400000ULL);
    rig_login(&rig, "olga", olga);
    assert_int_equal(rig_reveal(&rig, olga, "cards", token)->err, HUFU_OK);
    rig_login(&rig, "omar", olga);
    assert_int_equal(rig_reveal(&rig, olga, "cards", token)->err, HUFU_OK);
    rig_login(&rig, "sara", sara);
    rig_login(&rig, "anna", anna);
    subject_agree(&rig, sara, anna, REF, "report", id);
    assert_int_equal(call(VERB_SUBJECT_REPORT, sara, id), HUFU_OK);
    for (at = rig.reply.body; (at = strstr(at, "\"purpose\":\"refund\"")) != NULL; at++)
        count++;
    assert_int_equal(count, 3);
    assert_non_null(strstr(rig.reply.body, "\"user\":\"omar\""));
    /* the last index is the entry of omar's reveal */
    assert_int_equal(
        life_find_lines(&rig, &found, 0, "\"verb\":\"detokenize\"", "\"principal\":\"omar\"", NULL),
        1);
    at = strrchr(rig.reply.body, '{');
    assert_non_null(at);
    snprintf(text, sizeof(text), "\"token_id\":\"%.22s\"",
             strstr(rig.reply.body, "\"token_id\":\"") + strlen("\"token_id\":\""));
    assert_non_null(strstr(found.last, text));
}

static void test_C55_pages_of_a_report(void **state)
{
    static const char *subject[230];
    char id[SUBJECT_ID_TEXT], after[16] = "";
    size_t items = 0, pages = 0;
    bool more = true;

    (void)state;
    for (size_t i = 0; i < 230; i++)
        subject[i] = REF;
    assert_int_equal(subject_batch(&rig, &acme, "cards", 0, 230, subject)->err, HUFU_OK);
    subject_agree(&rig, sara, anna, REF, "report", id);
    while (more) {
        const struct rig_reply *r =
            subject_page(&rig, sara, id, pages == 0 ? 7 : 0, after[0] == '\0' ? NULL : after);

        assert_int_equal(r->err, HUFU_OK);
        for (const char *at = r->body; (at = strstr(at, "\"token_id\"")) != NULL; at++)
            items++;
        more = rig_member(r->body, "next", after, sizeof(after)) != NULL;
        pages++;
    }
    assert_int_equal(items, 230);
    assert_int_equal(pages, 4); /* 7, 100, 100, 23 */
}

static void test_C55_the_auditor_sees_cases_without_references(void **state)
{
    char id[SUBJECT_ID_TEXT], denied[SUBJECT_ID_TEXT];
    struct rig_who auditor = { .session = aude }, admin = { .session = sven };
    const struct rig_reply *r;
    struct buf b;

    (void)state;
    asked("erase", id);
    asked("report", denied);
    r = subject_by_id(&rig, VERB_SUBJECT_SHOW, aude, id);
    assert_int_equal(r->err, HUFU_OK);
    assert_null(strstr(r->body, REF));
    assert_non_null(strstr(r->body, "\"subject_id\":\""));
    assert_int_equal(call(VERB_SUBJECT_SHOW, anna, id), HUFU_OK);
    assert_non_null(strstr(rig.reply.body, "\"subject\":\"" REF "\""));
    assert_int_equal(call(VERB_SUBJECT_SHOW, olga, id), HUFU_FORBIDDEN);
    r = rig_call(&rig, VERB_SUBJECT_LIST, &auditor, view_of(NULL, 0));
    assert_int_equal(r->err, HUFU_OK);
    assert_null(strstr(r->body, REF));
    assert_non_null(strstr(r->body, id));
    assert_non_null(strstr(r->body, denied));
    buf_init(&b, 64);
    msg_put_u64(&b, MSG_LIMIT, 1);
    r = rig_call(&rig, VERB_SUBJECT_LIST, &admin, buf_view(&b));
    buf_done(&b);
    assert_non_null(strstr(r->body, REF));
    assert_non_null(strstr(r->body, "\"next\":\""));
    buf_init(&b, 64);
    msg_put_text(&b, MSG_AFTER, view_str(denied));
    r = rig_call(&rig, VERB_SUBJECT_LIST, &admin, buf_view(&b));
    buf_done(&b);
    assert_non_null(strstr(r->body, "\"next\":null"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, suite_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C55_two_people_of_two_roles),
        TEST(test_C55_who_asked_as_one_role_does_not_agree_as_another),
        TEST(test_C55_denied_expired_and_unknown_ones_end_there),
        TEST(test_C55_an_approval_that_comes_too_late_is_none),
        TEST(test_C55_who_has_left_has_no_say),
        TEST(test_C55_one_of_32_approvals_wins),
        TEST(test_C55_two_holds_at_once_are_one),
        TEST(test_C55_a_hold_between_decision_and_commit_of_an_approval),
        TEST(test_C55_holds_answer_at_once),
        TEST(test_C55_bad_input),
        TEST(test_C55_a_report_says_what_is_kept),
        TEST(test_C55_every_reveal_is_told),
        TEST(test_C55_pages_of_a_report),
        TEST(test_C55_the_auditor_sees_cases_without_references),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
