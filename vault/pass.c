#include "vault/pass.h"

#include <string.h>

#include "vault/handle.h"
#include "vault/keeper.h"

#define COUNT_ROWS  4096 /* looked at by one piece */
#define CHUNK_MAX   256  /* rewritten by one: larger ones are felt by the commits beside them */
#define CHUNK_MIN   16
#define LOOK_MAX    1024 /* visited by one of a walk that has found nothing to change so far */
#define LOOK_SHARE  8    /* rows that were only looked at count as one that was changed */
#define CHUNKS_S    50   /* pieces a second, so that the rate is even */
#define CATCH_UP_MS 100

struct pass *pass_find(struct keeper *k, const uint8_t id[static ID_LEN], uint64_t seq)
{
    struct pass *unused = NULL;

    for (size_t i = 0; i < PROGRESS_MAX; i++) {
        struct pass *p = &k->pass[i];

        if (p->used && memcmp(p->id, id, ID_LEN) == 0) { /* ids are not secret */
            if (p->seq == seq)
                return p;
            p->used = false;
        }
        if (!p->used && unused == NULL)
            unused = p;
    }
    if (unused == NULL)
        return NULL;
    *unused = (struct pass){ .used = true, .seq = seq };
    memcpy(unused->id, id, ID_LEN);
    return unused;
}

void pass_drop(struct keeper *k, const uint8_t id[static ID_LEN])
{
    for (size_t i = 0; i < PROGRESS_MAX; i++)
        if (k->pass[i].used && memcmp(k->pass[i].id, id, ID_LEN) == 0)
            k->pass[i].used = false;
    progress_drop(&k->core->progress, id);
}

struct count { /* what one piece of counting hands to each row */
    struct pass *pass;
    const struct pass_work *work;
};

static bool count_row(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct count *count = arg;

    (void)seq;
    count->pass->total++;
    count->pass->done += count->work->is_done(count->work->arg, key, image);
    return true;
}

static enum hufu_err count_piece(struct keeper *k, struct pass *pass, const struct pass_work *work)
{
    struct count count = { pass, work };
    struct view from = view_of(pass->next, pass->next_len);
    uint8_t mem[STORE_KEY_MAX];
    struct buf next;
    enum hufu_err err;

    buf_fixed(&next, mem, sizeof(mem));
    if (pass->next_len == 0)
        from = work->prefix;
    err = store_scan(k->w.reader, work->prefix, from, COUNT_ROWS, count_row, &count, &next);
    if (err != HUFU_OK)
        return err;
    memcpy(pass->next, mem, next.len);
    pass->next_len = next.len;
    pass->counted = next.len == 0;
    return HUFU_OK;
}

struct chunk {
    struct store_rewrite job;
    const struct pass_work *work;
    struct keeper *k;
};

static void chunk_done(struct store_rewrite *job)
{
    struct chunk *chunk = job->arg;

    keeper_settle(chunk->k);
}

static enum hufu_err chunk_each(void *arg, struct rewrite *rw, struct view key, uint64_t seq,
                                struct view image)
{
    struct chunk *chunk = arg;

    return chunk->work->each(chunk->work->arg, rw, key, seq, image);
}

/* True where the log has not grown since the last call: nobody waits behind a larger chunk. */
static bool is_alone(struct keeper *k, struct pass *pass)
{
    uint64_t before = pass->log_size;
    struct store_numbers n;

    store_numbers(k->core->store, &n);
    pass->log_size = n.seq;
    return n.seq == before;
}

/* Rows of a chunk that is due now; 0: it is not, and the keeper is told when to come back. */
static size_t rows_due(struct keeper *k, struct pass *pass)
{
    uint64_t rate = conf_u64(k->core->conf, CONF_ROWS_S), now = core_boot(k->core);
    uint64_t rows = rate / CHUNKS_S, most = CHUNK_MAX;

    if (pass->full_walk && pass->changed == 0) { /* the last walk, which only makes sure */
        most = LOOK_MAX;
        rows *= LOOK_SHARE;
    }
    if (is_alone(k, pass))
        most = LOOK_MAX;
    if (rate == 0)
        return (size_t)most;
    if (now < pass->due_boot_ms) {
        uint64_t left = pass->due_boot_ms - now;

        k->pause_ms = left < k->pause_ms ? left : k->pause_ms;
        return 0;
    }
    rows = rows < CHUNK_MIN ? CHUNK_MIN : rows;
    return (size_t)(rows > most ? most : rows);
}

/* What a pause left out is not made up for. */
static void pace(struct keeper *k, struct pass *pass, const struct store_rewrite *job)
{
    uint64_t rate = conf_u64(k->core->conf, CONF_ROWS_S), now = core_boot(k->core);
    uint64_t looked = job->visited > job->changed ? job->visited - job->changed : 0;

    if (rate == 0)
        return;
    if (pass->due_boot_ms + CATCH_UP_MS < now)
        pass->due_boot_ms = now - CATCH_UP_MS;
    pass->owed += (job->changed + looked / LOOK_SHARE) * 1000;
    pass->due_boot_ms += pass->owed / rate;
    pass->owed %= rate;
}

static enum pass_state judge_chunk(struct pass *pass, const struct store_rewrite *job)
{
    bool over;

    pass->walked += job->visited;
    pass->changed += job->changed;
    pass->done += job->changed;
    if (!job->ended)
        return PASS_ON;
    /* A walk that began where a restart had left it proves nothing about the rows before. */
    over = pass->full_walk && pass->changed == 0;
    if (!over)
        pass->walked = pass->damaged = 0;
    pass->full_walk = true;
    pass->changed = 0;
    return over ? PASS_OVER : PASS_ON;
}

static enum hufu_err write_piece(struct keeper *k, struct pass *pass, const struct pass_work *work,
                                 enum pass_state *out)
{
    struct chunk chunk = { .work = work, .k = k };
    struct store_rewrite *job = &chunk.job;
    enum hufu_err err;

    *out = PASS_WAIT;
    *job = (struct store_rewrite){ .prefix = work->prefix,
                                   .name = work->name,
                                   .rows_max = rows_due(k, pass),
                                   .each = chunk_each,
                                   .done = chunk_done,
                                   .arg = &chunk };
    if (job->rows_max == 0)
        return HUFU_OK;
    k->settled = false;
    err = store_rewrite(k->core->store, job);
    if (err != HUFU_OK)
        return err == HUFU_BUSY ? HUFU_OK : err;
    keeper_wait(k);
    if (job->err == HUFU_FULL || job->err == HUFU_NOMEM || job->err == HUFU_EXHAUSTED)
        return HUFU_OK; /* no room, or a lease is due: tried again */
    if (job->err != HUFU_OK)
        return job->err;
    pace(k, pass, job);
    *out = judge_chunk(pass, job);
    return HUFU_OK;
}

enum hufu_err pass_piece(struct keeper *k, struct pass *pass, const struct pass_work *work,
                         enum pass_state *out)
{
    enum hufu_err err = HUFU_OK;

    *out = PASS_ON;
    if (!pass->counted)
        err = count_piece(k, pass, work);
    else if (work->each == NULL)
        *out = PASS_OVER;
    else
        err = write_piece(k, pass, work, out);
    if (pass->done > pass->total) /* what was changed beside us is counted twice */
        pass->total = pass->done;
    if (err == HUFU_OK)
        progress_set(&k->core->progress, pass->id, pass->done,
                     work->is_first_half ? 2 * pass->total : pass->total);
    return err;
}
