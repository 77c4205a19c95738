/*
 * key_enrol.h - a person's new key, once two administrators have agreed to it.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  W3C Web Authentication Level 2, section 7.1; controls C21, C40.
 *
 * The ceremony enrol-key is about a person and done once approved; within ceremony.life_s of that
 * the person, and nobody else, enrols one key with it.
 */
#ifndef HUFU_KEY_ENROL_H
#define HUFU_KEY_ENROL_H

#include "vault/ceremony.h"
#include "vault/challenge.h"

#define KEY_ENROL_KIND "enrol-key"

/* The ceremony that the member id names. HUFU_NOT_FOUND where it is not an approved one about the
 * caller, or there are no keys here; HUFU_CONFLICT where it was used or is too old. */
HUFU_MUST_USE enum hufu_err key_enrol_find(struct worker *w, struct request *req,
                                           struct ceremony *out);
/* What its challenges are for; borrows from both. */
struct challenge_use key_enrol_use(const struct ceremony *c, const struct user *user);

#endif
