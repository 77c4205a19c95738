/*
 * hmac.h - HMAC-SHA-256 under one key, for many short messages at a time or one of any length.
 *
 * Layer:   vault/keys/. Includes vault/base/.
 * Threads: one struct hmac belongs to one thread; another key or thread has one of its own.
 * Source:  RFC 2104; FIPS 198-1; RFC 4231 (known answers).
 *
 * Two ways to the same bytes, as in gcm.h: by the library's EVP_MAC; or, for messages up to
 * HMAC_SHORT_MAX, by the CPU (sha256_cpu.h) from the states behind the key's two padded blocks,
 * two messages at once. Both are compared when a struct is made: where they differ it is not.
 */
#ifndef HUFU_KEYS_HMAC_H
#define HUFU_KEYS_HMAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define HMAC_LEN       32
#define HMAC_KEY_MAX   64  /* bytes: a block of SHA-256 */
#define HMAC_SHORT_MAX 503 /* bytes that go by the CPU: eight blocks with their padding */

struct hmac; /* opaque: one key, set once */

/*
 * Sets a key up: keep the result as long as the key is used.
 *
 * key:     1 to HMAC_KEY_MAX bytes; SECRET, wiped by hmac_free.
 * by_cpu:  false: by the library alone. True where the CPU lacks the instructions is the same.
 * Returns: HUFU_OK, *out is the caller's; HUFU_RANGE (length); HUFU_NOMEM; HUFU_IO (the library
 *          failed, or the two ways differ).
 */
HUFU_MUST_USE enum hufu_err hmac_new(const uint8_t *key, size_t key_len, bool by_cpu,
                                     struct hmac **out);
void hmac_free(struct hmac *h); /* wipes; NULL is fine */

/* Of the parts, one behind another. HUFU_IO where the library fails, out untouched. */
HUFU_MUST_USE enum hufu_err hmac_join(struct hmac *h, const struct view *part, size_t part_count,
                                      uint8_t out[static HMAC_LEN]);

/* Of each message; neighbours with as many blocks go together. HUFU_IO: use none of them. */
HUFU_MUST_USE enum hufu_err hmac_each(struct hmac *h, const struct view *in, size_t count,
                                      uint8_t (*out)[HMAC_LEN]);

#endif
