/*
 * ff1_shape.h - what the files of FF1 share: the numbers that follow from radix, length and length
 * of the tweak, and the three ways through the rounds. For them and their tests only.
 *
 * Layer:   vault/keys/. Included by ff1*.c.
 * Threads: as ff1.h.
 * Source:  NIST SP 800-38G, section 5.1, algorithm 7, steps 1 to 5 and 6i; section 4.5.
 *
 * The ways differ in what holds a half of a value (A, B) and y, the number that the round function
 * gives:
 *   narrow  halves up to 2^32, y of 8 bytes: 64-bit arithmetic. 16 and 18 digits are here.
 *   wide    halves up to 2^96, y of at most 16 bytes: 128-bit arithmetic. 56 digits.
 *   long    everything else: halves as symbols, numbers as arrays of 32-bit limbs.
 * A narrower way refuses what it cannot hold; a wider one can do all that a narrower can.
 */
#ifndef HUFU_KEYS_FF1_SHAPE_H
#define HUFU_KEYS_FF1_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "vault/keys/ff1.h"

#define FF1_ROUNDS       10
#define FF1_BLOCK        16 /* bytes of an AES block */
#define FF1_NARROW_BYTES 4  /* most bytes of a half, narrow */
#define FF1_WIDE_BYTES   12 /* most bytes of a half, wide: y then has 16, the whole block */
#define FF1_SHAPES       8  /* kept per context */

enum ff1_path { FF1_NARROW, FF1_WIDE, FF1_LONG };

struct ff1_shape {
    uint32_t radix; /* 0: an empty place */
    size_t len, tweak_len;
    size_t u, v; /* symbols of A and of B: step 1 */
    size_t b, d; /* bytes of NUM(B) in Q, and of y: steps 3 and 4 */
    size_t head; /* blocks of Q before the one that begins to change from round to round */
    size_t var;  /* where in Q that begins: the round's number, then NUM(B) */
    enum ff1_path path;
    unsigned __int128 mod[2];  /* radix^u, radix^v; not for long */
    uint64_t inverse[2];       /* floor((2^64 - 1) / mod); narrow only */
    uint32_t piece;            /* radix^piece_len, the largest power below 2^32 */
    size_t piece_len;          /* symbols that one machine word takes at a time */
    uint8_t prefix[FF1_BLOCK]; /* AES(P): the state of the PRF before the first block of Q */
};

struct ff1 {
    EVP_CIPHER_CTX *aes; /* ECB, no padding */
    struct ff1_shape shapes[FF1_SHAPES];
    union { /* A and B of each value: one takes the sum while the other goes into the rounds */
        unsigned __int128 wide[FF1_BATCH][2];
        uint64_t narrow[FF1_BATCH][2];
    };
    _Alignas(FF1_BLOCK) uint8_t base[FF1_BATCH][FF1_BLOCK]; /* holds no value: not wiped */
    _Alignas(FF1_BLOCK) uint8_t block[FF1_BATCH][FF1_BLOCK];
};

struct ff1_job { /* a lot that has been checked, and its arrays: of symbols, or of digits as text */
    const struct ff1_shape *shape;
    const struct ff1_lot *lot;
    bool decrypts, digits;
    const void *in;
    void *out;
};

/* Finds or makes the shape of a lot; borrowed until the next call. As ff1_encrypt. */
HUFU_MUST_USE enum hufu_err ff1_shape_find(struct ff1 *f, const struct ff1_lot *lot,
                                           const struct ff1_shape **out);

/* Encrypts count blocks in place. False where the library fails. */
static inline bool ff1_aes(struct ff1 *f, uint8_t *block, size_t count)
{
    int n;

    return EVP_EncryptUpdate(f->aes, block, &n, block, (int)(count * FF1_BLOCK)) == 1;
}

/* Fills f->base[0..count-1] with all of the PRF's state that is the same in every round: P, the
 * tweak's whole blocks, and the rest of the tweak XORed in; for count values from first on. */
HUFU_MUST_USE bool ff1_shape_base(struct ff1 *f, const struct ff1_job *job, size_t first,
                                  size_t count);

/* Byte length of radix^len - 1 (step 3), by integers: a logarithm would be off by one somewhere. */
size_t ff1_long_bytes(const struct ff1_shape *s, size_t len);

/* One way each; each reads all symbols before it writes any. HUFU_INVALID_VALUE, HUFU_IO. */
HUFU_MUST_USE enum hufu_err ff1_narrow_run(struct ff1 *f, const struct ff1_job *job);
HUFU_MUST_USE enum hufu_err ff1_wide_run(struct ff1 *f, const struct ff1_job *job);
HUFU_MUST_USE enum hufu_err ff1_long_run(struct ff1 *f, const struct ff1_job *job);

#endif
