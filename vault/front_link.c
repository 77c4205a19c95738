#include "vault/front_link.h"

#include <unistd.h>

#include "vault/base/log.h"
#include "vault/base/secret.h"

#define OUT_MAX      (64U * 1024 * 1024) /* bytes that may wait: more than the front has asked for */
#define SHORT_BYTES  1024                /* a frame below is short work */
#define SHORT_WEIGHT 4

void front_link_init(struct front_link *l, struct core *core, int fd, int wake_fd)
{
    l->core = core;
    pthread_mutex_init(&l->mu, NULL);
    link_init(&l->link, fd, OUT_MAX);
    l->number = 1;
    l->wake_fd = wake_fd;
}

void front_link_done(struct front_link *l)
{
    link_done(&l->link);
    pthread_mutex_destroy(&l->mu);
}

void front_link_replace(struct front_link *l, int fd)
{
    pthread_mutex_lock(&l->mu);
    link_done(&l->link);
    link_init(&l->link, fd, OUT_MAX);
    l->number++;
    pthread_mutex_unlock(&l->mu);
}

int front_link_fd(const struct front_link *l)
{
    return l->link.fd;
}

static void wake(const struct front_link *l)
{
    uint64_t one = 1;

    if (write(l->wake_fd, &one, sizeof(one)) < 0)
        return; /* the counter is full: the reader is awake anyway */
}

static void send_reply(struct front_link *l, uint64_t number, uint16_t verb, uint64_t id,
                       const struct msg_reply *reply)
{
    uint8_t mem[MSG_REPLY_HEAD_LEN];
    struct view part[2];
    struct buf head;
    bool waits;

    buf_fixed(&head, mem, sizeof(mem));
    msg_reply_put_head(&head, reply);
    part[0] = buf_view(&head);
    part[1] = reply->body;
    pthread_mutex_lock(&l->mu);
    if (number == l->number && l->link.fd >= 0 && buf_check(&head) == HUFU_OK &&
        link_send_parts(&l->link, verb | MSG_REPLY, id, part, 2) != HUFU_OK)
        log_event(LOG_WARN, "front.send", NULL);
    waits = link_wants_write(&l->link);
    pthread_mutex_unlock(&l->mu);
    if (waits)
        wake(l);
}

void front_link_send(struct core *core, struct request *req)
{
    send_reply(core->send_arg, req->link, req->msg.verb, req->frame_id, &req->reply);
}

void front_link_gather(struct core *core, bool on)
{
    struct front_link *l = core->send_arg;
    bool left = false;

    pthread_mutex_lock(&l->mu);
    if (on)
        link_hold(&l->link);
    else if (link_release(&l->link, &left) != HUFU_OK)
        left = false; /* the reader finds the link gone */
    pthread_mutex_unlock(&l->mu);
    if (left)
        wake(l);
}

static void say_later(struct front_link *l, uint16_t verb, uint64_t id)
{
    struct msg_reply later = { .err = HUFU_UNAVAILABLE,
                               .where = MSG_WHERE_NONE,
                               .retry_after_s = 1 };

    send_reply(l, l->number, verb, id, &later);
}

struct taken { /* the requests of one read */
    struct qnode *first, **tail;
    size_t weight; /* SHORT_WEIGHT for each that is more than a moment's work */
};

/* A frame becomes a request; what cannot be taken is answered 503. False: the link must close. */
static bool take(struct front_link *l, const struct frame *f, struct taken *t)
{
    enum hufu_err err;
    struct request *req = request_new(l->core, f->type, f->body, &err);

    if (req == NULL && err == HUFU_CORRUPT)
        return false;
    if (req == NULL) {
        say_later(l, f->type, f->id);
        return true;
    }
    req->frame_id = f->id;
    req->link = l->number;
    *t->tail = &req->node;
    t->tail = &req->node.next;
    t->weight += f->body.len < SHORT_BYTES ? 1 : SHORT_WEIGHT;
    return true;
}

/* All requests of one read go to the workers at once. To wake a worker costs as much as to serve a
 * short request or two: one is woken for each SHORT_WEIGHT of those. */
static void hand_over(struct front_link *l, const struct taken *t)
{
    size_t wakes = (t->weight + SHORT_WEIGHT - 1) / SHORT_WEIGHT;
    struct qnode *rest = t->first;

    if (rest != NULL)
        rest = queue_put_all(&l->core->work, rest, wakes);
    while (rest != NULL) {
        struct request *req = (struct request *)rest;

        rest = rest->next;
        say_later(l, req->msg.verb, req->frame_id);
        request_free(req);
    }
}

static void hang_up(struct front_link *l, const char *why)
{
    log_event(LOG_WARN, "front.closed", "why", LOG_STR(why), NULL);
    pthread_mutex_lock(&l->mu);
    link_done(&l->link);
    l->number++;
    pthread_mutex_unlock(&l->mu);
}

void front_link_read(struct front_link *l)
{
    enum hufu_err filled = link_fill(&l->link), err;
    struct taken taken = { .tail = &taken.first };
    struct frame f;

    while ((err = link_next(&l->link, &f)) == HUFU_OK)
        if (!take(l, &f, &taken))
            break;
    hand_over(l, &taken);
    if (err != HUFU_NOT_FOUND)
        hang_up(l, "malformed");
    else if (filled != HUFU_OK)
        hang_up(l, "gone");
}

bool front_link_write(struct front_link *l)
{
    bool left = false;

    pthread_mutex_lock(&l->mu);
    if (l->link.fd >= 0 && link_flush(&l->link, &left) != HUFU_OK)
        left = false;
    pthread_mutex_unlock(&l->mu);
    return left;
}
