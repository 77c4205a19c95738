#include "vault/keys/envelope.h"

#include <string.h>

#include "vault/base/secret.h"

#define VERSION_AT 2 /* offset of the key version */
#define AAD_PARTS  4
#define AAD_MEM    10 /* bytes: u16 length, u64 seq */

/* The parts of an image; the pointers are into it. */
struct parts {
    uint32_t version;
    struct view header;
    size_t nonce_at; /* offset */
    size_t text_at, text_len;
    size_t tag_at;
};

enum hufu_err envelope_lay(struct buf *out, struct view header, struct view text, struct draw *draw)
{
    uint8_t nonce[CRYPT_NONCE_LEN];
    enum hufu_err err;

    err = draw_bytes(draw, nonce, sizeof(nonce));
    if (err != HUFU_OK)
        return err;
    buf_u8(out, ENVELOPE_FORMAT);
    buf_u8(out, ENVELOPE_SUITE);
    buf_u32(out, 0);
    buf_lv16(out, header.p, header.len);
    buf_put(out, nonce, sizeof(nonce));
    buf_lv32(out, text.p, text.len);
    (void)buf_space(out, CRYPT_TAG_LEN);
    return buf_check(out);
}

static enum hufu_err split(struct view image, struct parts *out)
{
    struct parts p = { 0 };
    struct reader r;
    struct view text;

    reader_init(&r, image.p, image.len);
    if (reader_u8(&r) != ENVELOPE_FORMAT || reader_u8(&r) != ENVELOPE_SUITE)
        return HUFU_CORRUPT;
    p.version = reader_u32(&r);
    p.header = reader_lv16(&r, UINT16_MAX);
    p.nonce_at = image.len - r.left;
    (void)reader_take(&r, CRYPT_NONCE_LEN);
    text = reader_lv32(&r, image.len);
    p.tag_at = image.len - r.left;
    p.text_at = p.tag_at - text.len;
    p.text_len = text.len;
    (void)reader_take(&r, CRYPT_TAG_LEN);
    if (reader_end(&r) != HUFU_OK)
        return HUFU_CORRUPT;
    *out = p;
    return HUFU_OK;
}

/* AAD = length of the row key, row key, seq, everything before the nonce. */
static void fill_aad(struct view aad[static AAD_PARTS], struct view row,
                     uint8_t mem[static AAD_MEM], uint64_t seq, const uint8_t *image,
                     size_t nonce_at)
{
    struct buf b;

    buf_fixed(&b, mem, AAD_MEM);
    buf_u16(&b, (uint16_t)row.len);
    buf_u64(&b, seq);
    aad[0] = view_of(mem, 2);
    aad[1] = row;
    aad[2] = view_of(mem + 2, 8);
    aad[3] = view_of(image, nonce_at);
}

enum hufu_err envelope_seal(struct crypt *c, struct key *active, struct view row, uint64_t seq,
                            uint8_t *image, size_t image_len)
{
    uint8_t mem[AAD_MEM];
    struct view aad[AAD_PARTS];
    struct parts p;
    struct buf version;
    enum hufu_err err;

    err = split(view_of(image, image_len), &p);
    if (err != HUFU_OK)
        return err;
    err = key_count_seal(active);
    if (err != HUFU_OK)
        return err;
    buf_fixed(&version, image + VERSION_AT, 4);
    buf_u32(&version, active->version);
    fill_aad(aad, row, mem, seq, image, p.nonce_at);
    return crypt_seal(c, active, image + p.nonce_at, aad, AAD_PARTS, image + p.text_at, p.text_len,
                      image + p.tag_at);
}

enum hufu_err envelope_peek(struct view image, uint32_t *version_out, struct view *header_out)
{
    struct parts p;
    enum hufu_err err;

    err = split(image, &p);
    if (err != HUFU_OK)
        return err;
    *version_out = p.version;
    *header_out = p.header;
    return HUFU_OK;
}

enum hufu_err envelope_open(struct crypt *c, const struct key *key, struct view row, uint64_t seq,
                            struct view image, struct buf *out)
{
    uint8_t mem[AAD_MEM];
    struct view aad[AAD_PARTS];
    struct parts p;
    uint8_t *text;
    enum hufu_err err;

    err = split(image, &p);
    if (err != HUFU_OK)
        return err;
    if (p.version != key->version)
        return HUFU_CORRUPT;
    text = buf_space(out, p.text_len);
    if (text == NULL)
        return p.text_len == 0 ? HUFU_CORRUPT : HUFU_RANGE;
    fill_aad(aad, row, mem, seq, image.p, p.nonce_at);
    err = crypt_open(c, key, image.p + p.nonce_at, aad, AAD_PARTS, image.p + p.text_at, p.text_len,
                     image.p + p.tag_at, text);
    if (err != HUFU_OK)
        out->len -= p.text_len; /* crypt_open has wiped it */
    return err;
}
