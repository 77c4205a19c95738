#include "vault/store/archive.h"

#include <string.h>

static const char name_frontier[] = "frontier", name_time[] = "time", name_digest[] = "digest",
                  name_groups[] = "groups";

static enum hufu_err value_put(MDB_txn *txn, MDB_dbi dbi, struct view key, struct view value,
                               unsigned flags)
{
    MDB_val k = env_val(key), v = env_val(value);

    return env_err(mdb_put(txn, dbi, &k, &v, flags));
}

/* A meta's key, in mem; empty where it is too long. */
static struct view meta_key(uint8_t kind, struct view key, uint8_t mem[static ARCHIVE_META_MAX])
{
    struct buf b;

    buf_fixed(&b, mem, ARCHIVE_META_MAX);
    buf_u8(&b, kind);
    buf_put(&b, key.p, key.len);
    return buf_check(&b) == HUFU_OK ? buf_view(&b) : view_of(NULL, 0);
}

static enum hufu_err meta_put(const struct archive *a, MDB_txn *txn, uint8_t kind, struct view key,
                              struct view value)
{
    uint8_t mem[ARCHIVE_META_MAX];
    struct view k = meta_key(kind, key, mem);

    return k.len == 0 ? HUFU_FULL : value_put(txn, a->meta, k, value, 0);
}

enum hufu_err archive_meta(const struct archive *a, MDB_txn *txn, uint8_t kind, struct view key,
                           struct view *out)
{
    uint8_t mem[ARCHIVE_META_MAX];
    struct view k = meta_key(kind, key, mem);
    MDB_val name = env_val(k), value;
    int rc;

    if (k.len == 0)
        return HUFU_NOT_FOUND;
    rc = mdb_get(txn, a->meta, &name, &value);
    if (rc == 0)
        *out = env_view(&value);
    return env_err(rc);
}

static struct view node_key(unsigned level, uint64_t n, uint8_t out[static ARCHIVE_NODE_LEN])
{
    struct buf b;

    buf_fixed(&b, out, ARCHIVE_NODE_LEN);
    buf_u8(&b, (uint8_t)level);
    buf_be64(&b, n);
    return view_of(out, ARCHIVE_NODE_LEN);
}

enum hufu_err archive_node(const struct archive *a, MDB_txn *txn, unsigned level, uint64_t n,
                           struct merkle_hash *out)
{
    uint8_t mem[ARCHIVE_NODE_LEN];
    MDB_val key = env_val(node_key(level, n, mem)), value;
    enum hufu_err err = env_err(mdb_get(txn, a->node, &key, &value));

    if (err == HUFU_OK && value.mv_size != sizeof(out->b))
        return HUFU_CORRUPT;
    if (err == HUFU_OK)
        memcpy(out->b, value.mv_data, sizeof(out->b));
    return err;
}

enum hufu_err archive_count(const struct archive *a, MDB_txn *txn, uint64_t *out)
{
    MDB_stat st;
    enum hufu_err err = env_err(mdb_stat(txn, a->entry, &st));

    if (err == HUFU_OK)
        *out = st.ms_entries;
    return err;
}

enum hufu_err archive_lines(const struct archive *a, MDB_txn *txn, uint64_t index, uint64_t count,
                            enum hufu_err (*each)(void *arg, uint64_t seq, struct view line),
                            void *arg)
{
    MDB_cursor *cur = NULL;
    struct env_seq mem;
    MDB_val key = env_val(env_seq_print(index, &mem)), value;
    MDB_cursor_op op = MDB_SET_KEY;
    enum hufu_err err = env_err(mdb_cursor_open(txn, a->entry, &cur));
    uint64_t seq = 0;

    if (err != HUFU_OK)
        return err;
    for (uint64_t i = 0; i < count && err == HUFU_OK; i++, op = MDB_NEXT) {
        err = env_err(mdb_cursor_get(cur, &key, &value, op));
        if (err == HUFU_OK)
            err = env_seq_parse(&key, &seq);
        if (err == HUFU_NOT_FOUND || (err == HUFU_OK && seq != index + i))
            err = HUFU_CORRUPT;
        if (err == HUFU_OK)
            err = each(arg, seq, env_view(&value));
    }
    mdb_cursor_close(cur);
    return err;
}

static enum hufu_err leaf_add(void *arg, uint64_t seq, struct view line)
{
    struct merkle *tile = arg;
    struct merkle_hash leaf;

    (void)seq;
    merkle_leaf(line, &leaf);
    merkle_add(tile, &leaf, NULL, NULL);
    return HUFU_OK;
}

