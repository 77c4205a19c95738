/*
 * kek.h - key-encryption keys: made on the token, never leaving it, and what is sealed under them.
 *
 * Layer:   hsm/. Includes vault/base/ and the hsm headers below it.
 * Threads: one thread.
 * Source:  NIST SP 800-38D (GCM: 96-bit random IV, 128-bit tag); NIST SP 800-38A (CBC);
 *          FIPS 198-1 (HMAC); PKCS#11 v2.40 mechanisms 2.11, 2.12, 2.17.
 *
 * Sealed bytes, method 1: u8 1 | IV 12 | ciphertext | tag 16, AES-256-GCM with the caller's AAD.
 * Method 2, for a token without GCM: u8 2 | IV 16 | ciphertext | MAC 32, AES-256-CBC with PKCS#7
 * padding, then HMAC-SHA-256 by the key `<id>-mac` over u8 2 | u32 AAD length, little-endian | AAD
 * | IV | ciphertext.
 */
#ifndef HUFU_HSM_KEK_H
#define HUFU_HSM_KEK_H

#include "hsm/module.h"
#include "vault/base/buf.h"
#include "vault/base/err.h"

/* All of them return, beyond what they name, what ckr_err gives for m->rv. */

/* Makes an AES-256 key, and `<id>-mac` where the token has no GCM; reads back, or destroys again.
 * text: the attributes read back. HUFU_CONFLICT; HUFU_HSM_FAILED. Where the token is lost between
 * making and reading back (HUFU_HSM_DOWN), the key may be there: kek_find judges it. */
HUFU_MUST_USE enum hufu_err kek_make(struct module *m, struct view id, struct buf *text);

/* Finds a key and reads it back. HUFU_NOT_FOUND; HUFU_HSM_FAILED where it is not what it must be.
 */
HUFU_MUST_USE enum hufu_err kek_find(struct module *m, struct view id, struct buf *text);

/* Destroys a key for good and looks that it is gone. HUFU_NOT_FOUND. */
HUFU_MUST_USE enum hufu_err kek_destroy(struct module *m, struct view id);

/* Seals data (SECRET) into sealed. HUFU_NOT_FOUND; HUFU_HSM_FAILED. */
HUFU_MUST_USE enum hufu_err kek_seal(struct module *m, struct view id, struct view aad,
                                     struct view data, struct buf *sealed);

/* Opens what kek_seal gave. data: SECRET, the caller wipes it. HUFU_NOT_FOUND; HUFU_CORRUPT, said
 * only after the token has shown, with the same key, that it is well. */
HUFU_MUST_USE enum hufu_err kek_open(struct module *m, struct view id, struct view aad,
                                     struct view sealed, struct buf *data);

/* The two keys behind an id; mac is CK_INVALID_HANDLE where there is none. */
struct kek_handles {
    CK_OBJECT_HANDLE key;
    CK_OBJECT_HANDLE mac;
};
/* Finds both and checks what they are. As kek_find. text may be NULL. */
HUFU_MUST_USE enum hufu_err kek_handles(struct module *m, struct view id, struct buf *text,
                                        struct kek_handles *out);

#endif
