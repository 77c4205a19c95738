/*
 * cli_retry.h - one request again and again, until it is answered or the time for it is over.
 *
 * Layer:   tools/. Includes vault/base/ only.
 * Threads: the client has one thread. retry_is_worth and retry_wait_ms are pure.
 *
 * Only for requests that may be repeated: those with an idempotency key.
 */
#ifndef HUFU_TOOLS_CLI_RETRY_H
#define HUFU_TOOLS_CLI_RETRY_H

#include <signal.h>

#include "tools/cli.h"
#include "tools/cli_http.h"
#include "tools/cli_progress.h"

#define RETRY_WAIT_MAX_MS 10000U /* between two tries, where the server names no time */

struct retry {
    uint64_t for_s;                   /* how long one request is tried */
    const volatile sig_atomic_t *end; /* not 0: give up; borrowed */
    struct progress *progress;        /* wiped before something is printed; borrowed */
};

/* True for no answer, 408, 429 and 5xx: what may go better next time. */
bool retry_is_worth(enum cli_exit sent, const struct cli_reply *reply);
/* Milliseconds before try number `next` (1: the first repetition): from 200 ms doubled each time,
 * never less than the server asked for. */
uint64_t retry_wait_ms(unsigned next, uint64_t retry_after_s);
/*
 * POSTs body to the command's path. CLI_OK: 2xx. Else told on stderr: that it waits, once, and the
 * last fault at the end; nothing more where a signal ended it (CLI_SERVER).
 */
enum cli_exit retry_post(struct cli *cli, const struct retry *retry, struct view body,
                         struct cli_reply *out);

#endif
