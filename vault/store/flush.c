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
    s->archive_until = s->flush_until = tail_groups(&s->journal.tail);
    return true;
}

/* What a step made of the journal or the map came to. False: it is tried again after a pause. */
static bool outcome(struct lmdb_store *s, enum hufu_err err)
{
    if (err == HUFU_OK) {
        atomic_store(&s->pause_ms, 0);
        return true;
    }
    if (err != HUFU_FULL && err != HUFU_NOMEM)
        lmdb_break(s);
    atomic_store(&s->pause_ms, PAUSE_MS);
    return false;
}

/* Upkeep of the journal, where there is some to do: before slices, since it gives room back. */
static bool journal_upkeep(struct lmdb_store *s, bool force)
{
    bool did = false;

    if (recent_nudged(&s->recent) || force)
        s->archive_until = tail_groups(&s->journal.tail);
    if (!outcome(s, journal_tend(&s->journal, s->recent.applied, s->archive_until, &did)))
        return false;
    return did;
}

/* Not before the generation's lines are in the archive: they wait in the same memory, so that an
 * archive that has no room holds back who writes, as a map that has none does. */
static bool flush_slice(struct lmdb_store *s)
{
    size_t rows = 0;
    enum hufu_err err;

    if (s->journal.tail.groups < s->flush_until)
        return false;
    err = map_slice(&s->map, s->recent.flushing, (size_t)s->set.slice_ops, &s->flush_at, &rows);
    if (!outcome(s, err))
        return false;
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
    if (!atomic_load(&s->sound)) {
        (void)recent_nudged(&s->recent);
        return lmdb_rewrite_step(s); /* which refuses what waits */
    }
    if (s->chunk_next && lmdb_rewrite_step(s)) {
        s->chunk_next = false;
        return true;
    }
    /* Forced, what is there now is flushed: what comes meanwhile does not keep that waiting. */
    if (force && !s->recent.flushing && flush_begin(s, true))
        return true;
    if (journal_upkeep(s, force && !s->recent.flushing))
        return true;
    if (!atomic_load(&s->sound))
        return lmdb_rewrite_step(s);
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
