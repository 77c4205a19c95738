#include <string.h>

#include "vault/format/sensitive.h"
#include "vault/format/sensitive_part.h"

#define GROUPS_MAX 7 /* read of one number: five, and two that might follow */
#define GAP_MAX    8 /* characters between the number and what follows it */
#define LABELS_MAX 3 /* words among them */
#define LONG_GROUP 20

/* Groups of digits with one and the same separator between them, a space or a dash. */
struct groups {
    size_t count;
    size_t len[GROUPS_MAX];
    size_t end[GROUPS_MAX];
};

static void read_groups(struct view text, size_t at, struct groups *out)
{
    uint8_t sep = 0;

    for (out->count = 0; out->count < GROUPS_MAX; at++) {
        size_t len = sensitive_digits(text, at, LONG_GROUP);

        if (len == 0)
            return;
        at += len;
        out->len[out->count] = len;
        out->end[out->count++] = at;
        sep = sep == 0 ? sensitive_char(text, at) : sep;
        if ((sep != ' ' && sep != '-') || sensitive_char(text, at) != sep)
            return;
    }
}

/* Where a number may begin: not within a word, an amount or a telephone number. */
static bool is_start(struct view text, size_t at)
{
    uint8_t before = sensitive_char(text, at - 1);

    if (!sensitive_is_digit(text, at) || sensitive_is_alnum(text, at - 1) || before == '+')
        return false;
    return (before != '.' && before != ',') || at < 2 || !sensitive_is_digit(text, at - 2);
}

/* True where groups of four joined before the place hold a digit: it is amid an IBAN, say. */
static bool is_amid(struct view text, size_t at)
{
    for (int back = 0; back < 2; back++, at -= 5) {
        uint8_t sep = sensitive_char(text, at - 1);
        bool digit = false;

        if (at < 5 || (sep != ' ' && sep != '-') || (at > 5 && sensitive_is_alnum(text, at - 6)))
            return false;
        for (size_t i = at - 5; i < at - 1; i++) {
            if (!sensitive_is_alnum(text, i))
                return false;
            digit = digit || sensitive_is_digit(text, i);
        }
        if (digit)
            return true;
    }
    return false;
}

/* As a time stamp or a numbered day begins: 1900 to 2099, and a month. */
static bool is_date_like(struct view text, size_t at)
{
    uint8_t first = sensitive_char(text, at), second = sensitive_char(text, at + 1);

    if (!(first == '1' && second == '9') && !(first == '2' && second == '0'))
        return false;
    return sensitive_digits(text, at, 4) == 4 &&
           sensitive_is_month(text, sensitive_is_digit(text, at + 4) ? at + 4 : at + 5);
}

/* ISO/IEC 7812-1. No issuer's numbers begin with 0 or like a date; of twelve digits are only
 * Maestro's, which begin with 5 or 6. */
static bool is_card(struct view text, size_t from, size_t end, size_t digits)
{
    uint8_t first = sensitive_char(text, from);

    if (digits < SENSITIVE_PAN_MIN || digits > SENSITIVE_PAN_MAX || first == '0')
        return false;
    if (digits == SENSITIVE_PAN_MIN && first != '5' && first != '6')
        return false;
    return !is_date_like(text, from) && sensitive_luhn(text, from, end);
}

/* As cards are printed: 4-4-4-4 with a shorter last group, 4-6-5 or 4-6-4; 0: none of them. */
static size_t grouped_digits(const struct groups *g, size_t count)
{
    size_t total = 0;

    if (count == 3 && g->len[0] == 4 && g->len[1] == 6 && (g->len[2] == 4 || g->len[2] == 5))
        return 10 + g->len[2];
    for (size_t i = 0; i < count; i++) {
        if (g->len[i] > 4 || (i + 1 < count && g->len[i] != 4))
            return 0;
        total += g->len[i];
    }
    return total;
}

/* Nothing goes on behind a place: no word, no decimals, no longer date. */
static bool is_end(struct view text, size_t at)
{
    uint8_t c = sensitive_char(text, at);

    if (sensitive_is_alnum(text, at))
        return false;
    return c == 0 || strchr(".,/-:", c) == NULL || !sensitive_is_digit(text, at + 1);
}

/* Years 2000 to 2049, of two digits or of four. */
static bool is_year(struct view text, size_t at, size_t len)
{
    uint8_t c = sensitive_char(text, at + len - 2);

    if (len == 4 && (sensitive_char(text, at) != '2' || sensitive_char(text, at + 1) != '0'))
        return false;
    return c >= '0' && c <= '4' && sensitive_is_digit(text, at + len - 1);
}

