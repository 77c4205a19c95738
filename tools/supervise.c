#include "tools/supervise.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/instance.h"
#include "tools/supervise_role.h"
#include "vault/base/clock.h"
#include "vault/base/frame.h"
#include "vault/base/log.h"

#define DRAIN_MS      4000  /* the front may take to finish what it has */
#define STOP_MS       5000  /* everything may take, the drain included */
#define INIT_MS       60000 /* `--init` may take */
#define FORK_AGAIN_MS 500   /* between attempts where the machine has no room for a process */

/* A socketpair between two roles. An end waits here only until its role is started. */
struct pair {
    enum supervise_role peer; /* of the core */
    int kept_fd;              /* -1: none */
    enum supervise_role kept_for;
};

enum stage { RUNNING, DRAINING, ENDING, KILLING };

struct supervise {
    const struct supervise_plan *plan;
    int signal_fd;
    int listen_fd;
    struct supervise_child child[SUPERVISE_ROLES];
    struct pair to_front, to_hsm, to_alarm;
    bool is_init;
    bool said_ready;
    bool told_hsm_to_end;
    enum stage stage;
    uint64_t end_ms; /* RUNNING with --init: the limit; from then on: when stopping began */
    int status;
};

static uint64_t now_ms(void)
{
    return clock_system.boot_ms(&clock_system);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- telling ---- */

static void kill_role(struct supervise *s, enum supervise_role role, int sig)
{
    if (s->child[role].pid > 0)
        kill(s->child[role].pid, sig);
}

/* A role that does not empty its control socket hangs: it is ended, and started again. */
static void tell(struct supervise *s, enum supervise_role role, uint8_t kind, int fd)
{
    struct supervise_child *c = &s->child[role];

    if (c->pid == 0 || c->control_fd < 0 || control_send(c->control_fd, kind, fd) == HUFU_OK)
        return;
    log_event(LOG_WARN, "role.deaf", "name", LOG_STR(supervise_role_names[role]), NULL);
    kill_role(s, role, SIGKILL);
}

static void run_file_write(const struct supervise *s)
{
    struct instance_pid pids[SUPERVISE_ROLES];
    enum hufu_err err;

    for (int i = 0; i < SUPERVISE_ROLES; i++)
        pids[i] = (struct instance_pid){ supervise_role_names[i], s->child[i].pid };
    err = instance_run_write(s->plan->data_dir, s->plan->port, pids, SUPERVISE_ROLES);
    if (err != HUFU_OK)
        log_event(LOG_ERROR_LEVEL, "hufud.run_file", "err", LOG_ERR(err), NULL);
}

/* ---- starting ---- */

/* The end of a pair for a role that is being started; its peer gets the other end, now or later. */
static int end_for(struct supervise *s, struct pair *p, enum supervise_role role)
{
    enum supervise_role other = role == SUPERVISE_CORE ? p->peer : SUPERVISE_CORE;
    uint8_t kind = CONTROL_LINK_CORE;
    int fd[2];

    if (p->kept_fd >= 0 && p->kept_for == role) {
        fd[0] = p->kept_fd;
        p->kept_fd = -1;
        return fd[0];
    }
    close_fd(&p->kept_fd); /* its other end died with the last one of this role */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) != 0)
        return -1;
    if (s->child[other].pid == 0) {
        p->kept_fd = fd[1];
        p->kept_for = other;
        return fd[0];
    }
    if (other == SUPERVISE_CORE)
        kind = supervise_role_link(role);
    tell(s, other, kind, fd[1]);
    close(fd[1]);
    return fd[0];
}

static void start_role(struct supervise *s, enum supervise_role role)
{
    int fds[SUPERVISE_FDS] = { -1, -1, -1, -1, -1, -1 };
    struct supervise_child *c = &s->child[role];
    enum hufu_err err;

    if (role == SUPERVISE_HSM)
        fds[1] = end_for(s, &s->to_hsm, role);
    else if (role == SUPERVISE_ALARM)
        fds[1] = end_for(s, &s->to_alarm, role);
    else if (!s->is_init)
        fds[1] = end_for(s, &s->to_front, role);
    if (role == SUPERVISE_CORE) {
        fds[2] = end_for(s, &s->to_hsm, role);
        fds[3] = s->plan->init_fd;
        fds[4] = s->plan->lock_fd;
        if (s->child[SUPERVISE_ALARM].is_wanted)
            fds[5] = end_for(s, &s->to_alarm, role);
    } else if (role == SUPERVISE_FRONT) {
        fds[2] = s->listen_fd;
    }
    err = supervise_role_start(role, s->plan->args, fds, c);
    close_fd(&fds[1]);
    if (role == SUPERVISE_CORE) {
        close_fd(&fds[2]);
        close_fd(&fds[5]);
    }
    if (err != HUFU_OK) {
        c->next_ms = now_ms() + FORK_AGAIN_MS;
        log_event(LOG_ERROR_LEVEL, "role.not_started", "name", LOG_STR(supervise_role_names[role]),
                  "err", LOG_ERR(err), NULL);
        return;
    }
    log_event(LOG_INFO, "role.started", "name", LOG_STR(supervise_role_names[role]), "pid",
              LOG_NUM(c->pid), NULL);
    if (!s->is_init)
        run_file_write(s);
}

