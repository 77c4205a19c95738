#include "vault/access/fido.h"

#include <string.h>

#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/rs256.h>

#include "vault/base/digest.h"

#define ES256_LEN 64
#define EDDSA_LEN 32
#define RS256_LEN 259

#define NAME(id, name) name,
static const char *const fault_names[FIDO_FAULT_COUNT] = { FIDO_FAULTS(NAME) };
#undef NAME

const char *fido_fault_name(unsigned fault)
{
    return fault < FIDO_FAULT_COUNT ? fault_names[fault] : "?";
}

size_t fido_public_len(unsigned alg)
{
    switch (alg) {
    case FIDO_ES256:
        return ES256_LEN;
    case FIDO_EDDSA:
        return EDDSA_LEN;
    case FIDO_RS256:
        return RS256_LEN;
    default:
        return 0;
    }
}

/* SEC 2 section 2.4.2: the base point of P-256, which is a point of the curve like any other. */
struct fido_public fido_nobody(void)
{
    static const uint8_t base[ES256_LEN] = {
        0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63,
        0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1,
        0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f,
        0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57,
        0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
    };
    struct fido_public nobody = { .alg = FIDO_ES256, .key_len = ES256_LEN };

    memcpy(nobody.key, base, sizeof(base));
    return nobody;
}

enum hufu_err fido_head_get(struct view auth_data, struct fido_head *out)
{
    struct fido_head head;
    struct reader r;

    if (auth_data.len < FIDO_HEAD_LEN || auth_data.len > FIDO_AUTH_DATA_MAX)
        return HUFU_SYNTAX;
    reader_init(&r, auth_data.p, auth_data.len);
    head.rp_id_hash = reader_take(&r, DIGEST_LEN);
    head.flags = reader_u8(&r);
    head.count = reader_be32(&r);
    *out = head;
    return HUFU_OK;
}

enum fido_fault fido_head_judge(const struct fido_head *head, const char *rp_id)
{
    struct view name = view_str(rp_id);
    uint8_t hash[DIGEST_LEN];

    if (digest_sha256(&name, 1, hash) != HUFU_OK)
        return FIDO_FORM;
    if (!view_equal(head->rp_id_hash, view_of(hash, sizeof(hash))))
        return FIDO_RP_ID;
    if ((head->flags & FIDO_FLAG_UP) == 0)
        return FIDO_PRESENCE;
    return (head->flags & FIDO_FLAG_UV) == 0 ? FIDO_VERIFICATION : FIDO_NONE;
}

static int verify_es256(const fido_assert_t *assert, const struct fido_public *key)
{
    es256_pk_t *pk = es256_pk_new();
    int r = FIDO_ERR_INTERNAL;

    if (pk != NULL && es256_pk_from_ptr(pk, key->key, key->key_len) == FIDO_OK)
        r = fido_assert_verify(assert, 0, COSE_ES256, pk);
    es256_pk_free(&pk);
    return r;
}

static int verify_eddsa(const fido_assert_t *assert, const struct fido_public *key)
{
    eddsa_pk_t *pk = eddsa_pk_new();
    int r = FIDO_ERR_INTERNAL;

    if (pk != NULL && eddsa_pk_from_ptr(pk, key->key, key->key_len) == FIDO_OK)
        r = fido_assert_verify(assert, 0, COSE_EDDSA, pk);
    eddsa_pk_free(&pk);
    return r;
}

static int verify_rs256(const fido_assert_t *assert, const struct fido_public *key)
{
    rs256_pk_t *pk = rs256_pk_new();
    int r = FIDO_ERR_INTERNAL;

    if (pk != NULL && rs256_pk_from_ptr(pk, key->key, key->key_len) == FIDO_OK)
        r = fido_assert_verify(assert, 0, COSE_RS256, pk);
    rs256_pk_free(&pk);
    return r;
}

static int verify(const fido_assert_t *assert, const struct fido_public *key)
{
    if (key->key_len != fido_public_len(key->alg))
        return FIDO_ERR_INTERNAL;
    switch (key->alg) {
    case FIDO_ES256:
        return verify_es256(assert, key);
    case FIDO_EDDSA:
        return verify_eddsa(assert, key);
    case FIDO_RS256:
        return verify_rs256(assert, key);
    default:
        return FIDO_ERR_INTERNAL;
    }
}

/* The library looks at rp id and flags too; it does not say which of them it refuses. */
static bool is_signed(const struct fido_public *key, const char *rp_id, struct view auth_data,
                      const uint8_t client_hash[static DIGEST_LEN], struct view signature)
{
    fido_assert_t *assert = fido_assert_new();
    bool ok = assert != NULL;

    ok = ok && fido_assert_set_clientdata_hash(assert, client_hash, DIGEST_LEN) == FIDO_OK &&
         fido_assert_set_rp(assert, rp_id) == FIDO_OK &&
         fido_assert_set_count(assert, 1) == FIDO_OK &&
         fido_assert_set_authdata_raw(assert, 0, auth_data.p, auth_data.len) == FIDO_OK &&
         fido_assert_set_up(assert, FIDO_OPT_TRUE) == FIDO_OK &&
         fido_assert_set_uv(assert, FIDO_OPT_TRUE) == FIDO_OK &&
         fido_assert_set_sig(assert, 0, signature.p, signature.len) == FIDO_OK;
    ok = ok && verify(assert, key) == FIDO_OK;
    fido_assert_free(&assert);
    return ok;
}

enum fido_fault fido_check(const struct fido_public *key, const char *rp_id, struct view auth_data,
                           struct view client_data, struct view signature, uint32_t *count_out)
{
    uint8_t hash[DIGEST_LEN];
    struct fido_head head;
    enum fido_fault fault;
    bool right;

    if (fido_head_get(auth_data, &head) != HUFU_OK || auth_data.len != FIDO_HEAD_LEN ||
        (head.flags & (FIDO_FLAG_ATTESTED | FIDO_FLAG_EXTENSIONS)) != 0 || signature.len == 0 ||
        signature.len > FIDO_SIGNATURE_MAX || digest_sha256(&client_data, 1, hash) != HUFU_OK)
        return FIDO_FORM;
    right = is_signed(key, rp_id, auth_data, hash, signature);
    fault = fido_head_judge(&head, rp_id);
    if (fault == FIDO_NONE && !right)
        fault = FIDO_SIGNATURE;
    if (fault == FIDO_NONE)
        *count_out = head.count;
    return fault;
}
