/* GET /v1/reports/partners/{name}: what a partner sent, what of it was revealed, to whom. */
#include <string.h>

#include "vault/base/clock.h"
#include "vault/handle.h"
#include "vault/report.h"
#include "vault/report_refusals.h"
#include "vault/row.h"

#define ROWS_MAX    512 /* days times domains of a page; it ends where they are used up */
#define ROW_BYTES   160
#define CODES_BYTES 2048
#define MORE        (ROWS_MAX * ROW_BYTES + CODES_BYTES)
#define DAY_TEXT    10 /* bytes of "2026-11-21" */

struct sent { /* on one day to one domain */
    uint64_t day;
    const struct domain *domain;
    uint64_t requests, values, replaced;
};

struct statement {
    const struct partner *partner;
    struct sent *row; /* ROWS_MAX */
    size_t row_count;
    struct report_refusals refusals;
    uint64_t unattributed; /* reveals in domains it shares, of a token in ff1 mode or so long ago
                            * that nobody can tell whose values they were */
};

/* NULL: the table is full. */
static struct sent *row_of(struct statement *s, uint64_t day, const struct domain *d)
{
    for (size_t i = s->row_count; i > 0; i--) /* of the same day, mostly */
        if (s->row[i - 1].day == day && s->row[i - 1].domain->id == d->id)
            return &s->row[i - 1];
    if (s->row_count == ROWS_MAX)
        return NULL;
    s->row[s->row_count] = (struct sent){ .day = day, .domain = d };
    return &s->row[s->row_count++];
}

static bool is_verb(const struct report *r, uint16_t verb)
{
    return view_is(r->entry.verb, msg_shape(verb)->verb_name);
}

/* What it sent itself: values that got a token, new or not; a batch has an entry for each 256. */
static enum hufu_err count_own(struct report *r, struct statement *s)
{
    const struct domain *d = directory_domain(r->w->core->dir, r->entry.domain);
    bool ok = view_is(r->entry.result, "ok"), some = view_is(r->entry.result, "partial");
    bool tokenizes = is_verb(r, VERB_TOKENIZE) && (ok || some);
    bool replaces = is_verb(r, VERB_REPLACE) && ok;
    struct sent *row;

    report_refusals_add(&s->refusals, r);
    if (d == NULL || (!tokenizes && !replaces))
        return HUFU_OK;
    row = row_of(s, r->entry.time_ms / ROW_DAY_MS, d);
    if (row == NULL)
        return HUFU_BUSY;
    row->requests += tokenizes;
    row->values += tokenizes ? r->entry.token_id_count : 0;
    row->replaced += replaces;
    return HUFU_OK;
}

/* Refusals that were only counted are told by name alone: a person of that name may be meant. */
static bool is_counted(const struct report *r, const struct partner *p)
{
    return view_is(r->entry.verb, "refusals") && view_is(r->entry.principal, p->name) &&
           directory_user(r->w->core->dir, view_str(p->name)) == NULL;
}

static void print_item(struct report *r, uint64_t index, const struct statement *s,
                       const struct report_source *source)
{
    const struct entry_fields *e = &r->entry;
    struct json *j = &r->j;

    json_open(j);
    json_put_text(j, "domain", e->domain);
    json_put_u64(j, "index", index);
    json_put_text(j, "purpose", e->purpose);
    if (e->request_id.len > 0)
        json_put_text(j, "request_id", e->request_id);
    /* C02: it was the first sender's reference; another is not told for whom. */
    if (source->subject[0] != '\0' && source->partner[0] == s->partner->id)
        json_put_str(j, "subject", source->subject);
    json_put_time(j, "time", e->time_ms);
    json_put_text(j, "token_id", e->token_ids);
    json_put_text(j, "user", e->principal);
    json_put_text(j, "verb", e->verb);
    json_close(j);
    r->shown++;
}

static bool is_among(const struct report_source *source, uint32_t partner_id)
{
    for (size_t i = 0; i < source->partner_count; i++)
        if (source->partner[i] == partner_id)
            return true;
    return false;
}

static enum hufu_err see_reveal(struct report *r, uint64_t index, struct statement *s)
{
    const struct domain *d = directory_domain(r->w->core->dir, r->entry.domain);
    const struct user *user = directory_user(r->w->core->dir, r->entry.principal);
    struct report_source source;
    enum hufu_err err;

    if (d == NULL || user == NULL || !domain_has_partner(d, s->partner->id))
        return HUFU_OK;
    if (!report_has_room(r, MORE))
        return HUFU_BUSY;
    err = report_source(r, user->id, &source);
    s->unattributed += err == HUFU_OK && source.partner_count == 0;
    if (err == HUFU_OK && is_among(&source, s->partner->id))
        print_item(r, index, s, &source);
    return err;
}

static enum hufu_err see(struct report *r, uint64_t index, void *arg)
{
    struct statement *s = arg;

    if (report_is_partner(r))
        return view_is(r->entry.principal, s->partner->name) ? count_own(r, s) : HUFU_OK;
    if (is_counted(r, s->partner))
        report_refusals_add(&s->refusals, r);
    return report_is_reveal(r) ? see_reveal(r, index, s) : HUFU_OK;
}

static void print_sent(const struct statement *s, struct json *j)
{
    json_name(j, "sent");
    json_list(j);
    for (size_t i = 0; i < s->row_count; i++) {
        const struct sent *row = &s->row[i];
        char day[CLOCK_TEXT_LEN + 1];

        clock_print(row->day * ROW_DAY_MS, day);
        json_open(j);
        json_put_text(j, "day", view_of(day, DAY_TEXT));
        json_put_str(j, "domain", row->domain->name);
        json_put_u64(j, "replaced", row->replaced);
        json_put_u64(j, "requests", row->requests);
        json_put_u64(j, "values", row->values);
        json_close(j);
    }
    json_end(j);
}

enum hufu_err handle_report_partner(struct worker *w, struct request *req, struct msg_where *where)
{
    struct statement s = { 0 };
    struct report r;
    enum hufu_err err;

    err = report_begin(&r, w, req, where);
    if (err != HUFU_OK)
        return err;
    s.partner = directory_partner(w->core->dir, msg_text(&req->msg, MSG_NAME));
    if (s.partner == NULL)
        return HUFU_NOT_FOUND;
    s.row = request_take(req, ROWS_MAX * sizeof(*s.row));
    if (s.row == NULL || report_entry(&r, view_str(s.partner->name)) != HUFU_OK ||
        report_body(&r, MORE) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_name(&r.j, "items");
    json_list(&r.j);
    err = report_walk(&r, see, &s);
    json_end(&r.j);
    report_print_next(&r);
    json_put_str(&r.j, "partner", s.partner->name);
    json_name(&r.j, "refusals");
    report_refusals_print(&s.refusals, &r.j);
    print_sent(&s, &r.j);
    json_put_time(&r.j, "since", r.since_ms);
    json_put_u64(&r.j, "unattributed", s.unattributed);
    json_put_time(&r.j, "until", r.until_ms);
    json_close(&r.j);
    return err == HUFU_OK && buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}
