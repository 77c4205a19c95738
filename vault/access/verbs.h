/*
 * verbs.h - who may do what: the one table of verbs and roles. What is not in it is refused.
 *
 * Layer:   vault/access/. Includes vault/base/ only.
 * Threads: constant table; safe from any thread.
 * Source:  contract.md sections 1 and 3.
 */
#ifndef HUFU_ACCESS_VERBS_H
#define HUFU_ACCESS_VERBS_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/base/msg.h"

/* One bit each; a caller has exactly one. */
enum role {
    ROLE_NONE = 0, /* not authenticated */
    ROLE_PARTNER = 1,
    ROLE_OPERATOR = 2,
    ROLE_APPROVER = 4,
    ROLE_CUSTODIAN = 8,
    ROLE_SECURITY_ADMIN = 16,
    ROLE_AUDITOR = 32,
    ROLE_SRE = 64,
    ROLE_ANYONE = 128, /* in the table alone: nobody need be known */
};
#define ROLE_PEOPLE                                                                                \
    (ROLE_OPERATOR | ROLE_APPROVER | ROLE_CUSTODIAN | ROLE_SECURITY_ADMIN | ROLE_AUDITOR | ROLE_SRE)

/* "operator", …; "partner"; "none" for anything that is not one role. */
const char *role_name(unsigned role);
/* The roles that a person may have. HUFU_SYNTAX, out untouched. */
HUFU_MUST_USE enum hufu_err role_parse(struct view text, enum role *out);

/* What a person must show; a partner shows a certificate and nothing of this. */
enum verb_factor {
    FACTOR_NONE,    /* no session */
    FACTOR_SESSION, /* a session, which two factors began */
    FACTOR_FRESH,   /* a session whose second factor is fresh */
};

struct verb {
    uint8_t who; /* enum role, several */
    enum verb_factor factor;
    bool log;       /* a success writes an entry too; a refusal always does */
    bool sealed_ok; /* answers while the vault is sealed */
};

/* Returns the row, or NULL where there is none: refuse. */
const struct verb *verbs_find(unsigned verb);
/* True where the role may use the verb; false for anything that is no role or no verb. */
bool verbs_may(unsigned verb, unsigned role);
/* True for the few that a person whose password is too old may still use: those that lead to a new
 * one, and out. */
bool verbs_with_old_password(unsigned verb);

#endif
