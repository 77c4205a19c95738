#include "vault/lookup_share.h"

#define MISS     (1ULL << 32)
#define HALF_MAX (1ULL << 31) /* of hits, and of misses: never near the other half */

/* m misses beside h hits are at most p in a hundred where m * (100 - p) <= h * p. */
static uint64_t allowed_for(const struct conf *conf, uint64_t hits)
{
    uint64_t base = conf_u64(conf, CONF_LOOKUP_MISSES), p = conf_u64(conf, CONF_LOOKUP_SHARE);
    uint64_t allowed = hits * p / (100 - p);

    if (allowed < base)
        return base;
    return allowed < HALF_MAX ? allowed : HALF_MAX;
}

enum hufu_err lookup_share_find(struct worker *w, struct request *req, struct lookup_share *out)
{
    const struct conf *conf = w->core->conf;
    uint64_t day = row_day(w->core), sum, hits;
    struct lookup_share share = { .until_ms = (day + 1) * ROW_DAY_MS };
    uint8_t mem[16];
    struct buf whom;

    *out = share;
    if (conf_u64(conf, CONF_LOOKUP_MISSES) >= LIMIT_OFF || conf_u64(conf, CONF_LOOKUP_SHARE) == 100)
        return HUFU_OK;
    buf_fixed(&whom, mem, sizeof(mem));
    buf_u32(&whom, req->who.partner->id);
    buf_u32(&whom, req->domain->id);
    buf_u64(&whom, day);
    if (row_counter_key(w, req, ROW_LOOKUPS, &whom, &share.key) != HUFU_OK ||
        row_find_count(w, share.key, &sum) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    hits = sum % MISS;
    share.hit = hits < HALF_MAX ? 1 : 0;
    share.allowed = allowed_for(conf, hits);
    if (sum / MISS >= share.allowed) {
        req->limit = LIMIT_LOOKUPS;
        return HUFU_RATE_LIMITED;
    }
    *out = share;
    return HUFU_OK;
}

/* A hit passes while one more miss would. Hits that came since the worker looked are left out of
 * what is allowed: that errs on the strict side. */
void lookup_share_count(struct store_op *op, const struct lookup_share *share, bool miss)
{
    uint64_t misses = miss ? share->allowed : share->allowed - 1;

    if (share->key.len == 0)
        return;
    op_count(op, share->key, miss ? MISS : share->hit, misses * MISS + (MISS - 1), share->until_ms);
    op_limit(op, LIMIT_LOOKUPS);
}
