#include "vault/keys/crypt.h"

#include <assert.h>
#include <stdlib.h>

#include "vault/base/secret.h"

#define SLOTS 64 /* keyed contexts per thread; a collision of serials only costs time */

struct slot {
    uint32_t gcm_serial, hmac_serial, ff1_serial; /* of the key; read only where there is one */
    struct gcm *gcm;
    struct hmac *hmac;
    struct ff1 *ff1;
};

struct crypt {
    bool by_cpu;
    uint32_t ends; /* key_ends when the slots were last emptied */
    struct slot slot[SLOTS];
};

static enum hufu_err make(bool by_cpu, struct crypt **out)
{
    struct crypt *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return HUFU_NOMEM;
    c->by_cpu = by_cpu;
    c->ends = key_ends();
    *out = c;
    return HUFU_OK;
}

enum hufu_err crypt_new(struct crypt **out)
{
    return make(true, out);
}

enum hufu_err crypt_new_plain(struct crypt **out)
{
    return make(false, out);
}

static void slots_empty(struct crypt *c)
{
    for (size_t i = 0; i < SLOTS; i++) {
        gcm_free(c->slot[i].gcm);
        hmac_free(c->slot[i].hmac);
        ff1_free(c->slot[i].ff1);
        c->slot[i] = (struct slot){ 0 };
    }
}

void crypt_free(struct crypt *c)
{
    if (c == NULL)
        return;
    slots_empty(c);
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

/* ---- AES-256-GCM ---- */

static enum hufu_err gcm_keyed(struct crypt *c, const struct key *key, struct gcm **out)
{
    struct slot *s = slot_of(c, key);
    enum hufu_err err = HUFU_OK;

    if (s->gcm == NULL || s->gcm_serial != key->serial) {
        assert(secret_len(key->secret) == GCM_KEY_LEN);
        gcm_free(s->gcm);
        s->gcm = NULL;
        err = gcm_new(secret_read(key->secret), c->by_cpu, &s->gcm);
        s->gcm_serial = key->serial;
    }
    if (err == HUFU_OK)
        *out = s->gcm;
    return err == HUFU_OK ? HUFU_OK : HUFU_IO;
}

enum hufu_err crypt_seal_many(struct crypt *c, const struct key *key, struct gcm_item *item,
                              size_t count)
{
    struct gcm *g;
    enum hufu_err err = gcm_keyed(c, key, &g);

    return err == HUFU_OK ? gcm_seal(g, item, count) : err;
}

enum hufu_err crypt_open_many(struct crypt *c, const struct key *key, struct gcm_item *item,
                              size_t count)
{
    struct gcm *g;
    enum hufu_err err = gcm_keyed(c, key, &g);

    if (err == HUFU_OK)
        gcm_open(g, item, count);
    return err;
}

enum hufu_err crypt_seal(struct crypt *c, const struct key *key,
                         const uint8_t nonce[static CRYPT_NONCE_LEN], const struct view *aad,
                         size_t aad_count, uint8_t *text, size_t text_len,
                         uint8_t tag[static CRYPT_TAG_LEN])
{
    struct gcm_item item = { .nonce = nonce,
                             .aad = aad,
                             .aad_count = aad_count,
                             .in = text,
                             .out = text,
                             .text_len = text_len,
                             .tag_out = tag };

    return crypt_seal_many(c, key, &item, 1);
}

enum hufu_err crypt_open(struct crypt *c, const struct key *key,
                         const uint8_t nonce[static CRYPT_NONCE_LEN], const struct view *aad,
                         size_t aad_count, const uint8_t *in, size_t in_len,
                         const uint8_t tag[static CRYPT_TAG_LEN], uint8_t *out)
{
    struct gcm_item item = { .nonce = nonce,
                             .aad = aad,
                             .aad_count = aad_count,
                             .in = in,
                             .out = out,
                             .text_len = in_len,
                             .tag = tag };
    enum hufu_err err = crypt_open_many(c, key, &item, 1);

    return err == HUFU_OK ? item.err : err;
}

/* ---- HMAC-SHA-256 ---- */

static enum hufu_err hmac_keyed(struct crypt *c, const struct key *key, struct hmac **out)
{
    struct slot *s = slot_of(c, key);
    enum hufu_err err = HUFU_OK;

    if (s->hmac == NULL || s->hmac_serial != key->serial) {
        assert(secret_len(key->secret) == KEY_LEN);
        hmac_free(s->hmac);
        s->hmac = NULL;
        err = hmac_new(secret_read(key->secret), KEY_LEN, c->by_cpu, &s->hmac);
        s->hmac_serial = key->serial;
    }
    if (err == HUFU_OK)
        *out = s->hmac;
    return err == HUFU_OK ? HUFU_OK : HUFU_IO;
}

enum hufu_err crypt_mac(struct crypt *c, const struct key *key, const struct view *part,
                        size_t part_count, uint8_t out[static CRYPT_MAC_LEN])
{
    struct hmac *h;
    enum hufu_err err = hmac_keyed(c, key, &h);

    return err == HUFU_OK ? hmac_join(h, part, part_count, out) : err;
}

enum hufu_err crypt_mac_many(struct crypt *c, const struct key *key, const struct view *in,
                             size_t count, uint8_t (*out)[CRYPT_MAC_LEN])
{
    struct hmac *h;
    enum hufu_err err = hmac_keyed(c, key, &h);

    return err == HUFU_OK ? hmac_each(h, in, count, out) : err;
}

/* ---- FF1 ---- */

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
