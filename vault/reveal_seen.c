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
    row.way = reader_u8(&i);
    row.domain_id = reader_be32(&i);
    row.token_len = i.left;
    if (row.token_len == 0 || row.token_len > sizeof(row.token) ||
        (row.way != REVEAL_SHOWN && row.way != REVEAL_EXPORTED))
        return HUFU_CORRUPT;
    reader_copy(&i, row.token, row.token_len);
    if (reader_end(&k) != HUFU_OK || reader_end(&i) != HUFU_OK)
        return HUFU_CORRUPT;
    *out = row;
    return HUFU_OK;
}

static enum hufu_err write_row(struct request *req, struct store_op *op, struct view key,
                               const struct token *t, enum reveal_way way, struct store_seen seen)
{
    uint8_t *mem = request_take(req, REVEAL_SEEN_IMAGE_MAX);
    struct buf image;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&image, mem, REVEAL_SEEN_IMAGE_MAX);
    buf_u64(&image, row_now(req->core));
    buf_u8(&image, (uint8_t)way);
    buf_be32(&image, req->domain->id);
    buf_put(&image, t->text, t->len);
    op_expect(op, key, seen);
    op_write(op, key, mem, image.len);
    return buf_check(&image) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* The row's key, and how it is there: 0 where it is not. */
static enum hufu_err find_row(struct worker *w, struct request *req, const struct reveal_seen *of,
                              struct view *key_out, struct store_seen *seen_out, uint8_t *way_out)
{
    uint8_t *mem = request_take(req, REVEAL_SEEN_KEY_LEN), image_mem[REVEAL_SEEN_IMAGE_MAX];
    struct reveal_seen row = { .way = 0 };
    struct buf key, image;
    enum hufu_err err;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&key, mem, REVEAL_SEEN_KEY_LEN);
    buf_fixed(&image, image_mem, sizeof(image_mem));
    reveal_seen_prefix(of->user_id, of->day, &key);
    buf_put(&key, of->purpose, sizeof(of->purpose));
    buf_put(&key, of->token_id, sizeof(of->token_id));
    err = store_find(w->reader, buf_view(&key), &image, seen_out);
    if (err == HUFU_OK)
        err = reveal_seen_parse(buf_view(&key), buf_view(&image), &row);
    if (err != HUFU_OK && err != HUFU_NOT_FOUND)
        return HUFU_UNAVAILABLE;
    *key_out = buf_view(&key);
    *way_out = row.way;
    return HUFU_OK;
}

static struct reveal_seen name_row(const struct request *req, uint32_t day, const uint8_t *purpose,
                                   const struct token *t)
{
    struct reveal_seen of = { .user_id = req->who.user->id, .day = day };

    memcpy(of.purpose, purpose, sizeof(of.purpose));
    memcpy(of.token_id, t->id, sizeof(of.token_id));
    return of;
}

enum hufu_err reveal_seen_add(struct worker *w, struct request *req, struct store_op *op,
                              uint32_t day, const uint8_t purpose[static REVEAL_SEEN_PURPOSE_LEN],
                              const struct token *t, bool *first_out)
{
    struct reveal_seen of = name_row(req, day, purpose, t);
    struct store_seen seen;
    struct view key;
    uint8_t way;

    if (find_row(w, req, &of, &key, &seen, &way) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    *first_out = way != REVEAL_SHOWN;
    return *first_out ? write_row(req, op, key, t, REVEAL_SHOWN, seen) : HUFU_OK;
}

enum hufu_err reveal_seen_export(struct worker *w, struct request *req, struct store_op *op,
                                 uint32_t day,
                                 const uint8_t purpose[static REVEAL_SEEN_PURPOSE_LEN],
                                 const struct token *t)
{
    struct reveal_seen of = name_row(req, day, purpose, t);
    struct store_seen seen;
    struct view key;
    uint8_t way;

    if (find_row(w, req, &of, &key, &seen, &way) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return way == 0 ? write_row(req, op, key, t, REVEAL_EXPORTED, seen) : HUFU_OK;
}
