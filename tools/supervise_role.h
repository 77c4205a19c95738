/*
 * supervise_role.h - one role's process: its making, its descriptors, its end.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: one.
 */
#ifndef HUFU_TOOLS_SUPERVISE_ROLE_H
#define HUFU_TOOLS_SUPERVISE_ROLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "vault/base/err.h"

enum supervise_role {
    SUPERVISE_HSM,
    SUPERVISE_ALARM,
    SUPERVISE_CORE,
    SUPERVISE_FRONT,
    SUPERVISE_ROLES
};

extern const char *const supervise_role_names[SUPERVISE_ROLES];

#define SUPERVISE_FDS 6 /* descriptors 3..8 of a role; -1: none */

struct supervise_child {
    pid_t pid;        /* 0: not running */
    int control_fd;   /* our end; -1: closed */
    bool is_wanted;   /* to be started, and again when it dies */
    bool is_ready;    /* it said so since it was started */
    uint64_t born_ms; /* CLOCK_BOOTTIME, as are all times here */
    uint64_t next_ms; /* not to be started before this */
    uint64_t wait_ms; /* what the next quick death costs */
};

/*
 * Starts a role. fds[0] is filled here with its end of a new control socket; the rest are the
 * caller's and are copied.
 * Returns: HUFU_OK, *c says the rest; HUFU_IO, *c untouched.
 */
HUFU_MUST_USE enum hufu_err supervise_role_start(enum supervise_role role, const char *const *args,
                                                 int fds[static SUPERVISE_FDS],
                                                 struct supervise_child *c);

/* Notes that a child is gone, and when it may start again: at once after a life of 1 s or the first
 * time, then after 50 ms, doubling to 500. */
void supervise_role_died(struct supervise_child *c, uint64_t now_ms);

/* The enum control_kind by which the core is told of a new link to the role. */
uint8_t supervise_role_link(enum supervise_role role);

/* The supervisor's own signals, made readable: SIGTERM, SIGINT, SIGHUP, SIGCHLD. -1: they cannot be
 * had. */
int supervise_role_signals(void);

#endif
