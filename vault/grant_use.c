#include "vault/grant_use.h"

#include <string.h>

#include "vault/alarm.h"
#include "vault/grant_life.h"
#include "vault/handle.h"
#include "vault/share.h"

#define WHY_MAX 96 /* bytes of "grant=ID why=WORD" */
/* Of a use: the grant, its end, who approved; and the line of who is given the values. */
#define ROWS_PRE    (2 + GRANT_APPROVALS_MAX + SHARE_PRES)
#define ROWS_WRITES (1 + SHARE_WRITES)

struct judged {
    struct request *req;
    const uint8_t *token_ids;
    size_t count;
    struct grant *grant;
    const char *why;       /* NULL: nothing is wrong */
    struct view words;     /* the same as the entry says it */
    enum alarm_rule alarm; /* of what is wrong */
    bool known;            /* the grant's row was found */
};

static enum hufu_err wrong(struct judged *j, const char *why, enum alarm_rule alarm)
{
    j->why = why;
    j->alarm = alarm;
    return HUFU_GRANT_REQUIRED;
}

/* One that is not there has nothing to do with the caller's; another's has. */
static enum hufu_err find(struct judged *j)
{
    struct view text = msg_text(&j->req->msg, MSG_GRANT);
    uint8_t id[ID_LEN];
    enum hufu_err err;

    if (id_parse(text, id) != HUFU_OK)
        return wrong(j, "malformed", ALARM_RULE_NONE);
    err = grant_find(j->req->core, id, j->grant);
    if (err == HUFU_NOT_FOUND)
        return wrong(j, "unknown", ALARM_RULE_NONE);
    j->known = err == HUFU_OK;
    return err;
}

static enum hufu_err check_state(struct judged *j)
{
    switch (j->grant->state) {
    case GRANT_GRANTED:
        return HUFU_OK;
    case GRANT_PROPOSED:
        return wrong(j, "proposed", ALARM_RULE_NONE);
    case GRANT_DENIED:
        return wrong(j, "denied", ALARM_RULE_GRANT_OVER);
    case GRANT_WITHDRAWN:
        return wrong(j, "withdrawn", ALARM_RULE_GRANT_OVER);
    case GRANT_USED_UP:
        return wrong(j, "used-up", ALARM_RULE_GRANT_OVER);
    default:
        return wrong(j, "expired", ALARM_RULE_GRANT_OVER);
    }
}

/* What it was granted for: who, where, why, how many, which. */
static enum hufu_err check_scope(struct judged *j)
{
    const struct grant *g = j->grant;

    if (g->user_id != j->req->who.user->id)
        return wrong(j, "foreign", ALARM_RULE_GRANT_EXCEEDED);
    if (g->domain_id != j->req->domain->id)
        return wrong(j, "domain", ALARM_RULE_GRANT_EXCEEDED);
    if (!view_is(msg_text(&j->req->msg, MSG_PURPOSE), g->purpose))
        return wrong(j, "purpose", ALARM_RULE_GRANT_EXCEEDED);
    return HUFU_OK;
}

static enum hufu_err check_amount(struct judged *j)
{
    const struct grant *g = j->grant;

    if (j->count > g->remaining)
        return wrong(j, "count", ALARM_RULE_GRANT_EXCEEDED);
    for (size_t i = 0; g->token_count > 0 && j->token_ids != NULL && i < j->count; i++)
        if (!grant_names(g, j->token_ids + i * ENTRY_TOKEN_ID_LEN))
            return wrong(j, "token", ALARM_RULE_GRANT_EXCEEDED);
    return HUFU_OK;
}

/* Whoever approved before a certificate was recorded did not agree to whoever has its key. */
static bool is_older_than(const struct grant *g, uint64_t cert_ms)
{
    for (size_t i = 0; i < g->approval_count; i++)
        if (g->approval[i].at_ms < cert_ms)
            return true;
    return false;
}

/* What may have happened since it was granted. */
static enum hufu_err check_others(struct judged *j)
{
    const struct grant *g = j->grant;
    struct recipient to;

    if (grant_asker(j->req->core, g) == NULL)
        return wrong(j, "asker", ALARM_RULE_GRANT_OVER);
    if (grant_count_standing(j->req->core, g) < g->needed)
        return wrong(j, "approvals", ALARM_RULE_GRANT_OVER);
    if (g->recipient[0] != '\0' &&
        share_recipient(j->req->core, view_str(g->recipient), &to) != HUFU_OK)
        return wrong(j, "recipient", ALARM_RULE_GRANT_OVER);
    if (g->recipient[0] != '\0' && is_older_than(g, to.cert_ms))
        return wrong(j, "certificate", ALARM_RULE_GRANT_OVER);
    return HUFU_OK;
}

