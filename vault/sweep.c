/* What becomes due by itself: counted refusals, dead sessions, ceremonies past their time; rows are
 * in sweep_rows.c, people in sweep_people.c, alarms about fill in fill_alarm.c. All are operations
 * like anyone's. */
#include "vault/handle.h"

#include "vault/alarm.h"
#include "vault/base/secret.h"
#include "vault/ceremony.h"
#include "vault/fill.h"
#include "vault/grant_life.h"
#include "vault/row.h"
#include "vault/sweep_op.h"
#include "vault/sweep_people.h"

/* "refusals": how many of one code, from one network or principal, had no entry of their own. */
static bool sweep_refusals(struct worker *w)
{
    struct core *core = w->core;
    struct entry_draft *e;
    struct refusal window;
    struct sweep_op *s;
    struct buf text;

    if (!refusals_take(core->refusals, core_boot(core), &window))
        return false;
    s = sweep_op_begin(core, "refusals");
    if (s == NULL)
        return false;
    e = request_entry(&s->req, 0);
    e->result = err_code(window.code);
    for (size_t i = 0; i < sizeof(s->principal); i++)
        s->principal[i] = window.principal[i];
    e->principal = view_str(s->principal);
    if (window.principal[0] == '\0')
        e->source = entry_source(window.addr, s->req.source);
    buf_fixed(&text, s->text_mem, sizeof(s->text_mem));
    buf_str(&text, "count=");
    buf_dec(&text, window.count);
    e->reason = buf_view(&text);
    if (alarm_of_refusals(w, &s->req, &window) != HUFU_OK) {
        sweep_op_drop(s);
        return false;
    }
    return sweep_op_submit(core, s);
}

/* Over, or begun before what its person had open was ended. */
static bool is_dead(const struct core *core, const struct session *s, const struct user *user)
{
    return user == NULL || s->created_ms < user->sessions_from_ms || session_is_over(core, s);
}

static bool sweep_sessions(struct core *core)
{
    struct session session;

    for (size_t i = 0; directory_session_at(core->dir, i, &session) == HUFU_OK; i++) {
        const struct user *user = directory_user_id(core->dir, session.user_id);
        struct sweep_op *s;
        struct view key;

        if (!is_dead(core, &session, user))
            continue;
        s = sweep_op_begin(core, "session-end");
        if (s == NULL)
            return false;
        key = row_plain_key(&s->req, TABLE_SESSION, view_of(session.hash, sizeof(session.hash)));
        if (key.p == NULL) {
            sweep_op_drop(s);
            return false;
        }
        if (user != NULL)
            request_entry(&s->req, 0)->principal = view_str(user->name);
        op_expect(&s->req.op[0], key, row_seen(session.seq));
        op_write(&s->req.op[0], key, NULL, 0);
        return sweep_op_submit(core, s);
    }
    return false;
}

static bool sweep_ceremonies(struct worker *w)
{
    struct core *core = w->core;
    struct ceremony c;

    for (size_t i = 0; directory_ceremony_at(core->dir, i, &c) == HUFU_OK; i++) {
        struct sweep_op *s;

        if (c.state != CEREMONY_PROPOSED || core_now(core) < c.expires_ms)
            continue;
        s = sweep_op_begin(core, "ceremony-expire");
        if (s == NULL)
            return false;
        c.state = CEREMONY_EXPIRED;
        c.changed_ms = core_now(core);
        request_entry(&s->req, 0)->purpose = view_str(ceremony_kind_find(view_str(c.kind))->name);
        if (ceremony_row_write(w, &s->req, &s->req.op[0], &c) != HUFU_OK) {
            sweep_op_drop(s);
            return false;
        }
        return sweep_op_submit(core, s);
    }
    return false;
}

bool sweeper_step(struct worker *w)
{
    bool did;

    if (atomic_load(&w->core->phase) != CORE_OPEN || !store_is_sound(w->core->store))
        return false;
    did = sweep_refusals(w) || sweep_sessions(w->core) || sweep_ceremonies(w);
    did = grant_sweep(w) || did;
    did = sweep_people(w) || did;
    did = fill_step(w) || did;
    return sweep_rows(w) || did; /* neither waits for the other */
}
