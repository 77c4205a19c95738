/*
 * trace.h - what an answer leaves behind: it is counted, and has its line in the log.
 *
 * Layer:   api/. Includes vault/base/ only.
 * Threads: as the peer.
 *
 * A line names verb, code, time and size, the request id and where it came from; never a path,
 * never anything of the body. Failures and slow answers always have one; log.requests says which of
 * the others do.
 */
#ifndef HUFU_API_TRACE_H
#define HUFU_API_TRACE_H

#include "api/peer.h"
#include "api/reply.h"

#define TRACE_SLOW_US 1000000u /* beyond it an answer has its line whatever the settings say */

/* The answer of the peer's call goes out: once for each. */
void trace_answer(struct serve *s, const struct peer *p, const struct reply *reply);

#endif
