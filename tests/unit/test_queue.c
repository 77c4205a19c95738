#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sched.h>
#include <time.h>

#include "vault/base/queue.h"

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void test_queue_take_keeps_the_order(void **state)
{
    struct qnode n[3];
    struct queue q;

    (void)state;
    queue_init(&q, 10);
    assert_null(queue_take(&q));
    for (int i = 0; i < 3; i++)
        assert_int_equal(queue_put(&q, &n[i]), HUFU_OK);
    assert_int_equal(queue_count(&q), 3);
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(queue_take(&q), &n[i]);
    assert_null(queue_take(&q));
    assert_int_equal(queue_put(&q, &n[1]), HUFU_OK); /* after running empty */
    assert_ptr_equal(queue_take(&q), &n[1]);
    queue_done(&q);
}

static void test_queue_take_all_gives_the_chain(void **state)
{
    struct qnode n[3], *chain;
    struct queue q;
    size_t count = 9;

    (void)state;
    queue_init(&q, 10);
    assert_null(queue_take_all(&q, &count));
    assert_int_equal(count, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(queue_put(&q, &n[i]), HUFU_OK);
    chain = queue_take_all(&q, &count);
    assert_int_equal(count, 3);
    assert_ptr_equal(chain, &n[0]);
    assert_ptr_equal(chain->next, &n[1]);
    assert_ptr_equal(chain->next->next, &n[2]);
    assert_null(chain->next->next->next);
    assert_int_equal(queue_count(&q), 0);
    assert_int_equal(queue_put(&q, &n[2]), HUFU_OK);
    assert_ptr_equal(queue_take_all(&q, NULL), &n[2]);
    queue_done(&q);
}

static void test_queue_take_left_counts_the_rest(void **state)
{
    struct qnode n[2];
    struct queue q;
    size_t left = 9;

    (void)state;
    queue_init(&q, 10);
    assert_null(queue_take_left(&q, &left));
    assert_int_equal(left, 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(queue_put(&q, &n[i]), HUFU_OK);
    assert_ptr_equal(queue_take_left(&q, &left), &n[0]);
    assert_int_equal(left, 1);
    assert_ptr_equal(queue_take_left(&q, &left), &n[1]);
    assert_int_equal(left, 0);
    queue_done(&q);
}

/* n[0] to n[count - 1], linked. */
static struct qnode *chain_of(struct qnode *n, size_t count)
{
    for (size_t i = 0; i < count; i++)
        n[i].next = i + 1 < count ? &n[i + 1] : NULL;
    return n;
}

static void test_queue_put_all_takes_what_there_is_room_for(void **state)
{
    struct qnode n[6], *rest;
    struct queue q;

    (void)state;
    queue_init(&q, 4);
    assert_int_equal(queue_put(&q, &n[0]), HUFU_OK);
    assert_null(queue_put_all(&q, chain_of(&n[1], 2), 1));
    assert_int_equal(queue_count(&q), 3);
    rest = queue_put_all(&q, chain_of(&n[3], 3), 1);
    assert_ptr_equal(rest, &n[4]);
    assert_ptr_equal(rest->next, &n[5]);
    assert_null(rest->next->next);
    assert_int_equal(queue_count(&q), 4);
    assert_ptr_equal(queue_put_all(&q, rest, 1), rest); /* full */
    for (int i = 0; i < 4; i++)
        assert_ptr_equal(queue_take(&q), &n[i]);
    assert_null(queue_take(&q));
    assert_null(queue_put_all(&q, rest, 1)); /* after running empty */
    queue_close(&q);
    assert_ptr_equal(queue_put_all(&q, chain_of(&n[0], 1), 1), &n[0]);
    assert_ptr_equal(queue_take(&q), &n[4]);
    assert_ptr_equal(queue_take(&q), &n[5]);
    queue_done(&q);
}

static void *take_one(void *arg)
{
    queue_wait(arg, 5000);
    return queue_take(arg);
}

static void test_queue_put_all_wakes_as_many_as_it_may(void **state)
{
    struct qnode n[3];
    pthread_t t[3];
    struct queue q;
    void *got;

    (void)state;
    queue_init(&q, 10);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&t[i], NULL, take_one, &q), 0);
    while (q.waiting < 3)
        sched_yield();
    assert_null(queue_put_all(&q, chain_of(n, 3), 2));
    while (queue_count(&q) > 1)
        sched_yield();
    assert_int_equal(queue_count(&q), 1); /* the third sleeps on */
    assert_int_equal(q.waiting, 1);
    queue_close(&q);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(t[i], &got), 0);
        assert_non_null(got);
    }
    queue_done(&q);
}

