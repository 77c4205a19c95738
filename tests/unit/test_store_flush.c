#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/statvfs.h>

#include <cmocka.h>

#include "tests/unit/disk_faults.h"
#include "tests/unit/store_look.h"

static bool disk_is_full;

/* Stands before the C library's own: the store asks it whether a commit failed for want of room. */
int fstatvfs(int fd, struct statvfs *out)
{
    union {
        void *p;
        int (*f)(int fd, struct statvfs *out);
    } real = { .p = dlsym(RTLD_NEXT, "fstatvfs") };
    int rc = real.f(fd, out);

    if (disk_is_full)
        out->f_bavail = 1;
    return rc;
}

/* An empty store with segments of that size. */
static void house_anew(struct house *h, uint64_t segment_bytes)
{
    h->set.segment_bytes = segment_bytes;
    house_close(h);
    nftw(h->dir, house_remove, 8, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(mkdir(h->dir, 0700), 0);
    assert_int_equal(house_open(h), HUFU_OK);
}

/* No room for one group: it alone is refused, what is smaller goes through. */
static void test_full_map_refuses_the_group(void **state)
{
    struct house *h = *state;
    static uint8_t image[8][200000];
    struct store_write writes[8];
    struct merkle before, after;
    struct piece p;

    h->set.file_bytes = 1u << 20;
    house_anew(h, 65536);
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

/* A write or sync of the journal that fails. What was only written may be there after a restart:
 * all of it, or nothing of it. */
static void test_failed_commit(void **state)
{
    static const struct {
        enum fault_kind kind;
        int rc;
        bool sound, kept; /* kept: the power stays on, and the kernel still has what was written */
    } rows[] = { { FAULT_WRITE, ENOSPC, true, false }, { FAULT_WRITE, EDQUOT, true, false },
                 { FAULT_WRITE, EIO, false, false },   { FAULT_PART, ENOSPC, false, false },
                 { FAULT_PART, EIO, false, false },    { FAULT_SYNC, EIO, false, true },
                 { FAULT_SYNC, EIO, false, false },    { FAULT_SYNC, ENOSPC, false, true },
                 { FAULT_SYNC, ENOSPC, false, false } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *key = i % 2 ? USER : TOKEN;
        struct store_numbers n;
        struct house h;

        house_init(&h);
        assert_int_equal(house_open(&h), HUFU_OK);
        assert_int_equal(piece_put(&h, TOKEN, "kept"), HUFU_OK);
        fault_set(rows[i].kind, rows[i].rc);
        assert_int_equal(piece_put(&h, key, "lost"), HUFU_UNAVAILABLE);
        assert_true(fault.hit);
        assert_int_equal(store_is_sound(h.s), rows[i].sound);
        look_is(&h, TOKEN, "kept");
        look_is(&h, USER, NULL);
        assert_int_equal(h.rooms.changed_count, 0);
        store_numbers(h.s, &n);
        assert_int_equal(n.seq, 1);
        assert_int_equal(piece_put(&h, OTHER, "x"), rows[i].sound ? HUFU_OK : HUFU_UNAVAILABLE);
        assert_int_equal(store_map_step(h.s, true), rows[i].sound);
        if (rows[i].kind == FAULT_SYNC && !rows[i].kept)
            fault_lose(~UINT64_C(1));
        house_reopen(&h);
        assert_true(store_is_sound(h.s));
        store_numbers(h.s, &n);
        assert_int_equal(n.seq, 1 + (rows[i].sound || rows[i].kept));
        look_is(&h, TOKEN, rows[i].kept && i % 2 == 0 ? "lost" : "kept");
        look_is(&h, USER, rows[i].kept && i % 2 ? "lost" : NULL);
        look_is(&h, OTHER, rows[i].sound ? "x" : NULL);
        assert_int_equal(piece_put(&h, OTHER, "y"), HUFU_OK);
        house_reopen(&h);
        look_is(&h, OTHER, "y");
        house_done(&h);
    }
}

/* A group that was found once stays: what the kernel alone had is written again at open. */
static void test_what_is_found_at_open_is_made_durable(void **state)
{
    struct house *h = *state;

    fault_set(FAULT_SYNC, EIO);
    assert_int_equal(piece_put(h, TOKEN, "unsure"), HUFU_UNAVAILABLE);
    house_close(h);
    fault_set(FAULT_SYNC, EIO);
    assert_int_equal(house_open(h), HUFU_IO); /* as long as it cannot be */
    assert_true(fault.hit);
    assert_int_equal(house_open(h), HUFU_OK);
    look_is(h, TOKEN, "unsure");
}

static void test_failed_slice(void **state)
{
    struct house *h = *state;
    struct store_numbers n;

    assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
    assert_true(store_map_step(h->s, true)); /* rotated */
    assert_true(store_map_step(h->s, true)); /* archived */
    fault_set(FAULT_COMMIT, ENOSPC);
    assert_false(store_map_step(h->s, true));
    assert_true(fault.hit && store_is_sound(h->s));
    store_numbers(h->s, &n);
    assert_int_equal(n.applied, 0);
    assert_true(store_map_step(h->s, true)); /* the same slice again */
    store_numbers(h->s, &n);
    assert_int_equal(n.applied, 1);

    assert_int_equal(piece_put(h, OTHER, "y"), HUFU_OK);
    assert_true(store_map_step(h->s, true));
    assert_true(store_map_step(h->s, true));
    fault_set(FAULT_COMMIT, EIO);
    assert_false(store_map_step(h->s, true));
    assert_false(store_is_sound(h->s));
    assert_false(store_map_step(h->s, true));
    look_is(h, OTHER, "y"); /* it is journalled: reading goes on */
    assert_int_equal(piece_put(h, TOKEN, "z"), HUFU_UNAVAILABLE);
    house_reopen(h);
    look_is(h, OTHER, "y");
}

/* LMDB calls a write that was cut off an I/O error: where no room is left, it is a full disk. */
static void test_commit_cut_off_by_a_full_disk(void **state)
{
    struct house *h = *state;

    assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
    assert_true(store_map_step(h->s, true)); /* rotated */
    disk_is_full = true;
    for (int i = 0; i < 2; i++) { /* the archive's commit, then the map's */
        fault_set(FAULT_COMMIT, EIO);
        assert_false(store_map_step(h->s, true));
        assert_true(fault.hit && store_is_sound(h->s));
        assert_true(store_map_step(h->s, true));
    }
    disk_is_full = false;
    house_reopen(h);
    look_is(h, TOKEN, "x");
}

/* The archive's commit fails: tried again, or nothing is written any more. */
static void test_failed_archive(void **state)
{
    static const struct {
        int rc;
        bool sound;
    } rows[] = { { MDB_MAP_FULL, true }, { ENOSPC, true }, { EIO, false }, { MDB_PANIC, false } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[64];
        struct house h;

        house_init(&h);
        assert_int_equal(house_open(&h), HUFU_OK);
        assert_int_equal(piece_put(&h, TOKEN, "x"), HUFU_OK);
        assert_true(store_map_step(h.s, true)); /* rotated */
        fault_set(FAULT_COMMIT, rows[i].rc);
        assert_false(store_map_step(h.s, true));
        assert_true(fault.hit);
        assert_int_equal(store_is_sound(h.s), rows[i].sound);
        assert_int_equal(store_entries(h.r, 0, 1, look_line, text), HUFU_OK);
        assert_int_equal(piece_put(&h, OTHER, "y"), rows[i].sound ? HUFU_OK : HUFU_UNAVAILABLE);
        house_reopen(&h);
        look_is(&h, TOKEN, "x");
        house_flush(&h);
        assert_int_equal(store_entries(h.r, 0, 1, look_line, text), HUFU_OK);
        assert_string_equal(text, "line seq=0 now=1000000");
        house_done(&h);
    }
}

/* Lines wait in memory until the archive takes them: while it has no room, rows wait with them, and
 * in the end who writes waits too. */
static void test_full_archive_holds_drafts_back(void **state)
{
    struct house *h = *state;
    struct store_numbers n;
    struct piece p;
    unsigned taken = 0;

    h->set.recent_bytes = 65536;
    h->set.generation_ops = 10;
    house_reopen(h);
    fault_set(FAULT_COMMIT, ENOSPC);
    fault.stays = true;
    for (;; taken++) {
        assert_true(taken < 5000);
        piece_init(&p);
        piece_write(&p, TOKEN, "x");
        assert_int_equal(store_submit(h->s, &p.draft), HUFU_OK);
        if (!store_journal_step(h->s))
            break;
        for (unsigned i = 0; i < 3; i++)
            (void)store_map_step(h->s, false);
    }
    store_numbers(h->s, &n);
    assert_true(store_is_sound(h->s) && taken > 10 && n.applied == 0);
    assert_true(n.recent_bytes >= 65536);
    fault = (struct fault){ 0 };
    house_flush(h);
    assert_true(store_journal_step(h->s));
    assert_int_equal(p.draft.err, HUFU_OK);
    store_numbers(h->s, &n);
    assert_int_equal(n.seq, taken + 1);
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
    fault_set(FAULT_SYNC, EIO);
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

    house_anew(h, 8192); /* of a group each: flushed ones may not go while the rest is read */
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
    house_anew(h, 8192); /* of a group each */
    for (int i = 0; i < 10; i++) {
        key[2] = (char)('a' + i);
        assert_int_equal(piece_put(h, key, "x"), HUFU_OK);
    }
    for (uint64_t left = 6, slices = 0; slices < 3; slices = n.slices) {
        store_numbers(h->s, &n);
        assert_int_equal(n.applied, 0);
        assert_int_equal(n.trimmed, 0); /* the archive has all of it, the map has not */
        assert_true(store_map_step(h->s, true));
        store_numbers(h->s, &n);
        if (n.slices == 0)
            assert_true(left-- > 0); /* rotated, archived, segments made */
    }
    house_flush(h);
    store_numbers(h->s, &n);
    assert_int_equal(n.applied, 10);
    assert_int_equal(n.slices, 3);
    assert_int_equal(n.flushed_rows, 10);
    assert_int_equal(n.recent_rows, 0);
    assert_int_equal(n.trimmed, 9); /* all but the segment that is being filled */
    for (uint64_t i = 1; i <= 6; i++) {
        assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
        (void)store_map_step(h->s, false);
        store_numbers(h->s, &n);
        assert_int_equal(n.trimmed, 10); /* never past applied */
    }
}

static void drafts_commit(struct house *h, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
}

static enum hufu_err empty_run(struct house *h, struct piece *p)
{
    piece_init(p);
    p->draft.op = NULL;
    p->draft.op_count = 0;
    atomic_fetch_add(&h->clock.now, 1);
    return piece_run(h, p);
}

static void trimmed_is(struct house *h, uint64_t want)
{
    struct store_numbers n;

    store_numbers(h->s, &n);
    assert_int_equal(n.trimmed, want);
}

/* Without operations nothing else would trim. */
static void test_empty_draft_trims(void **state)
{
    struct house *h = *state;
    struct store_numbers n;
    struct merkle log;
    struct piece p;

    assert_int_equal(store_digest_start(h->s), HUFU_OK); /* a digest that stays is no content */
    drafts_commit(h, 400);
    house_flush(h);
    trimmed_is(h, 256 - 2); /* one segment of 1 MiB: its header, the digest's group, the others */
    for (unsigned i = 0; i < 3; i++) { /* again and again: nothing is left to trim */
        assert_int_equal(empty_run(h, &p), HUFU_OK);
        assert_int_equal(p.draft.first_seq, 400);
        assert_int_equal(p.draft.now_ms, 1000001 + i);
        while (store_map_step(h->s, false)) /* it was nudged */
            ;
        trimmed_is(h, 400);
    }
    store_numbers(h->s, &n);
    assert_true(n.journal_file_bytes < 8u << 20); /* and no further segment was made for it */
    store_log(h->s, &log);
    assert_int_equal(log.size, 400);
    drafts_commit(h, 3);
    house_reopen(h); /* what was trimmed is gone from the files, the rest is not */
    assert_int_equal(store_digest_check(h->s), HUFU_OK);
    store_numbers(h->s, &n);
    assert_int_equal(n.trimmed, 400);
    assert_int_equal(n.seq, 403);
    look_is(h, TOKEN, "x");
    house_flush(h);
    for (unsigned i = 0; i < 3; i++) { /* one that is refused or brings something trims nothing */
        piece_init(&p);
        piece_write(&p, TOKEN, "x");
        p.entry.fails = i == 0;
        if (i > 0)
            p.draft.op_count = 0;
        if (i == 1) {
            p.draft.meta_key = piece_key("name");
            p.draft.meta_value = piece_key("value");
        }
        assert_int_equal(piece_run(h, &p), i == 0 ? HUFU_UNAVAILABLE : HUFU_OK);
        while (store_map_step(h->s, false))
            ;
        trimmed_is(h, i < 2 ? 400 : 403);
    }
    house_reopen(h);
    trimmed_is(h, 403);
}

/* Also where the map has only some of what the segment holds: the rest follows. */
static void test_empty_draft_trims_a_busy_store(void **state)
{
    struct house *h = *state;
    struct piece p;

    drafts_commit(h, 3);
    house_flush(h);
    drafts_commit(h, 2);
    assert_int_equal(empty_run(h, &p), HUFU_OK);
    drafts_commit(h, 4);
    while (store_map_step(h->s, false))
        ;
    trimmed_is(h, 0);
    house_flush(h);
    trimmed_is(h, 5);
    look_is(h, TOKEN, "x");
}

/* Segments have a bound of their own: before it is met the map is made to take their operations,
 * young and few as they are; where it was met, room comes by itself too. */
static void test_segments_ask_for_a_flush(void **state)
{
    struct house *h = *state;

    house_close(h);
    h->set.file_bytes = 1u << 20;
    h->set.segment_bytes = 65536;
    nftw(h->dir, house_remove, 8, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(mkdir(h->dir, 0700), 0);
    assert_int_equal(house_open(h), HUFU_OK);
    for (unsigned i = 0; i < 900; i++) { /* 3.6 MiB */
        assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
        (void)store_map_step(h->s, false);
    }
    for (unsigned i = 0; i < 2; i++) {
        while (piece_put(h, TOKEN, "y") == HUFU_OK)
            ;
        assert_true(store_is_sound(h->s));
        while (store_map_step(h->s, false))
            ;
    }
    assert_int_equal(piece_put(h, TOKEN, "z"), HUFU_OK);
}

/* Forced, the map gets on, however much is written meanwhile. */
static void test_forced_steps_get_on(void **state)
{
    struct house *h = *state;
    struct store_numbers n;

    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(piece_put(h, TOKEN, "x"), HUFU_OK);
        (void)store_map_step(h->s, true);
    }
    store_numbers(h->s, &n);
    assert_true(n.applied >= 30);
}

static void test_failed_trim_is_refused(void **state)
{
    struct house *h = *state;
    struct piece p;

    drafts_commit(h, 3);
    house_flush(h);
    fault_set(FAULT_MAKE, ENOSPC);
    assert_int_equal(empty_run(h, &p), HUFU_UNAVAILABLE);
    assert_true(fault.hit && store_is_sound(h->s));
    house_flush(h);
    trimmed_is(h, 0);
    assert_int_equal(empty_run(h, &p), HUFU_OK);
    house_flush(h);
    trimmed_is(h, 3);
    drafts_commit(h, 1); /* the next group is as any other */
    trimmed_is(h, 3);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, piece_setup, piece_teardown)
    const struct CMUnitTest tests[] = {
        T(test_full_map_refuses_the_group),
        T(test_failed_commit),
        T(test_what_is_found_at_open_is_made_durable),
        T(test_failed_archive),
        T(test_full_archive_holds_drafts_back),
        T(test_failed_slice),
        T(test_commit_cut_off_by_a_full_disk),
        T(test_unsound_refuses_what_waits),
        T(test_full_overlay_holds_drafts_back),
        T(test_full_overlay_refuses_once_stopped),
        T(test_replay_keeps_the_bound),
        T(test_flush_due),
        T(test_slices_and_trim),
        T(test_empty_draft_trims),
        T(test_empty_draft_trims_a_busy_store),
        T(test_segments_ask_for_a_flush),
        T(test_forced_steps_get_on),
        T(test_failed_trim_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
