/*
 * core.h - the core process: its start, its threads, its end.
 *
 * Layer:   vault/ (verbs). Includes the rooms of the core.
 * Threads: core_main is the process; core_build and core_take_down from one thread.
 */
#ifndef HUFU_CORE_H
#define HUFU_CORE_H

#include "vault/base/conf.h"
#include "vault/request.h"

/*
 * Runs the core until SIGTERM. control_fd: socket to hufud; the others: links. Takes all of them
 * over.
 * Returns the exit status: 0; 78 where only a person can mend it; 1 where a restart may help.
 */
struct core_links {
    int control_fd, front_fd, hsm_fd;
    int alarm_fd; /* -1: nobody is told of alarms, or later over control */
    int init_fd;  /* the init file for a new vault, or -1 */
};
int core_main(const struct conf *conf, const struct core_links *links);

/*
 * Makes the parts of a core that is still sealed, without threads: tests drive its steps. conf,
 * clock, entropy, hsm and formats are set by the caller, who owns them. HUFU_IO, HUFU_CORRUPT,
 * HUFU_BUSY, HUFU_NOMEM; core_take_down then frees what there is.
 */
HUFU_MUST_USE enum hufu_err core_build(struct core *core);
void core_take_down(struct core *core);
/* Reads the file of auth.deny_file. A fault is logged; the list stays as it was. As deny_load. */
HUFU_MUST_USE enum hufu_err core_read_deny(struct core *core);

#endif