static void test_queue_put_refuses_at_max_and_when_closed(void **state)
{
    struct qnode n[4];
    struct queue q;

    (void)state;
    queue_init(&q, 2);
    assert_int_equal(queue_put(&q, &n[0]), HUFU_OK);
    assert_int_equal(queue_put(&q, &n[1]), HUFU_OK);
    assert_int_equal(queue_put(&q, &n[2]), HUFU_BUSY);
    assert_int_equal(queue_count(&q), 2);
    assert_ptr_equal(queue_take(&q), &n[0]);
    assert_int_equal(queue_put(&q, &n[2]), HUFU_OK);
    assert_false(queue_is_closed(&q));
    queue_close(&q);
    assert_true(queue_is_closed(&q));
    assert_int_equal(queue_put(&q, &n[3]), HUFU_CLOSED);
    assert_ptr_equal(queue_take(&q), &n[1]); /* what is there can still be taken */
    assert_ptr_equal(queue_take(&q), &n[2]);
    assert_null(queue_take(&q));
    queue_wait(&q, 0); /* does not wait: it is closed */
    queue_done(&q);
}

static void test_queue_wait_ends_at_its_time(void **state)
{
    uint64_t start = now_ms();
    struct qnode n;
    struct queue q;

    (void)state;
    queue_init(&q, 1);
    queue_wait(&q, 1200); /* more than a second, so that the carry is met */
    assert_in_range(now_ms() - start, 1199, 30000);
    assert_int_equal(queue_put(&q, &n), HUFU_OK);
    start = now_ms();
    queue_wait(&q, UINT64_MAX); /* something is there */
    assert_in_range(now_ms() - start, 0, 1000);
    queue_done(&q);
}

static void *wait_without_limit(void *arg)
{
    queue_wait(arg, 0);
    return NULL;
}

/* Lets the other thread reach its wait. */
static void await_waiter(struct queue *q)
{
    unsigned waiting = 0;

    while (waiting == 0) {
        pthread_mutex_lock(&q->mu);
        waiting = q->waiting;
        pthread_mutex_unlock(&q->mu);
        sched_yield();
    }
}

static void test_queue_wait_is_woken_by_put_and_by_close(void **state)
{
    struct qnode n;
    struct queue q;
    pthread_t t;

    (void)state;
    queue_init(&q, 1);
    assert_int_equal(pthread_create(&t, NULL, wait_without_limit, &q), 0);
    await_waiter(&q);
    assert_int_equal(queue_put(&q, &n), HUFU_OK);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_ptr_equal(queue_take(&q), &n);
    assert_int_equal(pthread_create(&t, NULL, wait_without_limit, &q), 0);
    await_waiter(&q);
    queue_close(&q);
    assert_int_equal(pthread_join(t, NULL), 0);
    queue_done(&q);
}

#define PER_THREAD 20000
struct producer {
    struct queue *q;
    struct numbered {
        struct qnode node;
        unsigned number;
    } items[PER_THREAD];
};

static void *produce(void *arg)
{
    struct producer *p = arg;

    for (unsigned i = 0; i < PER_THREAD; i++) {
        p->items[i].number = i;
        while (queue_put(p->q, &p->items[i].node) == HUFU_BUSY)
            sched_yield();
    }
    return NULL;
}

static void test_queue_many_producers_lose_nothing_and_keep_order(void **state)
{
    static struct producer producers[3];
    unsigned next[3] = { 0 };
    size_t got = 0;
    struct queue q;
    pthread_t t[3];

    (void)state;
    queue_init(&q, 64);
    for (int i = 0; i < 3; i++) {
        producers[i].q = &q;
        assert_int_equal(pthread_create(&t[i], NULL, produce, &producers[i]), 0);
    }
    while (got < 3 * PER_THREAD) {
        struct qnode *n;

        queue_wait(&q, 0);
        for (n = queue_take_all(&q, NULL); n; n = n->next, got++) {
            struct numbered *item = (struct numbered *)n;
            size_t who = item >= producers[2].items ? 2 : item >= producers[1].items ? 1 : 0;

            assert_int_equal(item->number, next[who]);
            next[who]++;
        }
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    assert_null(queue_take(&q));
    queue_done(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_take_keeps_the_order),
        cmocka_unit_test(test_queue_take_all_gives_the_chain),
        cmocka_unit_test(test_queue_take_left_counts_the_rest),
        cmocka_unit_test(test_queue_put_all_takes_what_there_is_room_for),
        cmocka_unit_test(test_queue_put_all_wakes_as_many_as_it_may),
        cmocka_unit_test(test_queue_put_refuses_at_max_and_when_closed),
        cmocka_unit_test(test_queue_wait_ends_at_its_time),
        cmocka_unit_test(test_queue_wait_is_woken_by_put_and_by_close),
        cmocka_unit_test(test_queue_many_producers_lose_nothing_and_keep_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
