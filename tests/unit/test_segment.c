#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/disk_faults.h"
#include "tests/unit/segment_rig.h"

static void test_load_what_was_begun(void **state)
{
    struct segment s, got;

    (void)state;
    rig_begin(&s, RIG_BYTES);
    got = (struct segment){ .fd = s.fd, .groups = 99 };
    assert_int_equal(segment_load(&got), HUFU_OK);
    assert_int_equal(got.number, 7);
    assert_int_equal(got.bytes, RIG_BYTES);
    assert_int_equal(got.used, SEGMENT_PAGE);
    assert_int_equal(got.groups, 0);
    assert_memory_equal(got.salt, s.salt, sizeof(s.salt));
    close(s.fd);
}

static void test_load_a_header_that_is_none(void **state)
{
    struct segment s, got, kept;
    uint8_t header[SEGMENT_HEADER_LEN];

    (void)state;
    rig_begin(&s, RIG_BYTES);
    assert_int_equal(pread(s.fd, header, sizeof(header), 0), sizeof(header));
    got = kept = (struct segment){ .fd = s.fd, .number = 3, .bytes = 4, .used = 5 };
    for (size_t i = 0; i < sizeof(header); i++) {
        header[i] ^= 1;
        rig_write(&s, 0, header, sizeof(header));
        assert_int_equal(segment_load(&got), HUFU_CORRUPT);
        assert_memory_equal(&got, &kept, sizeof(got));
        header[i] ^= 1;
    }
    rig_write(&s, 0, header, sizeof(header));
    for (int more = -1; more <= 1; more++) {
        assert_int_equal(ftruncate(s.fd, (off_t)RIG_BYTES + more), 0);
        assert_int_equal(segment_load(&got), more == 0 ? HUFU_OK : HUFU_CORRUPT);
    }
    assert_int_equal(ftruncate(s.fd, SEGMENT_HEADER_LEN - 1), 0);
    assert_int_equal(segment_load(&got), HUFU_CORRUPT);
    close(s.fd);
    got.fd = -1;
    assert_int_equal(segment_load(&got), HUFU_IO);
    rig_begin(&s, SEGMENT_PAGE); /* no room for a group at all */
    assert_int_equal(segment_load(&s), HUFU_CORRUPT);
    close(s.fd);
}

/* The file was cut after its header was read: an error, and no signal. */
static void test_walk_of_a_file_that_is_shorter_than_it_says(void **state)
{
    struct segment_walk w;
    struct segment s;

    (void)state;
    rig_begin(&s, RIG_BYTES);
    assert_int_equal(ftruncate(s.fd, (off_t)SEGMENT_PAGE), 0);
    assert_int_equal(segment_walk_begin(&w, &s), HUFU_CORRUPT);
    close(s.fd);
    assert_int_equal(segment_walk_begin(&w, &s), HUFU_IO);
    s.bytes = UINT64_C(1) << 60;
    assert_int_equal(segment_walk_begin(&w, &s), HUFU_NOMEM);
}

static const struct {
    size_t count, each, metas;
} shapes[] = { { 0, 0, 0 },  { 1, 0, 0 }, { 1, 20, 0 },   { 3, 100, 2 },
               { 0, 0, 3 },  { 4, 7, 1 }, { 1, 5000, 0 }, { 1, 1986, 0 } /* a page to the byte */,
               { 2, 800, 1 } };
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static void test_write_and_walk(void **state)
{
    struct segment s, again;
    struct segment_walk w;
    struct segment_group g;

    (void)state;
    rig_begin(&s, RIG_BYTES);
    for (size_t i = 0; i < SHAPES; i++) {
        uint64_t used = s.used;

        assert_int_equal(rig_put(&s, i, shapes[i].count, shapes[i].each, shapes[i].metas), HUFU_OK);
        assert_int_equal(s.used - used, i == 6 ? 3 * SEGMENT_PAGE : SEGMENT_PAGE);
        assert_int_equal(s.groups, i + 1);
        assert_int_equal(s.first_seq, 100);
        assert_int_equal(s.end_seq, 100 + i + shapes[i].count);
        assert_int_equal(s.end_group, i + 1);
    }
    again = (struct segment){ .fd = s.fd };
    assert_int_equal(segment_load(&again), HUFU_OK);
    again.used = s.used;
    for (int trusts = 0; trusts < 2; trusts++) {
        assert_int_equal(segment_walk_begin(&w, &again), HUFU_OK);
        w.trusts = trusts;
        for (size_t i = 0; i < SHAPES; i++) {
            assert_int_equal(segment_walk_next(&w, &g), HUFU_OK);
            rig_is(&g, i, shapes[i].count, shapes[i].each, shapes[i].metas);
        }
        assert_int_equal(w.at, s.used);
        for (int more = 0; more < 2; more++)
            assert_int_equal(segment_walk_next(&w, &g), HUFU_NOT_FOUND);
        segment_walk_end(&w);
    }
    close(s.fd);
}

