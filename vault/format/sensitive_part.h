/*
 * sensitive_part.h - what the recognisers of sensitive.h share. Used only by sensitive*.c.
 *
 * Layer:   vault/format/. Includes vault/base/ only.
 * Threads: pure functions.
 *
 * Each *_at looks at one place of a text and at most a hundred characters around it: so the whole
 * takes time in proportion to the length. Places outside the text hold a NUL.
 */
#ifndef HUFU_FORMAT_SENSITIVE_PART_H
#define HUFU_FORMAT_SENSITIVE_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"

#define SENSITIVE_PAN_MIN 12 /* digits of a card number: Maestro's shortest */
#define SENSITIVE_PAN_MAX 19 /* ISO/IEC 7812-1 */

/* The character at a place, a letter as upper-case; 0 outside, also for a place below 0. */
uint8_t sensitive_char(struct view text, size_t at);
bool sensitive_is_digit(struct view text, size_t at);
bool sensitive_is_alnum(struct view text, size_t at);
bool sensitive_is_month(struct view text, size_t at); /* two digits, 01 to 12 */
/* How many digits stand at a place, counted up to max. */
size_t sensitive_digits(struct view text, size_t at, size_t max);
/* True where the digits from..end pass Luhn; what stands between them does not count. */
bool sensitive_luhn(struct view text, size_t from, size_t end);

/* Track data begins at the place, behind a sentinel; or tag 57 or 9F6B does. */
bool sensitive_track_at(struct view text, size_t at);
/* A card number begins at the place and is followed by a date or a code. */
bool sensitive_card_at(struct view text, size_t at);
/* The end of the PIN block that begins at the place; 0: none does. */
size_t sensitive_pin_at(struct view text, size_t at);

#endif
