#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vault/base/secret.h"

#define HEAP_BYTES 1048576

static struct secret *const sentinel = (struct secret *)(uintptr_t)16; /* never followed */

static void test_secret_heap_init_switches_dumps_off(void **state)
{
    struct rlimit core;

    (void)state;
    assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
    assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
    assert_int_equal(core.rlim_cur, 0);
    assert_int_equal(core.rlim_max, 0);
}

/* A child without a heap: 0 where init answers err, else 1. */
static int init_in_child(size_t heap_bytes, enum hufu_err err)
{
    int status = -1;
    pid_t pid;

    CRYPTO_secure_malloc_done();
    pid = fork();
    if (pid == 0)
        _exit(secret_heap_init(heap_bytes) == err ? 0 : 1);
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(secret_heap_init(HEAP_BYTES), HUFU_OK);
    return status;
}

static void test_secret_heap_init_refuses_a_size_that_is_no_power_of_two(void **state)
{
    (void)state;
    assert_int_equal(init_in_child(HEAP_BYTES, HUFU_OK), 0);
    assert_int_equal(init_in_child(0, HUFU_NOMEM), 0);
    assert_int_equal(init_in_child(100000, HUFU_NOMEM), 0);
}

static void test_secret_new_is_zeroed_and_in_the_secure_heap(void **state)
{
    struct secret *s = NULL;

    (void)state;
    assert_int_equal(secret_new(32, &s), HUFU_OK);
    assert_int_equal(secret_len(s), 32);
    for (size_t i = 0; i < 32; i++)
        assert_int_equal(secret_read(s)[i], 0);
    assert_int_equal(CRYPTO_secure_allocated(secret_read(s)), 1);
    assert_ptr_equal(secret_write(s), secret_read(s));
    secret_free(s);
    secret_free(NULL);
}

static void test_secret_new_limits(void **state)
{
    struct secret *s = sentinel;

    (void)state;
    assert_int_equal(secret_new(0, &s), HUFU_RANGE);
    assert_int_equal(secret_new(65537, &s), HUFU_RANGE);
    assert_int_equal(secret_random(65537, &s), HUFU_RANGE);
    assert_int_equal(secret_from((const uint8_t *)"", 0, &s), HUFU_RANGE);
    assert_ptr_equal(s, sentinel);
    assert_int_equal(secret_new(65536, &s), HUFU_OK);
    secret_write(s)[65535] = 1;
    secret_free(s);
    assert_int_equal(secret_new(1, &s), HUFU_OK);
    secret_free(s);
}

static void test_secret_new_says_when_the_heap_is_used_up(void **state)
{
    struct secret *held[HEAP_BYTES / 65536], *s = sentinel;
    size_t count = 0;

    (void)state;
    while (count < HEAP_BYTES / 65536 && secret_new(65536, &held[count]) == HUFU_OK)
        count++;
    assert_true(count >= HEAP_BYTES / 65536 - 1);
    assert_int_equal(secret_new(65536, &s), HUFU_NOMEM);
    assert_ptr_equal(s, sentinel);
    while (count > 0)
        secret_free(held[--count]);
    assert_int_equal(secret_new(65536, &s), HUFU_OK);
    secret_free(s);
}

static void test_secret_free_wipes(void **state)
{
    struct secret *s = NULL;
    const uint8_t *where;

    (void)state;
    assert_int_equal(secret_from((const uint8_t *)"0123456789abcdef0123456789abcdef", 32, &s),
                     HUFU_OK);
    where = secret_read(s);
    secret_free(s);
    /* The heap is still mapped; its first bytes may hold the free list, the rest must be zero. */
    for (size_t i = 16; i < 32; i++)
        assert_int_equal(where[i], 0);
}

static void test_secret_from_copies_and_secret_equal_compares(void **state)
{
    struct secret *a = NULL, *b = NULL, *c = NULL, *d = NULL;

    (void)state;
    assert_int_equal(secret_from((const uint8_t *)"abcd", 4, &a), HUFU_OK);
    assert_int_equal(secret_from((const uint8_t *)"abcd", 4, &b), HUFU_OK);
    assert_int_equal(secret_from((const uint8_t *)"abce", 4, &c), HUFU_OK);
    assert_int_equal(secret_from((const uint8_t *)"abcde", 5, &d), HUFU_OK);
    assert_memory_equal(secret_read(a), "abcd", 4);
    assert_true(secret_equal(a, b));
    assert_false(secret_equal(a, c));
    assert_false(secret_equal(a, d));
    assert_false(secret_equal(d, a));
    secret_free(a);
    secret_free(b);
    secret_free(c);
    secret_free(d);
}

static void test_secret_random_differs(void **state)
{
    struct secret *a = NULL, *b = NULL;

    (void)state;
    assert_int_equal(secret_random(32, &a), HUFU_OK);
    assert_int_equal(secret_random(32, &b), HUFU_OK);
    assert_false(secret_equal(a, b));
    secret_free(a);
    secret_free(b);
}

static void test_bytes_equal_and_wipe(void **state)
{
    uint8_t a[4] = { 1, 2, 3, 4 };
    const uint8_t b[4] = { 1, 2, 3, 5 };

    (void)state;
    assert_true(bytes_equal(a, b, 3));
    assert_false(bytes_equal(a, b, 4));
    assert_true(bytes_equal(a, b, 0));
    wipe(a, 3);
    assert_memory_equal(a, "\0\0\0\x04", 4);
    wipe(NULL, 0);
}

static int setup(void **state)
{
    (void)state;
    return secret_heap_init(HEAP_BYTES) == HUFU_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secret_heap_init_switches_dumps_off),
        cmocka_unit_test(test_secret_heap_init_refuses_a_size_that_is_no_power_of_two),
        cmocka_unit_test(test_secret_new_is_zeroed_and_in_the_secure_heap),
        cmocka_unit_test(test_secret_new_limits),
        cmocka_unit_test(test_secret_new_says_when_the_heap_is_used_up),
        cmocka_unit_test(test_secret_free_wipes),
        cmocka_unit_test(test_secret_from_copies_and_secret_equal_compares),
        cmocka_unit_test(test_secret_random_differs),
        cmocka_unit_test(test_bytes_equal_and_wipe),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
