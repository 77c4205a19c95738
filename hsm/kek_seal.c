#include "hsm/kek.h"

#include <string.h>

#include "hsm/ckr.h"
#include "hsm/object.h"
#include "vault/base/secret.h"

#define METHOD_GCM  1
#define METHOD_CBC  2
#define GCM_IV_LEN  12
#define GCM_TAG_LEN 16
#define CBC_IV_LEN  16
#define CBC_BLOCK   16
#define MAC_LEN     32
/* Fixed and roomy: some modules ask for more than they write, and size queries differ. */
#define WORK_MAX (HSM_SEALED_MAX + 256)

/* The longest sealed form must be one that the messages carry. */
_Static_assert(1 + CBC_IV_LEN + HSM_DATA_MAX + CBC_BLOCK + MAC_LEN <= HSM_SEALED_MAX, "sealed");

/* One mechanism with its parameter, for either direction. */
struct cipher {
    CK_MECHANISM mechanism;
    CK_GCM_PARAMS gcm;
    uint8_t iv[CBC_IV_LEN];
};

static void cipher_gcm(struct cipher *c, struct view aad)
{
    c->gcm = (CK_GCM_PARAMS){ .pIv = c->iv,
                              .ulIvLen = GCM_IV_LEN,
                              .ulIvBits = 8 * GCM_IV_LEN,
                              .pAAD = aad.len > 0 ? (CK_BYTE_PTR)aad.p : NULL,
                              .ulAADLen = aad.len,
                              .ulTagBits = 8 * GCM_TAG_LEN };
    c->mechanism = (CK_MECHANISM){ CKM_AES_GCM, &c->gcm, sizeof(c->gcm) };
}

static void cipher_cbc(struct cipher *c)
{
    c->mechanism = (CK_MECHANISM){ CKM_AES_CBC_PAD, c->iv, CBC_IV_LEN };
}

static CK_RV encrypt(struct module *m, struct cipher *c, CK_OBJECT_HANDLE key, struct view in,
                     uint8_t out[static WORK_MAX], CK_ULONG *out_len)
{
    *out_len = WORK_MAX;
    if (MODULE_CALL(m, C_EncryptInit, m->session, &c->mechanism, key) != CKR_OK)
        return m->rv;
    return MODULE_CALL(m, C_Encrypt, m->session, (CK_BYTE_PTR)in.p, in.len, out, out_len);
}

static CK_RV decrypt(struct module *m, struct cipher *c, CK_OBJECT_HANDLE key, struct view in,
                     uint8_t out[static WORK_MAX], CK_ULONG *out_len)
{
    *out_len = WORK_MAX;
    if (MODULE_CALL(m, C_DecryptInit, m->session, &c->mechanism, key) != CKR_OK)
        return m->rv;
    return MODULE_CALL(m, C_Decrypt, m->session, (CK_BYTE_PTR)in.p, in.len, out, out_len);
}

static enum hufu_err gcm_seal(struct module *m, CK_OBJECT_HANDLE key, struct view aad,
                              struct view data, struct buf *sealed)
{
    uint8_t work[WORK_MAX];
    struct cipher c;
    CK_ULONG len;

    cipher_gcm(&c, aad);
    if (MODULE_CALL(m, C_GenerateRandom, m->session, c.iv, GCM_IV_LEN) != CKR_OK ||
        encrypt(m, &c, key, data, work, &len) != CKR_OK)
        return ckr_err(m->rv);
    if (len != data.len + GCM_TAG_LEN)
        return HUFU_HSM_FAILED;
    buf_u8(sealed, METHOD_GCM);
    buf_put(sealed, c.iv, GCM_IV_LEN); /* as it is after the call: a token may choose its own */
    buf_put(sealed, work, len);
    return HUFU_OK;
}

