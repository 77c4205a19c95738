/*
 * subject.h - which tokens belong to a data subject: the rows that lead from its reference to them,
 * and what a legal hold or a restriction forbids.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  controls C55, C15, C16; vault/FORMATS.md section 2.
 *
 * A row's key is a keyed digest of the reference, the domain and the token: the reference itself
 * stands only in sealed records. The row is written in the operation that gives a record its
 * subject, and stays as long as the record, which keeps its subject in every state. Its image is
 * one byte, enum subject_mark.
 */
#ifndef HUFU_SUBJECT_H
#define HUFU_SUBJECT_H

#include "vault/access/case_row.h"
#include "vault/row.h"

#define SUBJECT_KEY_MAX (1 + CASE_DIGEST_LEN + CASE_NEXT_MAX)

enum subject_mark {
    SUBJECT_FREE = 1,
    SUBJECT_STOPPED, /* a restriction suspended it: lifting makes it active again */
    SUBJECT_BARRED,  /* restricted, and suspended all the same: lifting leaves it so */
};

/* The keyed digest of a reference. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err subject_digest(struct worker *w, struct view ref,
                                           uint8_t out[static CASE_DIGEST_LEN]);
/* The key of a token's row, in req->work. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err subject_key(struct request *req,
                                        const uint8_t digest[static CASE_DIGEST_LEN],
                                        uint32_t domain_id, struct view token,
                                        struct view *key_out);
/* Adds to op, with one write, that the token's record is about ref. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err subject_add(struct worker *w, struct request *req, struct store_op *op,
                                        uint32_t domain_id, struct view token, struct view ref);
/* True while a legal hold forbids to delete anything of the subject. */
bool subject_is_held(struct core *core, const uint8_t digest[static CASE_DIGEST_LEN]);
/* Adds that there is no legal hold. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err subject_expect_free(struct request *req, struct store_op *op,
                                                const uint8_t digest[static CASE_DIGEST_LEN]);

struct subject_stop { /* a row that a change of a token's state or value rests on */
    struct view key;  /* empty: none */
    struct store_seen seen;
    bool bars; /* the row is to say that its owner wants it suspended */
};

/*
 * Judges what is about to be done to a record: its value gives way (`delete`, `replace`) or, with
 * to, it goes into that state. out is filled with OK.
 * Returns: HUFU_OK; HUFU_LEGAL_HOLD; HUFU_CONFLICT (a restricted one is not resumed by hand);
 * HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err subject_judge_loss(struct worker *w, struct request *req,
                                               const struct record *rec, struct subject_stop *out);
HUFU_MUST_USE enum hufu_err subject_judge_state(struct worker *w, struct request *req,
                                                const struct record *rec, struct view token,
                                                uint8_t to, struct subject_stop *out);
/* Adds what the judgement rests on: one precondition and one write at most. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err subject_stop_expect(struct request *req, struct store_op *op,
                                                const struct subject_stop *stop);

#endif
