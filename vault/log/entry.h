/*
 * entry.h - one line of the log: canonical JSON, fixed members, never a value or a token.
 *
 * Layer:   vault/log/. Includes vault/base/, vault/store/.
 * Threads: a draft belongs to one thread at a time.
 * Source:  contract.md section 3 (a log line); RFC 8785 (order).
 *
 * Members, sorted: clock commit domain principal purpose reason request_id result role source time
 * token_id verb. Absent ones are left out. At most ENTRY_LINE_MAX bytes.
 */
#ifndef HUFU_LOG_ENTRY_H
#define HUFU_LOG_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define ENTRY_LINE_MAX     16384 /* bytes */
#define ENTRY_TOKEN_ID_LEN 16    /* bytes of HMAC-SHA-256 under the log identifier key */

struct entry_draft {       /* every view is borrowed until the draft's done() */
    const char *verb;      /* name of MSG_VERBS, or of ours ("init", "key-rewrap") */
    const char *result;    /* "ok", or an error's code */
    struct view principal; /* name; empty: not known */
    const char *role;      /* NULL: not known */
    struct view source;    /* printed peer address; empty: the vault itself */
    struct view domain;
    struct view purpose;
    struct view reason;
    struct view request_id;
    const uint8_t *token_ids; /* token_id_count x ENTRY_TOKEN_ID_LEN, or NULL */
    size_t token_id_count;    /* several: a batch tokenize; printed as one text, joined by ',' */
    const uint8_t *commit;    /* 32 bytes, or NULL */
};

/* Appends the line, without a newline. HUFU_RANGE where it is over ENTRY_LINE_MAX. */
HUFU_MUST_USE enum hufu_err entry_print(const struct entry_draft *e, uint64_t now_ms, bool held,
                                        struct buf *out);
/* Prints a peer address (IPv4 mapped ones as IPv4) into out (46 bytes at least); the view is of
 * out. */
struct view entry_source(const uint8_t addr[static 16], char out[static 46]);

#endif
