#include "vault/store/lmdb_store.h"

#include <stdlib.h>

/* Three sorted sources; the earlier one has the newer row of a key. */
enum { FROM_FILLING, FROM_FLUSHING, FROM_MAP, FROM_COUNT };

struct found {
    struct view key, image;
    uint64_t seq;
    bool there, removed;
};

struct walk {
    const struct map *map;
    MDB_cursor *cursor;
    struct generation_walk of[FROM_MAP];
    struct recent_view view;
    struct view prefix;
    struct found head[FROM_COUNT]; /* each source's next row */
};

struct visit { /* what the caller of store_scan gave */
    size_t max;
    bool (*each)(void *arg, struct view key, uint64_t seq, struct view image);
    void *arg;
};

static bool key_begins(struct view key, struct view prefix)
{
    return key.len >= prefix.len && view_equal(view_of(key.p, prefix.len), prefix);
}

static void row_head(struct walk *w, unsigned from)
{
    const struct generation_row *row = generation_walk_next(&w->of[from]);
    struct found *head = &w->head[from];

    head->there = row != NULL;
    if (!head->there)
        return;
    head->key = generation_key(row);
    head->image = generation_image(row);
    head->seq = row->seq;
    head->removed = row->removed;
}

static enum hufu_err map_head(struct walk *w, MDB_val *key, MDB_cursor_op op)
{
    struct found *head = &w->head[FROM_MAP];
    MDB_val value;
    enum hufu_err err = env_err(mdb_cursor_get(w->cursor, key, &value, op));

    head->there = err == HUFU_OK && key_begins(env_view(key), w->prefix);
    if (!head->there)
        return err == HUFU_NOT_FOUND ? HUFU_OK : err;
    head->key = env_view(key);
    return map_split(&value, &head->seq, &head->image);
}

static enum hufu_err source_begin(struct walk *w, unsigned from, struct generation *g,
                                  struct view start)
{
    enum hufu_err err;

    if (!g)
        return HUFU_OK;
    err = generation_walk_begin(g, w->prefix, start, w->view.size, &w->of[from]);
    if (err == HUFU_OK)
        row_head(w, from);
    return err;
}

static enum hufu_err walk_seek(struct walk *w, struct view start)
{
    MDB_val key = env_val(start);
    enum hufu_err err = source_begin(w, FROM_FILLING, w->view.filling, start);

    if (err == HUFU_OK)
        err = source_begin(w, FROM_FLUSHING, w->view.flushing, start);
    return err == HUFU_OK ? map_head(w, &key, start.len > 0 ? MDB_SET_RANGE : MDB_FIRST) : err;
}

static enum hufu_err source_step(struct walk *w, unsigned from)
{
    MDB_val key;

    if (from == FROM_MAP)
        return map_head(w, &key, MDB_NEXT);
    row_head(w, from);
    return HUFU_OK;
}

/* The newest row of the smallest key; every source moves past that key. */
static enum hufu_err walk_next(struct walk *w, struct found *out)
{
    struct found best = { 0 };
    enum hufu_err err = HUFU_OK;

    for (unsigned i = 0; i < FROM_COUNT; i++)
        if (w->head[i].there && (!best.there || generation_compare(w->head[i].key, best.key) < 0))
            best = w->head[i];
    for (unsigned i = 0; i < FROM_COUNT && best.there && err == HUFU_OK; i++)
        if (w->head[i].there && view_equal(w->head[i].key, best.key))
            err = source_step(w, i);
    if (err == HUFU_OK)
        *out = best;
    return err;
}

static enum hufu_err next_put(struct buf *next_out, struct view key)
{
    buf_reset(next_out);
    buf_put(next_out, key.p, key.len);
    return buf_check(next_out);
}

static enum hufu_err walk_run(struct walk *w, const struct visit *visit, struct buf *next_out)
{
    struct view next = { 0 };
    bool more = visit->max > 0;
    size_t n = 0;

    for (;;) {
        struct found found;
        enum hufu_err err = walk_next(w, &found);

        if (err != HUFU_OK)
            return err;
        if (!found.there)
            break;
        if (found.removed)
            continue;
        if (!more) {
            next = found.key;
            break;
        }
        n++;
        more = visit->each(visit->arg, found.key, found.seq, found.image) && n < visit->max;
    }
    return next_put(next_out, next);
}

/*
 * One moment of all three sources: the view is confirmed after the map transaction has begun, so
 * the map holds nothing that is newer than the view. A rotation in between is rare; look again.
 */
static enum hufu_err moment_take(struct lmdb_reader *r, struct recent_view *view, MDB_txn **txn)
{
    for (;;) {
        enum hufu_err err;

        recent_take(&r->store->recent, view);
        err = lmdb_map_begin(r, txn);
        if (err != HUFU_OK) {
            recent_drop(view);
            return err;
        }
        if (recent_confirm(&r->store->recent, view))
            return HUFU_OK;
        lmdb_map_end(r);
        recent_drop(view);
    }
}

static enum hufu_err scan_merged(struct lmdb_reader *r, struct view prefix, struct view start,
                                 const struct visit *visit, struct buf *next_out)
{
    struct walk w = { .map = &r->store->map, .prefix = prefix };
    MDB_txn *txn = NULL;
    enum hufu_err err = moment_take(r, &w.view, &txn);

    if (err != HUFU_OK)
        return err;
    err = env_err(mdb_cursor_open(txn, w.map->row, &w.cursor));
    if (err == HUFU_OK)
        err = walk_seek(&w, start);
    if (err == HUFU_OK)
        err = walk_run(&w, visit, next_out);
    if (w.cursor)
        mdb_cursor_close(w.cursor);
    lmdb_map_end(r);
    generation_walk_end(&w.of[FROM_FILLING]);
    generation_walk_end(&w.of[FROM_FLUSHING]);
    recent_drop(&w.view);
    return err;
}

static enum hufu_err scan_resident(struct lmdb_reader *r, struct view prefix, struct view from,
                                   const struct visit *visit, struct buf *next_out)
{
    struct resident_row **rows = NULL;
    size_t count = 0, want = visit->max < SIZE_MAX ? visit->max + 1 : SIZE_MAX, n = 0;
    struct view next = { 0 };
    bool more = visit->max > 0;
    enum hufu_err err;

    err = resident_collect(&r->store->resident, prefix, from, want, &rows, &count);
    if (err != HUFU_OK)
        return err;
    for (; n < count && more; n++)
        more =
            visit->each(visit->arg, resident_key(rows[n]), rows[n]->seq, resident_image(rows[n])) &&
            n + 1 < visit->max;
    if (n < count)
        next = resident_key(rows[n]);
    err = next_put(next_out, next);
    for (size_t i = 0; i < count; i++)
        resident_row_drop(rows[i]);
    free(rows);
    return err;
}

enum hufu_err lmdb_scan(struct store_reader *reader, struct view prefix, struct view from,
                        size_t max,
                        bool (*each)(void *arg, struct view key, uint64_t seq, struct view image),
                        void *arg, struct buf *next_out)
{
    struct lmdb_reader *r = (struct lmdb_reader *)reader;
    struct view start = generation_compare(from, prefix) > 0 ? from : prefix;
    struct visit visit = { max, each, arg };

    if (resident_has(prefix))
        return scan_resident(r, prefix, start, &visit, next_out);
    return scan_merged(r, prefix, start, &visit, next_out);
}
