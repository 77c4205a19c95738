/*
 * hsm.h - the hsm process: the PKCS#11 module, and nothing else, behind a socket.
 *
 * Layer:   hsm/. Includes vault/base/ only.
 * Threads: one thread, in a process of its own: the module is foreign code, it may hang or crash.
 *
 * It answers the core's calls (vault/base/hsm_msg.h) in order, one reply each. It has no deadlines
 * of its own; the core has a deadline for each call and has this process ended beyond it.
 */
#ifndef HUFU_HSM_HSM_H
#define HUFU_HSM_HSM_H

#include "vault/base/conf.h"

/*
 * Runs the process until it is told to end.
 *
 * conf:       read only.
 * control_fd: SEQPACKET to hufud; brings new links to the core. Taken over.
 * core_fd:    STREAM to the core, or -1 where one comes later over control. Taken over.
 * Returns:    the exit status: 0 after SIGTERM, or when link and control are closed; 78 where only
 *             a person can mend it (CONTROL_FATAL was sent then).
 */
int hsm_main(const struct conf *conf, int control_fd, int core_fd);

#endif
