#include "vault/access/credential.h"

#include <string.h>

#include "vault/access/rowio.h"
#include "vault/base/digest.h"

void credential_put(const struct credential *c, struct buf *out)
{
    buf_u8(out, ROW_FORMAT);
    buf_u8(out, c->state);
    buf_u8(out, c->flags);
    buf_lv16(out, c->id, c->id_len);
    buf_u8(out, c->public.alg);
    buf_lv16(out, c->public.key, c->public.key_len);
    buf_put(out, c->aaguid, sizeof(c->aaguid));
    buf_u32(out, c->count);
    buf_u64(out, c->created_ms);
    buf_u64(out, c->used_ms);
}

enum hufu_err credential_get(struct view in, struct credential *out)
{
    struct credential c = { 0 };
    struct view id, key;
    struct reader r;

    if (!rowio_begin(&r, in))
        return HUFU_CORRUPT;
    c.state = reader_u8(&r);
    c.flags = reader_u8(&r);
    id = reader_lv16(&r, sizeof(c.id));
    c.public.alg = reader_u8(&r);
    key = reader_lv16(&r, sizeof(c.public.key));
    reader_copy(&r, c.aaguid, sizeof(c.aaguid));
    c.count = reader_u32(&r);
    c.created_ms = reader_u64(&r);
    c.used_ms = reader_u64(&r);
    if (reader_end(&r) != HUFU_OK || id.len == 0 || key.len == 0 ||
        key.len != fido_public_len(c.public.alg) ||
        (c.state != CREDENTIAL_ACTIVE && c.state != CREDENTIAL_DISABLED))
        return HUFU_CORRUPT;
    memcpy(c.id, id.p, id.len);
    c.id_len = id.len;
    memcpy(c.public.key, key.p, key.len);
    c.public.key_len = key.len;
    *out = c;
    return HUFU_OK;
}

void recovery_put(const struct recovery *rec, struct buf *out)
{
    buf_u8(out, ROW_FORMAT);
    buf_u64(out, rec->created_ms);
    buf_u8(out, (uint8_t)rec->count);
    for (size_t i = 0; i < rec->count; i++)
        buf_put(out, rec->digest[i], sizeof(rec->digest[i]));
}

enum hufu_err recovery_get(struct view in, struct recovery *out)
{
    struct recovery rec = { 0 };
    struct reader r;

    if (!rowio_begin(&r, in))
        return HUFU_CORRUPT;
    rec.created_ms = reader_u64(&r);
    rec.count = reader_u8(&r);
    if (rec.count > RECOVERY_CODES)
        return HUFU_CORRUPT;
    for (size_t i = 0; i < rec.count; i++)
        reader_copy(&r, rec.digest[i], sizeof(rec.digest[i]));
    if (reader_end(&r) != HUFU_OK)
        return HUFU_CORRUPT;
    *out = rec;
    return HUFU_OK;
}

enum hufu_err credential_name(struct view id, uint8_t out[static CREDENTIAL_NAME_LEN])
{
    uint8_t digest[DIGEST_LEN];
    enum hufu_err err = digest_sha256(&id, 1, digest);

    if (err == HUFU_OK)
        memcpy(out, digest, CREDENTIAL_NAME_LEN);
    return err;
}

void credential_row_key(uint32_t user_id, const uint8_t name[static CREDENTIAL_NAME_LEN],
                        uint8_t out[static CREDENTIAL_KEY_LEN])
{
    struct buf b;

    buf_fixed(&b, out, CREDENTIAL_KEY_LEN);
    buf_be32(&b, user_id);
    buf_put(&b, name, CREDENTIAL_NAME_LEN);
}

static bool is_codes(const uint8_t name[static CREDENTIAL_NAME_LEN])
{
    static const uint8_t zeros[CREDENTIAL_NAME_LEN];

    return view_equal(view_of(name, CREDENTIAL_NAME_LEN), view_of(zeros, sizeof(zeros)));
}

enum hufu_err credential_find(struct directory *d, uint32_t user_id, struct view id,
                              struct credential *out)
{
    uint8_t name[CREDENTIAL_NAME_LEN], key[CREDENTIAL_KEY_LEN], mem[CREDENTIAL_ROW_MAX];
    struct credential c;
    struct buf text;
    uint64_t seq;

