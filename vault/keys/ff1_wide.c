/* Halves up to 2^96: 128-bit words; y is at most the cipher's block. */
#include "vault/keys/ff1_shape.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "vault/base/secret.h"

static unsigned __int128 get_block(const uint8_t *block)
{
    uint64_t half[2];

    memcpy(half, block, sizeof(half));
    return (unsigned __int128)be64toh(half[0]) << 64 | be64toh(half[1]);
}

static void put_block(uint8_t *block, unsigned __int128 x)
{
    uint64_t half[2] = { htobe64((uint64_t)(x >> 64)), htobe64((uint64_t)x) };

    memcpy(block, half, sizeof(half));
}

static unsigned symbol_at(const struct ff1_job *job, size_t i)
{
    return job->digits ? ((const uint8_t *)job->in)[i] - (unsigned)'0'
                       : ((const uint16_t *)job->in)[i];
}

/* NUM_radix of the n symbols from place at on (algorithm 1), as many at a time as a machine word
 * takes: first those left over, then pieces of equal length. */
static bool read_half(const struct ff1_job *job, size_t at, size_t n, unsigned __int128 *out)
{
    const struct ff1_shape *s = job->shape;
    size_t take = n % s->piece_len == 0 ? s->piece_len : n % s->piece_len;
    bool good = true;

    *out = 0;
    for (size_t i = 0; i < n; take = s->piece_len) {
        uint32_t piece = 0;

        for (size_t end = i + take; i < end; i++) {
            unsigned symbol = symbol_at(job, at + i);

            good &= symbol < s->radix;
            piece = piece * s->radix + symbol;
        }
        *out = *out * s->piece + piece;
    }
    return good;
}

/* The last symbols of a piece; by ten as a constant, which is a multiplication. */
static void print_piece(const struct ff1_job *job, uint32_t piece, size_t at, size_t n)
{
    if (job->digits)
        for (uint8_t *out = (uint8_t *)job->out + at; n > 0; piece /= 10)
            out[--n] = (uint8_t)('0' + piece % 10);
    else
        for (uint16_t *out = (uint16_t *)job->out + at; n > 0; piece /= job->shape->radix)
            out[--n] = (uint16_t)(piece % job->shape->radix);
}

/* STR_radix^n of v (algorithm 3). */
static void print_half(const struct ff1_job *job, unsigned __int128 v, size_t at, size_t n)
{
    const struct ff1_shape *s = job->shape;

    while (n > 0) {
        size_t take = n < s->piece_len ? n : s->piece_len;
        unsigned __int128 rest = v / s->piece;

        print_piece(job, (uint32_t)(v - rest * s->piece), at + n - take, take);
        v = rest;
        n -= take;
    }
}

/* Steps 1 and 2. */
static bool read_all(struct ff1 *f, const struct ff1_job *job)
{
    const struct ff1_shape *s = job->shape;
    bool good = true;

    for (size_t j = 0; j < job->lot->count; j++) {
        good &= read_half(job, j * s->len, s->u, &f->wide[j][0]);
        good &= read_half(job, j * s->len + s->u, s->v, &f->wide[j][1]);
    }
    return good;
}

static void print_all(const struct ff1 *f, const struct ff1_job *job)
{
    const struct ff1_shape *s = job->shape;

    for (size_t j = 0; j < job->lot->count; j++) {
        print_half(job, f->wide[j][0], j * s->len, s->u);
        print_half(job, f->wide[j][1], j * s->len + s->u, s->v);
    }
}

/* Steps 6i to 6ix. The sum replaces the half that it came from; the other one went into the round.
 * y is reduced before it is added: the sum of both would not always fit. */
static bool do_round(struct ff1 *f, const struct ff1_job *job, size_t round)
{
    const struct ff1_shape *s = job->shape;
    size_t half = round % 2, count = job->lot->count;
    unsigned __int128 mod = s->mod[half], change = (unsigned __int128)round << (8 * s->b);
    unsigned drop = 8 * (unsigned)(FF1_BLOCK - s->d);

    for (size_t j = 0; j < count; j++)
        put_block(f->block[j], get_block(f->base[j]) ^ change ^ f->wide[j][!half]);
    if (!ff1_aes(f, f->block[0], count))
        return false;
    for (size_t j = 0; j < count; j++) {
        unsigned __int128 y = (get_block(f->block[j]) >> drop) % mod;
        unsigned __int128 c = f->wide[j][half] + (job->decrypts ? mod - y : y);

        f->wide[j][half] = c >= mod ? c - mod : c;
    }
    return true;
}

static bool do_rounds(struct ff1 *f, const struct ff1_job *job)
{
    if (!ff1_shape_base(f, job, 0, job->lot->count))
        return false;
    for (size_t i = 0; i < FF1_ROUNDS; i++)
        if (!do_round(f, job, job->decrypts ? FF1_ROUNDS - 1 - i : i))
            return false;
    return true;
}

enum hufu_err ff1_wide_run(struct ff1 *f, const struct ff1_job *job)
{
    enum hufu_err err = HUFU_OK;

    assert(job->shape->b <= FF1_WIDE_BYTES);
    if (!read_all(f, job))
        err = HUFU_INVALID_VALUE;
    else if (!do_rounds(f, job))
        err = HUFU_IO;
    else
        print_all(f, job);
    wipe(f->wide, job->lot->count * sizeof(f->wide[0]));
    wipe(f->block, job->lot->count * sizeof(f->block[0]));
    return err;
}
