/*
 * Halves of any size: kept as symbols, and turned into numbers only for the round function. y is
 * turned into symbols right away, so that nothing is reduced and sums are of one symbol each.
 */
#include "vault/keys/ff1_shape.h"

#include <assert.h>
#include <string.h>

#include "vault/base/secret.h"

#define HALF_MAX  (FF1_LEN_MAX / 2)               /* symbols */
#define BYTES_MAX (HALF_MAX * 2)                  /* of NUM(B): a symbol has 16 bits at most */
#define LIMBS_MAX (BYTES_MAX / 4 + 1)             /* of y: four bytes more than NUM(B) */
#define Q_MAX     (BYTES_MAX + 2 * FF1_BLOCK)     /* what follows the head of Q, whole blocks */
#define S_MAX     (LIMBS_MAX * 4 + FF1_BLOCK - 4) /* R and what is made from it: step 6iii */
_Static_assert(FF1_LEN_MAX % 2 == 0, "u and v are at most half of it");
_Static_assert(S_MAX % FF1_BLOCK == 0, "whole blocks");

struct limbs { /* the least one first */
    uint32_t at[LIMBS_MAX];
    size_t count;
};

struct scratch {
    struct limbs number;
    uint16_t half[2][HALF_MAX], sum[HALF_MAX];
    uint8_t q[Q_MAX], s[S_MAX];
};

