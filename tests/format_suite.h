/*
 * format_suite.h - what a cmocka program over the built-in formats begins and ends with.
 *
 * Layer:   tests/. Includes vault/format/; cmocka.h comes before it.
 * Threads: one.
 */
#ifndef HUFU_TESTS_FORMAT_SUITE_H
#define HUFU_TESTS_FORMAT_SUITE_H

#include "vault/format/format_set.h"

static struct format_set *set;

static int setup(void **state)
{
    (void)state;
    return format_set_load("conf/formats.conf", &set, NULL, 0) == HUFU_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    format_set_free(set);
    return 0;
}

static inline const struct format *find(const char *name)
{
    const struct format *fmt = NULL;

    assert_int_equal(format_set_find(set, view_str(name), &fmt), HUFU_OK);
    return fmt;
}

#endif
