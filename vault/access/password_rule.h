/*
 * password_rule.h - which new passwords are too weak to be taken.
 *
 * Layer:   vault/access/. Includes vault/base/ only.
 * Threads: pure functions.
 * Source:  control C42; NIST SP 800-63B section 5.1.1.2 (length, lists of common values, context).
 */
#ifndef HUFU_ACCESS_PASSWORD_RULE_H
#define HUFU_ACCESS_PASSWORD_RULE_H

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define PASSWORD_RULE_CHARS    12  /* characters at least, whatever a setting says */
#define PASSWORD_RULE_BYTES    128 /* bytes at most: so far textguard searches */
#define PASSWORD_RULE_DISTINCT 5   /* different bytes at least */

/*
 * Judges a password by itself and by whose it is to be.
 *
 * user:      the person's name; not empty.
 * password:  SECRET, any bytes.
 * chars_min: characters (UTF-8) at least; below PASSWORD_RULE_CHARS that holds.
 * Returns:   HUFU_OK, or HUFU_BAD_REQUEST: too short or too long, holds the name (in any case;
 *            names of one or two characters pass),
 *            holds a notorious password and little else, has too few different characters.
 */
HUFU_MUST_USE enum hufu_err password_rule_check(struct view user, struct view password,
                                                size_t chars_min);

#endif