/* The MAC is made and compared by us: tokens disagree on what C_Verify says to a wrong one. */
static enum hufu_err mac_make(struct module *m, CK_OBJECT_HANDLE mac, struct view aad,
                              struct view iv_and_ct, uint8_t out[static MAC_LEN])
{
    uint8_t mem[1 + 4 + HSM_DATA_MAX + WORK_MAX];
    CK_MECHANISM mechanism = { CKM_SHA256_HMAC, NULL, 0 };
    CK_ULONG len = MAC_LEN;
    struct buf in;

    buf_fixed(&in, mem, sizeof(mem));
    buf_u8(&in, METHOD_CBC);
    buf_lv32(&in, aad.p, aad.len);
    buf_put(&in, iv_and_ct.p, iv_and_ct.len);
    if (buf_check(&in) != HUFU_OK)
        return HUFU_RANGE;
    if (MODULE_CALL(m, C_SignInit, m->session, &mechanism, mac) != CKR_OK ||
        MODULE_CALL(m, C_Sign, m->session, in.p, in.len, out, &len) != CKR_OK)
        return ckr_err(m->rv);
    return len == MAC_LEN ? HUFU_OK : HUFU_HSM_FAILED;
}

static enum hufu_err cbc_seal(struct module *m, const struct kek_handles *keys, struct view aad,
                              struct view data, struct buf *sealed)
{
    uint8_t work[WORK_MAX], whole[WORK_MAX], mac[MAC_LEN];
    enum hufu_err err;
    struct cipher c;
    struct buf body;
    CK_ULONG len;

    cipher_cbc(&c);
    if (MODULE_CALL(m, C_GenerateRandom, m->session, c.iv, CBC_IV_LEN) != CKR_OK ||
        encrypt(m, &c, keys->key, data, work, &len) != CKR_OK)
        return ckr_err(m->rv);
    if (len != data.len + CBC_BLOCK - data.len % CBC_BLOCK)
        return HUFU_HSM_FAILED;
    buf_fixed(&body, whole, sizeof(whole));
    buf_put(&body, c.iv, CBC_IV_LEN);
    buf_put(&body, work, len);
    err = mac_make(m, keys->mac, aad, buf_view(&body), mac);
    if (err != HUFU_OK)
        return err;
    buf_u8(sealed, METHOD_CBC);
    buf_put(sealed, body.p, body.len);
    buf_put(sealed, mac, MAC_LEN);
    return HUFU_OK;
}

enum hufu_err kek_seal(struct module *m, struct view id, struct view aad, struct view data,
                       struct buf *sealed)
{
    struct kek_handles keys;
    enum hufu_err err;

    if (data.len == 0 || data.len > HSM_DATA_MAX || aad.len > HSM_DATA_MAX)
        return HUFU_RANGE;
    err = kek_handles(m, id, NULL, &keys);
    if (err != HUFU_OK)
        return err;
    if (keys.mac != CK_INVALID_HANDLE) /* made while the token had no GCM: stays so */
        return cbc_seal(m, &keys, aad, data, sealed);
    return gcm_seal(m, keys.key, aad, data, sealed);
}

/* Whether a failed decryption may be the fault of what came in. */
static bool is_doubtful(CK_RV rv)
{
    return ckr_class(rv) == CKR_CLASS_DATA || ckr_class(rv) == CKR_CLASS_UNCLEAR;
}

/* Seals and opens one block with the same key: the token can do it, so the blob is to blame. */
static enum hufu_err gcm_prove(struct module *m, CK_OBJECT_HANDLE key)
{
    uint8_t sealed[WORK_MAX], opened[WORK_MAX], block[CBC_BLOCK] = { 0 };
    struct view none = view_of(NULL, 0);
    struct cipher c;
    CK_ULONG len;

    cipher_gcm(&c, none);
    if (MODULE_CALL(m, C_GenerateRandom, m->session, c.iv, GCM_IV_LEN) != CKR_OK ||
        encrypt(m, &c, key, view_of(block, sizeof(block)), sealed, &len) != CKR_OK ||
        decrypt(m, &c, key, view_of(sealed, len), opened, &len) != CKR_OK)
        return HUFU_HSM_DOWN;
    return len == sizeof(block) && bytes_equal(opened, block, len) ? HUFU_OK : HUFU_HSM_DOWN;
}

