#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vault/base/arena.h"

#define CHUNK ((size_t)16384)

/* It looks at memory that was given back, which the sanitizer would not have. */
__attribute__((no_sanitize_address)) static bool is_zero(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] != 0)
            return false;
    return true;
}

/* Whether the mapping that holds p carries a flag in /proc/self/smaps ("dd": not dumped). */
static bool has_flag(const void *p, const char *flag)
{
    FILE *f = fopen("/proc/self/smaps", "re");
    bool inside = false, found = false;
    char line[512];

    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        char *end = NULL;
        uintptr_t from = strtoul(line, &end, 16);

        if (*end == '-') {
            uintptr_t to = strtoul(end + 1, NULL, 16);

            inside = (uintptr_t)p >= from && (uintptr_t)p < to;
        } else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
            found = strstr(line, flag) != NULL;
        }
    }
    fclose(f);
    return found;
}

static void test_arena_pool_new_refuses_what_holds_no_chunk(void **state)
{
    struct arena_pool *const sentinel = (struct arena_pool *)(uintptr_t)16;
    struct arena_pool *pool = sentinel;

    (void)state;
    assert_int_equal(arena_pool_new(0, &pool), HUFU_NOMEM);
    assert_int_equal(arena_pool_new(CHUNK - 1, &pool), HUFU_NOMEM);
    assert_int_equal(arena_pool_new(SIZE_MAX, &pool), HUFU_NOMEM);
    assert_int_equal(arena_pool_new((size_t)1 << 60, &pool), HUFU_NOMEM);
    assert_ptr_equal(pool, sentinel);
    assert_int_equal(arena_pool_new(CHUNK, &pool), HUFU_OK);
    arena_pool_free(pool);
    arena_pool_free(NULL);
}

static void test_arena_take_is_zeroed_aligned_and_apart(void **state)
{
    const size_t lens[] = { 0, 1, 15, 16, 17, 4000, 16000, 16384, 40000, 3 };
    struct arena_pool *pool = NULL;
    uint8_t *got[10];
    struct arena a;

    (void)state;
    assert_int_equal(arena_pool_new(64 * CHUNK, &pool), HUFU_OK);
    arena_init(&a, pool);
    for (size_t i = 0; i < 10; i++) {
        got[i] = arena_take(&a, lens[i]);
        assert_non_null(got[i]);
        assert_int_equal((uintptr_t)got[i] % 16, 0);
        assert_true(is_zero(got[i], lens[i]));
        memset(got[i], (int)i + 1, lens[i]);
    }
    for (size_t i = 0; i < 10; i++)
        for (size_t k = 0; k < lens[i]; k++)
            assert_int_equal(got[i][k], i + 1);
    assert_true(a.used >= 76436);
    arena_done(&a);
    assert_int_equal(a.used, 0);
    arena_pool_free(pool);
}

static void test_arena_done_wipes_what_the_next_one_takes(void **state)
{
    struct arena_pool *pool = NULL;
    struct arena a;
    uint8_t *first, *again;

    (void)state;
    assert_int_equal(arena_pool_new(CHUNK, &pool), HUFU_OK);
    arena_init(&a, pool);
    first = arena_take(&a, 12000);
    memset(first, 0x5a, 12000);
    arena_done(&a);
    assert_true(is_zero(first, 12000)); /* still mapped: it is the pool's */
    again = arena_take(&a, 12000);      /* the arena may be used again */
    assert_ptr_equal(again, first);
    assert_true(is_zero(again, 12000));
    arena_done(&a);
    arena_pool_free(pool);
}

static void test_arena_take_says_when_the_pool_is_used_up(void **state)
{
    struct arena_pool *pool = NULL;
    struct arena a, b;

    (void)state;
    assert_int_equal(arena_pool_new(4 * CHUNK, &pool), HUFU_OK);
    arena_init(&a, pool);
    arena_init(&b, pool);
    assert_null(arena_take(&a, SIZE_MAX));
    assert_null(arena_take(&a, 4 * CHUNK + 1));
    assert_null(arena_take(&a, 4 * CHUNK)); /* its head does not fit any more */
    assert_non_null(arena_take(&a, 3 * CHUNK - 4096));
    assert_non_null(arena_take(&b, 10000));
    assert_null(arena_take(&b, 10000));
    assert_non_null(arena_take(&b, 6000)); /* the chunk's rest is still there */
    assert_null(arena_copy(&b, "0123456789", 10000));
    arena_done(&a);
    for (int i = 0; i < 3; i++)
        assert_non_null(arena_take(&b, 10000));
    assert_null(arena_take(&b, 10000));
    arena_done(&b);
    for (int i = 0; i < 4; i++)
        assert_non_null(arena_take(&a, 16000));
    arena_done(&a);
    arena_pool_free(pool);
}

