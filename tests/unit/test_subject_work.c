/* C55, C15, C16: what was agreed about a data subject is carried out in pieces, once for each
 * token, whatever comes between; nothing of the subject stands in the log or in clear on disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/subject_calls.h" /* before the suite: it names its core rig too */
#include "tests/core_suite.h"
#include "vault/subject_work.h"

#define REF    "customer-17-of-harbour-street"
#define OTHER  "customer-18-of-harbour-street"
#define TOKENS 150 /* three pieces */

static const struct rig_who acme = { .partner = "acme" };
static char sara[MSG_SESSION_LEN + 1], anna[MSG_SESSION_LEN + 1], olga[MSG_SESSION_LEN + 1];

static int setup(void **state)
{
    static const char *subject[TOKENS];

    (void)state;
    for (size_t i = 0; i < TOKENS; i++)
        subject[i] = REF;
    rig_has_approvers = true;
    fake_hsm_init(&hsm);
    rig_start(&rig, &hsm);
    rig_login(&rig, "sara", sara);
    rig_login(&rig, "anna", anna);
    rig_login(&rig, "olga", olga);
    if (subject_batch(&rig, &acme, "cards", 0, TOKENS, subject)->err != HUFU_OK)
        return -1;
    return strstr(rig.reply.body, "error") == NULL ? 0 : -1;
}

static void ask(const char *kind, char id[static SUBJECT_ID_TEXT])
{
    const struct rig_reply *r = subject_ask(&rig, sara, REF, kind);

    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "id", id, SUBJECT_ID_TEXT));
}

/* Hands an approval in; with commits, until it is durable. The keeper does not come by. */
static void approve(const char *id, bool commits)
{
    struct rig_who who = { .session = anna };
    struct buf b;

    buf_init(&b, 256);
    subject_put_id(&b, id);
    (void)rig_submit(&rig, VERB_SUBJECT_APPROVE, &who, buf_view(&b));
    buf_done(&b);
    while (worker_step(&rig.worker) || (commits && store_journal_step(rig.core.store)))
        continue;
}

struct states { /* of all tokens of the domain */
    size_t active, suspended, deleted, rest;
};

static bool see_record(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct states *s = arg;
    struct record rec = { 0 };

    RIG_CHECK(row_open_record(&rig.worker, 1, key, seq, image, &rec) == HUFU_OK);
    RIG_CHECK(strcmp(rec.subject, REF) == 0);
    s->active += rec.state == RECORD_ACTIVE;
    s->suspended += rec.state == RECORD_SUSPENDED;
    s->deleted += rec.state == RECORD_DELETED;
    s->rest += rec.state > RECORD_DELETED || rec.state == RECORD_REVOKED;
    wipe(&rec, sizeof(rec));
    return true;
}

static struct states states(void)
{
    uint8_t mem[5], next_mem[STORE_KEY_MAX];
    struct states s = { 0 };
    struct buf prefix, next;

    buf_fixed(&prefix, mem, sizeof(mem));
    buf_fixed(&next, next_mem, sizeof(next_mem));
    buf_u8(&prefix, TABLE_TOKEN);
    buf_be32(&prefix, 1);
    RIG_CHECK(store_scan(rig.worker.reader, buf_view(&prefix), buf_view(&prefix), SIZE_MAX,
                         see_record, &s, &next) == HUFU_OK);
    return s;
}

static size_t lines(const char *a, const char *b)
{
    struct life_lines found;

    return life_find_lines(&rig, &found, 0, a, b, NULL);
}

static void assert_erased(const char *id)
{
    struct case_row c = subject_case_of(&rig, id);
    struct states s = states();

    assert_int_equal(c.state, CASE_DONE);
    assert_int_equal(c.done, TOKENS);
    assert_int_equal(c.total, TOKENS);
    assert_int_equal(c.held, 0);
    assert_int_equal(s.deleted, TOKENS);
    assert_int_equal(s.active + s.suspended + s.rest, 0);
    /* one entry for each token, and each names its own */
    assert_int_equal(lines("\"verb\":\"subject-erase\"", "\"token_id\""), TOKENS);
    assert_int_equal(lines("\"verb\":\"subject-end\"", "done=150 total=150 held=0"), 1);
}

