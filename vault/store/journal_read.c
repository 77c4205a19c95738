#include "vault/store/journal.h"

#include <string.h>

#define LEVEL_BITS  8 /* a tile level: 2^8 hashes of the level below */
#define LEVEL_COUNT 8 /* 64 bits of size */

enum hufu_err journal_meta_find(const struct journal *j, MDB_txn *txn, uint8_t kind,
                                struct view key, struct view *out)
{
    uint8_t mem[JOURNAL_META_MAX];
    MDB_val k, v;
    struct buf b;
    int rc;

    buf_fixed(&b, mem, sizeof(mem));
    buf_u8(&b, kind);
    buf_put(&b, key.p, key.len);
    if (buf_check(&b) != HUFU_OK)
        return HUFU_NOT_FOUND;
    k = env_val(buf_view(&b));
    rc = mdb_get(txn, j->meta, &k, &v);
    if (rc == 0)
        *out = env_view(&v);
    return env_err(rc);
}

enum hufu_err journal_meta_get(const struct journal *j, MDB_txn *txn, struct view key,
                               struct buf *out)
{
    struct view value;
    enum hufu_err err = journal_meta_find(j, txn, JOURNAL_META_DRAFT, key, &value);

    if (err != HUFU_OK)
        return err;
    if (value.len > out->max - out->len)
        return HUFU_RANGE;
    buf_put(out, value.p, value.len);
    return buf_check(out);
}

struct view journal_node_print(unsigned level, uint64_t n, uint8_t out[static JOURNAL_NODE_LEN])
{
    struct buf b;

    buf_fixed(&b, out, JOURNAL_NODE_LEN);
    buf_u8(&b, (uint8_t)level);
    buf_be64(&b, n);
    return view_of(out, JOURNAL_NODE_LEN);
}

/* Hands count values of a table keyed by seq to each(); every number must be there. */
static enum hufu_err seq_walk(MDB_txn *txn, MDB_dbi dbi, uint64_t from, uint64_t count,
                              enum hufu_err (*each)(void *arg, uint64_t seq, struct view value),
                              void *arg)
{
    MDB_cursor *cur = NULL;
    struct env_seq mem;
    MDB_val key = env_val(env_seq_print(from, &mem)), value;
    MDB_cursor_op op = MDB_SET_KEY;
    enum hufu_err err = env_err(mdb_cursor_open(txn, dbi, &cur));
    uint64_t seq = 0;

    if (err != HUFU_OK)
        return err;
    for (uint64_t i = 0; i < count && err == HUFU_OK; i++, op = MDB_NEXT) {
        err = env_err(mdb_cursor_get(cur, &key, &value, op));
        if (err == HUFU_OK)
            err = env_seq_parse(&key, &seq);
        if (err == HUFU_NOT_FOUND || (err == HUFU_OK && seq != from + i))
            err = HUFU_CORRUPT;
        if (err == HUFU_OK)
            err = each(arg, seq, env_view(&value));
    }
    mdb_cursor_close(cur);
    return err;
}

enum hufu_err journal_read(const struct journal *j, uint64_t from,
                           enum hufu_err (*each)(void *arg, uint64_t seq, struct view writes),
                           void *arg)
{
    MDB_txn *txn = NULL;
    enum hufu_err err;

    if (from > j->log.size || (from < j->trimmed && j->trimmed < j->log.size))
        return HUFU_CORRUPT;
    err = env_err(mdb_txn_begin(j->env, NULL, MDB_RDONLY, &txn));
    if (err != HUFU_OK)
        return err;
    err = seq_walk(txn, j->write, from, j->log.size - from, each, arg);
    mdb_txn_abort(txn);
    return err;
}

struct lines { /* the caller's each, which ends the walk by false */
    bool (*each)(void *arg, uint64_t index, struct view line);
    void *arg;
};

static enum hufu_err line_pass(void *arg, uint64_t seq, struct view line)
{
    const struct lines *lines = arg;

    return lines->each(lines->arg, seq, line) ? HUFU_OK : HUFU_CLOSED;
}

