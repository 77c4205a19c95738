/*
 * lockout.h - how failures in a row slow a person down, and lock them.
 *
 * Layer:   vault/access/. Includes vault/base/ only.
 * Threads: pure functions.
 * Source:  design.md section 6; NIST SP 800-63B section 5.2.2 (limits on consecutive failures).
 *
 * The n-th failure in a row costs nothing for n < 3, then 2^(n-3) seconds, at most lock_ms; from
 * lock_after on it costs lock_ms. Only a success sets the count back: after a lock one failure
 * locks again. The caller tells nobody that a try was held back.
 */
#ifndef HUFU_ACCESS_LOCKOUT_H
#define HUFU_ACCESS_LOCKOUT_H

#include <stdbool.h>
#include <stdint.h>

#define LOCKOUT_FREE 3 /* from this failure on there is a delay */

struct lockout { /* all zero for somebody new */
    uint32_t failures;
    uint64_t failed_ms; /* time of the newest failure, ms UTC */
};

struct lockout_limits {
    uint32_t lock_after; /* failures; at least LOCKOUT_FREE */
    uint64_t lock_ms;
};

/* How long the state holds a person back after its newest failure, in ms. */
uint64_t lockout_delay_ms(const struct lockout_limits *limits, const struct lockout *state);

/*
 * True where a try may be made now.
 *
 * state: where its failure lies in the future, the clock has gone back: the delay then begins anew
 *        now, so that nobody is let in early and nobody waits longer than lock_ms from here. The
 *        caller stores a state that this call has changed.
 */
bool lockout_judge(const struct lockout_limits *limits, struct lockout *state, uint64_t now_ms);

/* The state after a failed try, and after a right one. */
struct lockout lockout_failed(const struct lockout *state, uint64_t now_ms);
struct lockout lockout_passed(void);

#endif
