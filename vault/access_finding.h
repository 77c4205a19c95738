/*
 * access_finding.h - what an access review should look at: people and partners who have more than
 * they use, or should go.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  control C45.
 */
#ifndef HUFU_ACCESS_FINDING_H
#define HUFU_ACCESS_FINDING_H

#include "vault/base/json.h"
#include "vault/state.h"

/* Puts the names of what is found as elements of the open list. How many there were. */
size_t access_finding_user(struct core *core, const struct user *user, struct json *j);
size_t access_finding_partner(struct core *core, const struct partner *partner, struct json *j);

#endif
