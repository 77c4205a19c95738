#include "vault/store/lmdb_store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "vault/store/group.h"
#include "vault/store/map_chunk.h"

static struct lmdb_store *store_of(struct store *s)
{
    return (struct lmdb_store *)s;
}

static enum hufu_err draft_submit(struct store *base, struct store_draft *draft)
{
    struct lmdb_store *s = store_of(base);
    enum hufu_err err;

    if (!atomic_load(&s->sound))
        return HUFU_UNAVAILABLE;
    draft->err = HUFU_UNAVAILABLE;
    err = queue_put(&s->queue, &draft->node);
    return err == HUFU_CLOSED ? HUFU_UNAVAILABLE : err;
}

static bool journal_step(struct store *s)
{
    return group_step(store_of(s));
}

static void journal_wait(struct store *base)
{
    struct lmdb_store *s = store_of(base);

    queue_wait(&s->queue, 0);
    if (atomic_load(&s->sound))
        recent_wait_room(&s->recent);
}

static bool map_step(struct store *s, bool force)
{
    return flush_step(store_of(s), force);
}

static void map_wait(struct store *s)
{
    flush_wait(store_of(s));
}

static void hurry(struct store *s, uint64_t seq)
{
    recent_hurry(&store_of(s)->recent, seq);
}

static void store_end(struct store *base)
{
    struct lmdb_store *s = store_of(base);

    queue_close(&s->queue);
    recent_stop(&s->recent);
    lmdb_rewrite_stop(s);
}

static bool is_sound(struct store *s)
{
    return atomic_load(&store_of(s)->sound);
}

static void log_give(struct store *base, struct merkle *out)
{
    struct lmdb_store *s = store_of(base);

    pthread_mutex_lock(&s->seen_mu);
    *out = s->log;
    pthread_mutex_unlock(&s->seen_mu);
}

static void numbers_give(struct store *base, struct store_numbers *out)
{
    struct lmdb_store *s = store_of(base);
    struct recent_numbers recent;

    recent_count(&s->recent, &recent);
    pthread_mutex_lock(&s->seen_mu);
    *out = s->counted;
    pthread_mutex_unlock(&s->seen_mu);
    out->seq = recent.size;
    out->applied = recent.applied;
    out->recent_rows = recent.rows;
    out->recent_bytes = recent.bytes;
    out->map_file_bytes = env_file_bytes(s->map.env);
    out->journal_file_bytes = journal_bytes(&s->journal);
    out->trimmed = journal_trimmed(&s->journal);
    out->queued = queue_count(&s->queue);
}

static uint64_t made_give(struct store *base, enum store_table table, uint32_t id)
{
    return census_find(&store_of(base)->census, (uint64_t)table << 32 | id);
}

static void store_free(struct store *base)
{
    struct lmdb_store *s = store_of(base);

    queue_close(&s->queue);
    lmdb_rewrite_stop(s);
    group_refuse(s);
    lmdb_reader_done(&s->judge);
    group_free(s->group);
    recent_done(&s->recent);
    resident_done(&s->resident);
    census_done(&s->census);
    map_close(&s->map);
    journal_close(&s->journal);
    queue_done(&s->queue);
    pthread_mutex_destroy(&s->journal_mu);
    pthread_mutex_destroy(&s->seen_mu);
    pthread_mutex_destroy(&s->rewrite_mu);
    if (s->lock_fd >= 0)
        close(s->lock_fd); /* gives the lock back, last of all */
    free(s);
}

static const struct store_ops lmdb_ops = {
    .close = store_free,
    .reader_new = lmdb_reader_new,
    .reader_free = lmdb_reader_free,
    .find = lmdb_find,
    .scan = lmdb_scan,
    .submit = draft_submit,
    .journal_step = journal_step,
    .map_step = map_step,
    .journal_wait = journal_wait,
    .map_wait = map_wait,
    .hurry = hurry,
    .stop = store_end,
    .is_sound = is_sound,
    .digest_check = lmdb_digest_check,
    .digest_start = lmdb_digest_start,
    .log = log_give,
    .meta = lmdb_meta,
    .entries = lmdb_entries,
    .hashes = lmdb_hashes,
    .numbers = numbers_give,
    .made = made_give,
    .rewrite = lmdb_rewrite,
    .rewrite_find = map_chunk_find,
    .rewrite_put = map_chunk_put,
    .rewrite_remove = map_chunk_remove,
};

/* LMDB in two processes would be safe, two journal threads would not. */
static enum hufu_err lock_take(const char *dir, int *fd_out)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/lock", dir), fd, err;

    if (n < 0 || (size_t)n >= sizeof(path))
        return HUFU_IO;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return HUFU_IO;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        err = errno;
        close(fd);
        return err == EWOULDBLOCK ? HUFU_BUSY : HUFU_IO;
    }
    *fd_out = fd;
    return HUFU_OK;
}

static enum hufu_err parts_open(struct lmdb_store *s, const char *dir)
{
    const struct store_settings *set = &s->set;
    uint64_t applied = 0;
    enum hufu_err err = lock_take(dir, &s->lock_fd);

    if (err == HUFU_OK)
        err = group_new(&s->group);
    if (err == HUFU_OK)
        err = journal_open(dir, set->file_bytes, set->segment_bytes, &s->journal);
    if (err == HUFU_OK)
        err = map_open(dir, set->file_bytes, &s->map, &applied);
    if (err == HUFU_OK && applied > s->journal.state.log.size)
        err = HUFU_CORRUPT; /* a map that is newer than its journal */
    if (err == HUFU_OK)
        err =
            recent_init(&s->recent, applied, set->recent_bytes, set->generation_ops, set->flush_ms);
    if (err == HUFU_OK)
        err = replay_run(s);
    s->log = s->journal.state.log;
    return err;
}

enum hufu_err store_open_lmdb(const struct store_settings *settings, struct store **out)
{
    struct lmdb_store *s;
    enum hufu_err err;

    assert(settings->generation_ops > 0 && settings->slice_ops > 0 && settings->queue_max > 0);
    s = calloc(1, sizeof(*s));
    if (!s)
        return HUFU_NOMEM;
    s->base.ops = &lmdb_ops;
    s->set = *settings;
    s->set.dir = NULL;
    s->lock_fd = -1;
    s->journal.segs = (struct segments)SEGMENTS_NONE;
    s->judge.store = s;
    atomic_init(&s->sound, true);
    pthread_mutex_init(&s->journal_mu, NULL);
    pthread_mutex_init(&s->seen_mu, NULL);
    pthread_mutex_init(&s->rewrite_mu, NULL);
    queue_init(&s->queue, settings->queue_max);
    census_init(&s->census);
    err = resident_init(&s->resident);
    if (err == HUFU_OK)
        err = parts_open(s, settings->dir);
    if (err != HUFU_OK) {
        store_free(&s->base);
        return err;
    }
    *out = &s->base;
    return HUFU_OK;
}

void lmdb_break(struct lmdb_store *s)
{
    atomic_store(&s->sound, false);
    recent_break(&s->recent);
}