/* A segment may be filled to its last byte; what does not fit changes nothing. */
static void test_write_at_the_end(void **state)
{
    size_t fits = 2 * SEGMENT_PAGE - SEGMENT_GROUP_LEN - SEGMENT_ITEM_LEN;
    static uint8_t before[RIG_BYTES], after[RIG_BYTES];
    struct segment_group huge = { .lines = view_of(before, 768u << 20) };
    struct buf scratch;
    enum hufu_err last;
    struct segment s;

    (void)state;
    buf_init(&scratch, 4096);
    rig_begin(&s, 4 * SEGMENT_PAGE);
    assert_int_equal(rig_put(&s, 0, 1, 10, 0), HUFU_OK);
    rig_read(&s, before);
    assert_int_equal(rig_put(&s, 1, 1, fits / 2 + 1, 0), HUFU_RANGE);
    assert_int_equal(segment_write(&s, &huge, &scratch), HUFU_RANGE);
    rig_read(&s, after);
    assert_memory_equal(before, after, s.bytes);
    assert_int_equal(s.used, 2 * SEGMENT_PAGE);
    assert_int_equal(rig_put(&s, 1, 1, fits / 2, 0), HUFU_OK);
    assert_int_equal(s.used, s.bytes);
    assert_int_equal(rig_put(&s, 2, 0, 0, 0), HUFU_RANGE);
    assert_int_equal(rig_count(&s, &last), 2);
    assert_int_equal(last, HUFU_NOT_FOUND);
    buf_done(&scratch);
    close(s.fd);
}

static void test_failed_writes(void **state)
{
    static const struct {
        enum fault_kind kind;
        int rc;
        enum hufu_err err;
    } rows[] = { { FAULT_WRITE, ENOSPC, HUFU_FULL }, { FAULT_WRITE, EDQUOT, HUFU_FULL },
                 { FAULT_WRITE, EIO, HUFU_IO },      { FAULT_PART, ENOSPC, HUFU_IO },
                 { FAULT_PART, EIO, HUFU_IO },       { FAULT_SYNC, EIO, HUFU_IO },
                 { FAULT_SYNC, ENOSPC, HUFU_IO } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct segment s, kept;
        enum hufu_err last;

        rig_begin(&s, RIG_BYTES);
        assert_int_equal(rig_put(&s, 0, 1, 10, 0), HUFU_OK);
        kept = s;
        fault_set(rows[i].kind, rows[i].rc);
        fault.part = i;
        assert_int_equal(rig_put(&s, 1, 2, 3000, 0), rows[i].err);
        assert_true(fault.hit);
        assert_memory_equal(&s, &kept, sizeof(s));
        assert_int_equal(rig_count(&s, &last), rows[i].kind == FAULT_SYNC ? 2 : 1);
        assert_int_equal(last, HUFU_NOT_FOUND);
        assert_int_equal(rig_put(&s, 1, 1, 10, 0), HUFU_OK); /* in the same place */
        assert_int_equal(rig_count(&s, &last), 2); /* the rest of the larger one is nothing */
        assert_int_equal(last, HUFU_NOT_FOUND);
        close(s.fd);
    }
}

