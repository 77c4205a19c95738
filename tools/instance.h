/*
 * instance.h - what a running hufud has of the machine: its lock, its run file, its listening
 * socket, and systemd's ear.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: the supervisor's one thread.
 * Source:  systemd sd_notify(3), "Notes": the datagram protocol.
 */
#ifndef HUFU_TOOLS_INSTANCE_H
#define HUFU_TOOLS_INSTANCE_H

#include <stdint.h>
#include <sys/types.h>

#include "vault/base/err.h"

/*
 * Takes the lock DATA/hufud.lock, waiting up to wait_ms for the last one's core to let go.
 * Returns: HUFU_OK and a descriptor that holds it; HUFU_BUSY (another hufud runs); HUFU_IO.
 */
HUFU_MUST_USE enum hufu_err instance_lock(const char *data_dir, uint64_t wait_ms, int *fd_out);

/*
 * Binds a TCP socket to a numeric IPv4 or IPv6 address and listens; port 0 takes a free one.
 * Returns: HUFU_OK; HUFU_SYNTAX (no such address); HUFU_IO (in use, or not ours).
 */
HUFU_MUST_USE enum hufu_err instance_listen(const char *address, uint16_t port, int *fd_out,
                                            uint16_t *port_out);

/*
 * Opens the file of `--init`: a regular file of mode 0600 or 0400 that this user owns.
 * Returns: HUFU_OK; HUFU_IO (cannot be opened); HUFU_FORBIDDEN (others could read or write it).
 */
HUFU_MUST_USE enum hufu_err instance_init_file(const char *path, int *fd_out);

struct instance_pid {
    const char *name;
    pid_t pid; /* 0: not running, then its line is left out */
};
/* Writes DATA/hufud.run anew: pid, port (unless 0), then a line each. HUFU_IO. */
HUFU_MUST_USE enum hufu_err instance_run_write(const char *data_dir, uint16_t port,
                                               const struct instance_pid *pids, size_t pids_count);
void instance_run_remove(const char *data_dir);

/* Tells systemd, where NOTIFY_SOCKET names its socket; else, or where that fails, does nothing. */
void instance_notify(const char *state);

#endif
