#include "vault/base/queue.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

#define WAIT_MAX_MS ((uint64_t)86400 * 1000) /* a longer wait wakes once a day */

void queue_init(struct queue *q, size_t max)
{
    pthread_condattr_t attr;
    int rc;

    *q = (struct queue){ .max = max };
    q->tail = &q->head;
    rc = pthread_mutex_init(&q->mu, NULL);
    assert(rc == 0);
    rc = pthread_condattr_init(&attr);
    assert(rc == 0);
    rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    assert(rc == 0);
    rc = pthread_cond_init(&q->cv, &attr);
    assert(rc == 0);
    (void)rc;
    pthread_condattr_destroy(&attr);
}

void queue_done(struct queue *q)
{
    pthread_cond_destroy(&q->cv);
    pthread_mutex_destroy(&q->mu);
}

enum hufu_err queue_put(struct queue *q, struct qnode *n)
{
    enum hufu_err err = HUFU_OK;
    bool wake = false;

    pthread_mutex_lock(&q->mu);
    if (q->closed) {
        err = HUFU_CLOSED;
    } else if (q->count >= q->max) {
        err = HUFU_BUSY;
    } else {
        n->next = NULL;
        *q->tail = n;
        q->tail = &n->next;
        q->count++;
        wake = q->waiting > 0;
    }
    pthread_mutex_unlock(&q->mu);
    if (wake)
        pthread_cond_signal(&q->cv);
    return err;
}

struct qnode *queue_put_all(struct queue *q, struct qnode *first, size_t wake_max)
{
    struct qnode *n = first, *last = NULL;
    size_t put = 0, room;
    unsigned waiting;

    pthread_mutex_lock(&q->mu);
    room = q->closed || q->count >= q->max ? 0 : q->max - q->count;
    for (; n && put < room; put++) {
        last = n;
        n = n->next;
    }
    if (last) {
        last->next = NULL;
        *q->tail = first;
        q->tail = &last->next;
        q->count += put;
    }
    waiting = q->waiting;
    pthread_mutex_unlock(&q->mu);
    for (size_t i = 0; i < put && i < waiting && i < wake_max; i++)
        pthread_cond_signal(&q->cv);
    return n;
}

struct qnode *queue_take(struct queue *q)
{
    size_t left;

    return queue_take_left(q, &left);
}

struct qnode *queue_take_left(struct queue *q, size_t *left_out)
{
    struct qnode *n;

    pthread_mutex_lock(&q->mu);
    n = q->head;
    if (n) {
        q->head = n->next;
        if (!q->head)
            q->tail = &q->head;
        q->count--;
        n->next = NULL;
    }
    *left_out = q->count;
    pthread_mutex_unlock(&q->mu);
    return n;
}

struct qnode *queue_take_all(struct queue *q, size_t *count_out)
{
    struct qnode *n;

    pthread_mutex_lock(&q->mu);
    n = q->head;
    if (count_out)
        *count_out = q->count;
    q->head = NULL;
    q->tail = &q->head;
    q->count = 0;
    pthread_mutex_unlock(&q->mu);
    return n;
}

/* The moment wait_ms from now on the clock that the condition variable uses. */
static struct timespec moment_after(uint64_t wait_ms)
{
    struct timespec at;

    if (wait_ms > WAIT_MAX_MS)
        wait_ms = WAIT_MAX_MS;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(wait_ms / 1000);
    at.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

void queue_wait(struct queue *q, uint64_t wait_ms)
{
    struct timespec until = moment_after(wait_ms);
    int rc = 0;

    pthread_mutex_lock(&q->mu);
    q->waiting++;
    while (!q->head && !q->closed && rc != ETIMEDOUT) {
        if (wait_ms == 0)
            rc = pthread_cond_wait(&q->cv, &q->mu);
        else
            rc = pthread_cond_timedwait(&q->cv, &q->mu, &until);
    }
    q->waiting--;
    pthread_mutex_unlock(&q->mu);
}

void queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->mu);
    q->closed = true;
    pthread_mutex_unlock(&q->mu);
    pthread_cond_broadcast(&q->cv);
}

bool queue_is_closed(struct queue *q)
{
    bool closed;

    pthread_mutex_lock(&q->mu);
    closed = q->closed;
    pthread_mutex_unlock(&q->mu);
    return closed;
}

size_t queue_count(struct queue *q)
{
    size_t count;

    pthread_mutex_lock(&q->mu);
    count = q->count;
    pthread_mutex_unlock(&q->mu);
    return count;
}
