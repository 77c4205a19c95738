/* The stock of random bytes, and the exact uniformity of draw_below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vault/base/entropy.h"

/* A generator that counts in little-endian numbers of `width` bytes, and can fail. */
struct script {
    struct entropy_ops ops; /* first */
    size_t width;
    uint64_t next;
    uint64_t fills;
    bool fails;
};

static enum hufu_err script_fill(const struct entropy_ops *e, uint8_t *out, size_t out_len)
{
    struct script *s = (struct script *)(uintptr_t)e;

    s->fills++;
    if (s->fails)
        return HUFU_IO;
    for (size_t i = 0; i < out_len; i += s->width, s->next++)
        for (size_t b = 0; b < s->width && i + b < out_len; b++)
            out[i + b] = (uint8_t)(s->next >> (8 * b));
    return HUFU_OK;
}

static struct script script_of(size_t width)
{
    return (struct script){ .ops = { script_fill }, .width = width };
}

/*
 * n up to 256 take 16-bit draws. Fed with each of the 65,536 possible draws once, every result must
 * come out exactly floor(65536 / n) times: exactly uniform, for every such n.
 */
static void test_below_small_is_exactly_uniform(void **state)
{
    (void)state;
    for (uint64_t n = 2; n <= 256; n++) {
        struct script s = script_of(2);
        uint32_t hits[256] = { 0 };
        uint64_t good = 65536 / n * n;
        struct draw d;

        draw_init(&d, &s.ops);
        for (uint64_t i = 0; i < good; i++) {
            uint64_t v = n;

            assert_int_equal(draw_below(&d, n, &v), HUFU_OK);
            assert_true(v < n);
            hits[v]++;
        }
        for (uint64_t v = 0; v < n; v++)
            assert_int_equal(hits[v], 65536 / n);
        /* all that were accepted lie in one round of the counter */
        assert_true(s.next - d.left / 2 <= 65536);
        draw_done(&d);
    }
}

/* The first and last draw of every result's interval, for n on the 32- and 64-bit paths. */
static void check_interval_edges(size_t width, uint64_t n, uint64_t v)
{
    unsigned __int128 span = (unsigned __int128)1 << (8 * width);
    /* smallest x with (x * n) >> w == v whose low part is not rejected */
    unsigned __int128 first = (((unsigned __int128)v << (8 * width)) + n - 1) / n;
    uint64_t reject = (uint64_t)(span % n), out = n;
    struct script s = script_of(width);
    struct draw d;

    while ((uint64_t)((first * n) & (span - 1)) < reject)
        first++;
    s.next = (uint64_t)first;
    draw_init(&d, &s.ops);
    assert_int_equal(draw_below(&d, n, &out), HUFU_OK);
    assert_true(out == v);
    /* the interval holds exactly floor(2^w / n) draws: its last still gives v, the next not */
    s.next = (uint64_t)(first + span / n - 1);
    draw_init(&d, &s.ops);
    assert_int_equal(draw_below(&d, n, &out), HUFU_OK);
    assert_true(out == v);
    if (v + 1 < n) {
        s.next = (uint64_t)(first + span / n);
        draw_init(&d, &s.ops);
        assert_int_equal(draw_below(&d, n, &out), HUFU_OK);
        assert_true(out == v + 1);
    }
}

static void test_below_wide_intervals(void **state)
{
    static const uint64_t ns[] = { 257, 1000, 65535, 65536 };
    static const uint64_t big[] = { 65537, 1000000, 9999999967, UINT64_C(1) << 40, UINT64_MAX };

    (void)state;
    for (size_t i = 0; i < sizeof(ns) / sizeof(ns[0]); i++)
        for (uint64_t v = 0; v < ns[i]; v += v < 3 || v + 4 > ns[i] ? 1 : ns[i] / 17)
            check_interval_edges(4, ns[i], v);
    for (size_t i = 0; i < sizeof(big) / sizeof(big[0]); i++) {
        check_interval_edges(8, big[i], 0);
        check_interval_edges(8, big[i], 1);
        check_interval_edges(8, big[i], big[i] / 2);
        check_interval_edges(8, big[i], big[i] - 1);
    }
}

