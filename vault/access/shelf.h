/*
 * shelf.h - a sorted array of pointers found by key: what the directory keeps its rows on.
 *
 * Layer:   vault/access/. Includes vault/base/ only. For directory*.c.
 * Threads: none of its own; the directory's lock guards it.
 */
#ifndef HUFU_ACCESS_SHELF_H
#define HUFU_ACCESS_SHELF_H

#include <stddef.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

struct shelf_item {
    struct view key; /* of the object; not secret */
    void *object;
};

struct shelf {
    struct shelf_item *item; /* sorted by key bytes */
    size_t count, cap;
};

void shelf_done(struct shelf *s); /* frees the array, not the objects */
/* NULL where there is none. */
void *shelf_find(const struct shelf *s, struct view key);
/* Puts object under key (which must live as long); *old_out: what it replaces, or NULL. HUFU_NOMEM.
 */
HUFU_MUST_USE enum hufu_err shelf_put(struct shelf *s, struct view key, void *object,
                                      void **old_out);
/* Takes the object away; NULL where there is none. */
void *shelf_remove(struct shelf *s, struct view key);
/* The place of the first whose key is after key; count where there is none. */
size_t shelf_after(const struct shelf *s, struct view key);
/* The i-th, or NULL. */
void *shelf_at(const struct shelf *s, size_t i);

#endif
