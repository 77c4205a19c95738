/* Which refusals get an entry of their own, and which are counted (design.md section 6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "vault/access/refusal.h"

static const uint8_t v4[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7 };
static const uint8_t v4_near[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 99 };
static const uint8_t v4_far[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 3, 7 };
static const uint8_t v6[16] = { 0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, [15] = 1 };
static const uint8_t v6_near[16] = { 0x20, 1, 0xd, 0xb8, 1, 2, 9, 9, [15] = 9 };
static const uint8_t v6_far[16] = { 0x20, 1, 0xd, 0xb8, 1, 3, 3, 4, [15] = 1 };

static bool note(struct refusals *r, const char *who, const uint8_t addr[static 16],
                 enum hufu_err code, uint64_t ms)
{
    return refusals_note(r, view_str(who), addr, code, ms);
}

static struct refusals *table(uint64_t per_s)
{
    struct refusals *r = NULL;

    assert_int_equal(refusals_new(per_s, &r), HUFU_OK);
    return r;
}

static void test_unknown_callers_share_an_entry_by_network_and_code(void **state)
{
    struct refusals *r = table(10);
    struct refusal out;

    (void)state;
    assert_true(note(r, "", v4, HUFU_UNAUTHENTICATED, 1000));
    assert_false(note(r, "", v4, HUFU_UNAUTHENTICATED, 1001));
    assert_false(note(r, "", v4_near, HUFU_UNAUTHENTICATED, 10999));
    assert_true(note(r, "", v4_far, HUFU_UNAUTHENTICATED, 1000));
    assert_true(note(r, "", v4, HUFU_BAD_REQUEST, 1000));
    assert_true(note(r, "", v6, HUFU_UNAUTHENTICATED, 1000));
    assert_false(note(r, "", v6_near, HUFU_UNAUTHENTICATED, 1000));
    assert_true(note(r, "", v6_far, HUFU_UNAUTHENTICATED, 1000));
    assert_false(refusals_take(r, 10999, &out)); /* its ten seconds are not over */
    assert_true(refusals_take(r, 11000, &out));
    assert_true(refusals_take(r, 11000, &out) && !refusals_take(r, 11000, &out));
    refusals_free(r);
    refusals_free(NULL);
}

static void test_a_window_tells_what_it_counted_and_begins_anew(void **state)
{
    struct refusals *r = table(10);
    const uint8_t net[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 0 };
    struct refusal out = { 0 };

    (void)state;
    for (int i = 0; i < 6; i++)
        assert_int_equal(note(r, "", v4, HUFU_UNAUTHENTICATED, 1000), i == 0);
    assert_true(refusals_take(r, 11000, &out));
    assert_int_equal(out.count, 5);
    assert_int_equal(out.code, HUFU_UNAUTHENTICATED);
    assert_memory_equal(out.addr, net, sizeof(net)); /* the network, never the address */
    assert_string_equal(out.principal, "");
    assert_true(note(r, "", v4, HUFU_UNAUTHENTICATED, 11001));
    assert_false(refusals_take(r, 30000, &out)); /* one alone had its entry: nothing to tell */
    refusals_free(r);
}

static void test_a_principal_has_so_many_a_second(void **state)
{
    struct refusals *r = table(3);
    struct refusal out = { 0 };
    int own = 0;

    (void)state;
    for (int i = 0; i < 10; i++)
        own += note(r, "acme", v4, HUFU_FORBIDDEN, 1000 + (uint64_t)i);
    assert_int_equal(own, 3);
    assert_false(note(r, "acme", v6, HUFU_FORBIDDEN, 1999)); /* wherever it comes from */
    assert_true(note(r, "acme", v4, HUFU_FORBIDDEN, 2000));
    assert_true(note(r, "zeta", v4, HUFU_FORBIDDEN, 1005));
    assert_true(refusals_take(r, 11000, &out));
    assert_int_equal(out.count, 8);
    assert_string_equal(out.principal, "acme");
    refusals_free(r);
}

/* Whoever comes from everywhere fills no memory and no disk: all further ones share one window. */
static void test_a_full_table_counts_in_common(void **state)
{
    struct refusals *r = table(1);
    uint64_t own = 0, counted = 0;
    struct refusal out;

    (void)state;
    for (uint32_t i = 0; i < 100000; i++) {
        uint8_t addr[16] = { 0x20, 1, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };

        own += note(r, "", addr, HUFU_UNAUTHENTICATED, 1000);
    }
    assert_in_range(own, 1, 4096);
    while (refusals_take(r, 11000, &out))
        counted += out.count;
    assert_int_equal(own + counted, 100000); /* none is lost */
    refusals_free(r);
}

static void test_many_refusals_are_told_of_though_each_has_its_entry(void **state)
{
    struct refusals *r = table(10);
    struct refusal out;

    (void)state;
    refusals_watch(r, 12);
    for (uint64_t i = 0; i < 11; i++)
        assert_true(note(r, "olga", v4, HUFU_FORBIDDEN, 1000 + i * 500));
    assert_false(refusals_take(r, 20000, &out));
    for (uint64_t i = 0; i < 12; i++)
        assert_true(note(r, "olga", v4, HUFU_FORBIDDEN, 30000 + i * 500));
    assert_false(refusals_take(r, 39999, &out));
    assert_true(refusals_take(r, 40000, &out));
    assert_int_equal(out.count, 0);
    assert_int_equal(out.all, 12);
    assert_string_equal(out.principal, "olga");
    assert_false(refusals_take(r, 40000, &out));
    refusals_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_refusals_are_told_of_though_each_has_its_entry),
        cmocka_unit_test(test_unknown_callers_share_an_entry_by_network_and_code),
        cmocka_unit_test(test_a_window_tells_what_it_counted_and_begins_anew),
        cmocka_unit_test(test_a_principal_has_so_many_a_second),
        cmocka_unit_test(test_a_full_table_counts_in_common),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
