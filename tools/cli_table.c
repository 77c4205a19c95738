#include "tools/cli.h"

#include "tools/cmd.h"

/* clang-format off */
#define END { NULL, NULL, CLI_SWITCH, false, NULL, NULL }

static const struct cli_field tokenize_fields[] = {
    { "subject",    "subject",    CLI_TEXT,   false, "REF", "reference of the person the values belong to" },
    { "consent",    "consent",    CLI_TEXT,   false, "REF", "reference of the consent or legal basis" },
    { "channel",    "channel",    CLI_TEXT,   false, "NAME", "where the values came in" },
    { "expires-in", "expires_in", CLI_NUMBER, false, "SECONDS", "life of the token" },
    { "uses",       "uses",       CLI_NUMBER, false, "N", "how often the token may be opened" },
    { "receipt",    "receipt",    CLI_FLAG,   false, NULL, "ask for a receipt" },
    END
};
static const struct cli_field detokenize_fields[] = {
    { "purpose", "purpose", CLI_TEXT,   true,  "NAME", "one of the domain's purposes" },
    { "reason",  "reason",  CLI_TEXT,   true,  "TEXT", "why; recorded, at most 128 bytes, no numbers of accounts or IDs" },
    { "grant",   "grant",   CLI_TEXT,   false, "ID", "an approved grant, where the domain wants one" },
    { "batch",   NULL,      CLI_SWITCH, false, NULL, "all lines in one request, where the domain allows it" },
    { "save",    NULL,      CLI_LOCAL,  false, "FILE", "append each reply, value and receipt, to FILE (mode 0600)" },
    END
};
static const struct cli_field reason_fields[] = {
    { "reason", "reason", CLI_TEXT, true, "TEXT", "why; recorded" },
    END
};
static const struct cli_field propose_fields[] = {
    { "domain",  "domain",  CLI_TEXT, false, "NAME", "domain whose key it is" },
    { "subject", "subject", CLI_TEXT, false, "NAME", "what or whom it is about" },
    { "reason",  "reason",  CLI_TEXT, true,  "TEXT", "why; recorded" },
    END
};
static const struct cli_field list_fields[] = {
    { "limit", NULL, CLI_LOCAL, false, "N", "how many at most" },
    { "after", NULL, CLI_LOCAL, false, "ID", "go on behind this one" },
    END
};
static const struct cli_field domain_fields[] = {
    { "format",           "format",           CLI_TEXT,   true,  "NAME", "format of its values" },
    { "mode",             "mode",             CLI_TEXT,   true,  "MODE", "deterministic, random, one-time or ff1" },
    { "partners",         "partners",         CLI_LIST,   true,  "A,B", "partners it belongs to" },
    { "purposes",         "purposes",         CLI_LIST,   true,  "A,B", "purposes a value may be given back for" },
    { "keep",             NULL,               CLI_LOCAL,  false, "P,S", "characters kept in clear: prefix,suffix" },
    { "expected",         "expected",         CLI_NUMBER, false, "N", "how many values are expected" },
    { "retention-days",   "retention_days",   CLI_NUMBER, false, "DAYS", "how long mappings are kept" },
    { "expires-in",       "expires_in",       CLI_NUMBER, false, "SECONDS", "life of its tokens" },
    { "token-check",      "token_check",      CLI_TEXT,   false, "RULE", "how tokens are told from originals" },
    { "batch-detokenize", "batch_detokenize", CLI_NUMBER, false, "N", "tokens per detokenize request" },
    END
};
static const struct cli_field partner_fields[] = {
    { "cert-file",   "cert_pem", CLI_FILE,  true,  "FILE", "its client certificate, PEM" },
    { "formats",     "formats",  CLI_LIST,  true,  "A,B", "formats it may send" },
    { "domains",     "domains",  CLI_LIST,  true,  "A,B", "domains it may use" },
    { "qualification", NULL,     CLI_LOCAL, false, "REF", "reference of its qualification" },
    { "valid-until", NULL,       CLI_LOCAL, false, "TIME", "when the qualification expires" },
    END
};
static const struct cli_field user_fields[] = {
    { "role", "role", CLI_TEXT, true, "ROLE", "operator, approver, custodian, security_admin, auditor or sre" },
    END
};
static const struct cli_field entries_fields[] = {
    { "from",  NULL, CLI_LOCAL, false, "INDEX", "first entry; 0 where not given" },
    { "limit", NULL, CLI_LOCAL, false, "N", "how many at most; 100 where not given" },
    END
};
static const struct cli_field proof_fields[] = {
    { "size", NULL, CLI_LOCAL, false, "N", "size of the tree; the newest checkpoint's where not given" },
    END
};
static const struct cli_field verify_fields[] = {
    { "log-key", NULL, CLI_LOCAL, false, "FILE", "the log's public key, PEM; with --dev: dev.json's" },
    { "origin",  NULL, CLI_LOCAL, false, "NAME", "the log's expected name; with --dev: dev.json's" },
    { "receipt", NULL, CLI_LOCAL, false, "FILE", "replies of detokenize, as received; each must be in the log" },
    { "since",   NULL, CLI_LOCAL, false, "FILE", "an older checkpoint that the log must begin with" },
    { "dir",     NULL, CLI_LOCAL, false, "DIR", "read checkpoint and entries.jsonl there; no server is asked" },
    { "save",    NULL, CLI_LOCAL, false, "DIR", "store checkpoint and entries.jsonl for a later --dir" },
    END
};

