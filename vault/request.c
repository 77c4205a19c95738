#include "vault/request.h"

#include <stdlib.h>
#include <string.h>

#include "vault/alarm.h"
#include "vault/base/clock.h"
#include "vault/base/json.h"
#include "vault/base/log.h"
#include "vault/base/secret.h"
#include "vault/decoy.h"
#include "vault/row.h"

#define CALLER_PRE   7 /* partner or user, session and end, domain, idempotency, factor; a spare */
#define CALLER_WRITE 2 /* idempotency, bound factor */

struct request *request_new(struct core *core, uint16_t verb, struct view body,
                            enum hufu_err *err_out)
{
    struct request *req;
    struct arena in;
    uint8_t *copy;

    *err_out = HUFU_UNAVAILABLE;
    arena_init(&in, core->pool);
    /* It lies in its own arena, before the frame's bytes: nothing is asked of the heap. */
    req = arena_take(&in, sizeof(*req));
    copy = req == NULL ? NULL : arena_copy(&in, body.p, body.len);
    if (copy != NULL)
        *err_out = msg_request_get(verb, view_of(copy, body.len), &req->msg);
    if (*err_out != HUFU_OK) {
        arena_done(&in);
        return NULL;
    }
    req->core = core;
    req->began_us = clock_us();
    req->in = in;
    arena_init(&req->work, core->pool);
    (void)entry_source(req->msg.addr, req->source);
    atomic_fetch_add(&core->in_work, 1);
    return req;
}

void request_drop_keys(struct request *req)
{
    for (size_t i = 0; i < REQUEST_KEYS_MAX; i++) {
        if (req->new_key[i].key != NULL)
            secret_free(req->new_key[i].key->secret);
        free(req->new_key[i].key);
        req->new_key[i].key = NULL;
    }
}

/* The domain's row is there: its keys can be found from now on. */
static void keep_keys(struct request *req)
{
    for (size_t i = 0; i < REQUEST_KEYS_MAX; i++)
        if (req->new_key[i].key != NULL &&
            keyring_put(req->core->ring, req->new_key[i].key) == HUFU_OK)
            req->new_key[i].key = NULL;
}

void request_free(struct request *req)
{
    struct arena in;

    if (req == NULL)
        return;
    atomic_fetch_sub(&req->core->in_work, 1);
    request_drop_keys(req);
    arena_done(&req->work);
    in = req->in;
    arena_done(&in); /* the request too: from here on it is wiped */
}

void *request_take(struct request *req, size_t len)
{
    return arena_take(&req->work, len);
}

static struct tally *tally_of(const struct request *req)
{
    uint32_t id = req->domain == NULL ? 0 : req->domain->id;

    return &req->core->tally[id < CORE_TALLIES ? id : CORE_TALLIES];
}

static void count_lookup(struct request *req, enum hufu_err err)
{
    bool replayed = (req->reply.flags & MSG_REPLAYED) != 0; /* counted the first time */

    if (req->msg.verb != VERB_LOOKUP || replayed)
        return;
    if (err == HUFU_OK)
        atomic_fetch_add(&tally_of(req)->lookup_hits, 1);
    if (err == HUFU_NOT_FOUND)
        atomic_fetch_add(&tally_of(req)->lookup_misses, 1);
}

static void count_success(struct request *req)
{
    struct core *core = req->core;
    struct tally *t = tally_of(req);

    atomic_fetch_add(&core->served[req->msg.verb], 1);
    if (req->created > 0)
        atomic_fetch_add(&t->created, req->created);
    if (req->revealed > 0)
        atomic_fetch_add(&t->revealed, req->revealed);
}

/* One line at debug; the front has its own. */
static void trace(const struct request *req, enum hufu_err err)
{
    if (!log_wants(LOG_DEBUG))
        return;
    log_event(LOG_DEBUG, "core.request", "request_id", LOG_VIEW(req->msg.request_id), "verb",
              LOG_STR(msg_shape(req->msg.verb)->verb_name), "code",
              LOG_STR(err == HUFU_OK ? "ok" : err_code(err)), "duration_us",
              LOG_NUM(clock_us() - req->began_us), "again", LOG_NUM(req->attempt), NULL);
}

/* What a day's limit refuses comes back with the next day (UTC), all else may in a second or, where
 * it was too much in a minute, in a minute. */
