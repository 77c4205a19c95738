/*
 * peer.h - one connection: who is at its other end, and the request that is under way on it.
 *
 * Layer:   api/. Includes vault/base/ only; microhttpd.
 * Threads: a peer belongs to its connection's thread; while its call waits for the core it belongs
 *          to the core link's reading thread.
 */
#ifndef HUFU_API_PEER_H
#define HUFU_API_PEER_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/answer.h"
#include "api/call.h"
#include "api/serve.h"
#include "api/tls.h"
#include "api/watchdog.h"

struct peer {
    struct watch watch;
    struct tls_set *set; /* what its session was set up or last judged with */
    bool judged;         /* cert and pin are known under set … */
    uint64_t judged_ms;  /* … since then, CLOCK_BOOTTIME */
    enum tls_peer cert;
    bool pinned; /* the core knows the pin */
    uint8_t pin[MSG_PIN_LEN];
    uint64_t until_ms;  /* end of its certificate, UTC */
    uint8_t addr[16];   /* IPv4 mapped into IPv6 */
    struct view target; /* of the present request, as it came in */
    bool target_ok;
    struct call call;
    struct answer answer; /* its body lies in the call */
};

/* A connection begins: its deadline runs, its session is set up. NULL: no memory. */
struct peer *peer_open(struct serve *s, struct MHD_Connection *connection);
/* It ends; NULL is fine. */
void peer_close(struct serve *s, struct peer *p);
/* The peer of a connection, or NULL. */
struct peer *peer_of(struct MHD_Connection *connection);
/* Judges the certificate at the first request, after each reload and once a minute: its chain may
 * end meanwhile. Its own end, and that of the revocation list, hold for every request. */
void peer_judge(struct serve *s, struct peer *p, struct MHD_Connection *connection);
bool peer_is_loopback(const struct peer *p);

#endif
