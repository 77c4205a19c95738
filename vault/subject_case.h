/*
 * subject_case.h - what is asked about a data subject: proposed by a security administrator, agreed
 * to by an approver, carried out.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  control C55.
 */
#ifndef HUFU_SUBJECT_CASE_H
#define HUFU_SUBJECT_CASE_H

#include "vault/base/json.h"
#include "vault/subject.h"

/* The i-th case, by its id, or the first whose id is after after (NULL: of all); a proposal whose
 * time is past is EXPIRED. HUFU_NOT_FOUND (a row that cannot be read, too), out untouched. */
HUFU_MUST_USE enum hufu_err subject_case_at(struct core *core, size_t i, struct case_row *out);
HUFU_MUST_USE enum hufu_err subject_case_after(struct core *core, const uint8_t *after,
                                               struct case_row *out);
HUFU_MUST_USE enum hufu_err subject_case_find(struct core *core, const uint8_t id[static ID_LEN],
                                              struct case_row *out);
/* Adds its row as it stands in c: one precondition, one write. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err subject_case_write(struct worker *w, struct request *req,
                                               struct store_op *op, const struct case_row *c);
/* Names it in an entry, and the subject by its digest: never by its reference. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err subject_case_name(struct request *req, struct entry_draft *entry,
                                              const struct case_row *c);
/*
 * Whether those who asked and agreed still have a say: the first is an active security
 * administrator, the second (where decided_by is set) an active approver. op not NULL: it expects
 * the very rows that were judged, two preconditions. HUFU_CONFLICT; HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err subject_case_stands(struct request *req, struct store_op *op,
                                                const struct case_row *c);
/* The case that the path names. HUFU_NOT_FOUND. */
HUFU_MUST_USE enum hufu_err subject_case_named(struct request *req, struct case_row *out);
/* Makes the case the reply; its reference is shown to those alone who ask and agree.
 * HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err subject_case_reply(struct request *req, const struct case_row *c);
/* Text of the bytes of a digest that people see. */
void subject_case_digest_text(const uint8_t digest[static CASE_DIGEST_LEN], struct buf *out);

#endif
