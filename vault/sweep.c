/* What becomes due by itself: counted refusals, dead sessions, ceremonies past their time; rows are
 * in sweep_rows.c, alarms about fill in fill_alarm.c. All are operations like anyone's. */
#include "vault/handle.h"

#include <stdlib.h>

#include "vault/base/secret.h"
#include "vault/ceremony.h"
#include "vault/fill.h"
#include "vault/row.h"

struct sweep { /* one operation on its way; freed when it is settled */
    struct request req;
    char principal[TEXT_NAME_MAX + 1];
    uint8_t text_mem[64];
};

static void settled(struct store_draft *draft)
{
    struct sweep *s = draft->arg;

    arena_done(&s->req.work);
    free(s);
}

static struct sweep *begin(struct core *core, const char *verb)
{
    struct sweep *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->req.core = core;
    arena_init(&s->req.in, core->pool);
    arena_init(&s->req.work, core->pool);
    if (request_ops(&s->req, 1, 2, 2, 0) != HUFU_OK) {
        arena_done(&s->req.work);
        free(s);
        return NULL;
    }
    request_entry(&s->req, 0)->verb = verb;
    s->req.draft.done = settled;
    s->req.draft.arg = s;
    return s;
}

static void drop(struct sweep *s)
{
    arena_done(&s->req.work);
    free(s);
}

static bool submit(struct core *core, struct sweep *s)
{
    if (store_submit(core->store, &s->req.draft) == HUFU_OK)
        return true;
    drop(s);
    return false;
}

/* "refusals": how many of one code, from one network or principal, had no entry of their own. */
static bool sweep_refusals(struct core *core)
{
    struct entry_draft *e;
    struct refusal window;
    struct sweep *s;
    struct buf text;

    if (!refusals_take(core->refusals, core_boot(core), &window))
        return false;
    s = begin(core, "refusals");
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
    return submit(core, s);
}

static bool sweep_sessions(struct core *core)
{
    struct session session;

    for (size_t i = 0; directory_session_at(core->dir, i, &session) == HUFU_OK; i++) {
        const struct user *user = directory_user_id(core->dir, session.user_id);
        struct sweep *s;
        struct view key;

        if (!session_is_over(core, &session))
            continue;
        s = begin(core, "session-end");
        if (s == NULL)
            return false;
        key = row_plain_key(&s->req, TABLE_SESSION, view_of(session.hash, sizeof(session.hash)));
        if (key.p == NULL) {
            drop(s);
            return false;
        }
        if (user != NULL)
            request_entry(&s->req, 0)->principal = view_str(user->name);
        op_expect(&s->req.op[0], key, row_seen(session.seq));
        op_write(&s->req.op[0], key, NULL, 0);
        return submit(core, s);
    }
    return false;
}

static bool sweep_ceremonies(struct worker *w)
{
    struct core *core = w->core;
    struct ceremony c;

    for (size_t i = 0; directory_ceremony_at(core->dir, i, &c) == HUFU_OK; i++) {
        struct sweep *s;

        if (c.state != CEREMONY_PROPOSED || core_now(core) < c.expires_ms)
            continue;
        s = begin(core, "ceremony-expire");
        if (s == NULL)
            return false;
        c.state = CEREMONY_EXPIRED;
        c.changed_ms = core_now(core);
        request_entry(&s->req, 0)->purpose = view_str(ceremony_kind_find(view_str(c.kind))->name);
        if (ceremony_row_write(w, &s->req, &s->req.op[0], &c) != HUFU_OK) {
            drop(s);
            return false;
        }
        return submit(core, s);
    }
    return false;
}

bool sweeper_step(struct worker *w)
{
    bool did;

    if (atomic_load(&w->core->phase) != CORE_OPEN || !store_is_sound(w->core->store))
        return false;
    did = sweep_refusals(w->core) || sweep_sessions(w->core) || sweep_ceremonies(w);
    did = fill_step(w) || did;
    return sweep_rows(w) || did; /* neither waits for the other */
}
