/* Detokenize: a value for an authorised person with a fresh second factor, a purpose and a reason.
 * The entry is durable before the value leaves: the reply goes out with the commit of its entry. */
#include "vault/handle.h"

#include <string.h>

#include "vault/alarm.h"
#include "vault/base/json.h"
#include "vault/base/secret.h"
#include "vault/escalation.h"
#include "vault/ff1_domain.h"
#include "vault/grant_use.h"
#include "vault/manage.h"
#include "vault/reveal_limit.h"
#include "vault/reveal_once.h"
#include "vault/reveal_watch.h"
#include "vault/share.h"
#include "vault/token.h"

#define REFUSAL_MAX   192 /* bytes of one refused result */
#define RECEIPT_SPACE 512
#define NAMED_MAX     256 /* tokens that the entry of a whole request's refusal names */
#define ROWS_MAX      3   /* of a token's operation: its record, who saw it, its subject's trail */
#define FIRST_PRE_MAX 12  /* of the first: these, the caller's, the factor's end */

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
    size_t count;
    uint8_t *ids; /* of the tokens whose form is right */
    size_t id_count;
    bool batch;
    uint64_t now_ms;
    struct reveal_sums sums;
    struct reveal_once once; /* tokens that are revealed */
    struct trails *trails;
    struct grant_use grant;
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
    job->ids = request_take(job->req, job->count * ENTRY_TOKEN_ID_LEN);
    if (job->item == NULL || job->ids == NULL)
        return HUFU_UNAVAILABLE;
    reader_init(&r, list.p, job->batch ? list.len : 0);
    for (size_t i = 0; i < job->count; i++) {
        struct view text = job->batch ? msg_list_next(&r) : msg->field[MSG_TOKEN];

        job->item[i].err = token_read(job->w, job->req, text, &job->item[i].token);
        if (job->item[i].err == HUFU_UNAVAILABLE)
            return HUFU_UNAVAILABLE;
        if (!job->batch && job->item[i].err != HUFU_OK)
            return manage_at(where, MSG_TOKEN, job->item[i].err);
        if (job->item[i].err == HUFU_OK)
            memcpy(job->ids + ENTRY_TOKEN_ID_LEN * job->id_count++, job->item[i].token.id,
                   ENTRY_TOKEN_ID_LEN);
    }
    return HUFU_OK;
}

/* The whole request is refused, by what it asks for: the entry says what that was. */
static enum hufu_err refuse_all(struct job *job, enum hufu_err err)
{
    struct entry_draft *e;

    if (refuse_entry(job->req, err) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    e = request_entry(job->req, 0);
    e->purpose = msg_text(&job->req->msg, MSG_PURPOSE);
    e->reason = msg_text(&job->req->msg, MSG_REASON);
    if (job->id_count > 0 && job->id_count <= NAMED_MAX) {
        e->token_ids = job->ids;
        e->token_id_count = job->id_count;
    }
    return err;
}

/* Sequential probing ends before anything is looked up, whether the tokens exist or not. */
static enum hufu_err watch(struct job *job)
{
    const struct domain *d = job->req->domain;
    size_t kept = (size_t)d->keep.prefix + d->keep.suffix;
    uint64_t most = conf_u64(job->w->core->conf, CONF_REVEAL_SEQUENCE);
    enum hufu_err err = HUFU_OK;

    for (size_t i = 0; i < job->count && err == HUFU_OK; i++) {
        const struct token *t = &job->item[i].token;
        struct reveal_ask ask = { job->req->who.user->id, d->id, t->len > kept ? t->len - kept : 0,
                                  view_of(t->text, t->len) };

        if (job->item[i].err == HUFU_OK)
            err = reveal_watch_note(job->w->core->watch, &ask, most);
    }
    if (err != HUFU_LIMIT)
        return err == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
    job->req->limit_hit = true; /* for good: the watch has forgotten it when it is tried again */
    job->req->limit = LIMIT_REVEAL_SEQUENCE;
    alarm_note(job->req, ALARM_RULE_SEQUENCE);
    return refuse_all(job, HUFU_RATE_LIMITED);
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

/* Unknown, planted, suspended, expired, revoked, deleted: one and the same answer, after the same
 * work. */
static enum hufu_err find_value(struct job *job, struct reveal *it)
{
    struct record *rec = &it->token.rec;
    enum hufu_err err;
    bool dead;

