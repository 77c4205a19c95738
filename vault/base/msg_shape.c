#include "vault/base/msg.h"

/* clang-format off */
#define FIELD(tag, name, kind, max) [MSG_##tag] = { name, kind, max },
const struct msg_field msg_fields[MSG_TAG_COUNT] = { MSG_FIELDS(FIELD) };
#undef FIELD

#define MUST(tag) { MSG_##tag, true }
#define MAY(tag)  { MSG_##tag, false }

/* One list per shape, tags ascending as in MSG_FIELDS; verbs of one shape share it. */
static const struct msg_need tokenize[] = {
    MUST(DOMAIN), MAY(VALUE), MAY(VALUES), MAY(SUBJECT), MAY(CONSENT), MAY(CHANNEL),
    MAY(EXPIRES_IN), MAY(USES), MAY(RECEIPT),
};
static const struct msg_need lookup[] = { MUST(DOMAIN), MUST(VALUE) };
static const struct msg_need inspect[] = { MUST(DOMAIN), MUST(TOKEN), MAY(PROVENANCE) };
static const struct msg_need token_state[] = { MUST(DOMAIN), MUST(TOKEN), MUST(REASON) };
static const struct msg_need replace[] = {
    MUST(DOMAIN), MUST(VALUE), MUST(TOKEN), MUST(REASON),
};
static const struct msg_need login[] = { MUST(USER), MUST(PASSWORD), MUST(OTP) };
static const struct msg_need step_up[] = { MUST(OTP) };
static const struct msg_need password_change[] = { MUST(PASSWORD), MUST(NEW_PASSWORD) };
static const struct msg_need detokenize[] = {
    MUST(DOMAIN), MAY(TOKEN), MAY(TOKENS), MUST(REASON), MUST(PURPOSE), MAY(GRANT),
};
static const struct msg_need propose[] = {
    MAY(DOMAIN), MAY(SUBJECT), MUST(REASON), MUST(KIND), MAY(ROLE),
};
static const struct msg_need list[] = { MAY(LIMIT), MAY(AFTER) };
static const struct msg_need by_id[] = { MUST(ID) };
static const struct msg_need by_id_reason[] = { MAY(REASON), MUST(ID) };
static const struct msg_need domain_add[] = {
    MAY(EXPIRES_IN), MUST(NAME), MUST(FORMAT), MUST(MODE), MUST(PARTNERS), MAY(KEEP),
    MUST(PURPOSES), MAY(EXPECTED), MAY(RETENTION_DAYS), MAY(TOKEN_CHECK), MAY(BATCH_DETOKENIZE),
    MAY(CONSENT_REQUIRED), MAY(REQUESTOR), MAY(ASSURANCE), MAY(CHANNELS),
};
static const struct msg_need partner_add[] = {
    MUST(NAME), MUST(FORMATS), MUST(DOMAINS), MUST(CERT_PEM), MAY(QUALIFICATION),
    MAY(ENTRUSTED),
};
static const struct msg_need user_add[] = { MUST(NAME), MUST(ROLE) };
static const struct msg_need by_name[] = { MUST(NAME) };
static const struct msg_need freeze[] = { MUST(REASON), MUST(NAME) };
static const struct msg_need cert_add[] = { MAY(REASON), MUST(NAME), MUST(CERT_PEM) };
static const struct msg_need qualify[] = { MAY(REASON), MUST(NAME), MUST(QUALIFICATION) };
static const struct msg_need proof[] = { MUST(INDEX), MUST(SIZE) };
static const struct msg_need consistency[] = { MUST(FROM), MUST(TO) };
static const struct msg_need entries[] = { MAY(LIMIT), MAY(FROM) };
static const struct msg_need grant_ask[] = {
    MUST(DOMAIN), MAY(TOKENS), MUST(EXPIRES_IN), MUST(REASON), MUST(PURPOSE), MAY(RECIPIENT),
    MUST(COUNT),
};

#define NAME(id, type, name) static const char name_##id[] = name;
MSG_VERBS(NAME)
#undef NAME

#define OF(id, needs)  [VERB_##id] = { name_##id, needs, sizeof(needs) / sizeof((needs)[0]) }
#define NOTHING(id)    [VERB_##id] = { name_##id, NULL, 0 }
static const struct msg_shape msg_shapes[VERB_COUNT] = {
    OF(TOKENIZE, tokenize),
    OF(LOOKUP, lookup),
    OF(INSPECT, inspect),
    OF(SUSPEND, token_state),
    OF(RESUME, token_state),
    OF(REVOKE, token_state),
    OF(DELETE, token_state),
    OF(REPLACE, replace),
    OF(LOGIN, login),
    NOTHING(LOGOUT),
    OF(STEP_UP, step_up),
    NOTHING(WHOAMI),
    OF(DETOKENIZE, detokenize),
    OF(CEREMONY_PROPOSE, propose),
    OF(CEREMONY_LIST, list),
    OF(CEREMONY_SHOW, by_id),
    OF(CEREMONY_APPROVE, by_id),
    OF(CEREMONY_CANCEL, by_id_reason),
    OF(KEY_LIST, list),
    OF(DOMAIN_ADD, domain_add),
    OF(DOMAIN_LIST, list),
    OF(PARTNER_ADD, partner_add),
    OF(PARTNER_LIST, list),
    OF(USER_ADD, user_add),
    OF(USER_LIST, list),
    OF(DOMAIN_FREEZE, freeze),
    OF(DOMAIN_UNFREEZE, freeze),
    OF(PARTNER_FREEZE, freeze),
    OF(PARTNER_UNFREEZE, freeze),
    OF(USER_FREEZE, freeze),
    OF(USER_UNFREEZE, freeze),
    NOTHING(CHECKPOINT),
    OF(PROOF, proof),
    OF(CONSISTENCY, consistency),
    OF(ENTRIES, entries),
    NOTHING(PEER_CHECK),
    NOTHING(STATUS),
    NOTHING(METRICS),
    OF(GRANT_ASK, grant_ask),
    OF(GRANT_LIST, list),
    OF(GRANT_SHOW, by_id),
    OF(GRANT_APPROVE, by_id_reason),
    OF(GRANT_DENY, by_id_reason),
    OF(GRANT_WITHDRAW, by_id_reason),
    OF(PARTNER_CERT_ADD, cert_add),
    OF(PASSWORD_CHANGE, password_change),
    OF(PARTNER_QUALIFY, qualify),
    OF(DOMAIN_CAPACITY, by_name),
};
/* clang-format on */

const struct msg_shape *msg_shape(unsigned verb)
{
    if (verb >= VERB_COUNT || !msg_shapes[verb].verb_name)
        return NULL;
    return &msg_shapes[verb];
}
