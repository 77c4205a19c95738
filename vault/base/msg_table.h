/*
 * msg_table.h - the two tables of the messages between front and core: members, verbs.
 * What each verb may and must have: msg_shape.c.
 *
 * Layer:   vault/base/. Includes nothing. Included by msg.h, which says what the kinds are.
 */
#ifndef HUFU_BASE_MSG_TABLE_H
#define HUFU_BASE_MSG_TABLE_H

/* clang-format off */
#define MSG_FIELDS(X) /* tag, JSON name, kind, max bytes (U64: unused) */ \
    X(DOMAIN,           "domain",           MSG_TEXT,   32)     \
    X(VALUE,            "value",            MSG_SECRET, 255)    \
    X(VALUES,           "values",           MSG_ITEMS,  0)      \
    X(TOKEN,            "token",            MSG_SECRET, 255)    \
    X(TOKENS,           "tokens",           MSG_TEXTS,  255)    \
    X(SUBJECT,          "subject",          MSG_TEXT,   128)    \
    X(CONSENT,          "consent",          MSG_TEXT,   128)    \
    X(CHANNEL,          "channel",          MSG_TEXT,   32)     \
    X(EXPIRES_IN,       "expires_in",       MSG_U64,    0)      \
    X(USES,             "uses",             MSG_U64,    0)      \
    X(RECEIPT,          "receipt",          MSG_BOOL,   0)      \
    X(REASON,           "reason",           MSG_TEXT,   128)    \
    X(PURPOSE,          "purpose",          MSG_TEXT,   64)     \
    X(GRANT,            "grant",            MSG_TEXT,   36)     \
    X(RECIPIENT,        "recipient",        MSG_TEXT,   128)    \
    X(COUNT,            "count",            MSG_U64,    0)      \
    X(USER,             "user",             MSG_TEXT,   32)     \
    X(PASSWORD,         "password",         MSG_SECRET, 256)    \
    X(OTP,              "otp",              MSG_SECRET, 16)     \
    X(KIND,             "kind",             MSG_TEXT,   32)     \
    X(NAME,             "name",             MSG_TEXT,   32)     \
    X(ROLE,             "role",             MSG_TEXT,   16)     \
    X(FORMAT,           "format",           MSG_TEXT,   32)     \
    X(FORMATS,          "formats",          MSG_TEXTS,  32)     \
    X(MODE,             "mode",             MSG_TEXT,   16)     \
    X(PARTNERS,         "partners",         MSG_TEXTS,  32)     \
    X(DOMAINS,          "domains",          MSG_TEXTS,  32)     \
    X(KEEP,             "keep",             MSG_KIND_KEEP, 0)   \
    X(PURPOSES,         "purposes",         MSG_TEXTS,  64)     \
    X(EXPECTED,         "expected",         MSG_U64,    0)      \
    X(RETENTION_DAYS,   "retention_days",   MSG_U64,    0)      \
    X(TOKEN_CHECK,      "token_check",      MSG_TEXT,   16)     \
    X(BATCH_DETOKENIZE, "batch_detokenize", MSG_U64,    0)      \
    X(CERT_PEM,         "cert_pem",         MSG_TEXT,   16384)  \
    X(QUALIFICATION,    "qualification",    MSG_KIND_QUALIFICATION, 64) \
    X(ID,               "id",               MSG_TEXT,   36)     \
    X(LIMIT,            "limit",            MSG_U64,    0)      \
    X(AFTER,            "after",            MSG_TEXT,   64)     \
    X(FROM,             "from",             MSG_U64,    0)      \
    X(TO,               "to",               MSG_U64,    0)      \
    X(INDEX,            "index",            MSG_U64,    0)      \
    X(SIZE,             "size",             MSG_U64,    0)      \
    X(NEW_PASSWORD,     "new_password",     MSG_SECRET, 256)    \
    X(CONSENT_REQUIRED, "consent_required", MSG_BOOL,   0)      \
    X(PROVENANCE,       "provenance",       MSG_BOOL,   0)      \
    X(ENTRUSTED,        "entrusted",        MSG_BOOL,   0)      \
    X(REQUESTOR,        "requestor",        MSG_TEXT,   11)     \
    X(ASSURANCE,        "assurance",        MSG_U64,    0)      \
    X(CHANNELS,         "channels",         MSG_TEXTS,  32)     \
    X(PURPOSES_ONE,     "purposes_one_approval", MSG_TEXTS, 64) \
    X(PURPOSES_TWO,     "purposes_two_approvals", MSG_TEXTS, 64) \
    X(ESCALATION,       "escalation",       MSG_TEXT,   16)     \
    X(GROUP,            "group",            MSG_TEXT,   32)     \
    X(DIGEST,           "digest",           MSG_TEXT,   64)     \
    X(ASSESSMENT,       "assessment",       MSG_KIND_QUALIFICATION, 64) \
    X(CHANNEL_CHECK,    "channel_check",    MSG_KIND_QUALIFICATION, 64) \
    X(TOOL_CHECK,       "tool_check",       MSG_KIND_QUALIFICATION, 64) \
    X(CONTRACT,         "contract",         MSG_KIND_QUALIFICATION, 64) \
    X(LEGAL_BASIS,      "legal_basis",      MSG_TEXT,   128)    \
    X(USE,              "use",              MSG_TEXT,   128)    \
    X(SINCE,            "since",            MSG_TEXT,   24)     \
    X(UNTIL,            "until",            MSG_TEXT,   24)     \
    X(VERB,             "verb",             MSG_TEXT,   32)     \
    X(CREDENTIAL,       "credential",       MSG_TEXT,   1024)   \
    X(CLIENT_DATA,      "client_data",      MSG_TEXT,   4096)   \
    X(AUTH_DATA,        "authenticator_data", MSG_TEXT, 4096)   \
    X(ATTESTATION,      "attestation",      MSG_TEXT,   8192)   \
    X(SIGNATURE,        "signature",        MSG_TEXT,   1024)   \
    X(RECOVERY_CODE,    "recovery_code",    MSG_SECRET, 64)     \
    X(SEALED,           "sealed",           MSG_BOOL,   0)
