/*
 * Rotating data and index keys, and destroying them, while values are tokenised and the core
 * crashes: whole core, one thread, seeded. HUFU_SEEDS sets how many seeds (6); HUFU_SEED runs one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lmdb.h>

#include "tests/core_calls.h"
#include "vault/base/log.h"
#include "vault/index.h"
#include "vault/keys/envelope.h"

#define VALUES     400
#define STEPS_MAX  200000
#define SEEDS      6
#define CARDS      1 /* id of the first domain */
#define SEED_STEPS 1500

static struct core_rig rig;
static struct fake_hsm hsm;
static struct rig_who acme = { .partner = "acme" };
static char carl[MSG_SESSION_LEN + 1], cora[MSG_SESSION_LEN + 1], olga[MSG_SESSION_LEN + 1];
static char token[VALUES][32]; /* of value i; empty: none yet */

static int heap(void **state)
{
    (void)state;
    log_setup("test", LOG_ERROR_LEVEL);
    return secret_heap_init(RIG_HEAP_BYTES) == HUFU_OK ? 0 : -1;
}

static int setup(void **state)
{
    (void)state;
    memset(token, 0, sizeof(token));
    fake_hsm_init(&hsm);
    rig_init(&rig, &hsm);
    rig_set(&rig, "ceremony.rows_per_s=0");
    rig_set(&rig, "limit.guesses_per_day=1000000000");
    rig_set(&rig, "limit.reveals_per_factor=1000000000");
    rig_set(&rig, "limit.reveals_per_day=1000000000");
    rig_set(&rig, "core.slice_ops=16");
    RIG_CHECK(rig_open(&rig) == HUFU_OK);
    RIG_CHECK(rig_setup(&rig) == HUFU_OK);
    RIG_CHECK(rig_restart(&rig));
    rig_login(&rig, "carl", carl);
    rig_login(&rig, "cora", cora);
    rig_login(&rig, "olga", olga);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_done(&rig);
    fake_hsm_done(&hsm);
    return 0;
}

/* Value i: a card number that is one by its check digit. */
static void value_of(unsigned i, char out[static 17])
{
    unsigned sum = 0;

    snprintf(out, 17, "411111%09u", i * 7919u % 1000000000u);
    for (int at = 14; at >= 0; at--) {
        unsigned digit = (unsigned)(out[at] - '0') * ((at & 1) == 0 ? 2 : 1);

        sum += digit > 9 ? digit - 9 : digit;
    }
    out[15] = (char)('0' + (10 - sum % 10) % 10);
    out[16] = '\0';
}

/* Tokenises value i and holds the answer against what was answered before. */
static void tokenise(unsigned i)
{
    const struct rig_reply *r;
    char value[17], got[32];

    value_of(i, value);
    r = rig_tokenize(&rig, &acme, "cards", value);
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "token", got, sizeof(got)));
    if (token[i][0] == '\0')
        memcpy(token[i], got, sizeof(got));
    assert_string_equal(token[i], got);
}

static void reveal(unsigned i)
{
    const struct rig_reply *r;
    char value[17], got[32];

    value_of(i, value);
    r = rig_reveal(&rig, olga, "cards", token[i]);
    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "value", got, sizeof(got)));
    assert_string_equal(got, value);
}

static const struct rig_reply *propose(const char *kind, const char *domain, const char *subject)
{
    struct rig_who who = { .session = carl };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 1024);
    if (domain != NULL)
        msg_put_text(&b, MSG_DOMAIN, view_str(domain));
    if (subject != NULL)
        msg_put_text(&b, MSG_SUBJECT, view_str(subject));
    msg_put_text(&b, MSG_REASON, view_str("cryptoperiod"));
    msg_put_text(&b, MSG_KIND, view_str(kind));
    r = rig_call(&rig, VERB_CEREMONY_PROPOSE, &who, buf_view(&b));
    buf_done(&b);
    return r;
}

/* Proposed by carl and seconded by cora: it runs. */
static void begin(const char *kind, const char *domain, const char *subject,
                  char id[static ID_TEXT_LEN + 1])
{
    struct rig_who who = { .session = cora };
    const struct rig_reply *r = propose(kind, domain, subject);
    struct buf b;

    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "id", id, ID_TEXT_LEN + 1));
    buf_init(&b, 128);
    msg_put_text(&b, MSG_ID, view_str(id));
    r = rig_call(&rig, VERB_CEREMONY_APPROVE, &who, buf_view(&b));
    buf_done(&b);
    assert_int_equal(r->err, HUFU_OK);
}

