/* How many originals a bucket has: the same as format_capacity says, asked once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vault/access/originals.h"
#include "vault/format/format_set.h"

static struct format_set *set;
static struct format_keep known; /* by most */

static int load(void **state)
{
    (void)state;
    return format_set_load("conf/formats.conf", &set, NULL, 0) == HUFU_OK ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    format_set_free(set);
    return 0;
}

static uint64_t most(const char *name, struct format_keep keep, const char *value)
{
    const struct format *fmt = NULL;
    struct originals *o;
    uint64_t first;

    assert_int_equal(format_set_find(set, view_str(name), &fmt), HUFU_OK);
    o = originals_new(fmt, keep);
    assert_non_null(o);
    known = keep;
    first = originals_known(o, fmt, view_str(value), &known);
    assert_int_equal(originals_known(o, fmt, view_str(value), &known), first); /* as before */
    originals_free(o);
    return first;
}

static void test_C28_buckets_that_are_attacked_or_not(void **state)
{
    static const struct format_keep none = { 0, 0 }, bin = { 6, 0 }, last = { 0, 4 },
                                    both = { 6, 4 };

    (void)state;
    assert_int_equal(most("pan", both, "4111111111111111"), 100000);
    assert_int_equal(most("pan", both, "4222222222222"), 100);
    /* The first six and the last four digits stand on every receipt, whatever a domain keeps. */
    assert_int_equal(most("pan", bin, "4111111111111111"), 100000);
    assert_true(known.prefix == 6 && known.suffix == 4);
    assert_int_equal(most("pan", last, "4111111111111111"), 100000);
    assert_int_equal(most("pan", none, "4111111111111111"), 100000);
    assert_int_equal(most("pan", none, "4222222222222"),
                     1000000000000); /* of so few, by what stays */
    assert_true(known.prefix == 0 && known.suffix == 0);
    assert_int_equal(most("us-ssn", none, "123456789") > 100000000, 1);
    assert_true(known.prefix == 0 && known.suffix == 0);
    assert_true(most("cn-id", none, "11010519491231002X") / 1000 > 10000);
    assert_int_equal(most("email", none, "anna@example.com"), UINT64_MAX);
}

static void test_unknown_is_nothing(void **state)
{
    static const struct format_keep none = { 0, 0 };
    const struct format *fmt = NULL;

    (void)state;
    assert_int_equal(most("pan", none, "4"), 0);
    assert_int_equal(format_set_find(set, view_str("pan"), &fmt), HUFU_OK);
    assert_int_equal(originals_known(NULL, fmt, view_str("4111111111111111"), &known), 0);
    originals_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C28_buckets_that_are_attacked_or_not),
        cmocka_unit_test(test_unknown_is_nothing),
    };

    return cmocka_run_group_tests_name("originals", tests, load, unload);
}
