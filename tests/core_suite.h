/*
 * core_suite.h - what a cmocka program over core_rig.h begins and ends with.
 *
 * Layer:   tests/. Includes tests/core_calls.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_CORE_SUITE_H
#define HUFU_TESTS_CORE_SUITE_H

#include "tests/core_calls.h"
#include "vault/base/log.h"

static struct core_rig rig;
static struct fake_hsm hsm;

/* Of the group: the secure heap, and a log that says errors alone. */
static inline int suite_heap(void **state)
{
    (void)state;
    log_setup("test", LOG_ERROR_LEVEL);
    return secret_heap_init(RIG_HEAP_BYTES) == HUFU_OK ? 0 : -1;
}

/* Of each test: a new vault, open; and its end. */
static inline int suite_setup(void **state)
{
    (void)state;
    fake_hsm_init(&hsm);
    rig_start(&rig, &hsm);
    return 0;
}

static inline int suite_teardown(void **state)
{
    (void)state;
    rig_done(&rig);
    fake_hsm_done(&hsm);
    return 0;
}

#endif
