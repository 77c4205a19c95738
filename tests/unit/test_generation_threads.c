/* Readers and scans beside the thread that links rows; for -fsanitize=thread too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vault/store/generation.h"

/*
 * Operation s writes: a key of its own; one of 500 (s % 500), behind a long common part; and one of
 * three that are written by all. So what a reader must see below a limit can be computed.
 */
enum { OPS = 20000, SHARED = 500, HOT = 3, READERS = 3, FEW = 400 };

struct beside {
    struct generation *g;
    atomic_uint_fast64_t size; /* published */
    atomic_bool stop, flushing;
    atomic_uint bad;
};

static struct view own_key(uint64_t s, uint8_t key[static 24])
{
    memset(key, 0, 24);
    key[0] = 1;
    snprintf((char *)key + 5, 19, "411111%012u", (unsigned)((s + 1) * 2654435761u));
    return view_of(key, 23);
}

static struct view shared_key(uint64_t s, uint8_t key[static 24])
{
    memset(key, 7, 20);
    key[0] = 2;
    key[20] = (uint8_t)(s % SHARED >> 8);
    key[21] = (uint8_t)(s % SHARED);
    return view_of(key, 22);
}

static struct view hot_key(uint64_t s, uint8_t key[static 24])
{
    memset(key, 0, 12);
    key[0] = 4;
    key[11] = (uint8_t)(s % HOT);
    return view_of(key, 12);
}

static void *link_ops(void *arg)
{
    struct beside *b = arg;
    uint8_t key[24];

    for (uint64_t s = 0; s < OPS;) {
        struct generation_row *row[3 * 16];
        size_t n = 0;

        for (; n < 3 * 16 && s < OPS; s++, n += 3) {
            row[n] = generation_make(b->g, own_key(s, key), s, view_str("o"), false);
            row[n + 1] = generation_make(b->g, shared_key(s, key), s, view_str("s"), false);
            row[n + 2] = generation_make(b->g, hot_key(s, key), s, view_str("h"), false);
            if (!row[n] || !row[n + 1] || !row[n + 2])
                abort();
        }
        generation_link_all(b->g, row, n);
        atomic_store_explicit(&b->size, s, memory_order_release);
    }
    return NULL;
}

/* The newest of limit - 1, limit - 1 - step, … that is as s is; UINT64_MAX: none. */
static uint64_t newest_as(uint64_t s, uint64_t step, uint64_t limit)
{
    uint64_t first = s % step;

    return limit <= first ? UINT64_MAX : first + (limit - 1 - first) / step * step;
}

static void expect(struct beside *b, struct view key, uint64_t limit, uint64_t seq)
{
    const struct generation_row *row = generation_find(b->g, key, limit);

    if (seq == UINT64_MAX ? row != NULL : !row || row->seq != seq)
        atomic_fetch_add(&b->bad, 1);
}

static void *find_ops(void *arg)
{
    struct beside *b = arg;
    uint64_t random = (uint64_t)(uintptr_t)&b | 1;
    uint8_t key[24];

    while (!atomic_load(&b->stop)) {
        uint64_t limit = atomic_load_explicit(&b->size, memory_order_acquire), s;

        random = random * 6364136223846793005u + 1442695040888963407u;
        if (random >> 63)
            limit -= (random >> 40) % (limit + 1);
        s = (random >> 20) % OPS;
        expect(b, own_key(s, key), limit, s < limit ? s : UINT64_MAX);
        expect(b, shared_key(s, key), limit, newest_as(s, SHARED, limit));
        expect(b, hot_key(s, key), limit, newest_as(s, HOT, limit));
    }
    return NULL;
}

static void *link_few(void *arg)
{
    struct beside *b = arg;
    uint8_t key[24];

    for (uint64_t s = 0; s < FEW; s++) {
        struct generation_row *row =
            generation_make(b->g, own_key(s, key), s, view_str("o"), false);

        if (!row)
            abort();
        generation_link(b->g, row);
        atomic_store_explicit(&b->size, s + 1, memory_order_release);
    }
    return NULL;
}

static void *find_few(void *arg)
{
    struct beside *b = arg;
    uint8_t key[24];
    uint64_t size;

    do {
        size = atomic_load_explicit(&b->size, memory_order_acquire);
        for (uint64_t s = size > 100 ? size - 100 : 0; s < size; s++)
            expect(b, own_key(s, key), UINT64_MAX, s);
    } while (size < FEW);
    return NULL;
}

/* A row is found at every moment, also while its bucket is split: small tables, which split much.
 */
static void test_generation_find_while_rows_move(void **state)
{
    (void)state;
    for (int round = 0; round < 1500; round++) {
        struct beside b = { .g = generation_new(0) };
        pthread_t reader[2], linking;

        assert_non_null(b.g);
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&reader[i], NULL, find_few, &b), 0);
        assert_int_equal(pthread_create(&linking, NULL, link_few, &b), 0);
        pthread_join(linking, NULL);
        for (int i = 0; i < 2; i++)
            pthread_join(reader[i], NULL);
        assert_int_equal(b.bad, 0);
        generation_drop(b.g);
    }
}

/* All rows of a table below the limit, in order, each its key's newest. */
static void walk_table(struct beside *b, uint8_t table, uint64_t step, uint64_t limit)
{
    const struct generation_row *row, *last = NULL;
    struct generation_walk w;
    uint64_t n = 0;

    if (generation_walk_begin(b->g, view_of(&table, 1), (struct view){ 0 }, limit, &w) != HUFU_OK) {
        atomic_fetch_add(&b->bad, 1);
        return;
    }
    for (; (row = generation_walk_next(&w)); last = row, n++)
        if ((last && generation_compare(generation_key(last), generation_key(row)) >= 0) ||
            row->seq != newest_as(row->seq, step, limit))
            atomic_fetch_add(&b->bad, 1);
    generation_walk_end(&w);
    if (n != (limit < step ? limit : step))
        atomic_fetch_add(&b->bad, 1);
}

static void *walk_ops(void *arg)
{
    struct beside *b = arg;

    while (!atomic_load(&b->stop)) {
        uint64_t limit = atomic_load_explicit(&b->size, memory_order_acquire);

        walk_table(b, 1, OPS, limit);
        walk_table(b, 2, SHARED, limit);
        walk_table(b, 4, HOT, limit / 2);
    }
    return NULL;
}

static void test_generation_readers_beside_linking(void **state)
{
    struct beside b = { .g = generation_new(0) };
    pthread_t linking, reader[READERS], walker[2];
    size_t n = 0;

    (void)state;
    assert_non_null(b.g);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&reader[i], NULL, find_ops, &b), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&walker[i], NULL, walk_ops, &b), 0);
    assert_int_equal(pthread_create(&linking, NULL, link_ops, &b), 0);
    pthread_join(linking, NULL);
    /* now the flush, with readers and scans going on */
    for (const struct generation_row *row = generation_seek(b.g, (struct view){ 0 }, UINT64_MAX);
         row; row = generation_next(row, UINT64_MAX))
        n++;
    assert_int_equal(n, OPS + SHARED + HOT);
    atomic_store(&b.stop, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(reader[i], NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(walker[i], NULL);
    assert_int_equal(b.bad, 0);
    generation_drop(b.g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generation_find_while_rows_move),
        cmocka_unit_test(test_generation_readers_beside_linking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
