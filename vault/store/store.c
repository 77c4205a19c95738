#include "vault/store/store.h"

#include "vault/store/operation.h"
#include "vault/store/store_ops.h"

void store_close(struct store *s)
{
    if (s)
        s->ops->close(s);
}

enum hufu_err store_reader_new(struct store *s, struct store_reader **out)
{
    return s->ops->reader_new(s, out);
}

void store_reader_free(struct store_reader *r)
{
    if (r)
        r->ops->reader_free(r);
}

enum hufu_err store_find(struct store_reader *r, struct view key, struct buf *image_out,
                         struct store_seen *seen_out)
{
    return r->ops->find(r, key, image_out, seen_out);
}

enum hufu_err store_scan(struct store_reader *r, struct view prefix, struct view from, size_t max,
                         bool (*each)(void *arg, struct view key, uint64_t seq, struct view image),
                         void *arg, struct buf *next_out)
{
    return r->ops->scan(r, prefix, from, max, each, arg, next_out);
}

enum hufu_err store_submit(struct store *s, struct store_draft *draft)
{
    enum hufu_err err = operation_check(draft);

    return err == HUFU_OK ? s->ops->submit(s, draft) : err;
}

bool store_journal_step(struct store *s)
{
    return s->ops->journal_step(s);
}

bool store_map_step(struct store *s, bool force)
{
    return s->ops->map_step(s, force);
}

void store_hurry(struct store *s, uint64_t seq)
{
    s->ops->hurry(s, seq);
}

void store_journal_wait(struct store *s)
{
    s->ops->journal_wait(s);
}

void store_map_wait(struct store *s)
{
    s->ops->map_wait(s);
}

void store_stop(struct store *s)
{
    s->ops->stop(s);
}

bool store_is_sound(struct store *s)
{
    return s->ops->is_sound(s);
}

enum hufu_err store_digest_check(struct store *s)
{
    return s->ops->digest_check(s);
}

enum hufu_err store_digest_start(struct store *s)
{
    return s->ops->digest_start(s);
}

void store_log(struct store *s, struct merkle *out)
{
    s->ops->log(s, out);
}

enum hufu_err store_meta(struct store_reader *r, struct view key, struct buf *out)
{
    return r->ops->meta(r, key, out);
}

enum hufu_err store_entries(struct store_reader *r, uint64_t index, size_t count,
                            bool (*each)(void *arg, uint64_t index, struct view line), void *arg)
{
    return r->ops->entries(r, index, count, each, arg);
}

enum hufu_err store_hashes(void *arg, unsigned level, uint64_t n, size_t count,
                           struct merkle_hash *out)
{
    struct store_reader *r = arg;

    return r->ops->hashes(r, level, n, count, out);
}

void store_numbers(struct store *s, struct store_numbers *out)
{
    s->ops->numbers(s, out);
}

uint64_t store_made(struct store *s, enum store_table table, uint32_t id)
{
    return s->ops->made(s, table, id);
}