    if (credential_name(id, name) != HUFU_OK)
        return HUFU_IO;
    credential_row_key(user_id, name, key);
    buf_fixed(&text, mem, sizeof(mem));
    if (is_codes(name) ||
        directory_kept(d, TABLE_CREDENTIAL, view_of(key, sizeof(key)), &text, &seq) != HUFU_OK)
        return HUFU_NOT_FOUND;
    if (credential_get(buf_view(&text), &c) != HUFU_OK || !view_equal(view_of(c.id, c.id_len), id))
        return HUFU_NOT_FOUND;
    c.user_id = user_id;
    c.seq = seq;
    *out = c;
    return HUFU_OK;
}

/* The first key of a person whose row is after `key`, which moves on to it. */
static bool next_of(struct directory *d, uint32_t user_id, uint8_t key[static CREDENTIAL_KEY_LEN],
                    struct credential *out)
{
    uint8_t key_mem[CREDENTIAL_KEY_LEN], mem[CREDENTIAL_ROW_MAX];
    struct buf found, text;
    struct credential c;
    uint64_t seq;

    buf_fixed(&found, key_mem, sizeof(key_mem));
    buf_fixed(&text, mem, sizeof(mem));
    if (directory_kept_after(d, TABLE_CREDENTIAL, view_of(key, CREDENTIAL_KEY_LEN), &found, &text,
                             &seq) != HUFU_OK ||
        found.len != CREDENTIAL_KEY_LEN || !view_equal(view_of(key_mem, 4), view_of(key, 4)) ||
        credential_get(buf_view(&text), &c) != HUFU_OK)
        return false;
    memcpy(key, key_mem, CREDENTIAL_KEY_LEN);
    c.user_id = user_id;
    c.seq = seq;
    *out = c;
    return true;
}

size_t credential_list(struct directory *d, uint32_t user_id,
                       struct credential out[static CREDENTIAL_KEYS_MAX])
{
    static const uint8_t codes[CREDENTIAL_NAME_LEN]; /* lie before every key */
    uint8_t key[CREDENTIAL_KEY_LEN];
    size_t count = 0;

    credential_row_key(user_id, codes, key);
    while (count < CREDENTIAL_KEYS_MAX && next_of(d, user_id, key, &out[count]))
        count++;
    return count;
}

bool credential_has(struct directory *d, uint32_t user_id)
{
    struct credential found[CREDENTIAL_KEYS_MAX];
    size_t count = credential_list(d, user_id, found);

    for (size_t i = 0; i < count; i++)
        if (found[i].state == CREDENTIAL_ACTIVE)
            return true;
    return false;
}

bool credential_is_taken(struct directory *d, struct view id)
{
    uint8_t name[CREDENTIAL_NAME_LEN], mem[CREDENTIAL_KEY_LEN];
    struct buf key;
    uint64_t seq;

    if (credential_name(id, name) != HUFU_OK)
        return true;
    for (size_t i = 0;; i++) {
        buf_fixed(&key, mem, sizeof(mem));
        if (directory_kept_at(d, TABLE_CREDENTIAL, i, &key, NULL, &seq) != HUFU_OK)
            return false;
        if (key.len == CREDENTIAL_KEY_LEN &&
            view_equal(view_of(mem + 4, CREDENTIAL_NAME_LEN), view_of(name, sizeof(name))))
            return true;
    }
}

enum hufu_err recovery_find(struct directory *d, uint32_t user_id, struct recovery *out)
{
    static const uint8_t codes[CREDENTIAL_NAME_LEN];
    uint8_t key[CREDENTIAL_KEY_LEN], mem[CREDENTIAL_ROW_MAX];
    struct recovery rec;
    struct buf text;
    uint64_t seq;

    credential_row_key(user_id, codes, key);
    buf_fixed(&text, mem, sizeof(mem));
    if (directory_kept(d, TABLE_CREDENTIAL, view_of(key, sizeof(key)), &text, &seq) != HUFU_OK ||
        recovery_get(buf_view(&text), &rec) != HUFU_OK)
        return HUFU_NOT_FOUND;
    rec.user_id = user_id;
    rec.seq = seq;
    *out = rec;
    return HUFU_OK;
}
