#include "vault/keys/keyrow.h"

#include <string.h>

/* vault/store/ is above this room; its numbers of these two tables stand in vault/FORMATS.md. */
#define TABLE_BYTE_KEK    16
#define TABLE_BYTE_KEYSET 17

#define ROW_FORMAT 1
#define AAD_MAX    96

static const char canary_text[] = "hufu-canary";

void kek_row_key(uint32_t version, struct buf *out)
{
    buf_u8(out, TABLE_BYTE_KEK);
    buf_be32(out, version);
}

void keyset_row_key(uint32_t domain, unsigned kind, uint32_t version, struct buf *out)
{
    buf_u8(out, TABLE_BYTE_KEYSET);
    buf_be32(out, domain);
    buf_u8(out, (uint8_t)kind);
    buf_be32(out, version);
}

void kek_row_put(const struct kek_row *row, struct buf *out)
{
    buf_u8(out, ROW_FORMAT);
    buf_u8(out, row->state);
    buf_u64(out, row->created_ms);
    buf_lv8(out, row->id, strlen(row->id));
    buf_lv16(out, row->canary, row->canary_len);
    buf_lv16(out, row->attrs, strlen(row->attrs));
}

void keyset_row_put(const struct keyset_row *row, struct buf *out)
{
    buf_u8(out, ROW_FORMAT);
    buf_u8(out, row->state);
    buf_u64(out, row->created_ms);
    buf_u64(out, row->leased);
    buf_u32(out, row->kek_version);
    buf_lv16(out, row->sealed, row->sealed_len);
}

static bool is_state(uint8_t state)
{
    return state >= KEY_PRE_ACTIVE && state <= KEY_DESTROYED;
}

enum hufu_err kek_row_get(struct view row_key, struct view image, struct kek_row *out)
{
    struct kek_row row = { 0 };
    struct reader k, r;
    struct view id, canary, attrs;

    reader_init(&k, row_key.p, row_key.len);
    if (reader_u8(&k) != TABLE_BYTE_KEK)
        return HUFU_CORRUPT;
    row.version = reader_be32(&k);
    reader_init(&r, image.p, image.len);
    if (reader_u8(&r) != ROW_FORMAT)
        return HUFU_CORRUPT;
    row.state = reader_u8(&r);
    row.created_ms = reader_u64(&r);
    id = reader_lv8(&r, HSM_KEY_ID_MAX);
    canary = reader_lv16(&r, sizeof(row.canary));
    attrs = reader_lv16(&r, KEYROW_ATTRS_MAX);
    if (reader_end(&k) != HUFU_OK || reader_end(&r) != HUFU_OK || !is_state(row.state) ||
        id.len == 0)
        return HUFU_CORRUPT;
    memcpy(row.id, id.p, id.len);
    if (canary.len > 0)
        memcpy(row.canary, canary.p, canary.len);
    row.canary_len = canary.len;
    if (attrs.len > 0)
        memcpy(row.attrs, attrs.p, attrs.len);
    *out = row;
    return HUFU_OK;
}

enum hufu_err keyset_row_get(struct view row_key, struct view image, struct keyset_row *out)
{
    struct keyset_row row = { 0 };
    struct reader k, r;
    struct view sealed;

    reader_init(&k, row_key.p, row_key.len);
    if (reader_u8(&k) != TABLE_BYTE_KEYSET)
        return HUFU_CORRUPT;
    row.domain = reader_be32(&k);
    row.kind = reader_u8(&k);
    row.version = reader_be32(&k);
    reader_init(&r, image.p, image.len);
    if (reader_u8(&r) != ROW_FORMAT)
        return HUFU_CORRUPT;
    row.state = reader_u8(&r);
    row.created_ms = reader_u64(&r);
    row.leased = reader_u64(&r);
    row.kek_version = reader_u32(&r);
    sealed = reader_lv16(&r, sizeof(row.sealed));
    if (reader_end(&k) != HUFU_OK || reader_end(&r) != HUFU_OK || !is_state(row.state) ||
        row.kind < KEY_DATA || row.kind > KEY_FF1 ||
        (sealed.len == 0) != (row.state == KEY_DESTROYED))
        return HUFU_CORRUPT;
    if (sealed.len > 0)
        memcpy(row.sealed, sealed.p, sealed.len);
    row.sealed_len = sealed.len;
    *out = row;
    return HUFU_OK;
}

