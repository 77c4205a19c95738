/*
 * Rotating data and index keys, and destroying them, while values are tokenised and the core
 * crashes: whole core, one thread, seeded. HUFU_SEEDS sets how many seeds (6); HUFU_SEED runs one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rotation_rig.h"

#define SEEDS      6
#define SEED_STEPS 1500

static void test_C43_rotate_data_key_seals_every_record_again(void **state)
{
    char id[ID_TEXT_LEN + 1];
    struct ceremony c;

    (void)state;
    for (unsigned i = 0; i < VALUES / 2; i++)
        tokenise(i);
    flush();
    for (unsigned i = VALUES / 2; i < VALUES; i++)
        tokenise(i);
    begin("rotate-data-key", "cards", NULL, id);
    finish(id);
    find(id, &c);
    assert_int_equal(c.state, CEREMONY_DONE);
    assert_int_equal(c.done, c.total);
    assert_int_equal(c.total, VALUES);
    assert_int_equal(count_rows(TABLE_TOKEN).of[1], 0);
    assert_int_equal(count_rows(TABLE_TOKEN).of[2], VALUES);
    assert_int_equal(key_state(KEY_DATA, 1), KEY_DEACTIVATED);
    assert_int_equal(key_state(KEY_DATA, 2), KEY_ACTIVE);
    assert_true(rig_restart(&rig));
    for (unsigned i = 0; i < VALUES; i++) {
        tokenise(i);
        reveal(i);
    }
}

/* From the very next operation on: nothing of the same group may come under the old version. */
static void test_a_new_version_seals_from_the_next_operation_on(void **state)
{
    char id[ID_TEXT_LEN + 1];

    (void)state;
    begin("rotate-data-key", "cards", NULL, id);
    while (key_state(KEY_DATA, 2) != KEY_ACTIVE)
        step();
    tokenise(0);
    assert_int_equal(count_rows(TABLE_TOKEN).of[1], 0);
    assert_int_equal(count_rows(TABLE_TOKEN).of[2], 1);
    finish(id);
    assert_int_equal(state_of(id), CEREMONY_DONE);
}

static void test_C43_rotate_index_key_keeps_every_value_s_token(void **state)
{
    const struct domain *d;
    char id[ID_TEXT_LEN + 1];

    (void)state;
    for (unsigned i = 0; i < VALUES / 2; i++)
        tokenise(i);
    begin("rotate-index-key", "cards", NULL, id);
    for (unsigned i = 0; state_of(id) == CEREMONY_RUNNING; i++) {
        assert_true(i < STEPS_MAX);
        step();
        tokenise(i % VALUES); /* new ones and known ones, through both versions */
    }
    assert_int_equal(state_of(id), CEREMONY_DONE);
    d = directory_domain(rig.core.dir, view_str("cards"));
    assert_int_equal(d->index_version, 2);
    assert_int_equal(d->index_next, 0);
    flush();
    assert_int_equal(count_rows(TABLE_INDEX).of[1], 0);
    assert_int_equal(count_rows(TABLE_INDEX).of[2], count_rows(TABLE_TOKEN).of[1]);
    assert_int_equal(key_state(KEY_INDEX, 1), KEY_DEACTIVATED);
    assert_int_equal(key_state(KEY_INDEX, 2), KEY_ACTIVE);
    assert_true(rig_restart(&rig));
    for (unsigned i = 0; i < VALUES; i++)
        if (token[i][0] != '\0') {
            tokenise(i);
            reveal(i);
        }
}

/* 400 rows at 1,000 a second, then a walk that only looks: between 0.35 s and 1 s of the clock. */
static void test_a_rotation_keeps_to_its_rate_and_tells_how_far_it_is(void **state)
{
    uint64_t began, took, done = 0, total = 0, last = 0;
    char id[ID_TEXT_LEN + 1];
    struct ceremony c;

    (void)state;
    for (unsigned i = 0; i < VALUES; i++)
        tokenise(i);
    flush();
    rig_crash(&rig);
    rig_set(&rig, "ceremony.rows_per_s=1000");
    RIG_CHECK(rig_open(&rig) == HUFU_OK);
    RIG_CHECK(rig_unseal(&rig));
    begin("rotate-data-key", "cards", NULL, id);
    find(id, &c);
    began = rig.clock.boot;
    while (state_of(id) == CEREMONY_RUNNING) {
        step();
        if (!progress_find(&rig.core.progress, c.id, &done, &total))
            continue;
        assert_true(done >= last && done <= total);
        last = done;
    }
    took = rig.clock.boot - began;
    assert_int_equal(state_of(id), CEREMONY_DONE);
    assert_int_equal(last, VALUES);
    assert_in_range(took, 350, 1000);
}

static void test_the_same_key_is_not_rotated_twice_at_once(void **state)
{
    char id[ID_TEXT_LEN + 1];
    const struct rig_reply *r;

    (void)state;
    begin("rotate-data-key", "cards", NULL, id);
    assert_int_equal(propose("rotate-data-key", "cards", NULL)->err, HUFU_CONFLICT);
    assert_int_equal(propose("rotate-data-key", "loose", NULL)->err, HUFU_OK);
    assert_int_equal(propose("rotate-index-key", "cards", NULL)->err, HUFU_OK);
    assert_int_equal(propose("rotate-data-key", "none", NULL)->err, HUFU_FORBIDDEN);
    r = propose("rotate-data-key", NULL, NULL);
    assert_int_equal(r->err, HUFU_BAD_REQUEST);
    assert_int_equal(r->where.tag, MSG_DOMAIN);
    finish(id);
    assert_int_equal(propose("rotate-data-key", "cards", NULL)->err, HUFU_OK);
}

