/*
 * fill.h - how full domains and their buckets of kept characters are, and the alarms about it.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: fill_begin, fill_see, fill_end, fill_spoil and fill_step are the sweeper's; an alarm's
 *          outcome comes on the journal thread; the rest is safe from any thread.
 * Source:  design.md section 5 (capacity, fill).
 *
 * A domain's fill is the number of mappings ever made in it (store_made): exact, and of the moment.
 * A bucket's is counted by the sweeper's walk over the tokens, which comes by all of them in any
 * case: nothing is added to a tokenize, and a restart forgets nothing that the next walk does not
 * find. It is as old as the last whole walk, a pause (sweep.pass_s) and the walk itself
 * (sweep.rows_per_s). Buckets that cannot be half full, since the whole domain has fewer mappings
 * than that, are not counted. Where a domain has more buckets than there is room for, those with
 * the fewest rows are dropped; a bucket near its end is not among them, but may have lost as many
 * rows as others had when it had few.
 */
#ifndef HUFU_FILL_H
#define HUFU_FILL_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/state.h"

#define FILL_HALF 50 /* percent of the tokens: creation reckons with no more */
#define FILL_MOST 80

struct fill;

struct fill_bucket { /* without rows: none is known that may be half full */
    uint64_t id;     /* of the kept characters: a digest, nobody has to see which they are */
    size_t kind;     /* of the format */
    uint64_t rows, tokens;
};

struct fill_state {             /* of one domain */
    uint64_t made;              /* mappings ever made */
    uint64_t capacity;          /* tokens of the smallest bucket */
    bool one_bucket;            /* `expected` was compulsory: all may lie in one bucket */
    struct fill_bucket fullest; /* of the last whole walk */
    /* Of tokens: the fullest bucket's, or with one_bucket all mappings in the smallest, whichever
     * is more; rounded down; may pass 100. */
    unsigned percent;
};

HUFU_MUST_USE enum hufu_err fill_new(struct fill **out);
void fill_free(struct fill *f); /* NULL is fine */

/* Costs up to some 100 ms the first time, where the format has many countries. HUFU_NOMEM. */
HUFU_MUST_USE enum hufu_err fill_find(struct core *core, const struct domain *d,
                                      struct fill_state *out);
/* The same without that cost: false while the domain's capacity is not known. */
bool fill_peek(struct core *core, const struct domain *d, struct fill_state *out);
/* rows of tokens in percent, rounded down; 0 where there are more tokens than can be told. */
unsigned fill_percent(uint64_t rows, uint64_t tokens);

/* Reckons capacities that are not known, for some 50 ms: true once all are. Before a walk. */
bool fill_ready(struct core *core);
/* A walk over the tokens' keys in order: it begins, sees each once, and ends; or it is spoilt, and
 * counts for nothing. */
void fill_begin(struct fill *f);
void fill_see(struct core *core, struct view key);
void fill_end(struct fill *f);
void fill_spoil(struct fill *f);

/*
 * About once a second: raises one alarm that is due. Each is raised once, whatever is restarted: an
 * entry, a warning in the service log, one more in the metrics. True where one was handed in.
 */
bool fill_step(struct worker *w);
uint64_t fill_alarms(struct fill *f); /* raised since the start */

#endif
