/* GET /v1/reports/impact: what a person saw between two times, whose values, for which purposes. */
#include "vault/handle.h"
#include "vault/report.h"

struct impact {
    const struct user *user;
};

static void print_partners(struct report *r, const struct report_source *source)
{
    json_name(&r->j, "partners");
    json_list(&r->j);
    for (size_t i = 0; i < source->partner_count; i++) {
        const struct partner *p = directory_partner_id(r->w->core->dir, source->partner[i]);

        json_str(&r->j, p == NULL ? "?" : p->name);
    }
    json_end(&r->j);
}

static void put_if(struct json *j, const char *name, struct view text)
{
    if (text.len > 0)
        json_put_text(j, name, text);
}

static void print_item(struct report *r, uint64_t index, const struct report_source *source)
{
    const struct entry_fields *e = &r->entry;
    struct json *j = &r->j;

    json_open(j);
    json_put_text(j, "domain", e->domain);
    json_put_u64(j, "index", index);
    print_partners(r, source);
    json_put_text(j, "purpose", e->purpose);
    put_if(j, "reason", e->reason);
    put_if(j, "request_id", e->request_id);
    put_if(j, "subject", view_str(source->subject));
    json_put_time(j, "time", e->time_ms);
    json_put_text(j, "token_id", e->token_ids);
    json_put_text(j, "verb", e->verb);
    json_close(j);
}

static enum hufu_err see(struct report *r, uint64_t index, void *arg)
{
    const struct impact *job = arg;
    struct report_source source;
    enum hufu_err err;

    if (!report_is_reveal(r) || !view_is(r->entry.principal, job->user->name))
        return HUFU_OK;
    if (!report_has_room(r, 0))
        return HUFU_BUSY;
    err = report_source(r, job->user->id, &source);
    if (err != HUFU_OK)
        return err;
    print_item(r, index, &source);
    r->shown++;
    return HUFU_OK;
}

enum hufu_err handle_report_impact(struct worker *w, struct request *req, struct msg_where *where)
{
    struct impact job;
    struct report r;
    enum hufu_err err;

    err = report_begin(&r, w, req, where);
    if (err != HUFU_OK)
        return err;
    job.user = directory_user(w->core->dir, msg_text(&req->msg, MSG_USER));
    if (job.user == NULL)
        return HUFU_NOT_FOUND;
    if (report_entry(&r, view_str(job.user->name)) != HUFU_OK || report_body(&r, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_name(&r.j, "items");
    json_list(&r.j);
    err = report_walk(&r, see, &job);
    json_end(&r.j);
    report_print_next(&r);
    json_put_time(&r.j, "since", r.since_ms);
    json_put_time(&r.j, "until", r.until_ms);
    json_put_str(&r.j, "user", job.user->name);
    json_close(&r.j);
    return err == HUFU_OK && buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}
