#include "vault/handle.h"

#include <string.h>

#include "vault/access/textguard.h"
#include "vault/alarm.h"
#include "vault/base/digest.h"
#include "vault/base/secret.h"
#include "vault/ceremony_people.h"
#include "vault/idempotency.h"
#include "vault/mapping.h"
#include "vault/row.h"
#include "vault/step_up.h"

#define GATHER_MAX   8    /* requests whose replies wait for each other */
#define GATHER_BYTES 1024 /* of a frame: a larger one is long work, nobody's reply waits for it */

/* clang-format off */
static const struct {
    handler_fn *handle; /* NULL: not there yet */
    bool hashes;        /* the password thread has its part first */
} handlers[VERB_COUNT] = {
    [VERB_TOKENIZE] = { handle_tokenize, false },
    [VERB_LOOKUP] = { handle_lookup, false },
    [VERB_INSPECT] = { handle_inspect, false },
    [VERB_SUSPEND] = { handle_lifecycle, false },
    [VERB_RESUME] = { handle_lifecycle, false },
    [VERB_REVOKE] = { handle_lifecycle, false },
    [VERB_DELETE] = { handle_lifecycle, false },
    [VERB_REPLACE] = { handle_replace, false },
    [VERB_TOKEN_PLANT] = { handle_token_plant, false },
    [VERB_LOGIN] = { handle_login, true },
    [VERB_LOGOUT] = { handle_logout, false },
    [VERB_STEP_UP] = { handle_step_up, false },
    [VERB_PASSWORD_CHANGE] = { handle_password_change, true },
    [VERB_WHOAMI] = { handle_whoami, false },
    [VERB_DETOKENIZE] = { handle_detokenize, false },
    [VERB_CEREMONY_PROPOSE] = { handle_ceremony_propose, true }, /* of those with a password */
    [VERB_CEREMONY_LIST] = { handle_ceremony_list, false },
    [VERB_CEREMONY_SHOW] = { handle_ceremony_show, false },
    [VERB_CEREMONY_APPROVE] = { handle_ceremony_approve, false },
    [VERB_CEREMONY_CANCEL] = { handle_ceremony_cancel, false },
    [VERB_GRANT_ASK] = { handle_grant_ask, false },
    [VERB_GRANT_LIST] = { handle_grant_list, false },
    [VERB_GRANT_SHOW] = { handle_grant_show, false },
    [VERB_GRANT_APPROVE] = { handle_grant_approve, false },
    [VERB_GRANT_DENY] = { handle_grant_deny, false },
    [VERB_GRANT_WITHDRAW] = { handle_grant_withdraw, false },
    [VERB_KEY_LIST] = { handle_key_list, false },
    [VERB_DOMAIN_ADD] = { handle_domain_add, false },
    [VERB_DOMAIN_LIST] = { handle_domain_list, false },
    [VERB_DOMAIN_CAPACITY] = { handle_domain_capacity, false },
    [VERB_PARTNER_ADD] = { handle_partner_add, false },
    [VERB_PARTNER_LIST] = { handle_partner_list, false },
    [VERB_PARTNER_QUALIFY] = { handle_partner_qualify, false },
    [VERB_PARTNER_CERT_ADD] = { handle_partner_cert_add, false },
    [VERB_USER_ADD] = { handle_user_add, true },
    [VERB_USER_LIST] = { handle_user_list, false },
    [VERB_USER_LEAVE] = { handle_user_leave, false },
    [VERB_ACCESS_REVIEW] = { handle_access_review, false },
    [VERB_DOMAIN_FREEZE] = { handle_freeze, false },
    [VERB_DOMAIN_UNFREEZE] = { handle_freeze, false },
    [VERB_PARTNER_FREEZE] = { handle_freeze, false },
    [VERB_PARTNER_UNFREEZE] = { handle_freeze, false },
    [VERB_USER_FREEZE] = { handle_freeze, false },
    [VERB_USER_UNFREEZE] = { handle_freeze, false },
    [VERB_ALARM_LIST] = { handle_alarm_list, false },
    [VERB_ALARM_REVIEW] = { handle_alarm_review, false },
    [VERB_RECIPIENT_ADD] = { handle_recipient_add, false },
    [VERB_RECIPIENT_LIST] = { handle_recipient_list, false },
    [VERB_RECIPIENT_ASSESS] = { handle_recipient_assess, false },
    [VERB_RECIPIENT_FREEZE] = { handle_recipient_freeze, false },
    [VERB_RECIPIENT_UNFREEZE] = { handle_recipient_freeze, false },
    [VERB_SHARE_LIST] = { handle_share_list, false },
    [VERB_EXPORT_BEGIN] = { handle_export_begin, false },
    [VERB_EXPORT_LIST] = { handle_export_list, false },
    [VERB_EXPORT_SHOW] = { handle_export_show, false },
    [VERB_EXPORT_FILE] = { handle_export_file, false },
    [VERB_CHECKPOINT] = { handle_checkpoint, false },
    [VERB_PROOF] = { handle_proof, false },
    [VERB_CONSISTENCY] = { handle_consistency, false },
    [VERB_ENTRIES] = { handle_entries, false },
    [VERB_PEER_CHECK] = { handle_peer_check, false },
    [VERB_CHALLENGE] = { handle_challenge, false },
    [VERB_STEP_UP_CHALLENGE] = { handle_step_up_challenge, false },
    [VERB_KEY_CHALLENGE] = { handle_key_challenge, false },
    [VERB_KEY_ENROL] = { handle_key_enrol, false },
    [VERB_REPORT_IMPACT] = { handle_report_impact, false },
    [VERB_REPORT_PARTNER] = { handle_report_partner, false },
    [VERB_REPORT_INDICATORS] = { handle_report_indicators, false },
    [VERB_SUBJECT_ASK] = { handle_subject_ask, false },
    [VERB_SUBJECT_LIST] = { handle_subject_list, false },
    [VERB_SUBJECT_SHOW] = { handle_subject_show, false },
    [VERB_SUBJECT_APPROVE] = { handle_subject_approve, false },
    [VERB_SUBJECT_DENY] = { handle_subject_deny, false },
    [VERB_SUBJECT_REPORT] = { handle_subject_report, false },
    [VERB_STATUS] = { handle_status, false },
    [VERB_METRICS] = { handle_metrics, false },
};
/* clang-format on */

