/* Grants by who decides: approve, narrowed or as it is, and deny. */
#include "vault/grant_life.h"

#include <string.h>

#include "vault/handle.h"
#include "vault/manage.h"
#include "vault/share.h"
#include "vault/token.h"

#define ID_TEXT_MAX 22 /* base64url of a token's name */

static enum hufu_err find(struct worker *w, struct request *req, struct grant *out)
{
    uint8_t id[ID_LEN];
    enum hufu_err err;

    if (id_parse(msg_text(&req->msg, MSG_ID), id) != HUFU_OK)
        return HUFU_NOT_FOUND;
    err = grant_find(w->core, id, out);
    if (err == HUFU_OK)
        req->domain = directory_domain_id(w->core->dir, out->domain_id);
    return err == HUFU_OK && req->domain == NULL ? HUFU_UNAVAILABLE : err;
}

/* Two who decide together must not be of one group, and neither of the asker's. */
static bool is_other_group(struct core *core, const struct grant *g, const struct user *asker,
                           const struct user *me)
{
    if (strcmp(asker->group, me->group) == 0)
        return false;
    for (size_t i = 0; i < g->approval_count; i++) {
        const struct user *other = directory_user_id(core->dir, g->approval[i].user_id);

        if (other == NULL || strcmp(other->group, me->group) == 0)
            return false;
    }
    return true;
}

/* Who looked at it may say what was seen: nobody agrees to something else. */
static enum hufu_err check_digest(struct worker *w, struct request *req, const struct grant *g,
                                  struct msg_where *where)
{
    uint8_t digest[DIGEST_LEN], mem[64];
    struct buf text;

    if (!msg_has(&req->msg, MSG_DIGEST))
        return HUFU_OK;
    if (grant_digest(w->core, g, digest) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    buf_fixed(&text, mem, sizeof(mem));
    text_base64url(&text, digest, sizeof(digest));
    return view_equal(buf_view(&text), msg_text(&req->msg, MSG_DIGEST))
               ? HUFU_OK
               : manage_at(where, MSG_DIGEST, HUFU_CONFLICT);
}

/* A token by its name in the log, which is what an approver is shown, or by itself. */
static enum hufu_err read_name(struct worker *w, struct request *req, const struct grant *g,
                               struct view text, uint8_t out[static ENTRY_TOKEN_ID_LEN])
{
    struct token token;
    struct buf id;
    enum hufu_err err;

    buf_fixed(&id, out, ENTRY_TOKEN_ID_LEN);
    if (text.len == ID_TEXT_MAX && text_unbase64url(text, &id) == HUFU_OK && grant_names(g, out))
        return HUFU_OK;
    err = token_read(w, req, text, &token);
    if (err == HUFU_OK)
        memcpy(out, token.id, ENTRY_TOKEN_ID_LEN);
    return err;
}

/* Some of the tokens that are named; of any token of the domain: these. */
static enum hufu_err narrow_tokens(struct worker *w, struct request *req, struct grant *g,
                                   struct msg_where *where)
{
    struct view list = req->msg.field[MSG_TOKENS];
    uint8_t id[ENTRY_TOKEN_ID_LEN];
    struct grant asked = *g;
    struct reader r;
    enum hufu_err err;

    g->token_count = 0;
    reader_init(&r, list.p, list.len);
    for (uint32_t i = 0; r.left > 0; i++) {
        err = read_name(w, req, &asked, msg_list_next(&r), id);
        if (err == HUFU_UNAVAILABLE)
            return err;
        if (err != HUFU_OK || (asked.token_count > 0 && !grant_names(&asked, id)) ||
            grant_add_token(g, id) != HUFU_OK) {
            *where = (struct msg_where){ MSG_TOKENS, MSG_NONE, i };
            return HUFU_BAD_REQUEST;
        }
    }
    return HUFU_OK;
}

/* Fewer tokens, fewer values, less time: never more than was asked for. */
static enum hufu_err narrow(struct worker *w, struct request *req, struct grant *g,
                            struct msg_where *where)
{
    const struct msg_request *msg = &req->msg;
    uint64_t count = msg_u64(msg, MSG_COUNT, g->count);
    uint64_t life_s = msg_u64(msg, MSG_EXPIRES_IN, GRANT_LIFE_MIN_S);
    uint64_t now = core_now(w->core), left_ms = now < g->expires_ms ? g->expires_ms - now : 0;

