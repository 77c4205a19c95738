/*
 * segment_rig.h - a segment in memory, and groups to write into it.
 *
 * Layer:   tests. Includes cmocka first, then this.
 * Threads: one.
 */
#ifndef HUFU_TESTS_SEGMENT_RIG_H
#define HUFU_TESTS_SEGMENT_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vault/base/digest.h"
#include "vault/store/segment.h"

#define RIG_BYTES (16 * SEGMENT_PAGE)
#define RIG_ITEMS 4

static inline void rig_begin(struct segment *s, uint64_t bytes)
{
    *s = (struct segment){ .fd = memfd_create("a/segment-a", MFD_CLOEXEC),
                           .number = 7,
                           .bytes = bytes };
    assert_true(s->fd >= 0);
    assert_int_equal(ftruncate(s->fd, (off_t)bytes), 0);
    assert_int_equal(segment_begin(s), HUFU_OK);
}

static inline void rig_read(const struct segment *s, uint8_t *out)
{
    assert_int_equal(pread(s->fd, out, s->bytes, 0), s->bytes);
}

static inline void rig_write(const struct segment *s, uint64_t at, const void *in, size_t len)
{
    assert_int_equal(pwrite(s->fd, in, len, (off_t)at), len);
}

/* A group of `count` items whose lines and writes are `each` bytes, all told by its number. */
struct rig_group {
    struct segment_group g;
    struct segment_item item[RIG_ITEMS];
    uint8_t digest[SEGMENT_DIGEST_LEN];
    uint8_t *bytes;
};

static inline void rig_group(struct rig_group *r, uint64_t number, size_t count, size_t each,
                             size_t metas)
{
    struct buf b;

    buf_init(&b, (1u << 20) + count * each * 2);
    for (size_t i = 0; i < count * each * 2; i++)
        buf_u8(&b, (uint8_t)(1 + (number * 31 + i * 7) % 255));
    for (size_t i = 0; i < metas; i++) {
        buf_lv16(&b, "key", 3);
        buf_lv32(&b, &number, sizeof(number));
    }
    assert_int_equal(buf_check(&b), HUFU_OK);
    r->bytes = b.p;
    memset(r->digest, (int)number, sizeof(r->digest));
    r->g =
        (struct segment_group){ .number = number,
                                .first_seq = 100 + number,
                                .now_ms = 1000 + number,
                                .item = r->item,
                                .item_count = count,
                                .meta_count = metas,
                                .lines = view_of(b.p, count * each),
                                .writes = view_of(b.p + count * each, count * each),
                                .metas = view_of(b.p + count * each * 2, b.len - count * each * 2),
                                .digest = number % 2 ? r->digest : NULL };
    for (size_t i = 0; i < count; i++)
        r->item[i] = (struct segment_item){ (i + 1) * each, (i + 1) * each };
}

static inline enum hufu_err rig_put(struct segment *s, uint64_t number, size_t count, size_t each,
                                    size_t metas)
{
    struct rig_group r;
    struct buf scratch;
    enum hufu_err err;

    rig_group(&r, number, count, each, metas);
    buf_init(&scratch, 1u << 20);
    err = segment_write(s, &r.g, &scratch);
    buf_done(&scratch);
    free(r.bytes);
    return err;
}

static inline void rig_is(const struct segment_group *got, uint64_t number, size_t count,
                          size_t each, size_t metas)
{
    struct rig_group want;

    rig_group(&want, number, count, each, metas);
    assert_int_equal(got->number, number);
    assert_int_equal(got->first_seq, want.g.first_seq);
    assert_int_equal(got->now_ms, want.g.now_ms);
    assert_int_equal(got->item_count, count);
    assert_int_equal(got->meta_count, metas);
    assert_true(view_equal(got->lines, want.g.lines));
    assert_true(view_equal(got->writes, want.g.writes));
    assert_true(view_equal(got->metas, want.g.metas));
    assert_int_equal(got->digest != NULL, want.g.digest != NULL);
    if (got->digest)
        assert_memory_equal(got->digest, want.digest, SEGMENT_DIGEST_LEN);
    for (size_t i = 0; i < count; i++) {
        struct segment_item item = segment_item_at(got, i);

        assert_int_equal(item.line_end, (i + 1) * each);
        assert_int_equal(item.writes_end, (i + 1) * each);
    }
    free(want.bytes);
}

/* Loads the segment anew and counts its groups; *last_out: how the walk ended. */
static inline unsigned rig_count(const struct segment *s, enum hufu_err *last_out)
{
    struct segment again = { .fd = s->fd };
    struct segment_walk w;
    struct segment_group g;
    unsigned count = 0;

    assert_int_equal(segment_load(&again), HUFU_OK);
    assert_int_equal(segment_walk_begin(&w, &again), HUFU_OK);
    while ((*last_out = segment_walk_next(&w, &g)) == HUFU_OK)
        count++;
    segment_walk_end(&w);
    return count;
}

/* A group's bytes with a right checksum, whatever its fields say. */
struct rig_raw {
    uint32_t body, items, metas, lines, writes, has_digest;
    uint64_t number, first_seq;
    struct view bytes; /* the body that the checksum is over */
};

static inline void rig_raw_put(const uint8_t salt[static SEGMENT_SALT_LEN], const struct rig_raw *r,
                               struct buf *out)
{
    uint8_t sum[DIGEST_LEN], none[SEGMENT_DIGEST_LEN] = { 0 };
    struct view part[3] = { view_of(salt, SEGMENT_SALT_LEN) };
    size_t head = out->len;

    buf_str(out, "HFUG");
    buf_u32(out, r->body);
    buf_u64(out, r->number);
    buf_u64(out, r->first_seq);
    buf_u64(out, 5);
    buf_u32(out, r->items);
    buf_u32(out, r->metas);
    buf_u32(out, r->lines);
    buf_u32(out, r->writes);
    buf_u32(out, r->has_digest);
    buf_put(out, none, sizeof(none));
    part[1] = view_of(out->p + head, out->len - head);
    part[2] = r->bytes;
    assert_int_equal(digest_sha256(part, 3, sum), HUFU_OK);
    buf_put(out, sum, sizeof(sum));
    buf_put(out, r->bytes.p, r->bytes.len);
    assert_int_equal(buf_check(out), HUFU_OK);
}

#endif
