#include "vault/store/segments.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The number of a segment's name; false for other names. */
static bool name_parse(const char *name, uint64_t *number_out)
{
    char again[SEGMENTS_NAME_MAX];
    uint64_t number;

    if (sscanf(name, "segment-%16" SCNx64, &number) != 1)
        return false;
    segments_name(number, again);
    if (strcmp(name, again) != 0)
        return false;
    *number_out = number;
    return true;
}

static enum hufu_err older_room(struct segments *s)
{
    size_t cap = s->older_cap ? s->older_cap * 2 : 16;
    struct segment *grown;

    if (s->older_count < s->older_cap)
        return HUFU_OK;
    grown = realloc(s->older, cap * sizeof(*grown));
    if (!grown)
        return HUFU_NOMEM;
    s->older = grown;
    s->older_cap = cap;
    return HUFU_OK;
}

static int by_number(const void *a, const void *b)
{
    const struct segment *x = a, *y = b;

    return (x->number > y->number) - (x->number < y->number);
}

static enum hufu_err file_load(struct segments *s, const char *name, uint64_t number)
{
    struct segment got = { .fd = openat(s->dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW) };
    enum hufu_err err = got.fd < 0 ? HUFU_IO : segment_load(&got);

    if (err == HUFU_OK && got.number != number)
        err = HUFU_CORRUPT;
    if (err == HUFU_OK)
        err = older_room(s);
    if (err != HUFU_OK) {
        if (got.fd >= 0)
            close(got.fd);
        return err;
    }
    s->older[s->older_count++] = got;
    s->bytes += got.bytes;
    return HUFU_OK;
}

/* All segments go into older first; segments_each sorts out which they are. */
static enum hufu_err folder_load(struct segments *s)
{
    enum hufu_err err = HUFU_OK;
    int fd = dup(s->dir_fd);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *at;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return HUFU_IO;
    }
    rewinddir(dir);
    errno = 0;
    while (err == HUFU_OK && (at = readdir(dir)) != NULL) {
        uint64_t number;

        if (name_parse(at->d_name, &number))
            err = file_load(s, at->d_name, number);
        errno = 0;
    }
    if (err == HUFU_OK && errno != 0)
        err = HUFU_IO;
    closedir(dir);
    if (s->older_count > 0)
        qsort(s->older, s->older_count, sizeof(*s->older), by_number);
    for (size_t i = 1; i < s->older_count && err == HUFU_OK; i++)
        if (s->older[i].number != s->older[i - 1].number + 1)
            err = HUFU_CORRUPT;
    return err;
}

static struct segment ready_take(struct segments *s)
{
    struct segment first = s->ready[0];

    s->ready_count--;
    memmove(s->ready, s->ready + 1, s->ready_count * sizeof(s->ready[0]));
    return first;
}

enum hufu_err segments_open(const char *dir, uint64_t bytes_each, uint64_t bytes_max,
                            struct segments *s)
{
    enum hufu_err err = HUFU_IO;

    *s = (struct segments){ .dir_fd = -1,
                            .bytes_each = bytes_each,
                            .bytes_max = bytes_max,
                            .current.fd = -1,
                            .making.fd = -1 };
    atomic_init(&s->wanted, false);
    if (pthread_mutex_init(&s->mu, NULL) != 0)
        return HUFU_NOMEM;
    s->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir_fd < 0 || (unlinkat(s->dir_fd, SEGMENTS_MAKING, 0) != 0 && errno != ENOENT))
        goto out;
    err = folder_load(s);
    if (err != HUFU_OK)
        goto out;
    if (s->older_count > 0) {
        s->next_number = s->older[s->older_count - 1].number + 1;
    } else {
        err = segments_make_whole(s, bytes_each);
        if (err == HUFU_OK)
            s->current = ready_take(s);
    }
out:
    if (err != HUFU_OK)
        segments_close(s);
    return err;
}

bool segments_are_new(const struct segments *s)
{
    return s->older_count == 0 && s->current.number == 0 && s->current.groups == 0;
}

void segments_close(struct segments *s)
{
    if (s->dir_fd < 0 && s->older == NULL && s->current.fd < 0)
        return;
    for (size_t i = 0; i < s->older_count; i++)
        close(s->older[i].fd);
    for (size_t i = 0; i < s->ready_count; i++)
        close(s->ready[i].fd);
    if (s->current.fd >= 0)
        close(s->current.fd);
    if (s->making.fd >= 0)
        close(s->making.fd);
    if (s->dir_fd >= 0)
        close(s->dir_fd);
    free(s->older);
    pthread_mutex_destroy(&s->mu);
    *s = (struct segments)SEGMENTS_NONE;
}

static enum hufu_err segment_each(struct segment *seg, bool trusts, uint64_t *last_out,
                                  enum hufu_err (*each)(void *arg, const struct segment_group *g),
                                  void *arg)
{
    struct segment_walk w = { 0 };
    struct segment_group g;
    enum hufu_err err = segment_walk_begin(&w, seg);

    w.trusts = trusts;
    while (err == HUFU_OK) {
        uint64_t at = w.at;

        err = segment_walk_next(&w, &g);
        if (err == HUFU_OK && !trusts) {
            if (seg->groups++ == 0)
                seg->first_seq = g.first_seq;
            seg->used = w.at;
            seg->end_seq = g.first_seq + g.item_count;
            seg->end_group = g.number + 1;
            *last_out = at;
        }
        if (err == HUFU_OK)
            err = each(arg, &g);
    }
    segment_walk_end(&w);
    return err == HUFU_NOT_FOUND ? HUFU_OK : err;
}

/* One without groups behind the current one and those that are ready, the last one first: at no
 * time may there be a gap. */
