/*
 * format_run.h - finds valid originals in a stretch of free text.
 *
 * Layer:   vault/format/. Includes vault/base/ and format_set.h.
 * Threads: pure; a set is constant once made.
 * Source:  contract.md section 2 (value_in_text); the key in_text of conf/formats.conf.
 *
 * Each format is looked for at each place, in each of its lengths. What may touch a value, and how
 * it may be broken up, is less the less its check proves: one number in ten passes Luhn or
 * Verhoeff, and texts are full of dates, amounts and cases. Found are
 *
 *   with a check: unbroken, between letters or, from 13 characters on, inside longer numbers too,
 *                 but not amid 32, 40 or 64 hex digits; in groups of four, whatever parts
 *                 them, or of 1, 2 or 3 with one separator; with a letter in it or from 13
 *                 characters on in any groups with one of space, dash, dot, slash. Where it is
 *                 broken up no digit touches it, nor a letter below 13 characters or where digits
 *                 are in uneven groups.
 *   in_text = whole, or no check: where nothing touches it; broken up only by one of the format's
 *                 separators, without a check in groups of 2 to 4.
 */
#ifndef HUFU_FORMAT_FORMAT_RUN_H
#define HUFU_FORMAT_FORMAT_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/format/format_set.h"

#define FORMAT_RUN_MAX   128 /* characters of a stretch */
#define FORMAT_RUN_MIXED 1   /* several separators, not all of one kind */
#define FORMAT_RUN_DASH  2   /* a dash or several, and spaces */

/* Letters (upper-case) and digits of a text, and what stands between them. SECRET. */
struct format_run {
    size_t len;
    uint8_t c[FORMAT_RUN_MAX];
    uint8_t sep[FORMAT_RUN_MAX]; /* before c[i]: 0 nothing; a separator, once or more; as above */
};

/* True where a valid original of any of the formats is in the run. Mail addresses are no runs. */
bool format_run_holds(const struct format_set *set, const struct format_run *run);

#endif
