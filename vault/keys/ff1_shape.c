#include "vault/keys/ff1_shape.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

static bool is_in_bounds(const struct ff1_lot *lot)
{
    return lot->radix >= FF1_RADIX_MIN && lot->radix <= FF1_RADIX_MAX && lot->len <= FF1_LEN_MAX &&
           lot->tweak_len <= FF1_TWEAK_MAX && lot->count >= 1 && lot->count <= FF1_BATCH;
}

/* Never overflows: what is multiplied is below FF1_DOMAIN_MIN. */
static bool is_large_enough(const struct ff1_lot *lot)
{
    uint64_t domain = 1;

    for (size_t i = 0; i < lot->len && domain < FF1_DOMAIN_MIN; i++)
        domain *= lot->radix;
    return domain >= FF1_DOMAIN_MIN;
}

/* radix^n, which the caller knows to fit. */
static unsigned __int128 power(uint32_t radix, size_t n)
{
    unsigned __int128 p = 1;
    bool over = false;

    for (size_t i = 0; i < n; i++)
        over |= __builtin_mul_overflow(p, radix, &p);
    assert(!over);
    (void)over;
    return p;
}

/* Step 5: P = [1] [2] [1] [radix]^3 [10] [u mod 256] [n]^4 [t]^4. */
static void lay_p(const struct ff1_shape *s, uint8_t p[static FF1_BLOCK])
{
    memset(p, 0, FF1_BLOCK);
    p[0] = 1;
    p[1] = 2;
    p[2] = 1;
    p[3] = (uint8_t)(s->radix >> 16);
    p[4] = (uint8_t)(s->radix >> 8);
    p[5] = (uint8_t)s->radix;
    p[6] = FF1_ROUNDS;
    p[7] = (uint8_t)s->u;
    p[10] = (uint8_t)(s->len >> 8);
    p[11] = (uint8_t)s->len;
    p[15] = (uint8_t)s->tweak_len;
}

static void set_numbers(struct ff1_shape *s)
{
    size_t q_len;

    s->piece = s->radix;
    s->piece_len = 1;
    while ((uint64_t)s->piece * s->radix <= UINT32_MAX) {
        s->piece *= s->radix;
        s->piece_len++;
    }
    s->u = s->len / 2;
    s->v = s->len - s->u;
    s->b = ff1_long_bytes(s, s->v);
    s->d = 4 * ((s->b + 3) / 4) + 4;
    /* Step 6i: Q = T, zeros to a multiple of the block, [round]^1, [NUM(B)]^b. */
    q_len = (s->tweak_len + s->b + 1 + FF1_BLOCK - 1) / FF1_BLOCK * FF1_BLOCK;
    s->var = q_len - s->b - 1;
    s->head = s->var / FF1_BLOCK;
}

static void set_path(struct ff1_shape *s)
{
    s->path = s->b <= FF1_NARROW_BYTES ? FF1_NARROW : s->b <= FF1_WIDE_BYTES ? FF1_WIDE : FF1_LONG;
    if (s->path == FF1_LONG)
        return;
    s->mod[0] = power(s->radix, s->u);
    s->mod[1] = power(s->radix, s->v);
    for (size_t i = 0; i < 2 && s->path == FF1_NARROW; i++)
        s->inverse[i] = UINT64_MAX / (uint64_t)s->mod[i];
}

static enum hufu_err make(struct ff1 *f, const struct ff1_lot *lot, struct ff1_shape *out)
{
    struct ff1_shape s = { .radix = lot->radix, .len = lot->len, .tweak_len = lot->tweak_len };

    set_numbers(&s);
    set_path(&s);
    lay_p(&s, s.prefix);
    if (!ff1_aes(f, s.prefix, 1))
        return HUFU_IO;
    *out = s;
    return HUFU_OK;
}

enum hufu_err ff1_shape_find(struct ff1 *f, const struct ff1_lot *lot, const struct ff1_shape **out)
{
    /* What the place depends on is public. */
    struct ff1_shape *s = &f->shapes[(lot->radix + lot->len + lot->tweak_len) % FF1_SHAPES];

    if (!is_in_bounds(lot))
        return HUFU_RANGE;
    if (s->radix != lot->radix || s->len != lot->len || s->tweak_len != lot->tweak_len) {
        enum hufu_err err = is_large_enough(lot) ? make(f, lot, s) : HUFU_DOMAIN_SMALL;

        if (err != HUFU_OK)
            return err;
    }
    *out = s;
    return HUFU_OK;
}

static uint64_t load(const uint8_t *p)
{
    uint64_t x;

    memcpy(&x, p, sizeof(x));
    return le64toh(x);
}

/* The first n (1 to 8) bytes of a word, the rest zero. No loop: this is done for each value. */
static uint64_t load_part(const uint8_t *p, size_t n)
{
    uint32_t x, y;

    if (n == 8)
        return load(p);
    if (n < 4)
        return p[0] | (uint64_t)p[n / 2] << (8 * (n / 2)) | (uint64_t)p[n - 1] << (8 * (n - 1));
    memcpy(&x, p, sizeof(x));
    memcpy(&y, p + n - 4, sizeof(y)); /* overlaps: the same bytes come to the same place */
    return le32toh(x) | (uint64_t)le32toh(y) << (8 * (n - 4));
}

/* XORs the next bytes of the tweak, 1 to 16, into block. */
static void add_tweak(uint8_t *block, const uint8_t *tweak, size_t n)
{
    uint64_t x[2];

    memcpy(x, block, FF1_BLOCK);
    x[0] ^= htole64(load_part(tweak, n < 8 ? n : 8));
    if (n > 8)
        x[1] ^= htole64(load_part(tweak + 8, n - 8));
    memcpy(block, x, FF1_BLOCK);
}

bool ff1_shape_base(struct ff1 *f, const struct ff1_job *job, size_t first, size_t count)
{
    const struct ff1_shape *s = job->shape;
    const struct ff1_lot *lot = job->lot;
    size_t differ = lot->tweak_step == 0 ? 1 : count;

    for (size_t j = 0; j < differ; j++)
        memcpy(f->base[j], s->prefix, FF1_BLOCK);
    for (size_t k = 0; k <= s->head; k++) {
        size_t at = k * FF1_BLOCK, left = lot->tweak_len > at ? lot->tweak_len - at : 0;

        for (size_t j = 0; j < differ && left > 0; j++)
            add_tweak(f->base[j], lot->tweak + (first + j) * lot->tweak_step + at,
                      left < FF1_BLOCK ? left : FF1_BLOCK);
        if (k < s->head && !ff1_aes(f, f->base[0], differ))
            return false;
    }
    for (size_t j = differ; j < count; j++)
        memcpy(f->base[j], f->base[0], FF1_BLOCK);
    return true;
}
