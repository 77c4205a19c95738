/*
 * core_link.h - requests that wait for the core: a bounded table, one link, one reading thread.
 *
 * Layer:   api/. Includes vault/base/ only.
 * Threads: core_link_send and core_link_attach from any thread; `done` runs in the reading thread.
 *
 * A frame's id is a slot and that slot's generation, so an answer that comes too late finds nobody.
 * A link that breaks or lies is closed: whoever waits gets HUFU_UNAVAILABLE, and so does everyone
 * who asks until the next link is attached.
 */
#ifndef HUFU_API_CORE_LINK_H
#define HUFU_API_CORE_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/base/msg.h"

struct core_link; /* opaque */

struct core_wait { /* the caller's, and still until done was called */
    /*
     * Called once for each core_link_send that returned HUFU_OK, perhaps before that returned.
     * err: HUFU_OK, then reply and its views are valid during the call; or HUFU_UNAVAILABLE.
     */
    void (*done)(struct core_wait *w, enum hufu_err err, const struct msg_reply *reply);
};

struct core_limits {
    size_t items;       /* requests that may wait at once */
    size_t bytes;       /* of their frames */
    uint64_t answer_ms; /* until a request is given up */
};

/* Starts the reading thread; no link yet. HUFU_NOMEM, HUFU_IO. *out is the caller's. */
HUFU_MUST_USE enum hufu_err core_link_new(const struct core_limits *limits, struct core_link **out);
/* Fails everyone who waits, ends the thread; nobody may call in any more. NULL is fine. */
void core_link_free(struct core_link *cl);

/* Takes fd over as the link from now on; everyone who waits on the old one is failed. */
void core_link_attach(struct core_link *cl, int fd);
bool core_link_is_up(struct core_link *cl);

/*
 * Sends a request as a frame of type verb, whose body is head and fields.
 * Returns: HUFU_OK: w->done will be called; HUFU_UNAVAILABLE: it will not.
 */
HUFU_MUST_USE enum hufu_err core_link_send(struct core_link *cl, uint16_t verb, struct view head,
                                           struct view fields, struct core_wait *w);
/* Gives everyone who waits HUFU_UNAVAILABLE now. */
void core_link_fail_all(struct core_link *cl);
size_t core_link_waiting(struct core_link *cl);
uint64_t core_link_count(struct core_link *cl); /* links attached since the start */

#endif
