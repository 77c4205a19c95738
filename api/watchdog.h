/*
 * watchdog.h - absolute deadlines of connections, since the HTTP library has none that hold.
 *
 * Layer:   api/. Includes vault/base/ only.
 * Threads: one of its own; every function is safe from any thread. A struct watch belongs to its
 *          connection between watchdog_add and watchdog_remove.
 *
 * The library's own timeout is an inactivity timer, is not applied during the TLS handshake, and
 * makes it spin. So a late connection's socket is shut down from here, and the library finds it
 * closed.
 */
#ifndef HUFU_API_WATCHDOG_H
#define HUFU_API_WATCHDOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vault/base/err.h"

struct watchdog; /* opaque */

struct watch {
    struct watch *next, **link;
    int fd;
    atomic_bool idle;             /* between two requests: may be ended at any time */
    _Atomic uint64_t deadline_ms; /* boot time; 0: none */
};

HUFU_MUST_USE enum hufu_err watchdog_new(struct watchdog **out); /* HUFU_NOMEM */
void watchdog_free(struct watchdog *wd);                         /* NULL is fine */

/* Begins to watch a connection, idle as yet; its first deadline is in wait_ms. */
void watchdog_add(struct watchdog *wd, struct watch *w, int fd, uint64_t wait_ms);
/* After it the watch is never touched again; call it before the socket is closed. */
void watchdog_remove(struct watchdog *wd, struct watch *w);
/* The next deadline is in wait_ms; 0: none. */
void watchdog_set(struct watch *w, uint64_t wait_ms, bool idle);

/* From now on idle connections are ended at once. */
void watchdog_drain(struct watchdog *wd);
/* How many connections there are, and how many of them are in the middle of a request. */
void watchdog_count(struct watchdog *wd, uint64_t *all_out, uint64_t *busy_out);
/* How many connections were ended for being late. */
uint64_t watchdog_late(struct watchdog *wd);

#endif
