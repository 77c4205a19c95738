/*
 * guard.h - is this request head one that every HTTP parser reads the same way?
 *
 * Layer:   api/. Includes vault/base/ only.
 * Threads: pure functions.
 * Source:  RFC 9110 section 5, RFC 9112 sections 2.2, 3, 5 and 6 (framing, request smuggling).
 *
 * libmicrohttpd 0.9.75 forgives what an attacker behind a proxy needs: two lengths, bare LF, folded
 * lines, NUL, a space before the colon. It parses in place, so the views still lie in the bytes
 * that came in; where they do not lie one CRLF apart, it forgave something.
 */
#ifndef HUFU_API_GUARD_H
#define HUFU_API_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"

#define GUARD_HEADERS_MAX 100
#define GUARD_TARGET_MAX  8192 /* bytes */

struct guard_header {
    struct view name, value;
};

struct guard_head {
    struct view method;
    struct view target; /* as it came in, with its query; what was there may be cut up since */
    struct view version;
    bool target_ok; /* guard_target_ok said so before it was cut up */
    struct guard_header header[GUARD_HEADERS_MAX];
    size_t count; /* more than GUARD_HEADERS_MAX: the rest is not in header */
    size_t size;  /* bytes from the method to the end of the blank line; 0: layout is not checked */
};

struct guard_found { /* empty views: absent */
    bool has_length;
    bool encoded; /* a Content-Encoding */
    uint64_t content_length;
    struct view authorization;
    struct view content_type;
    struct view idem_key;
    struct view request_id; /* empty too where it came twice */
};

/*
 * Tells whether a request-target is one of ours by its characters: a path, one query, no escapes. A
 * time stands in a query with its colons as they are.
 */
bool guard_target_ok(struct view target);

/*
 * Judges a head and picks out what the front reads from it. The views borrow from head.
 * Returns: HUFU_OK; HUFU_LENGTH_REQUIRED (POST, PUT or PATCH without a length, or a
 *          Transfer-Encoding); HUFU_BAD_REQUEST. out untouched on failure. Close the connection.
 */
HUFU_MUST_USE enum hufu_err guard_check(const struct guard_head *head, struct guard_found *out);

#endif