/*
 * SoftHSM reports a wrong tag as CKR_GENERAL_ERROR, and so it does a token in trouble. Hence: prove
 * the token with the same key, then try once more; only then is it CORRUPT.
 */
static enum hufu_err gcm_open(struct module *m, CK_OBJECT_HANDLE key, struct view aad,
                              struct view sealed, struct buf *data)
{
    uint8_t work[WORK_MAX];
    struct view ct = view_of(sealed.p + 1 + GCM_IV_LEN, sealed.len - 1 - GCM_IV_LEN);
    enum hufu_err err = HUFU_OK;
    struct cipher c;
    CK_ULONG len;

    cipher_gcm(&c, aad);
    memcpy(c.iv, sealed.p + 1, GCM_IV_LEN);
    if (decrypt(m, &c, key, ct, work, &len) != CKR_OK && is_doubtful(m->rv)) {
        err = gcm_prove(m, key);
        if (err == HUFU_OK)
            (void)decrypt(m, &c, key, ct, work, &len);
    }
    if (err == HUFU_OK && m->rv != CKR_OK)
        err = is_doubtful(m->rv) ? HUFU_CORRUPT : ckr_err(m->rv);
    else if (err == HUFU_OK && len != ct.len - GCM_TAG_LEN)
        err = HUFU_HSM_FAILED;
    if (err == HUFU_OK)
        buf_put(data, work, len);
    wipe(work, sizeof(work));
    return err;
}

/* A MAC that differs comes from a call that succeeded: no doubt about the token. */
static enum hufu_err cbc_open(struct module *m, const struct kek_handles *keys, struct view aad,
                              struct view sealed, struct buf *data)
{
    uint8_t work[WORK_MAX], mac[MAC_LEN];
    struct view body = view_of(sealed.p + 1, sealed.len - 1 - MAC_LEN);
    struct view ct = view_of(body.p + CBC_IV_LEN, body.len - CBC_IV_LEN);
    enum hufu_err err;
    struct cipher c;
    CK_ULONG len = 0;

    err = mac_make(m, keys->mac, aad, body, mac);
    if (err != HUFU_OK)
        return err;
    if (!bytes_equal(mac, body.p + body.len, MAC_LEN))
        return HUFU_CORRUPT;
    cipher_cbc(&c);
    memcpy(c.iv, body.p, CBC_IV_LEN);
    if (decrypt(m, &c, keys->key, ct, work, &len) != CKR_OK)
        err = ckr_err(m->rv); /* the MAC was right, so the token is to blame */
    else if (len == 0 || len > HSM_DATA_MAX)
        err = HUFU_HSM_FAILED;
    if (err == HUFU_OK)
        buf_put(data, work, len);
    wipe(work, sizeof(work));
    return err;
}

enum hufu_err kek_open(struct module *m, struct view id, struct view aad, struct view sealed,
                       struct buf *data)
{
    struct kek_handles keys;
    enum hufu_err err;

    if (sealed.len == 0 || sealed.len > HSM_SEALED_MAX || aad.len > HSM_DATA_MAX)
        return HUFU_RANGE;
    err = kek_handles(m, id, NULL, &keys);
    if (err != HUFU_OK)
        return err;
    if (sealed.p[0] == METHOD_GCM && sealed.len > 1 + GCM_IV_LEN + GCM_TAG_LEN &&
        sealed.len <= 1 + GCM_IV_LEN + GCM_TAG_LEN + HSM_DATA_MAX)
        return gcm_open(m, keys.key, aad, sealed, data);
    if (sealed.p[0] == METHOD_CBC && keys.mac != CK_INVALID_HANDLE &&
        sealed.len >= 1 + CBC_IV_LEN + CBC_BLOCK + MAC_LEN &&
        (sealed.len - 1 - MAC_LEN) % CBC_BLOCK == 0)
        return cbc_open(m, &keys, aad, sealed, data);
    return HUFU_CORRUPT;
}