    if (it->err != HUFU_OK)
        return it->err;
    err = token_find(job->w, job->req, &it->token);
    dead = token_touch(job->req, rec) || rec->state != RECORD_ACTIVE ||
           record_is_expired(rec, job->now_ms); /* asked of an empty record too */
    if (err == HUFU_OK && dead)
        err = HUFU_NOT_FOUND;
    if (err == HUFU_OK && rec->uses_left > 0)
        err = share_uses(job, it);
    return err == HUFU_OK ? escalation_judge(job->trails, rec, (size_t)(it - job->item)) : err;
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

/* What reveals one value: its record as it was seen, a use of it, who saw it, of whom. */
static enum hufu_err reveal_one(struct job *job, size_t i, uint32_t day,
                                const uint8_t purpose[static REVEAL_SEEN_PURPOSE_LEN])
{
    struct store_op *op = &job->req->op[i];
    struct reveal *it = &job->item[i];
    bool first = false;

    job->sums.revealed++;
    if (!it->again && !ff1_domain_is(job->req->domain))
        op_expect(op, it->token.key, it->token.seen);
    if (use_up(job, it, op) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    if (reveal_once_note(&job->once, it->token.id, i) == i &&
        reveal_seen_add(job->w, job->req, op, day, purpose, &it->token, &first) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    job->sums.distinct += first;
    return escalation_write(job->trails, i, op);
}

/* A grant is used up in an operation of its own, and what leaves under it is registered there. */
static enum hufu_err spend(struct job *job)
{
    struct request *req = job->req;
    uint64_t n = job->sums.revealed;

    if (n == 0 || !job->grant.used)
        return HUFU_OK;
    if (grant_spend(job->w, req, &job->grant, n) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return share_write(job->w, req, &req->op[req->draft.op_count - 1], &job->grant, n);
}

/* An operation for each token; the first one has more room. */
static enum hufu_err lay_ops(struct job *job)
{
    struct request *req = job->req;
    struct store_op *op;

    if (request_ops(req, job->count, ROWS_MAX, ROWS_MAX, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op = &req->op[0];
    op->pre = request_take(req, FIRST_PRE_MAX * sizeof(*op->pre));
    op->count = request_take(req, REVEAL_LIMIT_COUNTS * sizeof(*op->count));
    return op->pre == NULL || op->count == NULL ? HUFU_UNAVAILABLE : HUFU_OK;
}

static enum hufu_err make_ops(struct job *job)
{
    uint64_t fresh_ms = conf_u64(job->w->core->conf, CONF_FRESH_S) * 1000;
    uint32_t day = (uint32_t)row_day(job->w->core);
    uint8_t purpose[REVEAL_SEEN_PURPOSE_LEN];

    if (lay_ops(job) != HUFU_OK ||
        reveal_seen_purpose(job->w, msg_text(&job->req->msg, MSG_PURPOSE), purpose) != HUFU_OK ||
        reveal_once_init(job->req, job->count, &job->once) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(job->req, &job->req->op[0]);
    op_until(&job->req->op[0], job->req->who.session.factor_ms + fresh_ms);
    for (size_t i = 0; i < job->count; i++) {
        enum hufu_err err = job->item[i].err;

        if (fill_entry(job, i) != HUFU_OK)
            return HUFU_UNAVAILABLE;
        job->sums.missed += err == HUFU_NOT_FOUND;
        if (err == HUFU_OK && reveal_one(job, i, day, purpose) != HUFU_OK)
            return HUFU_UNAVAILABLE;
    }
    if (spend(job) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return reveal_limit_count(job->w, job->req, &job->req->op[0], &job->sums, purpose);
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
    /* Who touches a planted token gets nothing of its batch: the list it is from was stolen. */
    for (size_t i = 0; i < job->count && alarm_has(req, ALARM_RULE_PLANTED); i++)
        if (job->item[i].err == HUFU_OK)
            job->item[i].err = HUFU_NOT_FOUND;
    if (make_ops(job) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    if (!job->batch && job->item[0].err != HUFU_OK)
        return job->item[0].err; /* its entry is drafted: the refusal goes out with it */
    if (print_reply(job) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    req->revealed = (uint32_t)job->sums.revealed;
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
    if (err != HUFU_OK)
        return err;
    err = grant_judge(w, req, job.ids, job.id_count, &job.grant);
    if (err == HUFU_GRANT_REQUIRED && msg_has(&req->msg, MSG_GRANT))
        return manage_at(where, MSG_GRANT, err);
    if (err != HUFU_OK)
        return err;
    if (!signer_is_fresh(w->core->signer))
        return HUFU_UNAVAILABLE; /* nobody could check the log: nothing is revealed */
    err = watch(&job);
    if (err == HUFU_OK)
        err = escalation_new(w, req, job.count, job.grant.used, &job.trails);
    return err == HUFU_OK ? reveal_all(&job) : err;
}
