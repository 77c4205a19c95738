/*
 * refusal.h - which refusals get an entry of their own, and which are counted: nobody fills the
 * disk by being refused.
 *
 * Layer:   vault/access/. Includes vault/base/ only.
 * Threads: safe from any thread.
 * Source:  design.md section 6.
 *
 * Before authentication: one entry at once for a network (IPv4 /24, IPv6 /48) and code, then the
 * others of the next 10 s are counted into one more. An authenticated principal: up to per_s
 * entries a second, then counted in the same way.
 */
#ifndef HUFU_ACCESS_REFUSAL_H
#define HUFU_ACCESS_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>

#include "vault/base/buf.h"
#include "vault/base/err.h"
#include "vault/base/text.h"

struct refusals; /* opaque */

struct refusal { /* a window that has ended */
    enum hufu_err code;
    uint64_t count;   /* without an entry of their own */
    uint64_t all;     /* and with those that had one */
    uint8_t addr[16]; /* a network, where principal is empty */
    char principal[TEXT_NAME_MAX + 1];
};

HUFU_MUST_USE enum hufu_err refusals_new(uint64_t per_s, struct refusals **out); /* HUFU_NOMEM */
void refusals_free(struct refusals *r);                                          /* NULL is fine */

/*
 * Notes a refusal; principal empty: before authentication, addr counts.
 * Returns true where it gets an entry of its own now. Where the table (4,096 windows) is full every
 * further one is counted under one common window.
 */
bool refusals_note(struct refusals *r, struct view principal, const uint8_t addr[static 16],
                   enum hufu_err code, uint64_t boot_ms);
/* Windows of so many refusals are given by refusals_take too, where each had its entry. */
void refusals_watch(struct refusals *r, uint64_t all);
/* Gives one ended window with a count above 0, or of many refusals; false where there is none. */
bool refusals_take(struct refusals *r, uint64_t boot_ms, struct refusal *out);

#endif
