/*
 * serve.h - one request from its head to its answer, as steps that the HTTP library calls.
 *
 * Layer:   api/. Includes vault/base/ only; microhttpd.
 * Threads: the callbacks run in the library's threads; a connection stays in one of them. A call
 *          that waits for the core is suspended and touched by nobody but core_wait.done.
 *
 * Order of refusals: framing, certificate, route, size and media type, pin; then the core decides,
 * also about a body that did not parse.
 */
#ifndef HUFU_API_SERVE_H
#define HUFU_API_SERVE_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/core_link.h"
#include "api/metrics.h"
#include "api/tls.h"
#include "api/watchdog.h"
#include "vault/base/buf.h"
#include "vault/base/entropy.h"

struct serve { /* what all connections share; filled before the first */
    struct core_link *core;
    struct tls *tls;
    struct watchdog *watchdog;
    struct metrics metrics;
    uint64_t header_ms, body_ms, idle_ms;
    uint64_t started_ms; /* UTC */
    enum trace_choice {  /* which answers have a line, in the order of log.requests */
                        TRACE_NO,
                        TRACE_SOME,
                        TRACE_ALL,
    } log_requests;
    bool check_layout;     /* the library is the one whose parser guard.h knows */
    atomic_bool drain;     /* answers end their connections */
    atomic_bool stop;      /* nothing more is sent to the core */
    pthread_mutex_t id_mu; /* guards draw */
    struct draw draw;
};

void serve_init(struct serve *s);
void serve_done(struct serve *s);

/* The library's callbacks; cls is the struct serve. */
void serve_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                      enum MHD_ConnectionNotificationCode code);
void *serve_target(void *cls, const char *target, struct MHD_Connection *connection);
enum MHD_Result serve_request(void *cls, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_len, void **context);
void serve_completed(void *cls, struct MHD_Connection *connection, void **context,
                     enum MHD_RequestTerminationCode code);

#endif
