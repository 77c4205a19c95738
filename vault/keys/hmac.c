#include "vault/keys/hmac.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "vault/base/secret.h"
#include "vault/keys/sha256_cpu.h"

#define BLOCK     SHA256_CPU_BLOCK
#define BITS_LEN  8  /* bytes of a message's length, behind its padding */
#define LOT       32 /* blocks of messages that are put together before any is taken in */
#define INNER_PAD 0x36
#define OUTER_PAD 0x5c

struct hmac {
    EVP_MAC_CTX *library;
    bool by_cpu;
    struct sha256_cpu inner, outer; /* behind the key's padded blocks: SECRET, as the key */
    uint8_t message[LOT * BLOCK];   /* padded, one behind another */
    uint8_t digest[2][BLOCK];       /* of the inner hash, padded: what the outer one takes */
};

_Static_assert(HMAC_SHORT_MAX + 1 + BITS_LEN <= LOT * BLOCK, "a padded message fits");

/* ---- by the library ---- */

static enum hufu_err library_join(struct hmac *h, const struct view *part, size_t part_count,
                                  uint8_t out[static HMAC_LEN])
{
    uint8_t mac[HMAC_LEN];
    size_t n;

    if (EVP_MAC_init(h->library, NULL, 0, NULL) != 1)
        return HUFU_IO;
    for (size_t i = 0; i < part_count; i++)
        if (part[i].len > 0 && EVP_MAC_update(h->library, part[i].p, part[i].len) != 1)
            return HUFU_IO;
    if (EVP_MAC_final(h->library, mac, &n, sizeof(mac)) != 1 || n != sizeof(mac))
        return HUFU_IO;
    memcpy(out, mac, sizeof(mac));
    return HUFU_OK;
}

/* ---- by the CPU ---- */

static size_t blocks_of(size_t len)
{
    return (len + 1 + BITS_LEN + BLOCK - 1) / BLOCK;
}

/* FIPS 180-4, section 5.1.1, of a message behind one block of key. Returns its blocks. */
static size_t pad(uint8_t *message, size_t len)
{
    size_t blocks = blocks_of(len);
    uint64_t bits = htobe64((uint64_t)(BLOCK + len) * 8);

    message[len] = 0x80;
    memset(message + len + 1, 0, blocks * BLOCK - len - 1 - BITS_LEN);
    memcpy(message + blocks * BLOCK - BITS_LEN, &bits, BITS_LEN);
    return blocks;
}

/* The length of parts that go by the CPU, or SIZE_MAX. */
static size_t short_len(const struct hmac *h, const struct view *part, size_t part_count)
{
    size_t len = 0;

    for (size_t i = 0; i < part_count && len <= HMAC_SHORT_MAX; i++)
        len = part[i].len > HMAC_SHORT_MAX - len ? SIZE_MAX : len + part[i].len;
    return h->by_cpu ? len : SIZE_MAX;
}

/* The parts, padded. Returns their blocks. */
static size_t put_message(uint8_t *message, const struct view *part, size_t part_count)
{
    size_t len = 0;

    for (size_t i = 0; i < part_count; i++) {
        if (part[i].len > 0)
            memcpy(message + len, part[i].p, part[i].len);
        len += part[i].len;
    }
    return pad(message, len);
}

static void finish_one(struct hmac *h, const uint8_t *message, size_t blocks,
                       uint8_t out[static HMAC_LEN])
{
    struct sha256_cpu s = h->inner;

    sha256_cpu_run(&s, message, blocks);
    sha256_cpu_print(&s, h->digest[0]);
    s = h->outer;
    sha256_cpu_run(&s, h->digest[0], 1);
    sha256_cpu_print(&s, out);
}

/* Two messages, one behind the other. */
static void finish_two(struct hmac *h, const uint8_t *message, size_t blocks,
                       uint8_t (*out)[HMAC_LEN])
{
    struct sha256_cpu s[2] = { h->inner, h->inner };

    sha256_cpu_run_two(s, message, message + blocks * BLOCK, blocks);
    sha256_cpu_print(&s[0], h->digest[0]);
    sha256_cpu_print(&s[1], h->digest[1]);
    s[0] = s[1] = h->outer;
    sha256_cpu_run_two(s, h->digest[0], h->digest[1], 1);
    sha256_cpu_print(&s[0], out[0]);
    sha256_cpu_print(&s[1], out[1]);
}

/* The first messages, as many as have room; 0: the first goes by the library. */
static size_t put_lot(struct hmac *h, const struct view *in, size_t count, size_t *blocks_out)
{
    size_t n = 0, blocks = 0;

    for (; n < count && short_len(h, &in[n], 1) != SIZE_MAX; n++) {
        if (blocks_of(in[n].len) > LOT - blocks)
            break;
        blocks += put_message(h->message + blocks * BLOCK, &in[n], 1);
    }
    *blocks_out = blocks;
    return n;
}