    if (count == 0 || count > g->count)
        return manage_at(where, MSG_COUNT, HUFU_BAD_REQUEST);
    if (msg_has(msg, MSG_EXPIRES_IN) && (life_s < GRANT_LIFE_MIN_S || life_s > left_ms / 1000))
        return manage_at(where, MSG_EXPIRES_IN, HUFU_BAD_REQUEST);
    g->count = count;
    g->remaining = count;
    if (msg_has(msg, MSG_EXPIRES_IN))
        g->expires_ms = now + life_s * 1000;
    return msg_has(msg, MSG_TOKENS) ? narrow_tokens(w, req, g, where) : HUFU_OK;
}

static enum hufu_err draft(struct worker *w, struct request *req, const struct grant *g,
                           uint32_t needed, const struct user *asker)
{
    if (request_ops(req, 1, 2 + GRANT_APPROVALS_MAX, 1, 0) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op_expect_caller(req, &req->op[0]);
    if (asker != NULL)
        op_expect(&req->op[0], row_numbered_key(req, TABLE_USER, asker->id), row_seen(asker->seq));
    request_entry(req, 0)->reason = msg_text(&req->msg, MSG_REASON);
    if (grant_expect_approvers(req, &req->op[0], g, needed) != HUFU_OK ||
        grant_name(req, g) != HUFU_OK || grant_write(w, req, &req->op[0], g) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return grant_reply(req, g);
}

/* Whether this person may add to what was agreed: in the order in which it is told. */
static enum hufu_err check_say(struct worker *w, struct request *req, const struct grant *g,
                               const struct user **asker_out)
{
    const struct user *me = req->who.user;
    struct grant standing = *g;
    struct recipient to;

    grant_drop_void(w->core, &standing);
    for (size_t i = 0; i < standing.approval_count; i++)
        if (standing.approval[i].user_id == me->id)
            return HUFU_ALREADY_APPROVED;
    *asker_out = grant_asker(w->core, g);
    if (g->state != GRANT_PROPOSED || *asker_out == NULL)
        return HUFU_CONFLICT;
    if (!is_other_group(w->core, &standing, *asker_out, me))
        return HUFU_FORBIDDEN;
    if (g->recipient[0] != '\0' && share_recipient(w->core, view_str(g->recipient), &to) != HUFU_OK)
        return HUFU_CONFLICT;
    return HUFU_OK;
}

static enum hufu_err check(struct worker *w, struct request *req, struct grant *g,
                           const struct user **asker_out, struct msg_where *where)
{
    enum hufu_err err;

    /* Who asked as an operator, and has become an approver since; an account that may be anyone's.
     */
    if (g->user_id == req->who.user->id || req->who.user->once != USER_ONCE_NO)
        return HUFU_FORBIDDEN;
    err = check_member(w, req, MSG_REASON, where);
    if (err == HUFU_OK)
        err = check_say(w, req, g, asker_out);
    if (err == HUFU_OK)
        err = check_digest(w, req, g, where);
    return err == HUFU_OK ? narrow(w, req, g, where) : err;
}

enum hufu_err handle_grant_approve(struct worker *w, struct request *req, struct msg_where *where)
{
    const struct user *asker = NULL;
    struct grant g;
    enum hufu_err err;

    err = find(w, req, &g);
    if (err != HUFU_OK)
        return err;
    err = check(w, req, &g, &asker, where);
    if (err != HUFU_OK)
        return grant_refuse(req, &g, NULL, err);
    grant_drop_void(w->core, &g);
    if (g.approval_count == GRANT_APPROVALS_MAX)
        return HUFU_CONFLICT;
    g.approval[g.approval_count].user_id = req->who.user->id;
    g.approval[g.approval_count++].at_ms = user_stamp(req->who.user, core_now(w->core));
    if (grant_count_standing(w->core, &g) >= g.needed)
        g.state = GRANT_GRANTED;
    return draft(w, req, &g, g.state == GRANT_GRANTED ? g.needed : 0, asker);
}

/* What was granted can be taken back so; for good. */
enum hufu_err handle_grant_deny(struct worker *w, struct request *req, struct msg_where *where)
{
    struct grant g;
    enum hufu_err err;

    err = find(w, req, &g);
    if (err != HUFU_OK)
        return err;
    err = check_member(w, req, MSG_REASON, where);
    if (err == HUFU_OK && !grant_is_open(&g))
        err = HUFU_CONFLICT;
    if (err != HUFU_OK)
        return grant_refuse(req, &g, NULL, err);
    g.state = GRANT_DENIED;
    return draft(w, req, &g, 0, NULL);
}
