/* What two security administrators do to a person: the kinds of ceremony_people.h. */
#include "vault/ceremony_effect.h"

#include <string.h>

#include "vault/alarm.h"
#include "vault/base/secret.h"
#include "vault/breakglass.h"
#include "vault/handle.h"
#include "vault/key_enrol.h"
#include "vault/key_factor.h"
#include "vault/manage.h"

static bool is_person(const struct freeze_subject *s, const struct ceremony *c)
{
    (void)c;
    return s->user != NULL && s->user->once == USER_ONCE_NO &&
           (s->user->state == ROW_ACTIVE || s->user->state == ROW_FROZEN);
}

static bool is_pending(const struct freeze_subject *s, const struct ceremony *c)
{
    (void)c;
    return s->user != NULL && s->user->state == ROW_PENDING;
}

static bool is_sealed(const struct freeze_subject *s, const struct ceremony *c)
{
    (void)c;
    return s->user != NULL && s->user->state == ROW_SEALED;
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
    user_begin_anew(&changed, core_now(w->core));
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
    user_begin_anew(&changed, core_now(w->core)); /* approvals of the old role are void */
    if (err == HUFU_OK && renews && s->user->seed_by == req->who.user->id)
        err = HUFU_FORBIDDEN;
    if (err == HUFU_OK)
        err = manage_copy(changed.group, sizeof(changed.group), view_str(role_name(c->target)));
    if (err == HUFU_OK && renews)
        err = renew_seed(req, &changed, &seed);
    if (err == HUFU_OK)
        err = write_changed(w, req, &changed);
    if (err == HUFU_OK && renews) /* a key may be the one of who was told both */
        err = key_factor_remove(req, changed.id);
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

/* Codes, keys and recovery codes: all that was shown as a second factor. */
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
    if (err == HUFU_OK)
        err = key_factor_remove(req, changed.id);
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
    user_set_password(&changed, &c->password, (size_t)conf_u64(w->core->conf, CONF_PASSWORD_KEEP),
                      core_now(w->core));
    changed.password_by = c->approval[0].user_id;
    if (renews)
        err = renew_seed(req, &changed, &seed);
    if (err == HUFU_OK)
        err = write_reset(w, req, c, &changed, renews);
    secret_free(seed);
    wipe(&changed, sizeof(changed));
    return err;
}

/* The password was told to who proposed; the code secret is told to who seconds. */
static enum hufu_err open_sealed(struct worker *w, struct request *req,
                                 const struct freeze_subject *s, const struct ceremony *c)
{
    struct user changed = *s->user;
    struct secret *seed = NULL;
    enum hufu_err err = HUFU_UNAVAILABLE;

    if (c->password.kib != 0) {
        user_set_password(&changed, &c->password, 0, core_now(w->core));
        changed.password_by = c->approval[0].user_id;
        err = breakglass_open(w, req, &changed, &seed);
        alarm_note_about(req, ALARM_RULE_BREAK_GLASS, s->user);
    }
    if (err == HUFU_OK)
        err = write_reset(w, req, c, &changed, true);
    secret_free(seed);
    wipe(&changed, sizeof(changed));
    return err;
}

/* Agreed to: the person does the rest (key_enrol.h). */
static enum hufu_err allow_key(struct worker *w, struct request *req,
                               const struct freeze_subject *s, const struct ceremony *c)
{
    (void)w;
    (void)s;
    return ceremony_reply(req, c, NULL, NULL);
}

static enum hufu_err lift(struct worker *w, struct request *req, const struct freeze_subject *s,
                          const struct ceremony *c)
{
    enum hufu_err err = freeze_write(w, req, s, ROW_ACTIVE);

    return err == HUFU_OK ? ceremony_reply(req, c, NULL, NULL) : err;
}

static const struct ceremony_effect effects[] = {
    { "enrol-user", false, is_pending, enrol },
    { "change-role", false, has_other_role, change_role },
    { "reset-factor", false, is_person, reset_factor },
    { "reset-password", true, is_person, reset_password },
    { "break-glass", true, is_sealed, open_sealed },
    { "freeze-lift", false, is_frozen, lift },
    { KEY_ENROL_KIND, false, is_person, allow_key },
};

const struct ceremony_effect *ceremony_effect_find(struct view kind)
{
    for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++)
        if (view_is(kind, effects[i].kind))
            return &effects[i];
    return NULL;
}
