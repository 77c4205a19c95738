#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <lmdb.h>

#include "tests/unit/store_look.h"

/* Stands before LMDB's own: while commit_left is 1 or more, that commit from now fails. */
static int commit_fails, commit_left;

int mdb_txn_commit(MDB_txn *txn)
{
    union {
        void *p;
        int (*f)(MDB_txn *txn);
    } real = { .p = dlsym(RTLD_NEXT, "mdb_txn_commit") };

    if (commit_left > 0 && --commit_left == 0) {
        mdb_txn_abort(txn);
        return commit_fails;
    }
    return real.f(txn);
}

/* No room for one group: it alone is refused, what is smaller goes through. */
static void test_full_map_refuses_the_group(void **state)
{
    struct house *h = *state;
    static uint8_t image[8][200000];
    struct store_write writes[8];
    struct merkle before, after;
    struct piece p;

    house_close(h);
    h->set.file_bytes = 1u << 20;
    assert_int_equal(house_open(h), HUFU_OK);
    assert_int_equal(piece_put(h, USER, "x"), HUFU_OK);
    store_log(h->s, &before);
    for (size_t i = 0; i < 8; i++)
        writes[i] = (struct store_write){ piece_key(i ? TOKEN : USER), image[i], sizeof(image[i]) };
    piece_init(&p);
    p.op.write = writes;
    p.op.write_count = 8;
    assert_int_equal(piece_run(h, &p), HUFU_UNAVAILABLE);
    store_log(h->s, &after);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_true(store_is_sound(h->s));
    look_is(h, TOKEN, NULL);
    look_is(h, USER, "x");
    assert_int_equal(piece_put(h, TOKEN, "small"), HUFU_OK);
    house_reopen(h);
    look_is(h, TOKEN, "small");
    look_is(h, USER, "x");
}

static void test_failed_commit(void **state)
{
    static const struct {
        int rc;
        bool sound;
    } rows[] = { { MDB_MAP_FULL, true }, { ENOSPC, true }, { EIO, false }, { MDB_PANIC, false } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct store_numbers n;
        struct house h;

        house_init(&h);
        assert_int_equal(house_open(&h), HUFU_OK);
        assert_int_equal(piece_put(&h, TOKEN, "kept"), HUFU_OK);
        commit_fails = rows[i].rc;
        commit_left = 1;
        assert_int_equal(piece_put(&h, i % 2 ? USER : TOKEN, "lost"), HUFU_UNAVAILABLE);
        assert_int_equal(store_is_sound(h.s), rows[i].sound);
        look_is(&h, TOKEN, "kept");
        look_is(&h, USER, NULL);
        assert_int_equal(h.rooms.changed_count, 0);
        store_numbers(h.s, &n);
        assert_int_equal(n.seq, 1);
        assert_int_equal(piece_put(&h, OTHER, "x"), rows[i].sound ? HUFU_OK : HUFU_UNAVAILABLE);
        assert_int_equal(store_map_step(h.s, true), rows[i].sound);
        house_reopen(&h);
        assert_true(store_is_sound(h.s));
        look_is(&h, TOKEN, "kept");
        look_is(&h, OTHER, rows[i].sound ? "x" : NULL);
        house_done(&h);
    }
}

static void test_failed_slice(void **state)
{
    struct house *h = *state;
    struct store_numbers n;

    assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
    assert_true(store_map_step(h->s, true)); /* rotated */
    commit_fails = ENOSPC;
    commit_left = 1;
    assert_false(store_map_step(h->s, true));
    assert_true(store_is_sound(h->s));
    store_numbers(h->s, &n);
    assert_int_equal(n.applied, 0);
    assert_true(store_map_step(h->s, true)); /* the same slice again */
    store_numbers(h->s, &n);
    assert_int_equal(n.applied, 1);

    assert_int_equal(piece_put(h, OTHER, "y"), HUFU_OK);
    assert_true(store_map_step(h->s, true));
    commit_fails = EIO;
    commit_left = 1;
    assert_false(store_map_step(h->s, true));
    assert_false(store_is_sound(h->s));
    assert_false(store_map_step(h->s, true));
    look_is(h, OTHER, "y"); /* it is journalled: reading goes on */
    assert_int_equal(piece_put(h, TOKEN, "z"), HUFU_UNAVAILABLE);
    house_reopen(h);
    look_is(h, OTHER, "y");
}