/* A write may take less than all of it: the rest follows. */
static void test_short_writes(void **state)
{
    struct segment s;
    enum hufu_err last;

    (void)state;
    rig_begin(&s, RIG_BYTES);
    fault_set(FAULT_SHORT, 0);
    fault.stays = true;
    fault.part = 3;
    assert_int_equal(rig_put(&s, 0, 4, 1500, 2), HUFU_OK);
    assert_true(fault.hit);
    fault = (struct fault){ 0 };
    assert_int_equal(rig_count(&s, &last), 1);
    close(s.fd);
}

#define LAST_AT  (3 * SEGMENT_PAGE) /* two groups of a page stand before it */
#define LAST_LEN (SEGMENT_GROUP_LEN + 2 * SEGMENT_ITEM_LEN + 4 * 3000)

/* Three groups, the last of three pages; full is the file. */
static void three_make(struct segment *s, uint8_t full[static RIG_BYTES])
{
    rig_begin(s, RIG_BYTES);
    assert_int_equal(rig_put(s, 0, 1, 10, 0), HUFU_OK);
    assert_int_equal(rig_put(s, 1, 2, 50, 1), HUFU_OK);
    assert_int_equal(rig_put(s, 2, 2, 3000, 0), HUFU_OK);
    rig_read(s, full);
}

/* The power goes in the middle of the last group: whatever prefix of its sectors is there. */
static void test_torn_at_each_sector(void **state)
{
    static uint8_t full[RIG_BYTES], cut[RIG_BYTES];
    struct segment s;

    (void)state;
    three_make(&s, full);
    for (size_t at = LAST_AT; at <= LAST_AT + 3 * SEGMENT_PAGE; at += FAULT_SECTOR) {
        enum hufu_err last;

        memcpy(cut, full, sizeof(cut));
        memset(cut + at, 0, sizeof(cut) - at);
        rig_write(&s, 0, cut, sizeof(cut));
        assert_int_equal(rig_count(&s, &last), at < LAST_AT + LAST_LEN ? 2 : 3);
        assert_int_equal(last, HUFU_NOT_FOUND);
    }
    close(s.fd);
}

/* Sectors need not be written in order: any one of them may be missing, or be the only one. */
static void test_torn_in_any_order(void **state)
{
    static uint8_t full[RIG_BYTES], cut[RIG_BYTES];
    struct segment s;

    (void)state;
    three_make(&s, full);
    for (size_t at = LAST_AT; at < LAST_AT + 3 * SEGMENT_PAGE; at += FAULT_SECTOR) {
        enum hufu_err last;

        memcpy(cut, full, sizeof(cut));
        memset(cut + at, 0, FAULT_SECTOR);
        rig_write(&s, 0, cut, sizeof(cut));
        assert_int_equal(rig_count(&s, &last), at < LAST_AT + LAST_LEN ? 2 : 3);
        assert_int_equal(last, HUFU_NOT_FOUND);
        memset(cut + LAST_AT, 0, sizeof(cut) - LAST_AT);
        memcpy(cut + at, full + at, FAULT_SECTOR);
        rig_write(&s, 0, cut, sizeof(cut));
        assert_int_equal(rig_count(&s, &last), 2);
        assert_int_equal(last, HUFU_NOT_FOUND);
    }
    close(s.fd);
}

/* A damaged group before a good one was answered, and so was the good one. */
static void test_damage_before_a_good_group(void **state)
{
    static uint8_t full[RIG_BYTES];
    struct segment s;

    (void)state;
    three_make(&s, full);
    for (size_t at = 2 * SEGMENT_PAGE; at < 2 * SEGMENT_PAGE + 300; at++) {
        uint8_t byte = full[at] ^ 0x40;
        enum hufu_err last;

        rig_write(&s, at, &byte, 1);
        assert_int_equal(rig_count(&s, &last), 1);
        assert_int_equal(last, HUFU_CORRUPT);
        rig_write(&s, at, full + at, 1);
    }
    close(s.fd);
}

/* Groups of an earlier life of the file, which was not cleared: none of them is one of this life,
 * be it in front or behind a group that was cut off. */