static const char ceremony_columns[] = "id,kind,state,approvals,needed,done,total";
static const char values_detail[] =
    "Values are read from the terminal (not shown) or, line by line, from standard input; never from\n"
    "the command line. Standard output has one token for each line, in order; `-` where one was refused.";
static const char tokens_detail[] =
    "Tokens are read from the terminal (not shown) or, line by line, from standard input; never from\n"
    "the command line. Standard output has one value for each line, in order; `-` where one was refused.\n"
    "Every value counts against your factor's budget, and is recorded with your name, purpose and reason.";
static const char secret_detail[] =
    "It is read from the terminal (not shown) or from the first line of standard input.";
static const char login_detail[] =
    "The password and the code are read from the terminal (not shown) or from the first two lines of\n"
    "standard input. The session is kept in a file of mode 0600.";
static const char verify_detail[] =
    "Rebuilds the log's tree from all its entries and compares it with the signed checkpoint; no part\n"
    "of it trusts the server. Exit code 8 where anything does not hold. Keep the checkpoint that --save\n"
    "stores: --since proves later that the log only grew.";

const struct cli_command cli_commands[] = {
/*    noun          verb          arg        opt.   who          run                   method    path                                 member    secret   columns, fields, summary, detail */
    { "login",      NULL,         "USER",    false, CLI_NOBODY,  cmd_login,            NULL,     NULL,                                NULL,     NULL,    NULL, NULL, "open a session with password and code", login_detail },
    { "logout",     NULL,         NULL,      false, CLI_PERSON,  cmd_logout,           NULL,     NULL,                                NULL,     NULL,    NULL, NULL, "end the session", NULL },
    { "step-up",    NULL,         NULL,      false, CLI_PERSON,  cmd_call,             "POST",   "/v1/sessions/current/step-up",      NULL,     "otp",   NULL, NULL, "give a fresh code to the session", secret_detail },
    { "whoami",     NULL,         NULL,      false, CLI_EITHER,  cmd_call,             "GET",    "/v1/whoami",                        NULL,     NULL,    NULL, NULL, "who the server takes you for, and what you may do", NULL },
    { "status",     NULL,         NULL,      false, CLI_NOBODY,  cmd_status,           NULL,     NULL,                                NULL,     NULL,    NULL, NULL, "whether the server lives and is ready", NULL },
    { "tokenize",   NULL,         "DOMAIN",  false, CLI_PARTNER, cmd_tokenize,         "POST",   "/v1/tokenize",                      "domain", NULL,    NULL, tokenize_fields, "swap values for tokens", values_detail },
    { "lookup",     NULL,         "DOMAIN",  false, CLI_PARTNER, cmd_call,             "POST",   "/v1/tokens/lookup",                 "domain", "value", NULL, NULL, "find the active token of a value", secret_detail },
    { "detokenize", NULL,         "DOMAIN",  false, CLI_PERSON,  cmd_detokenize,       "POST",   "/v1/detokenize",                    "domain", NULL,    NULL, detokenize_fields, "get values back", tokens_detail },
    { "token",      "inspect",    "DOMAIN",  false, CLI_EITHER,  cmd_call,             "POST",   "/v1/tokens/inspect",                "domain", "token", NULL, NULL, "show a token's state, and its masked value to operators", secret_detail },
    { "token",      "suspend",    "DOMAIN",  false, CLI_EITHER,  cmd_call,             "POST",   "/v1/tokens/suspend",                "domain", "token", NULL, reason_fields, "stop a token until it is resumed", secret_detail },
    { "token",      "resume",     "DOMAIN",  false, CLI_EITHER,  cmd_call,             "POST",   "/v1/tokens/resume",                 "domain", "token", NULL, reason_fields, "make a suspended token active again", secret_detail },
    { "token",      "revoke",     "DOMAIN",  false, CLI_EITHER,  cmd_call,             "POST",   "/v1/tokens/revoke",                 "domain", "token", NULL, reason_fields, "end a token for good", secret_detail },
    { "token",      "delete",     "DOMAIN",  false, CLI_EITHER,  cmd_call,             "POST",   "/v1/tokens/delete",                 "domain", "token", NULL, reason_fields, "end a token and make its value irretrievable", secret_detail },
    { "ceremony",   "propose",    "KIND",    false, CLI_PERSON,  cmd_call,             "POST",   "/v1/ceremonies",                    "kind",   NULL,    NULL, propose_fields, "propose a key operation or a change of rights", "Kinds for custodians: rotate-kek rotate-data-key rotate-index-key destroy-key restore; for security\nadministrators: enrol-user change-role reset-factor freeze-lift. The proposer is the first approval." },
    { "ceremony",   "list",       NULL,      false, CLI_PERSON,  cmd_call,             "GET",    "/v1/ceremonies",                    NULL,     NULL,    ceremony_columns, list_fields, "list ceremonies", NULL },
    { "ceremony",   "show",       "ID",      false, CLI_PERSON,  cmd_call,             "GET",    "/v1/ceremonies/%",                  NULL,     NULL,    NULL, NULL, "show one, with its progress", NULL },
    { "ceremony",   "approve",    "ID",      false, CLI_PERSON,  cmd_call,             "POST",   "/v1/ceremonies/%/approve",          NULL,     NULL,    NULL, NULL, "second one", NULL },
    { "ceremony",   "cancel",     "ID",      false, CLI_PERSON,  cmd_call,             "POST",   "/v1/ceremonies/%/cancel",           NULL,     NULL,    NULL, NULL, "withdraw one that is not yet running", NULL },
    { "key",        "list",       NULL,      false, CLI_PERSON,  cmd_call,             "GET",    "/v1/keys",                          NULL,     NULL,    "id,kind,domain,version,state,created_at,uses,records", list_fields, "list keys, their versions and states", NULL },
    { "audit",      "checkpoint", NULL,      false, CLI_EITHER,  cmd_audit_checkpoint, NULL,     NULL,                                NULL,     NULL,    NULL, NULL, "print the newest signed checkpoint", NULL },
    { "audit",      "entries",    NULL,      false, CLI_PERSON,  cmd_audit_entries,    NULL,     NULL,                                NULL,     NULL,    NULL, entries_fields, "print entries of the log, one a line", NULL },
    { "audit",      "proof",      "INDEX",   false, CLI_EITHER,  cmd_audit_proof,      NULL,     NULL,                                NULL,     NULL,    NULL, proof_fields, "print an entry's proof of inclusion", NULL },
    { "audit",      "verify",     NULL,      false, CLI_PERSON,  cmd_verify,           NULL,     NULL,                                NULL,     NULL,    NULL, verify_fields, "check the whole log, receipts and growth", verify_detail },
    { "domain",     "add",        "NAME",    false, CLI_PERSON,  cmd_domain_add,       "POST",   "/v1/domains",                       "name",   NULL,    NULL, domain_fields, "make a domain", NULL },
    { "domain",     "freeze",     "NAME",    false, CLI_PERSON,  cmd_call,             "POST",   "/v1/domains/%/freeze",              NULL,     NULL,    NULL, reason_fields, "stop a domain's collecting at once", NULL },
    { "domain",     "unfreeze",   "NAME",    false, CLI_PERSON,  cmd_call,             "POST",   "/v1/domains/%/unfreeze",            NULL,     NULL,    NULL, reason_fields, "let it collect again", NULL },
    { "partner",    "add",        "NAME",    false, CLI_PERSON,  cmd_partner_add,      "POST",   "/v1/partners",                      "name",   NULL,    NULL, partner_fields, "enrol a partner with its certificate", NULL },
    { "partner",    "freeze",     "NAME",    false, CLI_PERSON,  cmd_call,             "POST",   "/v1/partners/%/freeze",             NULL,     NULL,    NULL, reason_fields, "shut a partner out at once", NULL },
    { "partner",    "unfreeze",   "NAME",    false, CLI_PERSON,  cmd_call,             "POST",   "/v1/partners/%/unfreeze",           NULL,     NULL,    NULL, reason_fields, "let it in again", NULL },
    { "user",       "add",        "NAME",    false, CLI_PERSON,  cmd_user_add,         "POST",   "/v1/users",                         "name",   NULL,    NULL, user_fields, "enrol a person", "The first password and the code's secret are shown once, with a QR code on a terminal. For privileged\nroles a ceremony is opened instead, which a second security administrator approves." },
    { "user",       "freeze",     "NAME",    false, CLI_PERSON,  cmd_call,             "POST",   "/v1/users/%/freeze",                NULL,     NULL,    NULL, reason_fields, "shut a person out at once", NULL },
    { "user",       "unfreeze",   "NAME",    false, CLI_PERSON,  cmd_call,             "POST",   "/v1/users/%/unfreeze",              NULL,     NULL,    NULL, reason_fields, "let a person in again", NULL },
};
/* clang-format on */

const size_t cli_commands_count = sizeof(cli_commands) / sizeof(cli_commands[0]);
