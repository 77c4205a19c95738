#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/store_house.h"
#include "vault/store/journal.h"

struct room {
    struct house house; /* for its folder only */
    struct journal j;
};

static int setup(void **state)
{
    struct room *room = calloc(1, sizeof(*room));

    if (!room)
        return -1;
    house_init(&room->house);
    *state = room;
    return journal_open(room->house.dir, 8u << 20, &room->j) == HUFU_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct room *room = *state;

    journal_close(&room->j);
    house_done(&room->house);
    free(room);
    return 0;
}

static void reopen(struct room *room)
{
    journal_close(&room->j);
    assert_int_equal(journal_open(room->house.dir, 8u << 20, &room->j), HUFU_OK);
}

static enum hufu_err append(struct room *room, size_t count, uint64_t applied)
{
    char lines[64][16], writes[64][16];
    struct journal_item item[64];
    struct journal_group group = {
        .item = item, .item_count = count, .now_ms = 77, .applied = applied
    };

    assert_true(count <= 64);
    for (size_t i = 0; i < count; i++) {
        unsigned seq = (unsigned)(room->j.log.size + i);

        snprintf(lines[i], sizeof(lines[i]), "line %u", seq);
        snprintf(writes[i], sizeof(writes[i]), "writes %u", seq);
        item[i] = (struct journal_item){ view_str(lines[i]), view_str(writes[i]) };
    }
    return journal_append(&room->j, &group);
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

static void test_append_and_read(void **state)
{
    struct room *room = *state;
    struct seen seen = { "writes", 0, UINT64_MAX };

    assert_int_equal(journal_read(&room->j, 0, writes_each, &seen), HUFU_OK);
    assert_int_equal(seen.next, 0);
    assert_int_equal(append(room, 3, 0), HUFU_OK);
    assert_int_equal(append(room, 2, 0), HUFU_OK);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(room->j.log.size, 5);
        assert_int_equal(room->j.last_ms, 77);
        assert_int_equal(room->j.trimmed, 0);
        for (uint64_t from = 0; from <= 5; from++) {
            seen.next = from;
            assert_int_equal(journal_read(&room->j, from, writes_each, &seen), HUFU_OK);
            assert_int_equal(seen.next, 5);
        }
        assert_int_equal(journal_read(&room->j, 6, writes_each, &seen), HUFU_CORRUPT);
        reopen(room);
    }
    seen = (struct seen){ "writes", 1, 2 };
    assert_int_equal(journal_read(&room->j, 1, writes_each, &seen), HUFU_STALE);
    assert_int_equal(seen.next, 3);
}

static void test_trim_two_per_operation(void **state)
{
    struct room *room = *state;
    struct seen seen = { "writes", 5, UINT64_MAX };

    assert_int_equal(append(room, 10, 0), HUFU_OK);
    assert_int_equal(append(room, 2, 9), HUFU_OK);
    assert_int_equal(room->j.trimmed, 4);
    assert_int_equal(append(room, 1, 5), HUFU_OK); /* only what is applied */
    assert_int_equal(room->j.trimmed, 5);
    reopen(room);
    assert_int_equal(room->j.trimmed, 5);
    assert_int_equal(journal_read(&room->j, 5, writes_each, &seen), HUFU_OK);
    assert_int_equal(seen.next, 13);
    assert_int_equal(journal_read(&room->j, 4, writes_each, &seen), HUFU_CORRUPT);
}

static void test_trim_of_an_idle_journal(void **state)
{
    struct room *room = *state;
    struct journal_group group = { .now_ms = 78, .applied = 60, .idle = true };

    for (unsigned i = 0; i < 70; i++)
        assert_int_equal(append(room, 64, 0), HUFU_OK);
    assert_int_equal(journal_append(&room->j, &group), HUFU_OK); /* only what is applied */
    assert_int_equal(room->j.trimmed, 60);
    group.applied = 64 * 70;
    assert_int_equal(journal_append(&room->j, &group), HUFU_OK);
    assert_int_equal(room->j.trimmed, 60 + JOURNAL_TRIM_IDLE);
    reopen(room);
    assert_int_equal(room->j.trimmed, 60 + JOURNAL_TRIM_IDLE);
    assert_int_equal(journal_append(&room->j, &group), HUFU_OK);
    reopen(room); /* nothing is left */
    assert_int_equal(room->j.trimmed, 64 * 70);
    assert_int_equal(append(room, 1, 64 * 70), HUFU_OK);
    assert_int_equal(room->j.log.size, 64 * 70 + 1);
}

