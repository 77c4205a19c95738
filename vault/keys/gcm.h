/*
 * gcm.h - AES-256-GCM under one key, for many short records at a time or for one of any length.
 *
 * Layer:   vault/keys/. Includes vault/base/ and ghash.h.
 * Threads: one struct gcm belongs to one thread; another key or thread has one of its own.
 * Source:  NIST SP 800-38D, sections 7.1 and 7.2, with nonces of 96 and tags of 128 bits.
 *
 * Two ways to the same bytes. By the library: one EVP call sequence an item, which costs some 200
 * ns before the first byte is encrypted. By the CPU: the counter blocks of all items go through AES
 * in one call of the library, and GHASH is ours (ghash.h). Items longer than GCM_SHORT_MAX always
 * go by the library, where its start no longer matters. Both ways are in every struct, and are
 * compared when it is made: where they differ it is not.
 */
#ifndef HUFU_KEYS_GCM_H
#define HUFU_KEYS_GCM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define GCM_KEY_LEN   32
#define GCM_NONCE_LEN 12
#define GCM_TAG_LEN   16
#define GCM_SHORT_MAX 512 /* bytes of AAD, and of text, that go by the CPU */

struct gcm; /* opaque: one key, set once */

struct gcm_item {
    const uint8_t *nonce;   /* GCM_NONCE_LEN bytes */
    const struct view *aad; /* aad_count parts, in order */
    size_t aad_count;
    const uint8_t *in; /* text_len bytes */
    uint8_t *out;      /* as many; may be in, else they do not overlap */
    size_t text_len;
    union {                 /* GCM_TAG_LEN bytes */
        uint8_t *tag_out;   /* gcm_seal */
        const uint8_t *tag; /* gcm_open */
    };
    enum hufu_err err; /* of gcm_open: HUFU_OK; HUFU_CORRUPT, and out is wiped; HUFU_IO likewise */
};

/*
 * Sets a key up, which costs more than using it: keep the result as long as the key is used.
 *
 * key:     SECRET, copied into the library's contexts and wiped by gcm_free.
 * by_cpu:  false: by the library alone. True where the CPU lacks the instructions is the same.
 * Returns: HUFU_OK, *out is the caller's; HUFU_NOMEM; HUFU_IO (the library failed, or the two ways
 *          differ).
 */
HUFU_MUST_USE enum hufu_err gcm_new(const uint8_t key[static GCM_KEY_LEN], bool by_cpu,
                                    struct gcm **out);
void gcm_free(struct gcm *g); /* wipes; NULL is fine */

/* Encrypts every item. HUFU_IO where the library fails: some may be sealed then, use none. */
HUFU_MUST_USE enum hufu_err gcm_seal(struct gcm *g, struct gcm_item *item, size_t count);

/* Decrypts every item; each has its own outcome in err. Nothing is given away before its tag is
 * found to be right, and tags are compared in constant time. */
void gcm_open(struct gcm *g, struct gcm_item *item, size_t count);

#endif
