/*
 * overlay.h - the rows a group has written so far: what its later operations are judged against.
 *
 * Layer:   vault/store/. Includes vault/base/ only.
 * Threads: one thread.
 *
 * Rows are added at the end and taken away from the end, so a refused draft leaves no trace.
 */
#ifndef HUFU_STORE_OVERLAY_H
#define HUFU_STORE_OVERLAY_H

#include <stddef.h>
#include <stdint.h>

#include "vault/base/err.h"
#include "vault/store/generation.h"

struct overlay {
    struct generation_row **row; /* borrowed, in the order they were written */
    uint32_t *chain;             /* per row: 1 + the row that was first in its bucket before it */
    uint32_t *bucket;            /* 1 + a row; 0: none */
    size_t count, cap;           /* cap is 0 or a power of two, and the number of buckets */
};

void overlay_done(struct overlay *o);
/* HUFU_NOMEM: nothing changed. */
HUFU_MUST_USE enum hufu_err overlay_push(struct overlay *o, struct generation_row *row);
/* Takes rows away until count are left. */
void overlay_cut(struct overlay *o, size_t count);
/* The key's newest row, or NULL. */
const struct generation_row *overlay_find(const struct overlay *o, struct view key);

#endif
