/* What the reports share: the range, the walk over the log, the page. */
#include "vault/report.h"

#include "vault/base/clock.h"
#include "vault/base/text.h"
#include "vault/handle.h"
#include "vault/manage.h"

#define PAGE_MAX 1000
#define BODY_MAX 1048576 /* of a page: it ends early rather than not fit into a frame */
#define HEAD_MAX 64      /* what begins a page */
#define TAIL_MAX 256     /* what ends a page */
#define CHUNK    64      /* entries that one read transaction sees */
#define WORDS    128     /* bytes of the report's own entry's reason */

struct peek { /* the time of one entry */
    struct report *r;
    uint64_t time_ms;
    bool ok;
};

static enum hufu_err read_line(struct report *r, struct view line)
{
    struct buf text;

    buf_fixed(&text, r->text, ENTRY_LINE_MAX);
    return entry_read(line, &text, &r->entry);
}

static bool peek_line(void *arg, uint64_t index, struct view line)
{
    struct peek *p = arg;

    (void)index;
    p->ok = read_line(p->r, line) == HUFU_OK;
    p->time_ms = p->r->entry.time_ms;
    return true;
}

static enum hufu_err peek_at(struct report *r, uint64_t index, uint64_t *ms_out)
{
    struct peek p = { .r = r };

    if (store_entries(r->w->reader, index, 1, peek_line, &p) != HUFU_OK || !p.ok)
        return HUFU_UNAVAILABLE;
    *ms_out = p.time_ms;
    return HUFU_OK;
}

/* The first of size entries that is not before ms. Their times never run back: the store holds the
 * clock where it did. */
static enum hufu_err find_from(struct report *r, uint64_t size, uint64_t ms, uint64_t *out)
{
    uint64_t low = 0, high = size, is;

    while (low < high) {
        uint64_t mid = low + (high - low) / 2;

        if (peek_at(r, mid, &is) != HUFU_OK)
            return HUFU_UNAVAILABLE;
        if (is < ms)
            low = mid + 1;
        else
            high = mid;
    }
    *out = low;
    return HUFU_OK;
}

static enum hufu_err read_time(const struct request *req, enum msg_tag tag, uint64_t *out,
                               struct msg_where *where)
{
    if (msg_has(&req->msg, tag) && clock_parse(msg_text(&req->msg, tag), out) != HUFU_OK)
        return manage_at(where, tag, HUFU_BAD_REQUEST);
    return HUFU_OK;
}

/* What the request says of the range; *from_out: the entry behind `after`. */
static enum hufu_err read_request(struct report *r, uint64_t *from_out, struct msg_where *where)
{
    const struct msg_request *msg = &r->req->msg;
    enum hufu_err err;

    r->until_ms = core_now(r->w->core) + 1;
    r->limit = msg_u64(msg, MSG_LIMIT, MANAGE_PAGE);
    *from_out = 0;
    err = read_time(r->req, MSG_SINCE, &r->since_ms, where);
    if (err == HUFU_OK)
        err = read_time(r->req, MSG_UNTIL, &r->until_ms, where);
    if (err != HUFU_OK)
        return err;
    if (r->since_ms > r->until_ms)
        return manage_at(where, MSG_UNTIL, HUFU_BAD_REQUEST);
    if (r->limit == 0 || r->limit > PAGE_MAX)
        return manage_at(where, MSG_LIMIT, HUFU_BAD_REQUEST);
    if (!msg_has(msg, MSG_AFTER))
        return HUFU_OK;
    if (text_u64(msg_text(msg, MSG_AFTER), 0, INT64_MAX, from_out) != HUFU_OK)
        return manage_at(where, MSG_AFTER, HUFU_BAD_REQUEST);
    *from_out += 1;
    return HUFU_OK;
}

/* Behind an earlier page, whose last entry is before `from`. */
static enum hufu_err go_on(struct report *r, uint64_t from)
{
    uint64_t ms;

    r->at = from < r->end ? from : r->end;
    if (peek_at(r, r->at - 1, &ms) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    if (ms >= r->page_ms)
        r->page_ms = ms + 1;
    return HUFU_OK;
}

enum hufu_err report_begin(struct report *r, struct worker *w, struct request *req,
                           struct msg_where *where)
{
    struct merkle tree;
    uint64_t from;
    enum hufu_err err;

