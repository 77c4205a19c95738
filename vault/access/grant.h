/*
 * grant.h - a grant's row: what one person may reveal once others have agreed.
 *
 * Layer:   vault/access/. Includes vault/base/, rows_state.h.
 * Threads: pure functions.
 * Source:  control C24; vault/FORMATS.md section 5. grant_get returns HUFU_OK or HUFU_CORRUPT, out
 * untouched then; id and seq are the caller's to set.
 */
#ifndef HUFU_ACCESS_GRANT_H
#define HUFU_ACCESS_GRANT_H

#include <stdbool.h>

#include "vault/access/rows_state.h"
#include "vault/base/text.h"
#include "vault/log/entry.h"

#define GRANT_TOKENS_MAX    256
#define GRANT_APPROVALS_MAX 2
#define GRANT_PURPOSE_MAX   64
#define GRANT_COUNT_MAX     1000000 /* values of one grant */
#define GRANT_ROW_MAX       4608    /* bytes of a row's plaintext */

enum grant_state {
    GRANT_PROPOSED = 1, /* waits for approvals */
    GRANT_GRANTED,
    GRANT_DENIED,
    GRANT_WITHDRAWN,
    GRANT_USED_UP,
    GRANT_EXPIRED, /* a comparison until the sweeper makes it a state */
};

struct grant {
    uint8_t id[ID_LEN];
    uint64_t seq;
    uint8_t state;
    uint32_t user_id, domain_id, needed;
    uint64_t count, remaining; /* values */
    uint64_t created_ms, expires_ms;
    char purpose[GRANT_PURPOSE_MAX + 1];
    char recipient[TEXT_NAME_MAX + 1]; /* name of a recipient; "": nobody outside */
    char reason[ROW_TEXT_MAX + 1];
    struct approval approval[GRANT_APPROVALS_MAX];
    size_t approval_count;
    size_t token_count;                                     /* 0: any token of the domain */
    uint8_t token_id[GRANT_TOKENS_MAX][ENTRY_TOKEN_ID_LEN]; /* sorted */
};

/* "proposed", …; "?" outside the enum. */
const char *grant_state_name(unsigned state);
void grant_put(const struct grant *g, struct buf *out);
HUFU_MUST_USE enum hufu_err grant_get(struct view in, struct grant *out);
/* Puts a token's name where it belongs. HUFU_CONFLICT: it is there; HUFU_RANGE: no room. */
HUFU_MUST_USE enum hufu_err grant_add_token(struct grant *g,
                                            const uint8_t id[static ENTRY_TOKEN_ID_LEN]);
/* Whether the tokens that are named hold this one; false where none is named. */
bool grant_names(const struct grant *g, const uint8_t id[static ENTRY_TOKEN_ID_LEN]);

#endif
