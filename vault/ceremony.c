#include "vault/ceremony.h"

#include <string.h>

#include "vault/base/id.h"
#include "vault/base/secret.h"
#include "vault/ceremony_people.h"
#include "vault/ff1_domain.h"
#include "vault/handle.h"
#include "vault/keylist.h"
#include "vault/manage.h"

#define ROW_BYTES_MAX 1024

static const struct ceremony_kind kinds[] = {
    { "rotate-kek", ROLE_CUSTODIAN, ABOUT_VAULT },
    { "rotate-data-key", ROLE_CUSTODIAN, ABOUT_DOMAIN },
    { "rotate-index-key", ROLE_CUSTODIAN, ABOUT_DOMAIN },
    { "destroy-key", ROLE_CUSTODIAN, ABOUT_KEY },
    { "enrol-user", ROLE_SECURITY_ADMIN, ABOUT_NEW_PERSON },
    { "change-role", ROLE_SECURITY_ADMIN, ABOUT_SUBJECT },
    { "reset-factor", ROLE_SECURITY_ADMIN, ABOUT_SUBJECT },
    { "reset-password", ROLE_SECURITY_ADMIN, ABOUT_SUBJECT },
    { "break-glass", ROLE_SECURITY_ADMIN, ABOUT_SUBJECT },
    { "freeze-lift", ROLE_SECURITY_ADMIN, ABOUT_SUBJECT },
    { "enrol-key", ROLE_SECURITY_ADMIN, ABOUT_SUBJECT },
};

const struct ceremony_kind *ceremony_kind_find(struct view name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (view_is(name, kinds[i].name))
            return &kinds[i];
    return NULL;
}

enum hufu_err ceremony_row_write(struct worker *w, struct request *req, struct store_op *op,
                                 const struct ceremony *c)
{
    struct view key = row_plain_key(req, TABLE_CEREMONY, view_of(c->id, sizeof(c->id)));
    uint8_t mem[ROW_BYTES_MAX];
    struct buf text;

    buf_fixed(&text, mem, sizeof(mem));
    ceremony_put(c, &text);
    return row_write_control(w, req, op, key, row_seen(c->seq), &text);
}

static enum hufu_err print_reply(struct request *req, const struct ceremony *c)
{
    return ceremony_reply(req, c, NULL, NULL);
}

static bool is_going_on(struct core *core, const struct ceremony_kind *kind, uint32_t domain_id,
                        struct view subject)
{
    uint64_t now = core_now(core);
    struct ceremony c;

    for (size_t i = 0; directory_ceremony_at(core->dir, i, &c) == HUFU_OK; i++) {
        bool open =
            c.state == CEREMONY_RUNNING || (c.state == CEREMONY_PROPOSED && now < c.expires_ms);

        if (open && strcmp(c.kind, kind->name) == 0 && c.domain_id == domain_id &&
            (kind->about < ABOUT_KEY || view_is(subject, c.subject)))
            return true;
    }
    return false;
}

/* Of two that begin at once, only one finds the ids row as it was: it is written again. */
static enum hufu_err take_turn(struct worker *w, struct request *req,
                               const struct ceremony_kind *kind, uint32_t domain_id,
                               struct view subject)
{
    struct row_ids ids;
    uint64_t seq;

    if (directory_ids(w->core->dir, &ids, &seq) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return is_going_on(w->core, kind, domain_id, subject) ? HUFU_CONFLICT
                                                          : manage_write_ids(w, req, &ids, seq);
}

enum hufu_err ceremony_begin(struct worker *w, struct request *req,
                             const struct ceremony_kind *kind, struct view subject,
                             struct view reason, struct ceremony *c)
{
    const struct conf *conf = w->core->conf;
    uint64_t now = core_now(w->core);
    enum hufu_err err = HUFU_OK;

