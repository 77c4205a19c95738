/*
 * ceremony_people.h - what two security administrators do to people, and to what is frozen:
 * enrol-user, change-role, reset-factor, reset-password, break-glass, freeze-lift.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: as the worker given.
 * Source:  contract.md section 3 (ceremonies); controls C06, C40, C42, C44.
 *
 * The effect is in the operation of the approval that suffices. Nobody proposes or approves what is
 * done to oneself. An initial password is shown to who proposes, a code secret to who seconds, and
 * never both to one: a person's row has who was told what. Who was told the password cannot second
 * a new code secret; where who proposes knows the code secret, who seconds is shown a new one.
 */
#ifndef HUFU_CEREMONY_PEOPLE_H
#define HUFU_CEREMONY_PEOPLE_H

#include "vault/ceremony.h"

/* True for the kinds of this file. */
bool ceremony_people_has(const char *kind);
/* True where proposing it makes a first password: the password thread has its part then. */
bool ceremony_people_has_password(struct view kind);
/* True where the ceremony is about this person. */
bool ceremony_people_is_about(struct core *core, const struct ceremony *c, const struct user *user);
/*
 * Proposes a kind of ABOUT_SUBJECT for the caller, whose role has been checked: drafts and prints
 * the reply. HUFU_BAD_REQUEST (subject, role), HUFU_VALUE_IN_TEXT, HUFU_NOT_FOUND (no such
 * subject), HUFU_FORBIDDEN (oneself), HUFU_CONFLICT (it does not fit, or is open already),
 * HUFU_UNAVAILABLE.
 */
HUFU_MUST_USE enum hufu_err ceremony_people_propose(struct worker *w, struct request *req,
                                                    const struct ceremony_kind *kind,
                                                    struct msg_where *where);
/* Does what c, which has its last approval, is for. HUFU_NOT_FOUND, HUFU_CONFLICT as above;
 * HUFU_UNAVAILABLE. */
HUFU_MUST_USE enum hufu_err ceremony_people_carry_out(struct worker *w, struct request *req,
                                                      struct ceremony *c);
/* The role that a change-role is to give; NULL of other kinds. */
const char *ceremony_people_role(const struct ceremony *c);

#endif
