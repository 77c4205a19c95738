#include "vault/keys/gcm_cpu.h"

#include <endian.h>
#include <string.h>

#include "vault/base/secret.h"

#define BLOCK GCM_CPU_BLOCK

_Static_assert(GCM_SHORT_MAX % BLOCK == 0, "padded parts fit");
_Static_assert(1 + GCM_SHORT_MAX / BLOCK <= GCM_CPU_LOT, "an item fits");
_Static_assert(GCM_CPU_LOT < UINT8_MAX, "counters have one byte");

static size_t blocks_of(size_t len)
{
    return (len + BLOCK - 1) / BLOCK;
}

/* Section 7.1, steps 2 and 3: the block of the tag, then one for each block of text. */
static void put_counters(uint8_t *at, const uint8_t *nonce, size_t blocks)
{
    for (size_t i = 0; i < blocks; i++, at += BLOCK) {
        memcpy(at, nonce, GCM_NONCE_LEN);
        at[12] = at[13] = at[14] = 0;
        at[15] = (uint8_t)(i + 1); /* a lot has less than 255 */
    }
}

/* Encrypts or decrypts into two places, which may be one. */
static void add_stream(const uint8_t *in, const uint8_t *stream, size_t len, uint8_t *out,
                       uint8_t *out_too)
{
    size_t i = 0;

    for (; i + 8 <= len; i += 8) {
        uint64_t a, b;

        memcpy(&a, in + i, 8);
        memcpy(&b, stream + i, 8);
        a ^= b;
        memcpy(out + i, &a, 8);
        memcpy(out_too + i, &a, 8);
    }
    for (; i < len; i++)
        out[i] = out_too[i] = in[i] ^ stream[i];
}

static void put_bits(uint8_t *at, size_t len)
{
    uint64_t bits = htobe64((uint64_t)len * 8);

    memcpy(at, &bits, 8);
}

/* Puts an item together for GHASH (section 7.1, step 4). stream: encrypts; NULL: it is encrypted.
 */
static void put_hashed(struct gcm_cpu *c, size_t place, const struct gcm_item *it,
                       const uint8_t *stream)
{
    uint8_t *first = c->hashed[place].bytes, *at = first;
    size_t aad_len;

    for (size_t i = 0; i < it->aad_count; i++) {
        if (it->aad[i].len > 0)
            memcpy(at, it->aad[i].p, it->aad[i].len);
        at += it->aad[i].len;
    }
    aad_len = (size_t)(at - first);
    memset(at, 0, blocks_of(aad_len) * BLOCK - aad_len);
    at = first + blocks_of(aad_len) * BLOCK;
    if (stream != NULL)
        add_stream(it->in, stream, it->text_len, it->out, at);
    else if (it->text_len > 0)
        memcpy(at, it->in, it->text_len);
    memset(at + it->text_len, 0, blocks_of(it->text_len) * BLOCK - it->text_len);
    at += blocks_of(it->text_len) * BLOCK;
    put_bits(at, aad_len);
    put_bits(at + 8, it->text_len);
    c->hashed[place].blocks = (size_t)(at - first) / BLOCK + 1;
}

/* Section 7.1, steps 5 and 6. */
static void make_tag(const struct gcm_cpu *c, size_t place, const uint8_t *stream,
                     uint8_t tag[static GCM_TAG_LEN])
{
    ghash_blocks(&c->hash, c->hashed[place].bytes, c->hashed[place].blocks, tag);
    add_stream(tag, stream, BLOCK, tag, tag);
}

static const uint8_t *text_stream(const uint8_t *stream)
{
    return stream + BLOCK;
}

static const uint8_t *next_stream(const uint8_t *stream, const struct gcm_item *it)
{
    return stream + (1 + blocks_of(it->text_len)) * BLOCK;
}

