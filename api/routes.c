#include "api/routes.h"

#include <string.h>

#define BATCH_BYTES 1048576
#define PLAIN_BYTES 65536

/* clang-format off */
const struct route routes[] = { /* method, path, verb, body_max_bytes, kind; the busiest first */
    { "POST",   "/v1/tokenize",                   VERB_TOKENIZE,         BATCH_BYTES, ROUTE_VERB },
    { "POST",   "/v1/detokenize",                 VERB_DETOKENIZE,       BATCH_BYTES, ROUTE_VERB },
    { "POST",   "/v1/tokens/lookup",              VERB_LOOKUP,           PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/tokens/inspect",             VERB_INSPECT,          PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/tokens/suspend",             VERB_SUSPEND,          PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/tokens/resume",              VERB_RESUME,           PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/tokens/revoke",              VERB_REVOKE,           PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/tokens/delete",              VERB_DELETE,           PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/tokens/replace",             VERB_REPLACE,          PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/tokens/plant",               VERB_TOKEN_PLANT,      PLAIN_BYTES, ROUTE_VERB },
    { "GET",    "/livez",                         VERB_NONE,             0,           ROUTE_LIVEZ },
    { "GET",    "/readyz",                        VERB_STATUS,           0,           ROUTE_READYZ },
    { "GET",    "/metrics",                       VERB_METRICS,          0,           ROUTE_METRICS },
    { "GET",    "/v1/openapi.json",               VERB_NONE,             0,           ROUTE_SPEC },
    { "POST",   "/v1/sessions",                   VERB_LOGIN,            PLAIN_BYTES, ROUTE_VERB },
    { "DELETE", "/v1/sessions/current",           VERB_LOGOUT,           0,           ROUTE_VERB },
    { "POST",   "/v1/sessions/current/step-up",   VERB_STEP_UP,          PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/sessions/current/password",  VERB_PASSWORD_CHANGE,  PLAIN_BYTES, ROUTE_VERB },
    { "GET",    "/v1/whoami",                     VERB_WHOAMI,           0,           ROUTE_VERB },
    { "POST",   "/v1/grants",                     VERB_GRANT_ASK,        PLAIN_BYTES, ROUTE_VERB },
    { "GET",    "/v1/grants",                     VERB_GRANT_LIST,       0,           ROUTE_VERB },
    { "GET",    "/v1/grants/{id}",                VERB_GRANT_SHOW,       0,           ROUTE_VERB },
    { "POST",   "/v1/grants/{id}/approve",        VERB_GRANT_APPROVE,    PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/grants/{id}/deny",           VERB_GRANT_DENY,       PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/grants/{id}/withdraw",       VERB_GRANT_WITHDRAW,   PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/ceremonies",                 VERB_CEREMONY_PROPOSE, PLAIN_BYTES, ROUTE_VERB },
    { "GET",    "/v1/ceremonies",                 VERB_CEREMONY_LIST,    0,           ROUTE_VERB },
    { "GET",    "/v1/ceremonies/{id}",            VERB_CEREMONY_SHOW,    0,           ROUTE_VERB },
    { "POST",   "/v1/ceremonies/{id}/approve",    VERB_CEREMONY_APPROVE, PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/ceremonies/{id}/cancel",     VERB_CEREMONY_CANCEL,  PLAIN_BYTES, ROUTE_VERB },
    { "GET",    "/v1/keys",                       VERB_KEY_LIST,         0,           ROUTE_VERB },
    { "POST",   "/v1/domains",                    VERB_DOMAIN_ADD,       PLAIN_BYTES, ROUTE_VERB },
    { "GET",    "/v1/domains",                    VERB_DOMAIN_LIST,      0,           ROUTE_VERB },
    { "GET",    "/v1/domains/{name}/capacity",    VERB_DOMAIN_CAPACITY,  0,           ROUTE_VERB },
    { "POST",   "/v1/domains/{name}/freeze",      VERB_DOMAIN_FREEZE,    PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/domains/{name}/unfreeze",    VERB_DOMAIN_UNFREEZE,  PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/partners",                   VERB_PARTNER_ADD,      PLAIN_BYTES, ROUTE_VERB },
    { "GET",    "/v1/partners",                   VERB_PARTNER_LIST,     0,           ROUTE_VERB },
    { "POST",   "/v1/partners/{name}/freeze",     VERB_PARTNER_FREEZE,   PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/partners/{name}/unfreeze",   VERB_PARTNER_UNFREEZE, PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/partners/{name}/certs",      VERB_PARTNER_CERT_ADD, PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/partners/{name}/qualification", VERB_PARTNER_QUALIFY, PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/users",                      VERB_USER_ADD,         PLAIN_BYTES, ROUTE_VERB },
    { "GET",    "/v1/users",                      VERB_USER_LIST,        0,           ROUTE_VERB },
    { "POST",   "/v1/users/{name}/freeze",        VERB_USER_FREEZE,      PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/users/{name}/unfreeze",      VERB_USER_UNFREEZE,    PLAIN_BYTES, ROUTE_VERB },
    { "GET",    "/v1/audit/checkpoint",           VERB_CHECKPOINT,       0,           ROUTE_VERB },
    { "GET",    "/v1/audit/proof",                VERB_PROOF,            0,           ROUTE_VERB },
    { "GET",    "/v1/audit/consistency",          VERB_CONSISTENCY,      0,           ROUTE_VERB },
    { "GET",    "/v1/audit/entries",              VERB_ENTRIES,          0,           ROUTE_VERB },
    { "POST",   "/v1/recipients",                 VERB_RECIPIENT_ADD,    PLAIN_BYTES, ROUTE_VERB },
    { "GET",    "/v1/recipients",                 VERB_RECIPIENT_LIST,   0,           ROUTE_VERB },
    { "POST",   "/v1/recipients/{name}/assessment", VERB_RECIPIENT_ASSESS, PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/recipients/{name}/freeze",   VERB_RECIPIENT_FREEZE, PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/recipients/{name}/unfreeze", VERB_RECIPIENT_UNFREEZE, PLAIN_BYTES, ROUTE_VERB },
    { "GET",    "/v1/shares",                     VERB_SHARE_LIST,       0,           ROUTE_VERB },
    { "GET",    "/v1/alarms",                     VERB_ALARM_LIST,       0,           ROUTE_VERB },
    { "POST",   "/v1/alarms/{id}/review",         VERB_ALARM_REVIEW,     PLAIN_BYTES, ROUTE_VERB },
    { "GET",    "/v1/access-review",              VERB_ACCESS_REVIEW,    0,           ROUTE_VERB },
    { "POST",   "/v1/users/{name}/leave",         VERB_USER_LEAVE,       PLAIN_BYTES, ROUTE_VERB },
    { "GET",    "/v1/reports/impact",             VERB_REPORT_IMPACT,    0,           ROUTE_VERB },
    { "GET",    "/v1/reports/partners/{name}",    VERB_REPORT_PARTNER,   0,           ROUTE_VERB },
    { "GET",    "/v1/reports/indicators",         VERB_REPORT_INDICATORS, 0,          ROUTE_VERB },
    { "POST",   "/v1/subjects",                   VERB_SUBJECT_ASK,      PLAIN_BYTES, ROUTE_VERB },
    { "GET",    "/v1/subjects",                   VERB_SUBJECT_LIST,     0,           ROUTE_VERB },
    { "GET",    "/v1/subjects/{id}",              VERB_SUBJECT_SHOW,     0,           ROUTE_VERB },
    { "POST",   "/v1/subjects/{id}/approve",      VERB_SUBJECT_APPROVE,  PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/subjects/{id}/deny",         VERB_SUBJECT_DENY,     PLAIN_BYTES, ROUTE_VERB },
    { "GET",    "/v1/subjects/{id}/report",       VERB_SUBJECT_REPORT,   0,           ROUTE_VERB },
    { "POST",   "/v1/exports",                    VERB_EXPORT_BEGIN,     PLAIN_BYTES, ROUTE_VERB },
    { "GET",    "/v1/exports",                    VERB_EXPORT_LIST,      0,           ROUTE_VERB },
    { "GET",    "/v1/exports/{id}",               VERB_EXPORT_SHOW,      0,           ROUTE_VERB },
    { "GET",    "/v1/exports/{id}/file",          VERB_EXPORT_FILE,      0,           ROUTE_VERB },
    { "POST",   "/v1/sessions/challenge",         VERB_CHALLENGE,        PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/sessions/current/challenge", VERB_STEP_UP_CHALLENGE, PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/ceremonies/{id}/key-challenge", VERB_KEY_CHALLENGE, PLAIN_BYTES, ROUTE_VERB },
    { "POST",   "/v1/ceremonies/{id}/key",        VERB_KEY_ENROL,        PLAIN_BYTES, ROUTE_VERB },
};
/* clang-format on */
const size_t routes_count = sizeof(routes) / sizeof(routes[0]);

/* Matches the part of path behind a pattern's "{": one segment, then the pattern's rest. */
static bool segment_matches(const char *hole, struct view path, struct route_match *out)
{
    const char *rest = strchr(hole, '}') + 1;
    size_t len = 0;

    while (len < path.len && path.p[len] != '/')
        len++;
    if (len == 0 || !view_is(view_of(path.p + len, path.len - len), rest))
        return false;
    out->tag = hole[1] == 'i' ? MSG_ID : MSG_NAME;
    out->param = view_of(path.p, len);
    return true;
}

static bool path_matches(const char *pattern, struct view path, struct route_match *out)
{
    size_t i = 0;

    for (; pattern[i] != '\0' && pattern[i] != '{'; i++)
        if (i == path.len || path.p[i] != (uint8_t)pattern[i])
            return false;
    if (pattern[i] == '{')
        return segment_matches(pattern + i, view_of(path.p + i, path.len - i), out);
    out->tag = MSG_NONE;
    out->param = view_of(NULL, 0);
    return i == path.len;
}

static void allow_add(char allow[static ROUTES_ALLOW_MAX], const char *method)
{
    struct buf b;
    size_t len = strlen(allow);

    buf_fixed(&b, (uint8_t *)allow + len, ROUTES_ALLOW_MAX - 1 - len);
    if (len != 0)
        buf_str(&b, ", ");
    buf_str(&b, method);
    if (strcmp(method, "GET") == 0)
        buf_str(&b, ", HEAD");
    allow[len + b.len] = '\0';
}

enum hufu_err routes_find(struct view method, struct view path, struct route_match *out,
                          char allow_out[static ROUTES_ALLOW_MAX])
{
    char allow[ROUTES_ALLOW_MAX] = "";
    struct route_match match = { 0 };

    if (view_is(method, "HEAD"))
        method = view_str("GET");
    for (size_t i = 0; i < routes_count; i++) {
        if (!path_matches(routes[i].path, path, &match))
            continue;
        if (view_is(method, routes[i].method)) {
            match.route = &routes[i];
            *out = match;
            return HUFU_OK;
        }
        allow_add(allow, routes[i].method);
    }
    if (allow[0] == '\0')
        return HUFU_NOT_FOUND;
    memcpy(allow_out, allow, sizeof(allow));
    return HUFU_METHOD;
}
