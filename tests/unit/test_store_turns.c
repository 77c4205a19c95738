/*
 * How a chunk of a rewrite is handed over and answered: whose turn it is, what a full or failing
 * map makes of it, and how the store ends with one that waits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <time.h>

#include "tests/unit/disk_faults.h"
#include "tests/unit/store_chunk.h"

#define TABLE "\x01"

static void test_rewrite_one_at_a_time(void **state)
{
    struct house *h = *state;
    struct chunk a, b;

    chunk_init(&a, TABLE, 1);
    chunk_init(&b, TABLE, 1);
    assert_int_equal(store_rewrite(h->s, &a.job), HUFU_OK);
    assert_int_equal(store_rewrite(h->s, &b.job), HUFU_BUSY);
    assert_true(store_map_step(h->s, false));
    assert_int_equal(store_rewrite(h->s, &b.job), HUFU_OK);
    assert_true(store_map_step(h->s, false));
    assert_false(store_map_step(h->s, false));
    assert_int_equal(a.done, 1);
    assert_int_equal(b.done, 1);
}

static void test_failed_commit_of_a_chunk(void **state)
{
    static const struct {
        int rc;
        enum hufu_err err;
        bool sound;
    } rows[] = { { MDB_MAP_FULL, HUFU_FULL, true },
                 { ENOSPC, HUFU_FULL, true },
                 { ENOMEM, HUFU_NOMEM, true },
                 { EIO, HUFU_UNAVAILABLE, false },
                 { MDB_PANIC, HUFU_UNAVAILABLE, false } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct house h;
        struct chunk c;

        house_init(&h);
        assert_int_equal(house_open(&h), HUFU_OK);
        chunk_rows(&h, TABLE, 5, "old");
        chunk_init(&c, TABLE, 3);
        c.act = chunk_set;
        c.text = "new";
        fault_set(FAULT_COMMIT, rows[i].rc);
        assert_int_equal(chunk_run(&h, &c), rows[i].err);
        chunk_is(&c, false, 0, 0);
        look_is(&h, TABLE "aa", "old");
        assert_int_equal(store_is_sound(h.s), rows[i].sound);
        assert_int_equal(chunk_run(&h, &c), rows[i].sound ? HUFU_OK : HUFU_UNAVAILABLE);
        look_is(&h, TABLE "aa", rows[i].sound ? "new" : "old");
        house_done(&h);
    }
}

/* The map's own bound, met by a put: what each() makes of it does not matter. */
static enum hufu_err fill_act(struct chunk *c, struct rewrite *rw, struct view key, uint64_t seq,
                              struct view image)
{
    static const uint8_t big[200000];
    enum hufu_err err = HUFU_OK;
    char name[8] = "\x02k";

    (void)key;
    (void)image;
    for (char i = 'a'; i < 'm' && err == HUFU_OK; i++) {
        name[2] = i;
        err = rewrite_put(rw, piece_key(name), seq, view_of(big, sizeof(big)));
    }
    assert_int_equal(err, HUFU_FULL);
    assert_int_equal(rewrite_remove(rw, piece_key(name)), HUFU_FULL);
    c->text = "full";
    return HUFU_OK;
}

