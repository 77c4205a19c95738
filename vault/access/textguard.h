/*
 * textguard.h - finds account and ID numbers, and authentication data, in text to be recorded.
 *
 * Layer:   vault/access/. Includes vault/base/, sensitive.h; the formats' checks are a callback.
 * Threads: as the probe given.
 * Source:  contract.md section 2 (value_in_text); what C3 data is: vault/format/sensitive.h.
 *
 * Space, dash, slash and dot between characters are passed over; full-width forms count as the
 * ASCII they look like; letters as upper-case. Numbers are found inside longer runs too.
 */
#ifndef HUFU_ACCESS_TEXTGUARD_H
#define HUFU_ACCESS_TEXTGUARD_H

#include <stdbool.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define TEXTGUARD_MAX 128 /* bytes of a text: the work grows with it */

struct textguard_probe {
    /*
     * Tells whether run is a valid original of any format. SECRET: not kept, not logged.
     *
     * run:   upper-case letters and digits, without separators: 9, 11 or 13..19 digits; 18
     *        characters with digits at 3..8; or 15..34 that begin with two letters and two digits.
     *
     * whole: nothing alphanumeric touches the run in the text, and separators inside it are of one
     *        kind and leave groups of 2 to 4. Formats without a check digit should count only then.
     */
    bool (*matches)(void *arg, struct view run, bool whole);
    void *arg;
};

/* HUFU_OK; HUFU_VALUE_IN_TEXT where something was found, or the text is too long to be searched. */
HUFU_MUST_USE enum hufu_err textguard_check(const struct textguard_probe *probe, struct view text);

#endif
