/* The alarm process, as the courier sees it: frames over a socket, one alarm at a time. */
#include "vault/alarm_courier.h"

#include <stdlib.h>
#include <unistd.h>

#include "vault/base/frame.h"

#define OUT_MAX (4 * (ALARM_MSG_JSON_MAX + 512)) /* bytes that may wait: it is one alarm */

struct alarm_link {
    struct alarm_sink ops; /* first */
    struct link link;
    bool has_link;
    _Atomic int new_fd; /* -1: none waits */
};

static void drop(struct alarm_link *l)
{
    if (l->has_link)
        link_done(&l->link);
    l->has_link = false;
}

static void take_new_link(struct alarm_link *l)
{
    int fd = atomic_exchange(&l->new_fd, -1);

    if (fd < 0)
        return;
    drop(l);
    link_init(&l->link, fd, OUT_MAX);
    l->has_link = true;
}

static enum hufu_err link_put(struct alarm_sink *sink, uint64_t id, struct view body)
{
    struct alarm_link *l = (struct alarm_link *)sink;
    enum hufu_err err;

    take_new_link(l);
    if (!l->has_link)
        return HUFU_CLOSED;
    err = link_send(&l->link, ALARM_MSG_DELIVER, id, body);
    if (err == HUFU_CLOSED)
        drop(l);
    return err;
}

/* A link that says what it may not is as good as none. */
static enum hufu_err link_take(struct alarm_sink *sink, uint64_t *id_out, struct alarm_reply *out)
{
    struct alarm_link *l = (struct alarm_link *)sink;
    struct frame f;
    bool left = false;
    enum hufu_err err;

    if (!l->has_link)
        return HUFU_CLOSED;
    err = link_next(&l->link, &f);
    if (err == HUFU_NOT_FOUND) {
        err = link_wants_write(&l->link) ? link_flush(&l->link, &left) : HUFU_OK;
        if (err == HUFU_OK)
            err = link_fill(&l->link);
        if (err == HUFU_OK)
            err = link_next(&l->link, &f);
    }
    if (err == HUFU_OK) {
        err = f.type == (ALARM_MSG_DELIVER | ALARM_MSG_REPLY) ? alarm_reply_get(f.body, out)
                                                              : HUFU_CORRUPT;
        *id_out = f.id;
    }
    if (err != HUFU_OK && err != HUFU_NOT_FOUND)
        drop(l);
    return err;
}

enum hufu_err alarm_link_new(int fd, struct alarm_sink **out)
{
    struct alarm_link *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return HUFU_NOMEM;
    l->ops = (struct alarm_sink){ link_put, link_take };
    atomic_init(&l->new_fd, fd);
    *out = &l->ops;
    return HUFU_OK;
}

void alarm_link_free(struct alarm_sink *sink)
{
    struct alarm_link *l = (struct alarm_link *)sink;

    if (l == NULL)
        return;
    take_new_link(l);
    drop(l);
    free(l);
}

void alarm_link_replace(struct alarm_sink *sink, int fd)
{
    struct alarm_link *l = (struct alarm_link *)sink;
    int old = atomic_exchange(&l->new_fd, fd);

    if (old >= 0)
        close(old);
}
