#include "tools/cli_exit.h"

#include <string.h>

#include "vault/base/err.h"

/* clang-format off */
static const struct {
    const char *code;
    enum cli_exit exit;
    const char *advice;
} codes[] = {
    { "bad_request",              CLI_INVALID,    "check names, options and their forms with --help" },
    { "unauthenticated",          CLI_DENIED,     "log in with `hufu login`, or check the certificate" },
    { "step_up_required",         CLI_FACTOR,     "give a fresh code with `hufu step-up`, then repeat" },
    { "forbidden",                CLI_DENIED,     "--help behind the command names the roles that may, `hufu whoami` yours; else ask a security administrator" },
    { "grant_required",           CLI_DENIED,     "ask an approver for a grant, then repeat with --grant" },
    { "not_found",                CLI_NOT_FOUND,  "check the name or the id: the list command of the same noun shows them" },
    { "method_not_allowed",       CLI_INVALID,    "client and server do not fit: check their versions" },
    { "timeout",                  CLI_SERVER,     "check the network between here and the server, then repeat" },
    { "conflict",                 CLI_CONFLICT,   "look at the present state with the list, show or inspect command first" },
    { "already_approved",         CLI_CONFLICT,   "another person must approve: the show command of the same noun tells who did" },
    { "token_suspended",          CLI_CONFLICT,   "resume it first with `hufu token resume`, where the reason is gone" },
    { "exhausted",                CLI_CONFLICT,   "tell a security administrator: the domain is full" },
    { "legal_hold",               CLI_CONFLICT,   "`hufu subject list` shows the hold, `hufu subject release` asks for its end" },
    { "length_required",          CLI_INVALID,    "client and server do not fit: check their versions" },
    { "too_large",                CLI_INVALID,    "send fewer or shorter items at once" },
    { "unsupported_media_type",   CLI_INVALID,    "client and server do not fit: check their versions" },
    { "invalid_value",            CLI_INVALID,    "check the number, its separators and its check digit" },
    { "already_token",            CLI_INVALID,    "give the original, not its token" },
    { "not_token",                CLI_INVALID,    "give a token of this domain" },
    { "prohibited_data",          CLI_INVALID,    "such data must not be sent here at all: keep it out of the input" },
    { "value_in_text",            CLI_INVALID,    "take numbers out of the reason and the other texts" },
    { "invalid_purpose",          CLI_INVALID,    "ask a security administrator for the domain's purposes: `hufu domain list`" },
    { "unsupported_mode",         CLI_INVALID,    "the domain's mode does not offer this: `hufu whoami` shows modes" },
    { "idempotency_mismatch",     CLI_INVALID,    "use a new idempotency key" },
    { "rate_limited",             CLI_SERVER,     "wait, then repeat more slowly" },
    { "sealed",                   CLI_SERVER,     "it opens when its HSM token answers: `hufu status`, and tell who runs the server" },
    { "unavailable",              CLI_SERVER,     "wait, then repeat; `hufu status` names the part" },
};

#define GRANT_ADVICE "the grant named does not cover this (state, count, tokens, purpose, recipient, approvers): `hufu grant show ID`"
#define TOKEN_ADVICE "check the domain and the token; it may also be suspended, expired or deleted"
#define LIMIT_ADVICE "wait, then repeat; who reaches a limit of a day is suspended: then ask a security administrator to look at the alarm and to let you in again (`hufu user unfreeze`)"

