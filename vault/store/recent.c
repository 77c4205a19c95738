#include "vault/store/recent.h"

#include <errno.h>
#include <time.h>

#define WAIT_MAX_MS  60000u
#define ROOM_LOOK_MS 50u /* a sort's or a scan's memory comes back without a word */

static int locks_init(struct recent *r)
{
    pthread_condattr_t attr;
    int rc = pthread_condattr_init(&attr);

    if (rc != 0)
        return rc;
    rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (rc == 0)
        rc = pthread_cond_init(&r->cv, &attr);
    pthread_condattr_destroy(&attr);
    return rc != 0 ? rc : pthread_mutex_init(&r->mu, NULL);
}

enum hufu_err recent_init(struct recent *r, uint64_t applied, uint64_t bytes_max, uint64_t rows_max,
                          uint64_t age_max_ms)
{
    struct generation *first = generation_new(applied);

    if (!first)
        return HUFU_NOMEM;
    *r = (struct recent){ .filling = first,
                          .size = applied,
                          .applied = applied,
                          .bytes_max = bytes_max,
                          .rows_max = rows_max,
                          .age_max_ms = age_max_ms };
    if (locks_init(r) != 0) {
        generation_drop(first);
        *r = (struct recent){ 0 };
        return HUFU_NOMEM;
    }
    return HUFU_OK;
}

void recent_done(struct recent *r)
{
    if (!r->filling)
        return;
    generation_drop(r->filling);
    generation_drop(r->flushing);
    pthread_cond_destroy(&r->cv);
    pthread_mutex_destroy(&r->mu);
    *r = (struct recent){ 0 };
}

void recent_take(struct recent *r, struct recent_view *out)
{
    pthread_mutex_lock(&r->mu);
    *out = (struct recent_view){ .filling = generation_keep(r->filling),
                                 .flushing = generation_keep(r->flushing),
                                 .size = r->size,
                                 .applied = r->applied };
    pthread_mutex_unlock(&r->mu);
}

void recent_drop(struct recent_view *v)
{
    generation_drop(v->filling);
    generation_drop(v->flushing);
    *v = (struct recent_view){ 0 };
}

const struct generation_row *recent_find(const struct recent_view *v, struct view key)
{
    const struct generation_row *row = generation_find(v->filling, key, v->size);

    if (!row && v->flushing)
        row = generation_find(v->flushing, key, v->size);
    return row;
}

bool recent_confirm(struct recent *r, struct recent_view *v)
{
    bool same;

    /* While v->filling still fills, only v->flushing or older generations have reached the map. */
    pthread_mutex_lock(&r->mu);
    same = r->filling == v->filling;
    if (same)
        v->size = r->size;
    pthread_mutex_unlock(&r->mu);
    return same;
}

static uint64_t bytes_sum(const struct recent *r)
{
    return r->filling->bytes + r->filling_log +
           (r->flushing ? atomic_load(&r->flushing->used) + r->flushing_log : 0);
}

/* How long until the filling generation is due; 0: now; UINT64_MAX: there is nothing in it. */
static uint64_t due_in(const struct recent *r, uint64_t boot_ms)
{
    const struct generation *g = r->filling;
    uint64_t age = boot_ms > g->born_ms ? boot_ms - g->born_ms : 0;

    if (g->end == g->begin)
        return UINT64_MAX;
    /* Half of the bound: the other half is the other generation's. */
    if (g->rows >= r->rows_max || g->bytes + r->filling_log >= r->bytes_max / 2 ||
        age >= r->age_max_ms || g->begin < r->hurry)
        return 0;
    return r->age_max_ms - age;
}

void recent_publish(struct recent *r, struct generation_row *const *rows, size_t count,
                    uint64_t size, uint64_t log_bytes, uint64_t boot_ms)
{
    struct generation *g = r->filling;
    bool first;

    generation_link_all(g, rows, count);
    pthread_mutex_lock(&r->mu);
    first = g->end == g->begin;
    if (first)
        g->born_ms = boot_ms;
    r->size = g->end = size;
    r->filling_log += log_bytes;
    g->rows += count;
    g->bytes = g->used;
    /* Who waits, waits for the first one's age or for enough: not to be woken by every group. */
    if (first || due_in(r, boot_ms) == 0)
        pthread_cond_broadcast(&r->cv);
    pthread_mutex_unlock(&r->mu);
}

bool recent_is_full(struct recent *r)
{
    bool full;

    pthread_mutex_lock(&r->mu);
    full = bytes_sum(r) >= r->bytes_max;
    pthread_mutex_unlock(&r->mu);
    return full;
}

bool recent_is_due(struct recent *r, uint64_t boot_ms, bool force)
{
    uint64_t wait_ms;
    bool free;

    pthread_mutex_lock(&r->mu);
    free = !r->flushing;
    wait_ms = due_in(r, boot_ms);
    pthread_mutex_unlock(&r->mu);
    return free && (wait_ms == 0 || (force && wait_ms != UINT64_MAX));
}

