/*
 * fake_role.h - small stand-ins for front, core, hsm and alarm: they answer one-letter questions
 * over the links that the supervisor made, and misbehave where asked to.
 *
 * Layer:   tests/. Includes vault/base/ and tools/supervise.h.
 * Threads: one.
 *
 * The front takes TCP connections: one byte in, one line out. f, c, h, a: "NAME PID" of the front,
 * the core, the hsm process, the alarm process, each reached through the links; r: how many reloads
 * the front has had, and the level of the log that it was told.
 */
#ifndef HUFU_TESTS_FAKE_ROLE_H
#define HUFU_TESTS_FAKE_ROLE_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/supervise.h"
#include "vault/base/frame.h"

struct fake_role {
    const char *name, *dir, *scene;
    struct link front, core, hsm, alarm; /* those that this role has; fd -1 else */
    unsigned reloads, level;
    bool drain;
};

static volatile sig_atomic_t fake_role_told;

static inline void fake_role_on_term(int sig)
{
    (void)sig;
    fake_role_told = 1;
}

/* Appends a word to DIR/story. */
static inline void fake_role_tell(const struct fake_role *r, const char *word)
{
    char path[300];
    FILE *f;

    snprintf(path, sizeof(path), "%s/story", r->dir);
    f = fopen(path, "ae");
    if (!f)
        _exit(9);
    fprintf(f, "%s\n", word);
    fclose(f);
}

static inline bool fake_role_is(const struct fake_role *r, const char *scene)
{
    return strcmp(r->scene, scene) == 0;
}

static inline void fake_role_say(uint8_t kind)
{
    if (control_send(SUPERVISE_FD_CONTROL, kind, -1) != HUFU_OK)
        _exit(8);
}

static inline void fake_role_link(struct link *l, int fd)
{
    if (l->fd >= 0)
        link_done(l);
    link_init(l, fd, FRAME_MAX);
}

static inline void fake_role_control(struct fake_role *r)
{
    uint8_t kind;
    int fd;

    while (control_recv(SUPERVISE_FD_CONTROL, &kind, &fd) == HUFU_OK) {
        if (kind == CONTROL_LINK_FRONT)
            fake_role_link(&r->front, fd);
        else if (kind == CONTROL_LINK_CORE)
            fake_role_link(&r->core, fd);
        else if (kind == CONTROL_LINK_HSM)
            fake_role_link(&r->hsm, fd);
        else if (kind == CONTROL_LINK_ALARM)
            fake_role_link(&r->alarm, fd);
        else if (kind == CONTROL_RELOAD)
            r->reloads++;
        else if (kind >= CONTROL_LEVEL)
            r->level = kind - CONTROL_LEVEL;
        else if (kind == CONTROL_DRAIN && !fake_role_is(r, "stubborn"))
            r->drain = true;
    }
}

/* Sends a question over a link and waits for its answer, at most 2 s. */
static inline void fake_role_ask(struct link *l, uint16_t question, char out[static 64])
{
    struct frame f;

    snprintf(out, 64, "down");
    if (l->fd < 0 || link_send(l, question, 1, view_of("", 0)) != HUFU_OK)
        return;
    for (int i = 0; i < 20; i++) {
        struct pollfd p = { .fd = l->fd, .events = POLLIN };

        poll(&p, 1, 100);
        if (link_fill(l) != HUFU_OK)
            return;
        if (link_next(l, &f) == HUFU_OK) {
            snprintf(out, 64, "%.*s", (int)f.body.len, (const char *)f.body.p);
            return;
        }
    }
}

/* What a question does to the role that it is for. */
static inline void fake_role_answer(struct fake_role *r, uint16_t question, char out[static 64])
{
    snprintf(out, 64, "%s %d", r->name, (int)getpid());
    if (question == 'h' && strcmp(r->name, "core") == 0)
        fake_role_ask(&r->hsm, question, out);
    else if (question == 'a' && strcmp(r->name, "core") == 0)
        fake_role_ask(&r->alarm, question, out);
    else if (question == 'x' || question == '7')
        _exit(question == 'x' ? 1 : SUPERVISE_EXIT_CONFIG);
    else if (question == 's')
        fake_role_say(CONTROL_HSM_STUCK);
    else if (question == 'F')
        fake_role_say(CONTROL_FATAL);
    else if (question == 'b')
        fake_role_say(CONTROL_DRAIN); /* which only hufud says */
}

