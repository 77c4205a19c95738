#include "hsm/kek.h"

#include "hsm/ckr.h"
#include "hsm/object.h"

#define MAC_SUFFIX "-mac"
#define MAC_ID_MAX (HSM_KEY_ID_MAX + sizeof(MAC_SUFFIX))

static const CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
static const CK_ULONG key_bytes = 32;

static struct view mac_id(struct view id, uint8_t mem[static MAC_ID_MAX])
{
    struct buf b;

    buf_fixed(&b, mem, MAC_ID_MAX);
    buf_put(&b, id.p, id.len);
    buf_str(&b, MAC_SUFFIX);
    return buf_view(&b);
}

/* What a kind of key is made with. */
struct kind {
    CK_KEY_TYPE type;
    CK_MECHANISM_TYPE generator;
    CK_MECHANISM_TYPE use; /* the only mechanism it may be used with, where the token can say so */
    bool is_cipher;        /* ENCRYPT and DECRYPT, else SIGN */
};
static const struct kind kind_gcm = { CKK_AES, CKM_AES_KEY_GEN, CKM_AES_GCM, true };
static const struct kind kind_cbc = { CKK_AES, CKM_AES_KEY_GEN, CKM_AES_CBC_PAD, true };
static const struct kind kind_mac = { CKK_GENERIC_SECRET, CKM_GENERIC_SECRET_KEY_GEN,
                                      CKM_SHA256_HMAC, false };

static void kind_put(struct object_template *t, const struct kind *kind, struct view id)
{
    object_put(t, CKA_CLASS, &secret_class, sizeof(secret_class));
    object_put(t, CKA_KEY_TYPE, &kind->type, sizeof(kind->type));
    object_put(t, CKA_VALUE_LEN, &key_bytes, sizeof(key_bytes));
    object_put_id(t, id);
    object_put_bool(t, CKA_TOKEN, true);
    object_put_bool(t, CKA_PRIVATE, true);
    object_put_bool(t, CKA_SENSITIVE, true);
    object_put_bool(t, CKA_EXTRACTABLE, false);
    object_put_bool(t, CKA_ENCRYPT, kind->is_cipher);
    object_put_bool(t, CKA_DECRYPT, kind->is_cipher);
    object_put_bool(t, CKA_SIGN, !kind->is_cipher);
    object_put_bool(t, CKA_VERIFY, !kind->is_cipher);
    object_put_bool(t, CKA_WRAP, false);
    object_put_bool(t, CKA_UNWRAP, false);
    object_put_bool(t, CKA_DERIVE, false);
}

/* Generates with as much hardening as the token takes, and reads back what came out of it. */
static enum hufu_err key_make(struct module *m, const struct kind *kind, struct view id,
                              struct buf *text)
{
    CK_MECHANISM mechanism = { kind->generator, NULL, 0 };
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    enum hufu_err err;

    for (unsigned attempt = 0; attempt < OBJECT_TRIES; attempt++) {
        struct object_template t = { .count = 0 };

        kind_put(&t, kind, id);
        object_put_options(&t, attempt, &kind->use);
        if (MODULE_CALL(m, C_GenerateKey, m->session, &mechanism, t.attrs, t.count, &key) ==
                CKR_OK ||
            !object_is_choosy(m->rv))
            break;
    }
    if (m->rv != CKR_OK)
        return ckr_err(m->rv);
    m->has_made = true;
    err = object_check(m, key, kind->type, text);
    if (err != HUFU_OK)
        object_discard(m, key);
    return err;
}

/* CONFLICT where an object of this id is there, of whatever kind. */
static enum hufu_err absent_check(struct module *m, struct view id)
{
    CK_OBJECT_HANDLE object;
    enum hufu_err err = object_find(m, CKO_SECRET_KEY, id, &object);

    if (err == HUFU_NOT_FOUND)
        return HUFU_OK;
    if (err == HUFU_OK || (err == HUFU_HSM_FAILED && m->rv == CKR_OK)) /* one, or several */
        return HUFU_CONFLICT;
    return err;
}

enum hufu_err kek_make(struct module *m, struct view id, struct buf *text)
{
    uint8_t mem[MAC_ID_MAX];
    struct view id_of_mac = mac_id(id, mem);
    CK_OBJECT_HANDLE mac = CK_INVALID_HANDLE;
    enum hufu_err err;

    if (!m->has_gcm && !m->has_cbc_mac)
        return HUFU_HSM_FAILED;
    err = absent_check(m, id);
    if (err != HUFU_OK)
        return err;
    err = absent_check(m, id_of_mac);
    if (err != HUFU_OK)
        return err;
    if (m->has_gcm)
        return key_make(m, &kind_gcm, id, text);
    /* The MAC key first: where the key itself is there, the pair is complete. */
    err = key_make(m, &kind_mac, id_of_mac, NULL);
    if (err == HUFU_OK)
        err = object_find(m, CKO_SECRET_KEY, id_of_mac, &mac);
    if (err == HUFU_OK)
        err = key_make(m, &kind_cbc, id, text);
    if (err != HUFU_OK && mac != CK_INVALID_HANDLE)
        object_discard(m, mac);
    return err;
}

enum hufu_err kek_handles(struct module *m, struct view id, struct buf *text,
                          struct kek_handles *out)
{
    struct kek_handles found = { CK_INVALID_HANDLE, CK_INVALID_HANDLE };
    uint8_t mem[MAC_ID_MAX];
    enum hufu_err err;

    err = object_find(m, CKO_SECRET_KEY, id, &found.key);
    if (err != HUFU_OK)
        return err;
    err = object_check(m, found.key, CKK_AES, text);
    if (err != HUFU_OK)
        return err;
    err = object_find(m, CKO_SECRET_KEY, mac_id(id, mem), &found.mac);
    if (err == HUFU_OK)
        err = object_check(m, found.mac, CKK_GENERIC_SECRET, NULL);
    else if (err == HUFU_NOT_FOUND)
        err = HUFU_OK;
    if (err == HUFU_OK)
        *out = found;
    return err;
}

enum hufu_err kek_find(struct module *m, struct view id, struct buf *text)
{
    struct kek_handles handles;

    return kek_handles(m, id, text, &handles);
}

/* Destroys one object and looks again: a destroyed key is a promise to somebody. */
static enum hufu_err key_destroy(struct module *m, struct view id)
{
    CK_OBJECT_HANDLE key;
    enum hufu_err err = object_find(m, CKO_SECRET_KEY, id, &key);

    if (err != HUFU_OK)
        return err;
    err = object_destroy(m, key);
    if (err != HUFU_OK)
        return err;
    err = object_find(m, CKO_SECRET_KEY, id, &key);
    if (err == HUFU_NOT_FOUND)
        return HUFU_OK;
    return err == HUFU_OK ? HUFU_HSM_FAILED : err;
}

enum hufu_err kek_destroy(struct module *m, struct view id)
{
    uint8_t mem[MAC_ID_MAX];
    enum hufu_err err = key_destroy(m, mac_id(id, mem));

    if (err != HUFU_OK && err != HUFU_NOT_FOUND)
        return err;
    return key_destroy(m, id);
}
