#include "vault/row.h"

#include <string.h>

#include "vault/base/secret.h"
#include "vault/keys/envelope.h"

#define PARTS_MAX 8

struct view row_plain_key(struct request *req, uint8_t table, struct view key)
{
    uint8_t *mem = request_take(req, key.len + 1);

    if (mem == NULL)
        return view_of(NULL, 0);
    mem[0] = table;
    if (key.len > 0)
        memcpy(mem + 1, key.p, key.len);
    return view_of(mem, key.len + 1);
}

struct view row_numbered_key(struct request *req, uint8_t table, uint32_t id)
{
    uint8_t mem[4];
    struct buf b;

    buf_fixed(&b, mem, sizeof(mem));
    buf_be32(&b, id);
    return row_plain_key(req, table, buf_view(&b));
}

struct view row_token_key(struct request *req, uint32_t domain_id, struct view token)
{
    uint8_t *mem = request_take(req, 5 + token.len);
    struct buf b;

    if (mem == NULL)
        return view_of(NULL, 0);
    buf_fixed(&b, mem, 5 + token.len);
    buf_u8(&b, TABLE_TOKEN);
    buf_be32(&b, domain_id);
    buf_put(&b, token.p, token.len);
    return buf_view(&b);
}

enum hufu_err row_open_record(struct worker *w, uint32_t domain_id, struct view key, uint64_t seq,
                              struct view image, struct record *rec)
{
    uint8_t text_mem[RECORD_TEXT_MAX];
    struct view header;
    struct key *data;
    struct buf text;
    uint32_t version;
    enum hufu_err err;

    buf_fixed(&text, text_mem, sizeof(text_mem));
    err = envelope_peek(image, &version, &header);
    if (err == HUFU_OK) {
        data = keyring_find(w->core->ring, domain_id, KEY_DATA, version);
        err = data == NULL ? HUFU_CORRUPT : envelope_open(w->crypt, data, key, seq, image, &text);
    }
    if (err == HUFU_OK)
        err = record_get_header(header, rec);
    if (err == HUFU_OK)
        err = record_get_text(buf_view(&text), rec);
    buf_done(&text);
    return err;
}

enum hufu_err row_find_record(struct worker *w, const struct domain *domain, struct view key,
                              struct record *out, struct store_seen *seen_out)
{
    uint8_t image_mem[RECORD_HEADER_MAX + RECORD_TEXT_MAX + ENVELOPE_OVERHEAD];
    struct record rec = { 0 };
    struct buf image;
    enum hufu_err err;