/* What waits when the store breaks is answered too. */
static void test_unsound_refuses_what_waits(void **state)
{
    struct house *h = *state;
    struct piece p[2];

    for (size_t i = 0; i < 2; i++) {
        piece_init(&p[i]);
        piece_write(&p[i], TOKEN, "x");
    }
    assert_int_equal(store_submit(h->s, &p[0].draft), HUFU_OK);
    commit_fails = EIO;
    commit_left = 1;
    store_journal_step(h->s);
    assert_int_equal(p[0].draft.err, HUFU_UNAVAILABLE);
    assert_int_equal(store_submit(h->s, &p[1].draft), HUFU_UNAVAILABLE);
    assert_int_equal(p[1].done, 0);
}

static void test_full_overlay_holds_drafts_back(void **state)
{
    struct house *h = *state;
    static uint8_t image[3000];
    struct piece p[2];
    struct store_numbers n;

    h->set.recent_bytes = 4096;
    house_reopen(h);
    for (size_t i = 0; i < 2; i++) {
        piece_init(&p[i]);
        p[i].op.write_count = 1;
        p[i].write = (struct store_write){ piece_key(i ? TOKEN : OTHER), image, sizeof(image) };
        assert_int_equal(store_submit(h->s, &p[i].draft), HUFU_OK);
    }
    assert_true(store_journal_step(h->s)); /* one group may overshoot */
    store_numbers(h->s, &n);
    assert_true(n.recent_bytes >= 4096);
    piece_init(&p[0]);
    piece_write(&p[0], TOKEN, "later");
    assert_int_equal(store_submit(h->s, &p[0].draft), HUFU_OK);
    assert_false(store_journal_step(h->s));
    assert_int_equal(p[0].done, 0);
    assert_true(store_map_step(h->s, false)); /* due by bytes, though young and short */
    assert_false(store_journal_step(h->s));   /* rotated is not gone */
    while (store_map_step(h->s, false))
        ;
    assert_true(store_journal_step(h->s));
    assert_int_equal(p[0].draft.err, HUFU_OK);
    look_is(h, TOKEN, "later");
}

/* Nobody makes room after a stop: who waits for a commit must not wait for ever. */
static void test_full_overlay_refuses_once_stopped(void **state)
{
    struct house *h = *state;
    static uint8_t image[5000];
    struct piece p;

    h->set.recent_bytes = 4096;
    house_reopen(h);
    piece_init(&p);
    p.op.write_count = 1;
    p.write = (struct store_write){ piece_key(TOKEN), image, sizeof(image) };
    assert_int_equal(store_submit(h->s, &p.draft), HUFU_OK);
    assert_true(store_journal_step(h->s));
    piece_init(&p);
    piece_write(&p, OTHER, "later");
    assert_int_equal(store_submit(h->s, &p.draft), HUFU_OK);
    assert_false(store_journal_step(h->s));
    store_stop(h->s);
    assert_true(store_journal_step(h->s));
    assert_int_equal(p.done, 1);
    assert_int_equal(p.draft.err, HUFU_UNAVAILABLE);
    assert_false(store_journal_step(h->s));
    look_is(h, OTHER, NULL);
}

/* A journal that is longer than the overlay may be is replayed in parts. */
static void test_replay_keeps_the_bound(void **state)
{
    struct house *h = *state;
    struct store_numbers n;
    char key[8] = "\x01k000";

    for (int i = 0; i < 200; i++) {
        key[3] = (char)('0' + i / 26);
        key[4] = (char)('a' + i % 26);
        assert_int_equal(piece_put(h, key, "a text of some length"), HUFU_OK);
    }
    h->set.recent_bytes = 4096;
    house_reopen(h);
    store_numbers(h->s, &n);
    assert_int_equal(n.seq, 200);
    assert_true(n.applied > 0 && n.recent_bytes < 2 * 4096);
    for (int i = 0; i < 200; i++) {
        key[3] = (char)('0' + i / 26);
        key[4] = (char)('a' + i % 26);
        look_is(h, key, "a text of some length");
    }
}

static void test_flush_due(void **state)
{
    struct house *h = *state;

    assert_false(store_map_step(h->s, true)); /* there is nothing */
    assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
    assert_false(store_map_step(h->s, false)); /* young */
    h->clock.boot += 999;
    assert_false(store_map_step(h->s, false));
    h->clock.boot += 1;
    assert_true(store_map_step(h->s, false)); /* flush_ms */
    house_flush(h);
    h->set.generation_ops = 2;
    house_reopen(h);
    assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
    assert_false(store_map_step(h->s, false));
    assert_int_equal(piece_put(h, OTHER, "x"), HUFU_OK);
    assert_true(store_map_step(h->s, false)); /* generation_ops */
}

