/*
 * check.h - check digits: Luhn, MOD 11-2, MOD 97-10.
 *
 * Layer:   vault/format/. Includes nothing of ours.
 * Threads: pure functions over constant tables. They do not branch on a digit's value, but they are
 *          not meant to hide timing: which check failed is told to the caller anyway.
 * Source:  ISO/IEC 7812-1:2017 annex B (Luhn, "modulus 10 double-add-double");
 *          ISO/IEC 7064:2003 (MOD 11-2, MOD 97-10); GB 11643-1999 4.2.4 (use of MOD 11-2);
 *          ISO 13616-1:2020 6 (use of MOD 97-10).
 */
#ifndef HUFU_FORMAT_CHECK_H
#define HUFU_FORMAT_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum check_rule { CHECK_NONE, CHECK_LUHN, CHECK_MOD11_2, CHECK_MOD97 };

/* True where the Luhn sum of len digits ('0'..'9', the last is the check digit) ends in 0. */
bool check_luhn(const uint8_t *digits, size_t len);

/* The check character ('0'..'9' or 'X') that MOD 11-2 puts behind len digits. */
uint8_t check_mod11_2(const uint8_t *digits, size_t len);

/*
 * The remainder modulo 97 of an account number in IBAN order: country and check digits moved behind
 * the rest, letters as 10..35. 1 where it is right.
 *
 * in: len >= 4 characters of '0'..'9' and 'A'..'Z'.
 */
unsigned check_mod97(const uint8_t *in, size_t len);

#endif
