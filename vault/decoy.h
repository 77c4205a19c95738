/*
 * decoy.h - what is opened where there is no record, so that an unknown token costs what a known
 * one does.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 *
 * A module of its own: tests/bench/bench_alike.c measures the core with it and without.
 */
#ifndef HUFU_DECOY_H
#define HUFU_DECOY_H

#include "vault/row.h"

/* Lays the worker's decoy: a record of common size as it lies in the store, sealed by nobody. */
HUFU_MUST_USE enum hufu_err decoy_init(struct worker *w); /* HUFU_UNAVAILABLE */
/* Does with it what row_find_record does with a record that it has found; it never opens. key: the
 * row that is not there. */
void decoy_open(struct worker *w, const struct domain *domain, struct view key);

#endif
