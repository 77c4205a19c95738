/*
 * challenge.h - what a FIDO2 key signs: made without keeping anything, good once, for two minutes.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  W3C Web Authentication Level 2, section 13.4.3; control C21. vault/FORMATS.md section 6.
 *
 * A challenge says itself what it is for and until when, under the vault's MAC key; only one that
 * was used is remembered, until its time is past.
 */
#ifndef HUFU_CHALLENGE_H
#define HUFU_CHALLENGE_H

#include "vault/access/fido.h"
#include "vault/base/digest.h"
#include "vault/request.h"

#define CHALLENGE_LEN     89 /* bytes */
#define CHALLENGE_LIFE_MS 120000
#define CHALLENGE_PARTS   2

enum challenge_kind {
    CHALLENGE_LOGIN = 1, /* part: the name that was given */
    CHALLENGE_STEP_UP,   /* part: the session's hash */
    CHALLENGE_ENROL,     /* parts: the ceremony's id, the person's id */
};

struct challenge_use { /* what a challenge is for; views borrowed */
    enum challenge_kind kind;
    struct view part[CHALLENGE_PARTS];
    size_t part_count;
};

struct challenge { /* one that came back */
    uint8_t digest[DIGEST_LEN];
    bool is_bound; /* digest is that of the one request it is for (step_up.h) */
    uint64_t until_ms;
    struct view counter; /* key of the row that remembers its use, in req->work */
};

/*
 * Makes a new one and appends its text, FIDO_CHALLENGE_TEXT characters; digest: 32 bytes, or NULL.
 * HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err challenge_make(struct worker *w, const struct challenge_use *use,
                                           const uint8_t *digest, struct buf *out,
                                           uint64_t *until_out);
/*
 * Judges one that came back: *fault_out is FIDO_NONE, FORM, FORGED, FOREIGN, EXPIRED or USED; *out
 * is set with NONE alone. The work is the same for every text of the right length.
 * HUFU_UNAVAILABLE, out untouched.
 */
HUFU_MUST_USE enum hufu_err challenge_check(struct worker *w, struct request *req, struct view text,
                                            const struct challenge_use *use,
                                            enum fido_fault *fault_out, struct challenge *out);
/* Adds to an operation with room for a counter and one precondition that it is used now: not again,
 * and not too late. */
void challenge_spend(struct store_op *op, const struct challenge *c);

#endif
