#include "vault/store/group.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GROUP_BYTES_MAX (8u << 20)   /* lines and writes from which on no further draft is taken */
#define GROUP_ROWS_MAX  16384u       /* rows likewise */
#define BUFFER_MAX      (256u << 20) /* lines or writes of one group, its last draft included */

/* The node is the draft's first member. */
static struct store_draft *draft_of(struct qnode *n)
{
    return (struct store_draft *)n;
}

enum hufu_err group_new(struct group **out)
{
    struct group *g = calloc(1, sizeof(*g));

    if (!g)
        return HUFU_NOMEM;
    g->tail = &g->first;
    buf_init(&g->lines, BUFFER_MAX);
    buf_init(&g->writes, BUFFER_MAX);
    *out = g;
    return HUFU_OK;
}

void group_free(struct group *g)
{
    if (!g)
        return;
    overlay_done(&g->overlay);
    buf_done(&g->lines);
    buf_done(&g->writes);
    free(g->item);
    free(g->meta);
    free(g->resident);
    free(g);
}

static void group_begin(struct lmdb_store *s, struct group *g)
{
    uint64_t now_ms = s->set.clock->now_ms(s->set.clock);

    g->held = now_ms < s->journal.state.last_ms;
    g->now_ms = g->held ? s->journal.state.last_ms : now_ms;
    memcpy(g->digest, s->sum, sizeof(g->digest));
    recent_take(&s->recent, &g->view);
    g->start = group_mark_set(g);
}

static void group_take(struct lmdb_store *s, struct group *g)
{
    while (g->lines.len + g->writes.len < GROUP_BYTES_MAX && g->overlay.count < GROUP_ROWS_MAX) {
        struct qnode *n = queue_take(&s->queue);

        if (!n)
            break;
        group_add(s, g, draft_of(n));
        if (draft_of(n)->closes_group)
            break;
    }
}

static uint64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Every group's digest goes with the log as it is behind it: neither can be put back alone. */
static enum hufu_err vouch(void *arg, const struct merkle *log,
                           uint8_t out[static SEGMENT_DIGEST_LEN])
{
    struct lmdb_store *s = arg;

    return s->has_sum ? lmdb_digest_vouch(s, s->group->digest, log, out) : HUFU_SEALED;
}

static enum hufu_err group_append(struct lmdb_store *s, struct group *g)
{
    struct journal_group out = { .item = g->item,
                                 .item_count = g->item_count,
                                 .lines = buf_view(&g->lines),
                                 .writes = buf_view(&g->writes),
                                 .meta = g->meta,
                                 .meta_count = g->meta_count,
                                 .now_ms = g->now_ms,
                                 .applied = g->view.applied,
                                 .idle = g->trims,
                                 .vouch = s->journal.state.has_digest ? vouch : NULL,
                                 .arg = s };

    return journal_append(&s->journal, &out);
}

/* Rows of one domain stand together, mostly. */
static void made_count(struct lmdb_store *s, const struct group *g)
{
    struct census_sum made = { 0 };

    for (size_t i = 0; i < g->overlay.count; i++) {
        uint64_t id = g->overlay.row[i]->made ? census_id(generation_key(g->overlay.row[i])) : 0;

        if (id == 0)
            continue;
        if (id != made.id && made.id != 0)
            census_add(&s->census, made.id, made.rows);
        made = (struct census_sum){ id, id == made.id ? made.rows + 1 : 1 };
    }
    if (made.id != 0)
        census_add(&s->census, made.id, made.rows);
}

/* Segments go once the map has their operations: it is to have them before there is no room left.
 */
static void room_ask(struct lmdb_store *s)
{
    recent_hurry(&s->recent, s->journal.state.log.size);
    s->journal.segs.tight = false; /* until the next turn */
}

static void group_publish(struct lmdb_store *s, struct group *g, uint64_t took_us)
{
    resident_put(&s->resident, g->resident, g->resident_count);
    g->resident_count = 0;
    memcpy(s->sum, g->digest, sizeof(s->sum));
    recent_publish(&s->recent, g->overlay.row, g->overlay.count, s->journal.state.log.size,
                   g->lines.len, s->set.clock->boot_ms(s->set.clock));
    if (g->trims)
        recent_nudge(&s->recent);
    if (s->journal.segs.tight)
        room_ask(s);
    if (s->journal.segs.asks) /* else the next turn makes one itself, while drafts wait */
        recent_call(&s->recent, true);
    s->journal.segs.asks = false;
    made_count(s, g);
    pthread_mutex_lock(&s->seen_mu);
    s->log = s->journal.state.log;
    s->counted.groups++;
    s->counted.grouped_ops += g->item_count;
    s->counted.commit_us_sum += took_us;
    if (took_us > s->counted.commit_us_max)
        s->counted.commit_us_max = took_us;
    pthread_mutex_unlock(&s->seen_mu);
}

