#include "vault/store/group.h"

#define COUNTER_LEN 16 /* u64 count, u64 until_ms */

struct found { /* what is there under a key at this place of the group */
    uint64_t seq;
    struct view image;
    bool there;
};

static struct found row_found(const struct generation_row *row)
{
    return (struct found){ row->seq, generation_image(row), !row->removed };
}

bool judge_resident(const struct lmdb_store *s, const struct group *g, struct view key,
                    uint64_t *seq_out, struct view *image_out)
{
    const struct generation_row *row = overlay_find(&g->overlay, key);
    const struct resident_row *old;

    if (row) {
        *seq_out = row->seq;
        *image_out = generation_image(row);
        return !row->removed;
    }
    old = resident_peek(&s->resident, key);
    if (!old)
        return false;
    *seq_out = old->seq;
    *image_out = resident_image(old);
    return true;
}

/* True where memory alone knows: in the group, resident, or in either generation. */
static bool memory_find(const struct lmdb_store *s, const struct group *g, struct view key,
                        struct found *out)
{
    const struct generation_row *row;

    if (resident_has(key)) {
        *out = (struct found){ 0 };
        out->there = judge_resident(s, g, key, &out->seq, &out->image);
        return true;
    }
    row = overlay_find(&g->overlay, key);
    if (!row)
        row = recent_find(&g->view, key);
    if (row)
        *out = row_found(row);
    return row != NULL;
}

static enum hufu_err map_find(struct lmdb_store *s, struct group *g, struct view key,
                              struct found *out)
{
    enum hufu_err err = g->map_txn ? HUFU_OK : lmdb_map_begin(&s->judge, &g->map_txn);

    if (err != HUFU_OK)
        return err;
    *out = (struct found){ 0 };
    err = map_get(&s->map, g->map_txn, key, &out->seq, &out->image);
    if (err == HUFU_NOT_FOUND)
        return HUFU_OK;
    out->there = err == HUFU_OK;
    return err;
}

/*
 * The short cut. A look-up reads `applied` (a) together with both generations, before it looks
 * (recent_take), and so does this group, later; applied and the retiring of a generation change
 * together, under the same lock. Suppose an operation t that the look-up did not see wrote the row.
 * It was published after the look-up took its view, so t >= a. Its row is published before this
 * group took its own view, since groups are judged one after another. Then either a generation of
 * this view holds the row, and memory_find has answered; or its generation is retired, which moved
 * applied above t, so that applied != a. Hence: not in memory and applied == a means that nothing
 * has touched the row since it was seen, and the map need not be read.
 */
static enum hufu_err row_judge(struct lmdb_store *s, struct group *g, const struct store_pre *pre)
{
    struct found found;

    if (!memory_find(s, g, pre->key, &found)) {
        enum hufu_err err;

        if (pre->seen.applied == g->view.applied)
            return HUFU_OK;
        err = map_find(s, g, pre->key, &found);
        if (err != HUFU_OK)
            return err;
    }
    return (found.there ? found.seq : STORE_ABSENT) == pre->seen.seq ? HUFU_OK : HUFU_PRECONDITION;
}

static enum hufu_err pre_judge(struct lmdb_store *s, struct group *g, const struct store_pre *pre)
{
    switch (pre->kind) {
    case PRE_ROW:
        return row_judge(s, g, pre);
    case PRE_UNTIL:
        return g->now_ms < pre->until_ms ? HUFU_OK : HUFU_PRECONDITION;
    }
    return HUFU_PRECONDITION;
}

static enum hufu_err counter_parse(const struct found *found, uint64_t *count_out,
                                   uint64_t *until_out)
{
    struct reader r;
    uint64_t count, until_ms;

    reader_init(&r, found->image.p, found->image.len);
    count = reader_u64(&r);
    until_ms = reader_u64(&r);
    if (reader_end(&r) != HUFU_OK)
        return HUFU_CORRUPT;
    *count_out = count;
    *until_out = until_ms;
    return HUFU_OK;
}

static enum hufu_err count_judge(struct lmdb_store *s, struct group *g,
                                 const struct store_count *count, uint64_t seq)
{
    uint64_t sum = 0, until_ms = 0;
    uint8_t mem[COUNTER_LEN];
    struct found found;
    struct buf b;
    enum hufu_err err = HUFU_OK;

    /* Decided before the window ended. It would begin anew for each that comes too late. */
    if (g->now_ms >= count->until_ms)
        return HUFU_PRECONDITION;
    if (!memory_find(s, g, count->key, &found))
        err = map_find(s, g, count->key, &found);
    if (err == HUFU_OK && found.there)
        err = counter_parse(&found, &sum, &until_ms);
    if (err != HUFU_OK)
        return err;
    if (!found.there || g->now_ms >= until_ms) { /* the window is over: a new one begins */
        sum = 0;
        until_ms = count->until_ms;
    }
    if (__builtin_add_overflow(sum, count->add, &sum) || sum > count->limit)
        return HUFU_LIMIT;
    buf_fixed(&b, mem, sizeof(mem));
    buf_u64(&b, sum);
    buf_u64(&b, until_ms);
    return group_row_add(g, count->key, seq, buf_view(&b), false);
}

/* A counter is removed once its window is over: until then it is what the limit knows. */
static enum hufu_err removal_judge(struct lmdb_store *s, struct group *g, struct view key)
{
    uint64_t count = 0, until_ms = 0;
    struct found found;
    enum hufu_err err = HUFU_OK;

    if (!memory_find(s, g, key, &found))
        err = map_find(s, g, key, &found);
    if (err == HUFU_OK && !found.there)
        return HUFU_PRECONDITION;
    if (err == HUFU_OK)
        err = counter_parse(&found, &count, &until_ms);
    if (err != HUFU_OK)
        return err;
    return until_ms <= g->now_ms ? HUFU_OK : HUFU_PRECONDITION;
}

enum hufu_err judge_op(struct lmdb_store *s, struct group *g, const struct store_op *op,
                       uint64_t seq, size_t *at_out)
{
    enum hufu_err err = HUFU_OK;

    for (size_t i = 0; i < op->pre_count && err == HUFU_OK; i++) {
        *at_out = i;
        err = pre_judge(s, g, &op->pre[i]);
    }
    for (size_t i = 0; i < op->count_count && err == HUFU_OK; i++) {
        *at_out = i;
        err = count_judge(s, g, &op->count[i], seq);
    }
    for (size_t i = 0; i < op->write_count && err == HUFU_OK; i++) {
        *at_out = op->pre_count + i;
        if (op->write[i].key.p[0] == TABLE_COUNTER)
            err = removal_judge(s, g, op->write[i].key);
    }
    return err;
}
