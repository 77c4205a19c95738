/*
 * fake_hsm.h - an HSM in memory that does as it is told: keys, seals, signatures, and failures.
 *
 * Layer:   tests/. Includes vault/base/, vault/keys/hsm_client.h; libcrypto.
 * Threads: one.
 *
 * It is the test's own, so that it outlives a core that is taken down and built again.
 */
#ifndef HUFU_TESTS_FAKE_HSM_H
#define HUFU_TESTS_FAKE_HSM_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "vault/base/hsm_msg.h"
#include "vault/keys/hsm_client.h"

#define FAKE_KEYS 64

struct fake_key {
    char id[HSM_KEY_ID_MAX + 1];
    uint8_t aes[32]; /* a KEK's */
    EVP_PKEY *pair;  /* a signing key's, else NULL */
};

struct fake_hsm {
    struct hsm_ops ops; /* first: the core holds this */
    struct fake_key key[FAKE_KEYS];
    size_t count;
    bool down;              /* every call: HSM_DOWN */
    bool pin_refused;       /* every call: HSM_PIN */
    unsigned fail_in;       /* 1: the next call fails, 2: the one after …; 0: none */
    enum hufu_err fail_err; /* … with this */
    bool fail_late;         /* … after it has done its work: the answer is lost */
    unsigned calls, made;   /* so far; keys made */
};

static inline struct fake_key *fake_find(struct fake_hsm *h, struct view id, bool pair)
{
    for (size_t i = 0; i < h->count; i++)
        if (view_is(id, h->key[i].id) && (h->key[i].pair != NULL) == pair)
            return &h->key[i];
    return NULL;
}

static inline struct fake_key *fake_add(struct fake_hsm *h, struct view id)
{
    struct fake_key *key = &h->key[h->count++];

    if (h->count > FAKE_KEYS || id.len > HSM_KEY_ID_MAX) {
        fprintf(stderr, "fake_hsm: too many keys\n");
        exit(1);
    }
    memcpy(key->id, id.p, id.len);
    key->id[id.len] = '\0';
    h->made++;
    return key;
}

static inline bool fake_gcm(const struct fake_key *key, bool seal, struct view aad,
                            const uint8_t *iv, const uint8_t *in, size_t len, uint8_t *out,
                            uint8_t *tag)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    bool ok = ctx != NULL &&
              EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->aes, iv, seal ? 1 : 0) == 1 &&
              (seal || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, tag) == 1) &&
              (aad.len == 0 || EVP_CipherUpdate(ctx, NULL, &n, aad.p, (int)aad.len) == 1) &&
              EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 &&
              EVP_CipherFinal_ex(ctx, out + n, &n) == 1 &&
              (!seal || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1);

    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

/* Method 1 of FORMATS.md section 6: u8 1, iv 12, ciphertext, tag 16. */
static inline enum hufu_err fake_seal(struct fake_hsm *h, const struct hsm_request *req,
                                      struct buf *out)
{
    const struct fake_key *key = fake_find(h, req->key_id, false);
    uint8_t mem[HSM_DATA_MAX], iv[12], tag[16];

    if (key == NULL)
        return HUFU_NOT_FOUND;
    if (RAND_bytes(iv, sizeof(iv)) != 1 ||
        !fake_gcm(key, true, req->aad, iv, req->data.p, req->data.len, mem, tag))
        return HUFU_HSM_FAILED;
    buf_u8(out, 1);
    buf_put(out, iv, sizeof(iv));
    buf_put(out, mem, req->data.len);
    buf_put(out, tag, sizeof(tag));
    return HUFU_OK;
}

static inline enum hufu_err fake_open(struct fake_hsm *h, const struct hsm_request *req,
                                      struct buf *out)
{
    const struct fake_key *key = fake_find(h, req->key_id, false);
    uint8_t mem[HSM_SEALED_MAX], tag[16];
    size_t len = req->data.len < 29 ? 0 : req->data.len - 29;

    if (key == NULL)
        return HUFU_NOT_FOUND;
    if (req->data.len < 30 || req->data.p[0] != 1)
        return HUFU_CORRUPT;
    memcpy(tag, req->data.p + 13 + len, sizeof(tag));
    if (!fake_gcm(key, false, req->aad, req->data.p + 1, req->data.p + 13, len, mem, tag))
        return HUFU_CORRUPT;
    buf_put(out, mem, len);
    return HUFU_OK;
}

static inline enum hufu_err fake_spki(const struct fake_key *key, struct buf *out)
{
    uint8_t *der = NULL;
    int len = key == NULL ? -1 : i2d_PUBKEY(key->pair, &der);

    if (len > 0)
        buf_put(out, der, (size_t)len);
    OPENSSL_free(der);
    return key == NULL ? HUFU_NOT_FOUND : len > 0 ? HUFU_OK : HUFU_HSM_FAILED;
}

