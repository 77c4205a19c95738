/*
 * journal_room.h - a journal alone in a temporary folder, for its tests.
 *
 * Layer:   tests. Includes vault/store/journal.h.
 * Threads: one.
 */
#ifndef HUFU_TESTS_JOURNAL_ROOM_H
#define HUFU_TESTS_JOURNAL_ROOM_H

#include "tests/unit/disk_faults.h"
#include "tests/unit/store_house.h"
#include "vault/store/journal.h"

#define SEGMENT 65536u /* fifteen small groups */

struct room {
    struct house house; /* for its folder only */
    struct journal j;
};

static inline enum hufu_err open_sized(struct room *room, uint64_t bytes)
{
    return journal_open(room->house.dir, bytes, SEGMENT, &room->j);
}

static inline int setup(void **state)
{
    struct room *room = calloc(1, sizeof(*room));

    if (!room)
        return -1;
    fault = (struct fault){ 0 };
    house_init(&room->house);
    *state = room;
    return open_sized(room, 8u << 20) == HUFU_OK ? 0 : -1;
}

static inline int teardown(void **state)
{
    struct room *room = *state;

    journal_close(&room->j);
    house_done(&room->house);
    free(room);
    return 0;
}

static inline void reopen(struct room *room)
{
    journal_close(&room->j);
    assert_int_equal(open_sized(room, 8u << 20), HUFU_OK);
}

static inline enum hufu_err append(struct room *room, size_t count)
{
    struct segment_item item[64];
    struct journal_group group = { .item = item, .item_count = count, .now_ms = 77 };
    char text[32];
    struct buf lines, writes;
    enum hufu_err err;

    assert_true(count <= 64);
    buf_init(&lines, 4096);
    buf_init(&writes, 4096);
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "line %u", (unsigned)(room->j.state.log.size + i));
        buf_str(&lines, text);
        snprintf(text, sizeof(text), "writes %u", (unsigned)(room->j.state.log.size + i));
        buf_str(&writes, text);
        item[i] = (struct segment_item){ lines.len, writes.len };
    }
    group.lines = buf_view(&lines);
    group.writes = buf_view(&writes);
    err = journal_append(&room->j, &group);
    buf_done(&lines);
    buf_done(&writes);
    return err;
}

#endif
