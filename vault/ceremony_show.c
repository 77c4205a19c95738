/* Ceremonies as people and the log see them. */
#include "vault/ceremony.h"

#include <string.h>

#include "vault/base/id.h"
#include "vault/ceremony_people.h"
#include "vault/handle.h"
#include "vault/manage.h"

#define PAGE_MAX  1000
#define ABOUT_MAX 192 /* bytes of "KIND SUBJECT ROLE" in an entry */

enum hufu_err ceremony_name(struct request *req, const char *kind, struct view subject,
                            const char *role)
{
    uint8_t *mem = request_take(req, ABOUT_MAX);
    struct buf b;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&b, mem, ABOUT_MAX);
    buf_str(&b, kind);
    if (subject.len > 0) {
        buf_str(&b, " ");
        buf_put(&b, subject.p, subject.len);
    }
    if (role != NULL) {
        buf_str(&b, " ");
        buf_str(&b, role);
    }
    request_entry(req, 0)->purpose = buf_view(&b);
    return buf_check(&b) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

static void print_approvals(struct core *core, const struct ceremony *c, struct json *j)
{
    json_name(j, "approvals");
    json_list(j);
    for (size_t i = 0; i < c->approval_count; i++) {
        const struct user *user = directory_user_id(core->dir, c->approval[i].user_id);

        json_open(j);
        json_put_time(j, "at", c->approval[i].at_ms);
        json_put_str(j, "user", user == NULL ? "?" : user->name);
        json_close(j);
    }
    json_end(j);
}

/* The members of the reply's object, which the caller closes. */
static void open_object(struct core *core, const struct ceremony *c, const char *password,
                        struct json *j)
{
    const struct domain *d = directory_domain_id(core->dir, c->domain_id);
    uint64_t done = c->done, total = c->total;
    char id[ID_TEXT_LEN + 1];

    if (c->state == CEREMONY_RUNNING)
        (void)progress_find(&core->progress, c->id, &done, &total);
    id_print(c->id, id);
    json_open(j);
    print_approvals(core, c, j);
    if (d != NULL)
        json_put_str(j, "domain", d->name);
    json_put_u64(j, "done", done);
    if (c->error[0] != '\0')
        json_put_str(j, "error", c->error);
    json_put_str(j, "id", id);
    if (password != NULL)
        json_put_str(j, "initial_password", password);
    json_put_str(j, "kind", c->kind);
    json_put_u64(j, "needed", c->needed);
    if (ceremony_people_role(c) != NULL)
        json_put_str(j, "role", ceremony_people_role(c));
    json_put_str(j, "state", ceremony_state_name(c->state));
    if (c->subject[0] != '\0')
        json_put_str(j, "subject", c->subject);
    json_put_u64(j, "total", total);
}

void ceremony_print(struct core *core, const struct ceremony *c, struct json *j)
{
    open_object(core, c, NULL, j);
    json_close(j);
}

enum hufu_err ceremony_reply(struct request *req, const struct ceremony *c, const char *password,
                             const struct user *seed_of)
{
    struct json j;

    if (request_body(req, 4096) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    open_object(req->core, c, password, &j);
    if (seed_of != NULL)
        manage_print_seed(seed_of, &j);
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err handle_ceremony_list(struct worker *w, struct request *req, struct msg_where *where)
{
    uint64_t limit = msg_u64(&req->msg, MSG_LIMIT, 100);
    uint8_t after[ID_LEN] = { 0 };
    char last[ID_TEXT_LEN + 1] = "";
    size_t shown = 0;
    bool more = false;
    struct ceremony c;
    struct json j;

    if (limit == 0 || limit > PAGE_MAX)
        return manage_at(where, MSG_LIMIT, HUFU_BAD_REQUEST);
    if (msg_has(&req->msg, MSG_AFTER) && id_parse(msg_text(&req->msg, MSG_AFTER), after) != HUFU_OK)
        return manage_at(where, MSG_AFTER, HUFU_BAD_REQUEST);
    if (request_body(req, 64 + (size_t)limit * 2048) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    json_name(&j, "items");
    json_list(&j);
    for (size_t i = 0; !more && directory_ceremony_at(w->core->dir, i, &c) == HUFU_OK; i++) {
        const struct ceremony_kind *kind = ceremony_kind_find(view_str(c.kind));
        bool mine = req->who.role == ROLE_AUDITOR || (kind != NULL && kind->role == req->who.role);

        if (!mine || memcmp(c.id, after, ID_LEN) <= 0) /* ids: not secret */
            continue;
        more = shown == limit;
        if (more)
            break;
        ceremony_print(w->core, &c, &j);
        id_print(c.id, last);
        shown++;
    }
    manage_list_end(&j, more, last);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}
