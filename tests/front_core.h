/*
 * front_core.h - a core for tests of the front: a thread at the far end of the link that answers
 * frames as the test said, and keeps what it was asked last.
 *
 * Layer:   tests/. Included by one test program; everything is static.
 * Threads: one of its own.
 */
#ifndef HUFU_TESTS_FRONT_CORE_H
#define HUFU_TESTS_FRONT_CORE_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vault/base/frame.h"
#include "vault/base/msg.h"

struct fake_core {
    pthread_t thread;
    struct link link;
    atomic_bool stop, silent;
    uint8_t known_pin[MSG_PIN_LEN];
    atomic_uint asked, peer_checks;
    pthread_mutex_t mu;   /* guards what follows */
    struct msg_reply say; /* to every verb but PEER_CHECK */
    uint8_t asked_mem[FRAME_MAX];
    size_t asked_len;
    uint16_t asked_verb;
};

static void fake_core_answer(struct fake_core *fc, const struct frame *f)
{
    struct msg_reply reply;
    struct msg_request req;
    struct buf out;

    if (msg_request_get(f->type, f->body, &req) != HUFU_OK)
        abort(); /* the front sent what the core must refuse: the link would be closed */
    pthread_mutex_lock(&fc->mu);
    reply = fc->say;
    if (f->type == VERB_PEER_CHECK) {
        fc->peer_checks++;
        reply = (struct msg_reply){ .err = HUFU_OK, .where = MSG_WHERE_NONE };
        if (memcmp(req.pin, fc->known_pin, MSG_PIN_LEN) != 0)
            reply.err = HUFU_UNAUTHENTICATED;
    } else {
        fc->asked++;
        fc->asked_verb = f->type;
        fc->asked_len = f->body.len;
        memcpy(fc->asked_mem, f->body.p, f->body.len);
        if (req.flags & MSG_BODY_BAD)
            reply = (struct msg_reply){ .err = req.body_err, .where = req.where };
    }
    pthread_mutex_unlock(&fc->mu);
    if (atomic_load(&fc->silent))
        return;
    buf_init(&out, FRAME_BODY_MAX);
    msg_reply_put(&out, &reply);
    if (link_send(&fc->link, f->type | MSG_REPLY, f->id, buf_view(&out)) != HUFU_OK)
        atomic_store(&fc->stop, true);
    buf_done(&out);
}

static void *fake_core_loop(void *arg)
{
    struct fake_core *fc = arg;
    struct frame f;
    bool left;

    while (!atomic_load(&fc->stop)) {
        struct pollfd p = { fc->link.fd, POLLIN, 0 };

        if (link_wants_write(&fc->link))
            p.events |= POLLOUT;
        if (poll(&p, 1, 20) <= 0)
            continue;
        if (link_flush(&fc->link, &left) != HUFU_OK || link_fill(&fc->link) != HUFU_OK)
            break;
        while (link_next(&fc->link, &f) == HUFU_OK)
            fake_core_answer(fc, &f);
    }
    return NULL;
}

/* What every verb but PEER_CHECK is answered from now on; where is none. */
static void fake_core_say_all(struct fake_core *fc, struct msg_reply reply)
{
    reply.where = MSG_WHERE_NONE;
    pthread_mutex_lock(&fc->mu);
    fc->say = reply;
    pthread_mutex_unlock(&fc->mu);
}

static void fake_core_say(struct fake_core *fc, enum hufu_err err, const char *body)
{
    fake_core_say_all(fc, (struct msg_reply){ .err = err, .body = view_str(body) });
}

static void fake_core_start(struct fake_core *fc, int fd)
{
    atomic_store(&fc->stop, false);
    atomic_store(&fc->silent, false);
    link_init(&fc->link, fd, FRAME_MAX);
    if (pthread_create(&fc->thread, NULL, fake_core_loop, fc) != 0)
        abort();
}

static void fake_core_end(struct fake_core *fc)
{
    atomic_store(&fc->stop, true);
    pthread_join(fc->thread, NULL);
    link_done(&fc->link);
}

/* The last request; its views are valid until the next. */
static inline struct msg_request fake_core_asked(struct fake_core *fc)
{
    struct msg_request req;

    pthread_mutex_lock(&fc->mu);
    if (msg_request_get(fc->asked_verb, view_of(fc->asked_mem, fc->asked_len), &req) != HUFU_OK)
        abort();
    pthread_mutex_unlock(&fc->mu);
    return req;
}

#endif
