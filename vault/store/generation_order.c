#include "vault/store/generation_order.h"

#include <stdlib.h>
#include <string.h>

#include "vault/store/generation.h"
#include "vault/store/generation_sort.h"

#define TIER_RUNS  7  /* runs of one tier; one more makes them one */
#define TIER_FIRST 64 /* keys; each next tier has eight times as many */

bool generation_order_init(struct generation_order *o)
{
    return pthread_mutex_init(&o->mu, NULL) == 0;
}

void generation_order_done(struct generation_order *o)
{
    for (size_t i = 0; i < GENERATION_TABLES; i++)
        while (o->stack[i].runs > 0)
            free(o->stack[i].run[--o->stack[i].runs]);
    free(o->all);
    pthread_mutex_destroy(&o->mu);
}

/* Keys are of one table mostly in long stretches; those of the empty key count as table 0. */
static struct generation_stack *stack_of(struct generation_order *o, struct view key)
{
    return &o->stack[key.len > 0 ? key.p[0] % GENERATION_TABLES : 0];
}

void generation_order_add(struct generation_order *o, struct generation_row *row)
{
    struct generation_stack *s = stack_of(o, generation_key(row));

    generation_lead(row, atomic_load_explicit(&s->top, memory_order_relaxed));
    atomic_store_explicit(&s->top, row, memory_order_release);
}

static size_t run_bytes(size_t count)
{
    return sizeof(struct generation_run) + count * sizeof(struct generation_row *);
}

static struct generation_run *run_new(struct generation *g, size_t count)
{
    struct generation_run *run = malloc(run_bytes(count));

    if (!run)
        return NULL;
    *run = (struct generation_run){ .refs = 1, .count = count };
    atomic_fetch_add_explicit(&g->used, run_bytes(count), memory_order_relaxed);
    return run;
}

static void run_drop(struct generation *g, struct generation_run *run)
{
    if (!run || --run->refs > 0)
        return;
    atomic_fetch_sub_explicit(&g->used, run_bytes(run->count), memory_order_relaxed);
    free(run);
}

/* Entries are there for a moment only; they count while they are. */
static struct generation_entry *entries_new(struct generation *g, size_t count)
{
    struct generation_entry *e = malloc((count > 0 ? count : 1) * sizeof(*e));

    if (e)
        atomic_fetch_add_explicit(&g->used, count * sizeof(*e), memory_order_relaxed);
    return e;
}

static void entries_free(struct generation *g, struct generation_entry *e, size_t count)
{
    if (e)
        atomic_fetch_sub_explicit(&g->used, count * sizeof(*e), memory_order_relaxed);
    free(e);
}

/* The entries' rows in their order; NULL without memory. */
static struct generation_run *run_make(struct generation *g, struct generation_entry *e,
                                       size_t count)
{
    struct generation_run *run = run_new(g, count);

    for (size_t i = 0; run && i < count; i++)
        run->row[i] = e[i].row;
    return run;
}

/* ---- the scans' runs ---- */

static unsigned tier_of(size_t count)
{
    unsigned tier = 0;

    for (; count >= TIER_FIRST; count /= 8)
        tier++;
    return tier;
}

/* How many runs stay when `fresh` keys come; *count_out: keys of the run they and the others make.
 */
static size_t runs_kept(const struct generation_stack *s, size_t fresh, size_t *count_out)
{
    size_t kept = s->runs, count = fresh;

    for (;;) {
        size_t at = kept, sum = count;

        while (at > 0 && tier_of(s->run[at - 1]->count) <= tier_of(count))
            sum += s->run[--at]->count;
        if (kept - at < TIER_RUNS && kept < GENERATION_RUNS)
            break;
        if (kept - at < TIER_RUNS) /* no room for one more: all become one */
            while (at > 0)
                sum += s->run[--at]->count;
        kept = at;
        count = sum;
    }
    *count_out = count;
    return kept;
}

