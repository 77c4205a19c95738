#include "vault/format/sensitive_part.h"

#define DIGITS_MIN  8 /* of a number between sentinels, which prove enough */
#define NAME_MIN    2 /* ISO/IEC 7813 6.2: the name on track 1 */
#define NAME_MAX    26
#define DATED_MIN   4  /* YYMM */
#define SERVICE_MIN 7  /* YYMM and the service code */
#define TAG_LEN_MIN 7  /* bytes of tag 57: 8 digits, "D", YYMM */
#define TAG_LEN_MAX 19 /* EMV Book 3 annex A: up to 19 bytes */

/* One separator between two characters is passed over: hex is often written in bytes. */
static size_t skip_joint(struct view text, size_t at)
{
    uint8_t c = sensitive_char(text, at);

    return (c == ' ' || c == '-' || c == ':') && sensitive_is_alnum(text, at + 1) ? at + 1 : at;
}

/* Counts digits, with or without joints, up to one more than a number has; *at is behind them. */
static size_t take_digits(struct view text, size_t *at)
{
    size_t n = 0;

    while (n <= SENSITIVE_PAN_MAX) {
        size_t next = n == 0 ? *at : skip_joint(text, *at);

        if (!sensitive_is_digit(text, next))
            break;
        *at = next + 1;
        n++;
    }
    return n;
}

/* YYMM begins at a place, with or without joints. */
static bool is_dated(struct view text, size_t at)
{
    uint8_t c[DATED_MIN] = { 0 };

    for (size_t i = 0; i < DATED_MIN; i++, at++) {
        at = i == 0 ? at : skip_joint(text, at);
        if (!sensitive_is_digit(text, at))
            return false;
        c[i] = sensitive_char(text, at);
    }
    return c[2] == '0' ? c[3] != '0' : c[2] == '1' && c[3] <= '2';
}

/* Before the number at a place stand these characters, spaces between them and it aside. */
static bool is_behind(struct view text, size_t at, const char *sentinel, size_t len)
{
    for (size_t spaces = 0; spaces < 2 && sensitive_char(text, at - 1) == ' '; spaces++)
        at--;
    for (size_t i = 0; i < len; i++)
        if (at < len || sensitive_char(text, at - len + i) != (uint8_t)sentinel[i])
            return false;
    return true;
}

/* A name between separators, and behind it YYMM or the separator that says there is none. */
static bool has_name(struct view text, size_t at)
{
    size_t n = 0;

    while (n <= NAME_MAX && at + n < text.len && sensitive_char(text, at + n) != '^')
        n++;
    if (n < NAME_MIN || n > NAME_MAX || sensitive_char(text, at + n) != '^')
        return false;
    at += n + 1;
    return sensitive_char(text, at) == '^' || sensitive_digits(text, at, DATED_MIN) == DATED_MIN;
}

/* Without sentinels: YYMM behind the separator, and either a check digit that fits or so many
 * digits that the service code is among them. *end is behind the last digit. */
static bool is_track2(struct view text, size_t from, size_t separator, size_t *end)
{
    size_t at = separator + 1;
    bool no_date = sensitive_char(text, separator) == '=' && sensitive_char(text, at) == '=';
    size_t n;

    at = skip_joint(text, no_date ? at + 1 : at);
    *end = at;
    n = take_digits(text, end);
    if (no_date)
        return n >= SERVICE_MIN - DATED_MIN && sensitive_luhn(text, from, separator);
    return n >= DATED_MIN && is_dated(text, at) &&
           (n >= SERVICE_MIN || sensitive_luhn(text, from, separator));
}

/* "D" for "=", as in hex: only where the whole stands alone, or else it could be of any digest. */
static bool is_hex_track2(struct view text, size_t from, size_t separator)
{
    size_t end;

    if (sensitive_is_alnum(text, from - 1) || !is_track2(text, from, separator, &end))
        return false;
    while (end - from < 64 && sensitive_is_digit(text, end))
        end++; /* more than take_digits counts */
    if (sensitive_char(text, end) == 'F')
        end++;
    return !sensitive_is_alnum(text, end);
}

/* The value of 4 bits, or 16 where the character is no hex digit. */
static unsigned nibble(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    return c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10 : 16;
}

/* The place behind the hex digits given, or 0 where they do not stand here. */
static size_t take_hex(struct view text, size_t at, const char *hex, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        at = i == 0 ? at : skip_joint(text, at);
        if (sensitive_char(text, at++) != (uint8_t)hex[i])
            return 0;
    }
    return at;
}

/* Tag, length, number, "D", YYMM: what follows them makes no difference. */
static bool is_tag(struct view text, size_t at, const char *tag, size_t tag_len)
{
    size_t behind = take_hex(text, at, tag, tag_len);
    size_t high = skip_joint(text, behind), low = skip_joint(text, high + 1);
    size_t end = skip_joint(text, low + 1);
    unsigned tens = nibble(sensitive_char(text, high)), ones = nibble(sensitive_char(text, low));
    size_t len = (size_t)tens * 16 + ones, n;

    if (behind == 0 || ones > 15 || len < TAG_LEN_MIN || len > TAG_LEN_MAX)
        return false;
    n = take_digits(text, &end);
    end = skip_joint(text, end);
    return n >= DIGITS_MIN && n <= SENSITIVE_PAN_MAX && n + 1 + DATED_MIN <= 2 * len &&
           sensitive_char(text, end) == 'D' && is_dated(text, skip_joint(text, end + 1));
}

bool sensitive_track_at(struct view text, size_t at)
{
    size_t separator = at, end;
    size_t n;

    if (!sensitive_is_digit(text, at))
        return false;
    if (is_tag(text, at, "57", 2) || is_tag(text, at, "9F6B", 4))
        return true;
    if (sensitive_is_digit(text, at - 1))
        return false;
    n = take_digits(text, &separator);
    for (size_t i = 0; i < 2 && sensitive_char(text, separator) == ' '; i++)
        separator++;
    if (n < DIGITS_MIN || n > SENSITIVE_PAN_MAX)
        return false;
    switch (sensitive_char(text, separator)) {
    case '^':
        return is_behind(text, at, "%B", 2) || has_name(text, separator + 1);
    case '=':
        return is_behind(text, at, ";", 1) ||
               (n >= SENSITIVE_PAN_MIN && is_track2(text, at, separator, &end));
    case 'D':
        return n >= SENSITIVE_PAN_MIN && is_hex_track2(text, at, separator);
    default:
        return false;
    }
}
