#include "vault/keys/sha256_cpu.h"

/* Where the state's letters A to H are kept. */
static const uint8_t place[8] = { 3, 2, 7, 6, 1, 0, 5, 4 };

/* FIPS 180-4, section 5.3.3 */
static const uint32_t first[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

void sha256_cpu_init(struct sha256_cpu *s)
{
    for (size_t i = 0; i < 8; i++)
        s->word[place[i]] = first[i];
}

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define CPU        __attribute__((target("sha,ssse3,sse4.1")))
#define FLAG_SHA   (1U << 29) /* CPUID leaf 7, EBX; not among the names that compilers know */
#define FLAGS_LEAF 7

/* FIPS 180-4, section 4.2.2 */
static const uint32_t constant[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

bool sha256_cpu_has(void)
{
    unsigned a, b, c, d;

    return __get_cpuid_count(FLAGS_LEAF, 0, &a, &b, &c, &d) != 0 && (b & FLAG_SHA) != 0 &&
           __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1");
}

struct lane { /* one message in the registers */
    __m128i abef, cdgh;
    __m128i w[4]; /* the sixteen latest words of the message schedule */
};

/* Four words, from big-endian or to it. */
static inline CPU __m128i swapped(__m128i words)
{
    return _mm_shuffle_epi8(words,
                            _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
}

static inline CPU void lane_load(struct lane *l, const struct sha256_cpu *s, const uint8_t *in)
{
    l->abef = _mm_load_si128((const void *)s->word);
    l->cdgh = _mm_load_si128((const void *)(s->word + 4));
    l->w[0] = swapped(_mm_loadu_si128((const void *)in));
    l->w[1] = swapped(_mm_loadu_si128((const void *)(in + 16)));
    l->w[2] = swapped(_mm_loadu_si128((const void *)(in + 32)));
    l->w[3] = swapped(_mm_loadu_si128((const void *)(in + 48)));
}

static inline CPU void lane_add(const struct lane *l, struct sha256_cpu *s)
{
    __m128i abef = _mm_load_si128((const void *)s->word);
    __m128i cdgh = _mm_load_si128((const void *)(s->word + 4));

    _mm_store_si128((void *)s->word, _mm_add_epi32(abef, l->abef));
    _mm_store_si128((void *)(s->word + 4), _mm_add_epi32(cdgh, l->cdgh));
}

/* Four rounds, with the words w[i]. */
static inline CPU void lane_four(struct lane *l, int i, const uint32_t *k)
{
    __m128i sum = _mm_add_epi32(l->w[i], _mm_loadu_si128((const void *)k));

    l->cdgh = _mm_sha256rnds2_epu32(l->cdgh, l->abef, sum);
    l->abef = _mm_sha256rnds2_epu32(l->abef, l->cdgh, _mm_shuffle_epi32(sum, 0x0e));
}

/* The words sixteen further on take the place of w[i]. */
static inline CPU void lane_next(struct lane *l, int i)
{
    __m128i last = l->w[(i + 3) & 3];
    __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(l->w[i], l->w[(i + 1) & 3]),
                                _mm_alignr_epi8(last, l->w[(i + 2) & 3], 4));

    l->w[i] = _mm_sha256msg2_epu32(sum, last);
}

/* Loops are written out here: a compiler keeps w in registers only where it knows each place. */
static inline CPU void two_four(struct lane *a, struct lane *b, int i, const uint32_t *k)
{
    lane_four(a, i, k);
    lane_four(b, i, k);
    lane_next(a, i);
    lane_next(b, i);
}

CPU void sha256_cpu_print(const struct sha256_cpu *s, uint8_t out[static SHA256_CPU_LEN])
{
    __m128i abef = _mm_shuffle_epi32(_mm_load_si128((const void *)s->word), 0x1b);
    __m128i cdgh = _mm_shuffle_epi32(_mm_load_si128((const void *)(s->word + 4)), 0x1b);

    _mm_storeu_si128((void *)out, swapped(_mm_unpacklo_epi64(abef, cdgh)));
    _mm_storeu_si128((void *)(out + 16), swapped(_mm_unpackhi_epi64(abef, cdgh)));
}

CPU void sha256_cpu_run(struct sha256_cpu *s, const uint8_t *in, size_t blocks)
{
    const uint32_t *k;

    for (; blocks > 0; blocks--, in += SHA256_CPU_BLOCK) {
        struct lane a;

        lane_load(&a, s, in);
        for (k = constant; k < constant + 48; k += 16) {
            lane_four(&a, 0, k);
            lane_next(&a, 0);
            lane_four(&a, 1, k + 4);
            lane_next(&a, 1);
            lane_four(&a, 2, k + 8);
            lane_next(&a, 2);
            lane_four(&a, 3, k + 12);
            lane_next(&a, 3);
        }
        lane_four(&a, 0, k);
        lane_four(&a, 1, k + 4);
        lane_four(&a, 2, k + 8);
        lane_four(&a, 3, k + 12);
        lane_add(&a, s);
    }
}

CPU void sha256_cpu_run_two(struct sha256_cpu s[static 2], const uint8_t *in0, const uint8_t *in1,
                            size_t blocks)
{
    const uint32_t *k;

    for (; blocks > 0; blocks--, in0 += SHA256_CPU_BLOCK, in1 += SHA256_CPU_BLOCK) {
        struct lane a, b;

        lane_load(&a, &s[0], in0);
        lane_load(&b, &s[1], in1);
        for (k = constant; k < constant + 48; k += 16) {
            two_four(&a, &b, 0, k);
            two_four(&a, &b, 1, k + 4);
            two_four(&a, &b, 2, k + 8);
            two_four(&a, &b, 3, k + 12);
        }
        lane_four(&a, 0, k);
        lane_four(&b, 0, k);
        lane_four(&a, 1, k + 4);
        lane_four(&b, 1, k + 4);
        lane_four(&a, 2, k + 8);
        lane_four(&b, 2, k + 8);
        lane_four(&a, 3, k + 12);
        lane_four(&b, 3, k + 12);
        lane_add(&a, &s[0]);
        lane_add(&b, &s[1]);
    }
}

#else

#include <stdlib.h>

bool sha256_cpu_has(void)
{
    return false;
}

void sha256_cpu_print(const struct sha256_cpu *s, uint8_t out[static SHA256_CPU_LEN])
{
    (void)s;
    (void)out;
    abort();
}

void sha256_cpu_run(struct sha256_cpu *s, const uint8_t *in, size_t blocks)
{
    (void)s;
    (void)in;
    (void)blocks;
    abort();
}

void sha256_cpu_run_two(struct sha256_cpu s[static 2], const uint8_t *in0, const uint8_t *in1,
                        size_t blocks)
{
    (void)s;
    (void)in0;
    (void)in1;
    (void)blocks;
    abort();
}

#endif