static enum hufu_err spare_drop(struct segments *s, const struct segment *spare)
{
    char name[SEGMENTS_NAME_MAX];

    segments_name(spare->number, name);
    s->bytes -= spare->bytes;
    close(spare->fd);
    return unlinkat(s->dir_fd, name, 0) == 0 ? segments_sync(s) : HUFU_IO;
}

/* The last one with groups is current; the groups of those before it are older operations. */
static enum hufu_err current_find(struct segments *s, uint64_t last)
{
    size_t at = s->older_count;
    enum hufu_err err = HUFU_OK;

    while (at > 1 && s->older[at - 1].groups == 0)
        at--;
    s->current = s->older[at - 1];
    for (size_t i = at; i < s->older_count && s->ready_count < SEGMENTS_READY; i++)
        s->ready[s->ready_count++] = s->older[i];
    while (s->older_count > at + s->ready_count && err == HUFU_OK)
        err = spare_drop(s, &s->older[--s->older_count]);
    s->older_count = at;
    for (size_t i = at; i > 0; i--)
        if (s->older[i - 1].groups > 0)
            s->first = s->older[i - 1].first_seq;
    s->older_count--;
    if (err != HUFU_OK)
        return err;
    if (s->ready_count > 0)
        s->next_number = s->ready[s->ready_count - 1].number + 1;
    else
        s->next_number = s->current.number + 1;
    return s->current.groups > 0 ? segment_affirm(&s->current, last) : HUFU_OK;
}

enum hufu_err segments_each(struct segments *s,
                            enum hufu_err (*each)(void *arg, const struct segment_group *g),
                            void *arg)
{
    bool trusts = s->current.fd >= 0;
    uint64_t last = 0;
    enum hufu_err err = HUFU_OK;

    for (size_t i = 0; i < s->older_count && err == HUFU_OK; i++)
        err = segment_each(&s->older[i], trusts, &last, each, arg);
    if (trusts && err == HUFU_OK)
        err = segment_each(&s->current, trusts, &last, each, arg);
    return err == HUFU_OK && !trusts ? current_find(s, last) : err;
}

/* Makes a ready segment of at least that many bytes the current one; mu is held. */
static enum hufu_err turn(struct segments *s, uint64_t bytes)
{
    enum hufu_err err;

    do {
        err = older_room(s);
        if (err == HUFU_OK && s->ready_count == 0)
            err = segments_make_whole(s, bytes);
        if (err != HUFU_OK)
            return err;
        s->older[s->older_count++] = s->current;
        s->current = ready_take(s);
    } while (s->current.bytes < bytes); /* one without groups is retired in its turn */
    atomic_store(&s->wanted, false);
    s->tight = s->bytes_max != 0 && s->bytes > s->bytes_max / 2;
    return HUFU_OK;
}

enum hufu_err segments_turn(struct segments *s, uint64_t need)
{
    uint64_t bytes = need + SEGMENT_PAGE;
    enum hufu_err err;

    if (need == 0 && s->current.groups == 0)
        return HUFU_OK;
    pthread_mutex_lock(&s->mu);
    err = turn(s, bytes > s->bytes_each ? bytes : s->bytes_each);
    pthread_mutex_unlock(&s->mu);
    return err;
}

enum hufu_err segments_write(struct segments *s, const struct segment_group *g, struct buf *scratch)
{
    uint64_t need = segment_need(g);
    enum hufu_err err = HUFU_OK;

    if (need > s->current.bytes - s->current.used)
        err = segments_turn(s, need);
    if (err == HUFU_OK)
        err = segment_write(&s->current, g, scratch);
    if (s->current.used > s->current.bytes / 4 && !atomic_exchange(&s->wanted, true))
        s->asks = true;
    return err == HUFU_RANGE ? HUFU_FULL : err;
}

/* Takes the oldest out of the row: it is cleared for its next life, or one too many. */
static enum hufu_err retire(struct segments *s)
{
    struct segment old = s->older[0];
    bool again = s->making.fd < 0 && s->ready_count < SEGMENTS_READY && old.bytes == s->bytes_each;
    char name[SEGMENTS_NAME_MAX];
    int rc;

    segments_name(old.number, name);
    rc = again ? renameat(s->dir_fd, name, s->dir_fd, SEGMENTS_MAKING)
               : unlinkat(s->dir_fd, name, 0);
    if (rc != 0)
        return HUFU_IO;
    if (old.groups > 0)
        s->first = old.end_seq;
    s->older_count--;
    memmove(s->older, s->older + 1, s->older_count * sizeof(*s->older));
    if (again) {
        s->making = (struct segment){ .fd = old.fd, .bytes = old.bytes };
    } else {
        close(old.fd);
        s->bytes -= old.bytes;
    }
    if (segments_sync(s) == HUFU_OK)
        return HUFU_OK;
    if (again) { /* no byte of it may change: its old name may come back */
        close(s->making.fd);
        s->making.fd = -1;
    }
    return HUFU_IO;
}

enum hufu_err segments_retire(struct segments *s, uint64_t group, uint64_t seq)
{
    enum hufu_err err = HUFU_OK;

    pthread_mutex_lock(&s->mu);
    while (err == HUFU_OK && s->older_count > 0 && s->older[0].end_group <= group &&
           s->older[0].end_seq <= seq)
        err = retire(s);
    pthread_mutex_unlock(&s->mu);
    return err;
}

uint64_t segments_first(struct segments *s)
{
    uint64_t first;

    pthread_mutex_lock(&s->mu);
    first = s->first;
    pthread_mutex_unlock(&s->mu);
    return first;
}

uint64_t segments_bytes(struct segments *s)
{
    uint64_t bytes;

    pthread_mutex_lock(&s->mu);
    bytes = s->bytes;
    pthread_mutex_unlock(&s->mu);
    return bytes;
}