static uint32_t retry_after_s(const struct request *req, enum hufu_err err)
{
    bool until_midnight = req->limit == LIMIT_GUESSES || req->limit == LIMIT_VALUES ||
                          req->limit == LIMIT_LOOKUPS || req->limit == LIMIT_REVEALS_DAY ||
                          req->limit == LIMIT_REVEALS_PURPOSE || req->limit == LIMIT_REVEAL_MISSES;
    uint64_t left_ms;

    if (err == HUFU_UNAVAILABLE || err == HUFU_SEALED)
        return 1;
    if (err != HUFU_RATE_LIMITED)
        return 0;
    if (req->limit == LIMIT_REVEALS_MINUTE)
        return 60;
    if (!until_midnight)
        return 1;
    left_ms = (row_day(req->core) + 1) * ROW_DAY_MS - req->core->clock->now_ms(req->core->clock);
    return (uint32_t)((left_ms + 999) / 1000);
}

void request_answer(struct request *req, enum hufu_err err, struct msg_where where)
{
    struct core *core = req->core;

    alarm_settle(req, false); /* what was not committed by now never will be */
    req->reply.err = err;
    if (err != HUFU_OK) {
        req->reply.where = where;
        req->reply.retry_after_s = retry_after_s(req, err);
        req->reply.body = view_of(NULL, 0);
        if (req->msg.verb == VERB_STATUS) /* it names the part that is missing */
            req->reply.body = buf_view(&req->body);
        if (err == HUFU_BAD_REQUEST)
            req->reply.body = req->detail;
        atomic_fetch_add(&core->refused[err], 1);
        if (err == HUFU_RATE_LIMITED)
            atomic_fetch_add(&core->limited[req->limit], 1);
    } else {
        req->reply.where = MSG_WHERE_NONE;
        req->reply.body = buf_view(&req->body);
        count_success(req);
    }
    count_lookup(req, err);
    trace(req, err);
    core->send(core, req);
    request_free(req);
}

enum hufu_err request_body(struct request *req, size_t max)
{
    uint8_t *mem = request_take(req, max);

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&req->body, mem, max);
    return HUFU_OK;
}

static void fill_entry(struct request *req, struct entry_draft *e)
{
    const struct msg_shape *shape = msg_shape(req->msg.verb);

    e->verb = shape == NULL ? "?" : shape->verb_name; /* the keeper names its own */
    e->result = "ok";
    if (req->who.partner != NULL)
        e->principal = view_str(req->who.partner->name);
    if (req->who.user != NULL)
        e->principal = view_str(req->who.user->name);
    if (req->who.role != ROLE_NONE)
        e->role = role_name(req->who.role);
    e->source = view_str(req->source);
    if (req->domain != NULL)
        e->domain = view_str(req->domain->name);
    e->request_id = req->msg.request_id;
}

static bool op_make(struct request *req, struct store_op *op, size_t pre_max, size_t write_max,
                    size_t count_max)
{
    op->pre = request_take(req, (pre_max + CALLER_PRE) * sizeof(*op->pre));
    op->write = request_take(req, (write_max + CALLER_WRITE) * sizeof(*op->write));
    op->count = request_take(req, count_max * sizeof(*op->count) + 1);
    op->entry = request_take(req, sizeof(*op->entry));
    if (op->pre == NULL || op->write == NULL || op->count == NULL || op->entry == NULL)
        return false;
    fill_entry(req, op->entry);
    return true;
}

enum hufu_err request_ops(struct request *req, size_t n, size_t pre_max, size_t write_max,
                          size_t count_max)
{
    req->op = request_take(req, n * sizeof(*req->op));
    if (req->op == NULL)
        return HUFU_UNAVAILABLE;
    for (size_t i = 0; i < n; i++)
        if (!op_make(req, &req->op[i], pre_max, write_max, count_max))
            return HUFU_UNAVAILABLE;
    req->draft.op = req->op;
    req->draft.op_count = n;
    return HUFU_OK;
}

enum hufu_err request_ops_more(struct request *req, size_t n, size_t pre_max, size_t write_max)
{
    size_t had = req->draft.op_count;
    struct store_op *all = request_take(req, (had + n) * sizeof(*all));

    if (all == NULL)
        return HUFU_UNAVAILABLE;
    if (had > 0)
        memcpy(all, req->op, had * sizeof(*all));
    for (size_t i = had; i < had + n; i++)
        if (!op_make(req, &all[i], pre_max, write_max, 0))
            return HUFU_UNAVAILABLE;
    req->op = all;
    req->draft.op = all;
    req->draft.op_count = had + n;
    return HUFU_OK;
}

struct entry_draft *request_entry(struct request *req, size_t op)
{
    return req->op[op].entry;
}

void op_expect(struct store_op *op, struct view key, struct store_seen seen)
{
    op->pre[op->pre_count++] =
        (struct store_pre){ .kind = PRE_ROW, .key = key, .seen = seen, .until_ms = 0 };
}

void op_until(struct store_op *op, uint64_t ms)
{
    op->pre[op->pre_count++] = (struct store_pre){ .kind = PRE_UNTIL, .until_ms = ms };
}

