/* What the password thread does for a request: one Argon2id at a time (of a change of passwords
 * as many as former ones are kept, and two). */
#include "vault/handle.h"

#include "vault/access/password.h"
#include "vault/base/secret.h"

#define DAY_MS 86400000ULL

uint64_t password_until(const struct core *core, const struct user *user)
{
    uint64_t days = conf_u64(core->conf, CONF_PASSWORD_DAYS);

    return days == 0 ? 0 : user->password_ms + days * DAY_MS;
}

static bool make_stored(struct core *core, struct draw *draw, struct view password,
                        struct password *out)
{
    return password_make(draw, password, (uint32_t)conf_u64(core->conf, CONF_ARGON_KIB),
                         (uint32_t)conf_u64(core->conf, CONF_ARGON_PASSES), out) == HUFU_OK;
}

/* A first password for a new person, or for one who lost the old one. */
static bool make_password(struct core *core, struct new_person *person)
{
    struct draw draw;
    bool ok;

    draw_init(&draw, core->entropy);
    ok = password_generate(&draw, person->password) == HUFU_OK &&
         make_stored(core, &draw, view_str(person->password), &person->stored);
    draw_done(&draw);
    return ok;
}

/* One Argon2id, for people who do not exist too. What it was held against is kept: the person's
 * password may be another one when the request is decided. */
static bool check_password(struct core *core, struct request *req, const struct user *user)
{
    struct password *checked = &req->person.checked;

    password_dummy((uint32_t)conf_u64(core->conf, CONF_ARGON_KIB),
                   (uint32_t)conf_u64(core->conf, CONF_ARGON_PASSES), checked);
    if (user != NULL)
        *checked = user->password;
    return password_check(checked, req->msg.field[MSG_PASSWORD]) && user != NULL;
}

/* True where the new one is one of those that the person had last: one Argon2id for each. */
static bool was_had(const struct core *core, const struct request *req)
{
    const struct user *user = req->who.user;
    size_t keep = (size_t)conf_u64(core->conf, CONF_PASSWORD_KEEP);

    for (size_t i = 0; i < user->former_count && i < keep; i++)
        if (password_check(&user->former[i], req->msg.field[MSG_NEW_PASSWORD]))
            return true;
    return false;
}

/* The old one, and only where it is right the new one. */
static bool exchange_password(struct core *core, struct request *req)
{
    struct draw draw;

    if (!check_password(core, req, req->who.user))
        return false;
    req->person.former = was_had(core, req);
    if (req->person.former)
        return true;
    draw_init(&draw, core->entropy);
    if (!make_stored(core, &draw, req->msg.field[MSG_NEW_PASSWORD], &req->person.stored))
        req->person.stored = (struct password){ .kib = 0 };
    draw_done(&draw);
    return true;
}

bool password_step(struct core *core)
{
    struct request *req = (struct request *)queue_take(&core->passwords);

    if (req == NULL)
        return false;
    switch (req->msg.verb) {
    case VERB_LOGIN:
        req->password_ok =
            check_password(core, req, directory_user(core->dir, msg_text(&req->msg, MSG_USER)));
        break;
    case VERB_PASSWORD_CHANGE:
        req->password_ok = exchange_password(core, req);
        break;
    default:
        req->password_ok = make_password(core, &req->person);
        break;
    }
    req->password_done = true;
    if (queue_put(&core->work, &req->node) != HUFU_OK)
        request_answer(req, HUFU_UNAVAILABLE, MSG_WHERE_NONE);
    return true;
}
