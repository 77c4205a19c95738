/*
 * cli_trail.h - judging a log: entries in order rebuild the signed tree, receipts and an older
 * checkpoint fit into it.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: one trail belongs to one thread.
 * Source:  RFC 6962 section 2.1; contract of the API, "A log line".
 */
#ifndef HUFU_TOOLS_CLI_TRAIL_H
#define HUFU_TOOLS_CLI_TRAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/cli_canon.h"
#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/base/merkle.h"
#include "vault/base/note.h"

#define TRAIL_LINE_MAX 16384 /* bytes of a log line */

struct trail {
    struct merkle tree;
    struct checkpoint signed_cp;    /* the checkpoint that is verified */
    const struct checkpoint *since; /* an older one, or NULL */
    struct merkle_hash since_root;  /* the rebuilt tree's at that size */
    struct canon_receipt *receipts; /* borrowed */
    size_t receipts_count;
    uint64_t last_ms;  /* of the newest line */
    const char *fault; /* why an entry was refused; static text */
};

void trail_init(struct trail *t, const struct checkpoint *cp, const struct checkpoint *since,
                struct canon_receipt *receipts, size_t receipts_count);
/* Takes the next line. HUFU_CORRUPT where it is no log line, runs back in time, is beyond the
 * signed size or contradicts a receipt: fault says which. */
HUFU_MUST_USE enum hufu_err trail_add(struct trail *t, struct view line);
/* After the last line. HUFU_CORRUPT where the rebuilt tree is not the signed one, the older
 * checkpoint is not its beginning, or a receipt found no line: fault says which. */
HUFU_MUST_USE enum hufu_err trail_end(struct trail *t);

#endif
