#include "vault/keys/crypt.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "vault/base/secret.h"

#define SLOTS 64 /* keyed contexts per thread; a collision of serials only costs time */

struct slot {
    uint32_t seal_serial, open_serial, mac_serial, ff1_serial; /* 0: not keyed */
    EVP_CIPHER_CTX *seal, *open;
    EVP_MAC_CTX *mac;
    struct ff1 *ff1;
};

struct crypt {
    EVP_CIPHER *gcm;
    EVP_MAC *hmac;
    uint32_t ends; /* key_ends when the slots were last emptied */
    struct slot slot[SLOTS];
};

enum hufu_err crypt_new(struct crypt **out)
{
    struct crypt *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return HUFU_NOMEM;
    c->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    c->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (c->gcm == NULL || c->hmac == NULL) {
        crypt_free(c);
        return HUFU_NOMEM;
    }
    c->ends = key_ends();
    *out = c;
    return HUFU_OK;
}

static void slots_empty(struct crypt *c)
{
    for (size_t i = 0; i < SLOTS; i++) {
        EVP_CIPHER_CTX_free(c->slot[i].seal);
        EVP_CIPHER_CTX_free(c->slot[i].open);
        EVP_MAC_CTX_free(c->slot[i].mac);
        ff1_free(c->slot[i].ff1);
        c->slot[i] = (struct slot){ 0 };
    }
}

void crypt_free(struct crypt *c)
{
    if (c == NULL)
        return;
    slots_empty(c);
    EVP_CIPHER_free(c->gcm);
    EVP_MAC_free(c->hmac);
    free(c);
}

static struct slot *slot_of(struct crypt *c, const struct key *key)
{
    uint32_t now = key_ends();

    if (c->ends != now)
        slots_empty(c);
    c->ends = now;
    return &c->slot[key->serial % SLOTS];
}

/* A context keyed with key, for sealing (1) or opening (0); NULL where the library fails. */
static EVP_CIPHER_CTX *cipher(struct crypt *c, const struct key *key, int seal)
{
    struct slot *s = slot_of(c, key);
    EVP_CIPHER_CTX **ctx = seal ? &s->seal : &s->open;
    uint32_t *serial = seal ? &s->seal_serial : &s->open_serial;

    assert(secret_len(key->secret) == KEY_LEN);
    if (*ctx != NULL && *serial == key->serial)
        return *ctx;
    if (*ctx == NULL)
        *ctx = EVP_CIPHER_CTX_new();
    *serial = 0;
    if (*ctx == NULL ||
        EVP_CipherInit_ex2(*ctx, c->gcm, secret_read(key->secret), NULL, seal, NULL) != 1)
        return NULL;
    *serial = key->serial;
    return *ctx;
}

static int feed_aad(EVP_CIPHER_CTX *ctx, const struct view *aad, size_t aad_count)
{
    int n;

    for (size_t i = 0; i < aad_count; i++) {
        if (aad[i].len > INT_MAX)
            return 0;
        if (aad[i].len > 0 && EVP_CipherUpdate(ctx, NULL, &n, aad[i].p, (int)aad[i].len) != 1)
            return 0;
    }
    return 1;
}

enum hufu_err crypt_seal(struct crypt *c, const struct key *key,
                         const uint8_t nonce[static CRYPT_NONCE_LEN], const struct view *aad,
                         size_t aad_count, uint8_t *text, size_t text_len,
                         uint8_t tag[static CRYPT_TAG_LEN])
{
    EVP_CIPHER_CTX *ctx = cipher(c, key, 1);
    OSSL_PARAM want[] = {
        OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, CRYPT_TAG_LEN),
        OSSL_PARAM_construct_end(),
    };
    int n;

    if (ctx == NULL || text_len > INT_MAX ||
        EVP_CipherInit_ex2(ctx, NULL, NULL, nonce, 1, NULL) != 1 ||
        !feed_aad(ctx, aad, aad_count) ||
        EVP_CipherUpdate(ctx, text, &n, text, (int)text_len) != 1 || (size_t)n != text_len ||
        EVP_CipherFinal_ex(ctx, text + text_len, &n) != 1 ||
        EVP_CIPHER_CTX_get_params(ctx, want) != 1)
        return HUFU_IO;
    return HUFU_OK;
}

