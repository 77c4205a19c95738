/*
 * key_factor.h - a FIDO2 key as the second factor: what a request shows of it, judged and recorded.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  W3C Web Authentication Level 2, section 7.2; control C21.
 */
#ifndef HUFU_KEY_FACTOR_H
#define HUFU_KEY_FACTOR_H

#include "vault/access/credential.h"
#include "vault/challenge.h"

struct key_try { /* what was shown, and what is wrong with it */
    enum fido_fault fault;
    bool known; /* cred is a key of the person */
    struct credential cred;
    struct challenge challenge; /* with FIDO_NONE and FIDO_COUNTER */
    uint32_t count;             /* the key's, likewise */
};

/* False where the setting fido.rp_id is empty: there are no keys then. */
bool key_factor_on(const struct core *core);
/* The bytes of a base64url member, in req->work; p NULL where it is none. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err key_factor_bytes(struct request *req, enum msg_tag tag,
                                             struct view *out);
/*
 * Judges the members credential, client_data, authenticator_data and signature. user_id may be
 * nobody's: the work is the same. HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err key_factor_judge(struct worker *w, struct request *req,
                                             uint32_t user_id, const struct challenge_use *use,
                                             struct key_try *out);
/*
 * Adds to operation 0 what becomes of the key: its new counter, with a right one also the use of
 * its challenge; one whose counter went back is disabled. Takes a write, a counter and two
 * preconditions. Nothing after another fault. HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err key_factor_write(struct worker *w, struct request *req,
                                             const struct key_try *try);
/* Names it in the entry of operation 0: "factor=key credential=…", "fault=…" where there is one.
 * HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err key_factor_name(struct request *req, const struct key_try *try);
/* Adds a credential's row to operation 0. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err key_factor_put(struct worker *w, struct request *req,
                                           const struct credential *c);

#define KEY_FACTOR_ROWS (CREDENTIAL_KEYS_MAX + 1) /* of one person: keys, and recovery codes */
/* Adds to operation 0 that a person's keys and recovery codes go: up to KEY_FACTOR_ROWS writes and
 * as many preconditions. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err key_factor_remove(struct request *req, uint32_t user_id);

#endif