static inline void fake_role_serve_link(struct fake_role *r, struct link *l)
{
    struct frame f;

    if (l->fd < 0)
        return;
    if (link_fill(l) != HUFU_OK) {
        link_done(l);
        return;
    }
    while (link_next(l, &f) == HUFU_OK) {
        char line[64];

        fake_role_answer(r, f.type, line);
        if (link_send(l, f.type, f.id, view_str(line)) != HUFU_OK)
            return;
    }
}

/* f, r, X, B are the front's own; all others the core's, or through it hsm's and alarm's. */
static inline void fake_role_accept(struct fake_role *r)
{
    int fd = accept4(SUPERVISE_FD_SECOND, NULL, NULL, SOCK_CLOEXEC);
    char question = 0, line[64];

    if (fd < 0 || read(fd, &question, 1) != 1) {
        if (fd >= 0)
            close(fd);
        return;
    }
    if (question == 'r')
        snprintf(line, sizeof(line), "%u level %u", r->reloads, r->level);
    else if (question == 'f')
        fake_role_answer(r, 'f', line);
    else if (question == 'X' || question == 'B')
        fake_role_answer(r, question == 'X' ? 'x' : 'b', line);
    else
        fake_role_ask(&r->core, (uint16_t)question, line);
    if (write(fd, line, strlen(line)) < 0)
        fake_role_tell(r, "write");
    close(fd);
}

static inline void fake_role_begin(struct fake_role *r)
{
    bool is_core = strcmp(r->name, "core") == 0;
    char text[3] = "", hsm[64];

    fake_role_tell(r, strcmp(r->name, "front") == 0 ? "front-started" : "started");
    if (fake_role_is(r, "core-config") && is_core)
        _exit(SUPERVISE_EXIT_CONFIG);
    if (fake_role_is(r, "front-dies") && strcmp(r->name, "front") == 0)
        _exit(1);
    if (fake_role_is(r, "init-fails") && is_core)
        _exit(1);
    if (fake_role_is(r, "init") && is_core) {
        if (fcntl(SUPERVISE_FD_LINK, F_GETFD) != -1 || read(SUPERVISE_FD_INIT, text, 2) != 2)
            _exit(1);
        fake_role_tell(r, text);
        fake_role_ask(&r->hsm, 'h',
                      hsm); /* no core makes an instance before the hsm process is up */
        fake_role_say(CONTROL_INIT_DONE);
    }
    fake_role_say(CONTROL_READY);
}

/* The loop of all of them. */
static inline int fake_role_main(const char *name, const char *dir, const char *scene)
{
    struct fake_role r = { name,         dir, scene, { .fd = -1 }, { .fd = -1 }, { .fd = -1 },
                           { .fd = -1 }, 0,   0,     false };
    struct sigaction act = { .sa_handler = fake_role_on_term };
    bool is_core = strcmp(name, "core") == 0, is_front = strcmp(name, "front") == 0;

    sigaction(SIGTERM, &act, NULL);
    if (fcntl(SUPERVISE_FD_LINK, F_GETFD) != -1)
        fake_role_link(is_core ? &r.front : &r.core, SUPERVISE_FD_LINK);
    if (is_core)
        fake_role_link(&r.hsm, SUPERVISE_FD_SECOND);
    if (is_core && fcntl(SUPERVISE_FD_ALARM, F_GETFD) != -1)
        fake_role_link(&r.alarm, SUPERVISE_FD_ALARM);
    fake_role_begin(&r);
    while (!r.drain && (!fake_role_told || fake_role_is(&r, "stubborn"))) {
        struct pollfd p[3] = { { .fd = SUPERVISE_FD_CONTROL, .events = POLLIN },
                               { .fd = is_core ? r.front.fd : r.core.fd, .events = POLLIN },
                               { .fd = is_front ? SUPERVISE_FD_SECOND : -1, .events = POLLIN } };

        if (poll(p, 3, 1000) < 0)
            continue;
        fake_role_control(&r);
        if (!is_front)
            fake_role_serve_link(&r, is_core ? &r.front : &r.core);
        else if (p[2].revents)
            fake_role_accept(&r);
    }
    fake_role_tell(&r, name);
    for (size_t i = 0; i < 4; i++) {
        struct link *const all[] = { &r.front, &r.core, &r.hsm, &r.alarm };

        if (all[i]->fd >= 0)
            link_done(all[i]);
    }
    return 0;
}

#endif
