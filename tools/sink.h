/*
 * sink.h - the alarm process: brings alarms to a program and a webhook, and nothing else.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: one, in a process of its own: it talks to a network and starts a program, so it holds
 * no key, no row and no link but the one to the core.
 * Source:  control C28.
 *
 * One alarm at a time (vault/base/alarm_msg.h); each of the two sinks has the deadline
 * alarm.deliver_ms. An alarm that comes again, since the other sink failed, is not given twice to
 * the one that had it, as long as this process lives.
 */
#ifndef HUFU_TOOLS_SINK_H
#define HUFU_TOOLS_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/base/alarm_msg.h"
#include "vault/base/conf.h"

/* True where a program or a webhook is configured. */
bool sink_is_wanted(const struct conf *conf);

/*
 * Runs the process until it is told to end. control_fd: SEQPACKET to hufud; core_fd: STREAM to the
 * core, or -1 where one comes later. Takes both over.
 * Returns: the exit status: 0 after SIGTERM, or when link and control are closed; 1 else.
 */
int sink_main(const struct conf *conf, int control_fd, int core_fd);

/*
 * Runs `path GRADE RULE` without a shell, in a group of its own, with the JSON and a line's end on
 * its standard input, an environment of PATH alone, and nothing else of ours. Beyond deadline_ms,
 * or where stop_fd (-1: none) becomes readable, the group is ended.
 * Returns: HUFU_OK (it ended with 0); HUFU_IO (not started); HUFU_BUSY (it was ended);
 * HUFU_CONFLICT (another end: *status_out, 128 and the signal where it was one).
 */
HUFU_MUST_USE enum hufu_err sink_command_run(const char *path, const struct alarm_msg *msg,
                                             uint64_t deadline_ms, int stop_fd,
                                             uint32_t *status_out);

struct sink_webhook; /* opaque: a connection that is kept */

/* ca: file of the only authority that counts; "": the system's. stop_fd: as above. *out is the
 * caller's. HUFU_NOMEM. */
HUFU_MUST_USE enum hufu_err sink_webhook_new(const char *url, const char *ca, uint64_t deadline_ms,
                                             int stop_fd, struct sink_webhook **out);
void sink_webhook_free(struct sink_webhook *w); /* NULL is fine */
/*
 * Posts the JSON: TLS 1.2 at least, the certificate verified, no proxy, no redirect followed.
 * Returns: HUFU_OK (a status of 2xx); HUFU_CLOSED (no answer, or the peer is not whom we mean);
 * HUFU_CONFLICT (another status: *status_out).
 */
HUFU_MUST_USE enum hufu_err sink_webhook_post(struct sink_webhook *w, const struct alarm_msg *msg,
                                              uint32_t *status_out);

#endif
