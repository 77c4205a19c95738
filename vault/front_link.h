/*
 * front_link.h - the core's end of the link to the front: frames in, replies out.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: front_link_read by the core's main thread; front_link_send by any.
 */
#ifndef HUFU_FRONT_LINK_H
#define HUFU_FRONT_LINK_H

#include <pthread.h>

#include "vault/base/frame.h"
#include "vault/request.h"

struct front_link {
    struct core *core;
    pthread_mutex_t mu; /* guards link against being replaced while a reply is sent */
    struct link link;
    uint64_t number; /* of this link: replies to an older one's requests are dropped */
    int wake_fd;     /* eventfd: something waits to be written */
};

/* wake_fd stays the caller's. */
void front_link_init(struct front_link *l, struct core *core, int fd, int wake_fd);
void front_link_done(struct front_link *l);
/* A new front: its link replaces the old one. */
void front_link_replace(struct front_link *l, int fd);
int front_link_fd(const struct front_link *l); /* -1: closed */

/* Reads what is there and hands requests to the workers; closes the link on a malformed frame. */
void front_link_read(struct front_link *l);
/* Writes what waits; returns whether some still does. */
bool front_link_write(struct front_link *l);
/* core->send, core->gather */
void front_link_send(struct core *core, struct request *req);
void front_link_gather(struct core *core, bool on);

#endif
