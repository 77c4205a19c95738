/*
 * share_row.h - a line of the sharing register: what left the vault, for whom, and on which
 * grounds.
 *
 * Layer:   vault/access/. Includes vault/base/, vault/format/, grant.h, recipient.h.
 * Threads: pure functions.
 * Source:  control C25 (S3 6.1.4.2a,b,g-i, 6.1.4.3, 6.1.4.4); vault/FORMATS.md section 5.
 */
#ifndef HUFU_ACCESS_SHARE_ROW_H
#define HUFU_ACCESS_SHARE_ROW_H

#include "vault/access/grant.h"
#include "vault/access/recipient.h"

#define SHARE_ROW_MAX 2048 /* bytes of a line's plaintext */

enum share_way {
    SHARE_REVEAL = 1, /* shown to the person who passes it on */
    SHARE_EXPORT,     /* a file that only the recipient can open */
};
enum share_result { SHARE_OK = 1, SHARE_STOPPED, SHARE_FAILED };

struct share_row { /* a copy of what was true then: recipients change */
    uint8_t id[ID_LEN];
    uint64_t at_ms, scale; /* scale: values */
    uint8_t kind;          /* enum recipient_kind */
    uint8_t way, result;
    uint8_t grant[ID_LEN], export[ID_LEN]; /* export: zeros where there is none */
    uint8_t class;                         /* enum format_class */
    char domain[TEXT_NAME_MAX + 1], format[FORMAT_NAME_MAX + 1];
    char recipient[TEXT_NAME_MAX + 1], principal[TEXT_NAME_MAX + 1];
    char purpose[GRANT_PURPOSE_MAX + 1], request_id[65];
    char use[ROW_TEXT_MAX + 1], reason[ROW_TEXT_MAX + 1], legal_basis[ROW_TEXT_MAX + 1];
    struct recipient_paper assessment, channel_check, tool_check, contract;
};

/* "reveal", "export"; "ok", "stopped", "failed"; "?" outside the enums. */
const char *share_way_name(unsigned way);
const char *share_result_name(unsigned result);
void share_row_put(const struct share_row *line, struct buf *out);
/* HUFU_OK or HUFU_CORRUPT, out untouched then; the id is the caller's to set. */
HUFU_MUST_USE enum hufu_err share_row_get(struct view in, struct share_row *out);

#endif
