/*
 * reveal_limit.h - what a person may see: by factor, by minute, by day, by purpose; and ask in
 * vain.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  controls C21, C28.
 *
 * Counters are rows, raised in the operation of the first entry, so they survive a restart and no
 * race passes them. One whose limit is off (LIMIT_OFF) is not written.
 */
#ifndef HUFU_REVEAL_LIMIT_H
#define HUFU_REVEAL_LIMIT_H

#include "vault/reveal_seen.h"

#define REVEAL_LIMIT_COUNTS 5 /* that one request adds at most */

struct reveal_sums {   /* of one request */
    uint64_t revealed; /* values */
    uint64_t distinct; /* that the person had not seen for this purpose today */
    uint64_t missed;   /* tokens that have no value for anybody */
};

/* Adds the request's sums to op. LIMIT stops it at commit. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err
reveal_limit_count(struct worker *w, struct request *req, struct store_op *op,
                   const struct reveal_sums *sums,
                   const uint8_t purpose[static REVEAL_SEEN_PURPOSE_LEN]);

#endif