/* One commit for what was accepted; where it fails, nothing was, and no judgement stands: it may
 * have been made against a draft that is gone. */
static void group_commit(struct lmdb_store *s, struct group *g)
{
    uint64_t begun = now_us();
    enum hufu_err err;

    if (g->item_count == 0 && g->meta_count == 0 && !g->trims)
        return;
    err = group_append(s, g);
    if (err == HUFU_OK) {
        group_publish(s, g, now_us() - begun);
        return;
    }
    /* A full disk or map refuses this group only. After anything else nothing is written again:
     * a failed fsync is never retried, a restart looks at what is really there. */
    if (err != HUFU_FULL && err != HUFU_NOMEM && err != HUFU_SEALED)
        lmdb_break(s);
    if (err == HUFU_FULL)
        room_ask(s);
    group_restore(g, &g->start);
    for (struct qnode *n = g->first; n; n = n->next)
        draft_of(n)->err = HUFU_UNAVAILABLE;
}

/* The rows stay in memory while the view is kept, whatever the map thread does meanwhile. */
static void changes_tell(struct lmdb_store *s, const struct group *g)
{
    const struct store_hooks *hooks = &s->set.hooks;

    for (size_t i = 0; i < g->overlay.count; i++) {
        const struct generation_row *row = g->overlay.row[i];
        struct view image = generation_image(row);

        if (!resident_has(generation_key(row)))
            continue;
        if (row->removed)
            image = (struct view){ NULL, 0 };
        hooks->changed(hooks->arg, generation_key(row), row->seq, image);
    }
}

/* The caller may free a draft in done(). */
static bool drafts_finish(struct lmdb_store *s, struct qnode *first)
{
    const struct store_hooks *hooks = &s->set.hooks;
    bool some = first != NULL, several = some && first->next != NULL && hooks->gather != NULL;

    if (several)
        hooks->gather(hooks->arg, true);
    while (first) {
        struct qnode *next = first->next;

        draft_of(first)->done(draft_of(first));
        first = next;
    }
    if (several)
        hooks->gather(hooks->arg, false);
    return some;
}

bool group_refuse(struct lmdb_store *s)
{
    struct qnode *first = queue_take_all(&s->queue, NULL);

    for (struct qnode *n = first; n; n = n->next)
        draft_of(n)->err = HUFU_UNAVAILABLE;
    return drafts_finish(s, first);
}

/* Empties a buffer; one that a large draft has grown gives its memory back. */
static void buffer_empty(struct buf *b)
{
    if (b->cap > 2 * GROUP_BYTES_MAX) {
        buf_done(b);
        buf_init(b, BUFFER_MAX);
    } else {
        buf_reset(b);
    }
}

bool group_step(struct lmdb_store *s)
{
    struct group *g = s->group;
    struct qnode *first;

    if (!atomic_load(&s->sound))
        return group_refuse(s);
    if (queue_count(&s->queue) == 0)
        return false;
    if (recent_is_full(&s->recent)) /* once stopped nobody makes room: who waits must hear of it */
        return queue_is_closed(&s->queue) && group_refuse(s);
    pthread_mutex_lock(&s->journal_mu);
    group_begin(s, g);
    group_take(s, g);
    group_commit(s, g);
    if (g->map_txn)
        lmdb_map_end(&s->judge);
    g->map_txn = NULL;
    pthread_mutex_unlock(&s->journal_mu);

    changes_tell(s, g);
    overlay_cut(&g->overlay, 0); /* it reads the rows' keys, so before they may go */
    recent_drop(&g->view);
    buffer_empty(&g->lines);
    buffer_empty(&g->writes);
    g->item_count = g->meta_count = 0;
    g->trims = false;
    first = g->first;
    g->first = NULL;
    g->tail = &g->first;
    return drafts_finish(s, first);
}
