#include "vault/store/journal.h"

#include <string.h>

static const char name_frontier[] = "frontier";
static const char name_time[] = "time";
static const char name_digest[] = "digest";

static enum hufu_err value_put(MDB_txn *txn, MDB_dbi dbi, struct view key, struct view value,
                               unsigned flags)
{
    MDB_val k = env_val(key), v = env_val(value);

    return env_err(mdb_put(txn, dbi, &k, &v, flags));
}

static enum hufu_err meta_put(const struct journal *j, MDB_txn *txn, uint8_t kind, struct view key,
                              struct view value)
{
    uint8_t mem[JOURNAL_META_MAX];
    struct buf b;

    buf_fixed(&b, mem, sizeof(mem));
    buf_u8(&b, kind);
    buf_put(&b, key.p, key.len);
    if (buf_check(&b) != HUFU_OK)
        return HUFU_FULL;
    return value_put(txn, j->meta, buf_view(&b), value, 0);
}

static enum hufu_err tables_open(struct journal *j, MDB_txn *txn)
{
    MDB_stat lines = { 0 };
    int rc = mdb_dbi_open(txn, "entry", MDB_CREATE, &j->entry);

    if (rc == 0)
        rc = mdb_dbi_open(txn, "write", MDB_CREATE, &j->write);
    if (rc == 0)
        rc = mdb_dbi_open(txn, "node", MDB_CREATE, &j->node);
    if (rc == 0)
        rc = mdb_dbi_open(txn, "meta", MDB_CREATE, &j->meta);
    if (rc == 0)
        rc = mdb_stat(txn, j->entry, &lines);
    if (rc != 0)
        return env_err(rc);
    return env_format(txn, j->meta, JOURNAL_FORMAT, lines.ms_entries == 0);
}

/* First and last number of a table keyed by seq; HUFU_NOT_FOUND where it is empty. */
static enum hufu_err seq_bounds(MDB_txn *txn, MDB_dbi dbi, uint64_t *first_out, uint64_t *last_out)
{
    MDB_cursor *cur = NULL;
    MDB_val key, value;
    enum hufu_err err = env_err(mdb_cursor_open(txn, dbi, &cur));

    if (err != HUFU_OK)
        return err;
    err = env_err(mdb_cursor_get(cur, &key, &value, MDB_FIRST));
    if (err == HUFU_OK)
        err = env_seq_parse(&key, first_out);
    if (err == HUFU_OK)
        err = env_err(mdb_cursor_get(cur, &key, &value, MDB_LAST));
    if (err == HUFU_OK)
        err = env_seq_parse(&key, last_out);
    mdb_cursor_close(cur);
    return err;
}

/* The table holds the numbers of [from, size) and no others; *from_out gets its first. */
static enum hufu_err seq_check(MDB_txn *txn, MDB_dbi dbi, uint64_t size, uint64_t *from_out)
{
    uint64_t first = 0, last = 0;
    MDB_stat st;
    enum hufu_err err = env_err(mdb_stat(txn, dbi, &st));

    if (err != HUFU_OK)
        return err;
    err = seq_bounds(txn, dbi, &first, &last);
    if (err == HUFU_NOT_FOUND) {
        *from_out = size;
        return HUFU_OK;
    }
    if (err != HUFU_OK)
        return err;
    if (size == 0 || last != size - 1 || last - first != st.ms_entries - 1)
        return HUFU_CORRUPT;
    *from_out = first;
    return HUFU_OK;
}

static enum hufu_err state_read(struct journal *j, MDB_txn *txn)
{
    struct view value;
    struct reader r;
    enum hufu_err err =
        journal_meta_find(j, txn, JOURNAL_META_OURS, view_str(name_frontier), &value);

    if (err == HUFU_NOT_FOUND) { /* before the first group */
        merkle_init(&j->log);
        return HUFU_OK;
    }
    if (err == HUFU_OK)
        err = merkle_get(value, &j->log);
    if (err != HUFU_OK)
        return err == HUFU_IO ? err : HUFU_CORRUPT;
    err = journal_meta_find(j, txn, JOURNAL_META_OURS, view_str(name_time), &value);
    if (err != HUFU_OK)
        return err == HUFU_IO ? err : HUFU_CORRUPT;
    reader_init(&r, value.p, value.len);
    j->last_ms = reader_u64(&r);
    if (reader_end(&r) != HUFU_OK)
        return HUFU_CORRUPT;
    err = journal_meta_find(j, txn, JOURNAL_META_OURS, view_str(name_digest), &value);
    if (err == HUFU_NOT_FOUND)
        return HUFU_OK;
    if (err != HUFU_OK || value.len != sizeof(j->digest))
        return err == HUFU_IO ? err : HUFU_CORRUPT;
    memcpy(j->digest, value.p, sizeof(j->digest));
    j->has_digest = true;
    return HUFU_OK;
}

static enum hufu_err state_check(struct journal *j, MDB_txn *txn)
{
    uint64_t first = 0;
    enum hufu_err err = seq_check(txn, j->entry, j->log.size, &first);

    if (err == HUFU_OK && first != 0)
        err = HUFU_CORRUPT; /* lines are kept from the first one on */
    if (err == HUFU_OK)
        err = seq_check(txn, j->write, j->log.size, &j->trimmed);
    return err == HUFU_OK ? journal_check(j, txn) : err;
}

