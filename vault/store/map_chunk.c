#include "vault/store/map_chunk.h"

#define CURSOR_PREFIX   "rewrite:"
#define CURSOR_NAME_MAX (sizeof(CURSOR_PREFIX) - 1 + REWRITE_NAME_MAX)
#define SEEK_MAX        (STORE_KEY_MAX + 1) /* a key and a zero byte */
#define CURSOR_MAX      (3 * (2 + SEEK_MAX))

struct map_chunk {
    struct rewrite base; /* first: what each() is handed */
    const struct map *map;
    MDB_txn *txn;
    MDB_cursor *cursor; /* at the row at hand; NULL: to be opened where `from` is */
    enum hufu_err err;  /* the map's first failure: no commit after it */
    size_t bytes, visited, changed;
    struct buf from, last; /* the keys that are still to be visited */
    struct buf image;      /* of the row at hand: each() reads it while it writes */
    struct buf given;      /* what each() puts: it may lie in a page that the put moves */
    uint8_t from_mem[SEEK_MAX], last_mem[SEEK_MAX];
};

static struct map_chunk *chunk_of(struct rewrite *rw)
{
    return (struct map_chunk *)rw;
}

/* Remembers the map's first failure. */
static enum hufu_err failed(struct map_chunk *c, enum hufu_err err)
{
    if (err != HUFU_OK && err != HUFU_NOT_FOUND && c->err == HUFU_OK)
        c->err = err;
    return err;
}

/* A write may move what a cursor stands on: the next row is sought by its key. */
static void cursor_drop(struct map_chunk *c)
{
    if (c->cursor)
        mdb_cursor_close(c->cursor);
    c->cursor = NULL;
}

static enum hufu_err bytes_keep(struct map_chunk *c, struct buf *b, struct view bytes)
{
    buf_reset(b);
    if (bytes.len > 0)
        buf_put(b, bytes.p, bytes.len);
    return buf_check(b) == HUFU_OK ? HUFU_OK : failed(c, HUFU_NOMEM);
}

/* What was kept; p is never NULL. */
static struct view kept(const struct buf *b)
{
    return b->p ? buf_view(b) : view_str("");
}

enum hufu_err map_chunk_find(struct rewrite *rw, struct view key, uint64_t *seq_out,
                             struct view *image_out)
{
    struct map_chunk *c = chunk_of(rw);

    if (c->err != HUFU_OK)
        return c->err;
    return failed(c, map_get(c->map, c->txn, key, seq_out, image_out));
}

enum hufu_err map_chunk_put(struct rewrite *rw, struct view key, uint64_t seq, struct view image)
{
    struct map_chunk *c = chunk_of(rw);
    struct view old;
    uint64_t old_seq = 0;
    enum hufu_err err = map_chunk_find(rw, key, &old_seq, &old);

    if (err == HUFU_OK && old_seq > seq)
        return HUFU_OK;
    if (err != HUFU_OK && err != HUFU_NOT_FOUND)
        return err;
    err = bytes_keep(c, &c->given, image);
    if (err != HUFU_OK)
        return err;
    cursor_drop(c);
    c->bytes += key.len + image.len;
    c->changed++;
    return failed(c, map_put(c->map, c->txn, key, seq, kept(&c->given)));
}

enum hufu_err map_chunk_remove(struct rewrite *rw, struct view key)
{
    struct map_chunk *c = chunk_of(rw);
    enum hufu_err err;

    if (c->err != HUFU_OK)
        return c->err;
    cursor_drop(c);
    err = failed(c, map_remove(c->map, c->txn, key));
    c->changed += err == HUFU_OK;
    return err == HUFU_NOT_FOUND ? HUFU_OK : err;
}

static bool key_begins(struct view key, struct view prefix)
{
    return key.len >= prefix.len && view_equal(view_of(key.p, prefix.len), prefix);
}

/* The last key that begins with the prefix. HUFU_NOT_FOUND: there is none. */
static enum hufu_err last_find(struct map_chunk *c, struct view prefix)
{
    uint8_t mem[STORE_KEY_MAX];
    MDB_val key, value;
    struct buf above; /* the first key behind all that begin with the prefix */
    enum hufu_err err = env_err(mdb_cursor_open(c->txn, c->map->row, &c->cursor));

