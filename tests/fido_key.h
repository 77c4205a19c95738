/*
 * fido_key.h - a FIDO2 key in software, and the browser before it: what they show, right or wrong.
 *
 * Layer:   tests/. Includes vault/base/, libcrypto.
 * Threads: one.
 * Source:  W3C Web Authentication Level 2, sections 5.8.1, 6.1, 6.5; RFC 8152 sections 7 and 13.
 */
#ifndef HUFU_TESTS_FIDO_KEY_H
#define HUFU_TESTS_FIDO_KEY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include "vault/access/fido.h"
#include "vault/base/text.h"

#define SOFT_RP_ID  "vault.test"
#define SOFT_ORIGIN "https://vault.test:8443"
#define SOFT_MAX    4096

struct soft_key { /* its private key and how it behaves from now on */
    EVP_PKEY *pkey;
    enum fido_alg alg;
    uint8_t id[64];
    size_t id_len;
    uint32_t count, step; /* the counter, and what each signature adds to it */
    uint8_t flags;        /* presence and verification */
    const char *rp_id, *origin, *type, *tail;
    const char *extensions; /* behind authenticator data, unasked; NULL: none */
    const char *fmt;        /* of an attestation: "none", "packed" */
    bool wrong_signature;
};

struct soft_bytes {
    uint8_t p[SOFT_MAX];
    size_t len;
};

struct soft_shown { /* raw: what a request has in base64url */
    struct soft_bytes id, client_data, auth_data, signature, object;
};

static inline void soft_check(bool ok)
{
    if (!ok) {
        fprintf(stderr, "fido_key: libcrypto failed\n");
        abort();
    }
}

static inline void soft_put(struct soft_bytes *b, const void *in, size_t in_len)
{
    soft_check(in_len <= sizeof(b->p) - b->len);
    memcpy(b->p + b->len, in, in_len);
    b->len += in_len;
}

static inline void soft_str(struct soft_bytes *b, const char *text)
{
    soft_put(b, text, strlen(text));
}

static inline struct view soft_view(const struct soft_bytes *b)
{
    return view_of(b->p, b->len);
}

static inline void soft_reset(struct soft_key *k)
{
    k->step = 1;
    k->flags = FIDO_FLAG_UP | FIDO_FLAG_UV;
    k->rp_id = SOFT_RP_ID;
    k->origin = SOFT_ORIGIN;
    k->type = NULL; /* the right one */
    k->tail = ",\"crossOrigin\":false}";
    k->extensions = NULL;
    k->fmt = "none";
    k->wrong_signature = false;
}

static inline void soft_new(struct soft_key *k, enum fido_alg alg, uint8_t name)
{
    memset(k, 0, sizeof(*k));
    k->alg = alg;
    k->pkey = alg == FIDO_ES256   ? EVP_EC_gen("P-256")
              : alg == FIDO_EDDSA ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                  : EVP_RSA_gen(2048);
    soft_check(k->pkey != NULL);
    k->id_len = 32;
    for (size_t i = 0; i < k->id_len; i++)
        k->id[i] = (uint8_t)(name * 31 + i);
    soft_reset(k);
}

static inline void soft_free(struct soft_key *k)
{
    EVP_PKEY_free(k->pkey);
    k->pkey = NULL;
}

/* COSE_Key, canonical. */
static inline void soft_put_cose(struct soft_bytes *b, const struct soft_key *k)
{
    uint8_t point[65], raw[256];
    size_t len = 0;
    BIGNUM *n = NULL;

    switch (k->alg) {
    case FIDO_ES256:
        soft_check(EVP_PKEY_get_octet_string_param(k->pkey, OSSL_PKEY_PARAM_PUB_KEY, point,
                                                   sizeof(point), &len) == 1 &&
                   len == sizeof(point));
        soft_put(b, "\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", 10);
        soft_put(b, point + 1, 32);
        soft_put(b, "\x22\x58\x20", 3);
        soft_put(b, point + 33, 32);
        return;
    case FIDO_EDDSA:
        len = 32;
        soft_check(EVP_PKEY_get_raw_public_key(k->pkey, raw, &len) == 1 && len == 32);
        soft_put(b, "\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20", 10);
        soft_put(b, raw, len);
        return;
    case FIDO_RS256:
        soft_check(EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
                   BN_bn2binpad(n, raw, sizeof(raw)) == (int)sizeof(raw));
        BN_free(n);
        soft_put(b, "\xa4\x01\x03\x03\x39\x01\x00\x20\x59\x01\x00", 11);
        soft_put(b, raw, sizeof(raw));
        soft_put(b, "\x21\x43\x01\x00\x01", 5);
        return;
    }
}