static void step_start(struct supervise *s)
{
    for (int i = 0; i < SUPERVISE_ROLES; i++)
        if (s->stage == RUNNING && s->child[i].is_wanted && s->child[i].pid == 0 &&
            now_ms() >= s->child[i].next_ms)
            start_role(s, (enum supervise_role)i);
}

/* ---- ending ---- */

/* Drains first where there is a front to drain; else everything is told to end at once. */
static void stop(struct supervise *s, int status, bool drain)
{
    if (s->stage != RUNNING)
        return;
    log_event(LOG_INFO, "hufud.stop", "status", LOG_NUM(status), NULL);
    instance_notify("STOPPING=1");
    s->status = status;
    s->end_ms = now_ms();
    s->stage = DRAINING;
    close_fd(&s->listen_fd); /* when the front lets go of it too, clients are refused */
    if (drain)
        tell(s, SUPERVISE_FRONT, CONTROL_DRAIN, -1);
    else
        kill_role(s, SUPERVISE_FRONT, SIGTERM);
}

/* The core ends before the hsm process: its last signature over the log needs that. */
static void step_stop(struct supervise *s)
{
    uint64_t now = now_ms();

    if (s->stage == DRAINING &&
        (s->child[SUPERVISE_FRONT].pid == 0 || now - s->end_ms >= DRAIN_MS)) {
        s->stage = ENDING;
        kill_role(s, SUPERVISE_FRONT, SIGTERM);
        kill_role(s, SUPERVISE_CORE, SIGTERM);
    }
    if (s->stage == ENDING && s->child[SUPERVISE_CORE].pid == 0 && !s->told_hsm_to_end) {
        s->told_hsm_to_end = true;
        kill_role(s, SUPERVISE_HSM, SIGTERM);
        kill_role(s, SUPERVISE_ALARM, SIGTERM);
    }
    if (s->stage == ENDING && now - s->end_ms >= STOP_MS) {
        s->stage = KILLING;
        for (int i = 0; i < SUPERVISE_ROLES; i++)
            kill_role(s, (enum supervise_role)i, SIGKILL);
    }
}

static bool is_over(const struct supervise *s)
{
    for (int i = 0; i < SUPERVISE_ROLES; i++)
        if (s->child[i].pid > 0)
            return false;
    return s->stage != RUNNING;
}

/* ---- hearing ---- */

static void role_ready(struct supervise *s, enum supervise_role role)
{
    s->child[role].is_ready = true;
    if (s->said_ready || s->is_init || s->stage != RUNNING || !s->child[SUPERVISE_FRONT].is_ready ||
        !s->child[SUPERVISE_CORE].is_ready)
        return;
    s->said_ready = true;
    log_event(LOG_INFO, "hufud.ready", "port", LOG_NUM(s->plan->port), NULL);
    instance_notify("READY=1\nSTATUS=serving");
}

/* What a role may say; anything else is a fault of it, and it is started anew. */
static void hear(struct supervise *s, enum supervise_role role, uint8_t kind)
{
    if (kind == CONTROL_READY) {
        role_ready(s, role);
    } else if (kind == CONTROL_FATAL) {
        log_event(LOG_ERROR_LEVEL, "role.fatal", "name", LOG_STR(supervise_role_names[role]), NULL);
        stop(s, SUPERVISE_EXIT_CONFIG, false);
    } else if (kind == CONTROL_HSM_STUCK && role == SUPERVISE_CORE) {
        log_event(LOG_WARN, "role.stuck", "name", LOG_STR("hsm"), NULL);
        kill_role(s, SUPERVISE_HSM, SIGKILL);
    } else if (kind == CONTROL_INIT_DONE && role == SUPERVISE_CORE && s->is_init) {
        stop(s, 0, false);
    } else {
        log_event(LOG_ERROR_LEVEL, "role.babbles", "name", LOG_STR(supervise_role_names[role]),
                  "kind", LOG_NUM(kind), NULL);
        kill_role(s, role, SIGKILL);
    }
}

static void step_control(struct supervise *s, enum supervise_role role)
{
    struct supervise_child *c = &s->child[role];
    enum hufu_err err = HUFU_OK;

    while (c->control_fd >= 0 && err == HUFU_OK) {
        uint8_t kind;
        int fd;

        err = control_recv(c->control_fd, &kind, &fd);
        if (err == HUFU_OK) {
            close_fd(&fd); /* roles have none to give */
            hear(s, role, kind);
        }
    }
    if (err == HUFU_CORRUPT)
        kill_role(s, role, SIGKILL);
    if (err == HUFU_CORRUPT || err == HUFU_CLOSED)
        close_fd(&c->control_fd);
}

