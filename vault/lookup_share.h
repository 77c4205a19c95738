/*
 * lookup_share.h - how many of a partner's look-ups are in vain: who tries values over many buckets
 * stays below the limit of each, but asks mostly for what is not there.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 *
 * Per partner, domain and day limit.lookup_misses may be in vain, and beyond those as many as are
 * no more than limit.lookup_miss_percent of all. One counter has both: misses in its upper 32 bits,
 * hits in the lower.
 */
#ifndef HUFU_LOOKUP_SHARE_H
#define HUFU_LOOKUP_SHARE_H

#include "vault/row.h"

struct lookup_share {
    struct view key;   /* the counter's; empty: nothing is limited */
    uint64_t allowed;  /* misses that the hits so far make up for; 1 at least */
    uint64_t hit;      /* what a hit adds */
    uint64_t until_ms; /* end of the day */
};

/*
 * For the caller and req->domain, before the value is looked for: what refuses here knows nothing
 * of it. HUFU_RATE_LIMITED: no further miss is allowed, so no hit either. HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err lookup_share_find(struct worker *w, struct request *req,
                                              struct lookup_share *out);
/* Adds the counter. LIMIT at commit where others used up meanwhile what was allowed. */
void lookup_share_count(struct store_op *op, const struct lookup_share *share, bool miss);

#endif