/* Lines that this transaction sees: all committed, since lines are never taken away. */
static enum hufu_err lines_count(const struct journal *j, MDB_txn *txn, uint64_t *out)
{
    MDB_stat st;
    enum hufu_err err = env_err(mdb_stat(txn, j->entry, &st));

    if (err == HUFU_OK)
        *out = st.ms_entries;
    return err;
}

enum hufu_err journal_lines(const struct journal *j, MDB_txn *txn, uint64_t index, size_t count,
                            bool (*each)(void *arg, uint64_t index, struct view line), void *arg)
{
    struct lines lines = { each, arg };
    uint64_t size = 0;
    enum hufu_err err = lines_count(j, txn, &size);

    if (err != HUFU_OK)
        return err;
    if (index > size || count > size - index)
        return HUFU_RANGE;
    err = seq_walk(txn, j->entry, index, count, line_pass, &lines);
    return err == HUFU_CLOSED ? HUFU_OK : err;
}

struct leaves {
    struct merkle_hash *out;
    uint64_t first;
};

static enum hufu_err leaf_read(void *arg, uint64_t seq, struct view line)
{
    struct leaves *leaves = arg;

    merkle_leaf(line, &leaves->out[seq - leaves->first]);
    return HUFU_OK;
}

static enum hufu_err node_read(const struct journal *j, MDB_txn *txn, unsigned level, uint64_t n,
                               struct merkle_hash *out)
{
    uint8_t mem[JOURNAL_NODE_LEN];
    MDB_val key = env_val(journal_node_print(level, n, mem)), value;
    enum hufu_err err = env_err(mdb_get(txn, j->node, &key, &value));

    if (err == HUFU_NOT_FOUND || (err == HUFU_OK && value.mv_size != sizeof(out->b)))
        return HUFU_CORRUPT;
    if (err == HUFU_OK)
        memcpy(out->b, value.mv_data, sizeof(out->b));
    return err;
}

enum hufu_err journal_hashes(const struct journal *j, MDB_txn *txn, unsigned level, uint64_t n,
                             size_t count, struct merkle_hash *out)
{
    struct leaves leaves = { out, n };
    uint64_t size = 0;
    enum hufu_err err = lines_count(j, txn, &size);

    if (err != HUFU_OK)
        return err;
    if (level >= LEVEL_COUNT)
        return HUFU_RANGE;
    size >>= level * LEVEL_BITS; /* complete subtrees of that level */
    if (n > size || count > size - n)
        return HUFU_RANGE;
    if (level == 0)
        return seq_walk(txn, j->entry, n, count, leaf_read, &leaves);
    for (size_t i = 0; i < count && err == HUFU_OK; i++)
        err = node_read(j, txn, level, n + i, &out[i]);
    return err;
}

/*
 * The last, partial tile of a level gives the frontier's peaks of eight bits of size: it is a small
 * tree of its own whose leaves are the tile's hashes.
 */
static enum hufu_err level_check(const struct journal *j, MDB_txn *txn, unsigned level)
{
    uint64_t whole = j->log.size >> (level * LEVEL_BITS);
    size_t count = (size_t)(whole % MERKLE_TILE_WIDTH);
    struct merkle_hash hash[MERKLE_TILE_WIDTH];
    struct merkle tile;
    enum hufu_err err = journal_hashes(j, txn, level, whole - count, count, hash);

    if (err != HUFU_OK)
        return err == HUFU_RANGE ? HUFU_CORRUPT : err;
    merkle_init(&tile);
    for (size_t i = 0; i < count; i++)
        merkle_add(&tile, &hash[i], NULL, NULL);
    for (unsigned bit = 0; bit < LEVEL_BITS; bit++)
        if ((count >> bit & 1) &&
            !view_equal(view_of(tile.peak[bit].b, MERKLE_HASH_LEN),
                        view_of(j->log.peak[level * LEVEL_BITS + bit].b, MERKLE_HASH_LEN)))
            return HUFU_CORRUPT;
    return HUFU_OK;
}

enum hufu_err journal_check(const struct journal *j, MDB_txn *txn)
{
    enum hufu_err err = HUFU_OK;

    for (unsigned level = 0; level < LEVEL_COUNT && err == HUFU_OK; level++)
        err = level_check(j, txn, level);
    return err;
}
