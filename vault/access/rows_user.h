/*
 * rows_user.h - a person's row: who it is, what was told to whom, until when it holds.
 *
 * Layer:   vault/access/. Includes vault/base/, password.h.
 * Threads: pure functions.
 * Source:  vault/FORMATS.md section 5; controls C40, C42, C44, C45. user_get returns HUFU_OK,
 *          HUFU_CORRUPT or HUFU_NOMEM, out untouched then; id and seq are the caller's to set.
 *
 * A break-glass account (C44) is sealed until two open it; one log-in, then it is sealed again.
 * `once` says where it stands; of everybody else it is USER_ONCE_NO.
 */
#ifndef HUFU_ACCESS_ROWS_USER_H
#define HUFU_ACCESS_ROWS_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/access/password.h"
#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/base/text.h"

#define ROW_SEED_LEN    20 /* bytes of a TOTP seed */
#define ROW_HISTORY_MAX 8  /* former passwords that are kept */

enum user_once { USER_ONCE_NO, USER_ONCE_OPENED, USER_ONCE_USED, USER_ONCE_SEALED };

struct secret;

struct user { /* constant once in the directory */
    uint32_t id;
    uint64_t seq;
    char name[TEXT_NAME_MAX + 1];
    uint8_t role; /* enum role */
    char group[TEXT_NAME_MAX + 1];
    uint8_t state;
    uint64_t created_ms, password_ms, sessions_from_ms; /* older sessions do not count */
    uint64_t since_ms;                       /* since when they have this role and are allowed in */
    uint64_t expires_ms;                     /* when it ends by itself; 0: never */
    uint8_t once;                            /* enum user_once */
    struct password password;                /* SECRET */
    struct password former[ROW_HISTORY_MAX]; /* SECRET; the newest first */
    size_t former_count;
    struct secret *seed;           /* owned, ROW_SEED_LEN bytes */
    uint32_t password_by, seed_by; /* whom the vault has told the present ones; 0: nobody */
};

/* True where what a session of theirs asks for is looked at: active, and not past their end. */
bool user_is_in(const struct user *u, uint64_t now_ms);
/* True where a log-in may begin a session: as user_is_in, and no break-glass account that was used.
 */
bool user_may_begin(const struct user *u, uint64_t now_ms);
/* The time that goes with an approval given now: not before their rights began. */
uint64_t user_stamp(const struct user *u, uint64_t now_ms);
/* True where an approval that they gave as `role` at at_ms counts now. One of before they were
 * frozen or had another role does not, nor one of a break-glass account: nobody knows whose it is.
 */
bool user_stands(const struct user *u, unsigned role, uint64_t at_ms, uint64_t now_ms);
/* Their rights begin anew: what they approved before counts no more. Never back. */
void user_begin_anew(struct user *u, uint64_t now_ms);
/* Gives them another password; the present one goes before the former ones, of which `keep` stay
 * (ROW_HISTORY_MAX at most). */
void user_set_password(struct user *u, const struct password *next, size_t keep, uint64_t now_ms);

void user_put(const struct user *u, struct buf *out);
HUFU_MUST_USE enum hufu_err user_get(struct view in, struct user *out); /* allocates the seed */
void user_clear(struct user *u);

#endif
