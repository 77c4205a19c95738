#include "vault/attempt.h"

#include "vault/access/lockout.h"
#include "vault/access/totp.h"
#include "vault/alarm.h"
#include "vault/base/secret.h"
#include "vault/handle.h"
#include "vault/row.h"

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

enum hufu_err attempt_read(const struct request *req, struct attempt *try)
{
    static const enum msg_tag of_key[] = { MSG_CREDENTIAL, MSG_CLIENT_DATA, MSG_AUTH_DATA,
                                           MSG_SIGNATURE };
    const size_t all = sizeof(of_key) / sizeof(of_key[0]);
    bool code = msg_has(&req->msg, MSG_OTP), recovery = msg_has(&req->msg, MSG_RECOVERY_CODE);
    size_t n = 0;

    for (size_t i = 0; i < all; i++)
        n += msg_has(&req->msg, of_key[i]);
    if ((n != 0 && n != all) || code + recovery + (n == all) != 1)
        return HUFU_BAD_REQUEST;
    try->shown = code ? SHOWN_CODE : recovery ? SHOWN_RECOVERY : SHOWN_KEY;
    return HUFU_OK;
}

/* Where keys are the rule, who has one shows it; one that was disabled too: a reset takes two. */
static bool may_use_code(struct core *core, const struct user *user)
{
    struct credential found[CREDENTIAL_KEYS_MAX];
    struct view rule =
        conf_word(&conf_rows[CONF_SECOND_FACTOR], conf_u64(core->conf, CONF_SECOND_FACTOR));

    return credential_list(core->dir, user->id, found) == 0 || !view_is(rule, "key");
}

/* Looks at a factor that is more than a code; user_id may be nobody's. */
static enum hufu_err look(struct worker *w, struct request *req, uint32_t user_id,
                          struct attempt *try)
{
    if (try->shown == SHOWN_KEY)
        return key_factor_judge(w, req, user_id, &try->use, &try->key);
    return try->shown == SHOWN_RECOVERY ? recovery_judge(w, req, user_id, &try->recovery) : HUFU_OK;
}

/* A break-glass account begins one session, and goes on in that. */
static bool is_let_in(const struct attempt *try, uint64_t now)
{
    return try->in_session ? user_is_in(try->user, now) : user_may_begin(try->user, now);
}

static bool code_is_right(struct core *core, const struct request *req, struct attempt *try,
                          uint64_t now)
{
    static const uint8_t nobody[ROW_SEED_LEN];
    const struct user *user = try->user;
    struct view seed = user == NULL ? view_of(nobody, sizeof(nobody))
                                    : view_of(secret_read(user->seed), secret_len(user->seed));
    uint64_t step = 0;

    if (totp_check(seed, req->msg.field[MSG_OTP], now, try->factor.last_step, &step) != HUFU_OK ||
        user == NULL || !may_use_code(core, user))
        return false;
    if (try->other_ok && is_let_in(try, now))
        try->factor.last_step = step;
    return true;
}

static bool is_right(struct core *core, const struct request *req, struct attempt *try,
                     uint64_t now)
{
    const struct user *user = try->user;
    bool ok = true;

    switch (try->shown) {
    case SHOWN_CODE:
        ok = code_is_right(core, req, try, now);
        break;
    case SHOWN_KEY:
        ok = try->key.fault == FIDO_NONE;
        break;
    case SHOWN_RECOVERY:
        ok = try->recovery.right;
        break;
    case SHOWN_NONE:
        break;
    }
    return ok && try->other_ok && user != NULL && is_let_in(try, now);
}

/* A copied key and a forged challenge are told of; by a stranger, who has no password, only the
 * former: to show it takes the key. */
static void note_alarms(struct request *req, const struct attempt *try, bool right)
{
    if (try->shown == SHOWN_KEY && try->user != NULL) {
        if (try->key.fault == FIDO_COUNTER)
            alarm_note_about(req, ALARM_RULE_KEY_COUNTER, try->user);
        else if (try->key.fault == FIDO_FORGED && try->other_ok)
            alarm_note_about(req, ALARM_RULE_FORGED, try->user);
    }
    if (try->shown == SHOWN_RECOVERY && right)
        alarm_note_about(req, ALARM_RULE_RECOVERY, try->user);
}

