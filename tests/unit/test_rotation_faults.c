/* Rotations that cannot go on, must wait, or meet one another; and what the list of keys says then.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/life_calls.h"
#include "tests/unit/rotation_rig.h"
#include "vault/rotation.h"

#define SOME 60

static void tokenise_all(unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        tokenise(i);
}

static void known_are_known(void)
{
    for (unsigned i = 0; i < VALUES; i++)
        if (token[i][0] != '\0') {
            tokenise(i);
            reveal(i);
        }
}

/* One member of a key in the list, as text; "-" where it has none. */
static const char *listed(const char *id, const char *member)
{
    static char out[64];
    struct rig_who who = { .session = carl };
    const struct rig_reply *r = rig_call(&rig, VERB_KEY_LIST, &who, view_of(NULL, 0));
    char mark[80], *at, *end;

    assert_int_equal(r->err, HUFU_OK);
    snprintf(mark, sizeof(mark), "\"id\":\"%s\"", id);
    at = strstr(r->body, mark);
    assert_non_null(at);
    end = strchr(at, '}');
    assert_non_null(end);
    *end = '\0';
    snprintf(mark, sizeof(mark), "\"%s\":", member);
    at = strstr(at, mark);
    snprintf(out, sizeof(out), "%s", at == NULL ? "-" : at + strlen(mark));
    out[strcspn(out, ",}")] = '\0';
    return out;
}

static const struct domain *cards(void)
{
    return directory_domain(rig.core.dir, view_str("cards"));
}

static struct key *key_of(enum key_kind kind, uint32_t version)
{
    return keyring_find(rig.core.ring, CARDS, kind, version);
}

static void run(const char *kind, const char *domain, const char *subject, uint8_t want)
{
    char id[ID_TEXT_LEN + 1];

    begin(kind, domain, subject, id);
    finish(id);
    assert_int_equal(state_of(id), want);
}

/* Back as before, under load too; and once the record is whole again the next one comes to its end
 * and leaves nothing of the first. */
static void test_C43_a_failed_reindex_is_undone_and_can_be_tried_again(void **state)
{
    char id[ID_TEXT_LEN + 1];
    struct ceremony c;

    (void)state;
    tokenise_all(0, SOME);
    flush();
    damage_record(7, RECORD_TEXT_MAX);
    begin("rotate-index-key", "cards", NULL, id);
    for (unsigned i = 0; state_of(id) == CEREMONY_RUNNING; i++) {
        assert_true(i < STEPS_MAX);
        step();
        if (i % SOME != 7)
            tokenise(i % (2 * SOME) == 7 ? 8 : i % (2 * SOME));
    }
    find(id, &c);
    assert_int_equal(c.state, CEREMONY_FAILED);
    assert_string_equal(c.error, "CORRUPT");
    assert_int_equal(cards()->index_version, 1);
    assert_int_equal(cards()->index_next, 0);
    assert_int_equal(key_state(KEY_INDEX, 1), KEY_ACTIVE);
    assert_int_equal(key_state(KEY_INDEX, 2), KEY_DEACTIVATED);
    flush();
    assert_int_equal(count_rows(TABLE_INDEX).of[2], 0);
    assert_int_equal(count_rows(TABLE_INDEX).of[1], count_rows(TABLE_TOKEN).of[1]);
    assert_string_equal(listed("index-cards-2", "records"), "0");
}

static void test_C43_a_record_that_is_whole_again_lets_the_next_reindex_end(void **state)
{
    (void)state;
    tokenise_all(0, SOME);
    flush();
    damage_record(7, 0);
    run("rotate-index-key", "cards", NULL, CEREMONY_FAILED);
    damage_record(7, 0); /* flipped back */
    known_are_known();
    run("rotate-index-key", "cards", NULL, CEREMONY_DONE);
    flush();
    assert_int_equal(cards()->index_version, 3);
    assert_int_equal(count_rows(TABLE_INDEX).of[1], 0);
    assert_int_equal(count_rows(TABLE_INDEX).of[2], 0);
    assert_int_equal(count_rows(TABLE_INDEX).of[3], SOME);
    run("destroy-key", NULL, "index-cards-1", CEREMONY_DONE);
    run("destroy-key", NULL, "index-cards-2", CEREMONY_DONE);
    known_are_known();
    assert_true(rig_restart(&rig));
    known_are_known();
}

