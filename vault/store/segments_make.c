/* How a segment comes to be: cleared piece by piece, then its header, then its name. */
#include "vault/store/segments.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define NAME_FORMAT "segment-%016" PRIx64

void segments_name(uint64_t number, char out[static SEGMENTS_NAME_MAX])
{
    (void)snprintf(out, SEGMENTS_NAME_MAX, NAME_FORMAT, number);
}

enum hufu_err segments_sync(const struct segments *s)
{
    return fsync(s->dir_fd) == 0 ? HUFU_OK : HUFU_IO;
}

static void making_drop(struct segments *s)
{
    if (s->making.fd < 0)
        return;
    close(s->making.fd);
    (void)unlinkat(s->dir_fd, SEGMENTS_MAKING, 0);
    s->bytes -= s->making.bytes;
    s->making.fd = -1;
}

static enum hufu_err making_open(struct segments *s, uint64_t bytes)
{
    int fd;

    if (s->bytes_max != 0 && (bytes > s->bytes_max || s->bytes > s->bytes_max - bytes))
        return HUFU_FULL;
    fd = openat(s->dir_fd, SEGMENTS_MAKING, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                0600);
    if (fd < 0)
        return errno == ENOSPC || errno == EDQUOT   ? HUFU_FULL
               : errno == EMFILE || errno == ENFILE ? HUFU_NOMEM
                                                    : HUFU_IO;
    s->making = (struct segment){ .fd = fd, .bytes = bytes };
    s->bytes += bytes;
    /* Asked for at once: a full disk says so before much is written. Not every one can. */
    if (fallocate(fd, 0, 0, (off_t)bytes) == 0 || (errno != ENOSPC && errno != EDQUOT))
        return HUFU_OK;
    making_drop(s);
    return HUFU_FULL;
}

/* The header last: a file that bears the name of a segment is one. */
static enum hufu_err making_end(struct segments *s)
{
    char name[SEGMENTS_NAME_MAX];
    enum hufu_err err;

    s->making.number = s->next_number;
    segments_name(s->making.number, name);
    err = segment_begin(&s->making);
    if (err != HUFU_OK)
        return err;
    if (renameat(s->dir_fd, SEGMENTS_MAKING, s->dir_fd, name) != 0)
        return HUFU_IO;
    s->ready[s->ready_count++] = s->making;
    s->making.fd = -1;
    s->next_number++;
    return segments_sync(s);
}

/* One piece; mu is held, or nobody else is there yet. Room in ready is the caller's to see to. */
static enum hufu_err make_piece(struct segments *s, uint64_t bytes)
{
    uint64_t left;
    enum hufu_err err = s->making.fd >= 0 ? HUFU_OK : making_open(s, bytes);

    if (err != HUFU_OK)
        return err;
    left = s->making.bytes - s->making.used;
    if (left > SEGMENTS_PIECE)
        left = SEGMENTS_PIECE;
    err = segment_clear(s->making.fd, s->making.used, left);
    s->making.used += left;
    if (err == HUFU_OK && s->making.used == s->making.bytes)
        err = making_end(s);
    if (err != HUFU_OK)
        making_drop(s); /* a full disk needs the room for others */
    return err;
}

enum hufu_err segments_make_whole(struct segments *s, uint64_t bytes)
{
    size_t before = s->ready_count;
    enum hufu_err err = HUFU_OK;

    while (err == HUFU_OK && s->ready_count == before)
        err = make_piece(s, bytes);
    return err;
}

enum hufu_err segments_make(struct segments *s, bool *did_out)
{
    enum hufu_err err = HUFU_OK;

    *did_out = false;
    pthread_mutex_lock(&s->mu);
    if (s->making.fd >= 0 || (atomic_load(&s->wanted) && s->ready_count < SEGMENTS_READY)) {
        err = make_piece(s, s->bytes_each);
        *did_out = err == HUFU_OK;
    }
    pthread_mutex_unlock(&s->mu);
    return err;
}