void op_write(struct store_op *op, struct view key, uint8_t *image, size_t image_len)
{
    op->write[op->write_count++] = (struct store_write){ key, image, image_len };
}

void op_count(struct store_op *op, struct view key, uint64_t add, uint64_t limit, uint64_t until_ms)
{
    op->count[op->count_count++] = (struct store_count){ key, add, limit, until_ms, LIMIT_NONE };
}

void op_limit(struct store_op *op, enum core_limit what)
{
    op->count[op->count_count - 1].what = (uint8_t)what;
}

static void expect_row(struct request *req, struct store_op *op, uint8_t table, uint32_t id,
                       uint64_t seq)
{
    op_expect(op, row_numbered_key(req, table, id), row_seen(seq));
}

void op_expect_caller(struct request *req, struct store_op *op)
{
    const struct who *who = &req->who;

    if (who->partner != NULL)
        expect_row(req, op, TABLE_PARTNER, who->partner->id, who->partner->seq);
    if (who->user != NULL)
        expect_row(req, op, TABLE_USER, who->user->id, who->user->seq);
    if (who->user != NULL && who->session.expires_ms != 0) {
        struct view hash = view_of(who->session.hash, sizeof(who->session.hash));

        op_expect(op, row_plain_key(req, TABLE_SESSION, hash), row_seen(who->session.seq));
        op_until(op, who->session.expires_ms);
    }
    if (req->domain != NULL)
        expect_row(req, op, TABLE_DOMAIN, req->domain->id, req->domain->seq);
}

void request_insert_receipt(struct request *req, uint64_t index)
{
    struct log_identity log;
    uint8_t mem[320];
    struct buf text;
    struct json j;

    if (directory_log(req->core->dir, &log) != HUFU_OK)
        return;
    buf_fixed(&text, mem, sizeof(mem));
    json_init(&j, &text);
    json_open(&j);
    json_put_u64(&j, "index", index);
    json_put_base64(&j, "nonce", req->nonce, sizeof(req->nonce));
    json_put_str(&j, "origin", log.origin);
    json_close(&j);
    if (buf_check(&text) != HUFU_OK || req->body.cap - req->body.len < text.len + 11)
        return;
    memmove(req->body.p + req->receipt_at + text.len + 11, req->body.p + req->receipt_at,
            req->body.len - req->receipt_at);
    memcpy(req->body.p + req->receipt_at, "\"receipt\":", 10);
    memcpy(req->body.p + req->receipt_at + 10, text.p, text.len);
    req->body.p[req->receipt_at + 10 + text.len] = ',';
    req->body.len += text.len + 11;
}

static void settled(struct store_draft *draft)
{
    struct request *req = draft->arg;

    if (draft->now_ms > atomic_load(&req->core->judged_ms)) /* drafts settle one after another */
        atomic_store(&req->core->judged_ms, draft->now_ms);
    switch (draft->err) {
    case HUFU_OK:
        if (req->reply.err == HUFU_OK) /* else it is the entry of a refusal: no row has them */
            keep_keys(req);
        alarm_settle(req, true);
        if (req->receipt_at != 0)
            request_insert_receipt(req, draft->first_seq);
        request_answer(req, req->reply.err, req->reply.where);
        return;
    case HUFU_LIMIT:
        req->limit_hit = true;
        req->limit = (enum core_limit)draft->op[draft->failed_op].count[draft->failed_at].what;
        break;
    case HUFU_PRECONDITION:
        break;
    default:
        request_answer(req, HUFU_UNAVAILABLE, MSG_WHERE_NONE);
        return;
    }
    if (++req->attempt > CORE_ATTEMPTS || queue_put(&req->core->work, &req->node) != HUFU_OK)
        request_answer(req, HUFU_UNAVAILABLE, MSG_WHERE_NONE);
}

void request_commit(struct request *req)
{
    req->draft.done = settled;
    req->draft.arg = req;
    if (store_submit(req->core->store, &req->draft) != HUFU_OK)
        request_answer(req, HUFU_UNAVAILABLE, MSG_WHERE_NONE);
}

enum hufu_err worker_init(struct worker *w, struct core *core)
{
    enum hufu_err err;

    *w = (struct worker){ .core = core };
    draw_init(&w->draw, core->entropy);
    err = store_reader_new(core->store, &w->reader);
    if (err == HUFU_OK)
        err = crypt_new(&w->crypt);
    if (err == HUFU_OK)
        err = decoy_init(w);
    if (err != HUFU_OK)
        worker_done(w);
    return err;
}

void worker_done(struct worker *w)
{
    store_reader_free(w->reader);
    crypt_free(w->crypt);
    draw_done(&w->draw);
    w->reader = NULL;
    w->crypt = NULL;
}
