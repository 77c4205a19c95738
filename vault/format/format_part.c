#include "vault/format/format_part.h"

#include <string.h>

#include "vault/base/clock.h"
#include "vault/base/secret.h"

#define D FORMAT_IS_DIGIT
#define L FORMAT_IS_LETTER
#define M FORMAT_IS_MOD31
/* clang-format off */
const uint8_t format_char_bits[256] = {
    ['0'] = D | M, ['1'] = D | M, ['2'] = D | M, ['3'] = D | M, ['4'] = D | M,
    ['5'] = D | M, ['6'] = D | M, ['7'] = D | M, ['8'] = D | M, ['9'] = D | M,
    ['A'] = L | M, ['B'] = L | M, ['C'] = L | M, ['D'] = L | M, ['E'] = L | M, ['F'] = L | M,
    ['G'] = L | M, ['H'] = L | M, ['I'] = L,     ['J'] = L | M, ['K'] = L | M, ['L'] = L | M,
    ['M'] = L | M, ['N'] = L | M, ['O'] = L,     ['P'] = L | M, ['Q'] = L | M, ['R'] = L | M,
    ['S'] = L,     ['T'] = L | M, ['U'] = L | M, ['V'] = L,     ['W'] = L | M,
    ['X'] = L | M | FORMAT_IS_X,  ['Y'] = L | M, ['Z'] = L,
};
/* clang-format on */
#undef D
#undef L
#undef M

