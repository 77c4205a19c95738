/* Guesses, counted: values that are new to a partner, or asked for in vain. */
#include "vault/row.h"

#include <string.h>

#define GUESSES_OF 100000 /* originals of a bucket for which guesses_per_day is meant */
#define COUNT_LEN  16     /* u64 count, u64 until_ms: FORMATS.md section 4 */

struct tail {       /* lies behind a key's bytes */
    uint64_t limit; /* of its bucket */
    uint64_t until_ms;
};

/* What a partner may try in a day: always the same part of a bucket, but for the small ones. known:
 * what makes the bucket. */
static uint64_t bucket_limit(const struct core *core, const struct domain *d, struct view value,
                             struct format_keep *known)
{
    uint64_t limit = conf_u64(core->conf, CONF_GUESSES_DAY), more;

    if (limit >= LIMIT_OFF)
        return limit;
    if (__builtin_mul_overflow(limit, originals_known(d->originals, d->format, value, known),
                               &more))
        more = UINT64_MAX;
    more /= GUESSES_OF;
    return more > limit ? more : limit;
}

static enum hufu_err put_tail(struct request *req, struct view *key, struct tail tail)
{
    uint8_t *mem = request_take(req, key->len + sizeof(tail));

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    memcpy(mem, key->p, key->len);
    memcpy(mem + key->len, &tail, sizeof(tail));
    key->p = mem;
    return HUFU_OK;
}

static void put_caller(const struct request *req, uint64_t day, struct buf *out)
{
    buf_u32(out, req->who.partner->id);
    buf_u32(out, req->domain->id);
    buf_u64(out, day);
}

enum hufu_err row_guess_key(struct worker *w, struct request *req, struct view value,
                            struct view *key_out)
{
    const struct domain *d = req->domain;
    struct format_keep known = d->keep;
    uint64_t limit = bucket_limit(w->core, d, value, &known), day = row_day(w->core);
    uint8_t mem[FORMAT_PLACES_MAX + 32];
    struct buf whom;
    struct view key;

    *key_out = view_of(NULL, 0);
    if (limit >= LIMIT_OFF)
        return HUFU_OK;
    buf_fixed(&whom, mem, sizeof(mem));
    put_caller(req, day, &whom);
    format_bucket(d->format, known, value, &whom);
    if (row_counter_key(w, req, ROW_NEW_VALUES, &whom, &key) != HUFU_OK ||
        put_tail(req, &key, (struct tail){ limit, (day + 1) * ROW_DAY_MS }) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    *key_out = key;
    return HUFU_OK;
}

enum hufu_err row_find_count(struct worker *w, struct view key, uint64_t *sum_out)
{
    uint8_t mem[COUNT_LEN];
    struct store_seen seen;
    struct buf image;
    struct reader r;
    enum hufu_err err;

    buf_fixed(&image, mem, sizeof(mem));
    err = store_find(w->reader, key, &image, &seen);
    *sum_out = 0;
    if (err == HUFU_NOT_FOUND)
        return HUFU_OK;
    reader_init(&r, image.p, image.len);
    *sum_out = reader_u64(&r);
    return err == HUFU_OK && image.len == COUNT_LEN ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err row_guess_left(struct worker *w, struct request *req, struct view value)
{
    struct view key;
    struct tail tail;
    uint64_t sum;
    enum hufu_err err = row_guess_key(w, req, value, &key);

    if (err != HUFU_OK || key.len == 0)
        return err;
    memcpy(&tail, key.p + key.len, sizeof(tail));
    if (row_find_count(w, key, &sum) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    if (sum < tail.limit)
        return HUFU_OK;
    req->limit = LIMIT_GUESSES;
    return HUFU_RATE_LIMITED;
}

/* A hit adds nothing. It passes where a miss in its place would, or the limit tells the two apart;
 * hits before it in the same draft might have been misses too. */
void row_add_guess(struct store_op *op, struct view key, bool miss, uint64_t hits)
{
    struct tail tail;
    uint64_t room;

    if (key.len == 0)
        return;
    memcpy(&tail, key.p + key.len, sizeof(tail));
    room = tail.limit > hits ? tail.limit - hits : 0;
    op_count(op, key, miss || room == 0 ? 1 : 0, miss || room == 0 ? room : room - 1,
             tail.until_ms);
    op_limit(op, LIMIT_GUESSES);
}

/* As if each hit were a miss, here too. */
enum hufu_err row_count_values(struct worker *w, struct request *req, struct store_op *op,
                               uint64_t misses, uint64_t hits)
{
    uint64_t limit = conf_u64(w->core->conf, CONF_VALUES_DAY), day = row_day(w->core);
    uint8_t mem[16];
    struct view key;
    struct buf whom;

    if (limit >= LIMIT_OFF || misses + hits == 0)
        return HUFU_OK;
    buf_fixed(&whom, mem, sizeof(mem));
    put_caller(req, day, &whom);
    if (row_counter_key(w, req, ROW_ALL_VALUES, &whom, &key) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_count(op, key, hits > limit ? 1 : misses, hits > limit ? 0 : limit - hits,
             (day + 1) * ROW_DAY_MS);
    op_limit(op, LIMIT_VALUES);
    return HUFU_OK;
}

enum hufu_err row_count_guess(struct worker *w, struct request *req, struct store_op *op,
                              struct view value, bool miss)
{
    struct view key;
    enum hufu_err err = row_guess_key(w, req, value, &key);

    if (err != HUFU_OK)
        return err;
    row_add_guess(op, key, miss, 0);
    return row_count_values(w, req, op, miss ? 1 : 0, miss ? 0 : 1);
}