static inline enum hufu_err fake_sign(struct fake_hsm *h, const struct hsm_request *req,
                                      struct buf *out)
{
    const struct fake_key *key = fake_find(h, req->key_id, true);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t sig[256];
    size_t len = sizeof(sig);
    enum hufu_err err = key == NULL ? HUFU_NOT_FOUND : HUFU_HSM_FAILED;

    if (key != NULL && ctx != NULL &&
        EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key->pair) == 1 &&
        EVP_DigestSign(ctx, sig, &len, req->data.p, req->data.len) == 1) {
        buf_put(out, sig, len);
        err = HUFU_OK;
    }
    EVP_MD_CTX_free(ctx);
    return err;
}

static inline enum hufu_err fake_make(struct fake_hsm *h, const struct hsm_request *req,
                                      struct buf *out)
{
    bool pair = req->call == HSM_SIGN_MAKE;
    struct fake_key *key;

    if (fake_find(h, req->key_id, pair) != NULL)
        return HUFU_CONFLICT;
    key = fake_add(h, req->key_id);
    if (pair) {
        key->pair = EVP_EC_gen("P-256");
        return key->pair == NULL ? HUFU_HSM_FAILED : fake_spki(key, out);
    }
    return RAND_bytes(key->aes, sizeof(key->aes)) == 1 ? HUFU_OK : HUFU_HSM_FAILED;
}

/* Data goes to data, text is the same for all KEKs. */
static inline enum hufu_err fake_do(struct fake_hsm *h, const struct hsm_request *req,
                                    struct buf *data)
{
    struct fake_key *key;

    switch (req->call) {
    case HSM_STATUS:
        return HUFU_OK;
    case HSM_KEK_MAKE:
    case HSM_SIGN_MAKE:
        return fake_make(h, req, data);
    case HSM_KEK_FIND:
        return fake_find(h, req->key_id, false) == NULL ? HUFU_NOT_FOUND : HUFU_OK;
    case HSM_KEK_DESTROY:
        key = fake_find(h, req->key_id, false);
        if (key == NULL)
            return HUFU_NOT_FOUND;
        *key = h->key[--h->count];
        return HUFU_OK;
    case HSM_SEAL:
        return fake_seal(h, req, data);
    case HSM_OPEN:
        return fake_open(h, req, data);
    case HSM_SIGN_PUBLIC:
        return fake_spki(fake_find(h, req->key_id, true), data);
    case HSM_SIGN:
        return fake_sign(h, req, data);
    default:
        return HUFU_HSM_FAILED;
    }
}

static inline enum hufu_err fake_call(struct hsm_ops *ops, const struct hsm_request *req,
                                      struct buf *mem, struct hsm_reply *out)
{
    struct fake_hsm *h = (struct fake_hsm *)ops;
    struct hsm_reply reply = { 0 };
    uint8_t data_mem[HSM_SEALED_MAX];
    struct buf data;
    bool fails;

    h->calls++;
    fails = h->fail_in > 0 && --h->fail_in == 0;
    if (h->down)
        return HUFU_HSM_DOWN;
    if (h->pin_refused)
        return HUFU_HSM_PIN;
    if (fails && !h->fail_late)
        return h->fail_err;
    buf_fixed(&data, data_mem, sizeof(data_mem));
    reply.err = fake_do(h, req, &data);
    if (reply.err == HUFU_OK) {
        reply.data = buf_view(&data);
        reply.text = view_str("fake token, label hufu, sensitive, never extractable");
    }
    hsm_reply_put(mem, &reply);
    if (buf_check(mem) != HUFU_OK || hsm_reply_get(buf_view(mem), out) != HUFU_OK) {
        fprintf(stderr, "fake_hsm: a reply that does not fit its layout\n");
        exit(1);
    }
    buf_done(&data);
    return fails ? h->fail_err : out->err;
}

static inline void fake_hsm_init(struct fake_hsm *h)
{
    memset(h, 0, sizeof(*h));
    h->ops.call = fake_call;
}

static inline void fake_hsm_done(struct fake_hsm *h)
{
    for (size_t i = 0; i < h->count; i++)
        EVP_PKEY_free(h->key[i].pair);
    memset(h, 0, sizeof(*h));
}

/* The n-th call from now fails with err; late: after it has done its work. */
static inline void fake_hsm_fail(struct fake_hsm *h, unsigned n, enum hufu_err err, bool late)
{
    h->fail_in = n;
    h->fail_err = err;
    h->fail_late = late;
}

#endif