/*
 * The last, partial tile of a level gives the frontier's peaks of eight bits of size: it is a small
 * tree of its own whose leaves are the tile's hashes.
 */
static enum hufu_err level_check(const struct archive *a, MDB_txn *txn, const struct merkle *log,
                                 unsigned level)
{
    uint64_t whole = log->size >> (level * ARCHIVE_LEVEL_BITS);
    uint64_t count = whole % MERKLE_TILE_WIDTH;
    struct merkle tile;
    enum hufu_err err = HUFU_OK;

    merkle_init(&tile);
    if (level == 0)
        err = archive_lines(a, txn, whole - count, count, leaf_add, &tile);
    for (uint64_t i = 0; level > 0 && i < count && err == HUFU_OK; i++) {
        struct merkle_hash hash;

        err = archive_node(a, txn, level, whole - count + i, &hash);
        if (err == HUFU_OK)
            merkle_add(&tile, &hash, NULL, NULL);
    }
    if (err != HUFU_OK)
        return err == HUFU_NOT_FOUND ? HUFU_CORRUPT : err;
    for (unsigned bit = 0; bit < ARCHIVE_LEVEL_BITS; bit++)
        if ((count >> bit & 1) &&
            !view_equal(view_of(tile.peak[bit].b, MERKLE_HASH_LEN),
                        view_of(log->peak[level * ARCHIVE_LEVEL_BITS + bit].b, MERKLE_HASH_LEN)))
            return HUFU_CORRUPT;
    return HUFU_OK;
}

enum hufu_err archive_check(const struct archive *a, MDB_txn *txn, const struct merkle *log)
{
    enum hufu_err err = HUFU_OK;

    for (unsigned level = 0; level < ARCHIVE_LEVELS && err == HUFU_OK; level++)
        err = level_check(a, txn, log, level);
    return err;
}

static enum hufu_err tables_open(struct archive *a, MDB_txn *txn)
{
    MDB_stat lines = { 0 };
    int rc = mdb_dbi_open(txn, "entry", MDB_CREATE, &a->entry);

    if (rc == 0)
        rc = mdb_dbi_open(txn, "node", MDB_CREATE, &a->node);
    if (rc == 0)
        rc = mdb_dbi_open(txn, "meta", MDB_CREATE, &a->meta);
    if (rc == 0)
        rc = mdb_stat(txn, a->entry, &lines);
    if (rc != 0)
        return env_err(rc);
    return env_format(txn, a->meta, ARCHIVE_FORMAT, lines.ms_entries == 0);
}

static enum hufu_err number_read(const struct archive *a, MDB_txn *txn, const char *name,
                                 uint64_t *out)
{
    struct view value;
    enum hufu_err err = archive_meta(a, txn, ARCHIVE_META_OURS, view_str(name), &value);

    if (err != HUFU_OK)
        return err == HUFU_IO ? err : HUFU_CORRUPT;
    return env_number_parse(value, out);
}

static enum hufu_err state_read(const struct archive *a, MDB_txn *txn, struct tail_state *s)
{
    struct view value;
    enum hufu_err err = archive_meta(a, txn, ARCHIVE_META_OURS, view_str(name_frontier), &value);

    if (err == HUFU_NOT_FOUND) { /* before the first group */
        merkle_init(&s->log);
        return HUFU_OK;
    }
    if (err == HUFU_OK)
        err = merkle_get(value, &s->log);
    if (err != HUFU_OK)
        return err == HUFU_IO ? err : HUFU_CORRUPT;
    err = number_read(a, txn, name_time, &s->last_ms);
    if (err == HUFU_OK)
        err = number_read(a, txn, name_groups, &s->groups);
    if (err != HUFU_OK)
        return err;
    err = archive_meta(a, txn, ARCHIVE_META_OURS, view_str(name_digest), &value);
    if (err == HUFU_NOT_FOUND)
        return HUFU_OK;
    if (err != HUFU_OK || value.len != sizeof(s->digest))
        return err == HUFU_IO ? err : HUFU_CORRUPT;
    memcpy(s->digest, value.p, sizeof(s->digest));
    s->has_digest = true;
    return HUFU_OK;
}

/* The lines are those of [0, size) and no others. */
static enum hufu_err lines_check(const struct archive *a, MDB_txn *txn, uint64_t size)
{
    MDB_cursor *cur = NULL;
    MDB_val key, value;
    uint64_t count = 0, last = 0;
    enum hufu_err err = archive_count(a, txn, &count);

