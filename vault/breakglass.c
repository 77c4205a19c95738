#include "vault/breakglass.h"

#include "vault/alarm.h"
#include "vault/base/secret.h"
#include "vault/handle.h"
#include "vault/manage.h"

enum hufu_err breakglass_open(struct worker *w, struct request *req, struct user *user,
                              struct secret **seed_out)
{
    uint64_t now = core_now(w->core);

    if (secret_random(ROW_SEED_LEN, seed_out) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    user->seed = *seed_out;
    user->seed_by = req->who.user->id;
    user->state = ROW_ACTIVE;
    user->once = USER_ONCE_OPENED;
    user->expires_ms = now + conf_u64(w->core->conf, CONF_BREAK_GLASS_S) * 1000;
    user_begin_anew(user, now);
    return HUFU_OK;
}

enum hufu_err breakglass_use(struct worker *w, struct request *req, const struct user *user)
{
    struct user changed = *user;
    enum hufu_err err;

    if (user->once != USER_ONCE_OPENED) {
        wipe(&changed, sizeof(changed));
        return HUFU_OK;
    }
    changed.once = USER_ONCE_USED;
    alarm_note_about(req, ALARM_RULE_BREAK_GLASS, user);
    err = manage_write_user(w, req, &changed);
    wipe(&changed, sizeof(changed));
    return err;
}

bool breakglass_is_over(struct core *core, const struct user *user)
{
    struct session s;

    if (user->once != USER_ONCE_OPENED && user->once != USER_ONCE_USED)
        return false;
    if (!user_is_in(user, core_now(core)))
        return true; /* its time is over, or somebody froze it */
    return user->once == USER_ONCE_USED &&
           (directory_session_of(core->dir, user->id, user->sessions_from_ms, &s) != HUFU_OK ||
            session_is_over(core, &s));
}

enum hufu_err breakglass_seal(struct worker *w, struct user *user, struct secret **seed_out)
{
    enum hufu_err err = manage_forget_secrets(w, user, seed_out);

    if (err != HUFU_OK)
        return err;
    manage_end_sessions(w->core, user);
    user->once = USER_ONCE_SEALED;
    user->expires_ms = 0;
    if (user->state == ROW_ACTIVE) /* one that was frozen stays so */
        user->state = ROW_SEALED;
    return HUFU_OK;
}
