/*
 * segments.h - the row of the journal's segments: the one being filled, older ones until nobody
 * needs them, and those made ready ahead.
 *
 * Layer:   vault/store/. Includes the room's own headers.
 * Threads: current is the journal step's; segments_make and segments_retire are the map thread's;
 *          what they share stands under mu, which is held for one piece of clearing at most.
 *
 * Files DATA/journal/segment-NUMBER (16 hex digits), without a gap in the numbers; `making` is one
 * that is being cleared. One that is retired is cleared before it is used again: what was trimmed
 * is gone from the file.
 */
#ifndef HUFU_STORE_SEGMENTS_H
#define HUFU_STORE_SEGMENTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "vault/store/segment.h"

#define SEGMENTS_READY 2          /* made ahead, at most */
#define SEGMENTS_PIECE (1u << 20) /* bytes cleared at once */
#define SEGMENTS_LEAST 65536u     /* bytes of one, where nobody says how many */

#define SEGMENTS_MAKING   "making"
#define SEGMENTS_NAME_MAX 32 /* bytes of a segment's name with its NUL */

/* Closed, as before segments_open. */
#define SEGMENTS_NONE                                                                              \
    {                                                                                              \
        .dir_fd = -1, .current.fd = -1, .making.fd = -1                                            \
    }
struct segments {
    int dir_fd;
    uint64_t bytes_each;
    uint64_t bytes_max; /* of all files together; 0: what the disk has */
    struct segment current;
    pthread_mutex_t mu;
    struct segment *older; /* by number */
    size_t older_count, older_cap;
    struct segment ready[SEGMENTS_READY];
    size_t ready_count;
    struct segment making; /* used: how far it is cleared */
    uint64_t next_number;
    uint64_t bytes; /* of all files */
    uint64_t first; /* operations below it are in none of them any more */
    bool tight;     /* the journal step's: at the last turn they had more than half of bytes_max */
    bool asks;      /* the journal step's: one more is wanted, and nobody was told yet */
    atomic_bool wanted; /* the current one is a quarter full: another should be made ready */
};

/*
 * Opens dir, which is there, and the headers of its segments; the first one is made where there are
 * none. The groups are read by segments_each. HUFU_IO, HUFU_CORRUPT, HUFU_FULL, HUFU_NOMEM.
 */
HUFU_MUST_USE enum hufu_err segments_open(const char *dir, uint64_t bytes_each, uint64_t bytes_max,
                                          struct segments *s);
void segments_close(struct segments *s);
/* True where no group was ever written: the first one is there, alone and empty. After
 * segments_each. */
bool segments_are_new(const struct segments *s);

/*
 * Hands every group to each(), oldest first. The first call verifies checksums and finds out which
 * segment is current; it comes before anything below. An error of each() ends it.
 * HUFU_CORRUPT (a damaged group before a good one), HUFU_IO, HUFU_NOMEM, each()'s.
 */
HUFU_MUST_USE enum hufu_err
segments_each(struct segments *s, enum hufu_err (*each)(void *arg, const struct segment_group *g),
              void *arg);

/* segment_write into the current one, or the next where it has no room; a segment is made on the
 * spot where none is ready. HUFU_FULL, HUFU_NOMEM, HUFU_IO. */
HUFU_MUST_USE enum hufu_err segments_write(struct segments *s, const struct segment_group *g,
                                           struct buf *scratch);
/* Ends the current one, so that it can be retired. Nothing where it is empty. As segments_write. */
HUFU_MUST_USE enum hufu_err segments_turn(struct segments *s, uint64_t need);

/* One piece of clearing a retired segment or making one ready, where it is wanted. *did_out: there
 * was one to do.
 * HUFU_FULL, HUFU_IO. */
HUFU_MUST_USE enum hufu_err segments_make(struct segments *s, bool *did_out);
/* Gives up the older ones whose groups are below `group` and whose operations are below `seq`.
 * HUFU_IO. */
HUFU_MUST_USE enum hufu_err segments_retire(struct segments *s, uint64_t group, uint64_t seq);
/* Operations below it are gone from the files. */
uint64_t segments_first(struct segments *s);
uint64_t segments_bytes(struct segments *s);

/* Of this module's own files, with mu held. A whole one made ready: HUFU_FULL, HUFU_IO. Names made
 * durable: HUFU_IO. */
void segments_name(uint64_t number, char out[static SEGMENTS_NAME_MAX]);
HUFU_MUST_USE enum hufu_err segments_make_whole(struct segments *s, uint64_t bytes);
HUFU_MUST_USE enum hufu_err segments_sync(const struct segments *s);

#endif