enum hufu_err grant_words(struct request *req, const struct grant *g, const char *why,
                          struct view *out)
{
    uint8_t *mem = request_take(req, WHY_MAX);
    char id[ID_TEXT_LEN + 1];
    struct buf text;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    buf_fixed(&text, mem, WHY_MAX);
    if (g != NULL) {
        id_print(g->id, id);
        buf_str(&text, "grant=");
        buf_str(&text, id);
    }
    buf_str(&text, g != NULL ? " why=" : "grant=");
    buf_str(&text, why);
    *out = buf_view(&text);
    return buf_check(&text) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

/* The entry of the refusal: which grant, what is wrong with it, and the tokens. */
static enum hufu_err draft_refusal(struct judged *j)
{
    struct request *req = j->req;
    size_t n = j->count < GRANT_TOKENS_MAX ? j->count : GRANT_TOKENS_MAX;
    struct entry_draft *e;
    uint8_t *ids;

    if (refuse_entry(req, HUFU_GRANT_REQUIRED) != HUFU_OK ||
        grant_words(req, j->known ? j->grant : NULL, j->why, &j->words) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    e = request_entry(req, 0);
    e->purpose = msg_text(&req->msg, MSG_PURPOSE);
    e->reason = j->words;
    if (j->token_ids != NULL) {
        ids = request_take(req, n * ENTRY_TOKEN_ID_LEN);
        if (ids == NULL)
            return HUFU_UNAVAILABLE;
        memcpy(ids, j->token_ids, n * ENTRY_TOKEN_ID_LEN);
        e->token_ids = ids;
        e->token_id_count = n;
    }
    return HUFU_OK;
}

static bool needs_grant(const struct request *req)
{
    const struct domain *d = req->domain;

    for (size_t i = 0; i < d->purpose_count; i++)
        if (view_is(msg_text(&req->msg, MSG_PURPOSE), d->purpose[i]))
            return d->approvals[i] > 0;
    return true; /* what the domain does not name is not free */
}

static enum hufu_err judge(struct judged *j)
{
    enum hufu_err err;

    if (!msg_has(&j->req->msg, MSG_GRANT))
        return wrong(j, "none", ALARM_RULE_NONE);
    err = find(j);
    if (err == HUFU_OK)
        err = check_scope(j);
    if (err == HUFU_OK)
        err = check_state(j);
    if (err == HUFU_OK)
        err = check_amount(j);
    return err == HUFU_OK ? check_others(j) : err;
}

static enum hufu_err judge_or_refuse(struct request *req, const uint8_t *token_ids, size_t count,
                                     struct grant_use *out)
{
    struct grant_use use = { .used = true };
    struct judged j = { .req = req, .token_ids = token_ids, .count = count, .grant = &use.grant };
    enum hufu_err err = judge(&j);

    if (err == HUFU_OK) {
        *out = use;
        return HUFU_OK;
    }
    if (err != HUFU_GRANT_REQUIRED || draft_refusal(&j) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    if (j.alarm != ALARM_RULE_NONE)
        alarm_note_why(req, j.alarm, j.words);
    return HUFU_GRANT_REQUIRED;
}

enum hufu_err grant_judge(struct worker *w, struct request *req, const uint8_t *token_ids,
                          size_t count, struct grant_use *out)
{
    (void)w;
    if (msg_has(&req->msg, MSG_GRANT) || needs_grant(req))
        return judge_or_refuse(req, token_ids, count, out);
    out->used = false;
    return HUFU_OK;
}

static enum hufu_err name_use(struct request *req, struct store_op *op, const struct grant *g,
                              uint64_t n)
{
    uint8_t *mem = request_take(req, WHY_MAX);
    char id[ID_TEXT_LEN + 1];
    struct buf text;

    if (mem == NULL)
        return HUFU_UNAVAILABLE;
    id_print(g->id, id);
    buf_fixed(&text, mem, WHY_MAX);
    buf_str(&text, "grant=");
    buf_str(&text, id);
    buf_str(&text, " count=");
    buf_dec(&text, n);
    op->entry->verb = "grant-use";
    op->entry->purpose = buf_view(&text);
    op->entry->reason = msg_text(&req->msg, MSG_REASON);
    return buf_check(&text) == HUFU_OK ? HUFU_OK : HUFU_UNAVAILABLE;
}

enum hufu_err grant_spend(struct worker *w, struct request *req, const struct grant_use *use,
                          uint64_t n)
{
    struct store_op *op;
    struct grant g;

    if (!use->used || n == 0)
        return HUFU_OK;
    g = use->grant;
    if (n > g.remaining || request_ops_more(req, 1, ROWS_PRE, ROWS_WRITES) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    op = &req->op[req->draft.op_count - 1];
    g.remaining -= n;
    if (g.remaining == 0)
        g.state = GRANT_USED_UP;
    op_until(op, g.expires_ms);
    if (grant_expect_approvers(req, op, &g, g.needed) != HUFU_OK ||
        name_use(req, op, &g, n) != HUFU_OK)
        return HUFU_UNAVAILABLE;
    return grant_write(w, req, op, &g);
}
