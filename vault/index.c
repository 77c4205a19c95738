#include "vault/index.h"

static enum hufu_err key_print(uint32_t domain_id, uint32_t version, const uint8_t *mac,
                               uint8_t out[static INDEX_KEY_LEN])
{
    struct buf b;

    buf_fixed(&b, out, INDEX_KEY_LEN);
    buf_u8(&b, TABLE_INDEX);
    buf_be32(&b, domain_id);
    buf_be32(&b, version);
    buf_put(&b, mac, CRYPT_MAC_LEN);
    return buf_check(&b) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err index_key(struct crypt *c, struct keyring *ring, uint32_t domain_id, uint32_t version,
                        struct view value, uint8_t out[static INDEX_KEY_LEN])
{
    struct key *key = keyring_find(ring, domain_id, KEY_INDEX, version);
    uint8_t mac[CRYPT_MAC_LEN];

    if (key == NULL || crypt_mac(c, key, &value, 1, mac) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return key_print(domain_id, version, mac, out);
}

enum hufu_err index_macs(struct worker *w, const struct domain *domain, const struct view *value,
                         size_t count, uint8_t (*mac)[CRYPT_MAC_LEN])
{
    struct key *key = keyring_find(w->core->ring, domain->id, KEY_INDEX, domain->index_version);

    if (key == NULL || crypt_mac_many(w->crypt, key, value, count, mac) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return HUFU_OK;
}

static enum hufu_err add_row(struct worker *w, struct request *req, const struct domain *domain,
                             uint32_t version, struct view value, const uint8_t *mac,
                             struct index_rows *rows)
{
    uint8_t *mem = request_take(req, INDEX_KEY_LEN);

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    rows->key[rows->count++] = view_of(mem, INDEX_KEY_LEN);
    if (mac != NULL)
        return key_print(domain->id, version, mac, mem);
    return index_key(w->crypt, w->core->ring, domain->id, version, value, mem);
}

enum hufu_err index_find(struct worker *w, struct request *req, const struct domain *domain,
                         struct view value, const uint8_t *mac, struct index_rows *rows_out,
                         struct buf *token_out)
{
    struct index_rows rows = { .count = 0 };
    enum hufu_err err, second = HUFU_NOT_FOUND;

    err = add_row(w, req, domain, domain->index_version, value, mac, &rows);
    if (err == HUFU_OK && domain->index_next != 0)
        err = add_row(w, req, domain, domain->index_next, value, NULL, &rows);
    if (err != HUFU_OK)
        return err;
    err = store_find(w->reader, rows.key[0], token_out, &rows.seen[0]);
    if (rows.count > 1)
        second = store_find(w->reader, rows.key[1], NULL, &rows.seen[1]);
    if ((err != HUFU_OK && err != HUFU_NOT_FOUND) ||
        (second != HUFU_OK && second != HUFU_NOT_FOUND))
        return HUFU_UNAVAILABLE;
    *rows_out = rows;
    return err;
}

bool index_has_changed(struct worker *w, const struct index_rows *rows)
{
    struct store_seen now;
    enum hufu_err err = store_find(w->reader, rows->key[0], NULL, &now);

    return (err == HUFU_OK || err == HUFU_NOT_FOUND) && now.seq != rows->seen[0].seq;
}

void index_expect(struct store_op *op, const struct index_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        op_expect(op, rows->key[i], rows->seen[i]);
}

void index_write(struct store_op *op, const struct index_rows *rows, uint8_t *token,
                 size_t token_len)
{
    for (size_t i = 0; i < rows->count; i++)
        op_write(op, rows->key[i], token, token_len);
}

void index_remove(struct store_op *op, const struct index_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        op_write(op, rows->key[i], NULL, 0);
}
