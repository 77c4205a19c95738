#include "vault/handle.h"

#include <string.h>

#include "vault/access/textguard.h"
#include "vault/base/digest.h"
#include "vault/base/secret.h"
#include "vault/idempotency.h"
#include "vault/row.h"

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
    [VERB_LOGIN] = { handle_login, true },
    [VERB_LOGOUT] = { handle_logout, false },
    [VERB_STEP_UP] = { handle_step_up, false },
    [VERB_PASSWORD_CHANGE] = { handle_password_change, true },
    [VERB_WHOAMI] = { handle_whoami, false },
    [VERB_DETOKENIZE] = { handle_detokenize, false },
    [VERB_CEREMONY_PROPOSE] = { handle_ceremony_propose, true }, /* of reset-password alone */
    [VERB_CEREMONY_LIST] = { handle_ceremony_list, false },
    [VERB_CEREMONY_SHOW] = { handle_ceremony_show, false },
    [VERB_CEREMONY_APPROVE] = { handle_ceremony_approve, false },
    [VERB_CEREMONY_CANCEL] = { handle_ceremony_cancel, false },
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
    [VERB_DOMAIN_FREEZE] = { handle_freeze, false },
    [VERB_DOMAIN_UNFREEZE] = { handle_freeze, false },
    [VERB_PARTNER_FREEZE] = { handle_freeze, false },
    [VERB_PARTNER_UNFREEZE] = { handle_freeze, false },
    [VERB_USER_FREEZE] = { handle_freeze, false },
    [VERB_USER_UNFREEZE] = { handle_freeze, false },
    [VERB_CHECKPOINT] = { handle_checkpoint, false },
    [VERB_PROOF] = { handle_proof, false },
    [VERB_CONSISTENCY] = { handle_consistency, false },
    [VERB_ENTRIES] = { handle_entries, false },
    [VERB_PEER_CHECK] = { handle_peer_check, false },
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
    if (user == NULL || user->state != ROW_ACTIVE || session_is_over(core, &s) ||
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

/* Controls C01 and C06: a partner that is frozen, or qualified no longer, collects nothing. */
static bool may_collect(const struct core *core, const struct request *req)
{
    const struct partner *p = req->who.partner;
    bool collects = req->msg.verb == VERB_TOKENIZE || req->msg.verb == VERB_REPLACE;

    return p == NULL || !collects ||
           (p->state == ROW_ACTIVE &&
            (p->qualified_until_ms == 0 || core_now(core) < p->qualified_until_ms));
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
    if (req->who.user != NULL && rule->factor == FACTOR_FRESH && !is_fresh(core, &req->who.session))
        return HUFU_STEP_UP;
    return HUFU_OK;
}

enum hufu_err refuse_entry(struct request *req, enum hufu_err err)
{
    enum hufu_err made = request_ops(req, 1, 1, 1, ROW_COUNTS_MAX);

    if (made != HUFU_OK)
        return made;
    request_entry(req, 0)->result = err_code(err);
    return HUFU_OK;
}

/* True where a refusal changes something; the row that keeps it for its key does not count. */
static bool writes_more_than_itself(const struct request *req)
{
    size_t own = req->idem_kept ? 1 : 0;

    return req->draft.op_count > 0 && req->op[0].write_count + req->op[0].count_count > own;
}

/* Answers a refusal, after its entry where it gets one. */
static void refuse(struct worker *w, struct request *req, enum hufu_err err, struct msg_where where)
{
    const struct verb *rule = verbs_find(req->msg.verb);
    struct core *core = w->core;
    struct view name = view_of(NULL, 0);
    bool later = err == HUFU_SEALED || err == HUFU_UNAVAILABLE;

    if (err_code(err) == NULL)
        err = HUFU_UNAVAILABLE;
    if (req->who.partner != NULL)
        name = view_str(req->who.partner->name);
    if (req->who.user != NULL)
        name = view_str(req->who.user->name);
    if (later || rule == NULL) {
        request_answer(req, err, where);
        return;
    }
    /* A refusal that writes (a failed code, a guess) is never left to counting. */
    if (!refusals_note(core->refusals, name, req->msg.addr, err, core_boot(core)) &&
        !writes_more_than_itself(req)) {
        request_answer(req, err, where);
        return;
    }
    req->reply.err = err;
    req->reply.where = where;
    req->receipt_at = 0;
    if (req->draft.op_count == 0 && refuse_entry(req, err) != HUFU_OK) {
        request_answer(req, HUFU_UNAVAILABLE, MSG_WHERE_NONE);
        return;
    }
    request_commit(req);
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
    req->draft = (struct store_draft){ 0 };
}

static bool hashes(const struct request *req)
{
    return handlers[req->msg.verb].hashes &&
           (req->msg.verb != VERB_CEREMONY_PROPOSE ||
            view_is(msg_text(&req->msg, MSG_KIND), "reset-password"));
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
            refuse(w, req, HUFU_UNAVAILABLE, where);
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
        if (err_code(err) != NULL || err == HUFU_OK)
            err = idempotency_keep(w, req, err, where);
    }
    if (err != HUFU_OK)
        refuse(w, req, err, where);
    else if (req->draft.op_count > 0)
        request_commit(req);
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

void refuse_print(struct json *j, enum hufu_err err)
{
    json_name(j, "error");
    json_open(j);
    json_put_str(j, "code", err_code(err));
    json_put_str(j, "title", err_title(err));
    json_close(j);
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
