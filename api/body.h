/*
 * body.h - a request's members, from JSON, query and path, to the fields of a frame.
 *
 * Layer:   api/. Includes vault/base/ only.
 * Threads: body_setup once, before threads; the rest is safe from any thread.
 * Source:  RFC 8259 (JSON), RFC 6901 (where a fault is).
 *
 * What may be there is the verb's row in msg_shape, what it looks like is msg_fields; nothing here
 * knows a single call but for "one of value and values, one of token and tokens".
 */
#ifndef HUFU_API_BODY_H
#define HUFU_API_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/base/msg.h"

struct body_arg { /* a path or query parameter */
    struct view name, value;
};

struct body_in {
    uint16_t verb;
    const struct body_arg *args;
    size_t args_count;
    struct view json; /* empty: no body, as if it were {} */
};

struct body_fault {
    struct msg_where where;
    bool whole; /* with MSG_WHERE_NONE: it was JSON, and its root object is what does not fit */
};

/* Makes the JSON library wipe what it gives back, and seeds its hash tables. */
void body_setup(void);

/*
 * Appends the fields, tags ascending, to out.
 *
 * in->json: SECRET; borrowed, not kept.
 * Returns: HUFU_OK; HUFU_BAD_REQUEST; HUFU_TOO_LARGE (a list of more than MSG_ITEMS_MAX);
 *          HUFU_NOMEM. On failure out is reset, and fault_out says where for the first two.
 */
HUFU_MUST_USE enum hufu_err body_fields(const struct body_in *in, struct buf *out,
                                        struct body_fault *fault_out);

#endif
