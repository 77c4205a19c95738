/*
 * attempt.h - one try of a person to show a second factor: a code, a key, a recovery code.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  contract.md section 3 (second factor, lock-out); control C21.
 */
#ifndef HUFU_ATTEMPT_H
#define HUFU_ATTEMPT_H

#include "vault/key_factor.h"
#include "vault/recovery.h"

enum shown { /* the second factor of a request */
             SHOWN_CODE,
             SHOWN_KEY,
             SHOWN_RECOVERY,
             SHOWN_NONE, /* it is a password that is tried: a right one clears no failed codes */
};

/* One try with a factor. Failures at log-in, which any stranger can cause, and failures in a
 * session are counted apart: nobody from outside can keep a person who is in from a fresh factor.
 */
struct attempt {
    const struct user *user; /* NULL: nobody has this name; judged all the same */
    struct factor factor;
    bool in_session, other_ok;
    enum shown shown;
    struct challenge_use use;     /* SHOWN_KEY: what its challenge has to be for … */
    struct key_try key;           /* … and what came of it */
    struct recovery_try recovery; /* SHOWN_RECOVERY */
};

/* Which factor a request shows: one, with all that belongs to it, or HUFU_BAD_REQUEST. */
HUFU_MUST_USE enum hufu_err attempt_read(const struct request *req, struct attempt *try);
/*
 * Judges a second factor and drafts what becomes of it: the accepted step or counter, or one more
 * failure. Both factors have been looked at before anything is decided; who is locked out leaves no
 * trace but a count.
 * Returns HUFU_OK or HUFU_UNAUTHENTICATED; HUFU_UNAVAILABLE.
 * Operation 0 has room for write_max further writes, and their preconditions.
 */
HUFU_MUST_USE enum hufu_err attempt_judge(struct worker *w, struct request *req, uint32_t factor_id,
                                          struct attempt *try, size_t write_max);
/* Names that nobody has share a few rows, so that a try at one costs and leaves what any try does.
 * HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err attempt_of_nobody(struct worker *w, struct view name, uint32_t *out);

#endif