static void test_stale_groups_are_none(void **state)
{
    static uint8_t old[RIG_BYTES];
    struct segment s;
    enum hufu_err last;

    (void)state;
    three_make(&s, old);
    assert_int_equal(segment_begin(&s), HUFU_OK);
    assert_int_equal(s.used, SEGMENT_PAGE);
    assert_int_equal(s.groups, 0);
    assert_int_equal(rig_count(&s, &last), 0);
    assert_int_equal(last, HUFU_NOT_FOUND);
    assert_int_equal(rig_put(&s, 9, 1, 10, 0), HUFU_OK);
    assert_int_equal(rig_count(&s, &last), 1);
    assert_int_equal(last, HUFU_NOT_FOUND);
    assert_int_equal(rig_put(&s, 10, 1, 10, 0), HUFU_OK);
    rig_write(&s, 2 * SEGMENT_PAGE + 100, old, 16); /* cut off before the old third one */
    assert_int_equal(rig_count(&s, &last), 1);
    assert_int_equal(last, HUFU_NOT_FOUND);
    close(s.fd);
}

/* Bytes that a caller chose stand at the beginning of a page and look like a group. The group they
 * are in is cut off: without the salt they are nothing; with it they would be one, so the checksum
 * is what keeps them out. */
static void test_chosen_bytes_are_no_group(void **state)
{
    struct rig_raw raw = { .number = 1, .first_seq = 101 };
    uint8_t salt[SEGMENT_SALT_LEN] = { 0 }, gone[64] = { 0 };
    enum hufu_err last;

    (void)state;
    for (int knows = 0; knows < 2; knows++) {
        struct rig_group r;
        struct segment s;
        struct buf chosen;

        rig_begin(&s, RIG_BYTES);
        buf_init(&chosen, 4096);
        rig_raw_put(knows ? s.salt : salt, &raw, &chosen);
        rig_group(&r, 0, 1, 5000, 0);
        /* behind header and table: where the second page of the group begins */
        memcpy(r.bytes + SEGMENT_PAGE - SEGMENT_GROUP_LEN - SEGMENT_ITEM_LEN, chosen.p, chosen.len);
        assert_int_equal(segment_write(&s, &r.g, &chosen), HUFU_OK);
        assert_int_equal(rig_count(&s, &last), 1);
        assert_int_equal(last, HUFU_NOT_FOUND);
        rig_write(&s, SEGMENT_PAGE, gone, sizeof(gone));
        assert_int_equal(rig_count(&s, &last), 0);
        assert_int_equal(last, knows ? HUFU_CORRUPT : HUFU_NOT_FOUND);
        buf_done(&chosen);
        free(r.bytes);
        close(s.fd);
    }
}

/* Whoever wrote them, and with a right checksum: fields that do not fit together are no group. */
static void test_fields_that_do_not_fit(void **state)
{
    /* two items: lines of 3 and 4 bytes, writes of 1 and 2 */
    static const uint8_t body[] = { 3, 0, 0,   0,   1,   0,   0,   0,   7,   0,   0,   0,   3,  0,
                                    0, 0, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'x', 'y', 'z', 'm' };
    static const uint8_t back[] = { 4, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 'a', 'b', 'c' };
    const struct rig_raw good = { .body = sizeof(body),
                                  .items = 2,
                                  .lines = 7,
                                  .writes = 3,
                                  .metas = 1,
                                  .bytes = view_of(body, sizeof(body)) };
    struct {
        const char *name;
        struct rig_raw raw;
    } rows[16];
    size_t count = 0;

    (void)state;
#define ROW(text, field, value)                                                                    \
    do {                                                                                           \
        rows[count].name = text;                                                                   \
        rows[count].raw = good;                                                                    \
        rows[count++].raw.field = value;                                                           \
    } while (0)
    ROW("good", number, 1);
    ROW("the last number", number, UINT64_MAX);
    ROW("operations beyond the last number", first_seq, UINT64_MAX - 1);
    ROW("neither with a digest nor without", has_digest, 2);
    ROW("body longer than the file", body, RIG_BYTES);
    ROW("body of all bits", body, UINT32_MAX);
    ROW("more items than bytes", items, UINT32_MAX);
    ROW("items into the lines", items, 3);
    ROW("fewer items than lines", items, 1);
    ROW("lines longer than the body", lines, UINT32_MAX);
    ROW("lines that no item has", lines, 8);
    ROW("writes longer than the body", writes, UINT32_MAX - 6);
    ROW("writes that no item has", writes, 4);
    ROW("ends that run back", bytes, view_of(back, sizeof(back)));
    rows[count - 1].raw.body = sizeof(back);
    rows[count - 1].raw.lines = 3;
    rows[count - 1].raw.writes = 0;
#undef ROW
    for (size_t i = 0; i < count; i++) {
        enum hufu_err last;
        struct segment s;
        struct buf b;
        unsigned got;

        rig_begin(&s, RIG_BYTES);
        buf_init(&b, 4096);
        rig_raw_put(s.salt, &rows[i].raw, &b);
        rig_write(&s, SEGMENT_PAGE, b.p, b.len);
        got = rig_count(&s, &last);
        if (got != (i == 0))
            print_error("%s\n", rows[i].name);
        assert_int_equal(got, i == 0);
        assert_int_equal(last, HUFU_NOT_FOUND);
        buf_done(&b);
        close(s.fd);
    }
}

