#include "vault/access/password_rule.h"

#include <stdbool.h>
#include <string.h>

#define NAME_MIN  3 /* bytes: shorter names are in many good passwords */
#define OWN_CHARS 8 /* characters that a password has besides a notorious one */

/* clang-format off */
/* In lower case; what guessers try first, and what installers and manuals come with. */
static const char *const notorious[] = {
    "123456", "12345678", "123456789", "1234567890", "abc123", "abcdef", "access", "admin",
    "adobe123", "aaaaaa", "asdfgh", "baseball", "changeit", "changeme", "charlie",
    "correcthorsebatterystaple", "default", "donald", "dragon", "football", "freedom", "hello",
    "hufu", "iloveyou", "letmein", "login", "master", "michael", "monkey", "mustang", "passw0rd",
    "password", "p@ssw0rd", "p@ssword", "princess", "qazwsx", "qwerty", "1q2w3e4r", "1qaz2wsx",
    "root", "secret", "shadow", "starwars", "sunshine", "superman", "system", "test", "trustno1",
    "welcome", "whatever", "woaini", "zaq12wsx", "zxcvbn", "5201314", "111111", "000000",
    "88888888", "66666666", "654321", "987654321",
};
/* clang-format on */

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* True where text, whatever its case, has word (in lower case) somewhere. */
static bool has_word(struct view text, const uint8_t *word, size_t word_len)
{
    for (size_t at = 0; at + word_len <= text.len; at++) {
        size_t n = 0;

        while (n < word_len && lower(text.p[at + n]) == word[n])
            n++;
        if (n == word_len)
            return true;
    }
    return false;
}

static size_t count_chars(struct view text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        n += (text.p[i] & 0xc0) != 0x80; /* bytes that go on with a character do not begin one */
    return n;
}

static size_t count_distinct(struct view text)
{
    bool seen[256] = { false };
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        n += !seen[text.p[i]];
        seen[text.p[i]] = true;
    }
    return n;
}

static bool is_notorious(struct view password)
{
    for (size_t i = 0; i < sizeof(notorious) / sizeof(notorious[0]); i++) {
        size_t len = strlen(notorious[i]);

        if (password.len < len + OWN_CHARS &&
            has_word(password, (const uint8_t *)notorious[i], len))
            return true;
    }
    return false;
}

enum hufu_err password_rule_check(struct view user, struct view password, size_t chars_min)
{
    size_t least = chars_min < PASSWORD_RULE_CHARS ? PASSWORD_RULE_CHARS : chars_min;

    if (password.len > PASSWORD_RULE_BYTES || count_chars(password) < least ||
        count_distinct(password) < PASSWORD_RULE_DISTINCT ||
        (user.len >= NAME_MIN && has_word(password, user.p, user.len)) || is_notorious(password))
        return HUFU_BAD_REQUEST;
    return HUFU_OK;
}
