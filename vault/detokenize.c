/* Detokenize: a value for an authorised person with a fresh second factor, a purpose and a reason.
 * The entry is durable before the value leaves: the reply goes out with the commit of its entry. */
#include "vault/handle.h"

#include <string.h>

#include "vault/base/json.h"
#include "vault/base/secret.h"
#include "vault/ff1_domain.h"
#include "vault/manage.h"
#include "vault/token.h"

#define REFUSAL_MAX   192 /* bytes of one refused result */
#define RECEIPT_SPACE 512

struct reveal {         /* one token of the request */
    struct token token; /* SECRET */
    enum hufu_err err;
    bool again;    /* an earlier one of the request names the same counted token … */
    uint32_t more; /* … and takes so many further uses with its own */
};

struct job {
    struct worker *w;
    struct request *req;
    struct reveal *item;
    size_t count, revealed;
    bool batch;
    uint64_t now_ms;
};

static bool has_purpose(const struct domain *d, struct view purpose)
{
    for (size_t i = 0; i < d->purpose_count; i++)
        if (view_is(purpose, d->purpose[i]))
            return true;
    return false;
}

/* domain, batch, purpose: everything before the tokens themselves. */
static enum hufu_err check_request(struct job *job, struct msg_where *where)
{
    struct msg_request *msg = &job->req->msg;
    enum hufu_err err;

    if (msg_has(msg, MSG_TOKEN) == msg_has(msg, MSG_TOKENS))
        return HUFU_BAD_REQUEST;
    err = domain_for(job->w, job->req, where);
    if (err != HUFU_OK)
        return err;
    job->batch = msg_has(msg, MSG_TOKENS);
    if (job->batch && job->req->domain->batch_detokenize == 0)
        return manage_at(where, MSG_TOKENS, HUFU_UNSUPPORTED_MODE);
    job->count = job->batch ? msg_list_count(msg->field[MSG_TOKENS]) : 1;
    if (job->batch && job->count > job->req->domain->batch_detokenize)
        return manage_at(where, MSG_TOKENS, HUFU_TOO_LARGE);
    if (!has_purpose(job->req->domain, msg_text(msg, MSG_PURPOSE)))
        return manage_at(where, MSG_PURPOSE, HUFU_INVALID_PURPOSE);
    return HUFU_OK;
}

static enum hufu_err read_tokens(struct job *job, struct msg_where *where)
{
    struct msg_request *msg = &job->req->msg;
    struct view list = msg->field[MSG_TOKENS];
    struct reader r;

    job->item = request_take(job->req, job->count * sizeof(*job->item));
    if (job->item == NULL)
        return HUFU_UNAVAILABLE;
    reader_init(&r, list.p, job->batch ? list.len : 0);
    for (size_t i = 0; i < job->count; i++) {
        struct view text = job->batch ? msg_list_next(&r) : msg->field[MSG_TOKEN];

        job->item[i].err = token_read(job->w, job->req, text, &job->item[i].token);
        if (job->item[i].err == HUFU_UNAVAILABLE)
            return HUFU_UNAVAILABLE;
        if (!job->batch && job->item[i].err != HUFU_OK)
            return manage_at(where, MSG_TOKEN, job->item[i].err);
    }
    return HUFU_OK;
}

/* Uses are counted for the whole request at once: two operations cannot both change one row. */
static enum hufu_err share_uses(struct job *job, struct reveal *it)
{
    for (struct reveal *first = job->item; first < it; first++) {
        if (first->err != HUFU_OK || first->again || !view_equal(first->token.key, it->token.key))
            continue;
        if (first->more + 1 >= first->token.rec.uses_left)
            return HUFU_NOT_FOUND;
        first->more++;
        it->again = true;
        break;
    }
    return HUFU_OK;
}

/* Unknown, suspended, expired, revoked, deleted: one and the same answer, after the same work. */
static enum hufu_err find_value(struct job *job, struct reveal *it)
{
    struct record *rec = &it->token.rec;
    enum hufu_err err;

    if (it->err != HUFU_OK)
        return it->err;
    err = token_find(job->w, job->req, &it->token);
    if (err == HUFU_OK && (rec->state != RECORD_ACTIVE || record_is_expired(rec, job->now_ms)))
        err = HUFU_NOT_FOUND;
    return err == HUFU_OK && rec->uses_left > 0 ? share_uses(job, it) : err;
}

/* The entry of one token: it names it, its purpose, its reason and what came of it. */
static enum hufu_err fill_entry(struct job *job, size_t i)
{
    struct entry_draft *e = request_entry(job->req, i);
    struct reveal *it = &job->item[i];

    e->purpose = msg_text(&job->req->msg, MSG_PURPOSE);
    e->reason = msg_text(&job->req->msg, MSG_REASON);
    if (it->err != HUFU_OK)
        e->result = err_code(it->err);
    if (it->token.key.p != NULL) {
        e->token_ids = it->token.id;
        e->token_id_count = 1;
    }
    return e->result == NULL ? HUFU_UNAVAILABLE : HUFU_OK;
}

/* A token with counted uses loses one, in the very operation of its entry; the last one ends it. */
static enum hufu_err use_up(struct job *job, struct reveal *it, struct store_op *op)
{
    struct record *rec = &it->token.rec;
    uint8_t *image;
    size_t image_len;

