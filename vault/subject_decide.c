/* Asking about a data subject, and agreeing to it: nothing runs on one person's word (C55). */
#include "vault/subject_case.h"

#include <string.h>

#include "vault/handle.h"
#include "vault/manage.h"

/* What a legal hold has to say of a kind. */
static enum hufu_err judge_hold(struct core *core, const struct case_row *c)
{
    bool held = subject_is_held(core, c->digest);

    if (c->kind == CASE_ERASE && held)
        return HUFU_LEGAL_HOLD;
    if ((c->kind == CASE_HOLD && held) || (c->kind == CASE_RELEASE && !held))
        return HUFU_CONFLICT;
    return HUFU_OK;
}

/* A refusal whose entry names the case. */
static enum hufu_err refuse_case(struct request *req, const struct case_row *c, enum hufu_err err)
{
    if (refuse_entry(req, err) != HUFU_OK ||
        subject_case_name(req, request_entry(req, 0), c) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    request_entry(req, 0)->reason = msg_text(&req->msg, MSG_REASON);
    return err;
}

static enum hufu_err fill(struct worker *w, struct request *req, struct case_row *c,
                          struct msg_where *where)
{
    struct view subject = msg_text(&req->msg, MSG_SUBJECT);
    uint64_t now = core_now(w->core);
    enum hufu_err err;

    *c = (struct case_row){ .seq = STORE_ABSENT, .state = CASE_PROPOSED };
    if (case_kind_parse(msg_text(&req->msg, MSG_KIND), &c->kind) != HUFU_OK)
        return manage_at(where, MSG_KIND, HUFU_BAD_REQUEST);
    err = check_member(w, req, MSG_SUBJECT, where);
    if (err == HUFU_OK)
        err = check_member(w, req, MSG_REASON, where);
    if (err == HUFU_OK)
        err = subject_digest(w, subject, c->digest);
    if (err != HUFU_OK)
        return err;
    if (manage_copy(c->subject, sizeof(c->subject), subject) != HUFU_OK ||
        manage_copy(c->reason, sizeof(c->reason), msg_text(&req->msg, MSG_REASON)) != HUFU_OK ||
        id_make(&w->draw, now, c->id) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    c->asked_by = req->who.user->id;
    c->asked_ms = user_stamp(req->who.user, now);
    c->changed_ms = now;
    c->expires_ms = now + conf_u64(w->core->conf, CONF_CEREMONY_S) * 1000;
    return HUFU_OK;
}

enum hufu_err handle_subject_ask(struct worker *w, struct request *req, struct msg_where *where)
{
    struct case_row c;
    enum hufu_err err;

