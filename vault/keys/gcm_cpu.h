/*
 * gcm_cpu.h - AES-256-GCM of many short records: the counter blocks of all of them in one call of
 * the library's AES, GHASH by the CPU. For gcm.c only, which has the long ones and the CPUs
 * without.
 *
 * Layer:   vault/keys/. Includes gcm.h and ghash.h.
 * Threads: as gcm.h.
 * Source:  NIST SP 800-38D, sections 6.3 to 7.2.
 */
#ifndef HUFU_KEYS_GCM_CPU_H
#define HUFU_KEYS_GCM_CPU_H

#include <openssl/evp.h>

#include "vault/keys/gcm.h"
#include "vault/keys/ghash.h"

#define GCM_CPU_BLOCK GHASH_BLOCK
#define GCM_CPU_LOT   96 /* counter blocks of one call of AES: 32 mapping records */

struct gcm_cpu {
    EVP_CIPHER_CTX *aes; /* ECB, keyed */
    struct ghash hash;
    _Alignas(GCM_CPU_BLOCK) uint8_t stream[GCM_CPU_LOT * GCM_CPU_BLOCK]; /* wiped after each lot */
    /* What GHASH takes of an item: AAD, text, their lengths; each padded to whole blocks. Two, so
     * that one is put together while the other's last bytes are still on their way to the cache. */
    struct {
        _Alignas(GCM_CPU_BLOCK) uint8_t bytes[2 * GCM_SHORT_MAX + GCM_CPU_BLOCK];
        size_t blocks;
    } hashed[2];
};

/* aes: AES-256 in ECB mode, keyed; taken over. HUFU_IO where the library fails. The caller wipes.
 */
HUFU_MUST_USE enum hufu_err gcm_cpu_init(struct gcm_cpu *c, EVP_CIPHER_CTX *aes);

/* Seals or opens the first items, as many as go in one lot, and says how many; 0 where the first is
 * too long, or the library failed: it is to go the other way. gcm_cpu_open sets each err. */
size_t gcm_cpu_seal(struct gcm_cpu *c, const struct gcm_item *item, size_t count);
size_t gcm_cpu_open(struct gcm_cpu *c, struct gcm_item *item, size_t count);

#endif