uint64_t core_now(const struct core *core)
{
    return core->clock->now_ms(core->clock);
}

uint64_t core_boot(const struct core *core)
{
    return core->clock->boot_ms(core->clock);
}

bool session_is_over(const struct core *core, const struct session *s)
{
    uint64_t idle_ms = conf_u64(core->conf, CONF_IDLE_S) * 1000;

    /* Another thread may have used it after we read the clock: compared, not subtracted. */
    return core_now(core) >= s->expires_ms || core_boot(core) >= s->used_boot_ms + idle_ms;
}

/* A person by session: known, not over, not idle, still allowed in. */
static enum hufu_err find_person(struct core *core, struct request *req)
{
    uint64_t boot = core_boot(core);
    uint8_t hash[DIGEST_LEN];
    struct session s;
    const struct user *user;

    if (digest_sha256(&req->msg.session, 1, hash) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    if (directory_session(core->dir, hash, &s) != HUFU_OK)
        return HUFU_UNAUTHENTICATED;
    user = directory_user_id(core->dir, s.user_id);
    if (user == NULL || !user_is_in(user, core_now(core)) || session_is_over(core, &s) ||
        s.created_ms < user->sessions_from_ms)
        return HUFU_UNAUTHENTICATED;
    directory_touch(core->dir, hash, boot);
    req->who.user = user;
    req->who.session = s;
    req->who.role = (enum role)user->role;
    return HUFU_OK;
}

/* Who is calling; nobody is fine here, the table says who may. */
static enum hufu_err authenticate(struct core *core, struct request *req)
{
    uint8_t flags = req->msg.flags;

