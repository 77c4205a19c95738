/* Login, logout, step-up, a new password: people and their two factors. */
#include "vault/handle.h"

#include <string.h>

#include "vault/access/lockout.h"
#include "vault/access/password_rule.h"
#include "vault/access/totp.h"
#include "vault/base/digest.h"
#include "vault/base/json.h"
#include "vault/base/secret.h"
#include "vault/manage.h"

#define TOKEN_BYTES 32 /* of a session token */
#define NOBODY_FIRST                                                                               \
    0xfffffc00U /* 1,024 factor rows that are nobody's: people are numbered from 1 */

/* Adds the new state of a person's second factor to operation 0. */
static enum hufu_err write_factor(struct worker *w, struct request *req, const struct factor *f,
                                  uint64_t seen_seq)
{
    uint8_t mem[64];
    struct buf text;

    buf_fixed(&text, mem, sizeof(mem));
    factor_put(f, &text);
    return row_write_control(w, req, &req->op[0], row_numbered_key(req, TABLE_FACTOR, f->user_id),
                             row_seen(seen_seq), &text);
}

static enum hufu_err write_session(struct worker *w, struct request *req, const struct session *s,
                                   uint64_t seen_seq)
{
    struct view hash = view_of(s->hash, sizeof(s->hash));
    uint8_t mem[64];
    struct buf text;

    buf_fixed(&text, mem, sizeof(mem));
    session_put(s, &text);
    return row_write_control(w, req, &req->op[0], row_plain_key(req, TABLE_SESSION, hash),
                             row_seen(seen_seq), &text);
}

/* One try with a code. Failures at log-in, which any stranger can cause, and failures in a session
 * are counted apart: nobody from outside can keep a person who is in from a fresh factor. */
struct attempt {
    const struct user *user; /* NULL: nobody has this name; judged all the same */
    struct factor factor;
    bool in_session, other_ok;
    bool without_code; /* it is a password that is tried: a right one clears no failed codes */
};

static bool is_right(const struct request *req, struct attempt *try, uint64_t now)
{
    static const uint8_t nobody[ROW_SEED_LEN];
    const struct user *user = try->user;
    struct view seed = user == NULL ? view_of(nobody, sizeof(nobody))
                                    : view_of(secret_read(user->seed), secret_len(user->seed));
    uint64_t step = 0;
    bool code_ok;

    if (try->without_code)
        return try->other_ok && user->state == ROW_ACTIVE;
    code_ok =
        totp_check(seed, req->msg.field[MSG_OTP], now, try->factor.last_step, &step) == HUFU_OK;
    if (!code_ok || !try->other_ok || user == NULL || user->state != ROW_ACTIVE)
        return false;
    try->factor.last_step = step;
    return true;
}

static enum hufu_err draft_try(struct worker *w, struct request *req, const struct attempt *try,
                               bool right, uint64_t seen_seq, size_t write_max)
{
    enum hufu_err err;

    err = right ? request_ops(req, 1, 2, write_max, 0) : refuse_entry(req, HUFU_UNAUTHENTICATED);
    if (err != HUFU_OK)
        return err;
    if (try->user != NULL) {
        request_entry(req, 0)->principal = view_str(try->user->name);
        request_entry(req, 0)->role = role_name(try->user->role);
    }
    err = write_factor(w, req, &try->factor, seen_seq);
    if (err != HUFU_OK)
        return err;
    return right ? HUFU_OK : HUFU_UNAUTHENTICATED;
}

/*
 * Judges a one-time code and drafts what becomes of the factor: the accepted step, or one more
 * failure. Both factors have been looked at before anything is decided; who is locked out leaves no
 * trace but a count.
 * Returns HUFU_OK or HUFU_UNAUTHENTICATED; HUFU_UNAVAILABLE.
 */
static enum hufu_err judge_factor(struct worker *w, struct request *req, uint32_t factor_id,
                                  struct attempt *try, size_t write_max)
{
    const struct conf *conf = w->core->conf;
    struct lockout_limits limits = { (uint32_t)conf_u64(conf, CONF_LOCK_AFTER),
                                     conf_u64(conf, CONF_LOCK_S) * 1000 };
    struct factor *f = &try->factor;
    uint64_t now = core_now(w->core), seen;
    struct lockout lock;
    bool allowed, right;

