#include "vault/format/sensitive.h"

#include "vault/format/sensitive_part.h"

uint8_t sensitive_char(struct view text, size_t at)
{
    uint8_t c = at < text.len ? text.p[at] : 0;

    return c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
}

bool sensitive_is_digit(struct view text, size_t at)
{
    uint8_t c = sensitive_char(text, at);

    return c >= '0' && c <= '9';
}

bool sensitive_is_alnum(struct view text, size_t at)
{
    uint8_t c = sensitive_char(text, at);

    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

bool sensitive_is_month(struct view text, size_t at)
{
    uint8_t tens = sensitive_char(text, at), ones = sensitive_char(text, at + 1);

    return (tens == '0' && ones >= '1' && ones <= '9') ||
           (tens == '1' && ones >= '0' && ones <= '2');
}

size_t sensitive_digits(struct view text, size_t at, size_t max)
{
    size_t n = 0;

    while (n < max && sensitive_is_digit(text, at + n))
        n++;
    return n;
}

bool sensitive_luhn(struct view text, size_t from, size_t end)
{
    unsigned sum = 0;
    bool twice = false;

    for (size_t i = end; i-- > from;) {
        unsigned digit = (unsigned)sensitive_char(text, i) - '0';

        if (digit > 9)
            continue;
        sum += twice ? digit * 2 / 10 + digit * 2 % 10 : digit;
        twice = !twice;
    }
    return sum % 10 == 0;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct view trim(struct view text)
{
    while (text.len > 0 && is_space(text.p[text.len - 1]))
        text.len--;
    while (text.len > 0 && is_space(text.p[0]))
        text = view_of(text.p + 1, text.len - 1);
    return text;
}

enum hufu_err sensitive_check_value(struct view value)
{
    struct view text = trim(value);

    if (text.len > 0 && sensitive_pin_at(text, 0) == text.len)
        return HUFU_PROHIBITED_DATA;
    for (size_t at = 0; at < text.len; at++)
        if (sensitive_track_at(text, at) || sensitive_card_at(text, at))
            return HUFU_PROHIBITED_DATA;
    return HUFU_OK;
}

bool sensitive_find_text(struct view text)
{
    for (size_t at = 0; at < text.len; at++)
        if (sensitive_track_at(text, at) || sensitive_card_at(text, at) ||
            sensitive_pin_at(text, at) != 0)
            return true;
    return false;
}
