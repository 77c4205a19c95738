/* Tokenize: one value or a batch. */
#include "vault/handle.h"

#include <string.h>

#include "vault/base/json.h"
#include "vault/ff1_domain.h"
#include "vault/manage.h"
#include "vault/mapping.h"
#include "vault/subject.h"

#define ITEMS_PER_ENTRY 256
#define ROWS_PER_ITEM   (1 + INDEX_ROWS_MAX)
#define REPLY_ITEM_MAX  256 /* bytes of one result */

/* The first item of this batch that is counted in the bucket of it. */
static struct mapping *first_of_bucket(const struct tokenize_job *job, struct mapping *it)
{
    struct reader r;
    size_t s;

    reader_init(&r, it->guess_key.p, it->guess_key.len);
    (void)reader_u8(&r); /* the table; behind it a keyed digest: as good as random */
    s = reader_u32(&r) & (job->slots - 1);
    for (; job->bucket_slot[s] != 0; s = (s + 1) & (job->slots - 1)) {
        struct mapping *first = &job->item[job->bucket_slot[s] - 1];

        if (view_equal(first->guess_key, it->guess_key))
            return first;
    }
    job->bucket_slot[s] = (uint16_t)(it - job->item + 1);
    return it;
}

static enum hufu_err count_guess(struct tokenize_job *job, struct mapping *it, struct store_op *op,
                                 bool miss)
{
    struct view value = view_of(it->value, it->value_len);
    enum hufu_err err = row_guess_key(job->w, job->req, value, &it->guess_key);
    struct mapping *first;

    if (err != HUFU_OK)
        return err;
    job->misses += miss;
    job->hits += !miss;
    if (it->guess_key.len == 0)
        return HUFU_OK;
    first = first_of_bucket(job, it);
    row_add_guess(op, it->guess_key, miss, first->guess_hits);
    first->guess_hits += !miss;
    return HUFU_OK;
}

/* True of the refusals that tell whether a value was sent before. */
static bool tells(enum hufu_err err)
{
    return err == HUFU_TOKEN_SUSPENDED || err == HUFU_EXHAUSTED;
}

static enum hufu_err add_item(struct tokenize_job *job, struct mapping *it, struct store_op *op,
                              uint8_t *ids)
{
    enum hufu_err err = HUFU_OK;

    if (it->token_key.p != NULL) { /* none: it is a twin, or nothing is stored in this mode */
        op_expect(op, it->token_key, it->token_seen);
        index_expect(op, &it->index);
    }
    if (it->writes_token)
        op_write(op, it->token_key, it->image, it->image_len);
    if (it->writes_index)
        index_write(op, &it->index, it->token, it->token_len);
    if (it->writes_subject)
        err = subject_add(job->w, job->req, op, job->d->id, mapping_token(it), it->in.subject);
    if (err != HUFU_OK)
        return err;
    if (it->is_fresh_value || (job->d->mode == MODE_DETERMINISTIC && it->twin == NULL))
        err = count_guess(job, it, op, it->is_fresh_value);
    if (err == HUFU_OK)
        err = row_token_id(job->w, job->d->id, mapping_token(it),
                           ids + op->entry->token_id_count * ENTRY_TOKEN_ID_LEN);
    op->entry->token_id_count++;
    job->req->created += it->is_fresh_value;
    return err;
}

/* One operation with one entry for up to 256 items; failed items are in it by the result alone. */
static enum hufu_err make_op(struct tokenize_job *job, size_t op_at)
{
    struct store_op *op = &job->req->op[op_at];
    size_t first = op_at * ITEMS_PER_ENTRY, failed = 0;
    uint8_t *ids = request_take(job->req, ITEMS_PER_ENTRY * ENTRY_TOKEN_ID_LEN);
    const char *code = "ok";

    if (ids == NULL)
        return HUFU_UNAVAILABLE;
    op_expect_caller(job->req, op);
    job->misses = 0;
    for (size_t i = first; i < job->count && i < first + ITEMS_PER_ENTRY; i++) {
        if (job->item[i].err != HUFU_OK) {
            failed++;
            code = err_code(job->item[i].err);
            if (tells(job->item[i].err) &&
                count_guess(job, &job->item[i], op, job->item[i].err == HUFU_EXHAUSTED) != HUFU_OK)
                return HUFU_UNAVAILABLE;
        } else if (add_item(job, &job->item[i], op, ids) != HUFU_OK) {
            return HUFU_UNAVAILABLE;
        }
    }
    op->entry->token_ids = ids;
    op->entry->result = failed > 0 && op->entry->token_id_count > 0 ? "partial" : code;
    return row_count_values(job->w, job->req, op, job->misses, job->hits);
}

