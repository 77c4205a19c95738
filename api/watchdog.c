#include "api/watchdog.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "vault/base/clock.h"

#define TICK_MS 50

struct watchdog {
    pthread_t thread;
    atomic_bool stop, drain;
    _Atomic uint64_t late;
    pthread_mutex_t mu; /* guards the list */
    struct watch *head;
};

static void look(struct watchdog *wd)
{
    uint64_t now = clock_system.boot_ms(&clock_system);
    bool drain = atomic_load(&wd->drain);

    pthread_mutex_lock(&wd->mu);
    for (struct watch *w = wd->head; w != NULL; w = w->next) {
        uint64_t deadline_ms = atomic_load(&w->deadline_ms);
        bool late = deadline_ms != 0 && deadline_ms <= now;

        if (!late && !(drain && atomic_load(&w->idle)))
            continue;
        shutdown(w->fd, SHUT_RDWR);
        atomic_store(&w->deadline_ms, 0); /* once is enough */
        if (late)
            atomic_fetch_add(&wd->late, 1);
    }
    pthread_mutex_unlock(&wd->mu);
}

static void *watch_loop(void *arg)
{
    const struct timespec tick = { 0, TICK_MS * 1000000L };
    struct watchdog *wd = arg;

    while (!atomic_load(&wd->stop)) {
        look(wd);
        nanosleep(&tick, NULL);
    }
    return NULL;
}

enum hufu_err watchdog_new(struct watchdog **out)
{
    struct watchdog *wd = calloc(1, sizeof(*wd));

    if (wd == NULL)
        return HUFU_NOMEM;
    pthread_mutex_init(&wd->mu, NULL);
    if (pthread_create(&wd->thread, NULL, watch_loop, wd) != 0) {
        free(wd);
        return HUFU_NOMEM;
    }
    *out = wd;
    return HUFU_OK;
}

void watchdog_free(struct watchdog *wd)
{
    if (wd == NULL)
        return;
    atomic_store(&wd->stop, true);
    pthread_join(wd->thread, NULL);
    pthread_mutex_destroy(&wd->mu);
    free(wd);
}

void watchdog_add(struct watchdog *wd, struct watch *w, int fd, uint64_t wait_ms)
{
    w->fd = fd;
    watchdog_set(w, wait_ms, true);
    pthread_mutex_lock(&wd->mu);
    w->next = wd->head;
    w->link = &wd->head;
    if (w->next != NULL)
        w->next->link = &w->next;
    wd->head = w;
    pthread_mutex_unlock(&wd->mu);
}

void watchdog_remove(struct watchdog *wd, struct watch *w)
{
    pthread_mutex_lock(&wd->mu);
    *w->link = w->next;
    if (w->next != NULL)
        w->next->link = w->link;
    pthread_mutex_unlock(&wd->mu);
}

void watchdog_set(struct watch *w, uint64_t wait_ms, bool idle)
{
    uint64_t now = clock_system.boot_ms(&clock_system);

    atomic_store_explicit(&w->deadline_ms, wait_ms == 0 ? 0 : now + wait_ms, memory_order_relaxed);
    atomic_store_explicit(&w->idle, idle, memory_order_relaxed);
}

void watchdog_drain(struct watchdog *wd)
{
    atomic_store(&wd->drain, true);
}

void watchdog_count(struct watchdog *wd, uint64_t *all_out, uint64_t *busy_out)
{
    uint64_t all = 0, busy = 0;

    pthread_mutex_lock(&wd->mu);
    for (const struct watch *w = wd->head; w != NULL; w = w->next) {
        all++;
        busy += !atomic_load(&w->idle);
    }
    pthread_mutex_unlock(&wd->mu);
    *all_out = all;
    *busy_out = busy;
}

uint64_t watchdog_late(struct watchdog *wd)
{
    return atomic_load(&wd->late);
}
