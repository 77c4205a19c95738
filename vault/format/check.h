/*
 * check.h - check characters: Luhn, MOD 11-2, MOD 97-10, modulus 31, Verhoeff, weighted sums.
 *
 * Layer:   vault/format/. Includes nothing of ours.
 * Threads: pure functions over constant tables. They do not branch on a digit's value, but they are
 *          not meant to hide timing: which check failed is told to the caller anyway.
 * Source:  ISO/IEC 7812-1:2017 annex B (Luhn, "modulus 10 double-add-double");
 *          ISO/IEC 7064:2003 (MOD 11-2, MOD 97-10); GB 11643-1999 4.2.4 (use of MOD 11-2);
 *          ISO 13616-1:2020 6 (use of MOD 97-10); GB 32100-2015 4.6 (modulus 31, weights 3^i);
 *          J. Verhoeff, "Error Detecting Decimal Codes", 1969 (the dihedral group D5).
 */
#ifndef HUFU_FORMAT_CHECK_H
#define HUFU_FORMAT_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHECK_WEIGHTS_MAX 32

enum check_rule {
    CHECK_NONE,
    CHECK_LUHN,
    CHECK_MOD11_2,
    CHECK_MOD97,
    CHECK_MOD31,
    CHECK_VERHOEFF,
    CHECK_WEIGHTED
};

struct check_weights { /* of CHECK_WEIGHTED: from the left, and again from the first */
    uint8_t modulus;   /* 10, or 11 where ten is written X */
    uint8_t count;
    uint8_t weight[CHECK_WEIGHTS_MAX]; /* 1..99 */
};

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

/* The 31 characters of GB 32100: digits and letters without I O S V Z. */
extern const char check_mod31_symbols[32];
/* The check character that GB 32100 puts behind len characters of check_mod31_symbols. */
uint8_t check_mod31(const uint8_t *in, size_t len);

/* True where len digits, the last of them Verhoeff's check digit, hold. */
bool check_verhoeff(const uint8_t *digits, size_t len);

/* The check character ('0'..'9' or 'X') that makes the weighted sum of len digits, and of itself
 * with weight 1, a multiple of the modulus. */
uint8_t check_weighted(const struct check_weights *w, const uint8_t *digits, size_t len);

#endif
