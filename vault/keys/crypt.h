/*
 * crypt.h - AES-256-GCM, HMAC-SHA-256 and FF1 with keys of the ring, contexts kept per thread.
 *
 * Layer:   vault/keys/. Includes vault/base/, keyring.h and ff1.h.
 * Threads: one struct crypt belongs to one thread.
 * Source:  NIST SP 800-38D (GCM, 96-bit nonce, 128-bit tag); RFC 2104, FIPS 180-4 (HMAC-SHA-256);
 *          ff1.h (FF1).
 *
 * Setting a key up costs more than using it, so contexts are cached by the key's serial. The next
 * call after a key was ended drops them all: they hold what its bytes became.
 */
#ifndef HUFU_KEYS_CRYPT_H
#define HUFU_KEYS_CRYPT_H

#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/keys/ff1.h"
#include "vault/keys/keyring.h"

#define CRYPT_NONCE_LEN 12
#define CRYPT_TAG_LEN   16
#define CRYPT_MAC_LEN   32

struct crypt; /* opaque */

HUFU_MUST_USE enum hufu_err crypt_new(struct crypt **out); /* HUFU_NOMEM */
void crypt_free(struct crypt *c);                          /* wipes; NULL is fine */

/* Encrypts text in place. aad: aad_count parts, in order. HUFU_IO where the library fails. */
HUFU_MUST_USE enum hufu_err crypt_seal(struct crypt *c, const struct key *key,
                                       const uint8_t nonce[static CRYPT_NONCE_LEN],
                                       const struct view *aad, size_t aad_count, uint8_t *text,
                                       size_t text_len, uint8_t tag[static CRYPT_TAG_LEN]);
/* Decrypts in into out (in_len bytes). HUFU_CORRUPT where it does not open: out is wiped then. */
HUFU_MUST_USE enum hufu_err crypt_open(struct crypt *c, const struct key *key,
                                       const uint8_t nonce[static CRYPT_NONCE_LEN],
                                       const struct view *aad, size_t aad_count, const uint8_t *in,
                                       size_t in_len, const uint8_t tag[static CRYPT_TAG_LEN],
                                       uint8_t *out);
/* HMAC-SHA-256 over the parts. HUFU_IO. */
HUFU_MUST_USE enum hufu_err crypt_mac(struct crypt *c, const struct key *key,
                                      const struct view *part, size_t part_count,
                                      uint8_t out[static CRYPT_MAC_LEN]);
enum crypt_way { CRYPT_ENCRYPT, CRYPT_DECRYPT };
/* FF1 over a lot of values, in and out as ff1_encrypt has them. HUFU_NOMEM; else as ff1_encrypt. */
HUFU_MUST_USE enum hufu_err crypt_ff1(struct crypt *c, const struct key *key, enum crypt_way way,
                                      const struct ff1_lot *lot, const uint16_t *in, uint16_t *out);

#endif