/* Where the command says more. */
static const struct {
    const char *code;
    const char *noun, *verb; /* verb NULL: any */
    const char *field;       /* NULL: any */
    const char *advice;
} of_command[] = {
    { "bad_request",      "recipient",  "add",         "/kind", "take outside, processor or public" },
    { "bad_request",      "ceremony",   NULL,          "/kind", "`hufu ceremony propose --help` lists the kinds" },
    { "already_approved", "ceremony",   NULL,          NULL, "another person must approve: `hufu ceremony show` tells who did" },
    { "already_approved", "grant",      NULL,          NULL, "another approver must agree: `hufu grant show` tells who did" },
    { "already_approved", "subject",    NULL,          NULL, "you have agreed already: `hufu subject show` tells how far it is" },
    { "conflict",         "alarm",      "review",      NULL, "it is reviewed already: `hufu alarm list` tells by whom" },
    { "conflict",         "export",     "begin",       "/grant", "its recipient has no certificate that is good, is frozen, or its papers are over: `hufu recipient list`, then `hufu recipient assess --cert-file`" },
    { "grant_required",   "export",     "begin",       NULL, GRANT_ADVICE },
    { "conflict",         "user",       "break-glass", "/subject", "only an account that is sealed can be opened: `hufu user list` shows the states" },
    { "conflict",         "user",       NULL,          "/subject", "`hufu user list` shows the person's state and role: the account must be in use, and a role another" },
    { "conflict",         "key",        "destroy",     "/subject", "a key must be deactivated to be destroyed: `hufu key list` shows the states" },
    { "conflict",         "ceremony",   "propose",     "/subject", "the state does not fit: a key to destroy is deactivated, what is lifted is frozen, an account to open is sealed; look at the list first" },
    { "not_found",        "token",      NULL,          NULL, TOKEN_ADVICE },
    { "not_found",        "detokenize", NULL,          NULL, TOKEN_ADVICE },
    { "not_found",        "export",     "begin",       NULL, TOKEN_ADVICE },
    { "not_found",        "lookup",     NULL,          NULL, "the domain has no active token of this value" },
    { "not_found",        "grant",      "ask",         NULL, "check the domain, and the tokens: each must be one of it" },
    { "rate_limited",     "detokenize", NULL,          NULL, LIMIT_ADVICE },
    { "rate_limited",     "export",     NULL,          NULL, LIMIT_ADVICE },
};

/* Where the member at fault says more than the code. */
static const struct {
    const char *code;
    const char *field;
    const char *advice;
} members[] = {
    { "conflict",    "/recipient",     "it is not enrolled, frozen, or its papers are over: `hufu recipient list`" },
    { "conflict",    "/digest",        "the grant has changed since: look again with `hufu grant show`" },
    { "grant_required", "/grant",      GRANT_ADVICE },
    { "bad_request", "/new_password",  "it is too short, on the list of denied ones, or was used before: take another" },
    { "bad_request", "/sealed",        "only operators and security administrators can be sealed, and without --expires-in" },
    { "bad_request", "/assessment",    "give --assessment and --assessment-until, a time to come such as 2027-12-31" },
    { "bad_request", "/channel_check", "give --channel-check and --channel-until, a time to come such as 2027-12-31" },
    { "bad_request", "/tool_check",    "give --tool-check and --tool-until, a time to come such as 2027-12-31" },
    { "bad_request", "/contract",      "give --contract and --contract-until, a time to come such as 2027-12-31; a processor needs them" },
    { "bad_request", "/legal_basis",   "give --legal-basis: a public disclosure needs one, the others have none" },
    { "conflict",    "/name",          "the name is taken: take another; the list command shows what is there" },
    { "conflict",    "/cert_pem",      "a partner has this certificate's key already: let it make a new one" },
    { "bad_request", "/expected",      "give --expected, no more than half the capacity: keep fewer characters, or expect fewer values" },
    { "bad_request", "/consent",       "this domain takes no value without a consent: give --consent" },
    { "bad_request", "/domain",        "give --domain NAME, a name that `hufu domain list` shows" },
    { "bad_request", "/mode",          "take deterministic, random, one-time or ff1" },
    { "bad_request", "/format",        "take a format that the server's formats.conf describes" },
    { "bad_request", "/keep",          "keep fewer characters: enough must stay hidden" },
    { "bad_request", "/partners",      "take names that `hufu partner list` shows, of no more than 32 domains each" },
    { "bad_request", "/token_check",   "give --token-check none where `hufu format check` says marked: no, and only there" },
    { "bad_request", "/domains",       "take names that `hufu domain list` shows" },
    { "bad_request", "/cert_pem",      "give one certificate in PEM, of the CA for clients, that has not ended" },
    { "unsupported_mode", "/mode",     "tokens of this format cannot say which key made them: take another mode than ff1" },
    { "unsupported_mode", "/domain",   "an ff1 domain has no index key, and its marks tell only so many keys apart (hufu-formats(5)): make a new domain" },
    { "unsupported_mode", "/partners", "an entrusted partner cannot be in a domain in ff1 mode: leave it out or take another mode" },
    { "unsupported_mode", "/token_check", "take fail, none or bin; bin is for cards, not in ff1 mode, and needs token.bins in the server's settings" },
    { "bad_request", "/qualification", "give --qualification and --valid-until, a time to come such as 2027-12-31" },
};