/* One that ended in between has left a version announced: the next one takes that away too. */
static void test_C43_a_reindex_clears_what_an_earlier_one_left(void **state)
{
    char id[ID_TEXT_LEN + 1];
    struct ceremony c;

    (void)state;
    tokenise_all(0, SOME);
    begin("rotate-index-key", "cards", NULL, id);
    while (count_rows(TABLE_INDEX).of[2] < SOME)
        step();
    find(id, &c);
    assert_int_equal(rotation_end(&rig.keeper, &c, CEREMONY_FAILED, "IO"), HUFU_OK);
    assert_int_equal(cards()->index_next, 2);
    tokenise_all(SOME, SOME + 5);
    run("rotate-index-key", "cards", NULL, CEREMONY_DONE);
    flush();
    assert_int_equal(cards()->index_version, 3);
    assert_int_equal(key_state(KEY_INDEX, 2), KEY_DEACTIVATED);
    assert_int_equal(count_rows(TABLE_INDEX).of[1] + count_rows(TABLE_INDEX).of[2], 0);
    assert_int_equal(count_rows(TABLE_INDEX).of[3], SOME + 5);
    known_are_known();
}

static void test_C43_a_failed_data_rotation_can_be_tried_again(void **state)
{
    (void)state;
    tokenise_all(0, SOME);
    flush();
    damage_record(7, 0);
    run("rotate-data-key", "cards", NULL, CEREMONY_FAILED);
    run("destroy-key", NULL, "data-cards-1", CEREMONY_FAILED); /* the damaged one lies under it */
    assert_int_equal(key_state(KEY_DATA, 1), KEY_DEACTIVATED);
    assert_string_equal(listed("data-cards-1", "records"), "1");
    damage_record(7, 0);
    run("rotate-data-key", "cards", NULL, CEREMONY_DONE);
    assert_int_equal(count_rows(TABLE_TOKEN).of[3], SOME);
    run("destroy-key", NULL, "data-cards-1", CEREMONY_DONE);
    run("destroy-key", NULL, "data-cards-2", CEREMONY_DONE);
    known_are_known();
}

/* A row of no value's under the old version: key, and the token in arg. */
static enum hufu_err plant(void *arg, struct rewrite *rw, struct view key, uint64_t seq,
                           struct view image)
{
    uint8_t row[INDEX_KEY_LEN];

    (void)seq;
    (void)image;
    memset(row, 0xff, sizeof(row));
    memcpy(row, key.p, 9);
    return rewrite_put(rw, view_of(row, sizeof(row)), UINT64_MAX - 1, view_str(arg));
}

static void planted(struct store_rewrite *job)
{
    (void)job;
}

/* Whoever can write to the disk must not lead a value to a token that is not its own any more. */
static void test_C43_a_forged_index_row_is_not_carried_over(void **state)
{
    uint8_t prefix[9] = { TABLE_INDEX, 0, 0, 0, CARDS, 0, 0, 0, 1 };
    char revoked[32];
    struct store_rewrite job = { .prefix = view_of(prefix, 9),
                                 .name = view_str("plant"),
                                 .rows_max = 1,
                                 .each = plant,
                                 .done = planted,
                                 .arg = revoked };

    (void)state;
    tokenise_all(0, SOME);
    memcpy(revoked, token[5], sizeof(revoked));
    assert_int_equal(life_call(&rig, VERB_REVOKE, &acme, "cards", NULL, revoked, "lost")->err,
                     HUFU_OK);
    token[5][0] = '\0';
    tokenise(5); /* its second token */
    flush();
    assert_int_equal(store_rewrite(rig.core.store, &job), HUFU_OK);
    flush();
    assert_int_equal(job.changed, 1);
    run("rotate-index-key", "cards", NULL, CEREMONY_DONE);
    assert_int_equal(count_rows(TABLE_INDEX).of[2], SOME);
    known_are_known();
}

/* What a walk has passed before a restart is not forgotten: wherever it comes, the damaged record,
 * the first of all, is met again. */
