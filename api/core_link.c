#include "api/core_link.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vault/base/clock.h"
#include "vault/base/frame.h"
#include "vault/base/log.h"

#define TICK_MS   250 /* how often late requests are looked for */
#define FAIL_STEP 64  /* requests taken out of the table under one hold of its lock */

struct slot {
    struct core_wait *w; /* NULL: free */
    size_t bytes;
    uint64_t deadline_ms;
    uint32_t generation;
    uint32_t next_free;
};

struct core_link {
    struct core_limits limits;
    pthread_t reader;
    int wake_fd;
    atomic_bool stop;
    atomic_int next_fd; /* a link to switch to, or -1 */
    _Atomic uint64_t links;

    pthread_rwlock_t lock; /* written by the reading thread alone: link and up change */
    struct link link;
    bool up;

    pthread_mutex_t mu; /* guards what follows */
    struct slot *slots;
    uint32_t free_head; /* limits.items: none is free */
    size_t waiting, waiting_bytes;
};

static void wake(struct core_link *cl)
{
    uint64_t one = 1;

    /* a full counter is as good as a written one */
    if (write(cl->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
        log_event(LOG_ERROR_LEVEL, "core.wake", "errno", LOG_NUM(errno), NULL);
}

/* Gives w a slot; false where items or bytes are used up. */
static bool slot_take(struct core_link *cl, struct core_wait *w, size_t bytes, uint64_t *id_out)
{
    uint64_t now = clock_system.boot_ms(&clock_system);
    bool taken = false;

    pthread_mutex_lock(&cl->mu);
    if (cl->free_head < cl->limits.items && bytes <= cl->limits.bytes - cl->waiting_bytes) {
        uint32_t at = cl->free_head;
        struct slot *s = &cl->slots[at];

        cl->free_head = s->next_free;
        s->w = w;
        s->bytes = bytes;
        s->deadline_ms = now + cl->limits.answer_ms;
        cl->waiting++;
        cl->waiting_bytes += bytes;
        *id_out = (uint64_t)s->generation << 32 | at;
        taken = true;
    }
    pthread_mutex_unlock(&cl->mu);
    return taken;
}

/* Frees a slot that is in use; the lock is held. */
static struct core_wait *slot_free(struct core_link *cl, uint32_t at)
{
    struct slot *s = &cl->slots[at];
    struct core_wait *w = s->w;

    s->w = NULL;
    s->generation++;
    s->next_free = cl->free_head;
    cl->free_head = at;
    cl->waiting--;
    cl->waiting_bytes -= s->bytes;
    return w;
}

/* Returns who waits under id and frees the slot; NULL where nobody does any more. */
static struct core_wait *slot_give(struct core_link *cl, uint64_t id)
{
    uint32_t at = (uint32_t)id;
    struct core_wait *w = NULL;

    pthread_mutex_lock(&cl->mu);
    if (at < cl->limits.items && cl->slots[at].w != NULL &&
        cl->slots[at].generation == (uint32_t)(id >> 32))
        w = slot_free(cl, at);
    pthread_mutex_unlock(&cl->mu);
    return w;
}

/* Fails everyone whose deadline is not after now_ms. */
static void fail_until(struct core_link *cl, uint64_t now_ms)
{
    struct core_wait *late[FAIL_STEP];
    uint32_t at = 0;
    size_t count;

    do {
        count = 0;
        pthread_mutex_lock(&cl->mu);
        for (; at < cl->limits.items && count < FAIL_STEP; at++)
            if (cl->slots[at].w != NULL && cl->slots[at].deadline_ms <= now_ms)
                late[count++] = slot_free(cl, at);
        pthread_mutex_unlock(&cl->mu);
        for (size_t i = 0; i < count; i++)
            late[i]->done(late[i], HUFU_UNAVAILABLE, NULL);
    } while (count == FAIL_STEP);
}

void core_link_fail_all(struct core_link *cl)
{
    fail_until(cl, UINT64_MAX);
}

static void link_down(struct core_link *cl, enum hufu_err why)
{
    pthread_rwlock_wrlock(&cl->lock);
    if (cl->up) {
        cl->up = false;
        link_done(&cl->link);
        log_event(LOG_WARN, "core.link_down", "err", LOG_ERR(why), NULL);
    }
    pthread_rwlock_unlock(&cl->lock);
    core_link_fail_all(cl);
}

static void link_switch(struct core_link *cl, int fd)
{
    link_down(cl, HUFU_CLOSED);
    pthread_rwlock_wrlock(&cl->lock);
    /* one frame of the largest size must always fit beside what may wait */
    link_init(&cl->link, fd, cl->limits.bytes + FRAME_MAX);
    cl->up = true;
    pthread_rwlock_unlock(&cl->lock);
    log_event(LOG_INFO, "core.link_up", NULL);
}

/* Hands out every complete frame of the input buffer. */
static enum hufu_err take_replies(struct core_link *cl)
{
    struct msg_reply reply;
    struct core_wait *w;
    struct frame frame;
    enum hufu_err err;

    for (;;) {
        err = link_next(&cl->link, &frame);
        if (err != HUFU_OK)
            return err == HUFU_NOT_FOUND ? HUFU_OK : err;
        if (!(frame.type & MSG_REPLY) || msg_reply_get(frame.body, &reply) != HUFU_OK)
            return HUFU_CORRUPT;
        w = slot_give(cl, frame.id);
        if (w != NULL)
            w->done(w, HUFU_OK, &reply);
    }
}

/* One round of reading and writing; HUFU_OK, or why the link is of no use any more. */
static enum hufu_err link_step(struct core_link *cl, short events)
{
    enum hufu_err err = HUFU_OK;
    bool left;

    if (events & POLLOUT)
        err = link_flush(&cl->link, &left);
    if (err == HUFU_OK && events & (POLLIN | POLLHUP | POLLERR)) {
        err = link_fill(&cl->link);
        if (err == HUFU_OK)
            err = take_replies(cl);
    }
    return err;
}

static void *read_loop(void *arg)
{
    struct core_link *cl = arg;
    uint64_t next_tick = 0, now, count;

    while (!atomic_load(&cl->stop)) {
        struct pollfd fds[2] = { { cl->wake_fd, POLLIN, 0 }, { -1, POLLIN, 0 } };
        int fd = atomic_exchange(&cl->next_fd, -1);
        enum hufu_err err = HUFU_OK;

        if (fd >= 0)
            link_switch(cl, fd);
        if (cl->up) { /* only this thread changes it */
            fds[1].fd = cl->link.fd;
            if (link_wants_write(&cl->link))
                fds[1].events |= POLLOUT;
        }
        if (poll(fds, 2, TICK_MS) > 0) {
            if (fds[0].revents != 0 && read(cl->wake_fd, &count, sizeof(count)) < 0)
                err = HUFU_OK; /* nothing to count: the loop looks at everything anyway */
            if (cl->up && fds[1].revents != 0)
                err = link_step(cl, fds[1].revents);
        }
        if (cl->up && (cl->link.fd < 0 || err != HUFU_OK))
            link_down(cl, err == HUFU_OK ? HUFU_CLOSED : err);
        now = clock_system.boot_ms(&clock_system);
        if (now >= next_tick) {
            fail_until(cl, now);
            next_tick = now + TICK_MS;
        }
    }
    return NULL;
}

enum hufu_err core_link_new(const struct core_limits *limits, struct core_link **out)
{
    struct core_link *cl = calloc(1, sizeof(*cl));

    if (cl == NULL)
        return HUFU_NOMEM;
    cl->limits = *limits;
    atomic_init(&cl->next_fd, -1);
    atomic_init(&cl->stop, false);
    pthread_rwlock_init(&cl->lock, NULL);
    pthread_mutex_init(&cl->mu, NULL);
    cl->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    cl->slots = calloc(limits->items, sizeof(*cl->slots));
    if (cl->wake_fd < 0 || cl->slots == NULL)
        goto out;
    for (uint32_t i = 0; i < limits->items; i++)
        cl->slots[i].next_free = i + 1;
    if (pthread_create(&cl->reader, NULL, read_loop, cl) != 0)
        goto out;
    *out = cl;
    return HUFU_OK;
out:
    if (cl->wake_fd >= 0)
        close(cl->wake_fd);
    free(cl->slots);
    free(cl);
    return HUFU_NOMEM;
}

void core_link_free(struct core_link *cl)
{
    int fd;

    if (cl == NULL)
        return;
    atomic_store(&cl->stop, true);
    wake(cl);
    pthread_join(cl->reader, NULL);
    link_down(cl, HUFU_CLOSED);
    fd = atomic_exchange(&cl->next_fd, -1);
    if (fd >= 0)
        close(fd);
    close(cl->wake_fd);
    pthread_rwlock_destroy(&cl->lock);
    pthread_mutex_destroy(&cl->mu);
    free(cl->slots);
    free(cl);
}

void core_link_attach(struct core_link *cl, int fd)
{
    int unused = atomic_exchange(&cl->next_fd, fd);

    atomic_fetch_add(&cl->links, 1);
    if (unused >= 0)
        close(unused);
    wake(cl);
}

bool core_link_is_up(struct core_link *cl)
{
    bool up;

    pthread_rwlock_rdlock(&cl->lock);
    up = cl->up;
    pthread_rwlock_unlock(&cl->lock);
    return up;
}

enum hufu_err core_link_send(struct core_link *cl, uint16_t verb, struct view head,
                             struct view fields, struct core_wait *w)
{
    const struct view part[] = { head, fields };
    enum hufu_err err = HUFU_UNAVAILABLE;
    bool must_wake = false;
    uint64_t id;

    pthread_rwlock_rdlock(&cl->lock);
    if (cl->up && slot_take(cl, w, FRAME_HEADER_LEN + head.len + fields.len, &id)) {
        err = link_send_parts(&cl->link, verb, id, part, 2);
        /* Not sent, but given up by the reading thread meanwhile: then done was called. */
        if (err != HUFU_OK)
            err = slot_give(cl, id) != NULL ? HUFU_UNAVAILABLE : HUFU_OK;
        else
            must_wake = link_wants_write(&cl->link);
    }
    pthread_rwlock_unlock(&cl->lock);
    if (must_wake)
        wake(cl);
    return err;
}

uint64_t core_link_count(struct core_link *cl)
{
    return atomic_load(&cl->links);
}

size_t core_link_waiting(struct core_link *cl)
{
    size_t n;

    pthread_mutex_lock(&cl->mu);
    n = cl->waiting;
    pthread_mutex_unlock(&cl->mu);
    return n;
}