static const struct {
    long status;
    enum cli_exit exit;
} by_status[] = {
    { 401, CLI_DENIED }, { 403, CLI_DENIED }, { 404, CLI_NOT_FOUND }, { 408, CLI_SERVER },
    { 409, CLI_CONFLICT }, { 429, CLI_SERVER },
};
/* clang-format on */

enum cli_exit cli_exit_of(long status, const char *code)
{
    if (status >= 200 && status < 300)
        return CLI_OK;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strcmp(codes[i].code, code) == 0)
            return codes[i].exit;
    for (size_t i = 0; i < sizeof(by_status) / sizeof(by_status[0]); i++)
        if (by_status[i].status == status)
            return by_status[i].exit;
    if (status >= 400 && status < 500)
        return CLI_INVALID;
    return CLI_SERVER;
}

const char *cli_exit_title(const char *code)
{
    for (int i = 0; i < HUFU_ERR_COUNT; i++) {
        const char *known = err_code((enum hufu_err)i);

        if (known != NULL && strcmp(known, code) == 0)
            return err_title((enum hufu_err)i);
    }
    return NULL;
}

const char *cli_exit_advice(const char *code)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strcmp(codes[i].code, code) == 0)
            return codes[i].advice;
    return "`hufu status` tells whether the server is well";
}

static bool fits(const char *wanted, const char *found)
{
    return wanted == NULL || (found != NULL && strcmp(wanted, found) == 0);
}

const char *cli_exit_advice_at(const struct cli_command *command, const char *code,
                               const char *field)
{
    for (size_t i = 0; command != NULL && i < sizeof(of_command) / sizeof(of_command[0]); i++)
        if (strcmp(of_command[i].code, code) == 0 && fits(of_command[i].noun, command->noun) &&
            fits(of_command[i].verb, command->verb) && fits(of_command[i].field, field))
            return of_command[i].advice;
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (strcmp(members[i].code, code) == 0 && strcmp(members[i].field, field) == 0)
            return members[i].advice;
    return NULL;
}

const char *cli_exit_advice_to(const char *code, bool with_session, bool with_cert)
{
    if (strcmp(code, "unauthenticated") == 0 && with_session)
        return "the session has ended, or the account is frozen, as some alarms do: log in again "
               "with "
               "`hufu login`, or ask a security administrator";
    if (strcmp(code, "unauthenticated") == 0 && with_cert)
        return "the server does not know the certificate, or it has ended, or the partner is "
               "frozen: "
               "check --cert, then ask a security administrator";
    if (strcmp(code, "rate_limited") == 0 && with_cert)
        return "wait, then repeat more slowly; a limit of a day may freeze the partner too: then "
               "ask a "
               "security administrator (`hufu partner unfreeze`)";
    return cli_exit_advice(code);
}

const char *cli_exit_meaning(enum cli_exit code)
{
#define CLI_EXIT_CASE(id, number, meaning)                                                         \
    case CLI_##id:                                                                                 \
        return meaning;
    switch (code) {
        CLI_EXITS(CLI_EXIT_CASE)
    }
#undef CLI_EXIT_CASE
    return "?";
}