static void test_C55_erasure_deletes_every_token_once(void **state)
{
    char id[SUBJECT_ID_TEXT], again[SUBJECT_ID_TEXT], token[LIFE_TOKEN_MAX], other[LIFE_TOKEN_MAX];
    char value[17];

    (void)state;
    subject_pan(3, value);
    (void)subject_send(&rig, &acme, "cards", value, NULL, token);
    assert_int_equal(rig_reveal(&rig, olga, "cards", token)->err, HUFU_OK);
    ask("erase", id);
    approve(id, true);
    subject_settle(&rig);
    assert_erased(id);
    assert_int_equal(rig_reveal(&rig, olga, "cards", token)->err, HUFU_NOT_FOUND);
    assert_int_equal(life_call(&rig, VERB_RESUME, &acme, "cards", NULL, token, "again")->err,
                     HUFU_CONFLICT);
    /* once more: nothing is left to do */
    ask("erase", again);
    approve(again, true);
    subject_settle(&rig);
    assert_int_equal(subject_case_of(&rig, again).done, TOKENS);
    assert_int_equal(lines("\"verb\":\"subject-erase\"", NULL), TOKENS);
    /* what comes after it is another token */
    (void)subject_send(&rig, &acme, "cards", value, NULL, other);
    assert_string_not_equal(other, token);
}

/* Revoked, suspended and expired ones too: nothing of them can be had any more. */
static void test_C16_C55_erasure_from_every_state(void **state)
{
    static const uint16_t verbs[] = { VERB_REVOKE, VERB_SUSPEND, VERB_DELETE };
    char id[SUBJECT_ID_TEXT], token[LIFE_TOKEN_MAX], value[17];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        subject_pan(i, value);
        (void)subject_send(&rig, &acme, "cards", value, NULL, token);
        assert_int_equal(life_call(&rig, verbs[i], &acme, "cards", NULL, token, "x")->err, HUFU_OK);
    }
    ask("erase", id);
    approve(id, true);
    subject_settle(&rig);
    assert_int_equal(states().deleted, TOKENS);
    assert_int_equal(lines("\"verb\":\"subject-erase\"", NULL), TOKENS - 1);
    assert_int_equal(subject_case_of(&rig, id).done, TOKENS);
}

/* The core dies after each step of the way; another one goes on. */
static void test_C55_erasure_goes_on_where_it_was_killed(void **state)
{
    for (int n = 0; n < 7; n++) {
        char id[SUBJECT_ID_TEXT];

        if (n > 0)
            assert_int_equal(setup(state), 0);
        ask("erase", id);
        approve(id, n > 0);
        for (int i = 1; i < n; i++)
            (void)subject_work_step(&rig.keeper);
        if (n >= 2 && n <= 3)
            assert_int_equal(subject_case_of(&rig, id).done, 64 * (n - 1));
        assert_true(rig_restart(&rig));
        if (n == 0) { /* it was not durable: nobody had agreed */
            assert_int_equal(subject_case_of(&rig, id).state, CASE_PROPOSED);
            approve(id, true);
        }
        subject_settle(&rig);
        assert_erased(id);
        if (n < 6)
            (void)suite_teardown(state);
    }
}

/* Killed again after every single piece. */
static void test_C55_erasure_survives_a_kill_after_every_piece(void **state)
{
    char id[SUBJECT_ID_TEXT];

    (void)state;
    ask("erase", id);
    approve(id, true);
    for (int i = 0; i < 5; i++) {
        rig_crash(&rig);
        assert_int_equal(rig_open(&rig), HUFU_OK);
        while (!rig.keeper.loaded || atomic_load(&rig.core.phase) != CORE_OPEN)
            assert_true(keeper_step(&rig.keeper));
        (void)subject_work_step(&rig.keeper);
    }
    assert_erased(id);
}

static void test_C55_a_hold_stops_what_runs(void **state)
{
    char erase[SUBJECT_ID_TEXT], hold[SUBJECT_ID_TEXT];
    struct case_row c;

    (void)state;
    ask("hold", hold);
    ask("erase", erase);
    approve(erase, true);
    assert_true(subject_work_step(&rig.keeper));
    approve(hold, true);
    subject_settle(&rig);
    c = subject_case_of(&rig, erase);
    assert_int_equal(c.state, CASE_FAILED);
    assert_string_equal(c.error, "legal_hold");
    assert_int_equal(c.done, 64);
    assert_int_equal(c.held, TOKENS - 64);
    assert_int_equal(states().active, TOKENS - 64);
    assert_int_equal(lines("\"verb\":\"subject-end\"", "\"result\":\"legal_hold\""), 1);
}

/* The hold is decided, and in the same group before the piece: the piece does not count. */
static void test_C55_a_hold_between_decision_and_commit_of_a_piece(void **state)
{
    char erase[SUBJECT_ID_TEXT], hold[SUBJECT_ID_TEXT];

    (void)state;
    ask("hold", hold);
    ask("erase", erase);
    approve(erase, true);
    approve(hold, false); /* waits for the journal */
    (void)subject_work_step(&rig.keeper);
    subject_settle(&rig);
    assert_int_equal(subject_case_of(&rig, erase).state, CASE_FAILED);
    assert_int_equal(subject_case_of(&rig, erase).held, TOKENS);
    assert_int_equal(states().active, TOKENS);
    assert_int_equal(lines("\"verb\":\"subject-erase\"", NULL), 0);
}