static void test_C43_a_restart_forgets_no_damaged_record(void **state)
{
    char id[ID_TEXT_LEN + 1];
    unsigned first = 0;

    (void)state;
    tokenise_all(0, SOME);
    flush();
    for (unsigned i = 1; i < SOME; i++)
        if (strcmp(token[i], token[first]) < 0)
            first = i;
    damage_record(first, 0);
    rig_set(&rig, "ceremony.rows_per_s=800"); /* sixteen at a time */
    for (unsigned pieces = 0; pieces < 8; pieces++) {
        begin("rotate-data-key", "cards", NULL, id);
        while (count_rows(TABLE_TOKEN).of[2 + pieces] < SOME - 1)
            step();
        for (unsigned i = 0; i < 2 * pieces; i++)
            step();
        assert_true(rig_restart(&rig));
        finish(id);
        assert_int_equal(state_of(id), CEREMONY_FAILED);
    }
}

/* A lease that is used up in the middle of a walk: nothing is damaged, it goes on with the next. */
static void test_C43_a_rotation_outlives_its_lease(void **state)
{
    char id[ID_TEXT_LEN + 1];
    uint64_t leased;
    struct key *key;

    (void)state;
    tokenise_all(0, VALUES);
    flush();
    begin("rotate-data-key", "cards", NULL, id);
    while (key_state(KEY_DATA, 2) != KEY_ACTIVE)
        step();
    key = key_of(KEY_DATA, 2);
    leased = atomic_load(&key->leased);
    assert_int_equal(leased, KEY_LEASE);
    atomic_store(&key->used, leased - 10);
    for (int i = 0; i < 20; i++) {
        (void)rotation_step(&rig.keeper);
        flush();
    }
    assert_int_equal(state_of(id), CEREMONY_RUNNING);
    assert_int_equal(atomic_load(&key->used), leased);
    assert_int_equal(count_rows(TABLE_TOKEN).of[2], 0); /* a chunk is whole or is not */
    finish(id);
    assert_int_equal(state_of(id), CEREMONY_DONE);
    assert_int_equal(atomic_load(&key->leased), 2 * KEY_LEASE);
    assert_int_equal(count_rows(TABLE_TOKEN).of[2], VALUES);
}

/* SP 800-38D's 2^32 seals are used up: nothing more is sealed, until the key is rotated. */
static void test_C43_a_spent_data_key_is_rotated_away(void **state)
{
    char value[17];
    struct key *key;

    (void)state;
    tokenise_all(0, SOME);
    key = key_of(KEY_DATA, 1);
    atomic_store(&key->leased, KEY_SEALS_MAX);
    atomic_store(&key->used, KEY_SEALS_MAX);
    value_of(SOME, value);
    assert_int_equal(rig_tokenize(&rig, &acme, "cards", value)->err, HUFU_UNAVAILABLE);
    assert_int_equal(atomic_load(&key->used), KEY_SEALS_MAX);
    run("rotate-data-key", "cards", NULL, CEREMONY_DONE);
    tokenise(SOME);
    assert_int_equal(count_rows(TABLE_TOKEN).of[2], SOME + 1);
    known_are_known();
}

/* Records that were written anew lie under the new key, for all who look; in the map they still lie
 * under the old one, and the walk meets them there. */
static void test_a_key_is_not_destroyed_while_a_rotation_may_need_it(void **state)
{
    struct rig_who zeta = { .partner = "zeta" };
    char id[2][ID_TEXT_LEN + 1], value[17];

    (void)state;
    tokenise_all(0, SOME);
    flush();
    rig_set(&rig, "ceremony.rows_per_s=1");
    begin("rotate-data-key", "cards", NULL, id[0]);
    while (count_rows(TABLE_TOKEN).of[2] == 0)
        step();
    for (unsigned i = 0; i < SOME; i++) {
        value_of(i, value);
        assert_int_equal(rig_tokenize(&rig, &zeta, "cards", value)->err, HUFU_OK);
    }
    assert_int_equal(count_rows(TABLE_TOKEN).of[1], 0);
    begin("destroy-key", NULL, "data-cards-1", id[1]);
    for (int i = 0; i < 100; i++) {
        rig_tick(&rig, 100);
        (void)keeper_step(&rig.keeper);
    }
    assert_int_equal(state_of(id[0]), CEREMONY_RUNNING);
    assert_int_equal(key_state(KEY_DATA, 1), KEY_DEACTIVATED);
    rig_set(&rig, "ceremony.rows_per_s=0");
    finish(id[0]);
    assert_int_equal(state_of(id[0]), CEREMONY_DONE);
    finish(id[1]);
    assert_int_equal(state_of(id[1]), CEREMONY_DONE);
    assert_true(rig_restart(&rig));
    known_are_known();
}

