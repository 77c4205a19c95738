/*
 * subject_change.h - what a case about a data subject does to one token: its record, its row, its
 * entry in the log.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: the keeper's.
 * Source:  controls C16, C55.
 */
#ifndef HUFU_SUBJECT_CHANGE_H
#define HUFU_SUBJECT_CHANGE_H

#include "vault/keeper.h"
#include "vault/subject_case.h"

/*
 * Fills operation op_at of the keeper's draft, which takes two preconditions and two writes, where
 * there is something to do; *changes_out tells.
 *
 * key:     of the token's row of TABLE_SUBJECT; borrowed until the commit.
 * Returns: HUFU_OK; HUFU_NOT_FOUND (no such token any more, or a damaged record) and
 * HUFU_UNAVAILABLE, out untouched.
 */
HUFU_MUST_USE enum hufu_err subject_change_token(struct keeper *k, const struct case_row *c,
                                                 struct view key, size_t op_at, bool *changes_out);

#endif
