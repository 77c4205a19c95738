/* C24, grants used: with the entries in one commit, by whom and for what they were granted, and
 * never twice; every other is refused alike, and its entry says why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/grant_suite.h"
#include "vault/alarm.h"

#define DAY_MS  86400000ULL
#define MONTH_S 2592000

static const char *const first[] = { token[0] };
static const char *const last[] = { token[2] };

static const struct rig_reply *reveal(const char *grant)
{
    return grant_use_it(
        &rig, olga, &(struct grant_reveal){ .tokens = first, .token_count = 1, .grant = grant });
}

static uint64_t remaining(const char *id)
{
    return grant_row(&rig, id).remaining;
}

static void test_C24_purposes_without_approval(void **state)
{
    struct life_lines found;
    uint64_t from = life_log_size(&rig);
    const struct rig_reply *r;

    (void)state;
    r = grant_use_it(
        &rig, olga,
        &(struct grant_reveal){ .purpose = "refund", .tokens = first, .token_count = 1 });
    assert_int_equal(r->err, HUFU_OK);
    r = reveal(NULL);
    assert_int_equal(r->err, HUFU_GRANT_REQUIRED);
    assert_int_equal(r->body_len, 0);
    assert_int_equal(life_find_lines(&rig, &found, from, "\"result\":\"grant_required\"",
                                     "\"reason\":\"grant=none\"", "\"purpose\":\"dispute\""),
                     1);
    assert_non_null(strstr(found.last, "\"token_id\":\""));
}

/* C24 "consumed in the same commit as the entries": one entry says so, right behind theirs. */
static void test_C24_used_and_used_up(void **state)
{
    struct life_lines found;
    char id[GRANT_ID_MAX], about[128];
    uint64_t from;

    (void)state;
    granted(&(struct grant_ask){ .count = 2 }, id);
    from = life_log_size(&rig);
    assert_int_equal(reveal(id)->err, HUFU_OK);
    assert_non_null(strstr(rig.reply.body, "\"value\":\"4111111111111111\""));
    assert_int_equal(remaining(id), 1);
    assert_int_equal(life_log_size(&rig), from + 2);
    snprintf(about, sizeof(about), "\"purpose\":\"grant=%s count=1\"", id);
    assert_int_equal(life_find_lines(&rig, &found, from, "\"verb\":\"grant-use\"", about, "olga"),
                     1);
    assert_int_equal(life_find_lines(&rig, &found, from, "\"verb\":\"detokenize\"",
                                     "\"purpose\":\"dispute\"", "\"result\":\"ok\""),
                     1);
    assert_int_equal(reveal(id)->err, HUFU_OK);
    assert_int_equal(grant_row(&rig, id).state, GRANT_USED_UP);
    assert_int_equal(reveal(id)->err, HUFU_GRANT_REQUIRED);
    assert_true(rig_restart(&rig));
    assert_int_equal(grant_row(&rig, id).state, GRANT_USED_UP); /* a restart gives nothing back */
    assert_int_equal(reveal(id)->err, HUFU_GRANT_REQUIRED);
}

/* A batch uses as many as it reveals; what it asks for must be there as a whole. */
static void test_C24_batches(void **state)
{
    struct rig_who acme = { .partner = "acme" };
    char gone[LIFE_TOKEN_MAX], id[GRANT_ID_MAX];
    const char *const three[] = { token[0], gone, token[1] };
    struct grant_reveal batch = { .tokens = three, .token_count = 3, .batch = true };
    struct life_lines found;

    (void)state;
    life_token(&rig, &acme, "loose", "4111111111111111", 0, 0, gone); /* of another domain */
    granted(&(struct grant_ask){ .count = 4 }, id);
    batch.grant = id;
    assert_int_equal(grant_use_it(&rig, olga, &batch)->err, HUFU_OK);
    assert_int_equal(remaining(id), 2);
    assert_int_equal(life_find_lines(&rig, &found, 0, "\"verb\":\"grant-use\"", id, " count=2"), 1);
    assert_int_equal(grant_use_it(&rig, olga, &batch)->err, HUFU_GRANT_REQUIRED); /* 3 of 2 */
    assert_int_equal(remaining(id), 2);
}

/* A token that has no value costs nothing. */
static void test_C24_nothing_revealed_nothing_used(void **state)
{
    struct rig_who acme = { .partner = "acme" };
    char gone[LIFE_TOKEN_MAX], id[GRANT_ID_MAX];
    const char *const one[] = { gone };

    (void)state;
    life_token(&rig, &acme, "loose", "5500005555555559", 0, 0, gone);
    granted(&(struct grant_ask){ .count = 1 }, id);
    assert_int_equal(
        grant_use_it(&rig, olga,
                     &(struct grant_reveal){ .tokens = one, .token_count = 1, .grant = id })
            ->err,
        HUFU_NOT_FOUND);
    assert_int_equal(remaining(id), 1);
    assert_int_equal(reveal(id)->err, HUFU_OK);
}

