/*
 * remnant.h - where the search for free tokens stands in buckets that are nearly full.
 *
 * Layer:   vault/ (verbs). Includes vault/base/ only.
 * Threads: safe from any thread; a struct remnant belongs to one.
 *
 * A token that is taken stays taken: token rows are never removed. So the candidates of a bucket
 * (format_tokens.h) are looked at once, in an order of the bucket's own that is as good as random,
 * and never again: what was free is kept in a list until it is seen taken. A bucket whose
 * candidates have all been seen and whose list is empty is full, and to ask it once more costs
 * nothing.
 *
 * 256 buckets are known at a time, in memory alone: one that is crowded out, or of before a
 * restart, is begun again.
 */
#ifndef HUFU_REMNANT_H
#define HUFU_REMNANT_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define REMNANT_NAME_MAX 96   /* bytes of a bucket's name */
#define REMNANT_FREE_MAX 4096 /* candidates that were free when seen; above twice MSG_ITEMS_MAX */

struct remnants; /* opaque */

struct remnant { /* one search in one bucket */
    uint8_t name[REMNANT_NAME_MAX];
    size_t name_len;
    uint64_t hash;
    uint64_t n;    /* the candidate to look at */
    size_t looked; /* of the list, so far */
    size_t left;   /* of the list, when all candidates had been seen */
    bool at_end;
};

HUFU_MUST_USE enum hufu_err remnants_new(struct remnants **out); /* HUFU_NOMEM */
void remnants_free(struct remnants *r);                          /* NULL is fine */

/* A search in the bucket of that name, REMNANT_NAME_MAX bytes at most. */
void remnant_init(struct remnant *s, struct view name);
/* True where the bucket's search has begun. */
bool remnant_is_begun(struct remnants *r, const struct remnant *s);
/* Begins it over count candidates, at least 1, in the order that the seeds give; a bucket that has
 * begun goes on as it is. */
void remnant_begin(struct remnants *r, const struct remnant *s, uint64_t count,
                   const uint64_t seed[static 2]);

/*
 * Takes out the next candidate, *s->n: until remnant_settle no other search gets it. False: none is
 * left (or its bucket was crowded out: the next search begins again).
 */
bool remnant_next(struct remnants *r, struct remnant *s);
/* Says whether s->n has a row in the store; one that has none is looked at again later. */
void remnant_settle(struct remnants *r, const struct remnant *s, bool is_taken);

#endif
