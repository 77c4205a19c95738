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
    { "forbidden",                CLI_DENIED,     "`hufu whoami` shows what you may do; ask a security administrator" },
    { "grant_required",           CLI_DENIED,     "ask an approver for a grant, then repeat with --grant" },
    { "not_found",                CLI_NOT_FOUND,  "check the name, the id or the domain; a token may also be suspended, expired or deleted" },
    { "method_not_allowed",       CLI_INVALID,    "client and server do not fit: check their versions" },
    { "timeout",                  CLI_SERVER,     "check the network between here and the server, then repeat" },
    { "conflict",                 CLI_CONFLICT,   "look at the present state with the list, show or inspect command first" },
    { "already_approved",         CLI_CONFLICT,   "another person must approve: `hufu ceremony show` tells who did" },
    { "token_suspended",          CLI_CONFLICT,   "resume it first with `hufu token resume`, where the reason is gone" },
    { "exhausted",                CLI_CONFLICT,   "tell a security administrator: the domain is full" },
    { "legal_hold",               CLI_CONFLICT,   "ask who set the hold to lift it" },
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

/* Where the member at fault says more than the code. */
static const struct {
    const char *code;
    const char *field;
    const char *advice;
} members[] = {
    { "conflict",    "/name",          "the name is taken: take another; the list command shows what is there" },
    { "conflict",    "/cert_pem",      "a partner has this certificate's key already: let it make a new one" },
    { "conflict",    "/subject",       "a key must be deactivated to be destroyed, what is lifted must be frozen: look at the list first" },
    { "bad_request", "/expected",      "give --expected, no more than half the capacity: keep fewer characters, or expect fewer values" },
    { "bad_request", "/consent",       "this domain takes no value without a consent: give --consent" },
    { "bad_request", "/kind",          "`hufu ceremony propose --help` lists the kinds" },
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
    { "bad_request", "/qualification", "give --qualification and --valid-until, a time to come such as 2027-12-31T00:00:00Z" },
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

const char *cli_exit_advice_at(const char *code, const char *field)
{
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (strcmp(members[i].code, code) == 0 && strcmp(members[i].field, field) == 0)
            return members[i].advice;
    return NULL;
}

const char *cli_exit_advice_to(const char *code, bool with_session, bool with_cert)
{
    if (strcmp(code, "unauthenticated") == 0 && with_session)
        return "the session has ended, or the account is frozen: log in again with `hufu login`";
    if (strcmp(code, "unauthenticated") == 0 && with_cert)
        return "the server does not know the certificate, or it has ended, or the partner is "
               "frozen: "
               "check --cert, then ask a security administrator";
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
