/*
 * load_pace.c - open-loop load: requests become due at a steady rate, whether or not answers come.
 * One that has to wait for a free connection is late from the moment it was due, so that a stall
 * counts for every request that fell into it.
 */
#include "tests/bench/load.h"

void load_pace_init(struct load_pace *p)
{
    *p = (struct load_pace){ .step_ns = UINT64_MAX, .due_ns = UINT64_MAX };
    p->tail = &p->head;
}

void load_pace_start(struct load_pace *p, double rate, uint64_t now_ns)
{
    p->step_ns = rate > 0 ? (uint64_t)(1e9 / rate) : 0;
    p->due_ns = now_ns;
}

bool load_pace_take(struct load_pace *p, uint64_t now_ns, uint64_t *due_out)
{
    if (p->step_ns == 0) {
        *due_out = now_ns;
        return true;
    }
    if (p->due_ns > now_ns)
        return false;
    *due_out = p->due_ns;
    p->due_ns += p->step_ns;
    return true;
}

void load_pace_put(struct load_pace *p, struct load_conn *c)
{
    if (c->in_line)
        return;
    c->in_line = true;
    c->next = NULL;
    *p->tail = c;
    p->tail = &c->next;
}

struct load_conn *load_pace_get(struct load_pace *p)
{
    struct load_conn *c = p->head;

    if (!c)
        return NULL;
    p->head = c->next;
    if (!p->head)
        p->tail = &p->head;
    c->in_line = false;
    return c;
}
