/*
 * lmdb_store.h - the LMDB store: journal, overlay and map together.
 *
 * Layer:   vault/store/. Includes the room's own headers.
 * Threads: journal_mu is held by a group from its judging to its publishing, by a rotation of the
 *          generations and by the digest functions; it guards journal, group and judge, and lets
 *          its holder change recent, resident and census. seen_mu guards log and counted.
 * rewrite_mu guards the waiting chunk. The flush fields belong to the map thread. Locks are taken
 * in that order.
 */
#ifndef HUFU_STORE_LMDB_STORE_H
#define HUFU_STORE_LMDB_STORE_H

#include <pthread.h>
#include <stdatomic.h>

#include "vault/store/census.h"
#include "vault/store/journal.h"
#include "vault/store/map.h"
#include "vault/store/recent.h"
#include "vault/store/resident.h"
#include "vault/store/store_ops.h"

struct group;

struct lmdb_reader {
    struct store_reader base;
    struct lmdb_store *store;
    MDB_txn *map_txn, *journal_txn; /* NULL, or reset between calls */
};

struct lmdb_store {
    struct store base;
    struct store_settings set; /* dir is not kept */
    int lock_fd;               /* dir/lock, locked while the store is open */
    struct queue queue;
    atomic_bool sound;
    pthread_mutex_t journal_mu;
    struct journal journal;
    struct map map;
    struct recent recent;
    struct resident resident;
    struct census census;
    struct group *group;
    uint8_t sum[RESIDENT_SUM_LEN]; /* over the resident rows; what is stored is a MAC over it */
    bool has_sum;                  /* false until digest_check or digest_start has made it */
    struct lmdb_reader judge;      /* the journal step's own reader */
    pthread_mutex_t seen_mu;
    struct merkle log;                     /* committed and published */
    struct store_numbers counted;          /* groups, commits, flushes */
    const struct generation_row *flush_at; /* where the next slice begins */
    atomic_uint_least64_t pause_ms;        /* after a failed slice: how long map_wait waits */
    uint64_t archive_until;                /* groups below it go to the archive, few or many */
    uint64_t flush_until;                  /* those of the flushing generation end there */
    bool chunk_next;                       /* a slice came last: a chunk that waits has its turn */
    pthread_mutex_t rewrite_mu;
    struct store_rewrite *rewrite; /* NULL: none waits */
    bool rewrite_stopped;
};

/* Read transactions of a reader, begun or renewed; ended by the second call. HUFU_IO, HUFU_NOMEM.
 */
HUFU_MUST_USE enum hufu_err lmdb_map_begin(struct lmdb_reader *r, MDB_txn **out);
void lmdb_map_end(struct lmdb_reader *r);
/* Ends all and frees the transactions, not the reader. */
void lmdb_reader_done(struct lmdb_reader *r);

/* The functions of store.h that read, lmdb_read.c and scan.c. */
enum hufu_err lmdb_reader_new(struct store *s, struct store_reader **out);
void lmdb_reader_free(struct store_reader *r);
enum hufu_err lmdb_find(struct store_reader *reader, struct view key, struct buf *image_out,
                        struct store_seen *seen_out);
enum hufu_err lmdb_scan(struct store_reader *reader, struct view prefix, struct view from,
                        size_t max,
                        bool (*each)(void *arg, struct view key, uint64_t seq, struct view image),
                        void *arg, struct buf *next_out);
enum hufu_err lmdb_meta(struct store_reader *reader, struct view key, struct buf *out);
enum hufu_err lmdb_entries(struct store_reader *reader, uint64_t index, size_t count,
                           bool (*each)(void *arg, uint64_t index, struct view line), void *arg);
enum hufu_err lmdb_hashes(struct store_reader *reader, unsigned level, uint64_t n, size_t count,
                          struct merkle_hash *out);
/* The digest over the resident rows, lmdb_digest.c. */
enum hufu_err lmdb_digest_check(struct store *base);
enum hufu_err lmdb_digest_start(struct store *base);
/* What is stored: a MAC over the sum and the log. Sums themselves would give away each row's share,
 * and who has a few could put rows of different times together. */
HUFU_MUST_USE enum hufu_err lmdb_digest_vouch(struct lmdb_store *s, const uint8_t *sum,
                                              const struct merkle *log, uint8_t *out);

/* store_rewrite and what serves it, lmdb_rewrite.c. The step answers a waiting chunk, true where
 * one was; stop refuses it and all later ones. */
enum hufu_err lmdb_rewrite(struct store *base, struct store_rewrite *job);
bool lmdb_rewrite_step(struct lmdb_store *s);
void lmdb_rewrite_stop(struct lmdb_store *s);

/* After a failed commit: nothing is written any more, and nobody waits for room. */
void lmdb_break(struct lmdb_store *s);
/* store_map_step and store_map_wait. */
bool flush_step(struct lmdb_store *s, bool force);
void flush_wait(struct lmdb_store *s);
/* Loads the resident tables from the map, then rebuilds recent from the journal past applied.
 * HUFU_IO, HUFU_CORRUPT, HUFU_NOMEM. */
HUFU_MUST_USE enum hufu_err replay_run(struct lmdb_store *s);

#endif
