#include "api/peer.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "vault/base/clock.h"
#include "vault/base/secret.h"

#define JUDGE_AGAIN_MS 60000

static gnutls_session_t session_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

    return info == NULL ? NULL : (gnutls_session_t)info->tls_session;
}

static void read_address(struct MHD_Connection *connection, uint8_t out[static 16])
{
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    if (info == NULL || info->client_addr == NULL)
        return;
    if (info->client_addr->sa_family == AF_INET) {
        struct sockaddr_in in4;

        memcpy(&in4, info->client_addr, sizeof(in4));
        memcpy(out, mapped, sizeof(mapped));
        memcpy(out + sizeof(mapped), &in4.sin_addr, 4);
    } else if (info->client_addr->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, info->client_addr, sizeof(in6));
        memcpy(out, &in6.sin6_addr, 16);
    }
}

struct peer *peer_open(struct serve *s, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    gnutls_session_t session = session_of(connection);
    struct peer *p = calloc(1, sizeof(*p));

    if (p == NULL || info == NULL || session == NULL) {
        free(p);
        return NULL;
    }
    p->set = tls_take(s->tls);
    tls_set_up(session, p->set);
    read_address(connection, p->addr);
    call_init(&p->call);
    watchdog_add(s->watchdog, &p->watch, info->connect_fd, s->header_ms);
    metrics_connection(&s->metrics);
    return p;
}

void peer_close(struct serve *s, struct peer *p)
{
    if (p == NULL)
        return;
    watchdog_remove(s->watchdog, &p->watch);
    answer_done(&p->answer);
    call_done(&p->call);
    tls_give(p->set);
    wipe(p, sizeof(*p));
    free(p);
}

struct peer *peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info == NULL ? NULL : info->socket_context;
}

/* C04: the certificate, or the list that says whether it was revoked. */
static bool is_over(const struct peer *p)
{
    uint64_t now_ms = clock_system.now_ms(&clock_system);

    return now_ms >= p->until_ms || now_ms >= tls_list_until_ms(p->set);
}

void peer_judge(struct serve *s, struct peer *p, struct MHD_Connection *connection)
{
    uint64_t boot_ms = clock_system.boot_ms(&clock_system);
    gnutls_session_t session;

    if (p->judged && tls_is_present(s->tls, p->set) && boot_ms - p->judged_ms < JUDGE_AGAIN_MS) {
        if (p->cert == TLS_PEER_GOOD && is_over(p))
            p->cert = TLS_PEER_BAD;
        return;
    }
    session = session_of(connection);
    p->pinned = false;
    p->cert = TLS_PEER_BAD;
    if (session == NULL)
        return;
    if (!tls_is_present(s->tls, p->set)) {
        struct tls_set *old = p->set;

        p->set = tls_take(s->tls);
        tls_set_up(session, p->set);
        tls_give(old);
    }
    p->cert = tls_check(session, p->pin, &p->until_ms);
    if (p->cert == TLS_PEER_GOOD && is_over(p))
        p->cert = TLS_PEER_BAD;
    p->judged = true;
    p->judged_ms = boot_ms;
}

bool peer_is_loopback(const struct peer *p)
{
    static const uint8_t mapped[13] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127 };
    static const uint8_t one[16] = { [15] = 1 };

    return view_equal(view_of(p->addr, sizeof(mapped)), view_of(mapped, sizeof(mapped))) ||
           view_equal(view_of(p->addr, sizeof(one)), view_of(one, sizeof(one)));
}
