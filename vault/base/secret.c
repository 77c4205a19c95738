#include "vault/base/secret.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define SECRET_MAX     65536 /* bytes */
#define HEAP_BLOCK_MIN 32    /* bytes: most secrets are one AES-256 key */

/* Only the bytes are in the secure heap, so that a key of 32 bytes takes a block of 32. */
struct secret {
    uint8_t *bytes;
    size_t len;
};

/* Whether the heap is there and really serves: without it OpenSSL falls back to malloc silently. */
static bool heap_serves(void)
{
    void *probe = OPENSSL_secure_malloc(HEAP_BLOCK_MIN);
    bool serves = probe && CRYPTO_secure_allocated(probe) == 1;

    OPENSSL_secure_free(probe);
    return serves;
}

enum hufu_err secret_forbid_dumps(void)
{
    const struct rlimit no_core = { 0, 0 };

    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &no_core) != 0)
        return HUFU_IO;
    return HUFU_OK;
}

enum hufu_err secret_heap_init(size_t heap_bytes)
{
    if (heap_bytes == 0 || (heap_bytes & (heap_bytes - 1)) != 0)
        return HUFU_NOMEM; /* OpenSSL would abort */
    if (secret_forbid_dumps() != HUFU_OK)
        return HUFU_NOMEM;
    if (CRYPTO_secure_malloc_initialized())
        return heap_serves() ? HUFU_OK : HUFU_NOMEM;
    /* 2 means: there, but not locked or not guarded. That is no secure heap for us. */
    if (CRYPTO_secure_malloc_init(heap_bytes, HEAP_BLOCK_MIN) != 1) {
        CRYPTO_secure_malloc_done();
        return HUFU_NOMEM;
    }
    return heap_serves() ? HUFU_OK : HUFU_NOMEM;
}

enum hufu_err secret_new(size_t len, struct secret **out)
{
    struct secret *s;

    if (len == 0 || len > SECRET_MAX)
        return HUFU_RANGE;
    s = calloc(1, sizeof(*s));
    if (!s)
        return HUFU_NOMEM;
    s->bytes = OPENSSL_secure_zalloc(len);
    if (!s->bytes || CRYPTO_secure_allocated(s->bytes) != 1) {
        OPENSSL_secure_free(s->bytes);
        free(s);
        return HUFU_NOMEM;
    }
    s->len = len;
    *out = s;
    return HUFU_OK;
}

enum hufu_err secret_from(const uint8_t *in, size_t in_len, struct secret **out)
{
    enum hufu_err err = secret_new(in_len, out);

    if (err == HUFU_OK)
        memcpy((*out)->bytes, in, in_len);
    return err;
}

enum hufu_err secret_random(size_t len, struct secret **out)
{
    struct secret *s = NULL;
    enum hufu_err err = secret_new(len, &s);

    if (err != HUFU_OK)
        return err;
    if (RAND_priv_bytes(s->bytes, (int)len) != 1) {
        secret_free(s);
        return HUFU_IO;
    }
    *out = s;
    return HUFU_OK;
}

void secret_free(struct secret *s)
{
    if (!s)
        return;
    OPENSSL_secure_clear_free(s->bytes, s->len);
    wipe(s, sizeof(*s));
    free(s);
}

const uint8_t *secret_read(const struct secret *s)
{
    return s->bytes;
}

uint8_t *secret_write(struct secret *s)
{
    return s->bytes;
}

size_t secret_len(const struct secret *s)
{
    return s->len;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
    return a->len == b->len && bytes_equal(a->bytes, b->bytes, a->len);
}

bool bytes_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

void wipe(void *p, size_t len)
{
    assert(p || len == 0);
    if (len > 0)
        explicit_bzero(p, len);
}
