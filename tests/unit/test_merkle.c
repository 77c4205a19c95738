/* RFC 6962 trees against a reference written from the definitions, all proofs of small trees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vault/base/merkle.h"

#define LEAVES 66000

static struct merkle_hash leaf[LEAVES];
/* hash[l][n] of the tile levels, filled by merkle_add's callback */
static struct merkle_hash upper[3][LEAVES / 256 + 1];
static uint64_t upper_count[3];
static uint64_t size_now;

/* RFC 6962 section 2.1, MTH as it stands there */
static struct merkle_hash mth(uint64_t begin, uint64_t end)
{
    struct merkle_hash a, b;
    uint64_t k = 1;

    if (end == begin) {
        struct merkle m;

        merkle_init(&m);
        merkle_root(&m, &a);
        return a;
    }
    if (end - begin == 1)
        return leaf[begin];
    while (k * 2 < end - begin)
        k *= 2;
    a = mth(begin, begin + k);
    b = mth(begin + k, end);
    merkle_node(&a, &b, &a);
    return a;
}

/* PATH(m, D[n]) as it stands in section 2.1.1 */
static size_t path_of(uint64_t m, uint64_t begin, uint64_t end, struct merkle_hash *out)
{
    uint64_t k = 1;
    size_t n;

    if (end - begin == 1)
        return 0;
    while (k * 2 < end - begin)
        k *= 2;
    if (m < k) {
        n = path_of(m, begin, begin + k, out);
        out[n] = mth(begin + k, end);
    } else {
        n = path_of(m - k, begin + k, end, out);
        out[n] = mth(begin, begin + k);
    }
    return n + 1;
}

/* SUBPROOF(m, D[n], b) as it stands in section 2.1.2 */
static size_t grown_of(uint64_t m, uint64_t begin, uint64_t end, bool b, struct merkle_hash *out)
{
    uint64_t k = 1;
    size_t n;

    if (m == end - begin) {
        if (b)
            return 0;
        out[0] = mth(begin, end);
        return 1;
    }
    while (k * 2 < end - begin)
        k *= 2;
    if (m <= k) {
        n = grown_of(m, begin, begin + k, b, out);
        out[n] = mth(begin + k, end);
    } else {
        n = grown_of(m - k, begin + k, end, false, out);
        out[n] = mth(begin, begin + k);
    }
    return n + 1;
}

static unsigned reads;
static unsigned fail_at; /* the read that fails; 0: none */

static enum hufu_err read_tile(void *arg, unsigned level, uint64_t n, size_t count,
                               struct merkle_hash *out)
{
    uint64_t there = size_now;

    assert_null(arg);
    if (++reads == fail_at)
        return HUFU_IO;
    for (unsigned l = 0; l < level; l++)
        there /= 256;
    assert_in_range(count, 1, MERKLE_TILE_WIDTH);
    assert_int_equal(n / 256, (n + count - 1) / 256); /* one tile */
    assert_true(n + count <= there);                  /* only what is complete */
    assert_true(level < 3);
    memcpy(out, level == 0 ? &leaf[n] : &upper[level][n], count * sizeof(*out));
    return HUFU_OK;
}

static const struct merkle_source source = { read_tile, NULL };

static void keep(void *arg, unsigned level, uint64_t n, const struct merkle_hash *hash)
{
    assert_null(arg);
    assert_in_range(level, 1, 2);
    assert_int_equal(n, upper_count[level]);
    upper[level][upper_count[level]++] = *hash;
}

static int grow(void **state)
{
    struct merkle m;

    (void)state;
    merkle_init(&m);
    for (uint64_t i = 0; i < LEAVES; i++) {
        uint8_t line[8];

        for (unsigned b = 0; b < 8; b++)
            line[b] = (uint8_t)(i >> (8 * b));
        merkle_leaf(view_of(line, sizeof(line)), &leaf[i]);
        merkle_add(&m, &leaf[i], keep, NULL);
    }
    return 0;
}

static void assert_hash(const struct merkle_hash *a, const struct merkle_hash *b)
{
    assert_memory_equal(a->b, b->b, MERKLE_HASH_LEN);
}

static struct merkle_hash unhex(const char *hex)
{
    struct merkle_hash h;

    for (size_t i = 0; i < MERKLE_HASH_LEN; i++) {
        char two[3] = { hex[2 * i], hex[2 * i + 1], 0 };

        h.b[i] = (uint8_t)strtoul(two, NULL, 16);
    }
    return h;
}

