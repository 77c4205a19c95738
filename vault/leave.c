/* POST /v1/users/{name}/leave: a person leaves, for good. */
#include "vault/handle.h"

#include "vault/base/secret.h"
#include "vault/key_factor.h"
#include "vault/manage.h"

static enum hufu_err print_left(struct request *req, const struct user *user)
{
    struct json j;

    if (request_body(req, 128) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    json_put_str(&j, "name", user->name);
    json_put_str(&j, "state", row_state_name(ROW_LEFT));
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* The row stays: the name is never given again. What the person approved or asked for is judged by
 * this state when it is used. */
static enum hufu_err write_left(struct worker *w, struct request *req, const struct user *user)
{
    struct user changed = *user;
    struct secret *seed = NULL;
    enum hufu_err err = manage_expect_admins(req, user);

    if (err == HUFU_OK)
        err = manage_forget_secrets(w, &changed, &seed);
    if (err == HUFU_OK) {
        changed.state = ROW_LEFT;
        changed.once = USER_ONCE_NO;
        manage_end_sessions(w->core, &changed);
        err = manage_write_user(w, req, &changed);
    }
    if (err == HUFU_OK)
        err = key_factor_remove(req, user->id);
    secret_free(seed);
    wipe(&changed, sizeof(changed));
    return err;
}

enum hufu_err handle_user_leave(struct worker *w, struct request *req, struct msg_where *where)
{
    const struct user *user = directory_user(w->core->dir, msg_text(&req->msg, MSG_NAME));
    enum hufu_err err = check_member(w, req, MSG_REASON, where);

    if (err != HUFU_OK)
        return err;
    if (user == NULL)
        return HUFU_NOT_FOUND;
    if (user->id == req->who.user->id)
        return HUFU_FORBIDDEN; /* nobody has a say in what is done to oneself */
    if (request_ops(req, 1, 3 + KEY_FACTOR_ROWS, 1 + KEY_FACTOR_ROWS, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    request_entry(req, 0)->reason = msg_text(&req->msg, MSG_REASON);
    request_entry(req, 0)->purpose = view_str(user->name);
    err = write_left(w, req, user);
    if (err == HUFU_OK)
        err = print_left(req, user);
    if (err != HUFU_OK)
        req->draft.op_count = 0; /* the refusal drafts its own entry */
    return err;
}