    if (err != HUFU_OK)
        return err;
    buf_fixed(&above, mem, sizeof(mem));
    buf_put(&above, prefix.p, prefix.len);
    while (above.p[above.len - 1] == UINT8_MAX) /* ends: the table byte is below STORE_RESIDENT */
        above.len--;
    above.p[above.len - 1]++;
    key = env_val(buf_view(&above));
    err = env_err(mdb_cursor_get(c->cursor, &key, &value, MDB_SET_RANGE));
    if (err == HUFU_OK || err == HUFU_NOT_FOUND)
        err =
            env_err(mdb_cursor_get(c->cursor, &key, &value, err == HUFU_OK ? MDB_PREV : MDB_LAST));
    if (err == HUFU_OK && !key_begins(env_view(&key), prefix))
        err = HUFU_NOT_FOUND;
    if (err == HUFU_OK && key.mv_size > STORE_KEY_MAX)
        err = HUFU_CORRUPT;
    if (err == HUFU_OK)
        err = bytes_keep(c, &c->last, env_view(&key));
    cursor_drop(c);
    return err;
}

static struct view place_name(const struct store_rewrite *job, uint8_t mem[static CURSOR_NAME_MAX])
{
    struct buf b;

    buf_fixed(&b, mem, CURSOR_NAME_MAX);
    buf_str(&b, CURSOR_PREFIX);
    buf_put(&b, job->name.p, job->name.len);
    return buf_view(&b);
}

/* HUFU_NOT_FOUND: there is nothing under the name, or it is of another prefix. */
static enum hufu_err place_read(struct map_chunk *c, const struct store_rewrite *job)
{
    uint8_t mem[CURSOR_NAME_MAX];
    MDB_val key = env_val(place_name(job, mem)), value;
    struct view prefix, from, last;
    struct reader r;
    enum hufu_err err = env_err(mdb_get(c->txn, c->map->state, &key, &value));

    if (err != HUFU_OK)
        return err;
    reader_init(&r, value.mv_data, value.mv_size);
    prefix = reader_lv16(&r, SEEK_MAX);
    from = reader_lv16(&r, SEEK_MAX);
    last = reader_lv16(&r, SEEK_MAX);
    if (reader_end(&r) != HUFU_OK || !key_begins(from, prefix) || !key_begins(last, prefix))
        return HUFU_CORRUPT;
    if (!view_equal(prefix, job->prefix))
        return HUFU_NOT_FOUND;
    err = bytes_keep(c, &c->from, from);
    return err == HUFU_OK ? bytes_keep(c, &c->last, last) : err;
}

/* Where the pass goes on, or begins. HUFU_NOT_FOUND: no key begins with the prefix. */
static enum hufu_err place_find(struct map_chunk *c, const struct store_rewrite *job)
{
    enum hufu_err err = place_read(c, job);

    if (err != HUFU_NOT_FOUND)
        return err;
    err = bytes_keep(c, &c->from, job->prefix);
    return err == HUFU_OK ? last_find(c, job->prefix) : err;
}

static enum hufu_err place_write(struct map_chunk *c, const struct store_rewrite *job, bool ended)
{
    uint8_t name[CURSOR_NAME_MAX], mem[CURSOR_MAX];
    MDB_val key = env_val(place_name(job, name)), value;
    enum hufu_err err;
    struct buf b;

    if (ended) {
        err = env_err(mdb_del(c->txn, c->map->state, &key, NULL));
        return err == HUFU_NOT_FOUND ? HUFU_OK : err;
    }
    buf_fixed(&b, mem, sizeof(mem));
    buf_lv16(&b, job->prefix.p, job->prefix.len);
    buf_lv16(&b, c->from.p, c->from.len);
    buf_lv16(&b, c->last.p, c->last.len);
    value = env_val(buf_view(&b));
    return env_err(mdb_put(c->txn, c->map->state, &key, &value, 0));
}

