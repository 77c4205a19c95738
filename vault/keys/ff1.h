/*
 * ff1.h - FF1, format-preserving encryption: symbols of an alphabet become as many of the same.
 *
 * Layer:   vault/keys/. Includes vault/base/ only.
 * Threads: one struct ff1 belongs to one thread; another key or thread has one of its own.
 * Source:  NIST SP 800-38G (March 2016), section 5.1, algorithms 7 and 8; its revision 1 (second
 *          public draft, February 2025) for the least domain. FF3 is not here, and never will be.
 *
 * What it gives is a keyed permutation, nothing more: no integrity (a wrong key, tweak or value
 * decrypts to something plausible), and equal values under one tweak stay equal. Whoever may ask
 * freely can tabulate a domain of 10^6, so callers must be counted and limited.
 *
 * A symbol is its place in the alphabet, 0..radix-1. Values are SECRET; radix, length and tweak are
 * not, and time depends on them. No table is looked up by a symbol. Nothing here allocates but
 * ff1_new.
 */
#ifndef HUFU_KEYS_FF1_H
#define HUFU_KEYS_FF1_H

#include <stddef.h>
#include <stdint.h>

#include "vault/base/err.h"

#define FF1_RADIX_MIN  2
#define FF1_RADIX_MAX  65536
#define FF1_LEN_MAX    512     /* symbols of a value; the least follows from FF1_DOMAIN_MIN */
#define FF1_TWEAK_MAX  255     /* bytes */
#define FF1_DOMAIN_MIN 1000000 /* radix^len, revision 1; the edition of 2016 allowed 100 */
#define FF1_BATCH      64      /* values of one call */

struct ff1; /* opaque: one key, set once; scratch memory that is wiped after every call */

/* One to FF1_BATCH values of one length. Several share the calls of AES, so each costs a fraction
 * of a single one. */
struct ff1_lot {
    uint32_t radix;
    size_t len;           /* symbols of each value */
    size_t count;         /* values, one behind the other in the arrays */
    const uint8_t *tweak; /* of the first value; NULL is fine where tweak_len is 0 */
    size_t tweak_len;     /* bytes, of each value's tweak */
    size_t tweak_step;    /* bytes from one value's tweak to the next one's; 0: all share it */
};

/*
 * Sets a key up, which costs more than using it: keep the result as long as the key is used.
 *
 * key:     16, 24 or 32 bytes; SECRET, copied into the library's context and wiped by ff1_free.
 * Returns: HUFU_OK, *out is the caller's; HUFU_RANGE (another length); HUFU_NOMEM.
 */
HUFU_MUST_USE enum hufu_err ff1_new(const uint8_t *key, size_t key_len, struct ff1 **out);
void ff1_free(struct ff1 *f); /* wipes; NULL is fine */

/*
 * Encrypts (algorithm 7) or decrypts (algorithm 8) every value of a lot.
 *
 * in, out: count * len symbols each; may be the same array, else they do not overlap.
 * Returns: HUFU_OK; HUFU_RANGE (radix, length, tweak or count out of bounds); HUFU_DOMAIN_SMALL
 *          (radix^len below FF1_DOMAIN_MIN); HUFU_INVALID_VALUE (a symbol not below the radix);
 *          HUFU_IO (the library failed). out is untouched on failure; but where the library fails
 *          half-way through a lot of values too long for 128-bit arithmetic, it is wiped.
 */
HUFU_MUST_USE enum hufu_err ff1_encrypt(struct ff1 *f, const struct ff1_lot *lot,
                                        const uint16_t *in, uint16_t *out);
HUFU_MUST_USE enum hufu_err ff1_decrypt(struct ff1 *f, const struct ff1_lot *lot,
                                        const uint16_t *in, uint16_t *out);

/* The same for decimal digits as text, '0'..'9' a byte. HUFU_RANGE also where the radix is not 10.
 */
HUFU_MUST_USE enum hufu_err ff1_encrypt_digits(struct ff1 *f, const struct ff1_lot *lot,
                                               const uint8_t *in, uint8_t *out);
HUFU_MUST_USE enum hufu_err ff1_decrypt_digits(struct ff1 *f, const struct ff1_lot *lot,
                                               const uint8_t *in, uint8_t *out);

#endif
