/*
 * rewrite.h - the seam's second half: rows rewritten in place, in chunks, beside all operations.
 *
 * Layer:   vault/store/. Includes vault/base/ only; part of store.h, which includes it.
 * Threads: store_rewrite is safe from any thread. each() and done() are called by the map step, but
 *          that done() of a job which waits at store_stop or store_close is called there.
 *
 * Re-encryption, re-indexing and purging. It is no operation: a row keeps its meaning and its seq,
 * so that flush, replay and preconditions do not notice. What follows from that is the caller's:
 * - each() sees the map only. A row of an operation that is not applied is not there yet, and what
 *   the flush writes later wins over what was put with a lower seq.
 * - A precondition does not see a row that was put under a new key, or removed; and a removed row
 *   of an operation that is not applied (seq >= applied) comes back with the flush or a replay.
 * A pass that begins when applied >= S visits every row with a seq below S.
 */
#ifndef HUFU_STORE_REWRITE_H
#define HUFU_STORE_REWRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define REWRITE_NAME_MAX 32
#define REWRITE_ROWS_MAX 1024

struct store;
struct rewrite; /* one chunk's transaction */

struct store_rewrite {  /* with all it borrows the store's until done() */
    struct view prefix; /* of the keys to visit (not a resident table) */
    /* Of the cursor that is kept in the map, 1..32 bytes. A name stands for one pass: with another
     * prefix it begins anew. */
    struct view name;
    size_t rows_max; /* rows visited by one chunk, 1..1024; large images end it sooner */
    /*
     * Called by the map step for each row in key order, once in a pass; the views are its own until
     * it returns. May call the rewrite_* functions. Anything but HUFU_OK ends the chunk: nothing of
     * it is written. A row that it puts behind its own may be visited; one behind all that were
     * there when the pass began is not. It holds the map's only write transaction: be quick.
     */
    enum hufu_err (*each)(void *arg, struct rewrite *rw, struct view key, uint64_t seq,
                          struct view image);
    /* Called when the chunk is durable, or refused; no locks held, and the next may be handed over.
     */
    void (*done)(struct store_rewrite *job);
    void *arg;
    /* The outcome, set before done. OK; what each() said; FULL or NOMEM (may be tried again, after
     * a pause); UNAVAILABLE (the store is not sound, or stopped). */
    enum hufu_err err;
    bool
        ended; /* the prefix is walked to its end: the cursor is gone, the next chunk begins anew */
    size_t visited, changed; /* rows; 0 where the chunk was refused */
};

/* Hands one chunk over, and done() will be called once. HUFU_BUSY while another waits;
 * HUFU_UNAVAILABLE; HUFU_ARG (a bound or the table is wrong). */
HUFU_MUST_USE enum hufu_err store_rewrite(struct store *s, struct store_rewrite *job);

/* In each() only. HUFU_ARG: a key that is too long, or of a resident table. After HUFU_FULL,
 * HUFU_NOMEM, HUFU_IO or HUFU_CORRUPT the chunk is lost, whatever each() returns. */

/* The row as the map has it in this transaction, borrowed until the next put or remove.
 * HUFU_NOT_FOUND. */
HUFU_MUST_USE enum hufu_err rewrite_find(struct rewrite *rw, struct view key, uint64_t *seq_out,
                                         struct view *image_out);
/* Puts a row with that seq, unless the map has it with a higher one (an equal one is replaced).
 * The image may be one that rewrite_find gave. */
HUFU_MUST_USE enum hufu_err rewrite_put(struct rewrite *rw, struct view key, uint64_t seq,
                                        struct view image);
/* Removes a row; fine where there is none. */
HUFU_MUST_USE enum hufu_err rewrite_remove(struct rewrite *rw, struct view key);

#endif
