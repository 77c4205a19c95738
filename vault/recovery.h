/*
 * recovery.h - the codes that let a person in who has lost a key: made, judged, used up.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  NIST SP 800-63B section 5.1.2 (look-up secrets): 80 random bits, each good once.
 */
#ifndef HUFU_RECOVERY_H
#define HUFU_RECOVERY_H

#include "vault/access/credential.h"
#include "vault/base/json.h"
#include "vault/request.h"

#define RECOVERY_TEXT_LEN 19 /* XXXX-XXXX-XXXX-XXXX, base32 */

struct recovery_try {
    bool right;
    size_t at; /* which of the codes left */
    struct recovery rec;
};

/* New ones for a person, in place of all earlier ones: adds their row to operation 0 and the member
 * recovery_codes, which is shown once. SECRET. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err recovery_make(struct worker *w, struct request *req, uint32_t user_id,
                                          struct json *j);
/* Judges the member recovery_code; user_id may be nobody's: the work is the same.
 * HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err recovery_judge(struct worker *w, struct request *req, uint32_t user_id,
                                           struct recovery_try *out);
/* Adds to operation 0 that a right one is used up, and names it in the entry. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err recovery_spend(struct worker *w, struct request *req,
                                           const struct recovery_try *try);

#endif
