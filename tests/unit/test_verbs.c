/* Verbs x roles: every cell against an expectation written from contract.md section 3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vault/access/verbs.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const unsigned columns[] = {
    ROLE_NONE,      ROLE_PARTNER,        ROLE_OPERATOR, ROLE_APPROVER,
    ROLE_CUSTODIAN, ROLE_SECURITY_ADMIN, ROLE_AUDITOR,  ROLE_SRE,
};

static const struct {
    enum msg_verb verb;
    const char *who; /* none partner operator approver custodian security_admin auditor sre */
    char factor;     /* - none, s session, f fresh */
    char log;        /* e an entry */
    char sealed;     /* S answers while sealed */
} expected[] = {
    /* clang-format off */
    { VERB_TOKENIZE,         ".p......", '-', 'e', ' ' },
    { VERB_LOOKUP,           ".p......", '-', 'e', ' ' },
    { VERB_INSPECT,          ".po...a.", 's', 'e', ' ' },
    { VERB_SUSPEND,          ".p...x..", 'f', 'e', ' ' },
    { VERB_RESUME,           ".p...x..", 'f', 'e', ' ' },
    { VERB_REVOKE,           ".p...x..", 'f', 'e', ' ' },
    { VERB_DELETE,           ".p...x..", 'f', 'e', ' ' },
    { VERB_REPLACE,          ".p......", '-', 'e', ' ' },
    { VERB_LOGIN,            "npoacxas", '-', 'e', ' ' },
    { VERB_LOGOUT,           "..oacxas", 's', 'e', ' ' },
    { VERB_STEP_UP,          "..oacxas", 's', 'e', ' ' },
    { VERB_WHOAMI,           ".poacxas", 's', ' ', ' ' },
    { VERB_DETOKENIZE,       "..o.....", 'f', 'e', ' ' },
    { VERB_CEREMONY_PROPOSE, "....cx..", 'f', 'e', ' ' },
    { VERB_CEREMONY_LIST,    "....cxa.", 's', ' ', ' ' },
    { VERB_CEREMONY_SHOW,    "....cxa.", 's', ' ', ' ' },
    { VERB_CEREMONY_APPROVE, "....cx..", 'f', 'e', ' ' },
    { VERB_CEREMONY_CANCEL,  "....cx..", 's', 'e', ' ' },
    { VERB_KEY_LIST,         "....c.a.", 's', ' ', ' ' },
    { VERB_DOMAIN_ADD,       ".....x..", 'f', 'e', ' ' },
    { VERB_DOMAIN_LIST,      ".....xa.", 's', ' ', ' ' },
    { VERB_PARTNER_ADD,      ".....x..", 'f', 'e', ' ' },
    { VERB_PARTNER_LIST,     ".....xa.", 's', ' ', ' ' },
    { VERB_USER_ADD,         ".....x..", 'f', 'e', ' ' },
    { VERB_USER_LIST,        ".....xa.", 's', ' ', ' ' },
    { VERB_DOMAIN_FREEZE,    ".....x..", 'f', 'e', ' ' },
    { VERB_DOMAIN_UNFREEZE,  ".....x..", 'f', 'e', ' ' },
    { VERB_PARTNER_FREEZE,   ".....x..", 'f', 'e', ' ' },
    { VERB_PARTNER_UNFREEZE, ".....x..", 'f', 'e', ' ' },
    { VERB_USER_FREEZE,      ".....x..", 'f', 'e', ' ' },
    { VERB_USER_UNFREEZE,    ".....x..", 'f', 'e', ' ' },
    { VERB_CHECKPOINT,       ".poacxas", 's', ' ', ' ' },
    { VERB_PROOF,            ".poacxas", 's', ' ', ' ' },
    { VERB_CONSISTENCY,      ".poacxas", 's', ' ', ' ' },
    { VERB_ENTRIES,          "......a.", 's', ' ', ' ' },
    { VERB_PEER_CHECK,       "npoacxas", '-', ' ', 'S' },
    { VERB_STATUS,           "npoacxas", '-', ' ', 'S' },
    { VERB_METRICS,          "npoacxas", '-', ' ', 'S' },
    { VERB_GRANT_ASK,        "..o.....", 's', 'e', ' ' },
    { VERB_GRANT_LIST,       "..oa....", 's', ' ', ' ' },
    { VERB_GRANT_SHOW,       "..oa....", 's', ' ', ' ' },
    { VERB_GRANT_APPROVE,    "...a....", 'f', 'e', ' ' },
    { VERB_GRANT_DENY,       "...a....", 's', 'e', ' ' },
    { VERB_GRANT_WITHDRAW,   "..o.....", 's', 'e', ' ' },
    { VERB_PARTNER_CERT_ADD, ".....x..", 'f', 'e', ' ' },
    { VERB_PASSWORD_CHANGE,  "..oacxas", 'f', 'e', ' ' },
    { VERB_PARTNER_QUALIFY,  ".....x..", 'f', 'e', ' ' },
    { VERB_DOMAIN_CAPACITY,  ".....xas", 's', ' ', ' ' },
    { VERB_RECIPIENT_ADD,    ".....x..", 'f', 'e', ' ' },
    { VERB_RECIPIENT_LIST,   "..oa.xa.", 's', ' ', ' ' },
    { VERB_RECIPIENT_ASSESS, ".....x..", 'f', 'e', ' ' },
    { VERB_RECIPIENT_FREEZE, ".....x..", 'f', 'e', ' ' },
    { VERB_RECIPIENT_UNFREEZE, ".....x..", 'f', 'e', ' ' },
    { VERB_SHARE_LIST,       ".....xa.", 's', 'e', ' ' },
    { VERB_ALARM_LIST,       ".....xas", 's', ' ', ' ' },
    { VERB_ALARM_REVIEW,     ".....xa.", 's', 'e', ' ' },
    { VERB_ACCESS_REVIEW,    ".....xa.", 's', 'e', ' ' },
    { VERB_USER_LEAVE,       ".....x..", 'f', 'e', ' ' },
    { VERB_REPORT_IMPACT,    ".....xa.", 's', 'e', ' ' },
    { VERB_REPORT_PARTNER,   ".....xa.", 's', 'e', ' ' },
    { VERB_REPORT_INDICATORS, ".....xas", 's', 'e', ' ' },
    { VERB_SUBJECT_REPORT,   ".....x..", 'f', 'e', ' ' },
    { VERB_EXPORT_BEGIN,     "..o.....", 'f', 'e', ' ' },
    { VERB_EXPORT_LIST,      "..o...a.", 's', ' ', ' ' },
    { VERB_EXPORT_SHOW,      "..o...a.", 's', ' ', ' ' },
    { VERB_EXPORT_FILE,      "..o.....", 's', 'e', ' ' },
    { VERB_CHALLENGE,        "npoacxas", '-', ' ', ' ' },
    { VERB_STEP_UP_CHALLENGE, "..oacxas", 's', ' ', ' ' },
    { VERB_KEY_CHALLENGE,    "..oacxas", 's', ' ', ' ' },
    { VERB_KEY_ENROL,        "..oacxas", 'f', 'e', ' ' },
    { VERB_SUBJECT_ASK,      ".....x..", 'f', 'e', ' ' },
    { VERB_SUBJECT_LIST,     "...a.xa.", 's', ' ', ' ' },
    { VERB_SUBJECT_SHOW,     "...a.xa.", 's', ' ', ' ' },
    { VERB_SUBJECT_APPROVE,  "...a....", 'f', 'e', ' ' },
    { VERB_SUBJECT_DENY,     "...a....", 's', 'e', ' ' },
    { VERB_TOKEN_PLANT,      ".....x..", 'f', 'e', ' ' },
    /* clang-format on */
};

