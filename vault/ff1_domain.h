/*
 * ff1_domain.h - domains in ff1 mode: a token is its value, encrypted; nothing is stored for it.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  NIST SP 800-38G (keys/ff1.h); format/format_rank.h; vault/FORMATS.md section 6.
 *
 * The number of the original among those of its bucket is encrypted under the domain's active FF1
 * key, again and again until it is the number of an original; that one, marked with the key's
 * version, is the token. So equal values have equal tokens until the key is rotated, and no token
 * has a state, an owner or a life.
 */
#ifndef HUFU_FF1_DOMAIN_H
#define HUFU_FF1_DOMAIN_H

#include "vault/mapping.h"
#include "vault/token.h"

static inline bool ff1_domain_is(const struct domain *d)
{
    return d->mode == MODE_FF1;
}

/* C14: encryption alone is no de-identification, so who works for others has no part in it. */
static inline bool ff1_domain_bars(const struct domain *d, const struct partner *p)
{
    return ff1_domain_is(d) && p->is_entrusted != 0;
}

/*
 * Judges what is asked of a new domain in this mode; format, keep and partners are read.
 *
 * Returns: HUFU_OK; BAD_REQUEST (a bucket is too small: req->detail names what may stay instead; a
 *          life) and UNSUPPORTED_MODE (format, partners, token check, consent) with *where.
 */
HUFU_MUST_USE enum hufu_err ff1_domain_judge(struct worker *w, struct request *req,
                                             const struct domain *d, struct msg_where *where);
/* Whether a domain with this format and these kept parts can be in this mode. As
 * format_rank_check; UNSUPPORTED_MODE also where marks tell no two keys apart. */
HUFU_MUST_USE enum hufu_err ff1_domain_fits(const struct format *fmt, struct format_keep keep);

/* Nothing can expire or be used up: UNSUPPORTED_MODE with *where. */
HUFU_MUST_USE enum hufu_err ff1_domain_judge_tokenize(const struct msg_request *msg,
                                                      struct msg_where *where);
/* Makes the tokens of all items that have no error; their values are originals. UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err ff1_domain_tokenize(struct tokenize_job *job);

/* True where the canonical text has the form of a token, under whatever key. */
bool ff1_domain_is_token(const struct domain *d, struct view text);
/* True where it has, and a key that is there made its mark. */
bool ff1_domain_has_token(struct worker *w, const struct domain *d, struct view text);
/* Fills t->rec with the value of a token (t->text) and nothing else. NOT_FOUND where its key is
 * gone, after the same work; UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err ff1_domain_find(struct worker *w, const struct domain *d,
                                            struct token *t);

/* Whether a ceremony of this kind may be proposed for a domain, of whatever mode. UNSUPPORTED_MODE:
 * it has no index key, or there is no mark left for one more key. A destroyed key's mark is not
 * given again: its tokens would read as other values. */
HUFU_MUST_USE enum hufu_err ff1_domain_may_rotate(struct core *core, const struct domain *d,
                                                  const char *kind);

#endif
