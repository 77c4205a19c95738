#include "hsm/sign.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#include "hsm/ckr.h"
#include "hsm/object.h"

#define SIGNATURE_MAX 128 /* bytes; DER of two P-256 integers takes at most 72 */

/* DER of the object identifier 1.2.840.10045.3.1.7, secp256r1 (RFC 5480 2.1.1.1). */
static const uint8_t p256_oid[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };

static void private_put(struct object_template *t, struct view id)
{
    object_put_id(t, id);
    object_put_bool(t, CKA_TOKEN, true);
    object_put_bool(t, CKA_PRIVATE, true);
    object_put_bool(t, CKA_SENSITIVE, true);
    object_put_bool(t, CKA_EXTRACTABLE, false);
    object_put_bool(t, CKA_SIGN, true);
    object_put_bool(t, CKA_DECRYPT, false);
    object_put_bool(t, CKA_UNWRAP, false);
    object_put_bool(t, CKA_DERIVE, false);
}

static void public_put(struct object_template *t, struct view id)
{
    object_put(t, CKA_EC_PARAMS, p256_oid, sizeof(p256_oid));
    object_put_id(t, id);
    object_put_bool(t, CKA_TOKEN, true);
    object_put_bool(t, CKA_PRIVATE, false);
    object_put_bool(t, CKA_VERIFY, true);
    object_put_bool(t, CKA_ENCRYPT, false);
    object_put_bool(t, CKA_WRAP, false);
}

static enum hufu_err pair_make(struct module *m, struct view id)
{
    static const CK_MECHANISM_TYPE use = CKM_ECDSA;
    CK_MECHANISM mechanism = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
    CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE, private_key = CK_INVALID_HANDLE;
    enum hufu_err err;

    for (unsigned attempt = 0; attempt < OBJECT_TRIES; attempt++) {
        struct object_template pub = { .count = 0 }, priv = { .count = 0 };

        public_put(&pub, id);
        private_put(&priv, id);
        object_put_options(&priv, attempt, &use);
        if (MODULE_CALL(m, C_GenerateKeyPair, m->session, &mechanism, pub.attrs, pub.count,
                        priv.attrs, priv.count, &public_key, &private_key) == CKR_OK ||
            !object_is_choosy(m->rv))
            break;
    }
    if (m->rv != CKR_OK)
        return ckr_err(m->rv);
    m->has_made = true;
    err = object_check(m, private_key, CKK_EC, NULL);
    if (err != HUFU_OK) {
        object_discard(m, private_key);
        object_discard(m, public_key);
    }
    return err;
}

static bool is_p256(const EVP_PKEY *key)
{
    char group[32] = { 0 };

    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
           EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

/* libp11 reads all keys of the token anew; what it gave before must not be used any more. */
static enum hufu_err key_fetch(struct module *m, struct view id, EVP_PKEY **out)
{
    PKCS11_KEY *keys = NULL;
    unsigned count = 0;

    ERR_clear_error();
    if (PKCS11_enumerate_keys(m->slot->token, &keys, &count) != 0) {
        module_note(m, "PKCS11_enumerate_keys");
        return ckr_err(m->rv);
    }
    for (unsigned i = 0; i < count; i++) {
        EVP_PKEY *key;

        if (!keys[i].isPrivate || !view_equal(view_of(keys[i].id, keys[i].id_len), id))
            continue;
        key = PKCS11_get_private_key(&keys[i]);
        if (!key || !is_p256(key)) {
            EVP_PKEY_free(key);
            module_note(m, "PKCS11_get_private_key");
            return HUFU_HSM_FAILED;
        }
        *out = key;
        return HUFU_OK;
    }
    return HUFU_NOT_FOUND;
}

/*
 * The key in m->sign_key, from the cache or the token. The session is asked each time: libp11 waits
 * for ever where it wants a new session and the token gives none.
 */
static enum hufu_err key_load(struct module *m, struct view id)
{
    CK_OBJECT_HANDLE object;
    EVP_PKEY *key = NULL;
    enum hufu_err err;

    err = module_check(m);
    if (err != HUFU_OK)
        return err;
    if (m->sign_key && view_equal(view_of(m->sign_id, m->sign_id_len), id))
        return HUFU_OK;
    err = object_find(m, CKO_PRIVATE_KEY, id, &object);
    if (err != HUFU_OK)
        return err;
    err = object_check(m, object, CKK_EC, NULL);
    if (err != HUFU_OK)
        return err;
    EVP_PKEY_free(m->sign_key);
    m->sign_key = NULL;
    err = key_fetch(m, id, &key);
    if (err != HUFU_OK)
        return err;
    m->sign_key = key;
    memcpy(m->sign_id, id.p, id.len);
    m->sign_id_len = id.len;
    return HUFU_OK;
}

enum hufu_err sign_make(struct module *m, struct view id, struct buf *spki)
{
    static const CK_OBJECT_CLASS classes[] = { CKO_PRIVATE_KEY, CKO_PUBLIC_KEY };
    CK_OBJECT_HANDLE object;
    enum hufu_err err;

    for (size_t i = 0; i < 2; i++) {
        err = object_find(m, classes[i], id, &object);
        if (err == HUFU_OK || (err == HUFU_HSM_FAILED && m->rv == CKR_OK)) /* one, or several */
            return HUFU_CONFLICT;
        if (err != HUFU_NOT_FOUND)
            return err;
    }
    err = pair_make(m, id);
    return err == HUFU_OK ? sign_public(m, id, spki) : err;
}

enum hufu_err sign_public(struct module *m, struct view id, struct buf *spki)
{
    unsigned char *der = NULL;
    enum hufu_err err;
    int len;

    err = key_load(m, id);
    if (err != HUFU_OK)
        return err;
    len = i2d_PUBKEY(m->sign_key, &der);
    if (len <= 0)
        return HUFU_HSM_FAILED;
    buf_put(spki, der, (size_t)len);
    OPENSSL_free(der);
    return HUFU_OK;
}

enum hufu_err sign_message(struct module *m, struct view id, struct view message,
                           struct buf *signature)
{
    uint8_t der[SIGNATURE_MAX];
    size_t len = sizeof(der);
    EVP_MD_CTX *ctx = NULL;
    enum hufu_err err;

    err = key_load(m, id);
    if (err != HUFU_OK)
        return err;
    ctx = EVP_MD_CTX_new();
    if (!ctx)
        return HUFU_HSM_FAILED;
    ERR_clear_error();
    if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, m->sign_key) == 1 &&
        EVP_DigestSign(ctx, der, &len, message.p, message.len) == 1 && len <= sizeof(der)) {
        buf_put(signature, der, len);
    } else {
        module_note(m, "C_Sign");
        err = ckr_err(m->rv);
    }
    EVP_MD_CTX_free(ctx);
    return err;
}
