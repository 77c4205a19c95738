/*
 * front.h - the front process: untrusted bytes come in here, and go on as frames.
 *
 * Layer:   api/. Includes vault/base/ only.
 * Threads: front_main is a process's main thread; it starts the others.
 *
 * It holds no data key, opens no store and decides nothing about rights.
 */
#ifndef HUFU_API_FRONT_H
#define HUFU_API_FRONT_H

#include "vault/base/conf.h"

/*
 * Serves until it is told to drain or the control socket closes.
 *
 * c:          borrowed; front.* and log.level.
 * control_fd: to hufud. Gets CONTROL_READY; obeys CONTROL_LINK_CORE, CONTROL_DRAIN, CONTROL_RELOAD.
 * core_fd:    the first link to the core, or -1; taken over.
 * listen_fd:  a listening TCP socket; taken over.
 * Returns:    the exit status: 0 after draining; 78 where the TLS files do not serve; 1 where it
 * could not start otherwise.
 */
int front_main(const struct conf *c, int control_fd, int core_fd, int listen_fd);

#endif