    if (rec->uses_left == 0 || it->again)
        return HUFU_OK;
    rec->uses_left -= 1 + it->more;
    if (rec->uses_left == 0)
        rec->state = RECORD_REVOKED;
    rec->changed_ms = job->now_ms;
    if (row_lay_record(job->w, job->req, rec, &image, &image_len) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_write(op, it->token.key, image, image_len);
    return HUFU_OK;
}

/* The budget of this fresh factor, and of this person's day. */
static enum hufu_err count_reveals(struct job *job)
{
    uint64_t limit = conf_u64(job->w->core->conf, CONF_REVEALS_FACTOR);
    const struct session *s = &job->req->who.session;
    uint8_t digest[32], mem[8];
    struct view part[2] = { view_of(s->hash, sizeof(s->hash)) }, key;
    struct buf factor;

    if (job->revealed == 0)
        return HUFU_OK;
    if (limit < LIMIT_OFF) {
        buf_fixed(&factor, mem, sizeof(mem));
        buf_u64(&factor, s->factor_ms);
        part[1] = buf_view(&factor);
        if (row_digest(job->w, ROW_REVEALS_FACTOR, part, 2, digest) != HUFU_OK)
            return HUFU_UNAVAILABLE;
        key = row_plain_key(job->req, TABLE_COUNTER, view_of(digest, sizeof(digest)));
        if (key.p == NULL)
            return HUFU_UNAVAILABLE;
        op_count(&job->req->op[0], key, job->revealed, limit, s->expires_ms);
        op_limit(&job->req->op[0], LIMIT_REVEALS_FACTOR);
    }
    return row_count_person(job->w, job->req, ROW_REVEALS_DAY, job->revealed);
}

static enum hufu_err make_ops(struct job *job)
{
    uint64_t fresh_ms = conf_u64(job->w->core->conf, CONF_FRESH_S) * 1000;

    if (request_ops(job->req, job->count, 2, 1, 2) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    for (size_t i = 0; i < job->count; i++) {
        struct store_op *op = &job->req->op[i];
        struct reveal *it = &job->item[i];

        if (i == 0) {
            op_expect_caller(job->req, op);
            op_until(op, job->req->who.session.factor_ms + fresh_ms);
        }
        if (fill_entry(job, i) != HUFU_OK)
            return HUFU_UNAVAILABLE;
        if (it->err != HUFU_OK)
            continue;
        job->revealed++;
        if (!it->again && !ff1_domain_is(job->req->domain))
            op_expect(op, it->token.key, it->token.seen);
        if (use_up(job, it, op) != HUFU_OK)
            return HUFU_UNAVAILABLE;
    }
    return count_reveals(job);
}

static void print_one(struct json *j, const struct reveal *it)
{
    json_open(j);
    if (it->err != HUFU_OK) {
        refuse_print(j, it->err);
    } else {
        json_put_text(j, "value", view_of(it->token.rec.value, it->token.rec.value_len));
    }
    json_close(j);
}

/* Bytes of one result. JSON escapes none of a value's. */
static size_t item_max(const struct job *job)
{
    size_t value_max = strlen("{\"value\":\"\"},") + format_len_max(job->req->domain->format);

    return value_max > REFUSAL_MAX ? value_max : REFUSAL_MAX;
}

static enum hufu_err print_reply(struct job *job)
{
    struct json j;

    if (request_body(job->req, job->count * item_max(job) + RECEIPT_SPACE) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &job->req->body);
    if (!job->batch) {
        print_one(&j, &job->item[0]);
    } else {
        json_open(&j);
        json_name(&j, "results");
        json_list(&j);
        for (size_t i = 0; i < job->count; i++)
            print_one(&j, &job->item[i]);
        json_end(&j);
        json_close(&j);
    }
    return buf_check(&job->req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

static enum hufu_err reveal_all(struct job *job)
{
    struct request *req = job->req;

    for (size_t i = 0; i < job->count; i++) {
        struct reveal *it = &job->item[i];

        it->err = find_value(job, it);
        if (it->err == HUFU_UNAVAILABLE || err_code(it->err) == NULL)
            if (it->err != HUFU_OK)
                return HUFU_UNAVAILABLE;
    }
    if (make_ops(job) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    if (!job->batch && job->item[0].err != HUFU_OK)
        return job->item[0].err; /* its entry is drafted: the refusal goes out with it */
    if (print_reply(job) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    req->revealed = (uint32_t)job->revealed;
    return request_receipt(job->w, req, 1, 0);
}

enum hufu_err handle_detokenize(struct worker *w, struct request *req, struct msg_where *where)
{
    struct job job = { .w = w, .req = req, .now_ms = core_now(w->core) };
    enum hufu_err err;

    err = check_request(&job, where);
    if (err == HUFU_OK)
        err = read_tokens(&job, where);
    if (err == HUFU_OK)
        err = check_member(w, req, MSG_REASON, where);
    if (err == HUFU_OK && msg_has(&req->msg, MSG_GRANT))
        err = manage_at(where, MSG_GRANT, HUFU_GRANT_REQUIRED);
    if (err != HUFU_OK)
        return err;
    if (!signer_is_fresh(w->core->signer))
        return HUFU_UNAVAILABLE; /* nobody could check the log: nothing is revealed */
    return reveal_all(&job);
}
