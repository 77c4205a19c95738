/* Grants by who wants to reveal: POST /v1/grants and its withdrawal. */
#include "vault/grant_life.h"

#include <string.h>

#include "vault/handle.h"
#include "vault/manage.h"
#include "vault/share.h"
#include "vault/token.h"

#define OUTSIDE_NEEDS 2 /* approvals, for what leaves for an outside recipient (C24) */

/* What is wrong whatever the domain says. */
static enum hufu_err read_numbers(struct worker *w, struct request *req, struct grant *g,
                                  struct msg_where *where)
{
    const struct msg_request *msg = &req->msg;
    uint64_t life_s = msg_u64(msg, MSG_EXPIRES_IN, 0);

    if (msg_has(msg, MSG_TOKENS) && msg_list_count(msg->field[MSG_TOKENS]) > GRANT_TOKENS_MAX)
        return manage_at(where, MSG_TOKENS, HUFU_TOO_LARGE);
    g->count = msg_u64(msg, MSG_COUNT, 0);
    if (g->count == 0 || g->count > GRANT_COUNT_MAX)
        return manage_at(where, MSG_COUNT, HUFU_BAD_REQUEST);
    if (life_s < GRANT_LIFE_MIN_S || life_s > conf_u64(w->core->conf, CONF_GRANT_MAX_S))
        return manage_at(where, MSG_EXPIRES_IN, HUFU_BAD_REQUEST);
    g->remaining = g->count;
    g->created_ms = user_stamp(req->who.user, core_now(w->core));
    g->expires_ms = core_now(w->core) + life_s * 1000;
    return HUFU_OK;
}

static enum hufu_err read_purpose(struct request *req, struct grant *g, struct msg_where *where)
{
    struct view purpose = msg_text(&req->msg, MSG_PURPOSE);
    const struct domain *d = req->domain;

    for (size_t i = 0; i < d->purpose_count; i++) {
        if (!view_is(purpose, d->purpose[i]))
            continue;
        g->needed = d->approvals[i] > 0 ? d->approvals[i] : 1;
        return manage_copy(g->purpose, sizeof(g->purpose), purpose);
    }
    return manage_at(where, MSG_PURPOSE, HUFU_INVALID_PURPOSE);
}

/* Only their form is judged: who asks does not learn which of them are there. */
static enum hufu_err read_tokens(struct worker *w, struct request *req, struct grant *g,
                                 struct msg_where *where)
{
    struct view list = req->msg.field[MSG_TOKENS];
    struct token token;
    struct reader r;
    enum hufu_err err;

    reader_init(&r, list.p, list.p == NULL ? 0 : list.len);
    for (uint32_t i = 0; r.left > 0; i++) {
        err = token_read(w, req, msg_list_next(&r), &token);
        if (err == HUFU_OK)
            err = grant_add_token(g, token.id) == HUFU_OK ? HUFU_OK : HUFU_BAD_REQUEST;
        if (err == HUFU_UNAVAILABLE)
            return err;
        if (err != HUFU_OK) {
            *where = (struct msg_where){ MSG_TOKENS, MSG_NONE, i };
            return err;
        }
    }
    return HUFU_OK;
}

static enum hufu_err read_texts(struct worker *w, struct request *req, struct grant *g,
                                struct msg_where *where)
{
    struct view to = msg_text(&req->msg, MSG_RECIPIENT);
    struct recipient found;
    enum hufu_err err;

    err = check_member(w, req, MSG_REASON, where);
    if (err == HUFU_OK)
        err = manage_copy(g->reason, sizeof(g->reason), msg_text(&req->msg, MSG_REASON));
    if (err == HUFU_OK)
        err = check_member(w, req, MSG_RECIPIENT, where);
    if (err != HUFU_OK || !msg_has(&req->msg, MSG_RECIPIENT))
        return err;
    if (!text_is_name(to) || share_recipient(w->core, to, &found) != HUFU_OK)
        return manage_at(where, MSG_RECIPIENT, HUFU_CONFLICT);
    g->needed = OUTSIDE_NEEDS;
    return manage_copy(g->recipient, sizeof(g->recipient), to);
}

/* Nobody fills the memory with what nobody decides on, nor with what is withdrawn at once. */
static enum hufu_err check_room(struct core *core, uint32_t user_id)
{
    uint64_t day_ago = core_now(core) - ROW_DAY_MS;
    size_t open = 0, today = 0;
    uint8_t at[ID_LEN];
    struct grant other;
    enum hufu_err err;

    grant_since(core, at);
    while ((err = grant_next(core, at, sizeof(at), &other)) == HUFU_OK) {
        memcpy(at, other.id, ID_LEN);
        if (other.user_id != user_id)
            continue;
        grant_age(core, &other);
        open += grant_is_open(&other);
        today += other.created_ms > day_ago;
        if (open == GRANT_OPEN_MAX || today == GRANT_DAY_MAX)
            return HUFU_CONFLICT;
    }
    return err == HUFU_NOT_FOUND ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* One operation that makes the grant what g says, and its reply. */
static enum hufu_err draft(struct worker *w, struct request *req, const struct grant *g)
{
    if (request_ops(req, 1, 1, 1, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    request_entry(req, 0)->reason = msg_text(&req->msg, MSG_REASON);
    if (grant_name(req, g) != HUFU_OK || grant_write(w, req, &req->op[0], g) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return grant_reply(req, g);
}

enum hufu_err handle_grant_ask(struct worker *w, struct request *req, struct msg_where *where)
{
    struct grant g = { .state = GRANT_PROPOSED, .seq = STORE_ABSENT };
    enum hufu_err err;

    if (req->who.user->once != USER_ONCE_NO)
        return HUFU_FORBIDDEN; /* it may be anyone, also who is to agree */
    g.user_id = req->who.user->id;
    err = read_numbers(w, req, &g, where);
    if (err == HUFU_OK)
        err = domain_for(w, req, where);
    if (err == HUFU_OK)
        err = read_purpose(req, &g, where);
    if (err == HUFU_OK)
        err = read_tokens(w, req, &g, where);
    if (err == HUFU_OK)
        err = read_texts(w, req, &g, where);
    if (err == HUFU_OK)
        err = check_room(w->core, g.user_id);
    if (err != HUFU_OK)
        return err;
    g.domain_id = req->domain->id;
    if (id_make(&w->draw, core_now(w->core), g.id) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    req->reply.success = MSG_201;
    return draft(w, req, &g);
}

enum hufu_err handle_grant_withdraw(struct worker *w, struct request *req, struct msg_where *where)
{
    uint8_t id[ID_LEN];
    struct grant g;
    enum hufu_err err;

    if (id_parse(msg_text(&req->msg, MSG_ID), id) != HUFU_OK)
        return HUFU_NOT_FOUND;
    err = grant_find(w->core, id, &g);
    if (err != HUFU_OK)
        return err;
    if (g.user_id != req->who.user->id)
        return grant_refuse(req, &g, "foreign", HUFU_NOT_FOUND);
    err = check_member(w, req, MSG_REASON, where);
    if (err == HUFU_OK && !grant_is_open(&g))
        err = HUFU_CONFLICT;
    if (err != HUFU_OK)
        return grant_refuse(req, &g, NULL, err);
    g.state = GRANT_WITHDRAWN;
    req->domain = directory_domain_id(w->core->dir, g.domain_id);
    return draft(w, req, &g);
}