    *f = (struct factor){ .seq = STORE_ABSENT };
    if (directory_factor(w->core->dir, factor_id, f) == HUFU_NOT_FOUND)
        f->seq = STORE_ABSENT;
    f->user_id = factor_id;
    seen = f->seq;
    lock = try->in_session ? (struct lockout){ f->step_failures, f->step_failed_ms }
                           : (struct lockout){ f->failures, f->failed_ms };
    allowed = lockout_judge(&limits, &lock, now);
    right = is_right(req, try, now);
    if (!allowed)
        return HUFU_UNAUTHENTICATED;
    if (!right)
        lock = lockout_failed(&lock, now);
    else if (!try->without_code)
        lock = lockout_passed();
    if (try->in_session) {
        f->step_failures = lock.failures;
        f->step_failed_ms = lock.failed_ms;
    } else {
        f->failures = lock.failures;
        f->failed_ms = lock.failed_ms;
    }
    return draft_try(w, req, try, right, seen, write_max);
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
    buf_fixed(&text, mem, sizeof(mem));
    if (draw_bytes(&w->draw, raw, sizeof(raw)) == HUFU_OK) {
        text_base64url(&text, raw, sizeof(raw));
        token = buf_view(&text);
        if (digest_sha256(&token, 1, s.hash) == HUFU_OK)
            err = write_session(w, req, &s, STORE_ABSENT);
        if (err == HUFU_OK)
            err = print_session(req, user, &s, token);
    }
    wipe(raw, sizeof(raw));
    buf_done(&text);
    return err;
}

/* Names that nobody has share a few rows, so that a try at one costs and leaves what any try does.
 */
static enum hufu_err factor_of_nobody(struct worker *w, struct view name, uint32_t *out)
{
    uint8_t digest[32];

    if (row_digest(w, ROW_UNKNOWN_NAME, &name, 1, digest) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    *out = NOBODY_FIRST + (uint32_t)(digest[0] | (digest[1] & 3) << 8);
    return HUFU_OK;
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
    enum hufu_err err;

    (void)where;
    try.other_ok = password_holds(req, try.user);
    err = factor_of_nobody(w, name, &factor_id);
    if (err != HUFU_OK)
        return err;
    if (try.user != NULL)
        factor_id = try.user->id;
    err = judge_factor(w, req, factor_id, &try, 2);
    if (err != HUFU_OK)
        return err;
    /* A password or a state that changes before this is committed is looked at again. */
    op_expect(&req->op[0], row_numbered_key(req, TABLE_USER, try.user->id),
              row_seen(try.user->seq));
    return open_session(w, req, try.user);
}

enum hufu_err handle_step_up(struct worker *w, struct request *req, struct msg_where *where)
{
    struct attempt try = { .user = req->who.user, .other_ok = true, .in_session = true };
    struct session s = req->who.session;
    enum hufu_err err;

    (void)where;
    err = judge_factor(w, req, try.user->id, &try, 2);
    if (err != HUFU_OK)
        return err;
    s.factor_ms = core_now(w->core);
    req->reply.success = MSG_204;
    return write_session(w, req, &s, s.seq);
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
           check_text(w, password) != HUFU_OK ||
           (password.len == old.len && bytes_equal(password.p, old.p, old.len));
}

/* The new password; the person's other sessions end, and this one goes on as if begun now. */
static enum hufu_err write_password(struct worker *w, struct request *req)
{
    struct user changed = *req->who.user;
    struct session s = req->who.session;
    enum hufu_err err;

    changed.password = req->person.stored;
    changed.password_ms = core_now(w->core);
    if (changed.password_by != changed.seed_by) /* else it may be who was told both that is here */
        changed.password_by = 0;
    manage_end_sessions(w->core, &changed);
    s.created_ms = changed.sessions_from_ms;
    err = manage_write_user(w, req, &changed);
    wipe(&changed, sizeof(changed));
    return err == HUFU_OK ? write_session(w, req, &s, s.seq) : err;
}

enum hufu_err handle_password_change(struct worker *w, struct request *req, struct msg_where *where)
{
    const struct user *user = req->who.user;
    struct attempt try = { .user = user, .in_session = true, .without_code = true };
    enum hufu_err err;

    if (is_weak(w, req, user))
        return manage_at(where, MSG_NEW_PASSWORD, HUFU_BAD_REQUEST);
    try.other_ok = password_holds(req, user);
    if (try.other_ok && req->person.stored.kib == 0)
        return HUFU_UNAVAILABLE; /* it could not be hashed */
    err = judge_factor(w, req, user->id, &try, 3);
    if (err != HUFU_OK)
        return err;
    req->reply.success = MSG_204;
    return write_password(w, req);
}