/* The eight entries and the roots of certificate-transparency's reference tests. */
static void test_known_roots(void **state)
{
    static const char *const entries[] = {
        "",
        "\x00",
        "\x10",
        "\x20\x21",
        "\x30\x31",
        "\x40\x41\x42\x43",
        "\x50\x51\x52\x53\x54\x55\x56\x57",
        "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    };
    static const size_t lens[] = { 0, 1, 1, 2, 2, 4, 8, 16 };
    static const char *const roots[] = {
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    };
    struct merkle m;

    (void)state;
    merkle_init(&m);
    for (size_t i = 0; i <= 8; i++) {
        struct merkle_hash root, want = unhex(roots[i]), h;

        merkle_root(&m, &root);
        assert_hash(&root, &want);
        if (i == 8)
            break;
        merkle_leaf(view_of(entries[i], lens[i]), &h);
        merkle_add(&m, &h, NULL, NULL);
    }
}

static void check_root(uint64_t size)
{
    struct merkle_hash want = mth(0, size), got;

    size_now = size;
    reads = 0;
    assert_int_equal(merkle_root_at(&source, size, &got), HUFU_OK);
    assert_hash(&got, &want);
    assert_true(reads <= 3);
}

static void test_root_at(void **state)
{
    (void)state;
    for (uint64_t size = 0; size <= 600; size++)
        check_root(size);
    for (uint64_t size = 65530; size <= 65545; size++)
        check_root(size);
    check_root(65792);
    check_root(65793);
    check_root(LEAVES);
}

/* The frontier's own root, for every size, equals the tiles'. */
static void test_frontier_root(void **state)
{
    struct merkle m;

    (void)state;
    merkle_init(&m);
    for (uint64_t i = 0; i < LEAVES; i++) {
        merkle_add(&m, &leaf[i], NULL, NULL);
        if (i < 600 || i % 997 == 0 || i > LEAVES - 3) {
            struct merkle_hash a, b;

            size_now = i + 1;
            merkle_root(&m, &a);
            assert_int_equal(merkle_root_at(&source, i + 1, &b), HUFU_OK);
            assert_hash(&a, &b);
        }
    }
}

/* One inclusion proof: as the definition has it, checks, and no flipped bit of it checks. */
static void check_inclusion(uint64_t index, uint64_t size, const struct merkle_hash *root)
{
    struct merkle_hash want[64], got[MERKLE_PROOF_MAX], bad_root = *root, bad_leaf = leaf[index];
    size_t want_count = path_of(index, 0, size, want), count = 99;

    size_now = size;
    reads = 0;
    assert_int_equal(merkle_prove(&source, index, size, got, &count), HUFU_OK);
    assert_true(reads <= 5);
    assert_int_equal(count, want_count);
    for (size_t i = 0; i < count; i++)
        assert_hash(&got[i], &want[i]);
    assert_int_equal(merkle_check(&leaf[index], index, size, got, count, root), HUFU_OK);

    for (size_t i = 0; i < count; i++) {
        got[i].b[(index + i) % 32] ^= (uint8_t)(1u << (size % 8));
        assert_int_equal(merkle_check(&leaf[index], index, size, got, count, root), HUFU_CORRUPT);
        got[i] = want[i];
    }
    bad_root.b[31] ^= 1;
    assert_int_equal(merkle_check(&leaf[index], index, size, got, count, &bad_root), HUFU_CORRUPT);
    bad_leaf.b[0] ^= 0x80;
    assert_int_equal(merkle_check(&bad_leaf, index, size, got, count, root), HUFU_CORRUPT);
    if (count > 0)
        assert_int_equal(merkle_check(&leaf[index], index, size, got, count - 1, root),
                         HUFU_CORRUPT);
    got[count] = leaf[0];
    assert_int_equal(merkle_check(&leaf[index], index, size, got, count + 1, root), HUFU_CORRUPT);
}

static void test_every_inclusion_of_small_trees(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= 70; size++) {
        struct merkle_hash root = mth(0, size);

        for (uint64_t index = 0; index < size; index++)
            check_inclusion(index, size, &root);
    }
}

/* A path is good for its own index alone. */
static void test_wrong_index_is_refused(void **state)
{
    (void)state;
    for (uint64_t size = 2; size <= 40; size++) {
        struct merkle_hash root = mth(0, size), path[MERKLE_PROOF_MAX];
        size_t count;

        size_now = size;
        for (uint64_t index = 0; index < size; index++) {
            assert_int_equal(merkle_prove(&source, index, size, path, &count), HUFU_OK);
            for (uint64_t other = 0; other <= size; other++)
                assert_int_equal(merkle_check(&leaf[index], other, size, path, count, &root),
                                 other == index ? HUFU_OK : HUFU_CORRUPT);
        }
    }
}