static void finish_lot(struct hmac *h, const struct view *in, size_t count,
                       uint8_t (*out)[HMAC_LEN])
{
    const uint8_t *message = h->message;

    while (count > 0) {
        size_t blocks = blocks_of(in->len), n = 1;

        if (count > 1 && blocks_of(in[1].len) == blocks)
            n = 2;
        if (n == 2)
            finish_two(h, message, blocks, out);
        else
            finish_one(h, message, blocks, *out);
        message += n * blocks * BLOCK;
        in += n;
        out += n;
        count -= n;
    }
}

/* Messages, and the digests before their padding. */
static void wipe_lot(struct hmac *h, size_t blocks)
{
    wipe(h->message, blocks * BLOCK);
    wipe(h->digest[0], HMAC_LEN);
    wipe(h->digest[1], HMAC_LEN);
}

/* ---- both ---- */

enum hufu_err hmac_join(struct hmac *h, const struct view *part, size_t part_count,
                        uint8_t out[static HMAC_LEN])
{
    size_t blocks;

    if (short_len(h, part, part_count) == SIZE_MAX)
        return library_join(h, part, part_count, out);
    blocks = put_message(h->message, part, part_count);
    finish_one(h, h->message, blocks, out);
    wipe_lot(h, blocks);
    return HUFU_OK;
}

enum hufu_err hmac_each(struct hmac *h, const struct view *in, size_t count,
                        uint8_t (*out)[HMAC_LEN])
{
    enum hufu_err err = HUFU_OK;
    size_t n, blocks;

    for (; count > 0 && err == HUFU_OK; in += n, out += n, count -= n) {
        n = put_lot(h, in, count, &blocks);
        if (n > 0) {
            finish_lot(h, in, n, out);
            wipe_lot(h, blocks);
        } else {
            err = library_join(h, in, 1, *out);
            n = 1;
        }
    }
    return err;
}

/* ---- setting up ---- */

static EVP_MAC_CTX *keyed(const uint8_t *key, size_t key_len)
{
    char sha256[] = "SHA256";
    OSSL_PARAM how[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
                         OSSL_PARAM_construct_end() };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);

    if (ctx != NULL && EVP_MAC_init(ctx, key, key_len, how) != 1) {
        EVP_MAC_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_MAC_free(mac); /* the context holds it */
    return ctx;
}

static void start(struct sha256_cpu *s, const uint8_t *key, size_t key_len, uint8_t with)
{
    uint8_t block[BLOCK];

    for (size_t i = 0; i < BLOCK; i++)
        block[i] = (uint8_t)((i < key_len ? key[i] : 0) ^ with);
    sha256_cpu_init(s);
    sha256_cpu_run(s, block, 1);
    wipe(block, sizeof(block));
}

/* Whether both ways give the same for a message of one block and for two of two blocks. */
static bool ways_agree(struct hmac *h)
{
    static const uint8_t text[3][BLOCK] = { "one block", "two", "at once" };
    struct view in[] = { { text[0], BLOCK / 2 }, { text[1], BLOCK }, { text[2], BLOCK } };
    uint8_t by_cpu[3][HMAC_LEN], by_library[3][HMAC_LEN];

    if (hmac_each(h, in, 3, by_cpu) != HUFU_OK)
        return false;
    for (size_t i = 0; i < 3; i++)
        if (library_join(h, &in[i], 1, by_library[i]) != HUFU_OK)
            return false;
    return bytes_equal(&by_cpu[0][0], &by_library[0][0], sizeof(by_cpu));
}

enum hufu_err hmac_new(const uint8_t *key, size_t key_len, bool by_cpu, struct hmac **out)
{
    struct hmac *h;

    if (key_len == 0 || key_len > HMAC_KEY_MAX)
        return HUFU_RANGE;
    h = calloc(1, sizeof(*h));
    if (h == NULL)
        return HUFU_NOMEM;
    h->library = keyed(key, key_len);
    if (h->library == NULL) {
        hmac_free(h);
        return HUFU_NOMEM;
    }
    h->by_cpu = by_cpu && sha256_cpu_has();
    if (h->by_cpu) {
        start(&h->inner, key, key_len, INNER_PAD);
        start(&h->outer, key, key_len, OUTER_PAD);
        (void)pad(h->digest[0], HMAC_LEN);
        (void)pad(h->digest[1], HMAC_LEN);
    }
    if (h->by_cpu && !ways_agree(h)) {
        hmac_free(h);
        return HUFU_IO;
    }
    *out = h;
    return HUFU_OK;
}

void hmac_free(struct hmac *h)
{
    if (h == NULL)
        return;
    EVP_MAC_CTX_free(h->library);
    wipe(h, sizeof(*h));
    free(h);
}