/* number = number * by + add. */
static void push(struct limbs *number, uint32_t by, uint32_t add)
{
    uint64_t carry = add;

    for (size_t i = 0; i < number->count; i++) {
        carry += (uint64_t)number->at[i] * by; /* at most (2^32 - 1) * 2^32 */
        number->at[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry > 0) {
        assert(number->count < LIMBS_MAX);
        number->at[number->count++] = (uint32_t)carry;
    }
}

/* number = number / by; returns the remainder. */
static uint32_t pop(struct limbs *number, uint32_t by)
{
    uint64_t rest = 0;

    for (size_t i = number->count; i > 0; i--) {
        rest = rest << 32 | number->at[i - 1];
        number->at[i - 1] = (uint32_t)(rest / by);
        rest %= by;
    }
    while (number->count > 0 && number->at[number->count - 1] == 0)
        number->count--;
    return (uint32_t)rest;
}

/* number = NUM_radix(in) (algorithm 1): the odd symbols first, then pieces of equal length. */
static void read_number(const struct ff1_shape *s, const uint16_t *in, size_t n,
                        struct limbs *number)
{
    size_t take = n % s->piece_len == 0 ? s->piece_len : n % s->piece_len;

    number->count = 0;
    for (size_t i = 0; i < n; take = s->piece_len) {
        uint32_t piece = 0;

        for (size_t end = i + take; i < end; i++)
            piece = piece * s->radix + in[i];
        push(number, s->piece, piece);
    }
}

/* The last n symbols of the number (algorithm 3, of the number modulo radix^n). */
static void print_number(const struct ff1_shape *s, struct limbs *number, size_t n, uint16_t *out)
{
    while (n > 0) {
        uint32_t piece = pop(number, s->piece);

        for (size_t i = 0; i < s->piece_len && n > 0; i++) {
            out[--n] = (uint16_t)(piece % s->radix);
            piece /= s->radix;
        }
    }
}

size_t ff1_long_bytes(const struct ff1_shape *s, size_t len)
{
    struct limbs number = { .count = 0 };
    uint32_t top;
    size_t bytes;

    for (size_t i = 0; i < len; i++)
        push(&number, s->radix, s->radix - 1);
    bytes = 4 * (number.count - 1);
    for (top = number.at[number.count - 1]; top > 0; top >>= 8)
        bytes++;
    return bytes;
}

static uint8_t byte_of(const struct limbs *number, size_t i)
{
    uint32_t limb = i / 4 < number->count ? number->at[i / 4] : 0;

    return (uint8_t)(limb >> (8 * (i % 4)));
}

/* Step 6i without its head, then the PRF over it (step 6ii): R is the first block of w->s. */
static bool make_r(struct ff1 *f, const struct ff1_shape *s, struct scratch *w, size_t round)
{
    size_t at = s->var - s->head * FF1_BLOCK, len = at + 1 + s->b;

    assert(len <= Q_MAX && len % FF1_BLOCK == 0);
    memset(w->q, 0, at);
    w->q[at] = (uint8_t)round;
    for (size_t i = 0; i < s->b; i++)
        w->q[len - 1 - i] = byte_of(&w->number, i);
    memcpy(w->s, f->base[0], FF1_BLOCK);
    for (size_t i = 0; i < len; i += FF1_BLOCK) {
        for (size_t k = 0; k < FF1_BLOCK; k++)
            w->s[k] ^= w->q[i + k];
        if (!ff1_aes(f, w->s, 1))
            return false;
    }
    return true;
}

/* Steps 6iii and 6iv: y, the first d bytes of R, AES(R ^ [1]^16), AES(R ^ [2]^16) ... */
static bool make_y(struct ff1 *f, const struct ff1_shape *s, struct scratch *w)
{
    size_t blocks = (s->d + FF1_BLOCK - 1) / FF1_BLOCK;

    assert(blocks * FF1_BLOCK <= S_MAX);
    for (size_t i = 1; i < blocks; i++) { /* at most 33 blocks: their number is one byte */
        memcpy(w->s + i * FF1_BLOCK, w->s, FF1_BLOCK);
        w->s[i * FF1_BLOCK + FF1_BLOCK - 1] ^= (uint8_t)i;
    }
    if (blocks > 1 && !ff1_aes(f, w->s + FF1_BLOCK, blocks - 1))
        return false;
    w->number.count = s->d / 4; /* d is a multiple of four */
    for (size_t i = 0; i < w->number.count; i++) {
        const uint8_t *p = w->s + s->d - 4 * (i + 1);

        w->number.at[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    }
    return true;
}

/* sum = z + sum, or z - sum, modulo radix^n. */
static void add(uint32_t radix, bool subtract, const uint16_t *z, size_t n, uint16_t *sum)
{
    uint32_t carry = 0;

    while (n > 0) {
        uint32_t term = sum[--n] + carry, t = subtract ? z[n] + radix - term : z[n] + term;
        bool over = t >= radix;

        sum[n] = (uint16_t)(over ? t - radix : t);
        carry = over != subtract;
    }
}

/* Steps 6i to 6ix. x, the half that goes in, and z, the other one, change places. */
static bool do_round(struct ff1 *f, const struct ff1_job *job, struct scratch *w, size_t round,
                     size_t x)
{
    const struct ff1_shape *s = job->shape;
    size_t m = round % 2 == 0 ? s->u : s->v;
    uint16_t *z = w->half[!x];

    read_number(s, w->half[x], s->len - m, &w->number);
    if (!make_r(f, s, w, round) || !make_y(f, s, w))
        return false;
    print_number(s, &w->number, m, w->sum);
    add(s->radix, job->decrypts, z, m, w->sum);
    memcpy(z, w->sum, m * sizeof(*z));
    return true;
}

static bool read_value(const struct ff1_job *job, size_t value, struct scratch *w)
{
    const struct ff1_shape *s = job->shape;
    bool good = true;

    for (size_t i = 0; i < s->len; i++) {
        uint16_t symbol = job->digits
                              ? (uint16_t)(((const uint8_t *)job->in)[value * s->len + i] - '0')
                              : ((const uint16_t *)job->in)[value * s->len + i];

        good &= symbol < s->radix;
        w->half[i >= s->u][i >= s->u ? i - s->u : i] = symbol;
    }
    return good;
}

static void print_value(const struct ff1_job *job, size_t value, const struct scratch *w)
{
    const struct ff1_shape *s = job->shape;

    for (size_t i = 0; i < s->len; i++) {
        uint16_t symbol = w->half[i >= s->u][i >= s->u ? i - s->u : i];

        if (job->digits)
            ((uint8_t *)job->out)[value * s->len + i] = (uint8_t)('0' + symbol);
        else
            ((uint16_t *)job->out)[value * s->len + i] = symbol;
    }
}

/* Each round replaces one half by its sum where it stands: A and B change places in name only, and
 * after ten rounds have their own again. */
static enum hufu_err do_value(struct ff1 *f, const struct ff1_job *job, size_t value,
                              struct scratch *w)
{
    (void)read_value(job, value, w); /* judged before */
    if (!ff1_shape_base(f, job, value, 1))
        return HUFU_IO;
    for (size_t i = 0; i < FF1_ROUNDS; i++) {
        size_t round = job->decrypts ? FF1_ROUNDS - 1 - i : i;

        if (!do_round(f, job, w, round, round % 2 == 0))
            return HUFU_IO;
    }
    return HUFU_OK;
}

/* All symbols are judged before anything is written. */
static bool is_good(const struct ff1_job *job, struct scratch *w)
{
    bool good = true;

    for (size_t j = 0; j < job->lot->count; j++)
        good &= read_value(job, j, w);
    return good;
}

static void wipe_out(const struct ff1_job *job)
{
    wipe(job->out, job->lot->count * job->shape->len * (job->digits ? 1 : sizeof(uint16_t)));
}

enum hufu_err ff1_long_run(struct ff1 *f, const struct ff1_job *job)
{
    enum hufu_err err = HUFU_OK;
    struct scratch w;

    if (!is_good(job, &w))
        err = HUFU_INVALID_VALUE;
    for (size_t j = 0; j < job->lot->count && err == HUFU_OK; j++) {
        err = do_value(f, job, j, &w);
        if (err == HUFU_OK)
            print_value(job, j, &w);
        else if (j > 0)
            wipe_out(job);
    }
    wipe(&w, sizeof(w));
    return err;
}
