/*
 * sensitive.h - recognises authentication data (class C3), which may be neither stored nor
 * recorded.
 *
 * Layer:   vault/format/. Includes vault/base/ only.
 * Threads: pure functions: no memory of their own, nothing kept of the input, nothing logged.
 * Source:  controls.md C10; ISO/IEC 7813:2006 6 (track 1 and 2: sentinels, separators, YYMM);
 *          EMV Book 3 annex A (tag 57, Track 2 Equivalent Data) and EMV Book C-2 (tag 9F6B);
 *          ISO 9564-1:2017 9.3, 9.4 (PIN blocks of formats 0 to 4); ISO/IEC 7812-1 (Luhn).
 *
 * Found: track 1 and 2 with and without sentinels, with "=" or "D"; tags 57 and 9F6B in hex; a card
 * number (12..19 digits, Luhn) and behind it, set off, an expiry date (MMYY, YYMM, MM/YY, MM/YYYY,
 * YYYY-MM) or 3 or 4 digits; a clear PIN block standing alone as 16 hex digits, or 32 of format 4.
 *
 * Not found, since it looks like any other number: a code, a PIN or a date alone; one written
 * behind a card number without anything between, where not just a card is looked for; a PIN block
 * of decimal digits only; whatever is enciphered. A plain card number is no C3 data, also in groups
 * of four: "NNNN NNNN NNNN NNNN NNN" is one of 19 digits where these pass Luhn, and of 16 with a
 * code where they do not.
 *
 * Ordinary text is let through (test_sensitive_random measures it). The one kind of id with a price
 * is 16 random hex digits alone: one in about 100 looks like a PIN block of formats 0, 1 or 3.
 */
#ifndef HUFU_FORMAT_SENSITIVE_H
#define HUFU_FORMAT_SENSITIVE_H

#include <stdbool.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

/*
 * Judges a value that is to be stored, before its format does.
 *
 * value:   SECRET, any bytes, any length; the time grows with the length alone.
 * Returns: HUFU_OK; HUFU_PROHIBITED_DATA where it holds C3 data. A PIN block counts only where it
 * is all of the value, but for white space around it.
 */
HUFU_MUST_USE enum hufu_err sensitive_check_value(struct view value);

/* True for 20 to 23 digits, more than a card number has, that are one of 16 to 19 and an expiry
 * date behind it: C3 data where a card number was asked for, any number elsewhere. */
bool sensitive_is_joined(struct view value);

/* True where text holds C3 data anywhere. Input and time as above; letters of either case. */
bool sensitive_find_text(struct view text);

#endif