static void test_C24_tokens_that_are_named(void **state)
{
    struct grant_reveal other = { .tokens = last, .token_count = 1 };
    char id[GRANT_ID_MAX];

    (void)state;
    granted(&(struct grant_ask){ .tokens = some, .token_count = 2, .count = 2 }, id);
    other.grant = id;
    assert_int_equal(grant_use_it(&rig, olga, &other)->err, HUFU_GRANT_REQUIRED);
    assert_int_equal(remaining(id), 2);
    assert_int_equal(reveal(id)->err, HUFU_OK);
}

static size_t alarms(enum alarm_rule rule)
{
    struct life_lines found;

    return life_find_lines(&rig, &found, 0, "\"verb\":\"alarm\"", alarm_rule_name(rule), NULL);
}

struct bad { /* a grant that must not open anything */
    const char *why;
    char id[GRANT_ID_MAX];
    enum alarm_rule alarm; /* that it sets off; NONE: none of grants */
    const char *purpose;
};

/* Uniform towards the caller; precise in the entry. */
static void refused_alike(const struct bad *bad)
{
    size_t over = alarms(ALARM_RULE_GRANT_OVER), exceeded = alarms(ALARM_RULE_GRANT_EXCEEDED);
    struct life_lines found;
    const struct rig_reply *r;
    uint64_t from;
    char why[64];

    rig_tick(&rig, bad->alarm == ALARM_RULE_NONE ? 1100 : DAY_MS); /* else its entry is counted, */
    if (bad->alarm != ALARM_RULE_NONE)                             /* and the alarm with others */
        come_in();
    from = life_log_size(&rig);
    r = grant_use_it(
        &rig, olga,
        &(struct grant_reveal){
            .tokens = first, .token_count = 1, .grant = bad->id, .purpose = bad->purpose });
    if (r->err != HUFU_GRANT_REQUIRED || r->where.tag != MSG_GRANT || r->body_len != 0)
        fail_msg("%s: %s", bad->why, err_name(r->err));
    snprintf(why, sizeof(why), "%s\"", bad->why);
    if (life_find_lines(&rig, &found, from, "\"result\":\"grant_required\"", why, "\"token_id\"") !=
        1)
        fail_msg("%s: its entry does not say so", bad->why);
    if (alarms(ALARM_RULE_GRANT_OVER) - over != (bad->alarm == ALARM_RULE_GRANT_OVER) ||
        alarms(ALARM_RULE_GRANT_EXCEEDED) - exceeded != (bad->alarm == ALARM_RULE_GRANT_EXCEEDED))
        fail_msg("%s: not the alarm it is worth", bad->why);
    snprintf(why, sizeof(why),
             " %s suspended=", bad->why); /* it says what was wrong, and of which */
    if (bad->alarm != ALARM_RULE_NONE &&
        life_find_lines(&rig, &found, from, "\"verb\":\"alarm\"", why, bad->id) != 1)
        fail_msg("%s: its alarm does not say so", bad->why);
}

