/*
 * keylist.h - keys by the names that GET /v1/keys gives them.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: safe from any thread.
 */
#ifndef HUFU_KEYLIST_H
#define HUFU_KEYLIST_H

#include "vault/state.h"

/* The key of the ring with that id ("data-cards-2"), or NULL. KEKs are not in the ring. */
struct key *keylist_find(struct core *core, struct view id);

#endif