/* Killed between the row's loss of the sealed key and the end: it is gone all the same. */
static void test_a_destroyed_key_stays_listed_and_is_left_alone(void **state)
{
    char id[ID_TEXT_LEN + 1];
    struct keyset_row row;
    uint64_t seq, began, last_use;
    struct store_numbers n;
    struct key *key;

    (void)state;
    tokenise_all(0, SOME);
    run("rotate-data-key", "cards", NULL, CEREMONY_DONE);
    assert_string_equal(listed("data-cards-1", "records"), "0");
    key = key_of(KEY_DATA, 1);
    last_use = atomic_load(&key->row_seq);
    store_numbers(rig.core.store, &n);
    assert_true(n.trimmed <= last_use); /* the journal could bring back what lies under it */
    begin("destroy-key", NULL, "data-cards-1", id);
    while (key_state(KEY_DATA, 1) != KEY_DESTROYED)
        step();
    store_numbers(rig.core.store, &n);
    assert_true(n.trimmed > last_use);
    assert_non_null(key->secret); /* somebody may hold it yet */
    began = rig.clock.boot;
    finish(id);
    assert_true(rig.clock.boot - began >= 5000);
    assert_null(key->secret);
    run("rotate-index-key", "cards", NULL, CEREMONY_DONE);
    begin("destroy-key", NULL, "index-cards-1", id);
    while (key_state(KEY_INDEX, 1) != KEY_DESTROYED)
        step();
    assert_true(rig_restart(&rig));
    assert_int_equal(state_of(id), CEREMONY_RUNNING);
    finish(id);
    assert_int_equal(state_of(id), CEREMONY_DONE);
    assert_string_equal(listed("data-cards-1", "state"), "\"destroyed\"");
    assert_string_equal(listed("data-cards-1", "records"), "0");
    assert_int_equal(propose("destroy-key", NULL, "data-cards-1")->err, HUFU_CONFLICT);
    run("rotate-kek", NULL, NULL, CEREMONY_DONE);
    assert_string_equal(listed("kek-1", "records"), "0");
    assert_int_equal(keeper_find_keyset(&rig.keeper, CARDS, KEY_DATA, 1, &row, &seq), HUFU_OK);
    assert_int_equal(row.kek_version, 1);
    run("rotate-data-key", "cards", NULL, CEREMONY_DONE);
    assert_int_equal(key_state(KEY_DATA, 3), KEY_ACTIVE); /* no number comes twice */
    assert_true(rig_restart(&rig));
    known_are_known();
}

static void test_the_list_tells_how_many_rows_lie_under_a_key(void **state)
{
    char id[ID_TEXT_LEN + 1], want[24];

    (void)state;
    tokenise_all(0, SOME);
    assert_string_equal(listed("index-cards-1", "records"), "-"); /* never counted */
    begin("rotate-index-key", "cards", NULL, id);
    for (unsigned i = 0; state_of(id) == CEREMONY_RUNNING; i++) {
        assert_true(i < STEPS_MAX);
        if (cards()->index_version == 1) /* more of them, while it runs */
            tokenise(SOME + i);
        step();
    }
    flush();
    snprintf(want, sizeof(want), "%zu", count_rows(TABLE_INDEX).of[2]);
    assert_string_equal(listed("index-cards-2", "records"), want);
    assert_string_equal(listed("index-cards-1", "records"), "0");
}

