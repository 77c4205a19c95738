#include "vault/store/group.h"

#include <stdlib.h>
#include <string.h>

#include "vault/store/operation.h"

/* The array with room for one element more than count; NULL without memory: it stays as it is. */
static void *array_grow(void *array, size_t *cap, size_t count, size_t each)
{
    size_t want = *cap ? *cap * 2 : 64;
    void *grown;

    if (count < *cap)
        return array;
    grown = realloc(array, want * each);
    if (grown)
        *cap = want;
    return grown;
}

enum hufu_err group_row_add(struct group *g, struct view key, uint64_t seq, struct view image,
                            bool removed)
{
    struct generation_row *row = generation_make(g->view.filling, key, seq, image, removed);

    return row ? overlay_push(&g->overlay, row) : HUFU_NOMEM;
}

static enum hufu_err resident_add(struct group *g, struct view key, uint64_t seq, struct view image,
                                  bool removed)
{
    struct resident_row **rows, *row;

    rows = array_grow(g->resident, &g->resident_cap, g->resident_count, sizeof(*rows));
    if (!rows)
        return HUFU_NOMEM;
    g->resident = rows;
    row = resident_row_new(key, seq, image, removed);
    if (!row)
        return HUFU_NOMEM;
    g->resident[g->resident_count++] = row;
    return HUFU_OK;
}

/* The digest over the resident rows loses the old row and gains the new one. */
static enum hufu_err digest_move(struct lmdb_store *s, struct group *g, struct view key,
                                 uint64_t seq, struct view image, bool removed)
{
    const struct store_hooks *hooks = &s->set.hooks;
    uint8_t one[RESIDENT_SUM_LEN];
    struct view old;
    uint64_t old_seq;
    enum hufu_err err;

    if (!s->journal.state.has_digest)
        return HUFU_OK;
    if (!s->has_sum)
        return HUFU_SEALED;
    if (judge_resident(s, g, key, &old_seq, &old)) {
        err = hooks->digest(hooks->arg, key, old_seq, old, one);
        if (err != HUFU_OK)
            return err;
        resident_sum_take(g->digest, one);
    }
    if (removed)
        return HUFU_OK;
    err = hooks->digest(hooks->arg, key, seq, image, one);
    if (err == HUFU_OK)
        resident_sum_add(g->digest, one);
    return err;
}

/*
 * Says of the row just added that it is the first of its key, where the operation expected that and
 * so it is. Preconditions stand in the order of their writes: *at goes on from the one found last.
 */
static enum hufu_err made_note(struct lmdb_store *s, struct group *g, const struct store_op *op,
                               const struct store_write *w, size_t *at)
{
    uint64_t id = w->image ? census_id(w->key) : 0;
    enum hufu_err err;

    if (id == 0)
        return HUFU_OK;
    for (size_t n = 0; n < op->pre_count; n++, *at = *at + 1 < op->pre_count ? *at + 1 : 0) {
        const struct store_pre *pre = &op->pre[*at];

        if (pre->kind != PRE_ROW || !view_equal(pre->key, w->key))
            continue;
        if (pre->seen.seq != STORE_ABSENT)
            return HUFU_OK;
        err = census_reserve(&s->census, id);
        if (err == HUFU_OK)
            g->overlay.row[g->overlay.count - 1]->made = true;
        return err;
    }
    return HUFU_OK;
}

static enum hufu_err write_add(struct lmdb_store *s, struct group *g, struct store_write *w,
                               uint64_t seq)
{
    bool removed = !w->image;
    struct view image = { 0 };
    enum hufu_err err = HUFU_OK;

    if (!removed) {
        if (w->image_len > STORE_IMAGE_MAX)
            err = HUFU_RANGE;
        image = view_of(w->image, w->image_len);
    }
    if (err == HUFU_OK && resident_has(w->key)) {
        err = digest_move(s, g, w->key, seq, image, removed);
        if (err == HUFU_OK)
            err = resident_add(g, w->key, seq, image, removed);
    }
    return err == HUFU_OK ? group_row_add(g, w->key, seq, image, removed) : err;
}

/* The rows from `first` on, as one operation's writes. */
static void writes_print(struct group *g, size_t first)
{
    operation_begin(&g->writes, g->overlay.count - first);
    for (size_t i = first; i < g->overlay.count; i++) {
        const struct generation_row *row = g->overlay.row[i];
        struct operation_write w = { generation_key(row), generation_image(row), row->removed,
                                     row->made };

        operation_put(&g->writes, &w);
    }
}

static enum hufu_err items_grow(struct group *g)
{
    struct segment_item *item = array_grow(g->item, &g->item_cap, g->item_count, sizeof(*item));

    if (!item)
        return HUFU_NOMEM;
    g->item = item;
    return HUFU_OK;
}

