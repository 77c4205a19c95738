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
static const struct msg_need login[] = {
    MUST(USER), MUST(PASSWORD), MAY(OTP), MAY(CREDENTIAL), MAY(CLIENT_DATA), MAY(AUTH_DATA),
    MAY(SIGNATURE), MAY(RECOVERY_CODE),
};
static const struct msg_need step_up[] = {
    MAY(OTP), MAY(CREDENTIAL), MAY(CLIENT_DATA), MAY(AUTH_DATA), MAY(SIGNATURE),
};
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
    MAY(CONSENT_REQUIRED), MAY(REQUESTOR), MAY(ASSURANCE), MAY(CHANNELS), MAY(PURPOSES_ONE),
    MAY(PURPOSES_TWO), MAY(ESCALATION),
};
static const struct msg_need partner_add[] = {
    MUST(NAME), MUST(FORMATS), MUST(DOMAINS), MUST(CERT_PEM), MAY(QUALIFICATION),
    MAY(ENTRUSTED),
};
static const struct msg_need user_add[] = {
    MAY(EXPIRES_IN), MUST(NAME), MUST(ROLE), MAY(GROUP), MAY(SEALED),
};
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
static const struct msg_need grant_approve[] = {
    MAY(TOKENS), MAY(EXPIRES_IN), MAY(REASON), MAY(COUNT), MUST(ID), MAY(DIGEST),
};
static const struct msg_need recipient_add[] = {
    MUST(KIND), MUST(NAME), MAY(CERT_PEM), MUST(ASSESSMENT), MAY(CHANNEL_CHECK), MAY(TOOL_CHECK),
    MAY(CONTRACT), MAY(LEGAL_BASIS), MAY(USE),
};
static const struct msg_need recipient_assess[] = {
    MAY(REASON), MUST(NAME), MAY(CERT_PEM), MAY(ASSESSMENT), MAY(CHANNEL_CHECK), MAY(TOOL_CHECK),
    MAY(CONTRACT),
};
static const struct msg_need between[] = { MAY(LIMIT), MAY(AFTER), MAY(SINCE), MAY(UNTIL) };
static const struct msg_need of_user[] = {
    MUST(USER), MAY(LIMIT), MAY(AFTER), MAY(SINCE), MAY(UNTIL),
};
static const struct msg_need of_partner[] = {
    MUST(NAME), MAY(LIMIT), MAY(AFTER), MAY(SINCE), MAY(UNTIL),
};
static const struct msg_need id_reason[] = { MUST(REASON), MUST(ID) };
static const struct msg_need by_id_list[] = { MUST(ID), MAY(LIMIT), MAY(AFTER) };
static const struct msg_need export_begin[] = {
    MUST(DOMAIN), MAY(TOKENS), MUST(REASON), MUST(PURPOSE), MUST(GRANT),
};
static const struct msg_need by_id_part[] = { MUST(ID), MAY(LIMIT), MAY(FROM) };
static const struct msg_need challenge[] = { MUST(USER) };
static const struct msg_need step_up_challenge[] = { /* the request that is meant, by its members */
    MAY(DOMAIN), MAY(TOKEN), MAY(TOKENS), MAY(SUBJECT), MAY(EXPIRES_IN), MAY(REASON),
    MAY(PURPOSE), MAY(GRANT), MAY(COUNT), MAY(KIND), MAY(NAME), MAY(ROLE), MAY(ID), MAY(DIGEST),
    MAY(VERB),
};
static const struct msg_need subject_ask[] = { MUST(SUBJECT), MUST(REASON), MUST(KIND) };
static const struct msg_need key_enrol[] = { MUST(ID), MUST(CLIENT_DATA), MUST(ATTESTATION) };

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
    OF(GRANT_APPROVE, grant_approve),
    OF(GRANT_DENY, by_id_reason),
    OF(GRANT_WITHDRAW, by_id_reason),
    OF(PARTNER_CERT_ADD, cert_add),
    OF(PASSWORD_CHANGE, password_change),
    OF(PARTNER_QUALIFY, qualify),
    OF(DOMAIN_CAPACITY, by_name),
    OF(RECIPIENT_ADD, recipient_add),
    OF(RECIPIENT_LIST, list),
    OF(RECIPIENT_ASSESS, recipient_assess),
    OF(RECIPIENT_FREEZE, freeze),
    OF(RECIPIENT_UNFREEZE, freeze),
    OF(SHARE_LIST, between),
    OF(ALARM_LIST, between),
    OF(ALARM_REVIEW, id_reason),
    OF(ACCESS_REVIEW, list),
    OF(USER_LEAVE, freeze),
    OF(REPORT_IMPACT, of_user),
    OF(REPORT_PARTNER, of_partner),
    OF(REPORT_INDICATORS, between),
    OF(SUBJECT_REPORT, by_id_list),
    OF(EXPORT_BEGIN, export_begin),
    OF(EXPORT_LIST, list),
    OF(EXPORT_SHOW, by_id),
    OF(EXPORT_FILE, by_id_part),
    OF(CHALLENGE, challenge),
    OF(STEP_UP_CHALLENGE, step_up_challenge),
    OF(KEY_CHALLENGE, by_id),
    OF(KEY_ENROL, key_enrol),
    OF(SUBJECT_ASK, subject_ask),
    OF(SUBJECT_LIST, list),
    OF(SUBJECT_SHOW, by_id),
    OF(SUBJECT_APPROVE, by_id_reason),
    OF(SUBJECT_DENY, by_id_reason),
    OF(TOKEN_PLANT, token_state),
};
/* clang-format on */

const struct msg_shape *msg_shape(unsigned verb)
{
    if (verb >= VERB_COUNT || !msg_shapes[verb].verb_name)
        return NULL;
    return &msg_shapes[verb];
}
