/*
 * ceremony.h - what takes more than one person: its kinds, its row, its progress.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: ceremony_row_* as the worker given; keeper.c runs what was approved.
 * Source:  contract.md section 3 (ceremonies); controls C40, C43.
 */
#ifndef HUFU_CEREMONY_H
#define HUFU_CEREMONY_H

#include "vault/base/json.h"
#include "vault/row.h"

struct ceremony_kind {
    const char *name;
    enum role role;     /* who proposes and approves */
    bool needs_subject; /* the name of a person, partner or domain */
    bool exclusive;     /* one at a time: a second one meets a conflict */
};

/* NULL where there is no such kind. */
const struct ceremony_kind *ceremony_kind_find(struct view name);

/* Adds the ceremony's row, as it stands in c, to the operation. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err ceremony_row_write(struct worker *w, struct request *req,
                                               struct store_op *op, const struct ceremony *c);
/* Appends the reply's object. */
void ceremony_print(struct core *core, const struct ceremony *c, struct json *j);

/*
 * Begins a ceremony for the caller: fills *c and adds its row to operation 0, whose entry it names.
 * HUFU_CONFLICT where an exclusive kind is going on; HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err ceremony_begin(struct worker *w, struct request *req,
                                           const struct ceremony_kind *kind, struct view subject,
                                           struct view reason, struct ceremony *c);

#endif