struct format_symbols format_symbols_of(const struct format *fmt, uint8_t takes)
{
    static const char all[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    switch (takes) {
    case FORMAT_IS_DIGIT:
        return (struct format_symbols){ all, 10 };
    case FORMAT_IS_LETTER:
        return (struct format_symbols){ all + 10, 26 };
    case FORMAT_IS_ALNUM:
        return (struct format_symbols){ all, 36 };
    case FORMAT_IS_DIGIT | FORMAT_IS_X:
        return (struct format_symbols){ "0123456789X", 11 };
    case FORMAT_IS_MOD31:
        return (struct format_symbols){ check_mod31_symbols, 31 };
    default:
        break;
    }
    for (size_t i = 0; i < fmt->alphabets_count; i++)
        if (takes == FORMAT_IS_OWN << i)
            return (struct format_symbols){ fmt->alphabets[i].symbols, fmt->alphabets[i].size };
    return (struct format_symbols){ all, 0 };
}

const struct format_shape *format_shape_find(const struct format *fmt, struct view canonical)
{
    const struct format_shape *shape;
    unsigned a, b;
    uint8_t i;

    if (canonical.len < fmt->len_min || canonical.len > fmt->len_max || fmt->is_email)
        return NULL;
    if (fmt->countries[0] == '\0')
        return &fmt->shapes[canonical.len - fmt->len_min];
    a = (unsigned)canonical.p[0] - 'A'; /* wraps around below 'A' */
    b = (unsigned)canonical.p[1] - 'A';
    if (a >= 26 || b >= 26)
        return NULL;
    i = fmt->country_at[a * 26 + b];
    if (i == FORMAT_NONE)
        return NULL;
    shape = &fmt->shapes[i];
    return shape->len == canonical.len ? shape : NULL;
}

/* Eight characters at a time: a digit is 0x30..0x39, so its high half is 3, and stays so when 6 is
 * added. */
bool format_are_digits(const uint8_t *p, size_t len)
{
    const uint64_t high = UINT64_C(0xf0f0f0f0f0f0f0f0);
    const uint64_t three = UINT64_C(0x3030303030303030);
    uint64_t word, bad = 0;

    if (len < 8) {
        for (size_t i = 0; i < len; i++)
            bad |= p[i] < '0' || p[i] > '9';
        return bad == 0;
    }
    for (size_t i = 0;; i += 8) {
        if (i + 8 > len) /* the last word may overlap the one before */
            i = len - 8;
        memcpy(&word, p + i, 8);
        bad |= (word & high) ^ three;
        bad |= ((word + UINT64_C(0x0606060606060606)) & high) ^ three;
        if (i + 8 == len)
            return bad == 0;
    }
}

static bool literals_hold(const struct format *fmt, const struct format_shape *shape,
                          const uint8_t *value)
{
    for (size_t i = 0; i < fmt->parts_count; i++) {
        const struct format_part *p = &fmt->parts[i];
        uint8_t bad = 0;

        if (p->kind != FORMAT_LITERAL)
            continue;
        for (size_t k = 0; k < p->len_min; k++)
            bad |= (uint8_t)(value[shape->at[i] + k] ^ (uint8_t)p->literal[k]);
        if (bad != 0)
            return false;
    }
    return true;
}

bool format_shape_fits(const struct format *fmt, const struct format_shape *shape,
                       const uint8_t *value)
{
    uint8_t bad = 0;

    if (shape->is_digits) {
        if (!format_are_digits(value, shape->len))
            return false;
    } else {
        for (size_t i = 0; i < shape->len; i++)
            bad |= (fmt->bits[value[i]] & shape->takes[i]) == 0;
    }
    return bad == 0 && (fmt->is_plain || literals_hold(fmt, shape, value));
}

void format_date_read(const struct format_part *p, const uint8_t *at, unsigned *year_out,
                      unsigned *month_out, unsigned *day_out)
{
    bool from_day = p->order == FORMAT_DDMMYYYY;
    size_t year_len = p->order == FORMAT_YYMMDD ? 2 : 4;
    unsigned year = format_number(from_day ? at + 4 : at, year_len);

    *month_out = format_number(from_day ? at + 2 : at + year_len, 2);
    *day_out = format_number(from_day ? at : at + year_len + 2, 2);
    if (p->order == FORMAT_YYMMDD) { /* a hundred years at most: one of them ends so */
        year += p->year_min / 100u * 100;
        if (year < p->year_min)
            year += 100;
    }
    *year_out = year;
}

bool format_date_holds(const struct format_part *p, const uint8_t *at)
{
    unsigned year, month, day;

    format_date_read(p, at, &year, &month, &day);
    return year >= p->year_min && year <= p->year_max && clock_is_date(year, month, day);
}

uint64_t format_date_count(const struct format_part *p)
{
    uint64_t n = 0;

    for (unsigned y = p->year_min; y <= p->year_max; y++)
        n += clock_is_date(y, 2, 29) ? 366 : 365;
    return n;
}

static void put_two(unsigned n, uint8_t *at)
{
    at[0] = (uint8_t)('0' + n / 10 % 10);
    at[1] = (uint8_t)('0' + n % 10);
}

bool format_date_put(const struct format_part *p, unsigned year, unsigned day, uint8_t *at)
{
    static const uint8_t days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool from_day = p->order == FORMAT_DDMMYYYY;
    size_t year_len = p->order == FORMAT_YYMMDD ? 2 : 4;
    uint8_t *year_at = from_day ? at + 4 : at;
    unsigned month = 0;

    for (; month < 12; month++) {
        unsigned len = days[month] + (month == 1 && clock_is_date(year, 2, 29) ? 1u : 0u);

        if (day < len)
            break;
        day -= len;
    }
    if (month == 12)
        return false;
    if (year_len == 4)
        put_two(year / 100, year_at);
    put_two(year, year_at + year_len - 2);
    put_two(month + 1, from_day ? at + 2 : at + year_len);
    put_two(day + 1, from_day ? at : at + year_len + 2);
    return true;
}

bool format_part_holds(const struct format *fmt, const struct format_part *p, const uint8_t *at)
{
    const struct format_values *values;

    switch (p->kind) {
    case FORMAT_SET:
        values = &fmt->pool[p->values];
        return format_values_has(values, format_values_number(values, at));
    case FORMAT_DATE:
        return format_date_holds(p, at);
    case FORMAT_CHARS:
    case FORMAT_LITERAL: /* format_shape_fits has seen to it */
    case FORMAT_CHECK:
    case FORMAT_COUNTRY:
    case FORMAT_BBAN:
    case FORMAT_EMAIL:
        break;
    }
    return true;
}

uint8_t format_check_make(const struct format *fmt, const uint8_t *value, size_t len)
{
    uint8_t with[FORMAT_PLACES_MAX + 1];
    bool holds;

    switch (fmt->rule) {
    case CHECK_MOD11_2:
        return check_mod11_2(value, len);
    case CHECK_MOD31:
        return check_mod31(value, len);
    case CHECK_WEIGHTED:
        return check_weighted(&fmt->weights, value, len);
    case CHECK_LUHN:
    case CHECK_VERHOEFF:
    case CHECK_NONE:
    case CHECK_MOD97:
        break;
    }
    memcpy(with, value, len); /* one of ten digits holds */
    for (with[len] = '0'; with[len] < '9'; with[len]++) {
        holds = fmt->rule == CHECK_LUHN ? check_luhn(with, len + 1) : check_verhoeff(with, len + 1);
        if (holds)
            break;
    }
    len = with[len];
    wipe(with, sizeof(with));
    return (uint8_t)len;
}

bool format_check_holds(const struct format *fmt, const struct format_shape *shape,
                        const uint8_t *value)
{
    unsigned digits;
    size_t at;

    if (fmt->rule == CHECK_NONE)
        return true;
    if (fmt->rule == CHECK_MOD97) {
        /* ISO 7064 gives 02..98; 00, 01 and 99 have the remainders of 97, 98 and 02. */
        digits = format_number(value + 2, 2);
        return digits >= 2 && digits <= 98 && check_mod97(value, shape->len) == 1;
    }
    at = shape->at[fmt->check_part];
    if (fmt->rule == CHECK_LUHN)
        return check_luhn(value, at + 1);
    if (fmt->rule == CHECK_VERHOEFF)
        return check_verhoeff(value, at + 1);
    return format_check_make(fmt, value, at) == value[at];
}
