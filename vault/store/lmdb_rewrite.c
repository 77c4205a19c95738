#include "vault/store/lmdb_store.h"

#include "vault/store/map_chunk.h"

enum hufu_err lmdb_rewrite(struct store *base, struct store_rewrite *job)
{
    struct lmdb_store *s = (struct lmdb_store *)base;
    enum hufu_err err = HUFU_OK;

    if (!atomic_load(&s->sound))
        return HUFU_UNAVAILABLE;
    pthread_mutex_lock(&s->rewrite_mu);
    if (s->rewrite_stopped)
        err = HUFU_UNAVAILABLE;
    else if (s->rewrite)
        err = HUFU_BUSY;
    else
        s->rewrite = job;
    pthread_mutex_unlock(&s->rewrite_mu);
    if (err == HUFU_OK)
        recent_call(&s->recent, true);
    return err;
}

static struct store_rewrite *job_take(struct lmdb_store *s, bool stop)
{
    struct store_rewrite *job;

    pthread_mutex_lock(&s->rewrite_mu);
    job = s->rewrite;
    s->rewrite = NULL;
    if (stop)
        s->rewrite_stopped = true;
    pthread_mutex_unlock(&s->rewrite_mu);
    return job;
}

static void job_answer(struct store_rewrite *job, enum hufu_err err)
{
    job->err = err;
    job->done(job); /* it is the caller's again */
}

static void outcome_clear(struct store_rewrite *job)
{
    job->ended = false;
    job->visited = job->changed = 0;
}

void lmdb_rewrite_stop(struct lmdb_store *s)
{
    struct store_rewrite *job = job_take(s, true);

    if (!job)
        return;
    outcome_clear(job);
    job_answer(job, HUFU_UNAVAILABLE);
}

static enum hufu_err job_run(struct lmdb_store *s, struct store_rewrite *job)
{
    bool lost = false;
    enum hufu_err err;

    outcome_clear(job);
    if (!atomic_load(&s->sound))
        return HUFU_UNAVAILABLE;
    err = map_chunk_run(&s->map, s->base.ops, job, &lost);
    if (lost) {
        lmdb_break(s);
        return HUFU_UNAVAILABLE;
    }
    if (err == HUFU_OK) {
        pthread_mutex_lock(&s->seen_mu);
        s->counted.rewritten += job->changed;
        pthread_mutex_unlock(&s->seen_mu);
    }
    return err;
}

bool lmdb_rewrite_step(struct lmdb_store *s)
{
    struct store_rewrite *job;

    recent_call(&s->recent, false); /* before the look: what comes after it calls again */
    job = job_take(s, false);
    if (!job)
        return false;
    job_answer(job, job_run(s, job));
    return true;
}
