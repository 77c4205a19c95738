/* GET /v1/reports/indicators: how well rights, reviews and alarms are kept, in numbers (C52). */
#include <string.h>

#include "vault/access/share_row.h"
#include "vault/alarm.h"
#include "vault/handle.h"
#include "vault/report.h"
#include "vault/report_refusals.h"
#include "vault/report_rights.h"
#include "vault/row.h"

#define RECIPIENTS_MAX  256
#define RECIPIENT_BYTES 128  /* of one, printed */
#define NUMBERS_BYTES   4096 /* of all that is not a list */
#define MORE            (RECIPIENTS_MAX * RECIPIENT_BYTES + NUMBERS_BYTES + REPORT_RIGHTS_BYTES)
#define LOT             256 /* lines of the register that one read transaction sees */
#define MS_LEN          6   /* bytes of a UUIDv7 that are its time, be */

struct shared { /* with one recipient */
    char recipient[TEXT_NAME_MAX + 1];
    uint64_t shares, values;
};

struct indicators {
    struct report *r;
    uint64_t reveals, raised, reviewed;
    uint64_t grade[ALARM_HIGH + 1];
    uint64_t delivered, sum_ms, worst_ms;
    struct report_refusals refusals;
    struct shared *shared; /* RECIPIENTS_MAX, sorted by nothing */
    size_t shared_count;
    uint64_t end_ms; /* of the register's part that belongs to this page */
    enum hufu_err err;
};

static void count_alarm(struct indicators *in, const struct entry_fields *e)
{
    struct view grade = report_word(e->purpose, "grade=");

    in->raised++;
    for (unsigned i = ALARM_LOW; i <= ALARM_HIGH; i++)
        in->grade[i] += view_is(grade, alarm_grade_name(i));
}

static void count_delivery(struct indicators *in, const struct entry_fields *e)
{
    uint64_t ms = report_number(e->reason, "ms=");

    in->delivered++;
    in->sum_ms += ms;
    if (ms > in->worst_ms)
        in->worst_ms = ms;
}

static enum hufu_err see(struct report *r, uint64_t index, void *arg)
{
    struct indicators *in = arg;
    const struct entry_fields *e = &r->entry;

    (void)index;
    report_refusals_add(&in->refusals, r);
    in->reveals += report_is_reveal(r);
    if (view_is(e->verb, "alarm"))
        count_alarm(in, e);
    else if (view_is(e->verb, "alarm-delivered"))
        count_delivery(in, e);
    else if (view_is(e->verb, msg_shape(VERB_ALARM_REVIEW)->verb_name))
        in->reviewed += view_is(e->result, "ok");
    return HUFU_OK;
}

static uint64_t time_of(struct view key)
{
    uint64_t ms = 0;

    for (size_t i = 1; i <= MS_LEN; i++)
        ms = ms << 8U | key.p[i];
    return ms;
}

static void count_share(struct indicators *in, const struct share_row *line)
{
    struct shared *s = NULL;

    for (size_t i = 0; i < in->shared_count && s == NULL; i++)
        if (strcmp(in->shared[i].recipient, line->recipient) == 0)
            s = &in->shared[i];
    if (s == NULL && in->shared_count == RECIPIENTS_MAX) {
        in->err = HUFU_UNAVAILABLE;
        return;
    }
    if (s == NULL) {
        s = &in->shared[in->shared_count++];
        memcpy(s->recipient, line->recipient, sizeof(s->recipient));
    }
    s->shares++;
    s->values += line->scale;
}

/* A line of the register. Those that were stopped or failed have left nothing with anybody. */
static bool see_share(void *arg, struct view key, uint64_t seq, struct view image)
{
    struct indicators *in = arg;
    struct worker *w = in->r->w;
    uint8_t mem[SHARE_ROW_MAX];
    struct share_row line;
    struct buf text;

    if (key.len != 1 + ID_LEN || time_of(key) >= in->end_ms)
        return false;
    buf_fixed(&text, mem, sizeof(mem));
    in->err = row_open_control(w->crypt, w->core->ring, key, seq, image, &text);
    if (in->err == HUFU_OK)
        in->err = share_row_get(buf_view(&text), &line);
    if (in->err == HUFU_OK && line.result == SHARE_OK)
        count_share(in, &line);
    return in->err == HUFU_OK;
}

