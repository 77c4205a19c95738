/*
 * pass.h - walking all rows under a prefix and rewriting them, in chunks that others hardly notice.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: the keeper's; each() of a chunk runs in the map step while the keeper waits for it.
 *
 * A pass walks until one whole walk has changed nothing. Its cursor lies in the map beside the
 * rows, so that a pass which was killed goes on where it stopped; what is counted is counted again.
 */
#ifndef HUFU_PASS_H
#define HUFU_PASS_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/base/id.h"
#include "vault/store/store.h"

struct keeper;

struct pass { /* of one running ceremony */
    bool used, counted, full_walk;
    uint8_t id[ID_LEN]; /* the ceremony's … */
    uint64_t seq;       /* … and the operation that began this part of it */
    uint64_t total, done;
    uint64_t walked, changed, damaged; /* rows in this walk */
    uint8_t next[STORE_KEY_MAX];
    size_t next_len;      /* where counting goes on */
    uint64_t due_boot_ms; /* of the next chunk … */
    uint64_t log_size;    /* when the last chunk was handed over */
    uint64_t owed;        /* … and the rest of a millisecond, in 1/rate */
};

struct pass_work {
    struct view prefix;
    struct view name;   /* of the cursor: the ceremony's and the part's */
    bool is_first_half; /* as much again is to come: for the progress that is shown */
    /* True for a row that is as it should be already. */
    bool (*is_done)(void *arg, struct view key, struct view image);
    /* As struct store_rewrite's; counts what it cannot read in pass->damaged. NULL: the pass only
     * counts, total and done. */
    enum hufu_err (*each)(void *arg, struct rewrite *rw, struct view key, uint64_t seq,
                          struct view image);
    void *arg;
};

enum pass_state {
    PASS_WAIT, /* nothing may be done now: the rate, or a store without room */
    PASS_ON,   /* got on */
    PASS_OVER, /* a whole walk changed nothing */
};

/* The pass of a ceremony's part, a new one where there is none; NULL where too many run. */
struct pass *pass_find(struct keeper *k, const uint8_t id[static ID_LEN], uint64_t seq);
void pass_drop(struct keeper *k, const uint8_t id[static ID_LEN]);

/* One piece: counts or rewrites. HUFU_OK; HUFU_IO, HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err pass_piece(struct keeper *k, struct pass *pass,
                                       const struct pass_work *work, enum pass_state *out);

#endif
