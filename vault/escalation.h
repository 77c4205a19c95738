/*
 * escalation.h - a second data type of one subject in one session takes more than the first.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  control C29.
 *
 * A data type is a format: the card numbers of two domains are one type. TABLE_TRAIL has a row for
 * each session and subject whose values it has seen, with the types and the factor that was the
 * session's last one then, written in the operation of the entry. The domain that is asked decides
 * what a type new to the session takes where there is another one already: nothing, a factor that
 * came after the last reveal, or a grant. A value without a subject reference leaves no trail.
 * Rows: FORMATS.md section 2.
 */
#ifndef HUFU_ESCALATION_H
#define HUFU_ESCALATION_H

#include "vault/record.h"
#include "vault/reveal_once.h"
#include "vault/row.h"

#define ESCALATION_TYPE_LEN  8  /* bytes of a type's digest */
#define ESCALATION_TYPES_MAX 16 /* kept: the last one makes room for one more */
#define ESCALATION_IMAGE_MAX (17 + ESCALATION_TYPE_LEN * ESCALATION_TYPES_MAX) /* bytes */

struct trails; /* what one request knows of its subjects; in its work memory */

/* granted: the request has a grant. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err escalation_new(struct worker *w, struct request *req, size_t items,
                                           bool granted, struct trails **out);
/*
 * Judges the value that item is to reveal, after the items before it, and remembers it.
 * Returns: HUFU_OK; HUFU_STEP_UP, HUFU_GRANT_REQUIRED by the policy of req->domain;
 *          HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err escalation_judge(struct trails *e, const struct record *rec,
                                             size_t item);
/* Adds to the item's operation the row of its subject, where the item is the first of the request
 * to ask for it and the row changes: one precondition, one write. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err escalation_write(struct trails *e, size_t item, struct store_op *op);
/* The end of a row's life, ms UTC. HUFU_CORRUPT. */
HUFU_MUST_USE enum hufu_err escalation_until(struct view image, uint64_t *until_ms_out);

#endif
