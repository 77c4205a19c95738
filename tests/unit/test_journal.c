#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/journal_room.h"

/* Upkeep until none is left. */
static void tend(struct room *room, uint64_t applied, uint64_t until)
{
    bool did = true;

    for (unsigned i = 0; did; i++) {
        assert_true(i < 10000);
        assert_int_equal(journal_tend(&room->j, applied, until, &did), HUFU_OK);
    }
}

struct seen {
    const char *word;
    uint64_t next, fail_at;
};

static enum hufu_err writes_each(void *arg, uint64_t seq, struct view writes)
{
    struct seen *seen = arg;
    char want[32];

    snprintf(want, sizeof(want), "%s %u", seen->word, (unsigned)seq);
    assert_int_equal(seq, seen->next);
    assert_true(view_is(writes, want));
    seen->next++;
    return seq == seen->fail_at ? HUFU_STALE : HUFU_OK;
}

static bool line_each(void *arg, uint64_t index, struct view line)
{
    return writes_each(arg, index, line) == HUFU_OK;
}

static enum hufu_err lines(struct room *room, uint64_t index, size_t count, struct seen *seen)
{
    struct tail_view tail;
    MDB_txn *txn = NULL;
    enum hufu_err err;

    tail_take(&room->j.tail, &tail);
    assert_int_equal(mdb_txn_begin(room->j.archive.env, NULL, MDB_RDONLY, &txn), 0);
    err = journal_lines(&room->j, &tail, txn, index, count, line_each, seen);
    mdb_txn_abort(txn);
    tail_view_drop(&tail);
    return err;
}

/* Where a line cannot be, it is not looked for; false ends the walk. */
static void lines_check(struct room *room, uint64_t size)
{
    struct seen seen = { "line", 0, UINT64_MAX };

    assert_int_equal(lines(room, 0, size, &seen), HUFU_OK);
    assert_int_equal(seen.next, size);
    assert_int_equal(lines(room, 0, size + 1, &seen), HUFU_RANGE);
    assert_int_equal(lines(room, size + 1, 0, &seen), HUFU_RANGE);
    for (uint64_t at = 2; at < size; at += size / 7 + 1) {
        seen = (struct seen){ "line", at, at + 1 };
        assert_int_equal(lines(room, at, size - at, &seen), HUFU_OK);
        assert_int_equal(seen.next, at + 2 < size ? at + 2 : size);
    }
}

static void test_append_and_read(void **state)
{
    struct room *room = *state;
    struct seen seen = { "writes", 0, UINT64_MAX };

    assert_int_equal(journal_read(&room->j, 0, writes_each, &seen), HUFU_OK);
    assert_int_equal(seen.next, 0);
    assert_int_equal(append(room, 3), HUFU_OK);
    assert_int_equal(append(room, 2), HUFU_OK);
    for (int again = 0; again < 3; again++) {
        assert_int_equal(room->j.state.log.size, 5);
        assert_int_equal(room->j.state.groups, 2);
        assert_int_equal(room->j.state.last_ms, 77);
        assert_int_equal(journal_trimmed(&room->j), 0);
        for (uint64_t from = 0; from <= 5; from++) {
            seen.next = from;
            assert_int_equal(journal_read(&room->j, from, writes_each, &seen), HUFU_OK);
            assert_int_equal(seen.next, 5);
        }
        assert_int_equal(journal_read(&room->j, 6, writes_each, &seen), HUFU_CORRUPT);
        if (again == 1)
            tend(room, 0, 2); /* lines are in the archive now, writes are where they were */
        reopen(room);
    }
    seen = (struct seen){ "writes", 1, 2 };
    assert_int_equal(journal_read(&room->j, 1, writes_each, &seen), HUFU_STALE);
    assert_int_equal(seen.next, 3);
}