enum hufu_err crypt_open(struct crypt *c, const struct key *key,
                         const uint8_t nonce[static CRYPT_NONCE_LEN], const struct view *aad,
                         size_t aad_count, const uint8_t *in, size_t in_len,
                         const uint8_t tag[static CRYPT_TAG_LEN], uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = cipher(c, key, 0);
    uint8_t expect[CRYPT_TAG_LEN];
    int n;

    for (size_t i = 0; i < CRYPT_TAG_LEN; i++)
        expect[i] = tag[i];
    if (ctx == NULL || in_len > INT_MAX ||
        EVP_CipherInit_ex2(ctx, NULL, NULL, nonce, 0, NULL) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, CRYPT_TAG_LEN, expect) != 1 ||
        !feed_aad(ctx, aad, aad_count))
        return HUFU_IO;
    if (EVP_CipherUpdate(ctx, out, &n, in, (int)in_len) != 1 || (size_t)n != in_len ||
        EVP_CipherFinal_ex(ctx, out + in_len, &n) != 1) {
        wipe(out, in_len);
        return HUFU_CORRUPT;
    }
    return HUFU_OK;
}

static EVP_MAC_CTX *mac(struct crypt *c, const struct key *key)
{
    struct slot *s = slot_of(c, key);
    char sha256[] = "SHA256";
    OSSL_PARAM how[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
                         OSSL_PARAM_construct_end() };

    if (s->mac != NULL && s->mac_serial == key->serial)
        return EVP_MAC_init(s->mac, NULL, 0, NULL) == 1 ? s->mac : NULL;
    if (s->mac == NULL)
        s->mac = EVP_MAC_CTX_new(c->hmac);
    s->mac_serial = 0;
    if (s->mac == NULL || EVP_MAC_init(s->mac, secret_read(key->secret), KEY_LEN, how) != 1)
        return NULL;
    s->mac_serial = key->serial;
    return s->mac;
}

enum hufu_err crypt_mac(struct crypt *c, const struct key *key, const struct view *part,
                        size_t part_count, uint8_t out[static CRYPT_MAC_LEN])
{
    EVP_MAC_CTX *ctx = mac(c, key);
    size_t n;

    if (ctx == NULL)
        return HUFU_IO;
    for (size_t i = 0; i < part_count; i++)
        if (part[i].len > 0 && EVP_MAC_update(ctx, part[i].p, part[i].len) != 1)
            return HUFU_IO;
    return EVP_MAC_final(ctx, out, &n, CRYPT_MAC_LEN) == 1 && n == CRYPT_MAC_LEN ? HUFU_OK
                                                                                 : HUFU_IO;
}

static enum hufu_err ff1_keyed(struct crypt *c, const struct key *key, struct ff1 **out)
{
    struct slot *s = slot_of(c, key);
    enum hufu_err err = HUFU_OK;

    if (s->ff1 == NULL || s->ff1_serial != key->serial) {
        ff1_free(s->ff1);
        s->ff1 = NULL;
        err = ff1_new(secret_read(key->secret), KEY_LEN, &s->ff1);
        s->ff1_serial = key->serial;
    }
    if (err == HUFU_OK)
        *out = s->ff1;
    return err;
}

enum hufu_err crypt_ff1(struct crypt *c, const struct key *key, enum crypt_way way,
                        const struct ff1_lot *lot, const uint16_t *in, uint16_t *out)
{
    struct ff1 *f;
    enum hufu_err err = ff1_keyed(c, key, &f);

    if (err != HUFU_OK)
        return err;
    return way == CRYPT_ENCRYPT ? ff1_encrypt(f, lot, in, out) : ff1_decrypt(f, lot, in, out);
}
