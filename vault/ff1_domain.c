#include "vault/ff1_domain.h"

#include <string.h>

#include "vault/base/secret.h"
#include "vault/format/format_rank.h"
#include "vault/manage.h"

#define WALK_MAX   64                      /* encryptions of one value: one or two are usual */
#define BUCKET_MAX (FORMAT_PLACES_MAX + 8) /* bytes that format_bucket appends */
#define TWEAK_MAX  (BUCKET_MAX + 6)        /* two lengths and the domain's id */

_Static_assert(TWEAK_MAX <= FF1_TWEAK_MAX, "a tweak that FF1 takes");

struct batch { /* values that are encrypted at once: one radix, one length, tweaks of one length */
    const struct tokenize_job *job;
    const struct key *key;
    struct ff1_lot lot;
    struct mapping *item[FF1_BATCH];
    uint16_t symbol[FF1_BATCH * FORMAT_RANK_MAX]; /* SECRET */
    uint8_t tweak[FF1_BATCH * TWEAK_MAX];
};

/* A key that can never be rotated is none to begin with. */
enum hufu_err ff1_domain_fits(const struct format *fmt, struct format_keep keep)
{
    uint32_t generations;
    enum hufu_err err = format_rank_check(fmt, keep, &generations);

    return err == HUFU_OK && generations < 2 ? HUFU_UNSUPPORTED_MODE : err;
}

/* Made from the format alone: no input stands in it. */
static void say_widest(struct request *req, const struct domain *d)
{
    uint8_t *mem = request_take(req, MSG_DETAIL_MAX);
    size_t before;
    struct buf b;

    if (mem == NULL)
        return;
    buf_fixed(&b, mem, MSG_DETAIL_MAX);
    buf_str(&b, "in ff1 mode at least 10^6 originals must share what stays; the widest that may "
                "stay: ");
    before = b.len;
    format_rank_widest(d->format, &b);
    if (buf_check(&b) == HUFU_OK && b.len == before)
        buf_str(&b, "nothing, this format has too few");
    if (buf_check(&b) == HUFU_OK)
        req->detail = buf_view(&b);
}

static bool has_entrusted(struct core *core, const struct domain *d)
{
    for (size_t i = 0; i < d->partner_count; i++) {
        const struct partner *p = directory_partner_id(core->dir, d->partner[i]);

        if (p == NULL || ff1_domain_bars(d, p))
            return true;
    }
    return false;
}

enum hufu_err ff1_domain_judge(struct worker *w, struct request *req, const struct domain *d,
                               struct msg_where *where)
{
    struct view said = msg_text(&req->msg, MSG_TOKEN_CHECK);
    enum hufu_err err = ff1_domain_fits(d->format, d->keep);

    if (err == HUFU_DOMAIN_SMALL) {
        say_widest(req, d);
        return manage_at(where, MSG_KEEP, HUFU_BAD_REQUEST);
    }
    if (msg_has(&req->msg, MSG_EXPIRES_IN))
        return manage_at(where, MSG_EXPIRES_IN, HUFU_BAD_REQUEST);
    if (err != HUFU_OK)
        return manage_at(where, MSG_MODE, HUFU_UNSUPPORTED_MODE);
    if (has_entrusted(w->core, d))
        return manage_at(where, MSG_PARTNERS, HUFU_UNSUPPORTED_MODE);
    if (said.len > 0 && !view_is(said, "fail"))
        return manage_at(where, MSG_TOKEN_CHECK, HUFU_UNSUPPORTED_MODE);
    if (msg_bool(&req->msg, MSG_CONSENT_REQUIRED)) /* it would be kept nowhere */
        return manage_at(where, MSG_CONSENT_REQUIRED, HUFU_UNSUPPORTED_MODE);
    return HUFU_OK;
}

enum hufu_err ff1_domain_judge_tokenize(const struct msg_request *msg, struct msg_where *where)
{
    if (msg_has(msg, MSG_EXPIRES_IN))
        return manage_at(where, MSG_EXPIRES_IN, HUFU_UNSUPPORTED_MODE);
    if (msg_has(msg, MSG_USES))
        return manage_at(where, MSG_USES, HUFU_UNSUPPORTED_MODE);
    return HUFU_OK;
}

/* lv8 domain id be32, lv8 bucket: two domains, or two buckets of one, never share a permutation,
 * and no two pairs give the same bytes. */