    if (req->who.user->once != USER_ONCE_NO)
        return HUFU_FORBIDDEN; /* a break-glass account: nobody knows whose word it would be */
    err = fill(w, req, &c, where);
    if (err != HUFU_OK)
        return err;
    err = judge_hold(w->core, &c);
    if (err != HUFU_OK)
        return refuse_case(req, &c, err);
    if (request_ops(req, 1, 1, 1, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    request_entry(req, 0)->reason = msg_text(&req->msg, MSG_REASON);
    if (subject_case_name(req, request_entry(req, 0), &c) != HUFU_OK ||
        subject_case_write(w, req, &req->op[0], &c) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    req->reply.success = MSG_201;
    return subject_case_reply(req, &c);
}

/* Sets or lifts the legal hold in the operation of the approval. */
static enum hufu_err write_hold(struct worker *w, struct request *req, struct store_op *op,
                                const struct case_row *c)
{
    struct view key = row_plain_key(req, TABLE_HOLD, view_of(c->digest, sizeof(c->digest)));
    uint8_t mem[CASE_ROW_MAX];
    struct buf text;
    uint64_t seq;
    enum hufu_err err;

    if (key.p == NULL)
        return HUFU_UNAVAILABLE;
    if (c->kind == CASE_RELEASE) {
        err = directory_kept(w->core->dir, TABLE_HOLD, view_of(c->digest, sizeof(c->digest)), NULL,
                             &seq);
        if (err != HUFU_OK)
            return HUFU_UNAVAILABLE; /* another release was faster: judged again */
        op_expect(op, key, row_seen(seq));
        op_write(op, key, NULL, 0);
        return HUFU_OK;
    }
    buf_fixed(&text, mem, sizeof(mem));
    case_row_put_hold(c, &text);
    err = row_write_control(w, req, op, key, row_seen(STORE_ABSENT), &text);
    buf_done(&text);
    return err;
}

/* One operation for a decision: the case, its caller, who asked, and for a hold its row. An
 * approval counts until until_ms. */
static enum hufu_err draft(struct worker *w, struct request *req, const struct case_row *c,
                           uint64_t until_ms)
{
    struct store_op *op;
    enum hufu_err err;

    if (request_ops(req, 1, 6, 2, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op = &req->op[0];
    op_expect_caller(req, op);
    op->entry->reason = msg_text(&req->msg, MSG_REASON);
    err = subject_case_name(req, op->entry, c);
    if (err == HUFU_OK)
        err = subject_case_write(w, req, op, c);
    if (err != HUFU_OK || c->state == CASE_DENIED)
        return err;
    op_until(op, until_ms);
    err = subject_case_stands(req, op, c) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
    if (err == HUFU_OK && c->kind == CASE_ERASE)
        err = subject_expect_free(req, op, c->digest);
    if (err == HUFU_OK && (c->kind == CASE_HOLD || c->kind == CASE_RELEASE))
        err = write_hold(w, req, op, c);
    return err;
}

/* Never who asked, under whatever role; never one of the same group. */
static bool may_decide(struct request *req, const struct case_row *c)
{
    const struct user *asker = directory_user_id(req->core->dir, c->asked_by);

    return c->asked_by != req->who.user->id &&
           (asker == NULL || strcmp(asker->group, req->who.user->group) != 0);
}

static enum hufu_err judge_decision(struct worker *w, struct request *req, const struct case_row *c,
                                    bool approves)
{
    bool mine = c->decided_by == req->who.user->id;

    if (!may_decide(req, c))
        return HUFU_FORBIDDEN;
    if (c->state != CASE_PROPOSED)
        return approves && mine && c->state != CASE_DENIED ? HUFU_ALREADY_APPROVED : HUFU_CONFLICT;
    if (!approves)
        return HUFU_OK;
    if (subject_case_stands(req, NULL, c) != HUFU_OK)
        return HUFU_CONFLICT; /* who asked has no say any more */
    return judge_hold(w->core, c);
}

/* What needs no work is done with the approval itself; a report is given from then on. */
static uint8_t state_approved(const struct case_row *c)
{
    bool works = c->kind == CASE_ERASE || c->kind == CASE_RESTRICT || c->kind == CASE_LIFT;

    return works ? CASE_RUNNING : CASE_DONE;
}

static enum hufu_err decide(struct worker *w, struct request *req, struct msg_where *where,
                            bool approves)
{
    uint64_t now = core_now(w->core), until_ms;
    struct case_row c;
    enum hufu_err err;

    err = subject_case_named(req, &c);
    if (err == HUFU_OK)
        err = check_member(w, req, MSG_REASON, where);
    if (err != HUFU_OK)
        return err;
    err = judge_decision(w, req, &c, approves);
    if (err != HUFU_OK)
        return refuse_case(req, &c, err);
    until_ms = c.expires_ms;
    c.decided_by = req->who.user->id;
    c.decided_ms = user_stamp(req->who.user, now);
    c.changed_ms = now;
    c.state = approves ? state_approved(&c) : CASE_DENIED;
    if (approves && c.kind == CASE_REPORT)
        c.expires_ms = now + conf_u64(w->core->conf, CONF_CEREMONY_S) * 1000;
    err = draft(w, req, &c, until_ms);
    return err == HUFU_OK ? subject_case_reply(req, &c) : err;
}

enum hufu_err handle_subject_approve(struct worker *w, struct request *req, struct msg_where *where)
{
    return decide(w, req, where, true);
}

enum hufu_err handle_subject_deny(struct worker *w, struct request *req, struct msg_where *where)
{
    return decide(w, req, where, false);
}
