#include "vault/store/lmdb_store.h"

#define PAUSE_MS 1000u /* after a slice that found no room */

/* Rotation happens between two groups: the journal lock keeps a half published group out. */
static bool flush_begin(struct lmdb_store *s, bool force)
{
    enum hufu_err err = HUFU_BUSY;

    pthread_mutex_lock(&s->journal_mu);
    if (recent_is_due(&s->recent, s->set.clock->boot_ms(s->set.clock), force))
        err = recent_rotate(&s->recent);
    pthread_mutex_unlock(&s->journal_mu);
    if (err == HUFU_NOMEM)
        atomic_store(&s->pause_ms, PAUSE_MS);
    if (err != HUFU_OK)
        return false;
    s->flush_at = generation_seek(s->recent.flushing, (struct view){ 0 }, UINT64_MAX);
    return true;
}

static bool flush_slice(struct lmdb_store *s)
{
    size_t rows = 0;
    enum hufu_err err =
        map_slice(&s->map, s->recent.flushing, (size_t)s->set.slice_ops, &s->flush_at, &rows);

    if (err != HUFU_OK) {
        if (err != HUFU_FULL && err != HUFU_NOMEM)
            lmdb_break(s);
        atomic_store(&s->pause_ms, PAUSE_MS);
        return false;
    }
    atomic_store(&s->pause_ms, 0);
    pthread_mutex_lock(&s->seen_mu);
    s->counted.flushed_rows += rows;
    s->counted.slices++;
    pthread_mutex_unlock(&s->seen_mu);
    if (!s->flush_at)
        recent_retire(&s->recent);
    return true;
}

/* Slices and chunks take turns; where no chunk waits, its turn is a slice's. A slice that failed
 * gives up its turn too: the chunk may be a purge that makes room. */
bool flush_step(struct lmdb_store *s, bool force)
{
    if (!atomic_load(&s->sound))
        return lmdb_rewrite_step(s); /* which refuses what waits */
    if (s->chunk_next && lmdb_rewrite_step(s)) {
        s->chunk_next = false;
        return true;
    }
    /* flushing changes in this thread's calls only, so it may be read without the lock */
    if (s->recent.flushing) {
        s->chunk_next = true;
        return flush_slice(s);
    }
    return flush_begin(s, force) || lmdb_rewrite_step(s);
}

void flush_wait(struct lmdb_store *s)
{
    uint64_t pause_ms = atomic_load(&s->pause_ms);

    if (!atomic_load(&s->sound))
        recent_pause(&s->recent, UINT64_MAX);
    else if (pause_ms > 0)
        recent_pause(&s->recent, pause_ms);
    else
        recent_wait_due(&s->recent, s->set.clock->boot_ms(s->set.clock), UINT64_MAX);
}
