/*
 * mapping.h - one value on its way to a token: found again, or newly drawn.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker of the job.
 */
#ifndef HUFU_MAPPING_H
#define HUFU_MAPPING_H

#include "vault/index.h"

#define MAPPING_SLOTS     4096 /* of a batch: a power of two, above twice MSG_ITEMS_MAX */
#define MAPPING_SLOTS_ONE 4

struct mapping { /* one value and what becomes of it */
    struct msg_item in;
    enum hufu_err err;
    uint16_t fault; /* tag of the member at fault, with err */
    uint8_t value[FORMAT_VALUE_MAX];
    size_t value_len;
    uint8_t token[FORMAT_TOKEN_MAX];
    size_t token_len;
    const uint8_t *mac;      /* of mapping_prepare; NULL: none was made */
    struct index_rows index; /* deterministic domains; else count is 0 */
    struct view token_key;
    struct store_seen token_seen;
    bool created;
    bool writes_token, writes_index;
    bool writes_subject;   /* its record is the first to name the subject */
    bool is_fresh_value;   /* a mapping that was not there: counts as a guess */
    struct view guess_key; /* the counter of its bucket */
    uint64_t guess_hits;   /* of the first of its bucket: hits of the batch so far */
    uint64_t expires_ms;
    struct mapping *twin; /* an earlier one of this batch with the same value */
    uint8_t *image;
    size_t image_len;
};

struct tokenize_job {
    struct worker *w;
    struct request *req;
    const struct domain *d;
    struct mapping *item;
    size_t count;
    bool batch;
    uint64_t now_ms, life_s;
    uint32_t uses;
    uint32_t searched;     /* candidates looked at in buckets that are nearly full */
    uint16_t *slot;        /* item number + 1 by hash of value or token; 0: free */
    uint16_t *bucket_slot; /* the same of the first item of each bucket */
    size_t slots;          /* a power of two, above twice the items */
    size_t subjects;       /* items that write a subject's row */
    uint64_t misses, hits; /* guesses: new ones of the present operation, known ones of all */
};

/* The token that it has, or an empty view. */
static inline struct view mapping_token(const struct mapping *it)
{
    return view_of(it->token, it->token_len);
}

/* C01: the partner declared the domain and its format. */
bool mapping_has_declared(const struct partner *p, const struct domain *d);
/* C01: its qualification lasts; where none is recorded, by setting. */
bool mapping_is_qualified(const struct core *core, const struct partner *p);
/* C01: both, but for the setting, and partner and domain are active. */
bool mapping_may_send(const struct partner *p, const struct domain *d, uint64_t now_ms);
/* C19: the domain names no channels, or this one among them. */
bool mapping_may_ask(const struct domain *d, struct view channel);
/* True where an earlier item of the batch has drawn that token. */
bool mapping_is_drawn(const struct tokenize_job *job, struct view token);
/* Canonical form of it->in.value, and is it an original: PROHIBITED_DATA, INVALID_VALUE,
 * ALREADY_TOKEN with it->fault; UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err mapping_check_value(struct tokenize_job *job, struct mapping *it);
/*
 * Consent, form, texts: BAD_REQUEST, VALUE_IN_TEXT, and as above, with it->fault; UNAVAILABLE.
 * Then what becomes of it: HUFU_OK; TOKEN_SUSPENDED, EXHAUSTED with it->fault;
 * UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err mapping_check(struct tokenize_job *job, struct mapping *it);
/* Between the two, once: what is cheaper for all values of a batch together. UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err mapping_prepare(struct tokenize_job *job);
HUFU_MUST_USE enum hufu_err mapping_decide(struct tokenize_job *job, struct mapping *it);

#endif
