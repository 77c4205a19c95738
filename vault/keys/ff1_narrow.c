/* Halves up to 2^32: one 64-bit word each, and y is the first word of the cipher's block. */
#include "vault/keys/ff1_shape.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "vault/base/secret.h"

#define ZEROS 0x3030303030303030u /* eight characters '0' */
#define HIGHS 0x8080808080808080u

typedef uint64_t pair __attribute__((vector_size(FF1_BLOCK)));

static inline uint64_t less(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The value of eight digits, in three multiplications; false where a byte is none. Each step joins
 * neighbours: to 0..99, to 0..9999, to the whole. */
static inline bool read_eight(const uint8_t *in, uint64_t *out)
{
    uint64_t x;

    memcpy(&x, in, 8);
    x = le64toh(x);
    /* The first byte that is no digit shows: no carry or borrow comes from digits before it. */
    if ((((x + 0x4646464646464646u) | (x - ZEROS)) & HIGHS) != 0)
        return false;
    x -= ZEROS;
    x = (x * 10 + (x >> 8)) & 0x00ff00ff00ff00ffu;
    x = (x * 100 + (x >> 16)) & 0x0000ffff0000ffffu;
    *out = (uint32_t)(x * 10000 + (x >> 32));
    return true;
}

/* The same backwards: what is subtracted takes the tens out of one place and puts them into the
 * next. 41944 / 2^22 is 1/100 for all below 10^4, 103 / 2^10 is 1/10 for all below 100. */
static inline void print_eight(uint64_t v, uint8_t *out)
{
    uint64_t x = (v << 32) - v / 10000 * ((10000ull << 32) - 1);

    x = (x << 16) - ((x * 41944 >> 22) & 0x0000007f0000007fu) * ((100 << 16) - 1);
    x = (x << 8) - ((x * 103 >> 10) & 0x000f000f000f000fu) * ((10 << 8) - 1);
    x = htole64(x + ZEROS);
    memcpy(out, &x, 8);
}

static inline bool read_digits(const uint8_t *in, size_t n, uint64_t *out)
{
    uint64_t v = 0;
    bool good = true;

    if (n >= 8) {
        good = read_eight(in, &v);
        in += 8;
        n -= 8;
    }
    for (size_t i = 0; i < n; i++) {
        good &= (uint8_t)(in[i] - '0') < 10;
        v = v * 10 + (uint8_t)(in[i] - '0');
    }
    *out = v;
    return good;
}

static inline void print_digits(uint64_t v, size_t n, uint8_t *out)
{
    while (n > 8) {
        out[--n] = (uint8_t)('0' + v % 10);
        v /= 10;
    }
    if (n == 8) {
        print_eight(v, out);
        return;
    }
    while (n > 0) {
        out[--n] = (uint8_t)('0' + v % 10);
        v /= 10;
    }
}

static bool read_symbols(const uint16_t *in, size_t n, uint32_t radix, uint64_t *out)
{
    uint64_t v = 0;
    bool good = true;

    for (size_t i = 0; i < n; i++) {
        good &= in[i] < radix;
        v = v * radix + in[i];
    }
    *out = v;
    return good;
}

static void print_symbols(uint64_t v, size_t n, uint32_t radix, uint16_t *out)
{
    while (n > 0) {
        out[--n] = (uint16_t)(v % radix);
        v /= radix;
    }
}

/* Steps 1 and 2. */
static bool read_all(struct ff1 *f, const struct ff1_job *job)
{
    const struct ff1_shape *s = job->shape;
    size_t count = job->lot->count;
    bool good = true;

    for (size_t j = 0; j < count; j++) {
        if (job->digits) {
            const uint8_t *in = (const uint8_t *)job->in + j * s->len;

            good &= read_digits(in, s->u, &f->narrow[j][0]);
            good &= read_digits(in + s->u, s->v, &f->narrow[j][1]);
        } else {
            const uint16_t *in = (const uint16_t *)job->in + j * s->len;

            good &= read_symbols(in, s->u, s->radix, &f->narrow[j][0]);
            good &= read_symbols(in + s->u, s->v, s->radix, &f->narrow[j][1]);
        }
    }
    return good;
}

static void print_all(const struct ff1 *f, const struct ff1_job *job)
{
    const struct ff1_shape *s = job->shape;
    size_t count = job->lot->count;

    for (size_t j = 0; j < count; j++) {
        if (job->digits) {
            uint8_t *out = (uint8_t *)job->out + j * s->len;

            print_digits(f->narrow[j][0], s->u, out);
            print_digits(f->narrow[j][1], s->v, out + s->u);
        } else {
            uint16_t *out = (uint16_t *)job->out + j * s->len;

            print_symbols(f->narrow[j][0], s->u, s->radix, out);
            print_symbols(f->narrow[j][1], s->v, s->radix, out + s->u);
        }
    }
}

/* The block of the next round: low is its last eight bytes, less what base has of them. Written in
 * one piece: a load of 16 bytes has to wait where it follows two stores of eight. */
static void put_block(struct ff1 *f, size_t j, uint64_t low)
{
    pair block, change = { 0, htobe64(low) };

    memcpy(&block, f->base[j], sizeof(block));
    block ^= change;
    memcpy(f->block[j], &block, sizeof(block));
}

/*
 * Steps 6ii to 6ix of one round for every value, and 6i of the next. change is the number of that
 * next round, in its place. The sum replaces the half that it came from: A and B change places in
 * name only, and after ten rounds have their own again.
 */
static inline __attribute__((always_inline)) void step(struct ff1 *f, const struct ff1_job *job,
                                                       size_t round, uint64_t change, bool decrypts)
{
    size_t count = job->lot->count, half = round % 2;
    uint64_t mod = (uint64_t)job->shape->mod[half], inverse = job->shape->inverse[half];

    for (size_t j = 0; j < count; j++) {
        uint64_t y, c = f->narrow[j][half];

        memcpy(&y, f->block[j], sizeof(y));
        y = be64toh(y);
        /* The quotient from the inverse is right or one too low: y / mod - 1 < y * inverse / 2^64.
         * What is below zero has wrapped, and is the greater one. */
        y -= (uint64_t)((unsigned __int128)y * inverse >> 64) * mod;
        y = less(y, y - mod);
        c = decrypts ? less(c - y, c - y + mod) : less(c + y, c + y - mod);
        f->narrow[j][half] = c;
        put_block(f, j, change ^ c);
    }
}

static uint64_t round_at(const struct ff1_shape *s, size_t round)
{
    return (uint64_t)round << (8 * s->b);
}

/* Encryption feeds B to the first round, decryption A to the last. */
static bool do_rounds(struct ff1 *f, const struct ff1_job *job)
{
    const struct ff1_shape *s = job->shape;
    size_t first = job->decrypts ? FF1_ROUNDS - 1 : 0, count = job->lot->count;

    if (!ff1_shape_base(f, job, 0, count))
        return false;
    for (size_t j = 0; j < count; j++)
        put_block(f, j, round_at(s, first) ^ f->narrow[j][!job->decrypts]);
    for (size_t i = 0; i < FF1_ROUNDS; i++) {
        size_t round = job->decrypts ? FF1_ROUNDS - 1 - i : i;
        size_t next = job->decrypts ? round - 1 : round + 1; /* the last one's is of no use */

        if (!ff1_aes(f, f->block[0], count))
            return false;
        if (job->decrypts)
            step(f, job, round, round_at(s, next), true);
        else
            step(f, job, round, round_at(s, next), false);
    }
    return true;
}

enum hufu_err ff1_narrow_run(struct ff1 *f, const struct ff1_job *job)
{
    enum hufu_err err = HUFU_OK;

    assert(job->shape->b <= FF1_NARROW_BYTES);
    if (!read_all(f, job))
        err = HUFU_INVALID_VALUE;
    else if (!do_rounds(f, job))
        err = HUFU_IO;
    else
        print_all(f, job);
    wipe(f->narrow, job->lot->count * sizeof(f->narrow[0]));
    wipe(f->block, job->lot->count * sizeof(f->block[0]));
    return err;
}