static void test_affirm_writes_the_same_again(void **state)
{
    static uint8_t before[RIG_BYTES], after[RIG_BYTES];
    struct segment s;

    (void)state;
    three_make(&s, before);
    assert_int_equal(segment_affirm(&s, LAST_AT), HUFU_OK);
    rig_read(&s, after);
    assert_memory_equal(before, after, sizeof(before));
    fault_set(FAULT_WRITE, ENOSPC);
    assert_int_equal(segment_affirm(&s, LAST_AT), HUFU_FULL);
    fault_set(FAULT_WRITE, EIO);
    assert_int_equal(segment_affirm(&s, LAST_AT), HUFU_IO);
    fault_set(FAULT_SYNC, EIO);
    assert_int_equal(segment_affirm(&s, LAST_AT), HUFU_IO);
    assert_true(fault.hit);
    assert_int_equal(fault.at, LAST_AT); /* it was written before the sync */
    assert_int_equal(fault.len, 3 * SEGMENT_PAGE);
    rig_read(&s, after);
    assert_memory_equal(before, after, sizeof(before));
    close(s.fd);
}

static void test_clear(void **state)
{
    static uint8_t bytes[RIG_BYTES], want[RIG_BYTES];
    struct segment s;

    (void)state;
    three_make(&s, want);
    memset(want + 1000, 0, 9001);
    assert_int_equal(segment_clear(s.fd, 1000, 9001), HUFU_OK);
    rig_read(&s, bytes);
    assert_memory_equal(bytes, want, sizeof(bytes));
    assert_int_equal(segment_clear(s.fd, 0, RIG_BYTES), HUFU_OK);
    rig_read(&s, bytes);
    for (size_t i = 0; i < sizeof(bytes); i++)
        assert_int_equal(bytes[i], 0);
    fault_set(FAULT_WRITE, ENOSPC);
    assert_int_equal(segment_clear(s.fd, 0, 1), HUFU_FULL);
    fault_set(FAULT_SYNC, EIO);
    assert_int_equal(segment_clear(s.fd, 0, 1), HUFU_IO);
    close(s.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load_what_was_begun),
        cmocka_unit_test(test_load_a_header_that_is_none),
        cmocka_unit_test(test_walk_of_a_file_that_is_shorter_than_it_says),
        cmocka_unit_test(test_write_and_walk),
        cmocka_unit_test(test_write_at_the_end),
        cmocka_unit_test(test_failed_writes),
        cmocka_unit_test(test_short_writes),
        cmocka_unit_test(test_torn_at_each_sector),
        cmocka_unit_test(test_torn_in_any_order),
        cmocka_unit_test(test_damage_before_a_good_group),
        cmocka_unit_test(test_stale_groups_are_none),
        cmocka_unit_test(test_chosen_bytes_are_no_group),
        cmocka_unit_test(test_fields_that_do_not_fit),
        cmocka_unit_test(test_affirm_writes_the_same_again),
        cmocka_unit_test(test_clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
