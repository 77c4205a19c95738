/*
 * New keys: the attestation object's CBOR and the key inside, read here to the byte. The library
 * sees only what has passed: its CBOR reader asks for as much memory as a length claims.
 */
#include "vault/access/fido.h"

#include <fido.h>

#include "vault/base/digest.h"

/* RFC 8949 section 3: major types. */
enum cbor_major { CBOR_BYTES = 2, CBOR_STRING = 3, CBOR_MAP = 5 };

#define ARGUMENT_U8  24 /* the argument follows in one byte, or in two */
#define ARGUMENT_U16 25
#define OBJECT_PARTS 3

/* A head of the major type, its argument below 64 KiB in its shortest form (CTAP2 section 6). */
static bool take_head(struct reader *r, enum cbor_major major, size_t *argument_out)
{
    uint8_t head = reader_u8(r);
    size_t n = head & 31;

    if (n == ARGUMENT_U8) {
        n = reader_u8(r);
        if (n < ARGUMENT_U8)
            return false;
    } else if (n == ARGUMENT_U16) {
        n = (size_t)reader_u8(r) << 8;
        n |= reader_u8(r);
        if (n <= UINT8_MAX)
            return false;
    } else if (n > ARGUMENT_U16) {
        return false;
    }
    *argument_out = n;
    return !r->failed && head >> 5 == major;
}

static bool take_text(struct reader *r, enum cbor_major major, struct view *out)
{
    size_t len;

    if (!take_head(r, major, &len))
        return false;
    *out = reader_take(r, len);
    return !r->failed;
}

/* {"alg": -7 …, "sig": bytes} of a key that signs for itself; one with certificates has three. */
static bool take_self(struct reader *r)
{
    struct view name, sig;
    size_t members;

    if (!take_head(r, CBOR_MAP, &members) || members != 2 || !take_text(r, CBOR_STRING, &name) ||
        !view_is(name, "alg"))
        return false;
    switch (reader_u8(r)) {
    case 0x26: /* -7, ES256 */
    case 0x27: /* -8, EdDSA */
        break;
    case 0x39: /* -257, RS256 */
        if (reader_u8(r) != 1 || reader_u8(r) != 0)
            return false;
        break;
    default:
        return false;
    }
    return take_text(r, CBOR_STRING, &name) && view_is(name, "sig") &&
           take_text(r, CBOR_BYTES, &sig) && sig.len > 0 && sig.len <= FIDO_SIGNATURE_MAX;
}

/* An attestation statement: nothing, or a signature of the new key's own. */
static bool take_statement(struct reader *r, struct view *out)
{
    const uint8_t *from = r->p;
    size_t members = r->left;

    if (r->left > 0 && r->p[0] == CBOR_MAP << 5)
        (void)reader_u8(r);
    else if (!take_self(r))
        return false;
    *out = view_of(from, members - r->left);
    return !r->failed;
}

/* One of the three, whose place nobody has taken yet. */
static bool take_part(struct reader *r, struct fido_object *o)
{
    struct view name;

    if (!take_text(r, CBOR_STRING, &name))
        return false;
    if (view_is(name, "fmt"))
        return o->fmt.p == NULL && take_text(r, CBOR_STRING, &o->fmt);
    if (view_is(name, "attStmt"))
        return o->statement.p == NULL && take_statement(r, &o->statement);
    if (view_is(name, "authData"))
        return o->auth_data.p == NULL && take_text(r, CBOR_BYTES, &o->auth_data);
    return false;
}

enum hufu_err fido_object_get(struct view object, struct fido_object *out)
{
    struct fido_object o = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };
    struct reader r;
    size_t parts;

    if (object.len == 0 || object.len > FIDO_ATTESTED_MAX)
        return HUFU_SYNTAX;
    reader_init(&r, object.p, object.len);
    if (!take_head(&r, CBOR_MAP, &parts) || parts != OBJECT_PARTS)
        return HUFU_SYNTAX;
    for (size_t i = 0; i < OBJECT_PARTS; i++)
        if (!take_part(&r, &o))
            return HUFU_SYNTAX;
    if (reader_end(&r) != HUFU_OK)
        return HUFU_SYNTAX;
    *out = o;
    return HUFU_OK;
}

static bool eat(struct reader *r, const uint8_t *want, size_t want_len)
{
    return view_equal(reader_take(r, want_len), view_of(want, want_len));
}

/* RFC 8152 sections 7.1 and 13.1: the two parts of a key, each behind its own bytes. */
static bool take_key(struct reader *r, const uint8_t *begin, size_t begin_len,
                     const uint8_t *middle, size_t middle_len, struct fido_public *out)
{
    size_t first = out->alg == FIDO_RS256 ? 256 : 32, all = fido_public_len(out->alg);

    if (!eat(r, begin, begin_len))
        return false;
    reader_copy(r, out->key, first);
    if (all > first) {
        if (!eat(r, middle, middle_len))
            return false;
        reader_copy(r, out->key + first, all - first);
    }
    out->key_len = all;
    return !r->failed;
}

