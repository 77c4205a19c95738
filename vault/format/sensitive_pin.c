#include "vault/format/sensitive_part.h"

#define BLOCK_DIGITS 16 /* hex digits: 64 bits */
#define LONG_DIGITS  32 /* format 4: the field and as many random bits */
#define PIN_MIN      4
#define PIN_MAX      12

/* How a block goes on behind format, length and the first two digits of the PIN. */
static const struct {
    bool has_digits; /* all of the PIN is decimal; else it is XORed with the card number */
    uint8_t fill_min, fill_max;
} formats[] = {
    { false, 6, 15 }, /* 0: F, XORed with decimal digits (ISO 9564-1 9.3.2) */
    { true, 0, 15 },  /* 1: anything (9.3.3) */
    { true, 15, 15 }, /* 2: F (9.3.4) */
    { false, 2, 15 }, /* 3: A to F, XORed with decimal digits (9.3.5) */
    { true, 10, 10 }, /* 4: A (9.4.2) */
};

static uint8_t nibble_of(uint64_t block, size_t i)
{
    return (uint8_t)(block >> (60 - 4 * i) & 15);
}

static bool is_block(uint64_t block)
{
    uint8_t format = nibble_of(block, 0), len = nibble_of(block, 1);
    bool letter = false;

    if (format >= sizeof(formats) / sizeof(formats[0]) || len < PIN_MIN || len > PIN_MAX)
        return false;
    for (size_t i = 2; i < BLOCK_DIGITS; i++) {
        uint8_t n = nibble_of(block, i);
        bool of_pin = i < 2 + (size_t)len;

        letter = letter || n > 9;
        if (of_pin && n > 9 && (i < 4 || formats[format].has_digits))
            return false;
        if (!of_pin && (n < formats[format].fill_min || n > formats[format].fill_max))
            return false;
    }
    return letter || len > 9; /* 16 decimal digits are an ordinary number */
}

static bool is_hex(struct view text, size_t at)
{
    uint8_t c = sensitive_char(text, at);

    return sensitive_is_digit(text, at) || (c >= 'A' && c <= 'F');
}

/* How many letters and digits stand at a place, all of them hex; LONG_DIGITS + 1: too many, or one
 * that is not hex. */
static size_t hex_len(struct view text, size_t at)
{
    size_t n = 0;

    while (n <= LONG_DIGITS && is_hex(text, at + n))
        n++;
    return sensitive_is_alnum(text, at + n) ? LONG_DIGITS + 1 : n;
}

/* A group of this width stands before the place, with this separator between. */
static bool is_joined_before(struct view text, size_t at, uint8_t sep, size_t width)
{
    if (at < width + 1 || sensitive_char(text, at - 1) != sep)
        return false;
    for (size_t i = at - 1 - width; i < at - 1; i++)
        if (!is_hex(text, i))
            return false;
    return !sensitive_is_alnum(text, at - 2 - width);
}

/* Reads 16 hex digits in groups of one width; 0 where there are not exactly so many. */
static size_t read_block(struct view text, size_t at, size_t width, uint64_t *out)
{
    uint8_t sep = sensitive_char(text, at + width);
    size_t groups = BLOCK_DIGITS / width, end = at;

    *out = 0;
    for (size_t i = 0; i < BLOCK_DIGITS; i++, end++) {
        uint8_t c;

        if (i > 0 && i % width == 0) {
            if (sensitive_char(text, end++) != sep || hex_len(text, end) != width)
                return 0;
        }
        c = sensitive_char(text, end);
        *out = *out << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'A' + 10);
    }
    if (groups > 1 && (is_joined_before(text, at, sep, width) ||
                       (sensitive_char(text, end) == sep && hex_len(text, end + 1) == width)))
        return 0;
    return end;
}

size_t sensitive_pin_at(struct view text, size_t at)
{
    uint8_t c = sensitive_char(text, at);
    size_t width, end;
    uint64_t block;

    /* The first digit is the format's. */
    if (c < '0' || c > '4' || sensitive_is_alnum(text, at - 1))
        return 0;
    width = hex_len(text, at);
    if (width == LONG_DIGITS && c == '4') {
        (void)read_block(text, at, BLOCK_DIGITS, &block);
        return is_block(block) ? at + LONG_DIGITS : 0;
    }
    if (width != 2 && width != 4 && width != 8 && width != BLOCK_DIGITS)
        return 0;
    c = sensitive_char(text, at + width);
    if (width < BLOCK_DIGITS && c != ' ' && c != '-')
        return 0;
    end = read_block(text, at, width, &block);
    return end != 0 && is_block(block) ? end : 0;
}