/* Who agreed is frozen in the same group before the piece: the piece does not count. */
static void test_C55_who_agreed_leaves_between_decision_and_commit_of_a_piece(void **state)
{
    struct rig_who admin = { .session = sara };
    char id[SUBJECT_ID_TEXT];
    struct buf b;

    (void)state;
    ask("erase", id);
    approve(id, true);
    buf_init(&b, 256);
    msg_put_text(&b, MSG_REASON, view_str("left"));
    msg_put_text(&b, MSG_NAME, view_str("anna"));
    (void)rig_submit(&rig, VERB_USER_FREEZE, &admin, buf_view(&b));
    buf_done(&b);
    while (worker_step(&rig.worker)) /* drafted; it waits for the journal */
        continue;
    (void)subject_work_step(&rig.keeper);
    subject_settle(&rig);
    assert_int_equal(subject_case_of(&rig, id).state, CASE_FAILED);
    assert_string_equal(subject_case_of(&rig, id).error, "forbidden");
    assert_int_equal(states().active, TOKENS);
}

/* A partner's change is in the journal's queue before the piece: the piece is made again. */
static void test_C55_a_change_beside_a_piece(void **state)
{
    char id[SUBJECT_ID_TEXT], token[LIFE_TOKEN_MAX], value[17];

    (void)state;
    subject_pan(0, value);
    (void)subject_send(&rig, &acme, "cards", value, NULL, token);
    ask("restrict", id);
    approve(id, true);
    for (int i = 0; i < 4; i++) {
        (void)life_submit(&rig, i % 2 == 0 ? VERB_REVOKE : VERB_SUSPEND, &acme, "cards", NULL,
                          token, "x");
        while (worker_step(&rig.worker))
            continue;
        (void)subject_work_step(&rig.keeper);
    }
    subject_settle(&rig);
    assert_int_equal(subject_case_of(&rig, id).state, CASE_DONE);
    assert_int_equal(states().suspended, TOKENS - 1);
    assert_int_equal(lines("\"verb\":\"subject-restrict\"", NULL), TOKENS - 1);
}

static void test_C55_restricting_and_lifting(void **state)
{
    char id[SUBJECT_ID_TEXT], again[SUBJECT_ID_TEXT], token[LIFE_TOKEN_MAX], value[17];

    (void)state;
    subject_pan(7, value);
    (void)subject_send(&rig, &acme, "cards", value, NULL, token);
    assert_int_equal(life_call(&rig, VERB_SUSPEND, &acme, "cards", NULL, token, "x")->err, HUFU_OK);
    ask("restrict", id);
    approve(id, true);
    assert_true(rig_restart(&rig)); /* killed before its first piece */
    subject_settle(&rig);
    assert_int_equal(states().suspended, TOKENS);
    assert_int_equal(subject_case_of(&rig, id).done, TOKENS);
    ask("restrict", id); /* again: nothing changes */
    approve(id, true);
    subject_settle(&rig);
    assert_int_equal(lines("\"verb\":\"subject-restrict\"", NULL), TOKENS);
    ask("lift-restriction", id);
    approve(id, true);
    assert_true(subject_work_step(&rig.keeper));
    assert_true(rig_restart(&rig)); /* and in its middle */
    subject_settle(&rig);
    assert_int_equal(states().active, TOKENS - 1);
    assert_int_equal(states().suspended, 1);
    assert_int_equal(lines("\"verb\":\"subject-lift\"", NULL), TOKENS);
    assert_int_equal(subject_case_of(&rig, id).done, TOKENS);
    ask("lift-restriction", again); /* nothing is restricted any more */
    approve(again, true);
    subject_settle(&rig);
    assert_int_equal(subject_case_of(&rig, again).state, CASE_DONE);
    assert_int_equal(subject_case_of(&rig, again).done, 0);
    assert_int_equal(subject_case_of(&rig, again).total, TOKENS);
    assert_int_equal(rig_reveal(&rig, olga, "cards", token)->err, HUFU_NOT_FOUND);
}

/* Restriction and lifting agreed to together: one after the other, in that order. */
static void test_C55_cases_about_one_subject_go_by_turns(void **state)
{
    char first[SUBJECT_ID_TEXT], second[SUBJECT_ID_TEXT];

    (void)state;
    ask("lift-restriction", second); /* the older proposal, the younger agreement */
    rig_tick(&rig, 1);
    ask("restrict", first);
    approve(first, true);
    rig_tick(&rig, 1);
    approve(second, true);
    assert_true(subject_work_step(&rig.keeper));
    assert_int_equal(subject_case_of(&rig, second).total, 0);
    subject_settle(&rig);
    assert_int_equal(subject_case_of(&rig, first).state, CASE_DONE);
    assert_int_equal(subject_case_of(&rig, second).state, CASE_DONE);
    assert_int_equal(states().active, TOKENS);
}

