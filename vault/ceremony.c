#include "vault/ceremony.h"

#include <string.h>

#include "vault/base/id.h"
#include "vault/base/secret.h"
#include "vault/ceremony_people.h"
#include "vault/handle.h"
#include "vault/keylist.h"
#include "vault/manage.h"

#define ROW_BYTES_MAX 1024
#define PAGE_MAX      1000

static const struct ceremony_kind kinds[] = {
    { "rotate-kek", ROLE_CUSTODIAN, ABOUT_VAULT },
    { "rotate-data-key", ROLE_CUSTODIAN, ABOUT_DOMAIN },
    { "rotate-index-key", ROLE_CUSTODIAN, ABOUT_DOMAIN },
    { "destroy-key", ROLE_CUSTODIAN, ABOUT_KEY },
    { "enrol-user", ROLE_SECURITY_ADMIN, ABOUT_NEW_PERSON },
    { "change-role", ROLE_SECURITY_ADMIN, ABOUT_SUBJECT },
    { "reset-factor", ROLE_SECURITY_ADMIN, ABOUT_SUBJECT },
    { "reset-password", ROLE_SECURITY_ADMIN, ABOUT_SUBJECT },
    { "freeze-lift", ROLE_SECURITY_ADMIN, ABOUT_SUBJECT },
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

static void print_approvals(struct core *core, const struct ceremony *c, struct json *j)
{
    json_name(j, "approvals");
    json_list(j);
    for (size_t i = 0; i < c->approval_count; i++) {
        const struct user *user = directory_user_id(core->dir, c->approval[i].user_id);

        json_open(j);
        json_put_time(j, "at", c->approval[i].at_ms);
        json_put_str(j, "user", user == NULL ? "?" : user->name);
        json_close(j);
    }
    json_end(j);
}

/* The members of the reply's object, which the caller closes. */
static void open_object(struct core *core, const struct ceremony *c, const char *password,
                        struct json *j)
{
    uint64_t done = c->done, total = c->total;
    char id[ID_TEXT_LEN + 1];

    if (c->state == CEREMONY_RUNNING)
        (void)progress_find(&core->progress, c->id, &done, &total);
    id_print(c->id, id);
    json_open(j);
    print_approvals(core, c, j);
    json_put_u64(j, "done", done);
    if (c->error[0] != '\0')
        json_put_str(j, "error", c->error);
    json_put_str(j, "id", id);
    if (password != NULL)
        json_put_str(j, "initial_password", password);
    json_put_str(j, "kind", c->kind);
    json_put_u64(j, "needed", c->needed);
    if (ceremony_people_role(c) != NULL)
        json_put_str(j, "role", ceremony_people_role(c));
    json_put_str(j, "state", ceremony_state_name(c->state));
    if (c->subject[0] != '\0')
        json_put_str(j, "subject", c->subject);
    json_put_u64(j, "total", total);
}

void ceremony_print(struct core *core, const struct ceremony *c, struct json *j)
{
    open_object(core, c, NULL, j);
    json_close(j);
}

enum hufu_err ceremony_reply(struct request *req, const struct ceremony *c, const char *password,
                             const struct user *seed_of)
{
    struct json j;

    if (request_body(req, 4096) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    open_object(req->core, c, password, &j);
    if (seed_of != NULL)
        manage_print_seed(seed_of, &j);
    json_close(&j);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
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
    c->approval[0].at_ms = now;
    c->approval_count = 1;
    request_entry(req, 0)->purpose = view_str(kind->name);
    return ceremony_row_write(w, req, &req->op[0], c);
}

/* What the ceremony is to be about: it must be named where the kind asks for it, and be there. */
static enum hufu_err read_about(struct worker *w, struct request *req,
                                const struct ceremony_kind *kind, struct msg_where *where)
{
    const struct key *key;

    switch (kind->about) {
    case ABOUT_VAULT:
        return HUFU_OK;
    case ABOUT_DOMAIN:
        if (!msg_has(&req->msg, MSG_DOMAIN))
            return manage_at(where, MSG_DOMAIN, HUFU_BAD_REQUEST);
        return domain_for(w, req, where);
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
    if (err == HUFU_CONFLICT)
        req->draft.op_count = 0;
    if (err != HUFU_OK)
        return err;
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
    request_entry(req, 0)->purpose = view_str(ceremony_kind_find(view_str(c->kind))->name);
    if (ceremony_row_write(w, req, &req->op[0], c) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return print_reply(req, c);
}

/* Approvals of people who are still allowed in: one who was frozen meanwhile has no say. */
static uint32_t count_standing(struct worker *w, const struct ceremony *c)
{
    const struct ceremony_kind *kind = ceremony_kind_find(view_str(c->kind));
    uint32_t n = 0;

    for (size_t i = 0; i < c->approval_count; i++) {
        const struct user *user = directory_user_id(w->core->dir, c->approval[i].user_id);

        n += user != NULL && user->state == ROW_ACTIVE && kind != NULL && user->role == kind->role;
    }
    return n;
}

/* … and none of them may be frozen before this is committed. */
enum hufu_err ceremony_expect_approvers(struct worker *w, struct request *req,
                                        const struct ceremony *c)
{
    for (size_t i = 0; i < c->approval_count; i++) {
        const struct user *user = directory_user_id(w->core->dir, c->approval[i].user_id);
        struct view key = row_numbered_key(req, TABLE_USER, c->approval[i].user_id);

        if (user == NULL || key.p == NULL)
            return HUFU_UNAVAILABLE;
        op_expect(&req->op[0], key, row_seen(user->seq));
    }
    return HUFU_OK;
}

enum hufu_err handle_ceremony_approve(struct worker *w, struct request *req,
                                      struct msg_where *where)
{
    uint64_t now = core_now(w->core);
    struct ceremony c;
    enum hufu_err err;

    err = find(w, req, &c);
    if (err == HUFU_OK && ceremony_people_is_about(w->core, &c, req->who.user))
        err = HUFU_FORBIDDEN; /* nobody has a say in what is done to oneself */
    if (err == HUFU_OK)
        err = check_member(w, req, MSG_REASON, where);
    if (err != HUFU_OK)
        return err;
    for (size_t i = 0; i < c.approval_count; i++)
        if (c.approval[i].user_id == req->who.user->id)
            return HUFU_ALREADY_APPROVED;
    if (c.state != CEREMONY_PROPOSED || c.approval_count == ROW_APPROVALS_MAX)
        return HUFU_CONFLICT;
    c.approval[c.approval_count].user_id = req->who.user->id;
    c.approval[c.approval_count].at_ms = now;
    c.approval_count++;
    c.changed_ms = now;
    if (count_standing(w, &c) < c.needed)
        return draft_change(w, req, &c);
    if (ceremony_people_has(c.kind))
        return ceremony_people_carry_out(w, req, &c);
    c.state = CEREMONY_RUNNING; /* keeper.c takes it from here */
    err = draft_change(w, req, &c);
    return err == HUFU_OK ? ceremony_expect_approvers(w, req, &c) : err;
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

enum hufu_err handle_ceremony_list(struct worker *w, struct request *req, struct msg_where *where)
{
    uint64_t limit = msg_u64(&req->msg, MSG_LIMIT, 100);
    uint8_t after[ID_LEN] = { 0 };
    char last[ID_TEXT_LEN + 1] = "";
    size_t shown = 0;
    bool more = false;
    struct ceremony c;
    struct json j;

    if (limit == 0 || limit > PAGE_MAX)
        return manage_at(where, MSG_LIMIT, HUFU_BAD_REQUEST);
    if (msg_has(&req->msg, MSG_AFTER) && id_parse(msg_text(&req->msg, MSG_AFTER), after) != HUFU_OK)
        return manage_at(where, MSG_AFTER, HUFU_BAD_REQUEST);
    if (request_body(req, 64 + (size_t)limit * 2048) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    json_init(&j, &req->body);
    json_open(&j);
    json_name(&j, "items");
    json_list(&j);
    for (size_t i = 0; !more && directory_ceremony_at(w->core->dir, i, &c) == HUFU_OK; i++) {
        const struct ceremony_kind *kind = ceremony_kind_find(view_str(c.kind));
        bool mine = req->who.role == ROLE_AUDITOR || (kind != NULL && kind->role == req->who.role);

        if (!mine || memcmp(c.id, after, ID_LEN) <= 0) /* ids: not secret */
            continue;
        more = shown == limit;
        if (more)
            break;
        ceremony_print(w->core, &c, &j);
        id_print(c.id, last);
        shown++;
    }
    manage_list_end(&j, more, last);
    return buf_check(&req->body) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}