/* A large mapping serves again, zeroed; what is kept of them is bounded and no one's budget. */
static void test_arena_keeps_a_few_large_mappings(void **state)
{
    const size_t large = 200000;
    struct arena_pool *pool = NULL;
    struct arena a, b;
    uint8_t *first, *again, *other;

    (void)state;
    assert_int_equal(arena_pool_new(256 * CHUNK, &pool), HUFU_OK); /* 512 KiB may be kept */
    arena_init(&a, pool);
    arena_init(&b, pool);
    first = arena_take(&a, large);
    assert_non_null(first);
    memset(first, 0xaa, large);
    arena_done(&a);
    other = arena_take(&b, 2 * large + 8192); /* it is too small for this one */
    assert_non_null(other);
    assert_ptr_not_equal(other, first);
    again = arena_take(&a, large - 5000); /* and fits that one */
    assert_ptr_equal(again, first);
    assert_true(is_zero(again, large - 5000));
    memset(again, 0xaa, large - 5000);
    arena_done(&a);
    assert_ptr_not_equal(arena_take(&a, large / 2 - 9000), first); /* more than twice as large */
    arena_done(&a);
    arena_done(&b); /* 500 KiB: no room for it beside the 200 */
    assert_ptr_equal(arena_take(&a, large), first);
    assert_true(is_zero(first, large));
    arena_done(&a);
    for (int i = 0; i < 256; i++) /* all of the pool may still be given out */
        assert_non_null(arena_take(&a, CHUNK - 32));
    assert_null(arena_take(&a, 1));
    arena_done(&a);
    arena_pool_free(pool);
}

static void test_arena_copy_ends_with_nul(void **state)
{
    struct arena_pool *pool = NULL;
    struct arena a;
    char *copy;

    (void)state;
    assert_int_equal(arena_pool_new(CHUNK, &pool), HUFU_OK);
    arena_init(&a, pool);
    copy = arena_copy(&a, "0123456789abcdef", 16);
    assert_string_equal(copy, "0123456789abcdef");
    copy = arena_copy(&a, NULL, 0);
    assert_string_equal(copy, "");
    arena_done(&a);
    arena_pool_free(pool);
}

static void test_arena_memory_is_in_no_dump_and_no_child(void **state)
{
    struct arena_pool *pool = NULL;
    void *small, *large;
    struct arena a;

    (void)state;
    assert_int_equal(arena_pool_new(8 * CHUNK, &pool), HUFU_OK);
    arena_init(&a, pool);
    small = arena_take(&a, 1);
    large = arena_take(&a, 2 * CHUNK);
    assert_true(has_flag(small, " dd"));
    assert_true(has_flag(large, " dd"));
    assert_true(has_flag(small, " wf"));
    assert_true(has_flag(large, " wf"));
    arena_done(&a);
    arena_pool_free(pool);
}

static void *take_and_check(void *arg)
{
    uint8_t mark = (uint8_t)(uintptr_t)pthread_self() | 1;
    struct arena a;

    arena_init(&a, arg);
    for (size_t round = 0; round < 300; round++) {
        uint8_t *p[4];

        for (size_t i = 0; i < 4; i++) {
            size_t len = 1000 + (round * 7919 + i * 104729) % 20000;

            p[i] = arena_take(&a, len);
            if (!p[i] || !is_zero(p[i], len))
                return arg;
            memset(p[i], mark, 1000);
        }
        for (size_t i = 0; i < 4; i++)
            if (p[i][0] != mark || p[i][999] != mark)
                return arg;
        arena_done(&a);
    }
    return NULL;
}

static void test_arena_pool_serves_threads(void **state)
{
    struct arena_pool *pool = NULL;
    pthread_t t[4];

    (void)state;
    assert_int_equal(arena_pool_new(64 * CHUNK, &pool), HUFU_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, take_and_check, pool), 0);
    for (int i = 0; i < 4; i++) {
        void *bad = pool;

        assert_int_equal(pthread_join(t[i], &bad), 0);
        assert_null(bad);
    }
    arena_pool_free(pool); /* asserts that everything came back */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_pool_new_refuses_what_holds_no_chunk),
        cmocka_unit_test(test_arena_take_is_zeroed_aligned_and_apart),
        cmocka_unit_test(test_arena_done_wipes_what_the_next_one_takes),
        cmocka_unit_test(test_arena_take_says_when_the_pool_is_used_up),
        cmocka_unit_test(test_arena_keeps_a_few_large_mappings),
        cmocka_unit_test(test_arena_copy_ends_with_nul),
        cmocka_unit_test(test_arena_memory_is_in_no_dump_and_no_child),
        cmocka_unit_test(test_arena_pool_serves_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
