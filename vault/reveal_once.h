/*
 * reveal_once.h - which items of a batch stand for the same thing, found in one look each.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker of the request.
 */
#ifndef HUFU_REVEAL_ONCE_H
#define HUFU_REVEAL_ONCE_H

#include "vault/request.h"

#define REVEAL_ONCE_LEN 16 /* bytes of a name: of a keyed digest, so spread evenly */

struct reveal_once { /* in the request's work memory */
    struct reveal_once_slot {
        const uint8_t *name; /* borrowed; NULL: free */
        size_t item;
    } * slot;
    size_t slots; /* a power of two, above twice the items */
};

/* For names of up to items items. HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err reveal_once_init(struct request *req, size_t items,
                                             struct reveal_once *out);
/* The item that was first noted under name (REVEAL_ONCE_LEN bytes, kept until the end): item itself
 * where none was. */
size_t reveal_once_note(struct reveal_once *once, const uint8_t *name, size_t item);

#endif
