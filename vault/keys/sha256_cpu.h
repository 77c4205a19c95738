/*
 * sha256_cpu.h - the compression of SHA-256 by the CPU's own instructions, for one or two messages
 * at once, from a state that may be kept.
 *
 * Layer:   vault/keys/. Includes nothing of ours.
 * Threads: pure functions.
 * Source:  FIPS 180-4, section 6.2.2; Gulley et al., "Intel SHA Extensions" (2013).
 *
 * libcrypto compresses as fast, but begins and ends each hash at a price several times that of a
 * short one, and keeps no states to begin from without deprecated calls. A round waits for the one
 * before it, so a second message costs little beside the first.
 */
#ifndef HUFU_KEYS_SHA256_CPU_H
#define HUFU_KEYS_SHA256_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_CPU_BLOCK 64 /* bytes */
#define SHA256_CPU_LEN   32 /* bytes of a digest */

struct sha256_cpu { /* A to H as the instructions want them: F E B A, H G D C */
    _Alignas(16) uint32_t word[8];
};

/* True where the CPU has the instructions; else only sha256_cpu_init may be called. */
bool sha256_cpu_has(void);

/* The state before the first block. */
void sha256_cpu_init(struct sha256_cpu *s);

/* Takes whole blocks in. Padding is the caller's. */
void sha256_cpu_run(struct sha256_cpu *s, const uint8_t *in, size_t blocks);
/* The same for two messages of as many blocks each. */
void sha256_cpu_run_two(struct sha256_cpu s[static 2], const uint8_t *in0, const uint8_t *in1,
                        size_t blocks);

/* The state as the digest has it. */
void sha256_cpu_print(const struct sha256_cpu *s, uint8_t out[static SHA256_CPU_LEN]);

#endif
