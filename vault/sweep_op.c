#include "vault/sweep_op.h"

#include <stdlib.h>

#include "vault/alarm.h"

#define PRE_MAX   2 /* and those that request_ops makes room for: there is no caller */
#define WRITE_MAX 2

static void settled(struct store_draft *draft)
{
    struct sweep_op *s = draft->arg;

    alarm_settle(&s->req, draft->err == HUFU_OK);
    arena_done(&s->req.work);
    free(s);
}

struct sweep_op *sweep_op_begin(struct core *core, const char *verb)
{
    struct sweep_op *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->req.core = core;
    arena_init(&s->req.in, core->pool);
    arena_init(&s->req.work, core->pool);
    if (request_ops(&s->req, 1, PRE_MAX, WRITE_MAX, 0) != HUFU_OK) {
        arena_done(&s->req.work);
        free(s);
        return NULL;
    }
    request_entry(&s->req, 0)->verb = verb;
    s->req.draft.done = settled;
    s->req.draft.arg = s;
    return s;
}

void sweep_op_drop(struct sweep_op *s)
{
    alarm_settle(&s->req, false);
    arena_done(&s->req.work);
    free(s);
}

bool sweep_op_submit(struct core *core, struct sweep_op *s)
{
    if (store_submit(core->store, &s->req.draft) == HUFU_OK)
        return true;
    sweep_op_drop(s);
    return false;
}
