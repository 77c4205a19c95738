/* An alarm once it is durable: counted, told in the service's journal, and the courier is woken. */
#include "vault/alarm_desk.h"

#include <string.h>

#include "vault/base/log.h"
#include "vault/handle.h"

enum hufu_err alarm_of_refusals(struct worker *w, struct request *req, const struct refusal *window)
{
    struct view name = view_str(window->principal);

    if (window->all < conf_u64(w->core->conf, CONF_ALARM_REFUSALS))
        return HUFU_OK;
    memcpy(req->msg.addr, window->addr, sizeof(req->msg.addr));
    req->reply.err = window->code;
    if (name.len > 0)
        req->who.user = directory_user(w->core->dir, name);
    if (name.len > 0 && req->who.user == NULL)
        req->who.partner = directory_partner(w->core->dir, name);
    alarm_note(req, ALARM_RULE_REFUSALS);
    return alarm_attach(w, req);
}

void alarm_hand_in(struct worker *w, struct request *req)
{
    if (alarm_attach(w, req) == HUFU_OK)
        request_commit(req);
    else
        request_answer(req, HUFU_UNAVAILABLE, MSG_WHERE_NONE);
}

/* One line of the service's journal, whatever else there is. */
static void tell(const struct request *req, const struct alarm_row *row)
{
    char id[ID_TEXT_LEN + 1];

    id_print(row->id, id);
    log_event(LOG_WARN, "alarm", "id", LOG_STR(id), "rule", LOG_STR(row->rule), "grade",
              LOG_STR(alarm_grade_name(row->grade)), "principal",
              LOG_STR(row->principal[0] == '\0' ? "-" : row->principal), "domain",
              LOG_STR(row->domain[0] == '\0' ? "-" : row->domain), "suspended",
              LOG_STR(row->suspended), "request_id",
              LOG_STR(row->request_id[0] == '\0' ? "-" : row->request_id), "address",
              LOG_ADDR(req->msg.addr), NULL);
}

static void count(struct alarms *a, const struct request *req, const struct noted_alarm *n,
                  const struct alarm_row *row)
{
    uint64_t now = core_now(req->core);

    atomic_fetch_add(&a->raised[n->rule], 1);
    if (strcmp(row->suspended, "yes") == 0)
        atomic_fetch_add(&a->suspended, 1);
    if (row->is_lost)
        atomic_fetch_add(&a->not_spooled, 1);
    if (!a->has_sink)
        alarm_took(a, now > row->raised_ms ? now - row->raised_ms : 0);
    else if (!row->is_lost)
        atomic_store(&a->fresh, true);
}

void alarm_settle(struct request *req, bool committed)
{
    struct alarms *a = req->core->alarms;
    size_t at = 0;

    if (req->alarm_held)
        alarm_days_end(a, req, committed && req->raised_count > 0);
    req->alarm_held = false;
    for (size_t i = 0; committed && i < req->alarm_count && at < req->raised_count; i++) {
        if (!req->alarm[i].is_due)
            continue;
        count(a, req, &req->alarm[i], &req->raised[at]);
        tell(req, &req->raised[at]);
        at++;
    }
    req->raised_count = 0;
}