/* A record that does not open is left as it is, the others are done, and the ceremony says so. */
static void test_a_damaged_record_fails_the_rotation_and_no_other_record(void **state)
{
    char id[ID_TEXT_LEN + 1];
    struct ceremony c;

    (void)state;
    for (unsigned i = 0; i < 40; i++)
        tokenise(i);
    flush();
    damage_record(7, 0);
    damage_record(9, RECORD_TEXT_MAX); /* longer than any record: as damaged as the other */
    begin("rotate-data-key", "cards", NULL, id);
    finish(id);
    find(id, &c);
    assert_int_equal(c.state, CEREMONY_FAILED);
    assert_string_equal(c.error, "CORRUPT");
    assert_int_equal(count_rows(TABLE_TOKEN).of[1], 2);
    assert_int_equal(count_rows(TABLE_TOKEN).of[2], 38);
    reveal(8);
    assert_int_equal(rig_reveal(&rig, olga, "cards", token[7])->err, HUFU_UNAVAILABLE);
}

static void test_a_key_is_destroyed_only_when_nothing_needs_it(void **state)
{
    char id[ID_TEXT_LEN + 1];
    const struct rig_reply *r;
    struct keyset_row row;
    uint64_t seq;

    (void)state;
    for (unsigned i = 0; i < 20; i++)
        tokenise(i);
    r = propose("destroy-key", NULL, "data-cards-1");
    assert_int_equal(r->err, HUFU_CONFLICT); /* it is active */
    assert_int_equal(propose("destroy-key", NULL, "data-cards-9")->err, HUFU_NOT_FOUND);
    assert_int_equal(propose("destroy-key", NULL, "control-1")->err, HUFU_CONFLICT);
    begin("rotate-data-key", "cards", NULL, id);
    while (key_state(KEY_DATA, 1) != KEY_DEACTIVATED)
        step();
    begin("destroy-key", NULL, "data-cards-1", id);
    finish(id);
    assert_int_equal(state_of(id), CEREMONY_DONE);
    assert_int_equal(key_state(KEY_DATA, 1), KEY_DESTROYED);
    assert_null(keyring_find(rig.core.ring, CARDS, KEY_DATA, 1));
    assert_int_equal(keeper_find_keyset(&rig.keeper, CARDS, KEY_DATA, 1, &row, &seq), HUFU_OK);
    assert_int_equal(row.sealed_len, 0);
    assert_true(rig_restart(&rig));
    assert_int_equal(key_state(KEY_DATA, 1), KEY_DESTROYED);
    for (unsigned i = 0; i < 20; i++)
        reveal(i);
}

/* Two rotations, a KEK rotation, crashes and requests in seeded order. */
static void run_seed(unsigned seed)
{
    char id[3][ID_TEXT_LEN + 1];
    static const char *const kinds[] = { "rotate-data-key", "rotate-index-key", "rotate-kek" };
    bool going = true;

    srandom(seed);
    for (unsigned i = 0; i < VALUES / 4; i++)
        tokenise(i);
    for (unsigned i = 0; i < 3; i++)
        begin(kinds[i], i < 2 ? "cards" : NULL, NULL, id[i]);
    for (unsigned n = 0; going || n < SEED_STEPS; n++) {
        assert_true(n < STEPS_MAX);
        switch (random() % 16) {
        case 0:
        case 1:
        case 2:
            tokenise((unsigned)random() % VALUES);
            break;
        case 3:
            (void)store_map_step(rig.core.store, true);
            break;
        case 4:
            flush();
            break;
        case 5:
            if (random() % 8 == 0)
                assert_true(rig_restart(&rig));
            break;
        default:
            step();
        }
        going = false;
        for (unsigned i = 0; i < 3; i++)
            going = going || state_of(id[i]) == CEREMONY_RUNNING;
    }
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(state_of(id[i]), CEREMONY_DONE);
    flush();
    assert_int_equal(count_rows(TABLE_TOKEN).of[1], 0);
    assert_int_equal(count_rows(TABLE_INDEX).of[1], 0);
    assert_int_equal(count_rows(TABLE_INDEX).of[2], count_rows(TABLE_TOKEN).of[2]);
    for (unsigned i = 0; i < VALUES; i++)
        if (token[i][0] != '\0') {
            tokenise(i);
            reveal(i);
        }
}

static void test_C43_rotations_survive_crashes_under_load(void **state)
{
    const char *one = getenv("HUFU_SEED"), *many = getenv("HUFU_SEEDS");
    unsigned seeds = many == NULL ? SEEDS : (unsigned)strtoul(many, NULL, 10);

    if (one != NULL) {
        run_seed((unsigned)strtoul(one, NULL, 10));
        return;
    }
    for (unsigned seed = 1; seed <= seeds; seed++) {
        print_message("seed %u\n", seed);
        run_seed(seed);
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup(state), 0);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C43_rotate_data_key_seals_every_record_again),
        TEST(test_a_new_version_seals_from_the_next_operation_on),
        TEST(test_C43_rotate_index_key_keeps_every_value_s_token),
        TEST(test_a_rotation_keeps_to_its_rate_and_tells_how_far_it_is),
        TEST(test_the_same_key_is_not_rotated_twice_at_once),
        TEST(test_a_damaged_record_fails_the_rotation_and_no_other_record),
        TEST(test_a_key_is_destroyed_only_when_nothing_needs_it),
        TEST(test_C43_rotations_survive_crashes_under_load),
    };

    return cmocka_run_group_tests(tests, heap, NULL);
}
