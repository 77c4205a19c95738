/* A report about a data subject as JSON. */
#include "vault/subject_report.h"

#include <string.h>

#include "vault/base/secret.h"
#include "vault/ff1_domain.h"
#include "vault/handle.h"

#define ITEM_MAX   4096  /* bytes of one without its reveals: 64 partners, texts escaped */
#define REVEAL_MAX 1280  /* bytes of a reveal, its texts escaped */
#define TAIL_MAX   65536 /* domains that keep nothing, partners and recipients to be told */

static void note_partner(struct subject_report *r, uint32_t id)
{
    for (size_t i = 0; i < r->partner_count; i++)
        if (r->partner[i] == id)
            return;
    if (r->partner_count < r->partner_max)
        r->partner[r->partner_count++] = id;
}

static enum hufu_err note_recipient(struct subject_report *r, const char *name)
{
    char *copy;

    for (size_t i = 0; i < r->recipient_count; i++)
        if (strcmp(r->recipient[i], name) == 0)
            return HUFU_OK;
    copy = request_take(r->req, strlen(name) + 1);
    if (copy == NULL)
        return HUFU_UNAVAILABLE;
    memcpy(copy, name, strlen(name) + 1);
    r->recipient[r->recipient_count++] = copy;
    return HUFU_OK;
}

static void put_if(struct json *j, const char *name, const char *text)
{
    if (text[0] != '\0')
        json_put_str(j, name, text);
}

static enum hufu_err print_reveal(struct subject_report *r, const struct subject_reveal *reveal,
                                  struct json *j)
{
    const struct user *user = directory_user_id(r->w->core->dir, reveal->user_id);
    struct subject_why why;
    enum hufu_err err = subject_reveals_why(r->w, r->line, reveal, &why);

    if (err != HUFU_OK)
        return err;
    json_open(j);
    json_put_u64(j, "index", reveal->index);
    put_if(j, "purpose", why.purpose);
    put_if(j, "reason", why.reason);
    put_if(j, "recipient", why.recipient);
    json_put_time(j, "time", reveal->time_ms);
    json_put_str(j, "user", user == NULL ? "?" : user->name);
    json_close(j);
    return why.recipient[0] == '\0' ? HUFU_OK : note_recipient(r, why.recipient);
}

static enum hufu_err print_reveals(struct subject_report *r, const struct subject_kept *it,
                                   struct json *j)
{
    enum hufu_err err = HUFU_OK;

    json_name(j, "revealed");
    json_list(j);
    for (size_t i = 0; i < r->reveals.count && err == HUFU_OK; i++)
        if (subject_reveals_order(r->reveals.item[i].token_id, it->token_id) == 0)
            err = print_reveal(r, &r->reveals.item[i], j);
    json_end(j);
    return err;
}

static void print_partners(struct subject_report *r, const struct record *rec, struct json *j)
{
    json_name(j, "partners");
    json_list(j);
    for (size_t i = 0; i < rec->partner_count; i++) {
        const struct partner *p = directory_partner_id(r->w->core->dir, rec->partner[i]);

        json_str(j, p == NULL ? "?" : p->name);
        note_partner(r, rec->partner[i]);
    }
    json_end(j);
}

/* What the record says; its value is opened with it, and wiped by the caller. */
static void print_record(struct subject_report *r, const struct subject_kept *it,
                         const struct domain *d, const struct record *rec, struct json *j)
{
    put_if(j, "basis", rec->consent);
    json_put_time(j, "changed_at", rec->changed_ms);
    put_if(j, "channel", rec->channel);
    json_put_time(j, "created_at", rec->created_ms);
    json_put_str(j, "domain", d->name);
    if (rec->expires_ms != 0)
        json_put_time(j, "expires_at", rec->expires_ms);
    json_put_str(j, "format", format_name(d->format));
    json_put_bool(j, "held", subject_is_held(r->w->core, r->c.digest));
    print_partners(r, rec, j);
    put_if(j, "request_id", rec->request_id);
    json_put_bool(j, "restricted", it->mark != SUBJECT_FREE);
    if (d->retention_days != 0)
        json_put_time(j, "retention_until", rec->created_ms + d->retention_days * ROW_DAY_MS);
}

