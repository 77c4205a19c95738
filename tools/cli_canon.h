/*
 * cli_canon.h - the canonical form of a reply without its receipt, and what the receipt commits to.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: pure functions.
 * Source:  contract of the API, "A receipt": commit = base64(SHA-256(nonce || canonical reply
 *          without `receipt`)); RFC 8785 for the members used here.
 */
#ifndef HUFU_TOOLS_CLI_CANON_H
#define HUFU_TOOLS_CLI_CANON_H

#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/base/merkle.h"
#include "vault/base/note.h"

#define CANON_NONCE_LEN  32
#define CANON_COMMIT_LEN 44 /* bytes of base64 of a SHA-256 */

struct canon_receipt {
    char origin[NOTE_ORIGIN_MAX + 1];
    uint64_t index;
    char commit[CANON_COMMIT_LEN + 1]; /* what the log's line must say */
    bool found;                        /* the line at index says it */
    struct merkle_hash leaf;           /* of that line */
};

/* Appends reply without its member `receipt`: sorted members, no white space. SECRET.
 * HUFU_SYNTAX: not an object, duplicate members, a number that is not a whole one, too deep;
 * HUFU_RANGE: out is full. What was appended stays; the caller drops it. */
HUFU_MUST_USE enum hufu_err canon_print(struct view reply, struct buf *out);

/* Reads the receipt of a reply and computes its commitment. HUFU_SYNTAX where reply has none;
 * HUFU_RANGE; HUFU_IO; out untouched on failure. */
HUFU_MUST_USE enum hufu_err canon_receipt_read(struct view reply, struct canon_receipt *out);

#endif
