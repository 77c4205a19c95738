/*
 * manage_recipient.h - finding who outside may be given values.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: safe from any thread.
 * Source:  control C25.
 */
#ifndef HUFU_MANAGE_RECIPIENT_H
#define HUFU_MANAGE_RECIPIENT_H

#include "vault/access/recipient.h"
#include "vault/state.h"

/* The i-th recipient in order of ids; HUFU_NOT_FOUND past the last, HUFU_CORRUPT, HUFU_NOMEM. */
HUFU_MUST_USE enum hufu_err manage_recipient_at(struct core *core, size_t i, struct recipient *out);
/* By name; as above. */
HUFU_MUST_USE enum hufu_err manage_recipient_find(struct core *core, struct view name,
                                                  struct recipient *out);
/* "outside", "processor", "public"; "?" outside the enum. */
const char *manage_recipient_kind(unsigned kind);

#endif
