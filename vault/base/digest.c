#include "vault/base/digest.h"

#include <pthread.h>
#include <string.h>

#include <openssl/evp.h>

/* Finding an algorithm and making a context cost more than a short digest, and allocate; so the
 * algorithm is looked for once, and each thread keeps a context. Between calls it is begun and
 * empty: nothing of what was digested stays in it. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t contexts;
static EVP_MD *sha256; /* NULL: there is none, or no key for the contexts */

static void context_free(void *ctx)
{
    EVP_MD_CTX_free(ctx);
}

static void setup(void)
{
    if (pthread_key_create(&contexts, context_free) == 0)
        sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

/* This thread's context; NULL where it cannot be had. */
static EVP_MD_CTX *context_get(void)
{
    EVP_MD_CTX *ctx;

    if (pthread_once(&once, setup) != 0 || sha256 == NULL)
        return NULL;
    ctx = pthread_getspecific(contexts);
    if (ctx != NULL)
        return ctx;
    ctx = EVP_MD_CTX_new();
    if (ctx != NULL && EVP_DigestInit_ex2(ctx, sha256, NULL) == 1 &&
        pthread_setspecific(contexts, ctx) == 0)
        return ctx;
    EVP_MD_CTX_free(ctx);
    return NULL;
}

/* One that broke is not used again. */
static void context_drop(EVP_MD_CTX *ctx)
{
    if (pthread_setspecific(contexts, NULL) == 0)
        EVP_MD_CTX_free(ctx);
}

enum hufu_err digest_sha256(const struct view *part, size_t part_count,
                            uint8_t out[static DIGEST_LEN])
{
    EVP_MD_CTX *ctx = context_get();
    uint8_t got[DIGEST_LEN];
    bool done = ctx != NULL;

    for (size_t i = 0; done && i < part_count; i++)
        done = part[i].len == 0 || EVP_DigestUpdate(ctx, part[i].p, part[i].len) == 1;
    done = done && EVP_DigestFinal_ex(ctx, got, NULL) == 1;
    if (ctx != NULL && (!done || EVP_DigestInit_ex2(ctx, NULL, NULL) != 1))
        context_drop(ctx);
    if (!done)
        return HUFU_IO;
    memcpy(out, got, DIGEST_LEN);
    return HUFU_OK;
}
