/*
 * textguard.h - finds account and ID numbers, and authentication data, in text to be recorded.
 *
 * Layer:   vault/access/. Includes vault/base/ and vault/format/.
 * Threads: pure.
 * Source:  contract.md section 2 (value_in_text); what C3 data is: vault/format/sensitive.h; where
 *          values are looked for: vault/format/format_run.h.
 *
 * Space, dash, slash, dot and other punctuation between characters is passed over; full-width forms
 * count as the ASCII they look like; letters as upper-case.
 */
#ifndef HUFU_ACCESS_TEXTGUARD_H
#define HUFU_ACCESS_TEXTGUARD_H

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/format/format_set.h"

#define TEXTGUARD_MAX 128 /* bytes of a text: the work grows with it */

/* HUFU_OK; HUFU_VALUE_IN_TEXT where something was found, or the text is too long to be searched. */
HUFU_MUST_USE enum hufu_err textguard_check(const struct format_set *set, struct view text);

#endif
