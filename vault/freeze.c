/* POST /v1/{domains,partners,users}/{name}/freeze and unfreeze. */
#include "vault/freeze.h"

#include <string.h>

#include "vault/base/secret.h"
#include "vault/ceremony.h"
#include "vault/handle.h"
#include "vault/manage.h"

static bool begins(struct view text, const char *prefix, struct view *rest)
{
    size_t len = strlen(prefix);

    if (text.len <= len || strncmp((const char *)text.p, prefix, len) != 0)
        return false;
    *rest = view_of(text.p + len, text.len - len);
    return true;
}

enum hufu_err freeze_find(struct core *core, struct view text, struct freeze_subject *out)
{
    struct freeze_subject s = { NULL, NULL, NULL };
    struct view name;

    if (begins(text, "domains/", &name))
        s.domain = directory_domain(core->dir, name);
    else if (begins(text, "partners/", &name))
        s.partner = directory_partner(core->dir, name);
    else if (begins(text, "users/", &name))
        s.user = directory_user(core->dir, name);
    else
        s.user = directory_user(core->dir, text);
    if (s.domain == NULL && s.partner == NULL && s.user == NULL)
        return HUFU_NOT_FOUND;
    *out = s;
    return HUFU_OK;
}

const char *freeze_name(const struct freeze_subject *s)
{
    if (s->domain != NULL)
        return s->domain->name;
    return s->partner != NULL ? s->partner->name : s->user->name;
}

uint8_t freeze_state(const struct freeze_subject *s)
{
    if (s->domain != NULL)
        return s->domain->state;
    return s->partner != NULL ? s->partner->state : s->user->state;
}

static enum hufu_err write_domain(struct worker *w, struct request *req, const struct domain *d,
                                  enum row_state state)
{
    struct domain changed = *d;
    struct buf text;
    enum hufu_err err;

    changed.state = (uint8_t)state;
    buf_init(&text, MANAGE_ROW_MAX);
    domain_put(&changed, &text);
    err = manage_write(w, req, TABLE_DOMAIN, d->id, d->seq, &text);
    buf_done(&text);
    return err;
}

static enum hufu_err write_partner(struct worker *w, struct request *req, const struct partner *p,
                                   enum row_state state)
{
    struct partner changed = *p;
    struct buf text;
    enum hufu_err err;

    changed.state = (uint8_t)state;
    buf_init(&text, MANAGE_ROW_MAX);
    partner_put(&changed, &text);
    err = manage_write(w, req, TABLE_PARTNER, p->id, p->seq, &text);
    buf_done(&text);
    return err;
}

/* Who is to be let in again was frozen, and comes back as what they were: a break-glass account as
 * a sealed one, once the sweeper has sealed it. Whose time is over does not come back. */
static bool may_change(struct core *core, const struct user *u, enum row_state state)
{
    if (u->state == ROW_PENDING || u->state == ROW_LEFT)
        return false;
    if (state == ROW_FROZEN)
        return true;
    if (u->once != USER_ONCE_NO)
        return state == ROW_SEALED && u->state == ROW_FROZEN && u->once == USER_ONCE_SEALED;
    return state == ROW_ACTIVE && (u->expires_ms == 0 || core_now(core) < u->expires_ms);
}

static enum hufu_err write_user(struct worker *w, struct request *req, const struct user *u,
                                enum row_state state)
{
    struct user changed = *u;
    enum hufu_err err = may_change(w->core, u, state) ? HUFU_OK : HUFU_CONFLICT;

    changed.state = (uint8_t)state;
    if (u->state == ROW_FROZEN && state == ROW_ACTIVE)
        user_begin_anew(&changed, core_now(w->core));
    if (err == HUFU_OK && state == ROW_FROZEN) {
        manage_end_sessions(w->core, &changed); /* what was open does not come back with them */
        err = manage_expect_admins(req, u);
    }
    if (err == HUFU_OK)
        err = manage_write_user(w, req, &changed);
    wipe(&changed, sizeof(changed));
    return err;
}

enum hufu_err freeze_write(struct worker *w, struct request *req, const struct freeze_subject *s,
                           enum row_state state)
{
    if (s->domain != NULL)
        return write_domain(w, req, s->domain, state);
    if (s->partner != NULL)
        return write_partner(w, req, s->partner, state);
    return write_user(w, req, s->user, state);
}

static enum hufu_err print_state(struct request *req, const char *name, enum row_state state)
{
    struct json j;