/* Month and year in one, in either order, of 4 digits or 6. */
static bool is_date_of(struct view text, size_t at, size_t digits)
{
    return (sensitive_is_month(text, at) && is_year(text, at + 2, digits - 2)) ||
           (is_year(text, at, digits - 2) && sensitive_is_month(text, at + digits - 2));
}

/* Month and year with a slash, a dash, a bar or spaces between them. */
static bool is_parted_date(struct view text, size_t at, size_t len)
{
    size_t next = at + len, next_len;

    while (next < at + len + 3 && sensitive_char(text, next) != 0 &&
           strchr(" /-|", sensitive_char(text, next)) != NULL)
        next++;
    if (next == at + len)
        return false;
    next_len = sensitive_digits(text, next, 5);
    if (!is_end(text, next + next_len))
        return false;
    if (len == 2 && (next_len == 2 || next_len == 4) && sensitive_is_month(text, at) &&
        is_year(text, next, next_len))
        return true;
    return (len == 2 || len == 4) && next_len == 2 && is_year(text, at, len) &&
           sensitive_is_month(text, next);
}

static bool is_expiry(struct view text, size_t at)
{
    size_t len = sensitive_digits(text, at, 7);

    if ((len == 4 || len == 6) && is_date_of(text, at, len) && is_end(text, at + len))
        return true;
    return is_parted_date(text, at, len);
}

static size_t skip_any(struct view text, size_t at, const char *set)
{
    size_t end = at;

    while (end - at < GAP_MAX && sensitive_char(text, end) != 0 &&
           strchr(set, sensitive_char(text, end)) != NULL)
        end++;
    return end;
}

/* The place behind a word that announces a date or a code, and what stands behind the word; or the
 * place itself. */
static size_t skip_label(struct view text, size_t at)
{
    static const char *const labels[] = {
        "CVN2",   "CVN",     "CVV2", "CVV",   "CVC2", "CVC",   "CID", "CSC",  "CAV2", "EXPIRATION",
        "EXPIRY", "EXPIRES", "EXP",  "VALID", "THRU", "UNTIL", "TO",  "DATE", "CODE",
    };

    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        size_t len = 0;

        while (labels[i][len] != '\0' && sensitive_char(text, at + len) == (uint8_t)labels[i][len])
            len++;
        if (labels[i][len] == '\0' && !sensitive_is_alnum(text, at + len))
            return skip_any(text, at + len, " \t\r\n/-,;:|()#.=\"'");
    }
    return at;
}

/* Behind a card number: a date, or three or four digits set off. */
static bool is_followed(struct view text, size_t end)
{
    size_t at = skip_any(text, end, " \t\r\n/-,;:|()#");
    size_t digits;

    if (at == end)
        return false;
    for (int i = 0; i < LABELS_MAX; i++)
        at = skip_label(text, at);
    if (is_expiry(text, at))
        return true;
    digits = sensitive_digits(text, at, 5);
    return (digits == 3 || digits == 4) && is_end(text, at + digits);
}

/* In groups of four the next group may be more of the number: up to 16 digits it is; three digits
 * are where all 19 pass Luhn; four are not where they are a date, for no number has 20, but no card
 * of 16 digits has a code of four either (only American Express has, behind 15). */
static bool is_more(struct view text, size_t from, const struct groups *g, size_t count)
{
    size_t next = count < g->count ? g->len[count] : 0;

    if (g->len[count - 1] != 4 || g->len[1] != 4 || (next != 3 && next != 4))
        return false;
    if (count == 3)
        return true;
    return next == 3 ? sensitive_luhn(text, from, g->end[count])
                     : !is_expiry(text, g->end[count - 1] + 1);
}

bool sensitive_card_at(struct view text, size_t at)
{
    struct groups g;

    if (!is_start(text, at))
        return false;
    read_groups(text, at, &g);
    if (g.len[0] >= SENSITIVE_PAN_MIN)
        return is_card(text, at, g.end[0], g.len[0]) && is_followed(text, g.end[0]);
    if (is_amid(text, at))
        return false;
    for (size_t count = 3; count <= g.count && count <= 5; count++) {
        size_t end = g.end[count - 1];

        if (is_card(text, at, end, grouped_digits(&g, count)) && !is_more(text, at, &g, count) &&
            is_followed(text, end))
            return true;
    }
    return false;
}

bool sensitive_is_joined(struct view value)
{
    size_t len = value.len;

    return len > SENSITIVE_PAN_MAX && sensitive_digits(value, 0, len) == len &&
           is_expiry(value, len - 4) && is_card(value, 0, len - 4, len - 4);
}
