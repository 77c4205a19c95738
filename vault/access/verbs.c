#include "vault/access/verbs.h"

#include <stddef.h>

static const struct {
    unsigned role;
    const char *name;
} roles[] = {
    { ROLE_PARTNER, "partner" },
    { ROLE_OPERATOR, "operator" },
    { ROLE_APPROVER, "approver" },
    { ROLE_CUSTODIAN, "custodian" },
    { ROLE_SECURITY_ADMIN, "security_admin" },
    { ROLE_AUDITOR, "auditor" },
    { ROLE_SRE, "sre" },
};

/* clang-format off */
#define PART ROLE_PARTNER
#define OPER ROLE_OPERATOR
#define APPR ROLE_APPROVER
#define CUST ROLE_CUSTODIAN
#define SADM ROLE_SECURITY_ADMIN
#define AUDI ROLE_AUDITOR
#define SRE  ROLE_SRE
#define KNOWN (ROLE_PARTNER | ROLE_PEOPLE)

/* A verb without a row has who == 0: nobody. */
static const struct verb verbs[VERB_COUNT] = { /* who, factor, log, sealed_ok */
    [VERB_TOKENIZE]         = { PART,               FACTOR_NONE,    true,  false },
    [VERB_LOOKUP]           = { PART,               FACTOR_NONE,    true,  false },
    [VERB_INSPECT]          = { PART | OPER | AUDI, FACTOR_SESSION, true,  false },
    [VERB_SUSPEND]          = { PART | SADM,        FACTOR_FRESH,   true,  false },
    [VERB_RESUME]           = { PART | SADM,        FACTOR_FRESH,   true,  false },
    [VERB_REVOKE]           = { PART | SADM,        FACTOR_FRESH,   true,  false },
    [VERB_DELETE]           = { PART | SADM,        FACTOR_FRESH,   true,  false },
    [VERB_REPLACE]          = { PART,               FACTOR_NONE,    true,  false },
    [VERB_LOGIN]            = { ROLE_ANYONE,        FACTOR_NONE,    true,  false },
    [VERB_LOGOUT]           = { ROLE_PEOPLE,        FACTOR_SESSION, true,  false },
    [VERB_STEP_UP]          = { ROLE_PEOPLE,        FACTOR_SESSION, true,  false },
    [VERB_WHOAMI]           = { KNOWN,              FACTOR_SESSION, false, false },
    [VERB_DETOKENIZE]       = { OPER,               FACTOR_FRESH,   true,  false },
    [VERB_CEREMONY_PROPOSE] = { CUST | SADM,        FACTOR_FRESH,   true,  false },
    [VERB_CEREMONY_LIST]    = { CUST | SADM | AUDI, FACTOR_SESSION, false, false },
    [VERB_CEREMONY_SHOW]    = { CUST | SADM | AUDI, FACTOR_SESSION, false, false },
    [VERB_CEREMONY_APPROVE] = { CUST | SADM,        FACTOR_FRESH,   true,  false },
    [VERB_CEREMONY_CANCEL]  = { CUST | SADM,        FACTOR_SESSION, true,  false },
    [VERB_KEY_LIST]         = { CUST | AUDI,        FACTOR_SESSION, false, false },
    [VERB_DOMAIN_ADD]       = { SADM,               FACTOR_FRESH,   true,  false },
    [VERB_DOMAIN_LIST]      = { SADM | AUDI,        FACTOR_SESSION, false, false },
    [VERB_PARTNER_ADD]      = { SADM,               FACTOR_FRESH,   true,  false },
    [VERB_PARTNER_LIST]     = { SADM | AUDI,        FACTOR_SESSION, false, false },
    [VERB_USER_ADD]         = { SADM,               FACTOR_FRESH,   true,  false },
    [VERB_USER_LIST]        = { SADM | AUDI,        FACTOR_SESSION, false, false },
    [VERB_DOMAIN_FREEZE]    = { SADM,               FACTOR_FRESH,   true,  false },
    [VERB_DOMAIN_UNFREEZE]  = { SADM,               FACTOR_FRESH,   true,  false },
    [VERB_PARTNER_FREEZE]   = { SADM,               FACTOR_FRESH,   true,  false },
    [VERB_PARTNER_UNFREEZE] = { SADM,               FACTOR_FRESH,   true,  false },
    [VERB_USER_FREEZE]      = { SADM,               FACTOR_FRESH,   true,  false },
    [VERB_USER_UNFREEZE]    = { SADM,               FACTOR_FRESH,   true,  false },
    [VERB_CHECKPOINT]       = { KNOWN,              FACTOR_SESSION, false, false },
    [VERB_PROOF]            = { KNOWN,              FACTOR_SESSION, false, false },
    [VERB_CONSISTENCY]      = { KNOWN,              FACTOR_SESSION, false, false },
    [VERB_ENTRIES]          = { AUDI,               FACTOR_SESSION, false, false },
    [VERB_PEER_CHECK]       = { ROLE_ANYONE,        FACTOR_NONE,    false, true  },
    [VERB_STATUS]           = { ROLE_ANYONE,        FACTOR_NONE,    false, true  },
    [VERB_METRICS]          = { ROLE_ANYONE,        FACTOR_NONE,    false, true  },
    [VERB_GRANT_ASK]        = { OPER,               FACTOR_SESSION, true,  false },
    [VERB_GRANT_LIST]       = { OPER | APPR,        FACTOR_SESSION, false, false },
    [VERB_GRANT_SHOW]       = { OPER | APPR,        FACTOR_SESSION, false, false },
    [VERB_GRANT_APPROVE]    = { APPR,               FACTOR_FRESH,   true,  false },
    [VERB_GRANT_DENY]       = { APPR,               FACTOR_SESSION, true,  false },
    [VERB_GRANT_WITHDRAW]   = { OPER,               FACTOR_SESSION, true,  false },
    [VERB_PARTNER_CERT_ADD] = { SADM,               FACTOR_FRESH,   true,  false },
    [VERB_PARTNER_QUALIFY]  = { SADM,               FACTOR_FRESH,   true,  false },
    [VERB_PASSWORD_CHANGE]  = { ROLE_PEOPLE,        FACTOR_FRESH,   true,  false },
    [VERB_DOMAIN_CAPACITY]  = { SADM | AUDI | SRE,  FACTOR_SESSION, false, false },
    [VERB_RECIPIENT_ADD]    = { SADM,               FACTOR_FRESH,   true,  false },
    [VERB_RECIPIENT_LIST]   = { OPER | APPR | SADM | AUDI, FACTOR_SESSION, false, false },
    [VERB_RECIPIENT_ASSESS] = { SADM,               FACTOR_FRESH,   true,  false },
    [VERB_RECIPIENT_FREEZE] = { SADM,               FACTOR_FRESH,   true,  false },
    [VERB_RECIPIENT_UNFREEZE] = { SADM,             FACTOR_FRESH,   true,  false },
    [VERB_SHARE_LIST]       = { SADM | AUDI,        FACTOR_SESSION, true,  false },
    [VERB_ALARM_LIST]       = { SADM | AUDI | SRE,  FACTOR_SESSION, false, false },
    [VERB_ALARM_REVIEW]     = { SADM | AUDI,        FACTOR_SESSION, true,  false },
    [VERB_ACCESS_REVIEW]    = { SADM | AUDI,        FACTOR_SESSION, true,  false },
    [VERB_USER_LEAVE]       = { SADM,               FACTOR_FRESH,   true,  false },
    [VERB_REPORT_IMPACT]    = { SADM | AUDI,        FACTOR_SESSION, true,  false },
    [VERB_REPORT_PARTNER]   = { SADM | AUDI,        FACTOR_SESSION, true,  false },
    [VERB_REPORT_INDICATORS] = { SADM | AUDI | SRE, FACTOR_SESSION, true,  false },
    [VERB_SUBJECT_ASK]      = { SADM,               FACTOR_FRESH,   true,  false },
    [VERB_SUBJECT_LIST]     = { SADM | APPR | AUDI, FACTOR_SESSION, false, false },
    [VERB_SUBJECT_SHOW]     = { SADM | APPR | AUDI, FACTOR_SESSION, false, false },
    [VERB_SUBJECT_APPROVE]  = { APPR,               FACTOR_FRESH,   true,  false },
    [VERB_SUBJECT_DENY]     = { APPR,               FACTOR_SESSION, true,  false },
    [VERB_TOKEN_PLANT]      = { SADM,               FACTOR_FRESH,   true,  false },
    [VERB_SUBJECT_REPORT]   = { SADM,               FACTOR_FRESH,   true,  false },
    [VERB_EXPORT_BEGIN]     = { OPER,               FACTOR_FRESH,   true,  false },
    [VERB_EXPORT_LIST]      = { OPER | AUDI,        FACTOR_SESSION, false, false },
    [VERB_EXPORT_SHOW]      = { OPER | AUDI,        FACTOR_SESSION, false, false },
    [VERB_EXPORT_FILE]      = { OPER,               FACTOR_SESSION, true,  false },
    [VERB_CHALLENGE]        = { ROLE_ANYONE,        FACTOR_NONE,    false, false },
    [VERB_STEP_UP_CHALLENGE] = { ROLE_PEOPLE,       FACTOR_SESSION, false, false },
    [VERB_KEY_CHALLENGE]    = { ROLE_PEOPLE,        FACTOR_SESSION, false, false },
    [VERB_KEY_ENROL]        = { ROLE_PEOPLE,        FACTOR_FRESH,   true,  false },
};
/* clang-format on */

