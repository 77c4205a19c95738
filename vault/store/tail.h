/*
 * tail.h - the end of the log in memory: lines, inner hashes and values that the journal has and
 * the archive does not have yet.
 *
 * Layer:   vault/store/. Includes vault/base/ only.
 * Threads: tail_reserve and tail_put are the journal step's, tail_drop the map thread's; any thread
 *          may take a view and read it without a lock.
 *
 * Lines stand in chunks, each a whole number of groups; a chunk carries the log's state behind its
 * last group, so that the archive can take over chunk by chunk. Who reads the log takes a view
 * first and begins the archive's transaction then: what leaves the tail is in the archive.
 */
#ifndef HUFU_STORE_TAIL_H
#define HUFU_STORE_TAIL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/base/merkle.h"
#include "vault/store/segment.h"

#define TAIL_CHUNK_BYTES 262144u
#define TAIL_CHUNK_LINES 1024u
#define TAIL_META_MAX    16 /* values that wait at once: their names are few and fixed */

struct tail_state { /* of the log behind a group */
    struct merkle log;
    uint64_t groups;
    uint64_t last_ms; /* time of the last group */
    bool has_digest;
    uint8_t digest[SEGMENT_DIGEST_LEN];
};

struct tail_node { /* of a complete subtree, known once the log has `size` lines */
    uint64_t size, n;
    unsigned level;
    struct merkle_hash hash;
};

struct tail_chunk {
    atomic_uint refs;
    struct tail_chunk *_Atomic next; /* a reference; set once */
    uint64_t first;                  /* number of its first line */
    size_t line_cap, byte_cap, node_cap;
    size_t count;            /* under mu, as state is */
    struct tail_state state; /* behind its last group */
    atomic_size_t nodes;
    struct tail_node *node;
    uint8_t *bytes;
    size_t end[]; /* where each line ends in bytes; line_cap of them */
};

struct tail_meta {
    struct buf key, value;
    uint64_t group; /* that set it */
};

struct tail {
    pthread_mutex_t mu;
    struct tail_chunk *head; /* a reference; the oldest one */
    struct tail_chunk *last; /* the one being filled */
    struct tail_state state; /* committed */
    uint64_t first;          /* lines below it are in the archive */
    uint64_t groups;         /* groups below it likewise */
    struct tail_meta meta[TAIL_META_MAX];
    size_t meta_count;
    struct tail_meta staged[TAIL_META_MAX]; /* the journal step's */
    size_t staged_count;
};

struct tail_view { /* of one moment, until it is dropped */
    struct tail_chunk *head;
    uint64_t first, size;
};

/* How many nodes so many lines can complete, wherever they begin. */
static inline size_t tail_nodes_max(size_t lines)
{
    return lines / (MERKLE_TILE_WIDTH - 1) + 8;
}

/* An empty tail behind a log of that state. HUFU_NOMEM. */
HUFU_MUST_USE enum hufu_err tail_init(struct tail *t, const struct tail_state *state);
void tail_done(struct tail *t);

/* Room for a group of count lines, bytes long in sum, so that tail_put cannot fail. HUFU_NOMEM. */
HUFU_MUST_USE enum hufu_err tail_reserve(struct tail *t, size_t count, size_t bytes);
/* A committed group; state is the log's behind it, node what its lines completed. */
void tail_put(struct tail *t, const struct segment_group *g, const struct tail_state *state,
              const struct tail_node *node, size_t nodes);
/* A value of the group at hand: the next tail_put brings it in, in place of an older one of its
 * key; tail_unstage forgets it. HUFU_NOMEM, HUFU_FULL (too many keys). */
HUFU_MUST_USE enum hufu_err tail_stage(struct tail *t, struct view key, struct view value);
void tail_unstage(struct tail *t);
/* Appends the value. HUFU_NOT_FOUND: none waits. HUFU_RANGE. */
HUFU_MUST_USE enum hufu_err tail_meta_get(struct tail *t, struct view key, struct buf *out);

/* How many groups were committed. */
uint64_t tail_groups(struct tail *t);
void tail_take(struct tail *t, struct tail_view *out);
void tail_view_drop(struct tail_view *v);
/* Calls each() with lines [from, to) of a view, first <= from <= to <= size. False ends it. */
void tail_lines(const struct tail_view *v, uint64_t from, uint64_t to,
                bool (*each)(void *arg, uint64_t index, struct view line), void *arg);
/* The hash of a node that the view's lines completed. False: it has none. */
bool tail_node_find(const struct tail_view *v, unsigned level, uint64_t n, struct merkle_hash *out);

/*
 * What the archive takes over next: all up to the end of a chunk, about `bytes` of lines.
 * *state_out is the log's there. False: nothing waits, or less than that and not all is asked for.
 */
bool tail_due(struct tail *t, size_t bytes, bool all, struct tail_state *state_out);
/* Calls each() with the values that groups below state->groups set and that still wait. */
enum hufu_err tail_metas(struct tail *t, uint64_t groups,
                         enum hufu_err (*each)(void *arg, struct view key, struct view value),
                         void *arg);
/* Calls each() with the nodes of a view that a log of more than `above` lines and at most `size`
 * has. */
enum hufu_err tail_nodes(const struct tail_view *v, uint64_t above, uint64_t size,
                         enum hufu_err (*each)(void *arg, const struct tail_node *node), void *arg);
/* The archive has all of a log of that state. */
void tail_drop(struct tail *t, uint64_t size, uint64_t groups);

#endif