static void role_gone(struct supervise *s, enum supervise_role role, int how)
{
    struct supervise_child *c = &s->child[role];
    bool is_config = WIFEXITED(how) && WEXITSTATUS(how) == SUPERVISE_EXIT_CONFIG;

    step_control(s, role); /* its last words came before its end */
    log_event(s->stage == RUNNING ? LOG_WARN : LOG_INFO, "role.ended", "name",
              LOG_STR(supervise_role_names[role]), "pid", LOG_NUM(c->pid), "status",
              LOG_NUM(WIFEXITED(how) ? WEXITSTATUS(how) : 0), "signal",
              LOG_NUM(WIFSIGNALED(how) ? WTERMSIG(how) : 0), NULL);
    supervise_role_died(c, now_ms());
    if (is_config)
        stop(s, SUPERVISE_EXIT_CONFIG, false);
    else if (s->is_init)
        stop(s, 1, false);
}

static void reap(struct supervise *s)
{
    pid_t pid;
    int how;

    while ((pid = waitpid(-1, &how, WNOHANG)) > 0)
        for (int i = 0; i < SUPERVISE_ROLES; i++)
            if (s->child[i].pid == pid)
                role_gone(s, (enum supervise_role)i, how);
}

/* Each role reads its own files again; the level of the log is read here, for all of them. */
static void reload(struct supervise *s)
{
    uint8_t level = s->plan->read_level(s->plan->arg);

    for (int i = 0; i < SUPERVISE_ROLES; i++) {
        tell(s, (enum supervise_role)i, CONTROL_RELOAD, -1);
        tell(s, (enum supervise_role)i, (uint8_t)(CONTROL_LEVEL + level), -1);
    }
}

static void step_signals(struct supervise *s)
{
    struct signalfd_siginfo info;

    while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            stop(s, 0, true);
        if (info.ssi_signo == SIGHUP)
            reload(s);
    }
    reap(s); /* always: several ends may share one SIGCHLD */
}

/* ---- the loop ---- */

static int left_ms(uint64_t until)
{
    uint64_t now = now_ms();

    return until <= now ? 0 : (int)(until - now);
}

static int wait_ms(const struct supervise *s)
{
    uint64_t until = UINT64_MAX;

    if (s->stage == KILLING)
        return -1;
    if (s->stage != RUNNING)
        return left_ms(s->end_ms + (s->stage == DRAINING ? DRAIN_MS : STOP_MS));
    if (s->is_init)
        until = s->end_ms;
    for (int i = 0; i < SUPERVISE_ROLES; i++)
        if (s->child[i].is_wanted && s->child[i].pid == 0 && s->child[i].next_ms < until)
            until = s->child[i].next_ms;
    return until == UINT64_MAX ? -1 : left_ms(until);
}

static void step_poll(struct supervise *s)
{
    struct pollfd fds[SUPERVISE_ROLES + 1];

    for (int i = 0; i < SUPERVISE_ROLES; i++)
        fds[i] = (struct pollfd){ .fd = s->child[i].control_fd, .events = POLLIN };
    fds[SUPERVISE_ROLES] = (struct pollfd){ .fd = s->signal_fd, .events = POLLIN };
    if (poll(fds, SUPERVISE_ROLES + 1, wait_ms(s)) < 0)
        return;
    for (int i = 0; i < SUPERVISE_ROLES; i++)
        if (fds[i].revents != 0)
            step_control(s, (enum supervise_role)i);
    if (fds[SUPERVISE_ROLES].revents != 0)
        step_signals(s);
    if (s->is_init && s->stage == RUNNING && now_ms() >= s->end_ms)
        stop(s, 1, false);
}

int supervise_run(const struct supervise_plan *plan)
{
    struct supervise s = { .plan = plan,
                           .listen_fd = plan->listen_fd,
                           .signal_fd = supervise_role_signals() };

    if (s.signal_fd < 0)
        return 1;
    s.is_init = plan->init_fd >= 0;
    s.end_ms = now_ms() + INIT_MS;
    s.to_front = (struct pair){ SUPERVISE_FRONT, -1, SUPERVISE_CORE };
    s.to_hsm = (struct pair){ SUPERVISE_HSM, -1, SUPERVISE_CORE };
    s.to_alarm = (struct pair){ SUPERVISE_ALARM, -1, SUPERVISE_CORE };
    for (int i = 0; i < SUPERVISE_ROLES; i++)
        s.child[i] = (struct supervise_child){ .control_fd = -1,
                                               .is_wanted = i != SUPERVISE_FRONT || !s.is_init };
    s.child[SUPERVISE_ALARM].is_wanted = plan->has_alarm && !s.is_init;
    while (!is_over(&s)) {
        step_start(&s);
        step_poll(&s);
        step_stop(&s);
    }
    if (!s.is_init)
        instance_run_remove(plan->data_dir);
    close_fd(&s.to_front.kept_fd);
    close_fd(&s.to_hsm.kept_fd);
    close_fd(&s.to_alarm.kept_fd);
    close_fd(&s.listen_fd);
    close_fd(&s.signal_fd);
    log_event(LOG_INFO, "hufud.end", "status", LOG_NUM(s.status), NULL);
    return s.status;
}
