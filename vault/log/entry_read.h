/*
 * entry_read.h - a line of the log, read back: only what entry_print writes, in that very spelling.
 *
 * Layer:   vault/log/. Includes vault/base/ and the room's own headers.
 * Threads: pure functions.
 * Source:  contract.md section 3 (a log line); RFC 8785.
 *
 * One line has one reading: members sorted, each once, the shortest escapes, no white space. What
 * was read and is printed again is the same line, byte by byte.
 */
#ifndef HUFU_LOG_ENTRY_READ_H
#define HUFU_LOG_ENTRY_READ_H

#include "vault/log/entry.h"

#define ENTRY_IDS_MAX 256 /* token ids of one line */

struct entry_fields { /* views are of the line, or of the text that was unescaped; empty: absent */
    struct view domain, principal, purpose, reason, request_id, result, role, source, verb;
    struct view token_ids; /* as they stand: for entry_read_id */
    size_t token_id_count;
    uint64_t time_ms;
    bool held, has_commit;
    uint8_t commit[32];
};

/*
 * Reads a line without its newline.
 *
 * text:    a fixed buffer of ENTRY_LINE_MAX bytes for members with escapes; reset at the beginning.
 * Returns: HUFU_OK; HUFU_CORRUPT where entry_print writes no such line, out untouched.
 */
HUFU_MUST_USE enum hufu_err entry_read(struct view line, struct buf *text,
                                       struct entry_fields *out);
/* The i-th token id of a line that was read, i below its token_id_count. */
void entry_read_id(const struct entry_fields *e, size_t i, uint8_t out[static ENTRY_TOKEN_ID_LEN]);

#endif
