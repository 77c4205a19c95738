/*
 * share.h - the sharing register: a line for all that leaves for an outside recipient.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  control C25.
 */
#ifndef HUFU_SHARE_H
#define HUFU_SHARE_H

#include "vault/access/recipient.h"
#include "vault/access/share_row.h"
#include "vault/grant_use.h"

#define SHARE_PRES   3 /* preconditions that share_write adds to an operation … */
#define SHARE_WRITES 1 /* … and writes: request_ops must have room for them */

/*
 * HUFU_OK where the recipient may be given something now: enrolled, active, its assessment (and
 * what else its kind demands) not over. HUFU_NOT_FOUND, HUFU_CONFLICT. Out is filled with OK.
 */
HUFU_MUST_USE enum hufu_err share_recipient(struct core *core, struct view name,
                                            struct recipient *out);
/* The earliest end among the recipient's papers, ms; a line may not be committed after it. */
uint64_t share_until(const struct recipient *r);
/*
 * Adds to op a line of the register for n values of req->domain that leave under use, whose grant
 * names a recipient: SHARE_PRES preconditions (the recipient's row, the end of its papers, the
 * line's key), one write. Nothing where it names none. HUFU_UNAVAILABLE, also where the recipient
 * may be given nothing any more.
 */
HUFU_MUST_USE enum hufu_err share_write(struct worker *w, struct request *req, struct store_op *op,
                                        const struct grant_use *use, uint64_t n);
/* What of a line follows from the recipient and the grant; the caller sets the rest. Where no use
 * was recorded for the recipient, it is the grant's purpose. */
void share_fill(const struct recipient *r, const struct grant *g, struct share_row *line);
/* Adds a line as it stands: one precondition, one write; its id is made from line->at_ms.
 * HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err share_put(struct worker *w, struct request *req, struct store_op *op,
                                      struct share_row *line);

#endif
