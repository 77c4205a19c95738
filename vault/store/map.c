#include "vault/store/map.h"

#include <string.h>

#include "vault/store/census.h"

#define SEQ_LEN     8
#define APPLIED_KEY "applied"
#define PARTIAL_KEY "partial"

/* Reads a number; one that is not there is 0. */
static enum hufu_err number_read(const struct map *m, MDB_txn *txn, const char *name, uint64_t *out)
{
    MDB_val key = env_val(view_str(name)), value;
    int rc = mdb_get(txn, m->state, &key, &value);

    if (rc == MDB_NOTFOUND) {
        *out = 0;
        return HUFU_OK;
    }
    if (rc != 0)
        return env_err(rc);
    return env_number_parse(env_view(&value), out);
}

static enum hufu_err tables_open(struct map *m, MDB_txn *txn, uint64_t *applied_out)
{
    MDB_stat rows = { 0 };
    enum hufu_err err;
    int rc = mdb_dbi_open(txn, "row", MDB_CREATE, &m->row);

    if (rc == 0)
        rc = mdb_dbi_open(txn, "state", MDB_CREATE, &m->state);
    if (rc == 0)
        rc = mdb_stat(txn, m->row, &rows);
    if (rc != 0)
        return env_err(rc);
    err = env_format(txn, m->state, MAP_FORMAT, rows.ms_entries == 0);
    if (err == HUFU_OK)
        err = number_read(m, txn, PARTIAL_KEY, &m->partial);
    return err == HUFU_OK ? number_read(m, txn, APPLIED_KEY, applied_out) : err;
}

enum hufu_err map_open(const char *dir, uint64_t bytes, struct map *m, uint64_t *applied_out)
{
    struct map got = { 0 };
    uint64_t applied = 0;
    MDB_txn *txn = NULL;
    enum hufu_err err = env_open(dir, "map", bytes, &got.env);

    if (err != HUFU_OK)
        return err;
    err = env_err(mdb_txn_begin(got.env, NULL, 0, &txn));
    if (err != HUFU_OK)
        goto out;
    err = tables_open(&got, txn, &applied);
    if (err != HUFU_OK)
        goto out;
    err = env_err(mdb_txn_commit(txn));
    txn = NULL;
    if (err != HUFU_OK)
        goto out;
    *m = got;
    *applied_out = applied;
    got.env = NULL;
out:
    mdb_txn_abort(txn);
    map_close(&got);
    return err == HUFU_FULL ? HUFU_IO : err;
}

void map_close(struct map *m)
{
    if (m->env)
        mdb_env_close(m->env);
    *m = (struct map){ 0 };
}

enum hufu_err map_split(const MDB_val *value, uint64_t *seq_out, struct view *image_out)
{
    struct reader r;
    uint64_t seq;

    reader_init(&r, value->mv_data, value->mv_size);
    seq = reader_u64(&r);
    if (r.failed)
        return HUFU_CORRUPT;
    *seq_out = seq;
    *image_out = view_of(r.p, r.left);
    return HUFU_OK;
}

enum hufu_err map_get(const struct map *m, MDB_txn *txn, struct view key, uint64_t *seq_out,
                      struct view *image_out)
{
    MDB_val k = env_val(key), value;
    enum hufu_err err = env_err(mdb_get(txn, m->row, &k, &value));

    return err == HUFU_OK ? map_split(&value, seq_out, image_out) : err;
}

enum hufu_err map_put(const struct map *m, MDB_txn *txn, struct view key, uint64_t seq,
                      struct view image)
{
    MDB_val k = env_val(key), value = { .mv_size = SEQ_LEN + image.len };
    struct buf b;
    int rc = mdb_put(txn, m->row, &k, &value, MDB_RESERVE);

    if (rc != 0)
        return env_err(rc);
    buf_fixed(&b, value.mv_data, value.mv_size);
    buf_u64(&b, seq);
    buf_put(&b, image.p, image.len);
    return buf_check(&b);
}

enum hufu_err map_remove(const struct map *m, MDB_txn *txn, struct view key)
{
    MDB_val k = env_val(key);

    return env_err(mdb_del(txn, m->row, &k, NULL));
}

