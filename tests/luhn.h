/*
 * luhn.h - the check of card numbers, written apart from the product's.
 *
 * Layer:   tests. Includes nothing of ours.
 * Threads: pure functions.
 * Source:  ISO/IEC 7812-1 annex B: double every other digit from the right, add the digits of the
 *          products.
 */
#ifndef HUFU_TESTS_LUHN_H
#define HUFU_TESTS_LUHN_H

#include <stdbool.h>
#include <string.h>

/* For a string of digits. */
static inline bool luhn_holds(const char *digits)
{
    int sum = 0, len = (int)strlen(digits);

    for (int i = 0; i < len; i++) {
        int d = digits[len - 1 - i] - '0';

        if (i % 2 == 1)
            d = 2 * d > 9 ? 2 * d - 9 : 2 * d;
        sum += d;
    }
    return sum % 10 == 0;
}

#endif