static void test_C24_a_rotation_waits_for_the_hsm_and_fails_where_it_refuses(void **state)
{
    static const char *const kinds[] = { "rotate-data-key", "rotate-index-key" };
    char id[ID_TEXT_LEN + 1];

    (void)state;
    tokenise_all(0, SOME);
    for (size_t i = 0; i < 2; i++) {
        hsm.down = true;
        begin(kinds[i], "cards", NULL, id);
        for (int n = 0; n < 50; n++)
            step();
        assert_int_equal(state_of(id), CEREMONY_RUNNING);
        tokenise(SOME + 2 * (unsigned)i);
        hsm.down = false;
        finish(id);
        assert_int_equal(state_of(id), CEREMONY_DONE);
        fake_hsm_fail(&hsm, 1, HUFU_HSM_FAILED, false);
        run(kinds[i], "cards", NULL, CEREMONY_FAILED);
        tokenise(SOME + 2 * (unsigned)i + 1);
        run(kinds[i], "cards", NULL, CEREMONY_DONE);
    }
    assert_int_equal(key_state(KEY_DATA, 3), KEY_ACTIVE);
    assert_int_equal(cards()->index_version, 3);
    known_are_known();
}

static void *keep_once(void *arg)
{
    (void)keeper_step(arg);
    return NULL;
}

static void noted(struct store_draft *draft)
{
    *(bool *)draft->arg = true;
}

/* A record that is handed in right behind B, by somebody who expects nothing of the domain's row.
 */
static void test_what_is_judged_after_the_change_of_keys_is_sealed_under_the_new_one(void **state)
{
    struct request req = { .core = &rig.core };
    struct record rec = { .state = RECORD_ACTIVE, .value_len = 1, .partner_count = 1 };
    char id[ID_TEXT_LEN + 1];
    struct store_numbers n;
    bool done = false;
    pthread_t thread;
    uint8_t *image;
    size_t len;

    (void)state;
    arena_init(&req.in, rig.core.pool);
    arena_init(&req.work, rig.core.pool);
    hsm.down = true; /* so that it does not begin at once */
    begin("rotate-data-key", "cards", NULL, id);
    while (store_journal_step(rig.core.store))
        continue;
    hsm.down = false;
    rig.keeper.drives_journal = false;
    assert_int_equal(pthread_create(&thread, NULL, keep_once, &rig.keeper), 0);
    do {
        sched_yield();
        store_numbers(rig.core.store, &n);
    } while (n.queued == 0);
    assert_int_equal(request_ops(&req, 1, 1, 1, 0), HUFU_OK);
    request_entry(&req, 0)->verb = "test";
    assert_int_equal(row_lay_record(&rig.worker, &req, &rec, &image, &len), HUFU_OK);
    op_write(&req.op[0], row_token_key(&req, CARDS, view_str("4111110000001112")), image, len);
    req.draft.done = noted;
    req.draft.arg = &done;
    assert_int_equal(store_submit(rig.core.store, &req.draft), HUFU_OK);
    assert_true(store_journal_step(rig.core.store));
    (void)store_journal_step(rig.core.store);
    assert_int_equal(pthread_join(thread, NULL), 0);
    rig.keeper.drives_journal = true;
    assert_true(done);
    assert_int_equal(req.draft.err, HUFU_OK);
    assert_int_equal(key_state(KEY_DATA, 2), KEY_ACTIVE);
    assert_int_equal(count_rows(TABLE_TOKEN).of[1], 0);
    assert_int_equal(count_rows(TABLE_TOKEN).of[2], 1);
    arena_done(&req.work);
    arena_done(&req.in);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_C43_a_failed_reindex_is_undone_and_can_be_tried_again),
        TEST(test_C43_a_record_that_is_whole_again_lets_the_next_reindex_end),
        TEST(test_C43_a_reindex_clears_what_an_earlier_one_left),
        TEST(test_C43_a_failed_data_rotation_can_be_tried_again),
        TEST(test_C43_a_forged_index_row_is_not_carried_over),
        TEST(test_C43_a_restart_forgets_no_damaged_record),
        TEST(test_C43_a_rotation_outlives_its_lease),
        TEST(test_C43_a_spent_data_key_is_rotated_away),
        TEST(test_a_key_is_not_destroyed_while_a_rotation_may_need_it),
        TEST(test_a_destroyed_key_stays_listed_and_is_left_alone),
        TEST(test_the_list_tells_how_many_rows_lie_under_a_key),
        TEST(test_C24_a_rotation_waits_for_the_hsm_and_fails_where_it_refuses),
        TEST(test_what_is_judged_after_the_change_of_keys_is_sealed_under_the_new_one),
    };

    return cmocka_run_group_tests(tests, heap, NULL);
}
