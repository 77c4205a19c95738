#include "vault/sweep_people.h"

#include "vault/base/secret.h"
#include "vault/breakglass.h"
#include "vault/handle.h"
#include "vault/manage.h"
#include "vault/sweep_op.h"

#define PAUSE_MS 1000

enum due { DUE_NOTHING, DUE_SEAL, DUE_EXPIRE, DUE_DORMANT };

static const char *const verbs[] = { NULL, "break-glass-seal", "user-expire", "user-dormant" };

uint64_t sweep_people_last(struct core *core, const struct user *user)
{
    struct factor f;
    uint64_t login_ms = directory_factor(core->dir, user->id, &f) == HUFU_OK ? f.login_ms : 0;

    return login_ms < user->since_ms ? user->since_ms : login_ms;
}

static bool is_dormant(struct core *core, const struct user *user)
{
    uint64_t days = conf_u64(core->conf, CONF_DORMANT_DAYS), now = core_now(core);
    uint64_t last = sweep_people_last(core, user);

    return days != 0 && now > last && now - last >= days * ROW_DAY_MS;
}

static enum due judge(struct core *core, const struct user *user)
{
    if (breakglass_is_over(core, user))
        return DUE_SEAL;
    if (user->state != ROW_ACTIVE || user->once != USER_ONCE_NO)
        return DUE_NOTHING;
    if (!user_is_in(user, core_now(core)))
        return DUE_EXPIRE;
    return is_dormant(core, user) ? DUE_DORMANT : DUE_NOTHING;
}

/* No log-in since: the factor's row, which each log-in writes, is as it was. */
static void expect_factor(struct sweep_op *s, const struct user *user)
{
    struct factor f = { .seq = STORE_ABSENT };

    if (directory_factor(s->req.core->dir, user->id, &f) != HUFU_OK)
        f.seq = STORE_ABSENT;
    op_expect(&s->req.op[0], row_numbered_key(&s->req, TABLE_FACTOR, user->id), row_seen(f.seq));
}

static void say_why(struct sweep_op *s, const struct user *user, enum due due)
{
    struct core *core = s->req.core;
    struct buf text;

    buf_fixed(&text, s->text_mem, sizeof(s->text_mem));
    if (due == DUE_DORMANT) {
        buf_str(&text, "idle_days=");
        buf_dec(&text, (core_now(core) - sweep_people_last(core, user)) / ROW_DAY_MS);
    } else if (due == DUE_EXPIRE) {
        buf_str(&text, "late_s=");
        buf_dec(&text, (core_now(core) - user->expires_ms) / 1000);
    } else {
        buf_str(&text, user->once == USER_ONCE_USED ? "used=yes" : "used=no");
    }
    request_entry(&s->req, 0)->reason = buf_view(&text);
}

/* The row with its new state. HUFU_CONFLICT: one of the last two security administrators. */
static enum hufu_err change(struct worker *w, struct sweep_op *s, const struct user *user,
                            enum due due)
{
    struct user changed = *user;
    struct secret *seed = NULL;
    enum hufu_err err = HUFU_OK;

    if (due == DUE_SEAL) {
        err = breakglass_seal(w, &changed, &seed);
    } else {
        changed.state = ROW_FROZEN;
        manage_end_sessions(w->core, &changed);
    }
    if (due == DUE_DORMANT) {
        expect_factor(s, user);
        err = manage_expect_admins(&s->req, user);
    }
    if (err == HUFU_OK)
        err = manage_write_user(w, &s->req, &changed);
    secret_free(seed);
    wipe(&changed, sizeof(changed));
    return err;
}

static bool sweep_one(struct worker *w, const struct user *user, enum due due)
{
    struct sweep_op *s = sweep_op_begin(w->core, verbs[due]);

    if (s == NULL)
        return false;
    request_entry(&s->req, 0)->purpose = view_str(user->name);
    say_why(s, user, due);
    if (change(w, s, user, due) == HUFU_OK)
        return sweep_op_submit(w->core, s);
    sweep_op_drop(s);
    return false;
}

bool sweep_people(struct worker *w)
{
    uint64_t *due_boot_ms = &w->core->sweeps.people_due_boot_ms, boot = core_boot(w->core);
    const struct user *user;

    if (boot < *due_boot_ms)
        return false;
    for (size_t i = 0; (user = directory_user_at(w->core->dir, i)) != NULL; i++) {
        enum due due = judge(w->core, user);

        if (due != DUE_NOTHING && sweep_one(w, user, due))
            return true;
    }
    *due_boot_ms = boot + PAUSE_MS;
    return false;
}
