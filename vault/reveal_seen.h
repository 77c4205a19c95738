/*
 * reveal_seen.h - who saw which value when and for what: the rows of TABLE_SEEN.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given; parsing is pure.
 * Source:  controls C28 (values, not requests, are what a limit counts), C50.
 *
 * A row for each person, day, purpose and token, written by the first reveal of the kind in the
 * very operation of its entry. What a file was given in that person's name has one too, so that it
 * can be told whose value it was; the person has not seen it, and the first reveal takes the row
 * over. The rows are not sealed: they hold no value, and the purpose only as a keyed digest. Key
 * and image: vault/FORMATS.md section 2.
 */
#ifndef HUFU_REVEAL_SEEN_H
#define HUFU_REVEAL_SEEN_H

#include "vault/token.h"

#define REVEAL_SEEN_PURPOSE_LEN 8                       /* bytes of a purpose's digest */
#define REVEAL_SEEN_PREFIX_LEN  9                       /* bytes: table, person, day */
#define REVEAL_SEEN_KEY_LEN     (9 + 8 + 16)            /* bytes: and purpose, token id */
#define REVEAL_SEEN_IMAGE_MAX   (13 + FORMAT_TOKEN_MAX) /* bytes */

enum reveal_way { REVEAL_SHOWN = 1, REVEAL_EXPORTED };

struct reveal_seen {
    uint32_t user_id, day; /* days since 1970, UTC */
    uint8_t purpose[REVEAL_SEEN_PURPOSE_LEN];
    uint8_t token_id[ENTRY_TOKEN_ID_LEN];
    uint64_t first_ms;
    uint8_t way; /* enum reveal_way */
    uint32_t domain_id;
    uint8_t token[FORMAT_TOKEN_MAX];
    size_t token_len;
};

/* The digest by which rows name a purpose. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err reveal_seen_purpose(struct worker *w, struct view purpose,
                                                uint8_t out[static REVEAL_SEEN_PURPOSE_LEN]);
/* Appends what the keys of a person's day begin with, for store_scan. */
void reveal_seen_prefix(uint32_t user_id, uint32_t day, struct buf *out);
/* Reads a row back. HUFU_CORRUPT, out untouched. */
HUFU_MUST_USE enum hufu_err reveal_seen_parse(struct view key, struct view image,
                                              struct reveal_seen *out);
/*
 * Adds the row of a token of req->domain that the caller is to see on this day for a purpose, where
 * there is none yet, or only that of an export: one precondition, one write, and *first_out is
 * true. HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err reveal_seen_add(struct worker *w, struct request *req,
                                            struct store_op *op, uint32_t day,
                                            const uint8_t purpose[static REVEAL_SEEN_PURPOSE_LEN],
                                            const struct token *t, bool *first_out);
/* The same of a token whose value a file is given in the caller's name: where there is no row yet.
 */
HUFU_MUST_USE enum hufu_err
reveal_seen_export(struct worker *w, struct request *req, struct store_op *op, uint32_t day,
                   const uint8_t purpose[static REVEAL_SEEN_PURPOSE_LEN], const struct token *t);

#endif