/* The next row, borrowed. HUFU_NOT_FOUND: there is none up to the last key. */
static enum hufu_err row_next(struct map_chunk *c, MDB_val *key, MDB_val *value)
{
    MDB_cursor_op op = MDB_NEXT;
    enum hufu_err err = HUFU_OK;

    if (!c->cursor) {
        *key = env_val(buf_view(&c->from));
        op = MDB_SET_RANGE;
        err = env_err(mdb_cursor_open(c->txn, c->map->row, &c->cursor));
    }
    if (err == HUFU_OK)
        err = env_err(mdb_cursor_get(c->cursor, key, value, op));
    if (err == HUFU_OK && generation_compare(env_view(key), buf_view(&c->last)) > 0)
        err = HUFU_NOT_FOUND;
    return err;
}

/* Hands copies to each(): they outlive what it writes. */
static enum hufu_err row_visit(struct map_chunk *c, const struct store_rewrite *job,
                               const MDB_val *key, const MDB_val *value)
{
    struct view image;
    uint64_t seq = 0;
    enum hufu_err err = map_split(value, &seq, &image);

    if (err == HUFU_OK && (key->mv_size > STORE_KEY_MAX || image.len > STORE_IMAGE_MAX))
        err = HUFU_CORRUPT;
    if (err != HUFU_OK)
        return failed(c, err);
    err = bytes_keep(c, &c->from, env_view(key));
    if (err == HUFU_OK)
        err = bytes_keep(c, &c->image, image);
    if (err != HUFU_OK)
        return err;
    c->bytes += image.len;
    c->visited++;
    err = job->each(job->arg, &c->base, buf_view(&c->from), seq, kept(&c->image));
    buf_u8(&c->from, 0);
    return c->err != HUFU_OK ? c->err : err;
}

/* The chunk inside its transaction. */
static enum hufu_err chunk_write(struct map_chunk *c, const struct store_rewrite *job,
                                 bool *ended_out)
{
    MDB_val key, value;
    enum hufu_err err = failed(c, place_find(c, job));

    while (err == HUFU_OK) {
        err = failed(c, row_next(c, &key, &value));
        if (err != HUFU_OK || c->visited == job->rows_max || c->bytes >= MAP_BYTES_MAX)
            break;
        err = row_visit(c, job, &key, &value);
        if (err != HUFU_OK)
            return err;
    }
    if (err != HUFU_OK && err != HUFU_NOT_FOUND)
        return err;
    cursor_drop(c);
    *ended_out = err == HUFU_NOT_FOUND;
    return failed(c, place_write(c, job, *ended_out));
}

static enum hufu_err chunk_commit(struct map_chunk *c, const struct store_rewrite *job,
                                  bool *ended_out)
{
    enum hufu_err err = failed(c, env_err(mdb_txn_begin(c->map->env, NULL, 0, &c->txn)));

    if (err != HUFU_OK)
        return err;
    err = chunk_write(c, job, ended_out);
    cursor_drop(c);
    if (err == HUFU_OK)
        return failed(c, env_commit(c->map->env, c->txn));
    mdb_txn_abort(c->txn);
    return err;
}

enum hufu_err map_chunk_run(const struct map *m, const struct store_ops *ops,
                            struct store_rewrite *job, bool *lost_out)
{
    struct map_chunk c = { .base.ops = ops, .map = m };
    bool ended = false;
    enum hufu_err err;

    buf_fixed(&c.from, c.from_mem, sizeof(c.from_mem));
    buf_fixed(&c.last, c.last_mem, sizeof(c.last_mem));
    buf_init(&c.image, STORE_IMAGE_MAX);
    buf_init(&c.given, STORE_IMAGE_MAX);
    err = chunk_commit(&c, job, &ended);
    if (err == HUFU_OK) {
        job->ended = ended;
        job->visited = c.visited;
        job->changed = c.changed;
    }
    *lost_out = c.err != HUFU_OK && c.err != HUFU_FULL && c.err != HUFU_NOMEM;
    buf_done(&c.image);
    buf_done(&c.given);
    return err;
}
