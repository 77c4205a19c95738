/*
 * sweep_people.h - people whose time is over: accounts that end, that nobody uses any more, and
 * break-glass accounts that are to be sealed again.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: the sweeper's.
 * Source:  controls C40, C44, C45.
 *
 * Each is an operation with an entry of its own, so that a clock that ran wild leaves a trace of
 * everything it did: user-expire, user-dormant (with the days), break-glass-seal. The last two
 * security administrators are never frozen for not coming.
 */
#ifndef HUFU_SWEEP_PEOPLE_H
#define HUFU_SWEEP_PEOPLE_H

#include "vault/state.h"

/* When a person was last there, or became what they are; ms UTC. */
uint64_t sweep_people_last(struct core *core, const struct user *user);
/* Hands in one operation where something is due; looks once a second. True where it did. */
bool sweep_people(struct worker *w);

#endif