    *c = (struct ceremony){ .state = CEREMONY_PROPOSED,
                            .seq = STORE_ABSENT,
                            .target = c->target,
                            .password = c->password };
    if (req->who.user->once != USER_ONCE_NO)
        return HUFU_FORBIDDEN; /* it may be anyone, also who is to agree */
    c->domain_id = req->domain == NULL ? 0 : req->domain->id;
    if (kind->about != ABOUT_NEW_PERSON) /* whose own call writes the ids row */
        err = take_turn(w, req, kind, c->domain_id, subject);
    if (err != HUFU_OK)
        return err;
    if (id_make(&w->draw, now, c->id) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    if (manage_copy(c->kind, sizeof(c->kind), view_str(kind->name)) != HUFU_OK ||
        manage_copy(c->subject, sizeof(c->subject), subject) != HUFU_OK ||
        manage_copy(c->reason, sizeof(c->reason), reason) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    c->needed = kind->role == ROLE_CUSTODIAN ? (uint32_t)conf_u64(conf, CONF_CUSTODIANS) : 2;
    c->created_ms = now;
    c->changed_ms = now;
    c->expires_ms = now + conf_u64(conf, CONF_CEREMONY_S) * 1000;
    c->approval[0].user_id = req->who.user->id;
    c->approval[0].at_ms = user_stamp(req->who.user, now);
    c->approval_count = 1;
    err = ceremony_name(req, kind->name, subject, NULL);
    return err == HUFU_OK ? ceremony_row_write(w, req, &req->op[0], c) : err;
}

/* What the ceremony is to be about: it must be named where the kind asks for it, and be there. */
static enum hufu_err read_about(struct worker *w, struct request *req,
                                const struct ceremony_kind *kind, struct msg_where *where)
{
    const struct key *key;
    enum hufu_err err;

    switch (kind->about) {
    case ABOUT_VAULT:
        return HUFU_OK;
    case ABOUT_DOMAIN:
        if (!msg_has(&req->msg, MSG_DOMAIN))
            return manage_at(where, MSG_DOMAIN, HUFU_BAD_REQUEST);
        err = domain_for(w, req, where);
        if (err != HUFU_OK)
            return err;
        err = ff1_domain_may_rotate(w->core, req->domain, kind->name);
        return err == HUFU_OK ? HUFU_OK : manage_at(where, MSG_DOMAIN, err);
    case ABOUT_KEY:
        if (!msg_has(&req->msg, MSG_SUBJECT))
            return manage_at(where, MSG_SUBJECT, HUFU_BAD_REQUEST);
        key = keylist_find(w->core, msg_text(&req->msg, MSG_SUBJECT));
        if (key == NULL)
            return manage_at(where, MSG_SUBJECT, HUFU_NOT_FOUND);
        req->domain = directory_domain_id(w->core->dir, key->domain);
        return key_can_end(key) ? HUFU_OK : manage_at(where, MSG_SUBJECT, HUFU_CONFLICT);
    case ABOUT_SUBJECT:
        return msg_has(&req->msg, MSG_SUBJECT) ? HUFU_OK
                                               : manage_at(where, MSG_SUBJECT, HUFU_BAD_REQUEST);
    case ABOUT_NEW_PERSON:
        break;
    }
    return manage_at(where, MSG_KIND, HUFU_BAD_REQUEST); /* begun by its own call, not here */
}

enum hufu_err handle_ceremony_propose(struct worker *w, struct request *req,
                                      struct msg_where *where)
{
    const struct ceremony_kind *kind = ceremony_kind_find(msg_text(&req->msg, MSG_KIND));
    struct view subject = msg_text(&req->msg, MSG_SUBJECT);
    struct view reason = msg_text(&req->msg, MSG_REASON);
    struct ceremony c = { 0 };
    enum hufu_err err;

    if (kind == NULL)
        return manage_at(where, MSG_KIND, HUFU_BAD_REQUEST);
    if (kind->role != req->who.role)
        return HUFU_FORBIDDEN;
    if (kind->about == ABOUT_SUBJECT)
        return ceremony_people_propose(w, req, kind, where);
    err = read_about(w, req, kind, where);
    if (err == HUFU_OK)
        err = check_member(w, req, MSG_REASON, where);
    if (err == HUFU_OK)
        err = check_member(w, req, MSG_SUBJECT, where);
    if (err != HUFU_OK)
        return err;
    if (request_ops(req, 1, 2, 2, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    request_entry(req, 0)->reason = reason;
    err = ceremony_begin(w, req, kind, subject, reason, &c);
    if (err != HUFU_OK) {
        req->draft.op_count = 0; /* the refusal drafts its own entry */
        return err;
    }
    req->reply.success = MSG_201;
    return print_reply(req, &c);
}

/* The ceremony that the path names, of a kind that is the caller's. */
static enum hufu_err find(struct worker *w, struct request *req, struct ceremony *out)
{
    const struct ceremony_kind *kind;
    uint8_t id[ID_LEN];

    if (id_parse(msg_text(&req->msg, MSG_ID), id) != HUFU_OK ||
        directory_ceremony(w->core->dir, id, out) != HUFU_OK)
        return HUFU_NOT_FOUND;
    kind = ceremony_kind_find(view_str(out->kind));
    if (out->state == CEREMONY_PROPOSED && core_now(w->core) >= out->expires_ms)
        out->state = CEREMONY_EXPIRED;
    if (req->who.role == ROLE_AUDITOR || (kind != NULL && kind->role == req->who.role))
        return HUFU_OK;
    return HUFU_FORBIDDEN;
}

static enum hufu_err draft_change(struct worker *w, struct request *req, const struct ceremony *c)
{
    if (request_ops(req, 1, 2 + ROW_APPROVALS_MAX, 2, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    request_entry(req, 0)->reason = msg_text(&req->msg, MSG_REASON);
    if (ceremony_name(req, c->kind, view_str(c->subject), NULL) != HUFU_OK ||
        ceremony_row_write(w, req, &req->op[0], c) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return print_reply(req, c);
}

/* Approvals of people who are still allowed in: one who was frozen or had another role meanwhile
 * has no say. Where there is an operation, it expects the very rows that were counted. */
static uint32_t count_standing(struct request *req, const struct ceremony *c, struct store_op *op)
{
    const struct ceremony_kind *kind = ceremony_kind_find(view_str(c->kind));
    uint64_t now = core_now(req->core);
    uint32_t n = 0;

    for (size_t i = 0; i < c->approval_count; i++) {
        const struct user *user = directory_user_id(req->core->dir, c->approval[i].user_id);
        struct view key = row_numbered_key(req, TABLE_USER, c->approval[i].user_id);

        if (user == NULL || key.p == NULL)
            return 0;
        n += kind != NULL && user_stands(user, kind->role, c->approval[i].at_ms, now);
        if (op != NULL)
            op_expect(op, key, row_seen(user->seq));
    }
    return n;
}

/* Counted again: one may have been frozen since. */
enum hufu_err ceremony_expect_approvers(struct request *req, const struct ceremony *c)
{
    return count_standing(req, c, &req->op[0]) >= c->needed ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* Adds the caller's approval, or renews one that has become void. HUFU_ALREADY_APPROVED,
 * HUFU_CONFLICT. */
static enum hufu_err add_approval(const struct request *req, struct ceremony *c)
{
    const struct user *user = req->who.user;
    uint64_t now = core_now(req->core);
    size_t i = 0;

    while (i < c->approval_count && c->approval[i].user_id != user->id)
        i++;
    if (i < c->approval_count && user_stands(user, user->role, c->approval[i].at_ms, now))
        return HUFU_ALREADY_APPROVED;
    if (c->state != CEREMONY_PROPOSED || i == ROW_APPROVALS_MAX)
        return HUFU_CONFLICT;
    c->approval[i].user_id = user->id;
    c->approval[i].at_ms = user_stamp(user, now);
    if (i == c->approval_count)
        c->approval_count++;
    c->changed_ms = now;
    return HUFU_OK;
}

enum hufu_err handle_ceremony_approve(struct worker *w, struct request *req,
                                      struct msg_where *where)
{
    struct ceremony c;
    enum hufu_err err;

    err = find(w, req, &c);
    if (err == HUFU_OK && ceremony_people_is_about(w->core, &c, req->who.user))
        err = HUFU_FORBIDDEN; /* nobody has a say in what is done to oneself */
    if (err == HUFU_OK && req->who.user->once != USER_ONCE_NO)
        err = HUFU_FORBIDDEN; /* a break-glass account may be anyone, also who proposed */
    if (err == HUFU_OK)
        err = check_member(w, req, MSG_REASON, where);
    if (err != HUFU_OK)
        return err;
    err = add_approval(req, &c);
    if (err != HUFU_OK)
        return err;
    if (count_standing(req, &c, NULL) < c.needed)
        return draft_change(w, req, &c);
    if (ceremony_people_has(c.kind))
        return ceremony_people_carry_out(w, req, &c);
    c.state = CEREMONY_RUNNING; /* keeper.c takes it from here */
    err = draft_change(w, req, &c);
    return err == HUFU_OK ? ceremony_expect_approvers(req, &c) : err;
}

enum hufu_err handle_ceremony_cancel(struct worker *w, struct request *req, struct msg_where *where)
{
    struct ceremony c;
    enum hufu_err err;

    err = find(w, req, &c);
    if (err == HUFU_OK && ceremony_people_is_about(w->core, &c, req->who.user))
        err = HUFU_FORBIDDEN; /* nobody has a say in what is done to oneself */
    if (err == HUFU_OK)
        err = check_member(w, req, MSG_REASON, where);
    if (err == HUFU_OK && c.state != CEREMONY_PROPOSED)
        err = HUFU_CONFLICT;
    if (err != HUFU_OK)
        return err;
    c.state = CEREMONY_CANCELLED;
    c.changed_ms = core_now(w->core);
    return draft_change(w, req, &c);
}

enum hufu_err handle_ceremony_show(struct worker *w, struct request *req, struct msg_where *where)
{
    struct ceremony c;
    enum hufu_err err;

    (void)where;
    err = find(w, req, &c);
    return err == HUFU_OK ? print_reply(req, &c) : err;
}
