/* Whatever bytes stand in a segment's file: it is refused, or its groups lie one behind another, in
 * the file, and their parts are as long as they say. The input's first byte chooses whether it is
 * the file, or what follows a header that is right, with checksums that are right too. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vault/base/digest.h"
#include "vault/store/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len);

#define FILE_MAX (16 * SEGMENT_PAGE)
#define HEAD_LEN (SEGMENT_GROUP_LEN - DIGEST_LEN)

static uint8_t file[FILE_MAX];

/* Gives the group at the place the checksum that its length asks for. */
static void sum_right(size_t at, size_t len, const uint8_t salt[static SEGMENT_SALT_LEN])
{
    struct view part[3] = { view_of(salt, SEGMENT_SALT_LEN), view_of(file + at, HEAD_LEN) };
    struct reader r;
    uint32_t body;

    if (len - at < SEGMENT_GROUP_LEN || memcmp(file + at, "HFUG", 4) != 0)
        return;
    reader_init(&r, file + at + 4, 4);
    body = reader_u32(&r);
    if (body > len - at - SEGMENT_GROUP_LEN)
        return;
    part[2] = view_of(file + at + SEGMENT_GROUP_LEN, body);
    assert(digest_sha256(part, 3, file + at + HEAD_LEN) == HUFU_OK);
}

/* The file's length. */
static size_t file_make(int fd, const uint8_t *in, size_t in_len)
{
    struct segment s = { .fd = fd, .number = 1 };
    size_t len = in_len;

    if (in_len == 0 || in[0] % 4 == 0) {
        if (len > FILE_MAX)
            len = FILE_MAX;
        assert(ftruncate(fd, (off_t)len) == 0 && pwrite(fd, in, len, 0) == (ssize_t)len);
        return len;
    }
    len = in_len - 1 > FILE_MAX - SEGMENT_PAGE ? FILE_MAX - SEGMENT_PAGE : in_len - 1;
    memset(file, 0, sizeof(file));
    memcpy(file + SEGMENT_PAGE, in + 1, len);
    len = SEGMENT_PAGE + (in[0] % 4 == 1 && len > 0 ? len : FILE_MAX - SEGMENT_PAGE);
    s.bytes = len;
    assert(ftruncate(fd, 0) == 0 && ftruncate(fd, (off_t)len) == 0);
    assert(segment_begin(&s) == HUFU_OK);
    for (size_t at = SEGMENT_PAGE; at < len; at += SEGMENT_PAGE)
        sum_right(at, len, s.salt);
    assert(pwrite(fd, file + SEGMENT_PAGE, len - SEGMENT_PAGE, SEGMENT_PAGE) ==
           (ssize_t)(len - SEGMENT_PAGE));
    return len;
}

static void group_check(const struct segment_walk *w, const struct segment_group *g)
{
    const uint8_t *end = w->bytes + w->s->bytes;
    struct segment_item last = { 0, 0 };

    assert(g->table.p >= w->bytes + SEGMENT_PAGE &&
           g->table.len == g->item_count * SEGMENT_ITEM_LEN);
    assert(g->lines.p == g->table.p + g->table.len);
    assert(g->writes.p == g->lines.p + g->lines.len);
    assert(g->metas.p == g->writes.p + g->writes.len && g->metas.p + g->metas.len <= end);
    for (size_t i = 0; i < g->item_count; i++) {
        struct segment_item item = segment_item_at(g, i);

        assert(item.line_end >= last.line_end && item.writes_end >= last.writes_end);
        last = item;
    }
    assert(last.line_end == g->lines.len && last.writes_end == g->writes.len);
    assert(g->first_seq + g->item_count >= g->first_seq && g->number + 1 > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len)
{
    static int fd = -1;
    struct segment s;
    struct segment_walk w;
    struct segment_group g;
    enum hufu_err err;
    size_t len;

    if (fd < 0)
        fd = memfd_create("segment", MFD_CLOEXEC);
    assert(fd >= 0);
    len = file_make(fd, in, in_len);
    s = (struct segment){ .fd = fd };
    err = segment_load(&s);
    if (err != HUFU_OK) {
        assert(err == HUFU_CORRUPT && s.bytes == 0);
        return 0;
    }
    assert(s.bytes == len && s.used == SEGMENT_PAGE);
    assert(segment_walk_begin(&w, &s) == HUFU_OK);
    for (;;) {
        uint64_t at = w.at;

        err = segment_walk_next(&w, &g);
        if (err != HUFU_OK)
            break;
        assert(w.at >= at + SEGMENT_PAGE && w.at == at + segment_need(&g));
        group_check(&w, &g);
    }
    assert(err == HUFU_NOT_FOUND || err == HUFU_CORRUPT);
    segment_walk_end(&w);
    return 0;
}