static void test_below_one_is_zero(void **state)
{
    struct draw d;
    uint64_t v = 9;

    (void)state;
    draw_init(&d, &entropy_system);
    assert_int_equal(draw_below(&d, 1, &v), HUFU_OK);
    assert_true(v == 0);
    draw_done(&d);
}

/* chi-square of 10 digits, 9 degrees of freedom: above 45 by chance once in a million runs */
static void test_below_system_chi_square(void **state)
{
    const unsigned rounds = 1000000;
    double expect = rounds / 10.0, chi = 0;
    unsigned hits[10] = { 0 };
    struct draw d;

    (void)state;
    draw_init(&d, &entropy_system);
    for (unsigned i = 0; i < rounds; i++) {
        uint64_t v = 10;

        assert_int_equal(draw_below(&d, 10, &v), HUFU_OK);
        hits[v]++;
    }
    draw_done(&d);
    for (unsigned i = 0; i < 10; i++)
        chi += (hits[i] - expect) * (hits[i] - expect) / expect;
    assert_true(chi < 45.0);
    assert_true(chi > 0.01); /* too even is not random either */
}

static void test_below_failure_leaves_out_alone(void **state)
{
    struct script s = script_of(2);
    struct draw d;
    uint64_t v = 4711;

    (void)state;
    s.fails = true;
    draw_init(&d, &s.ops);
    assert_int_equal(draw_below(&d, 10, &v), HUFU_IO);
    assert_true(v == 4711);
    /* and a failure later does not give old bytes again */
    s.fails = false;
    assert_int_equal(draw_below(&d, 10, &v), HUFU_OK);
    s.fails = true;
    while (d.left >= 2)
        assert_int_equal(draw_below(&d, 10, &v), HUFU_OK);
    assert_int_equal(draw_below(&d, 10, &v), HUFU_IO);
    assert_int_equal(draw_below(&d, 10, &v), HUFU_IO);
}

static void test_bytes_uses_each_once_and_wipes(void **state)
{
    struct script s = script_of(2);
    uint8_t a[3], b[3];
    struct draw d;

    (void)state;
    s.next = 0x0101;
    draw_init(&d, &s.ops);
    assert_int_equal(draw_bytes(&d, a, sizeof(a)), HUFU_OK);
    assert_int_equal(draw_bytes(&d, b, sizeof(b)), HUFU_OK);
    assert_memory_equal(a, "\x01\x01\x02", 3);
    assert_memory_equal(b, "\x01\x03\x01", 3);
    assert_int_equal(s.fills, 1);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(d.stock[i], 0);
    draw_done(&d);
    for (size_t i = 0; i < sizeof(d.stock); i++)
        assert_int_equal(d.stock[i], 0);
    assert_int_equal(d.left, 0);
}

static void test_bytes_lengths(void **state)
{
    struct script s = script_of(8);
    uint8_t big[2049];
    struct draw d;

    (void)state;
    draw_init(&d, &s.ops);
    assert_int_equal(draw_bytes(&d, big, 0), HUFU_OK);
    assert_int_equal(draw_bytes(&d, big, 2048), HUFU_OK);
    assert_int_equal(d.left, 0);
    assert_int_equal(draw_bytes(&d, big, 2049), HUFU_OK); /* past the stock, straight */
    s.fails = true;
    assert_int_equal(draw_bytes(&d, big, 2049), HUFU_IO);
    assert_int_equal(draw_bytes(&d, big, 1), HUFU_IO);
}

static void test_system_fill_differs(void **state)
{
    uint8_t a[64] = { 0 }, b[64] = { 0 };

    (void)state;
    assert_int_equal(entropy_system.fill(&entropy_system, a, sizeof(a)), HUFU_OK);
    assert_int_equal(entropy_system.fill(&entropy_system, b, sizeof(b)), HUFU_OK);
    assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_below_small_is_exactly_uniform),
        cmocka_unit_test(test_below_wide_intervals),
        cmocka_unit_test(test_below_one_is_zero),
        cmocka_unit_test(test_below_system_chi_square),
        cmocka_unit_test(test_below_failure_leaves_out_alone),
        cmocka_unit_test(test_bytes_uses_each_once_and_wipes),
        cmocka_unit_test(test_bytes_lengths),
        cmocka_unit_test(test_system_fill_differs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
