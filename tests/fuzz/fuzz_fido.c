/*
 * What a browser hands over of a key: client data, authenticator data, attestation objects; and the
 * rows that keep keys. What is accepted is what it must be, to the byte.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "vault/access/credential.h"
#include "vault/access/fido_client.h"

#define ORIGIN "https://vault.test:8443"
#define RP_ID  "vault.test"

static void try_client(struct view in)
{
    static const char *const origins = "https://vault.test, " ORIGIN;
    struct view out = view_of(NULL, 0), one;
    uint8_t mem[1024];
    struct buf want;
    size_t fits = 0;

    if (fido_client_check(in, FIDO_TYPE_CREATE, origins, &out) != FIDO_NONE)
        return;
    assert(out.len > 0 && out.len <= FIDO_CHALLENGE_TEXT);
    assert(out.p > in.p && out.p + out.len < in.p + in.len);
    assert(in.p[in.len - 1] == '}');
    for (int i = 0; i < 2; i++) { /* it begins as a browser would have written it */
        one = view_str(i == 0 ? "https://vault.test" : ORIGIN);
        buf_fixed(&want, mem, sizeof(mem));
        buf_str(&want, "{\"type\":\"webauthn.create\",\"challenge\":\"");
        buf_put(&want, out.p, out.len);
        buf_str(&want, "\",\"origin\":\"");
        buf_put(&want, one.p, one.len);
        buf_str(&want, "\",\"crossOrigin\":false");
        fits += want.len < in.len && memcmp(mem, in.p, want.len) == 0;
    }
    assert(fits == 1);
}

static void lies_in(struct view part, struct view in)
{
    assert(part.p >= in.p && part.len <= in.len && part.p + part.len <= in.p + in.len);
}

static void try_object(struct view in)
{
    struct fido_attested made, before;
    struct fido_object o;
    struct fido_head head;

    if (fido_object_get(in, &o) == HUFU_OK) {
        lies_in(o.fmt, in);
        lies_in(o.statement, in);
        lies_in(o.auth_data, in);
        assert(o.statement.len >= 1 && (o.statement.p[0] == 0xa0) == (o.statement.len == 1));
        /* three names, three lengths and the map's: nothing else is in it */
        assert(o.fmt.len + o.statement.len + o.auth_data.len < in.len);
    }
    memset(&made, 0x5a, sizeof(made));
    memset(&before, 0x5a, sizeof(before));
    if (fido_attested_check(RP_ID, in, in, &made) != FIDO_NONE) {
        assert(memcmp(&made, &before, sizeof(made)) == 0);
        return;
    }
    assert(fido_object_get(in, &o) == HUFU_OK && fido_head_get(o.auth_data, &head) == HUFU_OK);
    assert(fido_head_judge(&head, RP_ID) == FIDO_NONE && made.count == head.count);
    assert(made.id_len >= 1 && made.id_len <= FIDO_ID_MAX);
    assert(made.public.key_len == fido_public_len(made.public.alg));
}

static void try_head(struct view in)
{
    struct fido_head head;

    if (fido_head_get(in, &head) != HUFU_OK) {
        assert(in.len < FIDO_HEAD_LEN || in.len > FIDO_AUTH_DATA_MAX);
        return;
    }
    lies_in(head.rp_id_hash, in);
    assert(head.flags == in.p[32]);
}

static void try_rows(struct view in)
{
    uint8_t mem[CREDENTIAL_ROW_MAX];
    struct credential c;
    struct recovery r;
    struct buf out;

    buf_fixed(&out, mem, sizeof(mem));
    if (credential_get(in, &c) == HUFU_OK) {
        credential_put(&c, &out);
        assert(buf_check(&out) == HUFU_OK && view_equal(buf_view(&out), in));
    }
    buf_reset(&out);
    if (recovery_get(in, &r) == HUFU_OK) {
        recovery_put(&r, &out);
        assert(buf_check(&out) == HUFU_OK && view_equal(buf_view(&out), in));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len);

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len)
{
    struct view text = view_of(in, in_len);

    try_client(text);
    try_object(text);
    try_head(text);
    try_rows(text);
    return 0;
}
