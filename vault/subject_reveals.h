/*
 * subject_reveals.h - to whom tokens were revealed, and why: from the rows of TABLE_SEEN, the log's
 * entries, the sharing register and the exports.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  control C55 ("revealed to whom and why").
 *
 * A row of TABLE_SEEN stands for the first reveal of a token to a person on a day for a purpose;
 * further ones of that day are in the log alone. The rows are ordered by person, so all of them are
 * walked, in short read transactions, SUBJECT_ROWS_MAX at most. The row of what left in a file does
 * not say in which one: the log is read between the beginning and the end of each export that was
 * finished.
 */
#ifndef HUFU_SUBJECT_REVEALS_H
#define HUFU_SUBJECT_REVEALS_H

#include "vault/access/share_row.h"
#include "vault/row.h"

#define SUBJECT_ROWS_MAX    1000000 /* rows of TABLE_SEEN that one call looks at */
#define SUBJECT_LINES_MAX   500000  /* entries of the log */
#define SUBJECT_REVEALS_MAX 500     /* reveals that it finds */
#define SUBJECT_PURPOSE_MAX 64

struct subject_reveal {
    uint8_t token_id[ENTRY_TOKEN_ID_LEN];
    uint64_t index, time_ms; /* of its entry in the log */
    uint32_t user_id;
    char recipient[TEXT_NAME_MAX + 1]; /* of an export; else "" */
};

struct subject_why { /* what entry and register say of a reveal; "": nothing, or not any more */
    char purpose[SUBJECT_PURPOSE_MAX + 1], reason[ROW_TEXT_MAX + 1];
    char recipient[TEXT_NAME_MAX + 1]; /* for whom, where it was under a grant that named one */
};

struct subject_reveals {
    const uint8_t (*token_id)[ENTRY_TOKEN_ID_LEN]; /* sorted; the caller's */
    const uint32_t *domain_id;                     /* of each, in any order */
    size_t token_count;
    struct subject_reveal *item; /* by token id and index */
    size_t count;
    bool complete; /* false: there are more rows, or more reveals, than one call takes */
};

/* Finds the reveals of r->token_count tokens; r->item has room for SUBJECT_REVEALS_MAX.
 * HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err subject_reveals_find(struct worker *w, struct subject_reveals *r);
/* Adds what left in exports; line: scratch of ENTRY_LINE_MAX bytes. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err subject_exports_find(struct worker *w, uint8_t *line,
                                                 struct subject_reveals *r);
/* The order of token ids, for qsort. */
int subject_reveals_order(const void *a, const void *b);
/* By token id and index. */
void subject_reveals_sort(struct subject_reveals *r);
/* True where the token is one of those; adds a reveal, false where there is no more room. */
bool subject_reveals_has(const struct subject_reveals *r, const uint8_t *token_id);
bool subject_reveals_add(struct subject_reveals *r, const struct subject_reveal *reveal);
/* Why one was. line: scratch of ENTRY_LINE_MAX bytes. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err subject_reveals_why(struct worker *w, uint8_t *line,
                                                const struct subject_reveal *reveal,
                                                struct subject_why *out);

#endif
