#include "vault/subject_work.h"

#include <stdio.h>
#include <string.h>

#include "vault/handle.h"
#include "vault/subject_change.h"

#define COUNT_ROWS   4096 /* looked at in one read transaction */
#define REASON_BYTES 96
#define KEPT_MS      (400ULL * ROW_DAY_MS) /* of a case that has ended: it holds a reference */
#define DOMAIN_AT    (1 + CASE_DIGEST_LEN) /* offset in a row's key */
#define TOKEN_AT     (DOMAIN_AT + 4)

struct piece {
    struct keeper *k;
    struct case_row *c;
    uint8_t key[SUBJECT_PIECE][SUBJECT_KEY_MAX];
    uint8_t key_len[SUBJECT_PIECE];
    size_t count;
    size_t op;       /* the next one that is free */
    uint64_t missed; /* rows that are none of ours */
};

static void put_prefix(const struct case_row *c, struct buf *out)
{
    buf_u8(out, TABLE_SUBJECT);
    buf_put(out, c->digest, sizeof(c->digest));
}

static bool count_one(void *arg, struct view key, uint64_t seq, struct view image)
{
    (void)key;
    (void)seq;
    (void)image;
    (*(uint64_t *)arg)++;
    return true;
}

static enum hufu_err count_all(struct keeper *k, const struct case_row *c, uint64_t *out)
{
    uint8_t prefix_mem[TOKEN_AT], next_mem[STORE_KEY_MAX], from_mem[STORE_KEY_MAX];
    struct buf prefix, next;
    struct view from;
    uint64_t n = 0;
    enum hufu_err err;

    buf_fixed(&prefix, prefix_mem, sizeof(prefix_mem));
    put_prefix(c, &prefix);
    from = buf_view(&prefix);
    do {
        buf_fixed(&next, next_mem, sizeof(next_mem));
        err = store_scan(k->w.reader, buf_view(&prefix), from, COUNT_ROWS, count_one, &n, &next);
        memcpy(from_mem, next_mem, next.len);
        from = view_of(from_mem, next.len);
    } while (err == HUFU_OK && next.len > 0);
    if (err == HUFU_OK)
        *out = n;
    return err;
}

static bool take_key(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct piece *p = arg;

    (void)seq;
    (void)image;
    if (key.len > SUBJECT_KEY_MAX || key.len <= TOKEN_AT) {
        p->missed++;
        return true;
    }
    memcpy(p->key[p->count], key.p, key.len);
    p->key_len[p->count++] = (uint8_t)key.len;
    return p->count < SUBJECT_PIECE;
}

/* The keys of the next tokens; moves the case's cursor behind them, to 0 at the end. */
static enum hufu_err take_keys(struct piece *p)
{
    uint8_t prefix_mem[DOMAIN_AT], from_mem[SUBJECT_KEY_MAX], next_mem[STORE_KEY_MAX];
    struct buf prefix, from, next;
    struct case_row *c = p->c;
    enum hufu_err err;

    buf_fixed(&prefix, prefix_mem, sizeof(prefix_mem));
    buf_fixed(&from, from_mem, sizeof(from_mem));
    buf_fixed(&next, next_mem, sizeof(next_mem));
    put_prefix(c, &prefix);
    put_prefix(c, &from);
    buf_put(&from, c->next, c->next_len);
    err = store_scan(p->k->w.reader, buf_view(&prefix), buf_view(&from), SUBJECT_PIECE, take_key, p,
                     &next);
    if (err != HUFU_OK)
        return err;
    c->next_len = 0;
    if (next.len > DOMAIN_AT && next.len <= SUBJECT_KEY_MAX) {
        c->next_len = next.len - DOMAIN_AT;
        memcpy(c->next, next_mem + DOMAIN_AT, c->next_len);
    }
    return HUFU_OK;
}

/* Something of it cannot be read: the case goes on, and ends as failed. */
static void fail(struct case_row *c)
{
    (void)snprintf(c->error, sizeof(c->error), "%s", err_code(HUFU_UNAVAILABLE));
}

static enum hufu_err do_token(struct piece *p, struct view key)
{
    bool changes = false;
    enum hufu_err err = subject_change_token(p->k, p->c, key, p->op, &changes);

    if (err == HUFU_OK) {
        p->c->done += changes || p->c->kind != CASE_LIFT; /* what was not restricted stays */
        p->op += changes;
    } else if (err == HUFU_NOT_FOUND) {
        fail(p->c);
        err = HUFU_OK;
    }
    return err;
}

static enum hufu_err begin_ops(struct keeper *k, size_t count)
{
    arena_done(&k->req.work);
    k->req.draft = (struct store_draft){ 0 };
    return request_ops(&k->req, count, 4, 2, 0);
}

/* How far it is, in the entry of the operation that moves the case's row. */
static enum hufu_err say_counts(struct keeper *k, struct entry_draft *e, const struct case_row *c)
{
    uint8_t *mem = request_take(&k->req, REASON_BYTES);
    struct buf b;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&b, mem, REASON_BYTES);
    buf_str(&b, "done=");
    buf_dec(&b, c->done);
    buf_str(&b, " total=");
    buf_dec(&b, c->total);
    buf_str(&b, " held=");
    buf_dec(&b, c->held);
    e->reason = buf_view(&b);
    return buf_check(&b);
}

/* Adds the case's row as the next operation, and commits. */
static enum hufu_err write_case(struct keeper *k, size_t op_at, const struct case_row *c)
{
    struct store_op *op = &k->req.op[op_at];
    enum hufu_err err;