static void test_full_map_refuses_the_chunk(void **state)
{
    struct house *h = *state;
    struct chunk c;

    house_close(h);
    h->set.file_bytes = 1u << 20;
    nftw(h->dir, house_remove, 8, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(mkdir(h->dir, 0700), 0);
    assert_int_equal(house_open(h), HUFU_OK);
    chunk_rows(h, TABLE, 3, "old");
    chunk_init(&c, TABLE, 3);
    c.act = fill_act;
    assert_int_equal(chunk_run(h, &c), HUFU_FULL);
    assert_non_null(c.text);
    assert_true(store_is_sound(h->s));
    look_is(h, "\x02ka", NULL);
    c.act = chunk_set;
    c.text = "new";
    assert_int_equal(chunk_run(h, &c), HUFU_OK);
    look_is(h, TABLE "ac", "new");
}

/* A row that is none: nothing is written any more. */
static void test_damaged_row_breaks_the_store(void **state)
{
    struct house *h = *state;
    char path[128];
    MDB_val key = { 3, TABLE "ab" }, value = { 3, "bad" };
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi row;
    struct chunk c;

    chunk_rows(h, TABLE, 3, "old");
    house_close(h);
    snprintf(path, sizeof(path), "%s/map", h->dir);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 4), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "row", 0, &row), 0);
    assert_int_equal(mdb_put(txn, row, &key, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    assert_int_equal(house_open(h), HUFU_OK);
    chunk_init(&c, TABLE, 9);
    c.act = chunk_set;
    c.text = "new";
    assert_int_equal(chunk_run(h, &c), HUFU_UNAVAILABLE);
    assert_false(store_is_sound(h->s));
    look_is(h, TABLE "aa", "old");
}

/* Neither the flush nor the rewrite waits for more than one turn of the other. */
static void test_turns(void **state)
{
    struct house *h = *state;
    struct store_numbers n;
    struct chunk c;

    h->set.slice_ops = 1;
    house_reopen(h);
    for (char i = 'a'; i < 'g'; i++) {
        char key[] = { TABLE_INDEX, i, '\0' };

        assert_int_equal(piece_put(h, key, "x"), HUFU_OK);
    }
    chunk_init(&c, TABLE, 1);
    c.store = h->s;
    c.again = 100;
    assert_int_equal(store_rewrite(h->s, &c.job), HUFU_OK);
    h->clock.boot += h->set.flush_ms;
    assert_true(store_map_step(h->s, false)); /* the flush is due: it goes first, and rotates, */
    assert_true(store_map_step(h->s, false)); /* and before its slices its lines are archived */
    assert_int_equal(c.done, 0);
    for (unsigned i = 0; i < 12; i++) {
        assert_true(store_map_step(h->s, false));
        store_numbers(h->s, &n);
        assert_int_equal(n.slices, 1 + i / 2);
        assert_int_equal(c.done, (i + 1) / 2);
    }
    store_numbers(h->s, &n);
    assert_int_equal(n.applied, 6);
    assert_true(store_map_step(h->s, false)); /* the rewrite goes on alone, */
    assert_int_equal(c.done, 7);
    assert_int_equal(piece_put(h, OTHER, "x"), HUFU_OK);
    h->clock.boot += h->set.flush_ms;
    assert_true(store_map_step(h->s, false)); /* until a flush is due again */
    assert_true(store_map_step(h->s, false));
    assert_true(store_map_step(h->s, false));
    assert_int_equal(c.done, 7);
    store_numbers(h->s, &n);
    assert_int_equal(n.applied, 7);
    c.again = 0;
    assert_true(store_map_step(h->s, false)); /* nothing waits that lies on this stack */
    assert_int_equal(c.done, 8);
}

/* A slice that finds no room lets the chunk go on: it may be one that makes room. */
static void test_chunk_goes_on_beside_a_failing_flush(void **state)
{
    struct house *h = *state;
    struct chunk c;

    for (unsigned archived = 0; archived < 2; archived++) { /* lines find no room, or rows */
        assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
        h->clock.boot += h->set.flush_ms;
        assert_true(store_map_step(h->s, false)); /* rotated */
        if (archived > 0)
            assert_true(store_map_step(h->s, false));
        chunk_init(&c, TABLE, 1);
        assert_int_equal(store_rewrite(h->s, &c.job), HUFU_OK);
        fault_set(FAULT_COMMIT, ENOSPC);
        assert_false(store_map_step(h->s, false));
        assert_true(fault.hit && store_is_sound(h->s));
        assert_true(store_map_step(h->s, false));
        assert_int_equal(c.done, 1);
        assert_true(store_map_step(h->s, false));
        house_flush(h);
        look_is(h, TOKEN, "x");
        house_reopen(h);
    }
}

static void test_stop_and_close_refuse_a_waiting_chunk(void **state)
{
    struct house *h = *state;
    struct chunk c;

    chunk_init(&c, TABLE, 1);
    assert_int_equal(store_rewrite(h->s, &c.job), HUFU_OK);
    store_stop(h->s);
    assert_int_equal(c.done, 1);
    assert_int_equal(c.job.err, HUFU_UNAVAILABLE);
    assert_int_equal(store_rewrite(h->s, &c.job), HUFU_UNAVAILABLE);
    assert_false(store_map_step(h->s, false));
    house_reopen(h);
    assert_int_equal(c.done, 1);
    c.job.visited = 5;
    assert_int_equal(store_rewrite(h->s, &c.job), HUFU_OK);
    house_close(h);
    assert_int_equal(c.done, 2);
    assert_int_equal(c.job.err, HUFU_UNAVAILABLE);
    chunk_is(&c, false, 0, 0);
    assert_int_equal(house_open(h), HUFU_OK);
}

/* A chunk that waits when the journal breaks is refused by the map thread, which is awake. */
static void test_unsound_store_refuses_a_chunk(void **state)
{
    struct house *h = *state;
    struct chunk c;

    chunk_rows(h, TABLE, 3, "old");
    chunk_init(&c, TABLE, 9);
    c.act = chunk_set;
    c.text = "new";
    assert_int_equal(store_rewrite(h->s, &c.job), HUFU_OK);
    fault_set(FAULT_WRITE, EIO);
    assert_int_equal(piece_put(h, TOKEN, "lost"), HUFU_UNAVAILABLE);
    assert_false(store_is_sound(h->s));
    store_map_wait(h->s); /* returns */
    assert_true(store_map_step(h->s, false));
    assert_int_equal(c.done, 1);
    assert_int_equal(c.job.err, HUFU_UNAVAILABLE);
    assert_int_equal(c.seen_count, 0);
    assert_int_equal(store_rewrite(h->s, &c.job), HUFU_UNAVAILABLE);
    look_is(h, TABLE "aa", "old");
}

static void *wait_run(void *arg)
{
    store_map_wait(arg);
    return NULL;
}

static void test_handing_over_wakes_the_map_thread(void **state)
{
    static const struct timespec pause = { 0, 50000000 };
    struct house *h = *state;
    struct timespec begun, ended;
    pthread_t waiter;
    struct chunk c;

    clock_gettime(CLOCK_MONOTONIC, &begun);
    chunk_init(&c, TABLE, 1);
    assert_int_equal(pthread_create(&waiter, NULL, wait_run, h->s), 0);
    nanosleep(&pause, NULL);
    assert_int_equal(store_rewrite(h->s, &c.job), HUFU_OK);
    pthread_join(waiter, NULL);
    store_map_wait(h->s); /* it waits: returns at once */
    clock_gettime(CLOCK_MONOTONIC, &ended);
    assert_true(ended.tv_sec - begun.tv_sec < 20); /* the wait's own end is at 60 */
    assert_true(store_map_step(h->s, false));
    assert_int_equal(c.done, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, piece_setup, piece_teardown)
    const struct CMUnitTest tests[] = {
        T(test_rewrite_one_at_a_time),
        T(test_failed_commit_of_a_chunk),
        T(test_full_map_refuses_the_chunk),
        T(test_damaged_row_breaks_the_store),
        T(test_turns),
        T(test_chunk_goes_on_beside_a_failing_flush),
        T(test_stop_and_close_refuse_a_waiting_chunk),
        T(test_unsound_store_refuses_a_chunk),
        T(test_handing_over_wakes_the_map_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
