/*
 * alarm_row.h - an alarm's row: what was set off by whom, whether it was delivered and reviewed.
 *
 * Layer:   vault/access/. Includes vault/base/, rows_state.h.
 * Threads: pure functions.
 * Source:  control C28; vault/FORMATS.md section 5. alarm_row_get returns HUFU_OK or HUFU_CORRUPT,
 * out untouched then; id and seq are the caller's to set.
 */
#ifndef HUFU_ACCESS_ALARM_ROW_H
#define HUFU_ACCESS_ALARM_ROW_H

#include <stdbool.h>

#include "vault/access/rows_state.h"
#include "vault/base/text.h"

#define ALARM_ROLE_MAX    16
#define ALARM_KEY_MAX     64
#define ALARM_SOURCE_MAX  45
#define ALARM_ROW_MAX     1024 /* bytes of a row's plaintext */
#define ALARM_SUSPEND_MAX 16

enum alarm_whose { ALARM_OF_NOBODY, ALARM_OF_USER, ALARM_OF_PARTNER, ALARM_OF_NETWORK };

struct alarm_row {
    uint8_t id[ID_LEN];
    uint64_t seq;
    char rule[TEXT_NAME_MAX + 1]; /* by name: a row outlives the table of rules */
    uint8_t grade;                /* enum alarm_grade */
    uint8_t whose;                /* enum alarm_whose */
    uint32_t whose_id;            /* of a person or partner; 0 else */
    char principal[TEXT_NAME_MAX + 1];
    char role[ALARM_ROLE_MAX + 1];
    char domain[TEXT_NAME_MAX + 1];
    char request_id[ALARM_KEY_MAX + 1];
    char source[ALARM_SOURCE_MAX + 1];
    char suspended[ALARM_SUSPEND_MAX + 1]; /* "yes", or why not */
    char detail[ROW_TEXT_MAX + 1];         /* words of ours */
    uint64_t raised_ms;
    uint64_t delivered_ms; /* 0: it waits */
    uint32_t attempts;     /* that its delivery took since the last start */
    uint64_t reviewed_ms;  /* 0: nobody has */
    uint32_t reviewed_by;
    char reason[ROW_TEXT_MAX + 1]; /* of the review */
    bool is_lost;                  /* memory only: too many rows wait, this one is not written */
};

void alarm_row_put(const struct alarm_row *a, struct buf *out);
HUFU_MUST_USE enum hufu_err alarm_row_get(struct view in, struct alarm_row *out);

#endif
