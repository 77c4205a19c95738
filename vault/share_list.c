/* GET /v1/shares: the sharing register between two times, page by page. */
#include "vault/share.h"

#include <string.h>

#include "vault/base/clock.h"
#include "vault/handle.h"
#include "vault/manage.h"
#include "vault/manage_recipient.h"

#define PAGE      500 /* lines unless told */
#define PAGE_MAX  1000
#define ITEM_MAX  4096    /* bytes of one line printed */
#define BODY_MAX  1048576 /* of a page: it ends early rather than not fit into a frame */
#define TAIL_MAX  256     /* what ends a page */
#define ABOUT_MAX 96
#define MS_LEN    6 /* bytes of a UUIDv7 that are its time, be */
#define MS_MAX    (1ULL << 48U)

struct page {
    struct worker *w;
    struct json j;
    uint64_t since_ms, until_ms, limit, shown;
    uint8_t after[ID_LEN];
    bool has_after, more;
    char last[ID_TEXT_LEN + 1];
    enum hufu_err err;
};

static void print_paper(struct json *j, const char *name, const struct recipient_paper *p)
{
    if (p->until_ms == 0)
        return;
    json_name(j, name);
    json_open(j);
    json_put_str(j, "ref", p->ref);
    json_put_time(j, "valid_until", p->until_ms);
    json_close(j);
}

static void print_id(struct json *j, const char *name, const uint8_t id[static ID_LEN])
{
    static const uint8_t none[ID_LEN] = { 0 };
    char text[ID_TEXT_LEN + 1];

    if (view_equal(view_of(id, ID_LEN), view_of(none, ID_LEN)))
        return;
    id_print(id, text);
    json_put_str(j, name, text);
}

static void print_line(struct json *j, const struct share_row *line)
{
    json_open(j);
    print_paper(j, "assessment", &line->assessment);
    json_put_time(j, "at", line->at_ms);
    print_paper(j, "channel_check", &line->channel_check);
    json_put_str(j, "class", line->class == FORMAT_C1 ? "C1" : "C2");
    print_paper(j, "contract", &line->contract);
    json_put_str(j, "domain", line->domain);
    print_id(j, "export", line->export);
    json_put_str(j, "format", line->format);
    print_id(j, "grant", line->grant);
    print_id(j, "id", line->id);
    json_put_str(j, "kind", manage_recipient_kind(line->kind));
    if (line->legal_basis[0] != '\0')
        json_put_str(j, "legal_basis", line->legal_basis);
    json_put_str(j, "principal", line->principal);
    json_put_str(j, "purpose", line->purpose);
    json_put_str(j, "reason", line->reason);
    json_put_str(j, "recipient", line->recipient);
    json_put_str(j, "request_id", line->request_id);
    json_put_str(j, "result", share_result_name(line->result));
    json_put_u64(j, "scale", line->scale);
    print_paper(j, "tool_check", &line->tool_check);
    json_put_str(j, "use", line->use);
    json_put_str(j, "way", share_way_name(line->way));
    json_close(j);
}

static uint64_t time_of(const uint8_t id[static ID_LEN])
{
    uint64_t ms = 0;

    for (size_t i = 0; i < MS_LEN; i++)
        ms = ms << 8U | id[i];
    return ms;
}

static bool see(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct page *p = arg;
    uint8_t mem[SHARE_ROW_MAX];
    struct share_row line;
    struct buf text;

    if (key.len != 1 + ID_LEN || time_of(key.p + 1) >= p->until_ms)
        return false;
    if (p->has_after && view_equal(view_of(key.p + 1, ID_LEN), view_of(p->after, ID_LEN)))
        return true;
    p->more = p->shown == p->limit || p->j.out->cap - p->j.out->len < ITEM_MAX + TAIL_MAX;
    if (p->more)
        return false;
    buf_fixed(&text, mem, sizeof(mem));
    p->err = row_open_control(p->w->crypt, p->w->core->ring, key, seq, image, &text);
    if (p->err == HUFU_OK)
        p->err = share_row_get(buf_view(&text), &line);
    if (p->err != HUFU_OK)
        return false;
    memcpy(line.id, key.p + 1, ID_LEN);
    print_line(&p->j, &line);
    id_print(line.id, p->last);
    p->shown++;
    return true;
}

