/* GET /v1/alarms, POST /v1/alarms/{id}/review: what was raised, and who has looked at it. */
#include "vault/alarm_desk.h"

#include <string.h>

#include "vault/handle.h"
#include "vault/manage.h"
#include "vault/row.h"

#define PAGE_MAX  1000
#define PAGE      100
#define ITEM_MAX  2048    /* bytes of one item printed */
#define BODY_MAX  1048576 /* of a page: it ends early rather than not fit into a frame */
#define TAIL_MAX  256
#define WORDS_MAX 96

static void put_if(struct json *j, const char *name, const char *text)
{
    if (text[0] != '\0')
        json_put_str(j, name, text);
}

static void print(struct core *core, const struct alarm_row *row, struct json *j)
{
    const struct user *by = directory_user_id(core->dir, row->reviewed_by);
    char id[ID_TEXT_LEN + 1];

    id_print(row->id, id);
    json_open(j);
    if (row->delivered_ms != 0)
        json_put_time(j, "delivered_at", row->delivered_ms);
    put_if(j, "detail", row->detail);
    put_if(j, "domain", row->domain);
    json_put_str(j, "grade", alarm_grade_name(row->grade));
    json_put_str(j, "id", id);
    put_if(j, "principal", row->principal);
    json_put_time(j, "raised_at", row->raised_ms);
    put_if(j, "request_id", row->request_id);
    if (row->reviewed_ms != 0) {
        json_put_str(j, "review_reason", row->reason);
        json_put_time(j, "reviewed_at", row->reviewed_ms);
        json_put_str(j, "reviewed_by", by == NULL ? "?" : by->name);
    }
    put_if(j, "role", row->role);
    json_put_str(j, "rule", row->rule);
    put_if(j, "source", row->source);
    json_put_str(j, "suspended", row->suspended);
    json_close(j);
}

static enum hufu_err read_time(const struct request *req, enum msg_tag tag, uint64_t none,
                               struct msg_where *where, uint64_t *out)
{
    *out = none;
    if (!msg_has(&req->msg, tag) || clock_parse(msg_text(&req->msg, tag), out) == HUFU_OK)
        return HUFU_OK;
    return manage_at(where, tag, HUFU_BAD_REQUEST);
}

struct page {
    struct worker *w;
    struct request *req;
    uint64_t since_ms, until_ms, limit, shown;
    uint8_t after[ID_LEN];
    size_t after_len;
};

static enum hufu_err read_page(struct page *p, struct msg_where *where)
{
    struct request *req = p->req;
    enum hufu_err err;

    p->limit = msg_u64(&req->msg, MSG_LIMIT, PAGE);
    if (p->limit == 0 || p->limit > PAGE_MAX)
        return manage_at(where, MSG_LIMIT, HUFU_BAD_REQUEST);
    if (msg_has(&req->msg, MSG_AFTER)) {
        if (id_parse(msg_text(&req->msg, MSG_AFTER), p->after) != HUFU_OK)
            return manage_at(where, MSG_AFTER, HUFU_BAD_REQUEST);
        p->after_len = ID_LEN;
    }
    err = read_time(req, MSG_SINCE, 0, where, &p->since_ms);
    if (err == HUFU_OK)
        err = read_time(req, MSG_UNTIL, UINT64_MAX, where, &p->until_ms);
    if (err == HUFU_OK && p->since_ms > p->until_ms)
        err = manage_at(where, MSG_UNTIL, HUFU_BAD_REQUEST);
    return err;
}

/* The next one, which `after` then names. NOT_FOUND at the end. */
static enum hufu_err next_row(struct page *p, struct alarm_row *out)
{
    uint8_t mem[ALARM_ROW_MAX], id[ID_LEN];
    struct buf text, key;
    uint64_t seq;
    enum hufu_err err;

    buf_fixed(&text, mem, sizeof(mem));
    buf_fixed(&key, id, sizeof(id));
    err = directory_kept_after(p->w->core->dir, TABLE_ALARM, view_of(p->after, p->after_len), &key,
                               &text, &seq);
    if (err == HUFU_OK)
        err = alarm_row_get(buf_view(&text), out);
    if (err != HUFU_OK)
        return err;
    memcpy(out->id, id, ID_LEN);
    out->seq = seq;
    memcpy(p->after, id, ID_LEN);
    p->after_len = ID_LEN;
    return HUFU_OK;
}

