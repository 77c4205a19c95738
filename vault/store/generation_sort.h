/*
 * generation_sort.h - sorts rows by key, as keys sort in the map.
 *
 * Layer:   vault/store/. Includes vault/base/ only.
 * Threads: every function is safe from any thread.
 * Source:  P. McIlroy, K. Bostic, D. McIlroy, "Engineering Radix Sort" (Computing Systems 6(1),
 *          1993): American flag sort, here over eight bytes of each key at a time, kept beside it.
 */
#ifndef HUFU_STORE_GENERATION_SORT_H
#define HUFU_STORE_GENERATION_SORT_H

#include <stddef.h>
#include <stdint.h>

struct generation_row;

struct generation_entry {
    uint64_t window; /* scratch */
    struct generation_row *row;
};

/* Sorts in place; keys differ. */
void generation_sort(struct generation_entry *e, size_t count);
/* Sorts a list along generation_after, which ends with NULL, without memory: slower. Returns the
 * first. */
struct generation_row *generation_sort_list(struct generation_row *list);

#endif
