/*
 * ghash.h - GHASH, the authenticating half of GCM, by the CPU's carry-less multiplication.
 *
 * Layer:   vault/keys/. Includes nothing of ours.
 * Threads: ghash_blocks only reads the struct: safe from any thread.
 * Source:  NIST SP 800-38D, section 6.4; Gueron and Kounavis, "Intel Carry-Less Multiplication
 *          Instruction and its Usage for Computing the GCM Mode", rev. 2.02 (2014).
 *
 * libcrypto has no GHASH alone, and its GCM costs more to start than a short record costs to hash.
 * Constant time: no branch and no address depends on the key or on what is hashed.
 */
#ifndef HUFU_KEYS_GHASH_H
#define HUFU_KEYS_GHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GHASH_BLOCK  16 /* bytes */
#define GHASH_POWERS 16 /* blocks that share one reduction: a mapping's record has 10 */

struct ghash { /* SECRET, as the key: wipe it */
    /* Powers of H, the highest first and H last: bytes reversed and times x, as the reduction wants
     * them; low half first. */
    _Alignas(16) uint64_t power[GHASH_POWERS][2];
    bool is_wide; /* two blocks in one instruction (VPCLMULQDQ) */
};

/* True where the CPU has the instructions; else the functions below must not be called. */
bool ghash_has_cpu(void);
/* True where it has the wide ones too. */
bool ghash_has_wide(void);

/* h: the hash key, AES of the zero block. SECRET. */
void ghash_init(struct ghash *g, const uint8_t h[static GHASH_BLOCK]);

/* GHASH of whole blocks. */
void ghash_blocks(const struct ghash *g, const uint8_t *in, size_t blocks,
                  uint8_t out[static GHASH_BLOCK]);

#endif
