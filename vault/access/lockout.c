#include "vault/access/lockout.h"

uint64_t lockout_delay_ms(const struct lockout_limits *limits, const struct lockout *state)
{
    uint64_t delay;

    if (state->failures >= limits->lock_after)
        return limits->lock_ms;
    if (state->failures < LOCKOUT_FREE)
        return 0;
    if (state->failures - LOCKOUT_FREE >= 32) /* 2^32 s is past any lock */
        return limits->lock_ms;
    delay = (UINT64_C(1) << (state->failures - LOCKOUT_FREE)) * 1000;
    return delay < limits->lock_ms ? delay : limits->lock_ms;
}

bool lockout_judge(const struct lockout_limits *limits, struct lockout *state, uint64_t now_ms)
{
    if (state->failed_ms > now_ms)
        state->failed_ms = now_ms;
    return now_ms - state->failed_ms >= lockout_delay_ms(limits, state);
}

struct lockout lockout_failed(const struct lockout *state, uint64_t now_ms)
{
    uint32_t failures = state->failures;

    return (struct lockout){
        .failures = failures < UINT32_MAX ? failures + 1 : failures,
        .failed_ms = now_ms,
    };
}

struct lockout lockout_passed(void)
{
    return (struct lockout){ 0 };
}