enum hufu_err recent_rotate(struct recent *r)
{
    struct generation *next = generation_new(r->size);

    if (!next)
        return HUFU_NOMEM;
    pthread_mutex_lock(&r->mu);
    r->flushing = r->filling;
    r->flushing_log = r->filling_log;
    r->filling = next;
    r->filling_log = 0;
    pthread_mutex_unlock(&r->mu);
    return HUFU_OK;
}

void recent_retire(struct recent *r)
{
    struct generation *old;

    pthread_mutex_lock(&r->mu);
    old = r->flushing;
    r->applied = old->end;
    r->flushing = NULL;
    pthread_cond_broadcast(&r->cv);
    pthread_mutex_unlock(&r->mu);
    generation_drop(old);
}

/* Waits for one signal or until the deadline; false once that has passed. */
static bool wait_until(struct recent *r, const struct timespec *deadline)
{
    return pthread_cond_timedwait(&r->cv, &r->mu, deadline) != ETIMEDOUT;
}

static struct timespec deadline_in(uint64_t wait_ms)
{
    struct timespec ts;

    if (wait_ms > WAIT_MAX_MS)
        wait_ms = WAIT_MAX_MS;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_sec += (time_t)(wait_ms / 1000);
    ts.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (ts.tv_nsec >= 1000000000) {
        ts.tv_nsec -= 1000000000;
        ts.tv_sec++;
    }
    return ts;
}

void recent_wait_room(struct recent *r)
{
    pthread_mutex_lock(&r->mu);
    while (!r->stopped && !r->broken && bytes_sum(r) >= r->bytes_max) {
        struct timespec deadline = deadline_in(ROOM_LOOK_MS);

        (void)wait_until(r, &deadline);
    }
    pthread_mutex_unlock(&r->mu);
}

void recent_wait_due(struct recent *r, uint64_t boot_ms, uint64_t wait_ms)
{
    struct timespec deadline;
    uint64_t due_ms;

    pthread_mutex_lock(&r->mu);
    due_ms = due_in(r, boot_ms);
    deadline = deadline_in(due_ms < wait_ms ? due_ms : wait_ms);
    while (!r->stopped && !r->called && !r->nudged && !r->flushing && due_in(r, boot_ms) != 0) {
        /* The first operation of an empty generation starts its age: the caller looks again. */
        if (!wait_until(r, &deadline) || due_in(r, boot_ms) < due_ms)
            break;
    }
    pthread_mutex_unlock(&r->mu);
}

void recent_hurry(struct recent *r, uint64_t seq)
{
    pthread_mutex_lock(&r->mu);
    if (seq > r->hurry) {
        r->hurry = seq;
        pthread_cond_broadcast(&r->cv);
    }
    pthread_mutex_unlock(&r->mu);
}

void recent_nudge(struct recent *r)
{
    pthread_mutex_lock(&r->mu);
    r->nudged = true;
    pthread_cond_broadcast(&r->cv);
    pthread_mutex_unlock(&r->mu);
}

bool recent_nudged(struct recent *r)
{
    bool nudged;

    pthread_mutex_lock(&r->mu);
    nudged = r->nudged;
    r->nudged = false;
    pthread_mutex_unlock(&r->mu);
    return nudged;
}

void recent_pause(struct recent *r, uint64_t wait_ms)
{
    struct timespec deadline = deadline_in(wait_ms);

    pthread_mutex_lock(&r->mu);
    while (!r->stopped && !r->called && !r->nudged && wait_until(r, &deadline))
        ;
    pthread_mutex_unlock(&r->mu);
}

void recent_call(struct recent *r, bool called)
{
    pthread_mutex_lock(&r->mu);
    r->called = called;
    if (called)
        pthread_cond_broadcast(&r->cv);
    pthread_mutex_unlock(&r->mu);
}

void recent_stop(struct recent *r)
{
    pthread_mutex_lock(&r->mu);
    r->stopped = true;
    pthread_cond_broadcast(&r->cv);
    pthread_mutex_unlock(&r->mu);
}

void recent_break(struct recent *r)
{
    pthread_mutex_lock(&r->mu);
    r->broken = true;
    pthread_cond_broadcast(&r->cv);
    pthread_mutex_unlock(&r->mu);
}

void recent_count(struct recent *r, struct recent_numbers *out)
{
    pthread_mutex_lock(&r->mu);
    *out =
        (struct recent_numbers){ .rows = r->filling->rows + (r->flushing ? r->flushing->rows : 0),
                                 .bytes = bytes_sum(r),
                                 .size = r->size,
                                 .applied = r->applied };
    pthread_mutex_unlock(&r->mu);
}
