/*
 * freeze.h - what can be frozen: a domain, a partner, a person; finding it and changing its state.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  contract.md section 3; controls C06, C40.
 */
#ifndef HUFU_FREEZE_H
#define HUFU_FREEZE_H

#include "vault/row.h"

struct freeze_subject { /* one of the three; the others are NULL */
    const struct domain *domain;
    const struct partner *partner;
    const struct user *user;
};

/* "domains/NAME", "partners/NAME" or "users/NAME"; a bare NAME is a person. HUFU_NOT_FOUND. */
HUFU_MUST_USE enum hufu_err freeze_find(struct core *core, struct view text,
                                        struct freeze_subject *out);
const char *freeze_name(const struct freeze_subject *s);
uint8_t freeze_state(const struct freeze_subject *s); /* enum row_state */

/*
 * Adds the subject's row with its new state to operation 0. Takes one write, three preconditions.
 * HUFU_CONFLICT: a person who waits for enrolment, or one of the last two security administrators;
 * HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err freeze_write(struct worker *w, struct request *req,
                                         const struct freeze_subject *s, enum row_state state);

#endif
