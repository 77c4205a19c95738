/*
 * ceremony_effect.h - what a ceremony about people does once it has its last approval.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core. For ceremony_people.c alone.
 * Threads: as the worker given.
 * Source:  contract.md section 3 (ceremonies); controls C06, C40, C42, C44.
 */
#ifndef HUFU_CEREMONY_EFFECT_H
#define HUFU_CEREMONY_EFFECT_H

#include "vault/ceremony.h"
#include "vault/freeze.h"

struct ceremony_effect {
    const char *kind;
    bool has_password; /* a first password is made when it is proposed, and told then */
    /* True where the subject is one that this can be done to. */
    bool (*fits)(const struct freeze_subject *s, const struct ceremony *c);
    /* Adds its writes to operation 0 and makes the reply. HUFU_CONFLICT, HUFU_FORBIDDEN,
     * HUFU_UNAVAILABLE. */
    enum hufu_err (*carry_out)(struct worker *w, struct request *req,
                               const struct freeze_subject *s, const struct ceremony *c);
};

/* NULL where this kind is none of these. */
const struct ceremony_effect *ceremony_effect_find(struct view kind);

#endif