    req->who = (struct who){ .role = ROLE_NONE };
    if ((flags & MSG_HAS_PIN) != 0 && (flags & MSG_HAS_SESSION) != 0)
        return HUFU_BAD_REQUEST;
    if ((flags & MSG_HAS_PIN) != 0) {
        req->who.partner = directory_partner_pin(core->dir, req->msg.pin);
        if (req->who.partner == NULL)
            return HUFU_UNAUTHENTICATED;
        directory_touch_partner(req->who.partner, core_now(core));
        req->who.role = ROLE_PARTNER;
        return HUFU_OK;
    }
    return (flags & MSG_HAS_SESSION) != 0 ? find_person(core, req) : HUFU_OK;
}

static bool is_fresh(const struct core *core, const struct session *s)
{
    uint64_t now = core_now(core);

    return s->factor_ms <= now && now - s->factor_ms < conf_u64(core->conf, CONF_FRESH_S) * 1000;
}

/* C01, C06: what a partner may not do that is frozen or not qualified. */
static bool may_collect(const struct core *core, const struct request *req)
{
    const struct partner *p = req->who.partner;
    bool collects = req->msg.verb == VERB_TOKENIZE || req->msg.verb == VERB_REPLACE;

    return p == NULL || !collects || (p->state == ROW_ACTIVE && mapping_is_qualified(core, p));
}

/* C42: a password that is too old opens nothing but the way to a new one. */
static bool has_old_password(const struct core *core, const struct request *req)
{
    uint64_t until = req->who.user == NULL ? 0 : password_until(core, req->who.user);

    return until != 0 && core_now(core) >= until;
}

/* 401, 403, body 400, 401 step-up: in this order, before a handler runs. */
static enum hufu_err admit(struct core *core, struct request *req, struct msg_where *where)
{
    const struct verb *rule = verbs_find(req->msg.verb);
    enum hufu_err err;