    op->entry->verb = "subject-progress";
    if (c->state != CASE_RUNNING)
        op->entry->verb = c->state == CASE_EXPIRED ? "subject-expire" : "subject-end";
    if (c->state == CASE_FAILED)
        op->entry->result = c->error;
    err = subject_case_name(&k->req, op->entry, c);
    if (err == HUFU_OK && c->state != CASE_EXPIRED)
        err = say_counts(k, op->entry, c);
    if (err == HUFU_OK)
        err = subject_case_write(&k->w, &k->req, op, c);
    k->req.draft.op_count = op_at + 1;
    return err == HUFU_OK ? keeper_commit(k) : err;
}

static enum hufu_err end(struct keeper *k, struct case_row *c, enum case_state state,
                         const char *why)
{
    enum hufu_err err = begin_ops(k, 1);

    c->state = (uint8_t)state;
    c->changed_ms = core_now(k->core);
    if (why != NULL)
        (void)snprintf(c->error, sizeof(c->error), "%s", why);
    return err == HUFU_OK ? write_case(k, 0, c) : err;
}

/* The case's own operation is the last of the draft: who agreed, that nothing forbids it. */
static enum hufu_err commit_piece(struct piece *p)
{
    struct keeper *k = p->k;
    struct case_row *c = p->c;
    struct store_op *op = &k->req.op[p->op];

    c->changed_ms = core_now(k->core);
    if (p->missed > 0)
        fail(c);
    if (c->done > c->total) /* some came to it meanwhile */
        c->total = c->done;
    if (c->next_len == 0)
        c->state = c->error[0] == '\0' ? CASE_DONE : CASE_FAILED;
    if (subject_case_stands(&k->req, op, c) != HUFU_OK ||
        (c->kind == CASE_ERASE && subject_expect_free(&k->req, op, c->digest) != HUFU_OK))
        return HUFU_UNAVAILABLE;
    return write_case(k, p->op, c);
}

/* Long after its end the row goes, and with it the reference; the log keeps what was done. */
static enum hufu_err forget(struct keeper *k, const struct case_row *c)
{
    struct store_op *op;
    struct view key;
    enum hufu_err err = begin_ops(k, 1);

    if (err != HUFU_OK)
        return err;
    op = &k->req.op[0];
    op->entry->verb = "subject-remove";
    key = row_plain_key(&k->req, TABLE_CASE, view_of(c->id, ID_LEN));
    err = key.p == NULL ? HUFU_UNAVAILABLE : subject_case_name(&k->req, op->entry, c);
    if (err != HUFU_OK)
        return err;
    op_expect(op, key, row_seen(c->seq));
    op_write(op, key, NULL, 0);
    return keeper_commit(k);
}

static enum hufu_err run_piece(struct keeper *k, struct case_row *c)
{
    struct piece p = { .k = k, .c = c };
    enum hufu_err err = HUFU_OK;

    if (c->next_len == 0)
        err = count_all(k, c, &c->total);
    if (err == HUFU_OK)
        err = take_keys(&p);
    if (err == HUFU_OK)
        err = begin_ops(k, p.count + 1);
    for (size_t i = 0; i < p.count && err == HUFU_OK; i++)
        err = do_token(&p, view_of(p.key[i], p.key_len[i]));
    return err == HUFU_OK ? commit_piece(&p) : err;
}

static enum hufu_err run(struct keeper *k, struct case_row *c)
{
    if (c->kind == CASE_ERASE && subject_is_held(k->core, c->digest)) {
        if (c->next_len == 0 && count_all(k, c, &c->total) != HUFU_OK)
            return HUFU_UNAVAILABLE;
        c->held = c->total > c->done ? c->total - c->done : 0;
        return end(k, c, CASE_FAILED, err_code(HUFU_LEGAL_HOLD));
    }
    if (subject_case_stands(&k->req, NULL, c) == HUFU_CONFLICT)
        return end(k, c, CASE_FAILED, err_code(HUFU_FORBIDDEN));
    return run_piece(k, c);
}

/* Of the cases about one subject the one that was agreed to first; of two at once, the first in the
 * table. */
static bool is_first(struct core *core, const struct case_row *c)
{
    struct view me = view_of(c->id, ID_LEN), about = view_of(c->digest, sizeof(c->digest));
    struct case_row other;
    bool is_behind = false;

    for (size_t i = 0; i < directory_kept_count(core->dir, TABLE_CASE); i++) {
        if (subject_case_at(core, i, &other) != HUFU_OK || other.state != CASE_RUNNING ||
            !view_equal(view_of(other.digest, sizeof(other.digest)), about))
            continue;
        if (view_equal(view_of(other.id, ID_LEN), me))
            is_behind = true;
        else if (other.decided_ms < c->decided_ms ||
                 (other.decided_ms == c->decided_ms && !is_behind))
            return false;
    }
    return true;
}

static bool is_old(const struct core *core, const struct case_row *c)
{
    return c->state != CASE_PROPOSED && c->state != CASE_RUNNING &&
           core_now(core) >= c->changed_ms + KEPT_MS;
}

bool subject_work_step(struct keeper *k)
{
    struct case_row c;

    for (size_t i = 0; i < directory_kept_count(k->core->dir, TABLE_CASE); i++) {
        enum hufu_err err = HUFU_BUSY;

        if (subject_case_at(k->core, i, &c) != HUFU_OK)
            continue;
        if (c.state == CASE_EXPIRED && c.changed_ms < c.expires_ms)
            err = end(k, &c, CASE_EXPIRED, NULL);
        else if (is_old(k->core, &c))
            err = forget(k, &c);
        else if (c.state == CASE_RUNNING && is_first(k->core, &c))
            err = run(k, &c);
        /* Something came between: a token was changed, a hold was set. It is looked at again. */
        if (err == HUFU_OK || err == HUFU_PRECONDITION)
            return true;
    }
    return false;
}