static void test_inclusion_around_tiles(void **state)
{
    static const uint64_t sizes[] = { 255, 256, 257, 511, 512, 513, 65535, 65536, 65537, 65793 };

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct merkle_hash root = mth(0, sizes[i]);
        uint64_t last = sizes[i] - 1;

        check_inclusion(0, sizes[i], &root);
        check_inclusion(127, sizes[i], &root);
        check_inclusion(254, sizes[i], &root);
        check_inclusion(last / 2, sizes[i], &root);
        check_inclusion(last - 1, sizes[i], &root);
        check_inclusion(last, sizes[i], &root);
    }
}

static void check_consistency(uint64_t from, uint64_t to, const struct merkle_hash *from_root,
                              const struct merkle_hash *to_root)
{
    struct merkle_hash want[65], got[MERKLE_PROOF_MAX + 1], bad;
    size_t want_count = grown_of(from, 0, to, true, want), count = 99;

    size_now = to;
    reads = 0;
    assert_int_equal(merkle_prove_grown(&source, from, to, got, &count), HUFU_OK);
    assert_true(reads <= 5);
    assert_int_equal(count, want_count);
    for (size_t i = 0; i < count; i++)
        assert_hash(&got[i], &want[i]);
    assert_int_equal(merkle_check_grown(from, from_root, to, to_root, got, count), HUFU_OK);

    for (size_t i = 0; i < count; i++) {
        got[i].b[(from + i) % 32] ^= (uint8_t)(1u << (to % 8));
        assert_int_equal(merkle_check_grown(from, from_root, to, to_root, got, count),
                         HUFU_CORRUPT);
        got[i] = want[i];
    }
    bad = *from_root;
    bad.b[5] ^= 4;
    assert_int_equal(merkle_check_grown(from, &bad, to, to_root, got, count), HUFU_CORRUPT);
    bad = *to_root;
    bad.b[6] ^= 8;
    assert_int_equal(merkle_check_grown(from, from_root, to, &bad, got, count), HUFU_CORRUPT);
    if (count > 0)
        assert_int_equal(merkle_check_grown(from, from_root, to, to_root, got, count - 1),
                         HUFU_CORRUPT);
    got[count] = leaf[0];
    assert_int_equal(merkle_check_grown(from, from_root, to, to_root, got, count + 1),
                     HUFU_CORRUPT);
}

static void test_every_consistency_of_small_trees(void **state)
{
    static struct merkle_hash roots[71];

    (void)state;
    for (uint64_t size = 1; size <= 70; size++)
        roots[size] = mth(0, size);
    for (uint64_t to = 1; to <= 70; to++)
        for (uint64_t from = 1; from <= to; from++)
            check_consistency(from, to, &roots[from], &roots[to]);
}

static void test_consistency_around_tiles(void **state)
{
    static const uint64_t sizes[] = { 1, 255, 256, 257, 512, 513, 65535, 65536, 65537, 65793 };
    struct merkle_hash roots[10];

    (void)state;
    for (size_t i = 0; i < 10; i++)
        roots[i] = mth(0, sizes[i]);
    for (size_t to = 0; to < 10; to++)
        for (size_t from = 0; from <= to; from++)
            check_consistency(sizes[from], sizes[to], &roots[from], &roots[to]);
}

static void test_ranges_are_refused(void **state)
{
    const uint64_t most = UINT64_C(1) << 62;
    struct merkle_hash out[MERKLE_PROOF_MAX] = { { { 7 } } };
    size_t count = 99;

    (void)state;
    assert_int_equal(merkle_prove(&source, 0, 0, out, &count), HUFU_RANGE);
    assert_int_equal(merkle_prove(&source, 5, 5, out, &count), HUFU_RANGE);
    assert_int_equal(merkle_prove(&source, 0, most + 1, out, &count), HUFU_RANGE);
    assert_int_equal(merkle_prove_grown(&source, 0, 5, out, &count), HUFU_RANGE);
    assert_int_equal(merkle_prove_grown(&source, 6, 5, out, &count), HUFU_RANGE);
    assert_int_equal(merkle_prove_grown(&source, 1, most + 1, out, &count), HUFU_RANGE);
    assert_int_equal(merkle_root_at(&source, most + 1, out), HUFU_RANGE);
    assert_int_equal(count, 99);
    assert_int_equal(out[0].b[0], 7);
    assert_int_equal(merkle_check(&leaf[0], 0, 0, NULL, 0, &leaf[0]), HUFU_CORRUPT);
    assert_int_equal(merkle_check_grown(0, &leaf[0], 1, &leaf[0], NULL, 0), HUFU_CORRUPT);
    assert_int_equal(merkle_check_grown(2, &leaf[0], 1, &leaf[0], NULL, 0), HUFU_CORRUPT);
    /* equal roots of different sizes, with no path at all */
    assert_int_equal(merkle_check_grown(2, &leaf[0], 4, &leaf[0], NULL, 0), HUFU_CORRUPT);
    assert_int_equal(merkle_check_grown(3, &leaf[0], 5, &leaf[0], NULL, 0), HUFU_CORRUPT);
}