/* A segment is given up when the archive has its groups and the map its operations, not sooner. */
static void test_segments_are_retired_whole(void **state)
{
    struct room *room = *state;
    struct seen seen = { "writes", 30, UINT64_MAX };
    uint64_t bytes;

    for (unsigned i = 0; i < 40; i++)
        assert_int_equal(append(room, 1), HUFU_OK);
    assert_int_equal(room->j.segs.older_count, 2); /* fifteen each */
    tend(room, 40, 0);
    assert_int_equal(journal_trimmed(&room->j), 0); /* the archive has none */
    tend(room, 14, 40);
    assert_int_equal(room->j.tail.groups, 40);
    assert_int_equal(journal_trimmed(&room->j), 0); /* the map has not all of the first */
    tend(room, 15, 40);
    assert_int_equal(journal_trimmed(&room->j), 15);
    bytes = journal_bytes(&room->j);
    tend(room, 40, 40);
    assert_int_equal(journal_trimmed(&room->j), 30); /* the current one stays */
    assert_true(journal_bytes(&room->j) <= bytes);
    assert_int_equal(journal_read(&room->j, 29, writes_each, &seen), HUFU_CORRUPT);
    reopen(room);
    assert_int_equal(journal_trimmed(&room->j), 30);
    assert_int_equal(journal_read(&room->j, 29, writes_each, &seen), HUFU_CORRUPT);
    assert_int_equal(journal_read(&room->j, 30, writes_each, &seen), HUFU_OK);
    assert_int_equal(seen.next, 40);
    lines_check(room, 40);
}

/* Segments go round: used, cleared, used again; what was trimmed is gone from the files. */
static void test_a_long_life_needs_few_segments(void **state)
{
    struct room *room = *state;

    for (unsigned i = 0; i < 600; i++) {
        assert_int_equal(append(room, 1), HUFU_OK);
        if (i % 10 == 9)
            tend(room, room->j.state.log.size, room->j.state.groups);
        assert_true(segments_bytes(&room->j.segs) <= 4 * SEGMENT);
    }
    assert_true(room->j.segs.current.number >= 39);
    assert_true(journal_trimmed(&room->j) >= 585);
    reopen(room);
    lines_check(room, 600);
    assert_int_equal(append(room, 1), HUFU_OK);
}

