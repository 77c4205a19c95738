/* GET /v1/access-review: who may what, when they last did, and what should go (control C45). */
#include "vault/access_finding.h"
#include "vault/handle.h"
#include "vault/manage.h"

#include <string.h>

#define PAGE_MAX   1000
#define ITEM_MAX   8192    /* bytes of one item printed */
#define BODY_MAX   1048576 /* of a page: it ends early rather than not fit into a frame */
#define TAIL_BYTES 256     /* what ends a page */

static const char partners[] = "partners.", users[] = "users.";

struct page {
    struct core *core;
    struct request *req;
    struct json j;
    uint64_t limit, shown, flagged;
    bool more;
    struct view after;                           /* a name: items behind it; empty: all */
    char last[sizeof(partners) + TEXT_NAME_MAX]; /* with its kind, of the item shown last */
};

static void print_time(struct json *j, const char *name, uint64_t ms)
{
    if (ms != 0)
        json_put_time(j, name, ms);
}

/* The verbs of a role, by name. */
static void print_may(struct json *j, unsigned role)
{
    json_name(j, "may");
    json_list(j);
    for (unsigned v = 0; v < VERB_COUNT; v++) {
        const struct verb *row = verbs_find(v);

        if (row != NULL && (row->who & role) != 0)
            json_str(j, msg_shape((uint16_t)v)->verb_name);
    }
    json_end(j);
}

static void print_user(struct page *p, const struct user *u)
{
    struct factor f = { .login_ms = 0 };
    struct json *j = &p->j;
    bool has_rights = u->state != ROW_LEFT;

    if (directory_factor(p->core->dir, u->id, &f) != HUFU_OK)
        f.login_ms = 0;
    json_open(j);
    print_time(j, "expires_at", u->expires_ms);
    json_name(j, "findings");
    json_list(j);
    p->flagged += access_finding_user(p->core, u, j) > 0;
    json_end(j);
    json_put_str(j, "group", u->group);
    json_put_str(j, "kind", "user");
    print_time(j, "last_used_at", f.login_ms);
    print_may(j, has_rights ? u->role : ROLE_NONE);
    json_put_str(j, "name", u->name);
    if (u->state == ROW_ACTIVE)
        print_time(j, "password_expires_at", password_until(p->core, u));
    json_put_str(j, "role", role_name(u->role));
    json_put_str(j, "state", row_state_name(u->state));
    json_close(j);
}

/* Domains that it declared and that count it as theirs. */
static void print_domains(struct page *p, const struct partner *partner)
{
    json_name(&p->j, "domains");
    json_list(&p->j);
    for (size_t i = 0; i < partner->domain_count; i++) {
        const struct domain *d = directory_domain(p->core->dir, view_str(partner->domain[i]));

        if (d != NULL && domain_has_partner(d, partner->id))
            json_str(&p->j, d->name);
    }
    json_end(&p->j);
}

static void print_partner(struct page *p, const struct partner *partner)
{
    struct json *j = &p->j;

    json_open(j);
    print_domains(p, partner);
    print_time(j, "expires_at", partner->qualified_until_ms);
    json_name(j, "findings");
    json_list(j);
    p->flagged += access_finding_partner(p->core, partner, j) > 0;
    json_end(j);
    json_put_str(j, "kind", "partner");
    print_time(j, "last_used_at", directory_partner_used(partner));
    print_may(j, ROLE_PARTNER);
    json_put_str(j, "name", partner->name);
    json_put_str(j, "role", role_name(ROLE_PARTNER));
    json_put_str(j, "state", row_state_name(partner->state));
    json_close(j);
}

/* True where the item of this name is the next of the page; notes that there are more where the
 * page is full. */
static bool takes(struct page *p, const char *kind, const char *name)
{
    size_t len = strlen(name), n = len < p->after.len ? len : p->after.len;
    int c = n == 0 ? 0 : strncmp(name, (const char *)p->after.p, n);

    if (c < 0 || (c == 0 && len <= p->after.len))
        return false; /* shown, also where it moved up because another came in before it */
    p->more = p->shown == p->limit || p->req->body.cap - p->req->body.len < ITEM_MAX + TAIL_BYTES;
    if (p->more)
        return false;
    p->shown++;
    p->after = view_str(name);
    (void)snprintf(p->last, sizeof(p->last), "%s%s", kind, name);
    return true;
}

static void walk_partners(struct page *p)
{
    const struct partner *partner;

    for (size_t i = 0; !p->more && (partner = directory_partner_at(p->core->dir, i)) != NULL; i++)
        if (takes(p, partners, partner->name))
            print_partner(p, partner);
    p->after = view_of(NULL, 0); /* people are counted from their first one on */
}

static void walk_users(struct page *p)
{
    const struct user *user;

    for (size_t i = 0; !p->more && (user = directory_user_at(p->core->dir, i)) != NULL; i++)
        if (takes(p, users, user->name))
            print_user(p, user);
}

/* "partners.NAME" or "users.NAME", as `next` said: no path, queries take no escapes. */
static bool read_after(struct view text, const char *kind, struct view *name_out)
{
    size_t len = strlen(kind);
    struct view name;

    if (text.len <= len || strncmp((const char *)text.p, kind, len) != 0)
        return false;
    name = view_of(text.p + len, text.len - len);
    if (!text_is_name(name))
        return false;
    *name_out = name;
    return true;
}

static enum hufu_err fill(struct page *p, bool of_users)
{
    struct request *req = p->req;
    size_t want = TAIL_BYTES + ((size_t)p->limit + 1) * ITEM_MAX;

    if (request_body(req, want < BODY_MAX ? want : BODY_MAX) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&p->j, &req->body);
    json_open(&p->j);
    json_name(&p->j, "items");
    json_list(&p->j);
    if (!of_users)
        walk_partners(p);
    walk_users(p);
    manage_list_end(&p->j, p->more, p->last);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* "items=12 findings=3" */
static enum hufu_err say(const struct page *p)
{
    uint8_t *mem = request_take(p->req, 64);
    struct buf b;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&b, mem, 64);
    buf_str(&b, "items=");
    buf_dec(&b, p->shown);
    buf_str(&b, " findings=");
    buf_dec(&b, p->flagged);
    request_entry(p->req, 0)->reason = buf_view(&b);
    return HUFU_OK;
}

enum hufu_err handle_access_review(struct worker *w, struct request *req, struct msg_where *where)
{
    struct page p = { .core = w->core,
                      .req = req,
                      .limit = msg_u64(&req->msg, MSG_LIMIT, MANAGE_PAGE) };
    struct view after = msg_text(&req->msg, MSG_AFTER);
    bool of_users = read_after(after, users, &p.after);
    enum hufu_err err;

    if (p.limit == 0 || p.limit > PAGE_MAX)
        return manage_at(where, MSG_LIMIT, HUFU_BAD_REQUEST);
    if (msg_has(&req->msg, MSG_AFTER) && !of_users && !read_after(after, partners, &p.after))
        return manage_at(where, MSG_AFTER, HUFU_BAD_REQUEST);
    if (request_ops(req, 1, 0, 0, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    err = fill(&p, of_users);
    if (err == HUFU_OK)
        err = say(&p);
    if (err != HUFU_OK)
        req->draft.op_count = 0;
    return err;
}
