/* The stock of random bytes, and the exact uniformity of draw_below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

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
        assert_true(s.next - d.stock->left / 2 <= 65536);
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
    while (d.stock->left >= 2)
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
        assert_int_equal(d.stock->bytes[i], 0);
    assert_int_not_equal(d.stock->bytes[6], 0);
    draw_done(&d);
    assert_null(d.stock);
    draw_done(&d);
}

/* At any moment all that was handed out is zero, and none of what is left: in draws of every length
 * from 1 to 40, over several fills. */
static void test_bytes_handed_out_are_wiped(void **state)
{
    struct script s = script_of(1);
    struct draw d;
    uint8_t out[40];

    (void)state;
    s.next = 1;
    draw_init(&d, &s.ops);
    for (size_t i = 0; s.fills < 4; i++) {
        size_t used;

        assert_int_equal(draw_bytes(&d, out, 1 + i % 40), HUFU_OK);
        used = sizeof(d.stock->bytes) - d.stock->left;
        for (size_t k = 0; k < used; k += 1 + i % 7)
            assert_int_equal(d.stock->bytes[used - 1 - k], 0);
        for (size_t k = 0; k < 1 + i % 40; k++) /* it counts, and each byte comes once */
            assert_int_equal((uint8_t)(out[0] + k), out[k]);
    }
    draw_done(&d);
}

static void test_bytes_lengths(void **state)
{
    struct script s = script_of(8);
    uint8_t big[sizeof(((struct draw_stock *)NULL)->bytes) + 1];
    struct draw d;

    (void)state;
    draw_init(&d, &s.ops);
    assert_int_equal(draw_bytes(&d, big, 0), HUFU_OK);
    assert_int_equal(draw_bytes(&d, big, sizeof(big) - 1), HUFU_OK);
    assert_int_equal(d.stock->left, 0);
    assert_int_equal(draw_bytes(&d, big, sizeof(big)), HUFU_OK); /* past the stock, straight */
    s.fails = true;
    assert_int_equal(draw_bytes(&d, big, sizeof(big)), HUFU_IO);
    big[0] = 77;
    for (int i = 0; i < 2; i++) /* what a failed fill left is not given out by the next draw */
        assert_int_equal(draw_bytes(&d, big, 1), HUFU_IO);
    assert_int_equal(big[0], 77);
    draw_done(&d);
}

/* Without pages of its own: every draw asks the generator, and nothing is kept. */
static void test_bytes_without_a_stock(void **state)
{
    struct script s = script_of(1);
    struct draw d = { .ops = &s.ops };
    uint8_t out[5];

    (void)state;
    for (uint64_t i = 1; i <= 3; i++) {
        assert_int_equal(draw_bytes(&d, out, sizeof(out)), HUFU_OK);
        assert_int_equal(s.fills, i);
        assert_int_equal(out[0], 5 * (i - 1));
    }
    s.fails = true;
    assert_int_equal(draw_bytes(&d, out, sizeof(out)), HUFU_IO);
    draw_done(&d);
}

/* Draws in a child of the given maker; the child ends with 0 where its stock was empty. */
static void draw_in_child(struct draw *d, pid_t pid, int to, size_t len)
{
    uint8_t out[32];
    bool empty;

    if (pid != 0)
        return;
    empty = d->stock->left == 0;
    for (size_t i = 0; i < sizeof(d->stock->bytes); i++)
        empty = empty && d->stock->bytes[i] == 0;
    if (draw_bytes(d, out, len) != HUFU_OK || write(to, out, len) != (ssize_t)len)
        _exit(2);
    _exit(empty ? 0 : 1);
}

static void check_child(struct draw *d, pid_t (*make)(void))
{
    uint8_t first[32], childs[2][32], mine[32];
    int ends[2], status;

    assert_int_equal(draw_bytes(d, first, sizeof(first)), HUFU_OK); /* the stock is filled */
    assert_int_equal(pipe(ends), 0);
    for (int i = 0; i < 2; i++) {
        pid_t pid = make();

        assert_true(pid >= 0);
        draw_in_child(d, pid, ends[1], sizeof(mine));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_int_equal(read(ends[0], childs[i], sizeof(childs[i])), sizeof(childs[i]));
    }
    close(ends[0]);
    close(ends[1]);
    assert_true(d->stock->left >= sizeof(mine)); /* the parent's is as it was */
    assert_int_equal(draw_bytes(d, mine, sizeof(mine)), HUFU_OK);
    assert_memory_not_equal(childs[0], mine, sizeof(mine));
    assert_memory_not_equal(childs[1], mine, sizeof(mine));
    assert_memory_not_equal(childs[0], childs[1], sizeof(mine));
}

static pid_t make_raw(void)
{
    return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

/* A child finds nothing of its parent's stock, and draws other bytes than parent and sibling; also
 * where no handler of pthread_atfork sees it begin. */
static void test_fork_draws_other_bytes(void **state)
{
    struct draw d;

    (void)state;
    draw_init(&d, &entropy_system);
    assert_non_null(d.stock);
    check_child(&d, fork);
    check_child(&d, make_raw);
    draw_done(&d);
}

/* The generator behind entropy_system: what entropy.h says of it. */
static void test_system_generator_is_forward_secure(void **state)
{
    EVP_RAND_CTX *own = RAND_get0_private(NULL);
    char cipher[64] = "";
    unsigned strength = 0, fills = 0;
    time_t seconds = 0;
    OSSL_PARAM all[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_DRBG_PARAM_CIPHER, cipher, sizeof(cipher)),
        OSSL_PARAM_construct_uint(OSSL_RAND_PARAM_STRENGTH, &strength),
        OSSL_PARAM_construct_uint(OSSL_DRBG_PARAM_RESEED_REQUESTS, &fills),
        OSSL_PARAM_construct_time_t(OSSL_DRBG_PARAM_RESEED_TIME_INTERVAL, &seconds),
        OSSL_PARAM_construct_end(),
    };

    (void)state;
    assert_non_null(own);
    assert_string_equal(EVP_RAND_get0_name(EVP_RAND_CTX_get0_rand(own)), "CTR-DRBG");
    assert_int_equal(EVP_RAND_CTX_get_params(own, all), 1);
    assert_string_equal(cipher, "AES-256-CTR");
    assert_int_equal(strength, 256);
    assert_in_range(fills, 1, 1 << 16);
    assert_in_range(seconds, 1, 7 * 60);
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
        cmocka_unit_test(test_bytes_handed_out_are_wiped),
        cmocka_unit_test(test_bytes_lengths),
        cmocka_unit_test(test_bytes_without_a_stock),
        cmocka_unit_test(test_fork_draws_other_bytes),
        cmocka_unit_test(test_system_generator_is_forward_secure),
        cmocka_unit_test(test_system_fill_differs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
