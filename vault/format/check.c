#include "vault/format/check.h"

/* What a doubled digit adds to the sum: its digits added (ISO/IEC 7812-1 B). */
static const uint8_t luhn_doubled[16] = { 0, 2, 4, 6, 8, 1, 3, 5, 7, 9 };

bool check_luhn(const uint8_t *digits, size_t len)
{
    unsigned plain = 0, doubled = 0;
    size_t i = len;

    /* Every second digit is doubled, beginning with the one before the check digit. */
    for (; i >= 2; i -= 2) {
        plain += (unsigned)(digits[i - 1] - '0');
        doubled += luhn_doubled[digits[i - 2] & 15];
    }
    if (i == 1)
        plain += (unsigned)(digits[0] - '0');
    return (plain + doubled) % 10 == 0;
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

const char check_mod31_symbols[32] = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/* The place of a character in check_mod31_symbols; any number for one that is not there. */
static unsigned mod31_value(uint8_t c)
{
    static const uint8_t letters[26] = { 10, 11, 12, 13, 14, 15, 16, 17, 0, 18, 19, 20, 21,
                                         22, 0,  23, 24, 25, 0,  26, 27, 0, 28, 29, 30, 0 };

    return c <= '9' ? (unsigned)(c - '0') : letters[(unsigned)(c - 'A') % 26];
}

uint8_t check_mod31(const uint8_t *in, size_t len)
{
    unsigned sum = 0, weight = 1;

    /* GB 32100-2015 4.6: W_i = 3^(i-1) mod 31; C18 = 31 - (sum of C_i * W_i) mod 31; 31 is 0. */
    for (size_t i = 0; i < len; i++) {
        sum += mod31_value(in[i]) * weight;
        weight = weight * 3 % 31;
    }
    return (uint8_t)check_mod31_symbols[(31 - sum % 31) % 31];
}

/* The multiplication of D5, and the powers of Verhoeff's permutation. */
static const uint8_t verhoeff_times[10][10] = {
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, { 1, 2, 3, 4, 0, 6, 7, 8, 9, 5 },
    { 2, 3, 4, 0, 1, 7, 8, 9, 5, 6 }, { 3, 4, 0, 1, 2, 8, 9, 5, 6, 7 },
    { 4, 0, 1, 2, 3, 9, 5, 6, 7, 8 }, { 5, 9, 8, 7, 6, 0, 4, 3, 2, 1 },
    { 6, 5, 9, 8, 7, 1, 0, 4, 3, 2 }, { 7, 6, 5, 9, 8, 2, 1, 0, 4, 3 },
    { 8, 7, 6, 5, 9, 3, 2, 1, 0, 4 }, { 9, 8, 7, 6, 5, 4, 3, 2, 1, 0 },
};
static const uint8_t verhoeff_moved[8][10] = {
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, { 1, 5, 7, 6, 2, 8, 3, 0, 9, 4 },
    { 5, 8, 0, 3, 7, 9, 6, 1, 4, 2 }, { 8, 9, 1, 6, 0, 4, 3, 5, 2, 7 },
    { 9, 4, 5, 3, 1, 2, 6, 8, 7, 0 }, { 4, 2, 8, 6, 5, 7, 3, 9, 0, 1 },
    { 2, 7, 9, 3, 8, 0, 6, 4, 1, 5 }, { 7, 0, 4, 6, 9, 1, 3, 2, 5, 8 },
};

bool check_verhoeff(const uint8_t *digits, size_t len)
{
    unsigned c = 0;

    for (size_t i = 0; i < len; i++)
        c = verhoeff_times[c][verhoeff_moved[i % 8][(unsigned)(digits[len - 1 - i] - '0') % 10]];
    return c == 0;
}

uint8_t check_weighted(const struct check_weights *w, const uint8_t *digits, size_t len)
{
    unsigned sum = 0;

    for (size_t i = 0; i < len; i++)
        sum += (unsigned)(digits[i] - '0') * w->weight[i % w->count];
    sum = (w->modulus - sum % w->modulus) % w->modulus;
    return sum == 10 ? 'X' : (uint8_t)('0' + sum);
}
