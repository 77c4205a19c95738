/*
 * journal.h - what is durable before anything is answered: groups of operations, their writes until
 * the map has them, their log lines for good.
 *
 * Layer:   vault/store/. Includes vault/base/ and the room's own headers.
 * Threads: journal_append and state are the journal step's; journal_tend is the map thread's;
 *          reading is safe from any thread.
 *
 * A group goes into a segment (one write, one sync) and is kept in the tail in memory; the map
 * thread brings lines, inner hashes and values from there to the archive, and gives a segment up
 * once the archive has its groups and the map its operations.
 */
#ifndef HUFU_STORE_JOURNAL_H
#define HUFU_STORE_JOURNAL_H

#include "vault/store/archive.h"
#include "vault/store/segments.h"
#include "vault/store/tail.h"

#define JOURNAL_SEGMENT_BYTES (16u << 20) /* of a segment, at most, where nobody says */
#define JOURNAL_TEND_BYTES    (4u << 20)  /* of lines that the archive takes over at once */

struct journal {
    struct archive archive;
    struct segments segs;
    struct tail tail;
    struct tail_state state; /* committed; state.log.size is the next operation's seq */
    struct buf head, metas;  /* of the group at hand */
    struct tail_node *node;  /* that its lines complete */
    size_t nodes, node_cap;
    bool reads; /* the segments are being walked: none may go */
};

struct journal_meta {
    struct view key, value;
};
struct journal_group {
    const struct segment_item *item; /* one for each operation, numbered from state.log.size on */
    size_t item_count;
    struct view lines, writes;
    const struct journal_meta *meta;
    size_t meta_count;
    uint64_t now_ms;
    /* Makes the digest that is kept of the log behind the group; NULL: it stays as it was. */
    enum hufu_err (*vouch)(void *arg, const struct merkle *log,
                           uint8_t out[static SEGMENT_DIGEST_LEN]);
    void *arg;
    uint64_t applied; /* operations that the map has … */
    bool idle;        /* … where the segment has some of those, it is ended, so that it can go */
};

/*
 * Opens and checks: formats, that lines and groups are without gaps, that the stored frontier is
 * what the lines and inner hashes give. bytes bounds the archive and the segments each, 0: the disk
 * does; segment_bytes 0: the default. HUFU_IO, HUFU_CORRUPT, HUFU_NOMEM, HUFU_FULL.
 */
HUFU_MUST_USE enum hufu_err journal_open(const char *dir, uint64_t bytes, uint64_t segment_bytes,
                                         struct journal *j);
void journal_close(struct journal *j);

/*
 * One durable commit. On failure state stands as before.
 * Returns: HUFU_OK; HUFU_FULL, HUFU_NOMEM (may be tried again); HUFU_IO, HUFU_CORRUPT (may not).
 */
HUFU_MUST_USE enum hufu_err journal_append(struct journal *j, const struct journal_group *group);

/*
 * One piece of upkeep, if there is one to do: lines to the archive (where many wait, or some of a
 * group below `until`), segments given up and made ready. applied: operations that the map has.
 * *did_out: there was something. HUFU_FULL, HUFU_NOMEM (may be tried again), HUFU_IO,
 * HUFU_CORRUPT (may not).
 */
HUFU_MUST_USE enum hufu_err journal_tend(struct journal *j, uint64_t applied, uint64_t until,
                                         bool *did_out);

/* Operations below it have no writes here any more. */
uint64_t journal_trimmed(struct journal *j);
uint64_t journal_bytes(struct journal *j); /* of all its files */

/*
 * Calls each() with the writes of the operations from `from` on; an error of each() ends it. Before
 * the first append only. HUFU_CORRUPT where one is missing, HUFU_IO, each()'s.
 */
HUFU_MUST_USE enum hufu_err
journal_read(struct journal *j, uint64_t from,
             enum hufu_err (*each)(void *arg, uint64_t seq, struct view writes), void *arg);

/* As store_entries and store_hashes: of the tail's view and, begun after it, a read transaction of
 * the archive. */
HUFU_MUST_USE enum hufu_err journal_lines(const struct journal *j, const struct tail_view *tail,
                                          MDB_txn *txn, uint64_t index, size_t count,
                                          bool (*each)(void *arg, uint64_t index, struct view line),
                                          void *arg);
HUFU_MUST_USE enum hufu_err journal_hashes(const struct journal *j, const struct tail_view *tail,
                                           MDB_txn *txn, unsigned level, uint64_t n, size_t count,
                                           struct merkle_hash *out);

#endif
