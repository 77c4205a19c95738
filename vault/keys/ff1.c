#include "vault/keys/ff1.h"

#include <stdlib.h>

#include "vault/base/secret.h"
#include "vault/keys/ff1_shape.h"

/* ECB is a block at a time, which is what the PRF (algorithm 6) is made of. */
static EVP_CIPHER *fetch(size_t key_len)
{
    switch (key_len) {
    case 16:
        return EVP_CIPHER_fetch(NULL, "AES-128-ECB", NULL);
    case 24:
        return EVP_CIPHER_fetch(NULL, "AES-192-ECB", NULL);
    default:
        return EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
    }
}

enum hufu_err ff1_new(const uint8_t *key, size_t key_len, struct ff1 **out)
{
    enum hufu_err err = HUFU_NOMEM;
    EVP_CIPHER *cipher = NULL;
    struct ff1 *f;

    if (key_len != 16 && key_len != 24 && key_len != 32)
        return HUFU_RANGE;
    f = calloc(1, sizeof(*f));
    if (f == NULL)
        goto out;
    cipher = fetch(key_len);
    f->aes = EVP_CIPHER_CTX_new();
    if (cipher == NULL || f->aes == NULL ||
        EVP_EncryptInit_ex2(f->aes, cipher, key, NULL, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(f->aes, 0) != 1)
        goto out;

    *out = f;
    f = NULL;
    err = HUFU_OK;
out:
    EVP_CIPHER_free(cipher); /* the context keeps a reference of its own */
    ff1_free(f);
    return err;
}

void ff1_free(struct ff1 *f)
{
    if (f == NULL)
        return;
    EVP_CIPHER_CTX_free(f->aes);
    wipe(f, sizeof(*f));
    free(f);
}

static enum hufu_err run(struct ff1 *f, struct ff1_job *job)
{
    enum hufu_err err = ff1_shape_find(f, job->lot, &job->shape);

    if (err != HUFU_OK)
        return err;
    switch (job->shape->path) {
    case FF1_NARROW:
        return ff1_narrow_run(f, job);
    case FF1_WIDE:
        return ff1_wide_run(f, job);
    case FF1_LONG:
        break;
    }
    return ff1_long_run(f, job);
}

enum hufu_err ff1_encrypt(struct ff1 *f, const struct ff1_lot *lot, const uint16_t *in,
                          uint16_t *out)
{
    struct ff1_job job = { .lot = lot, .in = in, .out = out };

    return run(f, &job);
}

enum hufu_err ff1_decrypt(struct ff1 *f, const struct ff1_lot *lot, const uint16_t *in,
                          uint16_t *out)
{
    struct ff1_job job = { .lot = lot, .decrypts = true, .in = in, .out = out };

    return run(f, &job);
}

enum hufu_err ff1_encrypt_digits(struct ff1 *f, const struct ff1_lot *lot, const uint8_t *in,
                                 uint8_t *out)
{
    struct ff1_job job = { .lot = lot, .digits = true, .in = in, .out = out };

    return lot->radix == 10 ? run(f, &job) : HUFU_RANGE;
}

enum hufu_err ff1_decrypt_digits(struct ff1 *f, const struct ff1_lot *lot, const uint8_t *in,
                                 uint8_t *out)
{
    struct ff1_job job = { .lot = lot, .decrypts = true, .digits = true, .in = in, .out = out };

    return lot->radix == 10 ? run(f, &job) : HUFU_RANGE;
}
