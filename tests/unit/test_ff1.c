/* FF1: the standard's samples, the standard step by step on many sizes, the three ways alike, lots
 * as single values, a permutation indeed. Refusals: test_ff1_limits.c. Wycheproof's cases:
 * tests/ff1_wycheproof.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "tests/unit/ff1_spec.h"
#include "tests/unit/ff1_pieces.h"

static uint16_t expect[SYMBOLS];

static bool is_large(uint32_t radix, size_t len)
{
    uint64_t n = 1;

    for (size_t i = 0; i < len && n < 1000000; i++)
        n *= radix;
    return n >= 1000000;
}

static const uint32_t radixes[] = { 2,    3,    7,    8,     10,    16,    26,   32,  36,
                                    62,   64,   85,   94,    100,   255,   256,  257, 1000,
                                    1001, 4096, 8547, 10000, 32767, 65535, 65536 };
#define RADIXES (sizeof(radixes) / sizeof(radixes[0]))

/* Every length where the ways begin and end for some radix is below 130. */
static size_t next_len(size_t len)
{
    return len < 130   ? len + 1
           : len < 255 ? len + 31
           : len < 258 ? len + 1
           : len < 510 ? 510
                       : len + 1;
}

/* ---- what comes out ----------------------------------------------------------------------------
 */

struct sample {
    size_t key_len;
    uint32_t radix;
    const char *tweak, *from, *to;
};

/* NIST SP 800-38G, "FF1 samples" 1 to 9. */
static const struct sample samples[] = {
    { 16, 10, "", "0123456789", "2433477484" },
    { 16, 10, "9876543210", "0123456789", "6124200773" },
    { 16, 36, "7777pqrs777", "0123456789abcdefghi", "a9tv40mll9kdu509eum" },
    { 24, 10, "", "0123456789", "2830668132" },
    { 24, 10, "9876543210", "0123456789", "2496655549" },
    { 24, 36, "7777pqrs777", "0123456789abcdefghi", "xbj3kv35jrawxv32ysr" },
    { 32, 10, "", "0123456789", "6657667009" },
    { 32, 10, "9876543210", "0123456789", "1001623463" },
    { 32, 36, "7777pqrs777", "0123456789abcdefghi", "xs8a0azh2avyalyzuwd" },
};

static void symbols_of(const char *from, uint16_t *to)
{
    static const char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyz";

    for (size_t i = 0; from[i] != '\0'; i++)
        to[i] = (uint16_t)(strchr(alphabet, from[i]) - alphabet);
}

static void test_ff1_nist_samples(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        const struct sample *s = &samples[i];
        struct ff1 *f = open_key(s->key_len);
        size_t len = strlen(s->from), bytes = len * sizeof(in[0]);
        struct ff1_lot lot = { s->radix, len, 1, (const uint8_t *)s->tweak, strlen(s->tweak), 0 };

        symbols_of(s->from, in);
        symbols_of(s->to, expect);
        assert_int_equal(ff1_encrypt(f, &lot, in, out), HUFU_OK);
        assert_memory_equal(out, expect, bytes);
        assert_int_equal(ff1_decrypt(f, &lot, out, back), HUFU_OK);
        assert_memory_equal(back, in, bytes);
        if (s->radix == 10) {
            assert_int_equal(ff1_encrypt_digits(f, &lot, (const uint8_t *)s->from, text_out),
                             HUFU_OK);
            assert_memory_equal(text_out, s->to, len);
            assert_int_equal(ff1_decrypt_digits(f, &lot, text_out, text_back), HUFU_OK);
            assert_memory_equal(text_back, s->from, len);
        }
        ff1_free(f);
    }
}

static void check_size(struct ff1 *f, size_t key_len, uint32_t radix, size_t len)
{
    struct ff1_lot lot = { radix, len, 1, tweak, draw() % (FF1_TWEAK_MAX + 1), 0 };
    struct spec spec = { key, tweak, key_len, lot.tweak_len, radix, false };
    size_t bytes = len * sizeof(in[0]);

    if (len % 3 == 0) /* short tweaks are those in use */
        spec.tweak_len = lot.tweak_len %= 17;
    fill(radix, len);
    spec_ff1(&spec, in, len, expect);
    assert_int_equal(ff1_encrypt(f, &lot, in, out), HUFU_OK);
    assert_memory_equal(out, expect, bytes);
    assert_true(is_marked(out + len, 64));
    assert_int_equal(ff1_decrypt(f, &lot, out, back), HUFU_OK);
    assert_memory_equal(back, in, bytes);
    spec.decrypts = true;
    spec_ff1(&spec, in, len, expect);
    assert_int_equal(ff1_decrypt(f, &lot, in, out), HUFU_OK);
    assert_memory_equal(out, expect, bytes);
    memcpy(back, in, bytes); /* in place */
    assert_int_equal(ff1_decrypt(f, &lot, back, back), HUFU_OK);
    assert_memory_equal(back, expect, bytes);
}

