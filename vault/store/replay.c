#include "vault/store/lmdb_store.h"

#include <stdlib.h>

#include "vault/store/operation.h"

#define ROWS_FIRST 64

struct replay {
    struct lmdb_store *s;
    struct generation_row **rows; /* of the operation at hand */
    size_t cap;
};

static enum hufu_err resident_load_row(struct resident *r, struct view key, uint64_t seq,
                                       struct view image, bool removed)
{
    struct resident_row *row;
    enum hufu_err err = resident_reserve(r, 1);

    if (err != HUFU_OK)
        return err;
    row = resident_row_new(key, seq, image, removed);
    if (!row)
        return HUFU_NOMEM;
    resident_put(r, &row, 1);
    return HUFU_OK;
}

/* Every row of the map from table STORE_RESIDENT on. */
static enum hufu_err resident_load(struct lmdb_store *s)
{
    static const uint8_t first = STORE_RESIDENT;
    MDB_val key = env_val(view_of(&first, 1)), value;
    MDB_cursor *cur = NULL;
    MDB_txn *txn = NULL;
    enum hufu_err err = lmdb_map_begin(&s->judge, &txn);

    if (err != HUFU_OK)
        return err;
    err = env_err(mdb_cursor_open(txn, s->map.row, &cur));
    if (err == HUFU_OK)
        err = env_err(mdb_cursor_get(cur, &key, &value, MDB_SET_RANGE));
    while (err == HUFU_OK) {
        struct view image;
        uint64_t seq;

        err = key.mv_size <= STORE_KEY_MAX ? map_split(&value, &seq, &image) : HUFU_CORRUPT;
        if (err == HUFU_OK && image.len > STORE_IMAGE_MAX)
            err = HUFU_CORRUPT;
        if (err == HUFU_OK)
            err = resident_load_row(&s->resident, env_view(&key), seq, image, false);
        if (err == HUFU_OK)
            err = env_err(mdb_cursor_get(cur, &key, &value, MDB_NEXT));
    }
    if (cur)
        mdb_cursor_close(cur);
    lmdb_map_end(&s->judge);
    return err == HUFU_NOT_FOUND ? HUFU_OK : err;
}

static enum hufu_err rows_grow(struct replay *p, size_t count)
{
    size_t cap = p->cap ? p->cap * 2 : ROWS_FIRST;
    struct generation_row **rows;

    if (count < p->cap)
        return HUFU_OK;
    rows = realloc(p->rows, cap * sizeof(*rows));
    if (!rows)
        return HUFU_NOMEM;
    p->rows = rows;
    p->cap = cap;
    return HUFU_OK;
}

static enum hufu_err map_knows(struct replay *p, struct view key, bool *out)
{
    struct lmdb_store *s = p->s;
    struct view image;
    MDB_txn *txn = NULL;
    uint64_t seq;
    enum hufu_err err = lmdb_map_begin(&s->judge, &txn);

    if (err != HUFU_OK)
        return err;
    err = map_get(&s->map, txn, key, &seq, &image);
    lmdb_map_end(&s->judge);
    if (err != HUFU_OK && err != HUFU_NOT_FOUND)
        return err;
    *out = err == HUFU_OK;
    return HUFU_OK;
}

/* The map has counted what a flush that was cut off had brought there. */
static enum hufu_err made_replay(struct replay *p, uint64_t seq, const struct operation_write *w)
{
    uint64_t id = w->made ? census_id(w->key) : 0;
    bool known = false;
    enum hufu_err err = HUFU_OK;

    if (id == 0)
        return HUFU_OK;
    if (seq < p->s->map.partial)
        err = map_knows(p, w->key, &known);
    if (err != HUFU_OK || known)
        return err;
    err = census_reserve(&p->s->census, id);
    if (err == HUFU_OK)
        census_add(&p->s->census, id, 1);
    return err;
}

static enum hufu_err write_replay(struct replay *p, uint64_t seq, const struct operation_write *w,
                                  size_t count)
{
    struct generation_row *row;
    enum hufu_err err = rows_grow(p, count);

    if (err != HUFU_OK)
        return err;
    row = generation_make(p->s->recent.filling, w->key, seq, w->image, w->removed);
    if (!row)
        return HUFU_NOMEM;
    p->rows[count] = row;
    if (!resident_has(w->key))
        return made_replay(p, seq, w);
    return resident_load_row(&p->s->resident, w->key, seq, w->image, w->removed);
}

/* The overlay keeps its bound here too: flush before the next operation where it is full. */
static enum hufu_err room_make(struct lmdb_store *s)
{
    while (recent_is_full(&s->recent))
        if (!flush_step(s, true))
            return HUFU_IO;
    return HUFU_OK;
}

static enum hufu_err operation_replay(void *arg, uint64_t seq, struct view writes)
{
    struct replay *p = arg;
    struct lmdb_store *s = p->s;
    struct operation_reader it;
    struct operation_write w;
    size_t count = 0;
    enum hufu_err err = room_make(s);

    if (err == HUFU_OK)
        err = operation_open(&it, writes);
    if (err != HUFU_OK)
        return err;
    while ((err = operation_next(&it, &w)) == HUFU_OK) {
        err = write_replay(p, seq, &w, count++);
        if (err != HUFU_OK)
            return err;
    }
    if (err != HUFU_NOT_FOUND)
        return err;
    recent_publish(&s->recent, p->rows, count, seq + 1, 0, s->set.clock->boot_ms(s->set.clock));
    return HUFU_OK;
}

static enum hufu_err census_open(struct lmdb_store *s)
{
    MDB_txn *txn = NULL;
    enum hufu_err err = lmdb_map_begin(&s->judge, &txn);

    if (err != HUFU_OK)
        return err;
    err = census_load(&s->census, txn, s->map.state);
    lmdb_map_end(&s->judge);
    return err;
}

enum hufu_err replay_run(struct lmdb_store *s)
{
    struct replay replay = { .s = s };
    enum hufu_err err = resident_load(s);

    if (err == HUFU_OK)
        err = census_open(s);
    if (err == HUFU_OK)
        err = journal_read(&s->journal, s->recent.applied, operation_replay, &replay);
    free(replay.rows);
    return err;
}
