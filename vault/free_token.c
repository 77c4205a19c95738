#include "vault/free_token.h"

#include <string.h>

#include "vault/base/secret.h"
#include "vault/format/format_tokens.h"
#include "vault/handle.h"

#define DRAWS_MAX 32 /* below half fill, so many in a row fail with probability 2^-32 */

enum sight {
    FREE,
    HELD,  /* no row, but not to be had: this batch has drawn it, or it is the value itself */
    TAKEN, /* for ever */
    FAILED
};

static bool is_value(const struct mapping *it)
{
    return it->token_len == it->value_len && bytes_equal(it->token, it->value, it->value_len);
}

/* Looks at the token that it has; FREE: with its key, and what was seen. */
static enum sight look(struct tokenize_job *job, struct mapping *it)
{
    struct view token = mapping_token(it);
    uint8_t mem[5 + FORMAT_TOKEN_MAX];
    struct buf key;
    enum hufu_err err;

    buf_fixed(&key, mem, sizeof(mem)); /* not from the arena: a search looks at many */
    buf_u8(&key, TABLE_TOKEN);
    buf_be32(&key, job->d->id);
    buf_put(&key, token.p, token.len);
    err = store_find(job->w->reader, buf_view(&key), NULL, &it->token_seen);
    if (err == HUFU_OK)
        return TAKEN;
    if (err != HUFU_NOT_FOUND)
        return FAILED;
    if (mapping_is_drawn(job, token) || is_value(it))
        return HELD;
    it->token_key = row_token_key(job->req, job->d->id, token);
    return it->token_key.p == NULL ? FAILED : FREE;
}

/* What stays in clear tells buckets apart; a domain may come to keep something else. */
static void name_bucket(const struct tokenize_job *job, const struct mapping *it,
                        struct remnant *out)
{
    uint8_t mem[REMNANT_NAME_MAX];
    struct buf name;

    buf_fixed(&name, mem, sizeof(mem));
    buf_be32(&name, job->d->id);
    buf_u8(&name, job->d->keep.prefix);
    buf_u8(&name, job->d->keep.suffix);
    format_bucket(job->d->format, job->d->keep, view_of(it->value, it->value_len), &name);
    remnant_init(out, buf_view(&name));
}

static enum hufu_err begin(struct tokenize_job *job, const struct remnant *search, uint64_t count)
{
    uint64_t seed[2];

    if (draw_bytes(&job->w->draw, (uint8_t *)seed, sizeof(seed)) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    remnant_begin(job->w->core->remnants, search, count, seed);
    return HUFU_OK;
}

/* Goes on where the last search in this bucket ended. */
static enum hufu_err search_on(struct tokenize_job *job, struct mapping *it, struct remnant *search)
{
    struct remnants *all = job->w->core->remnants;
    struct format_tokens bucket;
    enum sight sight = TAKEN;

    if (format_tokens_init(job->d->format, job->d->keep, view_of(it->value, it->value_len),
                           &bucket) != HUFU_OK)
        return HUFU_EXHAUSTED; /* too many to go through: too many to be taken */
    if (!remnant_is_begun(all, search) && begin(job, search, bucket.count) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    it->token_len = it->value_len;
    while (sight == TAKEN || sight == HELD) {
        if (job->searched == FREE_TOKEN_STEPS || !remnant_next(all, search))
            return HUFU_EXHAUSTED;
        job->searched++;
        sight = format_tokens_at(&bucket, search->n, it->token) ? look(job, it) : TAKEN;
        remnant_settle(all, search, sight == TAKEN);
    }
    return sight == FREE ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err free_token_find(struct tokenize_job *job, struct mapping *it)
{
    struct view value = view_of(it->value, it->value_len);
    bool is_begun = false;
    struct remnant search;

    for (int i = 0; i < DRAWS_MAX && !is_begun; i++) {
        enum hufu_err err = format_draw_any(job->d->format, job->d->keep, value, &job->w->draw,
                                            it->token, &it->token_len);
        enum sight sight;

        if (err != HUFU_OK)
            return err == HUFU_EXHAUSTED ? err : HUFU_UNAVAILABLE;
        sight = look(job, it);
        if (sight == FREE || sight == FAILED)
            return sight == FREE ? HUFU_OK : HUFU_UNAVAILABLE;
        if (i == 0)
            name_bucket(job, it, &search);
        is_begun = remnant_is_begun(job->w->core->remnants, &search);
    }
    return search_on(job, it, &search);
}
