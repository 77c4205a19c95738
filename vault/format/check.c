#include "vault/format/check.h"

/* What a digit adds to the sum: as it is, or doubled with its digits added (ISO/IEC 7812-1 B). */
static const uint8_t luhn_add[2][10] = {
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 },
    { 0, 2, 4, 6, 8, 1, 3, 5, 7, 9 },
};

bool check_luhn(const uint8_t *digits, size_t len)
{
    unsigned sum = 0;

    /* Every second digit is doubled, beginning with the one before the check digit. */
    for (size_t i = 0; i < len; i++)
        sum += luhn_add[(len - 1 - i) & 1][(unsigned)(digits[i] - '0') % 10];
    return sum % 10 == 0;
}

uint8_t check_mod11_2(const uint8_t *digits, size_t len)
{
    unsigned p = 0;

    /* ISO/IEC 7064 7.1, pure system, recursive method: P = (P + a) * 2 mod 11. */
    for (size_t i = 0; i < len; i++)
        p = (p + (unsigned)(digits[i] - '0')) * 2 % 11;
    /* The character a with P + a = 1 mod 11; ten is written X. */
    p = (12 - p) % 11;
    return p == 10 ? 'X' : (uint8_t)('0' + p);
}

/* The remainder of what came before, followed by len characters. */
static unsigned mod97_add(unsigned rest, const uint8_t *in, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (in[i] >= 'A')
            rest = (rest * 100 + (unsigned)(in[i] - 'A') + 10) % 97;
        else
            rest = (rest * 10 + (unsigned)(in[i] - '0')) % 97;
    }
    return rest;
}

unsigned check_mod97(const uint8_t *in, size_t len)
{
    return mod97_add(mod97_add(0, in + 4, len - 4), in, 4);
}