static void test_slices_and_trim(void **state)
{
    struct house *h = *state;
    struct store_numbers n;
    char key[8] = "\x01k00";

    h->set.slice_ops = 4;
    house_reopen(h);
    for (int i = 0; i < 10; i++) {
        key[2] = (char)('a' + i);
        assert_int_equal(piece_put(h, key, "x"), HUFU_OK);
    }
    for (uint64_t slice = 0; slice <= 3; slice++) { /* the first step rotates */
        store_numbers(h->s, &n);
        assert_int_equal(n.applied, 0);
        assert_true(store_map_step(h->s, true));
    }
    assert_false(store_map_step(h->s, true));
    store_numbers(h->s, &n);
    assert_int_equal(n.applied, 10);
    assert_int_equal(n.slices, 3);
    assert_int_equal(n.flushed_rows, 10);
    assert_int_equal(n.recent_rows, 0);
    for (uint64_t i = 1; i <= 6; i++) {
        assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
        store_numbers(h->s, &n);
        assert_int_equal(n.trimmed, i <= 5 ? 2 * i : 10); /* never past applied */
    }
}

static void drafts_commit(struct house *h, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
}

/* Without operations nothing else would trim. */
static void test_empty_draft_trims(void **state)
{
    struct house *h = *state;
    struct store_numbers n;
    struct merkle log;
    struct piece p;

    drafts_commit(h, 4100);
    house_flush(h);
    for (unsigned i = 0; i < 3; i++) { /* nothing at all, meta alone, nothing left to trim */
        store_numbers(h->s, &n);
        assert_int_equal(n.applied, 4100);
        assert_int_equal(n.trimmed, i == 0 ? 0 : i == 1 ? 4096 : 4100);
        piece_init(&p);
        p.draft.op = NULL;
        p.draft.op_count = 0;
        if (i == 1) {
            p.draft.meta_key = piece_key("name");
            p.draft.meta_value = piece_key("value");
        }
        atomic_fetch_add(&h->clock.now, 1);
        assert_int_equal(piece_run(h, &p), HUFU_OK);
        assert_int_equal(p.draft.first_seq, 4100);
        assert_int_equal(p.draft.now_ms, 1000001 + i);
    }
    store_log(h->s, &log);
    assert_int_equal(log.size, 4100);
    drafts_commit(h, 3);
    house_reopen(h); /* what was trimmed is gone from the file, the rest is not */
    store_numbers(h->s, &n);
    assert_int_equal(n.trimmed, 4100);
    assert_int_equal(n.seq, 4103);
    look_is(h, TOKEN, "x");
    house_flush(h);
    for (unsigned i = 0; i < 2; i++) { /* a draft that is refused trims nothing */
        piece_init(&p);
        piece_write(&p, TOKEN, "x");
        p.entry.fails = i == 0;
        if (i == 1)
            p.draft.op_count = 0;
        assert_int_equal(piece_run(h, &p), i == 0 ? HUFU_UNAVAILABLE : HUFU_OK);
        store_numbers(h->s, &n);
        assert_int_equal(n.trimmed, i == 0 ? 4100 : 4103);
    }
}

static void test_failed_trim_is_refused(void **state)
{
    struct house *h = *state;
    struct store_numbers n;
    struct piece p;

    drafts_commit(h, 3);
    house_flush(h);
    piece_init(&p);
    p.draft.op_count = 0;
    commit_fails = ENOSPC;
    commit_left = 1;
    assert_int_equal(piece_run(h, &p), HUFU_UNAVAILABLE);
    store_numbers(h->s, &n);
    assert_int_equal(n.trimmed, 0);
    p.done = 0;
    assert_int_equal(piece_run(h, &p), HUFU_OK);
    store_numbers(h->s, &n);
    assert_int_equal(n.trimmed, 3);
    drafts_commit(h, 1); /* the next group is as any other */
    store_numbers(h->s, &n);
    assert_int_equal(n.trimmed, 3);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, piece_setup, piece_teardown)
    const struct CMUnitTest tests[] = {
        T(test_full_map_refuses_the_group),
        T(test_failed_commit),
        T(test_failed_slice),
        T(test_unsound_refuses_what_waits),
        T(test_full_overlay_holds_drafts_back),
        T(test_full_overlay_refuses_once_stopped),
        T(test_replay_keeps_the_bound),
        T(test_flush_due),
        T(test_slices_and_trim),
        T(test_empty_draft_trims),
        T(test_failed_trim_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
