#include "vault/keys/gcm.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "vault/base/secret.h"
#include "vault/keys/gcm_cpu.h"

struct gcm {
    EVP_CIPHER_CTX *seal, *open; /* GCM, keyed */
    bool by_cpu;
    struct gcm_cpu cpu;
};

/* ---- by the library ---- */

static bool feed_aad(EVP_CIPHER_CTX *ctx, const struct gcm_item *it)
{
    int n;

    for (size_t i = 0; i < it->aad_count; i++) {
        const struct view *aad = &it->aad[i];

        if (aad->len > INT_MAX)
            return false;
        if (aad->len > 0 && EVP_CipherUpdate(ctx, NULL, &n, aad->p, (int)aad->len) != 1)
            return false;
    }
    return true;
}

static bool feed_text(EVP_CIPHER_CTX *ctx, const struct gcm_item *it)
{
    int n;

    return it->text_len == 0 ||
           (EVP_CipherUpdate(ctx, it->out, &n, it->in, (int)it->text_len) == 1 &&
            (size_t)n == it->text_len);
}

static enum hufu_err library_seal(struct gcm *g, const struct gcm_item *it)
{
    OSSL_PARAM want[] = {
        OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, it->tag_out, GCM_TAG_LEN),
        OSSL_PARAM_construct_end(),
    };
    uint8_t none[GHASH_BLOCK];
    int n;

    return it->text_len <= INT_MAX &&
                   EVP_CipherInit_ex2(g->seal, NULL, NULL, it->nonce, 1, NULL) == 1 &&
                   feed_aad(g->seal, it) && feed_text(g->seal, it) &&
                   EVP_CipherFinal_ex(g->seal, none, &n) == 1 &&
                   EVP_CIPHER_CTX_get_params(g->seal, want) == 1
               ? HUFU_OK
               : HUFU_IO;
}

static enum hufu_err library_open(struct gcm *g, const struct gcm_item *it)
{
    uint8_t tag[GCM_TAG_LEN], none[GHASH_BLOCK];
    enum hufu_err err = HUFU_OK;
    int n;

    memcpy(tag, it->tag, sizeof(tag));
    if (it->text_len > INT_MAX ||
        EVP_CipherInit_ex2(g->open, NULL, NULL, it->nonce, 0, NULL) != 1 ||
        EVP_CIPHER_CTX_ctrl(g->open, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_LEN, tag) != 1 ||
        !feed_aad(g->open, it))
        err = HUFU_IO;
    else if (!feed_text(g->open, it) || EVP_CipherFinal_ex(g->open, none, &n) != 1)
        err = HUFU_CORRUPT;
    if (err != HUFU_OK && it->text_len > 0)
        wipe(it->out, it->text_len);
    return err;
}

/* ---- both ---- */

enum hufu_err gcm_seal(struct gcm *g, struct gcm_item *item, size_t count)
{
    enum hufu_err err = HUFU_OK;

    while (count > 0 && err == HUFU_OK) {
        size_t n = g->by_cpu ? gcm_cpu_seal(&g->cpu, item, count) : 0;

        if (n == 0) {
            err = library_seal(g, item);
            n = 1;
        }
        item += n;
        count -= n;
    }
    return err;
}

void gcm_open(struct gcm *g, struct gcm_item *item, size_t count)
{
    while (count > 0) {
        size_t n = g->by_cpu ? gcm_cpu_open(&g->cpu, item, count) : 0;

        if (n == 0) {
            item->err = library_open(g, item);
            n = 1;
        }
        item += n;
        count -= n;
    }
}

/* ---- setting up ---- */

static EVP_CIPHER_CTX *keyed(const char *name, const uint8_t *key, int seals)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    if (cipher == NULL || ctx == NULL ||
        EVP_CipherInit_ex2(ctx, cipher, key, NULL, seals, NULL) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_CIPHER_free(cipher); /* the context holds it */
    return ctx;
}

/* Whether both ways give the same for one sample that takes every power of H and a short block. */
static bool ways_agree(struct gcm *g)
{
    static const uint8_t nonce[GCM_NONCE_LEN] = { 0 }, aad[GHASH_POWERS * GHASH_BLOCK + 3] = { 1 };
    const struct view part = { aad, sizeof(aad) };
    uint8_t by_cpu[GHASH_BLOCK + 5 + GCM_TAG_LEN] = { 2 }, by_library[sizeof(by_cpu)] = { 2 };
    struct gcm_item it = { .nonce = nonce,
                           .aad = &part,
                           .aad_count = 1,
                           .in = by_cpu,
                           .out = by_cpu,
                           .text_len = GHASH_BLOCK + 5,
                           .tag_out = by_cpu + GHASH_BLOCK + 5 };

    if (gcm_seal(g, &it, 1) != HUFU_OK)
        return false;
    it.in = it.out = by_library;
    it.tag_out = by_library + it.text_len;
    return library_seal(g, &it) == HUFU_OK && bytes_equal(by_cpu, by_library, sizeof(by_cpu));
}

/* Also keyed, and compared with the library. */
static enum hufu_err add_cpu(struct gcm *g, const uint8_t *key)
{
    EVP_CIPHER_CTX *aes = keyed("AES-256-ECB", key, 1);
    enum hufu_err err = aes == NULL ? HUFU_NOMEM : gcm_cpu_init(&g->cpu, aes);

    g->by_cpu = err == HUFU_OK;
    return err == HUFU_OK && !ways_agree(g) ? HUFU_IO : err;
}

enum hufu_err gcm_new(const uint8_t key[static GCM_KEY_LEN], bool by_cpu, struct gcm **out)
{
    struct gcm *g = calloc(1, sizeof(*g));
    enum hufu_err err = HUFU_OK;

    if (g == NULL)
        return HUFU_NOMEM;
    g->seal = keyed("AES-256-GCM", key, 1);
    g->open = keyed("AES-256-GCM", key, 0);
    if (g->seal == NULL || g->open == NULL)
        err = HUFU_NOMEM;
    if (err == HUFU_OK && by_cpu && ghash_has_cpu())
        err = add_cpu(g, key);
    if (err == HUFU_OK)
        *out = g;
    else
        gcm_free(g);
    return err;
}

void gcm_free(struct gcm *g)
{
    if (g == NULL)
        return;
    EVP_CIPHER_CTX_free(g->seal);
    EVP_CIPHER_CTX_free(g->open);
    EVP_CIPHER_CTX_free(g->cpu.aes);
    wipe(g, sizeof(*g));
    free(g);
}
