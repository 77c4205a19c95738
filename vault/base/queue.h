/*
 * queue.h - a bounded queue between threads; a step takes from it without waiting, a thread's loop
 * waits on it.
 *
 * Layer:   vault/base/. Includes err.h.
 * Threads: every function is safe from any thread.
 *
 * Intrusive: what is queued begins with (or holds) a struct qnode and belongs to one queue at a
 * time.
 */
#ifndef HUFU_BASE_QUEUE_H
#define HUFU_BASE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/err.h"

struct qnode {
    struct qnode *next;
};

struct queue {
    pthread_mutex_t mu;
    pthread_cond_t cv;
    struct qnode *head, **tail;
    size_t count, max;
    bool closed;
    unsigned waiting; /* threads in queue_wait */
};

void queue_init(struct queue *q, size_t max);
void queue_done(struct queue *q);
/* HUFU_OK; HUFU_BUSY at max; HUFU_CLOSED. */
HUFU_MUST_USE enum hufu_err queue_put(struct queue *q, struct qnode *n);
/*
 * Puts a chain, linked by next, behind what waits: as many as there is room for, under one hold of
 * the lock. Returns the rest of the chain, which stays the caller's; NULL: all are in. Wakes at
 * most wake_max of those that wait: who is awake takes until nothing is left.
 */
HUFU_MUST_USE struct qnode *queue_put_all(struct queue *q, struct qnode *first, size_t wake_max);
/* The first, or NULL where none waits. */
struct qnode *queue_take(struct queue *q);
/* The same; *left_out is how many still wait behind it. */
struct qnode *queue_take_left(struct queue *q, size_t *left_out);
/* The whole chain in order, linked by next; count_out may be NULL. NULL where none waits. */
struct qnode *queue_take_all(struct queue *q, size_t *count_out);
/* Waits until something is there, the queue is closed, or wait_ms have passed (0: no limit). */
void queue_wait(struct queue *q, uint64_t wait_ms);
/* Wakes every waiter for good; what is queued can still be taken. */
void queue_close(struct queue *q);
bool queue_is_closed(struct queue *q);
size_t queue_count(struct queue *q);

#endif
