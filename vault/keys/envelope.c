#include "vault/keys/envelope.h"

#include <endian.h>
#include <string.h>

#include "vault/base/secret.h"

#define VERSION_AT 2 /* offset of the key version */
#define HEADER_AT  8 /* offset of the header, behind its length */
#define AAD_PARTS  4
#define AAD_MEM    10 /* bytes: u16 length, u64 seq */
#define LOT        32 /* images that go to crypt_seal_many at once */

/* The parts of an image; the pointers are into it. */
struct parts {
    uint32_t version;
    struct view header;
    size_t nonce_at; /* offset */
    size_t text_at, text_len;
    size_t tag_at;
};

/* Numbers of the format, little-endian. The bytes of an image are put and read at known places, not
 * step by step through buf.h: this is done for every token. */
static void put_number(uint8_t *at, uint64_t v, size_t bytes)
{
    v = htole64(v);
    memcpy(at, &v, bytes);
}

static uint64_t get_number(const uint8_t *at, size_t bytes)
{
    uint64_t v = 0;

    memcpy(&v, at, bytes);
    return le64toh(v);
}

enum hufu_err envelope_lay(struct buf *out, struct view header, struct view text, struct draw *draw)
{
    size_t len = ENVELOPE_OVERHEAD + header.len + text.len;
    uint8_t *at;
    enum hufu_err err;

    if (header.len > UINT16_MAX || text.len > UINT32_MAX)
        return HUFU_RANGE;
    at = buf_space(out, len);
    if (at == NULL)
        return HUFU_RANGE;
    err = draw_bytes(draw, at + HEADER_AT + header.len, CRYPT_NONCE_LEN);
    if (err != HUFU_OK) {
        out->len -= len;
        return err;
    }
    at[0] = ENVELOPE_FORMAT;
    at[1] = ENVELOPE_SUITE; /* then the key's version, once it is sealed */
    put_number(at + HEADER_AT - 2, header.len, 2);
    at += HEADER_AT;
    if (header.len > 0)
        memcpy(at, header.p, header.len);
    at += header.len + CRYPT_NONCE_LEN;
    put_number(at, text.len, 4);
    if (text.len > 0)
        memcpy(at + 4, text.p, text.len);
    return HUFU_OK; /* the rest is zeroes: the tag's place */
}

static enum hufu_err split(struct view image, struct parts *out)
{
    size_t header_len, text_len, left; /* left: header, text and whatever is missing or too much */

    if (image.len < ENVELOPE_OVERHEAD || image.p[0] != ENVELOPE_FORMAT ||
        image.p[1] != ENVELOPE_SUITE)
        return HUFU_CORRUPT;
    left = image.len - ENVELOPE_OVERHEAD;
    header_len = get_number(image.p + HEADER_AT - 2, 2);
    if (header_len > left)
        return HUFU_CORRUPT;
    text_len = get_number(image.p + HEADER_AT + header_len + CRYPT_NONCE_LEN, 4);
    if (text_len != left - header_len)
        return HUFU_CORRUPT;
    out->version = (uint32_t)get_number(image.p + VERSION_AT, 4);
    out->header.p = image.p + HEADER_AT;
    out->header.len = header_len;
    out->nonce_at = HEADER_AT + header_len;
    out->text_at = out->nonce_at + CRYPT_NONCE_LEN + 4;
    out->text_len = text_len;
    out->tag_at = out->text_at + text_len;
    return HUFU_OK;
}

/* AAD = length of the row key, row key, seq, everything before the nonce. */
static void fill_aad(struct view aad[static AAD_PARTS], struct view row,
                     uint8_t mem[static AAD_MEM], uint64_t seq, const uint8_t *image,
                     size_t nonce_at)
{
    put_number(mem, row.len, 2);
    put_number(mem + 2, seq, 8);
    aad[0] = (struct view){ mem, 2 };
    aad[1] = row;
    aad[2] = (struct view){ mem + 2, 8 };
    aad[3] = (struct view){ image, nonce_at };
}

/* Writes the key's version and says what is to be sealed; aad and mem are what item points to. */
static enum hufu_err prepare(const struct envelope_write *w, struct view aad[static AAD_PARTS],
                             uint8_t mem[static AAD_MEM], struct gcm_item *item)
{
    struct parts p;
    enum hufu_err err = split(view_of(w->image, w->image_len), &p);

    if (err != HUFU_OK)
        return err;
    put_number(w->image + VERSION_AT, w->active->version, 4);
    fill_aad(aad, w->row, mem, w->seq, w->image, p.nonce_at);
    *item = (struct gcm_item){ .nonce = w->image + p.nonce_at,
                               .aad = aad,
                               .aad_count = AAD_PARTS,
                               .in = w->image + p.text_at,
                               .out = w->image + p.text_at,
                               .text_len = p.text_len,
                               .tag_out = w->image + p.tag_at };
    return HUFU_OK;
}

