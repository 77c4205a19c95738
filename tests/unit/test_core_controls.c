/* Controls that the core as a whole must meet, over a fake HSM and a real store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <lmdb.h>

#include "tests/core_suite.h"
#include "tests/unit/disk_faults.h"
#include "vault/index.h"
#include "vault/base/digest.h"

#define PAN   "4111111111111111"
#define OTHER "5500000000000004"

static struct rig_who acme = { .partner = "acme" };
static int setup(void **state)
{
    (void)state;
    fault_disk(0);
    fake_hsm_init(&hsm);
    rig_start(&rig, &hsm);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fault_disk(0);
    rig_done(&rig);
    fake_hsm_done(&hsm);
    return 0;
}

static void token_of(const char *domain, const char *value, char out[static 64])
{
    const struct rig_reply *r = rig_tokenize(&rig, &acme, domain, value);

    assert_int_equal(r->err, HUFU_OK);
    assert_non_null(rig_member(r->body, "token", out, 64));
}

static uint64_t log_size(void)
{
    struct merkle log;

    store_log(rig.core.store, &log);
    return log.size;
}

/* ---- the files, changed behind the core's back ---- */

struct row_copy {
    uint8_t key[64], value[8192];
    size_t key_len, value_len;
};

/* Everything into the map, then the core goes. */
static void flush_and_stop(void)
{
    struct store_numbers n;

    do {
        (void)store_map_step(rig.core.store, true);
        store_numbers(rig.core.store, &n);
    } while (n.applied < n.seq);
    rig_crash(&rig);
}

static MDB_env *map_open_raw(MDB_txn **txn, MDB_dbi *rows)
{
    char path[128];
    MDB_env *env = NULL;

    snprintf(path, sizeof(path), "%s/map", rig.dir);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 4), 0);
    assert_int_equal(mdb_env_set_mapsize(env, 64u << 20), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, txn), 0);
    assert_int_equal(mdb_dbi_open(*txn, "row", 0, rows), 0);
    return env;
}

/* The n-th row of a table. */
static void row_get(uint8_t table, size_t n, struct row_copy *out)
{
    MDB_val key = { 1, &table }, value;
    MDB_cursor *cur;
    MDB_txn *txn;
    MDB_dbi rows;
    MDB_env *env = map_open_raw(&txn, &rows);

    assert_int_equal(mdb_cursor_open(txn, rows, &cur), 0);
    assert_int_equal(mdb_cursor_get(cur, &key, &value, MDB_SET_RANGE), 0);
    while (n-- > 0)
        assert_int_equal(mdb_cursor_get(cur, &key, &value, MDB_NEXT), 0);
    assert_int_equal(*(const uint8_t *)key.mv_data, table);
    assert_true(key.mv_size <= sizeof(out->key) && value.mv_size <= sizeof(out->value));
    memcpy(out->key, key.mv_data, key.mv_size);
    memcpy(out->value, value.mv_data, value.mv_size);
    out->key_len = key.mv_size;
    out->value_len = value.mv_size;
    mdb_cursor_close(cur);
    mdb_txn_abort(txn);
    mdb_env_close(env);
}

