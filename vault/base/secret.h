/*
 * secret.h - keys, PINs, seeds and shares: bytes that are wiped, locked and never copied by
 * accident.
 *
 * Layer:   vault/base/. Includes err.h only.
 * Threads: secret_heap_init once, before threads; the rest is safe from any thread as long as one
 *          struct secret is not freed while another thread reads it.
 * Source:  OpenSSL 3.0 OPENSSL_secure_malloc(3).
 */
#ifndef HUFU_BASE_SECRET_H
#define HUFU_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/err.h"

struct secret; /* opaque: cannot be copied, printed or placed on a stack */

/*
 * Sets up OpenSSL's secure heap (locked, guarded, not dumped), switches core dumps off and forbids
 * reading this process's memory to others of its uid.
 *
 * heap_bytes: a power of two.
 * Returns: HUFU_OK; HUFU_NOMEM where the heap cannot be had: the program must not start.
 */
HUFU_MUST_USE enum hufu_err secret_heap_init(size_t heap_bytes);

/* Switches core dumps off, and reading this process's memory by others of its uid. HUFU_IO. */
HUFU_MUST_USE enum hufu_err secret_forbid_dumps(void);

/* Makes a secret of len zero bytes (1..65536). *out is the caller's. HUFU_RANGE, HUFU_NOMEM. */
HUFU_MUST_USE enum hufu_err secret_new(size_t len, struct secret **out);

/* Makes a secret holding a copy of in; the caller wipes its own copy. As secret_new. */
HUFU_MUST_USE enum hufu_err secret_from(const uint8_t *in, size_t in_len, struct secret **out);

/* Makes a secret of len bytes from the system's generator. As secret_new, and HUFU_IO. */
HUFU_MUST_USE enum hufu_err secret_random(size_t len, struct secret **out);

void secret_free(struct secret *s);                 /* wipes first; NULL is fine */
const uint8_t *secret_read(const struct secret *s); /* borrowed until secret_free */
uint8_t *secret_write(struct secret *s);            /* borrowed until secret_free */
size_t secret_len(const struct secret *s);          /* bytes */

/* Compares in constant time; false where the lengths differ. */
bool secret_equal(const struct secret *a, const struct secret *b);

/* Compares len bytes in constant time. */
bool bytes_equal(const uint8_t *a, const uint8_t *b, size_t len);

/* Overwrites scratch memory in a way the compiler keeps. NULL with 0 is fine. */
void wipe(void *p, size_t len);

#endif