    if (err != HUFU_OK || count == 0)
        return err != HUFU_OK ? err : size == 0 ? HUFU_OK : HUFU_CORRUPT;
    err = env_err(mdb_cursor_open(txn, a->entry, &cur));
    if (err != HUFU_OK)
        return err;
    err = env_err(mdb_cursor_get(cur, &key, &value, MDB_LAST));
    if (err == HUFU_OK)
        err = env_seq_parse(&key, &last);
    mdb_cursor_close(cur);
    if (err != HUFU_OK)
        return err;
    return count == size && last == size - 1 ? HUFU_OK : HUFU_CORRUPT;
}

enum hufu_err archive_open(const char *dir, uint64_t bytes, struct archive *a,
                           struct tail_state *state_out)
{
    struct archive got = { 0 };
    struct tail_state state = { 0 };
    MDB_txn *txn = NULL;
    enum hufu_err err = env_open(dir, "journal", bytes, &got.env);

    if (err != HUFU_OK)
        return err;
    err = env_err(mdb_txn_begin(got.env, NULL, 0, &txn));
    if (err != HUFU_OK)
        goto out;
    err = tables_open(&got, txn);
    if (err == HUFU_OK)
        err = state_read(&got, txn, &state);
    if (err == HUFU_OK)
        err = lines_check(&got, txn, state.log.size);
    if (err == HUFU_OK)
        err = archive_check(&got, txn, &state.log);
    if (err != HUFU_OK)
        goto out;
    err = env_err(mdb_txn_commit(txn));
    txn = NULL;
    if (err != HUFU_OK)
        goto out;
    *a = got;
    *state_out = state;
    got.env = NULL;
out:
    mdb_txn_abort(txn);
    archive_close(&got);
    return err == HUFU_FULL ? HUFU_IO : err;
}

void archive_close(struct archive *a)
{
    if (a->env)
        mdb_env_close(a->env);
    *a = (struct archive){ 0 };
}

struct putting {
    const struct archive *a;
    MDB_txn *txn;
    enum hufu_err err; /* of a line */
};

static bool line_put(void *arg, uint64_t index, struct view line)
{
    struct putting *p = arg;
    struct env_seq mem;

    p->err = value_put(p->txn, p->a->entry, env_seq_print(index, &mem), line, MDB_APPEND);
    return p->err == HUFU_OK;
}

static enum hufu_err node_put(void *arg, const struct tail_node *node)
{
    struct putting *p = arg;
    uint8_t key[ARCHIVE_NODE_LEN];

    return value_put(p->txn, p->a->node, node_key(node->level, node->n, key),
                     view_of(node->hash.b, sizeof(node->hash.b)), 0);
}

static enum hufu_err draft_meta_put(void *arg, struct view key, struct view value)
{
    struct putting *p = arg;

    return meta_put(p->a, p->txn, ARCHIVE_META_DRAFT, key, value);
}

static enum hufu_err number_put(const struct putting *p, const char *name, uint64_t number)
{
    struct env_seq mem;

    return meta_put(p->a, p->txn, ARCHIVE_META_OURS, view_str(name),
                    env_number_print(number, &mem));
}

static enum hufu_err state_put(const struct putting *p, const struct tail_state *s)
{
    uint8_t mem[MERKLE_STORED_MAX];
    struct buf b;
    enum hufu_err err;

    buf_fixed(&b, mem, sizeof(mem));
    merkle_put(&s->log, &b);
    err = meta_put(p->a, p->txn, ARCHIVE_META_OURS, view_str(name_frontier), buf_view(&b));
    if (err == HUFU_OK)
        err = number_put(p, name_time, s->last_ms);
    if (err == HUFU_OK)
        err = number_put(p, name_groups, s->groups);
    if (err == HUFU_OK && s->has_digest)
        err = meta_put(p->a, p->txn, ARCHIVE_META_OURS, view_str(name_digest),
                       view_of(s->digest, sizeof(s->digest)));
    return err;
}

enum hufu_err archive_put(struct archive *a, struct tail *t, const struct tail_state *to)
{
    struct putting p = { .a = a };
    struct tail_view view;
    enum hufu_err err = env_err(mdb_txn_begin(a->env, NULL, 0, &p.txn));

    if (err != HUFU_OK)
        return err;
    tail_take(t, &view);
    tail_lines(&view, view.first, to->log.size, line_put, &p);
    err = p.err;
    if (err == HUFU_OK)
        err = tail_nodes(&view, view.first, to->log.size, node_put, &p);
    tail_view_drop(&view);
    if (err == HUFU_OK)
        err = tail_metas(t, to->groups, draft_meta_put, &p);
    if (err == HUFU_OK)
        err = state_put(&p, to);
    if (err != HUFU_OK) {
        mdb_txn_abort(p.txn);
        return err;
    }
    return env_commit(a->env, p.txn);
}