/* A COSE key in the one way CTAP2 writes it: what kind it is stands in its second pair. */
static bool take_public(struct reader *r, struct fido_public *out)
{
    static const uint8_t es256[] = { 0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32 };
    static const uint8_t es256_y[] = { 0x22, 0x58, 32 };
    static const uint8_t eddsa[] = { 0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32 };
    static const uint8_t rs256[] = { 0xa4, 1, 3, 3, 0x39, 1, 0, 0x20, 0x59, 1, 0 };
    static const uint8_t rs256_e[] = { 0x21, 0x43 };

    if (r->left < sizeof(es256))
        return false;
    switch (r->p[2]) { /* key type: an elliptic curve's point, an octet key pair, RSA */
    case 2:
        out->alg = FIDO_ES256;
        return take_key(r, es256, sizeof(es256), es256_y, sizeof(es256_y), out);
    case 1:
        out->alg = FIDO_EDDSA;
        return take_key(r, eddsa, sizeof(eddsa), NULL, 0, out);
    case 3:
        out->alg = FIDO_RS256;
        return take_key(r, rs256, sizeof(rs256), rs256_e, sizeof(rs256_e), out);
    default:
        return false;
    }
}

/* Section 6.5.1: attested credential data. Nobody asked for extensions; they are not looked at. */
static bool take_attested(struct view auth_data, uint8_t flags, struct fido_attested *out)
{
    struct reader r;
    size_t len;

    reader_init(&r, auth_data.p, auth_data.len);
    (void)reader_take(&r, FIDO_HEAD_LEN);
    reader_copy(&r, out->aaguid, sizeof(out->aaguid));
    len = (size_t)reader_u8(&r) << 8;
    len |= reader_u8(&r);
    if (len == 0 || len > sizeof(out->id))
        return false;
    reader_copy(&r, out->id, len);
    out->id_len = len;
    if (!take_public(&r, &out->public))
        return false;
    return (flags & FIDO_FLAG_EXTENSIONS) != 0 ? r.left > 0 : r.left == 0;
}

/* The new key's own signature over the whole. */
static enum fido_fault judge_self(const struct fido_object *o, const char *rp_id, unsigned alg,
                                  struct view client_data)
{
    const int cose = alg == FIDO_ES256 ? COSE_ES256 : alg == FIDO_EDDSA ? COSE_EDDSA : COSE_RS256;
    fido_cred_t *cred = fido_cred_new();
    enum fido_fault fault = FIDO_FORM;
    uint8_t hash[DIGEST_LEN];

    if (cred != NULL && digest_sha256(&client_data, 1, hash) == HUFU_OK &&
        fido_cred_set_type(cred, cose) == FIDO_OK &&
        fido_cred_set_clientdata_hash(cred, hash, sizeof(hash)) == FIDO_OK &&
        fido_cred_set_rp(cred, rp_id, NULL) == FIDO_OK &&
        fido_cred_set_authdata_raw(cred, o->auth_data.p, o->auth_data.len) == FIDO_OK &&
        fido_cred_set_fmt(cred, "packed") == FIDO_OK &&
        fido_cred_set_attstmt(cred, o->statement.p, o->statement.len) == FIDO_OK)
        fault = fido_cred_verify_self(cred) == FIDO_OK ? FIDO_NONE : FIDO_SIGNATURE;
    fido_cred_free(&cred);
    return fault;
}

/* `none` says nothing and may not; `packed` without certificates is the new key's signature. */
static enum fido_fault judge_statement(const struct fido_object *o, const char *rp_id,
                                       const struct fido_attested *made, uint8_t flags,
                                       struct view client_data)
{
    if (view_is(o->fmt, "none"))
        return o->statement.len == 1 ? FIDO_NONE : FIDO_FORM;
    if (!view_is(o->fmt, "packed") || o->statement.len == 1 || (flags & FIDO_FLAG_EXTENSIONS) != 0)
        return FIDO_FORM;
    return judge_self(o, rp_id, made->public.alg, client_data);
}

enum fido_fault fido_attested_check(const char *rp_id, struct view object, struct view client_data,
                                    struct fido_attested *out)
{
    struct fido_attested found = { .id_len = 0 };
    struct fido_object o;
    struct fido_head head;
    enum fido_fault fault;

    if (fido_object_get(object, &o) != HUFU_OK || fido_head_get(o.auth_data, &head) != HUFU_OK ||
        (head.flags & FIDO_FLAG_ATTESTED) == 0)
        return FIDO_FORM;
    fault = fido_head_judge(&head, rp_id);
    if (fault == FIDO_NONE && !take_attested(o.auth_data, head.flags, &found))
        fault = FIDO_FORM;
    if (fault == FIDO_NONE)
        fault = judge_statement(&o, rp_id, &found, head.flags, client_data);
    if (fault != FIDO_NONE)
        return fault;
    found.flags = head.flags;
    found.count = head.count;
    *out = found;
    return FIDO_NONE;
}