/* What becomes of a key or a recovery code, and what the entry says of it. */
static enum hufu_err write_shown(struct worker *w, struct request *req, const struct attempt *try,
                                 bool right)
{
    bool recorded = right || try->key.fault == FIDO_COUNTER;
    enum hufu_err err = HUFU_OK;

    if (try->shown == SHOWN_KEY) {
        if (recorded)
            err = key_factor_write(w, req, &try->key);
        return err == HUFU_OK ? key_factor_name(req, &try->key) : err;
    }
    if (try->shown != SHOWN_RECOVERY)
        return HUFU_OK;
    request_entry(req, 0)->purpose = view_str("factor=recovery");
    return right ? recovery_spend(w, req, &try->recovery) : HUFU_OK;
}

static enum hufu_err draft_try(struct worker *w, struct request *req, const struct attempt *try,
                               bool right, uint64_t seen_seq, size_t write_max)
{
    enum hufu_err err = request_ops(req, 1, 4, write_max + 1, 1);

    if (err != HUFU_OK)
        return err;
    if (!right)
        request_entry(req, 0)->result = err_code(HUFU_UNAUTHENTICATED);
    if (try->user != NULL) {
        request_entry(req, 0)->principal = view_str(try->user->name);
        request_entry(req, 0)->role = role_name(try->user->role);
    }
    note_alarms(req, try, right);
    err = write_factor(w, req, &try->factor, seen_seq);
    if (err == HUFU_OK)
        err = write_shown(w, req, try, right);
    if (err != HUFU_OK)
        return err;
    return right ? HUFU_OK : HUFU_UNAUTHENTICATED;
}

enum hufu_err attempt_judge(struct worker *w, struct request *req, uint32_t factor_id,
                            struct attempt *try, size_t write_max)
{
    const struct conf *conf = w->core->conf;
    struct lockout_limits limits = { (uint32_t)conf_u64(conf, CONF_LOCK_AFTER),
                                     conf_u64(conf, CONF_LOCK_S) * 1000 };
    struct factor *f = &try->factor;
    uint64_t now = core_now(w->core), seen;
    enum hufu_err err = look(w, req, factor_id, try);
    struct lockout lock;
    bool allowed, right;

    if (err != HUFU_OK)
        return err;
    *f = (struct factor){ .seq = STORE_ABSENT };
    if (directory_factor(w->core->dir, factor_id, f) == HUFU_NOT_FOUND)
        f->seq = STORE_ABSENT;
    f->user_id = factor_id;
    seen = f->seq;
    lock = try->in_session ? (struct lockout){ f->step_failures, f->step_failed_ms }
                           : (struct lockout){ f->failures, f->failed_ms };
    allowed = lockout_judge(&limits, &lock, now);
    right = is_right(w->core, req, try, now);
    if (!allowed)
        return HUFU_UNAUTHENTICATED;
    if (!right)
        lock = lockout_failed(&lock, now);
    else if (try->shown != SHOWN_NONE)
        lock = lockout_passed();
    if (try->in_session) {
        f->step_failures = lock.failures;
        f->step_failed_ms = lock.failed_ms;
    } else {
        f->failures = lock.failures;
        f->failed_ms = lock.failed_ms;
        f->login_ms = right ? now : f->login_ms;
    }
    return draft_try(w, req, try, right, seen, write_max);
}

enum hufu_err attempt_of_nobody(struct worker *w, struct view name, uint32_t *out)
{
    uint8_t digest[32];

    if (row_digest(w, ROW_UNKNOWN_NAME, &name, 1, digest) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    *out = NOBODY_FIRST + (uint32_t)(digest[0] | (digest[1] & 3) << 8);
    return HUFU_OK;
}
