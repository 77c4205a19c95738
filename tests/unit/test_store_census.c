/* Rows of a table that keeps them are counted once each, for good, by the domain of their keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lmdb.h>
#include "tests/unit/store_piece.h"

#define KEY_MAX 16

static const struct store_seen absent = { STORE_ABSENT, 0 };

static void key_print(uint32_t id, unsigned n, char out[static KEY_MAX])
{
    uint8_t mem[KEY_MAX] = { 0 };
    struct buf b;

    buf_fixed(&b, mem, sizeof(mem));
    buf_u8(&b, TABLE_TOKEN);
    buf_be32(&b, id);
    for (unsigned i = 0; i < 4; i++) /* without a zero: keys are text here */
        buf_u8(&b, (uint8_t)(1 + (n >> (6 * i) & 63)));
    memcpy(out, mem, KEY_MAX);
}

/* id has no zero byte either */
#define CARDS 0x01010102u
#define IDS   0x01010103u

static enum hufu_err row_put(struct house *h, uint32_t id, unsigned n, struct store_seen seen)
{
    char key[KEY_MAX];
    struct piece p;

    key_print(id, n, key);
    piece_init(&p);
    piece_write(&p, key, "image");
    piece_pre(&p, key, seen);
    return piece_run(h, &p);
}

static struct store_seen row_see(struct house *h, uint32_t id, unsigned n)
{
    struct store_seen seen;
    char key[KEY_MAX];

    key_print(id, n, key);
    assert_int_equal(store_find(h->r, piece_key(key), NULL, &seen), HUFU_OK);
    return seen;
}

static void rows_put(struct house *h, uint32_t id, unsigned from, unsigned to)
{
    for (unsigned n = from; n < to; n++)
        assert_int_equal(row_put(h, id, n, absent), HUFU_OK);
}

static uint64_t cards(struct house *h)
{
    return store_made(h->s, TABLE_TOKEN, CARDS);
}

static void test_made_counts_each_key_once(void **state)
{
    struct house *h = *state;

    assert_int_equal(cards(h), 0);
    rows_put(h, CARDS, 0, 5);
    assert_int_equal(cards(h), 5); /* journalled alone */
    assert_int_equal(row_put(h, CARDS, 0, absent), HUFU_PRECONDITION);
    assert_int_equal(row_put(h, CARDS, 0, row_see(h, CARDS, 0)), HUFU_OK); /* another state */
    assert_int_equal(cards(h), 5);
    house_flush(h);
    assert_int_equal(cards(h), 5); /* in the map */
    assert_int_equal(row_put(h, CARDS, 1, row_see(h, CARDS, 1)), HUFU_OK);
    rows_put(h, IDS, 0, 3);
    rows_put(h, CARDS, 5, 7);
    assert_int_equal(cards(h), 7); /* some here, some there */
    assert_int_equal(store_made(h->s, TABLE_TOKEN, IDS), 3);
    assert_int_equal(store_made(h->s, TABLE_TOKEN, IDS + 1), 0);
    assert_int_equal(store_made(h->s, TABLE_INDEX, CARDS), 0);
}

static void test_made_counts_no_other_table(void **state)
{
    struct house *h = *state;
    struct piece p;

    piece_init(&p);
    piece_write(&p, "\x02\x01\x01\x01\x02six", "image");
    piece_pre(&p, "\x02\x01\x01\x01\x02six", absent);
    assert_int_equal(piece_run(h, &p), HUFU_OK);
    assert_int_equal(cards(h), 0);
    assert_int_equal(store_made(h->s, TABLE_INDEX, CARDS), 0);
}

static void test_made_in_one_group_of_two_domains(void **state)
{
    struct house *h = *state;
    struct piece p[6];
    char key[6][KEY_MAX];

    for (unsigned i = 0; i < 6; i++) {
        key_print(i % 2 ? IDS : CARDS, i, key[i]);
        piece_init(&p[i]);
        piece_write(&p[i], key[i], "image");
        piece_pre(&p[i], key[i], absent);
        assert_int_equal(store_submit(h->s, &p[i].draft), HUFU_OK);
    }
    assert_true(store_journal_step(h->s));
    assert_int_equal(cards(h), 3);
    assert_int_equal(store_made(h->s, TABLE_TOKEN, IDS), 3);
    house_flush(h);
    house_reopen(h);
    assert_int_equal(cards(h), 3);
    assert_int_equal(store_made(h->s, TABLE_TOKEN, IDS), 3);
}