static enum hufu_err lay_tweak(const struct domain *d, struct view value,
                               uint8_t out[static TWEAK_MAX], size_t *len_out)
{
    uint8_t id_mem[4], bucket_mem[BUCKET_MAX];
    struct buf id, bucket, tweak;

    buf_fixed(&id, id_mem, sizeof(id_mem));
    buf_be32(&id, d->id);
    buf_fixed(&bucket, bucket_mem, sizeof(bucket_mem));
    format_bucket(d->format, d->keep, value, &bucket);
    buf_fixed(&tweak, out, TWEAK_MAX);
    buf_lv8(&tweak, id.p, id.len);
    buf_lv8(&tweak, bucket.p, bucket.len);
    if (buf_check(&bucket) != HUFU_OK || buf_check(&tweak) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    *len_out = tweak.len;
    return HUFU_OK;
}

/* Goes on from a rank until it is one that the bucket of like has: that original. Both ways meet
 * the same ranks, so what one finds in WALK_MAX steps the other does too. */
static enum hufu_err walk(struct worker *w, const struct domain *d, const struct key *key,
                          enum crypt_way way, struct view like, struct format_rank *rank,
                          uint8_t out[static FORMAT_PLACES_MAX])
{
    uint8_t tweak[TWEAK_MAX];
    struct ff1_lot lot = { .radix = rank->radix, .len = rank->len, .count = 1, .tweak = tweak };
    enum hufu_err err = lay_tweak(d, like, tweak, &lot.tweak_len);

    for (int i = 0; i < WALK_MAX && err == HUFU_OK; i++) {
        if (crypt_ff1(w->crypt, key, way, &lot, rank->symbol, rank->symbol) != HUFU_OK)
            return HUFU_UNAVAILABLE;
        err = format_unrank(d->format, d->keep, like, rank, out);
        if (err != HUFU_RANGE)
            return err == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
        err = HUFU_OK;
    }
    return HUFU_UNAVAILABLE;
}

/* The token of one value, whose rank was encrypted once. */
static enum hufu_err make_token(struct batch *b, size_t i)
{
    const struct domain *d = b->job->d;
    struct mapping *it = b->item[i];
    struct view value = view_of(it->value, it->value_len);
    struct format_rank rank = { .radix = b->lot.radix, .len = b->lot.len };
    uint8_t original[FORMAT_PLACES_MAX];
    enum hufu_err err;

    memcpy(rank.symbol, b->symbol + i * rank.len, rank.len * sizeof(rank.symbol[0]));
    err = format_unrank(d->format, d->keep, value, &rank, original);
    if (err == HUFU_RANGE)
        err = walk(b->job->w, d, b->key, CRYPT_ENCRYPT, value, &rank, original);
    if (err != HUFU_OK)
        return HUFU_UNAVAILABLE;
    format_rank_mark(d->format, d->keep, view_of(original, it->value_len), b->key->version,
                     it->token);
    it->token_len = it->value_len;
    it->created = true;
    it->is_fresh_value = true; /* nobody remembers whether it is */
    return HUFU_OK;
}

static enum hufu_err settle(struct batch *b)
{
    enum hufu_err err = HUFU_OK;

    if (b->lot.count > 0 && crypt_ff1(b->job->w->crypt, b->key, CRYPT_ENCRYPT, &b->lot, b->symbol,
                                      b->symbol) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    for (size_t i = 0; i < b->lot.count && err == HUFU_OK; i++)
        err = make_token(b, i);
    b->lot.count = 0;
    return err;
}

/* Those that differ in shape from what waits let it go first. */
static enum hufu_err add(struct batch *b, struct mapping *it)
{
    struct view value = view_of(it->value, it->value_len);
    const struct domain *d = b->job->d;
    struct ff1_lot *lot = &b->lot;
    uint8_t tweak[TWEAK_MAX];
    struct format_rank rank;
    size_t tweak_len = 0;
    enum hufu_err err = HUFU_OK;

    if (format_rank(d->format, d->keep, value, &rank) != HUFU_OK ||
        lay_tweak(d, value, tweak, &tweak_len) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    if (lot->count == FF1_BATCH || rank.radix != lot->radix || rank.len != lot->len ||
        tweak_len != lot->tweak_len)
        err = settle(b);
    lot->radix = rank.radix;
    lot->len = rank.len;
    lot->tweak_len = lot->tweak_step = tweak_len;
    memcpy(b->symbol + lot->count * rank.len, rank.symbol, rank.len * sizeof(rank.symbol[0]));
    memcpy(b->tweak + lot->count * tweak_len, tweak, tweak_len);
    b->item[lot->count++] = it;
    wipe(&rank, sizeof(rank));
    return err;
}

enum hufu_err ff1_domain_tokenize(struct tokenize_job *job)
{
    struct batch *b = request_take(job->req, sizeof(*b)); /* wiped with the request */
    enum hufu_err err = HUFU_OK;

    if (b == NULL)
        return HUFU_UNAVAILABLE;
    b->job = job;
    b->key = keyring_active(job->w->core->ring, job->d->id, KEY_FF1);
    b->lot = (struct ff1_lot){ .tweak = b->tweak };
    if (b->key == NULL)
        return HUFU_UNAVAILABLE;
    for (size_t i = 0; i < job->count && err == HUFU_OK; i++)
        if (job->item[i].err == HUFU_OK)
            err = add(b, &job->item[i]);
    return err == HUFU_OK ? settle(b) : err;
}

bool ff1_domain_is_token(const struct domain *d, struct view text)
{
    uint8_t original[FORMAT_PLACES_MAX];
    uint32_t generation;

    return format_rank_unmark(d->format, d->keep, text, &generation, original) == HUFU_OK;
}

/* The key whose mark a token bears, NULL where it is gone; original: the token without its mark. No
 * two keys ever make one mark (ff1_domain_may_rotate). */
static const struct key *key_of(struct keyring *ring, const struct domain *d,
                                const struct key *active, struct view token, struct view original)
{
    uint8_t marked[FORMAT_PLACES_MAX];

    for (uint32_t version = active->version; version > 0; version--) {
        const struct key *key = keyring_find(ring, d->id, KEY_FF1, version);

        if (key == NULL)
            continue;
        format_rank_mark(d->format, d->keep, original, version, marked);
        if (view_equal(view_of(marked, token.len), token))
            return key;
    }
    return NULL;
}

bool ff1_domain_has_token(struct worker *w, const struct domain *d, struct view text)
{
    const struct key *active = keyring_active(w->core->ring, d->id, KEY_FF1);
    uint8_t original[FORMAT_PLACES_MAX];
    uint32_t generation;

    return active != NULL &&
           format_rank_unmark(d->format, d->keep, text, &generation, original) == HUFU_OK &&
           key_of(w->core->ring, d, active, text, view_of(original, text.len)) != NULL;
}

enum hufu_err ff1_domain_find(struct worker *w, const struct domain *d, struct token *t)
{
    const struct key *active = keyring_active(w->core->ring, d->id, KEY_FF1), *key;
    struct view text = view_of(t->text, t->len), original;
    uint8_t original_mem[FORMAT_PLACES_MAX], value[FORMAT_PLACES_MAX];
    struct format_rank rank;
    uint32_t generation;
    enum hufu_err err;

    if (active == NULL ||
        format_rank_unmark(d->format, d->keep, text, &generation, original_mem) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    original = view_of(original_mem, t->len);
    if (format_rank(d->format, d->keep, original, &rank) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    key = key_of(w->core->ring, d, active, text, original);
    err = walk(w, d, key != NULL ? key : active, CRYPT_DECRYPT, original, &rank, value);
    if (err == HUFU_OK && key == NULL)
        err = HUFU_NOT_FOUND;
    if (err == HUFU_OK) {
        t->rec = (struct record){ .state = RECORD_ACTIVE, .value_len = t->len };
        memcpy(t->rec.value, value, t->len);
    }
    wipe(&rank, sizeof(rank));
    wipe(value, sizeof(value));
    return err;
}

/* True for a version that has ever had a row: one that was made and never committed has none. */
static bool is_used(struct keyring *ring, const struct domain *d, uint32_t version)
{
    const struct key *key = keyring_find(ring, d->id, KEY_FF1, version);

    return key != NULL ? atomic_load(&key->state) != KEY_PRE_ACTIVE
                       : keyring_has(ring, d->id, KEY_FF1, version);
}

enum hufu_err ff1_domain_may_rotate(struct core *core, const struct domain *d, const char *kind)
{
    uint32_t generations, next = 1;

    if (!ff1_domain_is(d))
        return HUFU_OK;
    if (strcmp(kind, "rotate-index-key") == 0)
        return HUFU_UNSUPPORTED_MODE;
    if (format_rank_check(d->format, d->keep, &generations) != HUFU_OK)
        return HUFU_UNSUPPORTED_MODE;
    while (is_used(core->ring, d, next))
        next++;
    return next <= generations ? HUFU_OK : HUFU_UNSUPPORTED_MODE;
}