static void find(const char *id, struct ceremony *out)
{
    uint8_t raw[ID_LEN];

    assert_int_equal(id_parse(view_str(id), raw), HUFU_OK);
    assert_int_equal(directory_ceremony(rig.core.dir, raw, out), HUFU_OK);
}

static uint8_t state_of(const char *id)
{
    struct ceremony c;

    find(id, &c);
    return c.state;
}

/* One step of everybody, the clock going on a little. */
static void step(void)
{
    rig_tick(&rig, 20);
    (void)keeper_step(&rig.keeper);
    (void)store_journal_step(rig.core.store);
    (void)store_map_step(rig.core.store, true);
}

static void finish(const char *id)
{
    for (int i = 0; i < STEPS_MAX && state_of(id) == CEREMONY_RUNNING; i++)
        step();
    assert_int_not_equal(state_of(id), CEREMONY_RUNNING);
}

static void flush(void)
{
    while (store_map_step(rig.core.store, true))
        continue;
}

struct versions { /* rows of a table by key version */
    size_t of[16];
};

static bool tally_record(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct versions *t = arg;
    struct view header;
    uint32_t version;

    (void)key;
    (void)seq;
    assert_int_equal(envelope_peek(image, &version, &header), HUFU_OK);
    t->of[version]++;
    return true;
}

static bool tally_index(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct versions *t = arg;

    (void)seq;
    (void)image;
    t->of[key.p[8]]++; /* the last byte of the version */
    return true;
}

static struct versions count_rows(uint8_t table)
{
    uint8_t prefix[5] = { table, 0, 0, 0, CARDS }, next_mem[STORE_KEY_MAX];
    struct versions t = { { 0 } };
    struct buf next;

    buf_fixed(&next, next_mem, sizeof(next_mem));
    assert_int_equal(store_scan(rig.worker.reader, view_of(prefix, 5), view_of(prefix, 5), SIZE_MAX,
                                table == TABLE_TOKEN ? tally_record : tally_index, &t, &next),
                     HUFU_OK);
    return t;
}

static uint8_t key_state(enum key_kind kind, uint32_t version)
{
    struct key *key;

    for (size_t i = 0; (key = keyring_at(rig.core.ring, i)) != NULL; i++)
        if (key->domain == CARDS && key->kind == kind && key->version == version)
            return atomic_load(&key->state);
    return 0;
}

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

/* Changes one byte of a row in the map, behind the closed vault's back. */
static void damage(uint8_t *row, size_t row_len)
{
    MDB_val key = { row_len, row }, value;
    char path[128];
    uint8_t *copy;
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;

    rig_crash(&rig);
    snprintf(path, sizeof(path), "%s/map", rig.dir);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "row", 0, &dbi), 0);
    assert_int_equal(mdb_get(txn, dbi, &key, &value), 0);
    copy = malloc(value.mv_size);
    assert_non_null(copy);
    memcpy(copy, value.mv_data, value.mv_size);
    copy[value.mv_size - 1] ^= 1;
    value.mv_data = copy;
    assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    free(copy);
    RIG_CHECK(rig_open(&rig) == HUFU_OK);
    RIG_CHECK(rig_unseal(&rig));
}

/* A record that does not open is left as it is, the others are done, and the ceremony says so. */
static void test_a_damaged_record_fails_the_rotation_and_no_other_record(void **state)
{
    char id[ID_TEXT_LEN + 1];
    uint8_t row[64] = { TABLE_TOKEN, 0, 0, 0, CARDS };
    struct ceremony c;
    size_t len;

    (void)state;
    for (unsigned i = 0; i < 40; i++)
        tokenise(i);
    flush();
    len = strlen(token[7]);
    memcpy(row + 5, token[7], len);
    damage(row, 5 + len);
    begin("rotate-data-key", "cards", NULL, id);
    finish(id);
    find(id, &c);
    assert_int_equal(c.state, CEREMONY_FAILED);
    assert_string_equal(c.error, "CORRUPT");
    assert_int_equal(count_rows(TABLE_TOKEN).of[1], 1);
    assert_int_equal(count_rows(TABLE_TOKEN).of[2], 39);
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
    assert_true(state_of(id) == CEREMONY_DONE || state_of(id) == CEREMONY_FAILED);
    if (state_of(id) == CEREMONY_FAILED) { /* some records still lay under it */
        assert_int_equal(key_state(KEY_DATA, 1), KEY_DEACTIVATED);
        while (count_rows(TABLE_TOKEN).of[1] > 0)
            step();
        begin("destroy-key", NULL, "data-cards-1", id);
        finish(id);
    }
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
