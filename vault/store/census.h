/*
 * census.h - how many rows were ever made of a table whose rows stay for good, by the first four
 * bytes of their keys.
 *
 * Layer:   vault/store/. Includes the room's own headers.
 * Threads: census_reserve and census_add are called under the store's journal lock; census_find is
 *          safe from any thread; census_put and census_load work in the caller's transaction.
 *
 * In memory stands the number of all that is published. In the map's `state` stands, under "rows:"
 * and the first five bytes of the keys, the number of those that are in the map, written in the
 * transaction that puts the rows there: whatever a crash cuts off is cut off of both. Opening adds
 * what only the journal has. A row is made by a write whose operation expects its key to be absent;
 * an operation writes such a row once.
 */
#ifndef HUFU_STORE_CENSUS_H
#define HUFU_STORE_CENSUS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/store/env.h"
#include "vault/store/store.h"

struct census_sum { /* of the rows whose keys begin alike */
    uint64_t id, rows;
};

struct census {
    pthread_mutex_t mu;     /* guards what follows */
    struct census_sum *sum; /* by id, ascending */
    size_t count, cap;
    uint64_t reserved; /* the id reserved last: the journal lock guards it */
};

void census_init(struct census *c);
void census_done(struct census *c);

/* Table and first four bytes of a key whose rows are counted; 0: they are not. */
uint64_t census_id(struct view key);
/* Makes room for the id, so that census_add cannot fail. HUFU_NOMEM. */
HUFU_MUST_USE enum hufu_err census_reserve(struct census *c, uint64_t id);
/* id: reserved. */
void census_add(struct census *c, uint64_t id, uint64_t rows);
/* 0 for an id that nothing was counted under. */
uint64_t census_find(struct census *c, uint64_t id);

/* Adds to what `state` has for the id. HUFU_FULL, HUFU_NOMEM, HUFU_IO, HUFU_CORRUPT. */
HUFU_MUST_USE enum hufu_err census_put(MDB_txn *txn, MDB_dbi state, uint64_t id, uint64_t rows);
/* Adds all that `state` has. HUFU_IO, HUFU_CORRUPT, HUFU_NOMEM. */
HUFU_MUST_USE enum hufu_err census_load(struct census *c, MDB_txn *txn, MDB_dbi state);

#endif