static void test_C24_bad_grants_are_alike(void **state)
{
    static struct bad rows[] = {
        { .why = "grant=malformed", .id = "x" },
        { .why = "grant=malformed", .id = "01890a5d-ac96-774b-bcce-b302099a805" },
        { .why = "grant=unknown", .id = "01890a5d-ac96-774b-bcce-b302099a8057" },
        { .why = "grant=unknown" }, /* forged: one bit of a good one */
        { .why = "why=foreign", .alarm = ALARM_RULE_GRANT_EXCEEDED },
        { .why = "why=domain", .alarm = ALARM_RULE_GRANT_EXCEEDED },
        { .why = "why=purpose", .alarm = ALARM_RULE_GRANT_EXCEEDED, .purpose = "refund" },
        { .why = "why=proposed" },
        { .why = "why=proposed" }, /* by one of two */
        { .why = "why=denied", .alarm = ALARM_RULE_GRANT_OVER },
        { .why = "why=withdrawn", .alarm = ALARM_RULE_GRANT_OVER },
        { .why = "why=used-up", .alarm = ALARM_RULE_GRANT_OVER },
        { .why = "why=token", .alarm = ALARM_RULE_GRANT_EXCEEDED },
        { .why = "why=expired", .alarm = ALARM_RULE_GRANT_OVER },
    };
    struct grant_ask of_last = { .tokens = last, .token_count = 1, .life_s = MONTH_S };

    (void)state;
    granted(&(struct grant_ask){ .count = 5, .life_s = MONTH_S }, rows[3].id);
    rows[3].id[35] = rows[3].id[35] == '0' ? '1' : '0';
    grant_asked(&rig, omar, &(struct grant_ask){ .count = 5, .life_s = MONTH_S }, rows[4].id);
    assert_int_equal(approve(anna, rows[4].id), HUFU_OK);
    granted(&(struct grant_ask){ .domain = "cards", .purpose = "dispute", .life_s = MONTH_S },
            rows[5].id);
    granted(&(struct grant_ask){ .count = 5, .life_s = MONTH_S }, rows[6].id);
    asked(&(struct grant_ask){ .count = 5, .life_s = MONTH_S }, rows[7].id);
    asked(&(struct grant_ask){ .purpose = "court", .life_s = MONTH_S }, rows[8].id);
    assert_int_equal(approve(anna, rows[8].id), HUFU_OK);
    rows[8].purpose = "court";
    granted(&(struct grant_ask){ .count = 5, .life_s = MONTH_S }, rows[9].id);
    assert_int_equal(call(anna, VERB_GRANT_DENY, rows[9].id), HUFU_OK);
    granted(&(struct grant_ask){ .count = 5, .life_s = MONTH_S }, rows[10].id);
    assert_int_equal(call(olga, VERB_GRANT_WITHDRAW, rows[10].id), HUFU_OK);
    granted(&(struct grant_ask){ .count = 1, .life_s = MONTH_S }, rows[11].id);
    assert_int_equal(reveal(rows[11].id)->err, HUFU_OK);
    granted(&of_last, rows[12].id);
    granted(&(struct grant_ask){ .life_s = 60 }, rows[13].id);
    rig_tick(&rig, 60000);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        refused_alike(&rows[i]);
}

/* An institution outside with an assessment of one hour. */
static void enrol_recipient(void)
{
    struct rig_who who = { .session = sara };
    struct buf b, paper;

    buf_init(&b, 512);
    buf_init(&paper, 64);
    buf_lv16(&paper, "A-1", 3);
    buf_u64(&paper, rig.clock.now + 3600000);
    msg_put_text(&b, MSG_KIND, view_str("outside"));
    msg_put_text(&b, MSG_NAME, view_str("police"));
    msg_put_text(&b, MSG_ASSESSMENT, buf_view(&paper));
    assert_int_equal(rig_call(&rig, VERB_RECIPIENT_ADD, &who, buf_view(&b))->err, HUFU_OK);
    buf_done(&paper);
    buf_done(&b);
}

/* C24 "outside recipients need two approvers of different groups", whatever the domain says. */
static void test_C24_outside_recipients(void **state)
{
    struct grant_ask outside = { .recipient = "police", .purpose = "refund", .life_s = 86400 };
    struct grant_reveal one = { .purpose = "refund", .tokens = first, .token_count = 1 };
    struct life_lines found;
    char id[GRANT_ID_MAX], late[GRANT_ID_MAX];

    (void)state;
    enrol_recipient();
    asked(&outside, id);
    asked(&outside, late);
    assert_int_equal(grant_row(&rig, id).needed, 2);
    assert_int_equal(approve(arno, id), HUFU_OK);
    one.grant = id;
    assert_int_equal(grant_use_it(&rig, olga, &one)->err, HUFU_GRANT_REQUIRED);
    assert_int_equal(approve(abel, id), HUFU_FORBIDDEN); /* arno's group */
    assert_int_equal(approve(anna, id), HUFU_OK);
    assert_int_equal(grant_use_it(&rig, olga, &one)->err, HUFU_OK);
    assert_int_equal(remaining(id), 2);
    rig_tick(&rig, 3600000); /* its assessment is over, the grant is not */
    come_in();
    assert_int_equal(grant_use_it(&rig, olga, &one)->err, HUFU_GRANT_REQUIRED);
    assert_int_equal(life_find_lines(&rig, &found, 0, "why=recipient\"", id, NULL), 1);
    assert_int_equal(approve(anna, late), HUFU_CONFLICT);
    assert_int_equal(remaining(id), 2);
}

#define OWN(f) cmocka_unit_test_setup_teardown(f, grant_vault, grant_vault_end)

int main(void)
{
    const struct CMUnitTest shared[] = {
        TEST(test_C24_purposes_without_approval),
        TEST(test_C24_batches),
        TEST(test_C24_nothing_revealed_nothing_used),
        TEST(test_C24_tokens_that_are_named),
    };
    const struct CMUnitTest own[] = {
        OWN(test_C24_used_and_used_up),
        OWN(test_C24_bad_grants_are_alike),
        OWN(test_C24_outside_recipients),
    };
    int failed = cmocka_run_group_tests(shared, grant_group, grant_vault_end);

    return cmocka_run_group_tests(own, NULL, NULL) + failed;
}