    if (request_body(req, 128) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    json_put_str(&j, "name", name);
    json_put_str(&j, "state", row_state_name(state));
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

static enum hufu_err print_begun(struct request *req, const struct ceremony *c)
{
    char id[ID_TEXT_LEN + 1];
    struct json j;

    if (request_body(req, 256) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    id_print(c->id, id);
    json_init(&j, &req->body);
    json_open(&j);
    json_put_str(&j, "ceremony", id);
    json_put_str(&j, "id", id);
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* A privileged person comes back when a second administrator agrees, as with enrolment. */
static enum hufu_err lift_by_two(struct worker *w, struct request *req, const struct user *user)
{
    const struct ceremony_kind *kind = ceremony_kind_find(view_str("freeze-lift"));
    struct ceremony c = { 0 };
    struct view subject;
    struct buf text;
    uint8_t *mem = request_take(req, TEXT_NAME_MAX + 8);
    enum hufu_err err;

    if (mem == NULL || kind == NULL || request_ops(req, 1, 3, 2, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    buf_fixed(&text, mem, TEXT_NAME_MAX + 8);
    buf_str(&text, "users/");
    buf_str(&text, user->name);
    subject = buf_view(&text);
    op_expect_caller(req, &req->op[0]);
    op_expect(&req->op[0], row_numbered_key(req, TABLE_USER, user->id), row_seen(user->seq));
    err = ceremony_begin(w, req, kind, subject, msg_text(&req->msg, MSG_REASON), &c);
    if (err != HUFU_OK)
        return err;
    request_entry(req, 0)->reason = msg_text(&req->msg, MSG_REASON);
    request_entry(req, 0)->purpose = view_str(user->name);
    req->reply.success = MSG_202;
    return print_begun(req, &c);
}

/* What the path names. */
static enum hufu_err find(struct worker *w, const struct request *req, struct freeze_subject *out)
{
    struct view name = msg_text(&req->msg, MSG_NAME);

    *out = (struct freeze_subject){ NULL, NULL, NULL };
    switch (req->msg.verb) {
    case VERB_DOMAIN_FREEZE:
    case VERB_DOMAIN_UNFREEZE:
        out->domain = directory_domain(w->core->dir, name);
        return out->domain == NULL ? HUFU_NOT_FOUND : HUFU_OK;
    case VERB_PARTNER_FREEZE:
    case VERB_PARTNER_UNFREEZE:
        out->partner = directory_partner(w->core->dir, name);
        return out->partner == NULL ? HUFU_NOT_FOUND : HUFU_OK;
    default:
        out->user = directory_user(w->core->dir, name);
        return out->user == NULL ? HUFU_NOT_FOUND : HUFU_OK;
    }
}

static enum hufu_err change(struct worker *w, struct request *req, const struct freeze_subject *s,
                            enum row_state state)
{
    enum hufu_err err;

    if (request_ops(req, 1, 3, 1, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    request_entry(req, 0)->reason = msg_text(&req->msg, MSG_REASON);
    request_entry(req, 0)->purpose = view_str(freeze_name(s));
    err = freeze_write(w, req, s, state);
    return err == HUFU_OK ? print_state(req, freeze_name(s), state) : err;
}

enum hufu_err handle_freeze(struct worker *w, struct request *req, struct msg_where *where)
{
    uint16_t verb = req->msg.verb;
    bool freezes =
        verb == VERB_DOMAIN_FREEZE || verb == VERB_PARTNER_FREEZE || verb == VERB_USER_FREEZE;
    struct freeze_subject s;
    enum row_state state = freezes ? ROW_FROZEN : ROW_ACTIVE;
    bool sealed, by_two;
    enum hufu_err err;

    err = check_member(w, req, MSG_REASON, where);
    if (err == HUFU_OK)
        err = find(w, req, &s);
    if (err != HUFU_OK)
        return err;
    sealed = !freezes && s.user != NULL && s.user->once != USER_ONCE_NO;
    by_two = !freezes && !sealed && s.user != NULL && s.user->state == ROW_FROZEN &&
             manage_is_privileged(s.user->role);
    if (by_two)
        err = lift_by_two(w, req, s.user);
    else
        err = change(w, req, &s, sealed ? ROW_SEALED : state);
    if (err != HUFU_OK)
        req->draft.op_count = 0; /* the refusal drafts its own entry */
    return err;
}