static void test_every_cell(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(expected); i++) {
        for (size_t k = 0; k < COUNT(columns); k++)
            if (verbs_may(expected[i].verb, columns[k]) != (expected[i].who[k] != '.'))
                fail_msg("verb %u, column %zu", (unsigned)expected[i].verb, k);
    }
}

static void test_every_column(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(expected); i++) {
        const struct verb *row = verbs_find(expected[i].verb);
        char factor = expected[i].factor;

        assert_non_null(row);
        if (row->factor != (factor == 'f'   ? FACTOR_FRESH
                            : factor == 's' ? FACTOR_SESSION
                                            : FACTOR_NONE))
            fail_msg("factor of verb %u", (unsigned)expected[i].verb);
        assert_int_equal(row->log, expected[i].log == 'e');
        assert_int_equal(row->sealed_ok, expected[i].sealed == 'S');
    }
}

/* No verb of msg.h is forgotten, here or in the table; each expectation stands once. */
static void test_every_verb_has_a_row(void **state)
{
    (void)state;
    assert_int_equal(COUNT(expected), VERB_COUNT - 1);
    for (size_t i = 0; i < COUNT(expected); i++) {
        assert_int_equal(expected[i].verb, i == 0 ? VERB_TOKENIZE : expected[i - 1].verb + 1);
        assert_int_equal(strlen(expected[i].who), COUNT(columns));
    }
}

