/*
 * recent.h - the overlay over the map: what is journalled and not yet in the map, in two
 * generations, the one that fills and the one that is flushed.
 *
 * Layer:   vault/store/. Includes vault/base/ only.
 * Threads: recent_publish, recent_rotate and recent_replaying hold the store's journal lock;
 *          recent_retire is the map thread's; the rest is safe from any thread.
 *
 * Every operation below `size` is in the map or in a generation, every operation below `applied` is
 * in the map. A generation is retired only after the commit of its last slice, and applied moves in
 * the same step, under the same lock.
 */
#ifndef HUFU_STORE_RECENT_H
#define HUFU_STORE_RECENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/err.h"
#include "vault/store/generation.h"

struct recent {
    pthread_mutex_t mu; /* guards what follows, and the published numbers of both generations */
    pthread_cond_t cv;  /* something was published, retired, called for or stopped */
    struct generation *filling, *flushing; /* flushing: NULL while none is */
    uint64_t size, applied;
    uint64_t bytes_max, rows_max, age_max_ms;
    bool stopped, broken;
    uint64_t filling_log, flushing_log; /* bytes of log lines that came with each */
    uint64_t hurry;                     /* operations below it are due, however young */
    bool called;                        /* there is other work for the map thread */
    bool nudged;                        /* it should look around once */
};

/* Both generations, kept, as they were at one moment. */
struct recent_view {
    struct generation *filling, *flushing;
    uint64_t size, applied;
};

struct recent_numbers {
    uint64_t rows, bytes, size, applied;
};

HUFU_MUST_USE enum hufu_err recent_init(struct recent *r, uint64_t applied, uint64_t bytes_max,
                                        uint64_t rows_max, uint64_t age_max_ms);
void recent_done(struct recent *r);

/* Take it before a map read transaction begins, drop it after that has ended. */
void recent_take(struct recent *r, struct recent_view *out);
void recent_drop(struct recent_view *v);
/* The key's newest row of either generation, or NULL: then the map has the last word. */
const struct generation_row *recent_find(const struct recent_view *v, struct view key);
/*
 * True where the map may hold nothing that the view does not see: called after a map read
 * transaction has begun. *v then sees all that is published now.
 */
bool recent_confirm(struct recent *r, struct recent_view *v);

/* Links rows of operations below size, made in the filling generation, and lets readers see them.
 * log_bytes: of their log lines, which wait in memory too. boot_ms: now. Cannot fail. */
void recent_publish(struct recent *r, struct generation_row *const *rows, size_t count,
                    uint64_t size, uint64_t log_bytes, uint64_t boot_ms);
/* True from bytes_max on: nothing more may be taken in. */
bool recent_is_full(struct recent *r);
/* True where none is flushed and the filling one should be: by rows, bytes or age, or forced. */
bool recent_is_due(struct recent *r, uint64_t boot_ms, bool force);
/* Makes the filling generation the flushing one. HUFU_NOMEM: nothing changed. */
HUFU_MUST_USE enum hufu_err recent_rotate(struct recent *r);
/* Forgets the flushing generation: the map has all of it. */
void recent_retire(struct recent *r);

/* Wait until the overlay is not full; until a flush is running or due, or there is a call, at most
 * wait_ms. */
void recent_wait_room(struct recent *r);
void recent_wait_due(struct recent *r, uint64_t boot_ms, uint64_t wait_ms);
/* Waits until stopped or called, or until wait_ms have passed. */
void recent_pause(struct recent *r, uint64_t wait_ms);
/* A call for other work ends both waits of the map thread, until it is taken back. */
void recent_call(struct recent *r, bool called);
/* Operations below seq are due at once. */
void recent_hurry(struct recent *r, uint64_t seq);
/* Ends both waits once. recent_nudged: whether that was asked for since it was last called. */
void recent_nudge(struct recent *r);
bool recent_nudged(struct recent *r);
void recent_stop(struct recent *r);
/* No room will be made any more: nobody waits for it. */
void recent_break(struct recent *r);
void recent_count(struct recent *r, struct recent_numbers *out);

#endif
