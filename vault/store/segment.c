#include "vault/store/segment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vault/base/digest.h"
#include "vault/base/entropy.h"

#define FILE_MAGIC 0x53554648u /* "HFUS" */
#define BODY_MAX   (768u << 20)
#define PARTS_MAX  5

static enum hufu_err errno_err(int e)
{
    return e == ENOSPC || e == EDQUOT ? HUFU_FULL : HUFU_IO;
}

/* Writes all of iov at the offset; iov is used up. *some_out: a part of it was written. */
static enum hufu_err write_some(int fd, struct iovec *iov, size_t count, uint64_t at,
                                bool *some_out)
{
    *some_out = false;
    while (count > 0) {
        ssize_t n = pwritev(fd, iov, (int)count, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno_err(errno) : HUFU_IO;
        *some_out = true;
        at += (uint64_t)n;
        while (count > 0 && (size_t)n >= iov->iov_len) {
            n -= (ssize_t)iov->iov_len;
            iov++;
            count--;
        }
        if (count > 0) {
            iov->iov_base = (uint8_t *)iov->iov_base + n;
            iov->iov_len -= (size_t)n;
        }
    }
    return HUFU_OK;
}

static enum hufu_err write_all(int fd, struct iovec *iov, size_t count, uint64_t at)
{
    bool some;

    return write_some(fd, iov, count, at, &some);
}

static struct iovec part_of(struct view v)
{
    return (struct iovec){ (void *)(uintptr_t)v.p, v.len };
}

static const uint8_t zeros[SEGMENT_PAGE];

enum hufu_err segment_clear(int fd, uint64_t at, uint64_t len)
{
    struct iovec iov[256];
    enum hufu_err err = HUFU_OK;

    while (len > 0 && err == HUFU_OK) {
        size_t count = 0;
        uint64_t piece = 0;

        for (; count < sizeof(iov) / sizeof(iov[0]) && piece < len; count++) {
            size_t n = len - piece < sizeof(zeros) ? (size_t)(len - piece) : sizeof(zeros);

            iov[count] = part_of(view_of(zeros, n));
            piece += n;
        }
        err = write_all(fd, iov, count, at);
        at += piece;
        len -= piece;
    }
    if (err != HUFU_OK)
        return err;
    return fdatasync(fd) == 0 ? HUFU_OK : errno_err(errno);
}

/* The header without its checksum. */
static void header_put(struct buf *b, const struct segment *s)
{
    buf_u32(b, FILE_MAGIC);
    buf_u32(b, SEGMENT_FORMAT);
    buf_u64(b, s->number);
    buf_u64(b, s->bytes);
    buf_put(b, s->salt, sizeof(s->salt));
}

/* The checksum is cut to what is left of the header: it guards against accidents only. */
static enum hufu_err header_sum(struct view header, uint8_t out[static SEGMENT_SUM_LEN])
{
    return digest_sha256(&header, 1, out);
}

#define HEADER_SUM_LEN (SEGMENT_HEADER_LEN - 40)

enum hufu_err segment_begin(struct segment *s)
{
    uint8_t mem[SEGMENT_HEADER_LEN], sum[SEGMENT_SUM_LEN];
    struct iovec iov;
    struct buf b;
    enum hufu_err err = entropy_system.fill(&entropy_system, s->salt, sizeof(s->salt));

    if (err != HUFU_OK)
        return err;
    buf_fixed(&b, mem, sizeof(mem));
    header_put(&b, s);
    err = header_sum(buf_view(&b), sum);
    if (err != HUFU_OK)
        return err;
    buf_put(&b, sum, HEADER_SUM_LEN);
    iov = part_of(buf_view(&b));
    err = write_all(s->fd, &iov, 1, 0);
    if (err != HUFU_OK)
        return err;
    s->used = SEGMENT_PAGE;
    s->groups = 0;
    return fdatasync(s->fd) == 0 ? HUFU_OK : errno_err(errno);
}

enum hufu_err segment_load(struct segment *s)
{
    uint8_t mem[SEGMENT_HEADER_LEN], sum[SEGMENT_SUM_LEN];
    struct segment got = { .fd = s->fd, .used = SEGMENT_PAGE };
    struct reader r;
    ssize_t n = pread(s->fd, mem, sizeof(mem), 0);
    off_t end;

    if (n != (ssize_t)sizeof(mem))
        return n < 0 ? HUFU_IO : HUFU_CORRUPT;
    end = lseek(s->fd, 0, SEEK_END);
    if (end < 0 || header_sum(view_of(mem, sizeof(mem) - HEADER_SUM_LEN), sum) != HUFU_OK)
        return HUFU_IO;
    reader_init(&r, mem, sizeof(mem));
    if (reader_u32(&r) != FILE_MAGIC || reader_u32(&r) != SEGMENT_FORMAT)
        return HUFU_CORRUPT;
    got.number = reader_u64(&r);
    got.bytes = reader_u64(&r);
    reader_copy(&r, got.salt, sizeof(got.salt));
    if (!view_equal(reader_take(&r, HEADER_SUM_LEN), view_of(sum, HEADER_SUM_LEN)) ||
        got.bytes != (uint64_t)end || got.bytes <= SEGMENT_PAGE)
        return HUFU_CORRUPT;
    *s = got;
    return HUFU_OK;
}

static uint64_t body_len(const struct segment_group *g)
{
    return (uint64_t)g->item_count * SEGMENT_ITEM_LEN + g->lines.len + g->writes.len + g->metas.len;
}

static uint64_t pages_up(uint64_t bytes)
{
    return (bytes + SEGMENT_PAGE - 1) / SEGMENT_PAGE * SEGMENT_PAGE;
}

uint64_t segment_need(const struct segment_group *g)
{
    return pages_up(SEGMENT_GROUP_LEN + body_len(g));
}

/* What stands before the checksum. */
static void group_head_put(struct buf *b, const struct segment_group *g)
{
    static const uint8_t none[SEGMENT_DIGEST_LEN];

    buf_u32(b, SEGMENT_GROUP_MAGIC);
    buf_u32(b, (uint32_t)body_len(g));
    buf_u64(b, g->number);
    buf_u64(b, g->first_seq);
    buf_u64(b, g->now_ms);
    buf_u32(b, (uint32_t)g->item_count);
    buf_u32(b, (uint32_t)g->meta_count);
    buf_u32(b, (uint32_t)g->lines.len);
    buf_u32(b, (uint32_t)g->writes.len);
    buf_u32(b, g->digest ? 1 : 0);
    buf_put(b, g->digest ? g->digest : none, SEGMENT_DIGEST_LEN);
}

enum hufu_err segment_sum(const struct segment *s, struct view head, const struct view *body,
                          size_t body_count, uint8_t out[static SEGMENT_SUM_LEN])
{
    struct view part[2 + PARTS_MAX] = { view_of(s->salt, sizeof(s->salt)), head };

    for (size_t i = 0; i < body_count; i++)
        part[2 + i] = body[i];
    return digest_sha256(part, 2 + body_count, out);
}

/* Lays header and table of items into scratch. */
static enum hufu_err group_lay(const struct segment *s, const struct segment_group *g,
                               struct buf *scratch)
{
    uint8_t sum[SEGMENT_SUM_LEN], *gap;
    struct view body[4];
    enum hufu_err err;

    buf_reset(scratch);
    group_head_put(scratch, g);
    (void)buf_space(scratch, SEGMENT_SUM_LEN);
    for (size_t i = 0; i < g->item_count; i++) {
        buf_u32(scratch, (uint32_t)g->item[i].line_end);
        buf_u32(scratch, (uint32_t)g->item[i].writes_end);
    }
    if (buf_check(scratch) != HUFU_OK)
        return HUFU_NOMEM;
    gap = scratch->p + SEGMENT_HEAD_LEN;
    body[0] = view_of(gap + SEGMENT_SUM_LEN, scratch->len - SEGMENT_GROUP_LEN);
    body[1] = g->lines;
    body[2] = g->writes;
    body[3] = g->metas;
    err = segment_sum(s, view_of(scratch->p, SEGMENT_HEAD_LEN), body, 4, sum);
    if (err == HUFU_OK)
        memcpy(gap, sum, sizeof(sum));
    return err;
}

enum hufu_err segment_write(struct segment *s, const struct segment_group *g, struct buf *scratch)
{
    uint64_t len = SEGMENT_GROUP_LEN + body_len(g), need = segment_need(g);
    struct iovec iov[PARTS_MAX];
    enum hufu_err err;
    bool some;

    if (len > BODY_MAX || need > s->bytes - s->used)
        return HUFU_RANGE;
    err = group_lay(s, g, scratch);
    if (err != HUFU_OK)
        return err;
    iov[0] = part_of(buf_view(scratch));
    iov[1] = part_of(g->lines);
    iov[2] = part_of(g->writes);
    iov[3] = part_of(g->metas);
    iov[4] = part_of(view_of(zeros, (size_t)(need - len))); /* whole pages: none is read first */
    err = write_some(s->fd, iov, PARTS_MAX, s->used, &some);
    if (err != HUFU_OK)
        return some ? HUFU_IO : err; /* what is there may be all but the zeros behind it */
    if (fdatasync(s->fd) != 0)
        return HUFU_IO; /* whatever it was: it is never tried again */
    if (s->groups++ == 0)
        s->first_seq = g->first_seq;
    s->used += need;
    s->end_seq = g->first_seq + g->item_count;
    s->end_group = g->number + 1;
    return HUFU_OK;
}

enum hufu_err segment_affirm(const struct segment *s, uint64_t at)
{
    size_t len = (size_t)(s->used - at);
    uint8_t *bytes = malloc(len);
    struct iovec iov = { bytes, len };
    enum hufu_err err = HUFU_IO;

    if (!bytes)
        return HUFU_NOMEM;
    if (pread(s->fd, bytes, len, (off_t)at) == (ssize_t)len)
        err = write_all(s->fd, &iov, 1, at);
    if (err == HUFU_OK && fdatasync(s->fd) != 0)
        err = HUFU_IO;
    free(bytes);
    return err;
}
