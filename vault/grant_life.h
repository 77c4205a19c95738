/*
 * grant_life.h - what asking for a grant, deciding on it, using it and ending it share.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  control C24; contract.md section 3 (grants).
 *
 * The names grant.h and grant.c are of the row in access/.
 */
#ifndef HUFU_GRANT_LIFE_H
#define HUFU_GRANT_LIFE_H

#include "vault/access/grant.h"
#include "vault/base/digest.h"
#include "vault/base/json.h"
#include "vault/row.h"

#define GRANT_RECENT_MS  (31ULL * ROW_DAY_MS) /* longer than any lives */
#define GRANT_LIFE_MIN_S 60                   /* a shorter one is asked for by mistake */
#define GRANT_OPEN_MAX   100                  /* of one person: rows are held in memory … */
#define GRANT_DAY_MAX    10000 /* … and so many that were asked for within 24 hours */

/*
 * The grant of this id as it stands now: past its time an open one says expired.
 * Returns: HUFU_OK; HUFU_NOT_FOUND; HUFU_UNAVAILABLE (a damaged row). out untouched then.
 */
HUFU_MUST_USE enum hufu_err grant_find(struct core *core, const uint8_t id[static ID_LEN],
                                       struct grant *out);
/* The first grant whose id is after `after` (after_len 0: the first of all), as its row says: past
 * its time or not. Else as grant_find. */
HUFU_MUST_USE enum hufu_err grant_next(struct core *core, const uint8_t *after, size_t after_len,
                                       struct grant *out);
/* An id before those of the last 31 days: none that is open is older, for ids begin with the time.
 */
void grant_since(struct core *core, uint8_t out[static ID_LEN]);
/* An open one that is past its time says expired from now on. */
void grant_age(struct core *core, struct grant *g);
/* Whether it can still come to be used: proposed or granted. */
bool grant_is_open(const struct grant *g);
/* Who asked, where that is an operator who has been one, and in, ever since; NULL: nobody may use
 * it any more. */
const struct user *grant_asker(struct core *core, const struct grant *g);
/* How many of its approvals count: of people who have been approvers, and in, ever since. Others
 * are void by what happened to the person. */
uint32_t grant_count_standing(struct core *core, const struct grant *g);
/* Takes those away that do not count. */
void grant_drop_void(struct core *core, struct grant *g);
/*
 * Adds that who approved does not change before this is committed: GRANT_APPROVALS_MAX
 * preconditions at most. HUFU_UNAVAILABLE, also where fewer than `needed` of these very rows count.
 */
HUFU_MUST_USE enum hufu_err grant_expect_approvers(struct request *req, struct store_op *op,
                                                   const struct grant *g, uint32_t needed);
/* Adds its row as it stands in g: one precondition, one write. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err grant_write(struct worker *w, struct request *req, struct store_op *op,
                                        const struct grant *g);

/*
 * SHA-256 over the canonical JSON {"asked_by","count","domain","expires_at","id","purpose",
 * "recipient"?,"token_ids"}: what those who approve agree to. HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err grant_digest(struct core *core, const struct grant *g,
                                         uint8_t out[static DIGEST_LEN]);
/* Names it in operation 0's entry: id, state, numbers, digest, the tokens. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err grant_name(struct request *req, const struct grant *g);
/* Drafts the entry of a refusal that is about this grant: "grant=ID state=denied", and why where
 * that is not its state (may be NULL). Returns err, or HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err grant_refuse(struct request *req, const struct grant *g,
                                         const char *why, enum hufu_err err);
/* Makes it the reply, with exactly the contract's members. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err grant_reply(struct request *req, const struct grant *g);

/* One grant that has to end by itself: past its time, or nobody's any more; or a row that is kept
 * long enough. True where something was handed in. For the sweeper. */
bool grant_sweep(struct worker *w);

#endif