enum hufu_err envelope_seal(struct crypt *c, struct key *active, struct view row, uint64_t seq,
                            uint8_t *image, size_t image_len)
{
    const struct envelope_write w = { active, row, seq, image, image_len };
    uint8_t mem[AAD_MEM];
    struct view aad[AAD_PARTS];
    struct gcm_item item;
    enum hufu_err err = prepare(&w, aad, mem, &item);

    if (err == HUFU_OK)
        err = key_count_seals(active, 1);
    if (err == HUFU_OK)
        err = crypt_seal_many(c, active, &item, 1);
    return err;
}

/* Up to LOT images under one key. */
static enum hufu_err seal_lot(struct crypt *c, const struct envelope_write *write, size_t count)
{
    uint8_t mem[LOT][AAD_MEM];
    struct view aad[LOT][AAD_PARTS];
    struct gcm_item item[LOT];
    enum hufu_err err = HUFU_OK;

    for (size_t i = 0; i < count && err == HUFU_OK; i++)
        err = prepare(&write[i], aad[i], mem[i], &item[i]);
    if (err == HUFU_OK)
        err = key_count_seals(write->active, count);
    if (err == HUFU_OK)
        err = crypt_seal_many(c, write->active, item, count);
    return err;
}

enum hufu_err envelope_seal_many(struct crypt *c, const struct envelope_write *write, size_t count)
{
    enum hufu_err err = HUFU_OK;

    while (count > 0 && err == HUFU_OK) {
        size_t n = 1;

        while (n < count && n < LOT && write[n].active == write->active)
            n++;
        err = n == 1 ? envelope_seal(c, write->active, write->row, write->seq, write->image,
                                     write->image_len)
                     : seal_lot(c, write, n);
        write += n;
        count -= n;
    }
    return err;
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

/* Makes room for the text and says what is to be opened; aad and mem are what item points to. */
static enum hufu_err prepare_open(const struct envelope_read *r, struct view aad[static AAD_PARTS],
                                  uint8_t mem[static AAD_MEM], struct gcm_item *item)
{
    struct parts p;
    uint8_t *text;
    enum hufu_err err = split(r->image, &p);

    if (err != HUFU_OK)
        return err;
    if (p.version != r->key->version)
        return HUFU_CORRUPT;
    text = buf_space(r->out, p.text_len);
    if (text == NULL)
        return p.text_len == 0 ? HUFU_CORRUPT : HUFU_RANGE;
    fill_aad(aad, r->row, mem, r->seq, r->image.p, p.nonce_at);
    *item = (struct gcm_item){ .nonce = r->image.p + p.nonce_at,
                               .aad = aad,
                               .aad_count = AAD_PARTS,
                               .in = r->image.p + p.text_at,
                               .out = text,
                               .text_len = p.text_len,
                               .tag = r->image.p + p.tag_at };
    return HUFU_OK;
}

/* What did not open is taken back; crypt.h has wiped it. */
static void finish_open(struct envelope_read *r, const struct gcm_item *item, enum hufu_err err)
{
    r->err = err == HUFU_OK ? item->err : err;
    if (r->err != HUFU_OK)
        r->out->len -= item->text_len;
}

enum hufu_err envelope_open(struct crypt *c, const struct key *key, struct view row, uint64_t seq,
                            struct view image, struct buf *out)
{
    struct envelope_read r = { key, row, seq, image, out, HUFU_OK };
    uint8_t mem[AAD_MEM];
    struct view aad[AAD_PARTS];
    struct gcm_item item;
    enum hufu_err err = prepare_open(&r, aad, mem, &item);

    if (err != HUFU_OK)
        return err;
    finish_open(&r, &item, crypt_open_many(c, key, &item, 1));
    return r.err;
}

/* Up to LOT images under one key. */
static void open_lot(struct crypt *c, struct envelope_read *read, size_t count)
{
    uint8_t mem[LOT][AAD_MEM];
    struct view aad[LOT][AAD_PARTS];
    struct gcm_item item[LOT];
    struct envelope_read *of[LOT]; /* whose item it is: images that are none have no item */
    enum hufu_err err = HUFU_OK;
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        read[i].err = prepare_open(&read[i], aad[n], mem[n], &item[n]);
        of[n] = &read[i];
        n += read[i].err == HUFU_OK ? 1 : 0;
    }
    if (n > 0)
        err = crypt_open_many(c, read->key, item, n);
    for (size_t i = 0; i < n; i++)
        finish_open(of[i], &item[i], err);
}

void envelope_open_many(struct crypt *c, struct envelope_read *read, size_t count)
{
    while (count > 0) {
        size_t n = 1;

        while (n < count && n < LOT && read[n].key == read->key)
            n++;
        open_lot(c, read, n);
        read += n;
        count -= n;
    }
}
