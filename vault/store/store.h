/*
 * store.h - the seam to what keeps rows and log: operations in, durable outcomes out.
 *
 * Layer:   vault/store/. Includes vault/base/ (and downward rooms).
 * Threads: store_submit, store_find, store_scan and the log readers are safe from any thread, each
 *          reading thread with a struct store_reader of its own; a step function is called by one
 *          thread at a time (its thread's loop, or a test).
 *
 * An operation is preconditions, row writes (absolute images, never a delta) and one log entry. Its
 * number, seq, is its place in the log. A draft is one or more operations that are committed whole
 * or not at all; done() is called after the commit is durable, or with the refusal.
 */
#ifndef HUFU_STORE_STORE_H
#define HUFU_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/clock.h"
#include "vault/base/err.h"
#include "vault/base/merkle.h"
#include "vault/base/queue.h"
#include "vault/store/rewrite.h"
#include "vault/store/tables.h"

#define STORE_KEY_MAX   320    /* bytes: table byte and key; LMDB takes 511 */
#define STORE_IMAGE_MAX 262144 /* bytes of one row's image */

/* What a look-up saw of a row; goes into a precondition. */
struct store_seen {
    uint64_t seq;     /* the operation that wrote the row; STORE_ABSENT: no such row */
    uint64_t applied; /* applied_seq when it was looked up */
};
#define STORE_ABSENT UINT64_MAX

enum store_pre_kind {
    PRE_ROW,   /* the row is as seen (same seq, or absent) */
    PRE_UNTIL, /* the batch's time is before until_ms */
};
struct store_pre {
    enum store_pre_kind kind;
    struct view key; /* PRE_ROW */
    struct store_seen seen;
    uint64_t until_ms; /* PRE_UNTIL */
};

struct store_write {
    struct view key;
    /* Completed by hooks->seal. NULL: the row is removed; one of TABLE_COUNTER only so, and only
     * once its window is over (PRECONDITION, where there is no row too). */
    uint8_t *image;
    size_t image_len;
};

/* Judged and raised by the journal thread, to u64 count, u64 until_ms; past until_ms it is 0. */
struct store_count {
    struct view key; /* TABLE_COUNTER */
    uint64_t add;
    uint64_t limit;    /* LIMIT where count + add would be above */
    uint64_t until_ms; /* end of the window for a counter that starts; PRECONDITION once past */
    uint8_t what;      /* for the caller alone: which limit it is */
};

struct entry_draft; /* vault/log/entry.h */

struct store_op {
    struct store_pre *pre;
    size_t pre_count;
    struct store_write *write;
    size_t write_count;
    struct store_count *count;
    size_t count_count;
    struct entry_draft *entry; /* what hooks->line prints; never NULL */
};

struct store_draft {
    struct qnode node; /* first: it waits in the journal's queue */
    struct store_op *op;
    size_t op_count;      /* 0: meta alone, or nothing: its commit trims what an idle vault left */
    struct view meta_key; /* optional: a value of the journal's own, e.g. the last checkpoint */
    struct view meta_value; /* empty key: none */
    bool closes_group;      /* no draft comes after it in its group: what follows sees `changed` */
    /* the outcome, set before done: */
    enum hufu_err err;  /* OK; PRECONDITION; LIMIT; UNAVAILABLE (FULL, failed, closed) */
    uint64_t first_seq; /* seq of op[0]; the others follow */
    uint64_t now_ms;    /* the batch's time */
    size_t failed_op;   /* with PRECONDITION or LIMIT: which op … */
    size_t failed_at;   /* … and which of its pre or count; pre_count + i: a counter's write i */
    /* Called by the journal step without locks held; the draft is the caller's again. */
    void (*done)(struct store_draft *draft);
    void *arg;
};

/* What the store asks of the rooms above. Called by the journal step only, but for digest, which
 * store_digest_check also calls. */
struct store_hooks {
    /* Completes the images of operation seq in place (seals them), where there is one. */
    enum hufu_err (*seal)(void *arg, struct store_write *w, size_t count, uint64_t seq);
    /* Appends the entry's line. held: the clock ran back and time was held. */
    enum hufu_err (*line)(void *arg, const struct entry_draft *entry, uint64_t seq, uint64_t now_ms,
                          bool held, struct buf *out);
    /* The keyed digest of one resident row. SEALED while there is no key. */
    enum hufu_err (*digest)(void *arg, struct view key, uint64_t seq, struct view image,
                            uint8_t out[static 32]);
    /* Tells that a resident row changed (image.p NULL: removed); after the commit, before done. */
    void (*changed)(void *arg, struct view key, uint64_t seq, struct view image);
    /* Around the done of several drafts: what they send may leave together. NULL is fine. */
    void (*gather)(void *arg, bool on);
    void *arg;
};

