/*
 * generation_order.h - the keys of a generation in order, made on demand.
 *
 * Layer:   vault/store/. Includes vault/base/ only.
 * Threads: generation_order_add is the linking thread's; the rest holds the order's own lock, which
 *          that thread never takes.
 *
 * The first row of each key is put on a stack, by the table in its first byte. A scan sorts what
 * is new of its table into a run and keeps it for later scans; seven runs of a size become one with
 * the eighth. The flush sorts all keys once and threads the newest rows.
 */
#ifndef HUFU_STORE_GENERATION_ORDER_H
#define HUFU_STORE_GENERATION_ORDER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"

#define GENERATION_TABLES 8  /* stacks: tables share one where there are more */
#define GENERATION_RUNS   64 /* of one stack */

struct generation;
struct generation_row;

struct generation_run { /* never changes */
    unsigned refs;      /* guarded by the lock */
    size_t count;
    const struct generation_row *row[]; /* any row of each key */
};

struct generation_stack {
    struct generation_row *_Atomic top; /* leads to the one below */
    struct generation_row *sorted;      /* this one and all below it are in runs */
    struct generation_run *run[GENERATION_RUNS];
    size_t runs;
};

struct generation_order {
    pthread_mutex_t mu; /* guards all but top */
    struct generation_stack stack[GENERATION_TABLES];
    struct generation_row *first; /* of the flush's thread */
    struct generation_run *all;   /* the same keys; may be NULL */
    bool threaded;
};

struct generation_head {
    struct generation_run *run;
    size_t at;
};

struct generation_walk {
    struct generation *g; /* NULL: ended */
    struct view prefix;
    uint64_t limit;
    struct generation_head *head; /* each not at its run's end, then those that are */
    size_t heads, runs;
};

/* False without memory or locks. */
bool generation_order_init(struct generation_order *o);
void generation_order_done(struct generation_order *o);
/* Adds the first row of a key. */
void generation_order_add(struct generation_order *o, struct generation_row *row);

#endif