/* slice_ops is 16: crashes after each of the slices, with more journalled behind them. */
static void test_made_survives_a_crash_between_slices(void **state)
{
    struct house *h = *state;
    unsigned made = 0;

    for (unsigned slices = 0; slices < 6; slices++) {
        rows_put(h, CARDS, made, made + 40);
        rows_put(h, IDS, made, made + 40);
        made += 40;
        for (unsigned i = 0; i < slices; i++)
            (void)store_map_step(h->s, true);
        rows_put(h, CARDS, made, made + 1);
        rows_put(h, IDS, made, made + 1);
        made++;
        house_reopen(h);
        assert_int_equal(cards(h), made);
        assert_int_equal(store_made(h->s, TABLE_TOKEN, IDS), made);
    }
    house_flush(h);
    house_reopen(h);
    assert_int_equal(cards(h), made);
}

static enum hufu_err put_again(void *arg, struct rewrite *rw, struct view key, uint64_t seq,
                               struct view image)
{
    (void)arg;
    return rewrite_put(rw, key, seq, image);
}

static void rewritten(struct store_rewrite *job)
{
    *(bool *)job->arg = true;
}

static void test_made_stays_where_rows_are_rewritten(void **state)
{
    static const uint8_t table = TABLE_TOKEN;
    struct house *h = *state;
    bool done = false;
    struct store_rewrite job = { .prefix = view_of(&table, 1),
                                 .name = view_str("again"),
                                 .rows_max = 100,
                                 .each = put_again,
                                 .done = rewritten,
                                 .arg = &done };

    rows_put(h, CARDS, 0, 20);
    house_flush(h);
    assert_int_equal(store_rewrite(h->s, &job), HUFU_OK);
    while (!done)
        (void)store_map_step(h->s, true);
    assert_int_equal(job.err, HUFU_OK);
    assert_int_equal(job.changed, 20);
    assert_int_equal(cards(h), 20);
    house_reopen(h);
    assert_int_equal(cards(h), 20);
}

/* Writes len bytes of 0 where the map's `state` has the domain's number; 0: removes it. */
static void census_write(struct house *h, size_t len)
{
    static const uint8_t name[] = { 'r', 'o', 'w', 's', ':', TABLE_TOKEN, 1, 1, 1, 2 };
    uint8_t zero[8] = { 0 };
    MDB_val key = { sizeof(name), (void *)(uintptr_t)name }, value = { len, zero };
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi;
    char path[96];

    snprintf(path, sizeof(path), "%s/map", h->dir);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 4), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "state", 0, &dbi), 0);
    if (len > 0)
        assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
    else
        assert_int_equal(mdb_del(txn, dbi, &key, NULL), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void test_made_begins_anew_where_nothing_was_counted(void **state)
{
    struct house *h = *state;

    rows_put(h, CARDS, 0, 4);
    house_flush(h);
    rows_put(h, CARDS, 4, 6);
    house_close(h);
    census_write(h, 0);
    assert_int_equal(house_open(h), HUFU_OK);
    assert_int_equal(cards(h), 2);
    house_flush(h);
    house_reopen(h);
    assert_int_equal(cards(h), 2);
}

static void test_made_that_is_damaged_is_refused(void **state)
{
    struct house *h = *state;

    rows_put(h, CARDS, 0, 4);
    house_flush(h);
    house_close(h);
    census_write(h, 1);
    assert_int_equal(store_open_lmdb(&h->set, &h->s), HUFU_CORRUPT);
    census_write(h, 8);
    assert_int_equal(house_open(h), HUFU_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, piece_setup, piece_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_made_counts_each_key_once),
        TEST(test_made_counts_no_other_table),
        TEST(test_made_in_one_group_of_two_domains),
        TEST(test_made_survives_a_crash_between_slices),
        TEST(test_made_stays_where_rows_are_rewritten),
        TEST(test_made_begins_anew_where_nothing_was_counted),
        TEST(test_made_that_is_damaged_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