/* Every radix, every length up to 130, some up to both limits; all key lengths, tweaks of 0..255.
 */
static void test_ff1_is_what_the_standard_says(void **state)
{
    static const size_t key_lens[] = { 16, 24, 32 };
    struct ff1 *f[3];

    (void)state;
    for (size_t k = 0; k < 3; k++)
        f[k] = open_key(key_lens[k]);
    for (size_t r = 0; r < RADIXES; r++)
        for (size_t len = 1; len <= FF1_LEN_MAX; len = next_len(len)) {
            size_t k = draw() % 3;

            if (is_large(radixes[r], len))
                check_size(f[k], key_lens[k], radixes[r], len);
        }
    for (size_t k = 0; k < 3; k++)
        ff1_free(f[k]);
}

typedef enum hufu_err run_fn(struct ff1 *f, const struct ff1_job *job);

static void check_way(run_fn *run, struct ff1 *f, struct ff1_job *job, size_t bytes)
{
    job->out = back;
    memset(back, MARK, bytes);
    assert_int_equal(run(f, job), HUFU_OK);
    assert_memory_equal(back, expect, bytes);
}

/* What fits the narrow way fits all, what fits the wide one fits the long one. */
static void check_ways(struct ff1 *f, uint32_t radix, size_t len, bool decrypts)
{
    struct ff1_lot lot = { radix, len, 3, tweak, len % 30, 40 };
    struct ff1_job job = { .lot = &lot, .decrypts = decrypts, .in = in, .out = out };
    size_t bytes = lot.count * len * sizeof(in[0]);

    fill(radix, lot.count * len);
    if (len % 4 == 0) /* and the greatest and least of all halves */
        for (size_t i = 0; i < 2 * len; i++)
            in[i] = (uint16_t)(i < len ? radix - 1 : 0);
    assert_int_equal(ff1_shape_find(f, &lot, &job.shape), HUFU_OK);
    job.out = expect;
    assert_int_equal(ff1_long_run(f, &job), HUFU_OK);
    if (job.shape->path <= FF1_WIDE)
        check_way(ff1_wide_run, f, &job, bytes);
    if (job.shape->path == FF1_NARROW)
        check_way(ff1_narrow_run, f, &job, bytes);
}

static void test_ff1_ways_are_alike_where_they_overlap(void **state)
{
    struct ff1 *f = open_key(32);

    (void)state;
    for (size_t r = 0; r < RADIXES; r++)
        for (size_t len = 1; len < 200; len++)
            if (is_large(radixes[r], len)) {
                check_ways(f, radixes[r], len, false);
                check_ways(f, radixes[r], len, true);
            }
    ff1_free(f);
}

static void test_ff1_takes_the_way_that_holds_the_half(void **state)
{
    static const struct {
        uint32_t radix;
        size_t len;
        enum ff1_path path;
    } rows[] = {
        { 10, 16, FF1_NARROW },  { 10, 18, FF1_NARROW },   { 10, 19, FF1_WIDE },
        { 10, 56, FF1_WIDE },    { 10, 57, FF1_LONG },     { 36, 18, FF1_WIDE },
        { 36, 36, FF1_WIDE },    { 36, 37, FF1_LONG },     { 2, 64, FF1_NARROW },
        { 2, 65, FF1_WIDE },     { 2, 192, FF1_WIDE },     { 2, 193, FF1_LONG },
        { 256, 8, FF1_NARROW },  { 256, 9, FF1_WIDE },     { 256, 24, FF1_WIDE },
        { 256, 25, FF1_LONG },   { 65536, 4, FF1_NARROW }, { 65536, 5, FF1_WIDE },
        { 65536, 12, FF1_WIDE }, { 65536, 13, FF1_LONG },  { 65536, 512, FF1_LONG },
    };
    struct ff1 *f = open_key(16);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ff1_lot lot = { rows[i].radix, rows[i].len, 1, NULL, 0, 0 };
        const struct ff1_shape *shape = NULL;

        assert_int_equal(ff1_shape_find(f, &lot, &shape), HUFU_OK);
        assert_int_equal(shape->path, rows[i].path);
    }
    ff1_free(f);
}

/* ---- lots --------------------------------------------------------------------------------------
 */

static void check_lot(struct ff1 *f, struct ff1_lot lot, bool decrypts)
{
    size_t n = lot.count * lot.len;

    fill(lot.radix, n);
    for (size_t j = 0; j < lot.count; j++) {
        struct ff1_lot one = {
            lot.radix, lot.len, 1, tweak + j * lot.tweak_step, lot.tweak_len, 7
        };
        const uint16_t *from = in + j * lot.len;
        uint16_t *to = expect + j * lot.len;

        assert_int_equal(decrypts ? ff1_decrypt(f, &one, from, to) : ff1_encrypt(f, &one, from, to),
                         HUFU_OK);
    }
    assert_int_equal(decrypts ? ff1_decrypt(f, &lot, in, out) : ff1_encrypt(f, &lot, in, out),
                     HUFU_OK);
    assert_memory_equal(out, expect, n * sizeof(out[0]));
    assert_true(n == SYMBOLS || is_marked(out + n, (SYMBOLS - n) * sizeof(out[0])));
    if (lot.radix != 10)
        return;
    for (size_t i = 0; i < n; i++)
        text[i] = (uint8_t)('0' + in[i]);
    assert_int_equal(decrypts ? ff1_decrypt_digits(f, &lot, text, text_out)
                              : ff1_encrypt_digits(f, &lot, text, text_out),
                     HUFU_OK);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(text_out[i], '0' + expect[i]);
    assert_true(n == SYMBOLS || is_marked(text_out + n, SYMBOLS - n));
}