static void seal_lot(struct gcm_cpu *c, const struct gcm_item *item, size_t count)
{
    const uint8_t *stream = c->stream, *next;

    put_hashed(c, 0, item, text_stream(stream));
    for (size_t i = 0; i < count; i++, stream = next) {
        next = next_stream(stream, &item[i]);
        if (i + 1 < count)
            put_hashed(c, (i + 1) % 2, &item[i + 1], text_stream(next));
        make_tag(c, i % 2, stream, item[i].tag_out);
    }
}

/* As much work whether the tag is right or not: no clock tells a record that is there from a decoy
 * that does not open. What was decrypted in vain never leaves the scratch memory. */
static enum hufu_err release(struct gcm_cpu *c, size_t place, const struct gcm_item *it,
                             const uint8_t *stream)
{
    uint8_t tag[GCM_TAG_LEN], *text = c->hashed[place].bytes;
    bool is_right;

    make_tag(c, place, stream, tag);
    is_right = bytes_equal(tag, it->tag, sizeof(tag));
    if (it->text_len > 0) {
        add_stream(it->in, text_stream(stream), it->text_len, text, text);
        if (is_right)
            memcpy(it->out, text, it->text_len);
        else
            wipe(it->out, it->text_len);
        wipe(text, it->text_len);
    }
    return is_right ? HUFU_OK : HUFU_CORRUPT;
}

static void open_lot(struct gcm_cpu *c, struct gcm_item *item, size_t count)
{
    const uint8_t *stream = c->stream, *next;

    put_hashed(c, 0, item, NULL);
    for (size_t i = 0; i < count; i++, stream = next) {
        next = next_stream(stream, &item[i]);
        if (i + 1 < count)
            put_hashed(c, (i + 1) % 2, &item[i + 1], NULL);
        item[i].err = release(c, i % 2, &item[i], stream);
    }
}

static bool is_short(const struct gcm_item *it)
{
    size_t left = GCM_SHORT_MAX;

    if (it->text_len > GCM_SHORT_MAX)
        return false;
    for (size_t i = 0; i < it->aad_count; i++) {
        if (it->aad[i].len > left)
            return false;
        left -= it->aad[i].len;
    }
    return true;
}

/* The key stream of the first items, as many as have room; returns how many those are. */
static size_t make_stream(struct gcm_cpu *c, const struct gcm_item *item, size_t count,
                          size_t *blocks_out)
{
    size_t n = 0, blocks = 0;
    int len = 0;

    for (; n < count && is_short(&item[n]); n++) {
        size_t more = 1 + blocks_of(item[n].text_len);

        if (more > GCM_CPU_LOT - blocks)
            break;
        put_counters(c->stream + blocks * BLOCK, item[n].nonce, more);
        blocks += more;
    }
    if (n > 0 && EVP_EncryptUpdate(c->aes, c->stream, &len, c->stream, (int)(blocks * BLOCK)) != 1)
        return 0;
    *blocks_out = blocks;
    return n;
}

size_t gcm_cpu_seal(struct gcm_cpu *c, const struct gcm_item *item, size_t count)
{
    size_t blocks, n = make_stream(c, item, count, &blocks);

    if (n > 0) {
        seal_lot(c, item, n);
        wipe(c->stream, blocks * BLOCK);
    }
    return n;
}

size_t gcm_cpu_open(struct gcm_cpu *c, struct gcm_item *item, size_t count)
{
    size_t blocks, n = make_stream(c, item, count, &blocks);

    if (n > 0) {
        open_lot(c, item, n);
        wipe(c->stream, blocks * BLOCK);
    }
    return n;
}

/* H = AES(0): section 6.3, step 1. */
enum hufu_err gcm_cpu_init(struct gcm_cpu *c, EVP_CIPHER_CTX *aes)
{
    uint8_t h[BLOCK] = { 0 };
    enum hufu_err err = HUFU_IO;
    int n;

    c->aes = aes;
    if (EVP_CIPHER_CTX_set_padding(aes, 0) == 1 &&
        EVP_EncryptUpdate(aes, h, &n, h, sizeof(h)) == 1) {
        ghash_init(&c->hash, h);
        err = HUFU_OK;
    }
    wipe(h, sizeof(h));
    return err;
}
