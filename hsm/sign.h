/*
 * sign.h - signing keys: EC P-256 pairs on the token, used through libp11's EVP_PKEY.
 *
 * Layer:   hsm/. Includes vault/base/ and the hsm headers below it.
 * Threads: one thread.
 * Source:  FIPS 186-4 (ECDSA, P-256); RFC 5480 (SubjectPublicKeyInfo); RFC 3279 2.2.3 (signature).
 *
 * libp11 0.4.12 makes no EC keys and sees none where the token holds an Ed25519 private key: keep
 * those on another token.
 */
#ifndef HUFU_HSM_SIGN_H
#define HUFU_HSM_SIGN_H

#include "hsm/module.h"
#include "vault/base/buf.h"
#include "vault/base/err.h"

/* All of them return, beyond what they name, what ckr_err gives for m->rv. */

/* Makes a pair and gives its SubjectPublicKeyInfo, DER. HUFU_CONFLICT; HUFU_HSM_FAILED. */
HUFU_MUST_USE enum hufu_err sign_make(struct module *m, struct view id, struct buf *spki);

/* Gives the SubjectPublicKeyInfo, DER. HUFU_NOT_FOUND; HUFU_HSM_FAILED. */
HUFU_MUST_USE enum hufu_err sign_public(struct module *m, struct view id, struct buf *spki);

/* Signs SHA-256(message); signature: DER. HUFU_NOT_FOUND; HUFU_HSM_FAILED. */
HUFU_MUST_USE enum hufu_err sign_message(struct module *m, struct view id, struct view message,
                                         struct buf *signature);

#endif