static void test_C55_a_subject_of_whom_nothing_is_kept(void **state)
{
    char id[SUBJECT_ID_TEXT];

    (void)state;
    subject_agree(&rig, sara, anna, OTHER, "erase", id);
    subject_settle(&rig);
    assert_int_equal(subject_case_of(&rig, id).state, CASE_DONE);
    assert_int_equal(subject_case_of(&rig, id).total, 0);
    assert_int_equal(states().active, TOKENS);
}

/* A case holds a reference: 400 days after its end it goes, a running or a younger one does not. */
static void test_C55_old_cases_go(void **state)
{
    char id[SUBJECT_ID_TEXT], hold[SUBJECT_ID_TEXT];

    (void)state;
    ask("report", id);
    approve(id, true);
    subject_agree(&rig, sara, anna, OTHER, "hold", hold);
    subject_settle(&rig);
    rig_tick(&rig, 400 * 86400000ULL - 1);
    subject_settle(&rig);
    assert_int_equal(directory_kept_count(rig.core.dir, TABLE_CASE), 2);
    rig_tick(&rig, 1);
    subject_settle(&rig);
    assert_int_equal(directory_kept_count(rig.core.dir, TABLE_CASE), 0);
    assert_int_equal(lines("\"verb\":\"subject-remove\"", NULL), 2);
    assert_int_equal(directory_kept_count(rig.core.dir, TABLE_HOLD), 1); /* it stays */
}

static const char *searched[3];

static bool has(const uint8_t *text, size_t len, const char *what)
{
    return memmem(text, len, what, strlen(what)) != NULL;
}

static int search_file(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    uint8_t *text;
    FILE *f;

    (void)ftw;
    if (kind != FTW_F || st->st_size == 0)
        return 0;
    text = malloc((size_t)st->st_size);
    f = fopen(path, "re");
    RIG_CHECK(text != NULL && f != NULL);
    RIG_CHECK(fread(text, 1, (size_t)st->st_size, f) == (size_t)st->st_size);
    for (size_t i = 0; i < 3; i++)
        if (has(text, (size_t)st->st_size, searched[i]))
            fail_msg("%s has %s", path, searched[i]);
    (void)fclose(f);
    free(text);
    return 0;
}

static void test_C55_no_reference_and_no_value_in_the_log_or_on_disk(void **state)
{
    static const char *const kinds[] = { "report",           "hold", "release", "restrict",
                                         "lift-restriction", "erase" };
    char id[SUBJECT_ID_TEXT], value[17];
    struct life_lines found;

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        subject_agree(&rig, sara, anna, REF, kinds[i], id);
        subject_settle(&rig);
        if (i == 0)
            assert_int_equal(subject_by_id(&rig, VERB_SUBJECT_REPORT, sara, id)->err, HUFU_OK);
    }
    subject_pan(1, value);
    assert_int_equal(life_find_lines(&rig, &found, 0, "harbour", NULL, NULL), 0);
    assert_int_equal(life_find_lines(&rig, &found, 0, value, NULL, NULL), 0);
    assert_true(life_find_lines(&rig, &found, 0, "subject=", NULL, NULL) >= 12);
    while (store_map_step(rig.core.store, true))
        continue;
    assert_true(rig_restart(&rig));
    searched[0] = "harbour";
    searched[1] = value;
    searched[2] = "customer-17";
    rig_crash(&rig);
    assert_int_equal(nftw(rig.dir, search_file, 8, FTW_PHYS), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, suite_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C55_erasure_deletes_every_token_once),
        TEST(test_C16_C55_erasure_from_every_state),
        TEST(test_C55_erasure_goes_on_where_it_was_killed),
        TEST(test_C55_erasure_survives_a_kill_after_every_piece),
        TEST(test_C55_a_hold_stops_what_runs),
        TEST(test_C55_a_hold_between_decision_and_commit_of_a_piece),
        TEST(test_C55_who_agreed_leaves_between_decision_and_commit_of_a_piece),
        TEST(test_C55_a_change_beside_a_piece),
        TEST(test_C55_restricting_and_lifting),
        TEST(test_C55_cases_about_one_subject_go_by_turns),
        TEST(test_C55_a_subject_of_whom_nothing_is_kept),
        TEST(test_C55_old_cases_go),
        TEST(test_C55_no_reference_and_no_value_in_the_log_or_on_disk),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