static struct view canary_aad(const struct kek_row *row, uint8_t mem[static AAD_MAX])
{
    struct buf aad;

    buf_fixed(&aad, mem, AAD_MAX);
    buf_str(&aad, canary_text);
    buf_str(&aad, row->id);
    return buf_view(&aad);
}

enum hufu_err kek_row_make_canary(struct hsm_ops *hsm, struct kek_row *row)
{
    uint8_t mem[AAD_MAX], canary[KEYROW_SEALED_MAX];
    struct buf out;
    enum hufu_err err;

    buf_fixed(&out, canary, sizeof(canary));
    err = hsm_seal(hsm, view_str(row->id), canary_aad(row, mem), view_str(canary_text), &out);
    if (err != HUFU_OK)
        return err;
    memcpy(row->canary, canary, out.len);
    row->canary_len = out.len;
    return HUFU_OK;
}

enum hufu_err kek_row_check_canary(struct hsm_ops *hsm, const struct kek_row *row)
{
    uint8_t mem[AAD_MAX], text[KEYROW_SEALED_MAX];
    struct buf out;
    enum hufu_err err;

    buf_fixed(&out, text, sizeof(text));
    err = hsm_open(hsm, view_str(row->id), canary_aad(row, mem),
                   view_of(row->canary, row->canary_len), &out);
    if (err == HUFU_OK && !view_is(buf_view(&out), canary_text))
        err = HUFU_CORRUPT;
    buf_done(&out);
    return err;
}

static struct view keyset_aad(const struct keyset_row *row, const struct kek_row *kek,
                              uint8_t mem[static AAD_MAX])
{
    struct buf aad;

    buf_fixed(&aad, mem, AAD_MAX);
    buf_str(&aad, "hufu-keyset");
    buf_be32(&aad, row->domain);
    buf_u8(&aad, row->kind);
    buf_be32(&aad, row->version);
    buf_str(&aad, kek->id);
    return buf_view(&aad);
}

enum hufu_err keyset_row_seal(struct hsm_ops *hsm, const struct kek_row *kek,
                              const struct secret *key, struct keyset_row *row)
{
    uint8_t mem[AAD_MAX], sealed[KEYROW_SEALED_MAX];
    struct buf out;
    enum hufu_err err;

    buf_fixed(&out, sealed, sizeof(sealed));
    err = hsm_seal(hsm, view_str(kek->id), keyset_aad(row, kek, mem),
                   view_of(secret_read(key), secret_len(key)), &out);
    if (err != HUFU_OK)
        return err;
    memcpy(row->sealed, sealed, out.len);
    row->sealed_len = out.len;
    row->kek_version = kek->version;
    return HUFU_OK;
}

enum hufu_err keyset_row_open(struct hsm_ops *hsm, const struct kek_row *kek,
                              const struct keyset_row *row, struct secret **out)
{
    uint8_t mem[AAD_MAX], text[KEYROW_SEALED_MAX];
    struct buf key;
    enum hufu_err err;

    buf_fixed(&key, text, sizeof(text));
    err = hsm_open(hsm, view_str(kek->id), keyset_aad(row, kek, mem),
                   view_of(row->sealed, row->sealed_len), &key);
    if (err == HUFU_OK && key.len != KEY_LEN)
        err = HUFU_CORRUPT;
    if (err == HUFU_OK)
        err = secret_from(key.p, key.len, out);
    buf_done(&key);
    return err;
}
