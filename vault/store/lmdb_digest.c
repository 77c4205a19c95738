#include "vault/store/lmdb_store.h"

#include <string.h>

/* No row has an empty key. */
enum hufu_err lmdb_digest_vouch(struct lmdb_store *s, const uint8_t *sum, const struct merkle *log,
                                uint8_t *out)
{
    uint8_t mem[RESIDENT_SUM_LEN + MERKLE_STORED_MAX];
    struct buf b;

    buf_fixed(&b, mem, sizeof(mem));
    buf_put(&b, sum, RESIDENT_SUM_LEN);
    merkle_put(log, &b);
    return s->set.hooks.digest(s->set.hooks.arg, view_str(""), log->size, buf_view(&b), out);
}

/* The sum over all resident rows, under journal_mu: no row changes meanwhile. */
static enum hufu_err digest_sum(struct lmdb_store *s, uint8_t out[static RESIDENT_SUM_LEN])
{
    const struct store_hooks *hooks = &s->set.hooks;
    uint8_t sum[RESIDENT_SUM_LEN] = { 0 }, one[RESIDENT_SUM_LEN];

    for (size_t i = 0; i < s->resident.count; i++) {
        const struct resident_row *row = s->resident.row[i];
        enum hufu_err err =
            hooks->digest(hooks->arg, resident_key(row), row->seq, resident_image(row), one);

        if (err != HUFU_OK)
            return err;
        resident_sum_add(sum, one);
    }
    for (size_t i = 0; i < sizeof(sum); i++)
        out[i] = sum[i];
    return HUFU_OK;
}

static void sum_set(struct lmdb_store *s, const uint8_t sum[static RESIDENT_SUM_LEN])
{
    memcpy(s->sum, sum, sizeof(s->sum));
    s->has_sum = true;
}

struct vouching {
    struct lmdb_store *s;
    const uint8_t *sum;
};

static enum hufu_err vouch(void *arg, const struct merkle *log,
                           uint8_t out[static SEGMENT_DIGEST_LEN])
{
    const struct vouching *v = arg;

    return lmdb_digest_vouch(v->s, v->sum, log, out);
}

enum hufu_err lmdb_digest_check(struct store *base)
{
    struct lmdb_store *s = (struct lmdb_store *)base;
    uint8_t sum[RESIDENT_SUM_LEN], mac[RESIDENT_SUM_LEN];
    enum hufu_err err = HUFU_OK;

    pthread_mutex_lock(&s->journal_mu);
    if (s->journal.state.has_digest) {
        err = digest_sum(s, sum);
        if (err == HUFU_OK)
            err = lmdb_digest_vouch(s, sum, &s->journal.state.log, mac);
        if (err == HUFU_OK &&
            !view_equal(view_of(mac, sizeof(mac)),
                        view_of(s->journal.state.digest, sizeof(s->journal.state.digest))))
            err = HUFU_CORRUPT;
        if (err == HUFU_OK)
            sum_set(s, sum);
    } else if (s->resident.count > 0) {
        err = HUFU_CORRUPT; /* rows that no digest was ever kept for */
    }
    pthread_mutex_unlock(&s->journal_mu);
    return err;
}

/* Durable at once: from here on a vault without a digest is not ours. */
enum hufu_err lmdb_digest_start(struct store *base)
{
    struct lmdb_store *s = (struct lmdb_store *)base;
    uint8_t sum[RESIDENT_SUM_LEN];
    enum hufu_err err = HUFU_UNAVAILABLE;

    pthread_mutex_lock(&s->journal_mu);
    if (atomic_load(&s->sound))
        err = digest_sum(s, sum);
    if (err == HUFU_OK) {
        struct vouching v = { s, sum };
        struct journal_group only = { .now_ms = s->journal.state.last_ms,
                                      .vouch = vouch,
                                      .arg = &v };

        err = journal_append(&s->journal, &only);
        if (err == HUFU_OK)
            sum_set(s, sum);
        else if (err != HUFU_FULL && err != HUFU_NOMEM && err != HUFU_SEALED)
            lmdb_break(s);
    }
    pthread_mutex_unlock(&s->journal_mu);
    return err;
}
