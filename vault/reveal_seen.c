#include "vault/reveal_seen.h"

#include <string.h>

enum hufu_err reveal_seen_purpose(struct worker *w, struct view purpose,
                                  uint8_t out[static REVEAL_SEEN_PURPOSE_LEN])
{
    uint8_t digest[32];

    if (row_digest(w, ROW_SEEN_PURPOSE, &purpose, 1, digest) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    memcpy(out, digest, REVEAL_SEEN_PURPOSE_LEN);
    return HUFU_OK;
}

void reveal_seen_prefix(uint32_t user_id, uint32_t day, struct buf *out)
{
    buf_u8(out, TABLE_SEEN);
    buf_be32(out, user_id);
    buf_be32(out, day);
}

enum hufu_err reveal_seen_parse(struct view key, struct view image, struct reveal_seen *out)
{
    struct reveal_seen row = { 0 };
    struct reader k, i;

    reader_init(&k, key.p, key.len);
    if (reader_u8(&k) != TABLE_SEEN)
        return HUFU_CORRUPT;
    row.user_id = reader_be32(&k);
    row.day = reader_be32(&k);
    reader_copy(&k, row.purpose, sizeof(row.purpose));
    reader_copy(&k, row.token_id, sizeof(row.token_id));
    reader_init(&i, image.p, image.len);
    row.first_ms = reader_u64(&i);
    row.domain_id = reader_be32(&i);
    row.token_len = i.left;
    if (row.token_len == 0 || row.token_len > sizeof(row.token))
        return HUFU_CORRUPT;
    reader_copy(&i, row.token, row.token_len);
    if (reader_end(&k) != HUFU_OK || reader_end(&i) != HUFU_OK)
        return HUFU_CORRUPT;
    *out = row;
    return HUFU_OK;
}

static enum hufu_err write_row(struct request *req, struct store_op *op, struct view key,
                               const struct token *t, struct store_seen seen)
{
    uint8_t *mem = request_take(req, REVEAL_SEEN_IMAGE_MAX);
    struct buf image;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&image, mem, REVEAL_SEEN_IMAGE_MAX);
    buf_u64(&image, row_now(req->core));
    buf_be32(&image, req->domain->id);
    buf_put(&image, t->text, t->len);
    op_expect(op, key, seen);
    op_write(op, key, mem, image.len);
    return buf_check(&image) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err reveal_seen_add(struct worker *w, struct request *req, struct store_op *op,
                              uint32_t day, const uint8_t purpose[static REVEAL_SEEN_PURPOSE_LEN],
                              const struct token *t, bool *first_out)
{
    uint8_t *mem = request_take(req, REVEAL_SEEN_KEY_LEN);
    struct store_seen seen;
    struct buf key;
    enum hufu_err err;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&key, mem, REVEAL_SEEN_KEY_LEN);
    reveal_seen_prefix(req->who.user->id, day, &key);
    buf_put(&key, purpose, REVEAL_SEEN_PURPOSE_LEN);
    buf_put(&key, t->id, sizeof(t->id));
    err = store_find(w->reader, buf_view(&key), NULL, &seen);
    if (err != HUFU_OK && err != HUFU_NOT_FOUND)
        return HUFU_UNAVAILABLE;
    *first_out = err == HUFU_NOT_FOUND;
    return *first_out ? write_row(req, op, buf_view(&key), t, seen) : HUFU_OK;
}
