/*
 * keyrow.h - the rows of KEKs and keysets, and the sealing of a key under a KEK.
 *
 * Layer:   vault/keys/. Includes vault/base/, keyring.h, hsm_client.h.
 * Threads: pure functions, but for the two that call the HSM.
 * Source:  vault/FORMATS.md section 6.
 */
#ifndef HUFU_KEYS_KEYROW_H
#define HUFU_KEYS_KEYROW_H

#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/base/hsm_msg.h"
#include "vault/base/secret.h"
#include "vault/keys/hsm_client.h"
#include "vault/keys/keyring.h"

#define KEYROW_SEALED_MAX 160  /* bytes of one sealed key */
#define KEYROW_ATTRS_MAX  1024 /* bytes of attributes read back */

struct kek_row {
    uint32_t version; /* from the row's key */
    uint8_t state;    /* enum key_state */
    uint64_t created_ms;
    char id[HSM_KEY_ID_MAX + 1];
    uint8_t canary[KEYROW_SEALED_MAX];
    size_t canary_len; /* 0 until the key is made */
    char attrs[KEYROW_ATTRS_MAX + 1];
};

struct keyset_row {
    uint32_t domain;
    uint8_t kind;
    uint32_t version; /* these three from the row's key */
    uint8_t state;
    uint64_t created_ms;
    uint64_t leased;
    uint32_t kek_version;
    uint8_t sealed[KEYROW_SEALED_MAX];
    size_t sealed_len; /* 0: the key is destroyed */
};

/* The rows' keys, with their table byte. */
void kek_row_key(uint32_t version, struct buf *out);
void keyset_row_key(uint32_t domain, unsigned kind, uint32_t version, struct buf *out);

void kek_row_put(const struct kek_row *row, struct buf *out);
void keyset_row_put(const struct keyset_row *row, struct buf *out);
/* row_key: with its table byte. HUFU_CORRUPT, out untouched. */
HUFU_MUST_USE enum hufu_err kek_row_get(struct view row_key, struct view image,
                                        struct kek_row *out);
HUFU_MUST_USE enum hufu_err keyset_row_get(struct view row_key, struct view image,
                                           struct keyset_row *out);

/* Fills row->canary under its id. As hsm_seal. */
HUFU_MUST_USE enum hufu_err kek_row_make_canary(struct hsm_ops *hsm, struct kek_row *row);
/* HUFU_OK where the canary opens: this is the KEK that made it. HUFU_CORRUPT; else as hsm_open. */
HUFU_MUST_USE enum hufu_err kek_row_check_canary(struct hsm_ops *hsm, const struct kek_row *row);

/* Seals key into row->sealed under kek and names it there. As hsm_seal. */
HUFU_MUST_USE enum hufu_err keyset_row_seal(struct hsm_ops *hsm, const struct kek_row *kek,
                                            const struct secret *key, struct keyset_row *row);
/* Opens row->sealed under kek; *out is the caller's. As hsm_open, and HUFU_NOMEM. */
HUFU_MUST_USE enum hufu_err keyset_row_open(struct hsm_ops *hsm, const struct kek_row *kek,
                                            const struct keyset_row *row, struct secret **out);

#endif