/* All rows of the runs from `kept` on, then those from top down to what is sorted. */
static void entries_fill(struct generation_entry *e, const struct generation_stack *s, size_t kept,
                         struct generation_row *top)
{
    for (size_t i = kept; i < s->runs; i++)
        for (size_t j = 0; j < s->run[i]->count; j++)
            (e++)->row = (struct generation_row *)(uintptr_t)s->run[i]->row[j];
    for (; top != s->sorted; top = generation_after(top))
        (e++)->row = top;
}

/* Sorts what is new on the stack. HUFU_NOMEM: nothing changed. */
static enum hufu_err stack_sort(struct generation *g, struct generation_stack *s)
{
    struct generation_row *top = atomic_load_explicit(&s->top, memory_order_acquire);
    struct generation_entry *e;
    struct generation_run *run;
    size_t fresh = 0, count, kept;

    for (const struct generation_row *row = top; row != s->sorted; row = generation_after(row))
        fresh++;
    if (fresh == 0)
        return HUFU_OK;
    kept = runs_kept(s, fresh, &count);
    e = entries_new(g, count);
    if (!e)
        return HUFU_NOMEM;
    entries_fill(e, s, kept, top);
    generation_sort(e, count);
    run = run_make(g, e, count);
    entries_free(g, e, count);
    if (!run)
        return HUFU_NOMEM;
    while (s->runs > kept)
        run_drop(g, s->run[--s->runs]);
    s->run[s->runs++] = run;
    s->sorted = top;
    return HUFU_OK;
}

/* ---- the flush's thread ---- */

struct newest { /* of every key; either as entries or as a list */
    struct generation_entry *e;
    size_t count;
    struct generation_row *list;
};

static void newest_entry(void *arg, struct generation_row *row)
{
    struct newest *n = arg;

    n->e[n->count++].row = row;
}

static void newest_list(void *arg, struct generation_row *row)
{
    struct newest *n = arg;

    generation_lead(row, n->list);
    n->list = row;
}

/* Threads the newest row of every key; the stacks' links are gone then, and their runs. */
static void order_thread(struct generation *g)
{
    struct generation_order *o = &g->order;
    struct newest n = { .e = entries_new(g, g->table.keys) };

    for (size_t i = 0; i < GENERATION_TABLES; i++)
        while (o->stack[i].runs > 0)
            run_drop(g, o->stack[i].run[--o->stack[i].runs]);
    if (n.e) {
        generation_table_each(&g->table, newest_entry, &n);
        generation_sort(n.e, n.count);
        for (size_t i = n.count; i-- > 0; n.list = n.e[i].row)
            generation_lead(n.e[i].row, n.list);
        o->all = run_make(g, n.e, n.count);
        entries_free(g, n.e, n.count);
    } else {
        generation_table_each(&g->table, newest_list, &n);
        n.list = generation_sort_list(n.list);
    }
    o->first = n.list;
    o->threaded = true;
}

/* The thread's rows as a run, where there was no memory for it or none has asked yet. */
static enum hufu_err all_make(struct generation *g)
{
    struct generation_order *o = &g->order;
    const struct generation_row *row = o->first;

    if (o->all)
        return HUFU_OK;
    o->all = run_new(g, g->table.keys);
    if (!o->all)
        return HUFU_NOMEM;
    for (size_t i = 0; row; row = generation_after(row))
        o->all->row[i++] = row;
    return HUFU_OK;
}

static const struct generation_row *below(const struct generation_row *row, uint64_t limit)
{
    while (row && row->seq >= limit)
        row = generation_older(row);
    return row;
}

const struct generation_row *generation_seek(struct generation *g, struct view key, uint64_t limit)
{
    const struct generation_row *row;

    pthread_mutex_lock(&g->order.mu);
    if (!g->order.threaded)
        order_thread(g);
    row = g->order.first;
    pthread_mutex_unlock(&g->order.mu);
    while (row && key.len > 0 && generation_compare(generation_key(row), key) < 0)
        row = generation_after(row);
    return row && !below(row, limit) ? generation_next(row, limit) : below(row, limit);
}

