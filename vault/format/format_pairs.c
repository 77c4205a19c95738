/* How many tokens check digit pairs give: ISO 7064 MOD 97-10 over all fillings at once. */
#include <string.h>

#include "vault/format/format_part.h"

#define M       97
#define TENTH   68              /* 10 * 68 = 7 * 97 + 1 */
#define CHARS   20              /* hidden ones whose fillings fit into 64 bits: 10^20 do not */
#define LEN_MAX (2 * CHARS + 1) /* a letter counts as two digits */
#define PERIOD  96              /* 10^96 has the remainder 1 again */

struct hidden { /* fillings by the digits they are written with, and their remainder */
    uint64_t count[LEN_MAX][M];
};

static unsigned power(unsigned base, size_t n)
{
    unsigned r = 1;

    while (n-- > 0)
        r = r * base % M;
    return r;
}

/* The digits that a character counts as, and their number: A is 10, Z is 35. */
static unsigned worth(char symbol, size_t *digits)
{
    *digits = symbol < 'A' ? 1 : 2;
    return symbol < 'A' ? (unsigned)(symbol - '0') : (unsigned)(symbol - 'A' + 10);
}

static void append(const struct format_symbols of, const struct hidden *from, struct hidden *to)
{
    memset(to, 0, sizeof(*to));
    for (size_t i = 0; i < of.count; i++) {
        size_t digits;
        unsigned v = worth(of.symbol[i], &digits);
        unsigned shift = digits == 1 ? 10 : 100;

        for (size_t len = 0; len + digits < LEN_MAX; len++)
            for (unsigned r = 0; r < M; r++)
                to->count[len + digits][(r * shift + v) % M] += from->count[len][r];
    }
}

/* Of what stays at the beginning: which remainders there are. */
static void find_heads(const struct format *fmt, const struct format_shape *shape, size_t from,
                       size_t to, bool out[static M])
{
    memset(out, 0, M * sizeof(*out));
    out[0] = true;
    for (size_t k = from; k < to; k++) {
        struct format_symbols of = format_symbols_of(fmt, shape->takes[k]);
        bool next[M] = { false };

        for (size_t i = 0; i < of.count; i++) {
            size_t digits;
            unsigned v = worth(of.symbol[i], &digits);

            for (unsigned r = 0; r < M; r++)
                next[(r * (digits == 1 ? 10 : 100) + v) % M] |= out[r];
        }
        memcpy(out, next, sizeof(next));
    }
}

/* The same of the end, where it matters also how many digits there are, modulo PERIOD. */
static void find_tails(const struct format *fmt, const struct format_shape *shape, size_t from,
                       bool out[static PERIOD][M])
{
    memset(out, 0, PERIOD * sizeof(*out));
    out[0][0] = true;
    for (size_t k = from; k < shape->len; k++) {
        struct format_symbols of = format_symbols_of(fmt, shape->takes[k]);
        size_t lens = 2 * (k - from) + 1 < PERIOD ? 2 * (k - from) + 1 : PERIOD;
        bool next[PERIOD][M] = { { false } };

        for (size_t i = 0; i < of.count; i++) {
            size_t digits;
            unsigned v = worth(of.symbol[i], &digits);

            for (size_t len = 0; len < lens; len++)
                for (unsigned r = 0; r < M; r++)
                    next[(len + digits) % PERIOD][(r * (digits == 1 ? 10 : 100) + v) % M] |=
                        out[len][r];
        }
        memcpy(out, next, sizeof(next));
    }
}

/* Fillings behind a head, by the remainder of head and filling. */
static void put_head(const struct hidden *h, unsigned head, uint64_t out[static M])
{
    memset(out, 0, M * sizeof(*out));
    for (size_t len = 0; len < LEN_MAX; len++, head = head * 10 % M)
        for (unsigned r = 0; r < M; r++)
            out[(head + r) % M] += h->count[len][r];
}

/* What head and filling must leave for a pair to be right before each tail that stays. */
struct targets {
    size_t count;
    uint8_t rest[PERIOD * M][FORMAT_MARKS_MAX];
};

static void find_targets(const struct format *fmt, const struct format_shape *shape, size_t to,
                         struct targets *out)
{
    unsigned country =
        (unsigned)(shape->country[0] - 'A' + 10) * 100 + (unsigned)(shape->country[1] - 'A' + 10);
    unsigned back = power(TENTH, 6), shift = 1;
    bool tails[PERIOD][M];

    find_tails(fmt, shape, to, tails);
    out->count = 0;
    for (size_t len = 0; len < PERIOD; len++, shift = shift * TENTH % M) {
        for (unsigned tail = 0; tail < M; tail++) {
            if (!tails[len][tail])
                continue;
            for (size_t i = 0; i < fmt->marks_count; i++) {
                /* bban * 10^6 + country * 100 + pair = 1, bban = (head, filling) * 10^len + tail */
                unsigned pair = fmt->marks[i] % M;
                unsigned bban = (1 + 2 * M - country * 100 % M - pair) * back % M;

                out->rest[out->count][i] = (uint8_t)((bban + M - tail) * shift % M);
            }
            out->count++;
        }
    }
}

/* The most fillings that have the remainder 1 with some pair: of every head and tail that stay. */
static uint64_t right_most(const struct format *fmt, const struct format_shape *shape,
                           const struct hidden *h, size_t from, size_t to)
{
    struct targets targets;
    bool heads[M];
    uint64_t most = 0;

    find_heads(fmt, shape, fmt->head, from, heads);
    find_targets(fmt, shape, to, &targets);
    for (unsigned head = 0; head < M; head++) {
        uint64_t by_rest[M];

        if (!heads[head])
            continue;
        put_head(h, head, by_rest);
        for (size_t t = 0; t < targets.count; t++) {
            uint64_t n = 0;

            for (size_t i = 0; i < fmt->marks_count; i++)
                n += by_rest[targets.rest[t][i]];
            most = n > most ? n : most;
        }
    }
    return most;
}

uint64_t format_pairs_count(const struct format *fmt, const struct format_shape *shape,
                            struct format_keep keep)
{
    size_t from = (size_t)fmt->head + keep.prefix;
    size_t to = (size_t)shape->len - keep.suffix;
    struct hidden h[2] = { { .count = { { 1 } } } };
    uint64_t all = 1, least, n;

    /* Of a filling at most one pair is right by chance: no two have the same remainder. */
    for (size_t k = from; k < to; k++)
        if (__builtin_mul_overflow(all, format_symbols_of(fmt, shape->takes[k]).count, &all))
            return UINT64_MAX;
    if (__builtin_mul_overflow(all, fmt->marks_count - 1u, &least))
        return UINT64_MAX;
    for (size_t k = from; k < to; k++)
        append(format_symbols_of(fmt, shape->takes[k]), &h[(k - from) % 2], &h[(k - from + 1) % 2]);
    n = all - right_most(fmt, shape, &h[(to - from) % 2], from, to);
    return __builtin_add_overflow(least, n, &n) ? UINT64_MAX : n;
}
