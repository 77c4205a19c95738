#include "vault/subject_change.h"

#include "vault/base/secret.h"
#include "vault/handle.h"

#define DOMAIN_AT (1 + CASE_DIGEST_LEN) /* offset in a row's key */

struct held_row { /* as it was seen: it must stay so until the commit */
    struct view key;
    struct store_seen seen;
};

struct change { /* of one token */
    const struct domain *domain;
    struct view token;
    struct held_row record, row;
    struct record rec; /* SECRET */
    uint8_t was, mark; /* the record's state before; of the row: enum subject_mark */
};

/* Restricts what is in use; what has ended stays as it is. */
static bool restrict_one(struct change *t, bool expired)
{
    if (t->mark != SUBJECT_FREE || expired ||
        (t->was != RECORD_ACTIVE && t->was != RECORD_SUSPENDED))
        return false;
    t->mark = t->was == RECORD_ACTIVE ? SUBJECT_STOPPED : SUBJECT_BARRED;
    t->rec.state = RECORD_SUSPENDED;
    return true;
}

/* Only what a restriction suspended becomes active again. */
static bool lift_one(struct change *t, bool expired)
{
    if (t->mark == SUBJECT_FREE)
        return false;
    if (t->mark == SUBJECT_STOPPED && t->was == RECORD_SUSPENDED && !expired)
        t->rec.state = RECORD_ACTIVE;
    t->mark = SUBJECT_FREE;
    return true;
}

/* False: nothing is to be done with it. */
static bool decide(const struct case_row *c, uint64_t now_ms, struct change *t)
{
    bool expired = record_is_expired(&t->rec, now_ms);

    if (c->kind == CASE_RESTRICT)
        return restrict_one(t, expired);
    if (c->kind == CASE_LIFT)
        return lift_one(t, expired);
    t->rec.state = RECORD_DELETED; /* as the verb `delete`, but from every state */
    return t->was != RECORD_DELETED;
}

static const char *entry_verb(const struct case_row *c)
{
    if (c->kind == CASE_ERASE)
        return "subject-erase";
    return c->kind == CASE_RESTRICT ? "subject-restrict" : "subject-lift";
}

static enum hufu_err fill_entry(struct keeper *k, const struct case_row *c, struct entry_draft *e,
                                const struct change *t)
{
    uint8_t *id = request_take(&k->req, ENTRY_TOKEN_ID_LEN);

    if (id == NULL || row_token_id(&k->w, t->domain->id, t->token, id) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    e->verb = entry_verb(c);
    e->domain = view_str(t->domain->name);
    e->token_ids = id;
    e->token_id_count = 1;
    return subject_case_name(&k->req, e, c);
}

static enum hufu_err write_change(struct keeper *k, const struct case_row *c, struct change *t,
                                  size_t op_at)
{
    struct request *req = &k->req;
    struct store_op *op = &req->op[op_at];
    uint8_t *image, *mark = request_take(req, 1);
    size_t image_len;

    if (mark == NULL || fill_entry(k, c, op->entry, t) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect(op, t->record.key, t->record.seen);
    op_expect(op, t->row.key, t->row.seen);
    if (t->rec.state != t->was) {
        t->rec.changed_ms = core_now(k->core);
        if (row_lay_record(&k->w, req, &t->rec, &image, &image_len) != HUFU_OK)
            return HUFU_UNAVAILABLE;
        op_write(op, t->record.key, image, image_len);
    }
    if (c->kind != CASE_ERASE) {
        *mark = t->mark;
        op_write(op, t->row.key, mark, 1);
    }
    return HUFU_OK;
}

/* The token of a row and what is there of it. HUFU_NOT_FOUND: no such token, or a damaged one. */
static enum hufu_err read_token(struct keeper *k, struct view key, struct change *t)
{
    struct worker *w = &k->w;
    struct reader r;
    struct buf mark;
    enum hufu_err err;

    reader_init(&r, key.p + DOMAIN_AT, key.len - DOMAIN_AT);
    t->domain = directory_domain_id(k->core->dir, reader_be32(&r));
    t->token = reader_take(&r, r.left);
    t->row.key = key;
    if (t->domain == NULL)
        return HUFU_NOT_FOUND;
    buf_fixed(&mark, &t->mark, sizeof(t->mark));
    err = store_find(w->reader, key, &mark, &t->row.seen);
    if (err != HUFU_OK)
        return err == HUFU_IO ? HUFU_UNAVAILABLE : HUFU_NOT_FOUND;
    t->record.key = row_token_key(&k->req, t->domain->id, t->token);
    if (t->record.key.p == NULL)
        return HUFU_UNAVAILABLE;
    err = row_find_record(w, t->domain, t->record.key, &t->rec, &t->record.seen);
    t->was = t->rec.state;
    return err == HUFU_OK ? HUFU_OK : HUFU_NOT_FOUND;
}

enum hufu_err subject_change_token(struct keeper *k, const struct case_row *c, struct view key,
                                   size_t op_at, bool *changes_out)
{
    struct change t = { 0 };
    enum hufu_err err = read_token(k, key, &t);
    bool changes = err == HUFU_OK && decide(c, core_now(k->core), &t);

    if (changes)
        err = write_change(k, c, &t, op_at);
    if (err == HUFU_OK)
        *changes_out = changes;
    wipe(&t, sizeof(t));
    return err;
}