struct store_settings {
    const char *dir;     /* holds journal/ and map/ */
    uint64_t file_bytes; /* bound of each environment and of the segments; 0: the disk */
    uint64_t recent_bytes;
    uint64_t generation_ops; /* row writes; half of recent_bytes holds too */
    uint64_t flush_ms;
    uint64_t slice_ops;
    uint64_t segment_bytes; /* of a file of the journal; 0: 16 MiB */
    size_t queue_max;       /* drafts that may wait */
    const struct clock_ops *clock;
    struct store_hooks hooks;
};

struct store;        /* its first member is const struct store_ops * */
struct store_reader; /* one reading thread's read transaction and scratch */

/*
 * Opens (makes, where the folder is empty) the LMDB store and replays the journal past applied_seq.
 * *out is the caller's. HUFU_IO, HUFU_CORRUPT (a format version or a structure that is not ours),
 * HUFU_BUSY (another process has it open), HUFU_NOMEM.
 */
HUFU_MUST_USE enum hufu_err store_open_lmdb(const struct store_settings *settings,
                                            struct store **out);
/* Closes without flushing: the journal has it all. Waiting drafts are refused with UNAVAILABLE. */
void store_close(struct store *s);

HUFU_MUST_USE enum hufu_err store_reader_new(struct store *s, struct store_reader **out);
void store_reader_free(struct store_reader *r);

/*
 * Finds a row: *seen_out always, its image appended to image_out (may be NULL).
 * Returns: HUFU_OK; HUFU_NOT_FOUND; HUFU_IO; HUFU_RANGE (image_out is too small).
 */
HUFU_MUST_USE enum hufu_err store_find(struct store_reader *r, struct view key,
                                       struct buf *image_out, struct store_seen *seen_out);
/*
 * Walks rows whose key is >= from and begins with prefix, in key order, at most max of them, as of
 * one moment per call; each() returning false stops. *next_out gets the key to go on from (empty at
 * the end). Resident and other tables alike. HUFU_IO, HUFU_NOMEM.
 */
HUFU_MUST_USE enum hufu_err
store_scan(struct store_reader *r, struct view prefix, struct view from, size_t max,
           bool (*each)(void *arg, struct view key, uint64_t seq, struct view image), void *arg,
           struct buf *next_out);

/* Hands a draft over. HUFU_OK: done() is called once. HUFU_BUSY (queue full), HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err store_submit(struct store *s, struct store_draft *draft);

/*
 * One group: takes all waiting drafts, judges, journals, commits once, publishes, calls done().
 * True where it did something. False under back-pressure too (recent is full): drafts wait then.
 */
bool store_journal_step(struct store *s);
/* A piece of upkeep of the journal, of a flush (where a generation is due) or of a rewrite. True
 * where it did something. force: flush what there is, however young. */
bool store_map_step(struct store *s, bool force);
/* Asks for the operations below seq to be in the map soon, however young. Safe from any thread. */
void store_hurry(struct store *s, uint64_t seq);
/* For the loops: waits until the step may have work. */
void store_journal_wait(struct store *s);
void store_map_wait(struct store *s);
/* Lets both waits return; submit and store_rewrite are refused from now on. */
void store_stop(struct store *s);

/* False after a failed commit or sync: nothing is written any more until a restart. */
bool store_is_sound(struct store *s);

/*
 * The keyed digest over all resident rows, kept with each group: check compares what is stored with
 * what is there (HUFU_CORRUPT where they differ); start computes it for a new vault.
 */
HUFU_MUST_USE enum hufu_err store_digest_check(struct store *s);
HUFU_MUST_USE enum hufu_err store_digest_start(struct store *s);

/* The log. */
void store_log(struct store *s, struct merkle *out); /* the committed tree's frontier */
/* Appends nothing on NOT_FOUND. */
HUFU_MUST_USE enum hufu_err store_meta(struct store_reader *r, struct view key, struct buf *out);
/* Calls each() with count lines from index on; HUFU_RANGE where index + count > size. */
HUFU_MUST_USE enum hufu_err store_entries(struct store_reader *r, uint64_t index, size_t count,
                                          bool (*each)(void *arg, uint64_t index, struct view line),
                                          void *arg);
/* A merkle_source's read over the journal; arg is a struct store_reader. */
enum hufu_err store_hashes(void *arg, unsigned level, uint64_t n, size_t count,
                           struct merkle_hash *out);

struct store_numbers {              /* for metrics and readiness */
    uint64_t seq, applied, trimmed; /* operations */
    uint64_t recent_rows, recent_bytes;
    uint64_t groups, grouped_ops, commit_us_sum, commit_us_max;
    uint64_t flushed_rows, slices, rewritten; /* rows but for slices */
    uint64_t map_file_bytes, journal_file_bytes;
    uint64_t queued;
};
void store_numbers(struct store *s, struct store_numbers *out);
/* How many rows were ever made whose keys begin with table and id be32: exact, those of the journal
 * included; of TABLE_TOKEN alone, which keeps its rows. Safe from any thread. */
uint64_t store_made(struct store *s, enum store_table table, uint32_t id);

#endif
