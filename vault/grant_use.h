/*
 * grant_use.h - whether a reveal or an export needs a grant, whether the one named covers it, and
 * its consumption in the very commit of the entries.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  control C24; contract.md section 2 (grant_required comes before the token).
 */
#ifndef HUFU_GRANT_USE_H
#define HUFU_GRANT_USE_H

#include "vault/access/grant.h"
#include "vault/request.h"

struct grant_use {
    bool used;          /* a grant was named and covers this */
    struct grant grant; /* as it stands */
};

/*
 * Judges req's members `grant` and `purpose` (one of the domain's) for count tokens of req->domain.
 *
 * token_ids: count x ENTRY_TOKEN_ID_LEN bytes, of those whose form is right; NULL: an export of
 *            whatever the grant's scope names.
 * Returns:   HUFU_OK, out filled (used is false where none was named and none is needed);
 *            HUFU_GRANT_REQUIRED: none named but needed, or it is unknown, not the caller's, for
 *            another domain or purpose, not granted, used up, over, too small, or does not name
 *            one of the tokens; or its recipient is frozen or its assessment is over. One answer
 *            for all; the entry, which is drafted, says which in `reason` ("grant=ID why=used-up")
 *            and names the tokens. Alarms are noted: GRANT_OVER for one that was good once,
 *            GRANT_EXCEEDED for what is outside its scope, another's grant too; none for one that
 *            is not there or waits for approval. HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err grant_judge(struct worker *w, struct request *req,
                                        const uint8_t *token_ids, size_t count,
                                        struct grant_use *out);
/* "grant=ID why=WORD" in the request's memory, for an entry or an alarm. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err grant_words(struct request *req, const struct grant *g, const char *why,
                                        struct view *out);
/*
 * Adds an operation to the draft: n values of the grant are used. Its entry is `grant-use` with
 * purpose "grant=ID count=N"; it expects the grant's row as seen and its approvers as they are,
 * before its end, and writes the grant's row: of two drafts that both saw the grant one is decided
 * again. It is the draft's last operation then, and has room for share_write. Nothing where no
 * grant is used or n is 0. As request_ops_more: pointers to operations that the caller holds are
 * stale afterwards.
 *
 * Returns: HUFU_OK, HUFU_UNAVAILABLE (also where n is more than remains).
 */
HUFU_MUST_USE enum hufu_err grant_spend(struct worker *w, struct request *req,
                                        const struct grant_use *use, uint64_t n);

#endif