/* Every read of a proof may fail; the error comes through and the output stays as it was. */
static void test_source_errors(void **state)
{
    (void)state;
    size_now = 65793;
    for (fail_at = 1;; fail_at++) {
        struct merkle_hash out[MERKLE_PROOF_MAX] = { { { 7 } } };
        size_t count = 99;
        enum hufu_err err;

        reads = 0;
        err = merkle_prove(&source, 300, size_now, out, &count);
        if (reads < fail_at) {
            assert_int_equal(err, HUFU_OK);
            break;
        }
        assert_int_equal(err, HUFU_IO);
        assert_int_equal(count, 99);
        assert_int_equal(out[0].b[0], 7);
        reads = 0;
        err = merkle_prove_grown(&source, 300, size_now, out, &count);
        assert_int_equal(err, reads >= fail_at ? HUFU_IO : HUFU_OK);
    }
    assert_true(fail_at > 2);
    fail_at = 1;
    reads = 0;
    assert_int_equal(merkle_root_at(&source, size_now, &(struct merkle_hash){ { 0 } }), HUFU_IO);
    fail_at = 0;
}

static void test_put_get(void **state)
{
    struct merkle m, back;
    struct buf b;

    (void)state;
    merkle_init(&m);
    for (uint64_t i = 0; i < 300; i++) {
        struct merkle_hash x, y;

        buf_init(&b, MERKLE_STORED_MAX);
        merkle_put(&m, &b);
        assert_int_equal(b.len, 8 + 32 * (size_t)__builtin_popcountll(i));
        assert_int_equal(merkle_get(buf_view(&b), &back), HUFU_OK);
        merkle_root(&m, &x);
        merkle_root(&back, &y);
        assert_hash(&x, &y);
        buf_done(&b);
        merkle_add(&m, &leaf[i], NULL, NULL);
        merkle_add(&back, &leaf[i], NULL, NULL);
        merkle_root(&m, &x);
        merkle_root(&back, &y);
        assert_hash(&x, &y);
    }
}

static void test_get_refuses_other_lengths(void **state)
{
    struct merkle m, out = { .size = 4711 };
    uint8_t mem[MERKLE_STORED_MAX + 1] = { 0 };
    struct buf b;

    (void)state;
    merkle_init(&m);
    for (uint64_t i = 0; i < 5; i++)
        merkle_add(&m, &leaf[i], NULL, NULL);
    buf_fixed(&b, mem, sizeof(mem));
    merkle_put(&m, &b);
    for (size_t len = 0; len <= b.len + 1; len++)
        if (len != b.len)
            assert_int_equal(merkle_get(view_of(mem, len), &out), HUFU_CORRUPT);
    memset(mem, 0xff, sizeof(mem)); /* a size with all bits */
    assert_int_equal(merkle_get(view_of(mem, MERKLE_STORED_MAX), &out), HUFU_CORRUPT);
    assert_int_equal(out.size, 4711);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_roots),
        cmocka_unit_test(test_root_at),
        cmocka_unit_test(test_frontier_root),
        cmocka_unit_test(test_every_inclusion_of_small_trees),
        cmocka_unit_test(test_wrong_index_is_refused),
        cmocka_unit_test(test_inclusion_around_tiles),
        cmocka_unit_test(test_every_consistency_of_small_trees),
        cmocka_unit_test(test_consistency_around_tiles),
        cmocka_unit_test(test_ranges_are_refused),
        cmocka_unit_test(test_source_errors),
        cmocka_unit_test(test_put_get),
        cmocka_unit_test(test_get_refuses_other_lengths),
    };

    return cmocka_run_group_tests(tests, grow, NULL);
}
