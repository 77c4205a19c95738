#include "vault/keys/ghash.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "vault/base/secret.h"

#define CPU  __attribute__((target("pclmul,ssse3,sse4.1")))
#define WIDE __attribute__((target("vpclmulqdq,avx2,pclmul")))

/* x^127 + x^126 + x^121, the polynomial's upper terms in reversed order of bits; and its 1. */
#define POLY_HIGH UINT64_C(0xc200000000000000)
#define POLY_LOW  UINT64_C(1)

bool ghash_has_cpu(void)
{
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("ssse3") &&
           __builtin_cpu_supports("sse4.1");
}

bool ghash_has_wide(void)
{
    return __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("avx2") &&
           ghash_has_cpu();
}

/* GCM has the first byte first and the first bit highest; the multiplication wants the reverse. */
static inline CPU __m128i turned(__m128i block)
{
    return _mm_shuffle_epi8(block,
                            _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

static inline CPU __m128i load(const void *at)
{
    return _mm_loadu_si128(at);
}

struct product { /* of polynomials, not yet reduced: low + middle * x^64 + high * x^128 */
    __m128i low, middle, high;
};

/* Karatsuba: the middle is the product of the halves' sums less low and high, taken off later. */
static inline CPU void add_product(struct product *p, __m128i a, __m128i b)
{
    __m128i a_sum = _mm_xor_si128(a, _mm_shuffle_epi32(a, 0x4e));
    __m128i b_sum = _mm_xor_si128(b, _mm_shuffle_epi32(b, 0x4e));

    p->low = _mm_xor_si128(p->low, _mm_clmulepi64_si128(a, b, 0x00));
    p->middle = _mm_xor_si128(p->middle, _mm_clmulepi64_si128(a_sum, b_sum, 0x00));
    p->high = _mm_xor_si128(p->high, _mm_clmulepi64_si128(a, b, 0x11));
}

/* Adds multiples of the polynomial that make the lower 64 bits zero, twice, and drops them. */
static inline CPU __m128i reduced(struct product p)
{
    const __m128i poly = _mm_set_epi64x((long long)POLY_HIGH, (long long)POLY_LOW);
    __m128i fold = _mm_clmulepi64_si128(poly, p.low, 0x01);

    p.middle = _mm_xor_si128(p.middle, _mm_xor_si128(p.low, p.high));
    p.middle = _mm_xor_si128(p.middle, _mm_xor_si128(_mm_shuffle_epi32(p.low, 0x4e), fold));
    fold = _mm_clmulepi64_si128(poly, p.middle, 0x01);
    return _mm_xor_si128(p.high, _mm_xor_si128(_mm_shuffle_epi32(p.middle, 0x4e), fold));
}

static inline CPU struct product nothing(void)
{
    return (struct product){ _mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128() };
}

static uint64_t big_endian(const uint8_t *at)
{
    uint64_t v = 0;

    for (size_t i = 0; i < 8; i++)
        v = v << 8 | at[i];
    return v;
}

CPU void ghash_init(struct ghash *g, const uint8_t h[static GHASH_BLOCK])
{
    uint64_t high = big_endian(h), low = big_endian(h + 8);
    uint64_t carry = 0 - (high >> 63); /* all ones or none: no branch on the key */
    uint64_t *one = g->power[GHASH_POWERS - 1];

    /* Reversed numbers leave their product a bit short; the key is shifted once instead. */
    one[0] = low << 1 ^ (carry & POLY_LOW);
    one[1] = (high << 1 | low >> 63) ^ (carry & POLY_HIGH);
    for (size_t i = GHASH_POWERS - 1; i > 0; i--) {
        struct product p = nothing();

        add_product(&p, load(g->power[i]), load(one));
        _mm_storeu_si128((void *)g->power[i - 1], reduced(p));
        wipe(&p, sizeof(p));
    }
    wipe(&high, sizeof(high));
    wipe(&low, sizeof(low));
    g->is_wide = ghash_has_wide();
}

/* Up to GHASH_POWERS blocks, the sum of those before added to the first. h: the first's power. */
static CPU __m128i sum_narrow(const uint64_t (*h)[2], const uint8_t *in, size_t n, __m128i sum)
{
    struct product p = nothing();

    for (size_t i = 0; i < n; i++) {
        add_product(&p, _mm_xor_si128(sum, turned(load(in + i * GHASH_BLOCK))), load(h[i]));
        sum = _mm_setzero_si128();
    }
    return reduced(p);
}

struct wide_product { /* two products, one in each half of a register */
    __m256i low, middle, high;
};

static inline WIDE __m256i wide_turned(const uint8_t *at)
{
    const __m128i turn = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

    return _mm256_shuffle_epi8(_mm256_loadu_si256((const void *)at),
                               _mm256_broadcastsi128_si256(turn));
}

static inline WIDE void wide_add(struct wide_product *p, __m256i a, __m256i b)
{
    __m256i a_sum = _mm256_xor_si256(a, _mm256_shuffle_epi32(a, 0x4e));
    __m256i b_sum = _mm256_xor_si256(b, _mm256_shuffle_epi32(b, 0x4e));

    p->low = _mm256_xor_si256(p->low, _mm256_clmulepi64_epi128(a, b, 0x00));
    p->middle = _mm256_xor_si256(p->middle, _mm256_clmulepi64_epi128(a_sum, b_sum, 0x00));
    p->high = _mm256_xor_si256(p->high, _mm256_clmulepi64_epi128(a, b, 0x11));
}

static inline WIDE __m128i both(__m256i v)
{
    return _mm_xor_si128(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

/* The same, two blocks at a time; of an odd number the first goes alone. */
static WIDE __m128i sum_wide(const uint64_t (*h)[2], const uint8_t *in, size_t n, __m128i sum)
{
    struct wide_product w = { _mm256_setzero_si256(), _mm256_setzero_si256(),
                              _mm256_setzero_si256() };
    struct product p = nothing();
    size_t i = n % 2;

    if (i == 1) {
        add_product(&p, _mm_xor_si128(sum, turned(load(in))), load(h[0]));
        sum = _mm_setzero_si128();
    }
    for (; i < n; i += 2) {
        __m256i a =
            _mm256_xor_si256(_mm256_zextsi128_si256(sum), wide_turned(in + i * GHASH_BLOCK));

        wide_add(&w, a, _mm256_loadu_si256((const void *)h[i]));
        sum = _mm_setzero_si128();
    }
    p.low = _mm_xor_si128(p.low, both(w.low));
    p.middle = _mm_xor_si128(p.middle, both(w.middle));
    p.high = _mm_xor_si128(p.high, both(w.high));
    return reduced(p);
}

CPU void ghash_blocks(const struct ghash *g, const uint8_t *in, size_t blocks,
                      uint8_t out[static GHASH_BLOCK])
{
    __m128i sum = _mm_setzero_si128();

    while (blocks > 0) {
        size_t n = blocks < GHASH_POWERS ? blocks : GHASH_POWERS;
        const uint64_t(*h)[2] = g->power + GHASH_POWERS - n;

        sum = g->is_wide ? sum_wide(h, in, n, sum) : sum_narrow(h, in, n, sum);
        in += n * GHASH_BLOCK;
        blocks -= n;
    }
    _mm_storeu_si128((void *)out, turned(sum));
}

#else

#include <stdlib.h>

bool ghash_has_cpu(void)
{
    return false;
}

bool ghash_has_wide(void)
{
    return false;
}

void ghash_init(struct ghash *g, const uint8_t h[static GHASH_BLOCK])
{
    (void)g;
    (void)h;
    abort();
}

void ghash_blocks(const struct ghash *g, const uint8_t *in, size_t blocks,
                  uint8_t out[static GHASH_BLOCK])
{
    (void)g;
    (void)in;
    (void)blocks;
    (void)out;
    abort();
}

#endif