static enum hufu_err print_page(struct page *p)
{
    struct request *req = p->req;
    char last[ID_TEXT_LEN + 1] = "";
    struct alarm_row row;
    bool more = false;
    struct json j;
    enum hufu_err err;

    json_init(&j, &req->body);
    json_open(&j);
    json_name(&j, "items");
    json_list(&j);
    while (!more && (err = next_row(p, &row)) == HUFU_OK) {
        if (row.raised_ms < p->since_ms || row.raised_ms >= p->until_ms)
            continue;
        more = p->shown == p->limit || req->body.cap - req->body.len < ITEM_MAX + TAIL_MAX;
        if (more)
            break;
        print(p->w->core, &row, &j);
        id_print(row.id, last);
        p->shown++;
    }
    manage_list_end(&j, more, last);
    if (!more && err != HUFU_NOT_FOUND)
        return HUFU_UNAVAILABLE;
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err handle_alarm_list(struct worker *w, struct request *req, struct msg_where *where)
{
    struct page p = { .w = w, .req = req };
    enum hufu_err err = read_page(&p, where);
    size_t want = TAIL_MAX + ((size_t)p.limit + 1) * ITEM_MAX;

    if (err != HUFU_OK)
        return err;
    if (request_body(req, want < BODY_MAX ? want : BODY_MAX) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return print_page(&p);
}

/* ---- review ---- */

static enum hufu_err find(struct request *req, struct alarm_row *out)
{
    struct directory *dir = req->core->dir;
    uint8_t id[ID_LEN], mem[ALARM_ROW_MAX];
    struct buf text;
    uint64_t seq;

    buf_fixed(&text, mem, sizeof(mem));
    if (id_parse(msg_text(&req->msg, MSG_ID), id) != HUFU_OK ||
        directory_kept(dir, TABLE_ALARM, view_of(id, ID_LEN), &text, &seq) != HUFU_OK)
        return HUFU_NOT_FOUND;
    if (alarm_row_get(buf_view(&text), out) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    memcpy(out->id, id, ID_LEN);
    out->seq = seq;
    return HUFU_OK;
}

static enum hufu_err draft(struct worker *w, struct request *req, struct alarm_row *row)
{
    struct view reason = msg_text(&req->msg, MSG_REASON);
    struct view key = row_plain_key(req, TABLE_ALARM, view_of(row->id, ID_LEN));
    uint8_t mem[ALARM_ROW_MAX], *words = request_take(req, WORDS_MAX);
    struct buf text, b;

    if (words == NULL || request_ops(req, 1, 1, 1, 0) != HUFU_OK ||
        manage_copy(row->reason, sizeof(row->reason), reason) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    row->reviewed_ms = core_now(w->core);
    row->reviewed_by = req->who.user->id;
    buf_fixed(&b, words, WORDS_MAX);
    buf_str(&b, "rule=");
    buf_str(&b, row->rule);
    buf_str(&b, " grade=");
    buf_str(&b, alarm_grade_name(row->grade));
    request_entry(req, 0)->purpose = buf_view(&b);
    request_entry(req, 0)->reason = reason;
    buf_fixed(&text, mem, sizeof(mem));
    alarm_row_put(row, &text);
    return row_write_control(w, req, &req->op[0], key, row_seen(row->seq), &text);
}

enum hufu_err handle_alarm_review(struct worker *w, struct request *req, struct msg_where *where)
{
    struct alarm_row row;
    struct json j;
    enum hufu_err err;

    err = check_member(w, req, MSG_REASON, where);
    if (err == HUFU_OK)
        err = find(req, &row);
    if (err != HUFU_OK)
        return err;
    if (row.whose == ALARM_OF_USER && row.whose_id == req->who.user->id)
        return HUFU_FORBIDDEN; /* nobody judges what they did themselves */
    if (row.reviewed_ms != 0)
        return HUFU_CONFLICT;
    if (draft(w, req, &row) != HUFU_OK || request_body(req, ITEM_MAX) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    print(w->core, &row, &j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}
