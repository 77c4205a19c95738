/*
 * idempotency.h - a repeated request gets the first one's answer, and makes nothing a second time.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  contract.md section 2; vault/FORMATS.md section 5.
 *
 * The row is written in the operation of the first request under the precondition that there is
 * none, so a second request in flight loses the race, is decided again and finds it.
 */
#ifndef HUFU_IDEMPOTENCY_H
#define HUFU_IDEMPOTENCY_H

#include <stdbool.h>

#include "vault/request.h"

#define IDEMPOTENCY_KEPT_MS (24ULL * 3600 * 1000)

/* Does nothing without a key, or for a verb that ignores it. *replayed_out: the kept answer stands
 * in req (which may be a refusal, in req->reply.err) with an entry of its own. HUFU_IDEM_MISMATCH;
 * HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err idempotency_find(struct worker *w, struct request *req,
                                             bool *replayed_out);
/* Adds the row with this outcome to the draft. Returns err itself, or HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err idempotency_keep(struct worker *w, struct request *req,
                                             enum hufu_err err, struct msg_where where);

/* Until when a row's image is kept, for the sweeper, who reads the header alone. HUFU_CORRUPT. */
HUFU_MUST_USE enum hufu_err idempotency_until(struct view image, uint64_t *until_out);

#endif
