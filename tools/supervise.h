/*
 * supervise.h - the process table of hufud: starts the roles, hands each its sockets, starts again
 * what dies, and ends them in order.
 *
 * Layer:   tools/. Includes vault/base/ only; knows the roles by their names.
 * Threads: one.
 *
 * A role is this program again with `--role NAME`, and descriptors at fixed numbers.
 */
#ifndef HUFU_TOOLS_SUPERVISE_H
#define HUFU_TOOLS_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/base/err.h"

#define SUPERVISE_FD_CONTROL 3 /* every role: SEQPACKET to hufud */
#define SUPERVISE_FD_LINK    4 /* front, hsm, alarm: link to the core; core: link to the front */
#define SUPERVISE_FD_SECOND  5 /* core: link to the hsm process; front: the listening socket */
#define SUPERVISE_FD_INIT    6 /* core with --init: the file */
#define SUPERVISE_FD_LOCK                                                                          \
    7 /* core: the instance's lock, so that it outlives hufud with the core                        \
       */

#define SUPERVISE_FD_ALARM 8 /* core: link to the alarm process, where there is one */

#define SUPERVISE_EXIT_CONFIG 78 /* EX_CONFIG of sysexits(3): a person has to mend something */

struct supervise_plan {
    const char *const *args; /* options that every role gets, NULL-terminated; at most 60 */
    const char *data_dir;    /* where hufud.run goes */
    int lock_fd;             /* from instance_lock; stays the caller's */
    int listen_fd;           /* -1 with init_fd; else taken over */
    uint16_t port;           /* of listen_fd */
    /* Reads the configuration again and gives the enum log_level that holds now. */
    uint8_t (*read_level)(void *arg);
    void *arg;
    bool has_alarm; /* somebody is to be told of alarms: the alarm process is started */
    int init_fd;    /* -1; else no front is started, and it ends after CONTROL_INIT_DONE */
};

/*
 * Runs until a signal or a role ends it. SIGTERM and SIGINT: drain, at most 5 s; SIGHUP: reload,
 * and the level of the log. Returns the exit status: 0 after a signal or a finished init; 78 where
 * a role said that it must not be started again; 1 where an init failed or took over 60 s, or
 * signals cannot be had.
 */
int supervise_run(const struct supervise_plan *plan);

#endif
