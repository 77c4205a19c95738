/*
 * case_row.h - a case's row: what is asked about a data subject, who agreed, how far it is.
 *
 * Layer:   vault/access/. Includes vault/base/, rows_state.h, vault/format/.
 * Threads: pure functions.
 * Source:  control C55; vault/FORMATS.md section 5. case_row_get returns HUFU_OK or HUFU_CORRUPT,
 * out untouched then; id and seq are the caller's to set.
 */
#ifndef HUFU_ACCESS_CASE_ROW_H
#define HUFU_ACCESS_CASE_ROW_H

#include "vault/access/rows_state.h"
#include "vault/base/text.h"
#include "vault/format/format.h"

#define CASE_DIGEST_LEN 32                     /* keyed digest of the subject's reference … */
#define CASE_NAME_LEN   16                     /* … of which log and lists show so many bytes */
#define CASE_NEXT_MAX   (4 + FORMAT_TOKEN_MAX) /* domain be32 and token */
#define CASE_ROW_MAX    1024                   /* bytes of its plaintext */

enum case_kind {
    CASE_REPORT = 1, /* what is kept of the subject */
    CASE_RESTRICT,   /* suspends its tokens … */
    CASE_LIFT,       /* … and makes those active again that a restriction suspended */
    CASE_ERASE,      /* deletes its tokens */
    CASE_HOLD,       /* a legal hold: nothing of it may be deleted … */
    CASE_RELEASE,    /* … until this */
};

enum case_state {
    CASE_PROPOSED = 1, /* waits for an approver */
    CASE_RUNNING,
    CASE_DONE,
    CASE_FAILED,
    CASE_DENIED,
    CASE_EXPIRED, /* a comparison until it is made a state */
};

struct case_row { /* the reference is personal data: never to the log */
    uint8_t id[ID_LEN];
    uint64_t seq;
    uint8_t kind, state;
    uint8_t digest[CASE_DIGEST_LEN];
    char subject[ROW_TEXT_MAX + 1], reason[ROW_TEXT_MAX + 1], error[ROW_KIND_MAX + 1];
    uint32_t asked_by, decided_by; /* user ids; decided_by 0: nobody yet */
    uint64_t asked_ms, decided_ms, changed_ms;
    uint64_t expires_ms;        /* of a proposal; of a report that is done: how long it is given */
    uint64_t done, total, held; /* tokens: dealt with, in all, left because of a legal hold */
    uint8_t next[CASE_NEXT_MAX];
    size_t next_len; /* where the work goes on; 0: at the beginning */
};

/* "report", "lift-restriction", …; "?" outside the enum. */
const char *case_kind_name(unsigned kind);
/* "proposed", …; "?" outside the enum. */
const char *case_state_name(unsigned state);
/* HUFU_SYNTAX, out untouched. */
HUFU_MUST_USE enum hufu_err case_kind_parse(struct view text, uint8_t *out);

void case_row_put(const struct case_row *c, struct buf *out);
HUFU_MUST_USE enum hufu_err case_row_get(struct view in, struct case_row *out);
/* The plaintext of a legal hold's row, as the case that sets it has it. */
void case_row_put_hold(const struct case_row *c, struct buf *out);

#endif