static enum hufu_err op_add(struct lmdb_store *s, struct group *g, struct store_op *op,
                            size_t *at_out)
{
    const struct store_hooks *hooks = &s->set.hooks;
    uint64_t seq = s->journal.state.log.size + g->item_count;
    size_t first = g->overlay.count, at = 0;
    enum hufu_err err = items_grow(g);

    if (err == HUFU_OK)
        err = judge_op(s, g, op, seq, at_out);
    if (err == HUFU_OK)
        err = hooks->seal(hooks->arg, op->write, op->write_count, seq);
    for (size_t i = 0; i < op->write_count && err == HUFU_OK; i++) {
        err = write_add(s, g, &op->write[i], seq);
        if (err == HUFU_OK)
            err = made_note(s, g, op, &op->write[i], &at);
    }
    if (err != HUFU_OK)
        return err;
    writes_print(g, first);
    err = hooks->line(hooks->arg, op->entry, seq, g->now_ms, g->held, &g->lines);
    if (err == HUFU_OK)
        err = buf_check(&g->lines);
    if (err == HUFU_OK)
        err = buf_check(&g->writes);
    if (err != HUFU_OK)
        return err;
    g->item[g->item_count++] = (struct segment_item){ g->lines.len, g->writes.len };
    return HUFU_OK;
}

struct group_mark group_mark_set(const struct group *g)
{
    struct group_mark m = { .memory = generation_mark(g->view.filling),
                            .rows = g->overlay.count,
                            .lines = g->lines.len,
                            .writes = g->writes.len,
                            .items = g->item_count,
                            .metas = g->meta_count,
                            .residents = g->resident_count };

    memcpy(m.digest, g->digest, sizeof(m.digest));
    return m;
}

static void buffer_cut(struct buf *b, size_t len)
{
    b->len = len;
    b->failed = false;
}

void group_restore(struct group *g, const struct group_mark *m)
{
    overlay_cut(&g->overlay, m->rows);
    buffer_cut(&g->lines, m->lines);
    buffer_cut(&g->writes, m->writes);
    while (g->resident_count > m->residents)
        resident_row_drop(g->resident[--g->resident_count]);
    g->item_count = m->items;
    g->meta_count = m->metas;
    memcpy(g->digest, m->digest, sizeof(g->digest));
    generation_rollback(g->view.filling, m->memory);
}

/* Judges all operations before any is sealed: a draft whose last one is refused must not use up
 * seals for the others. What is noted here of their writes is only that they are made. */
static enum hufu_err draft_judge(struct lmdb_store *s, struct group *g, struct store_draft *draft)
{
    struct group_mark mark = group_mark_set(g);
    uint64_t seq = s->journal.state.log.size + g->item_count;
    enum hufu_err err = HUFU_OK;

    for (size_t i = 0; i < draft->op_count && err == HUFU_OK; i++) {
        const struct store_op *op = &draft->op[i];

        draft->failed_op = i;
        err = judge_op(s, g, op, seq + i, &draft->failed_at);
        for (size_t w = 0; w < op->write_count && err == HUFU_OK; w++)
            err = group_row_add(g, op->write[w].key, seq + i, view_of("", 0), !op->write[w].image);
    }
    group_restore(g, &mark);
    return err;
}

static enum hufu_err draft_parts(struct lmdb_store *s, struct group *g, struct store_draft *draft)
{
    struct journal_meta *meta;
    enum hufu_err err = draft->op_count > 1 ? draft_judge(s, g, draft) : HUFU_OK;

    for (size_t i = 0; i < draft->op_count && err == HUFU_OK; i++) {
        draft->failed_op = i;
        err = op_add(s, g, &draft->op[i], &draft->failed_at);
    }
    if (err != HUFU_OK || draft->meta_key.len == 0)
        return err;
    meta = array_grow(g->meta, &g->meta_cap, g->meta_count, sizeof(*meta));
    if (!meta)
        return HUFU_NOMEM;
    g->meta = meta;
    g->meta[g->meta_count++] = (struct journal_meta){ draft->meta_key, draft->meta_value };
    return HUFU_OK;
}

void group_add(struct lmdb_store *s, struct group *g, struct store_draft *draft)
{
    struct group_mark mark = group_mark_set(g);
    enum hufu_err err;

    draft->now_ms = g->now_ms;
    draft->first_seq = s->journal.state.log.size + g->item_count;
    draft->failed_at = 0;
    err = draft_parts(s, g, draft);
    if (err == HUFU_OK)
        err = resident_reserve(&s->resident, g->resident_count);
    if (err == HUFU_OK) {
        draft->failed_op = 0;
        g->trims |= draft->op_count == 0 && draft->meta_key.len == 0;
    } else {
        group_restore(g, &mark);
    }
    draft->err =
        err == HUFU_OK || err == HUFU_PRECONDITION || err == HUFU_LIMIT ? err : HUFU_UNAVAILABLE;
    *g->tail = &draft->node;
    g->tail = &draft->node.next;
}