/* clang-format on */

/* clang-format off */
#define MSG_VERBS(X) /* id, frame type, name as the log has it */  \
    X(TOKENIZE,          1, "tokenize")          \
    X(LOOKUP,            2, "lookup")            \
    X(INSPECT,           3, "inspect")           \
    X(SUSPEND,           4, "suspend")           \
    X(RESUME,            5, "resume")            \
    X(REVOKE,            6, "revoke")            \
    X(DELETE,            7, "delete")            \
    X(REPLACE,           8, "replace")           \
    X(LOGIN,             9, "login")             \
    X(LOGOUT,           10, "logout")            \
    X(STEP_UP,          11, "step-up")           \
    X(WHOAMI,           12, "whoami")            \
    X(DETOKENIZE,       13, "detokenize")        \
    X(CEREMONY_PROPOSE, 14, "ceremony-propose")  \
    X(CEREMONY_LIST,    15, "ceremony-list")     \
    X(CEREMONY_SHOW,    16, "ceremony-show")     \
    X(CEREMONY_APPROVE, 17, "ceremony-approve")  \
    X(CEREMONY_CANCEL,  18, "ceremony-cancel")   \
    X(KEY_LIST,         19, "key-list")          \
    X(DOMAIN_ADD,       20, "domain-add")        \
    X(DOMAIN_LIST,      21, "domain-list")       \
    X(PARTNER_ADD,      22, "partner-add")       \
    X(PARTNER_LIST,     23, "partner-list")      \
    X(USER_ADD,         24, "user-add")          \
    X(USER_LIST,        25, "user-list")         \
    X(DOMAIN_FREEZE,    26, "domain-freeze")     \
    X(DOMAIN_UNFREEZE,  27, "domain-unfreeze")   \
    X(PARTNER_FREEZE,   28, "partner-freeze")    \
    X(PARTNER_UNFREEZE, 29, "partner-unfreeze")  \
    X(USER_FREEZE,      30, "user-freeze")       \
    X(USER_UNFREEZE,    31, "user-unfreeze")     \
    X(CHECKPOINT,       32, "checkpoint")        \
    X(PROOF,            33, "proof")             \
    X(CONSISTENCY,      34, "consistency")       \
    X(ENTRIES,          35, "entries")           \
    X(PEER_CHECK,       36, "peer-check")        \
    X(STATUS,           37, "status")            \
    X(METRICS,          38, "metrics")           \
    X(GRANT_ASK,        39, "grant-ask")         \
    X(GRANT_LIST,       40, "grant-list")        \
    X(GRANT_SHOW,       41, "grant-show")        \
    X(GRANT_APPROVE,    42, "grant-approve")     \
    X(GRANT_DENY,       43, "grant-deny")        \
    X(GRANT_WITHDRAW,   44, "grant-withdraw")    \
    X(PARTNER_CERT_ADD, 45, "partner-cert-add")  \
    X(PASSWORD_CHANGE,  46, "password-change")   \
    X(PARTNER_QUALIFY,  47, "partner-qualify")   \
    X(DOMAIN_CAPACITY,  48, "domain-capacity")   \
    X(RECIPIENT_ADD,    49, "recipient-add")     \
    X(RECIPIENT_LIST,   50, "recipient-list")    \
    X(RECIPIENT_ASSESS, 51, "recipient-assess")  \
    X(RECIPIENT_FREEZE, 52, "recipient-freeze")  \
    X(RECIPIENT_UNFREEZE, 53, "recipient-unfreeze") \
    X(SHARE_LIST,       54, "share-list")        \
    X(ALARM_LIST,       55, "alarm-list")        \
    X(ALARM_REVIEW,     56, "alarm-review")      \
    X(ACCESS_REVIEW,    57, "access-review")     \
    X(USER_LEAVE,       58, "user-leave")        \
    X(REPORT_IMPACT,    59, "report-impact")     \
    X(REPORT_PARTNER,   60, "report-partner")    \
    X(REPORT_INDICATORS, 61, "report-indicators") \
    X(SUBJECT_REPORT,   62, "subject-report")    \
    X(EXPORT_BEGIN,     63, "export-begin")      \
    X(EXPORT_LIST,      64, "export-list")       \
    X(EXPORT_SHOW,      65, "export-show")       \
    X(EXPORT_FILE,      66, "export-file")       \
    X(CHALLENGE,        67, "challenge")         \
    X(STEP_UP_CHALLENGE, 68, "step-up-challenge") \
    X(KEY_CHALLENGE,    69, "key-challenge")     \
    X(KEY_ENROL,        70, "key-enrol")         \
    X(SUBJECT_ASK,      71, "subject-ask")       \
    X(SUBJECT_LIST,     72, "subject-list")      \
    X(SUBJECT_SHOW,     73, "subject-show")      \
    X(SUBJECT_APPROVE,  74, "subject-approve")   \
    X(SUBJECT_DENY,     75, "subject-deny")      \
    X(TOKEN_PLANT,      76, "token-plant")
/* clang-format on */

#endif