static enum hufu_err read_time(const struct request *req, enum msg_tag tag, uint64_t *out,
                               struct msg_where *where)
{
    if (!msg_has(&req->msg, tag))
        return HUFU_OK;
    if (clock_parse(msg_text(&req->msg, tag), out) != HUFU_OK || *out >= MS_MAX)
        return manage_at(where, tag, HUFU_BAD_REQUEST);
    return HUFU_OK;
}

static enum hufu_err read_page(const struct request *req, struct page *p, struct msg_where *where)
{
    enum hufu_err err;

    p->limit = msg_u64(&req->msg, MSG_LIMIT, PAGE);
    p->until_ms = MS_MAX - 1;
    p->has_after = msg_has(&req->msg, MSG_AFTER);
    if (p->limit == 0 || p->limit > PAGE_MAX)
        return manage_at(where, MSG_LIMIT, HUFU_BAD_REQUEST);
    if (p->has_after && id_parse(msg_text(&req->msg, MSG_AFTER), p->after) != HUFU_OK)
        return manage_at(where, MSG_AFTER, HUFU_BAD_REQUEST);
    err = read_time(req, MSG_SINCE, &p->since_ms, where);
    if (err == HUFU_OK)
        err = read_time(req, MSG_UNTIL, &p->until_ms, where);
    if (err == HUFU_OK && p->until_ms < p->since_ms)
        err = manage_at(where, MSG_UNTIL, HUFU_BAD_REQUEST);
    return err;
}

static enum hufu_err scan(struct page *p)
{
    uint8_t from_mem[1 + ID_LEN] = { TABLE_SHARE }, next_mem[STORE_KEY_MAX];
    struct view from = view_of(from_mem, sizeof(from_mem));
    struct buf next;

    for (size_t i = 0; i < MS_LEN; i++)
        from_mem[1 + i] = (uint8_t)(p->since_ms >> (40 - 8 * i));
    if (p->has_after && time_of(p->after) >= p->since_ms)
        memcpy(from_mem + 1, p->after, ID_LEN);
    buf_fixed(&next, next_mem, sizeof(next_mem));
    if (store_scan(p->w->reader, view_of(from_mem, 1), from, (size_t)p->limit + 2, see, p, &next) !=
            HUFU_OK ||
        p->err != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return HUFU_OK;
}

/* What was looked at, and how much of it was shown. */
static enum hufu_err name_page(struct request *req, const struct page *p)
{
    uint8_t *mem = request_take(req, ABOUT_MAX), *count = request_take(req, ABOUT_MAX);
    char time[CLOCK_TEXT_LEN + 1];
    struct buf b, n;

    if (mem == NULL || count == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&b, mem, ABOUT_MAX);
    clock_print(p->since_ms, time);
    buf_str(&b, "since=");
    buf_str(&b, time);
    if (msg_has(&req->msg, MSG_UNTIL)) {
        clock_print(p->until_ms, time);
        buf_str(&b, " until=");
        buf_str(&b, time);
    }
    buf_fixed(&n, count, ABOUT_MAX);
    buf_str(&n, "lines=");
    buf_dec(&n, p->shown);
    request_entry(req, 0)->purpose = buf_view(&b);
    request_entry(req, 0)->reason = buf_view(&n);
    return buf_check(&b) == HUFU_OK && buf_check(&n) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err handle_share_list(struct worker *w, struct request *req, struct msg_where *where)
{
    struct page p = { .w = w };
    size_t want;
    enum hufu_err err = read_page(req, &p, where);

    if (err != HUFU_OK)
        return err;
    want = 2 * TAIL_MAX + ((size_t)p.limit + 1) * ITEM_MAX;
    if (request_ops(req, 1, 0, 0, 0) != HUFU_OK ||
        request_body(req, want < BODY_MAX ? want : BODY_MAX) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    json_init(&p.j, &req->body);
    json_open(&p.j);
    json_name(&p.j, "items");
    json_list(&p.j);
    err = scan(&p);
    manage_list_end(&p.j, p.more, p.last);
    if (err == HUFU_OK)
        err = name_page(req, &p);
    return err == HUFU_OK && buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}