const struct generation_row *generation_next(const struct generation_row *row, uint64_t limit)
{
    for (row = generation_after(row); row; row = generation_after(row))
        if (below(row, limit))
            return below(row, limit);
    return NULL;
}

/* ---- a scan's walk ---- */

static const struct generation_row *head_row(const struct generation_head *h)
{
    return h->run->row[h->at];
}

/* The place of the run's first key >= start. */
static size_t run_seek(const struct generation_run *run, struct view start)
{
    size_t from = 0, to = run->count;

    while (from < to) {
        size_t mid = from + (to - from) / 2;

        if (generation_compare(generation_key(run->row[mid]), start) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static void walk_add(struct generation_walk *w, struct generation_run *run)
{
    run->refs++;
    w->head[w->runs++] = (struct generation_head){ run, 0 };
}

/* The runs that have keys of the prefix, kept. */
static enum hufu_err walk_take(struct generation *g, struct generation_walk *w)
{
    struct generation_order *o = &g->order;
    struct generation_stack *from = o->stack, *end = o->stack + GENERATION_TABLES;
    enum hufu_err err = HUFU_OK;
    size_t runs = 1;

    if (w->prefix.len > 0) {
        from = stack_of(o, w->prefix);
        end = from + 1;
    }
    if (o->threaded)
        err = all_make(g);
    for (struct generation_stack *s = from; s < end && !o->threaded && err == HUFU_OK; s++) {
        err = stack_sort(g, s);
        runs += s->runs;
    }
    if (err != HUFU_OK)
        return err;
    w->head = malloc(runs * sizeof(*w->head));
    if (!w->head)
        return HUFU_NOMEM;
    if (o->threaded)
        walk_add(w, o->all);
    for (struct generation_stack *s = from; s < end && !o->threaded; s++)
        for (size_t i = 0; i < s->runs; i++)
            walk_add(w, s->run[i]);
    return HUFU_OK;
}

/* A head that is at its run's end goes behind those that are not. */
static void head_check(struct generation_walk *w, size_t i)
{
    struct generation_head h = w->head[i];

    if (h.at < h.run->count)
        return;
    w->head[i] = w->head[--w->heads];
    w->head[w->heads] = h;
}

enum hufu_err generation_walk_begin(struct generation *g, struct view prefix, struct view start,
                                    uint64_t limit, struct generation_walk *w)
{
    struct generation_walk got = { .g = g, .prefix = prefix, .limit = limit };
    enum hufu_err err;

    pthread_mutex_lock(&g->order.mu);
    err = walk_take(g, &got);
    pthread_mutex_unlock(&g->order.mu);
    if (err != HUFU_OK) {
        *w = (struct generation_walk){ 0 };
        return err;
    }
    if (generation_compare(start, prefix) < 0)
        start = prefix;
    got.heads = got.runs;
    for (size_t i = got.heads; i-- > 0;) {
        got.head[i].at = run_seek(got.head[i].run, start);
        head_check(&got, i);
    }
    *w = got;
    return HUFU_OK;
}

const struct generation_row *generation_walk_next(struct generation_walk *w)
{
    while (w->heads > 0) {
        const struct generation_row *row;
        struct view key;
        size_t best = 0;

        for (size_t i = 1; i < w->heads; i++)
            if (generation_compare(generation_key(head_row(&w->head[i])),
                                   generation_key(head_row(&w->head[best]))) < 0)
                best = i;
        key = generation_key(head_row(&w->head[best]));
        if (key.len < w->prefix.len || !view_equal(view_of(key.p, w->prefix.len), w->prefix))
            break; /* the keys that do came first */
        w->head[best].at++;
        head_check(w, best);
        row = generation_find(w->g, key, w->limit);
        if (row)
            return row;
    }
    return NULL;
}

void generation_walk_end(struct generation_walk *w)
{
    if (!w->g)
        return;
    pthread_mutex_lock(&w->g->order.mu);
    for (size_t i = 0; i < w->runs; i++)
        run_drop(w->g, w->head[i].run);
    pthread_mutex_unlock(&w->g->order.mu);
    free(w->head);
    *w = (struct generation_walk){ 0 };
}
