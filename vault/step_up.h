/*
 * step_up.h - a fresh factor that is good for one request alone.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  controls C21, C24; vault/FORMATS.md section 6.
 *
 * Who asks for a challenge with the members of the request that is meant gets one that has the
 * digest of that request in it: the key signs it, and the session keeps it. Until that request was
 * carried out the factor is fresh for nothing else, and then for nothing at all.
 */
#ifndef HUFU_STEP_UP_H
#define HUFU_STEP_UP_H

#include "vault/base/digest.h"
#include "vault/request.h"

/* SHA-256 over u16 verb and the fields of a request as its frame has them; fields: two views, one
 * behind the other. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err step_up_digest(uint16_t verb, const struct view fields[static 2],
                                           uint8_t out[static DIGEST_LEN]);
/* False where the caller's factor was shown for another request than this one. */
bool step_up_admits(const struct request *req);
/* Where it was shown for this one alone, adds to the draft's last operation that it is used up.
 * HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err step_up_spend(struct worker *w, struct request *req);

/* Adds a session's row to an operation; seen_seq: as it was read. session.c. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err session_write(struct worker *w, struct request *req,
                                          struct store_op *op, const struct session *s,
                                          uint64_t seen_seq);

#endif