static void print_item(struct json *j, const struct mapping *it)
{
    json_open(j);
    if (it->err != HUFU_OK) {
        refuse_print(j, it->err);
    } else {
        json_put_bool(j, "created", it->created);
        json_put_time(j, "expires_at", it->expires_ms);
        json_put_text(j, "token", mapping_token(it));
    }
    json_close(j);
}

/* The body; *receipt_at_out: where a receipt goes. */
static enum hufu_err print_reply(struct tokenize_job *job, size_t *receipt_at_out)
{
    struct json j;

    if (request_body(job->req, job->count * REPLY_ITEM_MAX + 1024) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &job->req->body);
    if (!job->batch) {
        print_item(&j, &job->item[0]);
        *receipt_at_out = job->req->body.len - job->item[0].token_len - strlen("\"token\":\"\"}");
        return buf_check(&job->req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
    }
    json_open(&j);
    json_name(&j, "results");
    json_list(&j);
    for (size_t i = 0; i < job->count; i++)
        print_item(&j, &job->item[i]);
    json_end(&j);
    json_close(&j);
    *receipt_at_out = 1;
    return buf_check(&job->req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* One value of a batch; what the request says of all of them holds where it says nothing itself. */
static enum hufu_err read_item(const struct msg_request *msg, struct view bytes,
                               struct msg_item *out)
{
    enum hufu_err err = msg_item_get(bytes, out);

    if (err != HUFU_OK)
        return err;
    if (out->subject.p == NULL)
        out->subject = msg->field[MSG_SUBJECT];
    if (out->consent.p == NULL)
        out->consent = msg->field[MSG_CONSENT];
    return HUFU_OK;
}

static enum hufu_err read_items(struct tokenize_job *job)
{
    struct msg_request *msg = &job->req->msg;
    struct view list = msg->field[MSG_VALUES];
    struct reader r;

    job->batch = list.p != NULL;
    job->count = job->batch ? msg_list_count(list) : 1;
    job->item = request_take(job->req, job->count * sizeof(*job->item));
    job->slots = job->batch ? MAPPING_SLOTS : MAPPING_SLOTS_ONE;
    job->slot = request_take(job->req, job->slots * sizeof(*job->slot));
    job->bucket_slot = request_take(job->req, job->slots * sizeof(*job->bucket_slot));
    if (job->item == NULL || job->slot == NULL || job->bucket_slot == NULL)
        return HUFU_UNAVAILABLE;
    if (!job->batch) {
        job->item[0].in.value = msg->field[MSG_VALUE];
        job->item[0].in.subject = msg->field[MSG_SUBJECT];
        job->item[0].in.consent = msg->field[MSG_CONSENT];
        return HUFU_OK;
    }
    reader_init(&r, list.p, list.len);
    for (size_t i = 0; i < job->count; i++)
        if (read_item(msg, msg_list_next(&r), &job->item[i].in) != HUFU_OK)
            return HUFU_BAD_REQUEST;
    return HUFU_OK;
}

/* Absent, or a number that the record can hold: nothing is cut off in silence. */
static bool is_count(const struct msg_request *msg, enum msg_tag tag)
{
    uint64_t n = msg_u64(msg, tag, 1);

    return n > 0 && n <= UINT32_MAX;
}

static enum hufu_err prepare(struct tokenize_job *job, struct msg_where *where)
{
    struct msg_request *msg = &job->req->msg;
    uint64_t asked = msg_u64(msg, MSG_EXPIRES_IN, 0);
    enum hufu_err err;

    if (msg_has(msg, MSG_VALUE) == msg_has(msg, MSG_VALUES))
        return HUFU_BAD_REQUEST;
    if (!is_count(msg, MSG_EXPIRES_IN))
        return manage_at(where, MSG_EXPIRES_IN, HUFU_BAD_REQUEST);
    if (!is_count(msg, MSG_USES))
        return manage_at(where, MSG_USES, HUFU_BAD_REQUEST);
    err = domain_for(job->w, job->req, where);
    if (err != HUFU_OK)
        return err;
    job->d = job->req->domain;
    if (!mapping_may_send(job->req->who.partner, job->d, job->now_ms)) {
        *where = (struct msg_where){ MSG_DOMAIN, MSG_NONE, MSG_NO_INDEX };
        return HUFU_FORBIDDEN;
    }
    if (!mapping_may_ask(job->d, msg_text(msg, MSG_CHANNEL)))
        return manage_at(where, MSG_CHANNEL, HUFU_FORBIDDEN);
    err = ff1_domain_is(job->d) ? ff1_domain_judge_tokenize(msg, where) : HUFU_OK;
    if (err != HUFU_OK)
        return err;
    job->life_s = job->d->life_s;
    if (asked > 0 && (job->life_s == 0 || asked < job->life_s))
        job->life_s = asked;
    job->uses = (uint32_t)msg_u64(msg, MSG_USES, job->d->mode == MODE_ONE_TIME ? 1 : 0);
    return read_items(job);
}

/* A fault of the only value refuses the request; in a batch it is that value's outcome. */
static bool refuses(const struct tokenize_job *job, const struct mapping *it,
                    struct msg_where *where)
{
    if (it->err == HUFU_OK ||
        (job->batch && err_code(it->err) != NULL && it->err != HUFU_UNAVAILABLE))
        return false;
    if (it->fault != MSG_NONE)
        *where = (struct msg_where){ it->fault, MSG_NONE, MSG_NO_INDEX };
    return true;
}

/* The form of everything comes first, the channel's too: refused after the token was looked for, it
 * would tell that the value has none that is suspended, and count no guess. */
static enum hufu_err decide_all(struct tokenize_job *job, struct msg_where *where)
{
    enum hufu_err err;

    for (size_t i = 0; i < job->count; i++) {
        job->item[i].err = mapping_check(job, &job->item[i]);
        if (refuses(job, &job->item[i], where))
            return job->item[i].err;
    }
    err = check_member(job->w, job->req, MSG_CHANNEL, where);
    if (err == HUFU_OK)
        err = mapping_prepare(job);
    if (err != HUFU_OK)
        return err;
    for (size_t i = 0; i < job->count; i++) {
        struct mapping *it = &job->item[i];

        if (it->err == HUFU_OK)
            it->err = mapping_decide(job, it);
        if (refuses(job, it, where))
            return it->err;
    }
    return ff1_domain_is(job->d) ? ff1_domain_tokenize(job) : HUFU_OK;
}

/* A refusal of the only value that tells something is a guess too. */
static enum hufu_err refuse_item(struct tokenize_job *job, enum hufu_err err)
{
    if (job->batch || !tells(err))
        return err;
    if (refuse_entry(job->req, err) != HUFU_OK ||
        count_guess(job, &job->item[0], &job->req->op[0], err == HUFU_EXHAUSTED) != HUFU_OK ||
        row_count_values(job->w, job->req, &job->req->op[0], job->misses, job->hits) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return err;
}

enum hufu_err handle_tokenize(struct worker *w, struct request *req, struct msg_where *where)
{
    struct tokenize_job job = { .w = w, .req = req, .now_ms = core_now(w->core) };
    size_t ops, receipt_at, per, named;
    enum hufu_err err;

    err = prepare(&job, where);
    if (err == HUFU_OK) {
        err = decide_all(&job, where);
        err = err == HUFU_OK ? HUFU_OK : refuse_item(&job, err);
    }
    if (err != HUFU_OK)
        return err;
    ops = (job.count + ITEMS_PER_ENTRY - 1) / ITEMS_PER_ENTRY;
    per = job.count < ITEMS_PER_ENTRY ? job.count : ITEMS_PER_ENTRY;
    named = job.subjects < per ? job.subjects : per;
    if (request_ops(req, ops, ROWS_PER_ITEM * per, ROWS_PER_ITEM * per + named, per + 1) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    for (size_t i = 0; i < ops; i++)
        if (make_op(&job, i) != HUFU_OK)
            return HUFU_UNAVAILABLE;
    if (print_reply(&job, &receipt_at) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    req->reply.success = MSG_200;
    return msg_bool(&req->msg, MSG_RECEIPT) ? request_receipt(w, req, receipt_at, 0) : HUFU_OK;
}
