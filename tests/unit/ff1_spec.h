/*
 * ff1_spec.h - FF1 as the standard writes it, step by step, with big numbers and CBC of the
 * library: slow, and with nothing in common with vault/keys/ff1*.c.
 *
 * Source: NIST SP 800-38G, section 4.5 and section 5.1, algorithms 7 and 8.
 */
#ifndef HUFU_TESTS_UNIT_FF1_SPEC_H
#define HUFU_TESTS_UNIT_FF1_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/evp.h>

struct spec {
    const uint8_t *key, *tweak;
    size_t key_len, tweak_len;
    uint32_t radix;
    bool decrypts;
};

#define SPEC_BYTES 2048 /* more than any Q, S or number here has */

/* The last block of CBC with a zero IV over in: the PRF (algorithm 6), and CIPH for one block. */
static void spec_prf(const struct spec *s, const uint8_t *in, size_t in_len, uint8_t out[16])
{
    static const uint8_t zeros[16];
    uint8_t all[SPEC_BYTES];
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const EVP_CIPHER *cipher = s->key_len == 16   ? EVP_aes_128_cbc()
                               : s->key_len == 24 ? EVP_aes_192_cbc()
                                                  : EVP_aes_256_cbc();
    int n = 0;

    if (in_len > sizeof(all) || ctx == NULL ||
        EVP_CipherInit_ex(ctx, cipher, NULL, s->key, zeros, 1) != 1 ||
        EVP_CIPHER_CTX_set_padding(ctx, 0) != 1 ||
        EVP_CipherUpdate(ctx, all, &n, in, (int)in_len) != 1 || (size_t)n != in_len)
        abort();
    memcpy(out, all + in_len - 16, 16);
    EVP_CIPHER_CTX_free(ctx);
}

static BIGNUM *spec_num(uint32_t radix, const uint16_t *in, size_t n)
{
    BIGNUM *x = BN_new();

    BN_zero(x);
    for (size_t i = 0; i < n; i++)
        if (BN_mul_word(x, radix) != 1 || BN_add_word(x, in[i]) != 1)
            abort();
    return x;
}

static void spec_str(uint32_t radix, const BIGNUM *x, size_t n, uint16_t *out)
{
    BIGNUM *rest = BN_dup(x);

    while (n > 0)
        out[--n] = (uint16_t)BN_div_word(rest, radix);
    BN_free(rest);
}

static BIGNUM *spec_power(uint32_t radix, size_t n)
{
    BIGNUM *x = BN_new();

    BN_one(x);
    for (size_t i = 0; i < n; i++)
        if (BN_mul_word(x, radix) != 1)
            abort();
    return x;
}

/* Steps 6i to 6iv: the number y for round i and the half that goes in. */
static BIGNUM *spec_y(const struct spec *s, size_t n, size_t i, const BIGNUM *num)
{
    size_t u = n / 2, v = n - u, t = s->tweak_len, b, d, q_len;
    uint8_t pq[SPEC_BYTES] = { 1, 2, 1 }, *q = pq + 16, r[16], made[SPEC_BYTES];
    BIGNUM *top = spec_power(s->radix, v), *y;

    BN_sub_word(top, 1);
    b = (size_t)BN_num_bytes(top);
    BN_free(top);
    d = 4 * ((b + 3) / 4) + 4;
    pq[3] = (uint8_t)(s->radix >> 16);
    pq[4] = (uint8_t)(s->radix >> 8);
    pq[5] = (uint8_t)s->radix;
    pq[6] = 10;
    pq[7] = (uint8_t)(u % 256);
    pq[10] = (uint8_t)(n >> 8);
    pq[11] = (uint8_t)n;
    pq[15] = (uint8_t)t;
    if (t > 0)
        memcpy(q, s->tweak, t);
    q_len = t + (16 - (t + b + 1) % 16) % 16;
    q[q_len++] = (uint8_t)i;
    if (BN_bn2binpad(num, q + q_len, (int)b) < 0)
        abort();
    spec_prf(s, pq, 16 + q_len + b, r);
    memcpy(made, r, 16);
    for (size_t j = 1; j * 16 < d; j++) {
        uint8_t in[16];

        memcpy(in, r, 16);
        in[15] ^= (uint8_t)j;
        spec_prf(s, in, 16, made + 16 * j);
    }
    y = BN_bin2bn(made, (int)d, NULL);
    return y;
}

/* Algorithm 7, or 8 where s says so, on n symbols. */
static void spec_ff1(const struct spec *s, const uint16_t *in, size_t n, uint16_t *out)
{
    size_t u = n / 2, v = n - u;
    BIGNUM *a = spec_num(s->radix, in, u), *b = spec_num(s->radix, in + u, v);
    BN_CTX *ctx = BN_CTX_new();

    for (size_t k = 0; k < 10; k++) {
        size_t i = s->decrypts ? 9 - k : k;
        BIGNUM *mod = spec_power(s->radix, i % 2 == 0 ? u : v), *c = BN_new();
        BIGNUM *y = spec_y(s, n, i, s->decrypts ? a : b);
        int good = s->decrypts ? BN_mod_sub(c, b, y, mod, ctx) : BN_mod_add(c, a, y, mod, ctx);

        if (good != 1)
            abort();
        BN_free(s->decrypts ? b : a);
        if (s->decrypts) {
            b = a;
            a = c;
        } else {
            a = b;
            b = c;
        }
        BN_free(mod);
        BN_free(y);
    }
    spec_str(s->radix, a, u, out);
    spec_str(s->radix, b, v, out + u);
    BN_free(a);
    BN_free(b);
    BN_CTX_free(ctx);
}

#endif