/* Puts the row; without a value it is taken away. */
static void row_put(const struct row_copy *row)
{
    MDB_val key = { row->key_len, (void *)(uintptr_t)row->key };
    MDB_val value = { row->value_len, (void *)(uintptr_t)row->value };
    MDB_txn *txn;
    MDB_dbi rows;
    MDB_env *env = map_open_raw(&txn, &rows);

    assert_int_equal(row->value_len > 0 ? mdb_put(txn, rows, &key, &value, 0)
                                        : mdb_del(txn, rows, &key, NULL),
                     0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void must_not_open(void)
{
    assert_int_equal(rig_open(&rig), HUFU_OK);
    assert_false(rig_unseal(&rig));
    assert_int_not_equal(atomic_load(&rig.core.phase), CORE_OPEN);
    assert_int_equal(rig_tokenize(&rig, &acme, "cards", PAN)->err, HUFU_SEALED);
    rig_crash(&rig);
}

static void must_open(void)
{
    assert_int_equal(rig_open(&rig), HUFU_OK);
    assert_true(rig_unseal(&rig));
}

static const uint8_t resident[] = { TABLE_KEK,    TABLE_KEYSET,  TABLE_META,
                                    TABLE_DOMAIN, TABLE_PARTNER, TABLE_USER };

static void test_C11_a_control_row_taken_away_is_found(void **state)
{
    struct row_copy row, gone;

    (void)state;
    flush_and_stop();
    for (size_t i = 0; i < sizeof(resident); i++) {
        if (resident[i] == TABLE_KEK)
            continue; /* without its KEK nothing opens: as a vault that was never set up */
        row_get(resident[i], 0, &row);
        gone = row;
        gone.value_len = 0;
        row_put(&gone);
        must_not_open();
        row_put(&row);
        must_open();
        flush_and_stop(); /* a lease was written: the journal must not stand before the map */
    }
}

static void test_C11_a_control_row_added_is_found(void **state)
{
    struct row_copy row, more;

    (void)state;
    flush_and_stop();
    row_get(TABLE_USER, 0, &row);
    more = row;
    more.key[4] = 99; /* the same person under another number */
    row_put(&more);
    must_not_open();
    more.value_len = 0;
    row_put(&more);
    must_open();
}

static void test_C11_a_control_row_changed_is_found(void **state)
{
    struct row_copy row, changed;

    (void)state;
    flush_and_stop();
    for (size_t i = 0; i < sizeof(resident); i++) {
        row_get(resident[i], 0, &row);
        for (size_t at = 0; at < row.value_len; at += 1 + row.value_len / 7) {
            changed = row;
            changed.value[at] ^= 1;
            row_put(&changed);
            must_not_open();
        }
        row_put(&row);
        must_open();
        flush_and_stop(); /* a lease was written: the journal must not stand before the map */
    }
}

static void test_C11_two_control_rows_swapped_are_found(void **state)
{
    struct row_copy a, b, swapped;

    (void)state;
    flush_and_stop();
    row_get(TABLE_USER, 0, &a);
    row_get(TABLE_USER, 1, &b);
    swapped = a;
    memcpy(swapped.value, b.value, b.value_len);
    swapped.value_len = b.value_len;
    row_put(&swapped);
    swapped = b;
    memcpy(swapped.value, a.value, a.value_len);
    swapped.value_len = a.value_len;
    row_put(&swapped);
    must_not_open();
}

static const struct rig_reply *freeze(const char *session, uint16_t verb, const char *name)
{
    struct rig_who who = { .session = session };
    const struct rig_reply *r;
    struct buf b;

    buf_init(&b, 256);
    msg_put_text(&b, MSG_REASON, view_str("leaver"));
    msg_put_text(&b, MSG_NAME, view_str(name));
    r = rig_call(&rig, verb, &who, buf_view(&b));
    buf_done(&b);
    return r;
}

/* An older row is sealed well and opens by itself: the digest alone tells that it is old. */
static void test_C11_a_control_row_rolled_back_is_found(void **state)
{
    char session[MSG_SESSION_LEN + 1];
    struct row_copy before, after;

    (void)state;
    flush_and_stop();
    row_get(TABLE_USER, 0, &before);
    must_open();
    rig_login(&rig, "sara", session);
    assert_int_equal(freeze(session, VERB_USER_FREEZE, "olga")->err, HUFU_OK);
    flush_and_stop();
    row_get(TABLE_USER, 0, &after);
    assert_memory_equal(before.key, after.key, after.key_len);
    assert_memory_not_equal(before.value, after.value, after.value_len);
    row_put(&before);
    must_not_open();
    row_put(&after);
    must_open();
}

static void test_C11_a_mapping_changed_or_swapped_is_never_revealed(void **state)
{
    char session[MSG_SESSION_LEN + 1], one[64], two[64];
    struct row_copy a, b, changed;
    const struct rig_reply *r;

    (void)state;
    token_of("cards", PAN, one);
    token_of("cards", OTHER, two);
    rig_login(&rig, "olga", session);
    flush_and_stop();
    row_get(TABLE_TOKEN, 0, &a);
    row_get(TABLE_TOKEN, 1, &b);
    changed = a;
    memcpy(changed.value, b.value, b.value_len); /* as long: two card numbers */
    changed.value_len = b.value_len;
    row_put(&changed);
    changed = b;
    changed.value[b.value_len - 20] ^= 1;
    row_put(&changed);
    must_open(); /* mappings are checked when they are used */
    for (int i = 0; i < 2; i++) {
        r = rig_reveal(&rig, session, "cards", i == 0 ? one : two);
        assert_int_equal(r->err, HUFU_UNAVAILABLE);
        assert_int_equal(r->body_len, 0);
    }
    /* nor does the index lead anybody into a damaged record */
    assert_int_equal(rig_tokenize(&rig, &acme, "cards", PAN)->err, HUFU_UNAVAILABLE);
}

/* ---- keys ---- */

static void test_C12_every_domain_has_keys_of_its_own(void **state)
{
    struct key *a, *b;

    (void)state;
    for (size_t i = 0; (a = keyring_at(rig.core.ring, i)) != NULL; i++)
        for (size_t j = 0; j < i; j++) {
            b = keyring_at(rig.core.ring, j);
            assert_false(secret_equal(a->secret, b->secret));
        }
    for (uint32_t domain = 1; domain <= 3; domain++) {
        assert_non_null(keyring_active(rig.core.ring, domain, KEY_DATA));
        assert_non_null(keyring_active(rig.core.ring, domain, KEY_INDEX));
    }
}

static void index_of(const char *domain, const char *value, uint8_t out[static 32])
{
    const struct domain *d = directory_domain(rig.core.dir, view_str(domain));
    uint8_t key[INDEX_KEY_LEN];

    assert_int_equal(
        index_key(rig.worker.crypt, rig.core.ring, d->id, d->index_version, view_str(value), key),
        HUFU_OK);
    memcpy(out, key + 9, 32);
}

/* HMAC under the domain's index key, and no digest of the value that anybody could make. */
static void test_C13_the_index_is_keyed_per_domain(void **state)
{
    struct key *key = keyring_active(rig.core.ring, 1, KEY_INDEX);
    struct view pan = view_str(PAN);
    uint8_t cards[32], once[32], again[32], want[32];
    unsigned len = sizeof(want);

    (void)state;
    index_of("cards", PAN, cards);
    index_of("once", PAN, once);
    assert_memory_not_equal(cards, once, sizeof(cards));
    assert_non_null(
        HMAC(EVP_sha256(), secret_read(key->secret), KEY_LEN, pan.p, pan.len, want, &len));
    assert_memory_equal(cards, want, sizeof(want));
    assert_int_equal(digest_sha256(&pan, 1, want), HUFU_OK);
    assert_memory_not_equal(cards, want, sizeof(want));
    secret_write(key->secret)[0] ^= 1; /* another key, another index … */
    key->serial += 1000;
    index_of("cards", PAN, again);
    assert_memory_not_equal(cards, again, sizeof(cards));
}

/* ---- two factors ---- */

static const struct rig_reply *login(const char *user, const char *password, uint64_t step)
{
    static const struct rig_who nobody = { 0 };
    const struct rig_reply *r;
    char code[7];
    struct buf b;

    rig_code(user, step, code);
    buf_init(&b, 256);
    msg_put_text(&b, MSG_USER, view_str(user));
    msg_put_text(&b, MSG_PASSWORD, view_str(password));
    msg_put_text(&b, MSG_OTP, view_str(code));
    r = rig_call(&rig, VERB_LOGIN, &nobody, buf_view(&b));
    buf_done(&b);
    return r;
}

static void is_uniform_401(const struct rig_reply *r)
{
    assert_int_equal(r->err, HUFU_UNAUTHENTICATED);
    assert_int_equal(r->where.tag, MSG_NONE);
    assert_int_equal(r->body_len, 0);
    assert_int_equal(r->retry_after_s, 0);
    assert_int_equal(r->flags, 0);
}

static void test_C21_either_factor_alone_is_refused_alike(void **state)
{
    uint64_t step = rig.clock.now / 30000;

    (void)state;
    is_uniform_401(login("olga", "correct-horse-o.lga", step + 5)); /* a wrong code */
    is_uniform_401(login("olga", "correct-horse-o.mar", step));     /* a wrong password */
    rig_tick(&rig, 60000);
    step = rig.clock.now / 30000;
    is_uniform_401(login("nobody", "correct-horse-nobody", step));
    assert_int_equal(login("olga", "correct-horse-o.lga", step)->err, HUFU_OK);
}

static void test_C21_a_code_is_accepted_once(void **state)
{
    uint64_t step = rig.clock.now / 30000;

    (void)state;
    assert_int_equal(login("olga", "correct-horse-o.lga", step)->err, HUFU_OK);
    is_uniform_401(login("olga", "correct-horse-o.lga", step));
    is_uniform_401(login("olga", "correct-horse-o.lga", step - 1)); /* nor an earlier one */
    assert_true(rig_restart(&rig));                                 /* nor after a crash */
    rig_tick(&rig, 30000);
    is_uniform_401(login("olga", "correct-horse-o.lga", step));
    rig_tick(&rig, 60000);
    assert_int_equal(login("olga", "correct-horse-o.lga", rig.clock.now / 30000)->err, HUFU_OK);
}

static void test_C21_a_value_needs_a_fresh_factor(void **state)
{
    char session[MSG_SESSION_LEN + 1], token[64], code[7];
    struct rig_who olga = { .session = session };
    uint8_t mem[64];
    struct buf b;

    (void)state;
    token_of("cards", PAN, token);
    rig_login(&rig, "olga", session);
    rig_tick(&rig, 299999);
    assert_int_equal(rig_reveal(&rig, session, "cards", token)->err, HUFU_OK);
    rig_tick(&rig, 1);
    assert_int_equal(rig_reveal(&rig, session, "cards", token)->err, HUFU_STEP_UP);
    rig_code("olga", rig.clock.now / 30000, code);
    buf_fixed(&b, mem, sizeof(mem));
    msg_put_text(&b, MSG_OTP, view_str(code));
    assert_int_equal(rig_call(&rig, VERB_STEP_UP, &olga, buf_view(&b))->success, MSG_204);
    assert_int_equal(rig_reveal(&rig, session, "cards", token)->err, HUFU_OK);
    is_uniform_401(rig_call(&rig, VERB_STEP_UP, &olga, buf_view(&b))); /* that code was used */
    session[0] = session[0] == 'A' ? 'B' : 'A';
    is_uniform_401(rig_reveal(&rig, session, "cards", token));
}

/* The factor must be fresh when the entry is committed, not only when the worker looks. */
static void test_C21_a_factor_that_ages_in_the_queue_is_refused(void **state)
{
    char session[MSG_SESSION_LEN + 1], token[64];
    struct rig_who olga = { .session = session };
    uint64_t id;
    struct buf b;

    (void)state;
    token_of("cards", PAN, token);
    rig_login(&rig, "olga", session);
    rig_tick(&rig, 299999);
    buf_init(&b, 256);
    msg_put_text(&b, MSG_DOMAIN, view_str("cards"));
    msg_put_text(&b, MSG_TOKEN, view_str(token));
    msg_put_text(&b, MSG_REASON, view_str("case 7"));
    msg_put_text(&b, MSG_PURPOSE, view_str("refund"));
    id = rig_submit(&rig, VERB_DETOKENIZE, &olga, buf_view(&b));
    assert_true(worker_step(&rig.worker));
    rig_tick(&rig, 1);
    rig.reply_id = 0;
    while (rig.reply_id != id)
        assert_true(rig_round(&rig));
    assert_int_equal(rig.reply.err, HUFU_STEP_UP);
    assert_int_equal(rig.reply.body_len, 0);
    buf_done(&b);
}

/* ---- no answer before its entry ---- */

static void test_C26_no_value_leaves_where_the_journal_cannot_be_written(void **state)
{
    char session[MSG_SESSION_LEN + 1], token[64];
    const struct rig_reply *r;
    uint64_t size;

    (void)state;
    token_of("cards", PAN, token);
    rig_login(&rig, "olga", session);
    size = log_size();
    fault_disk(ENOSPC);
    r = rig_reveal(&rig, session, "cards", token);
    assert_int_equal(r->err, HUFU_UNAVAILABLE);
    assert_int_equal(r->body_len, 0);
    assert_int_equal(log_size(), size);
    fault_disk(0); /* room again */
    assert_int_equal(rig_reveal(&rig, session, "cards", token)->err, HUFU_OK);
    assert_int_equal(log_size(), size + 1);
}

/* A failed sync is not tried again in this process: nothing is answered until a restart. */
static void test_C26_after_a_failed_sync_nothing_is_answered(void **state)
{
    char session[MSG_SESSION_LEN + 1], token[64];

    (void)state;
    token_of("cards", PAN, token);
    rig_login(&rig, "olga", session);
    fault_set(FAULT_SYNC, EIO);
    assert_int_equal(rig_reveal(&rig, session, "cards", token)->err, HUFU_UNAVAILABLE);
    assert_true(fault.hit);
    assert_false(store_is_sound(rig.core.store));
    assert_int_equal(rig_reveal(&rig, session, "cards", token)->err, HUFU_UNAVAILABLE);
    assert_int_equal(rig_tokenize(&rig, &acme, "cards", OTHER)->err, HUFU_UNAVAILABLE);
    assert_true(rig_restart(&rig));
    assert_int_equal(rig_reveal(&rig, session, "cards", token)->err, HUFU_OK);
}

static void test_C26_the_reply_waits_for_its_entry(void **state)
{
    char session[MSG_SESSION_LEN + 1], token[64];
    struct rig_who olga = { .session = session };
    uint64_t id, size;
    struct buf b;

    (void)state;
    token_of("cards", PAN, token);
    rig_login(&rig, "olga", session);
    buf_init(&b, 256);
    msg_put_text(&b, MSG_DOMAIN, view_str("cards"));
    msg_put_text(&b, MSG_TOKEN, view_str(token));
    msg_put_text(&b, MSG_REASON, view_str("case 7"));
    msg_put_text(&b, MSG_PURPOSE, view_str("refund"));
    size = log_size();
    id = rig_submit(&rig, VERB_DETOKENIZE, &olga, buf_view(&b));
    rig.reply_id = 0;
    assert_true(worker_step(&rig.worker));
    assert_int_equal(rig.reply_id, 0); /* decided, drafted, not answered */
    assert_int_equal(log_size(), size);
    assert_true(store_journal_step(rig.core.store));
    assert_int_equal(rig.reply_id, id);
    assert_int_equal(log_size(), size + 1);
    buf_done(&b);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(test_C11_a_control_row_taken_away_is_found),
        WITH_RIG(test_C11_a_control_row_added_is_found),
        WITH_RIG(test_C11_a_control_row_changed_is_found),
        WITH_RIG(test_C11_two_control_rows_swapped_are_found),
        WITH_RIG(test_C11_a_control_row_rolled_back_is_found),
        WITH_RIG(test_C11_a_mapping_changed_or_swapped_is_never_revealed),
        WITH_RIG(test_C12_every_domain_has_keys_of_its_own),
        WITH_RIG(test_C13_the_index_is_keyed_per_domain),
        WITH_RIG(test_C21_either_factor_alone_is_refused_alike),
        WITH_RIG(test_C21_a_code_is_accepted_once),
        WITH_RIG(test_C21_a_value_needs_a_fresh_factor),
        WITH_RIG(test_C21_a_factor_that_ages_in_the_queue_is_refused),
        WITH_RIG(test_C26_no_value_leaves_where_the_journal_cannot_be_written),
        WITH_RIG(test_C26_after_a_failed_sync_nothing_is_answered),
        WITH_RIG(test_C26_the_reply_waits_for_its_entry),
    };

    return cmocka_run_group_tests(tests, suite_heap, NULL);
}
