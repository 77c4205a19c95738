#include "vault/store/segment.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/* All of the file: HUFU_CORRUPT where it is shorter by now. */
static enum hufu_err bytes_read(const struct segment *s, uint8_t *out)
{
    for (uint64_t at = 0; at < s->bytes;) {
        ssize_t n = pread(s->fd, out + at, (size_t)(s->bytes - at), (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? HUFU_IO : HUFU_CORRUPT;
        at += (uint64_t)n;
    }
    return HUFU_OK;
}

/* Read, not mapped: a bad sector is an error here, and a signal there. */
enum hufu_err segment_walk_begin(struct segment_walk *w, struct segment *s)
{
    void *bytes =
        mmap(NULL, (size_t)s->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    enum hufu_err err;

    if (bytes == MAP_FAILED)
        return HUFU_NOMEM;
    err = bytes_read(s, bytes);
    if (err != HUFU_OK) {
        munmap(bytes, (size_t)s->bytes);
        return err;
    }
    *w = (struct segment_walk){ .s = s, .bytes = bytes, .at = SEGMENT_PAGE };
    return HUFU_OK;
}

void segment_walk_end(struct segment_walk *w)
{
    if (w->bytes)
        munmap((void *)(uintptr_t)w->bytes, (size_t)w->s->bytes);
    *w = (struct segment_walk){ 0 };
}

struct segment_item segment_item_at(const struct segment_group *g, size_t i)
{
    struct segment_item item = { 0, 0 };
    struct reader r;

    if (g->item)
        return g->item[i];
    reader_init(&r, g->table.p + i * SEGMENT_ITEM_LEN, SEGMENT_ITEM_LEN);
    item.line_end = reader_u32(&r);
    item.writes_end = reader_u32(&r);
    return item;
}

/* Ends never run back, and the last ones are the lengths. */
static bool table_is_good(const struct segment_group *g)
{
    struct segment_item last = { 0, 0 };

    for (size_t i = 0; i < g->item_count; i++) {
        struct segment_item item = segment_item_at(g, i);

        if (item.line_end < last.line_end || item.writes_end < last.writes_end)
            return false;
        last = item;
    }
    return last.line_end == g->lines.len && last.writes_end == g->writes.len;
}

/* The group at the place, its checksum verified. False: there is none. */
static bool group_read(const struct segment_walk *w, uint64_t at, struct segment_group *out)
{
    struct segment_group g = { 0 };
    uint64_t room = w->s->bytes - at, body, end;
    struct view sum, part;
    uint8_t want[SEGMENT_SUM_LEN];
    uint32_t has_digest, lines, writes;
    struct reader r;

    if (room < SEGMENT_GROUP_LEN)
        return false;
    reader_init(&r, w->bytes + at, SEGMENT_GROUP_LEN);
    if (reader_u32(&r) != SEGMENT_GROUP_MAGIC)
        return false;
    body = reader_u32(&r);
    g.number = reader_u64(&r);
    g.first_seq = reader_u64(&r);
    g.now_ms = reader_u64(&r);
    g.item_count = reader_u32(&r);
    g.meta_count = reader_u32(&r);
    lines = reader_u32(&r);
    writes = reader_u32(&r);
    has_digest = reader_u32(&r);
    part = reader_take(&r, SEGMENT_DIGEST_LEN);
    g.digest = has_digest == 1 ? part.p : NULL;
    sum = reader_take(&r, SEGMENT_SUM_LEN);
    if (has_digest > 1 || body > room - SEGMENT_GROUP_LEN || g.number == UINT64_MAX ||
        __builtin_add_overflow(g.first_seq, g.item_count, &end))
        return false;
    part = view_of(w->bytes + at + SEGMENT_GROUP_LEN, (size_t)body);
    if (!w->trusts &&
        (segment_sum(w->s, view_of(w->bytes + at, SEGMENT_HEAD_LEN), &part, 1, want) != HUFU_OK ||
         !view_equal(sum, view_of(want, sizeof(want)))))
        return false;
    reader_init(&r, part.p, part.len);
    if (g.item_count > body / SEGMENT_ITEM_LEN)
        return false;
    g.table = reader_take(&r, g.item_count * SEGMENT_ITEM_LEN);
    g.lines = reader_take(&r, lines);
    g.writes = reader_take(&r, writes);
    g.metas = view_of(r.p, r.left);
    if (r.failed || !table_is_good(&g))
        return false;
    *out = g;
    return true;
}

/* Whether a good group lies behind the place: then what is at the place is damaged. */
static bool some_behind(const struct segment_walk *w, uint64_t at)
{
    struct segment_group g;

    for (; at < w->s->bytes; at += SEGMENT_PAGE)
        if (group_read(w, at, &g))
            return true;
    return false;
}

enum hufu_err segment_walk_next(struct segment_walk *w, struct segment_group *out)
{
    struct segment_group g;

    if (w->trusts && w->at >= w->s->used)
        return HUFU_NOT_FOUND;
    if (w->at >= w->s->bytes)
        return HUFU_NOT_FOUND;
    if (!group_read(w, w->at, &g))
        return some_behind(w, w->at + SEGMENT_PAGE) ? HUFU_CORRUPT : HUFU_NOT_FOUND;
    w->at += segment_need(&g);
    *out = g;
    return HUFU_OK;
}
