/* Login, logout, step-up, whoami: people and their two factors. */
#include "vault/handle.h"

#include <string.h>

#include "vault/access/lockout.h"
#include "vault/access/password.h"
#include "vault/access/totp.h"
#include "vault/base/digest.h"
#include "vault/base/json.h"
#include "vault/base/secret.h"
#include "vault/row.h"

#define TOKEN_BYTES 32 /* of a session token */
#define NOBODY_FIRST                                                                               \
    0xfffffc00U /* 1,024 factor rows that are nobody's: people are numbered from 1 */

/* A first password for a new person. */
static bool make_password(struct core *core, struct new_person *person)
{
    struct draw draw;
    bool ok;

    draw_init(&draw, core->entropy);
    ok = password_generate(&draw, person->password) == HUFU_OK &&
         password_make(
             &draw, view_str(person->password), (uint32_t)conf_u64(core->conf, CONF_ARGON_KIB),
             (uint32_t)conf_u64(core->conf, CONF_ARGON_PASSES), &person->stored) == HUFU_OK;
    draw_done(&draw);
    return ok;
}

/* One Argon2id, for people who do not exist too. */
static bool check_password(struct core *core, struct request *req)
{
    const struct user *user;
    struct password stored;
    bool ok;

    user = directory_user(core->dir, msg_text(&req->msg, MSG_USER));
    password_dummy((uint32_t)conf_u64(core->conf, CONF_ARGON_KIB),
                   (uint32_t)conf_u64(core->conf, CONF_ARGON_PASSES), &stored);
    if (user != NULL)
        stored = user->password;
    ok = password_check(&stored, req->msg.field[MSG_PASSWORD]) && user != NULL;
    wipe(&stored, sizeof(stored));
    return ok;
}

bool password_step(struct core *core)
{
    struct request *req = (struct request *)queue_take(&core->passwords);

    if (req == NULL)
        return false;
    req->password_ok =
        req->msg.verb == VERB_LOGIN ? check_password(core, req) : make_password(core, &req->person);
    req->password_done = true;
    if (queue_put(&core->work, &req->node) != HUFU_OK)
        request_answer(req, HUFU_UNAVAILABLE, MSG_WHERE_NONE);
    return true;
}

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
};

static bool is_right(const struct request *req, struct attempt *try, uint64_t now)
{
    static const uint8_t nobody[ROW_SEED_LEN];
    const struct user *user = try->user;
    struct view seed = user == NULL ? view_of(nobody, sizeof(nobody))
                                    : view_of(secret_read(user->seed), secret_len(user->seed));
    uint64_t step = 0;
    bool code_ok;

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
    lock = right ? lockout_passed() : lockout_failed(&lock, now);
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

enum hufu_err handle_login(struct worker *w, struct request *req, struct msg_where *where)
{
    struct view name = msg_text(&req->msg, MSG_USER);
    struct attempt try = { .user = directory_user(w->core->dir, name),
                           .other_ok = req->password_ok };
    uint32_t factor_id = 0;
    enum hufu_err err;

    (void)where;
    err = factor_of_nobody(w, name, &factor_id);
    if (err != HUFU_OK)
        return err;
    if (try.user != NULL)
        factor_id = try.user->id;
    err = judge_factor(w, req, factor_id, &try, 2);
    return err == HUFU_OK ? open_session(w, req, try.user) : err;
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

static void print_limits(struct json *j, const struct conf *conf)
{
    json_name(j, "limits");
    json_open(j);
    json_put_u64(j, "guesses_per_day", conf_u64(conf, CONF_GUESSES_DAY));
    json_put_u64(j, "reveals_per_day", conf_u64(conf, CONF_REVEALS_DAY));
    json_put_u64(j, "reveals_per_factor", conf_u64(conf, CONF_REVEALS_FACTOR));
    json_close(j);
}

static void print_domains(struct json *j, struct core *core, const struct request *req)
{
    const struct partner *p = req->who.partner;
    const struct domain *d;

    json_name(j, "domains");
    json_list(j);
    for (size_t i = 0; (d = directory_domain_at(core->dir, i)) != NULL; i++) {
        if (p != NULL && !domain_has_partner(d, p->id))
            continue;
        json_open(j);
        json_put_str(j, "format", format_name(d->format));
        json_put_str(j, "mode", domain_mode_name(d->mode));
        json_put_str(j, "name", d->name);
        json_close(j);
    }
    json_end(j);
}

enum hufu_err handle_whoami(struct worker *w, struct request *req, struct msg_where *where)
{
    const struct who *who = &req->who;
    struct json j;

    (void)where;
    if (request_body(req, 65536) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    if (who->partner != NULL)
        json_put_time(&j, "certificate_expires_at", req->msg.cert_until_ms);
    print_domains(&j, w->core, req);
    print_limits(&j, w->core->conf);
    if (who->partner != NULL)
        json_put_str(&j, "partner", who->partner->name);
    json_put_str(&j, "role", role_name(who->role));
    if (who->user != NULL) {
        json_put_time(&j, "session_expires_at", who->session.expires_ms);
        json_put_str(&j, "user", who->user->name);
    }
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err handle_peer_check(struct worker *w, struct request *req, struct msg_where *where)
{
    (void)where;
    if (atomic_load(&w->core->phase) != CORE_OPEN)
        return HUFU_SEALED; /* nobody is known yet */
    return directory_partner_pin(w->core->dir, req->msg.pin) == NULL ? HUFU_UNAUTHENTICATED
                                                                     : HUFU_OK;
}