enum hufu_err journal_open(const char *dir, uint64_t bytes, struct journal *j)
{
    struct journal got = { 0 };
    MDB_txn *txn = NULL;
    enum hufu_err err = env_open(dir, "journal", bytes, &got.env);

    if (err != HUFU_OK)
        return err;
    err = env_err(mdb_txn_begin(got.env, NULL, 0, &txn));
    if (err != HUFU_OK)
        goto out;
    err = tables_open(&got, txn);
    if (err == HUFU_OK)
        err = state_read(&got, txn);
    if (err == HUFU_OK)
        err = state_check(&got, txn);
    if (err != HUFU_OK)
        goto out;
    err = env_err(mdb_txn_commit(txn));
    txn = NULL;
    if (err != HUFU_OK)
        goto out;
    *j = got;
    got.env = NULL;
out:
    mdb_txn_abort(txn);
    journal_close(&got);
    return err == HUFU_FULL ? HUFU_IO : err;
}

void journal_close(struct journal *j)
{
    if (j->env)
        mdb_env_close(j->env);
    *j = (struct journal){ 0 };
}

struct grow { /* a group on its way into the transaction */
    const struct journal *j;
    MDB_txn *txn;
    struct merkle log;
    enum hufu_err err; /* of a node */
};

static void node_put(void *arg, unsigned level, uint64_t n, const struct merkle_hash *hash)
{
    struct grow *grow = arg;
    uint8_t key[JOURNAL_NODE_LEN];

    if (grow->err == HUFU_OK)
        grow->err = value_put(grow->txn, grow->j->node, journal_node_print(level, n, key),
                              view_of(hash->b, sizeof(hash->b)), 0);
}

static enum hufu_err items_put(struct grow *grow, const struct journal_group *group)
{
    for (size_t i = 0; i < group->item_count; i++) {
        const struct journal_item *item = &group->item[i];
        struct merkle_hash leaf;
        struct env_seq mem;
        struct view key = env_seq_print(grow->log.size, &mem);
        enum hufu_err err = value_put(grow->txn, grow->j->entry, key, item->line, MDB_APPEND);

        if (err == HUFU_OK)
            err = value_put(grow->txn, grow->j->write, key, item->writes, MDB_APPEND);
        if (err != HUFU_OK)
            return err;
        merkle_leaf(item->line, &leaf);
        merkle_add(&grow->log, &leaf, node_put, grow);
        if (grow->err != HUFU_OK)
            return grow->err;
    }
    return HUFU_OK;
}

/* Deletes at most max writes below `below`; *trimmed follows. */
static enum hufu_err writes_trim(struct grow *grow, uint64_t below, size_t max, uint64_t *trimmed)
{
    for (size_t n = 0; n < max && *trimmed < below; n++) {
        struct env_seq mem;
        MDB_val key = env_val(env_seq_print(*trimmed, &mem));
        enum hufu_err err = env_err(mdb_del(grow->txn, grow->j->write, &key, NULL));

        if (err != HUFU_OK && err != HUFU_NOT_FOUND)
            return err;
        (*trimmed)++;
    }
    return HUFU_OK;
}

static enum hufu_err state_put(struct grow *grow, const struct journal_group *group)
{
    uint8_t mem[MERKLE_STORED_MAX];
    struct buf b;
    enum hufu_err err;

    buf_fixed(&b, mem, sizeof(mem));
    merkle_put(&grow->log, &b);
    err = meta_put(grow->j, grow->txn, JOURNAL_META_OURS, view_str(name_frontier), buf_view(&b));
    buf_fixed(&b, mem, sizeof(mem));
    buf_u64(&b, group->now_ms);
    if (err == HUFU_OK)
        err = meta_put(grow->j, grow->txn, JOURNAL_META_OURS, view_str(name_time), buf_view(&b));
    if (err == HUFU_OK && group->digest)
        err = meta_put(grow->j, grow->txn, JOURNAL_META_OURS, view_str(name_digest),
                       view_of(group->digest, JOURNAL_DIGEST_LEN));
    for (size_t i = 0; i < group->meta_count && err == HUFU_OK; i++)
        err = meta_put(grow->j, grow->txn, JOURNAL_META_DRAFT, group->meta[i].key,
                       group->meta[i].value);
    return err;
}

enum hufu_err journal_append(struct journal *j, const struct journal_group *group)
{
    struct grow grow = { .j = j, .log = j->log };
    uint64_t trimmed = j->trimmed;
    size_t trim_max = 2 * group->item_count + (group->idle ? JOURNAL_TRIM_IDLE : 0);
    enum hufu_err err = env_err(mdb_txn_begin(j->env, NULL, 0, &grow.txn));

    if (err != HUFU_OK)
        return err;
    err = items_put(&grow, group);
    if (err == HUFU_OK)
        err = writes_trim(&grow, group->applied, trim_max, &trimmed);
    if (err == HUFU_OK)
        err = state_put(&grow, group);
    if (err != HUFU_OK) {
        mdb_txn_abort(grow.txn);
        return err;
    }
    err = env_err(mdb_txn_commit(grow.txn));
    if (err != HUFU_OK)
        return err;
    j->log = grow.log;
    j->trimmed = trimmed;
    j->last_ms = group->now_ms;
    if (group->digest) {
        memcpy(j->digest, group->digest, JOURNAL_DIGEST_LEN);
        j->has_digest = true;
    }
    return HUFU_OK;
}
