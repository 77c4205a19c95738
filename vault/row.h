/*
 * row.h - reading and laying out rows for the verbs: keys, mapping records, control rows, digests.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  vault/FORMATS.md sections 2-6.
 */
#ifndef HUFU_ROW_H
#define HUFU_ROW_H

#include <stdint.h>

#include "vault/record.h"
#include "vault/request.h"

/* Keys live in req->work. An empty view: memory is missing. */
struct view row_token_key(struct request *req, uint32_t domain_id, struct view token);
struct view row_numbered_key(struct request *req, uint8_t table, uint32_t id);
struct view row_plain_key(struct request *req, uint8_t table, struct view key);

/*
 * Finds and opens a mapping. seen is set also with NOT_FOUND.
 * Returns: HUFU_OK; HUFU_NOT_FOUND; HUFU_UNAVAILABLE (a damaged record too: nothing is revealed).
 */
HUFU_MUST_USE enum hufu_err row_find_record(struct worker *w, const struct domain *domain,
                                            struct view key, struct record *out,
                                            struct store_seen *seen_out);
/* Opens a mapping's image, the row key as written by operation seq. HUFU_CORRUPT: rec is half
 * filled then. SECRET. */
HUFU_MUST_USE enum hufu_err row_open_record(struct worker *w, uint32_t domain_id, struct view key,
                                            uint64_t seq, struct view image, struct record *rec);
/* Lays a record out for op_write. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err row_lay_record(struct worker *w, struct request *req,
                                           const struct record *rec, uint8_t **image_out,
                                           size_t *len_out);
/* Adds a control row to the operation: what was seen becomes text. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err row_write_control(struct worker *w, struct request *req,
                                              struct store_op *op, struct view key,
                                              struct store_seen seen, const struct buf *text);
/* The same with a header, which lies in the clear but cannot be changed. */
HUFU_MUST_USE enum hufu_err row_write_headed(struct worker *w, struct request *req,
                                             struct store_op *op, struct view key,
                                             struct store_seen seen, struct view header,
                                             const struct buf *text);
/* Adds a key's row, which holds nothing in the clear but its state; seq: as it was read,
 * STORE_ABSENT for a new one. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err row_write_kek(struct request *req, struct store_op *op,
                                          const struct kek_row *row, uint64_t seq);
HUFU_MUST_USE enum hufu_err row_write_keyset(struct request *req, struct store_op *op,
                                             const struct keyset_row *row, uint64_t seq);
/* What was seen of a resident row that was read at seq; STORE_ABSENT: there is none. */
struct store_seen row_seen(uint64_t seq);
/* Opens a control row's image; appends its plaintext. HUFU_UNAVAILABLE, HUFU_CORRUPT. */
HUFU_MUST_USE enum hufu_err row_open_control(struct crypt *c, struct keyring *ring, struct view key,
                                             uint64_t seq, struct view image, struct buf *out);

/* What keyed digests are for. */
enum row_purpose {
    ROW_IDEM_KEY = 1,
    ROW_IDEM_PRINT,
    ROW_REVEALS_FACTOR,
    ROW_REVEALS_DAY,
    ROW_NEW_VALUES,
    ROW_UNKNOWN_NAME,
    ROW_MASKS_DAY,
    ROW_ALL_VALUES,
    ROW_LOOKUPS,
    ROW_REVEALS_PURPOSE = 10,
    ROW_REVEALS_MINUTE = 11,
    ROW_REVEAL_MISSES = 12,
    ROW_SEEN_PURPOSE = 13, /* a part of the keys of TABLE_SEEN */
    ROW_TRAIL = 14,        /* keys of TABLE_TRAIL … */
    ROW_DATA_TYPE = 15,    /* … and what their rows name */
    ROW_SUBJECT = 24,
    ROW_FILL_ALARM = 32,
    ROW_CHALLENGE = 40,  /* challenge.c */
    ROW_CHALLENGE_USE,   /* the same, with what it is for */
    ROW_CHALLENGE_USED,  /* counters of those that were used */
    ROW_FAKE_CREDENTIAL, /* ids of keys that nobody has */
    ROW_RECOVERY,        /* recovery codes */
};

#define ROW_DAY_MS 86400000ULL
#define ROW_COUNTS_MAX                                                                             \
    3 /* counters that a request with one value adds: bucket, domain, look-ups                     \
       */
/* HMAC under the MAC key over purpose and each part with its length. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err row_digest(struct worker *w, enum row_purpose purpose,
                                       const struct view *part, size_t part_count,
                                       uint8_t out[static 32]);
/* Now, in ms since 1970: not before the time by which the store judged last. */
uint64_t row_now(const struct core *core);
/* Today, in days since 1970, by row_now. */
uint64_t row_day(const struct core *core);
/* The key of the counter for what is counted, in req->work. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err row_counter_key(struct worker *w, struct request *req,
                                            enum row_purpose what, const struct buf *whom,
                                            struct view *key_out);
/*
 * Guesses: values that this partner had not sent before, or asked for in vain, per domain, bucket
 * of characters that are kept or seen (access/originals.h) and day. A miss counts; a hit only
 * passes while the budget lasts, or the limit itself would tell the two apart. guesses_per_day is
 * for buckets of up to 10^5 originals (a card of 16 digits that keeps 6+4); a larger one has as
 * many times more. LIMIT stops it at commit. HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err row_count_guess(struct worker *w, struct request *req,
                                            struct store_op *op, struct view value, bool miss);
/* Before the value is looked for: where no guess is left, what refuses it takes as long for every
 * value. HUFU_RATE_LIMITED, HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err row_guess_left(struct worker *w, struct request *req,
                                           struct view value);
/* What a counter says so far, 0 where there is none; it may lag behind what waits for its commit.
 * HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err row_find_count(struct worker *w, struct view key, uint64_t *sum_out);
/* The same for a draft of several: its counter's key (empty: nothing is limited), behind whose
 * bytes lie the bucket's limit and the end of the day; then each guess, with the number of hits
 * that the draft has before it under that key. */
HUFU_MUST_USE enum hufu_err row_guess_key(struct worker *w, struct request *req, struct view value,
                                          struct view *key_out);
void row_add_guess(struct store_op *op, struct view key, bool miss, uint64_t hits);
/* All guesses of one operation against values_per_day, once: its misses, and the hits that the
 * draft has up to its end. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err row_count_values(struct worker *w, struct request *req,
                                             struct store_op *op, uint64_t misses, uint64_t hits);
/* What one person has seen today (ROW_REVEALS_DAY, ROW_MASKS_DAY: add more), in operation 0. LIMIT
 * and HUFU_UNAVAILABLE as above. */
HUFU_MUST_USE enum hufu_err row_count_person(struct worker *w, struct request *req,
                                             enum row_purpose what, uint64_t add);
/* The token's name in the log. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err row_token_id(struct worker *w, uint32_t domain_id, struct view token,
                                         uint8_t out[static ENTRY_TOKEN_ID_LEN]);

#endif