static inline void soft_auth_data(struct soft_key *k, bool attested, struct soft_bytes *out)
{
    static const uint8_t aaguid[FIDO_AAGUID_LEN] = "software key 01";
    uint8_t hash[SHA256_DIGEST_LENGTH], head[5], len[2];

    k->count += k->step;
    SHA256((const uint8_t *)k->rp_id, strlen(k->rp_id), hash);
    head[0] = (uint8_t)(k->flags | (attested ? FIDO_FLAG_ATTESTED : 0) |
                        (k->extensions != NULL ? FIDO_FLAG_EXTENSIONS : 0));
    for (int i = 0; i < 4; i++)
        head[1 + i] = (uint8_t)(k->count >> (24 - 8 * i));
    out->len = 0;
    soft_put(out, hash, sizeof(hash));
    soft_put(out, head, sizeof(head));
    if (attested) {
        soft_put(out, aaguid, sizeof(aaguid));
        len[0] = (uint8_t)(k->id_len >> 8);
        len[1] = (uint8_t)k->id_len;
        soft_put(out, len, sizeof(len));
        soft_put(out, k->id, k->id_len);
        soft_put_cose(out, k);
    }
    if (k->extensions != NULL)
        soft_str(out, k->extensions);
}

static inline void soft_client_data(const struct soft_key *k, const char *type,
                                    const char *challenge, struct soft_bytes *out)
{
    out->len = 0;
    soft_str(out, "{\"type\":\"");
    soft_str(out, k->type != NULL ? k->type : type);
    soft_str(out, "\",\"challenge\":\"");
    soft_str(out, challenge);
    soft_str(out, "\",\"origin\":\"");
    soft_str(out, k->origin);
    soft_str(out, "\"");
    soft_str(out, k->tail);
}

static inline void soft_sign(const struct soft_key *k, const struct soft_bytes *auth_data,
                             const struct soft_bytes *client_data, struct soft_bytes *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const EVP_MD *md = k->alg == FIDO_EDDSA ? NULL : EVP_sha256();
    struct soft_bytes text = *auth_data;
    uint8_t hash[SHA256_DIGEST_LENGTH];
    size_t len = sizeof(out->p);

    SHA256(client_data->p, client_data->len, hash);
    soft_put(&text, hash, sizeof(hash));
    soft_check(ctx != NULL && EVP_DigestSignInit(ctx, NULL, md, NULL, k->pkey) == 1 &&
               EVP_DigestSign(ctx, out->p, &len, text.p, text.len) == 1);
    EVP_MD_CTX_free(ctx);
    out->len = len;
    if (k->wrong_signature)
        out->p[len - 1] ^= 1;
}

/* An assertion over a challenge. */
static inline void soft_assert(struct soft_key *k, const char *challenge, struct soft_shown *out)
{
    out->id.len = 0;
    soft_put(&out->id, k->id, k->id_len);
    soft_client_data(k, "webauthn.get", challenge, &out->client_data);
    soft_auth_data(k, false, &out->auth_data);
    soft_sign(k, &out->auth_data, &out->client_data, &out->signature);
}

/* A CBOR byte string. */
static inline void soft_put_cbor(struct soft_bytes *b, const struct soft_bytes *in)
{
    const uint8_t head[3] = { 0x59, (uint8_t)(in->len >> 8), (uint8_t)in->len };
    const uint8_t brief[2] = { 0x58, (uint8_t)in->len };

    if (in->len > 255)
        soft_put(b, head, sizeof(head));
    else
        soft_put(b, brief, sizeof(brief));
    soft_put(b, in->p, in->len);
}

/* A new key made for a challenge: its attestation object. */
static inline void soft_attest(struct soft_key *k, const char *challenge, struct soft_shown *out)
{
    struct soft_bytes *o = &out->object;

    soft_client_data(k, "webauthn.create", challenge, &out->client_data);
    soft_auth_data(k, true, &out->auth_data);
    soft_sign(k, &out->auth_data, &out->client_data, &out->signature);
    o->len = 0;
    soft_str(o, "\xa3\x63"
                "fmt");
    o->p[o->len++] = (uint8_t)(0x60 + strlen(k->fmt));
    soft_str(o, k->fmt);
    soft_str(o, "\x67"
                "attStmt");
    if (strcmp(k->fmt, "packed") == 0) {
        soft_str(o, "\xa2\x63"
                    "alg");
        if (k->alg == FIDO_RS256)
            soft_put(o, "\x39\x01\x00", 3);
        else
            soft_str(o, k->alg == FIDO_ES256 ? "\x26" : "\x27");
        soft_str(o, "\x63sig");
        soft_put_cbor(o, &out->signature);
    } else {
        soft_str(o, "\xa0");
    }
    soft_str(o, "\x68"
                "authData");
    soft_put_cbor(o, &out->auth_data);
}

#endif
