/* What is kept of a data subject: where, since when, on which basis, revealed to whom and why. No
 * value and no token (C55). */
#include "vault/subject_report.h"

#include <stdlib.h>
#include <string.h>

#include "vault/handle.h"
#include "vault/manage.h"

#define PAGE_MAX   100                   /* tokens */
#define LIMIT_MAX  1000                  /* that may be asked for: a page may have fewer */
#define DOMAIN_AT  (1 + CASE_DIGEST_LEN) /* offset in a row's key */
#define NOTE_BYTES 64

/* Given to who asked, for a while, as long as both who decided have a say. */
static enum hufu_err judge(struct subject_report *r)
{
    if (r->c.asked_by != r->req->who.user->id)
        return HUFU_FORBIDDEN;
    if (r->c.kind != CASE_REPORT || r->c.state != CASE_DONE ||
        core_now(r->w->core) >= r->c.expires_ms)
        return HUFU_CONFLICT;
    return subject_case_stands(r->req, NULL, &r->c);
}

static enum hufu_err read_page(struct subject_report *r, struct msg_where *where)
{
    const struct msg_request *msg = &r->req->msg;
    uint64_t limit = msg_u64(msg, MSG_LIMIT, PAGE_MAX);

    if (limit == 0 || limit > LIMIT_MAX)
        return manage_at(where, MSG_LIMIT, HUFU_BAD_REQUEST);
    r->limit = limit < PAGE_MAX ? (size_t)limit : PAGE_MAX;
    if (msg_has(msg, MSG_AFTER) &&
        text_u64(msg_text(msg, MSG_AFTER), 0, INT64_MAX, &r->skip) != HUFU_OK)
        return manage_at(where, MSG_AFTER, HUFU_BAD_REQUEST);
    return HUFU_OK;
}

/* Rows are never taken away: one that was there stays at its place or moves on. */
static bool take_row(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct subject_report *r = arg;
    struct subject_kept *it = &r->item[r->count];
    struct reader reader;

    (void)seq;
    if (r->seen++ < r->skip || key.len <= DOMAIN_AT + 4 || key.len > SUBJECT_KEY_MAX)
        return true;
    r->more = r->count == r->limit;
    if (r->more)
        return false;
    reader_init(&reader, key.p + DOMAIN_AT, key.len - DOMAIN_AT);
    it->domain_id = reader_be32(&reader);
    it->token_len = (uint8_t)reader.left;
    reader_copy(&reader, it->token, it->token_len);
    it->mark = image.len == 1 ? image.p[0] : SUBJECT_FREE;
    r->count++;
    return true;
}

#define CHUNK 4096 /* rows of one read transaction */

static enum hufu_err find_tokens(struct subject_report *r)
{
    uint8_t prefix_mem[DOMAIN_AT], from_mem[STORE_KEY_MAX], next_mem[STORE_KEY_MAX];
    struct buf prefix, next;
    struct view from;
    enum hufu_err err;

    r->item = request_take(r->req, (r->limit + 1) * sizeof(*r->item));
    if (r->item == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&prefix, prefix_mem, sizeof(prefix_mem));
    buf_u8(&prefix, TABLE_SUBJECT);
    buf_put(&prefix, r->c.digest, sizeof(r->c.digest));
    from = buf_view(&prefix);
    do {
        buf_fixed(&next, next_mem, sizeof(next_mem));
        err = store_scan(r->w->reader, buf_view(&prefix), from, CHUNK, take_row, r, &next);
        memcpy(from_mem, next_mem, next.len);
        from = view_of(from_mem, next.len);
    } while (err == HUFU_OK && !r->more && next.len > 0);
    for (size_t i = 0; i < r->count && err == HUFU_OK; i++)
        err = row_token_id(r->w, r->item[i].domain_id,
                           view_of(r->item[i].token, r->item[i].token_len), r->item[i].token_id);
    return err == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

static enum hufu_err find_all(struct subject_report *r)
{
    enum hufu_err err = subject_reveals_find(r->w, &r->reveals);

    if (err == HUFU_OK && r->reveals.complete)
        err = subject_exports_find(r->w, r->line, &r->reveals);
    subject_reveals_sort(&r->reveals);
    return err;
}

/* Fewer tokens on this page where their reveals would not fit; nothing is left out in silence. */
static enum hufu_err find_reveals(struct subject_report *r)
{
    uint8_t(*id)[ENTRY_TOKEN_ID_LEN] = request_take(r->req, r->limit * sizeof(*id));
    uint32_t *domain_id = request_take(r->req, r->limit * sizeof(*domain_id));
    enum hufu_err err = HUFU_OK;

    r->reveals.item = request_take(r->req, SUBJECT_REVEALS_MAX * sizeof(*r->reveals.item));
    r->line = request_take(r->req, ENTRY_LINE_MAX);
    if (id == NULL || domain_id == NULL || r->reveals.item == NULL || r->line == NULL)
        return HUFU_UNAVAILABLE;
    r->reveals.complete = true;
    while (err == HUFU_OK && r->count > 0) {
        for (size_t i = 0; i < r->count; i++) {
            memcpy(id[i], r->item[i].token_id, sizeof(id[i]));
            domain_id[i] = r->item[i].domain_id;
        }
        qsort(id, r->count, sizeof(id[0]), subject_reveals_order);
        r->reveals.token_id = (const uint8_t(*)[ENTRY_TOKEN_ID_LEN])id;
        r->reveals.domain_id = domain_id;
        r->reveals.token_count = r->count;
        err = find_all(r);
        if (r->reveals.complete || r->count == 1 || r->reveals.count < SUBJECT_REVEALS_MAX)
            break;
        r->count /= 2;
        r->more = true;
    }
    return err;
}

/* The report's own entry: which case, which part. */
static enum hufu_err draft(struct subject_report *r)
{
    struct request *req = r->req;
    uint8_t *mem = request_take(req, NOTE_BYTES);
    struct store_op *op;
    struct buf note;

    if (mem == NULL || request_ops(req, 1, 4, 0, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op = &req->op[0];
    op_expect_caller(req, op);
    op_until(op, r->c.expires_ms);
    buf_fixed(&note, mem, NOTE_BYTES);
    buf_str(&note, "tokens=");
    buf_dec(&note, r->count);
    buf_str(&note, " after=");
    buf_dec(&note, r->skip);
    op->entry->reason = buf_view(&note);
    if (subject_case_stands(req, op, &r->c) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return subject_case_name(req, op->entry, &r->c);
}

static enum hufu_err refuse_report(struct subject_report *r, enum hufu_err err)
{
    if (refuse_entry(r->req, err) != HUFU_OK ||
        subject_case_name(r->req, request_entry(r->req, 0), &r->c) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return err;
}

enum hufu_err handle_subject_report(struct worker *w, struct request *req, struct msg_where *where)
{
    struct subject_report *r = request_take(req, sizeof(*r));
    enum hufu_err err;

    if (r == NULL)
        return HUFU_UNAVAILABLE;
    r->w = w;
    r->req = req;
    err = read_page(r, where);
    if (err == HUFU_OK)
        err = subject_case_named(req, &r->c);
    if (err != HUFU_OK)
        return err;
    err = judge(r);
    if (err != HUFU_OK)
        return err == HUFU_UNAVAILABLE ? err : refuse_report(r, err);
    err = find_tokens(r);
    if (err == HUFU_OK)
        err = find_reveals(r);
    if (err == HUFU_OK)
        err = draft(r);
    return err == HUFU_OK ? subject_report_print(r) : err;
}