    if (key.p == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&image, image_mem, sizeof(image_mem));
    err = store_find(w->reader, key, &image, seen_out);
    if (err == HUFU_OK)
        err = row_open_record(w, domain->id, key, seen_out->seq, buf_view(&image), &rec);
    else if (err == HUFU_NOT_FOUND)
        return err;
    if (err == HUFU_OK)
        *out = rec;
    wipe(&rec, sizeof(rec));
    return err == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

static enum hufu_err lay(struct worker *w, struct request *req, struct view header,
                         struct view text, uint8_t **image_out, size_t *len_out)
{
    size_t max = header.len + text.len + ENVELOPE_OVERHEAD;
    uint8_t *mem = request_take(req, max);
    struct buf image;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&image, mem, max);
    if (envelope_lay(&image, header, text, &w->draw) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    *image_out = mem;
    *len_out = image.len;
    return HUFU_OK;
}

enum hufu_err row_lay_record(struct worker *w, struct request *req, const struct record *rec,
                             uint8_t **image_out, size_t *len_out)
{
    uint8_t header_mem[RECORD_HEADER_MAX], text_mem[RECORD_TEXT_MAX];
    struct buf header, text;
    enum hufu_err err = HUFU_UNAVAILABLE;

    buf_fixed(&header, header_mem, sizeof(header_mem));
    buf_fixed(&text, text_mem, sizeof(text_mem));
    record_put_header(rec, &header);
    record_put_text(rec, &text);
    if (buf_check(&header) == HUFU_OK && buf_check(&text) == HUFU_OK)
        err = lay(w, req, buf_view(&header), buf_view(&text), image_out, len_out);
    buf_done(&text);
    return err;
}

struct store_seen row_seen(uint64_t seq)
{
    return (struct store_seen){ seq, 0 };
}

enum hufu_err row_write_headed(struct worker *w, struct request *req, struct store_op *op,
                               struct view key, struct store_seen seen, struct view header,
                               const struct buf *text)
{
    uint8_t *image;
    size_t image_len;

    if (key.p == NULL || buf_check(text) != HUFU_OK ||
        lay(w, req, header, buf_view(text), &image, &image_len) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect(op, key, seen);
    op_write(op, key, image, image_len);
    return HUFU_OK;
}

enum hufu_err row_write_control(struct worker *w, struct request *req, struct store_op *op,
                                struct view key, struct store_seen seen, const struct buf *text)
{
    return row_write_headed(w, req, op, key, seen, view_of(NULL, 0), text);
}

static enum hufu_err write_plain(struct request *req, struct store_op *op, const struct buf *key,
                                 const struct buf *image, uint64_t seq)
{
    uint8_t *key_copy = arena_copy(&req->work, key->p, key->len);
    uint8_t *image_copy = arena_copy(&req->work, image->p, image->len);

    if (key_copy == NULL || image_copy == NULL)
        return HUFU_UNAVAILABLE;
    op_expect(op, view_of(key_copy, key->len), row_seen(seq));
    op_write(op, view_of(key_copy, key->len), image_copy, image->len);
    return HUFU_OK;
}

enum hufu_err row_write_kek(struct request *req, struct store_op *op, const struct kek_row *row,
                            uint64_t seq)
{
    uint8_t key_mem[8], image_mem[KEYROW_ATTRS_MAX + KEYROW_SEALED_MAX + 128];
    struct buf key, image;

    buf_fixed(&key, key_mem, sizeof(key_mem));
    buf_fixed(&image, image_mem, sizeof(image_mem));
    kek_row_key(row->version, &key);
    kek_row_put(row, &image);
    if (buf_check(&key) != HUFU_OK || buf_check(&image) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return write_plain(req, op, &key, &image, seq);
}

enum hufu_err row_write_keyset(struct request *req, struct store_op *op,
                               const struct keyset_row *row, uint64_t seq)
{
    uint8_t key_mem[16], image_mem[KEYROW_SEALED_MAX + 64];
    struct buf key, image;

    buf_fixed(&key, key_mem, sizeof(key_mem));
    buf_fixed(&image, image_mem, sizeof(image_mem));
    keyset_row_key(row->domain, row->kind, row->version, &key);
    keyset_row_put(row, &image);
    if (buf_check(&key) != HUFU_OK || buf_check(&image) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return write_plain(req, op, &key, &image, seq);
}

enum hufu_err row_open_control(struct crypt *c, struct keyring *ring, struct view key, uint64_t seq,
                               struct view image, struct buf *out)
{
    struct view header;
    struct key *control;
    uint32_t version;
    enum hufu_err err;

    err = envelope_peek(image, &version, &header);
    if (err != HUFU_OK)
        return err;
    control = keyring_find(ring, KEY_SYSTEM, KEY_CONTROL, version);
    if (control == NULL)
        return HUFU_UNAVAILABLE;
    return envelope_open(c, control, key, seq, image, out);
}

enum hufu_err row_digest(struct worker *w, enum row_purpose purpose, const struct view *part,
                         size_t part_count, uint8_t out[static 32])
{
    struct key *key = keyring_active(w->core->ring, KEY_SYSTEM, KEY_MAC);
    struct view all[1 + 2 * PARTS_MAX];
    uint8_t first = (uint8_t)purpose, lens[PARTS_MAX][2];
    size_t n = 0;

    if (key == NULL || part_count > PARTS_MAX)
        return HUFU_UNAVAILABLE;
    all[n++] = view_of(&first, 1);
    for (size_t i = 0; i < part_count; i++) {
        lens[i][0] = (uint8_t)part[i].len;
        lens[i][1] = (uint8_t)(part[i].len >> 8);
        all[n++] = view_of(lens[i], 2);
        all[n++] = part[i];
    }
    return crypt_mac(w->crypt, key, all, n, out) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err row_counter_key(struct worker *w, struct request *req, enum row_purpose what,
                              const struct buf *whom, struct view *key_out)
{
    struct view part = buf_view(whom);
    uint8_t digest[32];

    if (buf_check(whom) != HUFU_OK || row_digest(w, what, &part, 1, digest) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    *key_out = row_plain_key(req, TABLE_COUNTER, view_of(digest, sizeof(digest)));
    return key_out->p == NULL ? HUFU_UNAVAILABLE : HUFU_OK;
}

uint64_t row_now(const struct core *core)
{
    uint64_t now_ms = core->clock->now_ms(core->clock), judged_ms = atomic_load(&core->judged_ms);

    return judged_ms > now_ms ? judged_ms : now_ms;
}

uint64_t row_day(const struct core *core)
{
    return row_now(core) / ROW_DAY_MS;
}

enum hufu_err row_count_person(struct worker *w, struct request *req, enum row_purpose what,
                               uint64_t add)
{
    uint64_t limit = conf_u64(w->core->conf, CONF_REVEALS_DAY), day = row_day(w->core);
    uint8_t mem[16];
    struct view key;
    struct buf whom;

    if (limit >= LIMIT_OFF)
        return HUFU_OK;
    buf_fixed(&whom, mem, sizeof(mem));
    buf_u32(&whom, req->who.user->id);
    buf_u64(&whom, day);
    if (row_counter_key(w, req, what, &whom, &key) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_count(&req->op[0], key, add, limit, (day + 1) * ROW_DAY_MS);
    op_limit(&req->op[0], LIMIT_REVEALS_DAY);
    return HUFU_OK;
}

enum hufu_err row_token_id(struct worker *w, uint32_t domain_id, struct view token,
                           uint8_t out[static ENTRY_TOKEN_ID_LEN])
{
    struct key *key = keyring_active(w->core->ring, KEY_SYSTEM, KEY_LOGID);
    uint8_t mac[CRYPT_MAC_LEN], id_mem[4];
    struct view part[2];
    struct buf id;

    buf_fixed(&id, id_mem, sizeof(id_mem));
    buf_be32(&id, domain_id);
    part[0] = buf_view(&id);
    part[1] = token;
    if (key == NULL || crypt_mac(w->crypt, key, part, 2, mac) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    memcpy(out, mac, ENTRY_TOKEN_ID_LEN);
    return HUFU_OK;
}