    if (rule == NULL)
        return HUFU_NOT_FOUND;
    if (atomic_load(&core->phase) != CORE_OPEN && !rule->sealed_ok)
        return HUFU_SEALED;
    err = rule->sealed_ok ? HUFU_OK : authenticate(core, req);
    if (err != HUFU_OK)
        return err;
    if (!verbs_may(req->msg.verb, req->who.role))
        return req->who.role == ROLE_NONE ? HUFU_UNAUTHENTICATED : HUFU_FORBIDDEN;
    if (has_old_password(core, req) && !verbs_with_old_password(req->msg.verb))
        return HUFU_FORBIDDEN;
    if (!may_collect(core, req))
        return HUFU_FORBIDDEN;
    if ((req->msg.flags & MSG_BODY_BAD) != 0) {
        *where = req->msg.where;
        return req->msg.body_err;
    }
    /* A partner shows a certificate and nothing else: the column is about people. */
    if (req->who.user != NULL && rule->factor == FACTOR_FRESH &&
        (!is_fresh(core, &req->who.session) || !step_up_admits(req)))
        return HUFU_STEP_UP;
    return HUFU_OK;
}

/* What the attempt before left behind is wiped; the frame's bytes stay. */
static void begin_attempt(struct request *req)
{
    arena_done(&req->work);
    req->op = NULL;
    req->domain = NULL;
    req->receipt_at = 0;
    req->created = 0;
    req->revealed = 0;
    req->idem_kept = false;
    req->reply = (struct msg_reply){ .where = MSG_WHERE_NONE };
    req->body = (struct buf){ 0 };
    req->detail = view_of(NULL, 0);
    req->alarm_count = 0;
    req->raised = NULL;
    req->raised_count = 0;
    req->draft = (struct store_draft){ 0 };
}

static bool hashes(const struct request *req)
{
    return handlers[req->msg.verb].hashes &&
           (req->msg.verb != VERB_CEREMONY_PROPOSE ||
            ceremony_people_has_password(msg_text(&req->msg, MSG_KIND)));
}

static void serve(struct worker *w, struct request *req)
{
    struct msg_where where = MSG_WHERE_NONE;
    bool replayed = false;
    enum hufu_err err;

    begin_attempt(req);
    err = admit(w->core, req, &where);
    if (err == HUFU_OK && req->limit_hit)
        err = HUFU_RATE_LIMITED;
    if (err == HUFU_OK && !req->password_done && hashes(req)) {
        if (queue_put(&w->core->passwords, &req->node) != HUFU_OK)
            refuse_answer(w, req, HUFU_UNAVAILABLE, where);
        return;
    }
    if (err == HUFU_OK)
        err = idempotency_find(w, req, &replayed);
    if (err == HUFU_OK && !replayed) {
        handler_fn *handle = handlers[req->msg.verb].handle;

        err = handle == NULL ? HUFU_NOT_FOUND : handle(w, req, &where);
        if (err == HUFU_OK && req->draft.op_count == 0 && verbs_find(req->msg.verb)->log)
            err = HUFU_UNAVAILABLE; /* no answer without its entry, whatever a handler forgot */
        if (err == HUFU_BUSY && req->msg.verb == VERB_DOMAIN_ADD &&
            queue_put(&w->core->keys, &req->node) == HUFU_OK)
            return; /* it comes back with its keys */
        if (err == HUFU_OK)
            err = step_up_spend(w, req);
        if (err_code(err) != NULL || err == HUFU_OK)
            err = idempotency_keep(w, req, err, where);
    }
    if (err != HUFU_OK)
        refuse_answer(w, req, err, where);
    else if (req->draft.op_count > 0 || req->alarm_count > 0)
        alarm_hand_in(w, req);
    else
        request_answer(req, HUFU_OK, MSG_WHERE_NONE);
}

/* Replies that need no commit leave together while several requests wait, but soon: what the
 * journal thread answers meanwhile may wait for them. */
static void gather(struct worker *w, bool on)
{
    if (w->core->gather != NULL && on != (w->gathered > 0))
        w->core->gather(w->core, on);
    w->gathered = on ? w->gathered + 1 : 0;
}

static bool is_brief(const struct request *req)
{
    return req->in.used < sizeof(*req) + GATHER_BYTES;
}

bool worker_step(struct worker *w)
{
    size_t left;
    struct qnode *n = queue_take_left(&w->core->work, &left);

    gather(w, n != NULL && left > 0 && w->gathered < GATHER_MAX && is_brief((struct request *)n));
    if (n == NULL)
        return false;
    serve(w, (struct request *)n);
    return true;
}

enum hufu_err domain_for(struct worker *w, struct request *req, struct msg_where *where)
{
    const struct domain *d = directory_domain(w->core->dir, msg_text(&req->msg, MSG_DOMAIN));
    const struct partner *p = req->who.partner;

    if (d == NULL || (p != NULL && !domain_has_partner(d, p->id))) {
        *where = (struct msg_where){ MSG_DOMAIN, MSG_NONE, MSG_NO_INDEX };
        return HUFU_FORBIDDEN;
    }
    req->domain = d;
    return HUFU_OK;
}

enum hufu_err check_text(struct worker *w, struct view text)
{
    return text.len == 0 ? HUFU_OK : textguard_check(w->core->formats, text);
}

enum hufu_err check_member(struct worker *w, struct request *req, enum msg_tag tag,
                           struct msg_where *where)
{
    enum hufu_err err = check_text(w, msg_text(&req->msg, tag));

    if (err != HUFU_OK)
        *where = (struct msg_where){ (uint16_t)tag, MSG_NONE, MSG_NO_INDEX };
    return err;
}

enum hufu_err request_receipt(struct worker *w, struct request *req, size_t at, size_t op)
{
    struct view part[2] = { view_of(req->nonce, sizeof(req->nonce)), buf_view(&req->body) };

    if (draw_bytes(&w->draw, req->nonce, sizeof(req->nonce)) != HUFU_OK ||
        digest_sha256(part, 2, req->commit) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    req->receipt_at = at;
    request_entry(req, op)->commit = req->commit;
    return HUFU_OK;
}
