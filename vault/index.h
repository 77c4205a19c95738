/*
 * index.h - from a value to its token: the index row of a deterministic domain.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  vault/FORMATS.md section 3.
 *
 * While a re-index runs (domain->index_next) there are two rows, one under each version's key. The
 * one under index_version tells what is true; every change is expected of and written to both. A
 * draft that was made under other versions meets the domain's row changed, and is made again.
 */
#ifndef HUFU_INDEX_H
#define HUFU_INDEX_H

#include "vault/row.h"

#define INDEX_ROWS_MAX 2

struct index_rows {
    struct view key[INDEX_ROWS_MAX]; /* in req->work */
    struct store_seen seen[INDEX_ROWS_MAX];
    size_t count;
};

/*
 * Looks a canonical value up. mac: CRYPT_MAC_LEN bytes of index_macs, or NULL. rows_out is filled
 * with OK and NOT_FOUND; the token is appended to token_out with OK. Returns: HUFU_OK,
 * HUFU_NOT_FOUND, HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err index_find(struct worker *w, struct request *req,
                                       const struct domain *domain, struct view value,
                                       const uint8_t *mac, struct index_rows *rows_out,
                                       struct buf *token_out);
/* The MACs under the domain's index version of many values at once, cheaper than one by one.
 * HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err index_macs(struct worker *w, const struct domain *domain,
                                       const struct view *value, size_t count,
                                       uint8_t (*mac)[CRYPT_MAC_LEN]);
/* True where the row that told the token is not as it was seen: two look-ups are not one moment,
 * and a token may have got another value between them. Look again, INDEX_TRIES times at most. */
#define INDEX_TRIES 8
bool index_has_changed(struct worker *w, const struct index_rows *rows);
/* Adds to the operation: the rows are as they were seen; they lead to token (borrowed until the
 * commit); they are gone. */
void index_expect(struct store_op *op, const struct index_rows *rows);
void index_write(struct store_op *op, const struct index_rows *rows, uint8_t *token,
                 size_t token_len);
void index_remove(struct store_op *op, const struct index_rows *rows);

/* The key of a value's row under one version, into out[INDEX_KEY_LEN]. HUFU_UNAVAILABLE. */
#define INDEX_KEY_LEN 41
HUFU_MUST_USE enum hufu_err index_key(struct crypt *c, struct keyring *ring, uint32_t domain_id,
                                      uint32_t version, struct view value,
                                      uint8_t out[static INDEX_KEY_LEN]);

#endif
