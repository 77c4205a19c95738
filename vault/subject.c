#include "vault/subject.h"

#include <string.h>

enum hufu_err subject_digest(struct worker *w, struct view ref, uint8_t out[static CASE_DIGEST_LEN])
{
    return row_digest(w, ROW_SUBJECT, &ref, 1, out);
}

enum hufu_err subject_key(struct request *req, const uint8_t digest[static CASE_DIGEST_LEN],
                          uint32_t domain_id, struct view token, struct view *key_out)
{
    size_t max = 1 + CASE_DIGEST_LEN + 4 + token.len;
    uint8_t *mem = request_take(req, max);
    struct buf b;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&b, mem, max);
    buf_u8(&b, TABLE_SUBJECT);
    buf_put(&b, digest, CASE_DIGEST_LEN);
    buf_be32(&b, domain_id);
    buf_put(&b, token.p, token.len);
    *key_out = buf_view(&b);
    return HUFU_OK;
}

static enum hufu_err write_mark(struct request *req, struct store_op *op, struct view key,
                                enum subject_mark mark)
{
    uint8_t *image = request_take(req, 1);

    if (image == NULL)
        return HUFU_UNAVAILABLE;
    *image = (uint8_t)mark;
    op_write(op, key, image, 1);
    return HUFU_OK;
}

enum hufu_err subject_add(struct worker *w, struct request *req, struct store_op *op,
                          uint32_t domain_id, struct view token, struct view ref)
{
    uint8_t digest[CASE_DIGEST_LEN];
    struct view key;

    if (subject_digest(w, ref, digest) != HUFU_OK ||
        subject_key(req, digest, domain_id, token, &key) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return write_mark(req, op, key, SUBJECT_FREE);
}

bool subject_is_held(struct core *core, const uint8_t digest[static CASE_DIGEST_LEN])
{
    uint64_t seq;

    return directory_kept(core->dir, TABLE_HOLD, view_of(digest, CASE_DIGEST_LEN), NULL, &seq) !=
           HUFU_NOT_FOUND;
}

enum hufu_err subject_expect_free(struct request *req, struct store_op *op,
                                  const uint8_t digest[static CASE_DIGEST_LEN])
{
    struct view key = row_plain_key(req, TABLE_HOLD, view_of(digest, CASE_DIGEST_LEN));

    if (key.p == NULL)
        return HUFU_UNAVAILABLE;
    op_expect(op, key, row_seen(STORE_ABSENT));
    return HUFU_OK;
}

enum hufu_err subject_judge_loss(struct worker *w, struct request *req, const struct record *rec,
                                 struct subject_stop *out)
{
    uint8_t digest[CASE_DIGEST_LEN];

    *out = (struct subject_stop){ 0 };
    if (rec->subject[0] == '\0')
        return HUFU_OK;
    if (subject_digest(w, view_str(rec->subject), digest) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    if (subject_is_held(w->core, digest))
        return HUFU_LEGAL_HOLD;
    out->key = row_plain_key(req, TABLE_HOLD, view_of(digest, sizeof(digest)));
    out->seen = row_seen(STORE_ABSENT);
    return out->key.p == NULL ? HUFU_UNAVAILABLE : HUFU_OK;
}

/* By hand or by a restriction: who may make it active again depends on it. */
static enum hufu_err judge_suspended(struct worker *w, struct request *req,
                                     const struct record *rec, struct view token, uint8_t to,
                                     struct subject_stop *out)
{
    uint8_t digest[CASE_DIGEST_LEN], mark = SUBJECT_FREE;
    struct buf image;
    enum hufu_err err;

    if (subject_digest(w, view_str(rec->subject), digest) != HUFU_OK ||
        subject_key(req, digest, req->domain->id, token, &out->key) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    buf_fixed(&image, &mark, sizeof(mark));
    err = store_find(w->reader, out->key, &image, &out->seen);
    if (err != HUFU_OK && err != HUFU_NOT_FOUND)
        return HUFU_UNAVAILABLE;
    if (to == RECORD_ACTIVE && mark != SUBJECT_FREE)
        return HUFU_CONFLICT;
    out->bars = to == RECORD_SUSPENDED && mark == SUBJECT_STOPPED;
    return HUFU_OK;
}

enum hufu_err subject_judge_state(struct worker *w, struct request *req, const struct record *rec,
                                  struct view token, uint8_t to, struct subject_stop *out)
{
    *out = (struct subject_stop){ 0 };
    if (rec->subject[0] == '\0')
        return HUFU_OK;
    if (to == RECORD_DELETED && rec->state != RECORD_DELETED)
        return subject_judge_loss(w, req, rec, out);
    if ((to == RECORD_ACTIVE || to == RECORD_SUSPENDED) && rec->state == RECORD_SUSPENDED)
        return judge_suspended(w, req, rec, token, to, out);
    return HUFU_OK;
}

enum hufu_err subject_stop_expect(struct request *req, struct store_op *op,
                                  const struct subject_stop *stop)
{
    if (stop->key.p == NULL)
        return HUFU_OK;
    op_expect(op, stop->key, stop->seen);
    return stop->bars ? write_mark(req, op, stop->key, SUBJECT_BARRED) : HUFU_OK;
}
