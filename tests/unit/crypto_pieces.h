/*
 * crypto_pieces.h - for tests of gcm.h and hmac.h: the same by libcrypto's plain calls, random
 * bytes that come again with every run, and Wycheproof's files.
 *
 * Layer:   tests. After cmocka.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_CRYPTO_PIECES_H
#define HUFU_TESTS_CRYPTO_PIECES_H

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <jansson.h>

#include "vault/base/text.h"

static inline uint64_t dice_next(void)
{
    static uint64_t state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static inline size_t dice_below(size_t n)
{
    return (size_t)(dice_next() % n);
}

static inline void dice_fill(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(dice_next() >> 32);
}

/* AES-256-GCM as every user of the library writes it. */
static inline void plain_gcm(const uint8_t *key, const uint8_t *nonce, struct view aad,
                             struct view text, uint8_t *out, uint8_t *tag)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t none[16];
    int n;

    assert_non_null(ctx);
    assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce), 1);
    if (aad.len > 0)
        assert_int_equal(EVP_EncryptUpdate(ctx, NULL, &n, aad.p, (int)aad.len), 1);
    if (text.len > 0)
        assert_int_equal(EVP_EncryptUpdate(ctx, out, &n, text.p, (int)text.len), 1);
    assert_int_equal(EVP_EncryptFinal_ex(ctx, none, &n), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag), 1);
    EVP_CIPHER_CTX_free(ctx);
}

static inline void plain_hmac(struct view key, struct view text, uint8_t *out)
{
    unsigned n = 0;

    assert_non_null(HMAC(EVP_sha256(), key.p, (int)key.len, text.p, text.len, out, &n));
    assert_int_equal(n, 32);
}

static inline size_t unhex(const char *hex, uint8_t *out, size_t max)
{
    struct buf b;

    buf_fixed(&b, out, max);
    assert_int_equal(text_unhex(view_str(hex), &b), HUFU_OK);
    return b.len;
}

static inline size_t unhex_member(const json_t *of, const char *name, uint8_t *out, size_t max)
{
    const char *hex = json_string_value(json_object_get(of, name));

    assert_non_null(hex);
    return unhex(hex, out, max);
}

/* Calls each(case) for every case of one of Wycheproof's files; returns how many there were. */
static inline size_t each_case(const char *path, void (*each)(const json_t *))
{
    json_t *all = json_load_file(path, 0, NULL);
    size_t count = 0, i, k;
    json_t *group, *one;

    assert_non_null(all); /* run it from the root */
    json_array_foreach(json_object_get(all, "testGroups"), i, group)
    {
        json_array_foreach(json_object_get(group, "tests"), k, one)
        {
            each(one);
            count++;
        }
    }
    json_decref(all);
    return count;
}

#endif