const char *role_name(unsigned role)
{
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (roles[i].role == role)
            return roles[i].name;
    return "none";
}

enum hufu_err role_parse(struct view text, enum role *out)
{
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if ((roles[i].role & ROLE_PEOPLE) != 0 && view_is(text, roles[i].name)) {
            *out = (enum role)roles[i].role;
            return HUFU_OK;
        }
    }
    return HUFU_SYNTAX;
}

const struct verb *verbs_find(unsigned verb)
{
    if (verb >= VERB_COUNT || verbs[verb].who == 0)
        return NULL;
    return &verbs[verb];
}

/* True for exactly one of the roles that a caller can have. */
static bool is_role(unsigned role)
{
    return (role & ~(unsigned)KNOWN) == 0 && (role & (role - 1)) == 0 && role != ROLE_NONE;
}

bool verbs_may(unsigned verb, unsigned role)
{
    const struct verb *row = verbs_find(verb);

    if (row == NULL)
        return false;
    if ((row->who & ROLE_ANYONE) != 0)
        return role == ROLE_NONE || is_role(role);
    return is_role(role) && (row->who & role) != 0;
}

bool verbs_with_old_password(unsigned verb)
{
    return verb == VERB_WHOAMI || verb == VERB_LOGOUT || verb == VERB_STEP_UP ||
           verb == VERB_PASSWORD_CHANGE;
}
