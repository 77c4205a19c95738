/*
 * crypt.h - AES-256-GCM, HMAC-SHA-256 and FF1 with keys of the ring, contexts kept per thread.
 *
 * Layer:   vault/keys/. Includes vault/base/, keyring.h, gcm.h, hmac.h and ff1.h.
 * Threads: one struct crypt belongs to one thread.
 * Source:  gcm.h (NIST SP 800-38D), hmac.h (RFC 2104), ff1.h (NIST SP 800-38G).
 *
 * Setting a key up costs more than using it, so contexts are cached by the key's serial. The next
 * call after a key was ended drops them all: they hold what its bytes became. What is done to many
 * at once costs a fraction of as many single calls, and gives the same bytes.
 */
#ifndef HUFU_KEYS_CRYPT_H
#define HUFU_KEYS_CRYPT_H

#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/keys/ff1.h"
#include "vault/keys/gcm.h"
#include "vault/keys/hmac.h"
#include "vault/keys/keyring.h"

#define CRYPT_NONCE_LEN GCM_NONCE_LEN
#define CRYPT_TAG_LEN   GCM_TAG_LEN
#define CRYPT_MAC_LEN   HMAC_LEN

struct crypt; /* opaque */

HUFU_MUST_USE enum hufu_err crypt_new(struct crypt **out); /* HUFU_NOMEM */
/* The same by the library's calls alone, as on a CPU without the instructions: for tests. */
HUFU_MUST_USE enum hufu_err crypt_new_plain(struct crypt **out);
void crypt_free(struct crypt *c); /* wipes; NULL is fine */

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
/* The same for many under one key, as gcm.h has them. HUFU_IO: of sealing, use none; of opening,
 * none was opened and out is untouched. Else each opened item's err says how it went. */
HUFU_MUST_USE enum hufu_err crypt_seal_many(struct crypt *c, const struct key *key,
                                            struct gcm_item *item, size_t count);
HUFU_MUST_USE enum hufu_err crypt_open_many(struct crypt *c, const struct key *key,
                                            struct gcm_item *item, size_t count);

/* HMAC-SHA-256 over the parts. HUFU_IO. */
HUFU_MUST_USE enum hufu_err crypt_mac(struct crypt *c, const struct key *key,
                                      const struct view *part, size_t part_count,
                                      uint8_t out[static CRYPT_MAC_LEN]);
/* Of each of many messages. HUFU_IO: use none. */
HUFU_MUST_USE enum hufu_err crypt_mac_many(struct crypt *c, const struct key *key,
                                           const struct view *in, size_t count,
                                           uint8_t (*out)[CRYPT_MAC_LEN]);

enum crypt_way { CRYPT_ENCRYPT, CRYPT_DECRYPT };
/* FF1 over a lot of values, in and out as ff1_encrypt has them. HUFU_NOMEM; else as ff1_encrypt. */
HUFU_MUST_USE enum hufu_err crypt_ff1(struct crypt *c, const struct key *key, enum crypt_way way,
                                      const struct ff1_lot *lot, const uint16_t *in, uint16_t *out);

#endif
