#include "vault/ceremony_people.h"

#include <string.h>

#include "vault/base/secret.h"
#include "vault/freeze.h"
#include "vault/handle.h"
#include "vault/manage.h"

static bool is_person(const struct freeze_subject *s, const struct ceremony *c)
{
    (void)c;
    return s->user != NULL && s->user->state != ROW_PENDING;
}

static bool is_pending(const struct freeze_subject *s, const struct ceremony *c)
{
    (void)c;
    return s->user != NULL && s->user->state == ROW_PENDING;
}

static bool has_other_role(const struct freeze_subject *s, const struct ceremony *c)
{
    return is_person(s, c) && s->user->role != c->target;
}

static bool is_frozen(const struct freeze_subject *s, const struct ceremony *c)
{
    (void)c;
    return freeze_state(s) == ROW_FROZEN;
}

/* Adds a changed person's row. What was open before ends. */
static enum hufu_err write_changed(struct worker *w, struct request *req, struct user *changed)
{
    manage_end_sessions(w->core, changed);
    return manage_write_user(w, req, changed);
}

static enum hufu_err enrol(struct worker *w, struct request *req, const struct freeze_subject *s,
                           const struct ceremony *c)
{
    struct user changed = *s->user;
    enum hufu_err err;

    changed.state = ROW_ACTIVE;
    changed.seed_by = req->who.user->id;
    err = manage_write_user(w, req, &changed);
    wipe(&changed, sizeof(changed));
    /* The password went to who proposed: neither of the two can come in alone. */
    return err == HUFU_OK ? ceremony_reply(req, c, NULL, s->user) : err;
}

/* A new code secret, told to who seconds, the caller. Free it once the row is written. */
static enum hufu_err renew_seed(const struct request *req, struct user *changed,
                                struct secret **seed_out)
{
    if (secret_random(ROW_SEED_LEN, seed_out) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    changed->seed = *seed_out;
    changed->seed_by = req->who.user->id;
    return HUFU_OK;
}

/* Who enrolled an operator was told both factors. With those nobody becomes a privileged person:
 * the code secret is a new one then. */
static bool needs_new_seed(const struct user *user, unsigned target)
{
    return manage_is_privileged(target) && !manage_is_privileged(user->role) &&
           user->seed_by != 0 && user->seed_by == user->password_by;
}

static enum hufu_err change_role(struct worker *w, struct request *req,
                                 const struct freeze_subject *s, const struct ceremony *c)
{
    struct user changed = *s->user;
    bool renews = needs_new_seed(s->user, c->target);
    struct secret *seed = NULL;
    enum hufu_err err = manage_expect_admins(req, s->user);

    changed.role = (uint8_t)c->target;
    if (err == HUFU_OK && renews && s->user->seed_by == req->who.user->id)
        err = HUFU_FORBIDDEN;
    if (err == HUFU_OK)
        err = manage_copy(changed.group, sizeof(changed.group), view_str(role_name(c->target)));
    if (err == HUFU_OK && renews)
        err = renew_seed(req, &changed, &seed);
    if (err == HUFU_OK)
        err = write_changed(w, req, &changed);
    if (err == HUFU_OK)
        err = ceremony_reply(req, c, NULL, renews ? &changed : NULL);
    secret_free(seed);
    wipe(&changed, sizeof(changed));
    return err;
}

/* Failures are forgotten; the last accepted step stays, so that steps go forward only. */
static enum hufu_err clear_failures(struct worker *w, struct request *req, uint32_t user_id)
{
    struct factor f = { .user_id = user_id };
    uint8_t mem[64];
    struct buf text;

