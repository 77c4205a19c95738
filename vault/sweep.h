/*
 * sweep.h - rows whose time is past: found by a slow reader, ended by operations like anyone's.
 *
 * Layer:   vault/ (verbs). Includes vault/base/, vault/store/.
 * Threads: the sweeper's; `way` is set by the journal thread when an operation is settled.
 * Source:  design.md section 3 (sweeps and expiry).
 *
 * Of each table one pass after another: chunks of rows at a settled rate, then a pause. What is due
 * is gathered until it fills an operation; one at a time is on its way, none while the store is
 * busy. What a crash forgets the next pass finds.
 */
#ifndef HUFU_SWEEP_H
#define HUFU_SWEEP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vault/store/store.h"

#define SWEEP_ROWS_MAX 4096 /* rows that one operation takes away, at most … */
#define SWEEP_ENDS_MAX 256  /* … and tokens that one ends: its entry names them */
#define SWEEP_KEY_MAX  80   /* bytes: a token's key is the longest */
#define SWEEP_TABLES   5

struct worker;

enum sweep_way { SWEEP_IDLE, SWEEP_ON_ITS_WAY, SWEEP_DONE, SWEEP_LOST };

struct sweep_pass { /* over one table */
    uint8_t key[SWEEP_ROWS_MAX][SWEEP_KEY_MAX];
    uint8_t key_len[SWEEP_ROWS_MAX];
    uint64_t seq[SWEEP_ROWS_MAX];
    size_t count; /* rows that are due; borrowed while they are on their way */
    bool full;    /* handed in before more are looked for */
    bool ended;   /* the table has been walked to its end */
    uint8_t next[STORE_KEY_MAX];
    size_t next_len; /* 0: from the beginning */
    uint64_t due_boot_ms;
    unsigned tries;  /* of this operation */
    _Atomic int way; /* enum sweep_way */
};

struct grant_walk { /* over the grants, which are in memory: grant_sweep.c */
    uint8_t at[16]; /* the last one looked at … */
    size_t at_len;  /* … 0: none yet */
    uint64_t due_boot_ms;
};

struct sweeps { /* of the whole core */
    struct sweep_pass pass[SWEEP_TABLES];
    struct grant_walk grants;
    uint64_t removal_due_boot_ms; /* a second after one that was not full */
    uint64_t people_due_boot_ms;  /* sweep_people.c */
};

/* One thing that is due with each table: a chunk is read or an operation handed in. True where
 * something was done. */
bool sweep_rows(struct worker *w);

#endif
