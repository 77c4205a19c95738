/*
 * subject_work.h - what was agreed about a data subject, carried out piece by piece.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: the keeper's.
 * Source:  control C55.
 *
 * A piece is one draft: an operation with an entry for each token that changes, and one that moves
 * the case's cursor and counts, so that a case which was killed anywhere goes on where it stopped.
 * Who asked and who agreed, and for erasure that there is no legal hold, is judged with each piece
 * and expected by it. Of the cases about one subject one runs at a time, in the order in which they
 * were agreed to. 400 days after its end a case's row goes.
 */
#ifndef HUFU_SUBJECT_WORK_H
#define HUFU_SUBJECT_WORK_H

#include "vault/keeper.h"

#define SUBJECT_PIECE 64 /* tokens that one draft looks at, at most */

/* A piece of a running case, a proposal that has expired, or a row that goes. True where one got
 * on. */
bool subject_work_step(struct keeper *k);

#endif
