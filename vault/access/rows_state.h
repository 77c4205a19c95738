/*
 * rows_state.h - the control rows that change while people work: factors, sessions, ceremonies.
 *
 * Layer:   vault/access/. Includes vault/base/, password.h.
 * Threads: pure functions.
 * Source:  vault/FORMATS.md section 5. Every *_get returns HUFU_OK or HUFU_CORRUPT, out untouched
 * then; ids and seq are the caller's to set.
 */
#ifndef HUFU_ACCESS_ROWS_STATE_H
#define HUFU_ACCESS_ROWS_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "vault/access/password.h"
#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/base/id.h"

#define ROW_APPROVALS_MAX 9
#define ROW_TEXT_MAX      128
#define ROW_KIND_MAX      32

struct factor {
    uint32_t user_id, failures, step_failures; /* at log-in; in a session */
    uint64_t seq, last_step, failed_ms, step_failed_ms;
    uint64_t login_ms; /* the last log-in; 0: never */
};

struct session {
    uint8_t hash[32]; /* SHA-256 of the session token */
    uint64_t seq;
    uint32_t user_id;
    uint64_t created_ms, expires_ms, factor_ms;
    uint8_t is_bound;      /* 1: the factor was shown for one request alone … */
    uint8_t bound[32];     /* … of this digest: step_up.h */
    uint64_t used_boot_ms; /* memory only: when it was last used */
};

enum ceremony_state {
    CEREMONY_PROPOSED = 1, /* waits for approvals */
    CEREMONY_RUNNING,
    CEREMONY_DONE,
    CEREMONY_FAILED,
    CEREMONY_CANCELLED,
    CEREMONY_EXPIRED,
};

struct ceremony {
    uint8_t id[ID_LEN];
    uint64_t seq;
    char kind[ROW_KIND_MAX + 1];
    uint8_t state;
    uint32_t needed, domain_id, target;
    uint64_t created_ms, expires_ms, changed_ms, done, total;
    char subject[ROW_TEXT_MAX + 1], reason[ROW_TEXT_MAX + 1], error[ROW_KIND_MAX + 1];
    struct approval {
        uint32_t user_id;
        uint64_t at_ms;
    } approval[ROW_APPROVALS_MAX];
    size_t approval_count;
    struct password password; /* SECRET: of reset-password, while it waits; kib 0: none */
};

/* "proposed", …; "?" outside the enum. */
const char *ceremony_state_name(unsigned state);

void factor_put(const struct factor *f, struct buf *out);
void session_put(const struct session *s, struct buf *out);
void ceremony_put(const struct ceremony *c, struct buf *out);
HUFU_MUST_USE enum hufu_err factor_get(struct view in, struct factor *out);
HUFU_MUST_USE enum hufu_err session_get(struct view in, struct session *out);
HUFU_MUST_USE enum hufu_err ceremony_get(struct view in, struct ceremony *out);

#endif
