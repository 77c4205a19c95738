/* Refusals: which get an entry, what is told of a limit, and what the answer says. */
#include "vault/alarm.h"
#include "vault/handle.h"
#include "vault/row.h"

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

/* A limit was passed: which, and in which domain, though no handler has looked this time. */
static void note_limit(struct worker *w, struct request *req)
{
    struct msg_where where;

    if (req->domain == NULL && msg_has(&req->msg, MSG_DOMAIN) &&
        domain_for(w, req, &where) != HUFU_OK)
        req->domain = NULL;
    alarm_note(req, alarm_of_limit(req->limit));
}

void refuse_answer(struct worker *w, struct request *req, enum hufu_err err, struct msg_where where)
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
    if (err == HUFU_RATE_LIMITED)
        note_limit(w, req);
    /* A refusal that writes (a failed code, a guess) or alarms is never left to counting. */
    if (!refusals_note(core->refusals, name, req->msg.addr, err, core_boot(core)) &&
        !writes_more_than_itself(req) && alarm_judge(req) == 0) {
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
    alarm_hand_in(w, req);
}

void refuse_print(struct json *j, enum hufu_err err)
{
    json_name(j, "error");
    json_open(j);
    json_put_str(j, "code", err_code(err));
    json_put_str(j, "title", err_title(err));
    json_close(j);
}
