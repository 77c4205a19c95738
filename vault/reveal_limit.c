#include "vault/reveal_limit.h"

#define MINUTE_MS 60000

struct limit { /* of one person; whom: what it is kept for besides */
    enum row_purpose purpose;
    enum conf_id setting;
    enum core_limit what;
};

/* Raises a counter whose window ends at until_ms. */
static enum hufu_err raise(struct worker *w, struct request *req, struct store_op *op,
                           const struct limit *limit, const struct buf *whom, uint64_t add,
                           uint64_t until_ms)
{
    uint64_t most = conf_u64(w->core->conf, limit->setting);
    struct view key;

    if (add == 0 || most >= LIMIT_OFF)
        return HUFU_OK;
    if (row_counter_key(w, req, limit->purpose, whom, &key) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_count(op, key, add, most, until_ms);
    op_limit(op, limit->what);
    return HUFU_OK;
}

/* The budget of this fresh factor: every value counts, seen before or not. */
static enum hufu_err count_factor(struct worker *w, struct request *req, struct store_op *op,
                                  uint64_t add)
{
    uint64_t most = conf_u64(w->core->conf, CONF_REVEALS_FACTOR);
    const struct session *s = &req->who.session;
    uint8_t digest[32], mem[8];
    struct view part[2] = { view_of(s->hash, sizeof(s->hash)) }, key;
    struct buf factor;

    if (add == 0 || most >= LIMIT_OFF)
        return HUFU_OK;
    buf_fixed(&factor, mem, sizeof(mem));
    buf_u64(&factor, s->factor_ms);
    part[1] = buf_view(&factor);
    if (row_digest(w, ROW_REVEALS_FACTOR, part, 2, digest) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    key = row_plain_key(req, TABLE_COUNTER, view_of(digest, sizeof(digest)));
    if (key.p == NULL)
        return HUFU_UNAVAILABLE;
    op_count(op, key, add, most, s->expires_ms);
    op_limit(op, LIMIT_REVEALS_FACTOR);
    return HUFU_OK;
}

/* One row a person: a window begins with the first value after the one before has ended. */
static enum hufu_err count_minute(struct worker *w, struct request *req, struct store_op *op,
                                  uint64_t add)
{
    static const struct limit limit = { ROW_REVEALS_MINUTE, CONF_REVEALS_MINUTE,
                                        LIMIT_REVEALS_MINUTE };
    uint8_t mem[4];
    struct buf whom;

    buf_fixed(&whom, mem, sizeof(mem));
    buf_u32(&whom, req->who.user->id);
    return raise(w, req, op, &limit, &whom, add, row_now(w->core) + MINUTE_MS);
}

static enum hufu_err count_day(struct worker *w, struct request *req, struct store_op *op,
                               const struct limit *limit, struct view more, uint64_t add)
{
    uint8_t mem[12 + REVEAL_SEEN_PURPOSE_LEN];
    uint64_t day = row_day(w->core);
    struct buf whom;

    buf_fixed(&whom, mem, sizeof(mem));
    buf_u32(&whom, req->who.user->id);
    buf_u64(&whom, day);
    buf_put(&whom, more.p, more.len);
    return raise(w, req, op, limit, &whom, add, (day + 1) * ROW_DAY_MS);
}

enum hufu_err reveal_limit_count(struct worker *w, struct request *req, struct store_op *op,
                                 const struct reveal_sums *sums,
                                 const uint8_t purpose[static REVEAL_SEEN_PURPOSE_LEN])
{
    static const struct limit of_day = { ROW_REVEALS_DAY, CONF_REVEALS_DAY, LIMIT_REVEALS_DAY };
    static const struct limit of_purpose = { ROW_REVEALS_PURPOSE, CONF_REVEALS_PURPOSE,
                                             LIMIT_REVEALS_PURPOSE };
    static const struct limit of_misses = { ROW_REVEAL_MISSES, CONF_REVEAL_MISSES,
                                            LIMIT_REVEAL_MISSES };
    struct view none = view_of(NULL, 0), for_it = view_of(purpose, REVEAL_SEEN_PURPOSE_LEN);
    enum hufu_err err = count_factor(w, req, op, sums->revealed);

    if (err == HUFU_OK)
        err = count_minute(w, req, op, sums->revealed);
    if (err == HUFU_OK)
        err = count_day(w, req, op, &of_day, none, sums->distinct);
    if (err == HUFU_OK)
        err = count_day(w, req, op, &of_purpose, for_it, sums->distinct);
    if (err == HUFU_OK)
        err = count_day(w, req, op, &of_misses, none, sums->missed);
    return err;
}
