/*
 * breakglass.h - accounts for the worst day: sealed, opened by two, good for one log-in, then
 * sealed again.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  control C44.
 *
 * Nobody knows the secrets of a sealed account. When it is opened (ceremony break-glass) the
 * password is told to who proposed and the code secret to who seconds: neither can come in alone.
 * The one log-in is noted in the commit that begins its session. Once that session is over, or the
 * account's time is (auth.break_glass_s), the sweeper makes both secrets ones that nobody knows.
 */
#ifndef HUFU_BREAKGLASS_H
#define HUFU_BREAKGLASS_H

#include "vault/access/rows_user.h"
#include "vault/request.h"

/* Makes *user, whose password is the new one already, an open account; its code secret is a new
 * one. The alarm is the caller's to note. Free *seed_out once the row is written. HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err breakglass_open(struct worker *w, struct request *req,
                                            struct user *user, struct secret **seed_out);
/* Notes in operation 0, which begins a session of user's, that an open account is used, and the
 * alarm; nothing for anyone else. Takes one write. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err breakglass_use(struct worker *w, struct request *req,
                                           const struct user *user);
/* True where the account was open and is to be sealed again. */
bool breakglass_is_over(struct core *core, const struct user *user);
/* Seals *user. Free *seed_out once the row is written. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err breakglass_seal(struct worker *w, struct user *user,
                                            struct secret **seed_out);

#endif