/* Keys of the register begin with their time: the page's part of it and nothing else is read. */
static enum hufu_err count_shares(struct indicators *in)
{
    uint8_t table = TABLE_SHARE, from_mem[STORE_KEY_MAX], next_mem[STORE_KEY_MAX];
    struct buf from, next;

    in->end_ms = report_page_end(in->r);
    buf_fixed(&from, from_mem, sizeof(from_mem));
    buf_u8(&from, table);
    buf_be64(&from, in->r->page_ms << 16U);
    while (from.len > 0) {
        buf_fixed(&next, next_mem, sizeof(next_mem));
        if (store_scan(in->r->w->reader, view_of(&table, 1), buf_view(&from), LOT, see_share, in,
                       &next) != HUFU_OK ||
            in->err != HUFU_OK)
            return HUFU_UNAVAILABLE;
        buf_reset(&from);
        if (next.len > MS_LEN && time_of(buf_view(&next)) < in->end_ms)
            buf_put(&from, next.p, next.len);
    }
    return HUFU_OK;
}

static void print_alarms(const struct indicators *in, struct json *j)
{
    json_name(j, "alarms");
    json_open(j);
    json_put_u64(j, "high", in->grade[ALARM_HIGH]);
    json_put_u64(j, "low", in->grade[ALARM_LOW]);
    json_put_u64(j, "middle", in->grade[ALARM_MIDDLE]);
    json_put_u64(j, "raised", in->raised);
    json_put_u64(j, "reviewed", in->reviewed);
    json_close(j);
}

static void print_shares(const struct indicators *in, struct json *j)
{
    json_name(j, "shares");
    json_list(j);
    for (size_t i = 0; i < in->shared_count; i++) {
        json_open(j);
        json_put_str(j, "recipient", in->shared[i].recipient);
        json_put_u64(j, "shares", in->shared[i].shares);
        json_put_u64(j, "values", in->shared[i].values);
        json_close(j);
    }
    json_end(j);
}

static void print_times(const struct indicators *in, struct json *j)
{
    json_name(j, "time_to_alarm");
    json_open(j);
    json_put_u64(j, "count", in->delivered);
    json_put_u64(j, "sum_ms", in->sum_ms);
    json_put_u64(j, "worst_ms", in->worst_ms);
    json_close(j);
}

/* Members in order. rights are of now, so they stand in the first page alone. */
static enum hufu_err print(struct indicators *in, bool first, uint64_t entries)
{
    struct json *j = &in->r->j;
    enum hufu_err err = HUFU_OK;

    print_alarms(in, j);
    json_put_u64(j, "entries", entries);
    report_print_next(in->r);
    json_name(j, "refusals");
    report_refusals_print(&in->refusals, j);
    json_put_u64(j, "reveals", in->reveals);
    if (first) {
        json_name(j, "rights");
        err = report_rights_print(in->r->w->core, j);
    }
    print_shares(in, j);
    json_put_time(j, "since", in->r->since_ms);
    print_times(in, j);
    json_put_time(j, "until", in->r->until_ms);
    json_close(j);
    return err;
}

enum hufu_err handle_report_indicators(struct worker *w, struct request *req,
                                       struct msg_where *where)
{
    struct report r;
    struct indicators in = { .r = &r };
    uint64_t first;
    enum hufu_err err;

    err = report_begin(&r, w, req, where);
    if (err != HUFU_OK)
        return err;
    first = r.at;
    r.limit = 0; /* it has no items */
    in.shared = request_take(req, RECIPIENTS_MAX * sizeof(*in.shared));
    if (in.shared == NULL || report_entry(&r, view_of(NULL, 0)) != HUFU_OK ||
        report_body(&r, MORE) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    err = report_walk(&r, see, &in);
    if (err == HUFU_OK)
        err = count_shares(&in);
    if (err == HUFU_OK)
        err = print(&in, !msg_has(&req->msg, MSG_AFTER), r.at - first);
    return err == HUFU_OK && buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}
