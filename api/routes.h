/*
 * routes.h - every call of the API in one table: method, path, verb, largest body.
 *
 * Layer:   api/. Includes vault/base/ only.
 * Threads: constant table, pure functions.
 *
 * Limits are columns here; who may call is a column of the core's table of verbs.
 */
#ifndef HUFU_API_ROUTES_H
#define HUFU_API_ROUTES_H

#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/base/msg.h"

enum route_kind {
    ROUTE_VERB,    /* a frame to the core */
    ROUTE_LIVEZ,   /* answered here */
    ROUTE_READYZ,  /* VERB_STATUS */
    ROUTE_METRICS, /* ours and the core's; loopback only */
    ROUTE_SPEC,    /* the OpenAPI document, answered here */
};

struct route {
    const char *method; /* GET stands for HEAD too */
    const char *path;   /* may hold one {name} or {id} between two slashes */
    uint16_t verb;
    uint32_t body_max_bytes;
    enum route_kind kind;
};

extern const struct route routes[];
extern const size_t routes_count;

#define ROUTES_ALLOW_MAX 64 /* bytes of an Allow header's value, with its NUL */

struct route_match {
    const struct route *route;
    enum msg_tag tag;  /* what the path parameter is, or MSG_NONE */
    struct view param; /* borrowed from path */
};

/*
 * Finds the route of a method and a path without its query.
 * Returns: HUFU_OK; HUFU_NOT_FOUND; HUFU_METHOD, then allow_out holds the methods there are.
 *          out is written on HUFU_OK only.
 */
HUFU_MUST_USE enum hufu_err routes_find(struct view method, struct view path,
                                        struct route_match *out,
                                        char allow_out[static ROUTES_ALLOW_MAX]);

#endif
