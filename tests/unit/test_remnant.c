/* The search for free tokens: each candidate once, none forgotten, whoever asks. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vault/remnant.h"

#define MANY    20000
#define THREADS 4

static struct remnants *r;
static bool taken[MANY];

static int setup(void **state)
{
    (void)state;
    memset(taken, 0, sizeof(taken));
    return remnants_new(&r) == HUFU_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    remnants_free(r);
    return 0;
}

static void begin(struct remnant *s, const char *name, uint64_t count, uint64_t seed)
{
    const uint64_t seeds[2] = { seed, ~seed };

    remnant_init(s, view_str(name));
    remnant_begin(r, s, count, seeds);
}

/* One request: the first candidate that is free, or count where there is none. */
static uint64_t find(const char *name, uint64_t count, unsigned *steps)
{
    struct remnant s;

    begin(&s, name, count, 1);
    while (remnant_next(r, &s)) {
        *steps += 1;
        assert_true(s.n < count);
        remnant_settle(r, &s, taken[s.n]);
        if (!taken[s.n])
            return s.n;
    }
    return count;
}

static void test_remnant_sees_each_candidate_once(void **state)
{
    static const uint64_t counts[] = { 1, 2, 3, 4, 5, 31, 32, 33, 1000, 16384, 16385, MANY };

    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        char name[2] = { (char)('a' + i), '\0' };
        struct remnant s;

        memset(taken, 0, sizeof(taken));
        begin(&s, name, counts[i], i);
        for (uint64_t n = 0; n < counts[i]; n++) {
            assert_true(remnant_next(r, &s));
            assert_true(s.n < counts[i] && !taken[s.n]);
            taken[s.n] = true;
            remnant_settle(r, &s, true);
        }
        assert_false(remnant_next(r, &s));
        begin(&s, name, counts[i], i + 1); /* goes on as it is: at its end */
        assert_false(remnant_next(r, &s));
    }
}

/* Two buckets, or one begun again, are gone through in other orders; and not one by one. */
static void test_remnant_order_is_the_seeds(void **state)
{
    struct remnant a, b;
    unsigned same = 0, in_turn = 0;
    uint64_t last = 0;

    (void)state;
    begin(&a, "a", MANY, 1);
    begin(&b, "b", MANY, 2);
    for (unsigned i = 0; i < MANY; i++) {
        assert_true(remnant_next(r, &a) && remnant_next(r, &b));
        same += a.n == b.n;
        in_turn += a.n == last + 1;
        last = a.n;
        remnant_settle(r, &a, true);
        remnant_settle(r, &b, true);
    }
    assert_true(same < 20 && in_turn < 20); /* one is expected of each */
}

/* All that is free is found, each at the price of a few looks, down to the last; then none. */
static void test_remnant_finds_all_that_is_free(void **state)
{
    unsigned steps = 0, most = 0, found = 0;

    (void)state;
    for (size_t i = 0; i < MANY; i++)
        taken[i] = i % 20 != 7;
    for (;;) {
        unsigned before = steps;
        uint64_t n = find("a", MANY, &steps);

        if (n == MANY)
            break;
        taken[n] = true;
        found++;
        most = steps - before > most ? steps - before : most;
    }
    assert_int_equal(found, MANY / 20);
    assert_in_range(steps, MANY, MANY + 2 * found + 2); /* once, and its own list */
    assert_true(most < 400);                            /* one in 20 is free: (19/20)^400 < 2^-29 */
    steps = 0;
    assert_int_equal(find("a", MANY, &steps), MANY);
    assert_int_equal(steps, 0);
}

/* A candidate that was free and is not used after all is offered again, also behind the end. */
static void test_remnant_keeps_what_was_not_used(void **state)
{
    unsigned steps = 0;
    uint64_t first, again;

    (void)state;
    memset(taken, true, sizeof(taken));
    taken[123] = taken[456] = false;
    first = find("a", 1000, &steps);
    assert_true(first == 123 || first == 456);
    again = find("a", 1000, &steps);
    assert_int_equal(again, first);
    taken[first] = true;
    again = find("a", 1000, &steps);
    assert_int_equal(again, 123 + 456 - first);
    for (int i = 0; i < 3; i++)
        assert_int_equal(find("a", 1000, &steps), again);
    taken[again] = true;
    assert_int_equal(find("a", 1000, &steps), 1000);
}

/* More that is free, and not to be had, than the list holds: nothing is lost for good. */
static void test_remnant_finds_again_what_the_list_lost(void **state)
{
    uint64_t free_ones = 2 * REMNANT_FREE_MAX;
    unsigned steps = 0;
    struct remnant s;

    (void)state;
    begin(&s, "a", MANY, 3);
    for (uint64_t i = 0; i < MANY; i++) { /* one request that may have none of them */
        assert_true(remnant_next(r, &s));
        remnant_settle(r, &s, s.n >= free_ones);
    }
    for (uint64_t i = free_ones; i < MANY; i++)
        taken[i] = true;
    for (uint64_t i = 0; i < free_ones; i++) {
        uint64_t n = find("a", MANY, &steps);

        assert_true(n < free_ones && !taken[n]);
        taken[n] = true;
    }
    assert_int_equal(find("a", MANY, &steps), MANY);
}

/* Of the many buckets that are asked for, the last ones are known; any is begun again. */
static void test_remnant_bounds_the_buckets(void **state)
{
    char name[16];
    struct remnant s;
    unsigned known = 0;

    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(name, sizeof(name), "bucket %u", i);
        begin(&s, name, 10, i);
        assert_true(remnant_is_begun(r, &s));
        assert_true(remnant_next(r, &s));
        remnant_settle(r, &s, false);
    }
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(name, sizeof(name), "bucket %u", i);
        remnant_init(&s, view_str(name));
        known += remnant_is_begun(r, &s);
        assert_int_equal(remnant_next(r, &s), remnant_is_begun(r, &s));
    }
    assert_in_range(known, 200, 256);
}

static void *ask(void *arg)
{
    static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
    unsigned *found = arg;
    struct remnant s;

    for (;;) {
        bool got = false;

        begin(&s, "a", MANY, 9);
        while (!got && remnant_next(r, &s)) {
            pthread_mutex_lock(&mu); /* as the journal: one of two gets it */
            got = !taken[s.n];
            taken[s.n] = true;
            pthread_mutex_unlock(&mu);
            remnant_settle(r, &s, !got);
        }
        if (!got)
            return NULL;
        *found += 1;
    }
}

static void test_remnant_of_many_threads(void **state)
{
    unsigned found[THREADS] = { 0 }, sum = 0;
    pthread_t thread[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, ask, &found[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        sum += found[i];
    }
    assert_int_equal(sum, MANY);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(test_remnant_sees_each_candidate_once),
        ROW(test_remnant_order_is_the_seeds),
        ROW(test_remnant_finds_all_that_is_free),
        ROW(test_remnant_keeps_what_was_not_used),
        ROW(test_remnant_finds_again_what_the_list_lost),
        ROW(test_remnant_bounds_the_buckets),
        ROW(test_remnant_of_many_threads),
    };

    return cmocka_run_group_tests_name("remnant", tests, NULL, NULL);
}