    if (directory_factor(w->core->dir, user_id, &f) != HUFU_OK)
        return HUFU_OK; /* never tried to come in */
    f.failures = 0;
    f.failed_ms = 0;
    f.step_failures = 0;
    f.step_failed_ms = 0;
    buf_fixed(&text, mem, sizeof(mem));
    factor_put(&f, &text);
    return manage_write(w, req, TABLE_FACTOR, user_id, f.seq, &text);
}

/* Writes a person who was given something new, with a clean slate; the seed is shown where it is
 * new. */
static enum hufu_err write_reset(struct worker *w, struct request *req, const struct ceremony *c,
                                 struct user *changed, bool shows_seed)
{
    enum hufu_err err = write_changed(w, req, changed);

    if (err == HUFU_OK)
        err = clear_failures(w, req, changed->id);
    return err == HUFU_OK ? ceremony_reply(req, c, NULL, shows_seed ? changed : NULL) : err;
}

static enum hufu_err reset_factor(struct worker *w, struct request *req,
                                  const struct freeze_subject *s, const struct ceremony *c)
{
    struct user changed = *s->user;
    struct secret *seed = NULL;
    enum hufu_err err;

    if (changed.password_by == req->who.user->id)
        return HUFU_FORBIDDEN; /* who was told the password is not told the code secret */
    err = renew_seed(req, &changed, &seed);
    if (err == HUFU_OK)
        err = write_reset(w, req, c, &changed, true);
    secret_free(seed);
    wipe(&changed, sizeof(changed));
    return err;
}

/* Where who proposed, and was shown the password, has been told the code secret before, that is a
 * new one too. */
static enum hufu_err reset_password(struct worker *w, struct request *req,
                                    const struct freeze_subject *s, const struct ceremony *c)
{
    struct user changed = *s->user;
    bool renews = changed.seed_by == c->approval[0].user_id;
    struct secret *seed = NULL;
    enum hufu_err err = HUFU_OK;

    if (c->password.kib == 0)
        return HUFU_UNAVAILABLE;
    changed.password = c->password;
    changed.password_by = c->approval[0].user_id;
    changed.password_ms = core_now(w->core);
    if (renews)
        err = renew_seed(req, &changed, &seed);
    if (err == HUFU_OK)
        err = write_reset(w, req, c, &changed, renews);
    secret_free(seed);
    wipe(&changed, sizeof(changed));
    return err;
}

static enum hufu_err lift(struct worker *w, struct request *req, const struct freeze_subject *s,
                          const struct ceremony *c)
{
    enum hufu_err err = freeze_write(w, req, s, ROW_ACTIVE);

    return err == HUFU_OK ? ceremony_reply(req, c, NULL, NULL) : err;
}

static const struct effect {
    const char *kind;
    bool (*fits)(const struct freeze_subject *s, const struct ceremony *c);
    enum hufu_err (*carry_out)(struct worker *w, struct request *req,
                               const struct freeze_subject *s, const struct ceremony *c);
} effects[] = {
    { "enrol-user", is_pending, enrol },         { "change-role", has_other_role, change_role },
    { "reset-factor", is_person, reset_factor }, { "reset-password", is_person, reset_password },
    { "freeze-lift", is_frozen, lift },
};

static const struct effect *effect_of(const char *kind)
{
    for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++)
        if (strcmp(effects[i].kind, kind) == 0)
            return &effects[i];
    return NULL;
}

bool ceremony_people_has(const char *kind)
{
    return effect_of(kind) != NULL;
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
    bool password = strcmp(kind->name, "reset-password") == 0;
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
    const struct effect *effect = effect_of(kind->name);
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
    const struct effect *effect = effect_of(c->kind);
    struct freeze_subject s;
    enum hufu_err err;

    if (effect == NULL)
        return HUFU_UNAVAILABLE;
    err = freeze_find(w->core, view_str(c->subject), &s);
    if (err == HUFU_OK && !effect->fits(&s, c))
        err = HUFU_CONFLICT;
    if (err != HUFU_OK)
        return err;
    /* the ceremony, the person, the factor; the approvers and two administrators who stay */
    if (request_ops(req, 1, 3 + ROW_APPROVALS_MAX + 2, 3, 0) != HUFU_OK)
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