/* What must hold in every row, whatever the table says. */
static void test_rules_of_all_rows(void **state)
{
    (void)state;
    for (unsigned v = 1; v < VERB_COUNT; v++) {
        const struct verb *row = verbs_find(v);

        assert_non_null(row);
        /* who is known by a session must show one; who is not cannot */
        if ((row->who & ROLE_PEOPLE) != 0)
            assert_true(row->factor != FACTOR_NONE);
        else
            assert_int_equal(row->factor, FACTOR_NONE);
        /* while sealed nothing answers that needs to know the caller */
        if (row->sealed_ok)
            assert_int_equal(row->who, ROLE_ANYONE);
        /* what needs a fresh factor is recorded */
        if (row->factor == FACTOR_FRESH)
            assert_true(row->log);
        assert_true((row->who & ROLE_ANYONE) == 0 || row->who == ROLE_ANYONE);
    }
}

static void test_unknown_verbs_are_refused(void **state)
{
    static const unsigned verbs[] = { VERB_NONE, VERB_COUNT, VERB_COUNT + 1, 0x8001, UINT32_MAX };

    (void)state;
    for (size_t i = 0; i < COUNT(verbs); i++) {
        assert_null(verbs_find(verbs[i]));
        for (size_t k = 0; k < COUNT(columns); k++)
            assert_false(verbs_may(verbs[i], columns[k]));
    }
}

/* Only the eight values are callers: no two roles at once, no bit beyond. */
static void test_what_is_no_role_is_refused(void **state)
{
    (void)state;
    for (unsigned v = 1; v < VERB_COUNT; v++) {
        for (unsigned role = 0; role < 1024; role++) {
            bool known = false;

            for (size_t k = 0; k < COUNT(columns); k++)
                known = known || columns[k] == role;
            if (!known)
                assert_false(verbs_may(v, role));
        }
    }
}

static void test_role_names(void **state)
{
    static const char *const people[] = { "operator",       "approver", "custodian",
                                          "security_admin", "auditor",  "sre" };
    static const char *const wrong[] = { "",          "partner", "none",           "Operator",
                                         "operator ", "admin",   "security-admin", "sre\n" };
    enum role role = ROLE_NONE;

    (void)state;
    for (size_t i = 0; i < COUNT(people); i++) {
        assert_int_equal(role_parse(view_str(people[i]), &role), HUFU_OK);
        assert_int_equal(role, columns[i + 2]);
        assert_string_equal(role_name(role), people[i]);
    }
    role = ROLE_SRE;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_int_equal(role_parse(view_str(wrong[i]), &role), HUFU_SYNTAX);
        assert_int_equal(role, ROLE_SRE);
    }
    assert_string_equal(role_name(ROLE_PARTNER), "partner");
    assert_string_equal(role_name(ROLE_NONE), "none");
    assert_string_equal(role_name(ROLE_ANYONE), "none");
    assert_string_equal(role_name(ROLE_OPERATOR | ROLE_SRE), "none");
}

/* C42: with a password that is too old nothing is left but the way to a new one, and out. */
static void test_C42_verbs_with_an_old_password(void **state)
{
    (void)state;
    for (unsigned verb = 0; verb < VERB_COUNT + 2; verb++)
        assert_int_equal(verbs_with_old_password(verb),
                         verb == VERB_WHOAMI || verb == VERB_LOGOUT || verb == VERB_STEP_UP ||
                             verb == VERB_PASSWORD_CHANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C42_verbs_with_an_old_password),
        cmocka_unit_test(test_every_cell),
        cmocka_unit_test(test_every_column),
        cmocka_unit_test(test_every_verb_has_a_row),
        cmocka_unit_test(test_rules_of_all_rows),
        cmocka_unit_test(test_unknown_verbs_are_refused),
        cmocka_unit_test(test_what_is_no_role_is_refused),
        cmocka_unit_test(test_role_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
