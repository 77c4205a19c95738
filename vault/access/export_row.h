/*
 * export_row.h - an export: what is to be written for whom, how far it is, where it ended.
 *
 * Layer:   vault/access/. Includes vault/base/, grant.h.
 * Threads: pure functions.
 * Source:  controls C21, C25; vault/FORMATS.md section 5. export_row_get returns HUFU_OK or
 * HUFU_CORRUPT, out untouched then; id and seq are the caller's to set.
 */
#ifndef HUFU_ACCESS_EXPORT_ROW_H
#define HUFU_ACCESS_EXPORT_ROW_H

#include "vault/access/grant.h"
#include "vault/base/digest.h"

#define EXPORT_NAMES_MAX 60000                     /* bytes of the tokens that a row names */
#define EXPORT_ROW_MAX   (EXPORT_NAMES_MAX + 2048) /* bytes of a row's plaintext */
#define EXPORT_WHY_MAX   16

enum export_state {
    EXPORT_WAITING = 1, /* nothing has been released and no key made: a restart does no harm */
    EXPORT_RUNNING,     /* its file's key is in this process's memory alone */
    EXPORT_DONE,
    EXPORT_STOPPED, /* somebody or something forbade the rest; its file is gone */
    EXPORT_FAILED,  /* could not be finished; its file is gone */
};

struct export_row {
    uint8_t id[ID_LEN];
    uint64_t seq;
    uint8_t state, is_removed; /* is_removed: the file of one that is done was taken away */
    uint32_t user_id, domain_id;
    uint64_t began_ms, ended_ms,
        until_ms;           /* until: how long the file of one that is done is kept */
    uint64_t total;         /* 0: not counted yet */
    uint64_t done, skipped; /* values in the file; tokens without one */
    uint64_t file_bytes;
    uint8_t file_hash[DIGEST_LEN]; /* SHA-256 */
    uint8_t grant[ID_LEN];
    char recipient[TEXT_NAME_MAX + 1], purpose[GRANT_PURPOSE_MAX + 1], reason[ROW_TEXT_MAX + 1];
    char source[46], request_id[65], why[EXPORT_WHY_MAX + 1]; /* why it did not end well */
    struct view tokens; /* lv8 each, canonical; empty: all of the domain. Borrowed */
};

/* "running" for the first two, "done", "stopped", "failed"; "?" outside the enum. */
const char *export_state_name(unsigned state);
bool export_is_open(const struct export_row *row);
void export_row_put(const struct export_row *row, struct buf *out);
/* out->tokens borrows from in. */
HUFU_MUST_USE enum hufu_err export_row_get(struct view in, struct export_row *out);

#endif
