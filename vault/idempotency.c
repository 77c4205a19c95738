#include "vault/idempotency.h"

#include <string.h>

#include "vault/base/frame.h"
#include "vault/base/secret.h"
#include "vault/keys/envelope.h"
#include "vault/row.h"
#include "vault/handle.h"

#define ROW_FORMAT    1
#define RECEIPT_SPACE 512 /* bytes that a receipt may add to a body */

static bool is_kept(uint16_t verb)
{
    switch (verb) {
    case VERB_TOKENIZE:
    case VERB_SUSPEND:
    case VERB_RESUME:
    case VERB_REVOKE:
    case VERB_DELETE:
    case VERB_REPLACE:
    case VERB_CEREMONY_PROPOSE:
    case VERB_CEREMONY_APPROVE:
    case VERB_CEREMONY_CANCEL:
    case VERB_SUBJECT_ASK:
    case VERB_SUBJECT_APPROVE:
    case VERB_SUBJECT_DENY:
    case VERB_EXPORT_BEGIN:
    case VERB_GRANT_ASK:
    case VERB_GRANT_APPROVE:
    case VERB_GRANT_DENY:
    case VERB_GRANT_WITHDRAW:
        return true;
    default:
        return false;
    }
}

static enum hufu_err row_key(struct worker *w, struct request *req, struct view *out)
{
    uint8_t digest[32], mem[8];
    struct view part[2];
    struct buf who;

    buf_fixed(&who, mem, sizeof(mem));
    buf_u8(&who, req->who.partner != NULL ? 1 : 2);
    buf_u32(&who, req->who.partner != NULL ? req->who.partner->id : req->who.user->id);
    buf_u16(&who, req->msg.verb);
    part[0] = buf_view(&who);
    part[1] = req->msg.idem_key;
    if (row_digest(w, ROW_IDEM_KEY, part, 2, digest) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    *out = row_plain_key(req, TABLE_IDEM, view_of(digest, sizeof(digest)));
    return out->p == NULL ? HUFU_UNAVAILABLE : HUFU_OK;
}

static enum hufu_err fingerprint(struct worker *w, struct request *req, uint8_t out[static 32])
{
    uint8_t mem[2];
    struct view part[2];
    struct buf verb;

    buf_fixed(&verb, mem, sizeof(mem));
    buf_u16(&verb, req->msg.verb);
    part[0] = buf_view(&verb);
    part[1] = req->msg.fields;
    return row_digest(w, ROW_IDEM_PRINT, part, 2, out);
}

/* Puts the kept outcome into the request. seq: of the operation that wrote the row. */
static enum hufu_err restore(struct request *req, struct reader *r, uint64_t seq)
{
    struct msg_where where;
    struct view body;
    enum hufu_err err;

