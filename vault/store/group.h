/*
 * group.h - one group of the journal step: drafts taken, judged, completed, committed, published.
 *
 * Layer:   vault/store/. Includes the room's own headers.
 * Threads: the journal step's own, under journal_mu.
 */
#ifndef HUFU_STORE_GROUP_H
#define HUFU_STORE_GROUP_H

#include "vault/store/lmdb_store.h"
#include "vault/store/overlay.h"

struct group_mark { /* how far a group has come */
    struct generation_mark memory;
    size_t rows, lines, writes, items, metas, residents;
    uint8_t digest[RESIDENT_SUM_LEN];
};

struct group {
    struct qnode *first, **tail; /* every draft taken */
    struct overlay overlay;      /* rows of the filling generation, not yet linked */
    struct buf lines, writes;
    struct segment_item *item; /* where each operation ends in lines and writes */
    size_t item_count, item_cap;
    struct journal_meta *meta;
    size_t meta_count, meta_cap;
    struct resident_row **resident; /* rows to put, owned */
    size_t resident_count, resident_cap;
    struct group_mark start; /* before the first draft */
    struct recent_view view;
    MDB_txn *map_txn; /* begun when first needed, after the view */
    uint64_t now_ms;
    bool held;  /* the clock ran back */
    bool trims; /* a draft with nothing in it is among them */
    uint8_t digest[RESIDENT_SUM_LEN];
};

HUFU_MUST_USE enum hufu_err group_new(struct group **out);
void group_free(struct group *g); /* NULL is fine */

/* store_journal_step. */
bool group_step(struct lmdb_store *s);
/* Refuses every waiting draft with UNAVAILABLE. True where there was one. */
bool group_refuse(struct lmdb_store *s);

/* group_draft.c: judges and completes a draft and adds it; where it is refused, only to the drafts
 * that are to be answered. */
void group_add(struct lmdb_store *s, struct group *g, struct store_draft *draft);
/* Takes the group back to where it stood. */
struct group_mark group_mark_set(const struct group *g);
void group_restore(struct group *g, const struct group_mark *m);

/* judge.c: judges op's preconditions, then its counters, which become rows of the group, then the
 * counters it removes.
 * HUFU_OK; HUFU_PRECONDITION, HUFU_LIMIT (*at_out: which one); HUFU_IO, HUFU_CORRUPT, HUFU_NOMEM.
 */
HUFU_MUST_USE enum hufu_err judge_op(struct lmdb_store *s, struct group *g,
                                     const struct store_op *op, uint64_t seq, size_t *at_out);
/* The newest resident row: of the group, else the published one. False: there is none. */
bool judge_resident(const struct lmdb_store *s, const struct group *g, struct view key,
                    uint64_t *seq_out, struct view *image_out);
/* Adds a row to the group. HUFU_NOMEM. */
HUFU_MUST_USE enum hufu_err group_row_add(struct group *g, struct view key, uint64_t seq,
                                          struct view image, bool removed);

#endif