static enum hufu_err print_item(struct subject_report *r, const struct subject_kept *it,
                                struct json *j)
{
    const struct domain *d = directory_domain_id(r->w->core->dir, it->domain_id);
    struct view token = view_of(it->token, it->token_len);
    struct record rec = { 0 };
    struct store_seen seen;
    const char *state = "unreadable"; /* it is there, and nobody can open it */
    enum hufu_err err = HUFU_NOT_FOUND;

    if (d != NULL)
        err = row_find_record(r->w, d, row_token_key(r->req, it->domain_id, token), &rec, &seen);
    json_open(j);
    if (err == HUFU_OK) {
        print_record(r, it, d, &rec, j);
        state = record_state_name(&rec, core_now(r->w->core));
    } else if (d != NULL) {
        json_put_str(j, "domain", d->name);
    }
    err = print_reveals(r, it, j);
    json_put_str(j, "state", state);
    json_put_base64url(j, "token_id", it->token_id, sizeof(it->token_id));
    json_close(j);
    wipe(&rec, sizeof(rec));
    return err;
}

/* Domains in ff1 mode store nothing: what was sent to them is not known here. */
static void print_not_kept(struct subject_report *r, struct json *j)
{
    const struct domain *d;

    json_name(j, "not_kept");
    json_list(j);
    for (size_t i = 0; (d = directory_domain_at(r->w->core->dir, i)) != NULL; i++)
        if (ff1_domain_is(d))
            json_str(j, d->name);
    json_end(j);
}

static void print_notify(struct subject_report *r, struct json *j)
{
    json_name(j, "notify");
    json_open(j);
    json_name(j, "partners");
    json_list(j);
    for (size_t i = 0; i < r->partner_count; i++) {
        const struct partner *p = directory_partner_id(r->w->core->dir, r->partner[i]);

        json_str(j, p == NULL ? "?" : p->name);
    }
    json_end(j);
    json_name(j, "recipients");
    json_list(j);
    for (size_t i = 0; i < r->recipient_count; i++)
        json_str(j, r->recipient[i]);
    json_end(j);
    json_close(j);
}

static void print_next(struct subject_report *r, struct json *j)
{
    uint8_t mem[24] = { 0 };
    struct buf text;

    buf_fixed(&text, mem, sizeof(mem));
    buf_dec(&text, r->skip + r->count);
    json_name(j, "next");
    if (r->more)
        json_text(j, buf_view(&text));
    else
        json_nil(j);
}

enum hufu_err subject_report_print(struct subject_report *r)
{
    struct request *req = r->req;
    enum hufu_err err = HUFU_OK;
    struct json j;

    r->partner_max = (r->count + 1) * ROW_PARTNERS_MAX;
    r->partner = request_take(req, r->partner_max * sizeof(*r->partner));
    r->recipient = request_take(req, (r->reveals.count + 1) * sizeof(*r->recipient));
    if (r->partner == NULL || r->recipient == NULL ||
        request_body(req, r->count * ITEM_MAX + r->reveals.count * REVEAL_MAX + TAIL_MAX) !=
            HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    json_put_bool(&j, "complete", r->reveals.complete);
    json_name(&j, "items");
    json_list(&j);
    for (size_t i = 0; i < r->count && err == HUFU_OK; i++)
        err = print_item(r, &r->item[i], &j);
    json_end(&j);
    print_next(r, &j);
    print_not_kept(r, &j);
    print_notify(r, &j);
    json_put_base64url(&j, "subject_id", r->c.digest, CASE_NAME_LEN);
    json_close(&j);
    return err == HUFU_OK && buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}