    err = (enum hufu_err)reader_u16(r);
    where.tag = reader_u16(r);
    where.sub = reader_u16(r);
    where.index = reader_u32(r);
    req->reply.success = (enum msg_success)reader_u8(r);
    req->receipt_at = reader_u32(r);
    reader_copy(r, req->nonce, sizeof(req->nonce));
    body = reader_lv32(r, FRAME_BODY_MAX);
    if (reader_end(r) != HUFU_OK || err >= HUFU_ERR_COUNT)
        return HUFU_UNAVAILABLE;
    if (request_body(req, body.len + RECEIPT_SPACE) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    buf_put(&req->body, body.p, body.len);
    req->reply.err = err;
    req->reply.where = where;
    req->reply.flags = MSG_REPLAYED;
    if (req->receipt_at != 0)
        request_insert_receipt(req, seq);
    req->receipt_at = 0;
    if (request_ops(req, 1, 0, 0, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    request_entry(req, 0)->result = "replayed";
    op_expect_caller(req, &req->op[0]);
    return HUFU_OK;
}

enum hufu_err idempotency_until(struct view image, uint64_t *until_out)
{
    struct view header;
    struct reader r;
    uint32_t version;
    uint64_t until_ms;

    if (envelope_peek(image, &version, &header) != HUFU_OK)
        return HUFU_CORRUPT;
    reader_init(&r, header.p, header.len);
    until_ms = reader_u64(&r);
    if (reader_end(&r) != HUFU_OK)
        return HUFU_CORRUPT;
    *until_out = until_ms;
    return HUFU_OK;
}

static enum hufu_err compare(struct worker *w, struct request *req, struct view image,
                             bool *replayed_out)
{
    uint8_t mine[32], kept[32];
    uint64_t until_ms;
    struct reader r;
    struct buf text;
    enum hufu_err err;

    buf_init(&text, FRAME_MAX);
    err =
        row_open_control(w->crypt, w->core->ring, req->idem_row, req->idem_seen.seq, image, &text);
    if (err == HUFU_OK)
        err = idempotency_until(image, &until_ms);
    if (err != HUFU_OK || fingerprint(w, req, mine) != HUFU_OK) {
        err = HUFU_UNAVAILABLE;
        goto out;
    }
    reader_init(&r, text.p, text.len);
    if (reader_u8(&r) != ROW_FORMAT) {
        err = HUFU_UNAVAILABLE;
        goto out;
    }
    if (until_ms <= core_now(w->core))
        goto out; /* kept long enough: as if it were not there */
    reader_copy(&r, kept, sizeof(kept));
    err = HUFU_IDEM_MISMATCH;
    if (bytes_equal(mine, kept, sizeof(kept))) {
        err = restore(req, &r, req->idem_seen.seq);
        *replayed_out = err == HUFU_OK;
    }
out:
    buf_done(&text);
    return err;
}

enum hufu_err idempotency_find(struct worker *w, struct request *req, bool *replayed_out)
{
    struct buf image;
    enum hufu_err err;

    req->idem_row = view_of(NULL, 0);
    if (req->msg.idem_key.len == 0 || !is_kept(req->msg.verb))
        return HUFU_OK;
    err = row_key(w, req, &req->idem_row);
    if (err != HUFU_OK)
        return err;
    buf_init(&image, FRAME_MAX);
    err = store_find(w->reader, req->idem_row, &image, &req->idem_seen);
    if (err == HUFU_NOT_FOUND)
        err = HUFU_OK;
    else if (err == HUFU_OK)
        err = compare(w, req, buf_view(&image), replayed_out);
    else
        err = HUFU_UNAVAILABLE;
    buf_done(&image);
    return err;
}

static enum hufu_err lay_row(struct worker *w, struct request *req, enum hufu_err outcome,
                             struct msg_where where, struct store_op *op)
{
    uint8_t print[32], until_mem[8];
    struct buf text, until;
    enum hufu_err err;

    buf_fixed(&until, until_mem, sizeof(until_mem));
    buf_u64(&until, core_now(w->core) + IDEMPOTENCY_KEPT_MS);
    buf_init(&text, FRAME_MAX);
    err = fingerprint(w, req, print);
    if (err != HUFU_OK)
        goto out;
    buf_u8(&text, ROW_FORMAT);
    buf_put(&text, print, sizeof(print));
    buf_u16(&text, (uint16_t)outcome);
    buf_u16(&text, where.tag);
    buf_u16(&text, where.sub);
    buf_u32(&text, where.index);
    buf_u8(&text, (uint8_t)req->reply.success);
    buf_u32(&text, (uint32_t)req->receipt_at);
    buf_put(&text, req->nonce, sizeof(req->nonce));
    buf_lv32(&text, req->body.p, outcome == HUFU_OK ? req->body.len : 0);
    err = row_write_headed(w, req, op, req->idem_row, req->idem_seen, buf_view(&until), &text);
out:
    buf_done(&text);
    return err;
}

enum hufu_err idempotency_keep(struct worker *w, struct request *req, enum hufu_err err,
                               struct msg_where where)
{
    const struct key *control;
    bool later = err == HUFU_RATE_LIMITED || err == HUFU_UNAVAILABLE || err == HUFU_SEALED;

    if (req->idem_row.len == 0 || later)
        return err;
    /* Half of what the key can seal is kept for rows that cannot be done without. */
    control = keyring_active(w->core->ring, KEY_SYSTEM, KEY_CONTROL);
    if (control == NULL || atomic_load(&control->used) > KEY_SEALS_MAX / 2)
        return HUFU_UNAVAILABLE;
    /* A refusal that has drafted its own entry, which names the token, keeps it. */
    if (err != HUFU_OK && req->draft.op_count == 0 && refuse_entry(req, err) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    if (lay_row(w, req, err, where, &req->op[0]) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    req->idem_kept = true;
    return err;
}
