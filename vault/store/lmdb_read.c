#include "vault/store/lmdb_store.h"

#include <stdlib.h>

static struct lmdb_reader *reader_of(struct store_reader *r)
{
    return (struct lmdb_reader *)r;
}

/* A handle of the reader's in one environment: begun the first time, renewed later. */
static enum hufu_err txn_begin(MDB_env *env, MDB_txn **txn)
{
    return env_err(*txn ? mdb_txn_renew(*txn) : mdb_txn_begin(env, NULL, MDB_RDONLY, txn));
}

enum hufu_err lmdb_map_begin(struct lmdb_reader *r, MDB_txn **out)
{
    enum hufu_err err = txn_begin(r->store->map.env, &r->map_txn);

    if (err == HUFU_OK)
        *out = r->map_txn;
    return err;
}

void lmdb_map_end(struct lmdb_reader *r)
{
    mdb_txn_reset(r->map_txn);
}

void lmdb_reader_done(struct lmdb_reader *r)
{
    mdb_txn_abort(r->map_txn);
    mdb_txn_abort(r->journal_txn);
    r->map_txn = r->journal_txn = NULL;
}

enum hufu_err lmdb_reader_new(struct store *s, struct store_reader **out)
{
    struct lmdb_reader *r = calloc(1, sizeof(*r));

    if (!r)
        return HUFU_NOMEM;
    r->base.ops = s->ops;
    r->store = (struct lmdb_store *)s;
    *out = &r->base;
    return HUFU_OK;
}

void lmdb_reader_free(struct store_reader *r)
{
    lmdb_reader_done(reader_of(r));
    free(r);
}

/* Gives a row out. Nothing is appended where the image does not fit. */
static enum hufu_err image_give(struct view image, struct buf *image_out)
{
    if (!image_out)
        return HUFU_OK;
    if (image.len > image_out->max - image_out->len)
        return HUFU_RANGE;
    buf_put(image_out, image.p, image.len);
    return buf_check(image_out);
}

static enum hufu_err resident_find(struct lmdb_reader *r, struct view key, struct buf *image_out,
                                   struct store_seen *seen)
{
    struct resident_row *row = resident_get(&r->store->resident, key);
    enum hufu_err err;

    if (!row)
        return HUFU_NOT_FOUND;
    seen->seq = row->seq;
    err = image_give(resident_image(row), image_out);
    resident_row_drop(row);
    return err;
}

static enum hufu_err map_find(struct lmdb_reader *r, struct view key, struct buf *image_out,
                              struct store_seen *seen)
{
    struct view image;
    MDB_txn *txn;
    uint64_t seq;
    enum hufu_err err = lmdb_map_begin(r, &txn);

    if (err != HUFU_OK)
        return HUFU_IO;
    err = map_get(&r->store->map, txn, key, &seq, &image);
    if (err == HUFU_OK) {
        seen->seq = seq;
        err = image_give(image, image_out);
    }
    lmdb_map_end(r);
    return err == HUFU_OK || err == HUFU_NOT_FOUND || err == HUFU_RANGE ? err : HUFU_IO;
}

/*
 * The references come first, the map's transaction after them: a row that leaves a generation is in
 * the map by then. `applied` is of the same moment as the references; judge.c builds on that.
 */
enum hufu_err lmdb_find(struct store_reader *reader, struct view key, struct buf *image_out,
                        struct store_seen *seen_out)
{
    struct lmdb_reader *r = reader_of(reader);
    const struct generation_row *row;
    struct recent_view view;
    struct store_seen seen = { .seq = STORE_ABSENT };
    enum hufu_err err = HUFU_NOT_FOUND;

    recent_take(&r->store->recent, &view);
    seen.applied = view.applied;
    if (key.len > 0 && key.len <= STORE_KEY_MAX) {
        row = resident_has(key) ? NULL : recent_find(&view, key);
        if (resident_has(key)) {
            err = resident_find(r, key, image_out, &seen);
        } else if (!row) {
            err = map_find(r, key, image_out, &seen);
        } else if (!row->removed) {
            seen.seq = row->seq;
            err = image_give(generation_image(row), image_out);
        }
    }
    recent_drop(&view);
    *seen_out = seen;
    return err;
}

/* The tail first, the archive's transaction after it: what leaves the tail is in the archive. */
static enum hufu_err log_begin(struct lmdb_reader *r, struct tail_view *tail)
{
    enum hufu_err err;

    tail_take(&r->store->journal.tail, tail);
    err = txn_begin(r->store->journal.archive.env, &r->journal_txn);
    if (err != HUFU_OK)
        tail_view_drop(tail);
    return err == HUFU_OK ? err : HUFU_IO;
}

static void log_end(struct lmdb_reader *r, struct tail_view *tail)
{
    mdb_txn_reset(r->journal_txn);
    tail_view_drop(tail);
}

enum hufu_err lmdb_meta(struct store_reader *reader, struct view key, struct buf *out)
{
    struct lmdb_reader *r = reader_of(reader);
    struct journal *j = &r->store->journal;
    struct view value;
    enum hufu_err err = tail_meta_get(&j->tail, key, out);

    if (err != HUFU_NOT_FOUND)
        return err;
    if (txn_begin(j->archive.env, &r->journal_txn) != HUFU_OK)
        return HUFU_IO;
    err = archive_meta(&j->archive, r->journal_txn, ARCHIVE_META_DRAFT, key, &value);
    if (err == HUFU_OK)
        err = image_give(value, out);
    mdb_txn_reset(r->journal_txn);
    return err;
}

enum hufu_err lmdb_entries(struct store_reader *reader, uint64_t index, size_t count,
                           bool (*each)(void *arg, uint64_t index, struct view line), void *arg)
{
    struct lmdb_reader *r = reader_of(reader);
    struct tail_view tail;
    enum hufu_err err = log_begin(r, &tail);

    if (err != HUFU_OK)
        return err;
    err = journal_lines(&r->store->journal, &tail, r->journal_txn, index, count, each, arg);
    log_end(r, &tail);
    return err;
}

enum hufu_err lmdb_hashes(struct store_reader *reader, unsigned level, uint64_t n, size_t count,
                          struct merkle_hash *out)
{
    struct lmdb_reader *r = reader_of(reader);
    struct tail_view tail;
    enum hufu_err err = log_begin(r, &tail);

    if (err != HUFU_OK)
        return err;
    err = journal_hashes(&r->store->journal, &tail, r->journal_txn, level, n, count, out);
    log_end(r, &tail);
    return err;
}
