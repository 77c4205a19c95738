/*
 * format_walk.h - random valid originals of every built-in format.
 *
 * Layer:   tests/. Includes vault/format/; cmocka.h comes before it.
 * Threads: one.
 *
 * A walk begins at an original that is known, and changes a few characters at a time to others of
 * their kind until the format takes the whole again: so it needs no knowledge of any layout.
 */
#ifndef HUFU_TESTS_FORMAT_WALK_H
#define HUFU_TESTS_FORMAT_WALK_H

#include <string.h>

#include "vault/format/format.h"

struct format_sample {
    const char *format;
    const char *values[4]; /* of several lengths, where there are */
};

/* A row for each format of conf/formats.conf that is a row of places. */
static const struct format_sample format_samples[] = {
    { "pan", { "4111111111111111", "4222222222222", "378282246310005", "6304000000000000000" } },
    { "iban", { "DE89370400440532013000", "NO9386011117947", "FR1420041010050500013M02606", 0 } },
    { "bank-account", { "1234567", "6222020000000000", 0, 0 } },
    { "cn-id", { "11010519491231002X", 0, 0, 0 } },
    { "cn-mobile", { "13800138000", 0, 0, 0 } },
    { "passport", { "L898902", "C01X00T47", 0, 0 } },
    { "cn-passport", { "E12345678", "EA1234567", 0, 0 } },
    { "uscc", { "91350100M000100Y43", 0, 0, 0 } },
    { "us-ssn", { "078051120", 0, 0, 0 } },
    { "us-aba-account", { "1110000251234", "11100002512345678901234567", 0, 0 } },
    { "uk-sort-account", { "20000055779911", 0, 0, 0 } },
    { "in-pan", { "ACUPA7085R", 0, 0, 0 } },
    { "in-aadhaar", { "234123412346", 0, 0, 0 } },
    { "generic-digits", { "123456", "12345678901234567890", 0, 0 } },
    { "generic-alnum", { "A1B2C3", "A1B2C3D4E5F6G7H8", 0, 0 } },
};
#define FORMAT_SAMPLES_COUNT (sizeof(format_samples) / sizeof(format_samples[0]))

static uint64_t walk_seed = 1;

/* xorshift64*: the same values in every run. */
static inline uint32_t walk_roll(uint32_t below)
{
    walk_seed ^= walk_seed >> 12;
    walk_seed ^= walk_seed << 25;
    walk_seed ^= walk_seed >> 27;
    return (uint32_t)((walk_seed * 0x2545f4914f6cdd1dULL) >> 33) % below;
}

/* Another character of the kind; a check character X, too, is one of digits. */
static inline char walk_char(char c)
{
    if (c >= '0' && c <= '9')
        return (char)('0' + walk_roll(10));
    return walk_roll(3) == 0 ? (char)('0' + walk_roll(10)) : (char)('A' + walk_roll(26));
}

static inline bool walk_is_original(const struct format *fmt, const char *value)
{
    return format_check(fmt, view_str(value)) == HUFU_OK;
}

/* One step: value, an original, becomes another one of the same length. */
static inline void walk_step(const struct format *fmt, char *value)
{
    char next[FORMAT_VALUE_MAX + 1];
    size_t len = strlen(value);

    do {
        memcpy(next, value, len + 1);
        for (uint32_t n = 1 + walk_roll(4); n > 0; n--) {
            size_t at = walk_roll((uint32_t)len);

            next[at] = walk_char(next[at]);
        }
        if (walk_roll(8) == 0)
            next[len - 1] = 'X'; /* of cn-id */
    } while (!walk_is_original(fmt, next) || strcmp(next, value) == 0);
    memcpy(value, next, len + 1);
}

/* Ten steps from a sample: hardly a character is left. */
static inline void walk_far(const struct format *fmt, const char *sample, char *value)
{
    memcpy(value, sample, strlen(sample) + 1);
    for (int i = 0; i < 10; i++)
        walk_step(fmt, value);
}

#endif