/* Adds a row that the map did not have; those of one id stand together and are written as one. */
static enum hufu_err made_add(const struct map *m, MDB_txn *txn, struct census_sum *made,
                              uint64_t id)
{
    struct census_sum before = *made;

    if (id == 0)
        return HUFU_OK;
    if (id == before.id) {
        made->rows++;
        return HUFU_OK;
    }
    *made = (struct census_sum){ id, 1 };
    return before.id == 0 ? HUFU_OK : census_put(txn, m->state, before.id, before.rows);
}

static enum hufu_err row_apply(struct map *m, MDB_txn *txn, const struct generation_row *row,
                               struct census_sum *made, size_t *rows)
{
    struct view image;
    uint64_t seq = 0;
    enum hufu_err err = map_get(m, txn, generation_key(row), &seq, &image);
    bool there = err == HUFU_OK;

    if (!there && err != HUFU_NOT_FOUND)
        return err;
    if (there ? seq >= row->seq : row->removed)
        return HUFU_OK; /* replayed: the map has it, or something newer */
    (*rows)++;
    if (row->removed)
        return map_remove(m, txn, generation_key(row));
    err = there ? HUFU_OK : made_add(m, txn, made, census_id(generation_key(row)));
    if (err != HUFU_OK)
        return err;
    return map_put(m, txn, generation_key(row), row->seq, generation_image(row));
}

static enum hufu_err number_write(const struct map *m, MDB_txn *txn, const char *name,
                                  uint64_t number)
{
    struct env_seq mem;
    MDB_val key = env_val(view_str(name)), value = env_val(env_number_print(number, &mem));

    return env_err(mdb_put(txn, m->state, &key, &value, 0));
}

/*
 * What the slice leaves of the generation. *partial gets what m->partial is after the commit: a
 * flush that was cut off may have been of a longer one, whose rows are still not all here.
 */
static enum hufu_err progress_write(const struct map *m, MDB_txn *txn, const struct generation *g,
                                    bool ended, uint64_t *partial)
{
    MDB_val key = env_val(view_str(PARTIAL_KEY));
    enum hufu_err err;

    *partial = m->partial;
    if (!ended && m->partial >= g->end)
        return HUFU_OK;
    if (!ended) {
        *partial = g->end;
        return number_write(m, txn, PARTIAL_KEY, g->end);
    }
    err = number_write(m, txn, APPLIED_KEY, g->end);
    if (err != HUFU_OK || m->partial == 0 || m->partial > g->end)
        return err;
    *partial = 0;
    return env_err(mdb_del(txn, m->state, &key, NULL));
}

/* The slice inside its transaction; *row_out is where the next one begins. */
static enum hufu_err slice_write(struct map *m, MDB_txn *txn, const struct generation *g,
                                 size_t max, const struct generation_row **row, size_t *rows,
                                 uint64_t *partial)
{
    const struct generation_row *at = *row;
    struct census_sum made = { 0 };
    enum hufu_err err = HUFU_OK;
    size_t bytes = 0;

    for (size_t n = 0; at && n < max && bytes < MAP_BYTES_MAX; n++) {
        err = row_apply(m, txn, at, &made, rows);
        if (err != HUFU_OK)
            return err;
        bytes += at->image_len;
        at = generation_next(at, UINT64_MAX);
    }
    *row = at;
    if (made.id != 0)
        err = census_put(txn, m->state, made.id, made.rows);
    return err == HUFU_OK ? progress_write(m, txn, g, at == NULL, partial) : err;
}

enum hufu_err map_slice(struct map *m, const struct generation *g, size_t max,
                        const struct generation_row **at, size_t *rows_out)
{
    const struct generation_row *row = *at;
    MDB_txn *txn = NULL;
    uint64_t partial = 0;
    size_t rows = 0;
    enum hufu_err err = env_err(mdb_txn_begin(m->env, NULL, 0, &txn));

    if (err != HUFU_OK)
        return err;
    err = slice_write(m, txn, g, max, &row, &rows, &partial);
    if (err != HUFU_OK) {
        mdb_txn_abort(txn);
        return err;
    }
    err = env_commit(m->env, txn);
    if (err != HUFU_OK)
        return err;
    m->partial = partial;
    *at = row;
    *rows_out = rows;
    return HUFU_OK;
}