static void test_lines_outlive_the_trim(void **state)
{
    struct room *room = *state;
    struct seen seen = { "line", 0, UINT64_MAX };
    MDB_txn *txn = NULL;

    assert_int_equal(append(room, 4, 0), HUFU_OK);
    assert_int_equal(append(room, 2, 4), HUFU_OK);
    assert_int_equal(mdb_txn_begin(room->j.env, NULL, MDB_RDONLY, &txn), 0);
    assert_int_equal(journal_lines(&room->j, txn, 0, 6, line_each, &seen), HUFU_OK);
    assert_int_equal(seen.next, 6);
    assert_int_equal(journal_lines(&room->j, txn, 0, 7, line_each, &seen), HUFU_RANGE);
    assert_int_equal(journal_lines(&room->j, txn, 7, 0, line_each, &seen), HUFU_RANGE);
    seen = (struct seen){ "line", 2, 3 };
    assert_int_equal(journal_lines(&room->j, txn, 2, 4, line_each, &seen), HUFU_OK);
    assert_int_equal(seen.next, 4); /* false ends it */
    mdb_txn_abort(txn);
}

/* 65,700 lines: the check walks tiles of all three levels, at sizes around their borders. */
static void test_check_at_tile_borders(void **state)
{
    static const uint64_t sizes[] = { 255, 256, 257, 65535, 65536, 65537, 65700 };
    struct room *room = *state;

    journal_close(&room->j);
    assert_int_equal(journal_open(room->house.dir, 64u << 20, &room->j), HUFU_OK);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        MDB_txn *txn = NULL;
        struct merkle kept;

        while (room->j.log.size < sizes[i]) {
            uint64_t left = sizes[i] - room->j.log.size;

            assert_int_equal(append(room, left < 64 ? (size_t)left : 64, 0), HUFU_OK);
        }
        assert_int_equal(mdb_txn_begin(room->j.env, NULL, MDB_RDONLY, &txn), 0);
        assert_int_equal(journal_check(&room->j, txn), HUFU_OK);
        kept = room->j.log;
        for (unsigned bit = 0; bit < 17; bit++)
            if (sizes[i] >> bit & 1)
                room->j.log.peak[bit].b[31] ^= 1;
        assert_int_equal(journal_check(&room->j, txn), HUFU_CORRUPT);
        room->j.log = kept;
        mdb_txn_abort(txn);
    }
}

static void test_full_changes_nothing(void **state)
{
    struct room *room = *state;
    static uint8_t big[9u << 20];
    struct journal_item item[2] = { { view_str("line"), view_str("w") },
                                    { view_str("line"), { big, sizeof(big) } } };
    struct journal_group group = { .item = item, .item_count = 2, .now_ms = 99 };
    struct journal kept;

    assert_int_equal(append(room, 3, 0), HUFU_OK);
    kept = room->j;
    assert_int_equal(journal_append(&room->j, &group), HUFU_FULL);
    assert_memory_equal(&room->j, &kept, sizeof(kept));
    reopen(room);
    assert_int_equal(room->j.log.size, 3);
    assert_int_equal(append(room, 1, 0), HUFU_OK);
}

static void test_meta_and_digest(void **state)
{
    struct room *room = *state;
    static const uint8_t digest[JOURNAL_DIGEST_LEN] = { 1, 2, 3 };
    struct journal_meta meta[2] = { { view_str("time"), view_str("mine") },
                                    { view_str("a"), view_str("b") } };
    struct journal_group group = { .meta = meta, .meta_count = 2, .digest = digest };
    MDB_txn *txn = NULL;
    struct buf b;

    assert_false(room->j.has_digest);
    assert_int_equal(journal_append(&room->j, &group), HUFU_OK);
    reopen(room);
    assert_true(room->j.has_digest);
    assert_memory_equal(room->j.digest, digest, sizeof(digest));
    buf_init(&b, 4);
    assert_int_equal(mdb_txn_begin(room->j.env, NULL, MDB_RDONLY, &txn), 0);
    assert_int_equal(journal_meta_get(&room->j, txn, view_str("time"), &b), HUFU_OK);
    assert_true(view_is(buf_view(&b), "mine")); /* not the journal's own "time" */
    assert_int_equal(journal_meta_get(&room->j, txn, view_str("a"), &b), HUFU_RANGE);
    assert_int_equal(journal_meta_get(&room->j, txn, view_str("digest"), &b), HUFU_NOT_FOUND);
    mdb_txn_abort(txn);
    buf_done(&b);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_append_and_read),         T(test_trim_two_per_operation),
        T(test_trim_of_an_idle_journal), T(test_lines_outlive_the_trim),
        T(test_check_at_tile_borders),   T(test_full_changes_nothing),
        T(test_meta_and_digest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
