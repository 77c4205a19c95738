/* Login, logout, step-up, a new password: people and their two factors. */
#include "vault/handle.h"

#include <string.h>

#include "vault/access/password_rule.h"
#include "vault/attempt.h"
#include "vault/base/digest.h"
#include "vault/base/json.h"
#include "vault/base/secret.h"
#include "vault/breakglass.h"
#include "vault/manage.h"
#include "vault/step_up.h"

#define TOKEN_BYTES 32 /* of a session token */

enum hufu_err session_write(struct worker *w, struct request *req, struct store_op *op,
                            const struct session *s, uint64_t seen_seq)
{
    struct view hash = view_of(s->hash, sizeof(s->hash));
    uint8_t mem[96];
    struct buf text;

    buf_fixed(&text, mem, sizeof(mem));
    session_put(s, &text);
    return row_write_control(w, req, op, row_plain_key(req, TABLE_SESSION, hash),
                             row_seen(seen_seq), &text);
}

static enum hufu_err print_session(struct request *req, const struct user *user,
                                   const struct session *s, struct view token)
{
    struct json j;

    if (request_body(req, 512) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    json_put_time(&j, "expires_at", s->expires_ms);
    json_put_str(&j, "role", role_name(user->role));
    json_put_text(&j, "session", token);
    json_put_str(&j, "user", user->name);
    json_close(&j);
    req->reply.success = MSG_201;
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

static enum hufu_err open_session(struct worker *w, struct request *req, const struct user *user)
{
    uint64_t now = core_now(w->core);
    struct session s = { .user_id = user->id, .created_ms = now, .factor_ms = now };
    uint8_t raw[TOKEN_BYTES], mem[MSG_SESSION_LEN + 1];
    struct buf text;
    struct view token;
    enum hufu_err err = HUFU_UNAVAILABLE;

    if (s.created_ms <
        user->sessions_from_ms) /* what was ended in this very millisecond is older */
        s.created_ms = user->sessions_from_ms;
    s.expires_ms = now + conf_u64(w->core->conf, CONF_SESSION_S) * 1000;
    if (user->expires_ms != 0 && user->expires_ms < s.expires_ms)
        s.expires_ms = user->expires_ms;
    buf_fixed(&text, mem, sizeof(mem));
    if (draw_bytes(&w->draw, raw, sizeof(raw)) == HUFU_OK) {
        text_base64url(&text, raw, sizeof(raw));
        token = buf_view(&text);
        if (digest_sha256(&token, 1, s.hash) == HUFU_OK)
            err = session_write(w, req, &req->op[0], &s, STORE_ABSENT);
        if (err == HUFU_OK)
            err = print_session(req, user, &s, token);
    }
    wipe(raw, sizeof(raw));
    buf_done(&text);
    return err;
}

/* True where the password that was checked is the one the person still has. */
static bool password_holds(const struct request *req, const struct user *user)
{
    return req->password_ok && user != NULL &&
           bytes_equal(req->person.checked.hash, user->password.hash, PASSWORD_HASH_LEN);
}

enum hufu_err handle_login(struct worker *w, struct request *req, struct msg_where *where)
{
    struct view name = msg_text(&req->msg, MSG_USER);
    struct attempt try = { .user = directory_user(w->core->dir, name) };
    uint32_t factor_id = 0;
    enum hufu_err err = attempt_read(req, &try);

    (void)where;
    if (err != HUFU_OK)
        return err;
    try.use = (struct challenge_use){ CHALLENGE_LOGIN, { name }, 1 };
    try.other_ok = password_holds(req, try.user);
    err = attempt_of_nobody(w, name, &factor_id);
    if (err != HUFU_OK)
        return err;
    if (try.user != NULL)
        factor_id = try.user->id;
    err = attempt_judge(w, req, factor_id, &try, 3);
    if (err != HUFU_OK)
        return err;
    /* A password or a state that changes before this is committed is looked at again. */
    op_expect(&req->op[0], row_numbered_key(req, TABLE_USER, try.user->id),
              row_seen(try.user->seq));
    err = open_session(w, req, try.user); /* its row before theirs: the sweeper looks for it */
    return err == HUFU_OK ? breakglass_use(w, req, try.user) : err;
}

enum hufu_err handle_step_up(struct worker *w, struct request *req, struct msg_where *where)
{
    struct attempt try = { .user = req->who.user, .other_ok = true, .in_session = true };
    struct session s = req->who.session;
    enum hufu_err err = attempt_read(req, &try);

    (void)where;
    if (err != HUFU_OK)
        return err;
    try.use = (struct challenge_use){ CHALLENGE_STEP_UP, { view_of(s.hash, sizeof(s.hash)) }, 1 };
    err = attempt_judge(w, req, try.user->id, &try, 2);
    if (err != HUFU_OK)
        return err;
    s.factor_ms = core_now(w->core);
    s.is_bound = try.shown == SHOWN_KEY && try.key.challenge.is_bound;
    if (s.is_bound != 0)
        memcpy(s.bound, try.key.challenge.digest, sizeof(s.bound));
    req->reply.success = MSG_204;
    return session_write(w, req, &req->op[0], &s, s.seq);
}

enum hufu_err handle_logout(struct worker *w, struct request *req, struct msg_where *where)
{
    struct view hash = view_of(req->who.session.hash, sizeof(req->who.session.hash));
    struct view key = row_plain_key(req, TABLE_SESSION, hash);

    (void)where;
    (void)w;
    if (key.p == NULL || request_ops(req, 1, 1, 1, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect(&req->op[0], key, row_seen(req->who.session.seq));
    op_write(&req->op[0], key, NULL, 0);
    req->reply.success = MSG_204;
    return HUFU_OK;
}

static bool is_weak(struct worker *w, const struct request *req, const struct user *user)
{
    struct view password = req->msg.field[MSG_NEW_PASSWORD];
    struct view old = req->msg.field[MSG_PASSWORD];
    size_t chars_min = (size_t)conf_u64(w->core->conf, CONF_PASSWORD_CHARS);

    return password_rule_check(view_str(user->name), password, chars_min) != HUFU_OK ||
           check_text(w, password) != HUFU_OK || deny_has(w->core->deny, password) ||
           (password.len == old.len && bytes_equal(password.p, old.p, old.len));
}

/* The new password; the person's other sessions end, and this one goes on as if begun now. */
static enum hufu_err write_password(struct worker *w, struct request *req)
{
    struct user changed = *req->who.user;
    struct session s = req->who.session;
    enum hufu_err err;

    user_set_password(&changed, &req->person.stored,
                      (size_t)conf_u64(w->core->conf, CONF_PASSWORD_KEEP), core_now(w->core));
    if (changed.password_by != changed.seed_by) /* else it may be who was told both that is here */
        changed.password_by = 0;
    manage_end_sessions(w->core, &changed);
    s.created_ms = changed.sessions_from_ms;
    err = manage_write_user(w, req, &changed);
    wipe(&changed, sizeof(changed));
    return err == HUFU_OK ? session_write(w, req, &req->op[0], &s, s.seq) : err;
}

enum hufu_err handle_password_change(struct worker *w, struct request *req, struct msg_where *where)
{
    const struct user *user = req->who.user;
    struct attempt try = { .user = user, .in_session = true, .shown = SHOWN_NONE };
    enum hufu_err err;

    if (is_weak(w, req, user))
        return manage_at(where, MSG_NEW_PASSWORD, HUFU_BAD_REQUEST);
    try.other_ok = password_holds(req, user);
    if (try.other_ok && !req->person.former && req->person.stored.kib == 0)
        return HUFU_UNAVAILABLE; /* it could not be hashed */
    err = attempt_judge(w, req, user->id, &try, 3);
    if (err != HUFU_OK)
        return err;
    if (req->person.former) { /* told only to who knows the present one */
        req->draft.op_count = 0;
        return manage_at(where, MSG_NEW_PASSWORD, HUFU_BAD_REQUEST);
    }
    req->reply.success = MSG_204;
    return write_password(w, req);
}
