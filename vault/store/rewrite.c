#include "vault/store/rewrite.h"

#include "vault/store/store_ops.h"

/* Resident rows are in memory too, and in a digest: they are never changed behind their back. */
static bool key_is_good(struct view key)
{
    return key.p && key.len > 0 && key.len <= STORE_KEY_MAX && key.p[0] < STORE_RESIDENT;
}

enum hufu_err store_rewrite(struct store *s, struct store_rewrite *job)
{
    if (!key_is_good(job->prefix) || job->name.len == 0 || job->name.len > REWRITE_NAME_MAX)
        return HUFU_ARG;
    if (job->rows_max == 0 || job->rows_max > REWRITE_ROWS_MAX || !job->each || !job->done)
        return HUFU_ARG;
    return s->ops->rewrite(s, job);
}

enum hufu_err rewrite_find(struct rewrite *rw, struct view key, uint64_t *seq_out,
                           struct view *image_out)
{
    return key_is_good(key) ? rw->ops->rewrite_find(rw, key, seq_out, image_out) : HUFU_ARG;
}

enum hufu_err rewrite_put(struct rewrite *rw, struct view key, uint64_t seq, struct view image)
{
    if (!key_is_good(key) || image.len > STORE_IMAGE_MAX)
        return HUFU_ARG;
    return rw->ops->rewrite_put(rw, key, seq, image);
}

enum hufu_err rewrite_remove(struct rewrite *rw, struct view key)
{
    return key_is_good(key) ? rw->ops->rewrite_remove(rw, key) : HUFU_ARG;
}
