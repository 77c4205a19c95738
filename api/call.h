/*
 * call.h - one request: what came in, what goes to the core, what came back.
 *
 * Layer:   api/. Includes vault/base/ only; microhttpd.
 * Threads: as its peer.
 *
 * A call lives in its peer and is used again for the connection's next request, so that a kept
 * connection allocates nothing. Everything that may hold a value is wiped in between.
 */
#ifndef HUFU_API_CALL_H
#define HUFU_API_CALL_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/core_link.h"
#include "api/guard.h"
#include "api/routes.h"
#include "vault/base/buf.h"
#include "vault/base/msg.h"

#define CALL_KEY_MAX  64 /* bytes of a request id or idempotency key */
#define CALL_ARGS_MAX 8  /* query parameters; no call has more than three */

enum call_stage {
    CALL_HEAD, /* nothing is known yet */
    CALL_PIN,  /* the core is asked about the certificate */
    CALL_BODY, /* the body comes in */
    CALL_CORE, /* the core works on it */
    CALL_DONE, /* answered */
};

struct call {
    struct core_wait wait; /* first: done finds the call by it */
    struct MHD_Connection *connection;
    enum call_stage stage;
    uint64_t began_us;        /* clock_us of its head */
    enum hufu_err outcome;    /* of the answer */
    struct route_match match; /* its param lies in the library's memory until the request ends */
    size_t content_length;
    bool has_session;
    bool whole; /* the fault the core was told of is in the body's root object */
    uint8_t session[MSG_SESSION_LEN];
    uint8_t request_id[CALL_KEY_MAX], idem_key[CALL_KEY_MAX];
    size_t request_id_len, idem_key_len;
    struct buf body;         /* as it came in */
    struct buf head, fields; /* of the frame: its two parts */
    /* written by done */
    enum hufu_err link_err;
    struct msg_reply reply; /* its body lies in text */
    struct buf text;        /* of the answer: the core's body, or ours */
    char allow[ROUTES_ALLOW_MAX];
};

void call_init(struct call *c);
void call_done(struct call *c); /* wipes */
/* Wipes what the last request left and keeps the memory, unless it was much. */
void call_reset(struct call *c);

/* Takes over what the head says: ids, session, length. */
void call_read_head(struct call *c, const struct guard_found *found);
/* Whether a body of this type may be read at all. HUFU_OK, HUFU_TOO_LARGE, HUFU_MEDIA_TYPE. */
HUFU_MUST_USE enum hufu_err call_check_body(const struct call *c, const struct guard_found *found);

struct call_from {       /* who calls: parts of the peer */
    const uint8_t *addr; /* 16 bytes */
    const uint8_t *pin;  /* MSG_PIN_LEN bytes, or NULL */
    uint64_t until_ms;   /* end of the certificate with that pin, UTC */
};
/* Makes the frame that asks about a pin, or for the status, or for the metrics: no fields. */
void call_make_plain(struct call *c, const struct call_from *from);
/* Makes the frame of the route's verb from path, query and body; a fault in them goes into it.
 * HUFU_OK; HUFU_UNAVAILABLE (no memory). */
HUFU_MUST_USE enum hufu_err call_make_request(struct call *c, const struct call_from *from);

#endif
