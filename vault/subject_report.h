/*
 * subject_report.h - one page of a report about a data subject, gathered and printed.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  control C55.
 */
#ifndef HUFU_SUBJECT_REPORT_H
#define HUFU_SUBJECT_REPORT_H

#include "vault/subject_case.h"
#include "vault/subject_reveals.h"

struct subject_kept { /* one token */
    uint32_t domain_id;
    uint8_t token[FORMAT_TOKEN_MAX], token_len, mark;
    uint8_t token_id[ENTRY_TOKEN_ID_LEN];
};

struct subject_report {
    struct worker *w;
    struct request *req;
    struct case_row c;
    struct subject_kept *item;
    size_t count, limit;
    uint64_t skip, seen; /* rows before this page; rows looked at */
    bool more;
    struct subject_reveals reveals;
    uint8_t *line; /* scratch */
    uint32_t *partner;
    size_t partner_count, partner_max;
    const char **recipient;
    size_t recipient_count;
};

/* The reply's body. A record is opened for what it says beside its value. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err subject_report_print(struct subject_report *r);

#endif
