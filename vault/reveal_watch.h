/*
 * reveal_watch.h - whether somebody asks for tokens one after another, whether they exist or not.
 *
 * Layer:   vault/ (verbs). Includes vault/base/, vault/format/.
 * Threads: safe from any thread; one lock.
 * Source:  control C28 (sequential probing).
 *
 * Tokens are drawn at random, so who has work to do asks for scattered ones. Kept for each person,
 * in memory alone: the last 32 different tokens asked for. A restart forgets them; who goes on is
 * found again 32 tokens later, and the limits on values and misses are rows that no restart clears.
 */
#ifndef HUFU_REVEAL_WATCH_H
#define HUFU_REVEAL_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/format/format.h"

#define REVEAL_WATCH_LAST 32
#define REVEAL_WATCH_OFF  33 /* of these last ones as many neighbours there never are */

struct reveal_watch; /* opaque */

struct reveal_ask { /* one token that is asked for */
    uint32_t user_id, domain_id;
    size_t hidden;     /* of its characters, those that its format does not keep */
    struct view token; /* canonical */
};

HUFU_MUST_USE enum hufu_err reveal_watch_new(struct reveal_watch **out); /* HUFU_NOMEM */
void reveal_watch_free(struct reveal_watch *rw);                         /* NULL is fine */

/* True where two tokens of one domain lie next to one another: as long, alike but for one stretch
 * of digits (or of letters and digits), whose numbers differ by at most 16; by 1 where so little
 * is hidden that more would come by chance. Counting up any part of a token is probing. */
bool reveal_watch_is_near(struct view a, struct view b, size_t hidden);
/*
 * Remembers the token, where it is not among the last ones already.
 * Returns: HUFU_OK; HUFU_LIMIT where `most` of the last ones lie next to another of them: what is
 *          remembered of the person is forgotten then; HUFU_NOMEM.
 */
HUFU_MUST_USE enum hufu_err reveal_watch_note(struct reveal_watch *rw, const struct reveal_ask *ask,
                                              uint64_t most);

#endif
