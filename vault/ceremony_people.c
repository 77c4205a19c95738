#include "vault/ceremony_people.h"

#include <string.h>

#include "vault/base/secret.h"
#include "vault/ceremony_effect.h"
#include "vault/handle.h"
#include "vault/key_factor.h"
#include "vault/manage.h"

bool ceremony_people_has(const char *kind)
{
    return ceremony_effect_find(view_str(kind)) != NULL;
}

bool ceremony_people_has_password(struct view kind)
{
    const struct ceremony_effect *effect = ceremony_effect_find(kind);

    return effect != NULL && effect->has_password;
}

bool ceremony_people_is_about(struct core *core, const struct ceremony *c, const struct user *user)
{
    struct freeze_subject s;

    return ceremony_people_has(c->kind) && freeze_find(core, view_str(c->subject), &s) == HUFU_OK &&
           s.user != NULL && s.user->id == user->id;
}

const char *ceremony_people_role(const struct ceremony *c)
{
    return strcmp(c->kind, "change-role") == 0 ? role_name(c->target) : NULL;
}

/* Member role: change-role has it, no other kind does. */
static enum hufu_err read_role(const struct request *req, const struct ceremony_kind *kind,
                               struct ceremony *c)
{
    enum role role;

    if (strcmp(kind->name, "change-role") != 0)
        return msg_has(&req->msg, MSG_ROLE) ? HUFU_BAD_REQUEST : HUFU_OK;
    if (role_parse(msg_text(&req->msg, MSG_ROLE), &role) != HUFU_OK)
        return HUFU_BAD_REQUEST;
    c->target = role;
    return HUFU_OK;
}

/* The subject as the row has it: a person's name alone; with its list's name where a freeze is to
 * be lifted, so that one thing has one name. */
static enum hufu_err name_subject(const struct ceremony_kind *kind, const struct freeze_subject *s,
                                  struct request *req, struct view *out)
{
    bool lifts = strcmp(kind->name, "freeze-lift") == 0;
    uint8_t *mem = request_take(req, TEXT_NAME_MAX + 16);
    struct buf b;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    if (!lifts && s->user == NULL)
        return HUFU_NOT_FOUND;
    buf_fixed(&b, mem, TEXT_NAME_MAX + 16);
    if (lifts)
        buf_str(&b, s->domain != NULL ? "domains/" : s->partner != NULL ? "partners/" : "users/");
    buf_str(&b, freeze_name(s));
    *out = buf_view(&b);
    return buf_check(&b) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* Adds that the subject stays as it was judged. */
static void expect_subject(struct request *req, const struct freeze_subject *s)
{
    struct store_op *op = &req->op[0];

    if (s->domain != NULL)
        op_expect(op, row_numbered_key(req, TABLE_DOMAIN, s->domain->id), row_seen(s->domain->seq));
    if (s->partner != NULL)
        op_expect(op, row_numbered_key(req, TABLE_PARTNER, s->partner->id),
                  row_seen(s->partner->seq));
    if (s->user != NULL)
        op_expect(op, row_numbered_key(req, TABLE_USER, s->user->id), row_seen(s->user->seq));
}

static enum hufu_err draft_proposal(struct worker *w, struct request *req,
                                    const struct ceremony_kind *kind,
                                    const struct freeze_subject *s, struct view subject,
                                    struct ceremony *c)
{
    bool password = ceremony_people_has_password(view_str(kind->name));
    enum hufu_err err;

    if (password && !req->password_ok)
        return HUFU_UNAVAILABLE;
    if (request_ops(req, 1, 5, 2, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    expect_subject(req, s);
    if (c->target != ROLE_NONE && manage_expect_admins(req, s->user) != HUFU_OK)
        return HUFU_CONFLICT;
    if (password)
        c->password = req->person.stored;
    err = ceremony_begin(w, req, kind, subject, msg_text(&req->msg, MSG_REASON), c);
    if (err == HUFU_OK)
        err = ceremony_name(req, kind->name, subject, ceremony_people_role(c));
    if (err != HUFU_OK)
        return err;
    request_entry(req, 0)->reason = msg_text(&req->msg, MSG_REASON);
    req->reply.success = MSG_201;
    return ceremony_reply(req, c, password ? req->person.password : NULL, NULL);
}

enum hufu_err ceremony_people_propose(struct worker *w, struct request *req,
                                      const struct ceremony_kind *kind, struct msg_where *where)
{
    const struct ceremony_effect *effect = ceremony_effect_find(view_str(kind->name));
    struct freeze_subject s = { NULL, NULL, NULL };
    struct ceremony c = { 0 };
    struct view subject = view_of(NULL, 0);
    enum hufu_err err;

    if (effect == NULL || !msg_has(&req->msg, MSG_SUBJECT))
        return manage_at(where, MSG_SUBJECT, HUFU_BAD_REQUEST);
    if (read_role(req, kind, &c) != HUFU_OK)
        return manage_at(where, MSG_ROLE, HUFU_BAD_REQUEST);
    err = check_member(w, req, MSG_REASON, where);
    if (err == HUFU_OK)
        err = check_member(w, req, MSG_SUBJECT, where);
    if (err != HUFU_OK)
        return err;
    err = freeze_find(w->core, msg_text(&req->msg, MSG_SUBJECT), &s);
    if (err == HUFU_OK)
        err = name_subject(kind, &s, req, &subject);
    if (err == HUFU_OK && s.user != NULL && s.user->id == req->who.user->id)
        err = HUFU_FORBIDDEN;
    if (err == HUFU_OK && !effect->fits(&s, &c))
        err = HUFU_CONFLICT;
    if (err != HUFU_OK)
        return manage_at(where, MSG_SUBJECT, err);
    err = draft_proposal(w, req, kind, &s, subject, &c);
    wipe(&c, sizeof(c));
    if (err != HUFU_OK)
        req->draft.op_count = 0; /* the refusal drafts its own entry */
    return err;
}

enum hufu_err ceremony_people_carry_out(struct worker *w, struct request *req, struct ceremony *c)
{
    const struct ceremony_effect *effect = ceremony_effect_find(view_str(c->kind));
    struct freeze_subject s;
    enum hufu_err err;

    if (effect == NULL)
        return HUFU_UNAVAILABLE;
    err = freeze_find(w->core, view_str(c->subject), &s);
    if (err == HUFU_OK && !effect->fits(&s, c))
        err = HUFU_CONFLICT;
    if (err != HUFU_OK)
        return err;
    /* the ceremony, the person, the factor, keys; the approvers and two administrators who stay */
    if (request_ops(req, 1, 5 + ROW_APPROVALS_MAX + KEY_FACTOR_ROWS, 3 + KEY_FACTOR_ROWS, 0) !=
        HUFU_OK)
        return HUFU_UNAVAILABLE;
    c->state = CEREMONY_DONE;
    c->done = 1;
    c->total = 1;
    op_expect_caller(req, &req->op[0]);
    err = ceremony_name(req, effect->kind, view_str(c->subject), ceremony_people_role(c));
    if (err == HUFU_OK)
        err = ceremony_row_write(w, req, &req->op[0], c);
    if (err == HUFU_OK)
        err = ceremony_expect_approvers(req, c);
    if (err == HUFU_OK)
        err = effect->carry_out(w, req, &s, c);
    wipe(&c->password, sizeof(c->password));
    if (err != HUFU_OK)
        req->draft.op_count = 0; /* the refusal drafts its own entry */
    return err;
}
