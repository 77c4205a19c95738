/*
 * fill_known.h - what fill.c, fill_walk.c and fill_alarm.c share.
 *
 * Layer:   vault/ (verbs). Includes fill.h.
 * Threads: mu guards list, cap and each known's fullest; a known is never freed before the
 *          fill is, and the rest of it is constant or atomic. walk, due and due_boot_ms are the
 *          sweeper's.
 */
#ifndef HUFU_FILL_KNOWN_H
#define HUFU_FILL_KNOWN_H

#include <pthread.h>

#include "vault/fill.h"

enum fill_level { FILL_PAST_EXPECTED, FILL_AT_HALF, FILL_AT_MOST, FILL_LEVELS };

struct fill_known { /* a domain: what never changes of it is reckoned once */
    uint32_t id;
    bool one_bucket;
    uint64_t least;             /* tokens of the smallest bucket */
    struct fill_bucket fullest; /* of the last whole walk */
    atomic_uint raised;         /* bits of enum fill_level: nothing to do any more */
    size_t kinds;
    uint64_t tokens[]; /* of a bucket, by kind */
};

struct fill_due { /* a bucket that a walk found above a level */
    struct fill_known *known;
    enum fill_level level;
    struct fill_bucket bucket;
};

struct fill_slot { /* id 0: free */
    uint64_t id, rows;
    size_t kind;
};

struct fill_walk {
    bool on;
    struct fill_known *known;    /* the domain at hand; NULL: not counted */
    const struct domain *domain; /* of it, with the format */
    uint32_t domain_id;          /* 0 before the first key */
    struct fill_slot *slot, *spare;
    size_t used;
};

struct fill {
    pthread_mutex_t mu;
    struct fill_known **list; /* by domain id; NULL: not reckoned yet */
    size_t cap;
    struct fill_walk walk;
    struct fill_due *due;
    size_t due_count, due_cap;
    uint64_t due_boot_ms;
    atomic_bool on_its_way; /* an alarm */
    atomic_uint_least64_t alarms;
};

/* NULL where its capacity is not reckoned yet. */
struct fill_known *fill_known_find(struct fill *f, uint32_t domain_id);
bool fill_is_at(uint64_t rows, uint64_t tokens, enum fill_level level);

#endif
