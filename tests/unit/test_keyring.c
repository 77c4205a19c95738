/* The ring of unwrapped keys: order, versions, states, leases (SP 800-57, SP 800-38D 8.3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/key_pieces.h"

static void test_put_keeps_the_order_and_gives_serials(void **state)
{
    struct keyring *ring;
    uint32_t serials = 0;

    (void)state;
    assert_int_equal(keyring_new(&ring), HUFU_OK);
    for (uint32_t n = 0; n < 60; n++) { /* backwards and mixed, past several growths */
        uint32_t m = (n * 37) % 60;

        key_put(ring, 59 - m, m % 2 == 0 ? KEY_INDEX : KEY_DATA, 1, (uint8_t)n);
    }
    for (size_t i = 0; i < 60; i++) {
        const struct key *k = keyring_at(ring, i);

        assert_non_null(k);
        assert_int_equal(k->domain, i);
        serials += k->serial;
    }
    assert_int_equal(serials, 60 * 61 / 2); /* 1..60, none twice */
    assert_null(keyring_at(ring, 60));
    keyring_free(ring);
    keyring_free(NULL);
}

static void test_put_refuses_what_is_there(void **state)
{
    struct keyring *ring;
    struct key *first, *second = key_new(7, KEY_DATA, 1, 9);
    uint32_t serial = second->serial;

    (void)state;
    assert_int_equal(keyring_new(&ring), HUFU_OK);
    first = key_put(ring, 7, KEY_DATA, 1, 1);
    assert_int_equal(keyring_put(ring, second), HUFU_CONFLICT);
    assert_int_equal(second->serial, serial); /* still the caller's, untouched */
    assert_ptr_equal(keyring_find(ring, 7, KEY_DATA, 1), first);
    key_drop(second);
    keyring_free(ring);
}

static void test_find_takes_all_three_parts(void **state)
{
    struct keyring *ring;
    struct key *k;

    (void)state;
    assert_int_equal(keyring_new(&ring), HUFU_OK);
    assert_null(keyring_find(ring, 0, KEY_MAC, 1));
    assert_null(keyring_active(ring, 0, KEY_MAC));
    k = key_put(ring, 5, KEY_DATA, 2, 1);
    assert_ptr_equal(keyring_find(ring, 5, KEY_DATA, 2), k);
    assert_null(keyring_find(ring, 5, KEY_DATA, 1));
    assert_null(keyring_find(ring, 5, KEY_DATA, 3));
    assert_null(keyring_find(ring, 5, KEY_INDEX, 2));
    assert_null(keyring_find(ring, 4, KEY_DATA, 2));
    assert_null(keyring_find(ring, 6, KEY_DATA, 2));
    keyring_free(ring);
}

static void test_active_passes_over_other_states(void **state)
{
    static const struct {
        enum key_state state;
        bool active;
    } rows[] = {
        { KEY_PRE_ACTIVE, false },  { KEY_ACTIVE, true },     { KEY_DEACTIVATED, false },
        { KEY_COMPROMISED, false }, { KEY_DESTROYED, false },
    };
    struct keyring *ring;
    struct key *second;

    (void)state;
    assert_int_equal(keyring_new(&ring), HUFU_OK);
    atomic_store(&key_put(ring, 5, KEY_DATA, 1, 1)->state, KEY_DEACTIVATED);
    second = key_put(ring, 5, KEY_DATA, 2, 2);
    key_put(ring, 5, KEY_INDEX, 1, 3);
    key_put(ring, 6, KEY_DATA, 9, 4);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        atomic_store(&second->state, rows[i].state);
        assert_ptr_equal(keyring_active(ring, 5, KEY_DATA), rows[i].active ? second : NULL);
    }
    keyring_free(ring);
}

static void test_seals_are_counted_up_to_the_lease(void **state)
{
    struct key *k = key_new(1, KEY_DATA, 1, 1);

    (void)state;
    atomic_store(&k->leased, 2);
    assert_int_equal(key_count_seals(k, 1), HUFU_OK);
    assert_int_equal(key_count_seals(k, 1), HUFU_OK);
    assert_int_equal(key_count_seals(k, 1), HUFU_EXHAUSTED);
    assert_int_equal(atomic_load(&k->used), 2);
    atomic_store(&k->leased, 3);
    assert_int_equal(key_count_seals(k, 1), HUFU_OK);
    key_drop(k);
}

static void test_lease_is_wanted_below_half_and_below_the_limit(void **state)
{
    struct key *k = key_new(1, KEY_DATA, 1, 1);

    (void)state;
    atomic_store(&k->used, KEY_LEASE / 2);
    assert_false(key_wants_lease(k)); /* exactly half is left */
    atomic_store(&k->used, KEY_LEASE / 2 + 1);
    assert_true(key_wants_lease(k));
    atomic_store(&k->state, KEY_DEACTIVATED);
    assert_false(key_wants_lease(k));
    atomic_store(&k->state, KEY_ACTIVE);
    k->kind = KEY_INDEX;
    assert_false(key_wants_lease(k)); /* it seals nothing */
    k->kind = KEY_CONTROL;
    assert_true(key_wants_lease(k));
    atomic_store(&k->leased, KEY_SEALS_MAX - KEY_LEASE);
    atomic_store(&k->used, KEY_SEALS_MAX - KEY_LEASE);
    assert_true(key_wants_lease(k));
    atomic_store(&k->leased, KEY_SEALS_MAX - KEY_LEASE + 1);
    atomic_store(&k->used, KEY_SEALS_MAX - KEY_LEASE + 1);
    assert_false(key_wants_lease(k)); /* one more lease would pass 2^32 seals */
    key_drop(k);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(key_state_name(KEY_PRE_ACTIVE), "pre-active");
    assert_string_equal(key_state_name(KEY_DESTROYED), "destroyed");
    assert_string_equal(key_state_name(0), "?");
    assert_string_equal(key_state_name(KEY_DESTROYED + 1), "?");
    assert_string_equal(key_kind_name(KEY_DATA), "data");
    assert_string_equal(key_kind_name(KEY_FF1), "ff1");
    assert_string_equal(key_kind_name(KEY_MAC), "mac");
    assert_string_equal(key_kind_name(0), "?");
    assert_string_equal(key_kind_name(KEY_FF1 + 1), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_keeps_the_order_and_gives_serials),
        cmocka_unit_test(test_put_refuses_what_is_there),
        cmocka_unit_test(test_find_takes_all_three_parts),
        cmocka_unit_test(test_active_passes_over_other_states),
        cmocka_unit_test(test_seals_are_counted_up_to_the_lease),
        cmocka_unit_test(test_lease_is_wanted_below_half_and_below_the_limit),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, heap_setup, NULL);
}