/* A group without anything ends the segment where the map has some of it, so that it can go. */
static void test_idle_turns_the_segment(void **state)
{
    struct room *room = *state;
    struct journal_group idle = { .now_ms = 78, .idle = true };

    assert_int_equal(journal_append(&room->j, &idle), HUFU_OK); /* nothing is in it */
    assert_int_equal(room->j.segs.current.number, 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(append(room, 2), HUFU_OK);
    assert_int_equal(journal_append(&room->j, &idle), HUFU_OK); /* the map has none of it */
    assert_int_equal(room->j.segs.current.number, 0);
    idle.applied = 1;
    assert_int_equal(journal_append(&room->j, &idle), HUFU_OK);
    assert_int_equal(room->j.segs.current.number, 1);
    assert_int_equal(room->j.state.groups, 3); /* none was written */
    assert_int_equal(room->j.state.last_ms, 77);
    tend(room, 5, 3);
    assert_int_equal(journal_trimmed(&room->j), 0);
    for (unsigned i = 0; i < 3; i++) { /* an empty one is not ended */
        idle.applied = 6;
        assert_int_equal(journal_append(&room->j, &idle), HUFU_OK);
        assert_int_equal(room->j.segs.current.number, 1);
    }
    tend(room, 6, 3);
    assert_int_equal(journal_trimmed(&room->j), 6);
    reopen(room); /* no group is left in the files */
    assert_int_equal(journal_trimmed(&room->j), 6);
    assert_int_equal(append(room, 1), HUFU_OK);
    assert_int_equal(room->j.state.log.size, 7);
    reopen(room);
    assert_int_equal(room->j.state.log.size, 7);
    lines_check(room, 7);
}

/* No room for another segment: who brings nothing hears of it, a group that fits is written. */
static void test_idle_turn_without_room(void **state)
{
    struct room *room = *state;
    struct journal_meta meta = { view_str("a"), view_str("b") };
    struct journal_group idle = { .applied = 2, .idle = true };

    journal_close(&room->j);
    house_done(&room->house);
    house_init(&room->house);
    assert_int_equal(open_sized(room, 2 * SEGMENT - 1), HUFU_OK);
    assert_int_equal(append(room, 2), HUFU_OK);
    assert_int_equal(journal_append(&room->j, &idle), HUFU_FULL);
    assert_int_equal(room->j.segs.current.number, 0);
    idle.meta = &meta;
    idle.meta_count = 1;
    assert_int_equal(journal_append(&room->j, &idle), HUFU_OK);
    assert_int_equal(room->j.state.groups, 2);
    assert_int_equal(room->j.segs.current.number, 0);
}

static void test_lines_outlive_the_trim(void **state)
{
    struct room *room = *state;
    struct journal_group idle = { .applied = 4, .idle = true };

    assert_int_equal(append(room, 4), HUFU_OK);
    assert_int_equal(journal_append(&room->j, &idle), HUFU_OK);
    tend(room, 4, 1);
    assert_int_equal(journal_trimmed(&room->j), 4);
    assert_int_equal(append(room, 2), HUFU_OK);
    lines_check(room, 6); /* four of the archive, two of the tail */
    reopen(room);
    lines_check(room, 6);
}

static void hashes_check(struct room *room)
{
    struct merkle_hash got[2], want;
    struct tail_view tail;
    MDB_txn *txn = NULL;
    uint64_t size = room->j.state.log.size;

    tail_take(&room->j.tail, &tail);
    assert_int_equal(mdb_txn_begin(room->j.archive.env, NULL, MDB_RDONLY, &txn), 0);
    for (unsigned level = 1; level < 3; level++) {
        uint64_t whole = size >> (8 * level);

        assert_int_equal(journal_hashes(&room->j, &tail, txn, level, whole, 1, got), HUFU_RANGE);
        if (whole > 0)
            assert_int_equal(journal_hashes(&room->j, &tail, txn, level, whole - 1, 1, got),
                             HUFU_OK);
        if (whole == 1) /* the first subtree: a peak, until there is a second one */
            assert_memory_equal(&got[0], &room->j.state.log.peak[8 * level], sizeof(want));
    }
    assert_int_equal(journal_hashes(&room->j, &tail, txn, 0, size - 1, 2, got), HUFU_RANGE);
    assert_int_equal(journal_hashes(&room->j, &tail, txn, ARCHIVE_LEVELS, 0, 1, got), HUFU_RANGE);
    mdb_txn_abort(txn);
    tail_view_drop(&tail);
}

/* 65,700 lines: the check walks tiles of all three levels, at sizes around their borders, some of
 * the lines in the archive, the others in the tail. */
static void test_check_at_tile_borders(void **state)
{
    static const uint64_t sizes[] = { 255, 256, 257, 65535, 65536, 65537, 65700 };
    struct room *room = *state;

    journal_close(&room->j);
    assert_int_equal(open_sized(room, 64u << 20), HUFU_OK);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        MDB_txn *txn = NULL;
        struct merkle kept;

        while (room->j.state.log.size < sizes[i]) {
            uint64_t left = sizes[i] - room->j.state.log.size;

            assert_int_equal(append(room, left < 64 ? (size_t)left : 64), HUFU_OK);
            if (room->j.state.log.size % 1280 == 0)
                tend(room, room->j.state.log.size, room->j.state.groups - 7);
        }
        hashes_check(room);
        tend(room, room->j.state.log.size, room->j.state.groups);
        hashes_check(room);
        assert_int_equal(mdb_txn_begin(room->j.archive.env, NULL, MDB_RDONLY, &txn), 0);
        assert_int_equal(archive_check(&room->j.archive, txn, &room->j.state.log), HUFU_OK);
        kept = room->j.state.log;
        for (unsigned bit = 0; bit < 17; bit++)
            if (sizes[i] >> bit & 1)
                kept.peak[bit].b[31] ^= 1;
        assert_int_equal(archive_check(&room->j.archive, txn, &kept), HUFU_CORRUPT);
        mdb_txn_abort(txn);
    }
    lines_check(room, 65700);
    journal_close(&room->j);
    assert_int_equal(open_sized(room, 64u << 20), HUFU_OK);
    assert_int_equal(room->j.state.log.size, 65700);
}

/* Lines that the archive has and lines that it does not have yet, read as one log; the archive may
 * begin and end in the middle of anything. */
static void test_archive_and_tail_are_one_log(void **state)
{
    struct room *room = *state;

    for (unsigned i = 0; i < 150; i++) { /* several chunks of the tail */
        assert_int_equal(append(room, 1 + i % 64), HUFU_OK);
        if (i % 37 == 20)
            tend(room, room->j.state.log.size, room->j.state.groups);
        if (i % 29 == 5)
            lines_check(room, room->j.state.log.size);
        if (i % 50 == 49)
            reopen(room);
    }
    assert_true(room->j.tail.first > 0 && room->j.tail.first < room->j.state.log.size);
    lines_check(room, room->j.state.log.size);
}