    *r = (struct report){ .w = w, .req = req, .work = REPORT_WORK };
    err = read_request(r, &from, where);
    if (err != HUFU_OK)
        return err;
    r->text = request_take(req, ENTRY_LINE_MAX);
    if (r->text == NULL)
        return HUFU_UNAVAILABLE;
    store_log(w->core->store, &tree);
    err = find_from(r, tree.size, r->since_ms, &r->at);
    if (err == HUFU_OK)
        err = find_from(r, tree.size, r->until_ms, &r->end);
    r->page_ms = r->since_ms;
    return err == HUFU_OK && from > r->at && r->end > 0 ? go_on(r, from) : err;
}

static void put_time(struct buf *out, const char *name, uint64_t ms)
{
    char text[CLOCK_TEXT_LEN + 1];

    clock_print(ms, text);
    buf_str(out, name);
    buf_str(out, text);
}

enum hufu_err report_entry(struct report *r, struct view about)
{
    struct request *req = r->req;
    uint8_t *mem = request_take(req, WORDS);
    struct view after = msg_text(&req->msg, MSG_AFTER);
    struct buf words;

    if (mem == NULL || request_ops(req, 1, 0, 0, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    buf_fixed(&words, mem, WORDS);
    put_time(&words, "since=", r->since_ms);
    put_time(&words, " until=", r->until_ms);
    if (after.len > 0) { /* a number, by now */
        buf_str(&words, " after=");
        buf_put(&words, after.p, after.len);
    }
    request_entry(req, 0)->purpose = about;
    request_entry(req, 0)->reason = buf_view(&words);
    return buf_check(&words) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err report_body(struct report *r, size_t more)
{
    size_t want = HEAD_MAX + (size_t)r->limit * REPORT_ITEM_MAX + more + TAIL_MAX;

    if (request_body(r->req, want < BODY_MAX ? want : BODY_MAX) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&r->j, &r->req->body);
    json_open(&r->j);
    return HUFU_OK;
}

bool report_has_room(const struct report *r, size_t more)
{
    return r->shown < r->limit &&
           r->req->body.cap - r->req->body.len >= REPORT_ITEM_MAX + more + TAIL_MAX;
}

struct walk {
    struct report *r;
    report_fn *each;
    void *arg;
    enum hufu_err err;
};

static bool walk_line(void *arg, uint64_t index, struct view line)
{
    struct walk *walk = arg;
    struct report *r = walk->r;

    if (r->work == 0)
        return false;
    if (read_line(r, line) != HUFU_OK)
        walk->err = HUFU_UNAVAILABLE;
    else
        walk->err = walk->each(r, index, walk->arg);
    if (walk->err != HUFU_OK)
        return false;
    r->seen_ms = r->entry.time_ms;
    r->at = index + 1;
    r->work--;
    return true;
}

enum hufu_err report_walk(struct report *r, report_fn *each, void *arg)
{
    struct walk walk = { .r = r, .each = each, .arg = arg };

    while (r->at < r->end && r->work > 0 && walk.err == HUFU_OK) {
        size_t n = r->end - r->at < CHUNK ? (size_t)(r->end - r->at) : CHUNK;

        if (store_entries(r->w->reader, r->at, n, walk_line, &walk) != HUFU_OK)
            return HUFU_UNAVAILABLE;
    }
    return walk.err == HUFU_BUSY ? HUFU_OK : walk.err;
}

uint64_t report_page_end(const struct report *r)
{
    if (r->at >= r->end)
        return r->until_ms;
    return r->seen_ms == 0 ? r->page_ms : r->seen_ms + 1;
}

void report_print_next(struct report *r)
{
    uint8_t mem[24];
    struct buf text;

    json_name(&r->j, "next");
    if (r->at >= r->end) {
        json_nil(&r->j);
        return;
    }
    buf_fixed(&text, mem, sizeof(mem));
    buf_dec(&text, r->at - 1);
    json_text(&r->j, buf_view(&text));
}

bool report_is_reveal(const struct report *r)
{
    const struct entry_fields *e = &r->entry;

    return e->token_id_count == 1 && view_is(e->result, "ok") &&
           (view_is(e->verb, msg_shape(VERB_DETOKENIZE)->verb_name) ||
            view_is(e->verb, "export")) &&
           !report_is_partner(r);
}

bool report_is_partner(const struct report *r)
{
    return view_is(r->entry.role, role_name(ROLE_PARTNER));
}

struct view report_word(struct view words, const char *name)
{
    struct view text = view_str(name);

    for (size_t i = 0; i + text.len <= words.len; i++) {
        size_t end = i + text.len;

        if ((i > 0 && words.p[i - 1] != ' ') || !view_equal(view_of(words.p + i, text.len), text))
            continue;
        while (end < words.len && words.p[end] != ' ')
            end++;
        return view_of(words.p + i + text.len, end - i - text.len);
    }
    return view_of(NULL, 0);
}

uint64_t report_number(struct view words, const char *name)
{
    uint64_t n = 0;

    return text_u64(report_word(words, name), 0, INT64_MAX, &n) == HUFU_OK ? n : 0;
}
