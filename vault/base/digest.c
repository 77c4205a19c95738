#include "vault/base/digest.h"

#include <string.h>

#include <openssl/evp.h>

enum hufu_err digest_sha256(const struct view *part, size_t part_count,
                            uint8_t out[static DIGEST_LEN])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t got[DIGEST_LEN];
    enum hufu_err err = HUFU_IO;

    if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
        goto out;
    for (size_t i = 0; i < part_count; i++)
        if (part[i].len > 0 && EVP_DigestUpdate(ctx, part[i].p, part[i].len) != 1)
            goto out;
    if (EVP_DigestFinal_ex(ctx, got, NULL) != 1)
        goto out;
    memcpy(out, got, DIGEST_LEN);
    err = HUFU_OK;
out:
    EVP_MD_CTX_free(ctx);
    return err;
}