static void test_full_changes_nothing(void **state)
{
    struct room *room = *state;
    static uint8_t big[9u << 20];
    struct segment_item item[2] = { { 4, 1 }, { 8, sizeof(big) } };
    struct journal_meta meta = { view_str("key"), view_str("value") };
    struct journal_group group = { .item = item,
                                   .item_count = 2,
                                   .lines = view_str("lineline"),
                                   .writes = { big, sizeof(big) },
                                   .meta = &meta,
                                   .meta_count = 1,
                                   .now_ms = 99 };
    struct tail_state kept;
    struct buf b;

    assert_int_equal(append(room, 3), HUFU_OK);
    kept = room->j.state;
    assert_int_equal(journal_append(&room->j, &group), HUFU_FULL);
    assert_memory_equal(&room->j.state, &kept, sizeof(kept));
    buf_init(&b, 64);
    assert_int_equal(tail_meta_get(&room->j.tail, view_str("key"), &b), HUFU_NOT_FOUND);
    lines_check(room, 3);
    fault_set(FAULT_WRITE, ENOSPC);
    assert_int_equal(append(room, 1), HUFU_FULL);
    assert_memory_equal(&room->j.state, &kept, sizeof(kept));
    reopen(room);
    assert_int_equal(room->j.state.log.size, 3);
    assert_int_equal(append(room, 1), HUFU_OK);
    reopen(room);
    lines_check(room, 4);
    buf_done(&b);
}

/* Whatever of a group came to the disk before the write failed: nothing more is written. */
static void test_a_part_is_never_taken_for_full(void **state)
{
    struct room *room = *state;

    assert_int_equal(append(room, 3), HUFU_OK);
    fault_set(FAULT_PART, ENOSPC);
    assert_int_equal(append(room, 1), HUFU_IO);
    assert_int_equal(room->j.state.log.size, 3);
    reopen(room);
    assert_int_equal(room->j.state.log.size, 3);
    fault_set(FAULT_SYNC, ENOSPC);
    assert_int_equal(append(room, 1), HUFU_IO); /* a failed sync is never tried again */
    assert_int_equal(room->j.state.log.size, 3);
}

static void meta_is(struct room *room, const char *key, const char *want)
{
    MDB_txn *txn = NULL;
    struct view value;
    struct buf b;
    enum hufu_err err;

    buf_init(&b, 4);
    err = tail_meta_get(&room->j.tail, view_str(key), &b);
    if (err == HUFU_NOT_FOUND) {
        assert_int_equal(mdb_txn_begin(room->j.archive.env, NULL, MDB_RDONLY, &txn), 0);
        err = archive_meta(&room->j.archive, txn, ARCHIVE_META_DRAFT, view_str(key), &value);
        if (err == HUFU_OK)
            buf_put(&b, value.p, value.len);
        mdb_txn_abort(txn);
    }
    assert_int_equal(err, want ? HUFU_OK : HUFU_NOT_FOUND);
    if (want)
        assert_true(view_is(buf_view(&b), want));
    buf_done(&b);
}

static const uint8_t digest[SEGMENT_DIGEST_LEN] = { 1, 2, 3 };

/* Refuses without a size, and wants the log as it is behind the group. */
static enum hufu_err digest_give(void *size, const struct merkle *log, uint8_t *out)
{
    if (!size || log->size != *(uint64_t *)size)
        return HUFU_SEALED;
    memcpy(out, digest, sizeof(digest));
    return HUFU_OK;
}

static void test_meta_and_digest(void **state)
{
    struct room *room = *state;
    uint64_t size = 0;
    struct journal_meta meta[2] = { { view_str("time"), view_str("mine") },
                                    { view_str("a"), view_str("b") } };
    struct journal_group group = { .meta = meta, .meta_count = 2, .vouch = digest_give };
    struct buf b;

    assert_int_equal(journal_append(&room->j, &group), HUFU_SEALED);
    assert_false(room->j.state.has_digest);
    assert_int_equal(room->j.state.groups, 0);
    group.arg = &size;
    assert_int_equal(journal_append(&room->j, &group), HUFU_OK);
    for (unsigned round = 0; round < 4; round++) { /* in the tail, read again, archived, read */
        if (round == 2)
            tend(room, 0, 1);
        else if (round > 0)
            reopen(room);
        assert_true(room->j.state.has_digest);
        assert_memory_equal(room->j.state.digest, digest, sizeof(digest));
        meta_is(room, "time", "mine"); /* not the journal's own "time" */
        meta_is(room, "a", "b");
        meta_is(room, "digest", NULL);
    }
    meta[1].value = view_str("new");
    group = (struct journal_group){ .meta = meta + 1, .meta_count = 1 };
    assert_int_equal(journal_append(&room->j, &group), HUFU_OK);
    assert_memory_equal(room->j.state.digest, digest, sizeof(digest)); /* as it was */
    meta_is(room, "a", "new"); /* the archive has the older one */
    buf_init(&b, 2);
    assert_int_equal(tail_meta_get(&room->j.tail, view_str("a"), &b), HUFU_RANGE);
    assert_int_equal(b.len, 0);
    buf_done(&b);
    reopen(room);
    meta_is(room, "a", "new");
}