/* Also: digits as text are as symbols, for all of their lengths. */
static void test_ff1_lot_is_as_many_single_values(void **state)
{
    static const size_t counts[] = { 1, 2, 3, 7, 63, 64 };
    struct ff1 *f = open_key(32);

    (void)state;
    for (size_t len = 6; len <= 60; len++)
        for (size_t i = 0; i < 4; i++)
            check_lot(f, (struct ff1_lot){ 10, len, counts[i], tweak, len % 37, i * 37 }, i % 2);
    for (size_t i = 0; i < 6; i++)
        for (size_t t = 0; t < 50; t += 7) {
            check_lot(f, (struct ff1_lot){ 10, 16, counts[i], tweak, t, t }, t % 2);
            check_lot(f, (struct ff1_lot){ 10, 16, counts[i], tweak, t, 0 }, !(t % 2));
            check_lot(f, (struct ff1_lot){ 36, 18, counts[i], tweak, t, t + 1 }, t % 2);
            check_lot(f, (struct ff1_lot){ 65536, 20, counts[i], tweak, t, t }, t % 2);
        }
    check_lot(f, (struct ff1_lot){ 65536, 512, 64, tweak, 255, 255 }, false);
    ff1_free(f);
}

/* Sizes and tweaks in turn: what is kept of one is not taken for another. */
static void test_ff1_shapes_do_not_mix(void **state)
{
    struct ff1 *f = open_key(32), *fresh;

    (void)state;
    for (size_t i = 0; i < 400; i++) {
        struct ff1_lot lot = {
            10 + (uint32_t)(draw() % 3), 6 + draw() % 20, 1, tweak, draw() % 20, 0
        };
        size_t bytes = lot.len * sizeof(in[0]);

        fill(lot.radix, lot.len);
        fresh = open_key(32);
        assert_int_equal(ff1_encrypt(f, &lot, in, out), HUFU_OK);
        assert_int_equal(ff1_encrypt(fresh, &lot, in, expect), HUFU_OK);
        assert_memory_equal(out, expect, bytes);
        ff1_free(fresh);
    }
    ff1_free(f);
}

/* ---- a permutation -----------------------------------------------------------------------------
 */

static uint8_t hit[FF1_DOMAIN_MIN];

static void check_permutation(struct ff1 *f, uint32_t radix, size_t len, bool decrypts)
{
    struct ff1_lot lot = { radix, len, FF1_BATCH, (const uint8_t *)"t", 1, 0 };

    memset(hit, 0, sizeof(hit));
    for (uint32_t x = 0; x < FF1_DOMAIN_MIN; x += FF1_BATCH) {
        for (uint32_t j = 0; j < FF1_BATCH; j++) {
            uint32_t rest = x + j;

            for (size_t i = len; i > 0; rest /= radix)
                in[j * len + --i] = (uint16_t)(rest % radix);
        }
        assert_int_equal(decrypts ? ff1_decrypt(f, &lot, in, out) : ff1_encrypt(f, &lot, in, out),
                         HUFU_OK);
        for (size_t j = 0; j < FF1_BATCH; j++) {
            uint32_t y = 0;

            for (size_t i = 0; i < len; i++) {
                assert_in_range(out[j * len + i], 0, radix - 1);
                y = y * radix + out[j * len + i];
            }
            hit[y]++;
        }
    }
    for (size_t i = 0; i < FF1_DOMAIN_MIN; i++)
        assert_int_equal(hit[i], 1);
}

/* The least domain that is allowed: every value is hit, and none twice. */
static void test_ff1_permutes_a_million(void **state)
{
    struct ff1 *f = open_key(32);

    (void)state;
    assert_int_equal(FF1_DOMAIN_MIN % FF1_BATCH, 0);
    check_permutation(f, 10, 6, false);
    check_permutation(f, 1000, 2, true);
    ff1_free(f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ff1_nist_samples),
        cmocka_unit_test(test_ff1_is_what_the_standard_says),
        cmocka_unit_test(test_ff1_ways_are_alike_where_they_overlap),
        cmocka_unit_test(test_ff1_takes_the_way_that_holds_the_half),
        cmocka_unit_test(test_ff1_lot_is_as_many_single_values),
        cmocka_unit_test(test_ff1_shapes_do_not_mix),
        cmocka_unit_test(test_ff1_permutes_a_million),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