/* An archive that finds no room, or fails, leaves everything where it was. */
/* A group without operations that is gone leaves a gap in nothing but the groups' own numbers. */
static void test_a_lost_group_without_operations(void **state)
{
    static const uint8_t zeros[SEGMENT_PAGE];
    struct room *room = *state;
    struct journal_meta meta = { view_str("key"), view_str("value") };
    struct journal_group group = { .meta = &meta, .meta_count = 1 };
    char path[128];
    int fd;

    journal_close(&room->j);
    house_done(&room->house);
    house_init(&room->house);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(journal_open(room->house.dir, 8u << 20, 8192, &room->j), HUFU_OK);
        if (i == 0) { /* a group in each segment */
            assert_int_equal(append(room, 1), HUFU_OK);
            assert_int_equal(journal_append(&room->j, &group), HUFU_OK);
            assert_int_equal(append(room, 1), HUFU_OK);
        }
        journal_close(&room->j);
    }
    snprintf(path, sizeof(path), "%s/journal/segment-0000000000000001", room->house.dir);
    fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, zeros, sizeof(zeros), SEGMENT_PAGE), sizeof(zeros));
    close(fd);
    assert_int_equal(journal_open(room->house.dir, 8u << 20, 8192, &room->j), HUFU_CORRUPT);
}

/* However small the bound, there is room for more than one segment. */
static void test_small_bounds(void **state)
{
    static const struct {
        uint64_t bytes, each;
    } rows[] = { { 0, 16u << 20 },         { 1u << 30, 16u << 20 },
                 { 64u << 20, 16u << 20 }, { (64u << 20) - 4, (16u << 20) - 4096 },
                 { 1u << 20, 1u << 18 },   { 100000, 65536 } };
    struct room *room = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        journal_close(&room->j);
        house_done(&room->house);
        house_init(&room->house);
        assert_int_equal(journal_open(room->house.dir, rows[i].bytes, 0, &room->j), HUFU_OK);
        assert_int_equal(room->j.segs.current.bytes, rows[i].each);
        assert_int_equal(append(room, 1), HUFU_OK);
    }
}

static void test_failed_archive_changes_nothing(void **state)
{
    static const struct {
        int rc;
        enum hufu_err err;
    } rows[] = {
        { MDB_MAP_FULL, HUFU_FULL }, { ENOSPC, HUFU_FULL }, { ENOMEM, HUFU_NOMEM }, { EIO, HUFU_IO }
    };
    struct room *room = *state;
    bool did = true;

    assert_int_equal(append(room, 5), HUFU_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fault_set(FAULT_COMMIT, rows[i].rc);
        assert_int_equal(journal_tend(&room->j, 0, 1, &did), rows[i].err);
        assert_false(did);
        assert_int_equal(room->j.tail.first, 0);
        lines_check(room, 5);
    }
    tend(room, 0, 1);
    assert_int_equal(room->j.tail.first, 5);
    lines_check(room, 5);
}

/* A segment that cannot be made ahead is made when it is needed, and then the group is refused. */
static void test_failed_making(void **state)
{
    struct room *room = *state;
    bool did = true;

    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(append(room, 1), HUFU_OK);
    fault_set(FAULT_MAKE, ENOSPC);
    fault.stays = true;
    assert_int_equal(journal_tend(&room->j, 0, 0, &did), HUFU_FULL);
    assert_false(did);
    for (unsigned i = 5; i < 15; i++)
        assert_int_equal(append(room, 1), HUFU_OK);
    assert_int_equal(append(room, 1), HUFU_FULL);
    assert_int_equal(segments_bytes(&room->j.segs), SEGMENT); /* none is left half made */
    fault = (struct fault){ 0 };
    assert_int_equal(append(room, 1), HUFU_OK);
    assert_int_equal(room->j.segs.current.number, 1);
    reopen(room);
    lines_check(room, 16);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_append_and_read),
        T(test_segments_are_retired_whole),
        T(test_a_long_life_needs_few_segments),
        T(test_idle_turns_the_segment),
        T(test_idle_turn_without_room),
        T(test_lines_outlive_the_trim),
        T(test_check_at_tile_borders),
        T(test_archive_and_tail_are_one_log),
        T(test_full_changes_nothing),
        T(test_a_part_is_never_taken_for_full),
        T(test_meta_and_digest),
        T(test_a_lost_group_without_operations),
        T(test_small_bounds),
        T(test_failed_archive_changes_nothing),
        T(test_failed_making),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
